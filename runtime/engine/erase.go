package engine

import (
	"context"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/task"
)

// erasure is a person whom a group has forgotten: the other groups are told on their own
// logs, and only then the record that forgot may persist; behind it, letters of the
// person become tombstones.
type erasure struct {
	p    *running
	keys []string
	ref  task.Ref
}

const eraseRetry = time.Second

// erase carries erasures out until ctx ends. What is not told by then is told by the
// next start: the record that forgot runs again.
func (e *Engine) erase(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-e.erasures.wake:
		}
		for _, x := range e.erasures.take() {
			if !e.noteErased(ctx, x.keys) || !e.tellGroups(ctx, &x) {
				continue
			}
			x.p.loop.landed(letterAck{letterTry{p: x.p, ref: x.ref}, kafka.Result{Class: kafka.Accepted}})
		}
	}
}

// tellGroups appends what is to be erased to the own log of every other group; false
// where ctx ended, or the group was given up, before.
func (e *Engine) tellGroups(ctx context.Context, x *erasure) bool {
	for _, l := range e.loops {
		g := l.group
		if g == nil || l == x.p.loop {
			continue
		}
		rec := kafka.Record{Topic: kafka.OwnTopic(e.cfg.Plan.App, g.plan.Name), Value: task.EraseNote(x.keys), Timestamp: event.NoTime}
		for {
			if x.p.until.Load() == 0 { // given up: whoever goes on runs the record again
				return false
			}
			res := kafka.Result{Class: kafka.Retry, Err: errLease}
			if x.p.mayWrite(time.Now()) { // I6
				res = e.producers[g.conn].SendSync(ctx, rec)
			}
			if res.Class == kafka.Accepted {
				break
			}
			e.log.Warn("another group cannot be told of a person who is forgotten; trying again", "group", g.plan.Name, "error", res.Err)
			select {
			case <-ctx.Done():
				return false
			case <-time.After(eraseRetry):
			}
		}
	}
	return true
}
