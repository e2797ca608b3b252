package check

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// walker checks the stages of one route.
type walker struct {
	ex
	route *ir.Route
	names map[string]int        // keys given so far, for the ordinals of equals
	emits map[string]token.Span // emit ids given so far
	withs map[string]ir.Slot    // the slot of each field of `with`, one a route
	each  int                   // how many `each` we are in
	// current is the slot of the person whom calls are about, one a route.
	current *ir.Slot
	taken   *ir.Dedupe // the first stage of a webhook with `id`; nil elsewhere
	dead    *deadUse   // of `from dead`; nil elsewhere
}

// key gives the next stable name of a kind and key text: "where", "where#2".
func (w *walker) stageKey(text string) string {
	w.names[text]++
	if n := w.names[text]; n > 1 {
		return text + "#" + strconv.Itoa(n)
	}
	return text
}

func (w *walker) info(kind, key string, at token.Span) ir.StageInfo {
	return ir.StageInfo{Kind: kind, At: at, Key: w.stageKey(key)}
}

// stages checks a list of stages and gives those that could be checked; w.f goes
// through them.
func (w *walker) stages(list []syntax.Stage) []ir.Stage {
	w.frame.blocks++
	block := w.frame.blocks
	var out []ir.Stage
	told := false
	for _, s := range list {
		if w.f.ended && !told {
			told = true
			w.errorf(diag.Unreachable, head(s.Span()), "no event comes here").WithLabel("all ways end above")
		}
		if st := w.stage(s, block); st != nil {
			out = append(out, st)
		}
	}
	return out
}

// block checks the stages of braces on a copy of the flow and gives the flow at
// their end.
func (w *walker) block(b *syntax.Block) ([]ir.Stage, *flow) {
	if b == nil {
		return nil, w.f.clone()
	}
	before := w.f
	w.f = before.clone()
	out := w.stages(b.Stages)
	end := w.f
	w.f = before
	return out, end
}

func (w *walker) stage(s syntax.Stage, block int) ir.Stage {
	switch s := s.(type) {
	case *syntax.Where:
		return w.where(s)
	case *syntax.Map:
		return w.mapTo(s)
	case *syntax.Set:
		return w.set(s)
	case *syntax.Unset:
		return w.unset(s)
	case *syntax.Let:
		return w.let(s, block)
	case *syntax.Require:
		return w.require(s)
	case *syntax.Drop:
		return w.drop(s)
	case *syntax.Fail:
		return w.fail(s)
	case *syntax.Replay:
		return w.replay(s)
	case *syntax.When:
		return w.when(s)
	case *syntax.MatchStage:
		return w.matchStage(s)
	case *syntax.Each:
		return w.eachOf(s)
	case *syntax.With:
		return w.with(s)
	case *syntax.Time:
		return w.timeBy(s)
	case *syntax.Sample:
		return w.sample(s)
	case *syntax.Dedupe:
		return w.dedupe(s)
	case *syntax.Update:
		return w.update(s, block)
	case *syntax.Delete:
		return w.delete(s)
	case *syntax.OrderKey:
		return w.keyBy(s)
	case *syntax.Split:
		return w.split(s, block)
	case *syntax.Changed:
		return w.changed(s)
	case *syntax.Throttle:
		return w.throttle(s)
	case *syntax.Window:
		return w.window(s, block)
	case *syntax.Identify:
		return w.identify(s, block)
	case *syntax.HTTPCall:
		return w.httpCall(s, block)
	case *syntax.Emit:
		return w.emit(s)
	case *syntax.BadStage:
		for _, b := range s.Binds {
			w.bind(b, bad, block)
		}
		if block == topBlock && keyword(s).Text() == "window" {
			w.paneUnread()
		}
		return nil
	}
	panic(fmt.Sprintf("check: no stage is a %T", s))
}

// bind puts a name in force in the rest of its block.
func (w *walker) bind(name syntax.Word, t *types.Type, block int) ir.Slot {
	for v := w.f.vars; v != nil && v.block == block; v = v.outer {
		if v.name == name.Text {
			w.errorf(diag.Duplicate, name.Span(), "`%s` is bound twice", name.Text).WithLabel("it is bound at %s", v.at)
		}
	}
	slot := w.bindLocal(name, t)
	w.f.vars.block = block
	return slot
}

// replace gives `.` a new value of a type.
func (w *walker) replace(t *types.Type) {
	w.f.cur = w.newRoot()
	w.f.known[w.f.cur] = t
}

func (w *walker) lintAfterEmit(at token.Span, what string) {
	if w.f.emitted {
		w.f.emitted = false // the first of them says it for all
		w.errorf(diag.AfterEmit, at, "`%s` does not take back what was emitted above", what).
			WithHelp("to send nothing put it above the emit; to make a dead letter of the record write `require`")
	}
}

func (w *walker) where(s *syntax.Where) ir.Stage {
	w.lintAfterEmit(keyword(s), "where")
	c := w.condition(w.expr(s.Cond))
	w.assume(c, true)
	reason := "filtered"
	if s.Why.Set() {
		reason = w.reason(s.Why)
	}
	return &ir.Where{StageInfo: w.info("where", "where", s.Span()), Cond: c, Reason: reason}
}

// reason takes the text of a drop, which is a label of a metric.
func (w *walker) reason(c syntax.Const) string {
	if strings.TrimSpace(c.Value) == "" {
		w.errorf(diag.WrongType, c.Span(), "a reason is a few words, not an empty text")
	}
	return c.Value
}

func (w *walker) mapTo(s *syntax.Map) ir.Stage {
	x := w.expr(s.X)
	w.replace(x.Type())
	return &ir.Map{StageInfo: w.info("map", "map", s.Span()), X: x}
}

func (w *walker) set(s *syntax.Set) ir.Stage {
	out := &ir.Set{StageInfo: w.info("set", "set", s.Span())}
	t := w.f.known[w.f.cur]
	var after []func() // puts are typed when all values are checked, in their order
	add := func(steps []ir.Step, ok bool, x ir.Expr, opt bool, at token.Span) {
		out.Puts = append(out.Puts, ir.Put{Path: steps, X: x, Opt: opt})
		after = append(after, func() {
			if ok && t != bad {
				t = w.putType(t, steps, x.Type(), opt && !isBad(x) && types.MayBeNull(x.Type()), at)
			}
		})
	}
	if s.Block != nil {
		for _, en := range s.Block.Entries {
			var steps []ir.Step
			for _, k := range en.Keys {
				steps = append(steps, ir.Step{Name: k.Text})
			}
			var x ir.Expr
			if en.X == nil && len(en.Keys) > 0 {
				x = w.short(&syntax.Entry{Key: en.Keys[0], Short: true})
			} else {
				x = w.expr(en.X)
			}
			add(steps, true, x, en.Opt, en.Span())
		}
	}
	for _, a := range s.Paths {
		x := w.expr(a.X)
		steps, ok := w.steps(a.Path.X)
		add(steps, ok, x, false, a.Path.Span())
	}
	for _, f := range after {
		f()
	}
	w.replace(t)
	return out
}

// putType is the type of `.` after a put.
func (w *walker) putType(t *types.Type, steps []ir.Step, v *types.Type, opt bool, at token.Span) *types.Type {
	now := v
	if opt {
		now = types.NonNull(v)
	}
	after, ok := putAt(t, steps, now)
	if !ok {
		w.errorf(diag.NotAnObject, at, "%s goes through what has no such part", quote(at)).WithLabel("in %s", short(t))
		return t
	}
	if opt {
		return union(t, after)
	}
	return after
}

// steps reads a path `.a.b[1]`.
func (w *walker) steps(x syntax.Expr) ([]ir.Step, bool) {
	switch x := x.(type) {
	case *syntax.Root:
		return nil, true
	case *syntax.Field:
		s, ok := w.steps(x.Of)
		return append(s, ir.Step{Name: x.Name}), ok
	case *syntax.Index:
		s, ok := w.steps(x.Of)
		if len(x.Keys) != 1 {
			return nil, false
		}
		i := w.expr(x.Keys[0])
		if isBad(i) {
			return nil, false
		}
		if name, isText := constText(i); isText {
			return append(s, ir.Step{Name: name}), ok
		}
		i = w.need(i, types.UnionOf(types.StringT, types.IntT), "an index")
		return append(s, ir.Step{Index: i}), ok && !isBad(i)
	}
	return nil, false
}

func (w *walker) unset(s *syntax.Unset) ir.Stage {
	out := &ir.Unset{StageInfo: w.info("unset", "unset", s.Span())}
	t := w.f.known[w.f.cur]
	for _, p := range s.Paths {
		steps, ok := w.steps(p.X)
		if !ok {
			continue
		}
		out.Paths = append(out.Paths, steps)
		if t == bad || t == nil {
			continue
		}
		if !w.declares(t, p.X) {
			continue
		}
		after, ok := takeAt(t, steps)
		if !ok {
			w.errorf(diag.NotAnObject, p.Span(), "%s goes through what has no such part", quote(p.Span())).WithLabel("in %s", short(t))
			continue
		}
		t = after
	}
	w.replace(t)
	return out
}

// declares reports a path that the type does not know, as reading it would.
func (w *walker) declares(t *types.Type, path syntax.Expr) bool {
	f, ok := path.(*syntax.Field)
	if !ok {
		return true
	}
	if _, isRoot := f.Of.(*syntax.Root); isRoot {
		_, status := types.FieldType(t, f.Name)
		if status == types.FieldUnknown {
			w.fieldError(&ir.Current{Node: ir.Node{T: t, At: f.Span()}}, f.Name, f.NameSpan.Span(), status)
			return false
		}
		return true
	}
	return !isBad(w.expr(f.Of)) && w.declaredIn(w.expr(f.Of), f)
}

func (w *walker) declaredIn(of ir.Expr, f *syntax.Field) bool {
	_, status := types.FieldType(of.Type(), f.Name)
	if status == types.FieldUnknown {
		w.fieldError(of, f.Name, f.NameSpan.Span(), status)
		return false
	}
	return true
}

func (w *walker) let(s *syntax.Let, block int) ir.Stage {
	x := w.expr(s.X)
	t := x.Type()
	slot := w.bind(s.Name, t, block)
	return &ir.Bind{StageInfo: w.info("let", "let "+s.Name.Text, s.Span()), Slot: slot, Name: s.Name.Text, X: x}
}

func (w *walker) require(s *syntax.Require) ir.Stage {
	c := w.condition(w.expr(s.Cond))
	before := w.f
	w.f = before.clone()
	w.assume(c, false)
	why := w.need(w.expr(s.Why), types.StringT, "the reason")
	w.f = before
	w.assume(c, true)
	return &ir.Require{StageInfo: w.info("require", "require", s.Span()), Cond: c, Why: why}
}

func (w *walker) drop(s *syntax.Drop) ir.Stage {
	if w.dead == nil { // there it ends the letter, whatever was emitted
		w.lintAfterEmit(keyword(s), "drop")
	}
	w.f.ended = true
	return &ir.Drop{StageInfo: w.info("drop", "drop", s.Span()), Reason: w.reason(s.Why)}
}

func (w *walker) fail(s *syntax.Fail) ir.Stage {
	why := w.need(w.expr(s.Why), types.StringT, "the reason")
	w.f.ended = true
	return &ir.Fail{StageInfo: w.info("fail", "fail", s.Span()), Why: why}
}

func (w *walker) when(s *syntax.When) ir.Stage { return w.whenFrom(s, 0) }

// whenFrom checks the cases from i on; `else when` is a When in the Else of the one before.
func (w *walker) whenFrom(s *syntax.When, i int) ir.Stage {
	if i >= len(s.Cases) {
		return nil
	}
	c := s.Cases[i]
	cond := w.condition(w.expr(c.Cond))
	at := keyword(s)
	at = at.Join(c.Cond.Span())
	if i > 0 {
		at = head(c.Span())
	}
	out := &ir.When{StageInfo: w.info("when", "when", at), Cond: cond}
	before := w.f
	w.f = before.clone()
	w.assume(cond, true)
	var then, other *flow
	out.Then, then = w.block(c.Then)
	w.f = before.clone()
	w.assume(cond, false)
	if i+1 < len(s.Cases) {
		if inner := w.whenFrom(s, i+1); inner != nil {
			out.Else = []ir.Stage{inner}
		}
		other = w.f
	} else {
		out.Else, other = w.block(s.Else)
	}
	w.f = w.join(before, then, other)
	return out
}

func (w *walker) matchStage(s *syntax.MatchStage) ir.Stage {
	at := keyword(s)
	key := "match"
	if s.Subject != nil {
		at = at.Join(s.Subject.Span())
		key += " " + oneLine(s.Subject.Span())
	}
	out := &ir.Branch{StageInfo: w.info("match", key, at)}
	before := w.f
	m := w.openMatch(s.Subject)
	out.Subject, out.Slot = m.subject, m.slot
	var ways []*flow
	for _, a := range s.Arms.List {
		cond, ok := m.arm(&w.ex, a.Pats, a.Else, a.Span())
		body, end := w.block(a.Body)
		m.next(&w.ex, cond)
		ways = append(ways, end)
		if ok {
			out.Arms = append(out.Arms, ir.StageArm{Label: armLabel(a), Cond: cond, Body: body})
		}
	}
	if m.close(&w.ex, at, true) && len(out.Arms) > 0 {
		out.Arms[len(out.Arms)-1].Cond = nil
	} else {
		ways = append(ways, before.clone()) // a case is missing: go on as if it led on
	}
	w.f = w.join(before, ways...)
	return out
}

// armLabel is what a graph writes at the way into an arm.
func armLabel(a *syntax.Arm) string {
	if a.Else {
		return "else"
	}
	parts := make([]string, len(a.Pats))
	for i, p := range a.Pats {
		parts[i] = oneLine(p.Span())
	}
	return strings.Join(parts, ", ")
}

// oneLine is source text with single blanks.
func oneLine(s token.Span) string { return strings.Join(strings.Fields(s.Text()), " ") }

func (w *walker) eachOf(s *syntax.Each) ir.Stage {
	at := keyword(s).Join(s.As.Span())
	out := &ir.Each{StageInfo: w.info("each", "each "+s.As.Text, at), Name: s.As.Text}
	list := w.listOf(w.expr(s.In), "`each`")
	elem := bad
	if !isBad(list) {
		elem, _ = types.ElemType(list.Type())
	}
	out.In = list
	before := w.f
	w.f = before.clone()
	w.f.emitted = false
	out.Slot = w.bindLocal(s.As, elem)
	w.each++
	var end *flow
	out.Body, end = w.block(s.Body)
	w.each--
	// `.`, @time and the defaults are behind it what they were before it.
	w.f = before
	w.f.emitted, w.f.called = before.emitted || end.emitted, before.called || end.called
	w.f.addThrottles(end)
	return out
}

func (w *walker) with(s *syntax.With) ir.Stage {
	out := &ir.With{StageInfo: w.info("with", "with", s.Span())}
	for _, en := range s.X.Entries {
		if en.Spread || en.Computed != nil {
			w.errorf(diag.UnknownCallField, en.Span(), "`with` takes fields of calls by their names")
			continue
		}
		field, spec := w.anyCallField(en.Key)
		x := w.entryValue(en)
		if !field || isBad(x) {
			continue
		}
		x = w.callField(x, spec, en.Opt)
		if isBad(x) {
			continue
		}
		w.inside(en, x)
		if old := w.f.withs[en.Key.Text]; old != nil && en.Opt && types.MayBeNull(x.Type()) {
			// Left out where it is null: what stood there before stays.
			v := &ir.Var{Node: w.node(old.t, x.Span()), Slot: old.slot, Name: en.Key.Text}
			x = &ir.Coalesce{Node: w.node(union(types.NonNull(x.Type()), old.t), x.Span()), X: x, Y: v}
		}
		slot, ok := w.withs[en.Key.Text]
		if !ok {
			slot = w.newSlot()
			if w.withs == nil {
				w.withs = map[string]ir.Slot{}
			}
			w.withs[en.Key.Text] = slot
		}
		w.f.withs[en.Key.Text] = &with{slot, x.Type()}
		w.f.known[slotRoot(slot)] = x.Type()
		out.Defaults = append(out.Defaults, ir.Default{Field: en.Key.Text, Slot: slot, X: x})
	}
	return out
}

// entryValue checks the value of a field in the braces of a stage.
func (w *walker) entryValue(en *syntax.Entry) ir.Expr {
	if en.Short {
		return w.short(en)
	}
	return w.expr(en.X)
}

func (w *walker) timeBy(s *syntax.Time) ir.Stage {
	x := w.need(w.expr(s.By), types.TimeT, "`time by`")
	w.f.timed = true
	return &ir.TimeBy{StageInfo: w.info("time", "time", s.Span()), X: x}
}

func (w *walker) sample(s *syntax.Sample) ir.Stage {
	w.lintAfterEmit(keyword(s), "sample")
	out := &ir.Sample{}
	parts, ok := sampleParts(s.Percent.Text)
	if !ok {
		w.errorf(diag.BadOption, s.Percent.Span(), "a share is 0 to 100 percent, with at most four decimals")
	}
	out.Parts = parts
	if n, err := value.Quo(value.FromInt(int64(parts)), value.FromInt(1_000_000)); err == nil {
		out.Rate = n.Plain()
	}
	texts := make([]string, 0, len(s.By.Keys))
	for _, k := range s.By.Keys {
		out.Keys = append(out.Keys, w.key(w.expr(k), "a key"))
		texts = append(texts, oneLine(k.Span()))
	}
	w.f.sampled = true
	out.StageInfo = w.info("sample", "sample by "+strings.Join(texts, ", "), s.Span())
	return out
}

// sampleParts reads a percentage as parts of a million.
func sampleParts(text string) (int, bool) {
	r, ok := new(big.Rat).SetString(strings.ReplaceAll(text, "_", ""))
	if !ok || len(text) > 20 {
		return 0, false
	}
	r.Mul(r, big.NewRat(10_000, 1))
	if !r.IsInt() || r.Sign() < 0 || r.Cmp(big.NewRat(1_000_000, 1)) > 0 {
		return 0, false
	}
	return int(r.Num().Int64()), true
}
