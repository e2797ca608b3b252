package fn

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// MaxCollect is the most values that `collect` keeps of one pane.
const MaxCollect = 1_000

// Aggregates are what a field of `window { … }` may be. They have no code here:
// they are not called with a list of values but fed with one record after another
// (runtime/op). A subject that is null is not seen by them.
func Aggregates() []*types.Func { return slices.Clone(aggregates) }

var aggregates = []*types.Func{
	{Name: "count", Doc: "How many records the pane has.", Result: types.IntT},
	{Name: "sum", Doc: "The sum, exact; 0 of none. A sum beyond 38 digits fails the record that brings it there.",
		Params: params{param("x", types.NumberT, "number")}, Result: types.NumberT, Infer: wholeStays, Codes: arithmetic},
	{Name: "min", Sign: "min(x: T) -> T", Doc: "The smallest.", Params: params{param("x", nil, "number, text, time or duration")}, Result: types.AnyT, Infer: ordering},
	{Name: "max", Sign: "max(x: T) -> T", Doc: "The largest.", Params: params{param("x", nil, "number, text, time or duration")}, Result: types.AnyT, Infer: ordering},
	{Name: "average", Doc: "The arithmetic mean: the exact sum by the count, to 34 digits.", Params: params{param("x", types.NumberT, "number")}, Result: types.NumberT, Codes: arithmetic},
	{Name: "first", Sign: "first(x: T) -> T", Doc: "The value of the earliest record; of equal times that of the one that came first.",
		Params: params{param("x", nil, "any value")}, Result: types.AnyT, Infer: itself},
	{Name: "last", Sign: "last(x: T) -> T", Doc: "The value of the latest record; of equal times that of the one that came last.",
		Params: params{param("x", nil, "any value")}, Result: types.AnyT, Infer: itself},
	{Name: "distinct", Sign: "distinct(x: any) -> int", Doc: "How many different values there are, by `==`; exact to 10,000, then ±1 %.",
		Params: params{param("x", nil, "any value")}, Result: types.IntT},
	{Name: "collect", Sign: "collect(x: T, max: int) -> [T]", Doc: "The values of the earliest records, at most so many, in order of time; of equal times as they came. Together at most 1 MiB.",
		Params: params{param("x", nil, "any value"), constant(param("max", types.IntT, "1 to 1,000"))}, Result: types.ListOf(types.AnyT),
		Infer: func(a []*types.Type) (*types.Type, error) {
			n, _ := a[1].Lit.(value.Number)
			if i, ok := n.Int64(); !ok || i < 1 || i > MaxCollect {
				return nil, fmt.Errorf("it keeps 1 to %d values", MaxCollect)
			}
			return types.ListOf(a[0]), nil
		}},
	{Name: "percentile", Doc: "The smallest value that at least p per cent of the values do not exceed; exact to 10,000 values, then of the values cut to four digits.",
		Params: params{param("x", types.NumberT, "number"), constant(param("p", types.NumberT, "0 to 100"))}, Result: types.NumberT,
		Infer: func(a []*types.Type) (*types.Type, error) {
			p, _ := a[1].Lit.(value.Number)
			if p.Sign() < 0 || p.Cmp(value.FromInt(100)) > 0 {
				return nil, errors.New("a percentile is 0 to 100")
			}
			return types.NumberT, nil
		}},
}

// itself gives the type of the argument.
func itself(a []*types.Type) (*types.Type, error) { return a[0], nil }

// ordering gives the type of the argument, whose values must have an order.
func ordering(a []*types.Type) (*types.Type, error) {
	if !oneOrder(a[0]) {
		return nil, errors.New("numbers, texts, times or durations are expected, all of one kind")
	}
	return a[0], nil
}
