package types

import (
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
)

// Member tells whether a value is of a type as it stands, with nothing
// converted: this is `is T`, and what the law of types speaks of.
func Member(v value.Value, t *Type) bool {
	switch t.Kind {
	case Never:
		return false
	case Any:
		return !t.NotNull || v != nil
	case Null:
		return v == nil
	case Literal:
		return value.Equal(v, t.Lit)
	case Union:
		return slices.ContainsFunc(t.Members, func(m *Type) bool { return Member(v, m) })
	}
	switch v := v.(type) {
	case bool:
		return t.Kind == Bool
	case value.Number:
		return t.Kind == Number || t.Kind == Int && v.IsInt()
	case string:
		return t.Kind == String
	case time.Time:
		return t.Kind == Time
	case time.Duration:
		return t.Kind == Duration
	case value.Bytes:
		return t.Kind == Bytes
	case value.Secret:
		return t.Kind == Opaque && t.Name == SecretT.Name
	case value.List:
		return t.Kind == List && !slices.ContainsFunc(v, func(e value.Value) bool { return !Member(e, t.Elem) })
	case *value.Object:
		row, ok := rowOf(t)
		return ok && memberRow(v, row)
	}
	return false
}

func memberRow(o *value.Object, row *Type) bool {
	for i := range row.Fields {
		f := &row.Fields[i]
		if v, ok := o.Get(f.Name); ok && !Member(v, f.Type) || !ok && !f.mayMiss() {
			return false
		}
	}
	if row.Open {
		return true
	}
	for i := range o.Len() {
		f := o.At(i)
		if _, ok := row.Field(f.Key); !ok && (row.Rest == nil || !Member(f.Value, row.Rest)) {
			return false
		}
	}
	return true
}
