package fn

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib/phone"
)

var countryParam = param("country", types.StringT, "where the number is dialled, in two letters: \"DE\"")

// checkCountry gives the result and refuses a constant that names no country.
func checkCountry(result *types.Type) func(a []*types.Type) (*types.Type, error) {
	return func(a []*types.Type) (*types.Type, error) {
		if a[1].Kind == types.Literal {
			if _, ok := phone.Region(a[1].Lit.(string)); !ok {
				return nil, phone.ErrCountry
			}
		}
		return result, nil
	}
}

var phoneE164 = &types.Func{
	Name:     "phone.e164",
	Doc:      "A telephone number in its international form, E.164. It must be a number of the country's plan; an extension is left out.",
	Params:   params{param("s", types.StringT, "number as people write it"), countryParam},
	Result:   types.StringT,
	Fails:    true,
	Infer:    checkCountry(types.StringT),
	Examples: ex(`phone.e164("030 123456", "DE")`, `"+4930123456"`, `phone.e164("+1 (650) 253-0000", "DE")`, `"+16502530000"`, `phone.e164("0", "DE")`, `fails`, `phone.e164("030 123456", "XX")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := phone.E164(a[0].(string), a[1].(string))
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

var phoneValid = &types.Func{
	Name:     "phone.valid",
	Doc:      "Whether `phone.e164` would succeed.",
	Params:   params{param("s", types.StringT, "number as people write it"), countryParam},
	Result:   types.BoolT,
	Infer:    checkCountry(types.BoolT),
	Examples: ex(`phone.valid("030 123456", "DE")`, `true`, `phone.valid("", "DE")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, err := phone.E164(a[0].(string), a[1].(string))
		return err == nil, nil
	},
}

var phoneCountry = &types.Func{
	Name:     "phone.country",
	Doc:      "The country of a number in E.164; null when it is none, or of no country.",
	Params:   params{param("s", types.StringT, "number in E.164")},
	Result:   types.Nullable(types.StringT),
	Examples: ex(`phone.country("+4930123456")`, `"DE"`, `phone.country("030 123456")`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		if c, ok := phone.Country(a[0].(string)); ok {
			return c, nil
		}
		return nil, nil
	},
}

var phoneDigits = onText("phone.digits", "The digits of a number, without \"+\", blanks and other signs.",
	ex(`phone.digits("+49 30/123-456")`, `"4930123456"`, `phone.digits("none")`, `""`),
	func(s string) string {
		return strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, s)
	})
