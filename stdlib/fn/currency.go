package fn

import (
	"errors"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib/currency"
)

var errCurrency = errors.New("there is no such currency in ISO 4217, or its amounts have no decimals: three letters such as \"EUR\" are expected")

var codeParam = param("code", types.StringT, "code of ISO 4217, in either case")

func digitsOf(code value.Value) (int, error) {
	d, ok := currency.Digits(code.(string))
	if !ok {
		return 0, errCurrency
	}
	return d, nil
}

// checkCurrency gives the result and refuses a constant that names no currency.
func checkCurrency(result *types.Type, at int) func(a []*types.Type) (*types.Type, error) {
	return func(a []*types.Type) (*types.Type, error) {
		if a[at].Kind == types.Literal {
			if _, err := digitsOf(a[at].Lit); err != nil {
				return nil, err
			}
		}
		return result, nil
	}
}

var currencyValid = &types.Func{
	Name:     "currency.valid",
	Doc:      "Whether a text is a code of ISO 4217.",
	Params:   params{param("s", types.StringT, "code, in either case")},
	Result:   types.BoolT,
	Examples: ex(`currency.valid("eur")`, `true`, `currency.valid("EURO")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return currency.Valid(upperASCII(a[0].(string))), nil
	},
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

var currencyDigits = &types.Func{
	Name:     "currency.digits",
	Doc:      "How many decimals amounts of a currency have: JPY 0, EUR 2, KWD 3.",
	Params:   params{codeParam},
	Result:   types.IntT,
	Fails:    true,
	Infer:    checkCurrency(types.IntT, 0),
	Examples: ex(`currency.digits("EUR")`, `2`, `currency.digits("jpy")`, `0`, `currency.digits("QQQ")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		d, err := digitsOf(a[0])
		if err != nil {
			return nil, err
		}
		return num(d), nil
	},
}

var currencyFromMinor = &types.Func{
	Name:     "currency.from_minor",
	Doc:      "The amount that so many of a currency's smallest units are.",
	Params:   params{param("n", types.IntT, "smallest units"), codeParam},
	Result:   types.NumberT,
	Fails:    true,
	Infer:    checkCurrency(types.NumberT, 1),
	Codes:    arithmetic,
	Examples: ex(`currency.from_minor(1999, "EUR")`, `19.99`, `currency.from_minor(1999, "JPY")`, `1999`, `currency.from_minor(-5, "kwd")`, `-0.005`, `currency.from_minor(1, "QQQ")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		d, err := digitsOf(a[1])
		if err != nil {
			return nil, err
		}
		return number(a[0].(value.Number).Shift(-d))
	},
}

var errMinor = errors.New("the amount has more decimals than the currency")

var currencyToMinor = &types.Func{
	Name:     "currency.to_minor",
	Doc:      "How many of a currency's smallest units an amount is. Fails where the amount has more decimals than the currency; `round` it before.",
	Params:   params{param("x", types.NumberT, "amount"), codeParam},
	Result:   types.IntT,
	Fails:    true,
	Infer:    checkCurrency(types.IntT, 1),
	Codes:    arithmetic,
	Examples: ex(`currency.to_minor(19.99, "EUR")`, `1999`, `currency.to_minor(19.999, "EUR")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		d, err := digitsOf(a[1])
		if err != nil {
			return nil, err
		}
		n, err := a[0].(value.Number).Shift(d)
		if err == nil && !n.IsInt() {
			err = errMinor
		}
		return number(n, err)
	},
}
