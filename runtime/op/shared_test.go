package op_test

import (
	"sync"
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// A route is shared by the readers of all partitions; each has a frame.
func TestRouteIsShared(t *testing.T) {
	r := task(t, "T1B")
	recs := orders()
	one := r.NewFrame()
	var want event.Arena
	for i, v := range recs {
		r.Run(one, &event.Record{Topic: "evB", Offset: int64(i), Value: v, Timestamp: now.UnixMilli()}, now, &want)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			fr := r.NewFrame()
			var out event.Arena
			for i, v := range recs {
				r.Run(fr, &event.Record{Topic: "evB", Offset: int64(i), Value: v, Timestamp: now.UnixMilli()}, now, &out)
			}
			if string(out.Buf) != string(want.Buf) {
				t.Error("goroutines that share a route disturb one another")
			}
		})
	}
	wg.Wait()
}
