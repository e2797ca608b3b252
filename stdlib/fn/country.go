package fn

import (
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib/country"
)

// ofCountry declares a function of a country, null where a text names none.
func ofCountry(name, doc string, p types.Param, examples []types.Example, f func(country.Country) string) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{p}, Result: types.Nullable(types.StringT), Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			c, ok := country.Find(a[0].(string))
			if !ok {
				return nil, nil
			}
			return f(c), nil
		},
	}
}

var countryText = param("s", types.StringT, "code or name, in either case")

var countryCode = ofCountry("country.code", "The code of a country in two letters, by a code of two or three letters or a name in English; null when it is none.", countryText,
	ex(`country.code("Germany")`, `"DE"`, `country.code("DEU")`, `"DE"`, `country.code("de")`, `"DE"`, `country.code("UK")`, `"GB"`, `country.code("Atlantis")`, `null`),
	func(c country.Country) string { return c.Code })

var countryName = ofCountry("country.name", "The name of a country in English; null when the text names none.", countryText,
	ex(`country.name("DE")`, `"Germany"`, `country.name("XX")`, `null`, `country.name("Czech Republic")`, `"Czechia"`),
	func(c country.Country) string { return c.Name })

var countryAlpha3 = ofCountry("country.alpha3", "The code of a country in three letters; null when the text names none.", countryText,
	ex(`country.alpha3("DE")`, `"DEU"`, `country.alpha3("")`, `null`),
	func(c country.Country) string { return c.Alpha3 })
