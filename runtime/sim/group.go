package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/schedule"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// stateGroup is a state group as the world runs it: its store and its own log outlive
// processes.
type stateGroup struct {
	*plan.Group
	runner func(*state.Cells, op.Lookup) task.Runner
	routes []*route // as the plan numbers them
	ticks  task.Schedules
	disk   *disk
	own    string // topic of its own log
	// first are the partitions that there were when its store was new.
	first []task.Input
	// unsettled are the ends, as places in World.ended, that its store has not.
	unsettled []int
	// steps are what its tasks have run, in that order: what no crash has taken back.
	steps []ranStep
}

// ranStep is a record, or a gap, of an input as a task ran it.
type ranStep struct {
	route    *route // nil: the own log
	tp       tp
	at, next int64
	now      int64
	of       string // of a row: the route that reads it, and its key
	row      []byte
}

// ran tells whether a store that stands there has what the step did.
func (s *ranStep) ran(w *World, p *task.Progress) bool {
	name := ""
	if s.route != nil {
		name = s.route.IDName()
	}
	at, _ := p.Position(name, w.topics[s.tp.topic].id, s.tp.partition)
	return s.at < at && (s.of == "" || p.RowRan(s.of, s.at, s.row))
}

// addition is a record on its way to an own log.
type addition struct {
	r     *running
	to    *stateGroup
	value []byte
	// acks counts what is still to land of an erasure; nil: nobody waits for it.
	acks *acks
}

// acks is an erasure that other groups are told of.
type acks struct {
	ref  task.Ref
	left int
}

func (w *World) addGroup(p *plan.Group) error {
	g := &stateGroup{Group: p, disk: newDisk(), own: "sluice." + ir.Escape(w.app) + ".own." + ir.Escape(p.Name)}
	var err error
	if g.runner, err = w.opts.CompileGroup(p, w.app); err != nil {
		return err
	}
	g.ticks = task.Schedules{}
	for _, r := range p.Routes {
		if t := r.Source.Tick; t != nil {
			if g.ticks[r.IDName()], err = schedule.Load(t); err != nil {
				return err
			}
		}
		i := slices.IndexFunc(w.routes, func(o *route) bool { return o.Route == r })
		g.routes = append(g.routes, w.routes[i])
	}
	w.groups = append(w.groups, g)
	w.topic(g.own).parts = make([]partition, 1)
	return nil
}

// cells opens the state of the group as it lies in its store.
func (g *stateGroup) cells() (*state.Cells, error) {
	specs := make([]state.Spec, len(g.States))
	for i, s := range g.States {
		specs[i].Number = number(i)
		if s.Kind == ir.DedupeState {
			specs[i].Keep = s.SpanMS * 1000
		}
	}
	return state.Open(g.disk, specs)
}

// task finds the task of a group.
func (p *process) task(g *stateGroup) *running {
	for _, r := range p.tasks {
		if r.group == g && !r.ended {
			return r
		}
	}
	return nil
}

// assignedGroup opens the task of a group where the process is the one to run it,
// and gives it partitions that are new. It reports whether it did anything.
func (p *process) assignedGroup(g *stateGroup) bool {
	r := p.task(g)
	if r == nil {
		for _, other := range p.w.procs {
			if other.task(g) != nil {
				return false // its store is locked
			}
		}
		p.openGroup(g)
		return true
	}
	did := false
	for _, in := range p.w.partitions(g) {
		if !slices.ContainsFunc(r.inputs, func(have *input) bool { return have.is(g, &in) }) {
			r.input(g.routes[in.Route], tp{in.Topic, in.Partition}, in.Next)
			r.task.AddInput(in, p.w.now)
			r.perform()
			did = true
		}
	}
	return did
}

func (in *input) is(g *stateGroup, i *task.Input) bool {
	return in.route == g.routes[i.Route] && in.tp == tp{i.Topic, i.Partition}
}

// partitions lists all that the routes of a group read, without the own log.
func (w *World) partitions(g *stateGroup) (out []task.Input) {
	for i, rt := range g.routes {
		for _, name := range w.names {
			if !rt.reads(name) {
				continue
			}
			for n := range w.topics[name].parts {
				in := task.Input{Route: i, Topic: name, TopicID: w.topics[name].id, Partition: int32(n), Replay: name == rt.replays}
				if w.known == nil || slices.Contains(w.known, in) {
					out = append(out, in)
				}
			}
		}
	}
	return out
}

// openGroup opens the task of a group on what its store holds: each input goes on
// exactly there, whatever its consumer group has committed.
func (p *process) openGroup(g *stateGroup) {
	w := p.w
	cells, err := g.cells()
	if err != nil {
		w.breaks("group %s: %v", g.Name, err)
		return
	}
	progress, err := task.Restore(g.disk, g.Name)
	if err != nil {
		w.breaks("group %s: %v", g.Name, err)
		return
	}
	for _, was := range p.tasks { // what it persisted is committed before another goes on
		if was.group == g {
			was.commit()
		}
	}
	g.wentOn(w, progress)
	r := &running{p: p, group: g, routes: g.routes, runner: g.runner(cells, w.lookup)}
	inputs := w.partitions(g)
	if progress.New() {
		g.first = slices.Clone(inputs)
	}
	for i := range inputs {
		in := &inputs[i]
		rt := g.routes[in.Route]
		at := tp{in.Topic, in.Partition}
		in.Next, _ = progress.Position(rt.IDName(), in.TopicID, in.Partition)
		in.Next = w.policy.start(in.Next, rt.group.committed[at])
		r.input(rt, at, in.Next)
		if in.Next > 0 { // the last process may not have committed what it stored
			r.inputs[i].watermark = in.Next
		}
	}
	own := w.topics[g.own]
	next, _ := progress.Position("", own.id, 0)
	r.input(nil, tp{g.own, 0}, next)
	inputs = append(inputs, task.Input{Route: -1, Topic: g.own, TopicID: own.id, Own: true, Next: next})
	plans := make([]*plan.Route, len(g.routes))
	for i, rt := range g.routes {
		plans[i] = rt.Route
	}
	w.logf("open     %s", r)
	r.open(task.Config{Routes: plans, Group: g.Group, Cells: cells, IdleAfter: w.opts.IdleAfter, Ran: r.step, RanRow: r.rowStep, Schedules: g.ticks}, progress, inputs)
}

// wentOn forgets what the store has not of what has run: a process is starting from
// it. What it does again is judged anew.
func (g *stateGroup) wentOn(w *World, p *task.Progress) {
	lost := func(s *ranStep) bool { return !s.ran(w, p) }
	waits := g.parked(w)
	for i := range w.ended {
		e := &w.ended[i]
		if e.group != g || !lost(&e.cause) {
			continue
		}
		if id := (endID{e.Route.Name, e.Origin}); e.parked && !waits[id] && e.read(p) {
			continue // its list was cut: it has ended, and the answer is read again
		}
		if !e.lost {
			e.lost = true
			delete(w.ends, endID{e.Route.Name, e.Origin})
		}
		for _, m := range e.outs {
			if g.disk.lost {
				w.undone[emittedID{e.Route.Name, m.id}] = true
			}
		}
	}
	g.disk.lost = false
	g.steps = slices.DeleteFunc(g.steps, func(s ranStep) bool { return lost(&s) })
}

// step notes what is about to run.
func (r *running) step(n int, at, next, now int64) {
	in := r.inputs[n]
	r.cause = cause{}
	r.group.steps = append(r.group.steps, ranStep{route: in.route, tp: in.tp, at: at, next: next, now: now})
}

// rowStep notes a row, or a tick, that is about to run: what told of the tick led to it.
func (r *running) rowStep(n int, at int64, route string, key []byte, now int64) {
	in := r.inputs[n]
	part := &r.p.w.topics[in.tp.topic].parts[in.tp.partition]
	l := &part.recs[part.from(at)]
	r.cause = cause{l.in, l.repeat}
	r.group.steps = append(r.group.steps, ranStep{tp: in.tp, at: at, next: at + 1, now: now, of: route, row: bytes.Clone(key)})
}

// tick has the tasks of groups tell the ticks that are due.
func (p *process) tick() {
	for _, r := range p.live() {
		if r.group != nil && len(r.group.ticks) > 0 {
			r.task.Schedule(p.w.now)
			r.perform()
		}
	}
}

// nextTick is the first tick that is planned behind now.
func (w *World) nextTick() int64 {
	at := deliver.Never
	for _, p := range w.procs {
		for _, r := range p.live() {
			if n, ok := r.task.NextTick(w.now); ok {
				at = min(at, n)
			}
		}
	}
	return at
}

// Tick has a tick of a route of `from every` or `from table` due, planned now, and gives it the next
// number of inputs. It fails where there is no such route.
func (w *World) Tick(route string) (int, error) {
	for _, g := range w.groups {
		for _, r := range g.routes {
			if r.Name == route && r.Source.Tick != nil {
				w.inputs++
				w.append(Input{Topic: g.own, Value: task.TickNote(r.IDName(), w.now/1000), Timestamp: w.now / 1e6}, w.inputs, false)
				return w.inputs, nil
			}
		}
	}
	return 0, fmt.Errorf("no route %q is driven by a schedule", route)
}

// store carries out an Intend or a Commit.
func (r *running) store(e *task.Effect) {
	w, g := r.p.w, r.group
	if w.now >= r.p.lease { // I6
		r.lose()
		return
	}
	what := "intend"
	if e.Kind == task.Commit {
		what = "persist"
	}
	if err := g.disk.Commit(e.Writes); err != nil {
		w.breaks("%s: %v", r, err)
	}
	w.logf("%-8s %s: %d writes", what, r, len(e.Writes))
	if e.Kind == task.Commit {
		r.task.Committed(e.Ref)
	}
}

// holds tells whether an output stands in the store as held.
func (r *running) holds(m made) bool {
	if r.group == nil {
		return false
	}
	hs, err := state.ReadHeld(r.group.disk, r.group.Name)
	if err != nil {
		panic("sim: " + err.Error())
	}
	return slices.ContainsFunc(hs, func(h state.Held) bool { return h.Emit == m.emit && bytes.Equal(h.ID, []byte(m.id)) })
}

// land puts a record on its own log.
func (p *process) land(a *addition) {
	p.appends = slices.DeleteFunc(p.appends, func(o *addition) bool { return o == a })
	a.land()
	if k := a.acks; k != nil {
		if k.left--; k.left == 0 {
			a.r.task.LetterAcked(k.ref)
		}
	}
}

// erase tells every other group of the program of a person who is forgotten.
func (r *running) erase(e *task.Effect) {
	k := &acks{ref: e.Ref}
	for _, g := range r.p.w.groups {
		if g != r.group {
			k.left++
			r.p.appends = append(r.p.appends, &addition{r: r, to: g, value: task.EraseNote(e.Keys), acks: k})
		}
	}
	if k.left == 0 {
		r.task.LetterAcked(e.Ref)
	}
}

func (a *addition) land() {
	w := a.r.p.w
	w.append(Input{Topic: a.to.own, Value: a.value, Timestamp: w.now / 1e6}, 0, false)
}

// sync makes the store of a group durable against a loss of power and trims the
// records off the own log that no start reads again: those before the position that
// was synced.
func (w *World) sync(g *stateGroup) {
	_ = g.disk.Sync() // it cannot fail
	w.logf("sync     group %s", g.Name)
	w.trim(g)
}

func (w *World) trim(g *stateGroup) {
	at := func(s state.Store) int64 {
		p, err := task.Restore(s, g.Name)
		if err != nil {
			panic("sim: " + err.Error())
		}
		n, _ := p.Position("", w.topics[g.own].id, 0)
		return n
	}
	part := &w.topics[g.own].parts[0]
	part.start = max(part.start, w.policy.trim(at(g.disk.synced), at(g.disk)))
}

// look tells a task that it has seen the end of an input, where it is there.
func (in *input) look() bool {
	part := &in.r.p.w.topics[in.tp.topic].parts[in.tp.partition]
	if in.r.group == nil || in.r.ended || in.route == nil || in.have || in.at < part.end {
		return false
	}
	in.r.task.Looked(in.n, part.end, in.r.p.w.now)
	in.r.perform()
	return true
}

// timersDue is the next time at which a timer of a group is due while its inputs
// are idle.
func (w *World) timersDue() int64 {
	at := deliver.Never
	idle := w.opts.IdleAfter.Truncate(time.Microsecond).Nanoseconds() // as marks are kept
	for _, g := range w.groups {
		for i := range g.States {
			if due := g.timerDue(i, w.now-idle); due != deliver.Never {
				at = min(at, due+idle)
			}
		}
	}
	return max(at, w.now+1)
}

// timerDue is that of a state behind a time; Never for none.
func (g *stateGroup) timerDue(s int, behind int64) int64 {
	at := deliver.Never
	prefix := binary.BigEndian.AppendUint32([]byte{'t'}, number(s))
	_ = g.disk.Scan(prefix, nil, func(key, _ []byte) bool { // it cannot fail
		due := int64(binary.BigEndian.Uint64(key[len(prefix):]) ^ 1<<63)
		if due > behind/1000 {
			at = due
			return false
		}
		return true
	})
	if at > deliver.Never/1000 {
		return deliver.Never
	}
	return at * 1000
}

// hold has what waits too long held in the store (task/held.go).
func (r *running) hold() bool {
	if r.group == nil { // no store: its source pauses in the end
		return false
	}
	var outs []*event.Output
	for share, o := range r.owners {
		if o != nil {
			r.p.scheds[share].Overdue(o, r.p.w.now, r.p.scheds[share].conns[0].holdAfter, func(o *event.Output) { outs = append(outs, o) })
		}
	}
	if len(outs) == 0 {
		return false
	}
	r.p.w.logf("hold     %s: %d outputs", r, len(outs))
	r.task.Hold(outs)
	r.perform()
	return true
}

// holding tells whether an output of the task is held.
func (r *running) holding() bool {
	if r.group == nil {
		return false
	}
	for i := range r.routes {
		var a task.Account
		r.task.Account(i, &a)
		if slices.ContainsFunc(a.Emits, func(e task.Emitted) bool { return e.Held > 0 }) {
			return true
		}
	}
	return false
}
