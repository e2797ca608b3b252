package task

import (
	"slices"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// What a group decides depends on the order in which slices of its inputs run, and
// on the now they see. So each slice is an intent: numbered as it runs, stored
// before any effect of it leaves, and kept until all of it has persisted. A start
// runs the stored ones again in the order of their numbers, up to their ends and
// under their now, before anything else (I13). A shorter fetch only cuts finer
// epochs under the same now.

// intent is a slice that has run, or is to be run again.
type intent struct {
	state.Intent
	in     *input
	stored bool
}

// slice is what was given of an input and may not run yet.
type slice struct {
	rs   []event.Record
	next int64
	size int64 // bytes
}

// take runs a slice of a group's input, or keeps it until its turn comes.
func (t *Task) take(in *input, rs []event.Record, next, now int64) {
	if t.turn() == nil && in.known && t.reading() == nil {
		upto := t.piece(in, rs, next)
		n := len(rs)
		for n > 0 && rs[n-1].Offset >= upto {
			n--
		}
		if upto < next {
			t.keep(in, rs[n:], next)
		}
		t.slice(in, rs[:n], upto, t.intend(in, upto, now))
	} else {
		t.keep(in, rs, next)
	}
	t.catchUp(now)
}

// intend makes the intent of a slice that runs now, and gives the now it sees.
func (t *Task) intend(in *input, next, now int64) int64 {
	if t.policy.intends() {
		t.nextIntent++
		t.intents = append(t.intents, intent{Intent: state.Intent{No: t.nextIntent, Input: in.name, First: in.next, Last: next, Now: now}, in: in})
	}
	return now
}

// turn is the stored intent that must run before anything else, nil for none.
func (t *Task) turn() *intent {
	if len(t.turns) == 0 {
		return nil
	}
	return &t.turns[t.policy.turn(t.turns)]
}

// keep copies a slice whose turn has not come. Its input is paused meanwhile.
func (t *Task) keep(in *input, rs []event.Record, next int64) {
	s := slice{next: next, size: recordOverhead}
	for i := range rs {
		r := rs[i]
		r.Key, r.Value, r.Headers = slices.Clone(r.Key), slices.Clone(r.Value), cloneHeaders(r.Headers)
		s.rs = append(s.rs, r)
		s.size += int64(r.Size())
	}
	in.kept = append(in.kept, s)
	t.bytes += s.size
}

// catchUp runs what was kept, as far as its turn has come.
func (t *Task) catchUp(now int64) {
	for {
		if t.state == Failed || !t.sweep(now) {
			return
		}
		turn := t.turn()
		if turn == nil {
			break
		}
		in := turn.in
		if in.next >= turn.Last {
			i := t.policy.turn(t.turns)
			t.turns = slices.Delete(t.turns, i, i+1)
			continue
		}
		if t.state == Failed || len(in.kept) == 0 || !in.known {
			return
		}
		t.runKept(in, turn.Last, turn.Now)
	}
	// What is read of the own log may make an input known.
	for again := true; again; {
		again = false
		for _, in := range t.inputs {
			for in.known && len(in.kept) > 0 && t.state != Failed {
				next := t.piece(in, in.kept[0].rs, in.kept[0].next)
				t.runKept(in, next, t.intend(in, next, now))
				again = true
				if t.state == Failed || !t.sweep(now) {
					return
				}
			}
		}
	}
}

// goOn goes on with the rows that a cap has held up, and with what waited for them.
func (t *Task) goOn(now int64) {
	if t.state == Running && t.reading() != nil {
		t.catchUp(now)
		t.steer()
	}
}

// runKept runs the first kept slice of an input, at most up to a position.
func (t *Task) runKept(in *input, upto, now int64) {
	s := in.kept[0]
	n, next := len(s.rs), s.next
	if next > upto {
		n, next = 0, upto
		for n < len(s.rs) && s.rs[n].Offset < upto {
			n++
		}
		// Reached by any later record: what stood there is gone (compaction, the log's
		// start has moved).
		in.kept[0].rs = s.rs[n:]
	} else {
		in.kept = slices.Delete(in.kept, 0, 1)
		t.bytes -= s.size
	}
	t.slice(in, s.rs[:n], next, now)
}

// storeIntents puts the intents of what has run since the last call in front of
// the first effect that leaves: outputs, letters, marks. Where there is none they
// wait; what persists meanwhile needs no intent.
func (t *Task) storeIntents() {
	at := slices.IndexFunc(t.effects, func(e Effect) bool { return e.Kind == Send || e.Kind == Produce || e.Kind == Append || e.Kind == Tell })
	if at < 0 {
		return
	}
	if ws := t.unstored(); ws != nil {
		t.effects = slices.Insert(t.effects, t.policy.intentAt(at, len(t.effects)), Effect{Kind: Intend, Writes: ws})
	}
}

// intendNow has them stored before anything that is asked for later.
func (t *Task) intendNow() {
	if ws := t.unstored(); ws != nil {
		t.effect(Effect{Kind: Intend, Writes: ws})
	}
}

// unstored gives the writes of the intents that are not stored yet.
func (t *Task) unstored() (ws []state.Write) {
	for i := range t.intents {
		in := &t.intents[i]
		if !in.stored {
			in.stored = true
			ws = append(ws, state.Write{Key: state.IntentKey(t.cfg.Group.Name, in.No), Val: state.AppendIntent(nil, &in.Intent)})
		}
	}
	return ws
}

// clearIntents deletes the intents whose end the transaction at hand passes, and
// those of inputs that are gone.
func (t *Task) clearIntents(ws []state.Write) []state.Write {
	for _, no := range t.void {
		ws = append(ws, state.Write{Key: state.IntentKey(t.cfg.Group.Name, no), Delete: true})
	}
	t.void = nil
	t.intents = slices.DeleteFunc(t.intents, func(in intent) bool {
		if !t.policy.passed(&in) {
			return false
		}
		if in.stored {
			ws = append(ws, state.Write{Key: state.IntentKey(t.cfg.Group.Name, in.No), Delete: true})
		}
		return true
	})
	return ws
}
