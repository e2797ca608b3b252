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

// call checks f(…) and x | f(…).
func (e *ex) call(x *syntax.Call) ir.Expr {
	name, at := x.Func.Text, x.Func.Span()
	s, rest := e.in.space, name
	if u, r, ok := e.in.module(name); ok {
		if u.space == nil {
			e.args(x)
			return badExpr(x.Span())
		}
		s, rest = u.space, r
		if s.defs[rest] == nil {
			e.args(x)
			d := e.errorf(diag.UnknownFunc, at, "the module `%s` has no function `%s`", u.path, rest)
			if near := diag.Nearest(rest, keys(s.defs)); near != "" {
				d.WithHelp("did you mean %s?", strings.TrimSuffix(name, rest)+near)
			}
			return badExpr(x.Span())
		}
	}
	if d := s.defs[rest]; d != nil {
		return e.def(d, x)
	}
	if f := e.c.env.Func(name); f != nil {
		if f.Setting && !e.set {
			e.args(x)
			e.errorf(diag.SecretHere, at, "`%s` stands in options of connections and sources only", name)
			return badExpr(x.Span())
		}
		return e.library(f, x)
	}
	e.args(x)
	if _, ok := s.unread[rest]; ok {
		return badExpr(x.Span())
	}
	e.unknownFunc(s, name, at)
	return badExpr(x.Span())
}

func (e *ex) unknownFunc(s *space, name string, at token.Span) {
	d := e.errorf(diag.UnknownFunc, at, "there is no function `%s`", name)
	if i := strings.IndexByte(name, '.'); i > 0 {
		if path := e.c.modulePath(name[:i]); path != "" {
			d.WithHelp("write `use %s` at the top of the file", path)
			return
		}
		if near := diag.Nearest(name[:i], e.c.moduleWords()); near != "" {
			d.WithHelp("did you mean %s? `use %s` brings it into the file", near+name[i:], e.c.modulePath(near))
		}
	}
	if other, ok := elsewhere[name]; ok {
		d.WithHelp("%s", other)
		return
	}
	if near := diag.Nearest(name, append(keys(s.defs), e.c.env.FuncNames()...)); near != "" {
		d.WithHelp("did you mean %s?", near)
	}
}

// elsewhere names what people look for under another name.
var elsewhere = map[string]string{
	"len": "did you mean length?", "size": "did you mean length?", "count": "did you mean length? (`count()` stands in `window`)",
	"coalesce": "write a ?? b", "ifnull": "write a ?? b", "nvl": "write a ?? b", "concat": "write a text: \"${a}${b}\"",
	"lowercase": "did you mean lower?", "uppercase": "did you mean upper?", "to_string": "did you mean string?", "str": "did you mean string?",
	"parseInt": "did you mean int?", "float": "did you mean number?", "uuid": "did you mean uuid.v5?", "random": "there is no random: hash.bucket(.id, n) is stable",
	"map": "write a list: [f(x) for x in list]", "filter": "write a list: [x for x in list if …]", "if": "write if C then A else B",
	"typeof": "did you mean type?", "exists": "write x != null", "isnull": "write x == null", "strip": "did you mean trim?",
}

func (e *ex) args(x *syntax.Call) (out []ir.Expr, ok bool) {
	ok = true
	for _, a := range x.Args {
		v := e.expr(a)
		ok = ok && !isBad(v)
		out = append(out, v)
	}
	return out, ok
}

// library checks a call of a function in Go.
func (e *ex) library(f *types.Func, x *syntax.Call) ir.Expr {
	args, ok := e.args(x)
	if !ok {
		return badExpr(x.Span())
	}
	n := &ir.Call{Func: f, Args: args}
	bound, ok := e.bind(f, x, args)
	if !ok {
		return badExpr(x.Span())
	}
	n.NullSubject = bound.NullSubject
	for i := len(args); i < len(f.Params); i++ {
		if p := &f.Params[i]; p.HasDef {
			n.Args = append(n.Args, e.constNode(p.Default, x.Span()))
		}
	}
	n.Node = e.node(bound.Result, x.Span(), bound.Failures...)
	return n
}

// bind checks the arguments. What may be anything is cast where the function
// fails on bad input anyway, or everything goes by what comes (Expr).
func (e *ex) bind(f *types.Func, x *syntax.Call, args []ir.Expr) (types.Bound, bool) {
	for {
		ts := make([]*types.Type, len(args))
		for i, a := range args {
			ts[i] = a.Type()
		}
		b, wrong := types.Bind(f, ts)
		if wrong == nil {
			return b, true
		}
		i := wrong.Arg
		switch {
		case slices.ContainsFunc(ts, spoiled):
			return b, false
		case wrong.Fault == types.NullHere, wrong.Fault == types.BadArgument && ts[i].Kind == types.Any && types.Assignable(types.NonNull(ts[i]), wrong.Want):
			args[i] = e.nullHere(args[i], "as `"+param(f, i)+"` of `"+f.Name+"`")
		case wrong.Fault == types.BadArgument && ts[i].Kind == types.Any && i == 0 && !f.TakesNull && (f.Fails || e.c.loose):
			c := &ir.Cast{Node: e.node(types.View(wrong.Want), args[i].Span(), diag.Mismatch), X: args[i], To: wrong.Want}
			if types.MayBeNull(ts[i]) {
				c.T = types.Nullable(c.T)
			}
			args[i] = c
		case wrong.Fault == types.BadArgument && ts[i].Kind == types.Any:
			args[i] = e.anyHere(args[i], wrong.Want, "`"+f.Name+"`")
		default:
			e.badCall(f, x, args, wrong)
			return b, false
		}
		if isBad(args[i]) {
			return b, false
		}
	}
}

func param(f *types.Func, i int) string { return f.Params[min(i, len(f.Params)-1)].Name }

func (e *ex) badCall(f *types.Func, x *syntax.Call, args []ir.Expr, wrong *types.BindError) {
	switch wrong.Fault {
	case types.BadArity:
		at := x.Func.Span()
		if most := len(f.Params); len(args) > most {
			at = x.Args[most].Span()
		}
		e.errorf(diag.ArgCount, at, "%s", wrong.Message).WithHelp("%s", wrong.Help)
	case types.NotConstant:
		e.errorf(diag.ConstArgument, args[wrong.Arg].Span(), "`%s` of `%s` is a constant", param(f, wrong.Arg), f.Name).WithHelp("write it in the script")
	case types.NotInferred:
		e.errorf(diag.BadArgument, onlyText(args, x.Span()), "%s", wrong.Message).WithHelp("%s", types.Signature(f))
	default:
		a := args[wrong.Arg]
		e.errorf(diag.BadArgument, a.Span(), "`%s` of `%s` is %s", param(f, wrong.Arg), f.Name, wrong.Want.Brief()).WithLabel("this is %s", short(a.Type())).
			WithHelp("%s", orElse(orElse(convert(a, wrong.Want), differ(a.Type(), wrong.Want)), types.Signature(f)))
	}
}

// onlyText is where the one constant text among arguments stands: a pattern, a zone
// or a code that the function does not take. Without one, or with several, it is the
// whole call.
func onlyText(args []ir.Expr, whole token.Span) token.Span {
	at, n := whole, 0
	for _, a := range args {
		if _, ok := constText(a); ok && a.Span().Valid() {
			at = a.Span()
			n++
		}
	}
	if n != 1 {
		return whole
	}
	return at
}

func plural(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return itoa(n) + " arguments"
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// def puts a function of the script in where it is called.
func (e *ex) def(d *defDecl, x *syntax.Call) ir.Expr {
	args, ok := e.args(x)
	name := d.decl.Name.Text
	if len(args) != len(d.decl.Params) {
		e.errorf(diag.ArgCount, x.Func.Span(), "`%s` takes %s, not %d", x.Func.Text, plural(len(d.decl.Params)), len(args)).
			WithHelp("it is declared as %s", head(d.decl.Span()).Text())
		return badExpr(x.Span())
	}
	for i, s := range e.stack {
		if s == d {
			e.cycle(append(e.stack[i:], d))
			return badExpr(x.Span())
		}
	}
	params := e.c.params(d)
	sub := *e
	sub.in, sub.src, sub.place = d.in, nil, "a def"
	sub.stack = append(append([]*defDecl(nil), e.stack...), d)
	sub.f = newFlow()
	type bound struct {
		slot ir.Slot
		x    ir.Expr
		null bool
	}
	var lets []bound
	for i := range args {
		p := params[i]
		a := args[i]
		null := false
		if !isBad(a) && p != bad {
			a, null = e.defArgument(name, d.decl.Params[i].Name.Text, p, i, a)
			ok = ok && !isBad(a)
		}
		slot := sub.bindLocal(d.decl.Params[i].Name, viewOf(p))
		lets = append(lets, bound{slot, a, null})
	}
	body := sub.body(d)
	if !ok || isBad(body) {
		return badExpr(x.Span())
	}
	for i := len(lets) - 1; i >= 0; i-- {
		l := lets[i]
		t := body.Type()
		if l.null {
			t = types.Nullable(t)
		}
		body = &ir.Let{Node: e.node(t, x.Span()), Slot: l.slot, Value: l.x, Body: body, NullSubject: l.null}
	}
	return body
}

func viewOf(t *types.Type) *types.Type {
	if t == bad {
		return bad
	}
	return types.View(t)
}

// body checks what a function gives, with its locals.
func (e *ex) body(d *defDecl) ir.Expr {
	type local struct {
		slot ir.Slot
		x    ir.Expr
	}
	var locals []local
	for _, l := range d.decl.Locals {
		x := e.expr(l.X)
		locals = append(locals, local{e.bindLocal(l.Name, x.Type()), x})
	}
	x := e.expr(d.decl.Body())
	if d.decl.Result != nil {
		if t := e.c.typ(d.in, d.decl.Result); t != bad && !isBad(x) {
			x = e.need(x, t, "the result of `"+d.decl.Name.Text+"`")
			x = e.asView(x, t)
		}
	}
	for i := len(locals) - 1; i >= 0; i-- {
		l := locals[i]
		if isBad(x) || isBad(l.x) {
			return badExpr(x.Span())
		}
		x = &ir.Let{Node: e.node(x.Type(), x.Span()), Slot: l.slot, Value: l.x, Body: x}
	}
	return x
}

// defArgument checks an argument of a function of the script. A null subject is
// the result, unless the parameter takes null.
func (e *ex) defArgument(def, param string, p *types.Type, i int, a ir.Expr) (x ir.Expr, null bool) {
	t := a.Type()
	place := "`" + param + "` of `" + def + "`"
	if types.MayBeNull(t) && !types.MayBeNull(p) && t.Kind != types.Any {
		if i > 0 {
			return e.nullHere(a, "as "+place), false
		}
		null, t = true, types.NonNull(t)
	}
	switch {
	case types.Assignable(t, p):
		return e.asView(a, p), null
	case spoiled(t):
		return badExpr(a.Span()), false
	case t.Kind == types.Any:
		return e.anyHere(a, p, place), false
	}
	e.errorf(diag.BadArgument, a.Span(), "%s is %s", place, p.Brief()).WithLabel("this is %s", short(t)).WithHelp("%s", orElse(convert(a, p), differ(t, p)))
	return badExpr(a.Span()), false
}

// asView takes from a value what its new type does not declare, so that a later
// `...` passes on what the type says. A cast that cannot fail does it.
func (e *ex) asView(x ir.Expr, to *types.Type) ir.Expr {
	if isBad(x) {
		return x
	}
	v := types.View(to)
	if types.Assignable(x.Type(), types.Nullable(v)) {
		return x
	}
	t := v
	if types.MayBeNull(x.Type()) {
		t = types.Nullable(v)
	}
	return &ir.Cast{Node: e.node(t, x.Span()), X: x, To: to}
}

// params resolves the types of a function's parameters, once.
func (c *checker) params(d *defDecl) []*types.Type {
	if d.params == nil {
		d.params = []*types.Type{}
		for _, p := range d.decl.Params {
			d.params = append(d.params, c.typ(d.in, p.Type))
		}
	}
	return d.params
}

func (e *ex) cycle(way []*defDecl) {
	names := make([]string, len(way))
	for i, d := range way {
		names[i] = d.decl.Name.Text
	}
	// The way is told from its least name on, so that it is told once, wherever
	// it was entered.
	ring := names[:len(names)-1]
	least := 0
	for i := range ring {
		if ring[i] < ring[least] {
			least = i
		}
	}
	names = append(append(append([]string(nil), ring[least:]...), ring[:least]...), ring[least])
	d := e.errorf(diag.DefCycle, way[least].decl.Name.Span(), "the function `%s` calls itself", names[0])
	if len(names) > 2 {
		d.WithLabel("%s", strings.Join(names, " calls "))
	}
	d.WithHelp("functions are put in where they are called, and so cannot call themselves; lists are gone through with [… for x in list]")
}

// constant checks an expression that sees no event.
func (c *checker) constant(fs *fileScope, x syntax.Expr) ir.Expr {
	e := &ex{c: c, in: fs, f: newFlow(), frame: &frame{}, place: "a constant"}
	return e.expr(x)
}

// declarations checks what is declared, used or not.
func (c *checker) declarations() {
	spaces := []*space{c.main}
	for _, p := range keys(c.modules) {
		spaces = append(spaces, c.modules[p])
	}
	for _, s := range spaces {
		for _, name := range s.order {
			if d := s.types[name]; d != nil {
				c.declared(d, &d.decl.Name)
			}
		}
	}
	for _, s := range spaces {
		for _, name := range s.order {
			if d := s.consts[name]; d != nil {
				e := &ex{c: c, in: d.in, f: newFlow(), frame: &frame{}, place: "a constant"}
				e.constantOf(d, d.decl.Name.Span())
			}
			if d := s.defs[name]; d != nil {
				c.checkDef(d)
			}
		}
	}
	c.identities()
	c.tables()
	c.nodes = 0 // only what routes are made of counts
}

// checkDef checks a function on its own, so that its mistakes are told even
// where nobody calls it.
func (c *checker) checkDef(d *defDecl) {
	c.nodes = 0
	e := &ex{c: c, in: d.in, f: newFlow(), frame: &frame{}, place: "a def", stack: []*defDecl{d}}
	seen := map[string]bool{}
	for i, p := range c.params(d) {
		name := d.decl.Params[i].Name
		if seen[name.Text] {
			c.errorf(diag.Duplicate, name.Span(), "the parameter `%s` stands twice", name.Text)
		}
		seen[name.Text] = true
		e.bindLocal(name, viewOf(p))
	}
	e.body(d)
}
