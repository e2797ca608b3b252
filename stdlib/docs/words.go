package docs

import "strings"

// word is what a line begins with: how it is written, what it means, and a route that
// has it. A test checks each; the head of what they share is told there.
type word struct {
	name  string
	forms string // one a line
	doc   string
	code  string
}

func stagePages() (out []*Page) {
	for _, list := range []struct {
		kind, section string
		words         []word
	}{{Declares, "Declarations", declarations}, {Stage, "Sources", sources}, {Stage, "Stages", stages}, {Stage, "Emits", emits}} {
		for _, w := range list.words {
			out = append(out, &Page{Kind: list.kind, Name: w.name, Section: list.section, Forms: strings.Split(w.forms, "\n"), Doc: w.doc,
				Fields: reservedBy(w.name), Examples: []Example{{Code: w.code}}})
		}
	}
	for _, w := range expressions {
		p := &Page{Kind: Expression, Name: w.name, Section: "Expressions", Forms: strings.Split(w.forms, "\n"), Doc: w.doc}
		for line := range strings.SplitSeq(w.code, "\n") {
			code, want, _ := strings.Cut(line, "  # ")
			p.Examples = append(p.Examples, Example{code, want})
		}
		out = append(out, p)
	}
	return out
}

var declarations = []word{
	{"app", `app "NAME"`, "Names the program, once in all its files. The name is part of every consumer group, message id and state, so that a folder may be renamed.", `app "shop"`},
	{"use", "use MODULE", "Brings a module that is written in Route into a file. Its names stand behind the last part of the module's: `use segment/ecommerce` gives `ecommerce.order`. `sluice docs` lists the modules.", "use kochava"},
	{"type", "type NAME = T\ntype NAME = schema \"file.json\"", "Names a type. `f: T?` takes null and missing, `f?: T` missing but not null; `A | B` is a union, `\"a\" | \"b\"` one of texts; `clicks: int = 0` has a default; `...: any` admits fields of other names. A JSON Schema of the program's folder is a type, too; what a type cannot say of it is a warning.", "type Refund = { id: string, total: number, status: \"asked\" | \"done\", why: string? }"},
	{"def", "def NAME(p: T, …) = E\ndef NAME(p: T, …) { let a = E … E }", "A function of one's own. Parameters have types, the result is inferred; it is put in where it is called, and may not call itself.", "def gross(net: number, vat: number) = round(net * (1 + vat), 2)"},
	{"table", "table NAME: T [= DEFAULT] keyed by string [ttl 30d]\ntable NAME: T keyed by PEOPLE merge sum\ntable NAME: T keyed by .id from file \"x.csv\"\ntable NAME: T keyed by .id from topic \"t\"", "Rows that routes read and write by key, `T[k]`; a missing one reads as the default, else null. Keyed by an identity space a row moves when people merge and goes when they are forgotten. From a file or a topic it is read only.", "table spent: number = 0 keyed by string ttl 30d"},
	{"identity", "identity NAME { user_id, email, … }", "An identity space: the identifiers that tell who somebody is, the best first. Options of an identifier: limit, per, grade, country, blocked.", "identity customers { user_id, email, phone { country: \"DE\" }, anonymous_id }"},
	{"audience", "audience NAME on TABLE { enter: C, leave: C }", "Who is in by the rows of a table: in from where `enter` holds until `leave` does, so that nobody flickers at a border. `it` is the row. `from changes NAME` tells of every change.", "audience big_spenders on ltv { enter: it >= 500, leave: it < 400 }"},
	{"connection", "connection kafka NAME { brokers, sasl, tls }\nconnection segment NAME { write_key, region, url, rate, batch, retry, max_retry_after, hold_after, plan }\nconnection http NAME { url, headers, query, body, auth, rate, batch, timeout, retry, max_retry_after, hold_after, private }\nconnection KIND NAME = OTHER { … }", "Where records come from and outputs go to. A stage uses `main` of its kind unless it says `via NAME`. `secret(\"NAME\")` reads the variable NAME or the file that NAME_FILE names. `plan` is the file of a tracking plan, with which emits are compared.", "connection segment eu { write_key: secret(\"SEGMENT_KEY\"), region: eu, rate: 900/s }"},
	{"route", "route NAME { priority: high }\nroute NEW was OLD", "Names the route that begins at the next `from`; one without a name is called as its file. `was` keeps the state and the ids of a route that gets another name.", "route paid_orders { priority: high }\nfrom topic \"orders\" as Order\nemit log"},
}

var sources = []word{
	{"from", "from topic | from topics | from webhook | from segment | from every | from dead | from changes | from table | from file", "Where a route's records come from: each has a page, `sluice docs from topic`. `as T` judges every record on arrival; what does not fit is a dead letter.", "from topic \"orders\" as Order\nemit log"},
	{"from topic", "from topic \"a\" as A, \"b\" as B { start: earliest, key, max_future, via }\nfrom topics `PATTERN` as T", "Records of Kafka. `@topic @partition @offset @key @headers @timestamp` tell where one came from; `match @topic` narrows `.` of several. A tombstone is dropped unless the type takes null.", "from topic \"orders\" as Order { start: latest }\nemit log"},
	{"from webhook", "from webhook \"/PATH\" as T { secret, verify, id, within, key, methods, challenge, quiet, max_future }", "Requests to a path of the program's own server. Query and body are one object. 200 is answered when the request is durable; a body that does not fit is a letter, not an error of the sender. `secret` is the last part of the path or `?token=`.", "from webhook \"/hooks/orders\" as Order { secret: secret(\"HOOK\"), id: .id }\nemit log"},
	{"from segment", "from segment \"/v1\" { write_keys: [secret(\"KEY\")], within, quiet, max_future }\nfrom segment webhook \"/PATH\" { signature: secret(\"KEY\"), secret, quiet, max_future }", "Calls as Segment's SDKs send them, or as Segment's webhook destination does: `.` is a segment.Call, tagged by `.type`.", "from segment \"/v1\" { write_keys: [secret(\"APP_WRITE_KEY\")] }\nemit segment"},
	{"from every", "from every 1d [at \"06:00\"] [zone \"UTC\"] [{ catch_up: 3, max_future }]", "A schedule: `.time` is the planned tick, `.previous` the last one that ran, null at first.", "from every 1d at \"06:00\" zone \"Europe/Berlin\"\nemit log"},
	{"from dead", "from dead ROUTE [{ start, max_future }]", "The dead letters of a route: `.` is the event as it first arrived, `@dead.code .class .path .stage .message .attempts .replays` say why it is one. `replay` sends it back, `drop` ends it, else it stays.", "route orders\nfrom topic \"orders\" as Order\nemit log\nroute dead_orders\nfrom dead orders\nwhere @dead.code == \"E0412\"\nreplay"},
	{"from changes", "from changes TABLE [as p]\nfrom changes AUDIENCE as p\nfrom changes PEOPLE as p", "What routes change: rows (`.key .old .new .cause`), memberships of an audience (`.key .member .cause`), people (`.kind` created, linked, known, merged or forgotten, and `.other`). Only real changes are told.", "route pay\nfrom topic \"orders\" as Order\nresolve people as p { user_id: .customer.id }\nupdate ltv[p] = it + .total\nroute vip\nfrom changes vip as p\nemit identify { traits: { vip: .member } }"},
	{"from table", "from table NAME [as p] every 1d [at \"08:00\"]", "One record for each row of a table that routes write, in the order of the keys, at every planned tick.", "route pay\nfrom topic \"orders\" as Order\nresolve people as p { user_id: .customer.id }\nupdate ltv[p] = it + .total\nroute daily\nfrom table ltv as p every 1d\nemit log { total: . }"},
	{"from file", "from file \"NAME.jsonl\" as T\nfrom file \"-\" as T { format: jsonl, key, max_future }", "The lines of a file, JSON or CSV, also as .gz; \"-\" is stdin. `@line` is its number. Each line is taken once.", "from file \"orders.csv\" as { id: string, total: number }\nemit log"},
}

var stages = []word{
	{"where", "where C [else \"REASON\"]", "Goes on where the condition holds; the others are dropped, counted by the reason.", "where .status == \"paid\" else \"not paid\""},
	{"map", "map E", "Replaces `.`; `$` is still the event as it arrived. `key?: E` leaves a field out where it is null.", "map { order_id: .id, total: .total, coupon?: .currency }"},
	{"set", "set .a.b = E\nset { a: E, b: E }", "Changes or adds fields in place; what is missing on the way is made.", "set { total: round(.total, 2) }"},
	{"unset", "unset .a, .b", "Takes fields away.", "unset .email, .customer.id"},
	{"let", "let NAME = E", "Binds a name for the stages below; at the top of a file, for the program.", "let gross = round(.total * 1.19, 2)\nwhere gross > 10"},
	{"require", "require C else \"WHY\"", "Fails where the condition does not hold: the event becomes a dead letter. Below it the checker knows that it does.", "require .email != null else \"no address\""},
	{"drop", "drop \"REASON\"", "Ends the event on purpose, counted by the reason.", "when .total == 0 { drop \"free\" }"},
	{"fail", "fail \"WHY\"", "Makes a dead letter of the event.", "when .total < 0 { fail \"a total below nothing\" }"},
	{"replay", "replay", "In `from dead`: sends the letter back, as corrected, to the start of the route that gave it up; one that could not be delivered is sent again as it was.", "route orders\nfrom topic \"orders\" as Order\nemit log\nroute dead_orders\nfrom dead orders\nreplay"},
	{"when", "when C { … } [else { … }]", "Stages for some events; after it all go on.", "when .total > 100 { set .big = true }"},
	{"match", "match X { a, b => … else => … }\nmatch { C => … else => … }", "The first arm that fits; all cases must be covered. Also an expression: `match x { \"a\" => 1 else => 2 }`.", "match .status {\n  \"paid\" => emit log \"paid\"\n  \"open\" => drop \"open\"\n}"},
	{"each", "each E as x { … }", "Stages for every element, within the record: they all take effect or none does.", "each .lines as line { emit log \"line\" { sku: line.sku } }"},
	{"split", "split E [as x]", "Every element is a record of its own from here on; without `as` it becomes `.`.", "split .lines as line"},
	{"time", "time by E", "When the event happened: `@time`, the timestamp of Segment's calls, windows, `first` and `last` go by it.", "time by .at ?? @timestamp"},
	{"key", "key by E, …", "What the outputs below are ordered by.", "key by .customer.id"},
	{"dedupe", "dedupe [NAME] by E, … within 24h", "The first of equal keys passes; exact, and safe through crashes. A NAME is one memory for the whole program.", "dedupe by .id within 24h"},
	{"changed", "changed by E, … within 395d", "Passes on only the fields that differ from the last object of the key; an event without a difference ends as `unchanged`.", "map { id: .id, total: .total }\nchanged by .id within 30d"},
	{"sample", "sample 10% by E", "The same share of keys for ever; `@sample_rate` says how large it is.", "sample 10% by .customer.id"},
	{"throttle", "throttle 100/s by E [burst 50] [else drop | fail | wait 10m]", "At most so many of a key in a span of time. It counts a record when it has its answers: what a `call` may ask is limited by the `rate` of its connection.", "throttle 5/h by .customer.id else drop"},
	{"update", "update TABLE[K] = E [as n] [was o]", "Writes a row; `it` is the old one. `as` binds the new row and `was` the old for what follows.", "update orders[.id] = { total: .total, at: .at }"},
	{"delete", "delete TABLE[K]", "Takes a row away.", "delete orders[.id]"},
	{"resolve", "resolve PEOPLE as p { user_id: E, … }\nresolve PEOPLE as p? { … }", "Links the identifiers, and names the person: `p.id p.user_id p.anonymous_id p.known p.merged p.ids`. Calls below are about that person. No usable identifier is a failure; with `p?` it is null.", "resolve people as p { user_id: .customer.id, email: .email }"},
	{"find", "find PEOPLE as p { user_id: E, … }", "Looks the person up and links nothing; p is null where nobody is known.", "find people as p { email: .email }\nwhere p != null else \"nobody\""},
	{"forget", "forget PEOPLE as f { user_id: E }", "Erases the person: identifiers, rows, memories. `f.ids` are the identifiers, `f.rows` is how many rows went.", "forget people as f { user_id: .customer.id }"},
	{"with", "with { context: E, integrations: E, userId: E }", "Defaults for every Segment call of the record below it.", "with { userId: .customer.id }"},
	{"window", "window 5m by E [as w] [every 1m] [grace 30s] { n: count(), … } [late { … }]\nwindow session 30m by E { … }", "Collects records by key in panes of event time; below it every pane is an event.", "window 5m by .customer.id { n: count(), total: sum(.total) }"},
	{"call", "call http METHOD URL [via CONNECTION] as r: T { body, query, headers, until, every, for, cache, timeout, retry, accept, retry_when }", "Asks a service, and waits for its answer `r`: `{ status, headers, body }`. Anything but 2xx fails, unless `accept` takes it: `accept: it.status in [200, 404]`. The answer is kept before the next stage runs, so a crash asks nobody twice. `until` asks again until it holds.", "call http GET \"/customers/${.customer.id}\" via crm as r: { name: string? } { cache: 1h }"},
}

var emits = []word{
	{"emit", "emit track | identify | group | page | screen | alias | segment | topic | http | log", "Sends something: each has a page, `sluice docs emit track`. Outputs take effect together when the record has run to its end.", "emit log \"order\" { id: .id }"},
	{"emit track", "emit track NAME { userId, anonymousId, properties, timestamp, context, integrations, messageId }", "An event of Segment. `properties` are `.` unless given, `timestamp` is `@time`, the ids are those of the person. The names of Segment's own events have pages, too: `sluice docs \"Order Completed\"`.", "emit track \"Order Completed\" { userId: .customer.id, properties: { order_id: .id, total: .total } }"},
	{"emit identify", "emit identify { userId, anonymousId, traits, … }", "Traits of a person. `?:` leaves a null out, so that the profile keeps what it has.", "emit identify { userId: .customer.id, traits: { email?: .email } }"},
	{"emit group", "emit group { groupId, userId, traits, … }", "The person belongs to a company or another group.", "emit group { userId: .customer.id, groupId: \"acme\", traits: { name: \"Acme\" } }"},
	{"emit page", "emit page [NAME] { userId, properties, … }", "A page was seen.", "emit page \"Home\" { userId: .customer.id, properties: { path: \"/\" } }"},
	{"emit screen", "emit screen [NAME] { userId, properties, … }", "A screen of an app was seen.", "emit screen \"Home\" { userId: .customer.id, properties: {} }"},
	{"emit alias", "emit alias { userId, previousId }", "Two ids are one person, for destinations that ask for it. Segment's profiles do not go by it: an identify with both ids links them.", "emit alias { userId: .customer.id, previousId: .id }"},
	{"emit segment", "emit segment", "Passes a segment.Call on with its own ids and times.", "from topic \"calls\" as segment.Call\nemit segment"},
	{"emit topic", "emit topic NAME { key, value, headers }", "A record of Kafka. `key` is the ordering key unless given, `value` is `.`; `value: null` is a tombstone.", "emit topic \"orders.paid\" { key: .id, value: { id: .id, total: .total } }"},
	{"emit http", "emit http METHOD URL [via CONNECTION] { body, item, headers, query, key, batch, timeout, retry, idempotency, accept, retry_when, verdicts }", "A request. `${…}` in the address is percent-encoded. With `batch`, `body` is made once of `items`, the list of each event's `item`. `accept` says of a 2xx whether it was taken, and of every answer where it looks at `it.status`: `accept: it.status in [200, 409]`.", "emit http POST \"/orders\" via crm { body: { id: .id, total: .total } }"},
	{"emit log", "emit log [NAME] { … }", "A line of the log; `.` unless fields are given.", "emit log \"order\" { id: .id }"},
}

// expressions have examples that a test evaluates: `code  # what it gives`.
var expressions = []word{
	{"??", "E ?? E", "The second where the first is null. A missing field is null.", "{ a: null }.a ?? \"none\"  # \"none\"\n(null ?? 1) + 1  # 2"},
	{"catch", "E catch E", "The second where the first fails: a function with `!`, a cast, a division by zero.", "number(\"12 EUR\") catch 0  # 0\nemail.normalize(\"nobody\") catch null  # null"},
	{"|", "E | f(a, …)\nE | f", "`x | f(a)` is `f(x, a)`: what comes first stands first.", "\" Ann \" | trim | upper  # \"ANN\"\n[3, 1] | sort | first  # 1"},
	{"if", "if C then E else E", "One of two values.", "if 2 > 1 then \"more\" else \"less\"  # \"more\""},
	{"is", "E is T\nE is not T", "Whether a value is of a type; below it the checker knows so.", "json.decode(\"7\") is string  # false\njson.decode(\"7\") is not string  # true"},
	{"as", "E | as T", "Judges a value in the middle of an expression: what does not fit fails, with the path. `null | as T` is null.", "(json.decode(\"{\\\"n\\\":1}\") | as { n: int }).n  # 1\n(json.decode(\"[]\") | as int) catch 0  # 0"},
	{"in", "E in [a, b]\nE not in LIST", "Whether a value is one of a list.", "lower(\"PAID\") in [\"paid\", \"open\"]  # true\nlength(\"abc\") not in [1, 2]  # true"},
	{"matches", "E matches `PATTERN`", "Whether a pattern (RE2) is found in a text; `^…$` asks for all of it.", "\"o-17\" matches `^o-[0-9]+$`  # true"},
	{"for", "[E for x in LIST if C]\n{ [K]: V for k, v in OBJECT }", "A list or an object made of another.", "[x * 2 for x in [1, 2, 3] if x > 1]  # [4, 6]\n{ [upper(k)]: v for k, v in { a: 1 } }  # { A: 1 }"},
	{"{ }", "{ a: E, b?: E, [K]: E, c, ...o }", "An object. `b?:` leaves the field out where it is null, `[K]` is a computed name, `c` is `c: c`, `...o` has the fields of another and bare `...` those of `.`.", "{ a: 1, b?: null, [\"c\"]: 2, ...{ d: 3 } }  # { a: 1, c: 2, d: 3 }"},
	{"${ }", "\"text ${E} text\"", "A value inside a text; null, objects and lists fail there.", "\"${1 + 1} of ${\"three\"}\"  # \"2 of three\""},
}
