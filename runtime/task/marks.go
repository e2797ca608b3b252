package task

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// The watermark of a state is the least of its inputs'; an input's is the greatest
// @time of its records that have run. An input that has not spoken holds it,
// unless the own log has told that it is idle.

// IdleAfter is how long an input must have been at its end to be told idle, and
// how far behind the clock it counts then.
const IdleAfter = 10 * time.Second

// spoken is what an input's records have said of time.
type spoken struct {
	name  state.InputName
	leads []int // the states whose watermark it holds

	arrived, timed int64 // greatest @time, microseconds; event.NoMicros: none
	raised         bool  // by the record at hand
	idle           state.Idle

	quiet  int64 // nothing new came since, nanoseconds
	marked int64 // clock of the last idle mark asked for, nanoseconds

	stored  state.InputProgress // as of the last transaction asked for
	durable bool                // it stands in the progress
}

func silent(now int64) spoken {
	return spoken{arrived: event.NoMicros, timed: event.NoMicros, quiet: now}
}

// mark is the watermark of one state.
type mark struct {
	feeds   []feed
	w, told int64
	ended   int64 // up to when timers have been ended
	// tell is up to when timers are due: w or, while all inputs are idle, the least
	// that these count as.
	tell   int64
	idle   bool   // all inputs are
	holder *input // whose value is the least, or missing; nil: to be judged
}

type feed struct {
	in    *input
	timed bool
}

// feed gives an input to the states it leads to.
func (t *Task) feed(in *input) {
	if in.Own || in.Replay {
		return
	}
	for s, st := range t.cfg.Group.States {
		leads := false
		for _, l := range st.Leads {
			if l.Route == in.Route {
				t.marks[s].feeds = append(t.marks[s].feeds, feed{in, l.Timed})
				leads = true
			}
		}
		if leads {
			in.leads = append(in.leads, s)
		}
	}
}

// spoke takes the times of a record of an input that has run.
func (t *Task) spoke(in *input, end *event.Outcome) {
	if in == nil {
		return
	}
	if end.Arrived > in.arrived {
		in.arrived, in.raised = end.Arrived, true
	}
	if end.Timed > in.timed {
		in.timed, in.raised = end.Timed, true
	}
}

// record runs one record of a group's input, and what follows from it. before is
// the position before it. It gives the epoch at hand, nil when the task has Failed.
func (t *Task) record(e *epoch, rec *event.Record, before int64, clock time.Time) *epoch {
	in := e.in
	in.raised = false
	t.family.cells, t.family.bytes = t.cells.Written()
	if in.Own {
		var err error
		if e, err = t.hear(e, rec, before, clock); err != nil {
			t.Fail(err)
		}
	} else {
		t.one(e, in, rec, clock)
	}
	if t.state == Failed {
		return nil
	}
	return t.passed(e, before, clock)
}

// passed moves the watermarks behind a step of an input from a position to the
// next, and ends the timers that are due then.
func (t *Task) passed(e *epoch, before int64, clock time.Time) *epoch {
	in := e.in
	turned := t.idleAt(in, before) || t.idleAt(in, in.next)
	for _, s := range in.leads {
		if m := &t.marks[s]; turned || m.holder == nil || m.holder == in && in.raised {
			t.judge(s)
		}
	}
	// Named by the position behind it: the one before it depends, where the log has
	// gaps, on how the slice was cut (I4).
	return t.fire(e, state.Firing{Now: clock.UnixNano(), Topic: in.TopicID, Partition: in.Partition, Offset: in.next})
}

// idleAt tells whether the input is idle at a position: exactly where it was seen
// to be at its end. A mark read before the records below it have run again counts
// when they have.
func (t *Task) idleAt(in *input, at int64) bool {
	return in.idle.Clock != 0 && t.policy.idle(at, in.idle.At)
}

// judge judges the watermark of a state anew.
func (t *Task) judge(s int) {
	m := &t.marks[s]
	m.idle, m.holder, m.tell = false, nil, m.w
	least, idle := int64(0), true
	var holder *input
	for _, f := range m.feeds {
		in := f.in
		if !in.known {
			continue
		}
		v := in.arrived
		if f.timed {
			v = in.timed
		}
		if t.idleAt(in, in.next) {
			v = max(v, in.idle.Clock-t.cfg.IdleAfter.Microseconds())
		} else if idle = false; v == event.NoMicros {
			if t.policy.silentHolds() {
				m.holder = in
				return
			}
			continue
		}
		if holder == nil || v < least {
			least, holder = v, in
		}
	}
	if holder == nil {
		return
	}
	m.holder, m.idle = holder, idle
	least = t.behindParked(s, least)
	if idle && !t.policy.idleMoves() {
		m.tell = max(m.w, least) // only panes and ages are told: W goes by what was heard
		return
	}
	m.w = max(m.w, least)
	m.tell = m.w
	t.cells.SetWatermark(s, m.w, m.told)
}

func (t *Task) judgeAll() {
	for s := range t.marks {
		t.judge(s)
	}
}

// idleMark is an input that is to be told idle.
type idleMark struct {
	in        *input
	at, clock int64 // position, nanoseconds
}

// Looked says that a fetch at clock saw the end of an input there. An input that
// has been run to its end, and had nothing new for 10 s, is told idle by a record
// of the own log, every 10 s while it stays so.
func (t *Task) Looked(n int, end, clock int64) {
	in := t.inputs[n]
	if t.cells == nil || t.state != Running && t.state != Paused || len(in.leads) == 0 || !in.known || len(in.kept) > 0 || end > in.next {
		return
	}
	if clock-in.quiet < int64(t.cfg.IdleAfter) || clock-in.marked < int64(t.cfg.IdleAfter) && in.marked >= in.quiet || !t.policy.again(in) {
		return
	}
	in.marked = clock
	t.idles = append(t.idles, idleMark{in, in.next, clock})
}

// Owes tells whether panes or rows wait whose time is past by the clock: they are told
// when all inputs count as idle, if no record tells them before.
func (t *Task) Owes(now int64) bool {
	for _, s := range t.timed {
		if len(t.marks[s].feeds) == 0 {
			continue // the next tick tells them
		}
		if _, _, ok := t.cells.Due(s, now/1000-t.cfg.IdleAfter.Microseconds()); ok && !t.broken() {
			return true
		}
	}
	return false
}

// note is a record of the own log.
type note struct {
	Version int        `json:"v"`
	New     []noteItem `json:"new,omitempty"`  // inputs that appeared
	Idle    []noteItem `json:"idle,omitempty"` // inputs that were at their end
	Ticks   []tickItem `json:"ticks,omitempty"`
	// Identity are commands, each one of identity.Command.
	Identity []json.RawMessage `json:"identity,omitempty"`
	// Answer is that of a call; it is told in a record of its own.
	Answer *answerItem `json:"answer,omitempty"`
}

type noteItem struct {
	Route     string `json:"route"`
	Topic     string `json:"topic"` // id, 32 hex digits
	Partition int32  `json:"partition"`
	At        int64  `json:"at,omitempty"`    // position
	Clock     int64  `json:"clock,omitempty"` // of the fetch that saw the end, microseconds
}

const noteVersion = 1

// tell asks for a record of the own log that says what is to be told.
func (t *Task) tell() {
	if len(t.idles) == 0 && len(t.fresh) == 0 && len(t.plans) == 0 {
		return
	}
	n := note{Version: noteVersion, Ticks: t.plans}
	item := func(in *input) noteItem {
		return noteItem{Route: in.name.Route, Topic: hex.EncodeToString(in.name.Topic[:]), Partition: in.name.Partition}
	}
	for _, in := range t.fresh {
		n.New = append(n.New, item(in))
	}
	for _, m := range t.idles {
		it := item(m.in)
		it.At, it.Clock = m.at, t.policy.seen(m.clock)/1000
		n.Idle = append(n.Idle, it)
	}
	t.fresh, t.idles, t.plans = t.fresh[:0], t.idles[:0], nil
	b, err := json.Marshal(&n)
	if err != nil {
		panic("task: " + err.Error()) // numbers and texts
	}
	t.effect(Effect{Kind: Append, Value: b})
}

// hear reads a record of the own log.
func (t *Task) hear(e *epoch, rec *event.Record, before int64, clock time.Time) (*epoch, error) {
	var n note
	if err := json.Unmarshal(rec.Value, &n); err != nil || n.Version != noteVersion {
		return nil, fmt.Errorf("%w: the record at %d of the own log %s is none of a version that is known: %.80q", state.ErrDamaged, rec.Offset, rec.Topic, rec.Value)
	}
	for i := range n.New {
		if in := t.named(&n.New[i]); in != nil && !in.known {
			in.known = true
			e.heard = append(e.heard, heard{in: in, fresh: true})
		}
	}
	for i := range n.Idle {
		it := &n.Idle[i]
		in := t.named(it)
		if in == nil || it.At < in.idle.At || it.At == in.idle.At && it.Clock <= in.idle.Clock {
			continue
		}
		in.idle = state.Idle{At: it.At, Clock: it.Clock}
		e.heard = append(e.heard, heard{in: in, idle: in.idle})
	}
	for i := range n.Ticks {
		t.ticked(&n.Ticks[i], rec, clock)
	}
	t.judgeAll()
	for i, cmd := range n.Identity {
		if t.command(e, i, cmd, rec, clock); t.state == Failed {
			return nil, nil
		}
	}
	if n.Answer != nil {
		e = t.hearAnswer(e, n.Answer, before, clock)
	}
	return e, nil
}

// named finds the input that a note is about; nil where the program has it no more.
func (t *Task) named(it *noteItem) *input {
	for _, in := range t.inputs {
		if !in.Own && in.name.Route == it.Route && in.name.Partition == it.Partition && hex.EncodeToString(in.name.Topic[:]) == it.Topic {
			return in
		}
	}
	return nil
}

// said is how late an input has spoken, by records of it that ran when others did.
type said struct {
	in             *input
	arrived, timed int64
}

// heard is what an epoch of the own log told of an input.
type heard struct {
	in    *input
	fresh bool
	idle  state.Idle
}

// announce has a new input told on the own log; it does not run before.
func (t *Task) announce(in *input) { t.fresh = append(t.fresh, in) }
