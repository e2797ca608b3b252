package request

import (
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Undeclared is what Oddities calls a field that the type does not declare: names come
// from the sender, and must not grow what is counted.
const Undeclared = "other"

// Oddities counts what a sender should look at, in query and form: parameters in which
// bytes that are no text became U+FFFD, and by field of t texts that are macros which
// nobody expanded. Both are taken.
func (r *Request) Oddities(t *types.Type) (replaced int, macros map[string]int) {
	replaced = odd(r.Query, t, &macros)
	if r.IsForm() {
		replaced += odd(string(r.Body), t, &macros)
	}
	return replaced, macros
}

func odd(query string, t *types.Type, macros *map[string]int) (replaced int) {
	for raw := range strings.SplitSeq(query, "&") {
		name, v, _ := strings.Cut(raw, "=")
		if !utf8.ValidString(Unescape(name)) || !utf8.ValidString(Unescape(v)) {
			replaced++
		}
		if !value.IsMacro(plain(v)) {
			continue
		}
		field := Undeclared
		if n := plain(name); declares(t, n) {
			field = n
		}
		if *macros == nil {
			*macros = map[string]int{}
		}
		(*macros)[field]++
	}
	return replaced
}

// declares tells whether a type has a field of a name.
func declares(t *types.Type, name string) bool {
	switch {
	case t == nil:
		return false
	case t.Kind == types.Union:
		for _, m := range t.Members {
			if declares(m, name) {
				return true
			}
		}
		return false
	case t.Kind != types.Object:
		return false
	}
	_, ok := t.Field(name)
	return ok
}
