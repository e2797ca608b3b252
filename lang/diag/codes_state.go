package diag

// The mistakes about what a program remembers: tables, memories, their keys and
// their changes.
var (
	StateName = &Code{ID: "E0121", Title: "the name of a memory is too long",
		Doc: "What a stage remembers is found again by its name: keyword, route, and the text of its key, together at most 200 characters. A long key gets a short name with `let`."}
	UnknownTable = &Code{ID: "E0122", Title: "unknown table",
		Doc:   "A stage or a source names a table that no file of the program declares: `table taken: string keyed by string`.",
		Wrong: "app \"a\"\ntable taken: int keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate takn[.id] = 1\n",
		Right: "app \"a\"\ntable taken: int keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate taken[.id] = 1\n"}
	BadTable = &Code{ID: "E0123", Title: "not a table",
		Doc:   "What the declaration says does not go together. A table that routes write is `keyed by` types, one loaded from a file by fields of its row, one from a topic by `string` (the record's key) or by fields; a row is never null, a key is a text, a number, a bool, a time or a duration.",
		Wrong: "app \"a\"\ntable taken: int? keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate taken[.id] = 1\n",
		Right: "app \"a\"\ntable taken: int keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate taken[.id] = 1\n"}
	TableLoaded = &Code{ID: "E0124", Title: "loaded, and not written",
		Doc:   "A table `from file` or `from topic` is what was loaded last; no stage writes it.",
		Wrong: "app \"a\"\ntable plans: { id: string, price: number } keyed by .id from file \"plans.csv\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndelete plans[.id]\n",
		Right: "app \"a\"\ntable plans: { id: string, price: number } keyed by .id from file \"plans.csv\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { price: plans[.id].price }\n"}
	TableKeys = &Code{ID: "E0125", Title: "not the key of this table",
		Doc:   "`T[…]` takes as many values as the table is keyed by, in that order.",
		Wrong: "app \"a\"\ntable taken: int keyed by string, int\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate taken[.id] = 1\n",
		Right: "app \"a\"\ntable taken: int keyed by string, int\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate taken[.id, 7] = 1\n"}
	MemoryKey = &Code{ID: "E0126", Title: "another key than elsewhere",
		Doc:   "`dedupe NAME` is one memory for the whole program. What one stage keeps in it another finds only under a key of the same type.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndedupe seen by .id within 1h\ndedupe seen by .n within 1h\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndedupe seen by .id within 1h\ndedupe numbers by .n within 1h\nemit log\n"}
	NoChanges = &Code{ID: "E0127", Title: "tells no changes",
		Doc:   "`from changes` reads what routes change. A loaded table has no changes of its own: what it is loaded from is read with `from topic`. Nor are its rows read on a schedule, `from table`.",
		Wrong: "app \"a\"\ntable plans: { id: string, price: number } keyed by .id from file \"plans.csv\"\nfrom changes plans\nemit log\n",
		Right: "app \"a\"\ntable plans: { id: string, price: number } keyed by string\nroute write\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate plans[.id] = { id: .id, price: .n }\nroute read\nfrom changes plans\nemit log\n"}
	NoTableValue = &Code{ID: "E0128", Title: "a table is no value",
		Doc:   "A table is read a row at a time, by its key: `taken[.id]`.",
		Wrong: "app \"a\"\ntable taken: int keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndelete taken[\"\"]\nemit log { taken }\n",
		Right: "app \"a\"\ntable taken: int keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndelete taken[\"\"]\nemit log { taken: taken[.id] }\n"}
	NeverWritten = &Code{ID: "W0509", Title: "a table that nothing writes",
		Doc:   "Routes read the table, or wait for its changes, and no route of the program writes it: it stays empty. A table of another source is loaded with `from file` or `from topic`. An identity space that no route resolves stays empty, too.",
		Wrong: "app \"a\"\ntable taken: int keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit log { taken: taken[.id] }\n",
		Right: "app \"a\"\ntable taken: int keyed by string\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate taken[.id] = (it ?? 0) + 1 as n\nemit log { taken: n }\n"}
	EqualStates = &Code{ID: "W0508", Title: "two memories that only their order tells apart",
		Doc:   "What a stage remembers is named by its route and the text of its key; of equal ones the second gets #2, and they change places when one is put between. `dedupe NAME by …` and `window … as NAME` keep them apart for ever.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndedupe by .id within 1h\nmap { id: hash.short(.id) }\ndedupe by .id within 1h\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ndedupe by .id within 1h\nmap { id: hash.short(.id) }\ndedupe hashed by .id within 1h\nemit log\n"}
)

// stateCodes lists them.
func stateCodes() []*Code {
	return []*Code{StateName, UnknownTable, BadTable, TableLoaded, TableKeys, MemoryKey, NoChanges, NoTableValue, EqualStates, NeverWritten}
}
