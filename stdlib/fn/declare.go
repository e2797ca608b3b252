// Package fn is the library of Route: its functions, written once over values,
// a file per section of the reference. A function takes values of the types it
// declares and gives a value or an error; it knows no clock (but Context), no
// network, no files and nothing of scripts.
//
// A null subject never reaches a function unless it says TakesNull: the
// evaluator answers null for it (language.md §3). Unchecked assertions like
// a[0].(string) are right here, the checker proved the type.
package fn

import (
	"fmt"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Short names for what every declaration is made of.
type (
	// Section is a heading of the reference and its functions.
	Section struct {
		Title string
		Funcs []*types.Func
	}
	args   = []value.Value
	params = []types.Param
)

// param declares a parameter that must be given. A nil type is "T".
func param(name string, t *types.Type, doc string) types.Param {
	return types.Param{Name: name, Type: t, Doc: doc}
}

// optional declares a parameter that has a default.
func optional(name string, t *types.Type, def value.Value, doc string) types.Param {
	return types.Param{Name: name, Type: t, Doc: doc, Default: def, HasDef: true}
}

// many declares a last parameter that is given once or more often.
func many(name string, t *types.Type, doc string) types.Param {
	return types.Param{Name: name, Type: t, Doc: doc, Rest: true}
}

// constant demands that the argument is a constant.
func constant(p types.Param) types.Param {
	p.Const = true
	return p
}

// ex lists examples: a call and what it gives, a call and what it gives …
func ex(pairs ...string) []types.Example {
	out := make([]types.Example, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, types.Example{Expr: pairs[i], Want: pairs[i+1]})
	}
	return out
}

// Types that signatures share.
var (
	texts       = types.ListOf(types.StringT)
	anyList     = types.ListOf(types.AnyT)
	numbers     = types.ListOf(types.NumberT)
	objects     = types.ListOf(types.ObjectT)
	textOrBytes = types.Declared(types.StringT, types.BytesT)
)

// Codes that functions may fail with besides E0422.
var (
	arithmetic = []*diag.Code{diag.Decimal}
	names      = []*diag.Code{diag.Collision}
)

// Bounds of one value. A text is held to its bytes, a list to the steps that a
// record may take: nothing could be done with a longer one.
const (
	maxText  = 4 << 20
	maxElems = 1_000_000
)

func tooLarge() error {
	return diag.Failf(diag.TooLarge, token.Span{}, "the result is larger than 4 MiB")
}

func tooMany() error {
	return diag.Failf(diag.TooMuch, token.Span{}, "the result has more than 1,000,000 elements")
}

// text gives a computed text, unless it is too large.
func text(s string) (value.Value, error) {
	if len(s) > maxText {
		return nil, tooLarge()
	}
	return s, nil
}

// list gives computed texts as a list.
func list(parts []string) (value.Value, error) {
	if len(parts) > maxElems {
		return nil, tooMany()
	}
	out := make(value.List, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out, nil
}

// collision is two fields that would get one name.
func collision(name string) error {
	f := diag.Failf(diag.Collision, token.Span{}, "two fields would get one name")
	f.Excerpt = value.Excerpt(name, 80)
	return f
}

// failf is what is wrong with a call, for the checker.
func failf(format string, a ...any) error { return fmt.Errorf(format, a...) }

// small gives an int as one of the machine, cut to a range that covers every
// length and position of a value.
func small(v value.Value) int {
	n := v.(value.Number)
	i, ok := n.Int64()
	const far = 1 << 30
	switch {
	case !ok && n.Sign() < 0, i < -far:
		return -far
	case !ok, i > far:
		return far
	}
	return int(i)
}

func num(i int) value.Number { return value.FromInt(int64(i)) }
