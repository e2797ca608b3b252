package check

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// Plan is a team's tracking plan, which a connection may be bound to: what its events
// are called and have, besides what the API itself says.
type Plan interface {
	// Covers tells whether the plan has rules for a call at all.
	Covers(call string) bool
	// Body gives the type of the properties of an event, or of the traits of identify
	// and group, whose name is "".
	Body(call, name string) (*types.Type, bool)
	// Names lists the planned events of a call.
	Names(call string) []string
	// Judge gives a function of the name and the body, which gives the body or fails.
	Judge(call string) *types.Func
	// JudgeCall gives a function of a call that passes through, which gives it or fails.
	JudgeCall() *types.Func
}

// readPlans reads the plans of all connections, each file once.
func (c *checker) readPlans() {
	if c.file == nil {
		return // texts at hand have no folder
	}
	for _, key := range keys(c.conns) {
		for _, o := range c.conns[key].own {
			if o.Name != "plan" {
				continue
			}
			name, ok := constText(o.X)
			if !ok {
				c.errorf(diag.BadOption, o.X.Span(), "`plan` takes a file of the program's folder").WithHelp(`plan: "tracking-plan.json"`)
				continue
			}
			if _, read := c.plans[name]; !read {
				c.plans[name] = c.readPlan(name, o.X.Span())
			}
		}
	}
}

func (c *checker) readPlan(name string, at token.Span) Plan {
	data, err := c.file(name)
	if err != nil {
		c.errorf(diag.BadPlan, at, "%q cannot be read: %s", name, err)
		return nil
	}
	p, err := c.env.Events().Plan(data)
	if err != nil {
		c.errorf(diag.BadPlan, at, "%q: %s", name, err)
		return nil
	}
	return p
}

// planOf gives the plan that a connection is bound to, or nil.
func (c *checker) planOf(via syntax.Word) Plan {
	name := "main"
	if via.Set() {
		name = via.Text
	}
	n := c.conns["segment "+name]
	if n == nil || n.out == nil {
		return nil
	}
	o := n.out.Option("plan")
	if o == nil {
		return nil
	}
	file, _ := constText(o.X)
	return c.plans[file]
}

// planned compares a call with the plan of its connection, and has what is known only
// when the record runs judged then.
func (w *walker) planned(call string, spec *Call, via syntax.Word, got map[string]fieldValue, en *syntax.Entry, at token.Span) {
	p := w.c.planOf(via)
	body, ok := got[spec.Body]
	if p == nil || !p.Covers(call) || spec.Body == "" || !ok || isBad(body.x) {
		return
	}
	var name ir.Expr = &ir.Const{Node: w.node(types.NullT, token.Span{})}
	if n, ok := got[spec.Name]; ok && spec.Name != "" {
		if isBad(n.x) {
			return
		}
		name = n.x
	}
	text, known := constText(name)
	if !known && name.Type().Kind == types.Null {
		known = true
	}
	if known {
		want, ok := p.Body(call, text)
		switch {
		case !ok && call != "track":
			return // pages and screens of other names are nobody's mistake
		case !ok:
			d := w.errorf(diag.AgainstPlan, name.Span(), "the tracking plan has no event %q", text)
			if near := diag.Nearest(text, p.Names(call)); near != "" {
				d.WithHelp("did you mean %q?", near)
			} else {
				d.WithHelp("it has %s", few(p.Names(call)))
			}
			return
		}
		b := &bodyCheck{w: w, body: body, en: en, what: "property", call: at}
		if spec.Body == "traits" {
			b.what = "trait"
		}
		b.against(types.NonNull(body.x.Type()), want)
	}
	body.x = &ir.Call{Node: w.node(body.x.Type(), body.x.Span(), diag.NotPlanned), Func: p.Judge(call), Args: []ir.Expr{name, body.x}}
	got[spec.Body] = body
}

// few lists some names.
func few(names []string) string {
	if len(names) > 5 {
		names = append(names[:5:5], "…")
	}
	return strings.Join(names, ", ")
}

// against compares a body with what the plan says of it.
func (b *bodyCheck) against(t, want *types.Type) {
	t = asSent(t)
	if t.Kind != types.Object || want.Kind != types.Object {
		return
	}
	w := b.w
	for i := range want.Fields {
		f := &want.Fields[i]
		g, ok := t.Field(f.Name)
		switch {
		case !ok && (f.Optional || t.Rest != nil || t.Open):
		case !ok:
			w.errorf(diag.AgainstPlan, b.call, "the tracking plan needs the %s `%s`", b.what, f.Name)
		case spoiled(g.Type) || g.Type.Kind == types.Any || f.Type.Kind == types.Any:
		case !f.Optional && g.Optional:
			w.errorf(diag.AgainstPlan, b.at(f.Name), "the tracking plan needs the %s `%s`, which may be missing here", b.what, f.Name).
				WithHelp("`require … != null else \"…\"` above it, or `… ?? …`")
		case types.MayBeNull(g.Type) && !types.MayBeNull(f.Type) && !g.Optional:
			d := w.errorf(diag.AgainstPlan, b.at(f.Name), "the %s `%s` may be null here", b.what, f.Name).WithLabel("the tracking plan wants %s", f.Type.Brief())
			if f.Optional {
				d.WithHelp("`%s?: …` leaves a null out", f.Name)
			} else {
				d.WithHelp("`require … != null else \"…\"` above it, or `… ?? …`")
			}
		default:
			for _, c := range clashes(g.Type, f.Type, f.Name) {
				w.errorf(diag.AgainstPlan, b.at(c.path...), "the %s `%s` is %s in the tracking plan", b.what, c, c.want.Brief()).WithLabel("this is %s", short(c.got))
			}
		}
	}
	names := types.FieldNames(want)
	for i := range t.Fields {
		name := t.Fields[i].Name
		if _, ok := want.Field(name); ok {
			continue
		}
		code, what := diag.Unplanned, "the tracking plan has no %s `%s`"
		if want.Rest == nil && !want.Open {
			code, what = diag.AgainstPlan, "the tracking plan admits no %s `%s`"
		}
		d := w.errorf(code, b.at(name), what, b.what, name)
		if near := diag.Nearest(name, names); near != "" {
			d.WithHelp("did you mean %s?", near)
		}
	}
}

// asSent is a type as it arrives: times, durations and bytes are sent as text.
func asSent(t *types.Type) *types.Type {
	switch t.Kind {
	case types.Time, types.Duration, types.Bytes:
		return types.StringT
	case types.List:
		return types.ListOf(asSent(t.Elem))
	case types.Union:
		var ts []*types.Type
		for _, m := range t.Members {
			ts = append(ts, asSent(m))
		}
		return types.UnionOf(ts...)
	case types.Object:
		out := *t
		out.Fields = slices.Clone(t.Fields)
		for i := range out.Fields {
			if f := &out.Fields[i]; !spoiled(f.Type) {
				f.Type = asSent(f.Type)
			}
		}
		return &out
	}
	return t
}
