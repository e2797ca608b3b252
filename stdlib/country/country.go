// Package country holds the countries of ISO 3166 as data: their codes of two and
// three letters, and the names that senders write in English. It takes text and
// knows nothing else. XK, which no standard gives and everybody uses for Kosovo, is
// in the list.
package country

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// A line of the file is "DE DEU Germany|Federal Republic of Germany|Deutschland";
// the first name is the one that is given.
//
//go:embed countries.txt
var file string

// Country is one line of the list.
type Country struct {
	Code, Alpha3, Name string
	names              []string
}

type table struct {
	all    []Country
	byName map[string]int // folded codes and names
}

var load = sync.OnceValue(func() *table {
	t := &table{byName: map[string]int{}}
	for line := range strings.Lines(file) {
		code, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		alpha3, rest, _ := strings.Cut(rest, " ")
		names := strings.Split(rest, "|")
		for _, name := range append([]string{code, alpha3}, names...) {
			t.byName[fold(name)] = len(t.all)
		}
		t.all = append(t.all, Country{code, alpha3, names[0], names})
	}
	return t
})

// Find gives the country that a text names: by a code of two or three letters, in
// either case, or by one of its names.
func Find(s string) (Country, bool) {
	t := load()
	i, ok := t.byName[fold(s)]
	if !ok {
		return Country{}, false
	}
	return t.all[i], true
}

// All lists the countries by their codes.
func All() []Country { return load().all }

// fold makes one of what people write in several ways: "Côte d’Ivoire" and "cote
// divoire", "St. Lucia" and "Saint Lucia", "The Gambia" and "Gambia".
func fold(s string) string {
	if len(s) > 200 {
		return "" // no country is called so
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(strings.ReplaceAll(s, "&", " and ")) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteRune(unicode.ToLower(r))
		case r == ' ', r == '-', r == '_', r == ',', unicode.IsSpace(r):
			b.WriteByte(' ')
		}
	}
	words := strings.Fields(b.String())
	for i, w := range words {
		if w == "st" {
			words[i] = "saint"
		}
	}
	if len(words) > 1 && words[0] == "the" {
		words = words[1:]
	}
	return strings.Join(words, " ")
}
