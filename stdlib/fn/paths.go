package fn

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// paths is a set of constant paths, as a tree by their names. A path that goes on
// below another one of the set adds nothing to it.
type paths struct {
	names []string
	below []*paths // of each name; nil where a path ends
}

func pathsOf(texts args) *paths {
	p := &paths{}
	for _, t := range texts {
		p.add(strings.Split(t.(string), "."))
	}
	return p
}

func (p *paths) add(path []string) {
	i := slices.Index(p.names, path[0])
	if i < 0 {
		i = len(p.names)
		p.names, p.below = append(p.names, path[0]), append(p.below, &paths{})
	}
	switch {
	case len(path) == 1:
		p.below[i] = nil
	case p.below[i] != nil:
		p.below[i].add(path[1:])
	}
}

func (p *paths) pick(o *value.Object) *value.Object {
	out := make([]value.Field, 0, len(p.names))
	for i, name := range p.names {
		v, ok := o.Get(name)
		if inner, isObject := v.(*value.Object); p.below[i] != nil {
			if !isObject {
				continue
			}
			picked := p.below[i].pick(inner)
			v, ok = picked, picked.Len() > 0
		}
		if ok {
			out = append(out, value.Field{Key: name, Value: v})
		}
	}
	return value.NewObject(out...)
}

func (p *paths) omit(o *value.Object) *value.Object {
	out := make([]value.Field, 0, o.Len())
	for _, f := range fieldsOf(o) {
		if i := slices.Index(p.names, f.Key); i >= 0 {
			if p.below[i] == nil {
				continue
			}
			if inner, ok := f.Value.(*value.Object); ok {
				f.Value = p.below[i].omit(inner)
			}
		}
		out = append(out, f)
	}
	return value.NewObject(out...)
}

// pathsIn takes the constant paths of a call.
func pathsIn(a []*types.Type) args {
	out := make(args, len(a))
	for i, t := range a {
		out[i] = t.Lit
	}
	return out
}

func pickType(a []*types.Type) (*types.Type, error) {
	t, _, err := pathsOf(pathsIn(a[1:])).pickType(a[0])
	return t, err
}

// pickType gives the type of what is picked of a t, and whether anything surely is.
func (p *paths) pickType(t *types.Type) (picked *types.Type, some bool, err error) {
	var fields []types.Field
	for i, name := range p.names {
		f, sure, err := fieldOf(t, name)
		if err != nil {
			return nil, false, err
		}
		if below := p.below[i]; below != nil {
			inner, any, err := below.pickType(types.NonNull(f))
			if err != nil {
				return nil, false, err
			}
			sure = sure && any && types.Assignable(f, types.ObjectT)
			f = inner
		}
		some = some || sure
		fields = append(fields, types.Field{Name: name, Type: f, Optional: !sure})
	}
	return types.Obj(fields...), some, nil
}

// fieldOf gives the type of a field when it is there, and whether it surely is.
func fieldOf(t *types.Type, name string) (*types.Type, bool, error) {
	if t.Kind == types.Object {
		if f, ok := t.Field(name); ok {
			return f.Type, !f.Optional || f.HasDef, nil
		}
	}
	f, status := types.FieldType(t, name)
	switch status {
	case types.FieldOK:
		return f, false, nil
	case types.FieldUnknown, types.FieldPartial:
		return nil, false, unknownField(name, t)
	}
	return nil, false, failf("%q would be a field of what is no object", name)
}

func omitType(a []*types.Type) (*types.Type, error) {
	t := a[0]
	for _, p := range pathsIn(a[1:]) {
		path := strings.Split(p.(string), ".")
		at := a[0]
		for _, name := range path {
			f, _, err := fieldOf(at, name)
			if err != nil {
				return nil, err
			}
			at = types.NonNull(f)
		}
		var ok bool
		if t, ok = types.UnsetPath(t, path); !ok {
			return types.ObjectT, nil
		}
	}
	return t, nil
}

// eachField maps the fields of an object type; what it is called and its other
// fields stay.
func eachField(t *types.Type, f func(types.Field) types.Field) *types.Type {
	c := *t
	c.Name, c.Fields = "", make([]types.Field, len(t.Fields))
	for i := range t.Fields {
		c.Fields[i] = f(t.Fields[i])
	}
	return &c
}

// renameType knows the new names where all of them are constants.
func renameType(a []*types.Type) (*types.Type, error) {
	o, names := a[0], a[1]
	loose := types.MapOf(valueOf(o))
	if o.Kind != types.Object || o.Open || o.Rest != nil || names.Kind != types.Object || names.Open || names.Rest != nil {
		return loose, nil
	}
	seen, known := map[string]bool{}, true
	t := eachField(o, func(f types.Field) types.Field {
		if n, ok := names.Field(f.Name); ok {
			name, constant := n.Type.Lit.(string)
			known = known && constant && !n.Optional
			f.Name = name
		}
		known = known && !seen[f.Name]
		seen[f.Name] = true
		return f
	})
	if !known {
		return loose, nil
	}
	return t, nil
}

// deepType is the type of deep_merge(a, b).
func deepType(a, b *types.Type) *types.Type {
	exact := func(t *types.Type) bool { return t.Kind == types.Object && !t.Open && t.Rest == nil }
	if !exact(a) || !exact(b) {
		return types.ObjectT
	}
	var fields []types.Field
	for _, f := range a.Fields {
		over, ok := b.Field(f.Name)
		if !ok {
			fields = append(fields, f)
			continue
		}
		f.Optional = f.Optional && over.Optional
		f.HasDef, f.Default = false, nil
		f.Type = deepField(f.Type, *over)
		fields = append(fields, f)
	}
	for _, f := range b.Fields {
		if _, ok := a.Field(f.Name); !ok {
			fields = append(fields, f)
		}
	}
	return types.Obj(fields...)
}

// deepField is the type of a field that both objects declare.
func deepField(under *types.Type, over types.Field) *types.Type {
	merged := over.Type
	switch {
	case types.Disjoint(under, types.ObjectT) || types.Disjoint(over.Type, types.ObjectT):
	case types.Assignable(under, types.ObjectT) && types.Assignable(over.Type, types.ObjectT):
		merged = deepType(under, over.Type)
	default:
		return types.AnyT
	}
	if over.Optional {
		return types.UnionOf(under, merged)
	}
	return merged
}

// compactType is the type of what compact leaves of a t, and whether that may be
// empty, so that it goes itself.
func compactType(t *types.Type) (left *types.Type, mayGo bool) {
	switch t.Kind {
	case types.Null:
		return types.NeverT, true
	case types.Any:
		return types.SomeT, true
	case types.String:
		return t, true
	case types.Literal:
		return t, t.Lit == value.Value("")
	case types.List:
		elem, _ := compactType(t.Elem)
		return types.ListOf(elem), true
	case types.Map:
		elem, _ := compactType(t.Elem)
		return types.MapOf(elem), true
	case types.Union:
		left = types.NeverT
		for _, m := range t.Members {
			l, goes := compactType(m)
			left, mayGo = types.UnionOf(left, l), mayGo || goes
		}
		return left, mayGo
	case types.Object:
		return compactRow(t)
	}
	return t, false
}

func compactRow(t *types.Type) (left *types.Type, mayGo bool) {
	c := *t
	c.Name, c.Fields, mayGo = "", nil, true
	for _, f := range t.Fields {
		l, goes := compactType(f.Type)
		if l.Kind == types.Never {
			continue // it is null, and goes
		}
		f.Type, f.Optional = l, goes || f.Optional && !f.HasDef
		f.HasDef, f.Default = false, nil
		mayGo = mayGo && f.Optional
		c.Fields = append(c.Fields, f)
	}
	if t.Rest != nil {
		c.Rest, _ = compactType(t.Rest)
	}
	return &c, mayGo
}
