package diag

// The mistakes about what a program remembers: tables, memories, their keys and
// their changes.
var (
	StateName = &Code{ID: "E0121", Title: "the name of a memory is too long",
		Doc: "What a stage remembers is found again by its name: keyword, route, and the text of its key, together at most 200 characters. A long key gets a short name with `let`."}
	EqualStates = &Code{ID: "W0508", Title: "two memories that only their order tells apart",
		Doc:   "What a stage remembers is named by its route and the text of its key; of equal ones the second gets #2, and they change places when one is put between. `dedupe NAME by …` and `window … as NAME` keep them apart for ever.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndedupe by .id within 1h\nmap { id: hash.short(.id) }\ndedupe by .id within 1h\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndedupe by .id within 1h\nmap { id: hash.short(.id) }\ndedupe hashed by .id within 1h\nemit log\n"}
)

// stateCodes lists them.
func stateCodes() []*Code {
	return []*Code{StateName, EqualStates}
}
