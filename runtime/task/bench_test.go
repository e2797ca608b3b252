package task

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
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
