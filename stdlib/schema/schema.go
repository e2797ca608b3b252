// Package schema makes a type of a JSON Schema, for `type Order = schema "order.json"`.
// It takes what a type can say: objects, required fields, lists, kinds, unions,
// constants, references inside the file, defaults. What only narrows values (a
// pattern, a smallest number) is left out and listed; what would change the type is an
// error with its place.
package schema

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Read makes the type of a schema. open lists what the type does not say, each as
// "`minimum` at #/properties/total".
func Read(data []byte) (t *types.Type, open []string, err error) {
	doc, bad := value.DecodeJSON(bytes.TrimPrefix(data, []byte("\ufeff")))
	if bad != nil {
		return nil, nil, fmt.Errorf("the file is not JSON: %s at byte %d", bad.Reason, bad.Offset+1)
	}
	r := &reader{doc: doc, known: map[string]*types.Type{}, rows: map[*types.Type][]types.Field{}}
	t, err = r.schema(doc, "#")
	if err != nil {
		return nil, nil, err
	}
	return t, r.open, nil
}

type reader struct {
	doc   value.Value
	known map[string]*types.Type        // by reference; nil while it is being read
	rows  map[*types.Type][]types.Field // as written: which fields are required
	open  []string
}

// at is an error with its place in the file, as a JSON pointer.
func at(place, format string, a ...any) error {
	return fmt.Errorf("at %s: %s", place, fmt.Sprintf(format, a...))
}

// Keywords that say nothing of values, and those that a type is made of.
var (
	notes = words("$schema $id $anchor $comment $defs definitions title description examples example deprecated readOnly writeOnly default " +
		"contentEncoding contentMediaType contentSchema externalDocs xml discriminator")
	made = words("type enum const properties required additionalProperties items anyOf oneOf allOf $ref nullable format")
	// narrow are rules that leave the type as it is, and take some of its values away.
	narrow = words("minLength maxLength pattern minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems uniqueItems contains minContains " +
		"maxContains minProperties maxProperties propertyNames dependentRequired dependencies")
	// formats say nothing that a type could.
	formats = words("int32 int64 float double")
)

func words(s string) []string { return strings.Fields(s) }

// keywords judges the names in a schema: an unknown one may be a slip, and changes
// nothing by itself.
func (r *reader) keywords(o *value.Object, place string) error {
	for i := range o.Len() {
		switch name := o.At(i).Key; {
		case slices.Contains(notes, name), slices.Contains(made, name), strings.HasPrefix(name, "x-"):
		case slices.Contains(narrow, name):
			r.leave(name, place)
		default:
			if near := diag.Nearest(name, slices.Concat(made, narrow)); near != "" && len(name) > 3 {
				return at(place, "there is no keyword `%s`: did you mean %s?", name, near)
			}
			return at(place, "`%s` has no type in Route: leave it out, and say it in the route with `require`", name)
		}
	}
	return nil
}

func (r *reader) leave(name, place string) { r.open = append(r.open, "`"+name+"` at "+place) }

// schema gives the type of one schema.
func (r *reader) schema(v value.Value, place string) (*types.Type, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return types.AnyT, nil
		}
		return nil, at(place, "`false` admits no value")
	case *value.Object:
		if err := r.keywords(v, place); err != nil {
			return nil, err
		}
		t, err := r.object(v, place)
		if err != nil {
			return nil, err
		}
		if yes, _ := get(v, "nullable").(bool); yes {
			t = types.Nullable(t)
		}
		return t, nil
	}
	return nil, at(place, "a schema is an object, true or false: this is %s", kindName(v))
}

// object reads the one keyword that says what a value is.
func (r *reader) object(o *value.Object, place string) (*types.Type, error) {
	switch {
	case o.Has("$ref"):
		return r.ref(o, place)
	case o.Has("const"):
		return literals(value.List{get(o, "const")}, place+"/const")
	case o.Has("enum"):
		list, _ := get(o, "enum").(value.List)
		return literals(list, place+"/enum")
	case o.Has("allOf"):
		return r.all(o, place)
	case o.Has("anyOf"):
		return r.either(o, "anyOf", place)
	case o.Has("oneOf"):
		return r.either(o, "oneOf", place)
	}
	switch kind := get(o, "type").(type) {
	case string:
		return r.kind(kind, o, place)
	case value.List:
		var ts []*types.Type
		for _, k := range kind {
			name, _ := k.(string)
			t, err := r.kind(name, o, place)
			if err != nil {
				return nil, err
			}
			ts = append(ts, t)
		}
		if len(ts) > 0 {
			return types.Declared(ts...), nil
		}
	case nil:
		switch {
		case o.Has("properties"), o.Has("required"), o.Has("additionalProperties"):
			return r.kind("object", o, place)
		case o.Has("items"):
			return r.kind("array", o, place)
		}
		return types.AnyT, nil
	}
	return nil, at(place+"/type", "`type` is a kind or a list of kinds")
}

func (r *reader) kind(kind string, o *value.Object, place string) (*types.Type, error) {
	format, _ := get(o, "format").(string)
	switch kind {
	case "string":
		switch {
		case format == "date-time":
			return types.TimeT, nil
		case format != "" && !slices.Contains(formats, format):
			r.leave("format: "+format, place)
		}
		return types.StringT, nil
	case "number":
		return types.NumberT, nil
	case "integer":
		return types.IntT, nil
	case "boolean":
		return types.BoolT, nil
	case "null":
		return types.NullT, nil
	case "array":
		if !o.Has("items") {
			return types.ListOf(types.AnyT), nil
		}
		t, err := r.schema(get(o, "items"), place+"/items")
		if err != nil {
			return nil, err
		}
		return types.ListOf(t), nil
	case "object":
		return r.row(o, place)
	}
	return nil, at(place+"/type", "there is no kind %q: string number integer boolean null array object", kind)
}

// either is a union. That just one of oneOf fits is not asked.
func (r *reader) either(o *value.Object, word, place string) (*types.Type, error) {
	list, _ := get(o, word).(value.List)
	if len(list) == 0 {
		return nil, at(place+"/"+word, "`%s` is a list of schemas", word)
	}
	if o.Has("properties") || o.Has("items") {
		return nil, at(place, "`%s` beside other fields has no type in Route: put them into each of its schemas", word)
	}
	var ts []*types.Type
	for i, s := range list {
		t, err := r.schema(s, fmt.Sprintf("%s/%s/%d", place, word, i))
		if err != nil {
			return nil, err
		}
		ts = append(ts, t)
	}
	return types.Declared(ts...), nil
}

// literals is the union of texts, numbers, bools and null.
func literals(list value.List, place string) (*types.Type, error) {
	if len(list) == 0 {
		return nil, at(place, "a list of values is expected")
	}
	var ts []*types.Type
	for _, v := range list {
		switch v.(type) {
		case nil:
			ts = append(ts, types.NullT)
		case string, value.Number, bool:
			ts = append(ts, types.Lit(v))
		default:
			return nil, at(place, "only texts, numbers, bools and null are values of a type")
		}
	}
	return types.Declared(ts...), nil
}

// ref gives what a reference inside the file leads to.
func (r *reader) ref(o *value.Object, place string) (*types.Type, error) {
	for i := range o.Len() {
		if name := o.At(i).Key; slices.Contains(made, name) && name != "$ref" && name != "nullable" {
			return nil, at(place, "`%s` beside `$ref` has no type in Route: put both into `allOf`", name)
		}
	}
	ref, _ := get(o, "$ref").(string)
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil, at(place+"/$ref", "%q leads out of the file: copy what it needs under $defs", ref)
	}
	if t, seen := r.known[ref]; seen {
		if t == nil {
			return nil, at(place+"/$ref", "%q holds itself, and a type is finite: write {} where it goes on", ref)
		}
		return t, nil
	}
	v := r.doc
	if path != "" && path[0] != '/' {
		return nil, at(place+"/$ref", "%q is no place of the file: #/$defs/Name", ref)
	}
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if path == "" {
			break
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		from, _ := v.(*value.Object)
		if from == nil || !from.Has(step) {
			return nil, at(place+"/$ref", "%q leads nowhere", ref)
		}
		v, _ = from.Get(step)
	}
	r.known[ref] = nil
	t, err := r.schema(v, ref)
	if err != nil {
		return nil, err
	}
	r.known[ref] = t
	return t, nil
}

func get(o *value.Object, key string) value.Value {
	v, _ := o.Get(key)
	return v
}

func kindName(v value.Value) string {
	if v == nil {
		return "null"
	}
	return value.KindOf(v).String()
}
