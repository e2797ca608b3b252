package op

import (
	"fmt"
	"strconv"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
)

// fused is a route compiled for one topic to steps over the bytes of a record.
// Whatever it does not certainly understand (gaveUp) is run again from the
// beginning by the reference steps, so it never decides how a record fails.
type fused struct {
	prog  *fuse.Program
	steps []step
	key   func(*fuse.Machine, []byte) ([]byte, bool) // of the source; nil: the record's own
	why   string                                     // what is not fused; then there are no steps
}

// gaveUp is the step that leaves a record to the reference evaluator.
const gaveUp = -3

// maxFusedSteps bounds what arms of different shapes multiply to, in stages.
const maxFusedSteps = 4096

// fuser compiles one route for one topic.
type fuser struct {
	c     *compiler
	b     *fuse.Builder
	steps []step
	child int
	work  int // stages compiled, those of arms that were compiled again included
	// writes: a stage of the route writes a table, so what is read of one may be
	// another below.
	writes bool
	why    string
}

// fuse compiles the route for a topic of that type.
func (c *compiler) fuse(t *topic) *fused {
	f := &fuser{c: c, b: fuse.NewBuilder(t.name), child: ended, writes: writes(c.route.plan.Stages)}
	decl := t.typ
	if decl == nil {
		decl = types.AnyT
	}
	root := f.b.Root(decl, t.strict)
	env := fuse.Env{Cur: root, Event: root, Vars: map[ir.Slot]*fuse.Node{}}
	for _, s := range withSlots(c.route.plan.Stages, nil) {
		env = env.Bind(s, fuse.Constant(nil))
	}
	out := &fused{}
	if k := c.route.plan.Source.Key; k != nil {
		out.key = f.b.Expr(k, env).Plain()
	}
	f.stages(c.route.plan.Stages, env, func(fuse.Env) {})
	prog, why := f.b.Program()
	if why == "" {
		why = f.why
	}
	if why != "" {
		return &fused{why: why}
	}
	out.prog, out.steps = prog, f.steps
	return out
}

func (f *fuser) add(s step) int {
	f.steps = append(f.steps, s)
	return len(f.steps) - 1
}

func (f *fuser) here() int { return len(f.steps) }

// refuse says that the route is not fused.
func (f *fuser) refuse(why string) {
	if f.why == "" {
		f.why = why
	}
}

// stages compiles stages and then what follows them. Names stand for other
// things behind a stage than above it, which is what env tells; where the arms of
// a branch leave it in different states, what follows is compiled once for each.
func (f *fuser) stages(ss []ir.Stage, env fuse.Env, then func(fuse.Env)) {
	if f.work++; f.work > maxFusedSteps {
		f.refuse("arms of too many shapes")
	}
	if f.why != "" {
		return
	}
	if len(ss) == 0 {
		then(env)
		return
	}
	next := func(env fuse.Env) { f.stages(ss[1:], env, then) }
	switch s := ss[0].(type) {
	case *ir.When:
		f.branch(f.whenArms(s), env, next)
	case *ir.Branch:
		f.match(s, env, next)
	case *ir.Each:
		f.each(s, env)
		next(env)
	case *ir.Window:
		f.add(await{})
		f.window(s, env) // what is below takes panes, which are values
	default:
		next(f.stage(s, env))
	}
}

// stage compiles a stage that has no stages in it.
func (f *fuser) stage(s ir.Stage, env fuse.Env) fuse.Env {
	p := f.c.place(s)
	if _, ok := s.(*ir.Find); ok || ir.Memory(s) != nil {
		f.add(await{})
	}
	switch s := s.(type) {
	case *ir.Where:
		f.add(&fusedWhere{place: p, cond: f.b.Expr(s.Cond, env).Bool(), reason: s.Reason, child: f.child})
	case *ir.Map:
		env.Cur = f.hold(s.X, env)
	case *ir.Set:
		f.copies(len(s.Puts))
		env.Cur = f.set(s, env)
	case *ir.Unset:
		f.copies(len(s.Paths))
		env.Cur = f.unset(s, env)
	case *ir.Bind:
		env = env.Bind(s.Slot, f.hold(s.X, env))
	case *ir.Require:
		f.add(&fusedRequire{cond: f.b.Expr(s.Cond, env).Bool()})
	case *ir.Drop:
		f.add(&drop{place: p, reason: s.Reason, child: f.child})
	case *ir.Fail:
		f.add(giveUp{})
	case *ir.With:
		after := env
		for i := range s.Defaults {
			d := &s.Defaults[i]
			after = after.Bind(d.Slot, f.hold(d.X, env))
		}
		env = after
	case *ir.TimeBy:
		at := f.b.Expr(s.X, env).Instant()
		env.Clock = f.b.Clock()
		f.add(&fusedTime{at: at, clock: env.Clock, maxFuture: f.c.route.arrival.maxFuture})
	case *ir.Sample:
		env.Rate = f.sample(p, s, env)
	case *ir.KeyBy:
		f.keyBy(s, env)
	case *ir.Dedupe:
		f.dedupe(p, s, env)
	case *ir.Changed:
		env.Cur = f.changed(p, s, env)
	case *ir.Throttle:
		f.throttle(p, s, env)
	case *ir.Update:
		env = f.update(p, s, env)
	case *ir.Delete:
		f.remove(p, s, env)
	case *ir.Resolve:
		env = f.resolve(p, s, env)
	case *ir.Find:
		env = f.find(p, s, env)
	case *ir.Forget:
		env = f.forget(s, env)
	case *ir.Emit:
		f.emit(p, s, env)
	case *ir.HTTPCall:
		f.refuse("a record that calls is run again when its answer has come")
	default:
		f.refuse(fmt.Sprintf("%T", s))
	}
	return env
}

// hold computes at this stage what others will read.
func (f *fuser) hold(x ir.Expr, env fuse.Env) *fuse.Node {
	n := f.b.Expr(x, env)
	hold := f.b.Hold
	if f.writes && readsTable(x) {
		hold = f.b.HoldValue
	}
	held, enter := hold(n)
	if enter != nil {
		f.add(fusedEnter(enter))
	}
	return held
}

// copies charges for the objects that a stage copies in the reference steps: no
// path copies more than the record holds.
func (f *fuser) copies(paths int) {
	f.add(fusedEnter(func(m *fuse.Machine) bool { return m.Charge(paths * m.Size() / (copied * minMember)) }))
}

// minMember is the least text of a member of an object in JSON, in bytes, `"":0,`;
// of an element of a list it is less, `0,`, and a path may go through both.
const minMember = 2

func (f *fuser) set(s *ir.Set, env fuse.Env) *fuse.Node {
	type put struct {
		path []string
		x    *fuse.Node
	}
	puts := make([]put, len(s.Puts))
	for i := range s.Puts {
		path, ok := names(s.Puts[i].Path)
		if !ok {
			f.refuse("set of a computed path")
			return env.Cur
		}
		puts[i] = put{path, f.hold(s.Puts[i].X, env)}
	}
	cur := env.Cur
	for i, p := range puts {
		n, ok := f.b.Put(cur, p.path, p.x, s.Puts[i].Opt)
		if !ok {
			f.refuse("set in a value that is not known")
			return env.Cur
		}
		cur = n
	}
	return cur
}

func (f *fuser) unset(s *ir.Unset, env fuse.Env) *fuse.Node {
	cur := env.Cur
	for i := range s.Paths {
		path, ok := names(s.Paths[i])
		if ok {
			cur, ok = f.b.Unset(cur, path)
		}
		if !ok {
			f.refuse("unset in a value that is not known")
			return env.Cur
		}
	}
	return cur
}

// names gives a path of fields; false where a step is computed.
func names(path []ir.Step) ([]string, bool) {
	out := make([]string, len(path))
	for i, st := range path {
		if st.Index != nil {
			return nil, false
		}
		out[i] = st.Name
	}
	return out, true
}

// arm is one way of a branch; a nil cond is always taken.
type arm struct {
	cond ir.Expr
	body []ir.Stage
}

func (f *fuser) whenArms(s *ir.When) []arm {
	return []arm{{s.Cond, s.Then}, {nil, s.Else}}
}

func (f *fuser) match(s *ir.Branch, env fuse.Env, next func(fuse.Env)) {
	if s.Subject != nil {
		env = env.Bind(s.Slot, f.hold(s.Subject, env))
	}
	var arms []arm
	for i := range s.Arms {
		arms = append(arms, arm{s.Arms[i].Cond, s.Arms[i].Body})
		if s.Arms[i].Cond == nil {
			break
		}
	}
	f.branch(arms, env, next)
}

// branch compiles arms that meet again behind the branch. If they leave `.` and
// the defaults of `with` as they were, one continuation serves all; else the
// arms are compiled again, each with a continuation of its own.
func (f *fuser) branch(arms []arm, env fuse.Env, next func(fuse.Env)) {
	begin := f.here()
	same := true
	var ends []*jump
	f.arms(arms, env, func(e fuse.Env) {
		same = same && sameNames(env, e)
		end := &jump{}
		f.add(end)
		ends = append(ends, end)
	})
	if same {
		for _, e := range ends {
			e.to = f.here()
		}
		next(env)
		return
	}
	f.steps = f.steps[:begin]
	f.arms(arms, env, func(e fuse.Env) {
		next(e)
		if f.child != ended {
			f.add(&jump{to: f.child})
			return
		}
		f.add(&jump{to: atEnd})
	})
}

// atEnd is beyond the last step of every route.
const atEnd = 1 << 30

func (f *fuser) arms(arms []arm, env fuse.Env, then func(fuse.Env)) {
	for _, a := range arms {
		var test *fusedUnless
		if a.cond != nil {
			// `match @topic` is decided here: a program is of one topic.
			cond := f.b.Expr(a.cond, env)
			c, ok := cond.Const()
			if ok && c == false {
				continue
			}
			if !ok {
				test = &fusedUnless{cond: cond.Bool()}
				f.add(test)
			}
		}
		f.stages(a.body, env, then)
		if test == nil {
			return
		}
		test.to = f.here()
	}
	// No arm: the reference steps have the words for it.
	f.add(giveUp{})
}

// sameNames tells whether `.`, @time, @sample_rate and every variable from above a
// branch still stand for the same behind an arm.
func sameNames(above, behind fuse.Env) bool {
	if above.Cur != behind.Cur || above.Clock != behind.Clock || above.Rate != behind.Rate {
		return false
	}
	for slot, n := range above.Vars {
		if behind.Vars[slot] != n {
			return false
		}
	}
	return true
}

func (f *fuser) each(s *ir.Each, env fuse.Env) {
	list := f.b.List(f.b.Expr(s.In, env))
	if list == nil {
		f.refuse("each of a list that is not of the record")
		return
	}
	f.add(&fusedEach{list: list})
	next := &fusedNext{list: list, cost: cost(s.Body) + 1}
	at := f.add(next)
	above := f.child
	f.child = at
	f.stages(s.Body, env.Bind(s.Slot, list.Elem), func(fuse.Env) {})
	f.child = above
	f.add(&jump{to: at})
	next.out = f.here()
}

// cost counts what an element of an `each` may take in steps.
func cost(ss []ir.Stage) int {
	n := 0
	count := func(ir.Expr) bool { n++; return true }
	eachExpr(ss, func(x ir.Expr) { ir.Walk(x, count) })
	return n
}

// run runs a record to its end (goOn), to one that fr.end tells (ended), or gives up.
func (p *fused) run(fr *Frame, m *fuse.Machine) int {
	if p.key != nil {
		// A key of its own: outputs keep pieces of the record's, and "" is a key.
		k, ok := p.key(m, fr.keyBuf[:0])
		if !ok {
			return gaveUp
		}
		if k == nil {
			k = []byte{}
		}
		fr.key, fr.keyBuf = k, k
	}
	for pc := 0; pc < len(p.steps); {
		switch next := p.steps[pc].run(fr); next {
		case goOn:
			pc++
		case ended, gaveUp:
			return next
		default:
			pc = next
		}
	}
	return goOn
}

type fusedWhere struct {
	place
	cond   func(*fuse.Machine) (bool, fuse.State)
	reason string
	child  int
}

func (s *fusedWhere) run(fr *Frame) int {
	ok, st := s.cond(fr.m)
	switch {
	case st != fuse.Some:
		return gaveUp
	case !ok:
		return fr.drop(&s.place, s.reason, s.child)
	}
	return goOn
}

type fusedRequire struct {
	cond func(*fuse.Machine) (bool, fuse.State)
}

func (s *fusedRequire) run(fr *Frame) int {
	if ok, st := s.cond(fr.m); !ok || st != fuse.Some {
		return gaveUp
	}
	return goOn
}

// fusedEnter computes what a stage binds.
type fusedEnter func(*fuse.Machine) bool

func (s fusedEnter) run(fr *Frame) int {
	if !s(fr.m) {
		return gaveUp
	}
	return goOn
}

type giveUp struct{}

func (giveUp) run(*Frame) int { return gaveUp }

type fusedUnless struct {
	cond func(*fuse.Machine) (bool, fuse.State)
	to   int
}

func (s *fusedUnless) run(fr *Frame) int {
	ok, st := s.cond(fr.m)
	switch {
	case st != fuse.Some:
		return gaveUp
	case !ok:
		return s.to
	}
	return goOn
}

type fusedTime struct {
	at        func(*fuse.Machine) (time.Time, fuse.State)
	clock     int
	maxFuture time.Duration
}

func (s *fusedTime) run(fr *Frame) int {
	t, st := s.at(fr.m)
	if st != fuse.Some || t.After(fr.now.Add(s.maxFuture)) {
		return gaveUp
	}
	fr.m.SetTime(s.clock, t)
	fr.timed = t.UnixMicro()
	return goOn
}

type fusedSample struct {
	sample
	keys []func(*fuse.Machine) (value.Value, fuse.State)
}

// sample gives what @sample_rate is below it.
func (f *fuser) sample(p place, s *ir.Sample, env fuse.Env) *value.Number {
	rate, ok := value.ParseNumber(s.Rate)
	if !ok {
		f.refuse("a rate that is none") // the reference steps have said so
		return nil
	}
	st := &fusedSample{sample: sample{place: p, parts: uint64(s.Parts), rate: rate, child: f.child}}
	for _, k := range s.Keys {
		st.keys = append(st.keys, f.b.Expr(k, env).Value())
	}
	f.add(st)
	return &rate
}

func (s *fusedSample) run(fr *Frame) int {
	fr.buf = fr.buf[:0]
	for _, k := range s.keys {
		v, st := k(fr.m)
		if st != fuse.Some {
			return gaveUp
		}
		fr.buf = value.AppendKey(fr.buf, v)
	}
	return s.pass(fr)
}

// fusedEach begins to walk a list of the record.
type fusedEach struct{ list *fuse.List }

func (s *fusedEach) run(fr *Frame) int {
	n, ok := s.list.Len(fr.m)
	if !ok {
		return gaveUp
	}
	m := fr.m
	fr.loops = append(fr.loops, loop{n: n, at: m.Time, hasTime: m.HasTime, path: len(fr.path), key: fr.key, who: fr.who, wait: fr.notBefore})
	return goOn
}

type fusedNext struct {
	list *fuse.List
	cost int
	out  int
}

func (s *fusedNext) run(fr *Frame) int {
	l := &fr.loops[len(fr.loops)-1]
	fr.m.Time, fr.m.HasTime = l.at, l.hasTime
	fr.key, fr.who, fr.notBefore = l.key, l.who, l.wait
	fr.path = fr.path[:l.path]
	if l.i == l.n {
		fr.loops = fr.loops[:len(fr.loops)-1]
		return s.out
	}
	if !s.list.Enter(fr.m, l.i, s.cost) {
		return gaveUp
	}
	fr.path = append(fr.path, '/')
	fr.path = strconv.AppendInt(fr.path, int64(l.i), 10)
	l.i++
	return goOn
}

// runFused runs a record through its fused steps. gaveUp leaves it, and the
// arena, to the reference steps as if nothing had happened.
func (r *Route) runFused(fr *Frame, t *topic) int {
	if t.fused == nil || t.fused.prog == nil {
		return gaveUp
	}
	m := fr.machine(t)
	fr.m = m
	fr.eval.Renew(fr.rec)
	// The epoch's now is judged without making a time of each timestamp.
	ms := fr.rec.Timestamp
	m.HasTime = ms != event.NoTime
	if m.HasTime {
		if ms < 0 || ms > fr.nowMS+r.arrival.maxFuture.Milliseconds() {
			return gaveUp
		}
		m.Time = time.UnixMilli(ms).UTC()
	}
	fr.key = fr.rec.Key
	if m.Load(fr.rec, fr.out.Buf) {
		fr.asked.by = nil
		if end := fr.answered(t.fused.run(fr, m)); end != gaveUp {
			return end
		}
	}
	fr.out.Undo(fr.mark)
	if fr.cells != nil {
		fr.cells.Undo()
		fr.cells.Begin()
	}
	fr.did.reset()
	fr.nobody()
	fr.loops, fr.path = fr.loops[:0], fr.path[:0]
	fr.timed, fr.notBefore = event.NoMicros, 0
	return gaveUp
}

// machine gives the frame's machine for a topic.
func (fr *Frame) machine(t *topic) *fuse.Machine {
	for i := range fr.machines {
		if fr.machines[i].of == t.fused {
			return fr.machines[i].m
		}
	}
	m := fuse.NewMachine(t.fused.prog, &fr.eval)
	fr.machines = append(fr.machines, machine{t.fused, m})
	return m
}

type machine struct {
	of *fused
	m  *fuse.Machine
}
