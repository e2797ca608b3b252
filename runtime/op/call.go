package op

import (
	"bytes"
	"fmt"
	"strconv"
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

// call is `call http`. A record that has no answer yet waits, and is run again from where
// it began when one has come: what it does is decided by the record and its answers alone,
// never by how often it ran. An answer is asked for under an id; of a call that is repeated
// `until` something holds, every round has one of its own.
type call struct {
	place
	at    token.Span
	key   string // of the stage
	index int32
	ids   *ids
	send  outgoing
	as    ir.Slot
	hasAs bool
	typ   *types.Type // of the body; nil: whatever comes
	// anyStatus: `accept` looks at the status, so it is asked of every answer.
	anyStatus bool
	until     ir.Expr // nil: one round
	every     int64   // microseconds
	most      int64
	kept      int   // the state of its answers; -1: none
	within    int64 // how long one is kept, microseconds
}

func (c *compiler) call(p place, s *ir.HTTPCall) error {
	index, ok := c.calls[s]
	if !ok {
		return fmt.Errorf("%s: the plan does not list this call", p.node)
	}
	st := &call{
		place: p, at: s.At, key: s.Key, index: index, ids: &c.route.ids, send: outgoing{&s.Request},
		as: s.As, hasAs: s.HasAs, typ: s.Body, anyStatus: s.Request.JudgesStatus(), until: s.Until, every: s.EveryMS * 1000, most: s.ForMS * 1000, kept: -1,
	}
	if s.Body != nil && s.Body.Kind == types.Any {
		st.typ = nil
	}
	if s.Memory != nil {
		i, err := c.state(p, s.Memory)
		if err != nil {
			return err
		}
		st.kept, st.within = i, s.Memory.SpanMS*1000
	}
	c.add(st)
	return nil
}

func (s *call) run(fr *Frame) int {
	if fr.behind(&s.place, s.ids, fr.key) {
		return ended
	}
	n, first, last := s.answers(fr)
	if last == nil {
		return s.ask(fr, 0, fr.notBefore)
	}
	var held bool
	if s.until == nil || last.Status != 0 || last.Fault != "" { // else it is spent, and did not hold
		var fail *diag.Failure
		if held, fail = s.judge(fr, replyOf(last)); fail != nil {
			return fr.fail(&s.place, fail)
		}
	}
	if !held {
		due := last.At + s.every
		if due > first.At+s.most {
			return fr.fail(&s.place, s.never(n, last))
		}
		return s.ask(fr, n, due*1000)
	}
	if s.kept >= 0 {
		if fail := s.keep(fr, n-1, last); fail != nil {
			return fr.fail(&s.place, fail)
		}
	}
	fr.visit(&s.place, 0)
	return goOn
}

// answers gives how many rounds have been answered, and the first and the last answer.
func (s *call) answers(fr *Frame) (n int, first, last *event.Answer) {
	if fr.rec.Calls == nil {
		return 0, nil, nil
	}
	if first = fr.rec.Calls.Answer(s.id(fr, 0)); first == nil || s.until == nil {
		return 1, first, first
	}
	n = fr.rec.Calls.Rounds(s.name(fr))
	return n, first, fr.rec.Calls.Answer(s.id(fr, n-1))
}

// name is what the rounds of the call have in common within its record.
func (s *call) name(fr *Frame) string {
	if len(fr.path) > 0 {
		return string(fr.path) + " " + s.key
	}
	return s.key
}

// id names a round of the call within its record.
func (s *call) id(fr *Frame, n int) string { return s.name(fr) + " " + strconv.Itoa(n) }

// ask ends the record until a round is answered; it goes on where an equal request was
// answered not long ago.
func (s *call) ask(fr *Frame, n int, notBefore int64) int {
	c, fail := s.request(fr, n)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	if s.kept >= 0 && n == 0 && s.recall(fr, c) {
		fr.visit(&s.place, 0)
		return goOn
	}
	c.Out.NotBefore = notBefore
	if n > 0 {
		c.Spent = s.id(fr, n-1)
	}
	if n > 2 {
		c.Over = s.id(fr, n-2)
	}
	return fr.wait(&s.place, &event.Wait{Lane: c.Out.Lane, Ordered: c.Out.Ordered, Call: c})
}

// request makes what a round sends.
func (s *call) request(fr *Frame, n int) (*event.Call, *diag.Failure) {
	a := &event.Arena{}
	o := &event.Output{Arena: a, Record: fr.Record, Time: event.NoTime, Alone: true, RetryMS: s.send.RetryMS}
	if fr.key != nil {
		o.Ordered, o.Lane = true, s.ids.laneOf(fr.key)
	}
	outputs := fr.out
	fr.out = a
	fail := s.send.write(fr, o)
	fr.out = outputs
	switch {
	case fail != nil:
		return nil, fail
	case len(a.Buf) > MaxOutBytes:
		return nil, diag.Failf(diag.TooMuch, s.at, "the request is larger than 8 MiB")
	}
	c := &event.Call{ID: s.id(fr, n), Index: s.index, Out: o, RetryMS: s.send.RetryMS}
	o.Group = sumOf(a, o)
	name := s.key + " " + strconv.Itoa(n)
	if r := fr.rec.Replay; r != nil { // it is asked anew, and not told what it was told before
		name += " replay " + strconv.Itoa(r.Round)
	}
	// Of the record itself, also where its source gives it an id: of two of one id that
	// wait at a time each has its own answer.
	start := len(a.Buf)
	a.Buf, fr.buf = s.ids.append(a.Buf, fr.buf, s.ids.emit(name), fr.rec, fr.path)
	o.ID = event.Bytes{Start: uint32(start), End: uint32(len(a.Buf))}
	return c, nil
}

// sumOf is of all that a request sends; never 0.
func sumOf(a *event.Arena, o *event.Output) uint64 {
	h := uint64(0)
	for _, part := range [...]event.Bytes{o.Target, o.Headers, o.Body} {
		h = xxh3.HashSeed(part.Of(a), h+uint64(part.End-part.Start))
	}
	return max(h, 1)
}

// reply is an answer as it is judged.
type reply struct {
	status  int
	headers *value.Object
	body    []byte
	fault   string
}

func replyOf(a *event.Answer) reply {
	return reply{a.Status, eval.AnswerHeaders(a.Headers), a.Body, a.Fault}
}

// judge binds an answer, and tells whether it is the one that was waited for.
func (s *call) judge(fr *Frame, r reply) (bool, *diag.Failure) {
	if r.fault == "" {
		return s.usable(fr, r)
	}
	// What came last, where something came, says more than that it was given up.
	if r.status != 0 && len(r.body) > 0 || r.status > 299 {
		if _, fail := s.usable(fr, r); fail != nil {
			return false, fail
		}
	}
	return false, s.failed(diag.NoAnswer, r.body, "no answer that can be used: %s", r.fault)
}

// usable is judge of an answer that came.
func (s *call) usable(fr *Frame, r reply) (bool, *diag.Failure) {
	taken := r.status >= 200 && r.status <= 299
	body, broken := value.Value(nil), (*value.SyntaxError)(nil)
	if s.hasAs || s.send.Accept != nil {
		body, broken = eval.Body(r.body)
		if !fr.eval.Fits(body) {
			return false, diag.Failf(diag.TooLarge, s.at, "the answer is larger than 4 MiB")
		}
	}
	if x := s.send.Accept; x != nil && (taken || s.anyStatus) {
		fr.eval.Slots[s.send.Answer] = r.value(body)
		ok, fail := eval.Bool(x, &fr.eval)
		switch {
		case ok:
			taken = true
		case taken && fail != nil:
			return false, fail
		case taken:
			return false, s.failed(diag.NotAccepted, r.body, "`accept` does not hold for the answer")
		}
	}
	switch {
	case taken:
	case r.status >= 300 && r.status <= 399:
		return false, s.failed(diag.NotAccepted, r.body, "the answer has status %d, a redirect, which is not followed", r.status)
	default:
		return false, s.failed(diag.NotAccepted, r.body, "the answer has status %d", r.status)
	}
	if !s.hasAs {
		return true, nil
	}
	if s.typ != nil {
		var fail *diag.Failure
		if body, fail = s.read(r, body, broken); fail != nil {
			return false, fail
		}
	}
	fr.eval.Slots[s.as] = r.value(body)
	if s.until == nil {
		return true, nil
	}
	return eval.Bool(s.until, &fr.eval)
}

func (r *reply) value(body value.Value) *value.Object {
	return value.NewObject(
		value.Field{Key: "status", Value: value.FromInt(int64(r.status))},
		value.Field{Key: "headers", Value: r.headers},
		value.Field{Key: "body", Value: body})
}

// read reads a body as its type, exactly: an answer is no source of texts. A type that
// takes text takes a body that is nothing else.
func (s *call) read(r reply, body value.Value, broken *value.SyntaxError) (value.Value, *diag.Failure) {
	view, m := types.Judge(body, s.typ, types.Mode{})
	if m == nil {
		return view, nil
	}
	if len(r.body) > 0 {
		if text := eval.BodyText(r.body); types.Member(text, s.typ) {
			return text, nil
		}
	}
	if broken != nil {
		if kind := markup(r.body); kind != "" {
			return nil, s.failed(diag.BadAnswer, r.body, "the answer is %s, not JSON", kind)
		}
		return nil, s.failed(diag.BadAnswer, r.body, "the answer is %v", broken)
	}
	fail := eval.Mismatched(s.at, m)
	fail.Path = ".body" + bodyPath(m.Path)
	if len(r.body) == 0 {
		fail.Message, fail.Help = "the answer has no body where "+s.typ.Brief()+" is declared", ""
	}
	return nil, fail
}

// bodyPath is a path as it stands behind another: ".", ".a" and `.["a b"]` are "", ".a"
// and `["a b"]`.
func bodyPath(p string) string {
	switch {
	case p == ".":
		return ""
	case len(p) > 1 && p[1] == '[':
		return p[1:]
	}
	return p
}

// markup names what a body is that begins with `<`; "" of another.
func markup(b []byte) string {
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\ufeff")), " \t\r\n")
	head := bytes.ToLower(b[:min(len(b), 200)])
	switch {
	case bytes.HasPrefix(head, []byte("<!doctype html")), bytes.Contains(head, []byte("<html")):
		return "HTML"
	case bytes.HasPrefix(head, []byte("<?xml")):
		return "XML"
	case bytes.HasPrefix(head, []byte("<")):
		return "HTML or XML"
	}
	return ""
}

// failed is a failure with what the answer holds.
func (s *call) failed(code *diag.Code, body []byte, format string, a ...any) *diag.Failure {
	f := diag.Failf(code, s.at, format, a...)
	if len(body) > 0 {
		v, _ := eval.Body(body)
		f.Excerpt = value.Excerpt(v, eval.ExcerptSize)
	}
	return f
}

// never is the failure of a call that was repeated for as long as it may be.
func (s *call) never(n int, last *event.Answer) *diag.Failure {
	times := strconv.Itoa(n) + " times"
	if n == 1 {
		times = "once"
	}
	return s.failed(diag.NeverHeld, last.Body, "asked %s in %s, `until` never held", times, value.FormatDuration(time.Duration(s.most)*time.Microsecond))
}
