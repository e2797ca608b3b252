package check

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// ex checks expressions at one place of the program.
type ex struct {
	c        *checker
	in       *fileScope // where names are looked up
	f        *flow
	frame    *frame
	src      *source // what stands behind `@`; nil where there is no event
	noTables string  // what sees an event and no tables: "an option of a source"; ""
	place    string  // "a def", "a constant", "an option" where there is no event; "" in a route
	set      bool    // an option: env() and secret() are legal
	// atSource: an option of a source, above which no stage stands.
	atSource bool
	stack    []*defDecl
	gone     *gone        // what is not known any more; nil: nothing is gone
	naming   syntax.Expr  // where the name of an event stands; nil elsewhere
	lets     []*constDecl // constants being put in
}

// frame counts the slots and roots of a route.
type frame struct {
	slots, roots, blocks int
	persons              map[ir.Slot]*ir.Space // the slots that hold people
	answers              map[ir.Slot]bool      // the slots that hold answers of requests
}

func (e *ex) newSlot() ir.Slot {
	e.frame.slots++
	return ir.Slot(e.frame.slots - 1)
}

func (e *ex) newRoot() string {
	e.frame.roots++
	return "." + strconv.Itoa(e.frame.roots)
}

// node makes the common part of an expression and counts it.
func (e *ex) node(t *types.Type, at token.Span, fails ...*diag.Code) ir.Node {
	e.c.nodes++
	if e.c.nodes > maxNodes && !e.c.tooBig {
		e.c.tooBig = true
		e.c.errorf(diag.TooBig, at, "put together, the functions of this program have more than %d operations", maxNodes).
			WithHelp("call them fewer times, or keep a result with `let`")
	}
	return ir.Node{T: t, At: at, F: fails}
}

func (e *ex) constNode(v value.Value, at token.Span) *ir.Const {
	return &ir.Const{Node: e.node(types.TypeOf(v), at), Value: v}
}

func (e *ex) errorf(code *diag.Code, at token.Span, format string, a ...any) *diag.Diagnostic {
	return e.c.errorf(code, at, format, a...)
}

// expr checks an expression. It never gives nil.
func (e *ex) expr(x syntax.Expr) ir.Expr {
	if e.c.tooBig || x == nil {
		return badExpr(token.Span{})
	}
	switch x := x.(type) {
	case *syntax.Paren:
		return e.expr(x.X)
	case *syntax.Lit:
		return e.literal(x)
	case *syntax.Text:
		return e.text(x)
	case *syntax.Root:
		return e.root(x)
	case *syntax.Meta:
		return e.meta(x)
	case *syntax.Name:
		return e.name(x)
	case *syntax.Field:
		return e.field(x)
	case *syntax.Index:
		return e.index(x)
	case *syntax.Call:
		return e.call(x)
	case *syntax.Unary:
		if x.Op == "not" {
			return e.not(x)
		}
		return e.negative(x)
	case *syntax.Binary:
		return e.binary(x)
	case *syntax.Is:
		return e.is(x)
	case *syntax.Cast:
		return e.cast(x)
	case *syntax.Cond:
		return e.cond(x)
	case *syntax.List:
		return e.list(x)
	case *syntax.Object:
		return e.object(x)
	case *syntax.Match:
		return e.match(x)
	}
	return badExpr(x.Span()) // a part that could not be read
}

func (e *ex) literal(x *syntax.Lit) ir.Expr {
	switch x.Kind {
	case syntax.NumberLit:
		n, ok := number(x.Text)
		if !ok {
			return badExpr(x.Span())
		}
		return e.constNode(n, x.Span())
	case syntax.UnitLit:
		kind, n, ok := syntax.ParseUnit(x.Text)
		switch {
		case !ok:
			e.errorf(diag.BadOption, x.Span(), "`%s` is too long, or no whole number of nanoseconds", x.Text)
		case kind == syntax.Size:
			e.errorf(diag.WrongType, x.Span(), "a size stands in options only").WithHelp("write the number of bytes")
		default:
			return e.constNode(time.Duration(n), x.Span())
		}
		return badExpr(x.Span())
	case syntax.TextLit:
		return e.constNode(x.Value, x.Span())
	case syntax.BoolLit:
		return e.constNode(x.Text == "true", x.Span())
	}
	return e.constNode(nil, x.Span())
}

func (e *ex) text(x *syntax.Text) ir.Expr {
	n := &ir.Text{Parts: x.Parts}
	t, all := types.StringT, true
	var fails []*diag.Code
	for _, p := range x.Exprs {
		v := e.textPart(e.expr(p))
		switch {
		case isBad(v):
			all = false
		case v.Type().Kind == types.Opaque && v.Type().Name == types.SecretT.Name:
			t = types.SecretT
		case v.Type().Kind == types.Any:
			fails = []*diag.Code{diag.NullValue, diag.Mismatch}
		}
		n.Exprs = append(n.Exprs, v)
	}
	if !all {
		return badExpr(x.Span())
	}
	n.Node = e.node(t, x.Span(), fails...)
	return n
}

// textType is what may stand in a text.
var textType = types.UnionOf(types.StringT, types.NumberT, types.BoolT, types.TimeT, types.DurationT)

func (e *ex) textPart(v ir.Expr) ir.Expr {
	t := v.Type()
	switch {
	case isBad(v), t.Kind == types.Any:
	case e.set && types.Assignable(t, types.SecretT):
	case types.MayBeNull(t):
		return e.nullHere(v, "in a text")
	case !types.Assignable(t, textType):
		e.errorf(diag.NoText, v.Span(), "%s is no text", quote(v.Span())).WithLabel("%s", short(t)).
			WithHelp("a list or an object is written with json.encode(…)")
		return badExpr(v.Span())
	}
	return v
}

func (e *ex) root(x *syntax.Root) ir.Expr {
	if e.f.cur == "" {
		return e.notHere(x.Span(), x.Sigil)
	}
	if x.Sigil == "$" {
		return &ir.Event{Node: e.node(e.f.known["$"], x.Span())}
	}
	return &ir.Current{Node: e.node(e.f.known[e.f.cur], x.Span())}
}

func (e *ex) notHere(at token.Span, what string) ir.Expr {
	switch {
	case e.gone != nil && e.place == "":
		return e.isGone(what, at)
	case e.place == "a def":
		e.errorf(diag.NotHere, at, "a function does not see `%s`", what).WithLabel("it sees its parameters only").
			WithHelp("give it what it needs as a parameter")
	default:
		e.errorf(diag.NotConstant, at, "`%s` is not known here", what).WithLabel("%s sees no event", e.place)
	}
	return badExpr(at)
}

func (e *ex) meta(x *syntax.Meta) ir.Expr {
	if e.src == nil {
		return e.notHere(x.Span(), "@"+x.Name)
	}
	if e.src.t == bad && e.src.metas == nil {
		return badExpr(x.Span()) // a source that is not there yet
	}
	var fails []*diag.Code
	t := e.f.known["@"+x.Name]
	switch x.Name {
	case "time":
		t = types.TimeT
		if !e.f.timed {
			fails = []*diag.Code{diag.NoTimestamp}
		}
	case "sample_rate":
		t = types.NumberT
		if !e.f.sampled {
			e.errorf(diag.UnknownMeta, x.Span(), "`@sample_rate` is set by `sample`").WithLabel("no `sample` stands above")
			return badExpr(x.Span())
		}
	case "timestamp":
		fails = []*diag.Code{diag.NoTimestamp}
	case "key", "headers":
		fails = []*diag.Code{diag.BadMeta}
	}
	if t == nil {
		names := append(keys(e.src.metas), "time", "sample_rate")
		d := e.errorf(diag.UnknownMeta, x.Span(), "there is no `@%s`", x.Name)
		if e.src.above != nil {
			d.WithLabel("a pane comes from no single record").WithHelp("@window has its key, start and end, @time is its end; an aggregate keeps more: first(@%s)", x.Name)
			return badExpr(x.Span())
		}
		d.WithLabel("not of this source")
		if near := diag.Nearest(x.Name, names); near != "" {
			d.WithHelp("did you mean @%s?", near)
		}
		return badExpr(x.Span())
	}
	return &ir.Meta{Node: e.node(t, x.Span(), fails...), Name: x.Name}
}

func (e *ex) variable(v *variable, at token.Span) ir.Expr {
	t := e.f.known[slotRoot(v.slot)]
	if t == bad {
		return badExpr(at)
	}
	return &ir.Var{Node: e.node(t, at), Slot: v.slot, Name: v.name}
}

func (e *ex) name(x *syntax.Name) ir.Expr {
	if v := e.f.find(x.Name); v != nil {
		return e.variable(v, x.Span())
	}
	if d := e.in.space.consts[x.Name]; d != nil {
		return e.constantOf(d, x.Span())
	}
	if _, ok := e.in.space.unread[x.Name]; ok {
		return badExpr(x.Span())
	}
	if d := e.in.space.tables[x.Name]; d != nil {
		return e.noValue(d, x.Span())
	}
	if x.Name == "it" {
		e.errorf(diag.UnknownName, x.Span(), "`it` is the row of a table, and there is none here")
		return badExpr(x.Span())
	}
	if e.gone != nil && e.gone.names[x.Name] {
		return e.isGone(x.Name, x.Span())
	}
	if x.Name == itemsName && e.gone == nil {
		e.errorf(diag.UnknownName, x.Span(), "`items` is what a request of a batch holds, and there is none here").
			WithHelp("it stands in the body of an `emit http` with an `item` or a `batch`")
		return badExpr(x.Span())
	}
	d := e.errorf(diag.UnknownName, x.Span(), "there is nothing called `%s` here", x.Name)
	if e.aboveWindow(d, x.Name) {
		return badExpr(x.Span())
	}
	var names []string
	for v := e.f.vars; v != nil; v = v.outer {
		names = append(names, v.name)
	}
	names = append(append(names, keys(e.in.space.consts)...), keys(e.in.space.tables)...)
	if t := e.f.known[e.f.cur]; t != nil && t != bad {
		if _, status := types.FieldType(t, x.Name); status == types.FieldOK && t.Kind != types.Any {
			d.WithHelp("a field of the event begins with a point: .%s", x.Name)
			return badExpr(x.Span())
		}
	}
	switch near := diag.Nearest(x.Name, names); {
	case e.naming == syntax.Expr(x):
		d.WithHelp("a name of an event is a text: %q", x.Name)
	case near != "":
		d.WithHelp("did you mean %s?", near)
	case wordsElsewhere[strings.ToLower(x.Name)] != "":
		d.WithHelp("write %s", wordsElsewhere[strings.ToLower(x.Name)])
	case e.src != nil && (e.src.metas[x.Name] != nil || x.Name == "time"):
		d.WithHelp("what is known of the record begins with @: @%s", x.Name)
	case e.c.env.Func(x.Name) != nil:
		d.WithHelp("a function is called with ( ): %s(…)", x.Name)
	}
	return badExpr(x.Span())
}

// wordsElsewhere are values that other languages write as names.
var wordsElsewhere = map[string]string{
	"nil": "null", "none": "null", "undefined": "null", "null": "null", "true": "true", "false": "false",
	"event": ". for the event, $ for the event as it arrived", "this": ". for the event", "self": ". for the event", "message": ". for the event",
}

// constantOf puts a constant in.
func (e *ex) constantOf(d *constDecl, at token.Span) ir.Expr {
	for _, l := range e.lets {
		if l == d {
			e.errorf(diag.DefCycle, d.decl.Name.Span(), "the constant `%s` is made of itself", d.decl.Name.Text)
			return badExpr(at)
		}
	}
	sub := *e
	sub.in, sub.f, sub.src, sub.place, sub.set = d.in, newFlow(), nil, "a constant", false
	sub.lets = append(append([]*constDecl(nil), e.lets...), d)
	x := sub.expr(d.decl.X)
	ir.Walk(x, func(n ir.Expr) bool {
		if call, ok := n.(*ir.Call); ok && call.Func.Impure {
			e.errorf(diag.NotConstant, n.Span(), "`%s` is no constant", call.Func.Name).WithHelp("write it in the route")
		}
		return true
	})
	return x
}

func (e *ex) field(x *syntax.Field) ir.Expr {
	if n, ok := x.Of.(*syntax.Name); ok && e.f.find(n.Name) == nil {
		if u := e.in.uses[n.Name]; u != nil && e.in.space.consts[n.Name] == nil {
			if u.space == nil {
				return badExpr(x.Span())
			}
			if d := u.space.consts[x.Name]; d != nil {
				return e.constantOf(d, x.Span())
			}
			d := e.errorf(diag.UnknownName, x.NameSpan.Span(), "the module `%s` has no `%s`", u.path, x.Name)
			if near := diag.Nearest(x.Name, keys(u.space.consts)); near != "" {
				d.WithHelp("did you mean %s.%s?", n.Name, near)
			}
			return badExpr(x.Span())
		}
	}
	of := e.expr(x.Of)
	if isBad(of) {
		return badExpr(x.Span())
	}
	return e.fieldOf(of, x.Name, x.Span(), x.NameSpan.Span())
}

// fieldOf reads a field; nameAt is the smallest text that must change.
func (e *ex) fieldOf(of ir.Expr, name string, at, nameAt token.Span) ir.Expr {
	t := of.Type()
	name = e.header(of, name)
	ft, status := types.FieldType(t, name)
	if root, _, ok := e.path(of); status == types.FieldPartial && (!ok || root != "$") {
		ft, status = fieldType(t, name)
	}
	if status != types.FieldOK {
		e.fieldError(of, name, nameAt, status)
		return badExpr(at)
	}
	if ft == bad {
		return badExpr(at)
	}
	var fails []*diag.Code
	if t.Kind == types.Any {
		fails = []*diag.Code{diag.NotAnObject}
	}
	return &ir.Field{Node: e.node(ft, at, fails...), X: of, Name: name}
}

// fieldType is types.FieldType for objects that a route has made itself: after
// `when … { set .a = 1 }` the field is null where it was not set. Of what arrives,
// and of types with a name, a field that some do not have is a mistake.
func fieldType(t *types.Type, name string) (*types.Type, types.FieldStatus) {
	ft, status := types.FieldType(t, name)
	if status != types.FieldPartial {
		return ft, status
	}
	var ts []*types.Type
	for _, m := range t.Members {
		ft, one := types.FieldType(m, name)
		switch {
		case one == types.FieldOK:
			ts = append(ts, ft)
		case one == types.FieldUnknown && m.Name == "" && !m.Open:
			ts = append(ts, types.NullT)
		default:
			return ft, status
		}
	}
	return union(ts...), types.FieldOK
}

func (e *ex) fieldError(of ir.Expr, name string, at token.Span, status types.FieldStatus) {
	t := of.Type()
	what := "the event"
	if _, ok := of.(*ir.Current); !ok {
		if _, ok := of.(*ir.Event); !ok {
			what = quote(of.Span())
		}
	}
	switch status {
	case types.FieldUnknown:
		d := e.errorf(diag.UnknownField, at, "%s has no field `%s`", what, name).WithLabel("%s", known(types.NonNull(t)))
		if near := diag.Nearest(name, types.FieldNames(t)); near != "" {
			d.WithHelp("did you mean .%s?", near)
		} else if e.arrived(of, name) {
			d.WithHelp("`.` was replaced above; the event as it arrived has it: $.%s", name)
		} else if personsType(t) != "" {
			d.WithHelp("of a person is known: %s", strings.Join(types.FieldNames(t), ", "))
		} else {
			d.WithHelp("the type declares what can be read: add `%s: …` there, or `...: any` to admit all", name)
		}
	case types.FieldPartial:
		d := e.errorf(diag.NotInAll, at, "%s has the field `%s` in some of its types only", what, name).WithLabel("it may be %s", short(types.NonNull(t)))
		if e.src != nil && len(e.src.topics) > 1 && t == e.src.t {
			d.WithHelp("`match @topic { … }` tells them apart")
		} else {
			d.WithHelp("find out first which it is: `match`, `is`, or a field that tells them apart")
		}
	default:
		d := e.errorf(diag.NotAnObject, at, "%s has no fields", what).WithLabel("it is %s", short(t))
		if _, ok := types.ElemType(types.NonNull(t)); ok {
			d.WithHelp("it is a list: [x.%s for x in %s], or %s[0].%s", name, of.Span().Text(), of.Span().Text(), name)
		}
		if f := e.asked(types.NonNull(t), name); f != "" {
			d.WithHelp("a function tells it: %s(%s)", f, of.Span().Text())
		}
	}
}

// asked is the function that tells of a value what other languages keep in a field
// of it; "" where there is none.
func (e *ex) asked(t *types.Type, name string) string {
	name = strings.ToLower(name)
	if _, list := types.ElemType(t); (list || t.Kind == types.String) && (name == "size" || name == "len" || name == "count") {
		return "length"
	}
	for _, f := range []string{name, "time." + name} {
		if fn := e.c.env.Func(f); fn != nil && len(fn.Params) > 0 && types.Assignable(t, fn.Params[0].Type) {
			return f
		}
	}
	return ""
}

// arrived tells whether a field that `.` does not have any more is in `$`.
func (e *ex) arrived(of ir.Expr, name string) bool {
	if _, ok := of.(*ir.Current); !ok || e.f.cur == "$" || e.f.known["$"] == nil {
		return false
	}
	_, status := types.FieldType(e.f.known["$"], name)
	return status == types.FieldOK
}

// short is a type in the words that a label has room for.
func short(t *types.Type) string {
	s := []rune(t.Brief())
	if len(s) > 70 {
		return string(s[:68]) + " …"
	}
	return string(s)
}

// known says what fields a type has, in a few words.
func known(t *types.Type) string {
	if t.Name != "" && personsType(t) == "" {
		return "not in " + t.Name
	}
	names := types.FieldNames(t)
	switch {
	case len(names) == 0:
		return "it has no fields"
	case len(names) > 5:
		names = append(names[:5:5], "…")
	}
	return "it has " + strings.Join(names, ", ")
}

func (e *ex) index(x *syntax.Index) ir.Expr {
	if d := e.tableIndex(x.Of); d != nil {
		return e.tableGet(d, x)
	}
	of := e.expr(x.Of)
	var ks []ir.Expr
	for _, k := range x.Keys {
		ks = append(ks, e.expr(k))
	}
	if isBad(of) || len(ks) == 0 || isBad(ks[0]) {
		return badExpr(x.Span())
	}
	if len(ks) > 1 {
		e.errorf(diag.BadIndex, ks[1].Span(), "one index is enough here").WithLabel("several are for tables")
		return badExpr(x.Span())
	}
	return e.indexOf(of, ks[0], x.Span())
}

func (e *ex) indexOf(of, i ir.Expr, at token.Span) ir.Expr {
	if k, ok := i.(*ir.Const); ok {
		if name, ok := k.Value.(string); ok {
			if _, isList := types.ElemType(types.NonNull(of.Type())); !isList {
				return e.fieldOf(of, name, at, i.Span())
			}
			e.badIndex(of, i)
			return badExpr(at)
		}
	}
	var fails []*diag.Code
	t := of.Type()
	it := i.Type()
	if it.Kind != types.Any && types.MayBeNull(it) {
		if i = e.nullHere(i, "as an index"); isBad(i) {
			return badExpr(at)
		}
		it = i.Type()
	}
	if it.Kind == types.Any {
		want := types.UnionOf(types.StringT, types.IntT)
		if _, ok := types.ElemType(types.NonNull(t)); ok {
			want = types.IntT
		}
		i = e.need(i, want, "an index")
		if isBad(i) {
			return badExpr(at)
		}
		it = i.Type()
	}
	rt, status := types.IndexType(t, it)
	switch {
	case status == types.IndexOfNoText:
		e.badIndex(of, i)
		return badExpr(at)
	case status != types.FieldOK:
		e.fieldError(of, "[…]", at, status)
		return badExpr(at)
	case rt == bad:
		return badExpr(at)
	}
	if t.Kind == types.Any {
		fails = []*diag.Code{diag.NotAnObject}
	}
	i = e.headerText(of, i)
	return &ir.Index{Node: e.node(rt, at, fails...), X: of, I: i}
}

func (e *ex) badIndex(of, i ir.Expr) {
	e.errorf(diag.BadIndex, i.Span(), "%s is no index of %s", quote(i.Span()), quote(of.Span())).
		WithLabel("%s into %s", short(i.Type()), short(types.NonNull(of.Type()))).WithHelp("a list is indexed by an int, an object by a text")
}

// need demands a value of a type at a place; null is refused unless the type takes it.
func (e *ex) need(x ir.Expr, want *types.Type, place string) ir.Expr {
	t := x.Type()
	switch {
	case isBad(x), types.Assignable(t, want):
		return x
	case spoiled(t):
		return badExpr(x.Span())
	case t.Kind == types.Any:
		return e.anyHere(x, want, place)
	case types.MayBeNull(t) && !types.MayBeNull(want) && types.Assignable(types.NonNull(t), want) && t.Kind != types.Null:
		return e.nullHere(x, "in "+place)
	}
	e.errorf(diag.WrongType, x.Span(), "%s takes %s", place, want.Brief()).WithLabel("this is %s", short(t)).
		WithHelp("%s", orElse(convert(x, want), differ(t, want)))
	return badExpr(x.Span())
}

// convert proposes how to come from one type to another, or "".
func convert(x ir.Expr, want *types.Type) string {
	src := x.Span().Text()
	if len(src) > 40 {
		src = "…"
	}
	t := types.NonNull(x.Type())
	if x.Type().Kind == types.Null {
		return ""
	}
	switch want.Kind {
	case types.String:
		if types.Assignable(t, textType) {
			return "string(" + src + ") makes a text of it"
		}
	case types.Number, types.Int:
		if types.Assignable(t, types.StringT) {
			return want.Brief() + "(" + src + ") reads it"
		}
		if want.Kind == types.Int && types.Assignable(t, types.NumberT) {
			return "int(" + src + "), or floor, ceil, round"
		}
	case types.Time:
		if types.Assignable(t, types.UnionOf(types.StringT, types.NumberT)) {
			return "time(" + src + ") reads RFC 3339 and epoch seconds; time.parse reads other layouts"
		}
	}
	return ""
}

// differ says where an object does not fit another type, or "".
func differ(from, want *types.Type) string {
	from, want = types.NonNull(from), types.NonNull(want)
	if from.Kind != types.Object || want.Kind != types.Object {
		return ""
	}
	for i := range want.Fields {
		w := &want.Fields[i]
		f, ok := from.Field(w.Name)
		switch {
		case !ok && !w.Optional:
			return "`" + w.Name + "` is missing"
		case !ok:
		case f.Optional && !w.Optional:
			return "`" + w.Name + "` may be missing"
		case !types.Assignable(f.Type, w.Type):
			return "`" + w.Name + "` is " + f.Type.Brief() + " where it should be " + w.Type.Brief()
		}
	}
	for i := range from.Fields {
		if _, ok := want.Field(from.Fields[i].Name); !ok && !want.Open && want.Rest == nil {
			return "`" + from.Fields[i].Name + "` is too much"
		}
	}
	return ""
}

// nullHere refuses a null where none may be; an expression that stands alone
// (Expr) fails on it.
func (e *ex) nullHere(x ir.Expr, where string) ir.Expr {
	if e.c.loose {
		return e.needed(x)
	}
	d := e.errorf(diag.NullValue, x.Span(), "%s may be null here", quote(x.Span())).WithLabel("null %s fails", where)
	cause := nullCause(x)
	_, isRow := cause.(*ir.TableGet)
	if v, ok := cause.(*ir.Var); ok && v.Name == "it" {
		isRow = true
	}
	switch {
	case isRow:
		d.WithHelp("`%s ?? …`; with a default the table is never null: table … = … keyed by …", x.Span().Text())
	case e.atSource:
		d.WithHelp("`%s ?? …`", x.Span().Text())
	default:
		d.WithHelp("`require %s != null else \"…\"` above it, or `%s ?? …`", cause.Span().Text(), x.Span().Text())
	}
	return badExpr(x.Span())
}

// nullCause is what must not be null so that x is not: the subject of calls.
func nullCause(x ir.Expr) ir.Expr {
	switch n := x.(type) {
	case *ir.Call:
		if n.NullSubject {
			return nullCause(n.Args[0])
		}
	case *ir.Let:
		if n.NullSubject {
			return nullCause(n.Value)
		}
	case *ir.Cast:
		if types.MayBeNull(n.X.Type()) {
			return nullCause(n.X)
		}
	}
	return x
}

// anyHere refuses what may be anything, or casts it where a whole expression
// goes by what comes (Expr).
func (e *ex) anyHere(x ir.Expr, want *types.Type, place string) ir.Expr {
	if e.c.loose {
		return e.castNonNull(x, want)
	}
	src := x.Span().Text()
	if len(src) > 40 {
		src = "…"
	}
	e.errorf(diag.NeedsCast, x.Span(), "%s may be anything", quote(x.Span())).WithLabel("%s takes %s", place, short(want)).
		WithHelp("give it a type where the event comes in, or judge it here: (%s | as %s)", src, want.Brief())
	return badExpr(x.Span())
}

// castNonNull is x | as want, where null fails as well.
func (e *ex) castNonNull(x ir.Expr, want *types.Type) ir.Expr {
	c := &ir.Cast{Node: e.node(x.Type(), x.Span(), diag.Mismatch), X: x, To: want}
	c.T = types.View(want)
	if types.MayBeNull(want) || !types.MayBeNull(x.Type()) {
		return c
	}
	c.T = types.Nullable(c.T)
	return e.needed(c)
}

// needed is x, or a failure where it is null.
func (e *ex) needed(x ir.Expr) ir.Expr {
	return &ir.Call{Node: e.node(types.NonNull(x.Type()), x.Span(), diag.NullValue), Func: notNullFunc, Args: []ir.Expr{x}}
}

// notNullFunc fails on null. It has no name in the language: the checker puts it
// where a value of type any must not be null.
var notNullFunc = &types.Func{
	Name: "needed", Doc: "The value, which must not be null.", TakesNull: true,
	Params: []types.Param{{Name: "x", Type: types.AnyT}},
	Call: func(_ *types.Context, args []value.Value) (value.Value, error) {
		if args[0] == nil {
			fl := diag.Failf(diag.NullValue, token.Span{}, "null where a value is needed")
			fl.Help = "`require` it above, or give another value with `??`"
			return nil, fl
		}
		return args[0], nil
	},
}

// condition demands a bool.
func (e *ex) condition(x ir.Expr) ir.Expr {
	t := x.Type()
	switch {
	case isBad(x), types.Assignable(t, types.BoolT):
		return x
	case t.Kind == types.Any:
		return e.anyHere(x, types.BoolT, "a condition")
	case types.MayBeNull(t) && types.Assignable(types.NonNull(t), types.BoolT) && t.Kind != types.Null:
		if e.c.loose {
			return e.needed(x)
		}
		e.errorf(diag.NullValue, x.Span(), "%s may be null here", quote(x.Span())).WithLabel("a condition is true or false").
			WithHelp("`%s ?? false`, or `== true`", x.Span().Text())
		return badExpr(x.Span())
	}
	e.errorf(diag.NotCondition, x.Span(), "%s is not a condition", quote(x.Span())).WithLabel("this is %s", short(t)).
		WithHelp("say what is compared: `%s`", compareHint(x))
	return badExpr(x.Span())
}

func compareHint(x ir.Expr) string {
	src := x.Span().Text()
	if len(src) > 40 {
		src = "…"
	}
	t := types.NonNull(x.Type())
	switch {
	case types.MayBeNull(x.Type()):
		return src + " != null"
	case types.Assignable(t, types.NumberT):
		return src + " != 0"
	case types.Assignable(t, types.StringT):
		return src + ` != ""`
	}
	return src + " == …"
}

func (e *ex) not(x *syntax.Unary) ir.Expr {
	v := e.condition(e.expr(x.X))
	if isBad(v) {
		return badExpr(x.Span())
	}
	return &ir.Not{Node: e.node(types.BoolT, x.Span()), X: v}
}

func (e *ex) negative(x *syntax.Unary) ir.Expr {
	v := e.expr(x.X)
	if isBad(v) {
		return badExpr(x.Span())
	}
	if k, ok := v.(*ir.Const); ok {
		switch n := k.Value.(type) {
		case value.Number:
			return e.constNode(n.Neg(), x.Span())
		case time.Duration:
			return e.constNode(-n, x.Span())
		}
	}
	want := types.NumberT
	if types.Assignable(types.NonNull(v.Type()), types.DurationT) {
		want = types.DurationT
	}
	v = e.need(v, want, "`-`")
	if isBad(v) {
		return badExpr(x.Span())
	}
	t := types.Widen(v.Type())
	var fails []*diag.Code
	if want == types.DurationT {
		fails = []*diag.Code{diag.Decimal} // the longest of them has no counterpart
	}
	return &ir.Neg{Node: e.node(t, x.Span(), fails...), X: v}
}

func (e *ex) cond(x *syntax.Cond) ir.Expr {
	c := e.condition(e.expr(x.If))
	before := e.f
	e.f = before.clone()
	e.assume(c, true)
	a := e.expr(x.Then)
	e.f = before.clone()
	e.assume(c, false)
	b := e.expr(x.Else)
	e.f = before
	if isBad(c) || isBad(a) || isBad(b) {
		return badExpr(x.Span())
	}
	return &ir.If{Node: e.node(union(a.Type(), b.Type()), x.Span()), Cond: c, Then: a, Else: b}
}

func (e *ex) is(x *syntax.Is) ir.Expr {
	v := e.expr(x.X)
	t := e.c.typePrim(e.in, x.T)
	if isBad(v) || t == bad {
		return badExpr(x.Span())
	}
	if types.Disjoint(v.Type(), t) {
		e.errorf(diag.Disjoint, x.Span(), "%s is never %s", quote(x.X.Span()), t.Brief()).WithLabel("it is %s", short(v.Type()))
		return badExpr(x.Span())
	}
	return &ir.Is{Node: e.node(types.BoolT, x.Span()), X: v, Of: t, Not: x.Not}
}

func (e *ex) cast(x *syntax.Cast) ir.Expr {
	v := e.expr(x.X)
	t := e.c.typeTerm(e.in, x.T)
	if isBad(v) || t == bad {
		return badExpr(x.Span())
	}
	if !castable(types.NonNull(v.Type()), t) {
		e.errorf(diag.Disjoint, x.T.Span(), "%s is never %s", quote(x.X.Span()), t.Brief()).WithLabel("it is %s", short(v.Type())).
			WithHelp("%s", convert(v, t))
		return badExpr(x.Span())
	}
	rt := types.View(t)
	if types.MayBeNull(v.Type()) {
		rt = types.Nullable(rt)
	}
	return &ir.Cast{Node: e.node(rt, x.Span(), diag.Mismatch), X: v, To: t}
}

// castable tells whether a cast may succeed. It fills in defaults, and reads text
// as what has a text of its own, so it takes more than is a member.
func castable(from, to *types.Type) bool {
	if from.Kind == types.Union {
		return slices.ContainsFunc(from.Members, func(m *types.Type) bool { return castable(m, to) })
	}
	if to.Kind == types.Union {
		return slices.ContainsFunc(to.Members, func(m *types.Type) bool { return castable(from, m) })
	}
	switch to.Kind {
	case types.Time, types.Duration, types.Bytes:
		if types.Assignable(from, types.StringT) {
			return true
		}
	case types.Object:
		if from.Kind == types.Object || from.Kind == types.Map {
			return true
		}
	case types.List:
		if from.Kind == types.List {
			return true
		}
	}
	return !types.Disjoint(from, to)
}

func (e *ex) pattern(x syntax.Expr) *regexp.Regexp {
	l, ok := syntax.Unparen(x).(*syntax.Lit)
	if !ok {
		return nil
	}
	re, err := regexp.Compile(l.Value)
	if err != nil {
		e.errorf(diag.BadPattern, l.Span(), "this is no pattern: %s", reason(err)).WithHelp("the syntax is RE2's; a text in backquotes needs no escapes")
		return nil
	}
	return re
}
