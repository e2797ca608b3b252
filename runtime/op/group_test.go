package op_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/state"
)

// player does for one group what a task does: it begins and ends records, runs the
// changes and children that come of them, and lets timers come due.
type player struct {
	t     testing.TB
	plan  *plan.Group
	group *op.Group
	run   *op.Runner
	cells *state.Cells
	store *state.Memory
	out   event.Arena
	now   time.Time
	next  int64
	log   []string             // what became of the records since it was read
	shown bool                 // with all there is to tell
	told  func([]state.Change) // is told of every record's changes
	// through, where it is set, every record goes before it runs.
	through func(route int, rec *event.Record) *event.Record
}

// secret keys what is remembered of people who are forgotten.
var secret = []byte("secret")

func tryGroup(src string) (*plan.Group, *op.Group, string) {
	p := program.Compile([]*token.File{token.NewFile("g.route", src), token.NewFile("zz.route", connections)}, env, program.Options{})
	if !p.OK() {
		var b strings.Builder
		for _, d := range p.Diags {
			b.WriteString(diag.Render(d))
		}
		return nil, nil, b.String()
	}
	if len(p.Plan.Groups) != 1 {
		return nil, nil, fmt.Sprintf("%d groups", len(p.Plan.Groups))
	}
	g, err := op.CompileGroup(p.Plan.Groups[0], "app", secret)
	if err != nil {
		return nil, nil, err.Error()
	}
	return p.Plan.Groups[0], g, ""
}

func play(t testing.TB, src string) *player {
	t.Helper()
	p, g, errs := tryGroup(src)
	if errs != "" {
		t.Fatal(errs)
	}
	return newPlayer(t, p, g, loaded{})
}

// specs are the states of a group, as cells know them.
func specs(p *plan.Group) []state.Spec {
	var out []state.Spec
	for i, s := range p.States {
		sp := state.Spec{Number: uint32(i + 1), Resident: s.Kind == ir.IdentityState}
		if s.Kind == ir.DedupeState {
			sp.Keep = max(s.SpanMS*1000, 1)
		}
		out = append(out, sp)
	}
	return out
}

func newPlayer(t testing.TB, p *plan.Group, g *op.Group, lookup op.Lookup) *player {
	t.Helper()
	store := state.NewMemory()
	cells, err := state.Open(store, specs(p))
	if err != nil {
		t.Fatal(err)
	}
	return &player{t: t, plan: p, group: g, run: g.NewRunner(cells, lookup), cells: cells, store: store, now: now}
}

// send runs a record of the route's topic that is at seconds behind noon.
func (p *player) send(route, at int, v string) event.Outcome {
	p.t.Helper()
	rec := &event.Record{Partition: 3, Offset: p.next, Key: []byte("k"), Value: []byte(v), Timestamp: now.Add(time.Duration(at) * time.Second).UnixMilli()}
	for _, t := range p.plan.Routes[route].Source.Topics {
		rec.Topic = t.Name
	}
	p.next++
	return p.record(route, rec)
}

func (p *player) record(route int, rec *event.Record) event.Outcome {
	p.t.Helper()
	if p.through != nil {
		rec = p.through(route, rec)
	}
	mark := len(p.out.Outs)
	p.cells.Begin()
	o := p.run.Run(route, rec, p.now, &p.out)
	end := show(o)
	if p.shown {
		end = fmt.Sprintf("%s arrived=%d timed=%d", showAll(o), o.Arrived, o.Timed)
	}
	p.log = append(p.log, p.plan.Routes[route].Name+" "+end)
	if o.Kind == event.Failed || o.Kind == event.Waits {
		p.cells.Undo()
		if len(p.out.Outs) != mark {
			p.t.Errorf("a record that %s leaves %d outputs", end, len(p.out.Outs)-mark)
		}
		return o
	}
	children := o.Children
	p.changed(rec, p.cells.Done())
	for i := range children {
		p.record(route, &children[i])
	}
	return o
}

// changed runs the changes that a record made.
func (p *player) changed(rec *event.Record, changes []state.Change) {
	if p.told != nil && len(changes) > 0 {
		p.told(changes)
	}
	for i, ch := range changes {
		for _, reader := range p.plan.States[ch.State].Readers {
			r := *rec
			r.Made = &event.Made{Kind: event.Change, Value: ch.Value, Time: ch.Time, Person: ch.Person, Path: path(rec) + fmt.Sprintf("~t/%d", i)}
			p.record(reader, &r)
		}
	}
}

func path(rec *event.Record) string {
	if rec.Made != nil {
		return rec.Made.Path
	}
	return ""
}

// due moves the watermark of every state and lets timers come due.
func (p *player) due(at int) {
	p.t.Helper()
	w := now.Add(time.Duration(at) * time.Second).UnixMicro()
	for s := range p.plan.States {
		p.cells.SetWatermark(s, w, event.NoMicros)
	}
	for s := range p.plan.States {
		for {
			due, key, ok := p.cells.Due(s, w)
			if !ok {
				break
			}
			p.cells.Begin()
			route, rec := p.run.Due(s, due, key)
			changes := p.cells.Done()
			for i, ch := range changes {
				for _, reader := range p.plan.States[ch.State].Readers {
					p.record(reader, &event.Record{Made: &event.Made{Kind: event.Change, Value: ch.Value, Time: ch.Time, Person: ch.Person, Path: fmt.Sprintf("~due/%d", i)}})
				}
			}
			if rec != nil {
				p.record(route, rec)
			}
		}
	}
}

// settle stores what was written.
func (p *player) settle() {
	n := p.cells.Seal()
	if err := p.store.Commit(p.cells.Batch(n)); err != nil {
		p.t.Fatal(err)
	}
	p.cells.Persisted(n)
}

// stored lists the store, key and value in hexadecimal digits.
func (p *player) stored() string {
	p.settle()
	var b strings.Builder
	_ = p.store.Scan(nil, nil, func(k, v []byte) bool { fmt.Fprintf(&b, "%x %x\n", k, v); return true })
	return b.String()
}

// rows lists the rows of all tables: key, row, seconds behind noon of their writing.
func (p *player) rows() string {
	p.settle()
	var out []string
	_ = p.store.Scan([]byte{'c'}, nil, func(k, v []byte) bool {
		key, err := value.DecodeKey(k[5:])
		if err != nil {
			p.t.Fatal(err)
		}
		at, row, err := state.DecodeRow(v)
		if err != nil {
			p.t.Fatal(err)
		}
		when := "none"
		if at != event.NoMicros {
			when = fmt.Sprint(time.UnixMicro(at).Sub(now).Seconds())
		}
		out = append(out, fmt.Sprintf("%s %s %s", value.AppendJSON(nil, key), value.AppendJSON(nil, row), when))
		return true
	})
	return strings.Join(out, "\n")
}

// outs gives the outputs since it was asked last, one a line, and the log.
func (p *player) outs() string {
	var out []string
	for i := range p.out.Outs {
		out = append(out, string(p.out.Outs[i].Body.Of(&p.out)))
	}
	p.out.Reset()
	p.log = nil
	return strings.Join(out, "\n")
}

func (p *player) want(what, got, want string) {
	p.t.Helper()
	if got != want {
		p.t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func TestDedupe(t *testing.T) {
	p := play(t, `from topic "t" as { id: string, n: int, m: number? }
dedupe by .id, .n within 1h
require .n != 9 else "nine"
emit log { id: .id }
`)
	for _, tt := range []struct {
		at         int
		v, outcome string
	}{
		{-7200, `{"id":"a","n":1}`, "completed"},
		{-7200, `{"id":"a","n":1.0}`, "dropped: duplicate at dedupe"},
		{-3601, `{"id":"a","n":1}`, "dropped: duplicate at dedupe"},
		{-10799, `{"id":"a","n":1}`, "dropped: duplicate at dedupe"},
		{-3600, `{"id":"a","n":1}`, "completed"},
		{-10800, `{"id":"a","n":1}`, "completed"},
		{0, `{"id":"a","n":2}`, "completed"},
		// Only a failure releases a claim.
		{0, `{"id":"a","n":9}`, "E0413 at require"},
		{0, `{"id":"a","n":9}`, "E0413 at require"},
	} {
		p.want(fmt.Sprintf("%d %s", tt.at, tt.v), show(p.send(0, tt.at, tt.v)), tt.outcome)
	}
	rec := &event.Record{Topic: "t", Value: []byte(`{"id":"b","n":1}`), Timestamp: event.NoTime}
	p.want("no time", show(p.record(0, rec)), "E0441 at dedupe")
}

// The children of an `each` belong to their record: a later one sees the claims and
// rows of an earlier, and all go where the record fails.
func TestEachChildrenShareTheRecord(t *testing.T) {
	p := play(t, `table sum: int = 0 keyed by string
from topic "t" as { lines: [{ id: string, n: int }] }
each .lines as l {
  dedupe by l.id within 1h
  update sum["all"] = it + l.n as now was before
  require l.n != 13 else "no"
  emit log { id: l.id, now, before }
}
`)
	fails := `{"lines":[{"id":"a","n":1},{"id":"b","n":13}]}`
	p.want("fails", show(p.send(0, 0, fails)), "E0413 at require/1")
	p.want("nothing is left", p.rows(), "")
	p.want("goes", show(p.send(0, 0, `{"lines":[{"id":"a","n":1},{"id":"a","n":100},{"id":"c","n":2}]}`)), "completed")
	p.want("outputs", p.outs(), `{"id":"a","now":1,"before":0}
{"id":"c","now":3,"before":1}`)
	p.want("rows", p.rows(), `["all"] 3 0`)
}

func TestTables(t *testing.T) {
	p := play(t, `table orders: { id: string, at: int } keyed by string
table count: int = 0 keyed by string, int
route w
from topic "t" as { do: string, id: string, at: int }
when .do == "write" {
  update orders[.id] = if it == null or it.at <= .at then { id: .id, at: .at } else it as now was old
  update count[.id, .at % 2] = it + 1
  emit log { now: now.at, old: old.at, read: orders[.id].at, n: count[.id, .at % 2], other: count[.id, 7] }
}
when .do == "gone" {
  delete orders[.id]
  emit log { gone: orders[.id] }
}
require .do != "fail" else "no"
route c
from changes orders
emit log { ...$, at: @time }
`)
	for _, tt := range []struct{ v, outcome, outs string }{
		{`{"do":"write","id":"a","at":5}`, "w completed, c completed", `{"now":5,"old":null,"read":5,"n":1,"other":0}
{"key":"a","old":null,"new":{"id":"a","at":5},"cause":"update","at":"2026-03-01T12:00:00.000Z"}`},
		// An equal write is no change.
		{`{"do":"write","id":"a","at":5}`, "w completed", `{"now":5,"old":5,"read":5,"n":2,"other":0}`},
		{`{"do":"write","id":"a","at":4}`, "w completed", `{"now":5,"old":5,"read":5,"n":1,"other":0}`},
		{`{"do":"gone","id":"b","at":4}`, "w completed", `{"gone":null}`},
		{`{"do":"gone","id":"a","at":4}`, "w completed, c completed", `{"gone":null}
{"key":"a","old":{"id":"a","at":5},"new":null,"cause":"delete","at":"2026-03-01T12:00:00.000Z"}`},
	} {
		p.send(1, 0, tt.v)
		p.want(tt.v, strings.Join(p.log, ", "), tt.outcome)
		p.want(tt.v, p.outs(), tt.outs)
	}
	p.want("rows", p.rows(), `["a",0] 1 0
["a",1] 2 0`)
}

// A row is there while its age is less than the ttl, by the time of the record that
// reads it; the change `expire` is told once.
func TestRowsExpire(t *testing.T) {
	p := play(t, `table seen: int keyed by string ttl 1h
route w
from topic "t" as { id: string, read: bool }
when not .read {
  update seen[.id] = (it ?? 0) + 1
}
emit log { n: seen[.id] }
route x
from changes seen
emit log { old: .old, new: .new, cause: .cause, at: @time }
`)
	write, read := `{"id":"a","read":false}`, `{"id":"a","read":true}`
	for _, tt := range []struct {
		at        int
		v, outs   string
		watermark int // of the timers behind it; 0: they rest
	}{
		{-9000, write, `{"n":1}
{"old":null,"new":1,"cause":"update","at":"2026-03-01T09:30:00.000Z"}`, -5401},
		{-5401, read, `{"n":1}`, 0},
		{-5400, read, `{"n":null}`, 0},
		{-5401, write, `{"n":2}
{"old":1,"new":2,"cause":"update","at":"2026-03-01T10:29:59.000Z"}`, -1802},
		{-1802, read, `{"n":2}`, -1801},
		{-1801, read, `{"old":2,"new":null,"cause":"expire","at":"2026-03-01T11:29:59.000Z"}
{"n":null}`, 0},
		// Past, and written before its timer is due: both are told.
		{-3600, write, `{"n":1}
{"old":null,"new":1,"cause":"update","at":"2026-03-01T11:00:00.000Z"}`, 0},
		{0, write, `{"n":1}
{"old":1,"new":null,"cause":"expire","at":"2026-03-01T12:00:00.000Z"}
{"old":null,"new":1,"cause":"update","at":"2026-03-01T12:00:00.000Z"}`, 3599},
		{0, read, `{"n":1}`, 3600},
		{0, read, `{"old":1,"new":null,"cause":"expire","at":"2026-03-01T13:00:00.000Z"}
{"n":null}`, 0},
	} {
		p.send(0, tt.at, tt.v)
		p.want(fmt.Sprintf("%d %s", tt.at, tt.v), p.outs(), tt.outs)
		if tt.watermark != 0 {
			p.due(tt.watermark)
		}
	}
	p.want("nothing is left", p.stored(), "")
	p.want("no time", show(p.record(0, &event.Record{Topic: "t", Value: []byte(write), Timestamp: event.NoTime})), "E0441 at update")
	p.want("no time, read", show(p.record(0, &event.Record{Topic: "t", Value: []byte(read), Timestamp: event.NoTime})), "completed")
}

func TestChangedBy(t *testing.T) {
	p := play(t, `from topic "t" as { id: any, ...: any }
changed by .id within 1h
emit log { ... . }
`)
	for _, tt := range []struct {
		at               int
		v, outcome, outs string
	}{
		{0, `{"id":"a","n":1,"s":"x"}`, "completed", `{"id":"a","n":1,"s":"x"}`},
		{0, `{"id":"a","n":1.0,"s":"x"}`, "dropped: unchanged at changed", ""},
		{0, `{"id":"a","n":2}`, "completed", `{"n":2}`},
		{0, `{"id":"a","s":null,"never":null}`, "completed", `{"s":null}`},
		{0, `{"id":"a","s":null,"n":2}`, "dropped: unchanged at changed", ""},
		{0, `{"id":"a","s":"x","o":{"a":[1]}}`, "completed", `{"s":"x","o":{"a":[1]}}`},
		{0, `{"id":"a","o":{"a":[1.0]}}`, "dropped: unchanged at changed", ""},
		{-9, `{"id":"a","o":null}`, "completed", `{"o":null}`},
		{3590, `{"id":"a","n":2,"s":"x"}`, "dropped: unchanged at changed", ""},
		{3591, `{"id":"a","n":2,"s":"x"}`, "completed", `{"id":"a","n":2,"s":"x"}`},
		{3591, `{"n":2}`, "E0410 .id at changed", ""},
	} {
		p.now = now.Add(time.Hour)
		p.want(fmt.Sprintf("%d %s", tt.at, tt.v), show(p.send(0, tt.at, tt.v)), tt.outcome)
		p.want(fmt.Sprintf("%d %s", tt.at, tt.v), p.outs(), tt.outs)
	}
	p.want("rows", p.rows(), `["a"] {"id":"a","n":2,"s":"x"} 3591`)
	p.due(3591 + 3599)
	p.want("rows", p.rows(), `["a"] {"id":"a","n":2,"s":"x"} 3591`)
	p.due(3591 + 3600)
	p.want("nothing is left", p.stored(), "")
}

func TestThrottle(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		sends      []string // "seconds outcome"
	}{
		{"starts full, refills as time goes", "throttle 2/m by .id burst 3 else drop", []string{
			"0 completed", "0 completed", "0 completed", "0 dropped: throttled at throttle", "29 dropped: throttled at throttle",
			"30 completed", "30 dropped: throttled at throttle", "90 completed", "90 completed", "90 dropped: throttled at throttle"}},
		{"an earlier time refills nothing", "throttle 1/m by .id burst 2 else drop", []string{
			"60 completed", "0 completed", "0 dropped: throttled at throttle", "119 dropped: throttled at throttle", "120 completed"}},
		{"thirds of a second are exact", "throttle 3/s by .id burst 1 else drop", []string{
			"0 completed", "0 dropped: throttled at throttle", "1 completed", "2 completed"}},
		{"fails", "throttle 1/m by .id else fail", []string{"0 completed", "0 E0444 at throttle", "60 completed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, "from topic \"t\" as { id: string }\n"+tt.head+"\nemit log { id: .id }\n")
			p.now = now.Add(time.Hour)
			for i, s := range tt.sends {
				at, want, _ := strings.Cut(s, " ")
				n := 0
				fmt.Sscan(at, &n)
				p.want(fmt.Sprintf("%d: %s", i, s), show(p.send(0, n, `{"id":"a"}`)), want)
			}
			p.due(1_000_000)
			p.want("full buckets are forgotten", p.stored(), "")
		})
	}
}

// `wait` goes by the clock, whatever the events' times.
func TestThrottleWaits(t *testing.T) {
	p := play(t, `from topic "t" as { n: int }
throttle 1/s by @topic burst 2 else wait 3s
emit log { n: .n }
`)
	for i, tt := range []struct {
		now  time.Duration
		want string
		wait time.Duration // after noon; 0: at once
	}{
		{0, "completed", 0}, {0, "completed", 0},
		{0, "completed", time.Second}, {0, "completed", 2 * time.Second}, {0, "completed", 3 * time.Second},
		{0, "E0444 at throttle", 0},
		{999 * time.Millisecond, "E0444 at throttle", 0}, {time.Second, "completed", 4 * time.Second},
		{time.Minute, "completed", 0}, {time.Minute, "completed", 0}, {time.Minute, "completed", 61 * time.Second},
	} {
		p.now = now.Add(tt.now)
		at := -i * 1000 // no matter
		p.want(fmt.Sprint(i), show(p.send(0, at, `{"n":1}`)), tt.want)
		if tt.want != "completed" {
			continue
		}
		want := int64(0)
		if tt.wait != 0 {
			want = now.Add(tt.wait).UnixNano()
		}
		if got := p.out.Outs[len(p.out.Outs)-1].NotBefore; got != want {
			t.Errorf("%d: not before %v, want %v", i, time.Unix(0, got).Sub(now), tt.wait)
		}
	}
}

// The children of a split are records of their own: each goes on from the next
// stage, with the lets, and fails alone.
func TestSplit(t *testing.T) {
	p := play(t, `table sum: number = 0 keyed by string
from topic "t" as { id: string, lines: [{ n: number, sub: [int]? }] }
let id = .id
time by time("2026-03-01T11:00:00Z")
emit log { above: id }
key by id, 7
when length(.lines) > 0 {
  split .lines
  update sum[id] = it + .n as total
  require .n != 13 else "no"
}
emit log { id, n: .n, total: sum[id], all: length($.lines), at: @time }
split .sub ?? [] as s
emit log { s, n: .n }
`)
	p.want("splits", show(p.send(0, 0, `{"id":"a","lines":[{"n":1},{"n":13},{"n":2,"sub":[7,8]}]}`)), "split")
	p.want("ends", strings.Join(p.log, "\n"), `g split
g completed
g E0413 at require/1
g split
g completed
g completed`)
	var ids []string
	for i := range p.out.Outs {
		ids = append(ids, string(p.out.Outs[i].ID.Of(&p.out)))
		if i > 0 && p.out.Outs[i].Lane != p.out.Outs[1].Lane {
			t.Errorf("output %d: another lane", i)
		}
	}
	p.want("outputs", p.outs(), `{"above":"a"}
{"id":"a","n":1,"total":1,"all":3,"at":"2026-03-01T11:00:00.000Z"}
{"id":"a","n":2,"total":3,"all":3,"at":"2026-03-01T11:00:00.000Z"}
{"s":7,"n":2}
{"s":8,"n":2}`)
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			t.Errorf("two outputs have the id %s", id)
		}
		seen[id] = true
	}
	p.want("of nothing", show(p.send(0, 0, `{"id":"a","lines":[]}`)), "completed")
	many := strings.Repeat(`{"n":1},`, op.MaxChildren+1)
	p.want("too many", show(p.send(0, 0, `{"id":"a","lines":[`+many[:len(many)-1]+`]}`)), "E0425 at split")
}

func TestLimitsOfState(t *testing.T) {
	p := play(t, `table all: string keyed by string
from topic "t" as { ids: [string], v: string }
each .ids as id { update all[id] = $.v }
emit log { n: length(.ids) }
`)
	ids := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%d",`, i)
		}
		return strings.TrimSuffix(b.String(), ",")
	}
	p.want("4,000", show(p.send(0, 0, `{"v":"","ids":[`+ids(4000)+`]}`)), "completed")
	p.want("4,001", show(p.send(0, 0, `{"v":"","ids":[`+ids(4001)+`]}`)), "E0425 at update/4000")
	p.want("2 MiB", show(p.send(0, 0, `{"v":"`+strings.Repeat("x", 1<<20)+`","ids":["a","b"]}`)), "E0425 at update/1")
	p.want("a key of 1 MB", show(p.send(0, 0, `{"v":"","ids":["`+strings.Repeat("x", 1<<20)+`"]}`)), "E0445 at update/0")
	d := play(t, "from topic \"t\" as { ids: [string] }\neach .ids as id { dedupe by id within 1h }\nemit log { n: length(.ids) }\n")
	d.want("4,001 claims", show(d.send(0, 0, `{"ids":[`+ids(4001)+`]}`)), "E0425 at dedupe/4000")
	p.want("nothing of it", fmt.Sprint(strings.Count(p.rows(), "\n")), "3999")
}

// A row that an earlier program wrote as another type is never read as if it were
// of today's.
func TestRowOfAnotherType(t *testing.T) {
	src := func(row string) string {
		return "table all: " + row + " keyed by string\nfrom topic \"t\" as { id: string, v: any }\nwhen .v != null { update all[.id] = .v | as " + row + " } else { emit log { v: (all[.id] ?? null) | string catch \"bad\" } }\n"
	}
	p := play(t, src("string"))
	p.send(0, 0, `{"id":"a","v":"x"}`)
	p.settle()
	q := play(t, src("int"))
	q.store = p.store
	var err error
	if q.cells, err = state.Open(p.store, []state.Spec{{Number: 1}}); err != nil {
		t.Fatal(err)
	}
	q.run = q.group.NewRunner(q.cells, nil)
	p.want("written over", show(q.send(0, 0, `{"id":"a","v":1}`)), "E0446 at update")
	p.want("read, and nothing caught", show(q.send(0, 0, `{"id":"a"}`)), "E0446 at emit")
}

// A loaded table is read by routes with and without state.
func TestLoadedTables(t *testing.T) {
	const tables = `table journeys: { id: string, name: string } keyed by .id from file "journeys.csv"
`
	const read = `from topic "t" as { id: string }
emit log { name: journeys[.id].name ?? "none" }
`
	rows := loaded{"journeys " + string(value.AppendKey(nil, "a")): value.NewObject(value.Field{Key: "name", Value: "A"})}
	b := newPair(compile(t, "a.route", tables+read))
	b.fr.Lookup, b.rfr.Lookup = rows, rows
	w, errs := newTwins(t, tables+strings.Replace(read, "\n", "\nkey by .id\n", 1))
	if errs != "" {
		t.Fatal(errs)
	}
	for _, p := range []*player{w.fused, w.reference} {
		p.run = p.group.NewRunner(p.cells, rows)
	}
	for id, want := range map[string]string{"a": `{"name":"A"}`, "b": `{"name":"none"}`} {
		v := fmt.Sprintf(`{"id":%q}`, id)
		b.mustAgree(t, record(v))
		if got := string(b.out.Outs[len(b.out.Outs)-1].Body.Of(&b.out)); got != want {
			t.Errorf("without state: %s, want %s", got, want)
		}
		if d := w.both(func(p *player) { p.send(0, 0, v) }); d != "" {
			t.Error(d)
		}
		w.fused.want("with state", w.fused.outs(), want)
	}
	if b.fr.Slow+w.fused.run.Frame(0).Slow != 0 {
		t.Error("it does not run fused")
	}
}
