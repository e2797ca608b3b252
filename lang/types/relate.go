package types

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/value"
)

// Equal tells whether two types are written alike but for names, the order of
// fields and members, and what an open enum remembers.
func Equal(a, b *Type) bool {
	if a == b {
		return true
	}
	if ra, ok := rowOf(a); ok {
		rb, ok := rowOf(b)
		return ok && equalRows(ra, rb)
	}
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case Any:
		return a.NotNull == b.NotNull
	case Literal:
		return value.Equal(a.Lit, b.Lit)
	case List:
		return Equal(a.Elem, b.Elem)
	case Opaque:
		return a.Name == b.Name
	case Union:
		return len(a.Members) == len(b.Members) && !slices.ContainsFunc(a.Members, func(m *Type) bool {
			return !slices.ContainsFunc(b.Members, func(n *Type) bool { return Equal(m, n) })
		})
	}
	return true
}

func equalRows(a, b *Type) bool {
	if a.Open != b.Open || len(a.Fields) != len(b.Fields) || (a.Rest == nil) != (b.Rest == nil) {
		return false
	}
	if a.Rest != nil && !Equal(a.Rest, b.Rest) {
		return false
	}
	for i := range a.Fields {
		f := &a.Fields[i]
		g, ok := b.Field(f.Name)
		if !ok || f.Optional != g.Optional || f.HasDef != g.HasDef || !Equal(f.Type, g.Type) {
			return false
		}
		if f.HasDef && !value.Equal(f.Default, g.Default) {
			return false
		}
	}
	return true
}

// rowOf sees objects and maps alike: {string: T} is { ...: T }.
func rowOf(t *Type) (*Type, bool) {
	switch t.Kind {
	case Object:
		return t, true
	case Map:
		return &Type{Kind: Object, Name: t.Name, Rest: t.Elem}, true
	}
	return nil, false
}

// Assignable tells whether every value of from is one of to. `any` is a cast
// away from T, and T? is not T.
func Assignable(from, to *Type) bool {
	if from == to || from.Kind == Never {
		return true
	}
	if to.Kind == Any {
		return !to.NotNull || !MayBeNull(from)
	}
	if from.Kind == Union {
		return !slices.ContainsFunc(from.Members, func(m *Type) bool { return !Assignable(m, to) })
	}
	if to.Kind == Union {
		return slices.ContainsFunc(to.Members, func(m *Type) bool { return Assignable(from, m) })
	}
	if rf, ok := rowOf(from); ok {
		rt, ok := rowOf(to)
		return ok && assignableRows(rf, rt)
	}
	switch from.Kind {
	case Any:
		return false
	case Literal:
		if to.Kind == Literal {
			return value.Equal(from.Lit, to.Lit)
		}
		return Assignable(base(from.Lit), to)
	case Int:
		return to.Kind == Int || to.Kind == Number
	case List:
		return to.Kind == List && Assignable(from.Elem, to.Elem)
	case Opaque:
		return to.Kind == Opaque && from.Name == to.Name
	}
	return from.Kind == to.Kind
}

// assignableRows: what to declares must be there with a type that fits, and what
// from may hold beyond that must be allowed.
func assignableRows(from, to *Type) bool {
	others := func(t *Type) bool { return to.Open || to.Rest != nil && Assignable(t, to.Rest) }
	for i := range to.Fields {
		want := &to.Fields[i]
		have, ok := from.Field(want.Name)
		switch {
		case ok:
			if have.mayMiss() && !want.mayMiss() || !Assignable(have.Type, want.Type) {
				return false
			}
		case !want.mayMiss():
			return false
		// The field may be among those that from does not declare.
		case from.Open && !Assignable(AnyT, want.Type), from.Rest != nil && !Assignable(from.Rest, want.Type):
			return false
		}
	}
	for i := range from.Fields {
		f := &from.Fields[i]
		if _, ok := to.Field(f.Name); !ok && !others(f.Type) {
			return false
		}
	}
	return (!from.Open || others(AnyT)) && (from.Rest == nil || others(from.Rest))
}

// Disjoint tells whether it is certain that no value is of both types, so that
// `==` between them is never true. Two kinds of list always share [].
func Disjoint(a, b *Type) bool {
	if a.Kind == Never || b.Kind == Never {
		return true
	}
	if a.Kind == Union {
		return !slices.ContainsFunc(a.Members, func(m *Type) bool { return !Disjoint(m, b) })
	}
	if b.Kind == Union {
		return Disjoint(b, a)
	}
	if b.Kind == Any {
		a, b = b, a
	}
	if a.Kind == Any {
		return a.NotNull && b.Kind == Null
	}
	if ra, ok := rowOf(a); ok {
		rb, ok := rowOf(b)
		return !ok || disjointRows(ra, rb) || disjointRows(rb, ra)
	}
	if b.Kind == Literal {
		a, b = b, a
	}
	if a.Kind == Literal {
		if b.Kind == Literal {
			return !value.Equal(a.Lit, b.Lit)
		}
		return !Assignable(a, b)
	}
	if a.Kind == Int || b.Kind == Int {
		return !Assignable(a, NumberT) || !Assignable(b, NumberT)
	}
	return a.Kind != b.Kind || a.Kind == Opaque && a.Name != b.Name
}

// disjointRows tells whether a has a field that b's values cannot have as such.
func disjointRows(a, b *Type) bool {
	for i := range a.Fields {
		f := &a.Fields[i]
		if f.mayMiss() {
			continue
		}
		g, ok := b.Field(f.Name)
		switch {
		case ok && Disjoint(f.Type, g.Type):
			return true
		case ok, b.Open:
		case b.Rest == nil || Disjoint(f.Type, b.Rest):
			return true
		}
	}
	return false
}
