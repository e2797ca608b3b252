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

// list checks [a, ...b] and [x for …].
func (e *ex) list(x *syntax.List) ir.Expr {
	if x.For != nil && len(x.Items) == 1 {
		f, ok := e.openFor(x.For)
		body := e.expr(x.Items[0].X)
		e.closeFor(f)
		if !ok || isBad(body) {
			return badExpr(x.Span())
		}
		return &ir.ListFor{Node: e.node(types.ListOf(body.Type()), x.Span()), For: f.head, X: body}
	}
	n := &ir.List{}
	ts := make([]*types.Type, 0, len(x.Items))
	ok, constant := true, true
	vals := value.List{}
	for _, it := range x.Items {
		v := e.expr(it.X)
		if it.Spread {
			v = e.listOf(v, "`...`")
		}
		if isBad(v) {
			ok = false
			continue
		}
		t := v.Type()
		if it.Spread {
			t, _ = types.ElemType(t)
		}
		ts = append(ts, t)
		n.Items = append(n.Items, ir.Item{X: v, Spread: it.Spread})
		k, isConst := v.(*ir.Const)
		switch {
		case !isConst:
			constant = false
		case it.Spread:
			vals = append(vals, k.Value.(value.List)...)
		default:
			vals = append(vals, k.Value)
		}
	}
	if !ok {
		return badExpr(x.Span())
	}
	if constant {
		return e.constNode(vals, x.Span())
	}
	n.Node = e.node(types.ListOf(union(ts...)), x.Span())
	return n
}

// opened is a comprehension whose names are in force.
type opened struct {
	head   ir.For
	before *flow
}

// openFor binds the names of a comprehension; closeFor takes them back.
func (e *ex) openFor(f *syntax.For) (opened, bool) {
	o := opened{before: e.f}
	in := e.expr(f.In)
	kt, vt := bad, bad
	ok := !isBad(in)
	if ok {
		kt, vt, ok = e.iterate(&in, f.K.Set())
	}
	o.head.In = in
	e.f = e.f.clone()
	if f.K.Set() {
		o.head.HasKey = true
		o.head.Key = e.bindLocal(f.K, kt)
	}
	o.head.Value = e.bindLocal(f.V, vt)
	if f.If != nil {
		c := e.condition(e.expr(f.If))
		if isBad(c) {
			ok = false
		} else {
			e.assume(c, true)
			o.head.Cond = c
		}
	}
	return o, ok
}

func (e *ex) iterate(in *ir.Expr, named bool) (k, v *types.Type, ok bool) {
	x := *in
	t := x.Type()
	switch {
	case t.Kind == types.Any && named:
		x = e.anyHere(x, types.ObjectT, "`for k, v`")
	case t.Kind == types.Any:
		x = e.anyHere(x, types.ListOf(types.AnyT), "`for`")
	case types.MayBeNull(t) && t.Kind != types.Null:
		switch _, _, ok := types.IterTypes(types.NonNull(t)); {
		case ok && e.c.loose:
			x = e.needed(x)
		case ok:
			e.errorf(diag.NullValue, x.Span(), "%s may be null here", quote(x.Span())).WithLabel("`for` goes through a list").
				WithHelp("%s ?? []", x.Span().Text())
			return bad, bad, false
		}
	}
	if isBad(x) {
		return bad, bad, false
	}
	*in = x
	if k, v, ok = types.IterTypes(x.Type()); ok {
		return k, v, true
	}
	e.errorf(diag.NotAList, x.Span(), "%s is no list", quote(x.Span())).WithLabel("this is %s", short(x.Type())).
		WithHelp("`for` goes through lists and objects")
	return bad, bad, false
}

func (e *ex) closeFor(o opened) { e.f = o.before }

// bindLocal binds a name of an expression.
func (e *ex) bindLocal(w syntax.Word, t *types.Type) ir.Slot {
	s := e.newSlot()
	e.f.vars = &variable{outer: e.f.vars, name: w.Text, slot: s, at: w.Span(), block: -1}
	e.f.known[slotRoot(s)] = t
	return s
}

// object checks {…}.
func (e *ex) object(x *syntax.Object) ir.Expr {
	if x.For != nil && len(x.Entries) == 1 {
		return e.objectFor(x)
	}
	n := &ir.Object{}
	t := types.Obj()
	ok := true
	var fails []*diag.Code
	seen := map[string]bool{}
	for _, en := range x.Entries {
		entry, over := e.entry(en)
		if entry.X == nil {
			// A field that could not be checked spoils itself only.
			if en.Spread || en.Computed != nil {
				ok = false
				continue
			}
			entry = ir.Entry{Kind: ir.Named, Key: en.Key.Text, X: badExpr(en.Span())}
			over = types.Obj(types.Field{Name: en.Key.Text, Type: bad})
		}
		if entry.Kind == ir.Named {
			if seen[entry.Key] {
				e.errorf(diag.FieldTwice, en.Key.Span(), "the field `%s` stands twice", entry.Key).WithHelp("only the last would count")
				continue
			}
			seen[entry.Key] = true
		}
		if entry.Kind == ir.Spread && entry.X.Type().Kind == types.Any {
			fails = []*diag.Code{diag.NullValue}
		}
		n.Entries = append(n.Entries, entry)
		if next, fits := types.Spread(t, over); fits {
			t = next
		}
	}
	if !ok {
		return badExpr(x.Span())
	}
	if o := constObject(n); o != nil {
		return e.constNode(o, x.Span())
	}
	n.Node = e.node(t, x.Span(), fails...)
	return n
}

// constObject is the object where all of it is constant, or nil.
func constObject(n *ir.Object) *value.Object {
	o := value.NewObject()
	for _, en := range n.Entries {
		k, ok := en.X.(*ir.Const)
		if !ok || en.Kind != ir.Named || isBad(k) {
			return nil
		}
		if !en.Opt || k.Value != nil {
			o.Put(en.Key, k.Value)
		}
	}
	return o
}

// entry checks one entry; over is the type of the object that it adds. X is nil
// where it could not be checked.
func (e *ex) entry(en *syntax.Entry) (entry ir.Entry, over *types.Type) {
	switch {
	case en.Spread:
		v := e.spread(en)
		if isBad(v) {
			return ir.Entry{}, nil
		}
		t := v.Type()
		if t.Kind == types.Any {
			t = types.ObjectT
		}
		return ir.Entry{Kind: ir.Spread, X: v}, t
	case en.Short:
		v := e.short(en)
		if isBad(v) {
			return ir.Entry{}, nil
		}
		return ir.Entry{Kind: ir.Named, Key: en.Key.Text, X: v}, types.Obj(types.Field{Name: en.Key.Text, Type: v.Type()})
	}
	if en.Computed != nil {
		key := e.need(e.expr(en.Computed), types.StringT, "the name of a field")
		v := e.expr(en.X)
		if isBad(key) || isBad(v) {
			return ir.Entry{}, nil
		}
		return ir.Entry{Kind: ir.Computed, KeyX: key, X: v, Opt: en.Opt}, types.MapOf(fieldOf(v, en.Opt))
	}
	v := e.expr(en.X)
	if isBad(v) {
		return ir.Entry{}, nil
	}
	f := types.Field{Name: en.Key.Text, Type: fieldOf(v, en.Opt), Optional: en.Opt && types.MayBeNull(v.Type())}
	return ir.Entry{Kind: ir.Named, Key: en.Key.Text, X: v, Opt: en.Opt}, types.Obj(f)
}

// fieldOf is the type of a field's value; what is left out where it is null is never null.
func fieldOf(v ir.Expr, opt bool) *types.Type {
	if opt {
		return types.NonNull(v.Type())
	}
	return v.Type()
}

func (e *ex) spread(en *syntax.Entry) ir.Expr {
	var v ir.Expr
	if en.X == nil {
		if e.f.cur == "" {
			return e.notHere(en.Span(), "...")
		}
		v = &ir.Current{Node: e.node(e.f.known[e.f.cur], en.Span())}
	} else {
		v = e.expr(en.X)
	}
	t := v.Type()
	if isBad(v) || t.Kind == types.Any {
		return v
	}
	if _, ok := types.Spread(types.Obj(), t); !ok {
		e.errorf(diag.WrongType, v.Span(), "`...` takes the fields of an object").WithLabel("this is %s", short(t))
		return badExpr(v.Span())
	}
	return v
}

// short is `{ total }`: the variable of that name.
func (e *ex) short(en *syntax.Entry) ir.Expr {
	if v := e.f.find(en.Key.Text); v != nil {
		return e.variable(v, en.Key.Span())
	}
	if d := e.in.space.consts[en.Key.Text]; d != nil {
		return e.constantOf(d, en.Key.Span())
	}
	if _, ok := e.in.space.unread[en.Key.Text]; ok {
		return badExpr(en.Span())
	}
	if d := e.in.space.tables[en.Key.Text]; d != nil {
		return e.noValue(d, en.Key.Span())
	}
	if e.gone != nil && e.gone.names[en.Key.Text] {
		return e.isGone(en.Key.Text, en.Key.Span())
	}
	d := e.errorf(diag.UnknownName, en.Key.Span(), "there is nothing called `%s` here", en.Key.Text)
	if e.aboveWindow(d, en.Key.Text) {
		return badExpr(en.Span())
	}
	d.WithLabel("`{ %s }` is short for `{ %s: %s }`", en.Key.Text, en.Key.Text, en.Key.Text)
	if t := e.f.known[e.f.cur]; t != nil && t != bad && t.Kind != types.Any {
		if _, status := types.FieldType(t, en.Key.Text); status == types.FieldOK {
			d.WithHelp("write %s: .%s", en.Key.Text, en.Key.Text)
		}
	}
	return badExpr(en.Span())
}

func (e *ex) objectFor(x *syntax.Object) ir.Expr {
	en := x.Entries[0]
	f, ok := e.openFor(x.For)
	defer e.closeFor(f)
	if en.Computed == nil {
		return badExpr(x.Span())
	}
	key := e.need(e.expr(en.Computed), types.StringT, "the name of a field")
	v := e.expr(en.X)
	if !ok || isBad(key) || isBad(v) {
		return badExpr(x.Span())
	}
	return &ir.ObjectFor{Node: e.node(types.MapOf(fieldOf(v, en.Opt)), x.Span(), diag.Collision), For: f.head, Key: key, X: v, Opt: en.Opt}
}

// match checks match … { … } as an expression.
func (e *ex) match(x *syntax.Match) ir.Expr {
	m := e.openMatch(x.Subject)
	n := &ir.Match{Subject: m.subject, Slot: m.slot}
	ok := m.ok
	var ts []*types.Type
	for _, a := range x.Arms {
		cond, armOK := m.arm(e, a.Pats, a.Else, a.Span())
		v := e.expr(a.X)
		m.next(e, cond)
		if !armOK || isBad(v) {
			ok = false
			continue
		}
		ts = append(ts, v.Type())
		n.Arms = append(n.Arms, ir.Arm{Cond: cond, X: v})
	}
	at := keyword(x)
	if x.Subject != nil {
		at = at.Join(x.Subject.Span())
	}
	last := m.close(e, at, ok)
	if !ok || !last || len(n.Arms) == 0 {
		return badExpr(x.Span())
	}
	n.Arms[len(n.Arms)-1].Cond = nil
	n.Node = e.node(union(ts...), x.Span())
	return n
}

// matching is a match whose arms are being checked, of stages or expressions.
// Before each arm e.f is what is known where no arm above has matched.
type matching struct {
	subject ir.Expr // nil: arms are conditions
	slot    ir.Slot
	before  *flow
	rest    *flow // no arm so far has matched
	hasElse bool
	ok      bool // the subject could be checked
	unsure  bool // an arm could not be checked: say nothing about what is missing
}

func (e *ex) openMatch(subject syntax.Expr) *matching {
	m := &matching{before: e.f, ok: true}
	if subject != nil {
		m.subject = e.expr(subject)
		m.ok = !isBad(m.subject)
		m.slot = e.newSlot()
	}
	m.rest = e.f.clone()
	if m.subject != nil {
		m.rest.known[slotRoot(m.slot)] = m.subject.Type()
	}
	return m
}

// subjectVar reads the subject as the arms do.
func (m *matching) subjectVar(e *ex, at token.Span) ir.Expr {
	return &ir.Var{Node: e.node(m.rest.known[slotRoot(m.slot)], at), Slot: m.slot, Name: "subject"}
}

// arm opens an arm: e.f is then what is known in it. cond is nil for else.
func (m *matching) arm(e *ex, pats []*syntax.Pattern, isElse bool, at token.Span) (cond ir.Expr, ok bool) {
	e.f = m.rest.clone()
	if m.hasElse {
		e.errorf(diag.Unreachable, at, "no event comes to this arm").WithLabel("`else` above takes all")
	}
	if isElse {
		m.hasElse = true
		return nil, true
	}
	ok = true
	for _, p := range pats {
		c := m.pattern(e, p)
		if isBad(c) {
			ok = false
			continue
		}
		if cond == nil {
			cond = c
		} else {
			cond = &ir.Or{Node: e.node(types.BoolT, cond.Span().Join(c.Span())), X: cond, Y: c}
		}
	}
	if !ok || cond == nil {
		m.unsure = true
		return badExpr(at), false
	}
	e.f = m.rest.clone()
	m.known(e, cond, true)
	return cond, true
}

// known applies a condition over the slot to the slot and to the subject itself.
func (m *matching) known(e *ex, cond ir.Expr, want bool) {
	e.assume(cond, want)
	if m.subject == nil {
		return
	}
	if _, _, ok := e.path(m.subject); ok {
		e.assume(replaceVar(cond, m.slot, m.subject), want)
	} else if t := e.f.known[slotRoot(m.slot)]; want && t != nil && !types.MayBeNull(t) {
		e.notNull(m.subject)
	}
}

// replaceVar is a condition of pattern() with the subject in place of its slot.
func replaceVar(x ir.Expr, slot ir.Slot, by ir.Expr) ir.Expr {
	switch x := x.(type) {
	case *ir.Or:
		return &ir.Or{Node: x.Node, X: replaceVar(x.X, slot, by), Y: replaceVar(x.Y, slot, by)}
	case *ir.Compare:
		return &ir.Compare{Node: x.Node, Op: x.Op, X: by, Y: x.Y}
	case *ir.Is:
		return &ir.Is{Node: x.Node, X: by, Of: x.Of}
	}
	return x
}

// pattern is the condition under which a pattern matches.
func (m *matching) pattern(e *ex, p *syntax.Pattern) ir.Expr {
	if m.subject == nil {
		if p.X == nil {
			return badExpr(p.Span())
		}
		return e.condition(e.expr(p.X))
	}
	v := m.subjectVar(e, p.Span())
	if !m.ok {
		if p.X != nil {
			e.expr(p.X)
		}
		return badExpr(p.Span())
	}
	if p.Is != nil {
		t := e.c.typePrim(e.in, p.Is)
		if t == bad {
			return badExpr(p.Span())
		}
		if types.Disjoint(v.Type(), t) {
			m.never(e, p, t, nil)
			return badExpr(p.Span())
		}
		return &ir.Is{Node: e.node(types.BoolT, p.Span()), X: v, Of: t}
	}
	k, ok := e.expr(p.X).(*ir.Const)
	if !ok || k.T == bad {
		return badExpr(p.Span())
	}
	if types.Disjoint(v.Type(), k.T) {
		m.never(e, p, k.T, k.Value)
		return badExpr(p.Span())
	}
	e.nearLiteral(v, k)
	return &ir.Compare{Node: e.node(types.BoolT, p.Span()), Op: ir.Eq, X: v, Y: k}
}

func (m *matching) never(e *ex, p *syntax.Pattern, t *types.Type, v value.Value) {
	all := m.subject.Type()
	d := e.errorf(diag.Disjoint, p.Span(), "%s is never %s", quote(m.subject.Span()), strings.TrimPrefix(quote(p.Span()), "`is "))
	if !types.Disjoint(all, t) {
		d.Message = quote(m.subject.Span()) + " is not " + strings.TrimPrefix(quote(p.Span()), "`is ") + " any more here"
		d.WithLabel("an arm above takes it")
		return
	}
	d.WithLabel("it is %s", short(all))
	if near := nearest(v, all); near != "" {
		d.WithHelp("did you mean %q?", near)
	}
}

// next leaves an arm: what is known below it is that it has not matched.
func (m *matching) next(e *ex, cond ir.Expr) {
	e.f = m.rest
	if cond != nil && !isBad(cond) {
		m.known(e, cond, false)
	}
	m.rest = e.f
}

// close ends the match and tells whether its arms cover every value.
func (m *matching) close(e *ex, at token.Span, ok bool) bool {
	e.f = m.before
	if m.hasElse || m.unsure || !m.ok {
		return true
	}
	if m.subject == nil {
		e.errorf(diag.NotExhaustive, at, "a match without a subject needs `else`").WithHelp("else => … says what else there is")
		return false
	}
	left := m.rest.known[slotRoot(m.slot)]
	if left.Kind == types.Never {
		return true
	}
	d := e.errorf(diag.NotExhaustive, at, "not every value of %s has an arm", quote(m.subject.Span())).WithLabel("left over: %s", short(left))
	d.WithHelp("add an arm for it, or else => …")
	return false
}

// head is the line on which a span begins.
func head(s token.Span) token.Span {
	if i := strings.IndexByte(s.Text(), '\n'); i >= 0 {
		s.End = s.Start + len(strings.TrimRight(s.Text()[:i], " {\r"))
	}
	return s
}
