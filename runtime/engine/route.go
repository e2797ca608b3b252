package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/task"
)

// route runs one route: its consumer group and the tasks of the partitions that
// are assigned to this process.
//
// Two goroutines belong to it. The poller waits for records and hands each poll
// to the loop; until the loop says so it does not allow a rebalance, so between
// the two no partition can be taken away, and that is when offsets are committed
// (I6). The loop owns everything else and never waits for a sink: results and
// acknowledgements come to its inbox.
type route struct {
	eng      *Engine
	plan     *plan.Route
	op       *op.Route
	log      *slog.Logger
	group    *kafka.Group
	conns    []*connection
	targets  []target // by the index of the emit
	priority deliver.Priority

	parts    map[kafka.TP]*partition
	dirty    kafka.Offsets // watermarks not yet committed
	commitAt time.Time     // when they may be
	revoking []revocation
	letters  lettersOut
	closed   task.Account // of partitions that were given up

	polled   chan polled   // poller → loop; closed by nobody
	goOn     chan struct{} // loop → poller: allow a rebalance, poll again
	commands chan func()   // callbacks and observers → loop
	finished chan struct{} // closed by the loop when it ends

	touched map[*partition]bool // of drainInbox, reused
	spare   inbox               // the loop's, to be filled next
	mu      sync.Mutex
	inbox   inbox
	notify  chan struct{} // holds one: the inbox is not empty
}

// target is where the outputs of an emit go.
type target struct {
	conn  int // index into route.conns
	index int // of the connection within its scheduler
}

type polled struct {
	batch kafka.Batch
	err   error
}

// inbox is what other goroutines have for the loop.
type inbox struct {
	results []taskResult
	acks    []letterAck
}

type taskResult struct {
	p *partition
	r deliver.Result
}

// revocation is partitions on their way out; done is closed when they are closed
// and committed.
type revocation struct {
	parts []*partition
	done  chan struct{}
}

const (
	pollWait    = 100 * time.Millisecond
	commitEvery = time.Second
	tickEvery   = time.Second
	// refreshEvery is how soon a pattern sees a topic that was made later.
	refreshEvery = 5 * time.Second
	// revokeMax bounds how long a rebalance waits for answers on the wire; it is
	// also a third of the session at most.
	revokeMax = 10 * time.Second
	// drainMax bounds a graceful stop: below the 30 s that Kubernetes grants.
	drainMax = 25 * time.Second
)

// results takes what ended at a connection. Called under that connection's lock;
// the results are copied.
func (r *route) results(p *partition, rs []deliver.Result) {
	r.mu.Lock()
	for i := range rs {
		r.inbox.results = append(r.inbox.results, taskResult{p, rs[i]})
	}
	r.mu.Unlock()
	signal(r.notify)
}

// poll is the poller.
func (r *route) poll(ctx context.Context) {
	refreshed := time.Now()
	for {
		if r.plan.Source.Pattern != "" && time.Since(refreshed) > refreshEvery {
			refreshed = time.Now()
			if added, err := r.group.Refresh(ctx); err != nil && ctx.Err() == nil {
				r.log.Warn("looking for topics", "route", r.plan.Name, "error", err)
			} else if len(added) > 0 {
				r.log.Info("new topics", "route", r.plan.Name, "topics", added)
			}
		}
		b, err := r.group.Poll(ctx, pollWait)
		r.polled <- polled{b, err}
		if _, ok := <-r.goOn; !ok || err != nil {
			r.group.AllowRebalance()
			return
		}
		r.group.AllowRebalance()
	}
}

// run is the loop. It ends when ctx does, after what is under way has ended, or
// with an error that stops the program.
func (r *route) run(ctx context.Context) error {
	defer close(r.finished)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case b := <-r.polled:
			if b.err != nil {
				return r.stopped(ctx, b.err)
			}
			r.slices(b.batch)
			r.commit(false)
			r.goOn <- struct{}{}
		case <-r.notify:
			r.drainInbox()
		case f := <-r.commands:
			f()
		case <-tick.C:
			r.tick()
		}
		r.revoke()
	}
}

// command runs f on the loop and waits; false when the loop has ended.
func (r *route) command(f func()) bool {
	done := make(chan struct{})
	select {
	case r.commands <- func() { f(); close(done) }:
		<-done
		return true
	case <-r.finished:
		return false
	}
}

// slices runs what a poll brought. The slices of different partitions run side by
// side, the effects in order behind them.
func (r *route) slices(b kafka.Batch) {
	for _, a := range b.Assigned {
		r.assign(a)
	}
	for _, err := range b.Problems {
		r.log.Warn("kafka", "route", r.plan.Name, "problem", err)
	}
	now := time.Now().UnixNano()
	var wg sync.WaitGroup
	parallel := len(b.Slices) > 1 && runtime.GOMAXPROCS(0) > 1
	for i := range b.Slices {
		s := &b.Slices[i]
		p := r.parts[s.TP]
		if p == nil {
			continue
		}
		p.end = s.End
		run := func() {
			if err := p.task.Records(s.Records, s.Next, now); err != nil {
				r.wentBack(p, err)
			}
		}
		if parallel {
			wg.Go(run)
		} else {
			run()
		}
	}
	wg.Wait()
	now = time.Now().UnixNano()
	for i := range b.Slices {
		if p := r.parts[b.Slices[i].TP]; p != nil {
			p.settle(now)
		}
		r.group.Recycle(b.Slices[i].Records)
	}
}

// wentBack stops a partition whose log went back behind what has run: going on
// would run records twice, going forward would lose some. A person decides.
func (r *route) wentBack(p *partition, err error) {
	r.group.Pause(p.tp)
	reason := fmt.Sprintf("%v: the topic was cut or made anew; stop the program and reset the group %s", err, kafka.GroupName(r.eng.cfg.Plan.App, r.plan.IDName()))
	if r.eng.health.Set(r.condition(), reason, time.Now()) {
		r.log.Error("partition stopped", "route", r.plan.Name, "topic", p.tp.Topic, "partition", p.tp.Partition, "reason", reason)
	}
}

func (r *route) condition() string { return "route " + r.plan.Name }

func (r *route) assign(a kafka.Assignment) {
	r.parts[a.TP] = r.newPartition(a)
	r.parts[a.TP].lease(r.leaseEnd(time.Now()))
	r.log.Debug("partition assigned", "route", r.plan.Name, "topic", a.Topic, "partition", a.Partition, "offset", a.Offset)
}

// leaseEnd is until when this process may act for its partitions (I6): the broker
// has heard from it within half a session.
func (r *route) leaseEnd(now time.Time) int64 {
	return now.Add(r.group.Session()/2 - r.group.LeaseAge()).UnixNano()
}

// drainInbox takes results and acknowledgements to their tasks.
func (r *route) drainInbox() {
	r.mu.Lock()
	in := r.inbox
	r.inbox = r.spare
	r.mu.Unlock()
	touched := r.touched
	for i := range in.results {
		x := &in.results[i]
		x.p.task.Result(&x.r)
		touched[x.p] = true
	}
	for _, a := range in.acks {
		r.acked(a)
		touched[a.p] = true
	}
	now := time.Now().UnixNano()
	for p := range touched {
		p.settle(now)
	}
	clear(touched)
	clear(in.results)
	clear(in.acks)
	r.spare = inbox{in.results[:0], in.acks[:0]}
}

// commit writes the watermarks, once a second; now writes what there is. Only in
// the poll window, or while partitions are being revoked.
func (r *route) commit(now bool) {
	if len(r.dirty) == 0 || !now && time.Now().Before(r.commitAt) {
		return
	}
	r.commitAt = time.Now().Add(commitEvery)
	ctx, cancel := context.WithTimeout(context.Background(), r.group.Session()/3)
	defer cancel()
	if err := r.group.Commit(ctx, r.dirty); err != nil {
		// What is not committed is committed with the next watermark, or read again
		// by whoever owns the partition then: never lost, at worst repeated with the
		// same ids (I1, I4).
		r.log.Warn("offsets not committed", "route", r.plan.Name, "error", err)
		if !errors.Is(err, kafka.ErrNotOwned) {
			return
		}
	}
	clear(r.dirty)
}

func (r *route) tick() {
	now := time.Now()
	until := r.leaseEnd(now)
	for _, p := range r.parts {
		p.lease(until)
		p.task.Steer()
		p.task.Tick(now.UnixNano())
		p.settle(now.UnixNano())
	}
	r.retryLetters(now)
}

// revoked is the group's callback: partitions go to another member. It returns
// when they are closed and committed.
func (r *route) revoked(_ context.Context, tps []kafka.TP) {
	done := make(chan struct{})
	if r.command(func() { r.beginRevoke(tps, done) }) {
		select {
		case <-done:
		case <-r.finished:
		}
	}
}

// beginRevoke: intake off, purge, and wait for what is on the wire.
func (r *route) beginRevoke(tps []kafka.TP, done chan struct{}) {
	now := time.Now()
	deadline := now.Add(min(revokeMax, r.group.Session()/3)).UnixNano()
	v := revocation{done: done}
	for _, tp := range tps {
		if p := r.parts[tp]; p != nil {
			p.purge()
			p.task.Close(now.UnixNano(), deadline)
			v.parts = append(v.parts, p)
		}
	}
	r.revoking = append(r.revoking, v)
}

// revoke goes on with revocations: a partition whose requests are all answered is
// finished with what has ended so far.
func (r *route) revoke() {
	for len(r.revoking) > 0 {
		v := r.revoking[0]
		for _, p := range v.parts {
			if p.task.State() == task.Closing && p.onWire() == 0 {
				// Every answer was in the inbox before onWire said so.
				r.drainInbox()
				p.task.Finish(time.Now().UnixNano())
				p.settle(time.Now().UnixNano())
			}
			if p.task.State() != task.Closed {
				return
			}
		}
		for _, p := range v.parts {
			r.leave(p)
		}
		r.commit(true)
		for _, p := range v.parts {
			delete(r.dirty, p.tp)
		}
		r.revoking = r.revoking[1:]
		close(v.done)
	}
}

// leave forgets a closed partition and keeps what it counted.
func (r *route) leave(p *partition) {
	if p.last != task.NoOffset {
		r.dirty[p.tp] = p.last
	} else {
		delete(r.dirty, p.tp)
	}
	p.task.Account(&r.closed)
	if r.parts[p.tp] == p {
		delete(r.parts, p.tp)
	}
}

// lost is the group's callback: partitions are gone already. Nothing of them is
// committed or sent any more (I6).
func (r *route) lost(tps []kafka.TP) {
	r.command(func() {
		for _, tp := range tps {
			p := r.parts[tp]
			if p == nil {
				continue
			}
			p.purge()
			p.task.Lose()
			p.settle(time.Now().UnixNano())
			r.leave(p)
		}
	})
}

// stopped ends the loop after the poller has: gracefully when ctx ended, else
// because the group cannot be read any more.
func (r *route) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return r.halted(ctx, err)
	}
	r.drain(nil)
	close(r.goOn)
	return nil
}

// halted waits for the end of the program with a route that cannot go on: it stops
// itself, never its neighbours (I8). A fenced process must not go on at all.
func (r *route) halted(ctx context.Context, err error) error {
	var fenced *kafka.FencedError
	if errors.As(err, &fenced) {
		for _, p := range r.parts {
			p.purge()
			p.task.Lose()
		}
		close(r.goOn)
		return fmt.Errorf("route %s: %w", r.plan.Name, err)
	}
	if r.eng.health.Set(r.condition(), err.Error(), time.Now()) {
		r.log.Error("route stopped", "route", r.plan.Name, "reason", err)
	}
	r.drain(ctx)
	close(r.goOn)
	for {
		select {
		case <-ctx.Done():
			return nil
		case f := <-r.commands:
			f()
		case <-r.notify:
			r.drainInbox()
		}
		r.revoke()
	}
}

// drain lets what is under way end, at most drainMax, and commits. The poller
// holds the poll window open meanwhile, so nobody takes the partitions away. With
// a ctx it goes on only until that ends.
func (r *route) drain(ctx context.Context) {
	now := time.Now()
	deadline := now.Add(drainMax)
	for _, p := range r.parts {
		p.task.Close(now.UnixNano(), deadline.UnixNano())
		p.settle(now.UnixNano())
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var over <-chan struct{}
	if ctx != nil {
		over = ctx.Done()
	}
	for r.open() {
		select {
		case <-r.notify:
			r.drainInbox()
		case f := <-r.commands:
			f()
		case <-over:
			deadline, over = time.Now().Add(drainMax), nil
		case <-tick.C:
			now := time.Now()
			until := r.leaseEnd(now)
			for _, p := range r.parts {
				p.lease(until)
				p.task.Tick(now.UnixNano())
				p.settle(now.UnixNano())
			}
			r.retryLetters(now)
		}
	}
	for _, p := range r.parts {
		r.leave(p)
	}
	r.commit(true)
}

func (r *route) open() bool {
	for _, p := range r.parts {
		if p.task.State() != task.Closed {
			return true
		}
	}
	return false
}

// account sums what the route's tasks counted. Only on the loop, or after it.
func (r *route) account() *task.Account {
	a := &task.Account{Emits: make([]task.Emitted, len(r.plan.Emits))}
	a.Add(&r.closed)
	for _, p := range r.parts {
		p.task.Account(a)
	}
	return a
}

// stats is what metrics ask of a route.
type stats struct {
	account  *task.Account
	oldest   int64 // timestamp of the oldest record in flight, ms; event.NoTime: none
	lag      int64
	inFlight int64 // bytes
}

// stats reads the route from anywhere.
func (r *route) stats() stats {
	var s stats
	read := func() {
		s = stats{account: r.account(), oldest: event.NoTime}
		for _, p := range r.parts {
			_, b := p.task.InFlight()
			s.inFlight += b
			s.lag += max(0, p.end-p.task.Next())
			if o := p.task.Oldest(); o != event.NoTime && (s.oldest == event.NoTime || o < s.oldest) {
				s.oldest = o
			}
		}
	}
	if !r.command(read) {
		read()
	}
	return s
}
