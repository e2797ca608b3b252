package task

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/state"
)

// The group of the tests: a and b read topics and share everything, c and d read
// changes: c of the table t, which a, b and the panes write, d of t and of u, which
// c writes. Panes run in a.
const (
	routeA = iota
	routeB
	routeC
	routeD
)

const (
	stateT = iota // rows that age: n and when it was written
	stateU
	stateW // panes
	stateM // a dedupe memory
	stateP // people: who became whom
)

const (
	sec    = int64(1e6) // of event time, in microseconds
	paneOf = 20 * sec
	ageOf  = 50 * sec
	within = 15 * sec
)

func testGroup() *plan.Group {
	g := &plan.Group{Name: "t"}
	for _, n := range []string{"a", "b", "c", "d"} {
		g.Routes = append(g.Routes, &plan.Route{Route: &ir.Route{Name: n}, Group: g, Emits: []*ir.Emit{{ID: "x", Via: "x"}, {ID: "y", Via: "y"}}})
	}
	for _, r := range g.Routes[:3] {
		r.Source = &ir.Source{Kind: "topic"}
		r.Calls = []*ir.HTTPCall{{StageInfo: ir.StageInfo{Key: "call"}}}
	}
	g.Routes[routeC].Source, g.Routes[routeD].Source = &ir.Source{Kind: "changes"}, &ir.Source{Kind: "changes"}
	leads := []plan.Lead{{Route: routeA}, {Route: routeB, Timed: true}}
	g.States = []*plan.State{
		{State: &ir.State{Kind: ir.TableState, Name: "table t", SpanMS: ageOf / 1000}, Leads: leads, Readers: []int{routeC, routeD}},
		{State: &ir.State{Kind: ir.TableState, Name: "table u"}, Leads: leads, Readers: []int{routeD}},
		{State: &ir.State{Kind: ir.WindowState, Name: "window a 20s"}, Leads: leads},
		{State: &ir.State{Kind: ir.DedupeState, Name: "dedupe m", SpanMS: within / 1000}, Leads: leads[:1]},
		{State: &ir.State{Kind: ir.IdentityState, Name: "identity p"}, Leads: leads},
	}
	return g
}

func testSpecs() []state.Spec {
	return []state.Spec{{Number: 1}, {Number: 2}, {Number: 3}, {Number: 4, Keep: within}, {Number: 5}}
}

// prog is what a record does, as its value says, in order.
type prog struct {
	T    int64    `json:"t"` // @time, seconds
	K    string   `json:"k"` // key of everything
	Do   []string `json:"do,omitempty"`
	Kids []prog   `json:"kids,omitempty"`
}

func (p prog) String() string { b, _ := json.Marshal(p); return string(b) }

// stateful is the runner of the group.
type stateful struct {
	cells *state.Cells
	late  func(rec *event.Record, end int64) // told what is dropped as late
	ran   int
	made  map[string]int // by id of an output: how many records had run
	joins []joined
}

// joined is a merge: what was made in the lane from before the record ran comes before
// what is made in into from then on.
type joined struct {
	ran        int
	from, into uint64
}

type running struct {
	*stateful
	route int
	rec   *event.Record
	at    string // its origin
	now   time.Time
	out   *event.Arena
	n     int
	calls int
	wait  *event.Wait
}

func (s *stateful) Run(route int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	s.ran++
	r := &running{stateful: s, route: route, rec: rec, now: now, out: out}
	r.at = fmt.Sprintf("%s%d/%d/%d", strings.TrimRight(string(rec.TopicID[:1]), "\x00"), rec.TopicID[1], rec.Partition, rec.Offset)
	if rec.Made == nil {
		var p prog
		if err := json.Unmarshal(rec.Value, &p); err != nil {
			panic(err)
		}
		return r.whole(&p)
	}
	r.at += rec.Made.Path
	switch rec.Made.Kind {
	case event.Child:
		return r.whole(rec.Made.Frame.(*prog))
	case event.Change:
		return r.waits(r.change(string(rec.Made.Value.(string))))
	default:
		return r.waits(r.pane(string(rec.Made.Value.(string))))
	}
}

// waits is how a record ends that met an answer that is not there, or a lane that waits.
func (r *running) waits(end event.Outcome) event.Outcome {
	if r.wait != nil {
		end.Kind, end.Wait, end.People, end.Children = event.Waits, r.wait, nil, nil
	}
	return end
}

// meets tells that the record waits behind others of a lane.
func (r *running) meets(key string) bool {
	lane := laneOf(r.route, r.person(key))
	if r.wait == nil && r.rec.Calls != nil && r.rec.Calls.Parked(lane) {
		r.wait = &event.Wait{Lane: lane, Ordered: true}
	}
	return r.wait != nil
}

// call asks something, and gives the answer.
func (r *running) call(key string, ordered bool) string {
	if ordered && r.meets(key) || r.wait != nil {
		return ""
	}
	id := fmt.Sprintf("call %d", r.calls)
	r.calls++
	if a := r.rec.Calls.Answer(id); a != nil {
		return " " + string(a.Body)
	}
	a := &event.Arena{}
	a.Buf = fmt.Appendf(nil, "%d %s %s", r.route, r.at, id)
	a.Outs = append(a.Outs, event.Output{Arena: a, ID: event.Bytes{End: uint32(len(a.Buf))}})
	r.wait = &event.Wait{Call: &event.Call{ID: id, Out: &a.Outs[0]}}
	if ordered {
		r.wait.Lane, r.wait.Ordered = laneOf(r.route, r.person(key)), true
	}
	return ""
}

// parkedText is a parked record as the tests write it down.
type parkedText struct {
	Topic     string
	TopicID   event.TopicID
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte
	Timestamp int64
	Kind      event.MadeKind
	Path      string
	Text      string
	Made      bool
	Prog      *prog
}

func (s *stateful) Park(_ int, rec *event.Record) ([]byte, error) {
	w := parkedText{Topic: rec.Topic, TopicID: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset, Key: rec.Key, Value: rec.Value, Timestamp: rec.Timestamp}
	if m := rec.Made; m != nil {
		w.Made, w.Kind, w.Path, w.Text = true, m.Kind, m.Path, m.Value.(string)
		w.Prog, _ = m.Frame.(*prog)
	}
	return json.Marshal(&w)
}

func (s *stateful) Unpark(_ int, b []byte) (event.Record, error) {
	var w parkedText
	if err := json.Unmarshal(b, &w); err != nil {
		panic(err)
	}
	rec := event.Record{Topic: w.Topic, TopicID: w.TopicID, Partition: w.Partition, Offset: w.Offset, Key: w.Key, Value: w.Value, Timestamp: w.Timestamp}
	if w.Made {
		rec.Made = &event.Made{Kind: w.Kind, Path: w.Path, Value: w.Text}
		if w.Prog != nil {
			rec.Made.Frame = w.Prog
		}
	}
	return rec, nil
}

// whole runs a program; of one that fails no merge is left.
func (r *running) whole(p *prog) event.Outcome {
	n := len(r.joins)
	end := r.waits(r.prog(p))
	if end.Kind == event.Failed || end.Kind == event.Waits {
		r.joins = r.joins[:n]
	}
	return end
}

func (r *running) prog(p *prog) event.Outcome {
	end := event.Outcome{Arrived: p.T * sec, Timed: p.T*sec + 1}
	seen := ""
	for _, do := range p.Do {
		if r.wait != nil {
			return end
		}
		switch do {
		case "hist": // the order of everything that ran before
			seen = r.hist()
		case "now":
			seen += fmt.Sprintf(" now %d", r.now.UnixNano()/1e9)
		case "x", "y":
			r.emit(int(do[0]-'x'), p.K, true, 0, seen)
		case "free":
			r.emit(0, "", false, 0, seen)
		case "wait":
			r.emit(0, p.K, true, r.now.UnixNano()+5e9, seen)
		case "claim":
			if !r.cells.Claim(stateM, []byte(p.K), p.T*sec, within) {
				end.Kind, end.Reason = event.Dropped, "repeat"
				return end
			}
		case "call":
			seen += r.call(p.K, true)
		case "ask": // without an order
			seen += r.call("", false)
		case "update":
			seen += " row " + r.update(stateT, p.K, p.T*sec)
		case "window":
			r.window(p, seen)
		case "joinA", "joinB", "joinC":
			r.join(p.K, do[4:], &end)
		case "drop":
			end.Kind, end.Reason = event.Dropped, "drop"
			return end
		case "fail":
			return r.fail(end)
		case "odd": // fails by what the state says
			if h := r.hist(); h[len(h)-1]%2 == 1 {
				return r.fail(end)
			}
		}
	}
	for i := range p.Kids {
		end.Kind = event.Split
		path := ""
		if r.rec.Made != nil {
			path = r.rec.Made.Path
		}
		c := *r.rec
		c.Made = &event.Made{Kind: event.Child, Path: path + "/" + strconv.Itoa(i), Value: p.Kids[i].K, Frame: &p.Kids[i]}
		end.Children = append(end.Children, c)
	}
	return end
}

func (r *running) fail(end event.Outcome) event.Outcome {
	end.Kind, end.Stage, end.Fail = event.Failed, "map", diag.Failf(diag.Syntax, token.Span{}, "it fails")
	return end
}

// hist folds the record into the history of all that ran, and gives it.
func (r *running) hist() string {
	old, _ := r.cells.Get(stateU, []byte("hist"))
	h := fnv.New32a()
	h.Write(old)
	h.Write([]byte(r.at))
	v := fmt.Sprintf("%08x", h.Sum32())
	r.cells.Put(stateU, []byte("hist"), []byte(v))
	return v
}

// update counts a row and tells the change.
func (r *running) update(s int, key string, at int64) string {
	n := int64(0)
	old, ok := r.cells.Get(s, []byte(key))
	if ok {
		n = int64(binary.BigEndian.Uint64(old))
	} else if s == stateT {
		r.cells.Arm(s, at+ageOf, []byte(key))
	}
	row := binary.BigEndian.AppendUint64(nil, uint64(n+1))
	row = binary.BigEndian.AppendUint64(row, uint64(at))
	r.cells.Put(s, []byte(key), row)
	v := fmt.Sprintf("%s=%d", key, n+1)
	r.cells.Tell(state.Change{State: s, Value: v})
	return v
}

func (r *running) change(v string) event.Outcome {
	r.hist()
	key, _, _ := strings.Cut(v, "=")
	if r.route == routeC {
		if strings.HasSuffix(v, "3") {
			return r.fail(event.Outcome{})
		}
		r.update(stateU, key, 0)
		if strings.HasSuffix(v, "4") {
			r.update(stateU, key, 0)
		}
	}
	if r.route == routeC && strings.HasSuffix(v, "2") {
		v += r.call(key, true)
	}
	r.emit(r.route%2, key, true, 0, v+" "+r.hist())
	return event.Outcome{Arrived: event.NoMicros, Timed: event.NoMicros}
}

// person is who a key is today.
func (r *running) person(key string) string {
	for {
		to, ok := r.cells.Get(stateP, []byte(key))
		if !ok {
			return key
		}
		key = string(to)
	}
}

// join makes the person of one key that of another.
func (r *running) join(key, with string, end *event.Outcome) {
	key, with = r.person(key), r.person(with)
	if key == with {
		return
	}
	r.cells.Put(stateP, []byte(key), []byte(with))
	for route := range 4 {
		m := event.LaneMerge{Route: route, From: laneOf(route, key), Into: laneOf(route, with)}
		if end.People == nil {
			end.People = &event.People{}
		}
		end.People.Merges = append(end.People.Merges, m)
		for _, j := range r.joins {
			if j.into == m.From {
				r.joins = append(r.joins, joined{r.ran, j.from, m.Into})
			}
		}
		r.joins = append(r.joins, joined{r.ran, m.From, m.Into})
	}
}

func laneOf(route int, key string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", route, key)
	return h.Sum64()
}

func (r *running) window(p *prog, seen string) {
	end := (p.T*sec/paneOf + 1) * paneOf
	if end <= max(r.cells.Watermark(stateW), r.cells.Told(stateW)) {
		r.late(r.rec, end)
		r.emit(1, p.K, true, 0, "late "+seen)
		return
	}
	key := binary.BigEndian.AppendUint64(nil, uint64(end))
	key = append(key, p.K...)
	old, ok := r.cells.Get(stateW, key)
	if !ok {
		r.cells.Arm(stateW, end, key)
	}
	r.cells.Put(stateW, key, []byte(string(old)+" "+r.at))
}

func (r *running) pane(v string) event.Outcome {
	h := r.hist()
	if h[0]%4 == 0 {
		return r.fail(event.Outcome{})
	}
	if r.rec.Offset/sec%3 == 0 {
		v += r.call("pane", true)
	}
	row := r.update(stateT, "pane", r.rec.Offset)
	r.emit(0, "pane", true, 0, v+" "+h+" "+row+fmt.Sprintf(" now %d", r.now.UnixNano()/1e9))
	return event.Outcome{}
}

// Command updates the row of the first key, or fails where there is none, and has the
// keys erased elsewhere.
func (s *stateful) Command(cmd []byte, rec *event.Record, now time.Time) event.Outcome {
	var c identity.Command
	if err := json.Unmarshal(cmd, &c); err != nil {
		panic(err)
	}
	r := &running{stateful: s, rec: rec, now: now, at: fmt.Sprintf("own/%d", rec.Offset)}
	if len(c.Keys) == 0 {
		r.update(stateT, "lost", sec)
		return r.fail(event.Outcome{})
	}
	r.update(stateT, c.Keys[0], sec)
	return event.Outcome{Arrived: event.NoMicros, Timed: event.NoMicros, People: &event.People{Erased: c.Keys}}
}

func (s *stateful) Row(int, int64, []byte, []byte) *event.Record { panic("a row") }

func (s *stateful) Due(st int, due int64, key []byte) (int, *event.Record) {
	s.cells.Disarm(st, due, key)
	old, ok := s.cells.Get(st, key)
	if !ok {
		return 0, nil
	}
	if st == stateW {
		s.cells.Delete(st, key)
		return routeA, &event.Record{
			TopicID: event.TopicID{'w', key[len(key)-1]}, Offset: due, Timestamp: due / 1000,
			Made: &event.Made{Kind: event.Pane, Value: fmt.Sprintf("pane %s to %d:%s", key[8:], due/sec, old)},
		}
	}
	if at := int64(binary.BigEndian.Uint64(old[8:])); at+ageOf > due {
		s.cells.Arm(st, at+ageOf, key)
		return 0, nil
	}
	s.cells.Delete(st, key)
	s.cells.Tell(state.Change{State: st, Value: string(key) + "=gone"})
	return 0, nil
}

// emit makes an output; its id is for ever the same, its body says what the
// record saw.
func (r *running) emit(emit int, key string, ordered bool, notBefore int64, body string) {
	if ordered && r.meets(key) || r.wait != nil {
		return
	}
	o := event.Output{Arena: r.out, Emit: int32(emit), Ordered: ordered, NotBefore: notBefore, NoKey: true, Time: event.NoTime}
	if ordered {
		o.Lane = laneOf(r.route, r.person(key))
	}
	put := func(s string) event.Bytes {
		b := event.Bytes{Start: uint32(len(r.out.Buf))}
		r.out.Buf = append(r.out.Buf, s...)
		b.End = uint32(len(r.out.Buf))
		return b
	}
	o.ID = put(fmt.Sprintf("%d %s #%d", r.route, r.at, r.n))
	o.Body = put(body)
	r.made[string(o.ID.Of(r.out))] = r.stateful.ran
	r.n++
	r.out.Outs = append(r.out.Outs, o)
}
