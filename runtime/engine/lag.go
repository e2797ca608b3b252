package engine

import (
	"context"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
)

// measure asks where the partitions end that are not fetched, of routes without state:
// what is fetched tells it by itself, and of the others the lag would stand still, just
// when it grows. Groups look anyway.
func (e *Engine) measure(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, r := range e.routes {
			if r.loop.group != nil {
				continue
			}
			var topics []string
			r.loop.command(func() {
				for tp, in := range r.parts {
					if in.paused != 0 && !slices.Contains(topics, tp.Topic) {
						topics = append(topics, tp.Topic)
					}
				}
			})
			if len(topics) == 0 {
				continue
			}
			ends, err := e.admins[via(r.plan.Source.Via)].EndOffsets(ctx, topics...)
			if err != nil {
				continue // the next look tells the same
			}
			r.loop.command(func() { r.ended(ends) })
		}
	}
}

// ended takes the ends of partitions, which do not go back.
func (r *route) ended(ends kafka.Offsets) {
	for tp, end := range ends {
		if in := r.parts[tp]; in != nil {
			in.end = max(in.end, end)
		}
	}
}
