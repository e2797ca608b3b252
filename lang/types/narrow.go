package types

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/value"
)

// Fact is what a condition tells of a value: that it is of a type, or is not.
// `== "paid"` is {Lit("paid"), false}, `!= null` is {NullT, true}, `in [1, 2]` is
// the union of both literals. A negative fact must come from a test that is
// exact: `is T` and `==` with a constant are, `== .other` is not.
type Fact struct {
	Type *Type
	Not  bool
}

// Apply gives the type of the values of t of which the fact holds.
func (f Fact) Apply(t *Type) *Type {
	if f.Not {
		return Subtract(t, f.Type)
	}
	return Narrow(t, f.Type)
}

// Narrow gives a type that holds every value which is of t and of to. What it
// gives is within t wherever types can say so, and keeps t's names.
func Narrow(t, to *Type) *Type {
	switch {
	case Assignable(t, to):
		return t
	case t.Kind == Union:
		return each(t, func(m *Type) *Type { return Narrow(m, to) })
	case to.Kind == Union:
		return each(to, func(m *Type) *Type { return Narrow(t, m) })
	case t.Kind == Any && t.NotNull:
		return NonNull(to)
	case to.Kind == Any && to.NotNull:
		return NonNull(t)
	case t.Kind == Any, Assignable(to, t):
		return to
	case Disjoint(t, to):
		return NeverT
	case t.Kind == List && to.Kind == List:
		return ListOf(Narrow(t.Elem, to.Elem))
	}
	if rt, ok := rowOf(t); ok {
		if ro, ok := rowOf(to); ok {
			return narrowRows(rt, ro)
		}
	}
	return t
}

// each maps the members of a union; without a change it gives the union itself,
// which keeps its name.
func each(u *Type, f func(*Type) *Type) *Type {
	ms, same := make([]*Type, len(u.Members)), true
	for i, m := range u.Members {
		ms[i] = f(m)
		same = same && ms[i] == m
	}
	if same {
		return u
	}
	return UnionOf(ms...)
}

// narrowRows gives the objects that are in both: a field is there when one of
// them demands it, and of both types.
func narrowRows(a, b *Type) *Type {
	out := &Type{Kind: Object, Name: a.Name, Open: a.Open && b.Open}
	switch {
	case a.Rest != nil && b.Rest != nil:
		out.Rest = Narrow(a.Rest, b.Rest)
	case a.Rest != nil && b.Open:
		out.Rest = a.Rest
	case b.Rest != nil && a.Open:
		out.Rest = b.Rest
	}
	if out.Rest != nil && out.Rest.Kind == Never {
		out.Rest = nil
	}
	for i := range a.Fields {
		f := a.Fields[i]
		if g, ok := beyond(b, f.Name); ok {
			f.Type = Narrow(f.Type, g.Type)
			if !g.mayMiss() && f.mayMiss() {
				f.Optional = false
			}
		} else {
			f.Type = NeverT // b has no such field: it is missing
		}
		if f.Type.Kind != Never {
			out.Fields = append(out.Fields, f)
		} else if !f.mayMiss() {
			return NeverT
		}
	}
	for i := range b.Fields {
		f := b.Fields[i]
		if _, ok := a.Field(f.Name); ok {
			continue
		}
		if g, ok := beyond(a, f.Name); ok {
			f.Type = Narrow(g.Type, f.Type)
		} else {
			f.Type = NeverT
		}
		if f.Type.Kind != Never {
			out.Fields = append(out.Fields, f)
		} else if !f.mayMiss() {
			return NeverT
		}
	}
	return out
}

// beyond gives the field of a row, also one that it does not declare but may hold.
func beyond(row *Type, name string) (*Field, bool) {
	if f, ok := row.Field(name); ok {
		return f, true
	}
	switch {
	case row.Rest != nil:
		return &Field{Name: name, Type: row.Rest, Optional: true}, true
	case row.Open:
		return &Field{Name: name, Type: AnyT, Optional: true}, true
	}
	return nil, false
}

// Subtract gives a type that holds every value of t which is not of s. It is
// exact where types can say so: members of unions, literals of enums, bool,
// null. An open enum forgets the literal and stays open.
func Subtract(t, s *Type) *Type {
	switch {
	case Assignable(t, s):
		return NeverT
	case s.Kind == Union:
		for _, m := range s.Members {
			t = Subtract(t, m)
		}
		return t
	case t.Kind == Union:
		return each(t, func(m *Type) *Type { return Subtract(m, s) })
	case t.Kind == Any && s.Kind == Null:
		return SomeT
	case t.Kind == Any && s.Kind == Any:
		return NullT // s is NotNull here
	case t.Kind == Bool && s.Kind == Literal && value.KindOf(s.Lit) == value.KindBool:
		return Lit(!s.Lit.(bool))
	case s.Kind == Literal && slices.ContainsFunc(t.Known, func(k value.Value) bool { return value.Equal(k, s.Lit) }):
		c := *t
		c.Known = slices.DeleteFunc(slices.Clone(t.Known), func(k value.Value) bool { return value.Equal(k, s.Lit) })
		return &c
	}
	return t
}

// NarrowField applies a fact about the value at a path below t (`.type == "x"`,
// `.a.b != null`) to t itself. Members of a union whose field contradicts the
// fact go, and so `.type == "track"` leaves one call of many. Where the fact
// excludes null and t is any or a map, it is then known as an object that has
// the field. The path holds names of fields; an empty one is t.
func NarrowField(t *Type, path []string, f Fact) *Type {
	if len(path) == 0 {
		return f.Apply(t)
	}
	row, isRow := rowOf(t)
	switch {
	case t.Kind == Union:
		return each(t, func(m *Type) *Type { return NarrowField(m, path, f) })
	case t.Kind == Null:
		// A field of null is null, at any depth.
		if f.Apply(NullT).Kind == Never {
			return NeverT
		}
		return t
	case t.Kind == Any:
		row = &Type{Kind: Object, Rest: AnyT}
	case !isRow:
		return t // reading it fails, and so there is nothing to know
	}
	field, declared := row.Field(path[0])
	old := NullT
	switch {
	case declared:
		old = field.read()
	case row.Rest != nil:
		old = Nullable(row.Rest)
	case row.Open:
		return t
	}
	now := NarrowField(old, path[1:], f)
	switch {
	case now.Kind == Never:
		return NeverT
	case now == old, !declared && MayBeNull(now):
		return t
	}
	out := *row
	out.Fields = slices.Clone(row.Fields)
	fact := Field{Name: path[0], Type: now}
	if !declared {
		out.Fields = append(out.Fields, fact)
		return &out
	}
	if field.mayMiss() && MayBeNull(now) {
		fact.Optional = true
		if !MayBeNull(field.Type) {
			fact.Type = NonNull(now)
		}
	}
	for i := range out.Fields {
		if out.Fields[i].Name == path[0] {
			out.Fields[i] = fact
		}
	}
	return &out
}
