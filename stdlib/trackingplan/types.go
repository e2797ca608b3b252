package trackingplan

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/types"
)

// typeOf gives the type of what a schema admits, or a wider one: what only some values
// of a type break (a pattern, a smallest number) shows when an event is judged.
func typeOf(schema any) *types.Type {
	s, ok := schema.(map[string]any)
	if !ok {
		return types.AnyT
	}
	for _, key := range []string{"$ref", "allOf", "anyOf", "oneOf", "not", "if"} {
		if s[key] != nil {
			return types.AnyT
		}
	}
	if list, ok := s["enum"].([]any); ok {
		return enumOf(list)
	}
	switch t := s["type"].(type) {
	case string:
		return kindOf(t, s)
	case []any:
		var ts []*types.Type
		for _, k := range t {
			name, _ := k.(string)
			ts = append(ts, kindOf(name, s))
		}
		if len(ts) > 0 {
			return types.UnionOf(ts...)
		}
	}
	if s["properties"] != nil || s["required"] != nil {
		return kindOf("object", s)
	}
	return types.AnyT
}

func kindOf(kind string, s map[string]any) *types.Type {
	switch kind {
	case "string":
		return types.StringT
	case "number":
		return types.NumberT
	case "integer":
		return types.IntT
	case "boolean":
		return types.BoolT
	case "null":
		return types.NullT
	case "array":
		return types.ListOf(typeOf(s["items"]))
	case "object":
		return objectOf(s)
	}
	return types.AnyT
}

// objectOf is closed where the schema admits no other fields.
func objectOf(s map[string]any) *types.Type {
	fields, _ := s["properties"].(map[string]any)
	required, _ := s["required"].([]any)
	var names []string
	for name := range fields {
		names = append(names, name)
	}
	for _, r := range required {
		if name, ok := r.(string); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var out []types.Field
	for _, name := range names {
		out = append(out, types.Field{Name: name, Type: typeOf(fields[name]), Optional: !slices.Contains(required, any(name))})
	}
	if s["additionalProperties"] == false {
		return types.Obj(out...)
	}
	return &types.Type{Kind: types.Object, Fields: out, Rest: types.AnyT}
}

// enumOf is the union of texts; other values that a plan lists are judged later.
func enumOf(list []any) *types.Type {
	var ts []*types.Type
	for _, v := range list {
		s, ok := v.(string)
		switch {
		case ok:
			ts = append(ts, types.Lit(s))
		case v == nil:
			ts = append(ts, types.NullT)
		default:
			return types.AnyT
		}
	}
	if len(ts) == 0 {
		return types.AnyT
	}
	return types.UnionOf(ts...)
}
