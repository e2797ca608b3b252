package types

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/value"
)

// UnionOf joins types: its values are those of all of them. This is what two
// branches of a program come to, so it is as short as the set of values allows:
// what another member includes is left out, `true | false` is bool.
func UnionOf(ts ...*Type) *Type { return union(ts, true) }

// Declared is `A | B | …` as it is written. Of such a union the first member
// that takes a value gives its view, so no member is left out for being within
// another; and an open enum, `"paid" | string`, is string and remembers its
// literals (Known).
func Declared(ts ...*Type) *Type { return union(ts, false) }

// Nullable is t?, that is t | null.
func Nullable(t *Type) *Type {
	if MayBeNull(t) {
		return t
	}
	u := Declared(t, NullT)
	if t.Kind == Union && t.Name != "" {
		u.Name = t.Name + "?"
	}
	return u
}

// NonNull is t without null.
func NonNull(t *Type) *Type {
	switch t.Kind {
	case Null:
		return NeverT
	case Any:
		return SomeT
	case Union:
		ms := slices.DeleteFunc(slices.Clone(t.Members), func(m *Type) bool { return m.Kind == Null })
		if len(ms) == len(t.Members) {
			return t
		}
		u := Declared(ms...)
		if n := len(t.Name); n > 0 && t.Name[n-1] == '?' && u.Kind == Union {
			u.Name = t.Name[:n-1]
		}
		return u
	}
	return t
}

// MayBeNull tells whether null is a member.
func MayBeNull(t *Type) bool {
	switch t.Kind {
	case Null:
		return true
	case Any:
		return !t.NotNull
	case Union:
		return slices.ContainsFunc(t.Members, MayBeNull)
	}
	return false
}

func union(ts []*Type, shorten bool) *Type {
	var flat []*Type
	for _, t := range ts {
		for _, m := range t.members() {
			if m.Kind != Never {
				flat = append(flat, m)
			}
		}
	}
	if len(flat) == 1 {
		if len(ts) == 1 {
			return ts[0]
		}
		return flat[0]
	}
	if u := anyOf(flat); u != nil {
		return u
	}
	flat = absorbScalars(flat, !shorten)
	if shorten {
		flat = absorb(flat)
	} else {
		flat = dedupe(flat)
	}
	switch len(flat) {
	case 0:
		return NeverT
	case 1:
		return flat[0]
	}
	// A union that only repeats one of its parts keeps that part's name.
	for _, t := range ts {
		if t.Kind == Union && t.Name != "" && len(t.Members) == len(flat) && slices.Equal(t.Members, flat) {
			return t
		}
	}
	return &Type{Kind: Union, Members: flat}
}

// anyOf is the union of ts where one of them is any, else nil.
func anyOf(ts []*Type) *Type {
	i := slices.IndexFunc(ts, func(t *Type) bool { return t.Kind == Any })
	if i < 0 {
		return nil
	}
	if slices.ContainsFunc(ts, MayBeNull) {
		return AnyT
	}
	return ts[i]
}

// absorbScalars leaves out what a scalar among ts includes: literals beside
// their base type, int beside number; `true | false` becomes bool. With
// remember, the base type keeps the literals as Known.
func absorbScalars(ts []*Type, remember bool) []*Type {
	has := func(k Kind) bool { return slices.ContainsFunc(ts, func(t *Type) bool { return t.Kind == k }) }
	hasLit := func(b bool) bool {
		return slices.ContainsFunc(ts, func(t *Type) bool { return t.Kind == Literal && t.Lit == value.Value(b) })
	}
	if !has(Bool) && hasLit(true) && hasLit(false) {
		at := slices.IndexFunc(ts, func(t *Type) bool { return t.Kind == Literal && value.KindOf(t.Lit) == value.KindBool })
		ts = slices.Insert(slices.Clone(ts), at, BoolT)
	}
	into := func(t *Type) Kind { // the kind that takes t in, or Never
		k := t.Kind
		if k == Literal {
			k = base(t.Lit).Kind
		}
		switch {
		case k == Int && has(Number):
			return Number
		case t.Kind == Literal && has(k):
			return k
		}
		return Never
	}
	known := map[Kind][]value.Value{}
	var out []*Type
	for _, t := range ts {
		k := into(t)
		switch {
		case k == Never:
			out = append(out, t)
		case t.Kind == Literal && remember && k != Bool:
			known[k] = append(known[k], t.Lit)
		default:
			known[k] = append(known[k], t.Known...)
		}
	}
	for i, t := range out {
		if lits := known[t.Kind]; len(lits) > 0 {
			out[i] = knowing(t, lits)
		}
	}
	return out
}

// knowing is t with more literals remembered.
func knowing(t *Type, lits []value.Value) *Type {
	c := *t
	c.Known = slices.Clone(t.Known)
	for _, l := range lits {
		if !slices.ContainsFunc(c.Known, func(k value.Value) bool { return value.Equal(k, l) }) {
			c.Known = append(c.Known, l)
		}
	}
	return &c
}

func dedupe(ts []*Type) []*Type {
	var out []*Type
	for _, t := range ts {
		i := slices.IndexFunc(out, func(o *Type) bool { return Equal(o, t) })
		switch {
		case i < 0:
			out = append(out, t)
		case len(t.Known) > 0:
			out[i] = knowing(out[i], t.Known)
		}
	}
	return out
}

// absorb leaves out what is assignable to another member. Of two that include
// one another without being equal (`{ a, ...: any }` and an open `{ a }`) the
// one whose fields can be read stays.
func absorb(ts []*Type) []*Type {
	ts = dedupe(ts)
	var out []*Type
	for i, t := range ts {
		within := func(j int) bool {
			if i == j || !Assignable(t, ts[j]) {
				return false
			}
			return !Assignable(ts[j], t) || t.Open && !ts[j].Open || t.Open == ts[j].Open && t.String() > ts[j].String()
		}
		if !slices.ContainsFunc(indexes(len(ts)), within) {
			out = append(out, t)
		}
	}
	return out
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
