package diag

// The mistakes about people: identity spaces, audiences, and tables keyed by a person.
var (
	UnknownSpace = &Code{ID: "E0133", Title: "unknown identity space",
		Doc:   "A stage or a table names an identity space that no file of the program declares: `identity people { user_id, email }`.",
		Wrong: "app \"a\"\nidentity people { user_id, email }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve peeple as p { user_id: .id }\nemit log { p: p.id }\n",
		Right: "app \"a\"\nidentity people { user_id, email }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { user_id: .id }\nemit log { p: p.id }\n"}
	BadSpace = &Code{ID: "E0134", Title: "not an identity space",
		Doc:   "What the declaration says does not go together. An identity space lists kinds of identifiers, the best first, each once; at least one is of a person and not of a device. Options of an identifier are limit, per, grade (person or device), country (of phones) and blocked (patterns in backquotes).",
		Wrong: "app \"a\"\nidentity people { idfa, adid }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { idfa: .id }\nemit log { p: p.id }\n",
		Right: "app \"a\"\nidentity people { user_id, idfa, adid }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { idfa: .id }\nemit log { p: p.id }\n"}
	UnknownIdentifier = &Code{ID: "E0135", Title: "not an identifier of this space",
		Doc:   "`resolve`, `find` and `forget` take the identifiers that the space declares, each by its name, as text or a whole number.",
		Wrong: "app \"a\"\nidentity people { user_id, email }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { userid: .id }\nemit log { p: p.id }\n",
		Right: "app \"a\"\nidentity people { user_id, email }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { user_id: .id }\nemit log { p: p.id }\n"}
	BadAudience = &Code{ID: "E0136", Title: "not an audience",
		Doc:   "An audience is made of a table that routes write, by two conditions over `it`, its row: a key is a member from where `enter` holds until `leave` does. No stage writes an audience.",
		Wrong: "app \"a\"\ntable ltv: number = 0 keyed by string\naudience high on ltv { enter: it >= 500 }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate ltv[.id] = it + .n\n",
		Right: "app \"a\"\ntable ltv: number = 0 keyed by string\naudience high on ltv { enter: it >= 500, leave: it < 400 }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate ltv[.id] = it + .n\n"}
	NotPerson = &Code{ID: "E0137", Title: "not a person",
		Doc:   "A table or an audience keyed by an identity space takes a person, as `resolve`, `find` or the `as` of a source bind them; its rows move when two people become one.",
		Wrong: "app \"a\"\nidentity people { user_id, email }\ntable ltv: number = 0 keyed by people merge sum\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nupdate ltv[.id] = it + .n\n",
		Right: "app \"a\"\nidentity people { user_id, email }\ntable ltv: number = 0 keyed by people merge sum\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { user_id: .id }\nupdate ltv[p] = it + .n\n"}
	BadMerge = &Code{ID: "E0138", Title: "how rows merge",
		Doc:   "Two people who become one have two rows, and `merge` says which one comes of them: first, last (by `@time`), keep (the winner's), sum of numbers, min or max of numbers, texts, times and durations, any or all of bools, union of lists.",
		Wrong: "app \"a\"\nidentity people { user_id, email }\ntable ltv: number = 0 keyed by people\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { user_id: .id }\nupdate ltv[p] = it + .n\n",
		Right: "app \"a\"\nidentity people { user_id, email }\ntable ltv: number = 0 keyed by people merge sum\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nresolve people as p { user_id: .id }\nupdate ltv[p] = it + .n\n"}
)

// peopleCodes lists them.
func peopleCodes() []*Code {
	return []*Code{UnknownSpace, BadSpace, UnknownIdentifier, BadAudience, NotPerson, BadMerge}
}
