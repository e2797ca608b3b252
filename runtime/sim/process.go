package sim

import (
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/task"
)

// process is one running process of the program: what a crash takes away.
type process struct {
	w       *World
	n       int // 1 for the first
	budget  *task.Budget
	scheds  []*scheduler // by the share of their connections
	tasks   []*running   // in the order they were opened, ended ones too
	flights []*flight
	writes  []*write
	appends []*addition
	made    map[place]*source

	lease  int64 // until when its partitions are surely its own (I6)
	frozen bool  // it does nothing and does not know it
	// zombie: it was frozen for so long that others have its partitions; it goes on
	// and has not learned of it.
	zombie  bool
	leaving bool // it is stopping and opens nothing more
	// before is called before a record runs; a test may end the process in it.
	before func()
}

// scheduler is that of the connections which share one.
type scheduler struct {
	*deliver.Scheduler
	conns []*connection
	wake  int64
}

// place finds an output again: its arena is used once more for a later epoch, but
// only when the output has ended.
type place struct {
	arena *event.Arena
	index int32
}

// source is where an output comes from: the how-manieth output of which record.
type source struct {
	r      *running
	route  *route
	of     endID
	nth    int
	body   string
	in     int
	repeat bool // of a record that is a repeat itself
}

// running is a task with what stands around it in its process.
type running struct {
	p      *process
	group  *stateGroup // nil: the route has no state
	routes []*route    // as the task numbers them
	inputs []*input    // as the task numbers them
	task   *task.Task
	runner task.Runner
	owners []*deliver.Owner // by share; nil where nothing is sent

	todo    []task.Effect // what the task asked for and is not carried out
	revoked bool          // purged: nothing of it may be sent any more (I6)
	ended   bool
	moving  bool // another process gets the partition when this has ended

	cause        cause  // of what runs
	ran, emitted uint64 // records that ran, outputs they made; of a task without state
}

// cause is what the world knows of the record that was read last.
type cause struct {
	in     int // the input that led to it; 0: none
	repeat bool
}

// input is a partition that a task reads.
type input struct {
	r     *running
	n     int    // as the task numbers it
	route *route // nil: the own log of a group
	tp    tp

	at     int64 // next offset to fetch
	slice  []event.Record
	next   int64 // position behind slice
	have   bool  // a slice was fetched and has not run
	paused bool
	// watermark is what may be committed and is not; noOffset: nothing.
	watermark int64
	done      int64 // of a group: what its store has
}

const noOffset = -1

// flight is a request on the wire.
type flight struct {
	p       *process
	sched   *scheduler
	req     *deliver.Request
	conn    *connection
	at      int64 // when it was put on the wire
	sentAt  int64 // what it says of that
	arrived bool
	reply   Reply
}

// write is a letter on its way to the dead topic.
type write struct {
	r        *running
	ref      task.Ref
	letter   *letter.Letter
	appended bool
}

// session is the broker's session timeout; a lease lasts half of it from the last
// heartbeat.
const session = 45 * time.Second

// start starts a process.
func (w *World) start() *process {
	w.lives++
	p := &process{w: w, n: w.lives, budget: task.NewBudget(task.ProcessBytes), made: map[place]*source{}}
	for share := 0; ; share++ {
		s := &scheduler{wake: deliver.Never}
		cfg := deliver.Config{Seed: w.opts.Seed ^ uint64(w.lives)<<32 ^ uint64(share)}
		for _, c := range w.conns {
			if c.share == share {
				s.conns = append(s.conns, c)
				cfg.Connections = append(cfg.Connections, c.config)
				if c.rate.N > 0 {
					cfg.Rate = c.rate
				}
			}
		}
		if len(s.conns) == 0 {
			break
		}
		s.Scheduler = deliver.New(cfg, w.now)
		w.policy.scheduler(s.Scheduler)
		p.scheds = append(p.scheds, s)
	}
	w.procs = append(w.procs, p)
	p.heartbeat()
	w.logf("start    process %d", p.n)
	return p
}

// heartbeat prolongs the leases of a process.
func (p *process) heartbeat() {
	p.lease = p.w.now + int64(session/2)
	for _, r := range p.tasks {
		r.leased()
	}
}

func (r *running) leased() {
	r.task.Lease(r.p.lease)
	for _, o := range r.owners {
		if o != nil {
			o.Lease(r.p.lease)
		}
	}
}

// fit tells whether partitions may be given to the process.
func (p *process) fit() bool { return !p.frozen && !p.zombie && !p.leaving }

// live lists the tasks that have not ended.
func (p *process) live() []*running {
	var out []*running
	for _, r := range p.tasks {
		if !r.ended {
			out = append(out, r)
		}
	}
	return out
}

// assigned opens tasks for the partitions that are the process's and hold
// something to read. It reports whether it opened any.
func (p *process) assigned() bool {
	did := false
	if !p.fit() {
		return false
	}
	for _, g := range p.w.groups {
		did = p.assignedGroup(g) || did
	}
	for _, rt := range p.w.routes {
		if rt.Group != nil {
			continue
		}
		for _, name := range p.w.names {
			if !rt.reads(name) {
				continue
			}
			for i := range p.w.topics[name].parts {
				at := tp{name, int32(i)}
				from := rt.group.committed[at]
				if p.w.topics[name].parts[i].end > from && p.w.owner(rt, at) == p && p.find(rt, at) == nil {
					rt.group.owner[at] = p // until it dies or gives it up
					p.open(rt, at, from)
					did = true
				}
			}
		}
	}
	return did
}

// owner is the process that a partition is assigned to: the one it was given to
// while that lives, else the first that can take it.
func (w *World) owner(r *route, at tp) *process {
	if p := r.group.owner[at]; p != nil && slices.Contains(w.procs, p) {
		return p
	}
	for _, p := range w.procs {
		if p.fit() {
			return p
		}
	}
	return nil
}

func (p *process) find(rt *route, at tp) *running {
	for _, r := range p.tasks {
		if (!r.ended || r.moving) && r.group == nil && r.routes[0] == rt && r.inputs[0].tp == at {
			return r
		}
	}
	return nil
}

func (p *process) open(rt *route, at tp, from int64) {
	r := &running{p: p, routes: []*route{rt}, runner: rt.runner(p.w.lookup)}
	topic := p.w.topics[at.topic]
	r.input(rt, at, from)
	r.open(task.Config{Routes: []*plan.Route{rt.Route}}, nil, []task.Input{
		{Topic: at.topic, TopicID: topic.id, Partition: at.partition, Next: from, Replay: at.topic == rt.replays},
	})
	p.w.logf("open     %s at %d", r, from)
}

// input notes the next input of a task that is about to be given it.
func (r *running) input(rt *route, at tp, from int64) {
	r.inputs = append(r.inputs, &input{r: r, n: len(r.inputs), route: rt, tp: at, at: from, watermark: noOffset, done: from})
}

// open opens the task.
func (r *running) open(cfg task.Config, progress *task.Progress, inputs []task.Input) {
	w := r.p.w
	r.owners = make([]*deliver.Owner, len(r.p.scheds))
	for _, rt := range r.routes {
		for _, c := range append(slices.Clone(rt.conns), rt.calls...) {
			if s := w.conns[c].share; r.owners[s] == nil {
				r.owners[s] = deliver.NewOwner(r)
			}
		}
	}
	cfg.Runner, cfg.Budget, cfg.Caps = r, r.p.budget, w.opts.Caps
	r.task = task.New(cfg)
	w.policy.task(r.task)
	r.leased()
	r.p.tasks = append(r.p.tasks, r)
	r.task.Open(progress, inputs, w.now)
	r.perform()
}

// poll fetches at most n records of a partition.
func (in *input) poll(n int) bool {
	r := in.r
	part := &r.p.w.topics[in.tp.topic].parts[in.tp.partition]
	if r.ended || in.have || in.paused || in.at >= part.end {
		return false
	}
	switch r.task.State() {
	case task.Running:
	case task.Paused: // the inputs that it wants say so themselves
		if r.group == nil {
			return false
		}
	default:
		return false
	}
	if in.at < part.start {
		r.p.w.breaks("I13: %s goes on at %d, its log begins at %d", in, in.at, part.start)
	}
	i := part.from(in.at)
	in.slice, in.next = in.slice[:0], part.end
	for ; i < len(part.recs); i++ {
		if len(in.slice) == n {
			in.next = part.recs[i].rec.Offset
			break
		}
		in.slice = append(in.slice, part.recs[i].rec)
	}
	in.have, in.at = true, in.next
	r.p.w.logf("poll     %s: %d records, next %d", in, len(in.slice), in.next)
	return true
}

// run gives a fetched slice to its task; what it releases goes to the schedulers.
func (in *input) run() bool {
	r := in.r
	if !in.have || r.ended {
		return false
	}
	in.have = false
	r.p.w.logf("run      %s to %d", in, in.next)
	r.cause = cause{}
	if err := r.task.Records(in.n, in.slice, in.next, r.p.w.now); err != nil {
		r.p.w.breaks("%s: %v", in, err)
	}
	r.perform()
	return true
}

// Run is task.Runner's: it notes how each record ends and which outputs it makes.
func (r *running) Run(route int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	if r.p.before != nil {
		r.p.before()
	}
	from := len(out.Outs)
	end := r.runner.Run(route, rec, now, out)
	r.p.w.ran(r, r.routes[route], rec, &end, out, from)
	return end
}

// Due is task.Runner's.
func (r *running) Due(s int, due int64, key []byte) (route int, rec *event.Record) {
	return r.runner.Due(s, due, key)
}

// Command is task.Runner's.
func (r *running) Command(cmd []byte, rec *event.Record, now time.Time) event.Outcome {
	end := r.runner.Command(cmd, rec, now)
	r.p.w.joined(&end)
	return end
}

// Row is task.Runner's.
func (r *running) Row(route int, due int64, key, val []byte) *event.Record {
	return r.runner.Row(route, due, key, val)
}

// Park is task.Runner's.
func (r *running) Park(route int, rec *event.Record) ([]byte, error) {
	return r.runner.Park(route, rec)
}

// Unpark is task.Runner's.
func (r *running) Unpark(route int, b []byte) (event.Record, error) { return r.runner.Unpark(route, b) }

// perform carries out what the task asks for; where the world is slow, whoever
// drives it does (carry).
func (r *running) perform() {
	r.todo = r.task.Effects(r.todo)
	if r.p.w.slow && r.group != nil {
		return
	}
	for len(r.todo) > 0 {
		r.carry()
	}
}

// carry carries out the next effect: they keep their order.
func (r *running) carry() {
	e := r.todo[0]
	r.todo = r.todo[1:]
	switch e.Kind {
	case task.Send:
		r.release(e.Outs)
	case task.Produce:
		r.p.writes = append(r.p.writes, &write{r: r, ref: e.Ref, letter: e.Letter})
	case task.Pause:
		r.inputs[e.Input].paused = true
	case task.Resume:
		r.inputs[e.Input].paused = false
	case task.Watermark:
		r.inputs[e.Input].watermark = e.Offset
		if r.group != nil {
			r.p.w.stored(r.inputs[e.Input], e.Offset)
		}
	case task.Ended:
		if r.group != nil { // what is held is still with the schedulers: the next start sends it
			r.purge()
		}
		r.ended = true
		r.todo = nil
		if r.group == nil || e.Offset == task.NoOffset { // of a group the others are told
			for _, in := range r.inputs {
				in.watermark = e.Offset
			}
		}
		r.p.w.logf("ended    %s at %d", r, e.Offset)
	case task.Intend, task.Commit:
		r.store(&e)
	case task.Append, task.Tell:
		r.p.appends = append(r.p.appends, &addition{r: r, to: r.group, value: e.Value})
	case task.Erase:
		r.erase(&e)
	case task.Refused:
		r.p.w.logf("refused  %s: %s", r, e.Fail.Message)
	}
	if len(r.todo) == 0 {
		r.todo = r.task.Effects(r.todo)
	}
}

// release gives outputs to the schedulers.
func (r *running) release(outs []event.Output) {
	for i := range outs {
		o := &outs[i]
		rt := r.routes[o.Route]
		if o.Alone {
			r.call(rt, o)
			continue
		}
		c := r.p.w.conns[rt.conns[o.Emit]]
		r.p.recall(r, rt, o)
		r.p.scheds[c.share].Push(o, r.owners[c.share], c.index, rt.priority, r.p.w.now)
	}
	r.p.w.logf("release  %s: %d outputs", r, len(outs))
}

// send puts the next request of a scheduler on the wire.
func (p *process) send(s *scheduler) *flight {
	req, wake := s.Next(p.w.now)
	s.wake = wake
	if req == nil {
		return nil
	}
	f := &flight{p: p, sched: s, req: req, conn: s.conns[req.Connection], at: p.w.now, sentAt: p.w.policy.sentAt(req, p.w.now)}
	p.flights = append(p.flights, f)
	p.w.logf("send     process %d, %s: %s, attempt %d", p.n, f.conn, p.describe(f), req.Attempt)
	for _, o := range req.Outs {
		r := p.made[place{o.Arena, o.Index}].r
		switch {
		case r.ended || r.revoked:
			p.w.breaks("I6: an output of %s was sent after its partition was given up", r)
		case p.w.now >= p.lease:
			p.w.breaks("I6: an output of %s was sent after the lease of process %d ended", r, p.n)
		}
	}
	return f
}

// arrive lets a request reach its sink.
func (f *flight) arrive() {
	if !f.arrived {
		f.arrived = true
		f.p.w.receive(f)
	}
}

// answer gives a process the answer to a request that arrived. Twice has the
// tasks told twice, as they must bear.
func (p *process) answer(f *flight, twice bool) bool {
	if !f.arrived {
		return false
	}
	p.flights = slices.DeleteFunc(p.flights, func(o *flight) bool { return o == f })
	p.w.logf("answer   process %d, %s: %s %s", p.n, f.conn, className(f.reply.Answer.Class), f.reply.Answer.Code)
	results := slices.Clone(f.sched.Answer(f.req, f.reply.Answer, p.w.now))
	for i := range results {
		r := results[i].Owner.Ref.(*running)
		r.task.Result(&results[i])
		if twice {
			r.task.Result(&results[i])
		}
	}
	for _, r := range p.live() {
		r.perform()
	}
	return true
}

// recall finds where an output comes from that a process before this one made: it
// was held in the store.
func (p *process) recall(r *running, rt *route, o *event.Output) {
	at := place{o.Arena, o.Index}
	if p.made[at] != nil && o.Round == 0 { // what a replay sends no record made, and the place may be of another
		return
	}
	id := emittedID{rt.Name, string(o.ID.Of(o.Arena))}
	if all := p.w.emitted[id]; len(all) > 0 {
		// Of several records, the one whose content it has.
		body := string(o.Body.Of(o.Arena))
		again := *all[max(0, slices.IndexFunc(all, func(s *source) bool { return s.body == body }))]
		again.r = r
		p.made[at] = &again
		return
	}
	p.w.breaks("I4: %s has an output %s that no record made", r, id.id)
	p.made[at] = &source{r: r, route: rt}
}

// put appends a letter to the dead topic.
func (p *process) put(x *write) bool {
	if x.appended {
		return false
	}
	if x.r.ended { // whoever has the partition now writes it
		p.writes = slices.DeleteFunc(p.writes, func(o *write) bool { return o == x })
		return false
	}
	x.appended = true
	p.w.bury(x)
	return true
}

// ack tells the task that its letter is on the dead topic.
func (p *process) ack(x *write, twice bool) bool {
	if !x.appended {
		return false
	}
	p.writes = slices.DeleteFunc(p.writes, func(o *write) bool { return o == x })
	p.w.logf("ack      %s: letter %s", x.r, x.letter.ID)
	x.r.task.LetterAcked(x.ref)
	if twice {
		x.r.task.LetterAcked(x.ref)
	}
	x.r.perform()
	return true
}

// persist lets a task persist what has ended; it tells whether anything came of it.
func (r *running) persist() bool {
	before := make([]int64, len(r.inputs))
	for i, in := range r.inputs {
		before[i] = in.watermark
	}
	stores := r.stored()
	flying, _ := r.task.InFlight()
	r.task.Persist(r.p.w.now)
	asked := len(r.todo)
	now, _ := r.task.InFlight()
	r.perform()
	did := now > flying || len(r.todo) > asked || r.stored() > stores
	for i, in := range r.inputs {
		if in.watermark != before[i] {
			did = true
			r.p.w.logf("persist  %s to %d", in, in.watermark)
		}
	}
	return did
}

// stored counts the transactions of the task's store.
func (r *running) stored() int {
	if r.group == nil {
		return 0
	}
	return r.group.disk.commits
}

// commit commits what may be committed, where the lease still holds (I6).
func (r *running) commit() bool {
	did := false
	for _, in := range r.inputs {
		did = in.commit() || did
	}
	return did
}

func (in *input) commit() bool {
	if in.watermark == noOffset || in.r.p.w.now >= in.r.p.lease {
		return false
	}
	at := in.watermark
	in.watermark = noOffset
	in.r.p.w.commit(in, at)
	return true
}

// closeTime is how long what is under way may end when a partition is given up.
const closeTime = 10 * time.Second

// close begins the end of a task: with purge its partition was revoked and
// nothing of it is sent any more, without it the process stops and what is under
// way may end.
func (r *running) close(purge bool) {
	if r.ended || r.task.State() == task.Closing {
		return
	}
	r.p.w.logf("close    %s, purge %v", r, purge)
	for _, in := range r.inputs {
		in.have = false
	}
	if purge {
		r.purge()
	}
	r.task.Close(r.p.w.now, r.p.w.now+int64(closeTime))
	r.perform()
}

// purge takes back what is not on the wire (I6).
func (r *running) purge() {
	r.revoked = true
	for i, o := range r.owners {
		if o != nil {
			r.p.scheds[i].Purge(o)
		}
	}
}

// onWire counts the outputs of a task in requests without an answer.
func (r *running) onWire() int {
	n := 0
	for _, o := range r.owners {
		if o != nil {
			n += o.OnWire()
		}
	}
	return n
}

// finish ends a closing task with what has ended so far; what it still waits for
// is not sent any more.
func (r *running) finish() {
	r.purge()
	r.task.Finish(r.p.w.now)
	r.perform()
}

// lose ends a task whose partition another process has.
func (r *running) lose() {
	r.purge()
	r.task.Lose()
	// What it asked for before is not carried out (I6), an end of its own included.
	r.todo = append(r.task.Effects(nil)[:0], task.Effect{Kind: task.Ended, Offset: task.NoOffset})
	r.carry()
}

// kill ends a process at once.
func (w *World) kill(p *process) {
	w.logf("crash    process %d", p.n)
	w.gone(p)
}

// gone takes a process away. Its requests on the wire may arrive all the same.
func (w *World) gone(p *process) {
	for _, f := range p.flights {
		if !f.arrived {
			w.orphans = append(w.orphans, f)
		}
	}
	w.stray = append(w.stray, p.appends...)
	w.procs = slices.DeleteFunc(w.procs, func(o *process) bool { return o == p })
}
