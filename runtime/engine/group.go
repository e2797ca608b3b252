package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/schedule"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// group is what the loop of a state group has beside those of other routes: one
// task for all its partitions, a store, and a log of its own.
//
// It runs in sessions. A session joins the consumer groups of all its routes, waits
// until every partition is assigned here, opens the task at the positions that the
// store holds, and lasts until a partition is taken away. Where it cannot run here
// (another store holds the state) it waits by name and looks again; the other routes
// of the program go on.
type group struct {
	loop *loop
	plan *plan.Group
	op   *op.Group
	conn string // connection kafka of its own log

	schedules task.Schedules

	ownTopic kafka.TopicInfo
	ownName  string
	ownEnd   int64 // of its log when the session began
	tail     *kafka.Tail
	poller   poller

	waits error // why it could not be joined at start

	progress *task.Progress
	cells    *state.Cells
	run      *running // nil until every partition is here
	early    []early  // slices that came before
	applied  int64    // position of the own log that is stored
	// appending counts what is on its way to the own log.
	appending atomic.Int64
	answers   *queue[told]
	broken    error // ends the session

	stalled string // why the store takes nothing; "" where it does
}

// early is a slice that came before the task was open.
type early struct {
	route *route
	slice kafka.Slice
}

// waitAgain is how often a group that waits looks whether it may run.
const waitAgain = 5 * time.Second

// OtherStoreError is a state group whose state another store holds.
type OtherStoreError struct {
	Group        string
	Routes       []string // those of the group that it has committed for
	Theirs, Ours string
}

// Error says who holds it and what to do.
func (e *OtherStoreError) Error() string {
	routes := "route "
	if len(e.Routes) > 1 {
		routes = "routes "
	}
	return fmt.Sprintf("the state of group %s is held by the store %s (%s committed by it) and this process has %s: a state group runs in one process; start it on that state directory, or stop the other process for good and run `sluice state reset %s --to committed` to go on here, with what this state directory remembers",
		e.Group, e.Theirs, routes+strings.Join(e.Routes, ", "), e.Ours, strings.Join(e.Routes, " "))
}

// ResetError is a route whose committed position somebody set by hand while the
// state stands elsewhere.
type ResetError struct {
	Group, Route string
	At           kafka.TP
	Committed    int64
	Applied      int64
}

// Error says what to decide.
func (e *ResetError) Error() string {
	return fmt.Sprintf("the position of %s/%d in group %s was set to %d by hand, and the state has taken everything before %d: `sluice state reset %s --to committed` begins there with the state as it is; commit %d again to go on as if nothing was",
		e.At.Topic, e.At.Partition, e.Group, e.Committed, e.Applied, e.Route, e.Applied)
}

func (g *group) condition() string { return "group " + g.plan.Name }

// join prepares a session: the own log, the state from the store, and the consumer
// groups.
func (g *group) join(ctx context.Context) error {
	e := g.loop.eng
	admin := e.admins[g.conn]
	if err := g.mayRun(ctx); err != nil {
		return err
	}
	g.ownName = kafka.OwnTopic(e.cfg.Plan.App, g.plan.Name)
	spec := kafka.LogTopicSpec(g.ownName, 1)
	calls := slices.ContainsFunc(g.plan.Routes, func(r *plan.Route) bool { return len(r.Calls) > 0 })
	if calls {
		spec.Configs["max.message.bytes"] = strconv.Itoa(edge.MaxRecord)
	}
	if err := admin.Ensure(ctx, spec); err != nil {
		return err
	}
	if calls {
		limits, err := admin.MaxMessageBytes(ctx, g.ownName)
		if err != nil {
			return err
		}
		e.producers[g.conn].SetLimit(g.ownName, limits[g.ownName])
	}
	found, err := admin.Describe(ctx, g.ownName)
	if err != nil {
		return err
	}
	g.ownTopic = found[g.ownName]
	if g.progress, err = task.Restore(e.store, g.plan.Name); err != nil {
		return err
	}
	if g.cells, err = state.OpenIn(e.claims, e.store, e.directory.Specs(g.plan)); err != nil {
		return err
	}
	ends, err := admin.EndOffsets(ctx, g.ownName)
	if err != nil {
		return err
	}
	g.ownEnd = ends[kafka.TP{Topic: g.ownName}]
	from, known := g.progress.Position("", g.ownTopic.ID, 0)
	if !known { // what an earlier life was told is nothing to a state that begins
		from = g.ownEnd
	}
	g.applied = from
	for _, r := range g.loop.routes {
		if err := e.join(ctx, r, via(r.plan.Source.Via)); err != nil {
			return err
		}
	}
	cfg := e.cfg.Settings.Kafka[g.conn]
	cfg.Logger = e.kafkaLog
	g.tail, err = kafka.NewTail(cfg, kafka.TP{Topic: g.ownName}, g.ownTopic.ID, from, pollWait)
	return err
}

// mayRun looks whether another store has committed for a route: then the state is
// there, and this process does not even join.
func (g *group) mayRun(ctx context.Context) error {
	e := g.loop.eng
	other := &OtherStoreError{Group: g.plan.Name, Ours: e.cfg.StoreID}
	for _, r := range g.loop.routes {
		at, err := e.admins[via(r.plan.Source.Via)].Committed(ctx, r.groupName())
		if err != nil {
			return err
		}
		for tp, c := range at {
			if tp.Topic != r.replayLog() && c.Known && c.StoreID != e.cfg.StoreID {
				other.Theirs, other.Routes = c.StoreID, append(other.Routes, r.plan.Name)
				break
			}
		}
	}
	if other.Routes != nil {
		return other
	}
	return nil
}

// position is where a partition of a route goes on: where the store says, exactly,
// never further because more was committed (I5).
func (g *group) position(r *route) func(kafka.TP, event.TopicID, kafka.Committed) (int64, bool, error) {
	return func(tp kafka.TP, topic event.TopicID, c kafka.Committed) (int64, bool, error) {
		if tp.Topic == r.replayLog() { // where it stands elsewhere its sources do, too, and say so
			at, ok := g.progress.Position(r.plan.IDName(), topic, tp.Partition)
			return at, ok, nil
		}
		if c.Known && c.StoreID != g.loop.eng.cfg.StoreID {
			return 0, false, &OtherStoreError{g.plan.Name, []string{r.plan.Name}, c.StoreID, g.loop.eng.cfg.StoreID}
		}
		if r.guarded(tp) {
			return g.applied, true, nil // what is below may be trimmed
		}
		at, ok := g.progress.Position(r.plan.IDName(), topic, tp.Partition)
		if ok && !c.Known && c.Offset != at {
			return 0, false, &ResetError{g.plan.Name, r.plan.Name, tp, c.Offset, at}
		}
		return at, ok, nil
	}
}

// runGroup runs sessions until ctx ends, or something is wrong that only a person
// can mend.
func (l *loop) runGroup(ctx context.Context) error {
	g := l.group
	err := g.waits
	for {
		if err == nil {
			l.eng.health.Clear(g.condition())
			err = l.session(ctx)
		}
		g.leave()
		if ctx.Err() != nil {
			return nil
		}
		var fenced *kafka.FencedError
		if errors.As(err, &fenced) {
			return err
		}
		var id *kafka.TopicIDError
		var missing *kafka.MissingTopicError
		if errors.As(err, &id) || errors.As(err, &missing) {
			return l.halted(ctx, err)
		}
		if l.eng.health.Set(g.condition(), err.Error(), time.Now()) {
			l.log.Error("state group waits", "group", g.plan.Name, "reason", err)
		}
		if !l.pass(ctx, waitAgain) {
			return nil
		}
		err = g.join(ctx)
	}
}

// pass lets a while go by and answers meanwhile; false where ctx ended before.
func (l *loop) pass(ctx context.Context, d time.Duration) bool {
	waits, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	l.answer(waits)
	return ctx.Err() == nil
}

// leave ends what a session had.
func (g *group) leave() {
	var wg sync.WaitGroup
	for _, r := range g.loop.routes {
		if c := r.consumer; c != nil {
			wg.Go(c.Close)
		}
		r.parts, r.dirty = map[kafka.TP]*input{}, kafka.Offsets{}
	}
	// A consumer that closes gives its partitions up, and asks this loop.
	closed, all := context.WithCancel(context.Background())
	go func() {
		wg.Wait()
		all()
	}()
	g.loop.answer(closed)
	for _, r := range g.loop.routes {
		r.consumer, r.joined = nil, false
	}
	if g.tail != nil {
		g.tail.Close()
		g.tail = nil
	}
	if g.cells != nil {
		g.cells.Release()
	}
	g.run, g.cells, g.early, g.broken, g.stalled = nil, nil, nil, nil, ""
}

// torn ends the session: the group does not have all its partitions any more.
func (g *group) torn(why error) {
	if g.broken == nil {
		g.broken = why
	}
}

// slices runs what a poll of one of its routes, or of the own log, brought. The
// effects are carried out behind all of it, so that the intents of all slices are
// stored in one transaction.
func (g *group) slices(b polled) {
	now := time.Now().UnixNano()
	r := b.poller.route
	for _, a := range b.batch.Assigned {
		g.assign(r, a, now)
	}
	for i := range b.batch.Slices {
		s := &b.batch.Slices[i]
		switch {
		case r.guarded(s.TP):
			r.consumer.Recycle(s)
			continue
		case g.run == nil:
			g.early = append(g.early, early{r, *s})
			continue
		case r == nil:
			g.run.inputs[ownInput].records(s, now)
			continue
		}
		if in := r.parts[s.TP]; in != nil && !in.stopped {
			in.records(s, now)
		}
		r.consumer.Recycle(s)
	}
	if g.run != nil {
		g.run.settle(time.Now().UnixNano())
	} else {
		g.gather(now)
	}
}

// ownInput is the number of the own log among the inputs.
const ownInput = 0

// assign notes a partition that came here; one that comes when the task runs is new.
func (g *group) assign(r *route, a kafka.Assignment, now int64) {
	r.joined = true
	in := &input{run: g.run, route: r, tp: a.TP, id: a.TopicID, from: a.Offset, end: a.Offset, taken: a.Offset}
	r.parts[a.TP] = in
	if r.guarded(a.TP) {
		in.end = 0
	}
	if g.run == nil || r.guarded(a.TP) {
		in.pause(byTask)
		return
	}
	in.number = g.run.task.AddInput(in.input(), now)
	g.run.inputs = append(g.run.inputs, in)
	g.loop.log.Info("a partition was added", "group", g.plan.Name, "topic", a.Topic, "partition", a.Partition)
}

func (in *input) input() task.Input {
	return task.Input{Route: in.route.index, Topic: in.tp.Topic, TopicID: in.id, Partition: in.tp.Partition, Next: in.from, Replay: in.replays()}
}

// gather opens the task when every partition of every route is here.
func (g *group) gather(now int64) {
	for _, r := range g.loop.routes {
		if r.consumer != nil && len(r.parts) < r.consumer.Partitions() {
			return
		}
	}
	l := g.loop
	p := newRunning(l)
	inputs := []task.Input{{Own: true, Route: -1, Topic: g.ownName, TopicID: g.ownTopic.ID, Next: g.applied, End: g.ownEnd}}
	p.inputs = []*input{{run: p, tp: kafka.TP{Topic: g.ownName}, end: g.applied}}
	var routes []*plan.Route
	for _, r := range l.routes {
		routes = append(routes, r.plan)
		for _, tp := range sorted(r.parts) {
			in := r.parts[tp]
			r.dirty[tp] = in.from // what the store knew may be ahead of what was committed
			if r.guarded(tp) {
				in.run, in.number = p, ownInput
				continue
			}
			in.run, in.number = p, len(p.inputs)
			p.inputs = append(p.inputs, in)
			inputs = append(inputs, in.input())
		}
	}
	p.task = task.New(task.Config{
		Routes: routes, Group: g.plan, Cells: g.cells, Budget: l.eng.budget,
		Runner: g.op.NewRunner(g.cells, l.eng.tables), Schedules: g.schedules,
	})
	p.lease(l.leaseEnd(time.Now()))
	p.task.Open(g.progress, inputs, now)
	g.run = p
	l.tasks = append(l.tasks, p)
	for _, r := range l.routes {
		r.closed = task.Account{} // the task has what was counted before
	}
	for _, in := range p.inputs {
		in.resume(byTask)
	}
	p.settle(now)
	early := g.early
	g.early = nil
	for i := range early {
		s := &early[i].slice
		if early[i].route == nil {
			p.inputs[ownInput].records(s, now)
		} else if in := early[i].route.parts[s.TP]; in != nil {
			in.records(s, now)
		}
	}
	p.settle(time.Now().UnixNano())
	l.log.Info("state group runs", "group", g.plan.Name, "inputs", len(p.inputs)-1)
}

// poll is the poller of the own log.
func (g *group) poll(ctx context.Context) {
	for {
		s, err := g.tail.Poll(ctx, pollWait)
		var b kafka.Batch
		if s != nil {
			b.Slices = []kafka.Slice{*s}
		}
		if s != nil || err != nil {
			g.loop.polled <- polled{&g.poller, b, err}
			<-g.poller.goOn
		}
		if err != nil {
			return
		}
	}
}

// tick looks at what time changes.
func (g *group) tick(now time.Time) {
	p := g.run
	if p == nil {
		if !slices.ContainsFunc(g.loop.routes, func(r *route) bool { return r.consumer != nil }) {
			g.gather(now.UnixNano()) // no poll ever brings a partition
		}
		return
	}
	p.task.Schedule(now.UnixNano())
	for i, c := range g.loop.conns {
		if outs := c.overdue(p.owners[i], now.UnixNano()); len(outs) > 0 {
			p.task.Hold(outs)
		}
	}
	g.limitClaims()
	if err := p.task.Err(); err != nil {
		g.torn(err)
	}
}

// commit stores writes in one transaction; false where that is not possible now.
// Then nothing more of the group is carried out, and nothing read, until it is.
func (g *group) commit(ws []state.Write) bool {
	e := g.loop.eng
	why := e.storeStops()
	if why == "" {
		if err := e.store.Commit(ws); err != nil {
			why = err.Error()
		}
	}
	if why == g.stalled {
		return why == ""
	}
	if why != "" {
		e.health.Set("store of "+g.plan.Name, "the store takes nothing: "+why+"; the group waits with everything, nothing is lost", time.Now())
		g.loop.log.Error("the store takes nothing; the group waits", "group", g.plan.Name, "reason", why)
	} else if e.health.Clear("store of " + g.plan.Name) {
		g.loop.log.Info("the store takes again", "group", g.plan.Name)
	}
	g.stalled = why
	for _, in := range g.run.inputs {
		if why != "" {
			in.pause(byStore)
		} else {
			in.resume(byStore)
		}
	}
	return why == ""
}

// lookEvery is how often the ends of the sources are asked for: what has run to its
// end and gets nothing more is idle, and a pane or a claim need not wait for it.
const lookEvery = 2 * time.Second

// look asks for the ends of all partitions and tells the task what a fetch at that
// clock would have seen.
func (g *group) look(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, r := range g.loop.routes {
			if r.consumer == nil {
				continue
			}
			clock := time.Now() // before the question: what comes later is not denied
			admin := g.loop.eng.admins[via(r.plan.Source.Via)]
			topics, err := sourceTopics(ctx, admin, r.eng.cfg.Plan.App, r.plan)
			if err != nil || len(topics) == 0 {
				continue
			}
			ends, err := admin.EndOffsets(ctx, topics...)
			if err != nil {
				continue // the next look tells the same
			}
			select {
			case g.loop.commands <- func() { g.looked(r, ends, clock) }:
			case <-ctx.Done():
				return
			}
		}
	}
}

func (g *group) looked(r *route, ends kafka.Offsets, clock time.Time) {
	if g.run == nil {
		return
	}
	for tp, end := range ends {
		if in := r.parts[tp]; in != nil && in.run == g.run {
			in.end = end
			g.run.task.Looked(in.number, end, clock.UnixNano())
		} else if in == nil {
			r.consumer.Renew() // a partition was added
		}
	}
	g.run.settle(time.Now().UnixNano())
}

// limitClaims pauses the group while its memories have more keys in memory than they
// may, and lets it go on when time has forgotten enough of them.
func (g *group) limitClaims() {
	e := g.loop.eng
	name := "memory of " + g.plan.Name
	over := g.cells.OverBudget()
	for _, in := range g.run.inputs {
		if over {
			in.pause(byMemory)
		} else {
			in.resume(byMemory)
		}
	}
	switch {
	case over:
		why := fmt.Sprintf("deduplication holds %d MiB of keys and may hold %d MiB (--dedupe-memory): it goes on when time has forgotten enough of them, or with a larger limit", e.claims.Held()>>20, e.claims.Limit()>>20)
		if e.health.Set(name, why, time.Now()) {
			g.loop.log.Warn("the group waits", "group", g.plan.Name, "reason", why)
		}
	case e.health.Clear(name):
		g.loop.log.Info("the group goes on: deduplication has room again", "group", g.plan.Name)
	}
}

// append writes a record to the own log. It is an effect like a request: nobody
// waits for it, what it says is said again.
func (g *group) append(val []byte) {
	e := g.loop.eng
	g.appending.Add(1)
	e.producers[g.conn].Send(context.Background(), kafka.Record{Topic: g.ownName, Value: val, Timestamp: event.NoTime}, func(r kafka.Result) {
		g.appending.Add(-1)
		if r.Err != nil {
			e.log.Debug("own log", "group", g.plan.Name, "error", r.Err)
		}
	})
}

func newGroup(l *loop, p *plan.Group, compiled *op.Group) (*group, error) {
	g := &group{loop: l, plan: p, op: compiled, conn: mainKafka, schedules: task.Schedules{}, answers: newQueue[told](), poller: poller{goOn: make(chan kafka.Offsets)}}
	for _, r := range p.Routes {
		if t := r.Source.Tick; t != nil {
			s, err := schedule.Load(t)
			if err != nil {
				return nil, fmt.Errorf("route %s: %w", r.Name, err)
			}
			g.schedules[r.IDName()] = s
		}
	}
	return g, nil
}

// sorted lists partitions in order.
func sorted(parts map[kafka.TP]*input) []kafka.TP {
	return slices.SortedFunc(maps.Keys(parts), func(a, b kafka.TP) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), int(a.Partition-b.Partition))
	})
}
