package task

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// copyOut emits every record as it is.
type copyOut struct{}

func (copyOut) Run(_ int, rec *event.Record, _ time.Time, out *event.Arena) event.Outcome {
	start := uint32(len(out.Buf))
	out.Buf = append(out.Buf, rec.Value...)
	out.Outs = append(out.Outs, event.Output{Arena: out, Ordered: true, Lane: uint64(rec.Offset % 1000), Body: event.Bytes{Start: start, End: uint32(len(out.Buf))}})
	return event.Outcome{}
}

// Due is never called.
func (copyOut) Due(int, int64, []byte) (int, *event.Record) { panic("a timer") }

func (copyOut) Command([]byte, *event.Record, time.Time) event.Outcome { panic("a command") }

func (copyOut) Row(int, int64, []byte, []byte) *event.Record { panic("a row") }

// BenchmarkGroup is what a record costs the task of a group beside its stages: 24
// inputs, slices of 500, intents and transactions into a store in memory.
func BenchmarkGroup(b *testing.B) {
	store := state.NewMemory()
	cells, err := state.Open(store, testSpecs())
	if err != nil {
		b.Fatal(err)
	}
	g := testGroup()
	k := New(Config{Routes: g.Routes, Runner: copyOut{}, Budget: NewBudget(ProcessBytes), Group: g, Cells: cells})
	ins := []Input{{Own: true, Route: -1}}
	for i := range 24 {
		ins = append(ins, Input{Route: routeA, TopicID: event.TopicID{byte(i / 12)}, Partition: int32(i % 12)})
	}
	k.Open(&Progress{}, ins, 0)
	rs := make([]event.Record, 500)
	for i := range rs {
		rs[i].Value = make([]byte, 482)
	}
	var effects []Effect
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	for turn := 0; n < b.N; turn++ {
		in := 1 + turn%24
		from := k.Next(in)
		for i := range rs {
			rs[i].Offset = from + int64(i)
		}
		if err := k.Records(in, rs, from+int64(len(rs)), int64(turn)); err != nil {
			b.Fatal(err)
		}
		n += len(rs)
		for range 2 {
			effects = k.Effects(effects[:0])
			for i := range effects {
				e := &effects[i]
				if e.Writes != nil {
					if err := store.Commit(e.Writes); err != nil {
						b.Fatal(err)
					}
				}
				for j := range e.Outs {
					k.Result(&deliver.Result{Out: &e.Outs[j]})
				}
				if e.Kind == Commit {
					k.Committed(e.Ref)
				}
			}
			k.Persist(0)
		}
	}
}

// BenchmarkRecord is what task and scheduler cost a record with one output of 482
// bytes, from slice to watermark, without what the route does.
func BenchmarkRecord(b *testing.B) {
	k := New(Config{Routes: testRoutes(), Runner: copyOut{}, Budget: NewBudget(ProcessBytes)})
	k.Open(nil, []Input{{}}, 0)
	s := deliver.New(deliver.Config{}, 0)
	owner := deliver.NewOwner(k)
	rs := make([]event.Record, 500)
	for i := range rs {
		rs[i].Value = make([]byte, 482)
	}
	var effects []Effect
	b.ReportAllocs()
	b.ResetTimer()
	next := int64(0)
	for next < int64(b.N) {
		for i := range rs {
			rs[i].Offset = next + int64(i)
		}
		next += int64(len(rs))
		if err := k.Records(0, rs, next, 0); err != nil {
			b.Fatal(err)
		}
		effects = k.Effects(effects[:0])
		for i := range effects {
			for j := range effects[i].Outs {
				s.Push(&effects[i].Outs[j], owner, 0, deliver.Normal, 0)
			}
		}
		for r, _ := s.Next(0); r != nil; r, _ = s.Next(0) {
			results := s.Answer(r, deliver.Answer{}, 0)
			for i := range results {
				k.Result(&results[i])
			}
		}
		k.Persist(0)
	}
	if k.Watermark(0) != next {
		b.Fatalf("watermark %d of %d", k.Watermark(0), next)
	}
}

func (copyOut) Park(int, *event.Record) ([]byte, error) { panic("a record that waits") }

func (copyOut) Unpark(int, []byte) (event.Record, error) { panic("a record that waits") }
