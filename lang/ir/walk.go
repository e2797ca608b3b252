package ir

// Children gives the operands of an expression in the order they are written.
func Children(x Expr) []Expr {
	switch x := x.(type) {
	case *Field:
		return []Expr{x.X}
	case *Index:
		return []Expr{x.X, x.I}
	case *TableGet:
		return x.Keys
	case *Call:
		return x.Args
	case *Let:
		return []Expr{x.Value, x.Body}
	case *Neg:
		return []Expr{x.X}
	case *Not:
		return []Expr{x.X}
	case *Arith:
		return []Expr{x.X, x.Y}
	case *Compare:
		return []Expr{x.X, x.Y}
	case *And:
		return []Expr{x.X, x.Y}
	case *Or:
		return []Expr{x.X, x.Y}
	case *In:
		return []Expr{x.X, x.List}
	case *Matches:
		return []Expr{x.X}
	case *Is:
		return []Expr{x.X}
	case *Cast:
		return []Expr{x.X}
	case *Coalesce:
		return []Expr{x.X, x.Y}
	case *Catch:
		return []Expr{x.X, x.Y}
	case *If:
		return []Expr{x.Cond, x.Then, x.Else}
	case *Match:
		var out []Expr
		if x.Subject != nil {
			out = append(out, x.Subject)
		}
		for _, a := range x.Arms {
			if a.Cond != nil {
				out = append(out, a.Cond)
			}
			out = append(out, a.X)
		}
		return out
	case *List:
		out := make([]Expr, len(x.Items))
		for i, it := range x.Items {
			out[i] = it.X
		}
		return out
	case *ListFor:
		return append(x.For.children(), x.X)
	case *Object:
		var out []Expr
		for _, e := range x.Entries {
			if e.KeyX != nil {
				out = append(out, e.KeyX)
			}
			out = append(out, e.X)
		}
		return out
	case *ObjectFor:
		return append(x.For.children(), x.Key, x.X)
	case *Text:
		return x.Exprs
	}
	return nil
}

func (f *For) children() []Expr {
	if f.Cond != nil {
		return []Expr{f.In, f.Cond}
	}
	return []Expr{f.In}
}

// Walk visits an expression and everything below it; visit says whether to go deeper.
func Walk(x Expr, visit func(Expr) bool) {
	if x == nil || !visit(x) {
		return
	}
	for _, c := range Children(x) {
		Walk(c, visit)
	}
}
