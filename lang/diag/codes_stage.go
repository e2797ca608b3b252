package diag

// The mistakes about the stages that begin records of their own: `split`, `window`.
var (
	Misplaced = &Code{ID: "E0131", Title: "not in this place",
		Doc:   "A `window` ends the record and begins another event, the pane, so it stands at the top level of its route. A `split` makes records of their own, and so cannot stand in an `each`, whose children belong to one record.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhen .n > 1 {\n  window 5m by .id { n: count() }\n}\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwhere .n > 1\nwindow 5m by .id { n: count() }\nemit log\n"}
	NotAggregate = &Code{ID: "E0132", Title: "not an aggregate",
		Doc:   "Each field of a `window` is one aggregate: `count sum min max average first last distinct collect percentile`. What is computed of them is computed below the window, where `.` is the object of its fields.",
		Wrong: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwindow 5m by .id { total: round(.n, 2) }\nemit log\n",
		Right: "app \"a\"\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nwindow 5m by .id { total: sum(.n) }\nset .total = round(.total, 2)\nemit log\n"}
)

// stageCodes lists them.
func stageCodes() []*Code {
	return []*Code{Misplaced, NotAggregate}
}
