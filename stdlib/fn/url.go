package fn

import (
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

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

// host gives the host without user and port, in lower case, and the port; "" where
// no host can be called so.
func (a address) host() (host, port string) {
	host = a.authority[strings.LastIndexByte(a.authority, '@')+1:]
	// The colons of an address of version 6 stand in brackets.
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host, port = host[:i], host[i+1:]
	}
	if strings.ContainsFunc(host, noHost) || strings.HasPrefix(host, "[") != strings.HasSuffix(host, "]") {
		return "", ""
	}
	return strings.ToLower(host), port
}

// noHost tells a character that no host has.
func noHost(r rune) bool {
	return r <= ' ' || strings.ContainsRune("<>\"{}|\\^`\x7f", r)
}

// parameter is one of a query; raw is how it stands there.
type parameter struct{ raw, name, value string }

// parameters reads a query as browsers write it: a + is a blank, broken escapes
// stay as they are, what is not UTF-8 becomes U+FFFD.
func parameters(query string) (out []parameter) {
	for raw := range strings.SplitSeq(query, "&") {
		if raw == "" {
			continue
		}
		name, v, _ := strings.Cut(raw, "=")
		out = append(out, parameter{raw, formText(name), formText(v)})
	}
	return out
}

func formText(s string) string {
	s, _ = unescaped(strings.ReplaceAll(s, "+", " "))
	return strings.ToValidUTF8(s, "\ufffd")
}

// unescaped reads %XX; whole tells whether all escapes were good.
func unescaped(s string) (text string, whole bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	whole = true
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if i+2 < len(s) {
				if b, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
					out = append(out, b[0])
					i += 2
					continue
				}
			}
			whole = false
		}
		out = append(out, s[i])
	}
	return string(out), whole
}

var urlHost = &types.Func{
	Name:     "url.host",
	Doc:      "The host of an address in lower case, without user and port; null when there is none.",
	Params:   params{param("s", types.StringT, "address")},
	Result:   types.Nullable(types.StringT),
	Examples: ex(`url.host("https://me@Shop.example.com:8443/a")`, `"shop.example.com"`, `url.host("/a/b")`, `null`, `url.host("http://[::1]:80/")`, `"[::1]"`, `url.host("https://{host}/a")`, `null`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		if host, _ := addressOf(strings.TrimSpace(a[0].(string))).host(); host != "" {
			return host, nil
		}
		return nil, nil
	},
}

// lastParameter gives the value of the last parameter of a name.
func lastParameter(ps []parameter, name string) value.Value {
	for i := len(ps) - 1; i >= 0; i-- {
		if ps[i].name == name {
			return ps[i].value
		}
	}
	return nil
}

var urlQuery = &types.Func{
	Name:     "url.query",
	Doc:      "A parameter of the query, the last of its name; null when there is none.",
	Params:   params{param("s", types.StringT, "address"), param("name", types.StringT, "name of a parameter")},
	Result:   types.Nullable(types.StringT),
	Examples: ex(`url.query("/s?q=a+b%20c&p=1&p=2", "q")`, `"a b c"`, `url.query("/s?p=1&p=2", "p")`, `"2"`, `url.query("/s?q", "q")`, `""`, `url.query("/s", "q")`, `null`, `url.query("/s?q=100%", "q")`, `"100%"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return lastParameter(parameters(addressOf(a[0].(string)).query), a[1].(string)), nil
	},
}

var urlEncode = &types.Func{
	Name:     "url.encode",
	Doc:      "The text as a part of an address, percent-encoded. Interpolation in a request's address does this by itself.",
	Params:   params{param("s", types.StringT, "text")},
	Result:   types.StringT,
	Examples: ex(`url.encode("a b/é&")`, `"a%20b%2F%C3%A9%26"`, `url.encode("a-b_c.d~e")`, `"a-b_c.d~e"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s := a[0].(string)
		out := make([]byte, 0, len(s))
		for i := range len(s) {
			c := s[i]
			if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
				out = append(out, c)
				continue
			}
			const digits = "0123456789ABCDEF"
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
		return text(string(out))
	},
}

var urlDecode = &types.Func{
	Name:     "url.decode",
	Doc:      "The text that a percent-encoded one stands for; a + stays one.",
	Params:   params{param("s", types.StringT, "text")},
	Result:   types.StringT,
	Fails:    true,
	Examples: ex(`url.decode("a%20b%2F%C3%A9+")`, `"a b/é+"`, `url.decode("100%")`, `fails`, `url.decode("%FF")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, whole := unescaped(a[0].(string))
		if !whole || !utf8.ValidString(s) {
			return nil, errors.New("the text is not percent-encoded UTF-8")
		}
		return s, nil
	},
}

var urlWithout = &types.Func{
	Name:     "url.without",
	Doc:      "The address without these parameters: tokens, e-mail addresses. The rest stays byte for byte.",
	Params:   params{param("s", types.StringT, "address"), many("name", types.StringT, "name of a parameter")},
	Result:   types.StringT,
	Examples: ex(`url.without("https://a.example/?token=x&q=1#top", "token")`, `"https://a.example/?q=1#top"`, `url.without("/a?token=x", "token")`, `"/a"`, `url.without("/a?q=%zz", "p")`, `"/a?q=%zz"`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		s, fragment, hasFragment := strings.Cut(a[0].(string), "#")
		s, query, _ := strings.Cut(s, "?")
		ps := slices.DeleteFunc(parameters(query), func(p parameter) bool { return slices.Contains(a[1:], value.Value(p.name)) })
		for i, p := range ps {
			if i == 0 {
				s += "?" + p.raw
			} else {
				s += "&" + p.raw
			}
		}
		if hasFragment {
			s += "#" + fragment
		}
		return s, nil
	},
}

var utmNames = []string{"source", "medium", "name", "term", "content"}

var urlUTM = &types.Func{
	Name:   "url.utm",
	Doc:    "The campaign that an address tells of by its utm_ parameters, as context.campaign wants it; utm_campaign is its name.",
	Params: params{param("s", types.StringT, "address")},
	Result: types.Obj(fieldsNamed(types.Nullable(types.StringT), utmNames...)...),
	Examples: ex(`url.utm("/?utm_source=news&utm_campaign=Spring+Sale").name`, `"Spring Sale"`,
		`url.utm("/")`, `{ source: null, medium: null, name: null, term: null, content: null }`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		ps := parameters(addressOf(a[0].(string)).query)
		fields := make([]value.Field, len(utmNames))
		for i, name := range utmNames {
			key := "utm_" + name
			if name == "name" {
				key = "utm_campaign"
			}
			fields[i] = value.Field{Key: name, Value: lastParameter(ps, key)}
		}
		return value.NewObject(fields...), nil
	},
}

func fieldsNamed(t *types.Type, names ...string) []types.Field {
	out := make([]types.Field, len(names))
	for i, n := range names {
		out[i] = types.Field{Name: n, Type: t}
	}
	return out
}

var urlParse = &types.Func{
	Name:   "url.parse",
	Doc:    "All parts of an address with scheme and host; of equal parameters the last counts.",
	Params: params{param("s", types.StringT, "address")},
	Result: types.Obj(append(fieldsNamed(types.StringT, "scheme", "host", "path"),
		types.Field{Name: "port", Type: types.Nullable(types.IntT)}, types.Field{Name: "query", Type: types.MapOf(types.StringT)},
		types.Field{Name: "fragment", Type: types.Nullable(types.StringT)})...),
	Fails: true,
	Examples: ex(`url.parse("https://shop.example.com:8443/a?b=1#c")`, `{ scheme: "https", host: "shop.example.com", port: 8443, path: "/a", query: { b: "1" }, fragment: "c" }`,
		`url.parse("http://example.com")`, `{ scheme: "http", host: "example.com", port: null, path: "/", query: {}, fragment: null }`, `url.parse("/a")`, `fails`, `url.parse("http://a:x/")`, `fails`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		u := addressOf(strings.TrimSpace(a[0].(string)))
		host, portText := u.host()
		var port, fragment value.Value
		if portText != "" {
			n, err := strconv.ParseUint(portText, 10, 16)
			if err != nil {
				return nil, errors.New("the port of the address is no number up to 65535")
			}
			port = num(int(n))
		}
		if u.scheme == "" || host == "" {
			return nil, errors.New("the address has no scheme or no host")
		}
		if u.fragment != "" {
			fragment = u.fragment
		}
		var query []value.Field
		for _, p := range parameters(u.query) {
			query = append(query, value.Field{Key: p.name, Value: p.value})
		}
		if u.path == "" {
			u.path = "/"
		}
		return value.NewObject(value.Field{Key: "scheme", Value: u.scheme}, value.Field{Key: "host", Value: host}, value.Field{Key: "port", Value: port},
			value.Field{Key: "path", Value: u.path}, value.Field{Key: "query", Value: value.NewObject(query...)}, value.Field{Key: "fragment", Value: fragment}), nil
	},
}
