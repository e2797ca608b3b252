// Package engine runs a program: it owns the goroutines, the clock and the
// clients, starts the routes of a plan, carries the effects of their tasks out,
// and stops them without losing anything. What a record means and when an offset
// may be committed it leaves to op, task and deliver.
//
// # Goroutines
//
// A connection has one that asks its scheduler what to send, and one for each
// request on the wire. A route has a poller and a loop (route.go). Results go from
// a request, under the connection's lock, into the inbox of the route that made
// the output; the loop never waits for a connection, and a connection never for a
// loop.
package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/lookup"
	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/seldom"
	kafkasink "github.com/sluice-dev/sluice/runtime/sink/kafka"
	logsink "github.com/sluice-dev/sluice/runtime/sink/log"
	"github.com/sluice-dev/sluice/runtime/sink/segment"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// Config is a program and where it runs.
type Config struct {
	Plan     *plan.Plan
	Settings *Settings
	// StoreID is who this process is for the brokers (StateDir.ID).
	StoreID string
	// Dir is the program's directory, where the files of its tables lie.
	Dir string
	// State is the directory of the store (StateDir.Store); needed where the program
	// has state.
	State string
	// LeastSpace is how many bytes the disk of the store must have left; 0: as many as
	// the store may need at once.
	LeastSpace uint64
	// ClaimMemory is how many bytes of memory deduplication may take; 0: 1 GiB.
	ClaimMemory int64
	// Holds is told, once a second, what MemoryLimit asks for; nil: nobody.
	Holds func(partitions int, keys int64)
	// AcceptStateLoss lets a program go on that has no use for what is stored.
	AcceptStateLoss bool
	// Wait is how long the brokers may take to answer at start.
	Wait time.Duration
	// MakeTopics makes the topics that the program names: with the embedded broker.
	MakeTopics bool
	// Session is how long the brokers wait for a process that has fallen silent
	// before they give its partitions to another. 0: 45 s.
	Session time.Duration
	// Once ends the program when everything up to the ends of its topics at start,
	// and what follows from it, has been taken.
	Once bool
	// Edge takes requests to webhooks; nil: nobody does. It outlives the engine, which
	// lets requests in while it runs.
	Edge *edge.Server
	// OpenWebhooks asks for no secrets of webhooks: `dev`.
	OpenWebhooks bool
	// Stdin is what `from file "-"` reads; nil: nothing.
	Stdin io.Reader
	// LateFiles lets a program start whose files are not there yet: `dev`.
	LateFiles bool
	Log       *slog.Logger
	// Ready is called once when every route reads.
	Ready func()
	// Accepted is told each output when its sink has taken it, on the goroutine of
	// the request, which it must not hold up: `dev` prints a line. nil: nobody.
	Accepted func(r *plan.Route, o *event.Output)
	// Letter is told each dead letter when it stands in its topic, on the loop of its
	// task, which it must not hold up: `dev` prints a line. nil: nobody.
	Letter func(*letter.Letter)
	// Version and Commit are ours, for Segment's context.library and metrics.
	Version, Commit string
}

// Engine is a running program.
type Engine struct {
	cfg Config
	log *slog.Logger
	// kafkaLog is for clients of Kafka, which warn at each attempt.
	kafkaLog *slog.Logger
	health   *observe.Health
	budget   *task.Budget
	since    time.Time

	admins    map[string]*kafka.Admin
	producers map[string]*kafka.Producer
	conns     map[string]*connection // "segment main"
	index     map[string]int         // of a connection within its scheduler
	limits    map[string]int         // of dead topics: bytes of a record
	stages    map[ir.Stage]int       // and of a stage that sends requests over HTTP
	loops     []*loop
	routes    []*route // of all loops
	groups    []*kafka.Group
	tables    *lookup.Set   // loaded tables
	files     []*fileSource // that routes read

	store     state.Store // nil: the program has no state
	directory *state.Directory
	claims    *dedupe.Budget // memory of deduplication
	space     *state.Guard
	full      atomic.Pointer[string] // why nothing may be written to the store; nil, "": it may
	erasures  *queue[erasure]
	privacy   privacy
	closers   []func()
	silences  atomic.Pointer[silences]
	running   atomic.Bool // all of the above stands and changes no more
}

// mainKafka is the connection that routes read from and write letters to unless
// they say otherwise.
const mainKafka = "main"

// fetchBudget is shared by the consumer groups of a process (I7). It
// counts what has been inflated; a fetch is asked for in compressed bytes, and a
// second one is under way while one is worked on.
const (
	fetchBudget   = 64 << 20
	fetchInflated = 8
	fetchMost     = 2 << 20
	fetchLeast    = 256 << 10
)

// New prepares a program; nothing runs yet.
func New(cfg Config) *Engine {
	return &Engine{
		cfg: cfg, log: cfg.Log, kafkaLog: seldom.Logger(cfg.Log), health: &observe.Health{}, budget: task.NewBudget(task.ProcessBytes), since: time.Now(),
		claims: dedupe.NewBudget(cfg.ClaimMemory),
		admins: map[string]*kafka.Admin{}, producers: map[string]*kafka.Producer{}, conns: map[string]*connection{}, index: map[string]int{}, stages: map[ir.Stage]int{},
		erasures: newQueue[erasure](),
		privacy:  privacy{known: map[state.ErasedSum]struct{}{}, wake: make(chan struct{}, 1)},
	}
}

// Health is the conditions of the program.
func (e *Engine) Health() *observe.Health { return e.health }

// Run starts the program and blocks until ctx ends and what is under way has been
// taken and committed, or until something makes it impossible to go on. Errors of
// start are typed: kafka.UnreachableError, kafka.MissingTopicError, and so on.
func (e *Engine) Run(ctx context.Context) error {
	defer e.close()
	e.health.Set(starting, "the program is starting", e.since)
	if err := e.start(ctx); err != nil {
		return err
	}
	e.running.Store(true)
	e.health.Clear(starting)

	// Requests on the wire outlive ctx: a graceful stop waits for their answers.
	sends, cancelSends := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelSends()
	connCtx, stopConns := context.WithCancel(context.WithoutCancel(ctx))
	defer stopConns()
	var conns sync.WaitGroup
	for _, c := range e.distinct() {
		conns.Go(func() { c.run(connCtx, sends) })
	}
	err := e.runRoutes(ctx)
	stopConns()
	cancelSends()
	// A record that no broker answers for ends with its producer only.
	for _, p := range e.producers {
		p.Close()
	}
	conns.Wait()
	return err
}

// starting is the condition of a program that does not run yet.
const starting = "program"

// runRoutes runs every route to its end and gives the first error of one.
func (e *Engine) runRoutes(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	end := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			// Only the first is kept: the others are its echo.
			first = err
		}
		stop(err)
	}
	e.bindFiles()
	for _, l := range e.loops {
		letters, stopLetters := context.WithCancel(context.WithoutCancel(ctx))
		for _, r := range l.routes {
			wg.Go(func() { r.write(letters) })
		}
		wg.Go(func() {
			defer stopLetters()
			if err := l.run(ctx); err != nil {
				end(err)
			}
		})
	}
	erasing, stopErasing := context.WithCancel(context.WithoutCancel(ctx))
	var eraser sync.WaitGroup
	eraser.Go(func() { e.erase(erasing) })
	eraser.Go(func() { e.eraseLetters(erasing) })
	defer func() {
		stopErasing()
		eraser.Wait()
	}()
	wg.Go(func() { e.feedTables(ctx) })
	wg.Go(func() { e.feedFiles(ctx) })
	wg.Go(func() { e.keep(ctx) })
	wg.Go(func() { e.measure(ctx) })
	shut, err := e.openEdge()
	if err != nil {
		end(err)
	} else {
		if s := e.cfg.Edge; s != nil {
			q := newSilences(e.cfg.Plan, s, time.Now())
			q.tell = e.alarm
			e.silences.Store(q)
			wg.Go(func() { q.run(ctx) })
		}
		wg.Go(func() {
			// Before the routes stop: what was taken is in the log, and the next start
			// reads it.
			<-ctx.Done()
			shut()
		})
	}
	if e.cfg.Once {
		wg.Go(func() {
			if err := e.once(ctx); err != nil {
				end(err)
			}
		})
	}
	if e.cfg.Ready != nil {
		e.cfg.Ready()
	}
	wg.Wait()
	if errors.Is(first, errDone) {
		return nil
	}
	return first
}

// errDone ends a program that runs once.
var errDone = errors.New("everything has been taken")

// allHalted gives the error of a program of which no route runs any more: there is
// nothing left to wait for.
func (e *Engine) allHalted() error {
	var first error
	for _, r := range e.routes {
		h := r.halt.Load()
		if h == nil {
			return nil
		}
		if first == nil {
			first = h.err
		}
	}
	return first
}

// closeMax bounds the end of the groups: a member that closes while its group is
// being joined waits for the slowest of the others, and nobody waits for that. What
// is left ends with the process.
const closeMax = 5 * time.Second

// close ends what start has made: the groups, then the rest, the last first.
func (e *Engine) close() {
	var wg sync.WaitGroup
	for _, g := range e.groups {
		wg.Go(g.Close)
	}
	closed := make(chan struct{})
	go func() {
		wg.Wait()
		close(closed)
	}()
	late := time.NewTimer(closeMax)
	defer late.Stop()
	select {
	case <-closed:
	case <-late.C:
		e.log.Warn("the groups are still being joined; not waiting for that", "waited", closeMax)
	}
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
}

func (e *Engine) start(ctx context.Context) error {
	if err := e.loadFiles(); err != nil {
		return err
	}
	if err := e.checkFiles(); err != nil {
		return err
	}
	if err := e.kafka(ctx); err != nil {
		return err
	}
	if err := e.connections(); err != nil {
		return err
	}
	for _, c := range e.conns {
		c.accepted = e.cfg.Accepted
	}
	if err := e.topics(ctx); err != nil {
		return err
	}
	if err := e.openStore(); err != nil {
		return err
	}
	if err := e.loadErased(time.Now()); err != nil {
		return err
	}
	for _, r := range e.cfg.Plan.Routes {
		if r.Group != nil {
			continue
		}
		if err := e.stateless(ctx, r); err != nil {
			return err
		}
	}
	for _, g := range e.cfg.Plan.Groups {
		if err := e.stateGroup(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// kafka reaches the brokers.
func (e *Engine) kafka(ctx context.Context) error {
	for name, cfg := range e.cfg.Settings.Kafka {
		cfg.Logger = e.kafkaLog
		a, err := kafka.NewAdmin(cfg)
		if err != nil {
			return err
		}
		e.closers = append(e.closers, a.Close)
		if err := a.Wait(ctx, e.cfg.Wait); err != nil {
			return err
		}
		p, err := kafka.NewProducer(cfg, kafka.ProducerOptions{})
		if err != nil {
			return err
		}
		e.closers = append(e.closers, p.Close)
		e.admins[name], e.producers[name] = a, p
	}
	return nil
}

// connections makes the schedulers. Connections that share one stand in it side by
// side.
func (e *Engine) connections() error {
	groups := map[string][]Segment{}
	var roots []string
	for _, s := range e.cfg.Settings.Segments {
		if groups[s.Shares] == nil {
			roots = append(roots, s.Shares)
		}
		groups[s.Shares] = append(groups[s.Shares], s)
	}
	for _, root := range roots {
		var cfg deliver.Config
		var senders []sender
		var hold time.Duration
		for _, s := range groups[root] {
			if s.Name == root {
				cfg.Rate, cfg.MaxRetryAfter, hold = s.Rate, s.MaxRetryAfter, s.HoldAfter
			}
			s.Sink.Version = e.cfg.Version
			sink := segment.New(s.Sink)
			e.closers = append(e.closers, sink.Close)
			e.index["segment "+s.Name] = len(senders)
			cfg.Connections = append(cfg.Connections, s.Connection)
			senders = append(senders, sink)
		}
		cfg.Seed = uint64(e.since.UnixNano())
		c := newConnection("segment "+root, cfg, senders, e.log, e.health)
		c.holdAfter = cmp.Or(hold, holdAfter)
		for _, s := range groups[root] {
			e.conns["segment "+s.Name] = c
		}
	}
	for name, p := range e.producers {
		cfg := deliver.Config{Connections: []deliver.Connection{{Batch: deliver.Limit{Count: 1000, Bytes: 1 << 20}}}, Seed: uint64(e.since.UnixNano())}
		e.conns["kafka "+name] = newConnection("kafka "+name, cfg, []sender{kafkasink.New(p)}, e.log, e.health)
	}
	e.conns["log"] = newConnection("log", deliver.Config{}, []sender{logsink.New(e.log)}, e.log, e.health)
	return e.httpConnections()
}

// distinct lists each connection once.
func (e *Engine) distinct() []*connection {
	seen := map[*connection]bool{}
	var out []*connection
	for _, c := range e.conns {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// topics makes what is missing (with the embedded broker everything the program
// names, else only our own) and finds what must be there.
func (e *Engine) topics(ctx context.Context) error {
	named := map[string]map[string]bool{} // connection → topics
	add := func(conn, topic string) {
		if named[conn] == nil {
			named[conn] = map[string]bool{}
		}
		named[conn][topic] = true
	}
	for _, t := range e.tables.Tables() {
		if t.Decl.Load.Topic != "" {
			add(via(t.Decl.Load.Via), t.Decl.Load.Topic)
		}
	}
	if err := e.hookTopics(ctx); err != nil {
		return err
	}
	if err := e.fileTopics(ctx); err != nil {
		return err
	}
	for _, r := range e.cfg.Plan.Routes {
		if r.Source.Dead == nil {
			for _, t := range kafka.SourceTopics(e.cfg.Plan.App, r.Source) {
				add(via(r.Source.Via), t)
			}
		}
		for _, em := range r.Emits {
			if t, ok := constantTopic(em); ok {
				add(via(em.Via), t)
			}
		}
	}
	for conn, topics := range named {
		a := e.admins[conn]
		if a == nil {
			return fmt.Errorf("there is no connection kafka %s", conn)
		}
		names := make([]string, 0, len(topics))
		var specs []kafka.TopicSpec
		for t := range topics {
			names = append(names, t)
			specs = append(specs, kafka.TopicSpec{Name: t})
		}
		if e.cfg.MakeTopics {
			if err := a.Ensure(ctx, specs...); err != nil {
				return err
			}
		}
		if _, err := a.Describe(ctx, names...); err != nil {
			return err
		}
		limits, err := a.MaxMessageBytes(ctx, names...)
		if err != nil {
			return err
		}
		for t, n := range limits {
			e.producers[conn].SetLimit(t, n)
		}
	}
	return e.deadLogs(ctx)
}

// constantTopic gives the topic that an emit always writes to.
func constantTopic(em *ir.Emit) (string, bool) {
	if s, ok := em.Sink.(*ir.TopicRecord); ok {
		if c, ok := s.Topic.(*ir.Const); ok {
			return c.Value.(string), true
		}
	}
	return "", false
}

func via(name string) string {
	if name == "" {
		return mainKafka
	}
	return name
}

// stateless makes a route without state ready to run.
func (e *Engine) stateless(ctx context.Context, p *plan.Route) error {
	l := newLoop(e, p.Name)
	l.needs = e.needs(p)
	if err := e.route(l, p); err != nil {
		return err
	}
	r := l.routes[0]
	var err error
	if r.op, err = op.Compile(p, e.cfg.Plan.App); err != nil {
		return err
	}
	if err := e.letters(r); err != nil {
		return err
	}
	if err := e.join(ctx, r, via(p.Source.Via)); err != nil {
		return err
	}
	e.groups = append(e.groups, r.consumer)
	e.loops = append(e.loops, l)
	return nil
}

// stateGroup makes a state group ready to run, or to wait.
func (e *Engine) stateGroup(ctx context.Context, p *plan.Group) error {
	l := newLoop(e, p.Name)
	l.needs = e.needs(p.Routes...)
	for _, r := range p.Routes {
		if err := e.route(l, r); err != nil {
			return err
		}
	}
	compiled, err := op.CompileGroup(p, e.cfg.Plan.App, e.cfg.Settings.Privacy)
	if err != nil {
		return err
	}
	for _, r := range l.routes {
		if err := e.letters(r); err != nil {
			return err
		}
	}
	if l.group, err = newGroup(l, p, compiled); err != nil {
		return err
	}
	var other *OtherStoreError
	if err := l.group.join(ctx); errors.As(err, &other) {
		l.group.waits = err // the other routes run
	} else if err != nil {
		return err
	}
	e.loops = append(e.loops, l)
	return nil
}

// route adds a route to a loop, with where its outputs go.
func (e *Engine) route(l *loop, p *plan.Route) error {
	r := &route{
		eng: e, loop: l, index: len(l.routes), plan: p, priority: deliver.Normal,
		parts: map[kafka.TP]*input{}, dirty: kafka.Offsets{}, back: kafka.ReplayTopic(e.cfg.Plan.App, p.Name),
	}
	r.poller = poller{route: r, goOn: make(chan kafka.Offsets)}
	switch p.Priority {
	case "high":
		r.priority = deliver.High
	case "low":
		r.priority = deliver.Low
	}
	for _, em := range p.Emits {
		t, err := e.target(l, p, connectionOf(em), em)
		if err != nil {
			return err
		}
		r.targets = append(r.targets, t)
	}
	for _, call := range p.Calls {
		t, err := e.target(l, p, "http "+via(call.Via), call)
		if err != nil {
			return err
		}
		r.calls = append(r.calls, t)
	}
	if conn := via(p.Source.Via); e.admins[conn] == nil {
		return fmt.Errorf("route %s: there is no connection kafka %s", p.Name, conn)
	}
	l.routes = append(l.routes, r)
	e.routes = append(e.routes, r)
	return nil
}

// target is where a route's outputs to a connection go.
func (e *Engine) target(l *loop, p *plan.Route, name string, of ir.Stage) (target, error) {
	c := e.conns[name]
	if c == nil {
		return target{}, fmt.Errorf("route %s: there is no connection %s", p.Name, name)
	}
	i := slices.Index(l.conns, c)
	if i < 0 {
		i = len(l.conns)
		l.conns = append(l.conns, c)
	}
	index, ok := e.stages[of]
	if !ok {
		index = e.index[name]
	}
	return target{conn: i, index: index}, nil
}

// join joins the route's consumer group.
func (e *Engine) join(ctx context.Context, r *route, conn string) error {
	admin, p := e.admins[conn], r.plan
	o := kafka.GroupOptions{
		Group:          r.groupName(),
		StoreID:        e.cfg.StoreID,
		FetchBytes:     max(fetchLeast, min(fetchMost, fetchBudget/fetchInflated/max(1, len(e.cfg.Plan.Routes)))),
		FetchWait:      pollWait,
		SessionTimeout: e.cfg.Session,
		Heartbeat:      e.cfg.Session / heartbeats,
		Revoked:        r.revoked,
		Lost:           r.lost,
	}
	found := map[string]kafka.TopicInfo{}
	o.Topics = r.joinTopics()
	if p.Source.Pattern != "" {
		pattern, err := kafka.ParsePattern(p.Source.Pattern)
		if err != nil {
			return fmt.Errorf("route %s: %w", p.Name, err)
		}
		o.Patterns = []kafka.Pattern{pattern}
		if found, err = admin.Match(ctx, pattern); err != nil {
			return err
		}
	}
	if p.Source.Start == "latest" {
		o.Start = kafka.Latest
	}
	if r.loop.group != nil {
		o.Position = r.loop.group.position(r)
	}
	named, err := admin.Describe(ctx, o.Topics...)
	if err != nil {
		return err
	}
	maps.Copy(found, named)
	if err := e.sameTopics(ctx, admin, o.Group, found); err != nil {
		return r.undecided(err)
	}
	cfg := e.cfg.Settings.Kafka[conn]
	cfg.Logger = e.kafkaLog
	r.consumer, err = kafka.NewGroup(ctx, cfg, admin, o)
	return err
}

// heartbeats are how many heartbeats a session has time for.
const heartbeats = 15

// sameTopics refuses to start where a position was left in a topic that has been
// deleted since: another of its name stands there, and where to begin in it is for
// a person to say.
func (e *Engine) sameTopics(ctx context.Context, admin *kafka.Admin, group string, topics map[string]kafka.TopicInfo) error {
	at, err := admin.Committed(ctx, group)
	if err != nil {
		return err
	}
	none := event.TopicID{}
	for tp, c := range at {
		t, ok := topics[tp.Topic]
		if ok && c.Known && c.TopicID != none && t.ID != none && c.TopicID != t.ID {
			return &kafka.TopicIDError{Group: group, Topic: tp.Topic, Partition: tp.Partition, Committed: c.TopicID, Now: t.ID}
		}
	}
	return nil
}

// usualMax is what a topic takes where nobody has said otherwise: what a pattern
// finds later will.
const usualMax = 1 << 20

// letters makes what writes the route's dead letters.
func (e *Engine) letters(r *route) error {
	conn := via(r.plan.Source.Via)
	topic := kafka.DeadTopic(e.cfg.Plan.App, r.plan.Name)
	cfg := e.cfg.Settings.Kafka[conn]
	cfg.Logger = e.kafkaLog
	p, err := kafka.NewProducer(cfg, kafka.ProducerOptions{})
	if err != nil {
		return err
	}
	e.closers = append(e.closers, p.Close)
	p.SetLimit(topic, e.limits[topic])
	r.letters = lettersOut{producer: p, topic: topic, limit: e.limits[topic], queue: newQueue[letterTry]()}
	return nil
}

// connectionOf names the connection that an emit sends to.
func connectionOf(em *ir.Emit) string {
	switch em.Sink.(type) {
	case *ir.SegmentCall, *ir.SegmentPass:
		return "segment " + via(em.Via)
	case *ir.TopicRecord, *ir.ReplayRecord:
		return "kafka " + via(em.Via)
	case *ir.HTTPSink:
		return "http " + via(em.Via)
	}
	return "log"
}
