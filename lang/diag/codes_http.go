package diag

// Mistakes and failures of `emit http` and `call http`.
var (
	BadURL = &Code{ID: "E0141", Title: "not an address of this connection",
		Doc:   "A connection with a `url` takes addresses that begin with `/`, or none; one without takes whole ones: `https://…`, or `http://…`. `${…}` in an address is a part of it and is percent-encoded, so a whole address from the record is written without quotes: `.url`.",
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
	ThrottledCall = &Code{ID: "W0511", Title: "a throttle that does not slow the calls below it",
		Doc:   "A record that waits for the answer of a `call` runs again from its beginning when that has come, and what it did before does not count. So a `throttle` above the call counts records that have their answers, and lets as many ask as come. What a receiver is to get is limited by the `rate` of its connection: all that is sent to it, from every route, by calls and emits, waits its turn, and nothing is dropped.",
		Wrong: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\" }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\nthrottle 5/s by \"crm\" else wait\ncall http GET \"/users/${.id}\" via crm as r: { name: string }\nemit topic \"u\" { value: r.body }\n",
		Right: "app \"a\"\nconnection http crm { url: \"https://crm.example.com\", rate: 5/s }\nfrom topic \"t\" as { id: string, n: number, s: string?, tags: [string] }\ncall http GET \"/users/${.id}\" via crm as r: { name: string }\nemit topic \"u\" { value: r.body }\n"}

	BadAddress = &Code{ID: "E0460", Title: "not usable as an address",
		Doc: "An address could not be made of the record: a part of it is null or \"\", it leads out of the connection's own (`..`), it does not begin with https:// or http:// where the connection has no `url`, or a value of its query is null, a list or an object (`key?:` leaves a null out)."}
)

// httpCodes lists them.
func httpCodes() []*Code { return []*Code{BadURL, BadBatch, BadAddress, KeyBelowCall, ThrottledCall} }
