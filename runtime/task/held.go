package task

import (
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// An output that waits longer than its epoch should becomes an entry of the store,
// written with its epoch, which then waits for it no more (I1: held in a cell of
// that epoch). It stays in the scheduler as it is; when it has ended an epoch of
// its own deletes the entry. A start gives the entries to the schedulers again
// before anything is read, so that their order stays (I3).

// heldCap bounds what held outputs keep in memory, bytes. Above it the sources
// pause.
const heldCap = 64 << 20

// heldChunk is how many bytes of held outputs share an arena after a start.
const heldChunk = 1 << 20

// entryOverhead is about what an entry has beside the output's bytes.
const entryOverhead = 256

// maxDeleted is how many entries one epoch deletes.
const maxDeleted = 4000

// holdAt is the wait from which an output is held at once, nanoseconds.
const holdAt = 1e9

// lane is what outputs keep their order in.
type lane struct {
	via  string // connection
	lane uint64
}

func (t *Task) lane(o *event.Output) lane {
	return lane{t.cfg.Routes[o.Route].Emits[o.Emit].Via, o.Lane}
}

// Hold makes outputs held, and with each all that waits in its lane. What has
// ended, or is held, changes nothing. A task without state has no store to hold
// them in: its source pauses instead.
func (t *Task) Hold(outs []*event.Output) {
	if t.cells == nil || t.state == Closed || t.state == Failed {
		return
	}
	lanes := map[lane]bool{}
	for _, o := range outs {
		if n := o.Arena.Epoch; n < t.base || n-t.base >= uint64(len(t.epochs)) {
			continue // persisted
		}
		if o.Ordered {
			lanes[t.lane(o)] = true
		} else {
			t.hold(t.epoch(o.Arena.Epoch), o)
		}
	}
	if len(lanes) > 0 {
		t.alsoHeld(lanes)
		t.holdLanes(lanes)
	}
}

// holdLanes holds all that waits in some lanes, in the order in which it ran: a
// start gives the entries back by their numbers (I3).
func (t *Task) holdLanes(lanes map[lane]bool) {
	for _, e := range t.epochs {
		for i := range e.arena.Outs {
			if o := &e.arena.Outs[i]; o.Ordered && lanes[t.lane(o)] {
				t.hold(e, o)
			}
		}
	}
}

// hold makes one output of an epoch that is sealed an entry of it.
func (t *Task) hold(e *epoch, o *event.Output) {
	from := &e.origins[o.Record]
	size := entryOverhead + len(o.ID.Of(o.Arena)) + len(o.Target.Of(o.Arena)) + len(e.key(from)) + deliver.Size(o)
	if _, held := e.held[o.Index]; held || e.ends[o.Index] || e.wroteBytes+e.entryBytes+size > epochWrites {
		return // more than that one transaction does not take: its epoch waits for the rest
	}
	e.entryBytes += size
	if e.held == nil {
		e.held = map[int32]uint64{}
	}
	e.held[o.Index] = t.nextHeld
	e.entries = append(e.entries, entry{o.Index, t.nextHeld})
	t.nextHeld++
	if o.Ordered {
		t.lanes[t.lane(o)]++
	}
	e.outs--
	c := &e.acct[o.Route].Emits[o.Emit]
	c.InFlight--
	c.Held++
}

// entry is an output of an epoch that is held.
type entry struct {
	output int32
	no     uint64
}

// release deletes the entry of an output that has ended, where it was held.
func (t *Task) release(e *epoch, o *event.Output, dead bool) bool {
	no, held := e.held[o.Index]
	if !held {
		return false
	}
	delete(e.held, o.Index)
	if o.Ordered {
		l := t.lane(o)
		if t.lanes[l]--; t.lanes[l] == 0 {
			delete(t.lanes, l)
		}
	}
	d := t.deletions()
	d.deleted = append(d.deleted, no)
	// Accounts of epochs are sums and may wrap: this one takes one from what an
	// earlier one, or the store, has.
	c := &d.acct[o.Route].Emits[o.Emit]
	c.Held--
	c.InFlight++
	c.ended(dead)
	if n := o.Arena.Epoch; len(e.held) == 0 && n < t.base {
		delete(t.lingering, n)
		t.heldBytes -= e.bytes
		// Its memory is left to the garbage collector: whoever tells this result still
		// has the output.
		t.steer()
	}
	return true
}

// deletions gives the epoch that deletes entries: one without records.
func (t *Task) deletions() *epoch {
	if n := len(t.epochs); n > t.committing && t.epochs[n-1].deletes && len(t.epochs[n-1].deleted) < maxDeleted {
		return t.epochs[n-1]
	}
	e := t.open(nil)
	e.deletes = true
	t.seal(e, 0)
	return e
}

// linger keeps an epoch that has persisted as long as outputs of it are held: the
// scheduler has them.
func (t *Task) linger(e *epoch) {
	t.lingering[e.arena.Epoch] = e
	t.heldBytes += e.bytes
}

// Holds tells whether the store holds outputs that have not ended.
func (t *Task) Holds() bool { return len(t.lingering) > 0 }

// heldWrites are the entries that an epoch makes and deletes.
func (t *Task) heldWrites(ws []state.Write, e *epoch) []state.Write {
	group := t.cfg.Group.Name
	for _, en := range e.entries {
		if !t.policy.storesHeld() {
			break
		}
		o := &e.arena.Outs[en.output]
		from := &e.origins[o.Record]
		r := t.cfg.Routes[o.Route]
		h := state.Held{
			No: en.no, Route: r.IDName(), Emit: r.Emits[o.Emit].ID, Origin: e.of(from), Order: e.key(from),
			Lane: o.Lane, Ordered: o.Ordered, Tombstone: o.Tombstone, NoKey: o.NoKey, Logged: o.Logged, Time: o.Time, NotBefore: o.NotBefore, Group: o.Group,
			ID: o.ID.Of(o.Arena), Target: o.Target.Of(o.Arena), Key: o.Key.Of(o.Arena), Body: o.Body.Of(o.Arena), Headers: o.Headers.Of(o.Arena), Person: o.Person.Of(o.Arena), Replay: e.replays[o.Index],
		}
		ws = append(ws, state.Write{Key: state.HeldKey(group, en.no), Val: state.AppendHeld(nil, &h)})
	}
	for _, no := range e.deleted {
		ws = append(ws, state.Write{Key: state.HeldKey(group, no), Delete: true})
	}
	return ws
}

// refill gives the held outputs of an earlier life back, in arenas of their own.
// Entries of an emit that the program no longer has stay in the store.
func (t *Task) refill(held []state.Held, fences []state.Fence) {
	var e *epoch
	for i := range held {
		h := &held[i]
		route, emit := t.emit(h.Route, h.Emit)
		if emit < 0 {
			continue
		}
		if e == nil || len(e.arena.Buf) >= heldChunk {
			e = &epoch{written: written{held: map[int32]uint64{}}}
			e.arena.Epoch = t.base
			t.lingering[t.base] = e
			t.base++
		}
		e.origin(&event.Record{TopicID: h.Origin.Topic, Partition: h.Origin.Partition, Offset: h.Origin.Offset, Key: h.Order, Made: &event.Made{Path: h.Origin.Path}})
		o := event.Output{
			Arena: &e.arena, Route: int32(route), Emit: int32(emit), Lane: h.Lane, Ordered: h.Ordered, Tombstone: h.Tombstone, NoKey: h.NoKey,
			Record: int32(len(e.origins) - 1), Index: int32(len(e.arena.Outs)), Logged: h.Logged, Time: h.Time, NotBefore: h.NotBefore, Group: h.Group,
		}
		for _, p := range [...]struct {
			at  *event.Bytes
			val []byte
		}{{&o.ID, h.ID}, {&o.Target, h.Target}, {&o.Key, h.Key}, {&o.Body, h.Body}, {&o.Headers, h.Headers}, {&o.Person, h.Person}} {
			p.at.Start = uint32(len(e.arena.Buf))
			e.arena.Buf = append(e.arena.Buf, p.val...)
			p.at.End = uint32(len(e.arena.Buf))
		}
		e.arena.Outs = append(e.arena.Outs, o)
		e.held[o.Index] = h.No
		if h.Replay != nil {
			if e.replays == nil {
				e.replays = map[int32]*event.Replay{}
			}
			e.replays[o.Index] = h.Replay
			e.arena.Outs[o.Index].Round = int32(h.Replay.Round)
		}
		if o.Ordered {
			t.lanes[t.lane(&o)]++
			if t.fences.counts {
				t.fences.waiting[t.lane(&o)]++
			}
		}
	}
	t.refence(fences)
	for n := range t.base {
		e := t.lingering[n]
		e.ends = make([]bool, len(e.arena.Outs))
		e.bytes = int64(len(e.arena.Buf)) + int64(len(e.arena.Outs))*outputOverhead
		t.heldBytes += e.bytes
		t.send(e.arena.Outs)
	}
}

// emit finds an emit by the route's oldest name and its id; -1 for none.
func (t *Task) emit(route, id string) (int, int) {
	for i, r := range t.cfg.Routes {
		if r.IDName() == route {
			return i, emitIndex(r, id)
		}
	}
	return -1, -1
}

func emitIndex(r *plan.Route, id string) int {
	for i, e := range r.Emits {
		if e.ID == id {
			return i
		}
	}
	return -1
}
