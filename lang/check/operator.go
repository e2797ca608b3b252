package check

import (
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	route "github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// inText is x inside of a text.
func inText(x ir.Expr) string {
	if s, ok := constText(x); ok && !strings.ContainsAny(s, "\"\\$\n") {
		return s
	}
	return "${" + x.Span().Text() + "}"
}

var plainNumber = regexp.MustCompile(`^-?[0-9]+([.][0-9]+)?$`)

// reason is what is wrong with a pattern, in words without Go's prefix.
func reason(err error) string {
	if e, ok := err.(*syntax.Error); ok {
		return e.Code.String() + " in `" + e.Expr + "`"
	}
	return err.Error()
}

func (e *ex) binary(x *route.Binary) ir.Expr {
	switch x.Op {
	case "and", "or":
		return e.logic(x)
	case "==", "!=":
		return e.equal(x)
	case "<", "<=", ">", ">=":
		return e.order(x)
	case "in", "not in":
		return e.isIn(x)
	case "matches":
		return e.matches(x)
	case "??":
		return e.coalesce(x)
	case "catch":
		return e.catch(x)
	}
	return e.arith(x)
}

func (e *ex) logic(x *route.Binary) ir.Expr {
	a := e.condition(e.expr(x.X))
	before := e.f
	e.f = before.clone()
	if !isBad(a) {
		e.assume(a, x.Op == "and")
	}
	b := e.condition(e.expr(x.Y))
	e.f = before
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	if x.Op == "and" {
		return &ir.And{Node: e.node(types.BoolT, x.Span()), X: a, Y: b}
	}
	return &ir.Or{Node: e.node(types.BoolT, x.Span()), X: a, Y: b}
}

func (e *ex) equal(x *route.Binary) ir.Expr {
	a, b := e.expr(x.X), e.expr(x.Y)
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	if types.Disjoint(a.Type(), b.Type()) {
		e.neverEqual(x, a, b)
		return badExpr(x.Span())
	}
	e.nearLiteral(a, b)
	e.nearLiteral(b, a)
	op := ir.Eq
	if x.Op == "!=" {
		op = ir.Ne
	}
	return &ir.Compare{Node: e.node(types.BoolT, x.Span()), Op: op, X: a, Y: b}
}

func (e *ex) neverEqual(x *route.Binary, a, b ir.Expr) {
	if isNull(b) || isNull(a) {
		if isNull(a) {
			a = b
		}
		e.errorf(diag.Disjoint, x.Span(), "%s is never null", quote(a.Span())).WithLabel("it is %s", short(a.Type()))
		return
	}
	d := e.errorf(diag.Disjoint, x.Span(), "%s and %s are never equal", quote(a.Span()), quote(b.Span())).
		WithLabel("%s against %s", short(a.Type()), short(b.Type()))
	for range 2 {
		if k, ok := b.(*ir.Const); ok {
			if near := nearest(k.Value, a.Type()); near != "" {
				d.WithHelp("did you mean %q?", near)
				return
			}
		}
		a, b = b, a
	}
	if types.Assignable(types.NonNull(a.Type()), types.NumberT) && types.Assignable(types.NonNull(b.Type()), types.StringT) {
		a, b = b, a
	}
	if types.Assignable(types.NonNull(a.Type()), types.StringT) && types.Assignable(types.NonNull(b.Type()), types.NumberT) {
		d.WithHelp("number(%s) reads a text as a number", a.Span().Text())
		if s, ok := constText(a); ok {
			d.WithHelp("write the number without quotes: %s", s)
		}
	}
}

func isNull(x ir.Expr) bool {
	k, ok := x.(*ir.Const)
	return ok && k.Value == nil && k.T != bad
}

// literalsOf lists the texts that a type names, as members or as known ones.
func literalsOf(t *types.Type) []string {
	var out []string
	ts := []*types.Type{t}
	if t.Kind == types.Union {
		ts = t.Members
	}
	for _, m := range ts {
		if m.Kind == types.Literal {
			if s, ok := m.Lit.(string); ok {
				out = append(out, s)
			}
		}
		for _, k := range m.Known {
			if s, ok := k.(string); ok {
				out = append(out, s)
			}
		}
	}
	return out
}

func nearest(v value.Value, t *types.Type) string {
	s, ok := v.(string)
	if !ok {
		return ""
	}
	return diag.Nearest(s, literalsOf(t))
}

// nearLiteral warns where a constant nearly is a value that an open enum names.
func (e *ex) nearLiteral(a, b ir.Expr) {
	k, ok := b.(*ir.Const)
	if !ok {
		return
	}
	s, ok := k.Value.(string)
	if !ok {
		return
	}
	for _, l := range literalsOf(a.Type()) {
		if l == s {
			return
		}
	}
	if near := nearest(s, a.Type()); near != "" {
		e.errorf(diag.NearLiteral, b.Span(), "%q is not among the values that the type names", s).WithHelp("did you mean %q?", near)
	}
}

func (e *ex) order(x *route.Binary) ir.Expr {
	a, b := e.expr(x.X), e.expr(x.Y)
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	want := orderClass(a.Type())
	if want == nil {
		want = orderClass(b.Type())
	}
	if want == nil {
		if a.Type().Kind == types.Any || b.Type().Kind == types.Any {
			want = types.NumberT
		} else {
			e.errorf(diag.NotComparable, x.Span(), "`%s` compares numbers, texts, times or durations", x.Op).
				WithLabel("%s against %s", short(a.Type()), short(b.Type()))
			return badExpr(x.Span())
		}
	}
	ca, cb := orderClass(a.Type()), orderClass(b.Type())
	if a.Type().Kind != types.Any && ca == nil || b.Type().Kind != types.Any && cb == nil || ca != nil && cb != nil && ca != cb {
		d := e.errorf(diag.NotComparable, x.Span(), "`%s` compares two values of one kind", x.Op).
			WithLabel("%s against %s", short(a.Type()), short(b.Type()))
		if ca == types.StringT && cb == types.NumberT {
			d.WithHelp("number(%s) reads a text as a number", a.Span().Text())
		} else if ca == types.NumberT && cb == types.StringT {
			if s, ok := constText(b); ok && plainNumber.MatchString(s) {
				d.WithHelp("a number stands without quotes: %s", s)
			} else {
				d.WithHelp("number(%s) reads a text as a number", b.Span().Text())
			}
		}
		return badExpr(x.Span())
	}
	a, b = e.need(a, want, "`"+x.Op+"`"), e.need(b, want, "`"+x.Op+"`")
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	ops := map[string]ir.CompareOp{"<": ir.Lt, "<=": ir.Le, ">": ir.Gt, ">=": ir.Ge}
	return &ir.Compare{Node: e.node(types.BoolT, x.Span()), Op: ops[x.Op], X: a, Y: b}
}

// orderClass is the kind that a type is ordered by, or nil.
func orderClass(t *types.Type) *types.Type {
	t = types.NonNull(t)
	for _, k := range []*types.Type{types.NumberT, types.StringT, types.TimeT, types.DurationT} {
		if t.Kind != types.Never && types.Assignable(t, k) {
			return k
		}
	}
	return nil
}

func (e *ex) isIn(x *route.Binary) ir.Expr {
	a, list := e.expr(x.X), e.expr(x.Y)
	if isBad(a) || isBad(list) {
		return badExpr(x.Span())
	}
	list = e.listOf(list, "`in`")
	if isBad(list) {
		return badExpr(x.Span())
	}
	elem, _ := types.ElemType(list.Type())
	if elem.Kind != types.Never && types.Disjoint(a.Type(), elem) {
		e.errorf(diag.Disjoint, x.Span(), "%s is in no such list", quote(a.Span())).WithLabel("%s among %s", short(a.Type()), short(elem))
		return badExpr(x.Span())
	}
	e.elements(a, x.Y)
	return &ir.In{Node: e.node(types.BoolT, x.Span()), X: a, List: list, Not: x.Op == "not in"}
}

// elements looks at a list that is written out: an element that a never is, or
// nearly is.
func (e *ex) elements(a ir.Expr, y route.Expr) {
	l, ok := route.Unparen(y).(*route.List)
	if !ok || l.For != nil {
		return
	}
	for _, it := range l.Items {
		lit, ok := route.Unparen(it.X).(*route.Lit)
		if !ok || it.Spread {
			continue
		}
		b := e.literal(lit)
		if isBad(b) {
			continue
		}
		if types.Disjoint(a.Type(), b.Type()) {
			d := e.errorf(diag.Disjoint, lit.Span(), "%s is never %s", quote(a.Span()), lit.Text).WithLabel("it is %s", short(a.Type()))
			if near := nearest(b.(*ir.Const).Value, a.Type()); near != "" {
				d.WithHelp("did you mean %q?", near)
			}
			continue
		}
		e.nearLiteral(a, b)
	}
}

// listOf demands a list.
func (e *ex) listOf(x ir.Expr, place string) ir.Expr {
	t := x.Type()
	switch {
	case isBad(x):
		return x
	case t.Kind == types.Any:
		return e.anyHere(x, types.ListOf(types.AnyT), place)
	case t.Kind == types.Null:
	case types.MayBeNull(t):
		if _, ok := types.ElemType(types.NonNull(t)); ok {
			if e.c.loose {
				return e.needed(x)
			}
			e.errorf(diag.NullValue, x.Span(), "%s may be null here", quote(x.Span())).WithLabel("%s takes a list", place).
				WithHelp("%s ?? []", x.Span().Text())
			return badExpr(x.Span())
		}
	default:
		if _, ok := types.ElemType(t); ok {
			return x
		}
	}
	e.errorf(diag.NotAList, x.Span(), "%s is no list", quote(x.Span())).WithLabel("this is %s", short(t))
	return badExpr(x.Span())
}

func (e *ex) matches(x *route.Binary) ir.Expr {
	a := e.expr(x.X)
	re := e.pattern(x.Y)
	a = e.need(a, types.StringT, "`matches`")
	if isBad(a) || re == nil {
		return badExpr(x.Span())
	}
	return &ir.Matches{Node: e.node(types.BoolT, x.Span()), X: a, Re: re}
}

func (e *ex) coalesce(x *route.Binary) ir.Expr {
	a := e.expr(x.X)
	before := e.f
	e.f = before.clone()
	if !isBad(a) {
		e.learn(a, types.Fact{Type: types.NullT})
	}
	b := e.expr(x.Y)
	e.f = before
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	if !types.MayBeNull(a.Type()) {
		d := e.errorf(diag.NeverNull, x.OpSpan.Span(), "%s is never null", quote(x.X.Span())).WithLabel("it is %s", short(a.Type()))
		if in, ok := x.X.(*route.Binary); ok && level(in.Op) && types.MayBeNull(e.expr(in.Y).Type()) {
			d.WithHelp("write %s %s (%s ?? %s)", in.X.Span().Text(), in.Op, in.Y.Span().Text(), x.Y.Span().Text())
		} else {
			d.WithHelp("leave the ?? out")
		}
		return badExpr(x.Span())
	}
	return &ir.Coalesce{Node: e.node(union(types.NonNull(a.Type()), b.Type()), x.Span()), X: a, Y: b}
}

// level tells whether an operator binds tighter than `??`, so that a reader may
// have meant it the other way round.
func level(op string) bool {
	switch op {
	case "+", "-", "*", "/", "%":
		return true
	}
	return false
}

func (e *ex) catch(x *route.Binary) ir.Expr {
	a, b := e.expr(x.X), e.expr(x.Y)
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	if len(ir.Failures(a)) == 0 {
		e.errorf(diag.CannotFail, x.OpSpan.Span(), "%s cannot fail", quote(x.X.Span())).WithHelp("%s", catchHint(a))
		return badExpr(x.Span())
	}
	return &ir.Catch{Node: e.node(union(a.Type(), b.Type()), x.Span()), X: a, Y: b}
}

func catchHint(a ir.Expr) string {
	if types.MayBeNull(a.Type()) {
		return "for null write ?? instead"
	}
	return "leave the catch out"
}

func (e *ex) arith(x *route.Binary) ir.Expr {
	a, b := e.expr(x.X), e.expr(x.Y)
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	op := map[string]ir.ArithOp{"+": ir.Add, "-": ir.Sub, "*": ir.Mul, "/": ir.Div, "%": ir.Rem}[x.Op]
	ca, cb := arithClass(a.Type()), arithClass(b.Type())
	if ca == nil || cb == nil {
		wrong, t := a, a.Type()
		if ca != nil {
			wrong, t = b, b.Type()
		}
		d := e.errorf(diag.WrongType, wrong.Span(), "`%s` takes numbers, times and durations", x.Op).WithLabel("this is %s", short(t))
		if t.Kind != types.Null && types.Assignable(types.NonNull(t), types.StringT) {
			if op == ir.Add {
				d.WithHelp("texts are put together in a text: \"%s%s\"", inText(a), inText(b))
			} else {
				d.WithHelp("number(%s) reads a text as a number", wrong.Span().Text())
			}
		}
		return badExpr(x.Span())
	}
	if ca == types.AnyT {
		ca = partner(op, cb)
	}
	if cb == types.AnyT {
		cb = partner(op, ca)
	}
	t := arithType(op, ca, cb)
	if t == nil {
		e.errorf(diag.WrongType, x.Span(), "`%s` does not join these", x.Op).WithLabel("%s %s %s", short(a.Type()), x.Op, short(b.Type()))
		return badExpr(x.Span())
	}
	a, b = e.need(a, ca, "`"+x.Op+"`"), e.need(b, cb, "`"+x.Op+"`")
	if isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	if t == types.NumberT && op != ir.Div && types.Assignable(a.Type(), types.IntT) && types.Assignable(b.Type(), types.IntT) {
		t = types.IntT
	}
	if e.place == "a constant" {
		if n, ok := computed(op, a, b); ok {
			return e.constNode(n, x.Span())
		}
	}
	fails := []*diag.Code{diag.Decimal}
	if op == ir.Div || op == ir.Rem {
		if k, ok := b.(*ir.Const); !ok || value.Equal(k.Value, value.FromInt(0)) {
			fails = append(fails, diag.DivZero)
		}
	}
	return &ir.Arith{Node: e.node(t, x.Span(), fails...), Op: op, X: a, Y: b}
}

// computed is the result of two constant numbers; what would fail is left to fail
// where it is used.
func computed(op ir.ArithOp, a, b ir.Expr) (value.Value, bool) {
	ka, ok1 := a.(*ir.Const)
	kb, ok2 := b.(*ir.Const)
	if !ok1 || !ok2 {
		return nil, false
	}
	x, ok1 := ka.Value.(value.Number)
	y, ok2 := kb.Value.(value.Number)
	if !ok1 || !ok2 {
		return nil, false
	}
	ops := [...]func(a, b value.Number) (value.Number, error){ir.Add: value.Add, ir.Sub: value.Sub, ir.Mul: value.Mul, ir.Div: value.Quo, ir.Rem: value.Rem}
	n, err := ops[op](x, y)
	return n, err == nil
}

// arithClass is the kind that a type calculates as; AnyT where it may be any;
// nil where it cannot.
func arithClass(t *types.Type) *types.Type {
	if t.Kind == types.Any {
		return types.AnyT
	}
	switch c := orderClass(t); c {
	case types.NumberT, types.TimeT, types.DurationT:
		return c
	}
	return nil
}

// partner is what an operand of type any is taken for beside another.
func partner(op ir.ArithOp, other *types.Type) *types.Type {
	switch {
	case other == types.TimeT && op == ir.Add:
		return types.DurationT
	case other == types.TimeT, other == types.DurationT && (op == ir.Add || op == ir.Sub):
		return other
	}
	return types.NumberT
}

// arithType is the type of a op b, or nil.
func arithType(op ir.ArithOp, a, b *types.Type) *types.Type {
	num, tim, dur := types.NumberT, types.TimeT, types.DurationT
	switch {
	case a == num && b == num:
		return num
	case a == tim && b == tim && op == ir.Sub:
		return dur
	case a == tim && b == dur && (op == ir.Add || op == ir.Sub):
		return tim
	case a == dur && b == tim && op == ir.Add:
		return tim
	case a == dur && b == dur && (op == ir.Add || op == ir.Sub):
		return dur
	case a == dur && b == dur && op == ir.Div:
		return num
	case a == dur && b == num && (op == ir.Mul || op == ir.Div), a == num && b == dur && op == ir.Mul:
		return dur
	}
	return nil
}
