package fn

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// address is an address taken apart by RFC 3986 (appendix B), which every text
// can be. Escapes stay as they are, broken ones too: what browsers send is not
// always right, and nothing of it may get lost.
type address struct {
	scheme, authority, path, query, fragment string
	hasAuthority                             bool
}

func addressOf(s string) (a address) {
	s, a.fragment, _ = strings.Cut(s, "#")
	s, a.query, _ = strings.Cut(s, "?")
	if scheme, rest, ok := strings.Cut(s, ":"); ok && isScheme(scheme) {
		a.scheme, s = strings.ToLower(scheme), rest
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		a.hasAuthority = true
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			a.authority, s = rest[:i], rest[i:]
		} else {
			a.authority, s = rest, ""
		}
	}
	a.path = s
	return a
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || c != '+' && c != '-' && c != '.' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

var urlPath = &types.Func{
	Name:   "url.path",
	Doc:    "The path of an address as it stands there, \"/\" where only the host is given; null when there is none.",
	Params: params{param("s", types.StringT, "address")},
	Result: types.Nullable(types.StringT),
	Examples: ex(`url.path("https://shop.example.com/products/1?ref=a#top")`, `"/products/1"`, `url.path("https://shop.example.com")`, `"/"`,
		`url.path("/products/1?x")`, `"/products/1"`, `url.path("mailto:a@example.com")`, `null`, `url.path("https://example.com/a%2")`, `"/a%2"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		u := addressOf(strings.TrimSpace(a[0].(string)))
		switch {
		case strings.HasPrefix(u.path, "/"):
			return u.path, nil
		case u.hasAuthority && u.authority != "":
			return "/", nil
		}
		return nil, nil
	},
}
