package check

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Addresses of requests: what the script writes itself is the address, what comes of
// the record by `${…}` is a part of it and is percent-encoded.

// address checks the address of a request and gives the part of a name that it makes.
func (r *requestCheck) address(t *syntax.Target, at token.Span) string {
	r.req.Whole = r.conn != nil && r.conn.Option("url") == nil
	if t == nil || t.X == nil {
		if r.req.Whole {
			r.w.errorf(diag.BadURL, at, "`%s` has no address", r.what).WithLabel("`connection http %s` has no `url`", r.conn.Name).
				WithHelp("write it behind the method: %s \"https://…\"", r.req.Method)
		}
		return ""
	}
	x := r.w.need(r.w.expr(t.X), types.StringT, "an address")
	if isBad(x) {
		return oneLine(t.Span())
	}
	r.req.URL = r.parts(x)
	return targetName(r.req.URL, t.Span())
}

// parts encodes what a text of the script takes from the record, wherever the address
// is made of one. A value that is an address in whole stays as it is.
func (r *requestCheck) parts(x ir.Expr) ir.Expr {
	switch x := x.(type) {
	case *ir.Const:
		r.constText(x)
		return x
	case *ir.Text:
		return r.template(x)
	case *ir.If:
		c := *x
		c.Then, c.Else = r.parts(x.Then), r.parts(x.Else)
		return &c
	case *ir.Coalesce:
		c := *x
		c.X, c.Y = r.parts(x.X), r.parts(x.Y)
		return &c
	case *ir.Catch:
		c := *x
		c.X, c.Y = r.parts(x.X), r.parts(x.Y)
		return &c
	case *ir.Let:
		c := *x
		c.Body = r.parts(x.Body)
		return &c
	case *ir.Match:
		c := *x
		c.Arms = make([]ir.Arm, len(x.Arms))
		for i, a := range x.Arms {
			c.Arms[i] = ir.Arm{Cond: a.Cond, X: r.parts(a.X)}
		}
		return &c
	}
	r.req.Varies = true
	return x
}

// constText judges an address that the script writes out.
func (r *requestCheck) constText(x *ir.Const) {
	s, ok := x.Value.(string)
	if !ok || r.conn == nil {
		return
	}
	if r.begins(s, x.Span()) {
		if _, why := ir.ReadAddress(s, r.req.Whole, true); why != "" {
			r.w.errorf(diag.BadURL, x.Span(), "the address %s", why)
		} else if strings.Contains(s, "#") {
			r.fragment(x.Span())
		}
	}
}

func (r *requestCheck) fragment(at token.Span) {
	r.w.errorf(diag.BadURL, at, "the address has a fragment").WithLabel("what stands behind # is not sent").WithHelp("write %%23 for a # that is meant")
}

// begins judges how an address begins.
func (r *requestCheck) begins(s string, at token.Span) bool {
	low := strings.ToLower(s)
	whole := strings.HasPrefix(low, "https://") || strings.HasPrefix(low, "http://")
	switch {
	case r.req.Whole && !whole:
		r.w.errorf(diag.BadURL, at, "the address does not begin with https:// or http://").WithLabel("`connection http %s` has no `url`", r.conn.Name).
			WithHelp("write the whole address, or give the connection a `url`")
	case !r.req.Whole && whole:
		r.w.errorf(diag.BadURL, at, "the address is a whole one").WithLabel("`connection http %s` has a `url`", r.conn.Name).
			WithHelp("write what stands behind it, from its / on, or use a connection without `url`")
	case !r.req.Whole && !strings.HasPrefix(s, "/"):
		r.w.errorf(diag.BadURL, at, "the address does not begin with /").WithLabel("it is put behind the `url` of `connection http %s`", r.conn.Name)
	default:
		return true
	}
	return false
}

// template is a text with its constants put in and what is left encoded.
func (r *requestCheck) template(x *ir.Text) ir.Expr {
	w := r.w
	out := &ir.Text{Node: x.Node, Parts: []string{x.Parts[0]}}
	last := func() *string { return &out.Parts[len(out.Parts)-1] }
	for i, p := range x.Exprs {
		if k, ok := p.(*ir.Const); ok {
			if s, err := value.Plain(k.Value); err == nil {
				*last() += s + x.Parts[i+1]
				continue
			}
		}
		part := &ir.Call{Node: w.node(types.StringT, p.Span()), Func: addressPart, Args: []ir.Expr{p}}
		if types.MayBeNull(p.Type()) || !types.Disjoint(p.Type(), types.StringT) {
			part.F = []*diag.Code{diag.BadAddress}
		}
		out.Exprs = append(out.Exprs, part)
		out.Parts = append(out.Parts, x.Parts[i+1])
	}
	if len(out.Exprs) == 0 {
		k := w.constNode(out.Parts[0], x.Span())
		r.constText(k)
		return k
	}
	r.req.Varies = true
	switch {
	case out.Parts[0] == "" && r.conn != nil:
		w.errorf(diag.BadURL, x.Exprs[0].Span(), "an address begins with what the script says").WithLabel("`${…}` is a part of it, and is percent-encoded").
			WithHelp("a whole address of the record is written without quotes")
		return x
	case r.conn != nil && !r.begins(out.Parts[0], x.Span()):
		return x
	}
	for _, p := range out.Parts {
		switch {
		case strings.Contains(p, "#"):
			r.fragment(x.Span())
			return x
		case strings.ContainsAny(p, " \t\r\n"):
			w.errorf(diag.BadURL, x.Span(), "the address has a blank in it").WithHelp("write %%20 for a blank that is meant")
			return x
		}
	}
	return out
}

// addressPart encodes a part of an address. It has no name in the language: `${…}` in
// an address is a call of it.
var addressPart = &types.Func{
	Name: "address part", Doc: "A text, percent-encoded; null and an empty text are none.", TakesNull: true,
	Params: []types.Param{{Name: "x", Type: types.AnyT}}, Result: types.StringT,
	Call: func(_ *types.Context, args []value.Value) (value.Value, error) {
		if args[0] == nil {
			return nil, diag.Failf(diag.BadAddress, token.Span{}, "a part of the address is null")
		}
		s, err := value.Plain(args[0])
		switch {
		case err != nil:
			return nil, diag.Failf(diag.BadAddress, token.Span{}, "a part of the address: %v", err)
		case s == "":
			return nil, diag.Failf(diag.BadAddress, token.Span{}, `a part of the address is ""`)
		}
		return string(value.AppendPart(nil, s)), nil
	},
}
