// Package sim runs a program in memory on a clock that stands still until it is
// told to move: the log, the committed positions, the dead topics and the sinks
// are lists, and the very task, operators and schedulers of the engine run
// between them, one small effect at a time. Golden cases run on it, and the
// tests of the protocol, which stop a process between any two of its effects.
//
// It takes a plan, records and a script of what the sinks answer, and gives what
// they took, what became a letter and how every record ended. Where something
// comes to pass that no real broker or sink would let pass (an offset committed
// too early, a batch beyond Segment's limits), it says so (Broken). It has no
// goroutine, no network and no clock of its own, and must not know what a stage
// or an expression means.
//
// # The world and its processes
//
// A World is what outlives a process: topics, positions, dead topics, what sinks
// have taken. A process holds what a crash takes away: tasks, schedulers,
// requests on the wire, letters being written. Everything it does is one of few
// effects (process.go), each of which leaves the world as a crash at that very
// moment would find it. Settle does them in a fixed order until none is left;
// the tests do them in any order.
package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/op"
	sinkhttp "github.com/sluice-dev/sluice/runtime/sink/http"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// Options of a world. The zero value is a world at the beginning of 1970 whose
// sinks take everything.
type Options struct {
	Now time.Time
	// Partitions of every topic that is made; 0: 12.
	Partitions int32
	// Compile makes the runners of a route, one a task; nil: Fused.
	Compile CompileFunc
	// CompileGroup makes the runners of a state group, one a process; nil: FusedGroup.
	CompileGroup GroupFunc
	// Sink answers requests; nil takes everything.
	Sink Sink
	// Answers are those to requests over HTTP; nil: Sink answers them, too.
	Answers *Answers
	Caps    task.Caps
	// Seed of the schedulers' jitter.
	Seed uint64
	// CommitAtOnce commits a position as soon as it is reached, not once a second.
	CommitAtOnce bool
	// IdleAfter is how long an input of a state group stands at its end until it is
	// told idle, and how far it counts behind the clock then; 0: task.IdleAfter.
	IdleAfter time.Duration
	// Rows are those of tables that are there before the first process.
	Rows []TableRow
	// People are those whom identity spaces know before the first process.
	People []Person
	// Files has the rows of tables that are loaded from files, where Rows has none of
	// the key; nil: it has none.
	Files op.Lookup
}

// World is a program and everything outside of it.
type World struct {
	app    string
	opts   Options
	now    int64
	routes []*route
	groups []*stateGroup
	tables []*ir.Table
	spaces []*ir.Space
	over   map[string]bool // letters that have ended, by their ids
	lookup *loaded
	conns  []*connection

	topics map[string]*topic
	names  []string // of topics, in the order they were made

	procs []*process
	lives int // processes so far

	taken      []Taken
	firstTaken map[takenID]int
	ends       map[endID]int
	emitted    map[emittedID][]*source // every output, and the records that made it
	ended      []End
	order      []ordered // as records ran, repeats of what a crash took back too
	letters    []Letter
	dead       map[string]int // letter id → its place in letters
	broken     []string
	inputs     int

	committedAt int64
	holds       bool // nothing persists or commits
	slow        bool // effects of groups wait until they are carried out one by one
	// powerLost: the power was lost. What ran since the last sync may then be decided
	// anew: the outputs that it made, in undone, may have two contents (I13).
	powerLost bool
	undone    map[emittedID]bool
	waits     map[endID]cause // of every record that has waited for an answer
	repeats   map[string]bool // calls of records that are repeats, by id
	shut      bool            // the log takes nothing more
	known     []task.Input    // only these partitions of groups are there; nil: all are
	trace     func(string)    // nil: nobody listens
	policy    policy
	// stageAt is where, in conns, stages stand that send requests; unanswered are calls
	// that Answers has nothing for.
	stageAt    map[ir.Stage]int
	unanswered []string
	orphans    []*flight   // requests on the wire whose process is dead
	stray      []*addition // and records for an own log
}

// route is one route as the world runs it.
type route struct {
	*plan.Route
	runner   func(op.Lookup) task.Runner
	conns    []int // by emit: index into World.conns
	calls    []int // by call: the same
	priority deliver.Priority
	names    []string // of the topics that it reads by name
	replays  string   // its replay log; "" where nobody reads its letters
	pattern  kafka.Pattern
	group    group
}

// connection is a declared connection, or the log.
type connection struct {
	kind, name string
	share      int // of those that share a scheduler: its number
	index      int // within the scheduler
	config     deliver.Connection
	rate       deliver.Rate
	holdAfter  time.Duration   // how long an output of a state group waits before it is held
	stage      *sinkhttp.Stage // of an http connection: whose requests these are; nil: the connection itself
}

// New makes the world of a program and starts its first process.
func New(p *plan.Plan, o Options) (*World, error) {
	w, err := newWorld(p, o)
	if err == nil {
		w.start()
	}
	return w, err
}

// newWorld makes a world without a process.
func newWorld(p *plan.Plan, o Options) (*World, error) {
	if o.Partitions == 0 {
		o.Partitions = 12
	}
	if o.Compile == nil {
		o.Compile = Fused
	}
	if o.CompileGroup == nil {
		o.CompileGroup = FusedGroup
	}
	if o.IdleAfter == 0 {
		o.IdleAfter = task.IdleAfter
	}
	if o.Sink == nil {
		o.Sink = func(*Attempt) Reply { return Reply{} }
	}
	w := &World{
		app: p.App, opts: o, now: o.Now.UnixNano(),
		topics: map[string]*topic{}, firstTaken: map[takenID]int{}, ends: map[endID]int{}, dead: map[string]int{},
		emitted: map[emittedID][]*source{}, undone: map[emittedID]bool{}, waits: map[endID]cause{}, repeats: map[string]bool{}, over: map[string]bool{}, lookup: newLookup(p.Tables, o.Rows, o.Files),
	}
	w.committedAt, w.tables, w.spaces = w.now, p.Tables, p.Spaces
	w.connect(p)
	for _, r := range p.Routes {
		if err := w.addRoute(r); err != nil {
			return nil, err
		}
	}
	w.replayLogs()
	for _, g := range p.Groups {
		if err := w.addGroup(g); err != nil {
			return nil, err
		}
	}
	return w, w.put(o.People, o.Rows)
}

// CompileFunc makes the runners of a route, one a task.
type CompileFunc func(r *plan.Route, app string) (func(op.Lookup) task.Runner, error)

// Fused compiles a route as the engine runs it.
func Fused(r *plan.Route, app string) (func(op.Lookup) task.Runner, error) {
	c, err := op.Compile(r, app)
	if err != nil {
		return nil, err
	}
	return runners(c), nil
}

// Reference compiles a route for the reference evaluator alone.
func Reference(r *plan.Route, app string) (func(op.Lookup) task.Runner, error) {
	c, err := op.Compile(r, app)
	if err != nil {
		return nil, err
	}
	return runners(c.Reference()), nil
}

func runners(c *op.Route) func(op.Lookup) task.Runner {
	return func(l op.Lookup) task.Runner { return c.NewStateless(l) }
}

// GroupFunc makes the runners of a state group, one a process.
type GroupFunc func(g *plan.Group, app string) (func(*state.Cells, op.Lookup) task.Runner, error)

// FusedGroup compiles a group as the engine runs it.
func FusedGroup(g *plan.Group, app string) (func(*state.Cells, op.Lookup) task.Runner, error) {
	c, err := op.CompileGroup(g, app, []byte(Secret))
	if err != nil {
		return nil, err
	}
	return groupRunners(c), nil
}

// ReferenceGroup compiles a group for the reference evaluator alone.
func ReferenceGroup(g *plan.Group, app string) (func(*state.Cells, op.Lookup) task.Runner, error) {
	c, err := op.CompileGroup(g, app, []byte(Secret))
	if err != nil {
		return nil, err
	}
	return groupRunners(c.Reference()), nil
}

func groupRunners(c *op.Group) func(*state.Cells, op.Lookup) task.Runner {
	return func(cells *state.Cells, l op.Lookup) task.Runner { return c.NewRunner(cells, l) }
}

func (w *World) addRoute(p *plan.Route) error {
	r := &route{Route: p, group: group{committed: map[tp]int64{}, owner: map[tp]*process{}}}
	switch p.Priority {
	case "high":
		r.priority = deliver.High
	case "low":
		r.priority = deliver.Low
	default:
		r.priority = deliver.Normal
	}
	var err error
	if p.Source.Kind == "topics" {
		if r.pattern, err = kafka.ParsePattern(p.Source.Pattern); err != nil {
			return fmt.Errorf("pattern of route %s: %w", p.Name, err)
		}
	}
	if p.Group == nil {
		if r.runner, err = w.opts.Compile(p, w.app); err != nil {
			return err
		}
	}
	for _, e := range p.Emits {
		r.conns = append(r.conns, w.connection(e))
	}
	for _, c := range p.Calls {
		r.calls = append(r.calls, w.stageAt[c])
	}
	w.routes = append(w.routes, r)
	r.names = kafka.SourceTopics(w.app, p.Source)
	for _, name := range r.names {
		t := w.topic(name) // every topic the program names is made at start
		if p.Source.File != nil {
			t.parts = make([]partition, 1)
		}
	}
	return nil
}

// connect takes the connections of the plan, and the log.
func (w *World) connect(p *plan.Plan) {
	for _, c := range p.Connections {
		w.conns = append(w.conns, newConnection(c, p.Connections))
	}
	// A program that declares none of a kind uses its main all the same: the
	// caller of a real program provides it.
	for _, kind := range []string{"segment", "kafka", "log"} {
		if w.declared(kind, "main") < 0 {
			w.conns = append(w.conns, &connection{kind: kind, name: "main", holdAfter: holdAfter})
		}
	}
	w.stages(p)
	shares := map[string]int{}
	for _, c := range w.conns {
		root := c.kind + " " + shareOf(c, p.Connections)
		n, ok := shares[root]
		if !ok {
			n = len(shares)
			shares[root] = n
		}
		c.share = n
		for _, o := range w.conns {
			if o == c {
				break
			}
			if o.share == n {
				c.index++
			}
		}
	}
	w.staged(p.Connections)
}

func shareOf(c *connection, declared []*ir.Connection) string {
	for _, d := range declared {
		if d.Kind == c.kind && d.Name == c.name && d.Shares != "" {
			return d.Shares
		}
	}
	return c.name
}

// holdAfter is the default of a connection's option of that name.
const holdAfter = 60 * time.Second

func newConnection(d *ir.Connection, _ []*ir.Connection) *connection {
	c := &connection{kind: d.Kind, name: d.Name, holdAfter: holdAfter}
	if o := d.Option("rate"); o != nil && o.Rate != nil {
		c.rate = deliver.Rate{N: o.Rate.N, Per: time.Duration(o.Rate.PerMS) * time.Millisecond}
	}
	if o := d.Option("batch"); o != nil && o.Limit != nil {
		c.config.Batch = deliver.Limit{Count: int(o.Limit.Count), Bytes: int(o.Limit.Bytes), Linger: time.Duration(o.Limit.MS) * time.Millisecond}
	}
	if d.Kind == "segment" {
		c.config.Retry = 24 * time.Hour
	}
	return c
}

func (w *World) declared(kind, name string) int {
	return slices.IndexFunc(w.conns, func(c *connection) bool { return c.kind == kind && c.name == name })
}

// connection is the one an emit sends by.
func (w *World) connection(e *ir.Emit) int {
	kind, name := "log", "main"
	switch e.Sink.(type) {
	case *ir.HTTPSink:
		return w.stageAt[e]
	case *ir.SegmentCall, *ir.SegmentPass:
		kind, name = "segment", e.Via
	case *ir.TopicRecord, *ir.ReplayRecord:
		kind, name = "kafka", e.Via
	}
	if i := w.declared(kind, name); i >= 0 {
		return i
	}
	return w.declared(kind, "main")
}

// Now is the world's clock.
func (w *World) Now() time.Time { return time.Unix(0, w.now).UTC() }

// Broken lists what came to pass and must not: each line names the invariant.
func (w *World) Broken() []string { return w.broken }

func (w *World) breaks(format string, a ...any) {
	s := fmt.Sprintf(format, a...)
	w.broken = append(w.broken, s)
	w.logf("BROKEN %s", s)
}

func (w *World) logf(format string, a ...any) {
	if w.trace != nil {
		w.trace(fmt.Sprintf("%8s  ", time.Duration(w.now-w.opts.Now.UnixNano())) + fmt.Sprintf(format, a...))
	}
}
