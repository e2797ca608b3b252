package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/stdlib"
)

// The programs of TestState, one for each stage that remembers. Every one reads two
// topics, so that its task has several inputs; every one has records that are
// dropped, that fail below what they wrote and that the sink refuses; and in every
// one the content of outputs depends on the order in which records ran.

// head is what they share. `hist` takes down the order of all records: whoever reads
// it notices a record that ran twice, not at all, or behind another one.
const head = `app "chaos"
connection segment main { write_key: secret("K"), batch: 4 }
type R = { k: string, n: int, mode: string, at: time, items: [int] = [] }
table hist: string = "" keyed by string
`

var statePrograms = []struct{ name, script string }{
	{"dedupe", `
route one
from topic "a" as R
time by .at
dedupe seen by .k, .n within 30s
where .mode != "drop" else "unwanted"
update hist[.k] = "${it}${.n}," as h
emit track "One" { userId: .k, properties: { n: .n, h, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
dedupe by .n within 1m
dedupe seen by .k, .n within 10s
emit topic "out" { key: .k, value: { n: .n, h: hist[.k], mode: .mode } }
require .mode != "fail" else "bad"
`},
	{"requests", `
connection http crm { url: "https://crm.example.com", batch: 3 or 20s }
route one
from topic "a" as R
time by .at
where .mode != "drop" else "unwanted"
dedupe seen by .k, .n within 30s
update hist[.k] = "${it}${.n}," as h
emit http DELETE "/users/${.k}" via crm { key: .k, item: { n: .n, mode: .mode }, body: { data: items } }
emit http POST "/users/${.k}" via crm { key: .k, batch: 1, body: { n: .n, h, mode: .mode } }
emit http POST "/users" via crm { key: .k, item: { n: .n, h, mode: .mode }, body: { data: items } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
update hist[.k] = "${it}${.n}," as h
emit http POST "/two" via crm { item: { k: .k, h, mode: .mode }, batch: 30s }
emit track "Two" { userId: .k, properties: { n: .n, h, mode: .mode } }
`},
	{"tables", `
table rows: { sum: int, n: int } = { sum: 0, n: 0 } keyed by string, int

route writer
from topic "a" as R
time by .at
update rows[.k, .n % 2] = { sum: it.sum + .n, n: it.n + 1 } as now was before
update hist[.k] = "${it}${.n}," as h
emit track "One" { userId: .k, properties: { sum: now.sum, before: before.n, h, mode: .mode } }
require .mode != "fail" else "bad"
when .mode == "drop" { delete rows[.k, 0] }

route eraser
from topic "b" as R
time by .at
where .mode != "drop" else "unwanted"
let sum = rows[.k, .n % 2].sum
delete rows[.k, .n % 2]
delete rows[.k, 7]
emit topic "out" { key: .k, value: { sum, h: hist[.k], mode: .mode } }
require .mode != "fail" else "bad"
`},
	{"changes", `
table rows: int keyed by string
table second: int = 0 keyed by string

route writer
from topic "a" as R
time by .at
update rows[.k] = .n % 4
update hist[.k] = "${it}${.n},"
when .mode == "drop" { drop "unwanted" }
emit track "One" { userId: .k, properties: { h: hist[.k], mode: .mode } }
require .mode != "fail" else "bad"

route eraser
from topic "b" as R
when .mode == "ok" { delete rows[.k] } else { update rows[.k] = .n }
emit topic "out" { key: .k, value: { h: hist[.k], mode: .mode } }

route told_first
from changes rows
require (.new ?? 0) != 3 else "three"
update second[.key] = it + 1 as n
emit track "Two" { userId: .key, properties: { old: .old, new: .new, cause: .cause, n, h: hist[.key] } }

route told_second
from changes rows
where .new != null else "gone"
emit track "Three" { userId: .key, properties: { n: second[.key], h: hist[.key] } }

route told_third
from changes second
emit log "third" { key: .key, new: .new, h: hist[.key] }
`},
	{"rows", `
table rows: int = 0 keyed by string, int
table swept: int = 0 keyed by string

route writer
from topic "a" as R
time by .at
update rows[.k, .n] = it + 1 as n
update hist[.k] = "${it}${.n},"
emit track "One" { userId: .k, properties: { n, h: hist[.k], mode: .mode } }
require .mode != "fail" else "bad"

route eraser
from topic "b" as R
where .mode != "drop" else "unwanted"
delete rows[.k, .n]
emit topic "out" { key: .k, value: { h: hist[.k], mode: .mode } }

route sweep
from table rows every 20s
where . != 2 else "two"
update swept["all"] = it + 1 as n
update hist["sweep"] = "${it}${.},"
emit track "Two" { userId: "x", properties: { n, row: ., at: @time, h: hist["sweep"] } }
require . < 4 else "many"

route told
from changes swept
emit log "swept" { n: .new, h: hist["sweep"] }

route slow
from table swept every 1m
emit topic "swept" { key: @key, value: { n: . } }
`},
	{"ticks", `
table ran: int = 0 keyed by string ttl 30s

route writer
from topic "a" as R
time by .at
update hist[.k] = "${it}${.n},"
emit track "One" { userId: .k, properties: { n: .n, h: hist[.k], mode: .mode } }
require .mode != "fail" else "bad"

route reader
from topic "b" as R
where .mode != "drop" else "unwanted"
emit topic "out" { key: .k, value: { ran: ran["all"], h: hist[.k], mode: .mode } }

route ticks
from every 7s { catch_up: 3 }
split [1, 2, 3] as i
where i != 2 or hist["ticks"] != "" else "two"
update ran["all"] = it + i as n
update hist["ticks"] = "${it}${i},"
dedupe by n % 5, i within 20s
emit track "Two" { userId: "x", properties: { n, i, at: @time, before: .previous, h: hist["ticks"] } }
require n % 7 != 0 else "seven"

route told
from changes ran
emit log "ran" { n: .new, cause: .cause, h: hist["ticks"] }
`},
	{"expiry", `
table rows: int = 0 keyed by string ttl 40s

route writer
from topic "a" as R
time by .at
update rows[.k] = it + .n as n
update hist[.k] = "${it}${.n},"
emit track "One" { userId: .k, properties: { n, h: hist[.k], mode: .mode } }
require .mode != "fail" else "bad"

route reader
from topic "b" as R
time by .at
where .mode != "drop" else "unwanted"
emit topic "out" { key: .k, value: { n: rows[.k], mode: .mode } }

route told
from changes rows
update hist[.key] = "${it}${.cause},"
emit track "Two" { userId: .key, properties: { old: .old, new: .new, cause: .cause, h: hist[.key] } }
`},
	{"changed", `
route one
from topic "a" as R
time by .at
update hist[.k] = "${it}${.n}," as h
let mode = .mode
map { n: .n % 3, k: .k, mode?: if mode == "drop" then null else mode }
changed by .k within 40s
emit track "One" { userId: $.k, properties: { ..., h, mode } }
require mode != "fail" else "bad"

route two
from topic "b" as R
where .mode != "drop" else "unwanted"
let k = .k
map { n: .n % 2 }
changed by k within 1h
emit topic "out" { key: k, value: { ..., h: hist[k], mode: $.mode } }
`},
	{"throttle", `
route one
from topic "a" as R
time by .at
throttle 2/m by .k burst 3 else drop
update hist[.k] = "${it}${.n}," as h
emit track "One" { userId: .k, properties: { h, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
throttle 1/s by .k else fail
where .mode != "drop" else "unwanted"
emit topic "out" { key: .k, value: { n: .n, h: hist[.k], mode: .mode } }
`},
	{"waiting", `
route one
from topic "a" as R
update hist[.k] = "${it}${.n}," as h
throttle 1/s by .k burst 2 else wait 10m
emit track "One" { userId: .k, properties: { h, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
throttle 10/m by "all" else wait 3m
where .mode != "drop" else "unwanted"
emit topic "out" { key: .k, value: { n: .n, h: hist[.k], mode: .mode } }
`},
	{"tumbling", `
route one
from topic "a" as R
time by .at
where .mode != "drop" else "unwanted"
update hist[.k] = "${it}${.n},"
window 20s by .k grace 5s { n: count(), sum: sum(.n), all: collect(.n, 9) } late {
  update hist["late"] = "${it}${.n},"
  emit track "Late" { userId: .k, properties: { n: .n, mode: .mode } }
}
update hist["panes"] = "${it}${.sum}," as panes
require .n < 5 else "many"
emit track "One" { userId: @window.key, properties: { n: .n, sum: .sum, all: .all, start: @window.start, panes } }

route two
from topic "b" as R
time by .at
window 15s by .k { n: count(), last: last(.n) }
emit topic "out" { key: @window.key, value: { n: .n, last: .last, end: @window.end, h: hist[@window.key] } }
`},
	{"hopping", `
route one
from topic "a" as R
time by .at
where .mode != "drop" else "unwanted"
update hist[.k] = "${it}${.n},"
window 30s by .k every 10s grace 5s { n: count(), sum: sum(.n) }
emit track "One" { userId: @window.key, properties: { n: .n, sum: .sum, start: @window.start, h: hist[@window.key] } }

route two
from topic "b" as R
emit topic "out" { key: .k, value: { n: .n, h: hist[.k], mode: .mode } }
require .mode != "fail" else "bad"
`},
	{"sessions", `
route one
from topic "a" as R
time by .at
where .mode != "drop" else "unwanted"
update hist[.k] = "${it}${.n},"
window session 15s by .k grace 5s { n: count(), all: collect(.n, 20), from: min(.at), to: max(.at) } late { update hist["late"] = "${it}${.n}," }
emit track "One" { userId: @window.key, properties: { n: .n, all: .all, from: .from, to: .to, h: hist[@window.key] } }

route two
from topic "b" as R
emit topic "out" { key: .k, value: { n: .n, late: hist["late"], mode: .mode } }
require .mode != "fail" else "bad"
`},
	{"split", `
table sums: int = 0 keyed by string

route one
from topic "a" as R
let whose = .k
let mode = .mode
update hist[.k] = "${it}${.n},"
split .items as i
where i != 2 else "two"
dedupe by whose, i within 20s
update sums[whose] = it + i as sum
emit track "One" { userId: whose, properties: { sum, i, h: hist[whose], mode } }
require mode != "fail" or i == 1 else "bad"

route two
from topic "b" as R
split .items
update sums[$.k] = it + 1 as sum
emit topic "out" { key: $.k, value: { sum, i: ., h: hist[$.k], mode: $.mode } }

route told
from changes sums
emit log "told" { new: .new, h: hist[.key] }
`},
	{"chained", `
table sums: int = 0 keyed by string

route one
from topic "a" as R
time by .at
dedupe by .k, .n within 20s
update sums[.k] = it + .n as sum
emit topic "mid" { key: .k, value: { k: .k, sum, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
where .mode != "drop" else "unwanted"
emit topic "out" { key: .k, value: { n: .n, h: hist[.k], mode: .mode } }

route behind
from topic "mid" as { k: string, sum: int, mode: string }
update hist[.k] = "${it}${.sum}," as h
window 20s by .k { n: count(), last: last(.sum) }
emit track "Three" { userId: @window.key, properties: { n: .n, last: .last, sums: sums[@window.key] } }
`},
	{"mixed", `
table sums: int = 0 keyed by string ttl 2m
table tops: { k: string, sum: int } keyed by int

route one
from topic "a" as R
time by .at
where .mode != "drop" else "unwanted"
let whose = .k
split .items as i
dedupe by whose, i within 15s
throttle 6/m by whose burst 4 else drop
key by i
window 20s by whose, i every 10s grace 5s { n: count(), last: last($.n) } late {
  update hist["late"] = "${it}${.n},"
  emit log "late" { n: .n, mode: .mode }
}
update sums[string(@window.key[0]) ?? "none"] = it + .n as sum
require sum % 7 != 3 else "three"
throttle 30/m by "all" else wait 5m
emit track "One" { userId: string(@window.key[0]) ?? "none", properties: { sum, n: .n, last: .last, start: @window.start } }

route two
from topic "b" as R
time by .at
update tops[.n % 2] = if it == null or it.sum <= .n then { k: .k, sum: .n } else it
map { k: .k, n: .n % 2 }
changed by "all" within 30s
update hist["changed"] = "${it}${keys(.) | join(",")};" as h
emit topic "out" { key: $.k, value: { ..., h, mode: $.mode } }
require $.mode != "fail" else "bad"

route sums
from changes sums
dedupe by .key, .cause within 30s
split [1, 2] as half
update hist[.key] = "${it}${.cause}${half}," as h
emit track "Two" { userId: .key, properties: { h, old: .old, new: .new } }

route tops
from changes tops
window session 20s by .key { n: count() }
emit log "tops" { n: .n, key: @window.key, end: @window.end }
`},
	{"keyed", `
route one
from topic "a" as R
key by .n % 3
update hist["all"] = "${it}${.n}," as h
emit topic "out" { value: { n: .n, h, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
where .mode != "drop" else "unwanted"
key by .k, .n % 2
emit track "Two" { userId: .k, properties: { n: .n, h: hist["all"], mode: .mode } }
`},
	{"calls", `
connection http api { url: "https://api.test", retry: 10s }
table rows: int = 0 keyed by string

route one
from topic "a" as R
time by .at
where .mode != "drop" else "unwanted"
update rows[.k] = it + 1 as seen
call http GET "/one/${.k}" via api as r: { v: int } { retry: 20s }
update hist[.k] = "${it}${.n}," as h
call http POST "/more" via api as s: { v: int } { body: { n: .n }, until: s.body.v % 3 == 0, every: 2s, for: 20s }
emit track "One" { userId: .k, properties: { n: .n, r: r.body.v, s: s.body.v, h, seen, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
dedupe by .k, .n within 30s
window 20s by .k grace 10s { n: count(), all: collect(.n, 20) }
when .n > 1 {
  call http GET "/two/${@window.key}" via api as r: { v: int } { cache: 15s, retry: 20s }
  emit topic "out" { value: { all: .all, r: r.body.v, rows: rows[@window.key] } }
}

route told
from changes rows
key by .key
let new = .new ?? 0
when new % 2 == 0 {
  call http GET "/told/${.key}/${new}" via api as r: { v: int } { retry: 20s }
  update hist[.key] = "${it}${r.body.v};"
}
emit topic "told" { value: { now: new, h: hist[.key] } }
`},
	{"calls of people", people + `
connection http api { url: "https://api.test", retry: 10s }

route one
from topic "a" as R
time by .at
resolve who as p { cookie: "${.k}${.n % 2}", device: if .items == [] then null else "d${sum(.items) % 5}" }
update spent[p] = it + .n as sum
call http GET "/one/${.k}" via api as r: { v: int } { retry: 20s }
update hist[p.id] = "${it}${.n}," as h
emit track "One" { properties: { sum, h, r: r.body.v, merged: p.merged, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
where .mode != "drop" else "unwanted"
let whose = .k
split .items as i
resolve who as p { cookie: "${whose}0", device: "d${i % 5}" }
when i % 3 == 0 {
  call http POST "/two" via api as r: { v: int } { body: { i }, retry: 20s }
  emit topic "out" { value: { r: r.body.v, spent: spent[p], i } }
}
update hist[p.id] = "${it}${i};" as h
emit topic "out" as rest { value: { h, i } }
`},
	{"people", people + `
table firsts: string keyed by who ttl 40s merge first
table all: [int] = [] keyed by who merge union

route one
from topic "a" as R
time by .at
resolve who as p { cookie: "${.k}${.n % 2}", user_id: if .mode == "ok" and .n == 0 then .k else null, device: if .items == [] then null else "d${sum(.items) % 5}" }
update spent[p] = it + .n as sum
update firsts[p] = it ?? "${.k}${.n}"
update all[p] = if .n in it then it else [...it, .n]
update hist[p.id] = "${it}${.n}," as h
emit track "One" { properties: { sum, h, first: firsts[p], all: all[p], merged: p.merged, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
where .mode != "drop" else "unwanted"
resolve who as p? { device: if .items == [] then null else "d${sum(.items) % 5}", user_id: if .n == 5 then .k else null, cookie: if .n < 4 then "b${.n}" else null }
when p != null {
  update hist[p.id] = "${it}${.n};"
  emit topic "out" { value: { spent: spent[p], first: firsts[p], known: p.known, mode: .mode } }
}

route told
from changes who as p
update hist["people"] = "${it}${.kind}," as h
emit track "Told" { properties: { kind: .kind, other: .other.id, ids: [i.value for i in p.ids], spent: spent[p], h } }
`},
	{"audiences", people + `
table in_and_out: int = 0 keyed by who merge sum
table recent: int = 0 keyed by who ttl 30s merge max

audience big on spent { enter: it >= 6, leave: it < 4 }
audience small on spent { enter: it < 3, leave: it >= 5 }
audience active on recent { enter: it > 2, leave: it < 1 }

route one
from topic "a" as R
time by .at
resolve who as p { cookie: "${.k}${.n % 2}", device: if .items == [] then null else "d${sum(.items) % 5}" }
update spent[p] = it + .n - 2 as sum
update recent[p] = .n
emit track "One" { properties: { sum, big: big[p], small: small[p], active: active[p], mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
where .mode != "drop" else "unwanted"
resolve who as q { cookie: "b${.n % 3}", device: if .items == [] then null else "d${sum(.items) % 5}" }
find who as p { cookie: "${.k}${.n % 2}", device: if .items == [] then null else "d${sum(.items) % 5}" }
when p != null and .n == 3 { delete spent[p] }
emit log "q" { id: q.id, merged: q.merged, spent: spent[q] }
emit topic "out" { key: .k, value: { user: p.id, ambiguous: p.ambiguous, big: if p == null then null else big[p], mode: .mode } }

route told_big
from changes big as p
update in_and_out[p] = it + (if .member then 1 else 10) as n
update hist["big"] = "${it}${.cause},"
emit track "Big" { properties: { n, member: .member, cause: .cause, other: .other.id, h: hist["big"] } }

route told_active
from changes active as p
emit track "Active" { properties: { member: .member, cause: .cause, other: .other.id, recent: recent[p] } }

route told_small
from changes small as p
emit log "small" { id: p.id, member: .member, cause: .cause, other: .other.id, n: in_and_out[p] }

route told_spent
from changes spent as p
emit topic "spent" { value: { id: p.id, old: .old, new: .new, cause: .cause } }
`},
	{"waiting people", people + `
route one
from topic "a" as R
time by .at
resolve who as p { cookie: "${.k}${.n % 2}", device: if .items == [] then null else "d${sum(.items) % 5}" }
update spent[p] = it + .n as sum
throttle 6/m by "all" burst 2 else wait 10m
emit track "One" { properties: { sum, mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
where .mode != "drop" else "unwanted"
resolve who as p { cookie: "${.k}${.n % 2}" }
let mode = .mode
split .items as i
resolve who as q { cookie: "b${i}", device: if i == 1 then "d${$.n}" else null }
update spent[q] = it + 1
emit topic "out" { value: { i, p: p.id, merged: q.merged, spent: spent[q], mode } }
emit track "Two" { properties: { i, mode } }
require mode != "fail" or i != 2 else "bad"

route told
from changes spent as p
throttle 10/m by p.id burst 3 else wait 3m
emit track "Three" { properties: { new: .new, cause: .cause } }
`},
	{"forgetting", people + `
route one
from topic "a" as R
time by .at
resolve who as p { cookie: "${.k}${.n % 2}", user_id: .k, device: if .items == [] then null else "d${sum(.items) % 5}" }
update spent[p] = it + .n as sum
update hist["${.k}"] = "${it}${.n},"
emit track "One" { properties: { sum, h: hist["${.k}"], mode: .mode } }
require .mode != "fail" else "bad"

route two
from topic "b" as R
time by .at
where .mode != "drop" else "unwanted"
forget who as f { cookie: "${.k}${.n % 2}", device: if .n == 2 then "d1" else null }
update hist["gone"] = "${it}${length(f.ids)}/${f.rows}," as h
emit topic "out" { key: .k, value: { h, mode: .mode } }
require .mode != "fail" else "bad"

route told
from changes who as p
emit track "Told" { properties: { kind: .kind, user: p.user_id, ids: length(p.ids), h: hist["gone"] } }

route rows
from changes spent as p
emit log "row" { id: p.id, old: .old, new: .new, cause: .cause }
`},
}

// people is what the programs of people share.
const people = `
identity who { user_id, cookie { limit: 40 }, device { limit: 40, grade: device } }
table spent: int = 0 keyed by who merge sum
`

// statePlan compiles a program, once.
var statePlan = func() func(i int) *plan.Plan {
	var mu sync.Mutex
	plans := map[int]*plan.Plan{}
	return func(i int) *plan.Plan {
		mu.Lock()
		defer mu.Unlock()
		if plans[i] == nil {
			name := statePrograms[i].name
			p := program.Compile([]*token.File{token.NewFile(name+".route", head+statePrograms[i].script)}, stdlib.Env(), program.Options{})
			if p.Errors() > 0 {
				for _, d := range p.Diags {
					fmt.Printf("%s %s: %s\n", d.Span, d.Code.ID, d.Message)
				}
				panic("program " + name + " does not check")
			}
			plans[i] = p.Plan
		}
		return plans[i]
	}
}()

// row is a record of the topics a and b.
type row struct {
	K     string `json:"k"`
	N     int    `json:"n"`
	Mode  string `json:"mode"`
	At    string `json:"at"`
	Items []int  `json:"items,omitempty"`
}

// randomRow is a record about the present time.
func randomRow(rng *rand.Rand, now time.Time) row {
	r := row{K: string(rune('a' + rng.IntN(3))), N: rng.IntN(6), Mode: "ok"}
	switch n := rng.IntN(100); {
	case n < 10:
		r.Mode = "drop"
	case n < 22:
		r.Mode = "fail"
	case n < 30:
		r.Mode = "refuse"
	}
	back := time.Duration(rng.IntN(8)) * time.Second
	if rng.IntN(6) == 0 {
		back = time.Duration(rng.IntN(90)) * time.Second
	}
	if rng.IntN(40) == 0 {
		back = -11 * time.Minute // too far ahead
	}
	r.At = now.Add(-back).Format(time.RFC3339)
	for range rng.IntN(4) {
		r.Items = append(r.Items, rng.IntN(4))
	}
	return r
}

func (r row) json() []byte {
	b, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	return b
}

// randomCommand is what an operator asks about people; half of it asks for nobody, or
// for what is refused.
func randomCommand(rng *rand.Rand, now time.Time) identity.Command {
	someone := func() []identity.NamedID {
		switch k := string(rune('a' + rng.IntN(3))); rng.IntN(4) {
		case 0:
			return []identity.NamedID{{Type: "user_id", Value: k}}
		case 1:
			return []identity.NamedID{{Type: "device", Value: fmt.Sprintf("d%d", rng.IntN(5))}}
		case 2:
			return []identity.NamedID{{Type: "cookie", Value: fmt.Sprintf("%s%d", k, rng.IntN(2))}}
		}
		return []identity.NamedID{{Type: "cookie", Value: fmt.Sprintf("b%d", rng.IntN(4))}}
	}
	c := identity.Command{Space: "who", IDs: someone(), At: now.UnixMicro()}
	switch rng.IntN(8) {
	case 0, 1, 2:
		c.Do, c.From, c.Force = "merge", someone(), rng.IntN(2) == 0
	case 3:
		c.Do = "unlink"
	case 4, 5:
		c.Do = "split"
	case 6:
		c.Do = "forget"
	case 7:
		c.Do, c.IDs, c.Pattern = "block", c.IDs[:rng.IntN(2)], "^(a1|d4)$"
	}
	return c
}

// named finds a program by its name.
func named(name string) int {
	for i, p := range statePrograms {
		if strings.EqualFold(p.name, name) {
			return i
		}
	}
	panic("no program " + name)
}
