package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/task"
)

// End is how a record ended in a route.
type End struct {
	In     int // the input that led to the record; 0: none
	Route  *ir.Route
	Origin event.Origin
	Kind   event.OutcomeKind
	Reason string
	Stage  string
	Node   string
	Fail   *diag.Failure
	Repeat bool // the record is a repeat of another, as its sluice-id says

	outs []made
	// Of a record of a state group: it, and what ran when it did. lost: a crash took
	// back that it ran.
	group  *stateGroup
	cause  ranStep
	lost   bool
	parked bool // it had waited for an answer
}

// made is one output of a record.
type made struct{ emit, id string }

// endID is a record of a route.
type endID struct {
	route  string
	origin event.Origin
}

// String names a record for people.
func (e endID) String() string {
	return fmt.Sprintf("%s %x/%d/%d", e.route, e.origin.Topic[:2], e.origin.Partition, e.origin.Offset)
}

// String names a task for people.
func (r *running) String() string {
	if r.group != nil {
		return fmt.Sprintf("process %d, group %s", r.p.n, r.group.Name)
	}
	return r.inputs[0].String()
}

// String names a partition of a task for people.
func (in *input) String() string {
	who := "group " + in.tp.topic
	if in.route != nil {
		who = in.route.Name
	}
	return fmt.Sprintf("process %d, %s %s/%d", in.r.p.n, who, in.tp.topic, in.tp.partition)
}

// Letter is a dead letter.
type Letter struct {
	*letter.Letter
	In   int
	Path string // the field concerned, ".lines[1].qty"; "" where there is none
	// Repeat: the record is a repeat of another, as its sluice-id says.
	Repeat bool
}

// joined notes which ordering keys a record made one.
func (w *World) joined(end *event.Outcome) {
	if end.Kind == event.Failed {
		return
	}
	for _, m := range end.Who().Merges {
		w.order = append(w.order, ordered{merge: true, lane: m.Into, from: m.From})
	}
}

// ordered is an output as it was made, or two lanes that became one.
type ordered struct {
	merge      bool
	lane, from uint64 // of a merge: into and from

	route, id, sink, what string
}

// emittedID names an output by its id.
type emittedID struct{ route, id string }

// made notes which record makes an output. Several may under one id: those of a letter
// that stands twice in its topic.
func (w *World) made(id emittedID, src *source) {
	all := w.emitted[id]
	i := slices.IndexFunc(all, func(s *source) bool { return s.of == src.of })
	if i < 0 {
		w.emitted[id] = append(all, src)
		return
	}
	all[i] = src
}

// ran notes how a record ended. It runs again after a crash: the same end, once.
func (w *World) ran(r *running, rt *route, rec *event.Record, end *event.Outcome, out *event.Arena, from int) {
	id := endID{rt.Name, event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset}}
	e := End{
		Route: rt.Route.Route, Kind: end.Kind, Reason: end.Reason, Stage: end.Stage, Node: end.Node, Fail: end.Fail,
	}
	if rec.Made == nil && rec.Replay == nil {
		l := w.find(rec)
		r.cause = cause{l.in, l.repeat}
	}
	if rec.Made != nil { // what the engine made came of what it read last
		id.origin.Path = rec.Made.Path
	}
	if rec.Replay != nil {
		r.cause = w.replayed(rec.Replay)
		id.origin.Path += again(rec.Replay.Round)
	}
	if was, ok := w.waits[id]; ok {
		r.cause, e.parked = was, true
	}
	if end.Kind == event.Waits {
		w.waits[id] = r.cause
		if c := end.Wait.Call; c != nil && r.cause.repeat {
			w.repeats[string(c.Out.ID.Of(c.Out.Arena))] = true
		}
		return
	}
	e.In, e.Repeat = r.cause.in, r.cause.repeat
	e.Origin = id.origin
	if e.group = r.group; e.group != nil && len(e.group.steps) > 0 {
		e.cause = e.group.steps[len(e.group.steps)-1]
	}
	if end.Kind != event.Split { // its children count in its place (I2)
		r.ran++
	}
	w.joined(end)
	for i := from; i < len(out.Outs); i++ {
		o := &out.Outs[i]
		if o.Ordered {
			em := rt.Emits[o.Emit]
			c := w.conns[rt.conns[o.Emit]]
			w.order = append(w.order, ordered{lane: o.Lane, route: rt.Name, id: string(o.ID.Of(out)), sink: c.kind + " " + c.name, what: em.ID})
		}
		r.emitted++
		src := &source{r: r, route: rt, of: id, nth: i - from, body: string(o.Body.Of(out)), in: e.In, repeat: e.Repeat}
		m := made{rt.Emits[o.Emit].ID, string(o.ID.Of(out))}
		r.p.made[place{out, int32(i)}] = src
		w.made(emittedID{rt.Name, m.id}, src)
		e.outs = append(e.outs, m)
	}
	i, ok := w.ends[id]
	if !ok {
		i = len(w.ended)
		w.ends[id] = i
		w.ended = append(w.ended, e)
	}
	if rec.Replay != nil && ok && !w.ended[i].lost {
		e.Repeat = e.Repeat && w.ended[i].Repeat // a repeat is the same end
	}
	w.ended[i] = e
	if r.group != nil {
		r.group.unsettled = append(r.group.unsettled, i)
	}
}

// bury puts a letter on the dead topic; a second one of an id is the same.
func (w *World) bury(x *write) {
	rec := x.letter.Encode(0)
	if x.letter.Gone != nil {
		w.unbury(x, &rec)
		return
	}
	l, err := letter.Decode(rec.Key, rec.Value, rec.Headers)
	if err != nil {
		w.breaks("a letter cannot be read again: %v", err)
		return
	}
	w.logf("letter   %s: %s of %s", x.r, l.Class, letter.Origin(l.Origin))
	if i, ok := w.dead[l.ID]; ok {
		w.post(x, &rec, w.letters[i].In, true)
		return
	}
	l.Value = bytes.Clone(l.Value) // a letter is the task's until it is acknowledged
	d := Letter{Letter: l}
	if i, ok := w.origin(l); ok {
		d.In, d.Repeat = w.ended[i].In, w.ended[i].Repeat
		if f := w.ended[i].Fail; f != nil && l.Class == letter.Processing {
			d.Path = f.Path
		}
	}
	w.post(x, &rec, d.In, d.Repeat)
	w.dead[l.ID] = len(w.letters)
	w.letters = append(w.letters, d)
}

// origin finds the end of the record that a letter is of. A letter's origin names
// an element of `each`, too, where that failed; the record is the longest prefix of
// its path that ran.
func (w *World) origin(l *letter.Letter) (int, bool) {
	if l.Class == letter.Delivery { // of a record that ran, in whatever round
		for round := range letter.MaxRounds + 1 {
			o := l.Origin
			if o.Path += again(round); round == 0 {
				o = l.Origin
			}
			if i, ok := w.ends[endID{l.Route, o}]; ok && w.ended[i].Kind != event.Failed {
				return i, true
			}
		}
	} else if l.Round > 0 {
		return w.replayEnd(l)
	}
	for o := l.Origin; ; {
		if i, ok := w.ends[endID{l.Route, o}]; ok || o.Path == "" {
			return i, ok
		}
		o.Path = o.Path[:strings.LastIndexAny(o.Path, "/~")]
	}
}

// commit takes a position of a group; the broker takes none of a process that
// does not own the partition any more.
func (w *World) commit(in *input, at int64) {
	if in.route == nil { // the own log: read by position, never by a consumer group
		return
	}
	g := &in.route.group
	if o := w.owner(in.route, in.tp); in.r.group == nil && o != in.r.p {
		w.logf("commit   %s at %d: fenced", in, at)
		return
	}
	w.logf("commit   %s at %d", in, at)
	old := g.committed[in.tp]
	if at < old && !w.powerLost { // a store that lost transactions goes back
		w.breaks("I1: %s goes back from %d to %d", in, old, at)
		return
	}
	if in.r.group == nil {
		w.settled(in, old, at)
	}
	g.committed[in.tp] = at
}

// stored takes a position of a group that its store has: everything before it must
// be settled by now, and it is what a start goes on from.
func (w *World) stored(in *input, at int64) {
	w.logf("stored   %s to %d", in, at)
	w.settled(in, in.done, at)
	in.done = at
}

// settled holds I1 for the records of an input from one position to another.
func (w *World) settled(in *input, from, to int64) {
	part := &w.topics[in.tp.topic].parts[in.tp.partition]
	if in.replays() {
		w.settledReplays(in, from, to)
	}
	for i := part.from(from); in.route != nil && !in.replays() && i < len(part.recs) && part.recs[i].rec.Offset < to; i++ {
		rec := &part.recs[i].rec
		if rec.Value == nil && in.route.Source.Dead != nil {
			continue // a letter that has ended is no record
		}
		o := event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset}
		n, ok := w.ends[endID{in.route.Name, o}]
		if _, waited := w.waits[endID{in.route.Name, o}]; waited && in.r.parks(in.route, o) {
			continue // where it ended, if it did, is not stored
		}
		if !ok {
			w.breaks("I1: %s is committed and never ran", endID{in.route.Name, o})
			continue
		}
		w.settledEnd(in.r, n)
	}
	g := in.r.group
	if g == nil {
		return
	}
	progress, err := task.Restore(g.disk, g.Name)
	if err != nil {
		panic("sim: " + err.Error())
	}
	g.unsettled = slices.DeleteFunc(g.unsettled, func(n int) bool {
		e := &w.ended[n]
		c := &e.cause
		if c.of != "" && !e.lost && !c.ran(w, progress) {
			return false
		}
		if e.lost || c.route != in.route || c.tp != in.tp || c.at >= to {
			return e.lost
		}
		w.settledEnd(in.r, n)
		return true
	})
}

// settledEnd holds it for one end: every output was taken or has a letter, or is
// held in the store, and a failed record has its letter.
func (w *World) settledEnd(r *running, n int) {
	e := &w.ended[n]
	id := endID{e.Route.Name, e.Origin}
	if e.Kind == event.Failed {
		if !w.hasLetter(e.Route, e.Origin, "") && !w.hasProcessing(id) {
			w.breaks("I1: %s is committed without its letter", id)
		}
		return
	}
	for n, m := range e.outs {
		_, taken := w.firstTaken[takenID{id, n}]
		if !taken && !w.hasLetter(e.Route, e.Origin, m.emit+"\x00"+m.id) && !r.holds(m) {
			w.breaks("I1: %s is committed and its output %d was neither taken nor buried", id, n)
		}
	}
}

func (w *World) hasLetter(r *ir.Route, o event.Origin, emit string) bool {
	round := 0
	o, round = firstTime(o)
	if emit != "" {
		round = 0 // an output is refused for the first time, whatever its record is
	}
	_, ok := w.dead[letter.ID(r.IDName(), o, emit, round)]
	return ok
}

// hasProcessing looks for the letter of a record of which an element failed: its
// id holds the element's path.
func (w *World) hasProcessing(id endID) bool {
	for i := range w.letters {
		l := w.letters[i].Letter
		if l.Class == letter.Processing && l.Route == id.route {
			if n, ok := w.origin(l); ok && w.ended[n].Origin == id.origin {
				return true
			}
		}
	}
	return false
}

// Taken lists what the sinks took, repeats too, in the order they took it.
func (w *World) Taken() []Taken { return w.taken }

// Letters lists the dead letters in the order they were first written.
func (w *World) Letters() []Letter { return w.letters }

// Ends lists how the records ended, in the order they first ran; what a crash took
// back is not among them.
func (w *World) Ends() []End {
	return slices.DeleteFunc(slices.Clone(w.ended), func(e End) bool { return e.lost })
}

// CheckAccounts holds both laws (I2) for every task of the living processes, and
// their counts against what ran before the world's eyes.
func (w *World) CheckAccounts() error {
	for _, p := range w.procs {
		for _, r := range p.tasks {
			in, emitted := uint64(0), uint64(0)
			for i := range r.routes {
				var a task.Account
				r.task.Account(i, &a)
				if err := a.Check(); err != nil {
					return fmt.Errorf("%s, %s: %w", r, r.routes[i].Name, err)
				}
				in += a.In
				for _, e := range a.Emits {
					emitted += e.Emitted
				}
			}
			if r.ended || r.group != nil || r.inputs[0].replays() {
				continue // what it could not end counts no more; of a group the past counts, too
			}
			if in != r.ran || emitted != r.emitted {
				return fmt.Errorf("I2: %s counts %d records and %d outputs, but %d and %d were", r, in, emitted, r.ran, r.emitted)
			}
		}
	}
	return nil
}
