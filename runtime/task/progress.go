package task

import (
	"bytes"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Progress is where a group stands in its store: what Open goes on from.
type Progress struct {
	p       *state.Progress // nil: the state is new
	intents []state.Intent
	held    []state.Held
	parked  []state.Parked
}

// Restore reads where a group stands.
func Restore(s state.Store, group string) (*Progress, error) {
	var p Progress
	var err error
	if p.p, err = state.ReadProgress(s, group); err != nil {
		return nil, err
	}
	if p.intents, err = state.ReadIntents(s, group); err != nil {
		return nil, err
	}
	if p.held, err = state.ReadHeld(s, group); err != nil {
		return nil, err
	}
	if p.parked, err = state.ReadParked(s, group); err != nil {
		return nil, err
	}
	return &p, nil
}

// New tells that the group has never run with this store.
func (p *Progress) New() bool { return p.p == nil }

// Position is that of an input's next record; route is the route's oldest name, ""
// for the own log. false: the group does not know the input.
func (p *Progress) Position(route string, topic event.TopicID, partition int32) (int64, bool) {
	if in := p.input(state.InputName{Route: route, Topic: topic, Partition: partition}); in != nil {
		return in.Next, true
	}
	return 0, false
}

func (p *Progress) input(n state.InputName) *state.InputProgress {
	if p.p == nil {
		return nil
	}
	for i := range p.p.Inputs {
		if p.p.Inputs[i].InputName == n {
			return &p.p.Inputs[i]
		}
	}
	return nil
}

// RowRan tells whether the store has what a row was to a route at a tick, or what the
// tick itself was; at is the tick's position on the own log.
func (p *Progress) RowRan(route string, at int64, key []byte) bool {
	if p.p == nil {
		return false
	}
	for i := range p.p.Ticks {
		if t := &p.p.Ticks[i]; t.Route == route {
			switch {
			case t.Offset != at:
				return t.Offset > at
			case !t.Under:
				return true
			case t.State == "": // what is left of the ticks
				return len(t.After) == 0 || dueOf(key) < dueOf(t.After)
			}
			return t.After != nil && bytes.Compare(key, t.After) <= 0
		}
	}
	return false
}

// group is what only the task of a state group has.
type group struct {
	marks  []mark // by state
	timed  []int  // the states that may have timers
	family family
	fresh  []*input   // to be announced
	idles  []idleMark // to be told

	ticks []*snapshot // of routes that a schedule drives
	plans []tickItem  // ticks to be told

	intents    []intent // those whose end has not persisted, oldest first
	nextIntent uint64   // the last one's number
	turns      []intent // of intents: outstanding since the start
	void       []uint64 // of inputs that are gone, to be deleted

	fences
	parking parking

	nextHeld  uint64
	lanes     map[lane]int      // held outputs that wait, by lane
	lingering map[uint64]*epoch // persisted, and an output of them is held
	heldBytes int64             // of lingering

	// As of the last transaction asked for.
	committing int // how many epochs it holds; 0: it has been Committed
	gone       []state.InputProgress
	firing     state.Firing
	marked     []state.Mark
	tickedAt   []state.Tick
}

// forget drops what a task that ends needs no more.
func (t *Task) forget() {
	t.intents, t.turns, t.lingering, t.heldBytes, t.committing = nil, nil, nil, 0, 0
	t.fences, t.parking = fences{}, parking{}
	for _, in := range t.inputs {
		in.kept = nil
	}
}

// written is what an epoch of a group holds for its transaction.
type written struct {
	cells                  uint64 // its number in Cells
	wroteCells, wroteBytes int
	fired                  int // timers
	firing                 state.Firing
	arrived, timed         int64 // of its input
	marks                  []state.Mark
	heard                  []heard
	ticks                  []state.Tick

	held       map[int32]uint64 // outputs that are held and wait: output to entry
	entries    []entry          // that it makes
	entryBytes int
	deleted    []uint64      // that it deletes
	parks      []state.Write // of parked records
	parkBytes  int
	said       []said    // times of the inputs that they came from
	asks       []*parked // whose calls go out when it is sealed
	deletes    bool      // it does nothing else
}

// wrote tells that an epoch of a group has written as much as it may.
func (t *Task) wrote(e *epoch) bool {
	cells, bytes := t.cells.Written()
	return cells >= epochCells || e.records+e.fired >= t.most || e.read+int64(len(e.arena.Buf)+bytes+e.parkBytes) >= epochBytes
}

// sealed ends an epoch of a group: it keeps what its transaction will say, as it is
// now, and holds what is known to wait. It gives the bytes of the cells.
func (t *Task) sealed(e *epoch, now int64) int64 {
	e.wroteCells, e.wroteBytes = t.cells.Written()
	e.written.cells = t.cells.Seal()
	if e.in != nil {
		e.arrived, e.timed = e.in.arrived, e.in.timed
	}
	e.marks = e.marks[:0]
	for s := range t.marks {
		e.marks = append(e.marks, state.Mark{W: t.marks[s].w, Told: t.marks[s].told, Ended: t.marks[s].ended})
	}
	e.ticks = t.storedTicks(nil)
	t.merged()
	for i := range e.arena.Outs {
		o := &e.arena.Outs[i]
		switch {
		case o.Ordered && (o.NotBefore > now+holdAt || len(t.lanes) > 0 && t.lanes[t.lane(o)] == 0 && t.behindHeld(t.lane(o))):
			lanes := map[lane]bool{t.lane(o): true}
			t.alsoHeld(lanes)
			t.holdLanes(lanes) // what waits before it, too (I3)
		case o.NotBefore > now+holdAt || o.Ordered && len(t.lanes) > 0 && t.lanes[t.lane(o)] > 0:
			t.hold(e, o)
		}
	}
	e.wroteCells, e.wroteBytes = e.wroteCells+len(e.parks), e.wroteBytes+e.parkBytes
	t.parking.waiting = append(t.parking.waiting, e.asks...)
	return int64(e.wroteBytes) + int64(e.wroteCells)*cellOverhead
}

// cellOverhead is about what a cell costs in the overlay beside its bytes.
const cellOverhead = 128

// A transaction holds whole epochs, at least one. The store takes 5 MB in one where
// its memtable is the least (state.MinMemTable), and counts 12 bytes for each write;
// what a single epoch may be stays below that: epochCells and epochBytes, a family
// behind them or the outputs held of it, and the segments that a memory merges.
const (
	commitCells = 16_000
	commitBytes = 3 << 20
	// epochWrites bounds the cells and held outputs of one epoch, bytes.
	epochWrites = epochBytes + maxFamilyBytes
)

// commit asks for the transaction of at most the oldest n epochs: what they wrote,
// and where the group stands at the end of the last of them.
func (t *Task) commit(n int) {
	if t.committing > 0 || n == 0 {
		return
	}
	k, cells, size := 0, 0, 0
	for _, e := range t.epochs[:n] {
		cells, size = cells+e.wroteCells+len(e.entries)+len(e.deleted), size+e.wroteBytes+e.entryBytes
		if k > 0 && (cells > commitCells || size > commitBytes) {
			break
		}
		k++
	}
	last := t.epochs[k-1]
	ws := t.cells.Batch(last.cells)
	done := make([]Account, len(t.done))
	for i := range done {
		done[i].Add(&t.done[i])
	}
	for _, e := range t.epochs[:k] {
		if e.in != nil {
			s := &e.in.stored
			s.Next, s.Arrived, s.Timed, e.in.durable = e.next, e.arrived, e.timed, true
		}
		for _, x := range e.said {
			x.in.stored.Arrived, x.in.stored.Timed = max(x.in.stored.Arrived, x.arrived), max(x.in.stored.Timed, x.timed)
		}
		for _, h := range e.heard {
			h.in.durable = true
			if !h.fresh {
				h.in.stored.Idle = h.idle
			}
		}
		for i := range done {
			done[i].Add(&e.acct[i])
		}
		ws = append(t.heldWrites(ws, e), e.parks...)
	}
	t.firing, t.tickedAt = last.firing, last.ticks
	for s := range last.marks {
		last.marks[s].Name = t.marked[s].Name
		t.marked[s] = last.marks[s]
	}
	ws = t.clearIntents(ws)
	t.committing = k
	t.effect(Effect{Kind: Commit, Writes: append(ws, t.progress(done)), Ref: Ref{epoch: t.base + uint64(k) - 1}})
}

// Committed takes that a transaction is in the store.
func (t *Task) Committed(ref Ref) {
	k := t.committing
	if k == 0 || t.state == Closed || t.state == Failed || ref.epoch != t.base+uint64(k)-1 {
		return
	}
	t.committing = 0
	t.cells.Persisted(t.epochs[k-1].cells)
	t.persisted(k)
}

// progress is the write that says where the group stands.
func (t *Task) progress(done []Account) state.Write {
	p := state.Progress{States: t.marked, NextHeld: max(t.nextHeld, t.parking.nextNo), Firing: t.firing, Ticks: t.tickedAt, Fences: t.storedFences()}
	for _, in := range t.inputs {
		if in.durable {
			p.Inputs = append(p.Inputs, t.policy.marks(in.stored))
		}
	}
	p.Inputs = append(p.Inputs, t.gone...)
	for i, r := range t.cfg.Routes {
		a := &done[i]
		rc := state.RouteCount{Route: r.IDName(), In: a.In, Done: a.Completed, Dead: a.Dead}
		for _, d := range a.Dropped {
			rc.Dropped = append(rc.Dropped, state.DroppedCount{Reason: d.Reason, N: d.N})
		}
		for j, e := range r.Emits {
			c := &a.Emits[j]
			rc.Emits = append(rc.Emits, state.EmitCount{Emit: e.ID, Emitted: c.Emitted, Accepted: c.Accepted, Dead: c.Dead, Held: c.Held})
		}
		p.Routes = append(p.Routes, rc)
	}
	return state.Write{Key: state.ProgressKey(t.cfg.Group.Name), Val: state.AppendProgress(nil, &p)}
}

// restore goes on where the group stands in its store.
func (t *Task) restore(p *Progress, now int64) {
	t.lanes, t.lingering = map[lane]int{}, map[uint64]*epoch{}
	t.fences = fences{waiting: map[lane]int{}, into: map[lane]*fence{}, from: map[lane][]*fence{}}
	for i, s := range t.cfg.Group.States {
		t.fences.counts = t.fences.counts || s.Kind == ir.IdentityState
		if s.Kind != ir.DedupeState {
			t.timed = append(t.timed, i)
		}
		t.marks = append(t.marks, mark{w: event.NoMicros, told: event.NoMicros, tell: event.NoMicros, ended: event.NoMicros})
		t.marked = append(t.marked, state.Mark{Name: s.Name, W: event.NoMicros, Told: event.NoMicros, Ended: event.NoMicros})
	}
	for _, in := range t.inputs {
		t.join(in)
	}
	t.openTicks(p)
	next := uint64(0)
	if !p.New() {
		next = p.p.NextHeld
	}
	t.openParking(p.parked, next)
	t.tickedAt = t.storedTicks(nil)
	if p.New() {
		for _, in := range t.inputs {
			in.known, in.durable = true, true
		}
		// With its first inputs the state begins: one that is missing here and comes
		// later is told apart from them for ever.
		if t.policy.storesFirst() {
			t.effect(Effect{Kind: Intend, Writes: []state.Write{t.progress(t.done)}})
		}
		return
	}
	for _, in := range t.inputs {
		ip := p.input(in.name)
		if ip == nil {
			t.announce(in)
			continue
		}
		in.known, in.durable, in.stored = true, true, *ip
		in.next, in.read, in.watermark = ip.Next, ip.Next, ip.Next
		in.arrived, in.timed, in.idle = ip.Arrived, ip.Timed, ip.Idle
	}
	for i := range p.p.Inputs {
		if t.find(p.p.Inputs[i].InputName) == nil {
			t.gone = append(t.gone, p.p.Inputs[i])
		}
	}
	for s := range t.marks {
		for _, m := range p.p.States {
			if m.Name == t.marked[s].Name {
				t.marked[s], t.marks[s].w, t.marks[s].told, t.marks[s].ended = m, m.W, m.Told, m.Ended
			}
		}
		t.cells.SetWatermark(s, t.marks[s].w, t.marks[s].told)
	}
	for i := range p.p.Routes {
		t.restoreAccount(&p.p.Routes[i])
	}
	t.restoreIntents(p.intents)
	t.nextHeld = t.policy.nextHeld(p.p.NextHeld)
	t.refill(p.held, p.p.Fences)
	t.judgeAll()
	if t.firing = p.p.Firing; t.firing.Now != 0 {
		if e := t.fire(t.open(nil), t.firing); e != nil {
			t.seal(e, now)
		}
	}
}

// join makes an input one of the group's.
func (t *Task) join(in *input) {
	in.name = state.InputName{Topic: in.TopicID, Partition: in.Partition}
	if !in.Own {
		in.name.Route = t.cfg.Routes[in.Route].IDName()
	}
	in.stored = state.InputProgress{InputName: in.name, Next: in.Next, Arrived: event.NoMicros, Timed: event.NoMicros}
	t.feed(in)
}

func (t *Task) find(n state.InputName) *input {
	for _, in := range t.inputs {
		if in.name == n {
			return in
		}
	}
	return nil
}

func (t *Task) restoreAccount(rc *state.RouteCount) {
	for i, r := range t.cfg.Routes {
		if r.IDName() != rc.Route {
			continue
		}
		a := &t.done[i]
		a.In, a.Completed, a.Dead = rc.In, rc.Done, rc.Dead
		for _, d := range rc.Dropped {
			a.drop(d.Reason, d.N)
		}
		for _, e := range rc.Emits {
			if j := emitIndex(r, e.Emit); j >= 0 {
				a.Emits[j] = Emitted{Emitted: e.Emitted, Accepted: e.Accepted, Dead: e.Dead, Held: e.Held}
			}
		}
	}
}

// restoreIntents lines up the slices that must run again. Those of inputs that are
// gone are void, or nothing would ever run again.
func (t *Task) restoreIntents(all []state.Intent) {
	for _, si := range all {
		t.nextIntent = max(t.nextIntent, si.No)
		in := t.find(si.Input)
		if in == nil && t.policy.voids() {
			t.void = append(t.void, si.No)
			continue
		}
		if in == nil {
			in = &input{}
		}
		i := intent{Intent: si, in: in, stored: true}
		t.intents = append(t.intents, i)
		if in.next < si.Last {
			t.turns = append(t.turns, i)
		}
	}
}
