package task

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// A call is asked when its epoch is sealed, like any effect. What comes of it is
// appended to the own log, and nothing is stored before: the record of the log is the
// answer, for this life and any later one. Only the first that is read while the record
// waits for it counts; another is a repeat. After a start calls are asked when the own
// log has been read to the end that it had, or an answer that stands there would be
// asked for twice.

// call makes the request of a parked record.
func (t *Task) call(p *parked, c *state.ParkedCall) {
	a := &event.Arena{Epoch: t.parking.next}
	t.parking.next++
	o := event.Output{
		Arena: a, Route: int32(p.key.route), Emit: int32(callIndex(t.cfg.Routes[p.key.route].Calls, c.Stage)),
		Alone: true, NoKey: true, Logged: event.NoTime, Time: event.NoTime, NotBefore: c.NotBefore, Group: c.Group, RetryMS: c.RetryMS,
	}
	for _, piece := range [...]struct {
		at  *event.Bytes
		val []byte
	}{{&o.ID, c.Name}, {&o.Target, c.Target}, {&o.Body, c.Body}, {&o.Headers, c.Headers}} {
		piece.at.Start = uint32(len(a.Buf))
		a.Buf = append(a.Buf, piece.val...)
		piece.at.End = uint32(len(a.Buf))
	}
	a.Outs = append(a.Outs, o)
	p.out = &a.Outs[0]
	t.parking.names[string(c.Name)] = p
	t.parking.calls[a.Epoch] = p
	t.parking.waiting = append(t.parking.waiting, p)
}

func callIndex(calls []*ir.HTTPCall, key string) int {
	return slices.IndexFunc(calls, func(c *ir.HTTPCall) bool { return c.Key == key })
}

// uncall forgets the call of a record that does not wait for it any more.
func (t *Task) uncall(p *parked) {
	if p.Call == nil {
		return
	}
	delete(t.parking.names, string(p.Call.Name))
	delete(t.parking.calls, p.out.Arena.Epoch)
	p.out, p.asked = nil, false
}

// ask has the requests sent that may be: those of sealed epochs, when the own log has
// been read as far as it went at the start.
func (t *Task) ask() {
	p := &t.parking
	if len(p.waiting) == 0 || t.policy.defers() && t.ownNext() < p.until {
		return
	}
	for _, w := range p.waiting {
		if w.gone || w.out == nil || w.asked {
			continue
		}
		w.asked = true
		if w.out.Emit < 0 {
			t.tellAnswer(w.Call.Name, &event.Answer{Fault: "the program has no such call any more"})
			continue
		}
		t.effect(Effect{Kind: Send, Outs: w.out.Arena.Outs})
	}
	clear(p.waiting)
	p.waiting = p.waiting[:0]
}

// ownNext is the position of the own log's next record.
func (t *Task) ownNext() int64 {
	for _, in := range t.inputs {
		if in.Own {
			return in.next
		}
	}
	return 0
}

// answered takes what came of a call.
func (t *Task) answered(r *deliver.Result) {
	p := t.parking.calls[r.Out.Arena.Epoch]
	if p == nil || r.Answer == nil || !p.asked {
		return
	}
	delete(t.parking.calls, r.Out.Arena.Epoch) // once
	t.tellAnswer(p.Call.Name, r.Answer)
	if t.policy.takesAtOnce() {
		t.keepAnswer(p, r.Answer)
	}
}

func (t *Task) tellAnswer(call []byte, a *event.Answer) {
	t.effect(Effect{Kind: Tell, Value: AnswerNote(call, a), Call: call})
}

// answerItem is an answer as the own log tells it.
type answerItem struct {
	Call    string      `json:"call"` // its name
	Status  int         `json:"status,omitempty"`
	Headers [][2]string `json:"headers,omitempty"`
	Body    []byte      `json:"body,omitempty"`
	Fault   string      `json:"fault,omitempty"`
	At      int64       `json:"at"` // microseconds
}

// AnswerNote is a record of a group's own log that holds the answer of the call that is
// named so.
func AnswerNote(call []byte, a *event.Answer) []byte {
	it := answerItem{Call: string(call), Status: a.Status, Body: a.Body, Fault: a.Fault, At: a.At}
	for _, h := range a.Headers {
		it.Headers = append(it.Headers, [2]string{h.Key, string(h.Value)})
	}
	val, err := json.Marshal(note{Version: noteVersion, Answer: &it})
	if err != nil {
		panic("task: a note does not encode: " + err.Error()) // texts and numbers
	}
	return val
}

// hearAnswer takes an answer that is read, and runs the list whose first record waited
// for it, and any list that an epoch was cut in. It gives the epoch at hand, nil when
// the task has Failed.
func (t *Task) hearAnswer(e *epoch, it *answerItem, before int64, clock time.Time) *epoch {
	if p := t.parking.names[it.Call]; p != nil {
		a := event.Answer{Status: it.Status, Body: it.Body, Fault: it.Fault, At: it.At}
		for _, h := range it.Headers {
			a.Headers = append(a.Headers, event.Header{Key: h[0], Value: []byte(h[1])})
		}
		if t.keepAnswer(p, &a); t.parking.lists[p.key][0] != p { // its list runs when the one before it has its own
			t.parkWrite(e, state.Write{Key: state.ParkedKey(t.cfg.Group.Name, p.Order), Val: state.AppendParked(nil, &p.Parked)})
		} else if e = t.runList(e, p.key, before, clock); e == nil {
			return nil
		}
	}
	for key, ok := t.firstLoose(); ok && t.policy.resumes(); key, ok = t.firstLoose() {
		if e = t.runList(e, key, before, clock); e == nil {
			return nil
		}
	}
	t.judgeAll()
	return e
}

// keepAnswer gives a record the answer that it waits for.
func (t *Task) keepAnswer(p *parked, a *event.Answer) {
	p.Answers = append(p.Answers, state.ParkedAnswer{ID: p.Call.ID, Answer: *a})
	p.Answers[len(p.Answers)-1].Sum = p.Call.Group // of the call that was asked
	t.uncall(p)
	p.Call = nil
	t.weigh(p)
	t.settle(p.key)
}
