// Package op compiles one route of a plan, or a state group of them, to flat lists
// of steps and runs records through them. It takes a record, the time of its epoch
// and the cells of the group, writes outputs to an arena and effects to the cells,
// and says how the record ended. A record that fails leaves no output behind; what
// it wrote to cells its task takes back (I11).
//
// Two evaluators run the steps. The fused one gives up where
// it is not certain, and the reference runs the record again from its beginning.
// So nothing may be left of a run that gave up: its outputs are taken out of the
// arena, and what it did to the cells is undone before the reference begins.
//
// Records that the engine made itself (event.Made) begin at the step they name
// with the values they carry, and are always run by the reference evaluator.
//
// People of an identity space are found by package identity, over cells of the group.
// What that does to them is carried out here: the rows of those who became one are
// merged, audiences are judged anew, and changes are told: of rows first, table by
// table, then of audiences, and behind all that the record did itself of the people,
// one change of each.
//
// It must not know where records come from, who sends the outputs, or that
// there is a clock, a network or another goroutine: everything it decides
// follows from the plan, the record and the given now (I13).
package op

import (
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Limits of what one record may make (language.md §1).
const (
	MaxOutputs  = 10_000
	MaxOutBytes = 8 << 20
)

// Route is a compiled route. It never changes and may be shared by goroutines;
// each of them runs records on a Frame of its own.
type Route struct {
	plan    *plan.Route
	arrival arrival
	steps   []step
	ids     ids
	// passed is "app/route", what this route adds to a record's sluice-path.
	passed    string
	reference bool   // runs no fused steps
	group     *Group // nil: the route has no state
	index     int    // in its group
	entries   []entry
}

// Compile compiles a route without state of the program called app.
func Compile(r *plan.Route, app string) (*Route, error) { return compile(r, app, nil, 0) }

func compile(r *plan.Route, app string, g *Group, index int) (*Route, error) {
	c := newCompiler(r, app)
	c.route.group, c.route.index = g, index
	if err := c.source(r.Source); err != nil {
		return nil, err
	}
	if err := c.stages(r.Stages); err != nil {
		return nil, err
	}
	c.begins()
	a := &c.route.arrival
	for i := range a.topics {
		a.topics[i].fused = c.fuse(&a.topics[i])
	}
	if a.any != nil && a.made == "" {
		a.any.fused = c.fuse(a.any)
	}
	return c.route, nil
}

// Reference gives the same route with every record run by the reference
// evaluator: what the fused steps must agree with.
func (r *Route) Reference() *Route {
	c := *r
	c.reference = true
	return &c
}

// NotFused says why records of a topic are all run by the reference evaluator;
// "" where they are not.
func (r *Route) NotFused(topic string) string {
	if r.arrival.made != "" {
		return r.arrival.made
	}
	return r.arrival.topic(topic).fused.why
}

// Frame is the state of one goroutine that runs records of one route.
type Frame struct {
	// Record numbers the record within its epoch; outputs carry it. The caller sets it.
	Record int32
	// Slow counts the records that the reference evaluator ran.
	Slow int
	// Visit, where it is set, is told of every branch that a record takes: the id of
	// the node in the plan, and which way. Of `where` and `when` 1 is where the
	// condition holds and 0 where it does not, of `match` it is the number of the
	// arm, of `emit` 0. Of `dedupe`, `changed by` and `throttle` 1 is where the record
	// goes on and 0 where it ends. Only tests set it.
	Visit func(node string, way int)
	// Lookup has the rows of loaded tables; nil where the route reads none.
	Lookup Lookup

	eval  eval.Frame
	ctx   types.Context
	now   time.Time
	nowV  value.Value
	nowMS int64
	rec   *event.Record
	out   *event.Arena
	mark  event.Mark
	key   []byte // ordering key; nil: the record has none
	loops []loop
	path  []byte        // element path, "/0/3"
	buf   []byte        // scratch
	cell  []byte        // key of a cell
	asked asked         // a dedupe of the record whose answer is waited for
	args  []value.Value // of the aggregates of a window
	end   event.Outcome

	group     *Group
	cells     *state.Cells // nil: the route has no state
	people    []*people    // of the group's identity spaces
	seats     []*person    // whom stages have bound
	persons   []string     // ids of those whom the record has named
	gave      []gave       // identifiers that it has given
	who       string       // id of the person whom outputs are about; "": nobody
	given     []identity.Given
	ends      []int // of the texts of given, in one
	did       did
	judge     eval.Frame // of conditions of audiences
	arrived   int64      // event.Outcome
	timed     int64
	notBefore int64 // of outputs below a `throttle`, event.Output

	m        *fuse.Machine // of the topic at hand
	machines []machine
	keyBuf   []byte
	emitKey  []byte // the key that the emit at hand says
	emitBuf  []byte
	loop     bool         // the call at hand came from here
	byID     event.Record // what ids are made of where the source has an `id`
	dead     dead         // the letter at hand, of a route of `from dead`
}

// NewFrame makes a frame for r.
func (r *Route) NewFrame() *Frame {
	fr := &Frame{}
	fr.ctx.Now = func() value.Value { return fr.nowV }
	fr.eval.Ctx = &fr.ctx
	fr.eval.Tables = (*tables)(fr)
	fr.group = r.group
	fr.eval.Begin(nil, r.plan.Slots)
	return fr
}

// Run runs one record. now is the epoch's; outputs go to out, and what a failed
// record wrote there is taken back (I11). The outcome may hold pieces of the
// frame and must be used before its next Run.
func (r *Route) Run(fr *Frame, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	fr.begin(rec, now, out)
	fr.arrived = r.arrival.time(fr)
	end := r.outcome(fr)
	end.Arrived, end.Timed = fr.arrived, fr.timed
	fr.close(&end)
	return end
}

func (r *Route) outcome(fr *Frame) event.Outcome {
	t := r.arrival.admit(fr)
	switch {
	case t == nil:
		return fr.end
	case !r.reference && fr.Visit == nil && fr.rec.Made == nil:
		switch r.runFused(fr, t) {
		case goOn:
			return event.Outcome{}
		case ended:
			return fr.end
		}
	}
	fr.Slow++
	fr.eval.Begin(fr.rec, r.plan.Slots)
	fr.end = event.Outcome{}
	entry, ok := r.arrival.arrive(fr, t)
	if !ok {
		return fr.end
	}
	r.run(fr, entry)
	if fr.end.Kind == event.Failed || fr.end.Kind == event.Waits {
		fr.out.Undo(fr.mark) // I11
	}
	return fr.end
}

func (fr *Frame) begin(rec *event.Record, now time.Time, out *event.Arena) {
	if !now.Equal(fr.now) || fr.nowV == nil {
		fr.now, fr.nowV, fr.nowMS = now, now.UTC(), now.UnixMilli()
	}
	fr.rec, fr.out, fr.mark = rec, out, out.Mark()
	fr.loops, fr.path = fr.loops[:0], fr.path[:0]
	if rec.Made != nil {
		fr.path = append(fr.path, rec.Made.Path...)
	}
	fr.timed, fr.notBefore = event.NoMicros, 0
	fr.did.reset()
	fr.nobody()
}

// run walks the steps from one on. There is no stack of callers: a stage that
// branches or repeats says which step comes next.
func (r *Route) run(fr *Frame, pc int) {
	for pc < len(r.steps) {
		switch next := r.steps[pc].run(fr); next {
		case goOn:
			pc++
		case ended:
			return
		default:
			pc = next
		}
	}
}

// step is what a stage compiles to. run says which step comes next: goOn, ended
// (fr.end says how) or an index.
type step interface{ run(fr *Frame) int }

const (
	goOn  = -1
	ended = -2
)

// place names the stage that a step stands for, in outcomes.
type place struct {
	stage string // keyword
	node  string // id in the plan
}

// fail ends the record.
func (fr *Frame) fail(p *place, f *diag.Failure) int {
	fr.end = event.Outcome{Kind: event.Failed, Fail: f, Stage: p.stage, Node: p.node, Path: string(fr.path)}
	return ended
}

// drop ends the record, or this child of an `each`, as dropped. After an emit it
// takes nothing back, and the record counts as completed (language.md §3).
func (fr *Frame) drop(p *place, reason string, child int) int {
	if child != ended {
		return child
	}
	fr.end = event.Outcome{Stage: p.stage, Node: p.node}
	if fr.out.Since(fr.mark) == 0 {
		fr.end.Kind, fr.end.Reason = event.Dropped, reason
	}
	return ended
}

// visit tells of a branch that the record takes.
func (fr *Frame) visit(p *place, way int) {
	if fr.Visit != nil {
		fr.Visit(p.node, way)
	}
}

// compiler turns stages into steps.
type compiler struct {
	route *Route
	nodes map[ir.Stage]string
	emits map[*ir.Emit]int32
	calls map[*ir.HTTPCall]int32
	// child is the step that ends an element of the innermost `each`; ended
	// outside of any.
	child int
	// lag is how long after a time in microseconds its records may still come from the
	// window above.
	lag int64
	// seats are those that stages of the route have so far.
	seats int
}

func newCompiler(r *plan.Route, app string) *compiler {
	c := &compiler{
		route: &Route{plan: r, ids: newIDs(app, r.IDName(), r.Name), passed: app + "/" + r.Name},
		nodes: map[ir.Stage]string{},
		emits: map[*ir.Emit]int32{},
		calls: map[*ir.HTTPCall]int32{},
		child: ended,
	}
	if h := r.Source.Hook; h != nil {
		c.route.ids.by = h.By
	}
	for _, n := range r.Nodes {
		if n.Stage != nil {
			c.nodes[n.Stage] = n.ID
		}
	}
	for i, e := range r.Emits {
		c.emits[e] = int32(i)
	}
	for i, s := range r.Calls {
		c.calls[s] = int32(i)
	}
	return c
}

func (c *compiler) place(s ir.Stage) place {
	info := s.Info()
	id, ok := c.nodes[s]
	if !ok {
		id = c.route.plan.Name + "/" + info.Key
	}
	return place{stage: info.Kind, node: id}
}

// add appends a step and gives its index.
func (c *compiler) add(s step) int {
	c.route.steps = append(c.route.steps, s)
	return len(c.route.steps) - 1
}

// here is the index of the next step.
func (c *compiler) here() int { return len(c.route.steps) }

func (c *compiler) stages(ss []ir.Stage) error {
	for _, s := range ss {
		if err := c.stage(s); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) stage(s ir.Stage) error {
	p := c.place(s)
	switch s := s.(type) {
	case *ir.Where:
		c.add(&where{place: p, cond: s.Cond, reason: s.Reason, child: c.child})
	case *ir.Map:
		c.add(&mapTo{place: p, x: s.X})
	case *ir.Set:
		c.add(&set{place: p, puts: s.Puts})
	case *ir.Unset:
		c.add(&unset{place: p, at: s.At, paths: s.Paths})
	case *ir.Bind:
		c.add(&bind{place: p, slot: s.Slot, x: s.X})
	case *ir.Require:
		c.add(&require{place: p, cond: s.Cond, why: s.Why})
	case *ir.Drop:
		c.add(&drop{place: p, reason: s.Reason, child: c.child})
	case *ir.Fail:
		c.add(&failed{place: p, at: s.At, why: s.Why})
	case *ir.When:
		return c.when(p, s)
	case *ir.Branch:
		return c.branch(p, s)
	case *ir.Each:
		return c.each(p, s)
	case *ir.With:
		c.add(&with{place: p, defaults: s.Defaults})
	case *ir.TimeBy:
		c.add(&timeBy{place: p, x: s.X, maxFuture: c.route.arrival.maxFuture})
	case *ir.Sample:
		return c.sample(p, s)
	case *ir.KeyBy:
		c.add(&keyBy{place: p, keys: s.Keys, ids: &c.route.ids})
	case *ir.Split:
		return c.split(p, s)
	case *ir.Dedupe:
		return c.dedupe(p, s)
	case *ir.Changed:
		return c.changed(p, s)
	case *ir.Throttle:
		return c.throttle(p, s)
	case *ir.Update:
		return c.update(p, s)
	case *ir.Delete:
		return c.remove(p, s)
	case *ir.Resolve:
		return c.resolve(p, s)
	case *ir.Find:
		return c.find(p, s)
	case *ir.Forget:
		return c.forget(p, s)
	case *ir.Window:
		return c.window(p, s)
	case *ir.HTTPCall:
		return c.call(p, s)
	case *ir.Replay:
		return c.replay(p, s)
	case *ir.Emit:
		return c.emit(p, s)
	default:
		return fmt.Errorf("route %s: no operator for %T", c.route.plan.Name, s)
	}
	return nil
}
