package op_test

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// What the hot path is for runs on the bytes of the record: nothing of it goes
// to the reference evaluator, and it makes no garbage but where a function of the
// library needs values.
func TestFusedForms(t *testing.T) {
	const types = `type Item = { sku: string, qty: int, at: time?, note: string = "-" }
type Order = {
  id: string, status: "paid" | "open" | string, total: number, email: string?, at: time, paid: bool = false
  who: { name: string, city: string? }?, items: [Item], raw: any, tags: {string: string}, rest: { a: int, ...: any }
  more: [Item]?
}
def line(i: Item) = { sku: upper(i.sku), n: i.qty * 2 }
from topic "in" as Order
`
	const rec = `{"id":"o1","status":"paid","total":12.50,"at":"2026-02-01T10:20:30Z","who":{"name":"Zoë","zip":1},"extra":true,
"items":[{"sku":"a","qty":2,"at":"2026-02-01T10:20:30.123Z"},{"sku":"b","qty":1,"note":null}],"raw":{"x":[1,{"y":2}]},"tags":{"k":"v"},"rest":{"a":1,"b":"é"}}`
	for _, tt := range []struct {
		name, script, want string
		allocs             float64
	}{
		{"paths", "emit log { a: .id, b: .who.name, c: .email }", `{"a":"o1","b":"Zoë","c":null}`, 0},
		{"an object that is not declared whole is cut", "emit log { w: .who }", `{"w":{"name":"Zoë"}}`, 0},
		{"one with `...: any` passes whole", "emit log { w: .rest }", `{"w":{"a":1,"b":"é"}}`, 0},
		{"the event as its type shows it", "emit log { i: .items }", `{"i":[{"sku":"a","qty":2,"at":"2026-02-01T10:20:30.123Z","note":"-"},{"sku":"b","qty":1,"note":"-"}]}`, 0},
		{"comprehensions", "emit log { l: [i.sku for i in .items if i.qty > 1] }", `{"l":["a"]}`, 0},
		{"a def in a comprehension", "emit log { l: [line(i) for i in .items] }", `{"l":[{"sku":"A","n":4},{"sku":"B","n":2}]}`, 0},
		{"a list that may be null", "each .more ?? [] as m {\n  emit log { s: m.sku }\n}\nemit log { l: [m.sku for m in .more ?? []] }", `{"l":[]}`, 0},
		{"an element", "emit log { a: .items[0].sku, b: .items[-1].note, c: .items[7] }", `{"a":"a","b":"-","c":null}`, 0},
		{"a spread", "emit log { ....who, id: .id }", `{"name":"Zoë","id":"o1"}`, 0},
		{"a spread of open fields", "emit log { ....rest, b: .id }", `{"a":1,"b":"o1"}`, 0},
		{"map and what reads it", "map { total: .total * 2, who: .who.name }\nwhere .total > 20\nemit log { t: .total, w: .who }", `{"t":25,"w":"Zoë"}`, 0},
		{"set and unset", "set .rest.c = .total\nset .id = \"x\"\nunset .raw, .items, .tags\nemit log { r: .rest, id: .id }", `{"r":{"a":1,"b":"é","c":12.50},"id":"x"}`, 0},
		{"arms of different shapes", "map { id: .id }\nwhen $.total > 1 {\n  set .big = true\n} else {\n  set .small = true\n}\nemit log", `{"id":"o1","big":true}`, 0},
		{"match", "match .status {\n  \"paid\" => set .id = \"p\"\n  else => drop \"other\"\n}\nemit log { id: .id }", `{"id":"p"}`, 0},
		{"text", "emit log { t: \"n=${.total} ${.id} ${upper(.who.name) ?? \"\"} ${.at}\" }", `{"t":"n=12.5 o1 ZOË 2026-02-01T10:20:30.000Z"}`, 5},
		{"catch", "emit log { n: number(.id) catch 0 }", `{"n":0}`, 0},
		{"a time that is written otherwise", "emit log { at: .at }", `{"at":"2026-02-01T10:20:30.000Z"}`, 0},
		{"a default", "emit log { p: .paid }", `{"p":false}`, 0},
		{"if, and, or, in, is", "emit log { x: if .total > 1 and (.status in [\"paid\", \"open\"] or .paid) and .raw is not string then .id else \"no\" }", `{"x":"o1"}`, 0},
		{"let and with", "let n = .total + 1\nwith { context: { n } }\nemit log { n }", `{"n":13.5}`, 0},
		{"a key and a tombstone", "emit topic \"t\" { key: .id, value: null }", ``, 0},
		{"what has no form of its own takes only what it reads", "emit log { k: { [k]: v for k, v in .tags } }", `{"k":{"k":"v"}}`, 30},
		{"a function of the library", "emit log { k: keys(.tags) }", `{"k":["k"]}`, 30},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := compile(t, "forms.route", types+tt.script+"\n")
			if why := r.NotFused("in"); why != "" {
				t.Fatal("not fused:", why)
			}
			p := newPair(r)
			rec := &event.Record{Topic: "in", Value: []byte(rec), Key: []byte("k"), Timestamp: now.UnixMilli()}
			if got := show(p.mustAgree(t, rec)); got != "completed" || p.fr.Slow > 0 {
				t.Fatalf("%s, %d records run by the reference evaluator", got, p.fr.Slow)
			}
			if got := string(p.out.Outs[0].Body.Of(&p.out)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			n := testing.AllocsPerRun(100, func() {
				p.out.Reset()
				r.Run(p.fr, rec, now, &p.out)
			})
			if n > tt.allocs {
				t.Errorf("%v allocations, want at most %v", n, tt.allocs)
			}
		})
	}
}
