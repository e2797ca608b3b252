package check

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
)

// What `set` and `unset` make of a type. Paths of names are lang/types' matter;
// here are those with an index on the way, which may be any element of a list.

// names gives a path that has no computed index.
func names(steps []ir.Step) ([]string, bool) {
	out := make([]string, len(steps))
	for i, s := range steps {
		if s.Index != nil {
			return nil, false
		}
		out[i] = s.Name
	}
	return out, true
}

// putAt is the type of t after `set .steps = …` with a value of type v. It is false
// where something on the way has surely, or in some members, no such part.
func putAt(t *types.Type, steps []ir.Step, v *types.Type) (*types.Type, bool) {
	if len(steps) == 0 {
		return v, true
	}
	if path, ok := names(steps); ok {
		return types.SetPath(t, path, v)
	}
	if steps[0].Index != nil {
		return eachElement(t, steps[0].Index.Type(), func(elem *types.Type) (*types.Type, bool) { return putAt(elem, steps[1:], v) })
	}
	old, status := fieldType(t, steps[0].Name)
	switch status {
	case types.FieldOK:
	case types.FieldUnknown:
		old = types.NullT
	default:
		return nil, false
	}
	now, ok := putAt(old, steps[1:], v)
	if !ok {
		return nil, false
	}
	return types.SetPath(t, []string{steps[0].Name}, now)
}

// takeAt is the type of t after `unset .steps`.
func takeAt(t *types.Type, steps []ir.Step) (*types.Type, bool) {
	if path, ok := names(steps); ok {
		return types.UnsetPath(t, path)
	}
	if steps[0].Index != nil {
		return eachElement(t, steps[0].Index.Type(), func(elem *types.Type) (*types.Type, bool) {
			if len(steps) == 1 {
				return elem, true // an element less
			}
			return takeAt(elem, steps[1:])
		})
	}
	old, status := fieldType(t, steps[0].Name)
	switch {
	case status == types.FieldUnknown:
		return t, true
	case status != types.FieldOK:
		return nil, false
	}
	now, ok := takeAt(old, steps[1:])
	if !ok {
		return nil, false
	}
	after, ok := types.SetPath(t, []string{steps[0].Name}, now)
	if !ok {
		return nil, false
	}
	return union(t, after), true // or nothing was there
}

// eachElement changes one element of a list, or one field of an object that is
// chosen when the record runs, and so perhaps every one.
func eachElement(t, index *types.Type, change func(*types.Type) (*types.Type, bool)) (*types.Type, bool) {
	ts := []*types.Type{t}
	if t.Kind == types.Union {
		ts = t.Members
	}
	byText := types.Assignable(types.NonNull(index), types.StringT)
	var out []*types.Type
	for _, m := range ts {
		switch {
		case m.Kind == types.Any:
			out = append(out, m)
		case m.Kind == types.List && !byText:
			now, ok := change(m.Elem)
			if !ok {
				return nil, false
			}
			out = append(out, types.ListOf(union(m.Elem, now)))
		case m.Kind == types.Null && byText:
			now, ok := change(types.NullT)
			if !ok {
				return nil, false
			}
			out = append(out, m, types.MapOf(now))
		case m.Kind == types.Null:
			out = append(out, m) // fails, or does nothing
		case (m.Kind == types.Object || m.Kind == types.Map) && byText:
			now, ok := change(types.Nullable(types.ValuesOf(m)))
			if !ok {
				return nil, false
			}
			out = append(out, types.MapOf(union(types.ValuesOf(m), now)))
		default:
			return nil, false
		}
	}
	return union(out...), true
}
