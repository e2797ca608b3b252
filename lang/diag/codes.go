package diag

import (
	"slices"
	"strings"
)

// The codes, one per kind of mistake: E00 text and grammar, E01 names and
// declarations, E02 fields and types, E03 functions and expressions, E04
// failures of run time (and what shows them at compile time), E05 Segment and
// other sinks, E06 the program as a whole, W warnings. A test compiles every
// Wrong and expects exactly that code, and every Right and expects none.
var (
	Syntax = &Code{ID: "E0001", Title: "not in the grammar",
		Doc:   "The text cannot be read as Route here. The message says what was expected; reading goes on at the next stage, so every mistake of a file is reported in one run.",
		Wrong: "app \"a\"\nfrom topic \"t\"\nwhere .a >\nemit log\n", Right: "app \"a\"\nfrom topic \"t\" as { a: int }\nwhere .a > 1\nemit log\n"}
	NotYet = &Code{ID: "E0002", Title: "not there yet",
		Doc:   "The grammar knows this part of the language, this version of Sluice does not run it yet.",
		Wrong: "app \"a\"\ntable n: int = 0 keyed by string ttl 1d\nroute w\nfrom topic \"t\" as { id: string }\nupdate n[.id] = it + 1\nroute s\nfrom table n every 1d\nwindow 7d by \"all\" { days: count() }\nemit log\n",
		Right: "app \"a\"\ntable n: int = 0 keyed by string ttl 1d\nroute w\nfrom topic \"t\" as { id: string }\nupdate n[.id] = it + 1\nroute s\nfrom table n every 1d\nemit log { n: . }\n"}
	BadToken = &Code{ID: "E0003", Title: "no word, number, text or sign",
		Doc:   "These characters are no part of the language: a text that its line does not close, a number with an unknown unit, an unknown escape, typographic quotes, a letter that names cannot have. Names are ASCII; a field with another name is read as .[\"größe\"] and written { \"größe\": 1 }.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { status: string }\nwhere .status == 'paid'\nemit log\n", Right: "app \"a\"\nfrom topic \"t\" as { status: string }\nwhere .status == \"paid\"\nemit log\n"}
	Unclosed = &Code{ID: "E0004", Title: "a bracket without its other half",
		Doc:   "A bracket is not closed before the next stage or declaration begins, or one closes what was never opened. Of several in one route only the first is told: the others are mostly its echo.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string }\nmap {\n  id: .id\nemit log\n", Right: "app \"a\"\nfrom topic \"t\" as { id: string }\nmap {\n  id: .id\n}\nemit log\n"}
	Nesting = &Code{ID: "E0005", Title: "nested too deep",
		Doc:   "Brackets nest at most 200 deep, and an expression is a tree of at most 1,000 levels, where each operator of a chain counts. Name the inner parts with `let`.",
		Wrong: "app \"a\"\nlet deep = " + strings.Repeat("(", 201) + "1" + strings.Repeat(")", 201) + "\nfrom topic \"t\"\nemit log\n", Right: "app \"a\"\nlet deep = ((1))\nfrom topic \"t\"\nemit log { deep }\n"}
)

// All lists every code, in order. It is an explicit list, so that a reader and
// the generated reference see the same.
func All() []*Code {
	all := append([]*Code{Syntax, NotYet, BadToken, Unclosed, Nesting}, checkCodes()...)
	all = append(append(append(append(all, runCodes()...), stateCodes()...), append(append(peopleCodes(), stageCodes()...), append(httpCodes(), callCodes()...)...)...), warningCodes()...)
	all = append(all, segmentCodes()...)
	all = append(all, planCodes()...)
	all = append(all, deadCodes()...)
	slices.SortStableFunc(all, func(a, b *Code) int { return strings.Compare(a.ID, b.ID) })
	return all
}
