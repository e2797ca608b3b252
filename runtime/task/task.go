// Package task is the heart of the engine: what the routes of a group do with
// their inputs, or one route with one partition, from the records it is given to
// the positions that may be committed. It takes records, results and
// acknowledgements, and returns what is to be done as effects, as data: send,
// produce, store, pause, resume, a watermark, closed.
//
// It is pure: no clock, no net, no goroutine; instants come in as nanoseconds
// since 1970. It never blocks. It must not know how outputs are sent, what a
// stage does, how an offset is committed or which store there is. A task is used
// by one goroutine at a time.
//
// Records run at once, in order, in epochs. An epoch is sealed at the end of its
// slice, or earlier at its limits; then its outputs and letters are released, and
// not before: a record's effects are all released or none (I11). It waits until
// each of its outputs has been taken by its sink, its letter acknowledged, or its
// entry among the held ones made. The longest prefix of epochs that wait for
// nothing is persisted (I1).
//
// # Persist mode S0
//
// A route without state has one input and nothing to store: that an epoch has
// persisted only moves the watermark.
//
// # Persist mode S1
//
// A state group has several inputs and its own log. To persist is one transaction
// of the store: the cells that the epochs wrote, the positions, marks and
// accounts as they were at the end of the last of them (progress.go). The order
// in which slices ran, and the now they saw, is stored before any effect of
// theirs leaves, and a start runs them again in that order (intent.go). What
// records make - changes, children of a split, panes - runs as records of their
// own behind their cause, in its epoch (made.go). Watermarks and idle inputs are
// in marks.go, outputs that wait too long in held.go.
package task

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Runner runs records.
type Runner interface {
	// Run runs one record through a route of the task. Outputs go to out; a record
	// that fails, or is dropped without having emitted, leaves none there. The
	// outcome is used before the next Run.
	Run(route int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome
	// Due ends a timer of a state of the group: it must disarm it. Of a pane it gives
	// the record that this makes and the route to run it through, else nil. A task
	// without state never calls it.
	Due(s int, due int64, key []byte) (route int, rec *event.Record)
	// Command carries out what an operator, or another group, asks for; cmd is JSON of
	// identity.Command, rec the record of the own log that holds it. It ends like a
	// record without outputs.
	Command(cmd []byte, rec *event.Record, now time.Time) event.Outcome
	// Row gives the record that a row is to the route that reads its table at a tick,
	// due then, without where it comes from; nil where the row is past its age.
	Row(route int, due int64, key, val []byte) *event.Record
	// Park writes down a record that is to wait, with all that it takes to run it again,
	// and Unpark reads it back. An error of Unpark says why it cannot be run as it was;
	// the record it gives then is good for a letter.
	Park(route int, rec *event.Record) ([]byte, error)
	Unpark(route int, b []byte) (event.Record, error)
}

// Config is what a task is made of.
type Config struct {
	// Routes are those of the group, in its order; of a task without state the one.
	Routes []*plan.Route
	Runner Runner
	Budget *Budget // shared by all tasks of the process
	Caps   Caps
	// Group and Cells are set where the routes have state (S1); a state's index in
	// the group is that in the cells.
	Group *plan.Group
	Cells *state.Cells
	// IdleAfter is how long an input of a group must have been at its end to be told
	// idle, and how far behind the clock it counts then; 0: the constant of that name.
	IdleAfter time.Duration
	// Ran is told of every record of a group's inputs before it runs, and of every gap:
	// the input, its position, the one behind it, and the now that it sees. Only tests
	// set it.
	Ran func(input int, at, next, now int64)
	// RanRow is told of every row before it runs: the own log's number and the position
	// there of its tick, the route's oldest name, its key and the now. Only tests set it.
	RanRow func(input int, at int64, route string, key []byte, now int64)
	// Schedules has that of every route of `from table`.
	Schedules Schedules
}

// Input is one partition of a topic as one route reads it, or the group's own log.
type Input struct {
	Route     int // index in Config.Routes; -1 of the own log
	Topic     string
	TopicID   event.TopicID
	Partition int32
	Own       bool
	// Replay: it is the replay log of the route.
	Replay bool
	// Next is the position of the first record to run. It counts for an input that
	// the progress does not know.
	Next int64
	// End, of the own log, is the position behind its last record.
	End int64
}

// State is where a task stands in its life.
type State uint8

// The states. A lease that is lost leads from any of them to Closed.
const (
	Restoring State = iota // no position yet
	Running
	Paused  // its sources are: a cap is reached
	Closing // takes nothing more, waits for what is under way
	Closed
	Failed // takes nothing more: Err says why. What had not persisted runs again at the next start
)

// String names the state.
func (s State) String() string {
	return [...]string{"restoring", "running", "paused", "closing", "closed", "failed"}[s]
}

// Limits of an epoch: the store's transaction is one.
const (
	epochRecords = 2000
	epochCells   = 4000
	epochBytes   = 2 << 20
)

// ErrBack is returned for records at or before a position that has run: the log
// went back (it was truncated), or a partition was given to a task twice.
var ErrBack = errors.New("the log went back behind what has run")

// Task is the routes of a group on all of its inputs, or one route on one partition.
type Task struct {
	cfg    Config
	cells  *state.Cells
	policy policy
	state  State
	err    error // of Failed
	lease  int64 // I6: from here on nothing is committed

	inputs []*input
	epochs []*epoch // oldest first; only the last may be open
	base   uint64   // number of epochs[0]

	most       int // records of an epoch
	usualBytes int // size of the arena of the epoch sealed last, and some more
	usualOuts  int

	records  int64 // in flight
	bytes    int64 // in flight
	above    int64 // what the budget counts of bytes
	deadline int64 // of Closing
	finish   bool  // Closing ends with what has ended

	replays map[string]bool // letters that have ended and are not stored so
	done    []Account       // of persisted epochs, by route
	effects []Effect

	group
}

// input is an Input and how far it is.
type input struct {
	Input
	index     int
	next      int64 // position of the next record to run
	read      int64 // position behind what was given: what lies between is kept
	watermark int64 // all before it is done
	moved     bool  // the watermark did, and is not told
	known     bool  // its records may run: it is in the state, or there is none
	paused    bool
	kept      []slice

	spoken
}

// New makes a task in Restoring.
func New(cfg Config) *Task {
	if cfg.Caps.Bytes == 0 {
		cfg.Caps.Bytes = partitionBytes
	}
	if cfg.Caps.Records == 0 {
		cfg.Caps.Records = partitionRecords
	}
	if cfg.Caps.Parked == 0 {
		cfg.Caps.Parked = parkedCap
	}
	if cfg.IdleAfter == 0 {
		cfg.IdleAfter = IdleAfter
	}
	cfg.Budget.tasks.Add(1)
	t := &Task{cfg: cfg, cells: cfg.Cells, lease: deliver.Never, most: epochRecords, done: make([]Account, len(cfg.Routes))}
	for i, r := range cfg.Routes {
		t.done[i].Emits = make([]Emitted, len(r.Emits))
	}
	return t
}

// Open gives the inputs, which are numbered in this order, and where the group
// stands as Restore found it; nil for a task without state. It runs from here.
//
// An input that the progress knows goes on there, whatever Next says. One that it
// does not know is announced on the own log, and runs when that has been read.
// One that is missing here is gone: its intents and marks are void.
func (t *Task) Open(p *Progress, inputs []Input, now int64) {
	if t.state != Restoring {
		panic("task: opened in state " + t.state.String())
	}
	t.state = Running
	for _, in := range inputs {
		t.add(in, now)
	}
	if t.cells != nil {
		t.restore(p, now)
		t.Schedule(now)
		t.catchUp(now)
	}
	t.steer()
}

// AddInput takes one more input of a group, a partition that was added to a topic,
// and gives its number.
func (t *Task) AddInput(in Input, now int64) int {
	i := t.add(in, now)
	t.join(i)
	t.announce(i)
	return i.index
}

func (t *Task) add(in Input, now int64) *input {
	i := &input{Input: in, index: len(t.inputs), next: in.Next, read: in.Next, watermark: in.Next, known: t.cells == nil}
	i.spoken = silent(now)
	t.inputs = append(t.inputs, i)
	return i
}

// Lease sets the end of the lease (I6): an offset is handed out for commit, a
// transaction asked for, only before it.
func (t *Task) Lease(until int64) { t.lease = until }

// Records runs a slice of an input, in order. next is the position after it,
// which may lie beyond the last record: a compacted log has gaps, a slice may be
// all gap. The records are not kept: what a letter may need of them is copied.
// Records of a task that is closing are ignored; they are read again by whoever
// comes next. An error is that of the log or, of a task that has Failed, Err.
func (t *Task) Records(n int, rs []event.Record, next, now int64) error {
	switch t.state {
	case Restoring:
		panic("task: records before the position")
	case Closing, Closed:
		return nil
	case Failed:
		return t.err
	}
	in := t.inputs[n]
	if len(rs) > 0 && rs[0].Offset < in.read || next < in.read {
		return fmt.Errorf("%w: at %d, got %d", ErrBack, in.read, min(next, first(rs, next)))
	}
	if next == in.read {
		return nil
	}
	in.read, in.quiet = next, now
	if t.cells == nil {
		t.slice(in, rs, next, now)
	} else {
		t.take(in, rs, next, now)
	}
	t.steer()
	return t.err
}

func first(rs []event.Record, next int64) int64 {
	if len(rs) > 0 {
		return rs[0].Offset
	}
	return next
}

// slice runs records of an input, up to next, under one now.
func (t *Task) slice(in *input, rs []event.Record, next, now int64) {
	clock := time.Unix(0, now).UTC()
	e := t.open(in)
	for i := range rs {
		if t.full(e) {
			t.seal(e, now)
			e = t.open(in)
		}
		rec, before := &rs[i], in.next
		if e.records == 0 {
			e.oldest = rec.Timestamp
		}
		e.records++
		e.read += int64(rec.Size())
		t.records++
		in.next = rec.Offset + 1
		e.next = in.next
		t.ran(in, before, now)
		if t.cells == nil {
			t.one(e, in, rec, clock)
		} else if e = t.record(e, rec, before, clock); e == nil {
			return // Failed: what the epoch holds is never released
		}
	}
	if before := in.next; before < next { // a gap
		in.next, e.next = next, next
		t.ran(in, before, now)
		if t.cells != nil {
			if e = t.passed(e, before, clock); e == nil {
				return
			}
		}
	}
	t.seal(e, now)
	t.policy.after(t, clock)
}

func (t *Task) ran(in *input, at, now int64) {
	if t.cfg.Ran != nil {
		t.cfg.Ran(in.index, at, in.next, now)
	}
}

// run runs one record through a route, and what it makes behind it. in is the
// input whose record, or whose record's child, it is; nil for any other.
func (t *Task) run(e *epoch, in *input, route int, rec *event.Record, clock time.Time) {
	if t.cells != nil {
		t.cells.Begin()
	}
	mark := e.arena.Mark()
	if len(t.cfg.Routes[route].Calls) > 0 {
		rec.Calls = &asking{t: t, route: route, run: t.parking.run}
	}
	end := t.cfg.Runner.Run(route, rec, clock, &e.arena)
	if t.cells != nil {
		if t.broken() {
			e.arena.Undo(mark)
			t.cells.Undo()
			return
		}
		t.bounded(&end)
		if end.Kind == event.Waits {
			t.cells.Undo()
			e.arena.Undo(mark)
			fail := t.park(e, route, rec, &end)
			if fail == nil {
				return
			}
			t.cells.Begin()
			end.Kind, end.Fail = event.Failed, fail
		}
		t.spoke(in, &end)
	}
	acct := &e.acct[route]
	if p := t.parking.run; p != nil && !t.parking.child {
		t.parkedEnd(e, p)
	} else {
		acct.In++
	}
	switch end.Kind {
	case event.Failed:
		e.arena.Undo(mark) // I11
		acct.InFlight++
		t.failed(e, route, rec, &end)
	case event.Dropped:
		e.arena.Undo(mark)
		acct.drop(end.Reason, 1)
	case event.Split:
		acct.In-- // its children count in its place (I2)
	default:
		acct.Completed++
	}
	if rec.Replay != nil {
		t.replayOver(e, route, rec.Replay)
	}
	t.dropped(e, route, rec, &end)
	if n := e.arena.Since(mark); n > 0 {
		e.origin(rec)
		outs := e.arena.Outs
		for i := len(outs) - n; i < len(outs); i++ {
			outs[i].Record = int32(len(e.origins) - 1)
			outs[i].Route = int32(route)
			outs[i].Logged = rec.Timestamp
			outs[i].Index = int32(i)
			if t.fences.counts && outs[i].Ordered {
				t.fences.waiting[t.lane(&outs[i])]++
			}
		}
	}
	if t.cells != nil {
		t.joined(e, route, &end)
		t.behind(e, route, rec, end.Kind == event.Failed, clock)
	}
	if end.Kind == event.Split {
		child := t.parking.child
		t.parking.child = true
		for i := range end.Children {
			if t.run(e, in, route, &end.Children[i], clock); t.state == Failed {
				return
			}
		}
		t.parking.child = child
	}
}

// failed writes the letter of a record that failed, with the record in it.
func (t *Task) failed(e *epoch, route int, rec *event.Record, end *event.Outcome) {
	r := t.cfg.Routes[route]
	o := event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset, Path: end.Path}
	l := letter.Letter{
		Class: letter.Processing, Route: r.Name, Stage: end.Stage, Attempts: 1,
		Value: bytes.Clone(rec.Value), Key: bytes.Clone(rec.Key), Headers: cloneHeaders(rec.Headers), Time: rec.Timestamp,
	}
	size := int64(rec.Size())
	if m := rec.Made; m != nil {
		l.Value, l.Headers = value.AppendJSON(nil, m.Value), nil
		o.Path = m.Path
		l.Made = t.wayBack(route, rec)
		size += int64(len(l.Value) + len(l.Made))
	} else if rec.Calls == nil && rec.Replay == nil {
		o.Topic, o.Partition = e.places[0].topic, e.places[0].partition
	}
	who := end.Who()
	if rec.Replay != nil {
		l.Round = rec.Replay.Round
	}
	l.Topic = rec.Topic
	l.Origin, l.ID, l.Order, l.Persons = o, letter.ID(r.IDName(), o, "", l.Round), l.Key, letter.Named(who.Persons, who.Named)
	e.bytes += size
	t.bytes += size
	if f := end.Fail; f != nil {
		l.Code, l.Message, l.Help, l.Field, l.Excerpt = f.Code.ID, f.Message, f.Help, f.Path, letter.Mask(f.Excerpt)
		if f.Span.Valid() {
			p := f.Span.Pos()
			l.Span = fmt.Sprintf("%s:%d:%d", f.Span.File.Name, p.Line, p.Col)
		}
	}
	e.letters = append(e.letters, &pending{letter: l, route: route, output: -1})
}

func cloneHeaders(hs []event.Header) []event.Header {
	out := slices.Clone(hs)
	for i := range out {
		out[i].Value = bytes.Clone(out[i].Value)
	}
	return out
}

// seal ends an epoch and releases its effects (I11): only now nothing of its arena
// moves any more.
func (t *Task) seal(e *epoch, now int64) {
	e.sealed = true
	outs := e.arena.Outs
	if e.in != nil {
		t.usualBytes, t.usualOuts = min(len(e.arena.Buf)*9/8, keepBytes), min(len(outs)*9/8, epochRecords)
	}
	size := int64(len(e.arena.Buf)) + int64(len(outs))*outputOverhead + int64(len(e.texts)) + int64(e.records)*recordOverhead
	e.outs = len(outs) + len(e.letters)
	e.ends = append(e.ends[:0], make([]bool, len(outs))...)
	for i := range outs {
		c := &e.acct[outs[i].Route].Emits[outs[i].Emit]
		c.Emitted++
		c.InFlight++
	}
	if t.cells != nil {
		size += t.sealed(e, now)
	}
	e.bytes += size
	t.bytes += size
	t.send(outs)
	for i := range e.letters {
		t.produce(e, i)
	}
}

// outputOverhead is what an output costs beside its bytes: itself in the arena and
// its item in the scheduler. recordOverhead is what is kept of a record beside its
// key.
const (
	outputOverhead = 256
	recordOverhead = 40
)

// Result takes how an output ended. Acceptance ends it here; anything else makes a
// letter, and the output ends when that is acknowledged. A result of a task that
// is Closed, or a second one of an output, changes nothing.
func (t *Task) Result(r *deliver.Result) {
	if t.state == Closed {
		return
	}
	if r.Out.Alone {
		t.answered(r)
		return
	}
	e := t.epoch(r.Out.Arena.Epoch)
	if e == nil || !t.policy.first(e, r.Out.Index) {
		return
	}
	e.ends[r.Out.Index] = true
	if r.Kind == deliver.Taken {
		if !t.buried(e, r.Out.Index, false) {
			t.ended(e, r.Out, false)
		}
		return
	}
	e.letters = append(e.letters, &pending{letter: t.undelivered(e, r), route: int(r.Out.Route), output: r.Out.Index})
	t.produce(e, len(e.letters)-1)
}

// ended ends an output: taken by its sink, or its letter acknowledged.
func (t *Task) ended(e *epoch, o *event.Output, dead bool) {
	if len(e.held) == 0 || !t.release(e, o, dead) {
		e.outs--
		e.acct[o.Route].Emits[o.Emit].ended(dead)
	}
	if t.fences.counts && o.Ordered {
		t.left(t.lane(o))
	}
}

// produce asks for the i-th letter of an epoch to be written.
func (t *Task) produce(e *epoch, i int) {
	p := e.letters[i]
	if p.erase != nil {
		t.effect(Effect{Kind: Erase, Keys: p.erase, Ref: Ref{e.arena.Epoch, i}})
		return
	}
	t.effect(Effect{Kind: Produce, Route: p.route, Letter: &p.letter, Ref: Ref{e.arena.Epoch, i}})
}

// undelivered makes the letter of an output that was refused or ran out of time.
func (t *Task) undelivered(e *epoch, r *deliver.Result) letter.Letter {
	out, from := r.Out, &e.origins[r.Out.Record]
	route := t.cfg.Routes[out.Route]
	emit := route.Emits[out.Emit]
	// An output does not know its element path: its own id tells elements apart.
	o := e.of(from)
	body := out.Body.Of(out.Arena)
	l := letter.Letter{
		ID:     letter.ID(route.IDName(), o, emit.ID+"\x00"+string(out.ID.Of(out.Arena)), 0),
		Class:  letter.Delivery,
		Origin: o, Route: route.Name, Stage: "emit", Emit: emit.ID,
		Code: r.Code, Attempts: r.Attempts, Excerpt: letter.MaskEcho(r.Excerpt, body),
		Value: body, Target: string(out.Target.Of(out.Arena)), Time: out.Time, Order: e.key(from),
	}
	l.Message = "the sink refused this output with " + r.Code
	if r.Kind == deliver.Expired {
		l.Message = "the sink did not take this output in time; its last answer was " + r.Code
	}
	if emit.At.Valid() {
		p := emit.At.Pos()
		l.Span = fmt.Sprintf("%s:%d:%d", emit.At.File.Name, p.Line, p.Col)
	}
	l.Output = letter.Output{ID: string(out.ID.Of(out.Arena)), Lane: out.Lane, Ordered: out.Ordered, Group: out.Group, RetryMS: out.RetryMS}
	if about := e.replays[out.Index]; about != nil {
		l.Round = about.Round
		l.ID = t.letterID(int(out.Route), &l)
	}
	if out.Tombstone {
		l.Value = nil
	}
	if p := out.Person.Of(out.Arena); len(p) > 0 {
		l.Persons = []string{string(p)}
	}
	if !out.NoKey {
		l.Key = out.Key.Of(out.Arena)
	}
	event.EachHeader(out.Headers.Of(out.Arena), func(k string, v []byte) {
		l.Headers = append(l.Headers, event.Header{Key: k, Value: v})
	})
	return l
}

// LetterAcked takes the acknowledgement of a letter: it is on the dead topic, on
// all in-sync replicas. A second one of a letter changes nothing.
func (t *Task) LetterAcked(ref Ref) {
	if t.state == Closed {
		return
	}
	e := t.epoch(ref.epoch)
	if e == nil || ref.index >= len(e.letters) || e.letters[ref.index].acked {
		return
	}
	p := e.letters[ref.index]
	p.acked = true
	if p.erase != nil {
		e.outs--
		return
	}
	if p.output < 0 {
		if e.outs--; p.gone {
			return
		}
		a := &e.acct[p.route]
		a.InFlight--
		a.Dead++
		return
	}
	if !p.gone && t.buried(e, p.output, true) {
		return
	}
	t.ended(e, &e.arena.Outs[p.output], !p.gone || p.dead)
}

// Persist ends the longest prefix of epochs that wait for nothing (I1): it moves
// the watermarks behind it, of a group when its transaction has been Committed. To
// be called after results, acknowledgements and slices; it costs nothing where
// nothing has ended.
func (t *Task) Persist(now int64) {
	if t.state == Restoring || t.state == Closed || t.state == Failed || now >= t.lease { // I6
		return
	}
	t.policy.at(now)
	if t.cells != nil {
		t.goOn(now)
	}
	n := t.policy.prefix(t.epochs)
	if t.cells != nil {
		t.commit(n)
	} else if n > 0 {
		t.persisted(n)
	}
	if t.state == Closing && (len(t.epochs) == 0 || t.finish) && t.committing == 0 {
		t.end(Effect{Kind: Ended, Offset: t.Watermark(0)})
	}
}

// persisted forgets the oldest n epochs: they are done.
func (t *Task) persisted(n int) {
	for _, e := range t.epochs[:n] {
		if e.in != nil {
			e.in.watermark, e.in.moved = e.next, true
		}
		for i := range e.acct {
			t.done[i].Add(&e.acct[i])
		}
		t.replaysStored(e)
		t.records -= int64(e.records)
		t.bytes -= e.bytes
		if len(e.held) > 0 {
			t.linger(e)
		} else {
			t.recycle(e)
		}
	}
	rest := copy(t.epochs, t.epochs[n:])
	clear(t.epochs[rest:])
	t.epochs = t.epochs[:rest]
	t.base += uint64(n)
	for _, in := range t.inputs {
		if in.moved {
			in.moved = false
			t.effect(Effect{Kind: Watermark, Input: in.index, Offset: in.watermark})
		}
	}
	t.steer()
}

// steer pauses and resumes the sources by the caps (I7).
func (t *Task) steer() {
	above := t.cfg.Budget.above(t.bytes)
	t.cfg.Budget.use(above - t.above)
	t.above = above
	switch {
	case t.state == Running && t.over(pauseAt):
		t.state = Paused
	case t.state == Paused && !t.over(resumeAt):
		t.state = Running
	}
	if t.state != Running && t.state != Paused {
		return
	}
	for _, in := range t.inputs {
		if pause := t.mustPause(in); pause != in.paused {
			in.paused = pause
			kind := Resume
			if pause {
				kind = Pause
			}
			t.effect(Effect{Kind: kind, Input: in.index})
		}
	}
}

func (t *Task) over(percent int64) bool {
	return t.bytes > t.cfg.Caps.Bytes*percent/100 || t.records > t.cfg.Caps.Records*percent/100 ||
		t.heldBytes > heldCap*percent/100 || t.parking.held > t.cfg.Caps.Parked*percent/100 || t.cfg.Budget.over(t.bytes, percent)
}

// mustPause tells whether nothing more of an input is to be read now. The own log
// is not paused by a cap, or what would end the waiting might stand behind it; nor
// is the input whose intent is to be run: nothing else may run before.
func (t *Task) mustPause(in *input) bool {
	full := t.state == Paused && !in.Own
	switch turn := t.turn(); {
	case t.reading() != nil: // what comes is kept
		return full || len(in.kept) > 0
	case turn == nil && in.known:
		return full
	case turn != nil && turn.in == in && t.policy.intentOverCap():
		return false
	default: // what comes is kept
		return full || len(in.kept) > 0
	}
}

// Steer looks at the caps again: what other tasks gave back may let this one
// resume. The engine calls it each second on every task that is Paused.
func (t *Task) Steer() {
	if t.state == Paused {
		t.steer()
	}
}

// broken tells whether the store has failed to give a cell: the record at hand is
// to be undone, and the task stops.
func (t *Task) broken() bool {
	if err := t.cells.Err(); err != nil {
		t.Fail(err)
		return true
	}
	return false
}

// Fail stops the task for good: the store did not take an Intend or a Commit, or
// did not give what it holds. It takes nothing more and persists nothing.
func (t *Task) Fail(err error) {
	if t.state != Closed && t.state != Failed {
		t.state, t.err = Failed, err
	}
}

// Err says why a task has Failed.
func (t *Task) Err() error { return t.err }

// Close begins the end of a task whose inputs are given up: nothing more is
// read, what is under way may end until deadline. The caller purges its outputs
// from the schedulers first where the partition was revoked, or lets them be sent
// where the process stops.
func (t *Task) Close(now, deadline int64) {
	switch t.state {
	case Closed, Closing:
		return
	case Restoring, Failed:
		t.end(Effect{Kind: Ended, Offset: NoOffset})
		return
	}
	t.state, t.deadline = Closing, deadline
	t.Persist(now)
}

// Tick ends a task in Closing whose deadline has passed.
func (t *Task) Tick(now int64) {
	if t.state == Closing && now >= t.deadline {
		t.Finish(now)
	}
}

// Finish ends a task in Closing with what has ended so far: nothing of it is on
// the wire any more, and what it still waits for will not be sent. That of a group
// ends when the transaction of that is Committed, and Persist called again.
func (t *Task) Finish(now int64) {
	if t.state != Closing {
		return
	}
	t.finish = true
	t.Persist(now)
	if t.state == Closing && now >= t.lease { // I6
		t.end(Effect{Kind: Ended, Offset: NoOffset})
	}
}

// Lose ends the task at once, from any state: its lease was lost or fenced.
// Nothing is written (I6), not even what was about to be.
func (t *Task) Lose() {
	if t.state == Closed {
		return
	}
	clear(t.effects)
	t.effects = t.effects[:0]
	t.end(Effect{Kind: Ended, Offset: NoOffset})
}

// end closes the task. What did not end counts no more: whoever owns the
// partition next reads it again. Epochs are left to the garbage collector, for
// requests on the wire may still read their arenas.
func (t *Task) end(last Effect) {
	t.state = Closed
	t.cfg.Budget.use(-t.above)
	t.cfg.Budget.tasks.Add(-1)
	t.above, t.bytes, t.records = 0, 0, 0
	t.epochs = nil
	t.forget()
	t.effect(last)
}

// State tells where the task stands.
func (t *Task) State() State { return t.state }

// Watermark is the position of an input before which everything is done.
func (t *Task) Watermark(in int) int64 { return t.inputs[in].watermark }

// Next is the position of an input's next record to run.
func (t *Task) Next(in int) int64 { return t.inputs[in].next }

// InFlight counts records and bytes that are not persisted.
func (t *Task) InFlight() (records, bytes int64) { return t.records, t.bytes }

// Oldest is the timestamp in milliseconds of the oldest record in flight, or
// event.NoTime.
func (t *Task) Oldest() int64 {
	for _, e := range t.epochs {
		if e.records > 0 {
			return e.oldest
		}
	}
	return event.NoTime
}

// Account adds what a route of the task counted to a (I2). Records of epochs that
// a Closed task could not end are not in it.
func (t *Task) Account(route int, a *Account) {
	a.Add(&t.done[route])
	for _, e := range t.epochs {
		a.Add(&e.acct[route])
	}
}
