package deliver

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// BenchmarkOutput is what one output costs from push to result, with full requests
// of 250 and 10,000 keys: the scheduler must do a million a second on one core.
func BenchmarkOutput(b *testing.B) {
	const held = 20_000
	arena := &event.Arena{Buf: make([]byte, 1<<16), Outs: make([]event.Output, held)}
	for i := range arena.Outs {
		arena.Outs[i] = event.Output{Arena: arena, Lane: uint64(i%10_000) * 0x9e3779b97f4a7c15, Ordered: true, Body: event.Bytes{End: 482}}
	}
	s := New(Config{}, 0)
	owner := NewOwner(nil)
	var wire []*Request
	now, pushed := int64(0), 0
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; {
		for s.Health(now).Queued < held/2 && pushed < b.N {
			s.Push(&arena.Outs[pushed%held], owner, 0, Normal, now)
			pushed++
		}
		for r, _ := s.Next(now); r != nil; r, _ = s.Next(now) {
			wire = append(wire, r)
		}
		now += 100_000
		r := wire[0]
		wire = append(wire[:0], wire[1:]...)
		n += len(s.Answer(r, Answer{}, now))
	}
}
