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

// People in routes: the stages that link, find and forget them, and persons as keys.

// about is whom Segment calls are about: the person in a slot. sure: there is one.
type about struct {
	space *ir.Space
	slot  ir.Slot
	sure  bool
}

// identify checks `resolve`, `find` and `forget`.
func (w *walker) identify(s *syntax.Identify, block int) ir.Stage {
	sp := w.spaceNamed(s.Space)
	x := w.givenIDs(sp, &s.IDs)
	info := w.info(s.Verb, s.Verb+" "+s.Space.Text, s.Span())
	if sp == nil {
		w.bind(s.As, bad, block)
		w.f.person = true
		return nil
	}
	var t *types.Type
	switch {
	case s.Verb == "forget":
		t = types.Obj(types.Field{Name: "ids", Type: idsType}, types.Field{Name: "rows", Type: types.IntT})
	case s.Verb == "find" || s.Null:
		t = types.Nullable(sp.Person)
	default:
		t = sp.Person
	}
	slot := w.bind(s.As, t, block)
	if s.Verb != "forget" {
		w.frame.persons[slot] = sp
	}
	if s.Verb == "resolve" {
		w.c.linked[sp] = true
	}
	if isBad(x) {
		w.f.person = true
		return nil
	}
	switch s.Verb {
	case "find":
		return &ir.Find{StageInfo: info, Space: sp, IDs: x, Slot: slot, Name: s.As.Text}
	case "forget":
		return &ir.Forget{StageInfo: info, Space: sp, IDs: x, Slot: slot, Name: s.As.Text}
	}
	if w.current == nil {
		slot := w.newSlot()
		w.current = &slot
	}
	w.f.about = &about{sp, *w.current, !s.Null}
	return &ir.Resolve{StageInfo: info, Space: sp, IDs: x, Slot: slot, Name: s.As.Text, Current: *w.current, OrNull: s.Null}
}

// idType is what an identifier may be.
var idType = types.Nullable(types.UnionOf(types.StringT, types.IntT))

// givenIDs checks the object that names a person.
func (w *walker) givenIDs(sp *ir.Space, o *syntax.Object) ir.Expr {
	x := w.expr(o)
	if sp == nil || isBad(x) || o.For != nil {
		return x
	}
	names := make([]string, len(sp.IDs))
	for i := range sp.IDs {
		names[i] = sp.IDs[i].Name
	}
	ok := true
	told := map[string]bool{} // what stands by its name is judged there
	spread := o.Span()
	for _, en := range o.Entries {
		if en.Spread {
			spread = en.Span()
		}
		if en.Spread || en.Computed != nil {
			continue
		}
		name := en.Key.Text
		told[name] = true
		if !slices.Contains(names, name) {
			d := w.errorf(diag.UnknownIdentifier, en.Key.Span(), "`%s` has no identifier `%s`", sp.Name, name).WithLabel("it is declared at %s", sp.At)
			if near := diag.Nearest(name, names); near != "" {
				d.WithHelp("did you mean %s?", near)
			} else {
				d.WithHelp("it has %s", strings.Join(names, ", "))
			}
			ok = false
			continue
		}
		f, there := x.Type().Field(name)
		if !there || mayIdentify(f.Type) {
			continue
		}
		at := en.Span()
		if en.X != nil {
			at = en.X.Span()
		}
		w.errorf(diag.UnknownIdentifier, at, "an identifier is text or a whole number").WithLabel("this is %s", short(f.Type)).
			WithHelp("name the field that identifies: %s: .id", name)
		ok = false
	}
	someone := x.Type().Kind != types.Object || x.Type().Rest != nil
	for _, name := range names {
		f, there := x.Type().Field(name)
		someone = someone || there && f.Type.Kind != types.Null
		if there && !told[name] && !mayIdentify(f.Type) {
			w.errorf(diag.UnknownIdentifier, spread, "`%s` of it is no identifier", name).WithLabel("it is %s", short(f.Type)).
				WithHelp("an identifier is text or a whole number: write %s: … behind it", name)
			ok = false
		}
	}
	if ok && !someone {
		w.errorf(diag.UnknownIdentifier, o.Span(), "nobody is named").WithLabel("none of the identifiers of `%s` is ever here", sp.Name).
			WithHelp("it has %s", strings.Join(names, ", "))
		ok = false
	}
	if !ok {
		return badExpr(x.Span())
	}
	return x
}

// mayIdentify tells whether values of a type may be identifiers; of any it shows when
// the record runs.
func mayIdentify(t *types.Type) bool {
	return spoiled(t) || t.Kind == types.Any || t.Kind == types.Null || types.Assignable(t, idType)
}

// personKey makes the key of a table that is keyed by a space of the person given.
func (e *ex) personKey(t *ir.Table, k ir.Expr) (ir.Expr, bool) {
	if isBad(k) {
		return k, false
	}
	if !e.isPerson(k, t.Space) {
		d := e.errorf(diag.NotPerson, k.Span(), "`%s` is keyed by %s", t.Name, t.Space.Name).WithLabel("this is %s", short(k.Type()))
		if f, ok := k.(*ir.Field); ok && e.isPerson(f.X, t.Space) {
			d.WithHelp("give the whole person: %s[%s]", t.Name, oneLine(f.X.Span()))
		} else {
			d.WithHelp("give the person: `resolve %s as p { … }` above, then %s[p]", t.Space.Name, t.Name)
		}
		return badExpr(k.Span()), false
	}
	if types.MayBeNull(k.Type()) {
		return e.nullHere(k, "in the key of `"+t.Name+"`"), false
	}
	return &ir.Field{Node: e.node(types.StringT, k.Span()), X: k, Name: "id"}, true
}

// isPerson tells whether an expression is a person of a space.
func (e *ex) isPerson(x ir.Expr, sp *ir.Space) bool {
	if v, ok := x.(*ir.Var); ok {
		if of, ok := e.frame.persons[v.Slot]; ok {
			return of == sp
		}
	}
	return personsType(x.Type()) == sp.Person.Name
}

// personsType is the name of the type that all values but null are persons of, or "".
func personsType(t *types.Type) string {
	t = types.NonNull(t)
	ts := []*types.Type{t}
	if t.Kind == types.Union { // what is known of them differs
		ts = t.Members
	}
	name := ts[0].Name
	if !strings.HasPrefix(name, personName) || slices.ContainsFunc(ts, func(t *types.Type) bool { return t.Name != name }) {
		return ""
	}
	return name
}

// bindPerson binds the `as p` of a source.
func (w *walker) bindPerson(out *ir.Source, as syntax.Word, sp *ir.Space) {
	if !as.Set() {
		return
	}
	out.Person, out.HasPerson = w.bindLocal(as, sp.Person), true
	w.frame.persons[out.Person] = sp
	w.f.about = &about{sp, out.Person, true}
}

// idOf is a Segment id of the person whom the calls are about; nil where nobody is.
func (w *walker) idOf(field string) ir.Expr {
	a := w.f.about
	name := map[string]string{"userId": "user_id", "anonymousId": "anonymous_id"}[field]
	if a == nil || name == "" {
		return nil
	}
	f, ok := a.space.Person.Field(name)
	if !ok {
		return nil
	}
	of, t := a.space.Person, f.Type
	if !a.sure {
		of, t = types.Nullable(of), types.Nullable(t)
	}
	who := &ir.Var{Node: w.node(of, token.Span{}), Slot: a.slot, Name: "the person"}
	return &ir.Field{Node: w.node(t, token.Span{}), X: who, Name: name}
}

// joinAbout is whom calls are about where ways meet.
func joinAbout(ways []*flow) *about {
	var out *about
	for _, w := range ways {
		switch {
		case w.about == nil:
		case out == nil:
			c := *w.about
			out = &c
		case out.space != w.about.space || out.slot != w.about.slot:
			return nil
		default:
			out.sure = out.sure && w.about.sure
		}
	}
	if out != nil {
		for _, w := range ways {
			out.sure = out.sure && w.about != nil
		}
	}
	return out
}
