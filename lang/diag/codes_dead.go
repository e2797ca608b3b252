package diag

// Mistakes about `from dead` and `replay`, and failures of replays.
var (
	NoReplayHere = &Code{ID: "E0143", Title: "nothing to replay here",
		Doc:   "`replay` sends the dead letter at hand back to the route that gave it up. So it stands in a route of `from dead`, and not below a `split` or a `window` or in an `each`, where the record is no letter any more.",
		Wrong: "app \"a\"\nroute orders\nfrom topic \"t\" as { id: string }\nreplay\n",
		Right: "app \"a\"\nroute orders\nfrom topic \"t\" as { id: string }\nemit log\nroute repairs\nfrom dead orders\nreplay\n"}
	ReplayLimit = &Code{ID: "E0471", Title: "replayed too often",
		Doc: "A letter is replayed at most 5 times: what fails that often does not mend itself, and would go round for ever. It stays in its dead topic. Drop it, or export it and give its route the corrected event anew."}
	NotReplayed = &Code{ID: "E0472", Title: "a letter that cannot be replayed",
		Doc: "What a replay needs is not there any more, or never was in the letter: the topic or the emit that it names is no part of its route now, the stages above the place where it began were changed, or its value was too large for the dead topic and stands at its origin only. The message says which."}

	ReplayUnchanged = &Code{ID: "W0520", Title: "a correction that is not sent",
		Doc:   "A letter of class \"delivery\" is an output that its sink refused: `replay` sends it again as it was encoded and runs nothing. What is set above does not become part of it.",
		Wrong: "app \"a\"\nroute orders\nfrom topic \"t\" as { id: string }\nemit log\nroute repairs\nfrom dead orders\nwhere @dead.class == \"delivery\"\nset .id = \"x\"\nreplay\n",
		Right: "app \"a\"\nroute orders\nfrom topic \"t\" as { id: string }\nemit log\nroute repairs\nfrom dead orders\nwhere @dead.class == \"processing\"\nset .id = \"x\"\nreplay\n"}
)

// deadCodes lists them.
func deadCodes() []*Code { return []*Code{NoReplayHere, ReplayLimit, NotReplayed, ReplayUnchanged} }
