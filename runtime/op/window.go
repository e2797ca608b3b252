package op

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// window puts a record into the panes that its time lies in and ends it. A pane is
// a cell, and cells beside it for aggregates that take more room (pane.go); a timer
// at its end and grace makes a record of it, which runs what stands below.
//
// A pane takes records while its end and grace are ahead of the watermark, and of
// what was told while all inputs were idle (task/marks.go): from then on it
// may be told, whether it was already or not. So what is late does not depend on
// when the task looks after its timers.
//
// A window below another takes its panes. These come when the one above tells them,
// and may come all at once where the watermark has made a leap; so what is late is
// judged by when the pane was due, the panes below are open for as long as those
// above take to be told, and the task ends timers in the order in which they are due.
type window struct {
	place
	at      token.Span
	state   int
	name    string // of the state: panes are named by it
	keys    []ir.Expr
	size    int64 // microseconds, as every and grace; of a session the gap
	every   int64
	grace   int64 // with those of the windows above
	session bool
	aggs    []aggregation // what a pane keeps
	fields  []paneField   // and tells
	late    int           // the step for late records; -1: they fail
	route   int           // in the group
	entry   int           // the step below
	broken  int           // the step of a pane that cannot be told
}

// paneField is one field of a pane.
type paneField struct {
	aggregation
	name  string
	from  int  // of aggs: two percentiles of one expression are of the same numbers
	empty bool // it may be null
}

// aggregation is one aggregate.
type aggregation struct {
	kind string
	id   uint64       // names it in stored panes, so that an edit of its neighbours leaves it alone
	x    ir.Expr      // nil of count
	most int          // of collect
	p    value.Number // of percentile
	at   token.Span
}

func (c *compiler) window(p place, s *ir.Window) error {
	i, err := c.state(p, s.Memory)
	if err != nil {
		return err
	}
	// A pane below is due after all that make it up, also after the one that ends with it.
	grace := c.lag + s.Span.GraceMS*1000
	c.lag = grace + 1
	w := &window{
		place: p, at: s.At, state: i, name: s.Memory.Name, keys: s.Keys,
		size: s.Span.SizeMS * 1000, every: s.Span.EveryMS * 1000, grace: grace, session: s.Span.Session,
		late: -1, route: c.route.index,
	}
	if w.size <= 0 || w.every <= 0 && !w.session {
		return fmt.Errorf("%s: a window of %d ms every %d", p.node, s.Span.SizeMS, s.Span.EveryMS)
	}
	for i := range s.Aggs {
		a := &s.Aggs[i]
		if newAggregate(a.Func) == nil {
			return fmt.Errorf("%s: no aggregate %q", p.node, a.Func)
		}
		w.field(a)
	}
	c.add(w)
	if s.HasLate {
		w.late = c.here()
		if err := c.stages(s.Late); err != nil {
			return err
		}
	}
	c.add(done{p})
	w.broken = c.add(brokenPane{p})
	w.entry = c.here()
	c.entry(s, p, w.entry)
	c.route.group.timers[i] = w
	return nil
}

// field adds one field, and the aggregate that it is of where no other field has it.
func (s *window) field(a *ir.Agg) {
	f := paneField{name: a.Name, from: -1, empty: types.MayBeNull(a.T)}
	f.aggregation = aggregation{kind: a.Func, id: aggregateID(a), x: a.X, most: int(a.N), p: a.P, at: a.At}
	for i := range s.aggs {
		switch b := &s.aggs[i]; {
		case b.id != f.id:
		case b.most == f.most:
			f.from = i
		default:
			f.id++ // of equal ones that keep other numbers of values, the second
		}
	}
	if f.from < 0 {
		f.from = len(s.aggs)
		s.aggs = append(s.aggs, f.aggregation)
	}
	s.fields = append(s.fields, f)
}

// aggregateID names an aggregate by what it is of, not by its field: what it gives
// of that may change, too, as the p of a percentile and the most of collect.
func aggregateID(a *ir.Agg) uint64 {
	text := a.Func
	if a.X != nil {
		text += " " + strings.Join(strings.Fields(a.X.Span().Text()), " ")
	}
	return xxh3.HashString(text)
}

// done ends a late record behind its stages.
type done struct{ place }

func (s done) run(fr *Frame) int {
	fr.end = event.Outcome{Stage: s.stage, Node: s.node}
	return ended
}

func (s *window) run(fr *Frame) int {
	taken, fail := s.take(fr)
	switch {
	case fail != nil:
		return fr.fail(&s.place, fail)
	case taken:
		fr.visit(&s.place, 1)
		fr.end = event.Outcome{Stage: s.stage, Node: s.node}
		return ended
	case s.late >= 0:
		fr.visit(&s.place, 0)
		return s.late
	}
	fail = diag.Failf(diag.Late, s.at, "every pane of its time, %s, has been told", value.FormatTime(fr.eval.Time.(time.Time)))
	fail.Help = "`late { … }` behind the window says what becomes of such records, more `grace` takes them"
	return fr.fail(&s.place, fail)
}

// take puts the record into its panes; false where none is open.
func (s *window) take(fr *Frame) (bool, *diag.Failure) {
	key, fail := fr.cellKey(s.keys, s.at)
	if fail != nil {
		return false, fail
	}
	at, fail := fr.timeAt(s.at)
	if fail != nil {
		return false, fail
	}
	fr.args = fr.args[:0]
	for i := range s.aggs {
		var v value.Value
		if x := s.aggs[i].x; x != nil {
			if v, fail = eval.Expr(x, &fr.eval); fail != nil {
				return false, fail
			}
		}
		fr.args = append(fr.args, v)
	}
	return s.enter(fr, key, at)
}

// enter puts the values in fr.args into the panes of a key and time.
func (s *window) enter(fr *Frame, key []byte, at int64) (bool, *diag.Failure) {
	mark := fr.cells.Watermark(s.state)
	if m := fr.rec.Made; m != nil {
		if c, ok := m.Frame.(*carried); ok && c.pane != nil {
			mark = min(mark, *c.pane)
		}
	}
	mark = max(mark, fr.cells.Told(s.state)) // what was told is told once (I4)
	st := &paneStore{cells: fr.cells, state: s.state, key: key, at: s.at}
	if s.session {
		return s.join(fr, st, at, mark)
	}
	taken := false
	start := floor(at, s.every)
	for start+s.size > at { // from the latest pane back
		if after(start, s.size+s.grace) <= mark {
			break // and so are those before it
		}
		taken = true
		st.own = paneName(start, start+s.size)
		if fail := s.add(fr, st, at, after(start, s.size+s.grace)); fail != nil {
			return false, fail
		}
		start -= s.every
	}
	return taken, fr.full(s.at)
}

// floor is the greatest multiple of step that is not above t.
func floor(t, step int64) int64 {
	r := t % step
	if r < 0 {
		r += step
	}
	return t - r
}

// orderly is a number whose bytes, big endian, have the order of the numbers.
func orderly(n int64) uint64 { return uint64(n) ^ 1<<63 }

func unordered(n uint64) int64 { return int64(n ^ 1<<63) }

// add adds the record at hand to a pane. One that is new is told at due.
func (s *window) add(fr *Frame, st *paneStore, at, due int64) *diag.Failure {
	p, there, fail := st.load(s.aggs)
	if fail != nil {
		return fail
	}
	for i := range s.aggs {
		if s.aggs[i].x != nil && fr.args[i] == nil {
			continue // an aggregate does not see a null
		}
		if fail := p.states[i].add(st.of(&s.aggs[i]), fr.args[i], at); fail != nil {
			return fail
		}
	}
	st.save(p, s.aggs)
	if !there {
		fr.cells.Arm(s.state, due, st.pane())
	}
	return nil
}

// due tells a pane: its cells go, and a record comes of it. What it is shows in its
// name, not in the stage: an edit may have made sessions of panes, or have given it
// another size; and where that, or more grace, has put its end off, it is due then.
func (s *window) due(fr *Frame, i int, due int64, key []byte) (int, *event.Record) {
	fr.cells.Disarm(i, due, key)
	k, own, ok := cutPane(key)
	if !ok {
		return 0, nil // no key of ours
	}
	st := &paneStore{cells: fr.cells, state: i, key: k, own: own, at: s.at}
	if own[len(own)-1] == isSession {
		return s.leave(fr, st, due)
	}
	p, there, fail := st.load(s.aggs)
	if !there && fail == nil {
		return 0, nil
	}
	start := unordered(binary.BigEndian.Uint64([]byte(own)))
	end := unordered(binary.BigEndian.Uint64([]byte(own[8:])))
	if now := after(end, s.grace); now > due && !s.session {
		fr.cells.Arm(i, now, key)
		return 0, nil
	}
	return s.tell(fr, st, p, start, end, due, fail)
}

// The last byte of a pane's name says what the rest is: start and end of a pane, or
// the number of a session.
const (
	isPane    = 'p'
	isSession = 's'
)

func paneName(start, end int64) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 17), orderly(start))
	return string(append(binary.BigEndian.AppendUint64(b, orderly(end)), isPane))
}

func sessionName(id uint64) string {
	return string(append(binary.BigEndian.AppendUint64(make([]byte, 0, 9), id), isSession))
}

// cutPane cuts the key of a pane's cell into the window's key and the pane's name.
func cutPane(b []byte) (key []byte, own string, ok bool) {
	if len(b) == 0 {
		return nil, "", false
	}
	n := len(sessionName(0))
	switch b[len(b)-1] {
	case isPane:
		n = len(paneName(0, 0))
	case isSession:
	default:
		return nil, "", false
	}
	if len(b) <= n {
		return nil, "", false
	}
	at := len(b) - n
	return b[:at:at], string(b[at:]), true
}

// tell takes a pane out of the cells and makes its record, which fails where fail
// says that the pane cannot be read.
func (s *window) tell(fr *Frame, st *paneStore, p *pane, start, end, due int64, fail *diag.Failure) (int, *event.Record) {
	key := keyValue(st.key)
	from, to := time.UnixMicro(start).UTC(), time.UnixMicro(end).UTC()
	m := &event.Made{
		Kind: event.Pane, Path: panePath, Time: to, Entry: s.entry,
		Window: value.NewObject(value.Field{Key: "key", Value: key}, value.Field{Key: "start", Value: from}, value.Field{Key: "end", Value: to}),
	}
	o := value.NewObject()
	if fail == nil {
		fail = s.results(fr, st, p, o)
		for i := range s.aggs {
			p.states[i].drop(st.of(&s.aggs[i]))
		}
	}
	fr.cells.Delete(s.state, st.pane())
	m.Value = o
	m.Frame = &carried{event: o, cur: o, key: orderOf(key), pane: &due}
	if fail != nil {
		m.Frame, m.Entry = fail, s.broken
	}
	rec := &event.Record{Topic: s.name, TopicID: paneID(s.name, st.key), Offset: start, Key: orderOf(key), Timestamp: to.UnixMilli(), Made: m}
	return s.route, rec
}

// panePath ends the origin of a pane, and so its ids.
const panePath = "/pane"

// paneID stands in the origin of a pane where a record has the id of its topic.
func paneID(name string, key []byte) event.TopicID {
	return xxh3.Hash128(append(appendText(nil, name), key...)).Bytes()
}

// results fills the object of a pane.
func (s *window) results(fr *Frame, st *paneStore, p *pane, o *value.Object) *diag.Failure {
	for i := range s.fields {
		f := &s.fields[i]
		a := f.aggregation
		a.id = s.aggs[f.from].id
		v, ok, fail := p.states[f.from].result(st.of(&a))
		switch {
		case fail != nil:
			return fail
		case !ok && !f.empty:
			fail := diag.Failf(diag.StoredType, f.at, "the pane was open when `%s` became another aggregate, and has no value for it", f.name)
			fail.Help = "later panes have"
			return fail
		}
		o.Put(f.name, v)
	}
	if !fr.eval.Fits(o) {
		return diag.Failf(diag.TooLarge, s.at, "the pane is larger than 4 MiB")
	}
	return nil
}

// brokenPane fails the record of a pane that cannot be told.
type brokenPane struct{ place }

func (s brokenPane) run(fr *Frame) int {
	return fr.fail(&s.place, fr.rec.Made.Frame.(*diag.Failure))
}
