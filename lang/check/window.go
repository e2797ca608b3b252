package check

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// topBlock is the block of a route's own stages.
const topBlock = 1

// maxPaneCells bounds what one record may write into its panes (state.MaxCells).
const maxPaneCells = 4000

// window checks `window 5m by E { n: count() }`. What is below it sees the pane, an
// event of its own: nothing of the records that are in it but the aggregates.
func (w *walker) window(s *syntax.Window, block int) ir.Stage {
	if block != topBlock {
		w.errorf(diag.Misplaced, keyword(s), "a `window` stands at the top level of its route").WithLabel("this one is inside another stage").
			WithHelp("`where` or `drop` above it keep out what it is not for")
	}
	if w.route.Source != nil && w.route.Source.Kind == "table" {
		w.c.notYet(keyword(s), "window").WithLabel("below `from table`")
	}
	key := "window by " + byText(&s.By)
	if s.As.Set() {
		key = "window " + s.As.Text
	}
	at := keyword(s).Join(s.By.Span())
	out := &ir.Window{StageInfo: w.info("window", key, keyword(s).Join(s.Fields.Span())), Keys: w.byKeys(&s.By)}
	out.Memory = w.memory(ir.WindowState, "window", &s.By, s.As, out.Keys, at)
	out.Aggs = w.aggregates(&s.Fields)
	out.Span = w.span(s, out.Aggs)
	fields := make([]types.Field, len(out.Aggs))
	for i := range out.Aggs {
		fields[i] = types.Field{Name: out.Aggs[i].Name, Type: out.Aggs[i].T}
	}
	out.Out = types.Obj(fields...)
	if s.Late != nil {
		out.HasLate = true
		var end *flow
		out.Late, end = w.block(s.Late)
		w.f.person = w.f.person || end.person
	}
	if block != topBlock {
		w.replace(bad)
		return out
	}
	w.pane(out)
	return out
}

// pane begins the event that a window makes.
func (w *walker) pane(s *ir.Window) {
	above := map[string]token.Span{}
	for v := w.f.vars; v != nil; v = v.outer {
		above[v.name] = v.at
	}
	window := types.Obj(
		types.Field{Name: "key", Type: paneKey(s.Keys)},
		types.Field{Name: "start", Type: types.TimeT},
		types.Field{Name: "end", Type: types.TimeT})
	w.src = &source{t: s.Out, metas: map[string]*types.Type{"window": window}, above: above}
	person := w.f.person
	w.f = newFlow()
	w.f.cur, w.f.timed, w.f.person = "$", true, person
	w.f.known["$"], w.f.known["@window"] = s.Out, window
}

// paneUnread goes on below a window that could not be read.
func (w *walker) paneUnread() {
	w.src = &source{t: bad}
	w.f.cur, w.f.timed, w.f.sampled, w.f.person = "$", true, true, true
	w.f.known["$"] = bad
}

// aboveWindow says of a name that is not known that it was, above the window.
func (e *ex) aboveWindow(d *diag.Diagnostic, name string) bool {
	if e.src == nil || !e.src.above[name].Valid() {
		return false
	}
	d.WithLabel("it is bound above the window").WithHelp("a pane has many records; an aggregate keeps one's: %s: first(%s)", name, name)
	return true
}

// paneKey is the type of @window.key: of the key, or of a list of its parts.
func paneKey(keys []ir.Expr) *types.Type {
	ts := make([]*types.Type, len(keys))
	for i, k := range keys {
		if isBad(k) {
			return bad
		}
		ts[i] = types.NonNull(k.Type())
	}
	if len(ts) == 1 {
		return ts[0]
	}
	return types.ListOf(union(ts...))
}

// span checks when panes begin and end.
func (w *walker) span(s *syntax.Window, aggs []ir.Agg) ir.Span {
	out := ir.Span{Session: s.Session}
	out.SizeMS, _ = w.c.spanMS(s.Length, "window")
	out.EveryMS = out.SizeMS
	if s.Grace.Text != "" {
		if kind, n, ok := syntax.ParseUnit(s.Grace.Text); !ok || kind != syntax.Duration || n != 0 { // 0s is said, and is what it is without
			out.GraceMS, _ = w.c.spanMS(s.Grace, "grace")
		}
	}
	switch {
	case s.Every.Text == "":
	case s.Session:
		w.errorf(diag.BadOption, s.Every.Span(), "a session has no step").WithLabel("it begins with its first record").WithHelp("leave `every %s` out", s.Every.Text)
	default:
		out.EveryMS, _ = w.c.spanMS(s.Every, "every")
		w.hop(s, out, aggs)
	}
	return out
}

// hop checks the step of hopping panes: none longer than the pane, which would
// leave times that belong to none, and none so short that a record is part of more
// panes than it may write.
func (w *walker) hop(s *syntax.Window, p ir.Span, aggs []ir.Agg) {
	if p.EveryMS <= 0 || p.SizeMS <= 0 {
		return // reported
	}
	if p.EveryMS > p.SizeMS {
		w.errorf(diag.BadOption, s.Every.Span(), "the step is longer than the window").WithLabel("what lies between two panes would be in none").
			WithHelp("`every` is at most %s; for panes side by side leave it out", s.Length.Text)
		return
	}
	each := 2 // a pane and its timer
	for i := range aggs {
		if large(aggs[i].Func) {
			each += 2
		}
	}
	panes := (p.SizeMS + p.EveryMS - 1) / p.EveryMS
	if most := int64(maxPaneCells / each); panes > most {
		w.errorf(diag.BadOption, s.Every.Span(), "each record would be in %d panes", panes).WithLabel("%d is the most with these aggregates", most).
			WithHelp("a longer step, or a shorter window")
	}
}

// large tells whether an aggregate keeps more than fits into the cell of its pane.
func large(f string) bool { return f == "distinct" || f == "collect" || f == "percentile" }

// aggregates checks the fields of a window.
func (w *walker) aggregates(o *syntax.Object) []ir.Agg {
	var out []ir.Agg
	seen := map[string]bool{}
	if o.For != nil {
		w.notAggregate(o.Span(), "the fields of a window are written one by one")
		return nil
	}
	for _, en := range o.Entries {
		switch {
		case en.Spread, en.Computed != nil:
			w.notAggregate(en.Span(), "the fields of a window are written one by one")
			continue
		case en.Opt:
			w.errorf(diag.NotAggregate, en.Span(), "a field of a window is never left out").WithHelp("write `%s: …`; below the window a null may be left out", en.Key.Text)
			continue
		case seen[en.Key.Text]:
			w.errorf(diag.FieldTwice, en.Key.Span(), "the field `%s` stands twice", en.Key.Text)
			continue
		}
		seen[en.Key.Text] = true
		a := ir.Agg{Name: en.Key.Text, At: en.Key.Span(), T: bad}
		w.aggregate(&a, en)
		out = append(out, a)
	}
	return out
}

func (w *walker) notAggregate(at token.Span, format string, a ...any) {
	w.errorf(diag.NotAggregate, at, format, a...).WithHelp("%s", "n: count(), total: sum(.x), …")
}

// aggregate checks one field. An aggregate does not see a null: it is of the values
// that are there.
func (w *walker) aggregate(a *ir.Agg, en *syntax.Entry) {
	call, ok := syntax.Unparen(en.X).(*syntax.Call)
	if en.Short || !ok {
		at := en.Span()
		if en.X != nil {
			at = en.X.Span()
		}
		d := w.errorf(diag.NotAggregate, at, "%s is no aggregate", quote(at))
		switch root, isPath := rootOf(en.X); {
		case root == "@window":
			d.WithHelp("below the window @window has its key, start and end")
		case isPath:
			d.WithHelp("of the records of a pane it is first(%s), last(%s), …", at.Text(), at.Text())
		default:
			d.WithHelp("what is computed of aggregates is computed below the window")
		}
		return
	}
	f := w.c.env.Aggregate(call.Func.Text)
	if f == nil {
		d := w.errorf(diag.NotAggregate, call.Func.Span(), "`%s` is no aggregate", call.Func.Text)
		if near := diag.Nearest(call.Func.Text, w.c.env.AggregateNames()); near != "" && w.c.env.Func(call.Func.Text) == nil {
			d.WithHelp("did you mean %s?", near)
		} else {
			d.WithHelp("an aggregate stands at the top of its field; what is computed of aggregates is computed below the window")
		}
		w.args(call)
		return
	}
	args, ok := w.args(call)
	if !ok {
		return
	}
	bound, ok := w.ex.bind(f, call, args)
	if !ok {
		return
	}
	if len(args) > 0 && args[0].Type().Kind == types.Null {
		w.errorf(diag.BadArgument, args[0].Span(), "`%s` of what is always null", f.Name).WithLabel("an aggregate does not see a null")
		return
	}
	a.Func, a.T, a.At = f.Name, bound.Result, call.Span()
	if bound.NullSubject && !mayBeEmpty[f.Name] {
		// Of no values at all it is 0, or [].
		if inner, again := types.Bind(f, nonNullArgs(args)); again == nil {
			a.T = inner.Result
		}
	}
	for i, x := range args {
		switch {
		case i == 0:
			a.X = x
		case f.Name == "collect":
			n, _ := x.(*ir.Const).Value.(value.Number).Int64()
			a.N = n
		case f.Name == "percentile":
			a.P = x.(*ir.Const).Value.(value.Number)
		}
	}
}

// rootOf tells whether an expression reads a value and computes nothing, and what
// of: "@window", or "" for all that is not `@`.
func rootOf(x syntax.Expr) (root string, ok bool) {
	switch x := syntax.Unparen(x).(type) {
	case *syntax.Field:
		return rootOf(x.Of)
	case *syntax.Index:
		return rootOf(x.Of)
	case *syntax.Meta:
		return "@" + x.Name, true
	case *syntax.Root, *syntax.Name:
		return "", true
	}
	return "", false
}

// mayBeEmpty are the aggregates that are null of no values at all.
var mayBeEmpty = map[string]bool{"min": true, "max": true, "average": true, "first": true, "last": true, "percentile": true}

func nonNullArgs(args []ir.Expr) []*types.Type {
	ts := make([]*types.Type, len(args))
	for i, a := range args {
		ts[i] = types.NonNull(a.Type())
	}
	return ts
}
