package diag

// Mistakes and failures of `emit http` and `call http`.
var (
	BadURL = &Code{ID: "E0141", Title: "not an address of this connection",
		Doc:   "A connection with a `url` takes addresses that begin with `/`, or none; one without takes whole ones: `https://…`. `${…}` in an address is a part of it and is percent-encoded, so a whole address from the record is written without quotes: `.url`.",
		Wrong: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\" }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit http POST \"users\" via crm { body: { id: .id } }\n",
		Right: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\" }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit http POST \"/users\" via crm { body: { id: .id } }\n"}
	BadBatch = &Code{ID: "E0142", Title: "not known when a batch is sent",
		Doc:   "The body of a batch is made once a request, of `items`, the list of what each event gave with `item`. The answer to a request is judged when it comes. In both places only constants are known besides: the events are gone.",
		Wrong: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\", batch: 100 or 1s }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit http POST \"/users\" via crm { item: .id, body: { users: items, at: .n } }\n",
		Right: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\", batch: 100 or 1s }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nemit http POST \"/users\" via crm { item: { id: .id, at: .n }, body: { users: items } }\n"}
	KeyBelowCall = &Code{ID: "W0510", Title: "another key below a call",
		Doc:   "A record that waits for the answer of a `call` keeps its place among those of its own ordering key, not among those of others. So outputs under another `key` come in the order in which their records run, which is when their answers came.",
		Wrong: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\" }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ncall http GET \"/users\" via crm as r: { name: string } { query: { id: .id } }\nemit topic \"u\" { key: r.body.name, value: . }\n",
		Right: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\" }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nkey by .id\ncall http GET \"/users\" via crm as r: { name: string } { query: { id: .id } }\nemit topic \"u\" { key: .id, value: . }\n"}

	BadAddress = &Code{ID: "E0460", Title: "not usable as an address",
		Doc: "An address could not be made of the record: a part of it is null or \"\", it leads out of the connection's own (`..`), it is no whole address where the connection has no `url`, or a value of its query is null, a list or an object (`key?:` leaves a null out)."}
)

// httpCodes lists them.
func httpCodes() []*Code { return []*Code{BadURL, BadBatch, BadAddress, KeyBelowCall} }
