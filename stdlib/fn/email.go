package fn

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

var errEmail = errors.New("the text is not an e-mail address")

// normalEmail gives the canonical form of an address: trimmed, NFKC, lower case.
// Dots and plus tags stay: they tell mailboxes apart at most providers.
func normalEmail(s string) (string, error) {
	// Lower case of some characters decomposes anew, so NFKC comes last, too.
	s = norm.NFKC.String(strings.ToLower(norm.NFKC.String(strings.TrimSpace(s))))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > 254 || !isLocalPart(local) || !isDomain(domain) {
		return "", errEmail
	}
	return s, nil
}

func isLocalPart(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		if !wordRune(r) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r) {
			return false
		}
	}
	return true
}

// isDomain tells whether s has at least two labels and a last one that is no number.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
			return false
		}
		for _, r := range l {
			if !wordRune(r) && r != '-' {
				return false
			}
		}
	}
	return len(labels) > 1 && !allDigits(labels[len(labels)-1])
}

// wordRune tells whether r is a letter, digit or mark of any script.
func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) && r != utf8.RuneError
}

var emailNormalize = &types.Func{
	Name:   "email.normalize",
	Doc:    "The canonical form of an e-mail address: trimmed, lower case, NFKC, letters of any script; dots and plus tags stay.",
	Params: params{param("s", types.StringT, "address")},
	Result: types.StringT,
	Fails:  true,
	Examples: ex(`email.normalize(" Ann.Lee+news@Example.COM ")`, `"ann.lee+news@example.com"`, `email.normalize("jürgen@exämple.de")`, `"jürgen@exämple.de"`,
		`email.normalize("a@b")`, `fails`, `email.normalize("a@b@example.com")`, `fails`, `email.normalize("Ann <ann@example.com>")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := normalEmail(a[0].(string))
		if err != nil {
			return nil, err
		}
		return s, nil
	},
}

var emailValid = &types.Func{
	Name:     "email.valid",
	Doc:      "Whether `email.normalize` would succeed.",
	Params:   params{param("s", types.StringT, "address")},
	Result:   types.BoolT,
	Examples: ex(`email.valid("a@example.com")`, `true`, `email.valid("a@example.com, b@example.com")`, `false`, `email.valid("")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, err := normalEmail(a[0].(string))
		return err == nil, nil
	},
}

var emailDomain = &types.Func{
	Name:     "email.domain",
	Doc:      "The domain of an e-mail address in its canonical form; null when the text is none.",
	Params:   params{param("s", types.StringT, "address")},
	Result:   types.Nullable(types.StringT),
	Examples: ex(`email.domain("ann@Example.com")`, `"example.com"`, `email.domain("ann")`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := normalEmail(a[0].(string))
		if err != nil {
			return nil, nil
		}
		_, domain, _ := strings.Cut(s, "@")
		return domain, nil
	},
}

var emailIsRole = &types.Func{
	Name:     "email.is_role",
	Doc:      "Whether an e-mail address is that of a task and not of one person: noreply@, info@, support@ and the like, with or without a tag.",
	Params:   params{param("s", types.StringT, "address")},
	Result:   types.BoolT,
	Examples: ex(`email.is_role("No-Reply@example.com")`, `true`, `email.is_role("info+de@example.com")`, `true`, `email.is_role("ann@example.com")`, `false`, `email.is_role("info")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, err := normalEmail(a[0].(string))
		if err != nil {
			return false, nil
		}
		local, _, _ := strings.Cut(s, "@")
		local, _, _ = strings.Cut(local, "+")
		return roles[strings.NewReplacer(".", "", "-", "", "_", "").Replace(local)], nil
	},
}

// roles are mailboxes that stand for a task, without signs: those of RFC 2142 and
// what mail programs and shops use.
var roles = map[string]bool{
	"abuse": true, "hostmaster": true, "noc": true, "postmaster": true, "security": true, "webmaster": true, "news": true, "usenet": true, "www": true, "ftp": true, "uucp": true,
	"info": true, "marketing": true, "sales": true, "support": true, "admin": true, "administrator": true, "root": true, "billing": true, "contact": true, "feedback": true,
	"hello": true, "help": true, "helpdesk": true, "hr": true, "jobs": true, "careers": true, "legal": true, "mailerdaemon": true, "newsletter": true, "office": true,
	"orders": true, "press": true, "privacy": true, "returns": true, "service": true, "customerservice": true, "team": true, "noreply": true, "donotreply": true, "bounce": true, "bounces": true,
}
