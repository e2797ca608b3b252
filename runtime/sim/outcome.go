package sim

import (
	"fmt"

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
func (r *running) String() string { return r.inputs[0].String() }

// String names a partition of a task for people.
func (in *input) String() string {
	return fmt.Sprintf("process %d, %s %s/%d", in.r.p.n, in.route.Name, in.tp.topic, in.tp.partition)
}

// Letter is a dead letter.
type Letter struct {
	*letter.Letter
	In   int
	Path string // the field concerned, ".lines[1].qty"; "" where there is none
	// Repeat: the record is a repeat of another, as its sluice-id says.
	Repeat bool
}

// ran notes how a record ended. It runs again after a crash: the same end, once.
func (w *World) ran(r *running, rec *event.Record, end *event.Outcome, out *event.Arena, from int) {
	id := endID{r.route.Name, event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset}}
	r.ran++
	l := w.find(rec)
	e := End{
		In: l.in, Repeat: l.repeat, Route: r.route.Route.Route, Origin: id.origin,
		Kind: end.Kind, Reason: end.Reason, Stage: end.Stage, Node: end.Node, Fail: end.Fail,
	}
	for i := from; i < len(out.Outs); i++ {
		o := &out.Outs[i]
		r.emitted++
		r.p.made[place{out, int32(i)}] = &source{r: r, of: id, nth: i - from, in: e.In, repeat: e.Repeat}
		e.outs = append(e.outs, made{r.route.Emits[o.Emit].ID, string(o.ID.Of(out))})
	}
	if i, ok := w.ends[id]; ok {
		w.ended[i] = e
		return
	}
	w.ends[id] = len(w.ended)
	w.ended = append(w.ended, e)
}

// bury puts a letter on the dead topic; a second one of an id is the same.
func (w *World) bury(x *write) {
	rec := x.letter.Encode(0)
	l, err := letter.Decode(rec.Key, rec.Value, rec.Headers)
	if err != nil {
		w.breaks("a letter cannot be read again: %v", err)
		return
	}
	w.logf("letter   %s: %s of %s", x.r, l.Class, letter.Origin(l.Origin))
	if _, ok := w.dead[l.ID]; ok {
		return
	}
	o := l.Origin
	o.Path = ""
	d := Letter{Letter: l}
	if i, ok := w.ends[endID{l.Route, o}]; ok {
		d.In, d.Repeat = w.ended[i].In, w.ended[i].Repeat
		if f := w.ended[i].Fail; f != nil && l.Class == letter.Processing {
			d.Path = f.Path
		}
	}
	w.dead[l.ID] = len(w.letters)
	w.letters = append(w.letters, d)
}

// commit takes a position of a group; the broker takes none of a process that
// does not own the partition any more.
func (w *World) commit(in *input, at int64) {
	g := &in.route.group
	if o := w.owner(in.route, in.tp); o != in.r.p {
		w.logf("commit   %s at %d: fenced", in, at)
		return
	}
	w.logf("commit   %s at %d", in, at)
	old := g.committed[in.tp]
	if at < old {
		w.breaks("I1: %s goes back from %d to %d", in, old, at)
		return
	}
	part := &w.topics[in.tp.topic].parts[in.tp.partition]
	for i := part.from(old); i < len(part.recs) && part.recs[i].rec.Offset < at; i++ {
		w.settled(in.route, &part.recs[i].rec)
	}
	g.committed[in.tp] = at
}

// settled holds I1 for a record that is being committed: every output was taken
// or has a letter, and a failed record has its letter.
func (w *World) settled(r *route, rec *event.Record) {
	id := endID{r.Name, event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset}}
	i, ok := w.ends[id]
	if !ok {
		w.breaks("I1: %s is committed and never ran", id)
		return
	}
	e := &w.ended[i]
	if e.Kind == event.Failed {
		o := id.origin
		if !w.hasLetter(r, o, "") && !w.hasProcessing(id) {
			w.breaks("I1: %s is committed without its letter", id)
		}
		return
	}
	for n, m := range e.outs {
		_, taken := w.firstTaken[takenID{id, n}]
		if !taken && !w.hasLetter(r, id.origin, m.emit+"\x00"+m.id) {
			w.breaks("I1: %s is committed and its output %d was neither taken nor buried", id, n)
		}
	}
}

func (w *World) hasLetter(r *route, o event.Origin, emit string) bool {
	_, ok := w.dead[letter.ID(r.IDName(), o, emit, 0)]
	return ok
}

// hasProcessing looks for the letter of a record of which an element failed: its
// id holds the element's path.
func (w *World) hasProcessing(id endID) bool {
	for i := range w.letters {
		l := w.letters[i].Letter
		o := l.Origin
		o.Path = ""
		if l.Class == letter.Processing && l.Route == id.route && o == id.origin {
			return true
		}
	}
	return false
}

// Taken lists what the sinks took, repeats too, in the order they took it.
func (w *World) Taken() []Taken { return w.taken }

// Letters lists the dead letters in the order they were first written.
func (w *World) Letters() []Letter { return w.letters }

// Ends lists how the records ended, in the order they first ran.
func (w *World) Ends() []End { return w.ended }

// CheckAccounts holds both laws (I2) for every task of the living processes, and
// their counts against what ran before the world's eyes.
func (w *World) CheckAccounts() error {
	for _, p := range w.procs {
		for _, r := range p.tasks {
			var a task.Account
			r.task.Account(&a)
			if err := a.Check(); err != nil {
				return fmt.Errorf("%s: %w", r, err)
			}
			if r.ended {
				continue // what it could not end counts no more
			}
			emitted := uint64(0)
			for _, e := range a.Emits {
				emitted += e.Emitted
			}
			if a.In != r.ran || emitted != r.emitted {
				return fmt.Errorf("I2: %s counts %d records and %d outputs, but %d and %d were", r, a.In, emitted, r.ran, r.emitted)
			}
		}
	}
	return nil
}
