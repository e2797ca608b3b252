package op

import (
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// dead is a letter that a route of `from dead` reads.
type dead struct {
	*letter.Letter
	rec      *event.Record // as it stands in the dead topic
	original value.Value   // `.` as it began
	raw      bool          // the event is no JSON: `.` began as its text
	// asEvent is the record of the letter with what the event brought: its key orders
	// outputs, and the routes that it passed it has passed.
	asEvent event.Record
}

// letter reads a record of a dead topic: `.` is the event that its route gave up. False
// when it has ended.
func (a *arrival) letter(fr *Frame) bool {
	d := &fr.dead
	l, err := letter.Decode(fr.rec.Key, fr.rec.Value, fr.rec.Headers)
	if err != nil {
		fr.fail(&a.place, diag.Failf(diag.NotReplayed, a.at, "the record is no dead letter: %v", err))
		return false
	}
	*d = dead{Letter: l, rec: fr.rec, asEvent: *fr.rec}
	for _, p := range l.Persons {
		fr.named(p) // whoever forgets them erases the letter that this record may become, too
	}
	d.asEvent.Key, d.asEvent.Headers = l.Order, l.Headers
	if l.Class == letter.Processing {
		d.asEvent.Key = l.Key
	}
	fr.rec, fr.eval.Rec = &d.asEvent, &d.asEvent
	if loops(fr.rec, a.passed) {
		fr.drop(&a.place, "loop", ended)
		return false
	}
	if l.Value != nil {
		v, bad := value.DecodeJSON(l.Value)
		if d.raw = bad != nil; d.raw {
			v = strings.ToValidUTF8(string(l.Value), "\uFFFD")
		}
		if !fr.eval.Fits(v) {
			fr.fail(&a.place, diag.Failf(diag.TooLarge, a.at, "the value is larger than 4 MiB"))
			return false
		}
		d.original = v
	}
	fr.eval.Cur, fr.eval.Event, fr.eval.Dead = d.original, d.original, deadMeta(l)
	if fail := a.meta(fr); fail != nil {
		fr.fail(&a.place, fail)
		return false
	}
	return true
}

// deadMeta is `@dead`.
func deadMeta(l *letter.Letter) *value.Object {
	o := value.NewObject()
	o.Put("code", l.Code)
	o.Put("class", string(l.Class))
	o.Put("path", nil)
	if l.Field != "" {
		o.Put("path", l.Field)
	}
	o.Put("stage", l.Stage)
	o.Put("message", l.Message)
	o.Put("attempts", value.FromInt(int64(l.Attempts)))
	o.Put("replays", value.FromInt(int64(l.Round)))
	o.Put("route", l.Route)
	o.Put("id", l.ID)
	return o
}

// ofLetter is what ids are made of where a dead letter is at hand.
func (fr *Frame) ofLetter() *event.Record {
	v, _ := fr.eval.Dead.Get("id")
	id, _ := v.(string)
	fr.byID = event.Record{TopicID: xxh3.HashString128(id).Bytes(), Partition: -1}
	return &fr.byID
}

// replay sends the letter at hand back to its route, and ends the record.
type replay struct {
	emit
	topic string // the replay log of the route
}

func (c *compiler) replay(p place, s *ir.Replay) error {
	of := s.Emit.Sink.(*ir.ReplayRecord).Of
	ids := &c.route.ids
	r := &replay{
		emit:  emit{place: p, at: s.At, index: c.emits[s.Emit], ids: ids, prefix: ids.emit(s.Emit.ID), child: c.child},
		topic: "sluice." + ir.Escape(c.route.ids.app) + ".replay." + ir.Escape(of.Name),
	}
	r.emit.sink = r
	c.add(r)
	return nil
}

func (r *replay) run(fr *Frame) int {
	if r.emit.run(fr) == ended {
		return ended
	}
	fr.end = event.Outcome{Stage: r.stage, Node: r.node}
	return ended
}

// write is sink's.
func (r *replay) write(fr *Frame, e *emit, o *event.Output) (string, *diag.Failure) {
	d := &fr.dead
	if d.Round >= letter.MaxRounds {
		return "", diag.Failf(diag.ReplayLimit, r.at, "%s", letter.Rounds())
	}
	if why := d.Refused(); why != "" {
		return "", diag.Failf(diag.NotReplayed, r.at, "%s", why)
	}
	// Nothing of ours has a time that lies behind: it is written now.
	o.Time = event.NoTime
	o.Target = fr.text(r.topic)
	o.Key = fr.text(d.ID)
	corrected := d.Class == letter.Processing && !value.Equal(fr.eval.Cur, d.original)
	null := false
	o.Body.Start = fr.here()
	text, isText := fr.eval.Cur.(string)
	switch {
	case !corrected:
		fr.raw(string(d.Value))
		null = d.Value == nil
	case d.raw && isText:
		fr.raw(text)
	case fr.eval.Cur == nil && d.Made == nil:
		null = true
	default:
		if !fr.eval.Fits(fr.eval.Cur) {
			return "", diag.Failf(diag.TooLarge, r.at, "the value is larger than 4 MiB")
		}
		fr.out.Buf = value.AppendJSON(fr.out.Buf, fr.eval.Cur)
	}
	o.Body.End = fr.here()
	o.ID = fr.id(e)
	o.Headers.Start = fr.here()
	for _, h := range letter.AppendHeaders(nil, d.rec.Headers, letter.Place{Topic: d.rec.Topic, Partition: d.rec.Partition}, corrected, null) {
		fr.out.Buf = event.AppendHeader(fr.out.Buf, h.Key, h.Value)
	}
	o.Headers.End = fr.here()
	return "", nil
}

// corrected puts the value of a letter that is replayed in the place of what the record
// was made with; it is judged by the type that is declared there.
func (a *arrival) corrected(fr *Frame, m *event.Made) *diag.Failure {
	r := fr.rec.Replay
	if r == nil || !r.Corrected {
		return nil
	}
	c, _ := m.Frame.(*carried)
	t, at, v := a.begins[m.Entry], a.at, m.Value
	if t != nil && t.Kind != types.Any {
		view, bad := types.Judge(v, t, types.Mode{})
		if bad != nil {
			return eval.Mismatched(at, bad)
		}
		v = view
	}
	switch {
	case m.Kind == event.Child && c != nil && c.has:
		fr.eval.Slots[c.slot] = v
	case m.Kind == event.Child:
		fr.eval.Cur = v
	default:
		fr.eval.Cur, fr.eval.Event = v, v
	}
	return nil
}

// begins notes of what type records are at the steps where they may begin.
func (c *compiler) begins() {
	a := &c.route.arrival
	a.begins = map[int]*types.Type{0: c.route.plan.Source.Type}
	for _, e := range c.route.entries {
		for _, n := range c.route.plan.Nodes {
			if n.ID != e.node {
				continue
			}
			switch s := n.Stage.(type) {
			case *ir.Split:
				if t, ok := types.ElemType(s.In.Type()); ok {
					a.begins[e.step] = t
				}
			case *ir.Window:
				a.begins[e.step] = s.Out
			}
		}
	}
}
