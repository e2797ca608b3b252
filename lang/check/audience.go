package check

import (
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
)

// audience resolves one audience: a table of bools that a table makes.
func (c *checker) audience(d *tableDecl) *ir.Table {
	name := d.aud.Name
	e := &ex{c: c, in: d.in, f: newFlow(), frame: &frame{}, place: "an audience"}
	on := e.tableNamed(d.aud.On)
	switch {
	case on == nil:
		return nil
	case on.Load != nil:
		c.errorf(diag.BadAudience, d.aud.On.Span(), "`%s` is loaded, and tells no changes", on.Name).WithLabel("declared at %s", on.At).
			WithHelp("an audience is made of a table that routes write")
		return nil
	case on.Audience != nil:
		c.errorf(diag.BadAudience, d.aud.On.Span(), "`%s` is an audience itself", on.Name).WithLabel("declared at %s", on.At).WithHelp("make both of its table, `%s`", on.Audience.On.Name)
		return nil
	}
	out := &ir.Table{
		Name: name.Text, Doc: d.in.file.DocOf(d.aud), At: name.Span(), Row: types.BoolT, Read: types.BoolT, Default: false,
		Keys: on.Keys, Space: on.Space,
	}
	a := &ir.Audience{On: on, It: e.newSlot()}
	e.f.vars = &variable{name: "it", slot: a.It, at: d.aud.On.Span(), block: -1}
	e.f.known[slotRoot(a.It)] = viewOf(on.Row)
	ok := true
	for _, o := range d.aud.Options.List {
		var to *ir.Expr
		switch o.Key.Text {
		case "enter":
			to = &a.Enter
		case "leave":
			to = &a.Leave
		default:
			dg := c.errorf(diag.UnknownOption, o.Key.Span(), "an audience has no option `%s`", o.Key.Text)
			if near := diag.Nearest(o.Key.Text, []string{"enter", "leave"}); near != "" {
				dg.WithHelp("did you mean %s?", near)
			} else {
				dg.WithHelp("it takes enter, leave")
			}
			ok = false
			continue
		}
		switch {
		case *to != nil:
			c.errorf(diag.FieldTwice, o.Key.Span(), "the option `%s` stands twice", o.Key.Text)
			ok = false
		case o.Value == nil:
			c.errorf(diag.BadAudience, o.Span(), "`%s` takes a condition over `it`", o.Key.Text)
			ok = false
		default:
			*to = e.condition(e.expr(o.Value))
			ok = ok && !isBad(*to)
		}
	}
	a.Slots = e.frame.slots
	if ok && (a.Enter == nil || a.Leave == nil) {
		c.errorf(diag.BadAudience, name.Span(), "`%s` does not say when one %s", name.Text, map[bool]string{true: "enters", false: "leaves"}[a.Enter == nil]).
			WithHelp("{ enter: it >= 500, leave: it < 400 }: between the two who is in stays in")
		ok = false
	}
	s := &ir.State{Kind: ir.AudienceState, Name: "audience " + name.Text, At: out.At, Row: types.BoolT}
	for _, k := range out.Keys {
		s.Keys = append(s.Keys, k.Type)
	}
	if utf8.RuneCountInString(s.Name) > maxStateName {
		c.errorf(diag.StateName, name.Span(), "the name of the audience has more than %d characters", maxStateName)
		ok = false
	}
	out.State, out.Audience = s, a
	c.states[s.Name] = s
	c.written[out] = true
	if !ok {
		return nil
	}
	return out
}

// changeOfAudience is the type of a change of an audience.
func changeOfAudience(t *ir.Table) *types.Type {
	other := types.NullT
	if t.Space != nil {
		other = types.Nullable(t.Space.Person)
	}
	return types.Obj(
		types.Field{Name: "key", Type: keyOf(t)},
		types.Field{Name: "member", Type: types.BoolT},
		types.Field{Name: "cause", Type: oneOf("update", "delete", "merge", "expire")},
		types.Field{Name: "other", Type: other},
	)
}

// changeOfSpace is the type of a change of an identity space.
func changeOfSpace(s *ir.Space) *types.Type {
	return types.Obj(
		types.Field{Name: "kind", Type: oneOf("created", "linked", "known", "merged", "forgotten")},
		types.Field{Name: "other", Type: types.Nullable(s.Person)},
	)
}

func oneOf(words ...string) *types.Type {
	ts := make([]*types.Type, len(words))
	for i, w := range words {
		ts[i] = types.Lit(w)
	}
	return types.UnionOf(ts...)
}

// mergeRules are the ways in which two rows become one.
var mergeRules = []string{"first", "last", "keep", "sum", "min", "max", "any", "all", "union"}

// fits lists the rules that a row's type admits.
func fits(row *types.Type) []string {
	out := []string{"first", "last", "keep"}
	is := func(t *types.Type) bool { return types.Assignable(row, t) }
	switch {
	case is(types.NumberT):
		if types.Assignable(types.Widen(row), row) { // else the sum of two may be none of them
			out = append(out, "sum")
		}
		out = append(out, "min", "max")
	case is(types.StringT), is(types.TimeT), is(types.DurationT):
		out = append(out, "min", "max")
	case is(types.BoolT):
		out = append(out, "any", "all")
	case row.Kind == types.List:
		out = append(out, "union")
	}
	return out
}
