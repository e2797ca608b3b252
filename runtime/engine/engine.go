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
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/op"
	kafkasink "github.com/sluice-dev/sluice/runtime/sink/kafka"
	logsink "github.com/sluice-dev/sluice/runtime/sink/log"
	"github.com/sluice-dev/sluice/runtime/sink/segment"
	"github.com/sluice-dev/sluice/runtime/task"
)

// Config is a program and where it runs.
type Config struct {
	Plan     *plan.Plan
	Settings *Settings
	// StoreID is who this process is for the brokers (StateDir.ID).
	StoreID string
	// Wait is how long the brokers may take to answer at start.
	Wait time.Duration
	// MakeTopics makes the topics that the program names: with the embedded broker.
	MakeTopics bool
	// Once ends the program when everything up to the ends of its topics at start,
	// and what follows from it, has been taken.
	Once bool
	Log  *slog.Logger
	// Ready is called once when every route reads.
	Ready func()
	// Accepted is told each output when its sink has taken it, on the goroutine of
	// the request, which it must not hold up: `dev` prints a line. nil: nobody.
	Accepted func(r *plan.Route, o *event.Output)
	// Version and Commit are ours, for Segment's context.library and metrics.
	Version, Commit string
}

// Engine is a running program.
type Engine struct {
	cfg    Config
	log    *slog.Logger
	health *observe.Health
	budget *task.Budget
	since  time.Time

	admins    map[string]*kafka.Admin
	producers map[string]*kafka.Producer
	conns     map[string]*connection // "segment main"
	index     map[string]int         // of a connection within its scheduler
	routes    []*route
	closers   []func()
}

// mainKafka is the connection that routes read from and write letters to unless
// they say otherwise.
const mainKafka = "main"

// fetchBudget is shared by the consumer groups of a process (conventions.md).
const fetchBudget = 64 << 20

// New prepares a program; nothing runs yet.
func New(cfg Config) *Engine {
	return &Engine{
		cfg: cfg, log: cfg.Log, health: &observe.Health{}, budget: task.NewBudget(task.ProcessBytes), since: time.Now(),
		admins: map[string]*kafka.Admin{}, producers: map[string]*kafka.Producer{}, conns: map[string]*connection{}, index: map[string]int{},
	}
}

// Health is the conditions of the program.
func (e *Engine) Health() *observe.Health { return e.health }

// Run starts the program and blocks until ctx ends and what is under way has been
// taken and committed, or until something makes it impossible to go on. Errors of
// start are typed: kafka.UnreachableError, kafka.MissingTopicError, and so on.
func (e *Engine) Run(ctx context.Context) error {
	defer e.close()
	if err := e.start(ctx); err != nil {
		return err
	}
	// Requests on the wire outlive ctx: a graceful stop waits for their answers.
	sends, cancelSends := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelSends()
	connCtx, stopConns := context.WithCancel(context.WithoutCancel(ctx))
	var conns sync.WaitGroup
	for _, c := range e.distinct() {
		conns.Go(func() { c.run(connCtx, sends) })
	}
	routeCtx, stopRoutes := context.WithCancelCause(ctx)
	defer stopRoutes(nil)
	var routes sync.WaitGroup
	for _, r := range e.routes {
		routes.Go(func() { r.poll(routeCtx) })
		routes.Go(func() {
			if err := r.run(routeCtx); err != nil {
				// Only the first cause is kept: the others are its echo.
				stopRoutes(err)
			}
		})
	}
	if e.cfg.Ready != nil {
		e.cfg.Ready()
	}
	if e.cfg.Once {
		routes.Go(func() { e.once(routeCtx, stopRoutes) })
	}
	routes.Wait()
	stopConns()
	cancelSends()
	conns.Wait()
	// The groups close last: the partitions stay ours until everything is committed.
	for _, r := range e.routes {
		r.group.Close()
	}
	if err := context.Cause(routeCtx); ctx.Err() == nil && !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// errDone ends a program that runs once.
var errDone = errors.New("everything has been taken")

func (e *Engine) close() {
	for i := len(e.closers) - 1; i >= 0; i-- {
		e.closers[i]()
	}
}

func (e *Engine) start(ctx context.Context) error {
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
	for _, r := range e.cfg.Plan.Routes {
		if err := e.route(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// kafka reaches the brokers.
func (e *Engine) kafka(ctx context.Context) error {
	for name, cfg := range e.cfg.Settings.Kafka {
		cfg.Logger = e.log
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
		for _, s := range groups[root] {
			if s.Name == root {
				cfg.Rate, cfg.MaxRetryAfter = s.Rate, s.MaxRetryAfter
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
		for _, s := range groups[root] {
			e.conns["segment "+s.Name] = c
		}
	}
	for name, p := range e.producers {
		cfg := deliver.Config{Connections: []deliver.Connection{{Batch: deliver.Limit{Count: 1000, Bytes: 1 << 20}}}, Seed: uint64(e.since.UnixNano())}
		e.conns["kafka "+name] = newConnection("kafka "+name, cfg, []sender{kafkasink.New(p)}, e.log, e.health)
	}
	e.conns["log"] = newConnection("log", deliver.Config{}, []sender{logsink.New(e.log)}, e.log, e.health)
	return nil
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
	for _, r := range e.cfg.Plan.Routes {
		for _, t := range r.Source.Topics {
			add(via(r.Source.Via), t.Name)
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
			specs = append(specs, kafka.TopicSpec{Name: t, Partitions: 12})
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
	return nil
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

// route makes one route ready to run.
func (e *Engine) route(ctx context.Context, p *plan.Route) error {
	compiled, err := op.Compile(p, e.cfg.Plan.App)
	if err != nil {
		return err
	}
	conn := via(p.Source.Via)
	r := &route{
		eng: e, plan: p, op: compiled, log: e.log,
		parts: map[kafka.TP]*partition{}, dirty: kafka.Offsets{}, touched: map[*partition]bool{},
		polled: make(chan polled), goOn: make(chan struct{}), commands: make(chan func()), finished: make(chan struct{}),
		notify:   make(chan struct{}, 1),
		priority: map[string]deliver.Priority{"high": deliver.High, "low": deliver.Low}[p.Priority],
	}
	if p.Priority == "" || p.Priority == "normal" {
		r.priority = deliver.Normal
	}
	byConn := map[*connection]int{}
	for _, em := range p.Emits {
		name := connectionOf(em)
		c := e.conns[name]
		if c == nil {
			return fmt.Errorf("route %s: there is no connection %s", p.Name, name)
		}
		i, ok := byConn[c]
		if !ok {
			i = len(r.conns)
			byConn[c] = i
			r.conns = append(r.conns, c)
		}
		r.targets = append(r.targets, target{conn: i, index: e.index[name]})
	}
	admin := e.admins[conn]
	if admin == nil {
		return fmt.Errorf("route %s: there is no connection kafka %s", p.Name, conn)
	}
	if p.Was != "" {
		if _, err := admin.CopyOffsets(ctx, kafka.GroupName(e.cfg.Plan.App, p.Was), kafka.GroupName(e.cfg.Plan.App, p.Name)); err != nil {
			return err
		}
	}
	o := kafka.GroupOptions{
		Group:      kafka.GroupName(e.cfg.Plan.App, p.Name),
		StoreID:    e.cfg.StoreID,
		FetchBytes: max(1<<20, min(16<<20, fetchBudget/max(1, len(e.cfg.Plan.Routes)))),
		FetchWait:  pollWait,
		Revoked:    r.revoked,
		Lost:       r.lost,
	}
	var topics []string
	for _, t := range p.Source.Topics {
		topics = append(topics, t.Name)
	}
	o.Topics = topics
	if p.Source.Pattern != "" {
		pat, err := kafka.ParsePattern(p.Source.Pattern)
		if err != nil {
			return fmt.Errorf("route %s: %w", p.Name, err)
		}
		o.Patterns = []kafka.Pattern{pat}
	}
	if p.Source.Start == "latest" {
		o.Start = kafka.Latest
	}
	if err := e.deadTopic(ctx, r, admin, conn, topics); err != nil {
		return err
	}
	cfg := e.cfg.Settings.Kafka[conn]
	cfg.Logger = e.log
	g, err := kafka.NewGroup(ctx, cfg, admin, o)
	if err != nil {
		return err
	}
	r.group = g
	e.routes = append(e.routes, r)
	return nil
}

// deadTopic makes the route's dead topic, large enough that a letter about any
// record of its sources fits.
func (e *Engine) deadTopic(ctx context.Context, r *route, admin *kafka.Admin, conn string, topics []string) error {
	limits, err := admin.MaxMessageBytes(ctx, topics...)
	if err != nil {
		return err
	}
	largest := 0
	for _, n := range limits {
		largest = max(largest, n)
	}
	spec := kafka.DeadTopicSpec(e.cfg.Plan.App, r.plan.Name, largest)
	if err := admin.Ensure(ctx, spec); err != nil {
		return err
	}
	limits, err = admin.MaxMessageBytes(ctx, spec.Name)
	if err != nil {
		return err
	}
	r.letters = lettersOut{producer: e.producers[conn], topic: spec.Name, limit: limits[spec.Name]}
	e.producers[conn].SetLimit(spec.Name, limits[spec.Name])
	return nil
}

// connectionOf names the connection that an emit sends to.
func connectionOf(em *ir.Emit) string {
	switch em.Sink.(type) {
	case *ir.SegmentCall, *ir.SegmentPass:
		return "segment " + via(em.Via)
	case *ir.TopicRecord:
		return "kafka " + via(em.Via)
	}
	return "log"
}

// Account is the account of the program so far.
func (e *Engine) Account() *task.Report {
	rep := task.NewReport(e.cfg.Plan.App, e.since)
	for _, r := range e.routes {
		rep.Add(r.plan, r.stats().account)
	}
	return rep
}

// Snapshot is what metrics and the admin server show.
func (e *Engine) Snapshot() observe.Snapshot {
	now := time.Now()
	s := observe.Snapshot{
		Account:     task.NewReport(e.cfg.Plan.App, e.since),
		Watermarks:  map[string]float64{},
		Connections: map[string]string{},
		Lag:         map[string]int64{},
		Build:       map[string]string{"version": e.cfg.Version, "commit": e.cfg.Commit},
	}
	for _, r := range e.routes {
		st := r.stats()
		s.Account.Add(r.plan, st.account)
		s.InFlight += st.inFlight
		s.Lag[r.plan.Name] = st.lag
		s.Watermarks[r.plan.Name] = 0
		if st.oldest != event.NoTime {
			s.Watermarks[r.plan.Name] = max(0, now.Sub(time.UnixMilli(st.oldest)).Seconds())
		}
	}
	for name, c := range e.conns {
		s.Connections[name] = c.state(now.UnixNano())
	}
	return s
}
