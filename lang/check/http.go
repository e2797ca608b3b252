package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// What `emit http` and `call http` have in common: the request, and the judging of its
// answer.

// requestCheck checks one stage that sends requests.
type requestCheck struct {
	w       *walker
	what    string                   // "emit http"
	req     *ir.Request              //
	conn    *ir.Connection           // nil: it could not be checked
	entries map[string]*syntax.Entry // of the braces, by name
	order   []*syntax.Entry
	judged  bool // the request has a slot for its answer
}

// openRequest begins a request: method and connection, and what its braces name.
func (w *walker) openRequest(what string, req *ir.Request, method, via syntax.Word, o *syntax.Object, names []string) (*requestCheck, string) {
	r := &requestCheck{w: w, what: what, req: req, entries: map[string]*syntax.Entry{}}
	req.Method = method.Text
	name := w.c.via("http", via, method.Span())
	if n := w.c.conns["http "+name]; n != nil {
		r.conn = n.out
	}
	if o == nil {
		return r, name
	}
	for _, en := range o.Entries {
		key := en.Key.Text
		switch {
		case o.For != nil || en.Spread || en.Computed != nil:
			w.errorf(diag.UnknownCallField, en.Span(), "`%s` takes its fields by their names", what).WithHelp("it has %s", strings.Join(names, ", "))
		case !slices.Contains(names, key):
			w.entryValue(en)
			d := w.errorf(diag.UnknownCallField, en.Key.Span(), "`%s` has no field `%s`", what, key)
			if near := diag.Nearest(key, names); near != "" {
				d.WithHelp("did you mean %s?", near)
			} else {
				d.WithHelp("what is yours stands in body: { %s: … }", key)
			}
		case r.entries[key] != nil:
			w.errorf(diag.FieldTwice, en.Key.Span(), "the field `%s` stands twice", key)
		case en.Opt && key != "body" && key != "key":
			w.errorf(diag.BadOption, en.Key.Span(), "`%s` cannot be left out", key).WithHelp("write %s: …", key)
		default:
			r.entries[key] = en
			r.order = append(r.order, en)
		}
	}
	return r, name
}

// common checks what both stages have; false where the field is none of that.
func (r *requestCheck) common(en *syntax.Entry) bool {
	w := r.w
	switch en.Key.Text {
	case "headers":
		r.req.Headers = r.headers(en)
	case "query":
		r.req.Query = w.plainFields(w.entryValue(en), en, "`%s` of the query", "a query is an object of texts, numbers and bools")
	case "timeout":
		r.req.TimeoutMS = r.duration(en)
	case "retry":
		r.req.RetryMS = r.duration(en)
	case "accept":
		r.req.Accept = r.judge(en, (*ex).condition)
	case "retry_when":
		r.req.RetryWhen = r.judge(en, (*ex).condition)
	default:
		return false
	}
	return true
}

// body checks the body of a request that one record makes.
func (r *requestCheck) body(en *syntax.Entry) {
	x := r.w.entryValue(en)
	r.req.BodyOpt = en.Opt && types.MayBeNull(x.Type())
	if r.req.BodyOpt && !isBad(x) && x.Type().Kind != types.Any {
		r.merged(types.NonNull(x.Type()), x)
	} else {
		r.merged(x.Type(), x)
	}
	r.req.Body = x
}

// merged demands an object where the connection has parts of the body.
func (r *requestCheck) merged(t *types.Type, x ir.Expr) {
	if r.conn == nil || r.conn.Option("body") == nil || isBad(x) || spoiled(t) || types.Assignable(t, types.ObjectT) {
		return
	}
	d := r.w.errorf(diag.WrongType, x.Span(), "the body is an object here").WithLabel("this is %s", short(t))
	d.WithHelp("`connection http %s` has a `body` of its own, whose fields are merged in", r.conn.Name)
}

// headers checks the headers of a request.
func (r *requestCheck) headers(en *syntax.Entry) ir.Expr {
	x := r.w.plainFields(r.w.entryValue(en), en, "the header `%s`", "headers are an object of texts")
	r.w.headerNames(x, en)
	return x
}

// headerNames refuses names that are known here and that no request may have.
func (e *ex) headerNames(x ir.Expr, en *syntax.Entry) {
	for _, name := range types.FieldNames(types.NonNull(x.Type())) {
		if why := ir.HeaderName(name); why != "" {
			at := x.Span()
			if en != nil {
				at = fieldAt(en.X, name, at)
			}
			e.errorf(diag.HeaderText, at, "%q is no header of a request", name).WithLabel("%s", why)
		}
	}
}

// duration reads a constant span of time.
func (r *requestCheck) duration(en *syntax.Entry) int64 {
	v := r.constant(en)
	k, ok := v.(*ir.Const)
	if isBad(v) {
		return 0
	}
	d, isDuration := time.Duration(0), false
	if ok {
		d, isDuration = k.Value.(time.Duration)
	}
	switch {
	case !isDuration:
		r.w.errorf(diag.BadOption, v.Span(), "`%s` takes a duration, as 10m", en.Key.Text)
	case d <= 0 || d%time.Millisecond != 0 || d.Milliseconds() > maxSpanMS:
		r.w.errorf(diag.BadOption, v.Span(), "`%s` takes whole milliseconds, more than none and at most ten years", en.Key.Text)
	default:
		return d.Milliseconds()
	}
	return 0
}

// constant checks a value that is the same for all records.
func (r *requestCheck) constant(en *syntax.Entry) ir.Expr {
	sub := r.w.ex
	sub.f, sub.src, sub.place = newFlow(), nil, "`"+en.Key.Text+"`"
	if en.Short {
		return sub.short(en)
	}
	return sub.expr(en.X)
}

// answerType is `it` where an answer is judged, and what `as r: T` binds: its headers
// have their names in small letters.
func answerType(body *types.Type) *types.Type {
	return types.Obj(
		types.Field{Name: "status", Type: types.IntT},
		types.Field{Name: "headers", Type: types.MapOf(types.StringT)},
		types.Field{Name: "body", Type: body},
	)
}

// judge checks what is said of an answer: it knows `it` and constants, for the record
// may be gone by then.
func (r *requestCheck) judge(en *syntax.Entry, want func(*ex, ir.Expr) ir.Expr) ir.Expr {
	w := r.w
	if !r.judged {
		r.judged, r.req.Answer = true, w.newSlot()
		w.frame.answer(r.req.Answer)
	}
	sub := w.afterwards("the answer is judged", "`it` is the answer, { status, headers, body }; besides it only constants are known")
	sub.f.vars = &variable{name: "it", slot: r.req.Answer, at: en.Key.Span(), block: -1}
	sub.f.known[slotRoot(r.req.Answer)] = answerType(types.AnyT)
	return sub.pure(want(sub, sub.value(en)))
}

// afterwards checks what is computed when the event is gone: of the items of a batch, or
// of an answer.
func (w *walker) afterwards(when, help string) *ex {
	names := map[string]bool{}
	for v := w.f.vars; v != nil; v = v.outer {
		names[v.name] = true
	}
	return &ex{c: w.c, in: w.in, f: newFlow(), frame: w.frame, noTables: "what is computed when " + when, gone: &gone{when, help, names}}
}

// gone says what an expression does not know any more.
type gone struct {
	when, help string
	names      map[string]bool // that were bound
}

func (e *ex) isGone(what string, at token.Span) ir.Expr {
	e.errorf(diag.BadBatch, at, "`%s` is gone when %s", what, e.gone.when).WithHelp("%s", e.gone.help)
	return badExpr(at)
}

// pure refuses what is another each time it is computed.
func (e *ex) pure(x ir.Expr) ir.Expr {
	ir.Walk(x, func(n ir.Expr) bool {
		if call, ok := n.(*ir.Call); ok && call.Func.Impure {
			e.isGone(call.Func.Name+"()", n.Span())
		}
		return true
	})
	return x
}

// value checks the value of a field.
func (e *ex) value(en *syntax.Entry) ir.Expr {
	if en.Short {
		return e.short(en)
	}
	return e.expr(en.X)
}

// answer notes that a slot holds an answer.
func (f *frame) answer(s ir.Slot) {
	if f.answers == nil {
		f.answers = map[ir.Slot]bool{}
	}
	f.answers[s] = true
}

// isAnswersHeaders tells whether an expression is `r.headers` of an answer.
func (e *ex) isAnswersHeaders(x ir.Expr) bool {
	f, ok := x.(*ir.Field)
	if !ok || f.Name != "headers" {
		return false
	}
	v, ok := f.X.(*ir.Var)
	return ok && e.frame.answers[v.Slot]
}

// plainFields demands an object of what has one plain text. one and all name a field
// and the whole in a message.
func (e *ex) plainFields(x ir.Expr, en *syntax.Entry, one, all string) ir.Expr {
	t := x.Type()
	if spoiled(t) || t.Kind == types.Any || types.Assignable(t, types.MapOf(keyType)) {
		return x
	}
	if en != nil && types.MayBeNull(t) && t.Kind != types.Null {
		return e.nullHere(x, "in `"+en.Key.Text+"`")
	}
	ms := []*types.Type{t}
	if t.Kind == types.Union {
		ms = t.Members
	}
	for _, t := range ms {
		for i := range t.Fields {
			f := &t.Fields[i]
			at := x.Span()
			if en != nil {
				at = fieldAt(en.X, f.Name, at)
			}
			name := fmt.Sprintf(one, f.Name)
			switch {
			case f.Type.Kind == types.Any, types.Assignable(f.Type, keyType):
			case types.MayBeNull(f.Type):
				e.errorf(diag.NullValue, at, "%s may be null here", name).WithHelp("`%s?: …` leaves it out", f.Name)
				return badExpr(x.Span())
			default:
				e.errorf(diag.WrongType, at, "%s is no text", name).WithLabel("it is %s", short(f.Type))
				return badExpr(x.Span())
			}
		}
		if t.Kind != types.Object && !(t.Kind == types.Map && t.Elem.Kind == types.Any) {
			e.errorf(diag.WrongType, x.Span(), "%s", all).WithLabel("this is %s", short(t))
			return badExpr(x.Span())
		}
	}
	return x
}

// fieldAt is where a field of an object is written, or another place.
func fieldAt(x syntax.Expr, name string, or token.Span) token.Span {
	if o, ok := syntax.Unparen(x).(*syntax.Object); ok && o.For == nil {
		for _, en := range o.Entries {
			if en.Key.Text == name && !en.Spread && en.Computed == nil {
				return en.Span()
			}
		}
	}
	return or
}
