package op_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

// parks puts every record that a player runs into the store and takes it out again
// before it runs, through the runners of two copies of the program.
func parks(t testing.TB, from, to *op.Runner) func(int, *event.Record) *event.Record {
	return func(route int, rec *event.Record) *event.Record {
		b, err := from.Park(route, rec)
		if err != nil {
			t.Fatalf("park: %v", err)
		}
		out, err := to.Unpark(route, b)
		if err != nil {
			t.Fatalf("unpark: %v", err)
		}
		if again, err := to.Park(route, &out); err != nil || string(again) != string(b) {
			t.Fatalf("parked again it is not the same (%v):\n%q\n%q", err, again, b)
		}
		out.Calls = rec.Calls
		return &out
	}
}

// parkedProgram has everything that a record brings along.
const parkedProgram = `identity people { user_id, email }
table seen: int = 0 keyed by string
route a
from topic "t" as { id: string, n: any, email: string?, lines: [{ l: any, parts: [any] }], ...: any }
let m = .n
let id = string(.id)
sample 99.9% by .id
when .id == "b" {
  let hidden = 3
  key by hidden
}
resolve people as p? { user_id: .id, email: .email }
with { context: { ip: "1.2.3.4", n: m } }
throttle 1/h by .id else wait 10h
update seen[.id] = it + 1 as now was before
split .lines as line
let own = line.l
emit track "Split" { userId: id, properties: { m, own, now, before, whole: ., orig: $ } }
split line.parts
require . != "x" else "x"
emit log { m, id, own, now, before, p: p.id, rest: ., orig: $, line, rate: @sample_rate, at: @time, topic: @topic, head: @headers, k: @key }
time by @time + 1s
emit identify { userId: id, traits: { m } }
route b
from changes seen
emit log { ...$, at: @time }
route c
from changes people as p
emit log { kind: .kind, p: p.id, other: .other }
route d
from topic "u" as { id: string, at: time?, d: string, b: any }
update seen["d"] = it + 1
let d = .d
split [.id, .b] as x
window 1m by x, d { n: count(), last: collect(d, 3) }
split .last
emit log { x: ., key: @window.key, from: @window.start, at: @time, orig: $ }
window 90s by $.n { n: count() } late { emit log "late" }
emit log { n: .n, from: @window.start }
`

// TestParkedRunsTheSame: a record that was stored and read again, also by another process,
// ends as it would have, with the same outputs.
func TestParkedRunsTheSame(t *testing.T) {
	numbers := []string{"1", "1.0", "1.50", "-0", "1e3", "0.1", "123456789012345678901234567890", "1e400", "-7.25e-9"}
	texts := []string{`""`, `"x"`, `"ü\u0000\n"`, `"2026-03-01T12:00:00Z"`, `null`, `true`, `{"b":1,"a":{"c":[null]}}`, `[]`, `[1,"1"]`}
	rapid.Check(t, func(rt *rapid.T) {
		plain, parked, other := play(t, parkedProgram), play(t, parkedProgram), play(t, parkedProgram)
		plain.shown, parked.shown = true, true
		parked.through = parks(t, parked.run, parked.run)
		other.through = parks(t, parked.run, other.run)
		other.shown = true
		players := []*player{plain, parked, other}
		val := rapid.SampledFrom(append(texts, numbers...))
		id := rapid.SampledFrom([]string{"a", "b", "c"})
		for i := range rapid.IntRange(1, 6).Draw(rt, "records") {
			at := rapid.IntRange(-5, 100).Draw(rt, "at")
			route, v := 3, ""
			if rapid.Bool().Draw(rt, "d") {
				v = fmt.Sprintf(`{"id":%q,"d":%q,"b":%s}`, id.Draw(rt, "id"), id.Draw(rt, "d"), val.Draw(rt, "b"))
			} else {
				route = 0
				var lines []string
				for range rapid.IntRange(0, 3).Draw(rt, "lines") {
					parts := rapid.SliceOfN(val, 0, 3).Draw(rt, "parts")
					lines = append(lines, fmt.Sprintf(`{"l":%s,"parts":[%s]}`, val.Draw(rt, "l"), strings.Join(parts, ",")))
				}
				v = fmt.Sprintf(`{"id":%q,"n":%s,"email":%s,"lines":[%s],"z":{"y":%s}}`, id.Draw(rt, "id"), val.Draw(rt, "n"),
					rapid.SampledFrom([]string{"null", `"a@b.co"`, `"c@d.co"`}).Draw(rt, "email"), strings.Join(lines, ","), val.Draw(rt, "z"))
			}
			for _, p := range players {
				rec := &event.Record{Topic: []string{"t", "", "", "u"}[route], Partition: 3, Offset: int64(i), Key: []byte("k"), Value: []byte(v),
					Headers: []event.Header{{Key: "h", Value: []byte("v")}, {Key: "none"}}, Timestamp: now.UnixMilli() + int64(at)*1000}
				if i%3 == 1 {
					rec.Key = nil
				}
				p.record(route, rec)
			}
		}
		for _, p := range players {
			p.due(rapid.Just(1000).Draw(rt, "end"))
		}
		want, log := everything(plain), strings.Join(plain.log, "\n")
		for _, p := range players[1:] {
			if d := cmp.Diff(log, strings.Join(p.log, "\n")); d != "" {
				rt.Fatalf("ends: %s", d)
			}
			if d := cmp.Diff(want, everything(p)); d != "" {
				rt.Fatalf("outputs: %s", d)
			}
			if d := cmp.Diff(plain.stored(), p.stored()); d != "" {
				rt.Fatalf("cells: %s", d)
			}
		}
	})
}

// everything lists the outputs with all that is in them.
func everything(p *player) string {
	var b strings.Builder
	for i := range p.out.Outs {
		o := &p.out.Outs[i]
		fmt.Fprintf(&b, "%s %s %d %t %d %d %s %s\n", o.ID.Of(&p.out), o.Key.Of(&p.out), o.Lane, o.Ordered, o.Time, o.NotBefore, o.Body.Of(&p.out), o.Person.Of(&p.out))
	}
	return b.String()
}

// TestParkedInAnotherProgram: a record goes on where it was wherever nothing above that
// place has changed, and says so where it has.
func TestParkedInAnotherProgram(t *testing.T) {
	const before = `type Line = { q: int }
table n: int = 0 keyed by string
from topic "t" as { id: string, lines: [Line] }
let a = .id
split .lines as line
update n[a] = it + line.q
emit log { a, q: line.q }
`
	b := play(t, before)
	o := b.send(0, 0, `{"id":"x","lines":[{"q":5}]}`)
	parked, err := b.run.Park(0, &o.Children[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, old, now, want string }{
		{"the same", "", "", `{"a":"x","q":5}`},
		{"below", "update n", "let b = 7\nlet c = a\nupdate n", `{"a":"x","q":5}`},
		{"a comment and a line break above", "let a = .id", "# the id\nlet a =\n  .id", `{"a":"x","q":5}`},
		{"a let above", "let a", "let b = 1\nlet a", "stages above that were changed"},
		{"a let of another type", "let a = .id", "let a = string(.id)", "stages above that were changed"},
		{"a declared type", "q: int", "q: int, r: int?", "stages above that were changed"},
		{"a filter", "let a", "where .id != \"\"\nlet a", "stages above that were changed"},
		{"another split", "split .lines as line", "split [...(.lines), ...(.lines)] as line", "is gone"},
		{"the split is gone", "split .lines as line", "let line = { q: 1 }", "is gone"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := play(t, strings.Replace(before, tt.old, tt.now, 1))
			rec, err := p.run.Unpark(0, parked)
			if string(rec.Value) != `{"id":"x","lines":[{"q":5}]}` || rec.Partition != 3 {
				t.Errorf("not the record as it was: %+v", rec)
			}
			if err != nil {
				if rec.Made != nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v", err)
				}
				return
			}
			p.record(0, &rec)
			p.want("outputs", p.outs(), tt.want)
		})
	}
}

// TestDamagedParked: what nobody wrote is refused, never guessed at.
func TestDamagedParked(t *testing.T) {
	p := play(t, parkedProgram)
	var kept []byte
	p.through = func(route int, rec *event.Record) *event.Record {
		b, err := p.run.Park(route, rec)
		if err != nil {
			t.Fatal(err)
		}
		if route == 0 && len(b) > len(kept) {
			kept = b
		}
		return rec
	}
	p.send(0, 0, `{"id":"a","n":1,"email":"a@b.co","lines":[{"l":1,"parts":[[1,2],"x"]}]}`)
	if len(kept) == 0 {
		t.Fatal("nothing was parked")
	}
	for i := range kept {
		if _, err := p.run.Unpark(0, kept[:i]); err == nil {
			t.Errorf("%d of %d bytes are taken", i, len(kept))
		}
	}
	if _, err := p.run.Unpark(0, append(kept[:len(kept):len(kept)], 0)); err == nil {
		t.Error("more behind it is taken")
	}
	newer := append([]byte{}, kept...)
	newer[0]++
	if _, err := p.run.Unpark(0, newer); err == nil || !strings.Contains(err.Error(), "form 2") {
		t.Errorf("a newer form: %v", err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		b := append([]byte{}, kept...)
		b[rapid.IntRange(0, len(b)-1).Draw(rt, "at")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		rec, err := p.run.Unpark(0, b) // whatever it is, it does not panic
		if err == nil && rec.Made != nil && rec.Made.Path == "" && len(rec.Value) == 0 {
			rt.Error("an empty record")
		}
	})
}
