package op_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/state"
)

// TestKeysOfBytes says that the key that fused steps take from the bytes of a record
// is the key of its value: both leave the same claims, and find each other's.
func TestKeysOfBytes(t *testing.T) {
	numbers := []string{
		"0", "-0", "0.0", "-0.0e9", "1", "1.0", "1e0", "10e-1", "-1", "100", "1e2", "1.00e+2", "0.1", "1e-1", "123456789012345678",
		"1234567890123456789", "12345678901234567890123456789012345678", "0.1234567890123456789012345678901234", "1e30", "1e-30",
		"1e300", "1e-300", "1e999999999", "1.5e999999999", "3146.0", "3.146e3", "31460e-1",
	}
	texts := []string{"", "a", `\"`, `\\`, `\/`, "/", `\u0061`, `\u00e9`, "é", `\ud83d\ude00`, "😀", `a\nb`, strings.Repeat("x", 127), strings.Repeat("x", 128), strings.Repeat("y", 3000)}
	for _, keys := range []string{".n", ".i", ".s", ".n, .s", ".s, .n", "string(.n)", ".n + 1", "length(.s)", "upper(.s)", ".b", ".b, .n", ".t", "if .b then .n else 3", `"${.s}${.n}"`} {
		t.Run(keys, func(t *testing.T) {
			w, errs := newTwins(t, `from topic "t" as { n: number, i: int, s: string, b: bool, t: time }
dedupe by `+keys+` within 1h
emit log { n: .n }
`)
			if errs != "" {
				t.Fatal(errs)
			}
			send := func(n, i, s string, at int) {
				v := fmt.Sprintf(`{"n":%s,"i":%s,"s":"%s","b":%v,"t":"2026-01-02T03:04:0%d.5%sZ"}`, n, i, s, len(n)%2 == 0, len(n)%10, strings.Repeat("0", len(s)%8))
				if d := w.both(func(p *player) { p.send(0, at, v) }); d != "" {
					t.Fatalf("%s\n%s", v, d)
				}
				if f, r := w.fused.stored(), w.reference.stored(); f != r {
					t.Fatalf("%s\nfused steps store\n%s\nthe reference steps\n%s", v, f, r)
				}
			}
			for at, n := range numbers {
				i := n
				if strings.ContainsAny(n, ".e") {
					i = fmt.Sprint(at)
				}
				send(n, i, "k", at)
			}
			for at, s := range texts {
				send("7", "7", s, at)
			}
		})
	}
}

// sparse says how many allocations a record may take: those of an epoch and a
// transaction, of 2,000 records, and of the table and the arena as they grow.
const sparse = 0.02

func TestDedupeAllocatesNothing(t *testing.T) {
	for name, by := range dedupes {
		t.Run(name, func(t *testing.T) {
			r := newDeduper(t, by, state.NewMemory())
			r.epoch(100_000)
			if n := testing.AllocsPerRun(5, func() { r.epoch(2000) }) / 2000; n > sparse {
				t.Errorf("%.3f allocations a record", n)
			}
			if n := r.run.Frame(0).Slow; n != 0 {
				t.Errorf("%d records by the reference evaluator", n)
			}
			if by != "" && r.repeats == 0 || r.repeats > r.i/10 {
				t.Errorf("%d repeats in %d records", r.repeats, r.i)
			}
		})
	}
}

// BenchmarkDedupe is an event of 480 bytes, or one of 90, through `where; dedupe; map;
// emit`: scanned, judged, claimed, written, and persisted by epochs of 2,000 in the order
// of a task. One in twenty is a repeat. The watermark follows, and claims end after two
// hours of 360,000 events each.
func BenchmarkDedupe(b *testing.B) {
	for _, name := range []string{"nothing", "text", "number", "both", "small"} {
		by := dedupes[name]
		for _, store := range []string{"memory", "badger"} {
			b.Run("by="+name+"/store="+store, func(b *testing.B) {
				var s state.Store = state.NewMemory()
				if store == "badger" {
					db, err := state.OpenBadger(b.TempDir(), state.Options{})
					if err != nil {
						b.Fatal(err)
					}
					defer db.Close()
					s = db
				}
				r := newDeduper(b, by, s)
				if name == "small" {
					r.shorten()
				}
				b.SetBytes(int64(r.size))
				b.ReportAllocs()
				n := 0
				for b.Loop() {
					if n++; n == 2000 {
						r.epoch(n)
						n = 0
					}
				}
				r.epoch(n)
				b.ReportMetric(float64(r.i)/b.Elapsed().Seconds(), "keys/s")
			})
		}
	}
}

// dedupes are keys: of a text, of a whole number, of both; none.
var dedupes = map[string]string{"nothing": "", "text": ".event_id", "number": ".n", "both": ".event_id, .n", "small": ".event_id"}

// clickID is where the id of an event begins.
const clickID = len(`{"n":1000000000,"event_id":"`)

// deduper runs the records of one route.
type deduper struct {
	tb         testing.TB
	run        *op.Runner
	cells      *state.Cells
	store      state.Store
	out        event.Arena
	recs       []event.Record
	i, repeats int
	size       int // of a record
}

func newDeduper(tb testing.TB, by string, store state.Store) *deduper {
	stage := "dedupe by " + by + " within 1h"
	if by == "" {
		stage = ""
	}
	p, g, errs := tryGroup(`type Click = { n: int, event_id: string, type: string, user: { id: string }, total: string, currency: string }
table other: number = 0 keyed by string
from topic "clicks" as Click
where .type == "product_viewed" and .currency != "x"
` + stage + `
map { id: .event_id, user: .user.id, currency: upper(.currency), total: number(.total) }
emit log { ... }
when .id == "" { update other["x"] = 1 }
`)
	if errs != "" {
		tb.Fatal(errs)
	}
	r := &deduper{tb: tb, store: store}
	var specs []state.Spec
	for i, s := range p.States {
		specs = append(specs, state.Spec{Number: uint32(i + 1)})
		if s.Kind == ir.DedupeState {
			specs[i].Keep = s.SpanMS * 1000
		}
	}
	var err error
	if r.cells, err = state.Open(store, specs); err != nil {
		tb.Fatal(err)
	}
	r.run = g.NewRunner(r.cells, nil)
	for _, v := range clicks() {
		v = append([]byte(`{"n":1000000000,`), v[1:]...)
		copy(v[clickID:], "00000000-0000-4000-a000-0000000000ab")
		r.recs = append(r.recs, event.Record{Topic: "clicks", Partition: 3, Value: v})
		r.size = len(v)
	}
	return r
}

// shorten leaves of each event what the route reads.
func (r *deduper) shorten() {
	for i := range r.recs {
		v := r.recs[i].Value[:clickID+36]
		r.recs[i].Value = append(v, `","type":"product_viewed","user":{"id":"u_1"},"total":"12.50","currency":"usd"}`...)
		r.size = len(r.recs[i].Value)
	}
}

// epoch runs n records, 10 ms apart, and persists what they wrote.
func (r *deduper) epoch(n int) {
	start := now.Add(-20 * time.Hour).UnixMilli()
	for range n {
		rec := &r.recs[r.i%pool]
		id := r.i
		if id%20 == 19 {
			id -= 7
		}
		rec.Offset, rec.Timestamp = int64(r.i), start+int64(r.i)*10
		strconv.AppendInt(rec.Value[:len(`{"n":`)], 1_000_000_000+int64(id), 10)
		hex.Encode(rec.Value[clickID:], []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)})
		r.cells.Begin()
		switch o := r.run.Run(0, rec, now, &r.out); o.Kind {
		case event.Failed:
			r.tb.Fatal(o.Fail)
		case event.Dropped:
			r.repeats++
		}
		r.cells.Done()
		r.i++
	}
	r.cells.SetWatermark(0, (start+int64(r.i)*10)*1000, event.NoMicros)
	e := r.cells.Seal()
	if err := r.store.Commit(r.cells.Batch(e)); err != nil {
		r.tb.Fatal(err)
	}
	r.cells.Persisted(e)
	r.out.Reset()
}
