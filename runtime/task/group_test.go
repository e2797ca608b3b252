package task

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

// rig is a group with all that is outside of its task: logs, store, sinks, a clock,
// and a process that may crash at every effect. Effects are carried out one at a
// time, whenever the steps say so.
type rig struct {
	t     failer
	draw  func(n int, what string) int // below n
	mut   func(*Task)
	caps  Caps
	most  int       // records of an epoch
	srcs  []*source // by input; the first is the own log
	first int       // how many there were at the first start
	store *state.Memory
	older []*state.Memory // as it was before each transaction: a loss of power brings one back
	soft  bool            // power was lost, or an input is gone: contents and orders may differ
	clock int64

	accepted map[lane][]string // first acceptances: id and body
	order1   map[string]int    // by id: which acceptance the first one was
	sunk     map[string]lane   // by id
	contents map[string]string // by id: of outputs and letters
	letters  map[string]string // acknowledged
	history  []ran             // slices in the order in which they ran, those that a crash took back left out
	answers  int
	calls    bool          // some programs call
	folds    bool          // its own log has all that it will have
	floor    map[int]int64 // of inputs that were added: max(W, told) of the window when they were

	*proc
}

type failer interface {
	Fatalf(string, ...any)
	Helper()
}

// source is the log of an input.
type source struct {
	in     Input
	recs   []event.Record
	came   int     // how many have arrived
	at     []int64 // when
	exists bool
	gone   bool // the program has it no more
}

// end is the log's end: there is a gap behind every third record.
func (s *source) end() int64 {
	if s.came == 0 {
		return 0
	}
	last := s.recs[s.came-1].Offset
	if !s.in.Own && last%3 == 2 {
		last += 2
	}
	return last + 1
}

// between are the records of a part of the log.
func (s *source) between(from, to int64) []event.Record {
	var rs []event.Record
	for _, r := range s.recs[:s.came] {
		if r.Offset >= from && r.Offset < to {
			rs = append(rs, r)
		}
	}
	return rs
}

// ran is a slice that ran.
type ran struct {
	in          int
	first, last int64
	now         int64
}

// unknown is the floor of an input that is not announced yet: nothing of it can run.
const unknown = 1<<63 - 1

// proc is a process: what a crash takes.
type proc struct {
	task   *Task
	runner *stateful
	todo   []Effect
	lanes  map[lane][]*event.Output
	order  []lane // of lanes, as they came
	free   []*event.Output
	asks   []*event.Output // calls that are out
	writes []Effect        // letters on their way
	done   []Ref           // transactions in the store that the task has not been told of
	read   []int64         // by input: behind what was fetched
	paused []bool
}

func (w *rig) start() {
	w.t.Helper()
	cells, err := state.Open(w.store, testSpecs())
	if err != nil {
		w.t.Fatalf("open: %v", err)
	}
	p, err := Restore(w.store, "t")
	if err != nil {
		w.t.Fatalf("restore: %v", err)
	}
	w.history = w.forEver(p)
	w.proc = &proc{lanes: map[lane][]*event.Output{}, paused: make([]bool, len(w.srcs))}
	w.runner = &stateful{cells: cells, late: w.late, made: map[string]int{}}
	g := testGroup()
	w.task = New(Config{Routes: g.Routes, Runner: w.runner, Budget: NewBudget(ProcessBytes), Caps: w.caps, Group: g, Cells: cells, Ran: func(in int, first, last, now int64) {
		w.history = append(w.history, ran{in, first, last, now})
	}})
	if w.most > 0 {
		w.task.most = w.most
	}
	if w.mut != nil {
		w.mut(w.task)
	}
	var ins []Input
	for _, s := range w.srcs {
		if s.exists {
			in := s.in
			if in.Own && !w.folds {
				in.End = s.end()
			}
			ins = append(ins, in)
		}
	}
	if p.New() {
		w.first = len(ins)
		clear(w.floor)
	}
	w.task.Open(p, ins, w.clock)
	for i := range ins {
		w.read = append(w.read, w.task.Next(i))
	}
	w.collect()
}

// forEver is what has run and is in the store.
func (w *rig) forEver(p *Progress) []ran {
	var out []ran
	for _, r := range w.history {
		s := w.srcs[r.in]
		route := ""
		if !s.in.Own {
			route = testGroup().Routes[s.in.Route].Name
		}
		pos, _ := p.Position(route, s.in.TopicID, s.in.Partition)
		if r.last = min(r.last, pos); r.first < r.last {
			out = append(out, r)
		}
	}
	return out
}

// collect takes the effects of the last call.
func (w *rig) collect() {
	w.todo = w.task.Effects(w.todo)
	for i, at := range w.floor {
		if at == unknown && i < len(w.task.inputs) && w.task.inputs[i].known {
			w.floor[i] = max(w.task.marks[stateW].w, w.task.marks[stateW].told)
		}
	}
	for i := range w.task.cfg.Routes {
		var a Account
		w.task.Account(i, &a)
		if err := a.Check(); err != nil {
			w.t.Fatalf("route %d: %v", i, err)
		}
	}
	if err := w.task.Err(); err != nil {
		w.t.Fatalf("failed: %v", err)
	}
}

// step carries out the next effect.
func (w *rig) step() bool {
	if len(w.todo) == 0 {
		return false
	}
	e := w.todo[0]
	w.todo = w.todo[1:]
	switch e.Kind {
	case Send:
		for i := range e.Outs {
			o := &e.Outs[i]
			if o.Alone {
				w.asked(o)
				continue
			}
			if !o.Ordered {
				w.free = append(w.free, o)
				continue
			}
			l := w.task.lane(o)
			if len(w.lanes[l]) == 0 && !slices.Contains(w.order, l) {
				w.order = append(w.order, l)
			}
			w.lanes[l] = append(w.lanes[l], o)
		}
	case Produce:
		w.writes = append(w.writes, e)
	case Pause, Resume:
		w.paused[e.Input] = e.Kind == Pause
	case Watermark:
		if at := w.position(e.Input); at != e.Offset {
			w.t.Fatalf("I1: watermark %d of input %d, the store has %d", e.Offset, e.Input, at)
		}
	case Intend, Commit:
		w.older = append(w.older, w.store.Clone())
		if err := w.store.Commit(e.Writes); err != nil {
			w.t.Fatalf("commit: %v", err)
		}
		if e.Kind == Commit {
			w.done = append(w.done, e.Ref)
			if len(w.done) > 1 {
				w.t.Fatalf("two transactions at once")
			}
		}
	case Append, Tell:
		w.append(e.Value)
	}
	return true
}

// asked takes a call; nothing may be asked whose answer the log has and this life will read.
func (w *rig) asked(o *event.Output) {
	name := string(o.ID.Of(o.Arena))
	for _, r := range w.srcs[0].recs {
		if !w.folds && !w.soft && r.Offset >= w.task.Next(0) && strings.Contains(string(r.Value), strconv.Quote(name)) {
			w.t.Fatalf("w: %s is asked though the log holds its answer", name)
		}
	}
	w.asks = append(w.asks, o)
}

// answer lets a call have its answer, another one each time.
func (w *rig) answer(i int) {
	o := w.asks[i]
	w.asks = slices.Delete(w.asks, i, i+1)
	w.answers++
	r := deliver.Result{Out: o, Answer: &event.Answer{Status: 200, Body: fmt.Appendf(nil, "answer %d of %s", w.answers, o.ID.Of(o.Arena)), At: w.clock / 1000}}
	w.task.Result(&r)
	w.task.Result(&r) // counts once
	w.collect()
}

func (w *rig) position(in int) int64 {
	p, err := Restore(w.store, "t")
	if err != nil {
		w.t.Fatalf("restore: %v", err)
	}
	s := w.srcs[in].in
	route := ""
	if !s.Own {
		route = w.task.cfg.Routes[s.Route].Name
	}
	at, _ := p.Position(route, s.TopicID, s.Partition)
	return at
}

func (w *rig) append(value []byte) {
	own := w.srcs[0]
	own.recs = append(own.recs, event.Record{Topic: "own", Offset: int64(len(own.recs)), Value: value, Timestamp: event.NoTime})
	own.came++
	if own.came > 2000 {
		w.t.Fatalf("the own log never ends")
	}
}

// committed tells the task what is in the store.
func (w *rig) committed() bool {
	if len(w.done) == 0 {
		return false
	}
	w.task.Committed(w.done[0])
	w.done = w.done[1:]
	w.collect()
	return true
}

// feed gives at most n records of an input to the task.
func (w *rig) feed(i, n int) bool {
	s := w.srcs[i]
	from := w.read[i]
	if w.paused[i] || from >= s.end() {
		return false
	}
	rs := s.between(from, s.end())
	next := s.end()
	if n < len(rs) {
		next = rs[n].Offset
		rs = rs[:n]
	}
	w.read[i] = next
	if err := w.task.Records(i, rs, next, w.clock); err != nil {
		w.t.Fatalf("records: %v", err)
	}
	for j := range rs { // they are not kept
		rs[j] = event.Record{Value: []byte("overwritten"), Offset: -1}
	}
	w.collect()
	return true
}

// refused tells which outputs their sink never takes.
func refused(id string) bool {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32()%9 == 0
}

// take lets a sink answer for an output.
func (w *rig) take(o *event.Output) {
	id, body := string(o.ID.Of(o.Arena)), string(o.Body.Of(o.Arena))
	w.same(id, body)
	r := deliver.Result{Out: o, Attempts: 1}
	if refused(id) {
		r.Kind, r.Code = deliver.Denied, "400"
	} else {
		l := lane{}
		if o.Ordered {
			l = w.task.lane(o)
		}
		if _, ok := w.order1[id]; !ok {
			w.order1[id], w.sunk[id] = len(w.order1), l
		}
		if line := id + ": " + body; !slices.Contains(w.accepted[l], line) {
			w.accepted[l] = append(w.accepted[l], line)
		}
	}
	w.task.Result(&r)
	w.task.Result(&r) // counts once
	w.collect()
}

// same says that one id has one content (I4).
func (w *rig) same(id, content string) {
	if had, ok := w.contents[id]; ok && had != content && !w.soft {
		w.t.Fatalf("I4: %s was\n%s\nand is\n%s", id, had, content)
	}
	w.contents[id] = content
}

// takeOf lets the sink answer for the first output of a lane.
func (w *rig) takeOf(l lane) {
	o := w.lanes[l][0]
	w.lanes[l] = w.lanes[l][1:]
	if len(w.lanes[l]) == 0 {
		w.order = slices.DeleteFunc(w.order, func(x lane) bool { return x == l })
	}
	w.take(o)
}

func (w *rig) ack(i int) {
	e := w.writes[i]
	w.writes = slices.Delete(w.writes, i, i+1)
	l := e.Letter
	content := fmt.Sprintf("%s %s %s %q %q %s", l.Class, letter.Origin(l.Origin), l.Route, l.Value, l.Order, l.Code)
	w.same("letter "+l.ID, content)
	w.letters[l.ID] = content
	w.task.LetterAcked(e.Ref)
	w.collect()
}

// look looks at the end of an input.
func (w *rig) look(i int) {
	w.task.Looked(i, w.srcs[i].end(), w.clock) // its effects are taken with the next ones
}

// late judges what is dropped as late: neither its own partition, nor a look at its
// end, nor what was told before it was announced may be the only reason it is not
// (f).
func (w *rig) late(rec *event.Record, end int64) {
	if rec.Made != nil {
		return // of the same record as its parent
	}
	for i, s := range w.srcs {
		if s.in.Own || s.in.TopicID != rec.TopicID || s.in.Partition != rec.Partition {
			continue
		}
		own, came := int64(event.NoMicros), int64(0)
		for j := range s.recs[:s.came] {
			if s.recs[j].Offset == rec.Offset {
				came = s.at[j]
				break
			}
			own = max(own, greatest(s.recs[j].Value))
		}
		floor, added := w.floor[i]
		if end > own && end > came/1000-IdleAfter.Microseconds() && (!added || end > floor) {
			w.t.Fatalf("f: the record at %d of input %d is late for %d s, wrongly: before it %d, it came at %d", rec.Offset, i, end/sec, own/sec, came/1e9)
		}
	}
}

func (w *rig) crash(fly, power, gone bool) {
	if last := w.srcs[len(w.srcs)-1]; gone && last.exists && len(w.srcs) > 2 {
		last.exists, last.gone, w.soft = false, true, true
	}
	if power && len(w.older) > 0 {
		n := w.draw(min(4, len(w.older)), "transactions lost")
		w.store = w.older[len(w.older)-1-n]
		w.soft = true
	}
	w.older = nil
	if fly { // an append that was on the wire lands
		for _, e := range w.todo {
			if e.Kind == Append || e.Kind == Tell {
				w.append(e.Value)
				break
			}
			if e.Kind == Intend {
				break
			}
		}
	}
	w.start()
}

// drain lets everything end: all arrives, is read, taken and persisted, and the
// clock goes far beyond.
func (w *rig) drain() {
	for _, s := range w.srcs {
		if s.gone {
			continue
		}
		w.exist(s)
		for s.came < len(s.recs) {
			w.arrive(s)
		}
	}
	for round := range 12 {
		for busy := true; busy; {
			busy = false
			for w.step() {
				busy = true
			}
			busy = w.committed() || busy
			for i := range w.live() {
				busy = w.feed(i, 3) || busy
			}
			for len(w.order) > 0 {
				w.takeOf(w.order[0])
				busy = true
			}
			for len(w.free) > 0 {
				o := w.free[0]
				w.free = w.free[1:]
				w.take(o)
				busy = true
			}
			for len(w.writes) > 0 {
				w.ack(0)
				busy = true
			}
			for len(w.asks) > 0 {
				w.answer(0)
				busy = true
			}
			w.task.Persist(w.clock)
			w.collect()
			busy = busy || len(w.todo) > 0
		}
		if round < 11 {
			w.clock += 100e9
			for i := 1; i < w.live(); i++ {
				w.look(i)
			}
		}
	}
	p, err := Restore(w.store, "t")
	if err != nil {
		w.t.Fatalf("restore: %v", err)
	}
	if len(p.intents) > 0 || len(p.held) > 0 || len(p.parked) > 0 {
		w.t.Fatalf("g: at the end %d intents, %d held outputs and %d parked records are left: %v %v", len(p.intents), len(p.held), len(p.parked), p.intents, p.parked)
	}
	if k := &w.task.parking; k.total != 0 || k.held != 0 || len(k.lists)+len(k.names)+len(k.calls)+len(k.loose) != 0 {
		w.t.Fatalf("g: parked at the end: %+v", k)
	}
	for i, s := range w.srcs {
		if !s.gone && w.position(i) != s.end() {
			w.t.Fatalf("h: input %d ends at %d of %d", i, w.position(i), s.end())
		}
	}
	if r, b := w.task.InFlight(); r != 0 || b != 0 || w.task.heldBytes != 0 || len(w.task.lingering) != 0 || len(w.task.lanes) != 0 {
		w.t.Fatalf("g: in flight %d records, %d bytes, %d held", r, b, w.task.heldBytes)
	}
	if n := len(w.task.fences.into) + len(w.task.fences.waiting) + len(w.task.fences.from); n != 0 {
		w.t.Fatalf("g: %d fences and lanes are left", n)
	}
	if w.task.State() != Running {
		w.t.Fatalf("h: at the end the task is %s", w.task.State())
	}
	w.store.Scan([]byte{'t', 0, 0, 0, 3}, nil, func(k, _ []byte) bool {
		w.t.Fatalf("f: a pane is never told: %q", k)
		return false
	})
}

func (w *rig) arrive(s *source) {
	s.came++
	s.at = append(s.at, w.clock)
}

// exist makes a partition that is added later.
func (w *rig) exist(s *source) {
	if s.exists {
		return
	}
	s.exists = true
	i := w.task.AddInput(s.in, w.clock)
	if w.srcs[i] != s {
		w.t.Fatalf("added input has number %d", i)
	}
	w.floor[i] = 1 << 62 // until it is announced nothing of it can run
	w.read = append(w.read, 0)
	w.collect()
}

// fold runs the same slices again without a crash, everything taken at once.
func (w *rig) fold() *rig {
	f := newRig(w.t, nil)
	f.clock, f.folds = 1, true
	for _, s := range w.srcs {
		c := *s
		f.srcs = append(f.srcs, &c)
	}
	f.floor = w.floor
	for i := range f.srcs {
		f.srcs[i].exists = i < w.first
	}
	f.start()
	settle := func() {
		for busy := true; busy; {
			busy = false
			for len(f.todo) > 0 {
				if f.todo[0].Kind == Append || f.todo[0].Kind == Tell { // the log has it already
					f.todo = f.todo[1:]
				}
				f.step()
				busy = true
			}
			busy = f.committed() || busy
			for len(f.order) > 0 {
				f.takeOf(f.order[0])
				busy = true
			}
			for len(f.free) > 0 {
				o := f.free[0]
				f.free = f.free[1:]
				f.take(o)
				busy = true
			}
			f.asks = nil // the log has the answers
			for len(f.writes) > 0 {
				f.ack(0)
				busy = true
			}
			f.task.Persist(f.clock)
			f.collect()
			busy = busy || len(f.todo) > 0
		}
	}
	for _, s := range f.srcs {
		f.exist(s)
	}
	settle()
	for _, r := range w.history {
		if err := f.task.Records(r.in, f.srcs[r.in].between(r.first, r.last), r.last, r.now); err != nil {
			f.t.Fatalf("fold: %v", err)
		}
		f.collect()
		settle()
	}
	return f
}

func newRig(t failer, mut func(*Task)) *rig {
	return &rig{
		t: t, mut: mut, store: state.NewMemory(), clock: 1000e9,
		accepted: map[lane][]string{}, order1: map[string]int{}, sunk: map[string]lane{}, contents: map[string]string{}, letters: map[string]string{}, floor: map[int]int64{},
	}
}

// compare says that two rigs have come to the same: state byte for byte, outputs in
// their order, letters, accounts.
func (w *rig) compare(f *rig) {
	if a, b := w.dump(), f.dump(); a != b {
		w.t.Fatalf("d: state differs from the run without a crash:\n%s", difference(a, b))
	}
	if w.soft {
		for id := range f.contents {
			if _, ok := w.contents[id]; !ok {
				w.t.Fatalf("a: %s has never been taken", id)
			}
		}
		return
	}
	if a, b := lines(w.accepted), lines(f.accepted); a != b {
		w.t.Fatalf("a/c: outputs differ from the run without a crash:\n%s", difference(a, b))
	}
	for _, j := range f.runner.joins {
		w.joined(f, j)
	}
	if a, b := fmt.Sprint(w.letters), fmt.Sprint(f.letters); a != b {
		w.t.Fatalf("a: letters differ from the run without a crash:\n%s\n%s", a, b)
	}
}

// joined says that what was sent of a person before a merge came before what was sent of
// whom they became (I3). f knows in which order it was made.
func (w *rig) joined(f *rig, j joined) {
	for before, l := range w.sunk {
		if l.lane != j.from || f.runner.made[before] >= j.ran {
			continue
		}
		for after, k := range w.sunk {
			if k.via == l.via && k.lane == j.into && f.runner.made[after] >= j.ran && w.order1[after] < w.order1[before] {
				w.t.Fatalf("I3: %s was taken before %s, over a merge", after, before)
			}
		}
	}
}

func lines(m map[lane][]string) string {
	var out []string
	for l, q := range m {
		q = slices.Clone(q)
		if l == (lane{}) { // they have no order
			sort.Strings(q)
		}
		for i, s := range q {
			out = append(out, fmt.Sprintf("%s %x %04d %s", l.via, l.lane, i, s))
		}
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

func difference(a, b string) string {
	var out []string
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for _, l := range as {
		if !slices.Contains(bs, l) {
			out = append(out, "  is     "+l)
		}
	}
	for _, l := range bs {
		if !slices.Contains(as, l) {
			out = append(out, "  should "+l)
		}
	}
	return strings.Join(out, "\n")
}

// dump prints the store. Claims are listed by themselves, as a transaction makes an
// entry of all that it has, and so are the numbers of held outputs left out.
func (w *rig) dump() string {
	var out []string
	p, err := state.ReadProgress(w.store, "t")
	if err != nil {
		w.t.Fatalf("progress: %v", err)
	}
	p.NextHeld = 0
	for i := range p.Routes {
		r := &p.Routes[i]
		sort.Slice(r.Dropped, func(a, b int) bool { return r.Dropped[a].Reason < r.Dropped[b].Reason })
		out = append(out, fmt.Sprintf("account %+v", *r))
	}
	for i := range p.Inputs {
		out = append(out, fmt.Sprintf("input %+v", p.Inputs[i]))
	}
	for _, m := range p.States {
		out = append(out, fmt.Sprintf("mark %+v", m))
	}
	wm := p.States[stateM].W
	w.store.Scan(nil, nil, func(k, v []byte) bool {
		switch {
		case bytes.Equal(k, state.ProgressKey("t")):
		case k[0] == 'l':
			for v = v[:len(v)-8]; len(v) > 0; v = v[28:] { // a checksum stands behind
				at := int64(binary.BigEndian.Uint64(v[16:])) + int64(binary.BigEndian.Uint32(v[24:]))*1000
				if at+2*within > wm {
					out = append(out, "claim "+hex.EncodeToString(v[:28]))
				}
			}
		default:
			out = append(out, fmt.Sprintf("%q = %q", k, v))
		}
		return true
	})
	sort.Strings(out)
	return strings.Join(out, "\n")
}

// greatest is the greatest time of a record and its children, microseconds.
func greatest(v []byte) int64 {
	var p prog
	if err := json.Unmarshal(v, &p); err != nil {
		panic(err)
	}
	return greatestOf(&p)
}

func greatestOf(p *prog) int64 {
	t := p.T * sec
	for i := range p.Kids {
		t = max(t, greatestOf(&p.Kids[i]))
	}
	return t
}

func (w *rig) random() prog {
	p := prog{T: 1000 + int64(w.draw(12, "time"))*9, K: []string{"A", "B", "C"}[w.draw(3, "key")]}
	all := []string{"claim", "hist", "now", "x", "y", "free", "wait", "wait", "update", "window", "drop", "fail", "odd", "joinA", "joinB", "joinC"}
	if w.calls {
		all = append(all, "call", "call", "call", "ask")
	} else {
		all = append(all, "wait", "joinA", "joinB", "joinC")
	}
	for range 1 + w.draw(5, "stages") {
		p.Do = append(p.Do, all[w.draw(len(all), "stage")])
	}
	return p
}

func drawRig(t failer, draw func(n int, what string) int, mut func(*Task)) *rig {
	w := newRig(t, mut)
	w.draw = draw
	w.caps = Caps{Records: []int64{4, 100}[w.draw(2, "cap")]}
	w.most = 1 + w.draw(4, "most")
	w.caps.Parked = []int64{0, 1500}[w.draw(2, "cap of parked records")]
	w.calls = w.draw(2, "calls") > 0
	w.srcs = append(w.srcs, &source{in: Input{Route: -1, Topic: "own", Own: true}, exists: true})
	n := 2 + w.draw(2, "sources")
	for i := range n {
		s := &source{in: Input{Route: w.draw(2, "route"), Topic: "in", TopicID: event.TopicID{'i', byte('0' + i)}, Partition: int32(i)}, exists: i < n-1 || w.draw(3, "added") > 0}
		offset := int64(0)
		for range w.draw(6, "records") {
			p := w.random()
			for range w.draw(7, "split") - 4 {
				p.Kids = append(p.Kids, w.random())
			}
			s.recs = append(s.recs, event.Record{Topic: "in", TopicID: s.in.TopicID, Partition: int32(i), Offset: offset, Key: []byte(p.K), Value: []byte(p.String()), Timestamp: p.T * 1000})
			if offset%3 == 2 {
				offset += 2
			}
			offset++
		}
		for range w.draw(len(s.recs)+1, "there") {
			w.arrive(s)
		}
		w.srcs = append(w.srcs, s)
	}
	return w
}

// live are the inputs that exist.
func (w *rig) live() int {
	n := 0
	for _, s := range w.srcs {
		if s.exists {
			n++
		}
	}
	return n
}

// play takes random steps and judges where they lead.
func play(t failer, draw func(n int, what string) int, mut func(*Task)) {
	w := drawRig(t, draw, mut)
	w.start()
	power, gone := w.draw(5, "power may be lost") > 3, w.draw(8, "an input may go") > 6
	for range w.draw(100, "steps") {
		switch w.draw(21, "step") {
		case 0, 1, 2:
			w.feed(w.draw(w.live(), "input"), 1+w.draw(4, "length"))
		case 3, 4, 5:
			for range 1 + w.draw(4, "effects") {
				w.step()
			}
		case 6, 7:
			if len(w.order) > 0 {
				w.takeOf(w.order[w.draw(len(w.order), "lane")])
			}
		case 8:
			if len(w.free) > 0 {
				i := w.draw(len(w.free), "output")
				o := w.free[i]
				w.free = slices.Delete(w.free, i, i+1)
				w.take(o)
			}
			if len(w.writes) > 0 {
				w.ack(w.draw(len(w.writes), "letter"))
			}
		case 9:
			w.task.Persist(w.clock)
			w.collect()
		case 10:
			w.committed()
			if own := w.srcs[0]; own.came > 0 && w.draw(3, "again") > 1 {
				w.append(own.recs[w.draw(own.came, "appended again")].Value)
			}
		case 11:
			w.clock += []int64{1e9, 4e9, 11e9, 30e9}[w.draw(4, "seconds")]
		case 12:
			i := w.draw(w.live(), "looked at")
			if w.draw(2, "read to its end") > 0 {
				for w.feed(i, 3) {
				}
				w.clock += 11e9
			}
			w.look(i)
			if s := w.srcs[i]; s.came < len(s.recs) && w.draw(2, "then comes") > 0 {
				w.arrive(s)
				w.clock += 30e9
				w.task.Persist(w.clock)
			}
			w.collect()
		case 13:
			s := w.srcs[1+w.draw(len(w.srcs)-1, "arrives")]
			switch {
			case s.gone:
			case !s.exists:
				w.exist(s)
			case s.came < len(s.recs):
				w.arrive(s)
			}
		case 14, 15:
			if len(w.order) > 0 {
				q := w.lanes[w.order[w.draw(len(w.order), "held")]]
				w.task.Hold(q[w.draw(len(q), "from"):])
				w.collect()
			} else if len(w.free) > 0 {
				w.task.Hold(w.free[:1])
				w.collect()
			}
		case 17, 18, 19:
			if len(w.asks) > 0 {
				w.answer(w.draw(len(w.asks), "answered"))
			}
		case 16:
			for w.step() || w.committed() {
			}
		default:
			w.crash(w.draw(2, "lands") > 0, power && w.draw(2, "power") > 0, gone && w.draw(3, "gone") > 1)
		}
	}
	w.drain()
	if !w.srcs[len(w.srcs)-1].gone {
		w.compare(w.fold())
	}
}

// TestGroupAgainstModel runs random programs over several inputs, with changes,
// splits, panes, ages, idle marks, held outputs and letters, takes random steps and
// crashes at random effects; at the end state, outputs and letters are those of a
// run of the same slices without a crash (I1, I3, I4, I5, I11, I13), and accounts
// close (I2).
func TestGroupAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		play(t, func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(t, what) }, nil)
	})
}
