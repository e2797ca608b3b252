package fn

import (
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// wholeStays gives int for an int and number for any other number.
func wholeStays(a []*types.Type) (*types.Type, error) {
	for _, t := range a {
		if !types.Assignable(t, types.IntT) {
			return types.NumberT, nil
		}
	}
	return types.IntT, nil
}

var round = &types.Func{
	Name:   "round",
	Doc:    "The number with so many decimals, half away from zero; exact.",
	Params: params{param("x", types.NumberT, "number"), optional("digits", types.IntT, num(0), "decimals; negative ones are tens, hundreds …")},
	Result: types.NumberT,
	Infer: func(a []*types.Type) (*types.Type, error) {
		if a[1].Kind == types.Literal && a[1].Lit.(value.Number).Sign() <= 0 {
			return types.IntT, nil
		}
		return wholeStays(a[:1])
	},
	Codes:    arithmetic,
	Examples: ex(`round(2.5)`, `3`, `round(-2.5)`, `-3`, `round(19.995, 2)`, `20`, `round(1250, -2)`, `1300`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return number(a[0].(value.Number).Round(small(a[1])))
	},
}

// number gives a result of arithmetic.
func number(n value.Number, err error) (value.Value, error) {
	if err != nil {
		return nil, err
	}
	return n, nil
}

var floor = &types.Func{
	Name:     "floor",
	Doc:      "The next whole number below, or the number itself.",
	Params:   params{param("x", types.NumberT, "number")},
	Result:   types.IntT,
	Codes:    arithmetic,
	Examples: ex(`floor(2.7)`, `2`, `floor(-2.1)`, `-3`, `floor(3.0)`, `3`),
	Call:     func(_ *types.Context, a args) (value.Value, error) { return number(a[0].(value.Number).Floor()) },
}

var ceil = &types.Func{
	Name:     "ceil",
	Doc:      "The next whole number above, or the number itself.",
	Params:   params{param("x", types.NumberT, "number")},
	Result:   types.IntT,
	Codes:    arithmetic,
	Examples: ex(`ceil(2.1)`, `3`, `ceil(-2.7)`, `-2`, `ceil(3.0)`, `3`),
	Call:     func(_ *types.Context, a args) (value.Value, error) { return number(a[0].(value.Number).Ceil()) },
}

var abs = &types.Func{
	Name:     "abs",
	Doc:      "The number without its sign.",
	Params:   params{param("x", types.NumberT, "number")},
	Result:   types.NumberT,
	Infer:    wholeStays,
	Examples: ex(`abs(-1.5)`, `1.5`, `abs(0)`, `0`),
	Call:     func(_ *types.Context, a args) (value.Value, error) { return a[0].(value.Number).Abs(), nil },
}

// ordered are the types that have an order among themselves.
var ordered = []*types.Type{types.NumberT, types.StringT, types.TimeT, types.DurationT}

// oneOrder tells whether all values of a type can be ordered among themselves.
func oneOrder(t *types.Type) bool {
	return slices.ContainsFunc(ordered, func(o *types.Type) bool { return types.Assignable(t, o) })
}

// extreme declares min or max: sign is -1 or 1.
func extreme(name, doc string, sign int, examples []types.Example) *types.Func {
	return &types.Func{
		Name: name, Sign: name + "(x: T, …) -> T", Doc: doc, Params: params{many("x", nil, "numbers, times, durations or texts, or one list of them")}, Result: types.AnyT,
		Infer: func(a []*types.Type) (*types.Type, error) {
			of := types.UnionOf(a...)
			if elem, isList := types.ElemType(a[0]); len(a) == 1 && isList {
				if !oneOrder(elem) {
					return nil, errors.New("a list of numbers, of texts, of times or of durations is expected")
				}
				return types.Nullable(elem), nil
			}
			if !oneOrder(of) {
				return nil, errors.New("numbers, texts, times or durations are expected, all of one kind")
			}
			return of, nil
		},
		Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			if l, isList := a[0].(value.List); isList && len(a) == 1 {
				a = l
			}
			var best value.Value
			for i, v := range a {
				if i == 0 {
					best = v
				} else if order, _ := value.Compare(v, best); order == sign {
					best = v
				}
			}
			return best, nil
		},
	}
}

var minFn = extreme("min", "The smallest of the arguments, or of the elements of one list; null when that is empty.", -1,
	ex(`min(3, 1.5, 2)`, `1.5`, `min([2, 1])`, `1`, `min([])`, `null`, `min("b", "a")`, `"a"`))

var maxFn = extreme("max", "The largest of the arguments, or of the elements of one list; null when that is empty.", 1,
	ex(`max(3, 1.5, 2)`, `3`, `max(90s, 1m)`, `90s`, `max([])`, `null`))

var clamp = &types.Func{
	Name:     "clamp",
	Doc:      "The number kept between low and high; where low is above high, low counts.",
	Params:   params{param("x", types.NumberT, "number"), param("low", types.NumberT, "least"), param("high", types.NumberT, "greatest")},
	Result:   types.NumberT,
	Infer:    wholeStays,
	Examples: ex(`clamp(120, 0, 100)`, `100`, `clamp(-1, 0, 100)`, `0`, `clamp(50, 100, 0)`, `100`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		x, low, high := a[0].(value.Number), a[1].(value.Number), a[2].(value.Number)
		if x.Cmp(high) > 0 {
			x = high
		}
		if x.Cmp(low) < 0 {
			x = low
		}
		return x, nil
	},
}

func total(l value.List) (sum value.Number, err error) {
	for _, e := range l {
		if sum, err = value.Add(sum, e.(value.Number)); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

var sum = &types.Func{
	Name:   "sum",
	Doc:    "The sum of a list of numbers; [] gives 0.",
	Params: params{param("list", numbers, "numbers")},
	Result: types.NumberT,
	Infer: func(a []*types.Type) (*types.Type, error) {
		elem, _ := types.ElemType(a[0])
		return wholeStays([]*types.Type{elem})
	},
	Codes:    arithmetic,
	Examples: ex(`sum([0.1, 0.2])`, `0.3`, `sum([])`, `0`),
	Call:     func(_ *types.Context, a args) (value.Value, error) { return number(total(a[0].(value.List))) },
}

var average = &types.Func{
	Name:     "average",
	Doc:      "The arithmetic mean of a list of numbers; [] gives null.",
	Params:   params{param("list", numbers, "numbers")},
	Result:   types.Nullable(types.NumberT),
	Codes:    arithmetic,
	Examples: ex(`average([1, 2])`, `1.5`, `average([])`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		l := a[0].(value.List)
		if len(l) == 0 {
			return nil, nil
		}
		s, err := total(l)
		if err != nil {
			return nil, err
		}
		return number(value.Quo(s, num(len(l))))
	},
}

var percent = &types.Func{
	Name: "percent",
	Doc:  "How many per cent of the whole a part is, rounded; null when the whole is 0.",
	Params: params{param("part", types.NumberT, "number"), param("whole", types.NumberT, "number"),
		optional("digits", types.IntT, num(2), "decimals")},
	Result:   types.Nullable(types.NumberT),
	Codes:    arithmetic,
	Examples: ex(`percent(1, 3)`, `33.33`, `percent(1, 0)`, `null`, `percent(2, 3, 0)`, `67`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		whole := a[1].(value.Number)
		if whole.Sign() == 0 {
			return nil, nil
		}
		n, err := value.Mul(a[0].(value.Number), num(100))
		if err == nil {
			n, err = value.Quo(n, whole)
		}
		if err == nil {
			n, err = n.Round(small(a[2]))
		}
		return number(n, err)
	},
}

var numberParse = &types.Func{
	Name: "number.parse",
	Doc:  "The number that a text holds as people of a place write it. Groups have three digits, and nothing may stand behind the number.",
	Params: params{param("s", types.StringT, "text"),
		param("locale", types.StringT, "language, or language and country: \"de\", \"en-US\", \"de-CH\"")},
	Result: types.NumberT,
	Infer:  func(a []*types.Type) (*types.Type, error) { return types.NumberT, checkLocale(a[1]) },
	Fails:  true,
	Examples: ex(`number.parse("1.299,50", "de")`, `1299.50`, `number.parse("1,299.50", "en")`, `1299.5`, `number.parse("-1 299,5", "fr")`, `-1299.5`,
		`number.parse("1.29,50", "de")`, `fails`, `number.parse("5 EUR", "de")`, `fails`, `number.parse("1", "xx")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		l, err := localeOf(a[1].(string))
		if err != nil {
			return nil, err
		}
		return l.parse(a[0].(string))
	},
}

var numberFormat = &types.Func{
	Name: "number.format",
	Doc:  "The number as people of a place write it: with groups of three digits, and so many decimals.",
	Params: params{param("x", types.NumberT, "number"), constant(param("locale", types.StringT, "as for number.parse")),
		optional("digits", types.IntT, num(2), "decimals")},
	Result:   types.StringT,
	Infer:    func(a []*types.Type) (*types.Type, error) { return types.StringT, checkLocale(a[1]) },
	Codes:    arithmetic,
	Examples: ex(`number.format(1299.5, "de")`, `"1.299,50"`, `number.format(-1234567.891, "en", 0)`, `"-1,234,568"`, `number.format(0.005, "de-CH")`, `"0.01"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		l, err := localeOf(a[1].(string))
		if err != nil {
			return nil, err
		}
		digits := small(a[2])
		if digits > maxText {
			return nil, tooLarge()
		}
		n, err := a[0].(value.Number).Round(digits)
		if err != nil {
			return nil, err
		}
		return text(l.format(n, digits))
	},
}

var numberUnscaled = &types.Func{
	Name:     "number.unscaled",
	Doc:      "The decimal that bytes hold as a big-endian whole number in two's complement, as Kafka Connect writes decimals.",
	Params:   params{param("b", types.BytesT, "bytes"), param("scale", types.IntT, "decimals")},
	Result:   types.NumberT,
	Fails:    true,
	Codes:    arithmetic,
	Examples: ex(`number.unscaled(base64.decode("B88="), 2)`, `19.99`, `number.unscaled(base64.decode("/w=="), 0)`, `-1`, `number.unscaled(base64.decode(""), 0)`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		b := a[0].(value.Bytes)
		if len(b) == 0 {
			return nil, errors.New("no bytes are no number")
		}
		// Leading bytes of the sign add nothing; what is left of 38 digits fits 16.
		sign := byte(0)
		if b[0]&0x80 != 0 {
			sign = 0xff
		}
		for len(b) > 1 && b[0] == sign && b[1]&0x80 == sign&0x80 {
			b = b[1:]
		}
		if len(b) > 17 {
			return nil, value.ErrOverflow
		}
		z := new(big.Int).SetBytes(b)
		if sign != 0 {
			z.Sub(z, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
		n, _ := value.ParseNumber(z.String())
		return number(n.Shift(-small(a[1])))
	},
}

var numberHex = &types.Func{
	Name:     "number.hex",
	Doc:      "The whole number that a text holds in hexadecimal digits, with or without 0x.",
	Params:   params{param("s", types.StringT, "text")},
	Result:   types.IntT,
	Fails:    true,
	Codes:    arithmetic,
	Examples: ex(`number.hex("0x1F")`, `31`, `number.hex("ff")`, `255`, `number.hex("")`, `fails`, `number.hex("0xfg")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := a[0].(string)
		if len(s) > 1 && s[0] == '0' && s[1]|0x20 == 'x' {
			s = s[2:]
		}
		digits := strings.TrimLeft(s, "0")
		if s == "" || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
			return nil, errors.New("not a number in hexadecimal digits")
		}
		if len(digits) > 32 {
			return nil, value.ErrOverflow
		}
		z, _ := new(big.Int).SetString("0"+digits, 16)
		n, _ := value.ParseNumber(z.String())
		return number(n.Round(0))
	},
}

var numberBucket = &types.Func{
	Name:     "number.bucket",
	Doc:      "Between which edges a number lies, as text: for traits and reports. The lower edge belongs to its bucket.",
	Params:   params{param("x", types.NumberT, "number"), param("edges", numbers, "edges in any order")},
	Result:   types.StringT,
	Examples: ex(`number.bucket(250, [0, 100, 500])`, `"100-500"`, `number.bucket(500, [0, 100, 500])`, `"500+"`, `number.bucket(-1, [0, 100])`, `"<0"`, `number.bucket(1, [])`, `"all"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		x := a[0].(value.Number)
		edges := slices.Clone(a[1].(value.List))
		if len(edges) == 0 {
			return "all", nil
		}
		slices.SortFunc(edges, func(a, b value.Value) int { return a.(value.Number).Cmp(b.(value.Number)) })
		i := 0
		for i < len(edges) && edges[i].(value.Number).Cmp(x) <= 0 {
			i++
		}
		edge := func(i int) string { return edges[i].(value.Number).Plain() }
		switch i {
		case 0:
			return text("<" + edge(0))
		case len(edges):
			return text(edge(i-1) + "+")
		}
		return text(edge(i-1) + "-" + edge(i))
	},
}
