package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/task"
)

// route runs one route: its consumer group and the tasks of the partitions that
// are assigned to this process.
//
// Three goroutines belong to it. The poller waits for records and hands each poll
// to the loop; until the loop says so it does not allow a rebalance, so between
// the two no partition can be taken away, and that is when it commits offsets
// (I6). The writer writes dead letters. The loop owns everything else and never
// waits for a broker or a sink: results and acknowledgements come to its inbox.
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
	joined   bool         // a partition has been assigned once
	problem  saidOnce
	halt     atomic.Pointer[haltedBy] // why the route has stopped itself

	polled   chan polled        // poller → loop; closed by nobody
	goOn     chan kafka.Offsets // loop → poller: commit this, allow a rebalance, poll again; closed: the last time
	commands chan func()        // callbacks and observers → loop
	finished chan struct{}      // closed by the loop when it ends

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

// revocation is partitions on their way out. When they are closed, done gets what
// is to be committed of them.
type revocation struct {
	parts []*partition
	done  chan kafka.Offsets
}

// haltedBy is an error that a route cannot go on from.
type haltedBy struct{ err error }

const (
	pollWait    = 100 * time.Millisecond
	commitEvery = time.Second
	// commitMax bounds a commit in the poll window. It waits while the group is
	// being joined, for as long as the slowest member takes; the next one tells the
	// same.
	commitMax = 2 * time.Second
	tickEvery = time.Second
	// refreshEvery is how soon a pattern sees a topic that was made later.
	refreshEvery = 5 * time.Second
	// revokeMax bounds how long a rebalance waits for answers on the wire; it is
	// also a third of the session at most.
	revokeMax = 10 * time.Second
	// easeAbove is how many records may be in flight before the next poll waits a
	// little, easeMax at most: a receiver that takes what it gets is best fed from
	// what the processor's cache still holds.
	easeAbove = 16_000
	easeMax   = 10 * time.Millisecond
	// drainMax bounds a graceful stop: below the 30 s that Kubernetes grants.
	drainMax = 20 * time.Second
	// silenceTold is the part of a session after which a broker that does not
	// answer is told.
	silenceTold = 4
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
		at, more := <-r.goOn
		r.commit(at, commitMax)
		r.group.AllowRebalance()
		if !more || err != nil {
			return
		}
	}
}

// run is the loop. It ends when ctx does, after what is under way has ended, or
// with an error that stops the program.
func (r *route) run(ctx context.Context) error {
	defer close(r.finished)
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	ease := time.NewTimer(0)
	defer ease.Stop()
	waits := false // the poller does
	for {
		select {
		case b := <-r.polled:
			if b.err != nil {
				return r.stopped(ctx, b.err)
			}
			r.slices(b.batch)
			waits = true
			ease.Reset(easeMax)
		case <-ease.C:
			if waits {
				waits = false
				r.goOn <- r.due(time.Now())
			}
		case <-r.notify:
			r.drainInbox()
		case f := <-r.commands:
			f()
		case <-tick.C:
			r.tick()
		}
		if waits && r.records() < easeAbove {
			waits = false
			r.goOn <- r.due(time.Now())
		}
		r.revoke()
	}
}

// records counts what is in flight.
func (r *route) records() int64 {
	n := int64(0)
	for _, p := range r.parts {
		records, _ := p.task.InFlight()
		n += records
	}
	return n
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
		if r.problem.news(err.Error(), time.Now()) {
			r.log.Warn("kafka", "route", r.plan.Name, "problem", err)
		}
	}
	now := time.Now().UnixNano()
	var wg sync.WaitGroup
	parallel := len(b.Slices) > 1 && runtime.GOMAXPROCS(0) > 1
	for i := range b.Slices {
		s := &b.Slices[i]
		p := r.parts[s.TP]
		if p == nil || p.stopped {
			continue
		}
		p.end = s.End
		run := func() {
			if err := p.task.Records(0, s.Records, s.Next, now); err != nil {
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
		r.group.Recycle(&b.Slices[i])
	}
}

// wentBack stops a partition whose log went back behind what has run: going on
// would run records twice, going forward would lose some. A person decides.
func (r *route) wentBack(p *partition, err error) {
	p.stopped = true
	r.group.Pause(p.tp)
	reason := fmt.Sprintf("%v: the topic was cut or made anew; stop the program and reset the group %s", err, r.groupName())
	if r.eng.health.Set(r.condition(), reason, time.Now()) {
		r.log.Error("partition stopped", "route", r.plan.Name, "topic", p.tp.Topic, "partition", p.tp.Partition, "reason", reason)
	}
}

func (r *route) condition() string { return "route " + r.plan.Name }

// groupName is made of the route's first name: its positions stay with it like its
// ids, and while a renamed program replaces the old one process by process, both
// share the work of one group.
func (r *route) groupName() string {
	return kafka.GroupName(r.eng.cfg.Plan.App, r.plan.IDName())
}

func (r *route) assign(a kafka.Assignment) {
	p := r.newPartition(a)
	p.lease(r.leaseEnd(time.Now()))
	r.parts[a.TP] = p
	r.joined = true
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

// due gives the watermarks to be committed, once a second.
func (r *route) due(now time.Time) kafka.Offsets {
	if len(r.dirty) == 0 || now.Before(r.commitAt) {
		return nil
	}
	r.commitAt = now.Add(commitEvery)
	at := r.dirty
	r.dirty = kafka.Offsets{}
	return at
}

// commit writes watermarks. It belongs to the goroutine that keeps partitions from
// being taken away: the poller in its window, or the callback that gives them up.
func (r *route) commit(at kafka.Offsets, wait time.Duration) {
	if len(at) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	err := r.group.Commit(ctx, at)
	if err == nil {
		return
	}
	// What is not committed is committed with the next watermark, or read again by
	// whoever owns the partition then: never lost, at worst repeated with the same
	// ids (I1, I4).
	if !errors.Is(err, context.DeadlineExceeded) || r.group.LeaseAge() > r.group.Session()/silenceTold {
		r.log.Warn("offsets not committed", "route", r.plan.Name, "error", err)
	}
	if errors.Is(err, kafka.ErrNotOwned) {
		return
	}
	r.command(func() {
		for tp := range at {
			if p := r.parts[tp]; p != nil && p.task.Watermark(0) >= at[tp] {
				r.dirty[tp] = p.task.Watermark(0)
			}
		}
	})
}

func (r *route) tick() {
	now := time.Now()
	r.renew(now)
	for _, p := range r.parts {
		p.task.Steer()
		p.task.Tick(now.UnixNano())
		p.settle(now.UnixNano())
	}
	r.retryLetters(now)
	r.silence(now)
}

// renew moves the leases to what the last heartbeat allows.
func (r *route) renew(now time.Time) {
	until := r.leaseEnd(now)
	for _, p := range r.parts {
		p.lease(until)
	}
}

// silence tells when the brokers have not answered for long: what stands still then
// has a name.
func (r *route) silence(now time.Time) {
	name := "brokers of " + r.plan.Name
	age := r.group.LeaseAge()
	if r.joined && age > r.group.Session()/silenceTold {
		if r.eng.health.Set(name, fmt.Sprintf("no broker of connection kafka %s answers the group %s; nothing is lost, it goes on when they do", via(r.plan.Source.Via), r.groupName()), now) {
			r.log.Warn("the brokers do not answer", "route", r.plan.Name, "since", age.Round(time.Second))
		}
	} else if r.eng.health.Clear(name) {
		r.log.Info("the brokers answer again", "route", r.plan.Name)
	}
}

// revoked is the group's callback: partitions go to another member. It returns
// when they are closed and committed.
func (r *route) revoked(_ context.Context, tps []kafka.TP) {
	done := make(chan kafka.Offsets, 1)
	if !r.command(func() { r.beginRevoke(tps, done) }) {
		return
	}
	select {
	case at := <-done:
		r.commit(at, r.group.Session()/3)
	case <-r.finished:
	}
}

// beginRevoke: intake off, purge, and wait for what is on the wire.
func (r *route) beginRevoke(tps []kafka.TP, done chan kafka.Offsets) {
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

// revoke goes on with revocations: a partition of which nothing is under way any
// more is finished with what has ended so far.
func (r *route) revoke() {
	for len(r.revoking) > 0 {
		v := r.revoking[0]
		for _, p := range v.parts {
			if p.task.State() == task.Closing && p.quiet() {
				// Every answer was in the inbox before the connection said so; one of
				// them may have made a letter.
				r.drainInbox()
				if p.quiet() {
					p.task.Finish(time.Now().UnixNano())
				}
				p.settle(time.Now().UnixNano())
			}
			if p.task.State() != task.Closed {
				return
			}
		}
		at := kafka.Offsets{}
		for _, p := range v.parts {
			r.leave(p, at)
		}
		r.revoking = r.revoking[1:]
		v.done <- at
	}
}

// leave forgets a closed partition, adds what is to be committed of it to at and
// keeps what it counted.
func (r *route) leave(p *partition, at kafka.Offsets) {
	if p.last != task.NoOffset {
		at[p.tp] = p.last
	}
	p.until.Store(0) // I6
	p.task.Account(0, &r.closed)
	if r.parts[p.tp] == p {
		delete(r.parts, p.tp)
		delete(r.dirty, p.tp)
	}
}

// lost is the group's callback: partitions are gone already. Nothing of them is
// committed or sent any more (I6).
func (r *route) lost(tps []kafka.TP) {
	r.command(func() {
		for _, tp := range tps {
			if p := r.parts[tp]; p != nil {
				r.lose(p)
			}
		}
	})
}

func (r *route) lose(p *partition) {
	p.purge()
	p.task.Lose()
	p.settle(time.Now().UnixNano())
	r.leave(p, kafka.Offsets{})
}

// stopped ends the loop after the poller has: gracefully when ctx ended, else
// because the group cannot be read any more. A fenced process must not go on at
// all; any other error stops the route, never its neighbours (I8).
func (r *route) stopped(ctx context.Context, err error) error {
	var fenced *kafka.FencedError
	switch {
	case errors.As(err, &fenced):
		for _, p := range r.parts {
			r.lose(p)
		}
		close(r.goOn)
		return fmt.Errorf("route %s: %w", r.plan.Name, err)
	case ctx.Err() != nil:
		r.drain()
		return nil
	}
	if r.eng.health.Set(r.condition(), err.Error(), time.Now()) {
		r.log.Error("route stopped", "route", r.plan.Name, "reason", err)
	}
	r.drain()
	r.halt.Store(&haltedBy{fmt.Errorf("route %s: %w", r.plan.Name, err)})
	if err := r.eng.allHalted(); err != nil {
		return err
	}
	// Nothing is left here but to be asked.
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

// drain lets what is under way end, at most drainMax, and has it committed. The
// poller holds the poll window open meanwhile, so nobody takes the partitions
// away. What waits for a connection that takes nothing is not waited for: it is
// read again after the next start.
func (r *route) drain() {
	now := time.Now()
	deadline := now.Add(drainMax).UnixNano()
	for _, p := range r.parts {
		p.task.Close(now.UnixNano(), deadline)
		p.settle(now.UnixNano())
	}
	tick := time.NewTicker(tickEvery / 10)
	defer tick.Stop()
	for r.open() {
		select {
		case <-r.notify:
			r.drainInbox()
		case f := <-r.commands:
			f()
		case <-tick.C:
			now := time.Now()
			r.renew(now)
			for _, p := range r.parts {
				if p.stuck(now.UnixNano(), deadline) {
					p.purge()
					p.task.Finish(now.UnixNano())
				}
				p.task.Tick(now.UnixNano())
				p.settle(now.UnixNano())
			}
			r.retryLetters(now)
		}
	}
	at := r.dirty
	r.dirty = kafka.Offsets{}
	for _, p := range r.parts {
		r.leave(p, at)
	}
	r.goOn <- at
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
		p.task.Account(0, a)
	}
	return a
}

// saidOnce keeps a log from telling the same thing again and again.
type saidOnce struct {
	text string
	at   time.Time
}

const sayAgain = 30 * time.Second

// news tells whether text is worth a line.
func (s *saidOnce) news(text string, now time.Time) bool {
	if text == s.text && now.Sub(s.at) < sayAgain {
		return false
	}
	s.text, s.at = text, now
	return true
}
