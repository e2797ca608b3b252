package check

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// What a condition tells. assume puts into e.f what is known where x is want.
// It may leave out what it does not understand; what it puts in is so.

func (e *ex) assume(x ir.Expr, want bool) {
	switch x := x.(type) {
	case *ir.And:
		if want {
			e.assume(x.X, true)
			e.assume(x.Y, true)
			return
		}
		e.either(func() { e.assume(x.X, false) }, func() { e.assume(x.X, true); e.assume(x.Y, false) })
	case *ir.Or:
		if !want {
			e.assume(x.X, false)
			e.assume(x.Y, false)
			return
		}
		e.either(func() { e.assume(x.X, true) }, func() { e.assume(x.X, false); e.assume(x.Y, true) })
	case *ir.Not:
		e.assume(x.X, !want)
	case *ir.Compare:
		switch x.Op {
		case ir.Eq:
			e.assumeEqual(x.X, x.Y, want)
		case ir.Ne:
			e.assumeEqual(x.X, x.Y, !want)
		}
	case *ir.In:
		e.assumeIn(x, want != x.Not)
	case *ir.Is:
		yes := want != x.Not
		e.learn(x.X, types.Fact{Type: x.Of, Not: !yes})
		if yes && !types.MayBeNull(x.Of) {
			e.notNull(x.X)
		}
	case *ir.Coalesce:
		// `.flag ?? false` is true only where .flag is.
		if k, ok := x.Y.(*ir.Const); ok && k.Value == !want {
			e.notNull(x.X)
			e.assume(x.X, want)
		}
	case *ir.Current, *ir.Field, *ir.Var:
		e.learn(x, types.Fact{Type: types.Lit(want)})
	}
}

// either knows what is so in both of two cases.
func (e *ex) either(a, b func()) {
	before := e.f
	e.f = before.clone()
	a()
	fa := e.f
	e.f = before.clone()
	b()
	fb := e.f
	e.f = before
	for root := range before.known {
		e.f.known[root] = union(fa.known[root], fb.known[root])
	}
}

func (e *ex) assumeEqual(x, y ir.Expr, equal bool) {
	for range 2 {
		x, y = y, x
		k, isConst := y.(*ir.Const)
		switch {
		case isConst && k.Value == nil && !equal:
			e.notNull(x)
		case isConst && exact(k.Value):
			e.learn(x, types.Fact{Type: types.TypeOf(k.Value), Not: !equal})
		case equal && !isConst:
			e.learn(x, types.Fact{Type: types.Widen(y.Type())})
		}
		if equal && !types.MayBeNull(y.Type()) {
			e.notNull(x)
		}
	}
}

// exact tells whether the type of a constant has no other value than it.
func exact(v value.Value) bool {
	switch v.(type) {
	case nil, bool, string, value.Number:
		return true
	}
	return false
}

func (e *ex) assumeIn(x *ir.In, in bool) {
	k, isConst := x.List.(*ir.Const)
	if isConst {
		list, ok := k.Value.(value.List)
		if !ok {
			return
		}
		elem, _ := types.ElemType(types.TypeOf(list))
		if in || !slices.ContainsFunc(list, func(v value.Value) bool { return !exact(v) }) {
			e.learn(x.X, types.Fact{Type: elem, Not: !in})
			if in && !types.MayBeNull(elem) {
				e.notNull(x.X)
			}
		}
		return
	}
	if elem, ok := types.ElemType(types.NonNull(x.List.Type())); ok && in && x.List.Type() != bad {
		e.learn(x.X, types.Fact{Type: types.Widen(elem)})
		if !types.MayBeNull(elem) {
			e.notNull(x.X)
		}
	}
}

// notNull knows that x is not null, and so that nothing is that would have made
// it null.
func (e *ex) notNull(x ir.Expr) {
	if _, _, ok := e.path(x); ok {
		e.learn(x, types.Fact{Type: types.NullT, Not: true})
		return
	}
	switch x := x.(type) {
	case *ir.Call:
		if x.NullSubject {
			e.notNull(x.Args[0])
		}
	case *ir.Let:
		if x.NullSubject {
			e.notNull(x.Value)
		}
	case *ir.Cast:
		e.notNull(x.X)
	case *ir.Field:
		e.notNull(x.X)
	case *ir.Index:
		e.notNull(x.X)
	}
}

// learn applies a fact to the root that x is a path from.
func (e *ex) learn(x ir.Expr, fact types.Fact) {
	root, path, ok := e.path(x)
	if !ok || fact.Type == bad {
		return
	}
	t := e.f.known[root]
	if t == nil || t == bad {
		return
	}
	now := types.NarrowField(t, path, fact)
	e.f.known[root] = now
	if root == "@topic" && len(path) == 0 && now != t {
		e.topicKnown(now)
	}
}

// topicKnown leaves of the event what the topics that it may be from give.
func (e *ex) topicKnown(names *types.Type) {
	all := e.f.known["$"]
	if e.src == nil || all == nil || all == bad || len(e.src.topics) < 2 {
		return
	}
	var ts []*types.Type
	for _, t := range e.src.topics {
		if types.Assignable(types.Lit(t.Name), names) {
			ts = append(ts, t.Type)
		}
	}
	some := union(ts...)
	if all == e.src.t || some == bad {
		e.f.known["$"] = some
		return
	}
	e.f.known["$"] = types.Narrow(all, some)
}

// path gives the root and the fields that an expression reads.
func (e *ex) path(x ir.Expr) (root string, fields []string, ok bool) {
	switch x := x.(type) {
	case *ir.Current:
		return e.f.cur, nil, e.f.cur != ""
	case *ir.Event:
		return "$", nil, true
	case *ir.Var:
		return slotRoot(x.Slot), nil, true
	case *ir.Meta:
		return "@" + x.Name, nil, true
	case *ir.Field:
		root, fields, ok = e.path(x.X)
		return root, append(fields, x.Name), ok
	case *ir.Index:
		if k, isConst := x.I.(*ir.Const); isConst {
			if name, isText := k.Value.(string); isText {
				root, fields, ok = e.path(x.X)
				return root, append(fields, name), ok
			}
		}
	}
	return "", nil, false
}
