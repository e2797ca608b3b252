package fn

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// wordsOf takes a name apart: at signs that are no letters or digits, where small
// letters are followed by a capital, and before the last of several capitals
// that begin a word (HTTPServer).
func wordsOf(s string) []string {
	var words []string
	start := -1
	runes := []rune(s)
	for i, r := range runes {
		inWord := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
		switch {
		case !inWord:
			if start >= 0 {
				words = append(words, string(runes[start:i]))
			}
			start = -1
		case start < 0:
			start = i
		case unicode.IsUpper(r) && (!unicode.IsUpper(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])):
			words = append(words, string(runes[start:i]))
			start = i
		}
	}
	if start >= 0 {
		words = append(words, string(runes[start:]))
	}
	return words
}

func joined(s, sep string, word func(i int, w string) string) string {
	words := wordsOf(s)
	for i, w := range words {
		words[i] = word(i, strings.ToLower(w))
	}
	return strings.Join(words, sep)
}

func plainWord(_ int, w string) string { return w }

func capital(w string) string {
	r, n := utf8.DecodeRuneInString(w)
	return string(unicode.ToTitle(r)) + w[n:]
}

// inCase declares a function that writes a name, or the keys of an object at all
// levels, in another way.
func inCase(name, doc string, examples []types.Example, f func(string) string) *types.Func {
	return &types.Func{
		Name: name, Doc: doc + " Of an object its keys, at all levels; fails where names collide.",
		Params: params{param("x", types.Declared(types.StringT, types.ObjectT), "text or object")},
		Result: types.Declared(types.StringT, types.ObjectT),
		Codes:  names,
		Infer:  func(a []*types.Type) (*types.Type, error) { return renamedType(a[0], f, true), nil },
		Call: func(_ *types.Context, a args) (value.Value, error) {
			if s, ok := a[0].(string); ok {
				return text(f(s))
			}
			return renamed(a[0], f)
		},
		Examples: examples,
	}
}

// renamed gives all objects within a value other keys.
func renamed(v value.Value, f func(string) string) (value.Value, error) {
	var err error
	switch v := v.(type) {
	case value.List:
		out := make(value.List, len(v))
		for i := range v {
			if out[i], err = renamed(v[i], f); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *value.Object:
		fields := fieldsOf(v)
		for i := range fields {
			fields[i].Key = f(fields[i].Key)
			if fields[i].Value, err = renamed(fields[i].Value, f); err != nil {
				return nil, err
			}
		}
		return distinct(fields)
	}
	return v, nil
}

// renamedType is the type of what renamed gives; at the top a text is renamed itself.
func renamedType(t *types.Type, f func(string) string, top bool) *types.Type {
	switch t.Kind {
	case types.String, types.Literal:
		if top {
			return types.StringT
		}
	case types.List:
		return types.ListOf(renamedType(t.Elem, f, false))
	case types.Map:
		return types.MapOf(renamedType(t.Elem, f, false))
	case types.Union:
		ms := make([]*types.Type, len(t.Members))
		for i, m := range t.Members {
			ms[i] = renamedType(m, f, top)
		}
		return types.UnionOf(ms...)
	case types.Object:
		return renamedRow(t, f)
	}
	return t
}

func renamedRow(t *types.Type, f func(string) string) *types.Type {
	seen := map[string]bool{}
	out := eachField(t, func(x types.Field) types.Field {
		x.Name, x.Type = f(x.Name), renamedType(x.Type, f, false)
		seen[x.Name] = true
		return x
	})
	// Of other fields one may get the name of a declared one that is missing.
	if len(seen) < len(t.Fields) || t.Open || t.Rest != nil {
		return types.ObjectT
	}
	return out
}

var caseSnake = inCase("case.snake", "The name as order_id.",
	ex(`case.snake("orderId")`, `"order_id"`, `case.snake("HTTPServer v2")`, `"http_server_v2"`, `case.snake({ orderId: { lineItems: [{ unitPrice: 1 }] } })`,
		`{ order_id: { line_items: [{ unit_price: 1 }] } }`, `case.snake({ orderId: 1, order_id: 2 })`, `fails`),
	func(s string) string { return joined(s, "_", plainWord) })

var caseCamel = inCase("case.camel", "The name as orderId.",
	ex(`case.camel("order_id")`, `"orderId"`, `case.camel("Order ID")`, `"orderId"`, `case.camel("")`, `""`),
	func(s string) string {
		return joined(s, "", func(i int, w string) string {
			if i == 0 {
				return w
			}
			return capital(w)
		})
	})

var caseTitle = inCase("case.title", "The name as \"Order Completed\".",
	ex(`case.title("order_completed")`, `"Order Completed"`, `case.title("orderCompleted")`, `"Order Completed"`, `case.title({ a_b: 1 })`, `{ "A B": 1 }`),
	func(s string) string { return joined(s, " ", func(_ int, w string) string { return capital(w) }) })

var caseKebab = inCase("case.kebab", "The name as order-id.",
	ex(`case.kebab("orderId")`, `"order-id"`, `case.kebab("--")`, `""`),
	func(s string) string { return joined(s, "-", plainWord) })
