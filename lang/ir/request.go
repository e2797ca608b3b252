package ir

// JudgesStatus tells whether `accept` looks at the status of the answer. One that does
// decides whatever the status is; one that reads only the body or the headers says
// nothing of a 404 or a 503 that has them by chance, and is asked of a 2xx alone.
func (r *Request) JudgesStatus() bool {
	found := false
	if r.Accept == nil {
		return false
	}
	Walk(r.Accept, func(x Expr) bool {
		switch x := x.(type) {
		case *Field:
			v, ok := x.X.(*Var)
			return !ok || v.Slot != r.Answer || x.Name != "body" && x.Name != "headers"
		case *Var:
			found = found || x.Slot == r.Answer
		}
		return true
	})
	return found
}
