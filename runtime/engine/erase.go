package engine

import (
	"context"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/task"
)

// erasures carries out what a group does not do itself when it forgets a person: the
// other groups are told on their own logs, it is stored that letters of theirs are to
// be erased, and only then the record that forgot may persist.
type erasures struct {
	mu    sync.Mutex
	queue []erasure
	wake  chan struct{} // holds one: queue is not empty
}

// erasure is one person.
type erasure struct {
	p    *running
	keys []string
	ref  task.Ref
}

const eraseRetry = time.Second

func (q *erasures) push(x erasure) {
	q.mu.Lock()
	q.queue = append(q.queue, x)
	q.mu.Unlock()
	signal(q.wake)
}

func (q *erasures) take() []erasure {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := q.queue
	q.queue = nil
	return out
}

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
// where ctx or the lease ended before.
func (e *Engine) tellGroups(ctx context.Context, x *erasure) bool {
	for _, l := range e.loops {
		g := l.group
		if g == nil || l == x.p.loop {
			continue
		}
		rec := kafka.Record{Topic: kafka.OwnTopic(e.cfg.Plan.App, g.plan.Name), Value: task.EraseNote(x.keys), Timestamp: event.NoTime}
		for {
			if !x.p.mayWrite(time.Now()) { // I6
				return false
			}
			res := e.producers[g.conn].SendSync(ctx, rec)
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
