package op_test

import (
	"fmt"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/state"
)

// tracking is a route that resolves three identifiers and tracks an event of the
// person.
func tracking(stages ...ir.Stage) *town {
	w := newTown()
	asked := object("user_id", cur("user_id"), "email", cur("email"), "anonymous_id", cur("anonymous_id"))
	w.people.IDs[1].Form = nil
	w.people.IDs[1].Canon = ir.TrimText
	r := w.resolve()
	r.IDs = asked
	in := w.route("in", append(append([]ir.Stage{r}, stages...), track(
		ir.CallField{Name: "event", X: lit("Opened")},
		ir.CallField{Name: "userId", X: get(slot(currentSlot, "p"), "user_id"), Default: true},
		ir.CallField{Name: "anonymousId", X: get(slot(currentSlot, "p"), "anonymous_id"), Default: true},
		ir.CallField{Name: "properties", X: object("screen", cur("screen"))}))...)
	text := types.Nullable(types.StringT)
	t := types.Row(nil, types.Field{Name: "user_id", Type: text}, types.Field{Name: "email", Type: text}, types.Field{Name: "anonymous_id", Type: text}, types.Field{Name: "screen", Type: text})
	t.Open = true
	in.Source.Type, in.Source.Topics[0].Type = t, t
	return w
}

// unordered is a store that costs next to nothing: what is measured is what stands
// above it.
type unordered map[string][]byte

func (m unordered) Get(key []byte) ([]byte, bool, error)                 { v, ok := m[string(key)]; return v, ok, nil }
func (m unordered) Scan(_, _ []byte, _ func(key, val []byte) bool) error { return nil }
func (m unordered) Sync() error                                          { return nil }
func (m unordered) Close() error                                         { return nil }
func (m unordered) Commit(ws []state.Write) error {
	for i := range ws {
		if ws[i].Delete {
			delete(m, string(ws[i].Key))
		} else {
			m[string(ws[i].Key)] = ws[i].Val
		}
	}
	return nil
}

// BenchmarkResolve is a record through the runner of a group over cells in memory, with
// the persisting of every 2,000: one that teaches nothing new, of 10,000 persons; one
// whose device is new; and one that shows two persons to be one.
func BenchmarkResolve(b *testing.B) {
	const people = 10_000
	full := func(i int) string {
		return fmt.Sprintf(`{"user_id":"user-%07d","email":"user%07d@example.com","anonymous_id":"a-%027d","screen":"home"}`, i, i, i)
	}
	device := func(i int) string { return fmt.Sprintf(`{"anonymous_id":"device-%032d","screen":"home"}`, i) }
	both := func(i int) string {
		return fmt.Sprintf(`{"user_id":"user-%07d","anonymous_id":"device-%032d","screen":"home"}`, i%people, i)
	}
	ltv := func() *town {
		w := tracking()
		t := w.table("ltv", "sum", types.NumberT, num("0"))
		w.Routes[0].Stages = append(w.Routes[0].Stages[:1:1], append([]ir.Stage{&ir.Update{StageInfo: info("update"), Table: t, Keys: []ir.Expr{get(person, "id")},
			X: &ir.Arith{Op: ir.Add, X: slot(oldSlot, "it"), Y: lit(num("1"))}, Old: oldSlot}}, w.Routes[0].Stages[1:]...)...)
		return w
	}
	for _, bb := range []struct {
		name   string
		town   *town
		ready  func(i int) string // what is known before
		record func(i int) string
	}{
		{"nothing new", tracking(), nil, func(i int) string { return full(i % people) }},
		{"nothing new, and a row", ltv(), nil, func(i int) string { return full(i % people) }},
		{"every one links", tracking(), nil, both},
		{"every one merges", ltv(), device, both},
	} {
		b.Run(bb.name, func(b *testing.B) {
			pl := plan.Build(&bb.town.Program)
			g, err := op.CompileGroup(pl.Groups[0], "app", secret)
			if err != nil {
				b.Fatal(err)
			}
			p := newPlayer(b, pl.Groups[0], g, nil)
			store := unordered{}
			if p.cells, err = state.Open(store, specs(pl.Groups[0])); err != nil {
				b.Fatal(err)
			}
			p.run = g.NewRunner(p.cells, nil)
			settle := func() {
				n := p.cells.Seal()
				_ = store.Commit(p.cells.Batch(n))
				p.cells.Persisted(n)
				p.out.Reset()
			}
			for i := range people {
				if p.send(0, 0, full(i)); i%2000 == 0 {
					settle()
				}
			}
			if bb.ready != nil {
				for i := range b.N {
					if p.send(0, 0, bb.ready(i)); i%2000 == 0 {
						settle()
					}
				}
			}
			settle()
			recs := make([]event.Record, b.N)
			for i := range recs {
				recs[i] = event.Record{Topic: "in", Offset: int64(i), Value: []byte(bb.record(i)), Timestamp: now.UnixMilli(), Key: []byte("k")}
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range recs {
				if i%2000 == 1999 {
					settle()
				}
				p.cells.Begin()
				if o := p.run.Run(0, &recs[i], p.now, &p.out); o.Kind == event.Failed {
					b.Fatal(o.Fail)
				}
				p.cells.Done()
			}
			if n := p.run.Frame(0).Slow; n != 0 {
				b.Fatalf("%d records run by the reference evaluator", n)
			}
		})
	}
}
