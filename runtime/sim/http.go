package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	sinkhttp "github.com/sluice-dev/sluice/runtime/sink/http"
)

// Answers are what the receivers of a world's http connections answer. Every row answers
// requests of its method and address, as often as it says; rows are used up in order. A
// request that is sent again after a crash gets the answers again that it had.
type Answers struct {
	rows  []*AnswerRow
	given map[string][]*AnswerRow // by the id of what was sent: a row an attempt, nil for none
	calls map[string]*AnswerRow   // by what was asked: the last answer
}

// AnswerRow answers requests.
type AnswerRow struct {
	Method string
	URL    string // as the stage makes it; without a query it answers any
	Times  int
	Reply  sinkhttp.Got

	used int
}

// NewAnswers takes the rows in their order.
func NewAnswers(rows []*AnswerRow) *Answers {
	return &Answers{rows: rows, given: map[string][]*AnswerRow{}, calls: map[string]*AnswerRow{}}
}

// Answer gives the answer to an attempt, counted from 1, of a request that is made of
// what has these ids.
func (a *Answers) Answer(method, url string, attempt int, ids ...string) (*sinkhttp.Got, bool) {
	var row *AnswerRow
	known := false
	for _, id := range ids {
		if had := a.given[id]; len(had) >= attempt {
			row, known = had[attempt-1], true
			break
		}
	}
	if !known {
		row = a.next(method, url)
	}
	for _, id := range ids {
		for len(a.given[id]) < attempt-1 {
			a.given[id] = append(a.given[id], nil)
		}
		if len(a.given[id]) < attempt {
			a.given[id] = append(a.given[id], row)
		}
	}
	if row == nil {
		return nil, false
	}
	return &row.Reply, true
}

// Call gives the answer to a call like Answer. One of a record that is a repeat, for which
// no row is left, gets what the same call got before: it has an id of its own.
func (a *Answers) Call(asks string, repeat bool, method, url string, attempt int, id string) (*sinkhttp.Got, bool) {
	_, ok := a.Answer(method, url, attempt, id)
	had := a.given[id]
	switch {
	case ok:
		a.calls[asks] = had[attempt-1]
	case repeat && a.calls[asks] != nil:
		had[attempt-1] = a.calls[asks]
	default:
		return nil, false
	}
	return &had[attempt-1].Reply, true
}

// next uses the first row that is left for a request.
func (a *Answers) next(method, url string) *AnswerRow {
	for _, r := range a.rows {
		if r.used < r.Times && r.answers(method, url) {
			r.used++
			return r
		}
	}
	return nil
}

func (r *AnswerRow) answers(method, url string) bool {
	address, _, _ := strings.Cut(url, "?")
	return r.Method == method && (r.URL == url || r.URL == address)
}

// Endless answers a request by the next row for it, and when all are used up by the last
// one again: for `dev`, where nobody counts.
func (a *Answers) Endless(method, url string) (*sinkhttp.Got, bool) {
	if r := a.next(method, url); r != nil {
		return &r.Reply, true
	}
	for _, r := range slices.Backward(a.rows) {
		if r.answers(method, url) {
			return &r.Reply, true
		}
	}
	return nil, false
}

// Unused are the rows that were not used up.
func (a *Answers) Unused() []*AnswerRow {
	return slices.DeleteFunc(slices.Clone(a.rows), func(r *AnswerRow) bool { return r.used == r.Times })
}

// Used is how often a row has answered.
func (r *AnswerRow) Used() int { return r.used }

// stages gives every stage that sends requests a place of its own at the scheduler of
// its connection: each has its own batches, budget and judgement.
func (w *World) stages(p *plan.Plan) {
	w.stageAt = map[ir.Stage]int{}
	add := func(at ir.Stage, via string, s *sinkhttp.Stage) {
		w.stageAt[at] = len(w.conns)
		w.conns = append(w.conns, &connection{kind: "http", name: via, stage: s})
	}
	for _, r := range p.Routes {
		for _, e := range r.Emits {
			if h, ok := e.Sink.(*ir.HTTPSink); ok {
				add(e, e.Via, sinkhttp.Emit(h, r.Slots))
			}
		}
		for _, c := range r.Calls {
			add(c, c.Via, sinkhttp.Call(c, r.Slots))
		}
	}
}

// staged gives the places of stages what their connections say.
func (w *World) staged(declared []*ir.Connection) {
	for _, c := range w.conns {
		if c.stage == nil {
			continue
		}
		base := w.conns[w.declared("http", c.name)]
		d := declared[slices.IndexFunc(declared, func(d *ir.Connection) bool { return d.Kind == "http" && d.Name == c.name })]
		c.config, c.holdAfter = c.stage.Delivery(d, base.index), base.holdAfter
	}
}

// answered is what an http receiver says to a request: what the case has for it, and
// to an emit that it has nothing for that it was taken.
func (w *World) answered(f *flight) Reply {
	o := f.req.Outs[0]
	method, url, _ := strings.Cut(string(o.Target.Of(o.Arena)), " ")
	ids := make([]string, len(f.req.Outs))
	for i, o := range f.req.Outs {
		ids[i] = string(o.ID.Of(o.Arena))
		if o.Round > 0 { // its letter was replayed: another request
			ids[i] += again(int(o.Round))
		}
	}
	var got *sinkhttp.Got
	var ok bool
	if o.Alone {
		got, ok = w.opts.Answers.Call(asks(o), w.repeats[ids[0]], method, url, f.req.Attempt, ids[0])
	} else {
		got, ok = w.opts.Answers.Answer(method, url, f.req.Attempt, ids...)
	}
	switch {
	case ok:
		return Reply{Answer: f.conn.stage.Judge(got, len(f.req.Outs), w.now)}
	case o.Alone:
		w.unanswered = append(w.unanswered, method+" "+url)
		return Reply{Answer: deliver.Answer{Class: deliver.Refused, Code: "no answer", Wait: -1}}
	}
	if _, err := f.conn.stage.Body(f.req.Outs); err != nil {
		return Reply{Answer: deliver.Answer{Class: deliver.Refused, Code: "not sendable", Excerpt: err.Error(), Wait: -1}}
	}
	return Reply{}
}

// asks is all that a call sends.
func asks(o *event.Output) string {
	return fmt.Sprintf("%q", [][]byte{o.Target.Of(o.Arena), o.Headers.Of(o.Arena), o.Body.Of(o.Arena)})
}

// together checks that what stands in a request over HTTP may.
func (w *World) together(f *flight) {
	first := f.req.Outs[0]
	for _, o := range f.req.Outs[1:] {
		if o.Emit != first.Emit || !bytes.Equal(o.Target.Of(o.Arena), first.Target.Of(first.Arena)) || !bytes.Equal(o.Headers.Of(o.Arena), first.Headers.Of(first.Arena)) {
			w.breaks("a request of %s holds %q of emit %d and %q of emit %d", f.conn, first.Target.Of(first.Arena), first.Emit, o.Target.Of(o.Arena), o.Emit)
		}
	}
}

// Unanswered are the calls for which the case has no answer: "GET /customers".
func (w *World) Unanswered() []string { return w.unanswered }
