package fn

import (
	"errors"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// elemOf is the type of the elements of a list argument.
func elemOf(t *types.Type) *types.Type {
	elem, ok := types.ElemType(t)
	if !ok {
		return types.AnyT
	}
	return elem
}

// element declares a function that gives one element of a list, or null.
func element(name, doc string, examples []types.Example, f func(value.List) value.Value) *types.Func {
	return &types.Func{
		Name: name, Sign: name + "(list: [T]) -> T?", Doc: doc, Params: params{param("list", anyList, "list")}, Result: types.AnyT, Examples: examples,
		Infer: func(a []*types.Type) (*types.Type, error) { return types.Nullable(elemOf(a[0])), nil },
		Call: func(_ *types.Context, a args) (value.Value, error) {
			l := a[0].(value.List)
			if len(l) == 0 {
				return nil, nil
			}
			return f(l), nil
		},
	}
}

var first = element("first", "The first element; null when the list is empty.",
	ex(`first([3, 1])`, `3`, `first([])`, `null`), func(l value.List) value.Value { return l[0] })

var last = element("last", "The last element; null when the list is empty.",
	ex(`last([3, 1])`, `1`, `last([])`, `null`), func(l value.List) value.Value { return l[len(l)-1] })

// sameList is the type of a list made of another one's elements.
func sameList(a []*types.Type) (*types.Type, error) { return types.ListOf(elemOf(a[0])), nil }

// slice declares take or skip.
func slice(name, doc string, examples []types.Example, f func(l value.List, n int) value.List) *types.Func {
	return &types.Func{
		Name: name, Sign: name + "(list: [T], n: int) -> [T]", Doc: doc, Params: params{param("list", anyList, "list"), param("n", types.IntT, "elements")}, Result: anyList,
		Infer: sameList, Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			l := a[0].(value.List)
			return f(l, min(max(small(a[1]), 0), len(l))), nil
		},
	}
}

// The capacity is cut in both, so that nobody appends into another's list.
var take = slice("take", "The first n elements.",
	ex(`take([1, 2, 3], 2)`, `[1, 2]`, `take([1], 5)`, `[1]`, `take([1], -1)`, `[]`), func(l value.List, n int) value.List { return l[:n:n] })

var skip = slice("skip", "The list without its first n elements.",
	ex(`skip([1, 2, 3], 2)`, `[3]`, `skip([1], 5)`, `[]`, `skip([1], -1)`, `[1]`), func(l value.List, n int) value.List { return l[n:len(l):len(l)] })

var errMixture = errors.New("only numbers, only texts, only times or only durations have an order")

var sortFn = &types.Func{
	Name:   "sort",
	Sign:   "sort(list: [T]) -> [T]!",
	Doc:    "The list in ascending order: numbers, texts (by code point), times or durations. Fails on a mixture, and on null.",
	Params: params{param("list", anyList, "list")},
	Result: anyList,
	Fails:  true,
	Infer: func(a []*types.Type) (*types.Type, error) {
		elem := elemOf(a[0])
		if !slices.ContainsFunc(ordered, func(o *types.Type) bool { return !types.Disjoint(elem, o) }) && elem.Kind != types.Never {
			return nil, errMixture
		}
		return types.ListOf(elem), nil
	},
	Examples: ex(`sort([3, 1.5, 2])`, `[1.5, 2, 3]`, `sort([])`, `[]`, `sort(["b", "B", "a"])`, `["B", "a", "b"]`, `sort([1, "a"])`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		l := slices.Clone(a[0].(value.List))
		return sorted(l, l, false)
	},
}

// sorted brings l into the order of keys; l and keys may be one list.
func sorted(l, keys value.List, down bool) (value.Value, error) {
	for i := range keys {
		if _, ok := value.Compare(keys[0], keys[i]); !ok {
			return nil, errMixture
		}
	}
	at := make([]int, len(l))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(i, j int) int {
		order, _ := value.Compare(keys[i], keys[j])
		if down {
			return -order
		}
		return order
	})
	out := make(value.List, len(l))
	for i, j := range at {
		out[i] = l[j]
	}
	return out, nil
}

// byField are the parameters of the functions that look at fields of objects.
func byField(rest bool) params {
	f := param("field", types.StringT, "name of a field")
	f.Rest = rest
	return params{param("list", objects, "objects"), f}
}

// knownFields refuses a constant name that no object of the list declares.
func knownFields(a []*types.Type, sign string) error {
	elem := elemOf(a[0])
	for _, f := range a[1:] {
		if f.Kind != types.Literal {
			continue
		}
		name := strings.TrimPrefix(f.Lit.(string), sign)
		if _, status := types.FieldType(elem, name); status == types.FieldUnknown && elem.Kind != types.Never {
			return unknownField(name, elem)
		}
	}
	return nil
}

func unknownField(name string, t *types.Type) error {
	if near := diag.Nearest(name, types.FieldNames(t)); near != "" {
		return failf("there is no field %q; did you mean %q?", name, near)
	}
	return failf("there is no field %q", name)
}

var sortBy = &types.Func{
	Name:   "sort_by",
	Doc:    "The objects in the order of a field, then of the next; \"-price\" sorts down. Fails where a field is null, or of several kinds.",
	Params: byField(true),
	Result: objects,
	Fails:  true,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if err := knownFields(a, "-"); err != nil {
			return nil, err
		}
		return sameList(a)
	},
	Examples: ex(`sort_by([{ p: 1 }, { p: 3 }, { p: 2 }], "-p")`, `[{ p: 3 }, { p: 2 }, { p: 1 }]`,
		`sort_by([{ a: 1, b: 2 }, { a: 1, b: 1 }], "a", "b")`, `[{ a: 1, b: 1 }, { a: 1, b: 2 }]`, `sort_by([{ p: 1 }, { p: null }], "p")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		l := a[0].(value.List)
		// Sorting is stable, so the least important field goes first.
		for i := len(a) - 1; i > 0; i-- {
			field, down := strings.CutPrefix(a[i].(string), "-")
			keys := make(value.List, len(l))
			for j, o := range l {
				keys[j], _ = o.(*value.Object).Get(field)
			}
			out, err := sorted(l, keys, down)
			if err != nil {
				return nil, err
			}
			l = out.(value.List)
		}
		return l, nil
	},
}

// firsts keeps the first element of every key.
func firsts(l value.List, key func(dst []byte, v value.Value) []byte) value.List {
	seen := make(map[string]struct{}, len(l))
	out := make(value.List, 0, len(l))
	var buf []byte
	for _, e := range l {
		buf = key(buf[:0], e)
		if _, ok := seen[string(buf)]; !ok {
			seen[string(buf)] = struct{}{}
			out = append(out, e)
		}
	}
	return out
}

var unique = &types.Func{
	Name:     "unique",
	Sign:     "unique(list: [T]) -> [T]",
	Doc:      "The list without repeats; of equal elements the first stays.",
	Params:   params{param("list", anyList, "list")},
	Result:   anyList,
	Infer:    sameList,
	Examples: ex(`unique([1, 2, 1.0])`, `[1, 2]`, `unique([{ a: 1, b: 2 }, { b: 2, a: 1 }])`, `[{ a: 1, b: 2 }]`, `unique([1, "1", null, null])`, `[1, "1", null]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return firsts(a[0].(value.List), value.AppendKey), nil
	},
}

var uniqueBy = &types.Func{
	Name:   "unique_by",
	Doc:    "The objects without those whose fields equal an earlier one's; null equals null.",
	Params: byField(true),
	Result: objects,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if err := knownFields(a, ""); err != nil {
			return nil, err
		}
		return sameList(a)
	},
	Examples: ex(`unique_by([{ id: 1, n: 1 }, { id: 1, n: 2 }], "id")`, `[{ id: 1, n: 1 }]`, `unique_by([], "id")`, `[]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return firsts(a[0].(value.List), func(dst []byte, e value.Value) []byte {
			for _, f := range a[1:] {
				v, _ := e.(*value.Object).Get(f.(string))
				dst = value.AppendKey(dst, v)
			}
			return dst
		}), nil
	},
}

var errNullKey = errors.New("the field is null in one of the objects")

// keyed walks over objects with the text of one of their fields.
func keyed(l value.List, field string, do func(key string, o value.Value)) error {
	for _, o := range l {
		v, _ := o.(*value.Object).Get(field)
		if v == nil {
			return errNullKey
		}
		key, err := value.Plain(v)
		if err != nil {
			return err
		}
		do(key, o)
	}
	return nil
}

var groupBy = &types.Func{
	Name:   "group_by",
	Doc:    "The objects in lists by the text of a field, in the order in which they come. Fails where the field is null.",
	Params: byField(false),
	Result: types.MapOf(objects),
	Fails:  true,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if err := knownFields(a, ""); err != nil {
			return nil, err
		}
		return types.MapOf(types.ListOf(elemOf(a[0]))), nil
	},
	Examples: ex(`group_by([{ c: "x", n: 1 }, { c: "y", n: 2 }, { c: "x", n: 3 }], "c")`, `{ x: [{ c: "x", n: 1 }, { c: "x", n: 3 }], y: [{ c: "y", n: 2 }] }`,
		`group_by([{ c: null }], "c")`, `fails`, `group_by([{ c: 1.0 }], "c")`, `{ "1": [{ c: 1 }] }`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		groups, at := []value.Field{}, map[string]int{}
		err := keyed(a[0].(value.List), a[1].(string), func(key string, o value.Value) {
			i, ok := at[key]
			if !ok {
				i = len(groups)
				at[key] = i
				groups = append(groups, value.Field{Key: key, Value: value.List{}})
			}
			groups[i].Value = append(groups[i].Value.(value.List), o)
		})
		if err != nil {
			return nil, err
		}
		return value.NewObject(groups...), nil
	},
}

var indexBy = &types.Func{
	Name:   "index_by",
	Doc:    "The objects by the text of a field; of several the last counts. Fails where the field is null.",
	Params: byField(false),
	Result: types.MapOf(types.ObjectT),
	Fails:  true,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if err := knownFields(a, ""); err != nil {
			return nil, err
		}
		return types.MapOf(elemOf(a[0])), nil
	},
	Examples: ex(`index_by([{ id: "a", n: 1 }, { id: "a", n: 2 }], "id")`, `{ a: { id: "a", n: 2 } }`, `index_by([{ id: null }], "id")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		var fields []value.Field
		err := keyed(a[0].(value.List), a[1].(string), func(key string, o value.Value) {
			fields = append(fields, value.Field{Key: key, Value: o})
		})
		if err != nil {
			return nil, err
		}
		return value.NewObject(fields...), nil
	},
}

var reverse = &types.Func{
	Name:     "reverse",
	Sign:     "reverse(list: [T]) -> [T]",
	Doc:      "The list with its last element first.",
	Params:   params{param("list", anyList, "list")},
	Result:   anyList,
	Infer:    sameList,
	Examples: ex(`reverse([1, 2, 3])`, `[3, 2, 1]`, `reverse([])`, `[]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		l := slices.Clone(a[0].(value.List))
		slices.Reverse(l)
		return l, nil
	},
}

var flatten = &types.Func{
	Name:     "flatten",
	Sign:     "flatten(list: [[T]]) -> [T]",
	Doc:      "The lists of a list as one; deeper ones stay.",
	Params:   params{param("list", types.ListOf(anyList), "list of lists")},
	Result:   anyList,
	Infer:    func(a []*types.Type) (*types.Type, error) { return types.ListOf(elemOf(elemOf(a[0]))), nil },
	Examples: ex(`flatten([[1], [], [2, 3]])`, `[1, 2, 3]`, `flatten([[[1]]])`, `[[1]]`, `flatten([])`, `[]`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		n := 0
		for _, l := range a[0].(value.List) {
			n += len(l.(value.List))
		}
		// One list may stand in the outer one many times.
		if n > maxElems {
			return nil, tooMany()
		}
		out := make(value.List, 0, n)
		for _, l := range a[0].(value.List) {
			out = append(out, l.(value.List)...)
		}
		return out, nil
	},
}

var anyFn = &types.Func{
	Name:     "any",
	Doc:      "Whether one of the bools is true: any([l.qty > 3 for l in .lines]).",
	Params:   params{param("list", types.ListOf(types.BoolT), "bools")},
	Result:   types.BoolT,
	Examples: ex(`any([false, true])`, `true`, `any([])`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return slices.Contains(a[0].(value.List), value.Value(true)), nil
	},
}

var allFn = &types.Func{
	Name:     "all",
	Doc:      "Whether none of the bools is false; [] gives true.",
	Params:   params{param("list", types.ListOf(types.BoolT), "bools")},
	Result:   types.BoolT,
	Examples: ex(`all([true, false])`, `false`, `all([])`, `true`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return !slices.Contains(a[0].(value.List), value.Value(false)), nil
	},
}
