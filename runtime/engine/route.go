package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/task"
)

// route is one route of a loop: its consumer group, the partitions of it that are
// assigned to this process, and where its outputs and letters go.
type route struct {
	eng      *Engine
	loop     *loop
	index    int // in loop.routes
	plan     *plan.Route
	op       *op.Route // of a route without state
	consumer *kafka.Group
	targets  []target // by the index of the emit
	calls    []target // by the index of the call
	priority deliver.Priority

	parts    map[kafka.TP]*input
	dirty    kafka.Offsets // watermarks not yet committed
	commitAt time.Time     // when they may be
	letters  lettersOut
	closed   task.Account // of tasks that have ended
	joined   bool         // a partition has been assigned once
	halt     atomic.Pointer[haltedBy]
	back     string      // its replay log
	sentBack atomic.Bool // a letter came by it
	poller   poller
}

// target is where the outputs of an emit go.
type target struct {
	conn  int // index into loop.conns
	index int // of the connection within its scheduler
}

// haltedBy is an error that a route cannot go on from.
type haltedBy struct{ err error }

// silenceTold is the part of a session after which a broker that does not answer is
// told.
const silenceTold = 4

// poller is what a loop knows of one of its pollers.
type poller struct {
	route *route             // nil: that of the own log
	goOn  chan kafka.Offsets // loop → poller: commit this, allow a rebalance, poll again
}

// due gives the watermarks to be committed, once a second.
func (p *poller) due(now time.Time) kafka.Offsets {
	if r := p.route; r != nil && len(r.dirty) > 0 && !now.Before(r.commitAt) {
		r.commitAt = now.Add(commitEvery)
		return p.last()
	}
	return nil
}

// last gives all that is to be committed.
func (p *poller) last() kafka.Offsets {
	if p.route == nil {
		return nil
	}
	at := p.route.dirty
	p.route.dirty = kafka.Offsets{}
	return at
}

// poll is the poller.
func (r *route) poll(ctx context.Context) {
	refreshed := time.Now()
	for {
		if r.plan.Source.Pattern != "" && time.Since(refreshed) > refreshEvery {
			refreshed = time.Now()
			if added, err := r.consumer.Refresh(ctx); err != nil && ctx.Err() == nil {
				r.eng.log.Warn("looking for topics", "route", r.plan.Name, "error", err)
			} else if len(added) > 0 {
				r.eng.log.Info("new topics", "route", r.plan.Name, "topics", added)
			}
		}
		b, err := r.consumer.Poll(ctx, pollWait)
		r.loop.polled <- polled{&r.poller, b, err}
		r.commit(<-r.poller.goOn, commitMax)
		r.consumer.AllowRebalance()
		if err != nil {
			return
		}
	}
}

// wentBack stops a partition whose log went back behind what has run: going on
// would run records twice, going forward would lose some. A person decides.
func (r *route) wentBack(in *input, err error) {
	in.stopped = true
	in.pause(byTask)
	reason := fmt.Sprintf("%v: the topic was cut or made anew; stop the program and run `sluice state reset %s --to earliest`, or `--to end`", err, r.plan.Name)
	if r.eng.health.Set(r.condition(), reason, time.Now()) {
		r.eng.log.Error("partition stopped", "route", r.plan.Name, "topic", in.tp.Topic, "partition", in.tp.Partition, "reason", reason)
	}
}

func (r *route) condition() string { return "route " + r.plan.Name }

// groupName is made of the route's first name: its positions stay with it like its
// ids, and while a renamed program replaces the old one process by process, both
// share the work of one group.
func (r *route) groupName() string {
	return kafka.GroupName(r.eng.cfg.Plan.App, r.plan.IDName())
}

// assign opens a task for a partition of a route without state.
func (r *route) assign(a kafka.Assignment) {
	p := newRunning(r.loop)
	in := &input{run: p, route: r, tp: a.TP, end: a.Offset}
	p.inputs = []*input{in}
	p.task = task.New(task.Config{Routes: []*plan.Route{r.plan}, Runner: r.op.NewStateless(r.eng.tables), Budget: r.eng.budget})
	p.task.Open(nil, []task.Input{{Topic: a.Topic, TopicID: a.TopicID, Partition: a.Partition, Next: a.Offset, Replay: in.replays()}}, time.Now().UnixNano())
	p.lease(r.loop.leaseEnd(time.Now()))
	r.parts[a.TP] = in
	r.loop.tasks = append(r.loop.tasks, p)
	r.joined = true
	r.eng.log.Debug("partition assigned", "route", r.plan.Name, "topic", a.Topic, "partition", a.Partition, "offset", a.Offset)
}

// forget takes a partition from the route that is no longer its.
func (r *route) forget(tp kafka.TP) {
	delete(r.parts, tp)
	delete(r.dirty, tp)
}

// commit writes watermarks. It belongs to the goroutine that keeps partitions from
// being taken away: the poller in its window, or the callback that gives them up.
func (r *route) commit(at kafka.Offsets, wait time.Duration) {
	if len(at) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	err := r.consumer.Commit(ctx, at)
	if err == nil {
		return
	}
	// What is not committed is committed with the next watermark, or read again by
	// whoever owns the partition then: never lost, at worst repeated with the same
	// ids (I1, I4).
	if !errors.Is(err, context.DeadlineExceeded) || r.consumer.LeaseAge() > r.consumer.Session()/silenceTold {
		r.eng.log.Warn("offsets not committed", "route", r.plan.Name, "error", err)
	}
	if errors.Is(err, kafka.ErrNotOwned) {
		return
	}
	r.loop.command(func() {
		for tp := range at {
			if in := r.parts[tp]; in != nil && in.run.task.Watermark(in.number) >= at[tp] {
				r.dirty[tp] = in.run.task.Watermark(in.number)
			}
		}
	})
}

// silence tells when the brokers have not answered for long: what stands still then
// has a name.
func (r *route) silence(now time.Time) {
	if r.consumer == nil {
		return
	}
	name := "brokers of " + r.plan.Name
	age := r.consumer.LeaseAge()
	if r.joined && age > r.consumer.Session()/silenceTold {
		if r.eng.health.Set(name, fmt.Sprintf("no broker of connection kafka %s answers the group %s; nothing is lost, it goes on when they do", via(r.plan.Source.Via), r.groupName()), now) {
			r.eng.log.Warn("the brokers do not answer", "route", r.plan.Name, "since", age.Round(time.Second).String())
		}
	} else if r.eng.health.Clear(name) {
		r.eng.log.Info("the brokers answer again", "route", r.plan.Name)
	}
}

// revoked is the consumer group's callback: partitions go to another member. It
// returns when they are closed and committed.
func (r *route) revoked(_ context.Context, tps []kafka.TP) {
	done := make(chan kafka.Offsets, 1)
	if !r.loop.command(func() { r.loop.beginRevoke(revocation{r.tasksOf(tps), r, tps, done}) }) {
		return
	}
	select {
	case at := <-done:
		r.commit(at, r.consumer.Session()/3)
	case <-r.loop.finished:
	}
}

// tasksOf lists the tasks that read partitions.
func (r *route) tasksOf(tps []kafka.TP) []*running {
	var out []*running
	seen := map[*running]bool{}
	for _, tp := range tps {
		if in := r.parts[tp]; in != nil && in.run != nil && !seen[in.run] {
			seen[in.run] = true
			out = append(out, in.run)
		}
	}
	return out
}

// lost is the consumer group's callback: partitions are gone already. Nothing of
// them is committed or sent any more (I6).
func (r *route) lost(tps []kafka.TP) {
	r.loop.command(func() {
		for _, p := range r.tasksOf(tps) {
			r.loop.lose(p)
		}
		for _, tp := range tps {
			r.forget(tp)
		}
		if g := r.loop.group; g != nil {
			g.torn(errors.New("partitions of " + r.plan.Name + " are lost: the brokers did not hear from this process"))
		}
	})
}

// account sums what the route's tasks counted. Only on the loop, or after it.
func (r *route) account() *task.Account {
	a := &task.Account{Emits: make([]task.Emitted, len(r.plan.Emits))}
	a.Add(&r.closed)
	for _, p := range r.loop.tasks {
		p.task.Account(r.index, a)
	}
	return a
}
