package task

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// A record whose call has no answer yet is parked: what it did is undone, its bytes are
// kept in the list of its lane, written with its epoch, and its request goes out. Later
// records of the route that meet the lane are parked behind it, so that order holds
// while an answer is waited for, and nothing but that lane waits.
//
// An answer is a record of the own log (answer.go). Read while the record waits for it,
// it is kept with the record; the list then runs in its order, each record from its
// first stage with the answers it has, until one waits again. A list is a lane's, and
// lists of lanes that become one are joined.

// parkedCap bounds what parked records keep in memory, bytes: above it the sources
// pause. maxParked bounds one of them with its answers: it is written in one transaction.
const (
	parkedCap = 64 << 20
	maxParked = 2 << 20
)

// parkedOverhead is about what a parked record costs beside its bytes.
const parkedOverhead = 512

// parkedKey names a list: the route and the lane in it or, of a record without an
// ordering key, its order in its place.
type parkedKey struct {
	route int
	lane  uint64
	alone string
}

// parked is one record of a list.
type parked struct {
	state.Parked
	key   parkedKey
	size  int64
	gone  bool          // it has ended
	out   *event.Output // of its call
	asked bool          // out is with the scheduler
}

// parking is what a group knows of its parked records.
type parking struct {
	lists map[parkedKey][]*parked // each in the order of its records
	names map[string]*parked      // those that wait for a call, by its name
	calls map[uint64]*parked      // those whose request is out, by the number of its arena
	loose map[parkedKey]bool      // lists whose first record waits for no call
	times []parkedTimes           // by route
	count []int                   // by route

	held   int64 // bytes
	total  int
	next   uint64 // number of the next arena
	nextNo uint64 // of the next record that is parked

	run     *parked   // that a list runs now; nil: the record at hand comes from elsewhere
	child   bool      // the record at hand is a child of it
	waiting []*parked // whose calls are to be asked when the own log has been read
	until   int64     // its end at the start
}

// callArena is the first number of the arenas of calls, which no epoch has.
const callArena = 1 << 63

// openParking takes up the parked records of an earlier life.
func (t *Task) openParking(stored []state.Parked, next uint64) {
	p := &t.parking
	*p = parking{
		lists: map[parkedKey][]*parked{}, names: map[string]*parked{}, calls: map[uint64]*parked{}, loose: map[parkedKey]bool{},
		times: make([]parkedTimes, len(t.cfg.Routes)), count: make([]int, len(t.cfg.Routes)), next: callArena, nextNo: next,
	}
	for _, in := range t.inputs {
		if in.Own {
			p.until = in.End
		}
	}
	for i := range stored {
		route := slices.IndexFunc(t.cfg.Routes, func(r *plan.Route) bool { return r.IDName() == stored[i].Route })
		if route < 0 {
			continue // of a route that the program has no more: it stays in the store
		}
		e := &parked{Parked: stored[i]}
		e.key = keyOf(route, &e.Parked)
		t.enlist(e)
		t.done[route].InFlight++
		if e.Call != nil {
			t.call(e, e.Call)
		}
	}
	for key := range p.lists {
		t.settle(key)
	}
}

func keyOf(route int, p *state.Parked) parkedKey {
	if p.Ordered {
		return parkedKey{route: route, lane: p.Lane}
	}
	return parkedKey{route: route, alone: string(p.Order)}
}

// Parked counts the records that wait for answers, or behind them.
func (t *Task) Parked() int { return t.parking.total }

// enlist puts a record into its list.
func (t *Task) enlist(e *parked) {
	p := &t.parking
	l := p.lists[e.key]
	i, _ := slices.BinarySearchFunc(l, e, byOrder)
	p.lists[e.key] = slices.Insert(l, i, e)
	p.total++
	p.count[e.key.route]++
	t.weigh(e)
	if e.At != event.NoMicros {
		heap.Push(&p.times[e.key.route], e)
	}
}

func byOrder(a, b *parked) int { return bytes.Compare(a.Order, b.Order) }

// weigh counts the bytes of a record anew.
func (t *Task) weigh(e *parked) {
	n := int64(parkedOverhead + len(e.Record))
	if c := e.Call; c != nil {
		n += int64(len(c.Target) + len(c.Body) + len(c.Headers))
	}
	for i := range e.Answers {
		n += int64(len(e.Answers[i].Body))
	}
	t.parking.held += n - e.size
	e.size = n
}

// unlist takes a record out of its list: it runs, or has ended.
func (t *Task) unlist(e *parked) {
	p := &t.parking
	l := p.lists[e.key]
	if i := slices.Index(l, e); i >= 0 {
		l = slices.Delete(l, i, i+1)
	}
	if p.lists[e.key] = l; len(l) == 0 {
		delete(p.lists, e.key)
	}
	t.uncall(e)
	p.total--
	p.count[e.key.route]--
	p.held -= e.size
	e.size, e.gone = 0, true
}

// settle notes whether a list can run.
func (t *Task) settle(key parkedKey) {
	if l := t.parking.lists[key]; len(l) > 0 && l[0].Call == nil {
		t.parking.loose[key] = true
	} else {
		delete(t.parking.loose, key)
	}
}

// asking is what a record asks of those of its route that are parked.
type asking struct {
	t     *Task
	route int
	run   *parked
}

// Parked is event.Calls': of the list that the record itself comes from only those
// count that are parked before it, children of the same record.
func (a *asking) Parked(lane uint64) bool {
	key := parkedKey{route: a.route, lane: lane}
	l := a.t.parking.lists[key]
	if len(l) == 0 || !a.t.policy.listens() {
		return false
	}
	return a.run == nil || a.run.key != key || bytes.HasPrefix(l[0].Order, a.run.Order)
}

// Answer is event.Calls'.
func (a *asking) Answer(id string) *event.Answer {
	if a.run == nil {
		return nil
	}
	for i := range a.run.Answers {
		if an := &a.run.Answers[i]; an.ID == id {
			return &an.Answer
		}
	}
	return nil
}

// Rounds is event.Calls'.
func (a *asking) Rounds(call string) int {
	if a.run == nil {
		return 0
	}
	n := 0
	for i := range a.run.Answers {
		rest, ok := strings.CutPrefix(a.run.Answers[i].ID, call)
		if rest, blank := strings.CutPrefix(rest, " "); ok && blank {
			if round, err := strconv.Atoi(rest); err == nil {
				n = max(n, round+1)
			}
		}
	}
	return n
}

// park parks a record that waits; of one that its list has just run, again. It fails
// the record where that cannot be.
func (t *Task) park(e *epoch, route int, rec *event.Record, end *event.Outcome) *diag.Failure {
	w, was, child := end.Wait, t.parking.run, t.parking.child
	p := &parked{Parked: state.Parked{Route: t.cfg.Routes[route].IDName(), Lane: w.Lane, Ordered: w.Ordered, At: least(end.Arrived, end.Timed), Replay: rec.Replay}}
	if was != nil && !child {
		p.Record, p.Answers = was.Record, was.Answers
		if c := w.Call; c != nil && c.Spent != "" {
			p.Answers = spent(p.Answers, c.Spent, c.Over)
		}
	}
	if p.Record == nil {
		var err error
		if p.Record, err = t.cfg.Runner.Park(route, rec); err != nil {
			return diag.Failf(diag.TooMuch, token.Span{}, "this record cannot wait for an answer: %v", err)
		}
	}
	switch same := was != nil && was.Ordered == w.Ordered && was.Lane == w.Lane; {
	case same && child:
		p.Order = t.nextOrder(was.Order) // before what is behind its parent
	case same:
		p.Order = was.Order
	default:
		p.Order = t.nextOrder(nil)
	}
	p.key = keyOf(route, &p.Parked)
	if c := w.Call; c != nil {
		p.Call = &state.ParkedCall{
			Stage: t.cfg.Routes[route].Calls[c.Index].Key, ID: c.ID, Name: bytes.Clone(c.Out.ID.Of(c.Out.Arena)),
			Target: bytes.Clone(c.Out.Target.Of(c.Out.Arena)), Body: bytes.Clone(c.Out.Body.Of(c.Out.Arena)), Headers: bytes.Clone(c.Out.Headers.Of(c.Out.Arena)),
			Group: c.Out.Group, NotBefore: c.Out.NotBefore, RetryMS: c.RetryMS,
		}
	}
	val := state.AppendParked(nil, &p.Parked)
	if len(val) > maxParked {
		return diag.Failf(diag.TooMuch, token.Span{}, "a record that waits for an answer, with those that it has, is over %d MiB", maxParked>>20)
	}
	acct := &e.acct[route]
	switch {
	case was == nil || child:
		acct.In++
		acct.InFlight++
	case !bytes.Equal(was.Order, p.Order):
		t.parkWrite(e, state.Write{Key: state.ParkedKey(t.cfg.Group.Name, was.Order), Delete: true})
	}
	t.enlist(p)
	t.settle(p.key)
	t.parkWrite(e, state.Write{Key: state.ParkedKey(t.cfg.Group.Name, p.Order), Val: val})
	if p.Call != nil {
		t.call(p, p.Call)
		e.asks = append(e.asks, p)
	}
	return nil
}

// spent leaves of the answer of a round that is over its time alone, and of the one before
// that nothing: a call may be repeated for days, and each round writes the record down.
func spent(answers []state.ParkedAnswer, id, over string) []state.ParkedAnswer {
	out := make([]state.ParkedAnswer, 0, len(answers)+1)
	for _, a := range answers {
		switch a.ID {
		case over:
			continue
		case id:
			a.Answer = event.Answer{At: a.At}
		}
		out = append(out, a)
	}
	return out
}

// nextOrder is the place behind all that are parked or, below another, behind those.
func (t *Task) nextOrder(below []byte) []byte {
	no := t.parking.nextNo
	t.parking.nextNo++
	return binary.BigEndian.AppendUint64(slices.Clone(below), no)
}

func least(a, b int64) int64 {
	if a == event.NoMicros || b != event.NoMicros && b < a {
		return b
	}
	return a
}

// parkWrite is a write of an epoch that keeps a parked record, or forgets one.
func (t *Task) parkWrite(e *epoch, w state.Write) {
	e.parks = append(e.parks, w)
	e.parkBytes += len(w.Key) + len(w.Val)
}

// runList runs a list until it is empty or its first record waits for a call. Where the
// epoch is full it is cut, and the position stays at before: read again, the answer
// finds a list that waits for no call, and this goes on. It gives the epoch at hand, nil
// when the task has Failed.
func (t *Task) runList(e *epoch, key parkedKey, before int64, clock time.Time) *epoch {
	for {
		l := t.parking.lists[key]
		if len(l) == 0 || l[0].Call != nil {
			t.settle(key)
			return e
		}
		if t.full(e) {
			e.next = before
			t.seal(e, clock.UnixNano())
			t.intendNow() // what follows must run next, and a position does not say so
			e = t.open(e.in)
		}
		if t.runParked(e, l[0], clock); t.state == Failed {
			return nil
		}
	}
}

// runParked runs one parked record, from its first stage.
func (t *Task) runParked(e *epoch, p *parked, clock time.Time) {
	if e.fired++; t.again(e, p) {
		return
	}
	rec, err := t.cfg.Runner.Unpark(p.key.route, p.Record)
	rec.Replay = p.Replay
	t.family.cells, t.family.bytes = t.cells.Written()
	t.unlist(p)
	t.parking.run = p
	if err != nil {
		end := event.Outcome{Kind: event.Failed, Stage: "call", Arrived: event.NoMicros, Timed: event.NoMicros,
			Fail: diag.Failf(diag.NoWayOn, token.Span{}, "the program was changed while this record waited for an answer: %v", err)}
		rec.Calls = &asking{t: t, route: p.key.route}
		t.parkedEnd(e, p)
		t.failed(e, p.key.route, &rec, &end)
		e.acct[p.key.route].InFlight++
		if rec.Replay != nil {
			t.replayOver(e, p.key.route, rec.Replay)
		}
	} else {
		in := t.origin(p, &rec)
		t.run(e, in, p.key.route, &rec, clock)
		if in != nil {
			e.said = append(e.said, said{in, in.arrived, in.timed})
		}
	}
	t.parking.run = nil
}

// parkedEnd takes that a record which its list has run does not wait there any more.
func (t *Task) parkedEnd(e *epoch, p *parked) {
	t.parkWrite(e, state.Write{Key: state.ParkedKey(t.cfg.Group.Name, p.Order), Delete: true})
	e.acct[p.key.route].InFlight--
}

// origin is the input that a parked record came from; nil where it speaks for none.
func (t *Task) origin(p *parked, rec *event.Record) *input {
	if rec.Made != nil && rec.Made.Kind != event.Child || rec.Replay != nil {
		return nil
	}
	return t.find(state.InputName{Route: p.Route, Topic: rec.TopicID, Partition: rec.Partition})
}

// joinLists joins the lists of lanes that have become one.
func (t *Task) joinLists(e *epoch, merges []event.LaneMerge) {
	for _, m := range merges {
		from, into := parkedKey{route: m.Route, lane: m.From}, parkedKey{route: m.Route, lane: m.Into}
		l := t.parking.lists[from]
		if len(l) == 0 || from == into {
			continue
		}
		delete(t.parking.lists, from)
		delete(t.parking.loose, from)
		for _, p := range l {
			p.key, p.Lane = into, m.Into
			t.parkWrite(e, state.Write{Key: state.ParkedKey(t.cfg.Group.Name, p.Order), Val: state.AppendParked(nil, &p.Parked)})
		}
		l = append(t.parking.lists[into], l...)
		slices.SortFunc(l, byOrder)
		t.parking.lists[into] = l
		t.settle(into)
	}
}

// oldestParked is the least @time of what is parked in a route, microseconds.
func (t *Task) oldestParked(route int) (int64, bool) {
	h := &t.parking.times[route]
	for len(*h) > 0 && (*h)[0].gone {
		heap.Pop(h)
	}
	if len(*h) == 0 {
		return 0, false
	}
	return (*h)[0].At, true
}

// behindParked bounds a watermark by what is parked in the routes that lead to a state:
// it runs again from its first stage. What changes bring there counts, too.
func (t *Task) behindParked(s int, w int64) int64 {
	if t.parking.total == 0 {
		return w
	}
	leads := t.cfg.Group.States[s].Leads
	for r := range t.cfg.Routes {
		if t.parking.count[r] == 0 || !t.cfg.Routes[r].Source.Made() && !slices.ContainsFunc(leads, func(l plan.Lead) bool { return l.Route == r }) {
			continue
		}
		if at, ok := t.oldestParked(r); ok && t.policy.parkedHolds() {
			w = min(w, at)
		}
	}
	return w
}

// parkedTimes is a heap of parked records by their times; those that have ended go when
// they come up.
type parkedTimes []*parked

func (h parkedTimes) Len() int           { return len(h) }
func (h parkedTimes) Less(i, j int) bool { return h[i].At < h[j].At }
func (h parkedTimes) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is heap.Interface's.
func (h *parkedTimes) Push(x any) { *h = append(*h, x.(*parked)) }

// Pop is heap.Interface's.
func (h *parkedTimes) Pop() any {
	n := len(*h) - 1
	x := (*h)[n]
	(*h)[n] = nil
	*h = (*h)[:n]
	return x
}

// firstLoose is the list that can run whose first record is the first.
func (t *Task) firstLoose() (key parkedKey, ok bool) {
	for k := range t.parking.loose {
		if !ok || byOrder(t.parking.lists[k][0], t.parking.lists[key][0]) < 0 {
			key, ok = k, true
		}
	}
	return key, ok
}
