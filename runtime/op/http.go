package op

import (
	"errors"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// httpRequest encodes an output of `emit http`. With a batch its body is the item,
// and the sink makes the request's body of those that it sends together.
type httpRequest struct {
	outgoing
	key    ir.Expr // nil: the ordering key
	keyOpt bool    // the ordering key, too, where it is null
	item   ir.Expr // nil: the output is a request of its own
}

func newHTTPRequest(s *ir.HTTPSink) *httpRequest {
	return &httpRequest{outgoing: outgoing{&s.Request}, key: s.Key, keyOpt: s.KeyOpt, item: s.Item}
}

func (h *httpRequest) write(fr *Frame, e *emit, o *event.Output) (string, *diag.Failure) {
	if h.key != nil {
		k, fail := fr.orderingKey(h.key, h.keyOpt)
		if fail != nil {
			return "", fail
		}
		fr.lane(e, o, k)
	}
	if fail := h.head(fr, o); fail != nil {
		return "", fail
	}
	body, opt := h.Body, h.BodyOpt
	if h.item != nil {
		body, opt = h.item, false
	}
	if fail := fr.body(body, opt, o); fail != nil {
		return "", fail
	}
	o.Group = groupOf(fr.out, e.prefix, o)
	o.ID = fr.id(e)
	return "", nil
}

// groupOf tells requests apart that may not share one: by emit, method, address, query
// and headers. emit is the route's and the emit's part of message ids.
func groupOf(a *event.Arena, emit []byte, o *event.Output) uint64 {
	h := xxh3.Hash(emit)
	h = xxh3.HashSeed(o.Target.Of(a), h)
	h = xxh3.HashSeed(o.Headers.Of(a), h)
	return max(h, 1) // 0 is an output that may go with any
}

// outgoing encodes what a stage sends over HTTP, without what its connection adds.
type outgoing struct{ *ir.Request }

// write puts target, headers and body into the frame's arena and says in o where they
// stand: the target is "POST /users?a=b", the body JSON, of nothing nothing.
func (r outgoing) write(fr *Frame, o *event.Output) *diag.Failure {
	if fail := r.head(fr, o); fail != nil {
		return fail
	}
	return fr.body(r.Body, r.BodyOpt, o)
}

// head writes what stands before the body.
func (r outgoing) head(fr *Frame, o *event.Output) *diag.Failure {
	o.Target.Start = fr.here()
	fr.raw(r.Method)
	fr.raw(" ")
	if fail := r.address(fr); fail != nil {
		return fail
	}
	o.Target.End = fr.here()
	o.Headers.Start = fr.here()
	if fail := r.headers(fr); fail != nil {
		return fail
	}
	o.Headers.End = fr.here()
	return nil
}

// body writes a value as the body; of an x that is not there, or with opt of null, none.
func (fr *Frame) body(x ir.Expr, opt bool, o *event.Output) *diag.Failure {
	o.Body.Start = fr.here()
	o.Body.End = o.Body.Start
	if x == nil {
		return nil
	}
	v, fail := eval.Expr(x, &fr.eval)
	if fail != nil || v == nil && opt {
		return fail
	}
	if fail := fr.json(x, v); fail != nil {
		return fail
	}
	o.Body.End = fr.here()
	return nil
}

// address writes the address with its query.
func (r outgoing) address(fr *Frame) *diag.Failure {
	asks := false // there is a query
	if r.URL != nil {
		v, fail := eval.Expr(r.URL, &fr.eval)
		if fail != nil {
			return fail
		}
		s, ok := v.(string)
		if !ok {
			return eval.Unfit(r.URL, v, "an address")
		}
		a, why := ir.ReadAddress(s, r.Whole, r.Varies)
		if why != "" {
			fail := diag.Failf(diag.BadAddress, r.URL.Span(), "the address %s", why)
			fail.Path, fail.Excerpt = eval.PathText(r.URL), value.Excerpt(v, eval.ExcerptSize)
			return fail
		}
		fr.out.Buf, asks = a.Append(fr.out.Buf), a.Asks
	}
	if r.Query == nil {
		return nil
	}
	v, fail := eval.Expr(r.Query, &fr.eval)
	if fail != nil {
		return fail
	}
	q, ok := v.(*value.Object)
	if !ok {
		return eval.Unfit(r.Query, v, "an object")
	}
	var f *value.Field
	var err error
	if fr.out.Buf, f, err = appendQuery(fr.out.Buf, q, asks); err != nil {
		return fieldFail(r.Query, f, diag.BadAddress, "%q in the query: %v", f.Key, err)
	}
	return nil
}

// appendQuery writes what is asked for behind an address, which has a query already or
// not. Of what has no text it gives the field.
func appendQuery(dst []byte, q *value.Object, asks bool) ([]byte, *value.Field, error) {
	for i := range q.Len() {
		f := q.At(i)
		s, err := value.Plain(f.Value)
		if err != nil {
			return dst, &f, err
		}
		sep := byte('?')
		if asks {
			sep = '&'
		}
		asks = true
		dst = value.AppendPart(append(dst, sep), f.Key)
		dst = value.AppendPart(append(dst, '='), s)
	}
	return dst, nil, nil
}

// headers writes those of the stage.
func (r outgoing) headers(fr *Frame) *diag.Failure {
	if r.Headers == nil {
		return nil
	}
	v, fail := eval.Expr(r.Headers, &fr.eval)
	if fail != nil {
		return fail
	}
	hs, ok := v.(*value.Object)
	if !ok {
		return eval.Unfit(r.Headers, v, "an object")
	}
	var f *value.Field
	var err error
	if fr.out.Buf, f, err = appendHTTPHeaders(fr.out.Buf, hs); err != nil {
		return fieldFail(r.Headers, f, diag.HeaderText, "header %q: %v", f.Key, err)
	}
	return nil
}

// appendHTTPHeaders writes headers as outputs have them. Of what is none it gives the
// field.
func appendHTTPHeaders(dst []byte, hs *value.Object) ([]byte, *value.Field, error) {
	for i := range hs.Len() {
		f := hs.At(i)
		if why := ir.HeaderName(f.Key); why != "" {
			return dst, &f, errors.New(why)
		}
		s, err := value.Plain(f.Value)
		if err == nil && !isHeaderText(s) {
			err = errControl
		}
		if err != nil {
			return dst, &f, err
		}
		dst = event.AppendHeader(dst, f.Key, []byte(s))
	}
	return dst, nil, nil
}

var errControl = errors.New("a line break or another control character")

// isHeaderText tells whether a text may stand in a header of HTTP.
func isHeaderText(s string) bool {
	for i := range len(s) {
		if b := s[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// fieldFail is a failure of one field of an object that x made.
func fieldFail(x ir.Expr, f *value.Field, code *diag.Code, format string, a ...any) *diag.Failure {
	fail := diag.Failf(code, x.Span(), format, a...)
	fail.Path = eval.FieldText(f.Key)
	if f.Value != nil {
		fail.Excerpt = value.Excerpt(f.Value, eval.ExcerptSize)
	} else {
		fail.Help = "`" + f.Key + "?:` leaves a null out"
	}
	return fail
}
