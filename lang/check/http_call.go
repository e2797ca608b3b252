package check

import (
	"strconv"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// callFields are those of `call http`.
var callFields = []string{"body", "headers", "query", "timeout", "retry", "cache", "accept", "retry_when", "until", "every", "for"}

// httpCall checks `call http METHOD URL … as r: T`.
func (w *walker) httpCall(s *syntax.HTTPCall, block int) ir.Stage {
	out := &ir.HTTPCall{Body: types.AnyT}
	if s.Type != nil {
		out.Body = w.c.typ(w.in, s.Type)
	}
	r, via := w.openRequest("call http", &out.Request, s.Method, s.Via, s.Object, callFields)
	out.Via = via
	name := s.Method.Text + " " + r.address(&s.URL, s.Method.Span())
	out.StageInfo = w.info("call", "call http "+name, s.Span())
	out.At = head(s.Span())
	for _, en := range r.order {
		if r.common(en) {
			continue
		}
		switch en.Key.Text {
		case "body":
			r.body(en)
		case "cache":
			if ms := r.duration(en); ms > 0 {
				out.Memory = w.answersKept(name, ms, keyword(s).Join(s.Method.Span()))
			}
		case "every":
			out.EveryMS = r.duration(en)
		case "for":
			out.ForMS = r.duration(en)
		}
	}
	out.Result = bad
	if out.Body != bad {
		out.Result = answerType(viewOf(out.Body))
	}
	if s.As.Set() { // bound below what it asks with
		out.As, out.HasAs = w.bind(s.As, out.Result, block), true
		w.frame.answer(out.As)
	}
	r.rounds(out, s.As)
	w.lintThrottles(via, r.conn)
	w.f.called = true
	return out
}

// rounds checks `until`, which is read with the answer bound, `every` and `for`.
func (r *requestCheck) rounds(out *ir.HTTPCall, as syntax.Word) {
	w := r.w
	en, every, most := r.entries["until"], r.entries["every"], r.entries["for"]
	switch {
	case en == nil && every == nil && most == nil:
		return
	case en == nil || every == nil || most == nil:
		one := en
		if one == nil {
			one = every
		}
		if one == nil {
			one = most
		}
		w.errorf(diag.BadOption, one.Key.Span(), "`until`, `every` and `for` stand together").
			WithHelp("until: done.body.status == \"completed\", every: 30s, for: 1h")
	case !as.Set():
		w.errorf(diag.BadOption, en.Key.Span(), "`until` reads the answer").WithLabel("the call binds none").WithHelp("call http … as NAME: TYPE")
	case out.EveryMS > out.ForMS && out.ForMS > 0:
		w.errorf(diag.BadOption, every.Span(), "`every` is longer than `for`").WithLabel("there would be no second round")
	}
	if en != nil {
		out.Until = w.condition(w.ex.value(en))
		w.assume(out.Until, true) // else the record fails
	}
}

// answersKept is where a call keeps its answers: named by its route, method and address,
// the second of equals with "#2". Which is which after an edit costs a request, no more.
func (w *walker) answersKept(name string, ms int64, at token.Span) *ir.State {
	s := &ir.State{Kind: ir.AnswerState, At: at, Keys: []*types.Type{types.StringT}, SpanMS: ms}
	base := "call " + w.route.IDName() + " " + name
	s.Name = base
	for n := 2; w.c.states[s.Name] != nil; n++ {
		s.Name = base + "#" + strconv.Itoa(n)
	}
	w.c.states[s.Name] = s
	if utf8.RuneCountInString(s.Name) > maxStateName {
		w.errorf(diag.StateName, at, "the name of what this stage remembers has more than %d characters", maxStateName).
			WithLabel("it is made of the route's name and the address").WithHelp("put the address into a `let` above, and write the name of that")
	}
	return s
}

// ordered is an ordering key of outputs: its text, and what `.` was where it stands.
type ordered struct{ text, cur string }

// lintKey warns of a key in the braces of an emit below a call that is none of those
// that a record may wait under.
func (w *walker) lintKey(x ir.Expr) {
	if !w.f.called || isBad(x) {
		return
	}
	if f, ok := x.(*ir.Field); ok && f.Name == "id" {
		if v, ok := f.X.(*ir.Var); ok && w.f.about != nil && w.frame.persons[v.Slot] == w.f.about.space {
			return
		}
	}
	text := oneLine(x.Span())
	if text == "@key" {
		return
	}
	if src := w.route.Source; src != nil && src.Key != nil && w.f.cur == "$" && text == oneLine(src.Key.Span()) {
		return
	}
	for _, o := range w.f.orders {
		if o.text == text && o.cur == w.f.cur {
			return
		}
	}
	d := w.errorf(diag.KeyBelowCall, x.Span(), "%s is not the key that the record waits under", quote(x.Span())).WithLabel("a `call` stands above")
	answers := false
	ir.Walk(x, func(n ir.Expr) bool {
		v, ok := n.(*ir.Var)
		answers = answers || ok && w.frame.answers[v.Slot]
		return true
	})
	if answers {
		d.WithHelp("outputs under it come in the order of the answers")
	} else {
		d.WithHelp("outputs under it come in the order of the answers; `key by %s` above the call makes records wait for one another", text)
	}
}
