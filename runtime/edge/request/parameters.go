package request

import (
	"encoding/hex"
	"strings"
)

// Parameter is one of a query or a form.
type Parameter struct{ Name, Value string }

// Parameters reads a query or a form as browsers write it: a + is a blank, broken
// escapes and ; stay as they are, what is not UTF-8 becomes U+FFFD. Names are taken as
// they stand.
func Parameters(query string) []Parameter {
	var out []Parameter
	for raw := range strings.SplitSeq(query, "&") {
		if raw == "" {
			continue
		}
		name, v, _ := strings.Cut(raw, "=")
		out = append(out, Parameter{plain(name), plain(v)})
	}
	return out
}

// Without takes the parameters of a name out of a query, and gives their values. The
// others keep their bytes.
func Without(query, name string) (rest string, values []string) {
	var kept []string
	for raw := range strings.SplitSeq(query, "&") {
		n, v, _ := strings.Cut(raw, "=")
		if plain(n) == name {
			values = append(values, plain(v))
			continue
		}
		kept = append(kept, raw)
	}
	if values == nil {
		return query, nil
	}
	return strings.Join(kept, "&"), values
}

// plain reads escapes.
func plain(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	return strings.ToValidUTF8(Unescape(s), "\ufffd")
}

// Unescape reads %XX where it is whole.
func Unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if b, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				out = append(out, b[0])
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return string(out)
}
