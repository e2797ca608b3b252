package op_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

func TestTumbling(t *testing.T) {
	p := play(t, `from topic "t" as { id: string, n: number?, s: string? }
window 1m by .id grace 10s {
  n: count(), total: sum(.n), low: min(.n), high: max(.n), mean: average(.n), a: first(.s), z: last(.s)
  ids: collect(.s, 2), kinds: distinct(.n), p: percentile(.n, 50)
} late { emit log "late" { late: .n } }
emit log { ..., key: @window.key, from: @window.start, to: @window.end, at: @time }
`)
	p.send(0, 0, `{"id":"a","n":0.1,"s":"x"}`)
	p.send(0, 59, `{"id":"a","n":0.2,"s":"y"}`)
	p.send(0, 30, `{"id":"a","n":0.30,"s":"w"}`)
	p.send(0, 31, `{"id":"a","n":null,"s":null}`)
	p.send(0, 60, `{"id":"a"}`)
	p.send(0, 61, `{"id":"b","n":1}`)
	p.want("no output before the end", p.outs(), "")
	p.due(69)
	p.want("in grace", p.outs(), "")
	p.send(0, 1, `{"id":"a","n":1,"s":"v"}`)
	p.due(70)
	p.want("told", p.outs(), `{"n":5,"total":1.6,"low":0.1,"high":1,"mean":0.4,"a":"x","z":"y","ids":["x","v"],"kinds":4,"p":0.2,"key":"a","from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:00.000Z","at":"2026-03-01T12:01:00.000Z"}`)
	p.want("late", show(p.send(0, 59, `{"id":"a","n":7}`)), "completed")
	p.want("its stages ran", p.outs(), `{"late":7}`)
	p.want("in time", show(p.send(0, 119, `{"id":"b"}`)), "completed")
	p.due(130)
	p.want("nothing of no value", p.outs(), `{"n":1,"total":0,"low":null,"high":null,"mean":null,"a":null,"z":null,"ids":[],"kinds":0,"p":null,"key":"a","from":"2026-03-01T12:01:00.000Z","to":"2026-03-01T12:02:00.000Z","at":"2026-03-01T12:02:00.000Z"}
{"n":2,"total":1,"low":1,"high":1,"mean":1,"a":null,"z":null,"ids":[],"kinds":1,"p":1,"key":"b","from":"2026-03-01T12:01:00.000Z","to":"2026-03-01T12:02:00.000Z","at":"2026-03-01T12:02:00.000Z"}`)
	p.want("nothing is left", p.stored(), "")
}

func TestWindowFails(t *testing.T) {
	p := play(t, `from topic "t" as { id: any, n: number, s: string }
window 1m by .id { total: sum(.n), ids: collect(.s, 9) }
emit log
`)
	p.want("no key", show(p.send(0, 0, `{"n":1,"s":""}`)), "E0410 .id at window")
	p.want("no time", show(p.record(0, &event.Record{Topic: "t", Value: []byte(`{"id":1,"n":1,"s":""}`), Timestamp: event.NoTime})), "E0441 at window")
	p.want("a key too large", show(p.send(0, 0, `{"id":"`+strings.Repeat("x", 40_000)+`","n":1,"s":""}`)), "E0445 at window")
	p.want("first", show(p.send(0, 0, `{"id":1,"n":`+strings.Repeat("9", 38)+`,"s":""}`)), "completed")
	p.want("a sum beyond", show(p.send(0, 0, `{"id":1,"n":2,"s":""}`)), "E0420 at window")
	large := `{"id":1,"n":0,"s":"` + strings.Repeat("x", 600_000) + `"}`
	p.want("large", show(p.send(0, 0, large)), "completed")
	p.want("too large", show(p.send(0, 0, large)), "E0424 at window")
	p.due(60)
	if got := p.outs(); !strings.HasPrefix(got, `{"total":`+strings.Repeat("9", 38)+`,"ids":["","xxx`) {
		t.Errorf("what failed left something: %.200s", got)
	}
	p.want("late", show(p.send(0, 59, `{"id":1,"n":1,"s":""}`)), "E0443 at window")
	p.want("nothing is left", p.stored(), "")
}

func TestHopping(t *testing.T) {
	p := play(t, `from topic "t" as { id: string }
window 3m by .id, "k" every 1m { n: count() }
emit log { n: .n, key: @window.key, from: @window.start }
`)
	p.send(0, 0, `{"id":"a"}`)
	p.due(60)
	p.want("first", p.outs(), `{"n":1,"key":["a","k"],"from":"2026-03-01T11:58:00.000Z"}`)
	p.send(0, 59, `{"id":"a"}`) // two of its three panes are open
	p.due(300)
	p.want("others", p.outs(), `{"n":2,"key":["a","k"],"from":"2026-03-01T11:59:00.000Z"}
{"n":2,"key":["a","k"],"from":"2026-03-01T12:00:00.000Z"}`)
	p.want("nothing is left", p.stored(), "")
}

func TestSessions(t *testing.T) {
	p := play(t, `from topic "t" as { id: string }
window session 30s by .id grace 60s { n: count(), ids: collect(.id, 9) }
emit log { n: .n, from: @window.start, to: @window.end }
`)
	for _, at := range []int{0, 30, 20, 100, 70, 129, 200, 171} {
		p.send(0, at, `{"id":"a"}`)
	}
	// 0 and 30 are two until 20 joins them; 70, 100 are two at exactly the gap.
	p.due(140)
	p.want("of 0 to 30", p.outs(), `{"n":3,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:00.000Z"}`)
	p.due(160)
	p.want("of 70", p.outs(), `{"n":1,"from":"2026-03-01T12:01:10.000Z","to":"2026-03-01T12:01:40.000Z"}`)
	p.due(400)
	p.want("the others", p.outs(), `{"n":2,"from":"2026-03-01T12:01:40.000Z","to":"2026-03-01T12:02:39.000Z"}
{"n":2,"from":"2026-03-01T12:02:51.000Z","to":"2026-03-01T12:03:50.000Z"}`)
	p.want("nothing is left", p.stored(), "")
}

// A pane is named by its window, key and start for ever, whatever made it.
func TestPaneOrigin(t *testing.T) {
	p := play(t, `from topic "t" as { id: string }
window 1m by .id { n: count() }
emit log
`)
	p.send(0, 5, `{"id":"a"}`)
	p.cells.SetWatermark(0, now.Add(1e12).UnixMicro(), event.NoMicros)
	due, key, _ := p.cells.Due(0, now.Add(1e12).UnixMicro())
	p.cells.Begin()
	_, rec := p.run.Due(0, due, key)
	p.cells.Done()
	if rec.Offset != now.UnixMicro() || rec.Partition != 0 || rec.Made.Path != "/pane" || string(rec.Key) != "a" {
		t.Errorf("origin %d/%d%s, key %q", rec.Partition, rec.Offset, rec.Made.Path, rec.Key)
	}
	p.want("its id", fmt.Sprintf("%x", rec.TopicID), "a3e3c091e4cccb847eb9e86cb5c18ded")
}

// What an edit adds to a window begins empty in the panes that are open, and what it
// takes out is forgotten.
func TestWindowEdited(t *testing.T) {
	script := func(fields string) string {
		return "from topic \"t\" as { id: string, n: number }\nwindow 1m by .id { " + fields + " }\nemit log\n"
	}
	old := play(t, script("n: count(), gone: distinct(.n), list: collect(.n, 20)"))
	for i := range 20 {
		old.send(0, i, fmt.Sprintf(`{"id":"a","n":%d}`, i))
	}
	edited := func(fields string) *player { return old.edited(script(fields)) }
	p := edited("total: sum(.n), list: collect(.n, 3), records: count()")
	p.send(0, 59, `{"id":"a","n":5}`)
	p.due(60)
	p.want("edited", p.outs(), `{"total":5,"list":[0,1,2],"records":21}`)
	p.want("nothing is left", p.stored(), "")

	p = edited("records: count(), high: max(.n)")
	p.due(60)
	p.want("what has no value", p.log[len(p.log)-1], "g E0446 at window/pane")
	p.want("nothing is left", p.stored(), "")
}

// inOrder lets timers come due as a task does: the earliest first, of whatever state.
func (p *player) inOrder(at int) {
	w := now.Add(time.Duration(at) * time.Second).UnixMicro()
	for s := range p.plan.States {
		p.cells.SetWatermark(s, w, event.NoMicros)
	}
	for {
		state, due, key := -1, int64(0), []byte(nil)
		for s := range p.plan.States {
			if d, k, ok := p.cells.Due(s, w); ok && (state < 0 || d < due) {
				state, due, key = s, d, k
			}
		}
		if state < 0 {
			return
		}
		p.cells.Begin()
		route, rec := p.run.Due(state, due, key)
		p.cells.Done()
		if rec != nil {
			p.record(route, rec)
		}
	}
}

// A window takes the panes of the one above it, also when they come all at once.
func TestWindowOfPanes(t *testing.T) {
	for _, names := range []string{"a b", "b a"} { // the order of the states' names means nothing
		n := strings.Fields(names)
		p := play(t, `from topic "t" as { id: string, n: number }
window 1m by .id as `+n[0]+` grace 45s { n: sum(.n), lists: collect(.n, 5) }
time by @window.start
split .lists
window 3m by @window.key as `+n[1]+` grace 1s { n: count(), total: sum(.) }
emit log { ..., key: @window.key, from: @window.start }
`)
		for at := range 6 {
			p.send(0, at*60+30, fmt.Sprintf(`{"id":"a","n":%d}`, at))
			p.send(0, at*60+59, fmt.Sprintf(`{"id":"b","n":%d}`, at))
			if at == 0 {
				p.inOrder(110)
			}
		}
		p.inOrder(10_000)
		p.want(names, p.outs(), `{"n":3,"total":3,"key":"a","from":"2026-03-01T12:00:00.000Z"}
{"n":3,"total":3,"key":"b","from":"2026-03-01T12:00:00.000Z"}
{"n":3,"total":12,"key":"a","from":"2026-03-01T12:03:00.000Z"}
{"n":3,"total":12,"key":"b","from":"2026-03-01T12:03:00.000Z"}`)
		p.want("nothing is left", p.stored(), "")
	}
}

// A pane that was told while all inputs were idle is not told again, whatever still
// comes from the window above.
func TestWindowOfPanesToldOnce(t *testing.T) {
	p := play(t, `from topic "t" as { id: string }
window 1m by .id as a { n: count() }
time by @window.start
window 3m by @window.key as b { n: sum(.n) } late { emit log "late" { late: .n } }
emit log "told" { n: .n }
`)
	p.send(0, 30, `{"id":"a"}`)
	p.inOrder(61)
	// The clock tells b's pane; a has no pane to tell then.
	b := p.state("window g as b")
	due, key, ok := p.cells.Due(b, now.Add(200*time.Second).UnixMicro())
	if !ok {
		t.Fatal("b has no pane")
	}
	p.cells.SetWatermark(b, now.Add(61*time.Second).UnixMicro(), due)
	p.cells.Begin()
	route, rec := p.run.Due(b, due, key)
	p.cells.Done()
	p.record(route, rec)
	p.want("told", p.outs(), `{"n":1}`)
	p.want("in time for a", show(p.send(0, 170, `{"id":"a"}`)), "completed")
	a := p.state("window g as a")
	due, key, _ = p.cells.Due(a, now.Add(180*time.Second).UnixMicro())
	p.cells.Begin()
	route, rec = p.run.Due(a, due, key)
	p.cells.Done()
	p.record(route, rec)
	p.want("late for b", p.outs(), `{"late":1}`)
	p.want("nothing is open", p.stored(), "")
}

func (p *player) state(name string) int {
	for i, s := range p.plan.States {
		if s.Name == name {
			return i
		}
	}
	p.t.Fatalf("no state %s", name)
	return -1
}

// A pane is a value of the type that the checker gave it.
func TestPaneIsOfItsType(t *testing.T) {
	p := play(t, `from topic "t" as { id: "x" | "y", n: int?, f: number, s: string?, b: any }
window 1m by .id, .f {
  n: count(), a: sum(.n), b: sum(.f), c: min(.n), d: max(.f), e: average(.n), f: first(.s), g: last(.b), h: distinct(.b)
  i: collect(.s, 2), j: percentile(.n, 50), k: first({ a: .n, b: .s }), l: max(@time), m: min(.id)
}
emit log
`)
	out := p.plan.Routes[0].Stages[0].(*ir.Window).Out
	for i, v := range []string{`{"id":"x","f":0.5}`, `{"id":"x","f":0.50,"n":1.0,"s":"a","b":[1]}`, `{"id":"y","f":1e3,"n":2,"b":null}`, `{"id":"y","f":1000,"n":-7,"s":"","b":{}}`} {
		p.send(0, i, v)
		p.settle()
	}
	for range 2 {
		due, key, ok := p.cells.Due(0, now.Add(time.Minute).UnixMicro())
		if !ok {
			t.Fatal("no pane")
		}
		p.cells.Begin()
		_, rec := p.run.Due(0, due, key)
		p.cells.Done()
		if !types.Member(rec.Made.Value, out) {
			t.Errorf("%s is not of %s", value.AppendJSON(nil, rec.Made.Value), out)
		}
	}
}

// An edit of a window's size, grace or kind leaves what is open: each pane is told
// once, when it ends by what it is.
func TestWindowSizeEdited(t *testing.T) {
	script := func(head string) string {
		return "from topic \"t\" as { id: string }\nwindow " + head + " { n: count(), ids: collect(.id, 20), kinds: distinct(.id) }\nemit log { n: .n, ids: .ids | length, from: @window.start, to: @window.end }\n"
	}
	for _, tt := range []struct{ from, to, want string }{
		{"1m by .id", "2m by .id", `{"n":2,"ids":2,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:00.000Z"}
{"n":1,"ids":1,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:02:00.000Z"}`},
		{"1m by .id", "1m by .id grace 30s", `{"n":3,"ids":3,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:00.000Z"}`},
		{"1m by .id grace 30s", "1m by .id", `{"n":3,"ids":3,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:00.000Z"}`},
		{"1m by .id", "session 1m by .id", `{"n":2,"ids":2,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:00.000Z"}
{"n":1,"ids":1,"from":"2026-03-01T12:00:59.000Z","to":"2026-03-01T12:01:59.000Z"}`},
		{"session 1m by .id", "1m by .id", `{"n":2,"ids":2,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:01.000Z"}
{"n":1,"ids":1,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:01:00.000Z"}`},
		{"session 1m by .id", "session 2m by .id", `{"n":3,"ids":3,"from":"2026-03-01T12:00:00.000Z","to":"2026-03-01T12:02:59.000Z"}`},
	} {
		old := play(t, script(tt.from))
		old.send(0, 0, `{"id":"a"}`)
		old.send(0, 1, `{"id":"a"}`)
		p := old.edited(script(tt.to))
		p.send(0, 59, `{"id":"a"}`)
		for at := range 300 {
			p.due(at)
		}
		p.want(tt.from+" becomes "+tt.to, p.outs(), tt.want)
		p.want("nothing is left", p.stored(), "")
	}
}

// edited is the group of another script over what is stored.
func (p *player) edited(src string) *player {
	p.t.Helper()
	p.settle()
	plan, g, errs := tryGroup(src)
	if errs != "" {
		p.t.Fatal(errs)
	}
	out := newPlayer(p.t, plan, g, nil)
	_ = p.store.Scan(nil, nil, func(k, v []byte) bool {
		_ = out.store.Commit([]state.Write{{Key: append([]byte(nil), k...), Val: append([]byte(nil), v...)}})
		return true
	})
	return out
}
