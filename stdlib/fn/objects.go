package fn

import (
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// fieldsOf copies the fields of an object.
func fieldsOf(o *value.Object) []value.Field {
	out := make([]value.Field, o.Len())
	for i := range out {
		out[i] = o.At(i)
	}
	return out
}

var keys = &types.Func{
	Name:     "keys",
	Doc:      "The names of the fields, in their order.",
	Params:   params{param("o", types.ObjectT, "object")},
	Result:   texts,
	Examples: ex(`keys({ b: 1, a: null })`, `["b", "a"]`, `keys({})`, `[]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		o := a[0].(*value.Object)
		out := make(value.List, o.Len())
		for i := range out {
			out[i] = o.At(i).Key
		}
		return out, nil
	},
}

var values = &types.Func{
	Name:     "values",
	Doc:      "The values of the fields, in their order.",
	Params:   params{param("o", types.ObjectT, "object")},
	Result:   anyList,
	Infer:    func(a []*types.Type) (*types.Type, error) { return types.ListOf(valueOf(a[0])), nil },
	Examples: ex(`values({ b: 1, a: null })`, `[1, null]`, `sum(values({ a: 1, b: 2 }))`, `3`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		o := a[0].(*value.Object)
		out := make(value.List, o.Len())
		for i := range out {
			out[i] = o.At(i).Value
		}
		return out, nil
	},
}

// valueOf is the type of all values of an object together.
func valueOf(t *types.Type) *types.Type {
	if _, v, ok := types.IterTypes(t); ok {
		return v
	}
	return types.AnyT
}

// entry is one field as an object.
func entry(v *types.Type) *types.Type {
	return types.Obj(types.Field{Name: "key", Type: types.StringT}, types.Field{Name: "value", Type: v})
}

var entries = &types.Func{
	Name:     "entries",
	Doc:      "The fields as a list of objects, in their order.",
	Params:   params{param("o", types.ObjectT, "object")},
	Result:   types.ListOf(entry(types.AnyT)),
	Infer:    func(a []*types.Type) (*types.Type, error) { return types.ListOf(entry(valueOf(a[0]))), nil },
	Examples: ex(`entries({ a: 1 })`, `[{ key: "a", value: 1 }]`, `entries({})`, `[]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		o := a[0].(*value.Object)
		out := make(value.List, o.Len())
		for i := range out {
			f := o.At(i)
			out[i] = value.NewObject(value.Field{Key: "key", Value: f.Key}, value.Field{Key: "value", Value: f.Value})
		}
		return out, nil
	},
}

var fromEntries = &types.Func{
	Name: "from_entries",
	Doc:  "The object of these fields: the way back from `entries`. Fails where a key comes twice.",
	Params: params{param("list", types.ListOf(types.Row(nil, types.Field{Name: "key", Type: types.StringT}, types.Field{Name: "value", Type: types.AnyT})),
		"fields")},
	Result: types.ObjectT,
	Fails:  true,
	Infer: func(a []*types.Type) (*types.Type, error) {
		v, status := types.FieldType(elemOf(a[0]), "value")
		if status != types.FieldOK {
			v = types.AnyT
		}
		return types.MapOf(v), nil
	},
	Codes:    names,
	Examples: ex(`from_entries([{ key: "a", value: 1 }])`, `{ a: 1 }`, `from_entries([{ key: "a", value: 1 }, { key: "a", value: 1 }])`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		l := a[0].(value.List)
		out := make([]value.Field, len(l))
		for i, e := range l {
			o := e.(*value.Object)
			k, _ := o.Get("key")
			v, _ := o.Get("value")
			out[i] = value.Field{Key: k.(string), Value: v}
		}
		return distinct(out)
	},
}

// distinct makes an object of fields, unless two have one name.
func distinct(fields []value.Field) (value.Value, error) {
	o := value.NewObject(fields...)
	if o.Len() == len(fields) {
		return o, nil
	}
	seen := make(map[string]bool, len(fields))
	for _, f := range fields {
		if seen[f.Key] {
			return nil, collision(f.Key)
		}
		seen[f.Key] = true
	}
	return o, nil
}

var has = &types.Func{
	Name:     "has",
	Doc:      "Whether the field is there, even when it is null.",
	Params:   params{param("o", types.ObjectT, "object"), param("key", types.StringT, "name of a field")},
	Result:   types.BoolT,
	Examples: ex(`has({ a: null }, "a")`, `true`, `has({}, "a")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return a[0].(*value.Object).Has(a[1].(string)), nil
	},
}

var get = &types.Func{
	Name:     "get",
	Doc:      "What stands at a path that is known only at run time: get(., \"a.b.0.c\"); null when nothing does.",
	Params:   params{param("o", types.ObjectT, "object"), param("path", types.StringT, "names of fields and positions in lists, with dots between them")},
	Result:   types.AnyT,
	Examples: ex(`get({ a: { b: [{ c: 1 }] } }, "a.b.0.c")`, `1`, `get({ a: 1 }, "a.b")`, `null`, `get({ a: [1] }, "a.1")`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		v := a[0]
		for name := range strings.SplitSeq(a[1].(string), ".") {
			switch x := v.(type) {
			case *value.Object:
				v, _ = x.Get(name)
			case value.List:
				i, err := strconv.Atoi(name)
				if err != nil || i < 0 || i >= len(x) {
					return nil, nil
				}
				v = x[i]
			default:
				return nil, nil
			}
		}
		return v, nil
	},
}

// byPaths are the parameters of pick and omit.
var byPaths = params{param("o", types.ObjectT, "object"), constant(many("path", types.StringT, "name of a field, or names with dots between them"))}

var pick = &types.Func{
	Name:     "pick",
	Doc:      "An object of the fields at these paths only; those that are not there stay out.",
	Params:   byPaths,
	Result:   types.ObjectT,
	Infer:    pickType,
	Examples: ex(`pick({ a: 1, b: { c: 2, d: 3 }, e: 4 }, "a", "b.c")`, `{ a: 1, b: { c: 2 } }`, `pick({ a: null, b: 1 }, "a")`, `{ a: null }`, `pick({ a: 1 }, "b")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return pathsOf(a[1:]).pick(a[0].(*value.Object)), nil
	},
}

var omit = &types.Func{
	Name:     "omit",
	Doc:      "The object without the fields at these paths.",
	Params:   byPaths,
	Result:   types.ObjectT,
	Infer:    omitType,
	Examples: ex(`omit({ a: 1, b: { c: 2, d: 3 } }, "a", "b.c")`, `{ b: { d: 3 } }`, `omit({ a: 1 }, "a")`, `{}`, `omit({ a: 1 }, "b")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return pathsOf(a[1:]).omit(a[0].(*value.Object)), nil
	},
}

var rename = &types.Func{
	Name:     "rename",
	Doc:      "The object with other names for some of its fields, which keep their places. Fails where names collide.",
	Params:   params{param("o", types.ObjectT, "object"), param("names", types.MapOf(types.StringT), "new names by old names")},
	Result:   types.ObjectT,
	Fails:    true,
	Infer:    renameType,
	Codes:    names,
	Examples: ex(`rename({ a: 1, b: 2 }, { a: "c", x: "y" })`, `{ c: 1, b: 2 }`, `rename({ a: 1, b: 2 }, { a: "b", b: "a" })`, `{ b: 1, a: 2 }`, `rename({ a: 1, b: 2 }, { a: "b" })`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		fields, names := fieldsOf(a[0].(*value.Object)), a[1].(*value.Object)
		for i := range fields {
			if n, ok := names.Get(fields[i].Key); ok {
				fields[i].Key = n.(string)
			}
		}
		return distinct(fields)
	},
}

// objectsToMerge are the parameters of merge and deep_merge.
var objectsToMerge = params{param("a", types.ObjectT, "object"), many("b", types.ObjectT, "objects on top of it")}

var merge = &types.Func{
	Name:   "merge",
	Doc:    "The fields of all objects; of equal names the last counts, and stands where it stands last. Shallow.",
	Params: objectsToMerge,
	Result: types.ObjectT,
	Infer: func(a []*types.Type) (*types.Type, error) {
		t := a[0]
		for _, b := range a[1:] {
			var ok bool
			if t, ok = types.Spread(t, b); !ok {
				return types.ObjectT, nil
			}
		}
		return t, nil
	},
	Examples: ex(`merge({ a: 1, b: 1 }, { b: 2 }, { c: 3 })`, `{ a: 1, b: 2, c: 3 }`, `merge({ a: { x: 1 } }, { a: { y: 2 } })`, `{ a: { y: 2 } }`, `merge({ a: 1 }, { a: null })`, `{ a: null }`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		var all []value.Field
		for _, o := range a {
			all = append(all, fieldsOf(o.(*value.Object))...)
		}
		return value.NewObject(all...), nil
	},
}

var deepMerge = &types.Func{
	Name:   "deep_merge",
	Doc:    "The fields of all objects, objects inside them too; lists are replaced. A field keeps its place.",
	Params: objectsToMerge,
	Result: types.ObjectT,
	Infer: func(a []*types.Type) (*types.Type, error) {
		t := a[0]
		for _, b := range a[1:] {
			t = deepType(t, b)
		}
		return t, nil
	},
	Examples: ex(`deep_merge({ a: { x: 1, y: 1 } }, { a: { y: 2 } })`, `{ a: { x: 1, y: 2 } }`, `deep_merge({ a: [1, 2] }, { a: [3] })`, `{ a: [3] }`, `deep_merge({ a: { x: 1 } }, { a: null })`, `{ a: null }`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		out := a[0].(*value.Object)
		for _, o := range a[1:] {
			out = mergeDeep(out, o.(*value.Object))
		}
		return out, nil
	},
}

func mergeDeep(a, b *value.Object) *value.Object {
	out := a.Clone()
	for i := range b.Len() {
		f := b.At(i)
		if over, ok := f.Value.(*value.Object); ok {
			if old, _ := out.Get(f.Key); old != nil {
				if under, ok := old.(*value.Object); ok {
					out.Set(f.Key, mergeDeep(under, over))
					continue
				}
			}
		}
		out.Set(f.Key, f.Value)
	}
	return out
}

var diff = &types.Func{
	Name:      "diff",
	Doc:       "The fields of new that differ from those of old; null differs from missing. All of new where old is null.",
	Params:    params{param("old", types.Nullable(types.ObjectT), "object, or null"), param("new", types.ObjectT, "object")},
	TakesNull: true,
	Result:    types.ObjectT,
	Infer: func(a []*types.Type) (*types.Type, error) {
		t := a[1]
		if t.Kind != types.Object {
			return types.MapOf(valueOf(t)), nil
		}
		return eachField(t, func(f types.Field) types.Field {
			f.Optional, f.HasDef, f.Default = true, false, nil
			return f
		}), nil
	},
	Examples: ex(`diff({ a: 1, b: 2 }, { a: 1.0, b: 3, c: null })`, `{ b: 3, c: null }`, `diff(null, { a: 1 })`, `{ a: 1 }`, `diff({ a: 1 }, {})`, `{}`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		now := a[1].(*value.Object)
		old, ok := a[0].(*value.Object)
		if !ok {
			return now, nil
		}
		var out []value.Field
		for _, f := range fieldsOf(now) {
			if v, ok := old.Get(f.Key); !ok || !value.Equal(v, f.Value) {
				out = append(out, f)
			}
		}
		return value.NewObject(out...), nil
	},
}

var compact = &types.Func{
	Name:   "compact",
	Doc:    "The object or list without nulls, \"\", [] and {}, at every level; what becomes empty by that goes, too.",
	Params: params{param("x", types.Declared(types.ObjectT, anyList), "object or list")},
	Result: types.Declared(types.ObjectT, anyList),
	Infer: func(a []*types.Type) (*types.Type, error) {
		t, _ := compactType(a[0])
		return t, nil
	},
	Examples: ex(`compact({ a: null, b: "", c: [null, 0], d: { e: {} } })`, `{ c: [0] }`, `compact([1, null, ""])`, `[1]`, `compact({})`, `{}`, `compact({ a: false })`, `{ a: false }`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return compacted(a[0]), nil
	},
}

func compacted(v value.Value) value.Value {
	switch v := v.(type) {
	case value.List:
		out := make(value.List, 0, len(v))
		for _, e := range v {
			if e = compacted(e); !isEmpty(e) {
				out = append(out, e)
			}
		}
		return out
	case *value.Object:
		out := make([]value.Field, 0, v.Len())
		for _, f := range fieldsOf(v) {
			if f.Value = compacted(f.Value); !isEmpty(f.Value) {
				out = append(out, f)
			}
		}
		return value.NewObject(out...)
	}
	return v
}

var flattenKeys = &types.Func{
	Name:     "flatten_keys",
	Doc:      "The fields of objects inside the object as fields of its own, with the names joined: { a: { b: 1 } } → { a_b: 1 }. Lists and empty objects stay. Fails where names collide.",
	Params:   params{param("o", types.ObjectT, "object"), optional("sep", types.StringT, "_", "what stands between names")},
	Result:   types.ObjectT,
	Fails:    true,
	Codes:    names,
	Examples: ex(`flatten_keys({ a: { b: 1, c: { d: 2 } } })`, `{ a_b: 1, a_c_d: 2 }`, `flatten_keys({ a: {}, b: [{ c: 1 }] }, ".")`, `{ a: {}, b: [{ c: 1 }] }`, `flatten_keys({ a: { b: 1 }, a_b: 2 })`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		f := flattener{sep: a[1].(string)}
		if !f.add("", a[0].(*value.Object)) {
			return nil, tooLarge()
		}
		return distinct(f.out)
	},
}

// flattener collects fields under joined names. Names grow with depth, so their
// sum is held to the size of a value.
type flattener struct {
	sep  string
	out  []value.Field
	size int
}

func (f *flattener) add(prefix string, o *value.Object) bool {
	for i := range o.Len() {
		x := o.At(i)
		name := prefix + x.Key
		if f.size += len(name); f.size > maxText {
			return false
		}
		if inner, ok := x.Value.(*value.Object); ok && inner.Len() > 0 {
			if !f.add(name+f.sep, inner) {
				return false
			}
			continue
		}
		f.out = append(f.out, value.Field{Key: name, Value: x.Value})
	}
	return true
}

var prefixKeys = &types.Func{
	Name:   "prefix_keys",
	Doc:    "The object with the prefix before the name of each of its fields; objects inside stay as they are.",
	Params: params{param("o", types.ObjectT, "object"), param("prefix", types.StringT, "plain text")},
	Result: types.ObjectT,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if a[0].Kind != types.Object || a[1].Kind != types.Literal {
			return types.MapOf(valueOf(a[0])), nil
		}
		return eachField(a[0], func(f types.Field) types.Field {
			f.Name = a[1].Lit.(string) + f.Name
			return f
		}), nil
	},
	Examples: ex(`prefix_keys({ source: "x", id: 1 }, "utm_")`, `{ utm_source: "x", utm_id: 1 }`, `prefix_keys({}, "a")`, `{}`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		fields, prefix := fieldsOf(a[0].(*value.Object)), a[1].(string)
		if len(fields)*len(prefix) > maxText {
			return nil, tooLarge()
		}
		for i := range fields {
			fields[i].Key = prefix + fields[i].Key
		}
		return value.NewObject(fields...), nil
	},
}
