package check

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// emitHTTPFields are those of `emit http`.
var emitHTTPFields = []string{"body", "item", "headers", "query", "key", "batch", "timeout", "retry", "idempotency", "accept", "retry_when", "verdicts"}

// emitHTTP checks `emit http METHOD [URL]`.
func (w *walker) emitHTTP(c *syntax.EmitHTTP) (id string, sink ir.Sink, via string) {
	out := &ir.HTTPSink{}
	r, via := w.openRequest("emit http", &out.Request, c.Method, c.Via, c.Object, emitHTTPFields)
	name := r.address(c.URL, c.Method.Span())
	id = "http " + c.Method.Text
	if name != "" {
		id += " " + name
	}
	batch := r.batch(out)
	if batch {
		r.item(out, c.Method.Span())
	}
	for _, en := range r.order {
		if r.common(en) {
			continue
		}
		switch en.Key.Text {
		case "body":
			if batch {
				r.batchBody(out, en)
			} else {
				r.body(en)
			}
		case "key":
			x := w.entryValue(en)
			if !(en.Opt && types.MayBeNull(x.Type())) {
				x = w.key(x, "the key")
			}
			w.lintKey(x)
			out.Key, out.KeyOpt = x, en.Opt
		case "idempotency":
			v := r.constant(en)
			k, _ := v.(*ir.Const)
			if on, ok := constBool(k); ok {
				out.NoIdempotency = !on
			} else if !isBad(v) {
				w.errorf(diag.BadOption, v.Span(), "`idempotency` is true or false").
					WithHelp("`false` leaves the header Idempotency-Key out, which a POST has otherwise")
			}
		case "verdicts":
			r.verdicts(out, en, batch)
		}
	}
	if batch && out.Body == nil && r.entries["body"] == nil {
		t := types.ListOf(written(out.Item.Type()))
		r.merged(t, out.Item)
		out.Body = &ir.Var{Node: w.node(t, out.Item.Span()), Slot: out.Items, Name: itemsName}
	}
	return id, out, via
}

func constBool(k *ir.Const) (on, ok bool) {
	if k != nil {
		on, ok = k.Value.(bool)
	}
	return on, ok
}

// batch tells whether several events may share a request: where they give items, or a
// batch is said here or by the connection. `batch: 1` says that none do.
func (r *requestCheck) batch(out *ir.HTTPSink) bool {
	_, item := r.entries["item"]
	en := r.entries["batch"]
	if en == nil {
		if r.conn == nil {
			return item
		}
		o := r.conn.Option("batch")
		return item || o != nil && o.Limit != nil && o.Limit.Count != 1
	}
	l, ok := limit(syntax.Unparen(en.X))
	if !ok {
		r.w.errorf(diag.BadOption, en.Span(), "`batch` takes limits, as 250 or 450KB or 100ms")
		return item
	}
	out.Batch = *l
	return item || l.Count != 1
}

// itemsName is what a request of a batch holds, in its body.
const itemsName = "items"

// item checks what each event gives to a batch, by default `.`.
func (r *requestCheck) item(out *ir.HTTPSink, at token.Span) {
	w := r.w
	out.Items = w.newSlot()
	if en := r.entries["item"]; en != nil {
		out.Item = w.entryValue(en)
		return
	}
	out.Item = &ir.Current{Node: w.node(w.f.known[w.f.cur], at)}
}

// batchBody checks a body that is made once for several events.
func (r *requestCheck) batchBody(out *ir.HTTPSink, en *syntax.Entry) {
	w := r.w
	sub := w.afterwards("the body of a batch is made", "it is made once for all events of a request: put what is an event's into `item`, and read it from `items`")
	elem := out.Item.Type()
	if elem != bad {
		elem = written(elem)
	}
	t := types.ListOf(elem)
	if elem == bad {
		t = bad
	}
	sub.f.vars = &variable{name: itemsName, slot: out.Items, at: en.Key.Span(), block: -1}
	sub.f.known[slotRoot(out.Items)] = t
	x := sub.pure(sub.value(en))
	if en.Opt && !isBad(x) && types.MayBeNull(x.Type()) {
		out.BodyOpt = true
		r.merged(types.NonNull(x.Type()), x)
	} else {
		r.merged(x.Type(), x)
	}
	out.Body = x
}

// verdictsType is what `verdicts` gives: an event each, by its place in the items.
var verdictsType = types.ListOf(types.Obj(
	types.Field{Name: "index", Type: types.IntT},
	types.Field{Name: "ok", Type: types.BoolT},
	types.Field{Name: "why", Type: types.Nullable(types.StringT), Optional: true},
))

func (r *requestCheck) verdicts(out *ir.HTTPSink, en *syntax.Entry, batch bool) {
	if !batch {
		r.w.errorf(diag.BadOption, en.Key.Span(), "`verdicts` is for batches").WithLabel("each event is a request of its own here").
			WithHelp("`accept` says whether the request was taken")
	}
	out.Verdicts = r.judge(en, func(e *ex, x ir.Expr) ir.Expr { return e.need(x, verdictsType, "`verdicts`") })
}

// written is the type of a value that was written as JSON and read back.
func written(t *types.Type) *types.Type {
	switch t.Kind {
	case types.Time, types.Duration, types.Bytes:
		return types.StringT
	case types.List:
		return types.ListOf(written(t.Elem))
	case types.Map:
		return types.MapOf(written(t.Elem))
	case types.Union:
		ms := make([]*types.Type, len(t.Members))
		for i, m := range t.Members {
			ms[i] = written(m)
		}
		return types.UnionOf(ms...)
	case types.Object:
		c := &types.Type{Kind: types.Object, Open: t.Open, Fields: append([]types.Field(nil), t.Fields...)}
		for i := range c.Fields {
			f := &c.Fields[i]
			f.Type, f.Default, f.HasDef, f.Optional = written(f.Type), nil, false, f.Optional && !f.HasDef
		}
		if t.Rest != nil {
			c.Rest = written(t.Rest)
		}
		return c
	}
	return t
}
