package types

import "slices"

// FieldStatus says whether a field may be read of a type.
type FieldStatus uint8

// What reading a field comes to.
const (
	FieldOK         FieldStatus = iota
	FieldUnknown                // no member of the type declares it
	FieldPartial                // some members of the union declare it, others do not
	FieldOfNoObject             // the value is surely, or in some members, no object: reading would fail
	IndexOfNoText               // the index into an object is not text, or into a list not an int
)

// FieldType gives the type of .name of a t. A missing field reads as null, and so
// does a field of null, so the result is nullable where that may be. Where the
// status is not FieldOK the type is Never, so that one mistake makes one
// report. A field of `any` is any; reading it fails where the value turns out
// to be a text, number or bool (the only case: ask t.Kind == Any).
func FieldType(t *Type, name string) (*Type, FieldStatus) {
	return overMembers(t, func(m *Type) (*Type, FieldStatus) {
		if m.Kind == Any {
			return AnyT, FieldOK
		}
		row, ok := rowOf(m)
		if !ok {
			return NeverT, FieldOfNoObject
		}
		if f, ok := row.Field(name); ok {
			return f.read(), FieldOK
		}
		if row.Rest != nil {
			return Nullable(row.Rest), FieldOK
		}
		return NeverT, FieldUnknown
	})
}

// IndexType gives the type of x[i]: a text into an object or map, an int into a
// list. Out of range is null. A constant text is a field, so that one that is
// not declared is found. An index that may be null is the caller's to refuse.
func IndexType(t, i *Type) (*Type, FieldStatus) {
	i = NonNull(i)
	if i.Kind == Literal {
		if name, ok := i.Lit.(string); ok {
			return FieldType(t, name)
		}
	}
	return overMembers(t, func(m *Type) (*Type, FieldStatus) {
		switch m.Kind {
		case Any:
			if Assignable(i, UnionOf(StringT, IntT)) {
				return AnyT, FieldOK
			}
			return NeverT, IndexOfNoText
		case List:
			if Assignable(i, IntT) {
				return Nullable(m.Elem), FieldOK
			}
			return NeverT, IndexOfNoText
		case Object, Map:
			if Assignable(i, StringT) {
				return Nullable(ValuesOf(m)), FieldOK
			}
			return NeverT, IndexOfNoText
		}
		return NeverT, FieldOfNoObject
	})
}

// overMembers asks every member of t that is not null, for which reading gives
// null, and joins the answers.
func overMembers(t *Type, ask func(*Type) (*Type, FieldStatus)) (*Type, FieldStatus) {
	var got []*Type
	known, unknown := false, false
	for _, m := range t.members() {
		if m.Kind == Null || m.Kind == Never {
			got = append(got, m)
			continue
		}
		r, status := ask(m)
		switch status {
		case FieldOK:
			known = true
		case FieldUnknown:
			unknown = true
		default:
			return NeverT, status
		}
		got = append(got, r)
	}
	switch {
	case known && unknown:
		return NeverT, FieldPartial
	case unknown:
		return NeverT, FieldUnknown
	}
	return UnionOf(got...), FieldOK
}

// FieldNames lists the declared fields of t and of its members, for "did you mean".
func FieldNames(t *Type) []string {
	var names []string
	for _, m := range t.members() {
		for i := range m.Fields {
			if !slices.Contains(names, m.Fields[i].Name) {
				names = append(names, m.Fields[i].Name)
			}
		}
	}
	return names
}

// ValuesOf is the type of all values of an object or map together; any where it
// may hold fields that it does not declare.
func ValuesOf(t *Type) *Type {
	row, ok := rowOf(t)
	if !ok || row.Open {
		return AnyT
	}
	var ts []*Type
	for i := range row.Fields {
		ts = append(ts, row.Fields[i].Type)
	}
	if row.Rest != nil {
		ts = append(ts, row.Rest)
	}
	return UnionOf(ts...)
}

// ElemType is the type of the elements of a list; false where t is not surely a
// list. Null must be taken out before.
func ElemType(t *Type) (*Type, bool) {
	var ts []*Type
	for _, m := range t.members() {
		if m.Kind != List {
			return NeverT, false
		}
		ts = append(ts, m.Elem)
	}
	return UnionOf(ts...), true
}

// IterTypes gives what `for k, v in t` binds: position and element of a list,
// name and value of an object; false where t is neither.
func IterTypes(t *Type) (k, v *Type, ok bool) {
	if elem, ok := ElemType(t); ok {
		return IntT, elem, true
	}
	var ts []*Type
	for _, m := range t.members() {
		if m.Kind != Object && m.Kind != Map {
			return NeverT, NeverT, false
		}
		ts = append(ts, ValuesOf(m))
	}
	return StringT, UnionOf(ts...), true
}

// View is what `as t` gives: the declared fields and no others, defaults filled in.
func View(t *Type) *Type {
	switch t.Kind {
	case List:
		if e := View(t.Elem); e != t.Elem {
			return &Type{Kind: List, Name: t.Name, Elem: e}
		}
	case Map:
		if e := View(t.Elem); e != t.Elem {
			return &Type{Kind: Map, Name: t.Name, Elem: e}
		}
	case Union:
		ms, same := make([]*Type, len(t.Members)), true
		for i, m := range t.Members {
			ms[i] = View(m)
			same = same && ms[i] == m
		}
		if !same {
			u := *Declared(ms...)
			u.Name = t.Name
			return &u
		}
	case Object:
		c := *t
		c.Open = false
		c.Fields = slices.Clone(t.Fields)
		same := !t.Open
		for i := range c.Fields {
			f, old := &c.Fields[i], &t.Fields[i]
			f.Type = View(f.Type)
			if f.HasDef {
				*f = Field{Name: f.Name, Type: NonNull(f.Type)}
			} else {
				f.Optional = f.Optional || MayBeNull(f.Type)
			}
			same = same && f.Type == old.Type && f.Optional == old.Optional && f.HasDef == old.HasDef
		}
		if t.Rest != nil {
			c.Rest = View(t.Rest)
			same = same && c.Rest == t.Rest
		}
		if !same {
			return &c
		}
	}
	return t
}

// maxSpread bounds the members of a union that spreads of unions multiply to.
const maxSpread = 32

// Spread is the type of { ...base, ...over }: an object that has over's fields
// on top of base's. A null part spreads nothing. It is false where a part may be
// something that is no object, any included: that is a cast away.
func Spread(base, over *Type) (*Type, bool) {
	var ts []*Type
	bases, overs := base.members(), over.members()
	for _, b := range bases {
		for _, o := range overs {
			rb, ok1 := spreadable(b)
			ro, ok2 := spreadable(o)
			if !ok1 || !ok2 {
				return NeverT, false
			}
			ts = append(ts, spreadRows(rb, ro))
		}
	}
	if len(ts) > maxSpread {
		return ObjectT, true
	}
	return UnionOf(ts...), true
}

func spreadable(t *Type) (*Type, bool) {
	switch t.Kind {
	case Null:
		return Obj(), true
	case Never:
		return Obj(), true
	}
	return rowOf(t)
}

func spreadRows(base, over *Type) *Type {
	out := &Type{Kind: Object, Open: base.Open || over.Open}
	for i := range base.Fields {
		f := base.Fields[i]
		g, ok := over.Field(f.Name)
		switch {
		case ok && !g.mayMiss():
			continue // replaced, and put behind the others
		case ok:
			f = Field{Name: f.Name, Type: UnionOf(f.Type, g.Type), Optional: f.mayMiss()}
		case over.Open:
			f = Field{Name: f.Name, Type: AnyT, Optional: f.mayMiss()}
		case over.Rest != nil:
			f = Field{Name: f.Name, Type: UnionOf(f.Type, over.Rest), Optional: f.mayMiss()}
		}
		out.Fields = append(out.Fields, f)
	}
	for i := range over.Fields {
		f := over.Fields[i]
		if _, ok := base.Field(f.Name); ok && f.mayMiss() {
			continue // joined above
		}
		if b, ok := beyond(base, f.Name); ok && f.mayMiss() {
			f.Type = UnionOf(f.Type, b.Type)
		}
		out.Fields = append(out.Fields, f)
	}
	switch {
	case base.Rest != nil && over.Rest != nil:
		out.Rest = UnionOf(base.Rest, over.Rest)
	case base.Rest != nil:
		out.Rest = base.Rest
	case over.Rest != nil:
		out.Rest = over.Rest
	}
	if out.Open && out.Rest != nil {
		out.Open, out.Rest = false, AnyT
	}
	return out
}

// SetPath is the type of t after `set .path = …` with a value of type v. What is
// missing or null on the way becomes an object. It is false where something on
// the way is surely, or in some members, no object.
func SetPath(t *Type, path []string, v *Type) (*Type, bool) {
	if len(path) == 0 {
		return v, true
	}
	var ts []*Type
	for _, m := range t.members() {
		row, ok := rowOf(m)
		switch {
		case m.Kind == Null:
			row = Obj()
		case m.Kind == Any:
			row = &Type{Kind: Object, Rest: AnyT}
		case !ok:
			return NeverT, false
		}
		old := NullT
		if f, ok := beyond(row, path[0]); ok {
			old = f.read()
		}
		now, ok := SetPath(old, path[1:], v)
		if !ok {
			return NeverT, false
		}
		ts = append(ts, withField(row, Field{Name: path[0], Type: now}))
	}
	return UnionOf(ts...), true
}

func withField(row *Type, f Field) *Type {
	out := *row
	out.Name = ""
	out.Fields = slices.Clone(row.Fields)
	if i := slices.IndexFunc(out.Fields, func(g Field) bool { return g.Name == f.Name }); i >= 0 {
		out.Fields[i] = f
	} else {
		out.Fields = append(out.Fields, f)
	}
	return &out
}

// UnsetPath is the type of t after `unset .path`. Through null or missing it does
// nothing. It is false where something on the way is, or may be, no object.
func UnsetPath(t *Type, path []string) (*Type, bool) {
	var ts []*Type
	for _, m := range t.members() {
		row, ok := rowOf(m)
		switch {
		case m.Kind == Null, m.Kind == Any:
			ts = append(ts, m)
			continue
		case !ok:
			return NeverT, false
		}
		f, declared := row.Field(path[0])
		switch {
		case !declared && row.Rest != nil && len(path) > 1:
			now, ok := UnsetPath(row.Rest, path[1:])
			if !ok {
				return NeverT, false
			}
			// One of the others may now lack what it had.
			out := *row
			out.Name, out.Rest = "", UnionOf(row.Rest, now)
			ts = append(ts, &out)
		case !declared:
			ts = append(ts, m)
		case len(path) == 1:
			out := *row
			out.Name = ""
			out.Fields = slices.DeleteFunc(slices.Clone(row.Fields), func(g Field) bool { return g.Name == path[0] })
			ts = append(ts, &out)
		default:
			now, ok := UnsetPath(f.Type, path[1:])
			if !ok {
				return NeverT, false
			}
			ts = append(ts, withField(row, Field{Name: f.Name, Type: now, Optional: f.mayMiss()}))
		}
	}
	return UnionOf(ts...), true
}
