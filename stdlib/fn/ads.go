package fn

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/stdlib/phone"
)

// sha256Of is how advertisers ask for what identifies a person.
func sha256Of(s string) value.Value {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

var adsEmail = &types.Func{
	Name:   "ads.email",
	Doc:    "SHA-256 of an e-mail address in its canonical form, as advertisers match persons by; null when it is no address.",
	Params: params{param("s", types.StringT, "address")},
	Result: types.Nullable(types.StringT),
	Examples: ex(`ads.email(" Ann@Example.com ") == hash.sha256("ann@example.com")`, `true`,
		`ads.email("ann@example.com")`, `"71d4f55f72fa128dfb468a1a3901507c804b74316488744d769d7f4b16696476"`, `ads.email("ann")`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := normalEmail(a[0].(string))
		if err != nil {
			return nil, nil
		}
		return sha256Of(s), nil
	},
}

var adsPhone = &types.Func{
	Name:     "ads.phone",
	Doc:      "SHA-256 of the digits of a telephone number in E.164, as advertisers match persons by; null when it is no number.",
	Params:   params{param("s", types.StringT, "number as people write it"), countryParam},
	Result:   types.Nullable(types.StringT),
	Infer:    checkCountry(types.Nullable(types.StringT)),
	Examples: ex(`ads.phone("030 123456", "DE") == hash.sha256("4930123456")`, `true`, `ads.phone("0", "DE")`, `null`, `ads.phone("030 123456", "XX")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := phone.E164(a[0].(string), a[1].(string))
		if err != nil {
			return nil, nil
		}
		return sha256Of(strings.TrimPrefix(s, "+")), nil
	},
}

var adsName = &types.Func{
	Name:     "ads.name",
	Doc:      "SHA-256 of a first or last name in small letters, without blanks and signs, as advertisers match persons by.",
	Params:   params{param("s", types.StringT, "name")},
	Result:   types.StringT,
	Examples: ex(`ads.name(" O'Neill ") == hash.sha256("oneill")`, `true`, `ads.name("Müller") == hash.sha256("müller")`, `true`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := norm.NFKC.String(strings.ToLower(norm.NFKC.String(a[0].(string))))
		return sha256Of(strings.Map(func(r rune) rune {
			if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) {
				return r
			}
			return -1
		}, s)), nil
	},
}
