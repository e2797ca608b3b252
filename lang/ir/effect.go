package ir

// HasEffect tells whether a stage, or one inside it, does more than look at its
// record: it remembers, reads what is remembered, emits, makes records, sets the
// key that they are kept in order by, or asks for the time of day. What stands
// above the first such stage may run anywhere, and again.
func HasEffect(s Stage) bool {
	found := false
	EachStage([]Stage{s}, func(s Stage) {
		switch s.(type) {
		case *Emit, *Split, *KeyBy:
			found = true
		}
		if Memory(s) != nil {
			found = true
		}
		for _, x := range Exprs(s) {
			Walk(x, func(x Expr) bool {
				switch x := x.(type) {
				case *TableGet:
					found = found || x.Table.State != nil
				case *Call:
					found = found || x.Func.Impure
				}
				return !found
			})
		}
	})
	return found
}
