// Package task is the heart of the engine: what one route does with one
// partition, from the records it is given to the position that may be committed.
// It takes records, results and acknowledgements, and returns what is to be done
// as effects, as data: send, produce, pause, resume, a watermark, closed.
//
// It is pure: no clock, no net, no goroutine; instants come in as nanoseconds
// since 1970. It never blocks. It must not know how outputs are sent, what a
// stage does, or how an offset is committed. A task is used by one goroutine at a
// time.
//
// # Persist mode S0
//
// Records run at once, in order, in epochs. An epoch is sealed at the end of its
// slice, or earlier at its limits; then its outputs and letters are released, and
// not before: a record's effects are all released or none (I11). It waits until
// each of its outputs has been taken by its sink, or its letter acknowledged. The
// longest prefix of epochs that wait for nothing is persisted: a stateless route
// has nothing to store, so that only moves the watermark (I1).
package task

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// Runner runs one record. Outputs go to out; a record that fails, or is dropped
// without having emitted, leaves none there. The outcome is used before the next
// Run.
type Runner interface {
	Run(rec *event.Record, now time.Time, out *event.Arena) event.Outcome
}

// Config is what a task is made of.
type Config struct {
	Route     *plan.Route
	Topic     event.TopicID
	Partition int32
	Runner    Runner
	Budget    *Budget // shared by all tasks of the process
	Caps      Caps
}

// State is where a task stands in its life.
type State uint8

// The states. A lease that is lost leads from any of them to Closed.
const (
	Restoring State = iota // no position yet
	Running
	Paused  // its source is: a cap is reached
	Closing // takes nothing more, waits for what is under way
	Closed
)

// String names the state.
func (s State) String() string {
	return [...]string{"restoring", "running", "paused", "closing", "closed"}[s]
}

// Limits of an epoch.
const (
	epochRecords = 2000
	epochBytes   = 2 << 20
)

// ErrBack is returned for records at or before a position that has run: the log
// went back (it was truncated), or a partition was given to a task twice.
var ErrBack = errors.New("the log went back behind what has run")

// Task is one route on one partition.
type Task struct {
	cfg    Config
	policy policy
	state  State
	lease  int64 // I6: from here on nothing is committed

	next      int64    // position of the next record to run
	watermark int64    // all before it is done
	epochs    []*epoch // oldest first; only the last may be open
	base      uint64   // number of epochs[0]

	usualBytes int // size of the arena of the epoch sealed last, and some more
	usualOuts  int

	records  int64 // in flight
	bytes    int64 // in flight
	above    int64 // what the budget counts of bytes
	deadline int64 // of Closing

	done    Account // of persisted epochs
	effects []Effect
}

// New makes a task in Restoring.
func New(cfg Config) *Task {
	if cfg.Caps.Bytes == 0 {
		cfg.Caps.Bytes = partitionBytes
	}
	if cfg.Caps.Records == 0 {
		cfg.Caps.Records = partitionRecords
	}
	cfg.Budget.tasks.Add(1)
	t := &Task{cfg: cfg, lease: deliver.Never}
	t.done.Emits = make([]Emitted, len(cfg.Route.Emits))
	return t
}

// Open gives the position of the first record to run. A stateless task has nothing
// to restore and runs from here.
func (t *Task) Open(next int64) {
	if t.state != Restoring {
		panic("task: opened in state " + t.state.String())
	}
	t.state, t.next, t.watermark = Running, next, next
}

// Lease sets the end of the lease (I6): an offset is handed out for commit only
// before it.
func (t *Task) Lease(until int64) { t.lease = until }

// Records runs a slice of the partition, in order. next is the position after it,
// which may lie beyond the last record: a compacted log has gaps, a slice may be
// all gap. The records are not kept: what a letter may need of them is copied.
// Records of a task that is closing are ignored; they are read again by whoever
// comes next.
func (t *Task) Records(rs []event.Record, next, now int64) error {
	switch t.state {
	case Restoring:
		panic("task: records before the position")
	case Closing, Closed:
		return nil
	}
	if len(rs) > 0 && rs[0].Offset < t.next || next < t.next {
		return fmt.Errorf("%w: at %d, got %d", ErrBack, t.next, min(next, first(rs, next)))
	}
	if next == t.next {
		return nil
	}
	clock := time.Unix(0, now).UTC()
	e := t.open()
	for i := range rs {
		if e.full() {
			t.seal(e)
			e = t.open()
		}
		t.run(e, &rs[i], clock)
	}
	e.next = next
	t.next = next
	t.seal(e)
	t.steer()
	return nil
}

func first(rs []event.Record, next int64) int64 {
	if len(rs) > 0 {
		return rs[0].Offset
	}
	return next
}

// run runs one record in e.
func (t *Task) run(e *epoch, rec *event.Record, clock time.Time) {
	if e.records == 0 {
		e.oldest = rec.Timestamp
	}
	e.records++
	e.read += int64(rec.Size())
	t.records++
	t.next = rec.Offset + 1
	e.next = t.next
	e.acct.In++

	mark := e.arena.Mark()
	end := t.cfg.Runner.Run(rec, clock, &e.arena)
	switch end.Kind {
	case event.Failed:
		e.arena.Undo(mark) // I11
		e.acct.InFlight++
		t.failed(e, rec, &end)
	case event.Dropped:
		e.arena.Undo(mark)
		e.acct.drop(end.Reason, 1)
	default:
		e.acct.Completed++
	}
	if n := e.arena.Since(mark); n > 0 {
		e.origin(rec)
		outs := e.arena.Outs
		for i := len(outs) - n; i < len(outs); i++ {
			outs[i].Record = int32(len(e.origins) - 1)
			outs[i].Logged = rec.Timestamp
			outs[i].Index = int32(i)
		}
	}
}

// failed writes the letter of a record that failed, with the record in it.
func (t *Task) failed(e *epoch, rec *event.Record, end *event.Outcome) {
	o := event.Origin{Topic: t.cfg.Topic, Partition: t.cfg.Partition, Offset: rec.Offset, Path: end.Path}
	l := letter.Letter{
		ID:     letter.ID(t.cfg.Route.IDName(), o, "", 0),
		Class:  letter.Processing,
		Origin: o, Route: t.cfg.Route.Name, Stage: end.Stage, Attempts: 1,
		Value: bytes.Clone(rec.Value), Key: bytes.Clone(rec.Key), Headers: cloneHeaders(rec.Headers), Time: rec.Timestamp,
	}
	l.Order = l.Key
	size := int64(rec.Size())
	e.bytes += size
	t.bytes += size
	if f := end.Fail; f != nil {
		l.Code, l.Message, l.Excerpt = f.Code.ID, f.Message, letter.Mask(f.Excerpt)
		if f.Span.Valid() {
			p := f.Span.Pos()
			l.Span = fmt.Sprintf("%s:%d:%d", f.Span.File.Name, p.Line, p.Col)
		}
	}
	e.letters = append(e.letters, &pending{letter: l, output: -1})
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
func (t *Task) seal(e *epoch) {
	e.sealed = true
	outs := e.arena.Outs
	t.usualBytes, t.usualOuts = min(len(e.arena.Buf)*9/8, keepBytes), min(len(outs)*9/8, epochRecords)
	size := int64(len(e.arena.Buf)) + int64(len(outs))*outputOverhead + int64(len(e.keys)) + int64(e.records)*recordOverhead
	e.bytes += size
	t.bytes += size
	e.outs = len(outs) + len(e.letters)
	e.ends = append(e.ends[:0], make([]bool, len(outs))...)
	for i := range outs {
		c := &e.acct.Emits[outs[i].Emit]
		c.Emitted++
		c.InFlight++
	}
	if len(outs) > 0 {
		t.effect(Effect{Kind: Send, Outs: outs})
	}
	for i := range e.letters {
		t.produce(e, i)
	}
}

// outputOverhead is what an output costs beside its bytes: itself in the arena and
// its item in the scheduler. recordOverhead is what is kept of a record beside its
// key.
const (
	outputOverhead = 256
	recordOverhead = 24
)

// Result takes how an output ended. Acceptance ends it here; anything else makes a
// letter, and the output ends when that is acknowledged. A result of a task that
// is Closed, or a second one of an output, changes nothing.
func (t *Task) Result(r *deliver.Result) {
	if t.state == Closed {
		return
	}
	e := t.epoch(r.Out.Arena.Epoch)
	if e == nil || !t.policy.first(e, r.Out.Index) {
		return
	}
	e.ends[r.Out.Index] = true
	if r.Kind == deliver.Taken {
		c := &e.acct.Emits[r.Out.Emit]
		c.InFlight--
		c.Accepted++
		e.outs--
		return
	}
	e.letters = append(e.letters, &pending{letter: t.undelivered(e, r), output: r.Out.Index})
	t.produce(e, len(e.letters)-1)
}

// produce asks for the i-th letter of an epoch to be written.
func (t *Task) produce(e *epoch, i int) {
	t.effect(Effect{Kind: Produce, Letter: &e.letters[i].letter, Ref: Ref{e.arena.Epoch, i}})
}

// undelivered makes the letter of an output that was refused or ran out of time.
func (t *Task) undelivered(e *epoch, r *deliver.Result) letter.Letter {
	out, from := r.Out, &e.origins[r.Out.Record]
	emit := t.cfg.Route.Emits[out.Emit]
	// An output does not know its element path: its own id tells elements apart.
	o := event.Origin{Topic: t.cfg.Topic, Partition: t.cfg.Partition, Offset: from.offset}
	body := out.Body.Of(out.Arena)
	l := letter.Letter{
		ID:     letter.ID(t.cfg.Route.IDName(), o, emit.ID+"\x00"+string(out.ID.Of(out.Arena)), 0),
		Class:  letter.Delivery,
		Origin: o, Route: t.cfg.Route.Name, Stage: "emit", Emit: emit.ID,
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
	if out.Tombstone {
		l.Value = nil
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
	e.outs--
	if p.output < 0 {
		e.acct.InFlight--
		e.acct.Dead++
		return
	}
	c := &e.acct.Emits[e.arena.Outs[p.output].Emit]
	c.InFlight--
	c.Dead++
}

// Persist ends the longest prefix of epochs that wait for nothing (I1) and moves
// the watermark behind it. To be called after results, acknowledgements and
// slices; it costs nothing where nothing has ended.
func (t *Task) Persist(now int64) {
	if t.state == Restoring || t.state == Closed || now >= t.lease { // I6
		return
	}
	n := t.policy.prefix(t.epochs)
	for _, e := range t.epochs[:n] {
		t.watermark = e.next
		t.done.Add(&e.acct)
		t.records -= int64(e.records)
		t.bytes -= e.bytes
		t.recycle(e)
	}
	if n > 0 {
		rest := copy(t.epochs, t.epochs[n:])
		clear(t.epochs[rest:])
		t.epochs = t.epochs[:rest]
		t.base += uint64(n)
		t.effect(Effect{Kind: Watermark, Offset: t.watermark})
		t.steer()
	}
	if t.state == Closing && len(t.epochs) == 0 {
		t.end(Effect{Kind: Ended, Offset: t.watermark})
	}
}

// steer pauses and resumes the source by the caps (I7).
func (t *Task) steer() {
	above := t.cfg.Budget.above(t.bytes)
	t.cfg.Budget.use(above - t.above)
	t.above = above
	switch {
	case t.state == Running && t.over(pauseAt):
		t.state = Paused
		t.effect(Effect{Kind: Pause})
	case t.state == Paused && !t.over(resumeAt):
		t.state = Running
		t.effect(Effect{Kind: Resume})
	}
}

func (t *Task) over(percent int64) bool {
	return t.bytes > t.cfg.Caps.Bytes*percent/100 || t.records > t.cfg.Caps.Records*percent/100 ||
		t.cfg.Budget.over(t.bytes, percent)
}

// Steer looks at the caps again: what other tasks gave back may let this one
// resume. The engine calls it each second on every task that is Paused.
func (t *Task) Steer() {
	if t.state == Paused {
		t.steer()
	}
}

// Close begins the end of a task whose partition is given up: nothing more is
// read, what is under way may end until deadline. The caller purges its outputs
// from the schedulers first where the partition was revoked, or lets them be sent
// where the process stops.
func (t *Task) Close(now, deadline int64) {
	switch t.state {
	case Closed, Closing:
		return
	case Restoring:
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
// the wire any more, and what it still waits for will not be sent.
func (t *Task) Finish(now int64) {
	if t.state != Closing {
		return
	}
	t.Persist(now)
	if t.state != Closing {
		return
	}
	last := t.watermark
	if now >= t.lease { // I6
		last = NoOffset
	}
	t.end(Effect{Kind: Ended, Offset: last})
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
	t.effect(last)
}

// State tells where the task stands.
func (t *Task) State() State { return t.state }

// Watermark is the position before which everything is done.
func (t *Task) Watermark() int64 { return t.watermark }

// Next is the position of the next record to run.
func (t *Task) Next() int64 { return t.next }

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

// Account adds what the task counted to a (I2). Records of epochs that a Closed
// task could not end are not in it.
func (t *Task) Account(a *Account) {
	a.Add(&t.done)
	for _, e := range t.epochs {
		a.Add(&e.acct)
	}
}
