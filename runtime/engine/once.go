package engine

import (
	"context"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
)

// once ends the program when everything has been taken: what stood in the sources
// at start, and what the program itself wrote to topics that it reads.
func (e *Engine) once(ctx context.Context, stop context.CancelCauseFunc) {
	first := map[*route]kafka.Offsets{}
	for _, r := range e.routes {
		ends, err := e.ends(ctx, r)
		if err != nil {
			stop(err)
			return
		}
		first[r] = ends
	}
	written := e.written()
	tick := time.NewTicker(pollWait)
	defer tick.Stop()
	for rounds := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// The ends of a topic may be asked for just before another route writes to it
		// and is done: what it wrote is seen in the next round.
		done := true
		for _, r := range e.routes {
			ends := first[r]
			now, err := e.ends(ctx, r)
			if err != nil {
				continue
			}
			for tp := range now {
				if written[tp.Topic] || r.plan.Source.Pattern != "" {
					ends[tp] = now[tp]
				}
			}
			done = r.reached(ends) && done
		}
		if !done {
			rounds = 0
		} else if rounds++; rounds == 2 {
			stop(errDone)
			return
		}
	}
}

// ends asks for the end offsets of a route's topics.
func (e *Engine) ends(ctx context.Context, r *route) (kafka.Offsets, error) {
	admin := e.admins[via(r.plan.Source.Via)]
	var topics []string
	for _, t := range r.plan.Source.Topics {
		topics = append(topics, t.Name)
	}
	for tp := range r.assigned() {
		if r.plan.Source.Pattern != "" {
			topics = append(topics, tp.Topic)
		}
	}
	if len(topics) == 0 {
		return kafka.Offsets{}, nil
	}
	return admin.EndOffsets(ctx, topics...)
}

// written lists the constant topics that the program's routes write to.
func (e *Engine) written() map[string]bool {
	out := map[string]bool{}
	for _, r := range e.cfg.Plan.Routes {
		for _, em := range r.Emits {
			if t, ok := constantTopic(em); ok {
				out[t] = true
			}
		}
	}
	return out
}

// assigned gives the positions below which everything of this process's
// partitions is done.
func (r *route) assigned() map[kafka.TP]int64 {
	out := map[kafka.TP]int64{}
	r.command(func() {
		for tp, p := range r.parts {
			out[tp] = p.task.Watermark()
		}
	})
	return out
}

// reached tells whether every partition is done up to its end.
func (r *route) reached(ends kafka.Offsets) bool {
	at := r.assigned()
	for tp, end := range ends {
		pos, ok := at[tp]
		if !ok || pos < end {
			return false
		}
	}
	return true
}
