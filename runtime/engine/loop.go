package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/lookup"
	"github.com/sluice-dev/sluice/runtime/task"
)

// loop runs the tasks of one route, or the one task of a state group.
//
// Each of its routes has a poller, which waits for records and hands each poll to
// the loop; until the loop says so it does not allow a rebalance, so between the
// two no partition can be taken away, and that is when it commits offsets (I6).
// A route's writer writes dead letters. The loop owns everything else and never
// waits for a broker or a sink: results and acknowledgements come to its inbox.
type loop struct {
	eng    *Engine
	name   string // of the route, or of the group
	log    *slog.Logger
	routes []*route // by the index their task knows them by
	conns  []*connection
	group  *group          // what a state group has beside; nil: a route without state
	needs  []*lookup.Table // loaded tables that its routes read

	tasks    []*running // in the order they were opened
	revoking []revocation
	problem  saidOnce

	polled   chan polled   // pollers → loop; closed by nobody
	commands chan func()   // callbacks and observers → loop
	finished chan struct{} // closed by the loop when it ends

	touched map[*running]bool // of drainInbox, reused
	spare   inbox             // the loop's, to be filled next
	mu      sync.Mutex
	inbox   inbox
	notify  chan struct{} // holds one: the inbox is not empty
}

// polled is what one poll brought.
type polled struct {
	poller *poller
	batch  kafka.Batch
	err    error
}

// inbox is what other goroutines have for the loop.
type inbox struct {
	results []taskResult
	acks    []letterAck
}

type taskResult struct {
	p *running
	r deliver.Result
}

// revocation is tasks on their way out. When they are closed, done gets what is to
// be committed of the partitions that go.
type revocation struct {
	tasks []*running
	route *route
	tps   []kafka.TP
	done  chan kafka.Offsets
}

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
)

func newLoop(e *Engine, name string) *loop {
	return &loop{
		eng: e, name: name, log: e.log, touched: map[*running]bool{},
		polled: make(chan polled), commands: make(chan func()), finished: make(chan struct{}), notify: make(chan struct{}, 1),
	}
}

// results takes what ended at a connection. Called under that connection's lock;
// the results are copied.
func (l *loop) results(p *running, rs []deliver.Result) {
	l.mu.Lock()
	for i := range rs {
		l.inbox.results = append(l.inbox.results, taskResult{p, rs[i]})
	}
	l.mu.Unlock()
	signal(l.notify)
}

// landed takes what became of a letter.
func (l *loop) landed(a letterAck) {
	l.mu.Lock()
	l.inbox.acks = append(l.inbox.acks, a)
	l.mu.Unlock()
	signal(l.notify)
}

// run is the loop. It ends when ctx does, after what is under way has ended, or
// with an error that stops the program.
func (l *loop) run(ctx context.Context) error {
	defer close(l.finished)
	if !l.waitTables(ctx) {
		return nil
	}
	if l.group != nil {
		return l.runGroup(ctx)
	}
	return l.session(ctx)
}

// session runs from the first poll to the last.
func (l *loop) session(outer context.Context) error {
	ctx, stop := context.WithCancel(outer)
	defer stop()
	var pollers sync.WaitGroup
	for _, w := range l.pollers() {
		if w.route != nil {
			pollers.Go(func() { w.route.poll(ctx) })
		} else {
			pollers.Go(func() { l.group.poll(ctx) })
		}
	}
	if l.group != nil {
		pollers.Go(func() { l.group.look(ctx) })
		pollers.Go(func() { l.group.tellAnswers(ctx) })
	}
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	ease := time.NewTimer(0)
	defer ease.Stop()
	var waiting []*poller // pollers that do
	goOn := func() {
		for _, w := range waiting {
			w.goOn <- w.due(time.Now())
		}
		waiting = waiting[:0]
	}
	for {
		select {
		case b := <-l.polled:
			if b.err != nil {
				return l.stopped(outer, stop, &pollers, b, waiting)
			}
			l.slices(b)
			waiting = append(waiting, b.poller)
			ease.Reset(easeMax)
		case <-ease.C:
			goOn()
		case <-l.notify:
			l.drainInbox()
		case f := <-l.commands:
			f()
		case <-tick.C:
			l.tick()
		}
		if len(waiting) > 0 && l.records() < easeAbove {
			goOn()
		}
		l.revoke()
		if l.group != nil && l.group.broken != nil {
			return l.stopped(outer, stop, &pollers, polled{err: l.group.broken}, waiting)
		}
	}
}

// records counts what is in flight.
func (l *loop) records() int64 {
	n := int64(0)
	for _, p := range l.tasks {
		records, _ := p.task.InFlight()
		n += records
	}
	return n
}

// command runs f on the loop and waits; false when the loop has ended.
func (l *loop) command(f func()) bool {
	done := make(chan struct{})
	select {
	case l.commands <- func() { f(); close(done) }:
		<-done
		return true
	case <-l.finished:
		return false
	}
}

// slices runs what a poll brought. The slices of different tasks run side by side,
// the effects in order behind them.
func (l *loop) slices(b polled) {
	for _, err := range b.batch.Problems {
		if l.problem.news(err.Error(), time.Now()) {
			l.log.Warn("kafka", "route", l.name, "problem", err)
		}
	}
	if l.group != nil {
		l.group.slices(b)
		return
	}
	r := b.poller.route
	for _, a := range b.batch.Assigned {
		r.assign(a)
	}
	now := time.Now().UnixNano()
	var wg sync.WaitGroup
	parallel := len(b.batch.Slices) > 1 && runtime.GOMAXPROCS(0) > 1
	for i := range b.batch.Slices {
		s := &b.batch.Slices[i]
		in := r.parts[s.TP]
		if in == nil || in.stopped {
			continue
		}
		if parallel {
			wg.Go(func() { in.records(s, now) })
		} else {
			in.records(s, now)
		}
	}
	wg.Wait()
	now = time.Now().UnixNano()
	for i := range b.batch.Slices {
		if in := r.parts[b.batch.Slices[i].TP]; in != nil {
			in.run.settle(now)
		}
		r.consumer.Recycle(&b.batch.Slices[i])
	}
}

// leaseEnd is until when this process may act for its partitions (I6): the brokers
// have heard from it within half a session, for each of its groups.
func (l *loop) leaseEnd(now time.Time) int64 {
	end := deliver.Never
	for _, r := range l.routes {
		if r.consumer != nil {
			end = min(end, now.Add(r.consumer.Session()/2-r.consumer.LeaseAge()).UnixNano())
		}
	}
	return end
}

// drainInbox takes results and acknowledgements to their tasks.
func (l *loop) drainInbox() {
	l.mu.Lock()
	in := l.inbox
	l.inbox = l.spare
	l.mu.Unlock()
	touched := l.touched
	for i := range in.results {
		x := &in.results[i]
		x.p.task.Result(&x.r)
		touched[x.p] = true
	}
	for _, a := range in.acks {
		if a.route == nil { // no letter: the other groups were told of a person
			a.p.letters--
			a.p.task.LetterAcked(a.ref)
		} else {
			a.route.acked(a)
		}
		touched[a.p] = true
	}
	now := time.Now().UnixNano()
	for p := range touched {
		p.settle(now)
	}
	clear(touched)
	clear(in.results)
	clear(in.acks)
	l.spare = inbox{in.results[:0], in.acks[:0]}
}

func (l *loop) tick() {
	now := time.Now()
	l.renew(now)
	if l.group != nil {
		l.group.tick(now)
	}
	for _, p := range l.tasks {
		p.task.Steer()
		p.tick(now.UnixNano())
	}
	for _, r := range l.routes {
		r.retryLetters(now)
		r.silence(now)
	}
}

// renew moves the leases to what the last heartbeat allows.
func (l *loop) renew(now time.Time) {
	until := l.leaseEnd(now)
	for _, p := range l.tasks {
		p.lease(until)
	}
}

// beginRevoke: intake off, purge, and wait for what is on the wire.
func (l *loop) beginRevoke(v revocation) {
	now := time.Now()
	deadline := now.Add(min(revokeMax, v.route.consumer.Session()/3)).UnixNano()
	for _, p := range v.tasks {
		p.purge()
		p.close(now.UnixNano(), deadline)
	}
	l.revoking = append(l.revoking, v)
}

// revoke goes on with revocations: a task of which nothing is under way any more is
// finished with what has ended so far.
func (l *loop) revoke() {
	for len(l.revoking) > 0 {
		v := l.revoking[0]
		for _, p := range v.tasks {
			if p.task.State() == task.Closing && p.quiet() {
				// Every answer was in the inbox before the connection said so; one of
				// them may have made a letter.
				l.drainInbox()
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
		for _, p := range v.tasks {
			l.leave(p)
		}
		for _, tp := range v.tps {
			if pos, ok := v.route.dirty[tp]; ok {
				at[tp] = pos
			}
			v.route.forget(tp)
		}
		if l.group != nil {
			l.group.torn(fmt.Errorf("partitions of route %s went to another process: a state group runs where all of them are", v.route.plan.Name))
		}
		l.revoking = l.revoking[1:]
		v.done <- at
	}
}

// leave forgets a closed task and keeps what it counted.
func (l *loop) leave(p *running) {
	p.until.Store(0) // I6
	p.purge()        // what is held stays with the schedulers: the next start sends it
	for i, r := range l.routes {
		if l.group != nil {
			r.closed = task.Account{} // its counts are in the store, and go on with the next task
		}
		p.task.Account(i, &r.closed)
	}
	for i, o := range l.tasks {
		if o == p {
			l.tasks = append(l.tasks[:i], l.tasks[i+1:]...)
			break
		}
	}
}

// lose ends tasks whose partitions are gone already: nothing of them is committed
// or sent any more (I6).
func (l *loop) lose(p *running) {
	p.lose()
	p.settle(time.Now().UnixNano())
	l.leave(p)
	for _, in := range p.inputs {
		if in.route != nil {
			in.route.forget(in.tp)
		}
	}
}

// stopped ends the session after a poller has: gracefully when ctx ended, else
// because something cannot be read any more. A fenced process must not go on at
// all; any other error stops the route or group, never its neighbours (I8).
func (l *loop) stopped(ctx context.Context, stop func(), pollers *sync.WaitGroup, b polled, waiting []*poller) error {
	asked := ctx.Err() != nil
	stop()
	var fenced *kafka.FencedError
	lost := errors.As(b.err, &fenced)
	if lost {
		for len(l.tasks) > 0 {
			l.lose(l.tasks[0])
		}
	}
	// Every poller ends now, and holds its window open until it is told to go.
	parked := map[*poller]bool{}
	if b.poller != nil {
		parked[b.poller] = true
	}
	for _, w := range waiting {
		w.goOn <- nil
	}
	all := l.pollers()
	for len(parked) < len(all) {
		select {
		case b := <-l.polled:
			if b.err != nil {
				parked[b.poller] = true
			} else {
				b.poller.goOn <- nil // its records are read again
			}
		case <-l.notify:
			l.drainInbox()
		case f := <-l.commands:
			f()
		}
		l.revoke()
	}
	if !lost {
		l.drain()
	}
	for _, w := range all {
		w.goOn <- w.last()
	}
	// Their last commit may have something to tell the loop.
	ended, tell := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		pollers.Wait()
		tell()
	}()
	l.answer(ended)
	switch {
	case lost:
		return fmt.Errorf("route %s: %w", l.name, b.err)
	case asked:
		return nil
	}
	if b.poller != nil && b.poller.route != nil {
		b.err = b.poller.route.undecided(b.err)
	}
	if l.group != nil {
		return b.err
	}
	return l.halted(ctx, b.err)
}

// halted is the end of a route, or of a group, that stopped itself: it only answers
// until the program ends.
func (l *loop) halted(ctx context.Context, err error) error {
	condition := l.routes[0].condition()
	if l.group != nil {
		condition = l.group.condition()
	}
	if l.eng.health.Set(condition, err.Error(), time.Now()) {
		l.log.Error("route stopped", "route", l.name, "reason", err)
	}
	for _, r := range l.routes {
		r.halt.Store(&haltedBy{fmt.Errorf("route %s: %w", r.plan.Name, err)})
	}
	if err := l.eng.allHalted(); err != nil {
		return err
	}
	l.answer(ctx)
	return nil
}

// answer does nothing but answer until ctx ends.
func (l *loop) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-l.commands:
			f()
		case <-l.notify:
			l.drainInbox()
		}
		l.revoke()
	}
}

// drain lets what is under way end, at most drainMax. The pollers hold their poll
// windows open meanwhile, so nobody takes the partitions away. What waits for a
// connection that takes nothing is not waited for: it is read again after the next
// start.
func (l *loop) drain() {
	now := time.Now()
	deadline := now.Add(drainMax).UnixNano()
	for _, c := range l.conns {
		c.hurry()
	}
	for _, p := range l.tasks {
		p.close(now.UnixNano(), deadline)
	}
	tick := time.NewTicker(tickEvery / 10)
	defer tick.Stop()
	for l.open() {
		select {
		case <-l.notify:
			l.drainInbox()
		case f := <-l.commands:
			f()
		case <-tick.C:
			now := time.Now()
			l.renew(now)
			for _, p := range l.tasks {
				if p.stuck(now.UnixNano(), deadline) {
					p.purge()
					p.task.Finish(now.UnixNano())
				}
				p.tick(now.UnixNano())
			}
			for _, r := range l.routes {
				r.retryLetters(now)
			}
		}
	}
	for len(l.tasks) > 0 {
		l.leave(l.tasks[0])
	}
}

func (l *loop) open() bool {
	for _, p := range l.tasks {
		if p.task.State() != task.Closed {
			return true
		}
	}
	return false
}

// pollers lists those of the routes that read topics, and that of the own log.
func (l *loop) pollers() []*poller {
	var out []*poller
	for _, r := range l.routes {
		if r.consumer != nil {
			out = append(out, &r.poller)
		}
	}
	if l.group != nil {
		out = append(out, &l.group.poller)
	}
	return out
}

// failedLetters tells whether a dead topic of the loop takes nothing now.
func (l *loop) failedLetters() bool {
	for _, r := range l.routes {
		if len(r.letters.failed) > 0 {
			return true
		}
	}
	return false
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
