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
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string }\ndedupe by .id within 1h\nemit log\n", Right: "app \"a\"\nfrom topic \"t\" as { id: string }\nemit log\n"}
)

// All lists every code, in order. It is an explicit list, so that a reader and
// the generated reference see the same.
func All() []*Code {
	all := append([]*Code{Syntax, NotYet}, checkCodes()...)
	all = append(append(all, runCodes()...), warningCodes()...)
	slices.SortStableFunc(all, func(a, b *Code) int { return strings.Compare(a.ID, b.ID) })
	return all
}
