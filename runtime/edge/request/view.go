package request

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Fault is why a route cannot read a request. Exactly one of its parts is set.
type Fault struct {
	Syntax   *value.SyntaxError // the body is no JSON
	Mismatch *types.Mismatch    // it is not what the route declares
	Broken   *Broken            // it is a call that Segment would discard
}

// View gives what a route sees of the request: query and body in one object, of which
// the body wins, read as t declares; nil takes it as it is. Its texts are read by the
// declared type, also those in a body of JSON.
func (r *Request) View(t *types.Type, strict bool) (value.Value, *Fault) {
	p := parts{query: Parameters(r.Query)}
	if f := p.read(r); f != nil {
		return nil, f
	}
	if t == nil {
		return p.merged(nil), nil
	}
	mode := types.Mode{Strict: strict, Text: true}
	if t.Kind == types.Union && p.repeats() {
		// What a repeated name comes to depends on the member.
		for _, m := range t.Members {
			if v, bad := types.Judge(p.merged(m), m, mode); bad == nil {
				return v, nil
			}
		}
	}
	v, bad := types.Judge(p.merged(t), t, mode)
	if bad != nil {
		if len(r.Body) > 0 && r.IsForm() && (r.Body[0] == '{' || r.Body[0] == '[') {
			bad.Help = "the body looks like JSON and was sent as a form: say Content-Type: application/json"
		}
		return nil, &Fault{Mismatch: bad}
	}
	return v, nil
}

// parts are what a request holds.
type parts struct {
	query, form []Parameter
	body        value.Value
	has         bool // body is there
}

func (p *parts) read(r *Request) *Fault {
	switch {
	case blank(r.Body):
		return nil
	case r.IsForm():
		p.form = Parameters(string(r.Body))
		return nil
	case r.IsMultipart():
		form, _, err := r.multipart()
		if err != nil {
			return notInParts(err)
		}
		p.form = form
		return nil
	}
	v, err := value.DecodeJSON(r.Body)
	if err != nil {
		if help := r.instead(); help != "" {
			err.Help = help
		}
		return &Fault{Syntax: err}
	}
	if _, ok := v.(*value.Object); !ok && len(p.query) > 0 {
		return &Fault{Mismatch: &types.Mismatch{Path: ".", Want: "an object as body, since there is a query", Got: value.KindOf(v).String(), Value: v,
			Help: "query and body become one object; send one of them alone"}}
	}
	p.body, p.has = v, true
	return nil
}

// instead says what a body looks like that is no JSON, and what its sender can do; "" where
// nobody can tell.
func (r *Request) instead() string {
	kind, _, _ := strings.Cut(strings.ToLower(r.Header("content-type")), ";")
	kind = strings.TrimSpace(kind)
	switch {
	case bytes.HasPrefix(r.Body, []byte{0x1f, 0x8b}):
		return "the body is gzip: have its sender say Content-Encoding: gzip"
	case strings.HasPrefix(kind, "multipart/"):
		return "the body is " + kind + ", which is not read: have its sender send JSON, or a form as application/x-www-form-urlencoded"
	case strings.HasSuffix(kind, "/xml") || strings.HasSuffix(kind, "+xml"):
		return "the body is XML, which is not read: have its sender send JSON"
	case formLike.Match(r.Body):
		return "the body looks like a form: have its sender say Content-Type: application/x-www-form-urlencoded"
	}
	return ""
}

// formLike matches the beginning of a form.
var formLike = regexp.MustCompile(`^[A-Za-z0-9_.%+\-\[\]]+=[^\s"{]*(&|$)`)

func blank(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != ' ' && c != '\t' && c != '\r' && c != '\n' })
}

// repeats tells whether a name comes more than once.
func (p *parts) repeats() bool { return repeated(p.query) || repeated(p.form) }

func repeated(ps []Parameter) bool {
	seen := map[string]bool{}
	for _, x := range ps {
		if seen[x.Name] {
			return true
		}
		seen[x.Name] = true
	}
	return false
}

// merged puts query and body together.
func (p *parts) merged(t *types.Type) value.Value {
	if p.has && len(p.query) == 0 {
		return p.body
	}
	over := object(p.form, t)
	if p.has {
		over = p.body.(*value.Object)
	}
	out := value.NewObject()
	q := object(p.query, t)
	for _, from := range []*value.Object{q, over} {
		for i := range from.Len() {
			if f := from.At(i); from == over || !over.Has(f.Key) {
				out.Put(f.Key, f.Value)
			}
		}
	}
	return out
}

// object gives parameters as texts. Of a name that comes several times a list type takes
// all, else the last counts.
func object(ps []Parameter, t *types.Type) *value.Object {
	out := value.NewObject()
	for _, x := range ps {
		v, there := out.Get(x.Name)
		if !there || !takesList(t, x.Name) {
			out.Set(x.Name, x.Value)
			continue
		}
		list, ok := v.(value.List)
		if !ok {
			list = value.List{v}
		}
		out.Set(x.Name, append(list, x.Value))
	}
	return out
}

// takesList tells whether a field is declared as a list.
func takesList(t *types.Type, name string) bool {
	if t == nil {
		return false
	}
	switch t.Kind {
	case types.Map:
		return isList(t.Elem)
	case types.Object:
		if f, ok := t.Field(name); ok {
			return isList(f.Type)
		}
		return t.Rest != nil && isList(t.Rest)
	case types.Union: // no member took it: the last counts
	}
	return false
}

func isList(t *types.Type) bool {
	return t.Kind == types.List || t.Kind == types.Union && slices.ContainsFunc(t.Members, isList)
}
