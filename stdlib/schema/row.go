package schema

import (
	"slices"
	"strconv"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// row is an object: fields in the order of the file. Further fields are admitted as
// rows admit them, counted and not read; `additionalProperties: true` lets them be
// read, a schema there gives them a type. That there are none is said by `as T strict`.
func (r *reader) row(o *value.Object, place string) (*types.Type, error) {
	fields, err := r.fields(o, place)
	if err != nil {
		return nil, err
	}
	var rest *types.Type
	switch more := get(o, "additionalProperties").(type) {
	case nil:
	case bool:
		if more {
			rest = types.AnyT
		}
	default:
		if rest, err = r.schema(more, place+"/additionalProperties"); err != nil {
			return nil, err
		}
	}
	switch {
	case len(fields) > 0:
		t := types.Row(rest, fields...)
		r.rows[t] = fields
		return t, nil
	case rest != nil && rest.Kind != types.Any:
		return types.MapOf(rest), nil
	}
	return types.ObjectT, nil
}

func (r *reader) fields(o *value.Object, place string) ([]types.Field, error) {
	required, _ := get(o, "required").(value.List)
	props, ok := get(o, "properties").(*value.Object)
	if !ok && o.Has("properties") {
		return nil, at(place+"/properties", "`properties` is an object of schemas")
	}
	var out []types.Field
	if props != nil {
		for i := range props.Len() {
			p := props.At(i)
			where := place + "/properties/" + p.Key
			t, err := r.schema(p.Value, where)
			if err != nil {
				return nil, err
			}
			f := types.Field{Name: p.Key, Type: t, Optional: !slices.Contains(required, value.Value(p.Key))}
			if f.Optional {
				r.standIn(&f, p.Value)
			}
			out = append(out, f)
		}
	}
	for _, v := range required {
		name, ok := v.(string)
		if !ok {
			return nil, at(place+"/required", "`required` is a list of names")
		}
		if props == nil || !props.Has(name) {
			out = append(out, types.Field{Name: name, Type: types.AnyT})
		}
	}
	return out, nil
}

// standIn takes the default of a field that may be missing, where it is a plain value
// of its type.
func (r *reader) standIn(f *types.Field, schema value.Value) {
	o, ok := schema.(*value.Object)
	if !ok {
		return
	}
	switch v := get(o, "default").(type) {
	case string, value.Number, bool:
		if types.Member(v, f.Type) {
			f.Default, f.HasDef = v, true
		}
	}
}

// all is an object made of several: allOf with rows, beside fields of its own.
func (r *reader) all(o *value.Object, place string) (*types.Type, error) {
	list, _ := get(o, "allOf").(value.List)
	var rows []*types.Type
	for i, s := range list {
		t, err := r.schema(s, place+"/allOf/"+strconv.Itoa(i))
		if err != nil {
			return nil, err
		}
		rows = append(rows, t)
	}
	if o.Has("properties") || o.Has("required") {
		t, err := r.row(o, place)
		if err != nil {
			return nil, err
		}
		rows = append(rows, t)
	}
	if len(rows) == 1 {
		return rows[0], nil
	}
	var fields []types.Field
	var rest *types.Type
	for _, t := range rows {
		if t.Kind != types.Object {
			return nil, at(place+"/allOf", "`allOf` of what are no objects with fields has no type in Route")
		}
		if t.Rest != nil {
			rest = types.AnyT
		}
		for _, f := range r.rows[t] {
			i := slices.IndexFunc(fields, func(g types.Field) bool { return g.Name == f.Name })
			switch {
			case i < 0:
				fields = append(fields, f)
			case f.Type.Kind == types.Any: // only said to be required
				fields[i].Optional = fields[i].Optional && f.Optional
			case fields[i].Type.Kind == types.Any, types.Equal(fields[i].Type, f.Type):
				fields[i].Type, fields[i].Optional = f.Type, fields[i].Optional && f.Optional
			default:
				return nil, at(place+"/allOf", "the field %q has two types", f.Name)
			}
		}
	}
	t := types.Row(rest, fields...)
	r.rows[t] = fields
	return t, nil
}
