package engine

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/observe"
)

// sender makes one attempt with outputs; the answer is for all of them, or for
// each.
type sender interface {
	Send(ctx context.Context, outs []*event.Output, attempt int, now time.Time) deliver.Answer
}

// connection is a scheduler with the goroutines that carry its requests out. It
// is shared by every route that sends to it.
type connection struct {
	name    string   // "segment main", for health and logs
	senders []sender // by the index of deliver.Config.Connections
	log     *slog.Logger
	health  *observe.Health
	// accepted is told each output that was taken (Config.Accepted), those of calls, too;
	// nil: nobody.
	accepted func(*plan.Route, *event.Output)
	// holdAfter is after how long an output that waits is held in a group's store.
	holdAfter time.Duration

	mu    sync.Mutex
	sched *deliver.Scheduler
	wake  chan struct{} // holds one: something was pushed or answered. Never closed.
}

func newConnection(name string, cfg deliver.Config, senders []sender, log *slog.Logger, h *observe.Health) *connection {
	return &connection{name: name, senders: senders, log: log, health: h, holdAfter: holdAfter, sched: deliver.New(cfg, time.Now().UnixNano()), wake: make(chan struct{}, 1)}
}

// signal wakes a loop that sleeps on a channel of one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// push hands outputs to the scheduler; never blocks for longer than another push.
func (c *connection) push(outs []*event.Output, owner *deliver.Owner, index int, p deliver.Priority, now int64) {
	c.mu.Lock()
	for _, o := range outs {
		c.sched.Push(o, owner, index, p, now)
	}
	c.mu.Unlock()
	signal(c.wake)
}

// lease moves the end of an owner's lease (I6).
func (c *connection) lease(owner *deliver.Owner, until int64) {
	c.mu.Lock()
	owner.Lease(until)
	c.mu.Unlock()
}

// purge takes back what is not on the wire of an owner (I6).
func (c *connection) purge(owner *deliver.Owner) {
	c.mu.Lock()
	c.sched.Purge(owner)
	c.mu.Unlock()
	signal(c.wake)
}

// hurry lets batches wait no longer for more: the program stops.
func (c *connection) hurry() {
	c.mu.Lock()
	c.sched.Hurry()
	c.mu.Unlock()
	signal(c.wake)
}

func (c *connection) onWire(owner *deliver.Owner) int {
	_, n := c.load(owner)
	return n
}

// load counts an owner's outputs that wait here, and those on the wire.
func (c *connection) load(owner *deliver.Owner) (waiting, onWire int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return owner.Waiting(), owner.OnWire()
}

// holdAfter is the default of `hold_after:`.
const holdAfter = 60 * time.Second

// overdue gives the outputs of an owner that wait too long for the epochs of its task.
func (c *connection) overdue(owner *deliver.Owner, now int64) []*event.Output {
	c.mu.Lock()
	defer c.mu.Unlock()
	var outs []*event.Output
	c.sched.Overdue(owner, now, c.holdAfter, func(o *event.Output) { outs = append(outs, o) })
	return outs
}

// downLong is after how long a receiver that fails is away rather than hiccuping.
const downLong = 5 * time.Second

// blocked tells whether the connection takes nothing now, and by what it knows
// will not before deadline.
func (c *connection) blocked(now, deadline int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch h := c.sched.Health(now); h.State {
	case deliver.Misconfiguration, deliver.Refusing:
		return true
	case deliver.Down:
		return now-h.Since > int64(downLong)
	case deliver.Waiting:
		return h.Next >= deadline
	}
	return false
}

// healthEvery is how often a connection looks at itself beside each answer.
const healthEvery = time.Second

// run carries out requests until ctx ends; then it waits for those on the wire,
// which end with the context of the sends.
func (c *connection) run(ctx, sends context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	timer := time.NewTimer(healthEvery)
	defer timer.Stop()
	for {
		now := time.Now()
		c.mu.Lock()
		var reqs []*deliver.Request
		var at int64
		for {
			var r *deliver.Request
			if r, at = c.sched.Next(now.UnixNano()); r == nil {
				break
			}
			reqs = append(reqs, r)
		}
		h := c.sched.Health(now.UnixNano())
		c.mu.Unlock()
		for _, r := range reqs {
			wg.Go(func() { c.send(sends, r, now) })
		}
		c.tell(h, now)
		timer.Reset(min(healthEvery, max(0, time.Duration(at-now.UnixNano()))))
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
	}
}

// lateAfter is when a request that was taken from the scheduler is not sent any
// more: no goroutine waits so long to run, unless the whole process was stopped in
// between and may have lost its lease (I6).
const lateAfter = time.Second

// send carries out one request that was taken at an instant, and spreads its
// results.
func (c *connection) send(ctx context.Context, r *deliver.Request, taken time.Time) {
	a := deliver.NoAnswer("late")
	if begin := time.Now(); begin.Sub(taken) < lateAfter {
		a = c.senders[r.Connection].Send(ctx, r.Outs, r.Attempt, begin)
	}
	now := time.Now().UnixNano()
	c.mu.Lock()
	results := c.sched.Answer(r, a, now)
	// Results are valid until the next answer, so they are handed on under the lock.
	for len(results) > 0 {
		p := results[0].Owner.Ref.(*running)
		n := 1
		for n < len(results) && results[n].Owner == results[0].Owner {
			n++
		}
		if c.accepted != nil {
			for i := range results[:n] {
				if results[i].Kind == deliver.Taken {
					c.accepted(p.loop.routes[results[i].Out.Route].plan, results[i].Out)
				}
			}
		}
		p.loop.results(p, results[:n])
		results = results[n:]
	}
	c.mu.Unlock()
	signal(c.wake)
}

// tell makes the connection's state a condition of the program's health. A gate
// that is kept and a hiccup are no news; what keeps events back is.
func (c *connection) tell(h deliver.Health, now time.Time) {
	name := "connection " + c.name
	switch {
	case h.Queued+h.OnWire == 0 && (h.State == deliver.Down || h.State == deliver.Refusing):
		// What failed has ended, and only another output can tell whether the receiver is
		// back: a program that is sent nothing while it is not ready would stay so for ever.
		if c.health.Clear(name) {
			c.log.Warn("nothing waits for the connection any more; whether it takes something shows with the next output", "connection", c.name)
		}
		return
	case h.State == deliver.Running, h.State == deliver.Waiting:
		if c.health.Clear(name) {
			c.log.Info("connection is up again", "connection", c.name)
		}
		return
	}
	if c.health.Set(name, c.reason(h), now) {
		c.log.Warn("connection takes nothing", "connection", c.name, "reason", c.reason(h), "queued", h.Queued)
	}
}

// secretsAgain says what it takes that a mended secret is seen.
const secretsAgain = "the file of NAME_FILE is read again with each try, a variable needs a restart"

// reason says what stands in the way and what to do about it.
func (c *connection) reason(h deliver.Health) string {
	switch h.State {
	case deliver.Down:
		if status, ok := strings.CutSuffix(h.Code, " to be repeated"); ok {
			return fmt.Sprintf("busy: `retry_when` holds for one answer after another, last with %s; nothing is lost, it is tried again until it does not", status)
		}
		return fmt.Sprintf("down: %s; nothing is lost, it is tried again until it answers", h.Code)
	case deliver.Misconfiguration:
		if words, ok := strings.CutPrefix(h.Code, "address refused: "); ok {
			return fmt.Sprintf("misconfigured: %s; it is asked again once a minute", words)
		}
		if code, ok := strings.CutPrefix(h.Code, "token: "); ok {
			return fmt.Sprintf("misconfigured: no token is given, %s; mend `auth` or its secret (%s), it is asked again once a minute", code, secretsAgain)
		}
		if h.Code == "401" || h.Code == "403" {
			return fmt.Sprintf("misconfigured: %s, the key is not accepted; mend the secret (%s), it is asked again once a minute", h.Code, secretsAgain)
		}
		if strings.HasPrefix(h.Code, "3") {
			return fmt.Sprintf("misconfigured: %s at the connection's address, a redirect, which is not followed; say where it leads in the script and restart, it is asked again once a minute", h.Code)
		}
		return fmt.Sprintf("misconfigured: %s at the connection's address; mend it and restart, it is asked again once a minute", h.Code)
	case deliver.Refusing:
		return fmt.Sprintf("refusing: 50 outputs in a row were refused, last with %s; it is asked again once a minute", h.Code)
	}
	return h.State.String()
}

// state is for metrics: "up", or the reason.
func (c *connection) state(now int64) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sched.Health(now).State.String()
}
