package op

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
)

// httpRequest is `emit http` over the bytes of the record: the body is written as it is
// read, query and headers, which are small, are values.
func (f *fuser) httpRequest(e *emit, s *ir.HTTPSink, env fuse.Env) func(*Frame, *event.Output) bool {
	h := fusedHTTP{method: s.Method + " ", whole: s.Whole, varies: s.Varies, bodyOpt: s.BodyOpt && s.Item == nil}
	if s.URL != nil {
		h.url = f.b.Expr(s.URL, env).Text()
	}
	if s.Query != nil {
		h.query = f.b.Expr(s.Query, env).Value()
	}
	if s.Headers != nil {
		h.headers = f.b.Expr(s.Headers, env).Value()
	}
	if s.Item != nil {
		h.body = f.b.Expr(s.Item, env).Write()
	} else if s.Body != nil {
		h.body = f.b.Expr(s.Body, env).Write()
	}
	if s.Key != nil {
		h.key = fusedKey(e, f.b.Expr(s.Key, env), s.KeyOpt)
	}
	return func(fr *Frame, o *event.Output) bool {
		if h.key != nil && !h.key(fr, o) || !h.head(fr, o) || !h.content(fr, o) {
			return false
		}
		m := fr.m
		fr.out.Buf = m.Buf
		o.Group = groupOf(fr.out, e.prefix, o)
		o.ID.Start = hereFused(m)
		m.Buf, fr.buf = e.ids.append(m.Buf, fr.buf, e.prefix, fr.rec, fr.path)
		o.ID.End = hereFused(m)
		return true
	}
}

// fusedHTTP is what makes a request; what is nil is not there.
type fusedHTTP struct {
	method         string // "POST "
	whole, varies  bool
	url            func(*fuse.Machine) ([]byte, fuse.State)
	query, headers func(*fuse.Machine) (value.Value, fuse.State)
	body           func(*fuse.Machine) fuse.State
	bodyOpt        bool
	key            func(*Frame, *event.Output) bool
}

// head writes target and headers.
func (h *fusedHTTP) head(fr *Frame, o *event.Output) bool {
	m := fr.m
	asks := false
	var a ir.Address
	if h.url != nil {
		t, st := h.url(m)
		if st != fuse.Some {
			return false
		}
		var why string
		if a, why = ir.ReadAddress(string(t), h.whole, h.varies); why != "" {
			return false
		}
		asks = a.Asks
	}
	o.Target.Start = hereFused(m)
	m.Buf = a.Append(append(m.Buf, h.method...))
	var err error
	if h.query != nil {
		v, _ := h.query(m)
		q, ok := v.(*value.Object)
		if !ok {
			return false
		}
		if m.Buf, _, err = appendQuery(m.Buf, q, asks); err != nil {
			return false
		}
	}
	o.Target.End = hereFused(m)
	o.Headers.Start = o.Target.End
	if h.headers != nil {
		v, _ := h.headers(m)
		hs, ok := v.(*value.Object)
		if !ok {
			return false
		}
		if m.Buf, _, err = appendHTTPHeaders(m.Buf, hs); err != nil {
			return false
		}
	}
	o.Headers.End = hereFused(m)
	return true
}

// content writes the body.
func (h *fusedHTTP) content(fr *Frame, o *event.Output) bool {
	m := fr.m
	o.Body.Start = hereFused(m)
	o.Body.End = o.Body.Start
	if h.body == nil {
		return true
	}
	switch h.body(m) {
	case fuse.Bad:
		return false
	case fuse.Null:
		if h.bodyOpt {
			return true
		}
		m.Buf = append(m.Buf, "null"...)
	}
	o.Body.End = hereFused(m)
	return true
}
