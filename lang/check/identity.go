package check

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Identity spaces: what is declared of them.

// spaceDecl is a declared identity space.
type spaceDecl struct {
	decl *syntax.IdentDecl
	in   *fileScope
	sp   *ir.Space // nil where its declaration is wrong (which was reported)
}

// identifiers are the kinds that have defaults of their own (facts: identity, defaults).
var identifiers = map[string]ir.Identifier{
	"user_id":           {Canon: ir.TrimText, Person: true, Limit: 1},
	"email":             {Canon: ir.EmailText, Person: true, Limit: 5, PerMS: 365 * dayMS},
	"phone":             {Canon: ir.PhoneText, Person: true, Limit: 3, PerMS: 365 * dayMS},
	"kochava_device_id": {Canon: ir.ExactText, Limit: 20, PerMS: 365 * dayMS},
	"anonymous_id":      {Canon: ir.ExactText, Limit: 100, PerMS: 365 * dayMS},
	"idfv":              {Canon: ir.UpperUUID, Limit: 10, PerMS: 365 * dayMS},
	"android_id":        {Canon: ir.LowerHex, Limit: 10, PerMS: 365 * dayMS},
	"idfa":              {Canon: ir.UpperUUID, Limit: 10, PerMS: 365 * dayMS},
	"adid":              {Canon: ir.LowerUUID, Limit: 10, PerMS: 365 * dayMS},
}

// external is any other: trimmed, five for ever, not of a person.
var external = ir.Identifier{Canon: ir.TrimText, Limit: 5}

// notIdentifiers are the fields of a person that no identifier may be called.
var notIdentifiers = []string{"id", "ids", "known", "merged", "ambiguous"}

// identities resolves the identity spaces of the program, in the order of their names.
func (c *checker) identities() {
	for _, name := range keys(c.main.identities) {
		d := c.main.identities[name]
		if d.sp = c.identity(d); d.sp != nil {
			c.prog.Spaces = append(c.prog.Spaces, d.sp)
			c.states[d.sp.State.Name] = d.sp.State
		}
	}
}

func (c *checker) identity(d *spaceDecl) *ir.Space {
	name := d.decl.Name
	out := &ir.Space{Name: name.Text, Doc: d.in.file.DocOf(d.decl), At: name.Span()}
	ok := true
	for _, id := range d.decl.IDs.List {
		x, fine := c.identifier(d, id)
		ok = ok && fine
		if slices.ContainsFunc(out.IDs, func(o ir.Identifier) bool { return o.Name == x.Name }) {
			c.errorf(diag.BadSpace, id.Name.Span(), "`%s` stands twice", x.Name)
			ok = false
			continue
		}
		out.IDs = append(out.IDs, x)
	}
	if ok && !slices.ContainsFunc(out.IDs, func(i ir.Identifier) bool { return i.Person }) {
		c.errorf(diag.BadSpace, name.Span(), "`%s` has no identifier of a person", name.Text).WithLabel("only devices").
			WithHelp("devices are shared and replaced: add what a person is known by, as user_id or email, or say which of these is: crm_id { grade: person }")
		ok = false
	}
	if !ok {
		return nil
	}
	out.State = &ir.State{Kind: ir.IdentityState, Name: "identity " + name.Text, Shared: name.Text, At: out.At}
	out.Person = personType(out)
	return out
}

// personName begins the name of the type of a person: narrowing keeps it, and what a
// script makes has none, so that it tells who is one. No declared name has a blank.
const personName = "person of "

// personType is the type of a person of a space.
func personType(s *ir.Space) *types.Type {
	fields := []types.Field{{Name: "id", Type: types.StringT}}
	for _, id := range s.IDs {
		if id.Name != "anonymous_id" {
			fields = append(fields, types.Field{Name: id.Name, Type: types.Nullable(types.StringT)})
		}
	}
	fields = append(fields,
		types.Field{Name: "anonymous_id", Type: types.StringT},
		types.Field{Name: "ids", Type: idsType},
		types.Field{Name: "known", Type: types.BoolT},
		types.Field{Name: "merged", Type: types.BoolT},
		types.Field{Name: "ambiguous", Type: types.BoolT})
	return types.Named(personName+s.Name, types.Obj(fields...))
}

// idsType is the type of a person's identifiers.
var idsType = types.ListOf(types.Obj(types.Field{Name: "type", Type: types.StringT}, types.Field{Name: "value", Type: types.StringT}))

var identifierOptions = []option{
	{name: "limit", kind: settingOption, t: types.IntT},
	{name: "per", kind: durationOption},
	{name: "grade", kind: choiceOption, choices: []string{"person", "device"}},
	{name: "country", kind: settingOption, t: types.StringT},
	{name: "blocked", kind: settingOption, t: types.ListOf(types.StringT)},
}

// identifier resolves one kind of identifier.
func (c *checker) identifier(d *spaceDecl, id *syntax.Identifier) (ir.Identifier, bool) {
	out, own := identifiers[id.Name.Text]
	if !own {
		out = external
	}
	out.Name, out.At = id.Name.Text, id.Name.Span()
	ok := true
	wrong := func(at token.Span, format string, a ...any) *diag.Diagnostic {
		ok = false
		return c.errorf(diag.BadSpace, at, format, a...)
	}
	if slices.Contains(notIdentifiers, out.Name) {
		wrong(out.At, "`%s` is no name for an identifier", out.Name).WithLabel("every person has a field of that name").WithHelp("call it by what gives it: crm_id, shop_id")
	}
	if out.Canon == ir.EmailText {
		out.Form = c.env.Func("email.normalize")
	}
	e := &ex{c: c, in: d.in, f: newFlow(), frame: &frame{}, place: "an option"}
	for _, o := range e.options(id.Options, identifierOptions, "an identifier") {
		k, _ := o.X.(*ir.Const)
		if k == nil {
			wrong(o.At, "`%s` takes a constant", o.Name)
			continue
		}
		switch v := k.Value; o.Name {
		case "limit":
			n, fits := v.(value.Number).Int64()
			if !fits || n < 1 || n > 1000 {
				wrong(k.At, "`limit` takes a whole number from 1 to 1,000")
				continue
			}
			if out.Limit = int(n); id.Options != nil && !has(id.Options, "per") {
				out.PerMS = 0
			}
		case "per":
			span := v.(time.Duration)
			switch out.PerMS = span.Milliseconds(); {
			case span%time.Millisecond != 0:
				wrong(k.At, "`per` takes whole milliseconds")
			case out.PerMS > maxSpanMS:
				wrong(k.At, "`per` takes at most ten years").WithHelp("`limit` alone is for ever")
			}
		case "grade":
			out.Person = v.(string) == "person"
		case "country":
			out.Country = strings.ToUpper(v.(string))
			switch {
			case out.Canon != ir.PhoneText:
				wrong(k.At, "`country` is of phone numbers").WithLabel("`%s` is none", out.Name)
			case !c.isCountry(out.Country):
				wrong(k.At, "%q is no country", v).WithHelp("two letters, as \"DE\": numbers without + are read as of there")
			}
		case "blocked":
			for _, p := range v.(value.List) {
				re, err := regexp.Compile(p.(string))
				if err != nil {
					ok = false
					c.errorf(diag.BadPattern, k.At, "this is no pattern: %s", reason(err)).WithHelp("the syntax is RE2's")
					continue
				}
				out.Blocked = append(out.Blocked, re)
			}
		}
	}
	if out.Canon == ir.PhoneText {
		out.Form = c.env.Func("phone.e164")
	}
	return out, ok
}

// isCountry tells whether phone numbers can be read as of a country.
func (c *checker) isCountry(name string) bool {
	f := c.env.Func("phone.e164")
	if f == nil || f.Infer == nil {
		return len(name) == 2
	}
	_, err := f.Infer([]*types.Type{types.StringT, types.Lit(name)})
	return err == nil
}

func has(o *syntax.Options, name string) bool {
	return slices.ContainsFunc(o.List, func(x *syntax.Option) bool { return x.Key.Text == name })
}

// spaceNamed finds an identity space that a stage names; nil where there is none, or its
// declaration has a mistake.
func (e *ex) spaceNamed(name syntax.Word) *ir.Space {
	if d := e.in.space.identities[name.Text]; d != nil {
		return d.sp
	}
	if _, ok := e.in.space.unread[name.Text]; ok {
		return nil
	}
	d := e.errorf(diag.UnknownSpace, name.Span(), "there is no identity space `%s`", name.Text)
	if t := e.in.space.tables[name.Text]; t != nil {
		d.WithLabel("the table is declared at %s", t.name().Span()).WithHelp("people are of a space: identity people { user_id, email }")
		return nil
	}
	if near := diag.Nearest(name.Text, keys(e.in.space.identities)); near != "" {
		d.WithHelp("did you mean %s?", near)
	} else {
		d.WithHelp("declare it: identity %s { user_id, email }", name.Text)
	}
	return nil
}

// beside puts what belongs to one space, or to one table, into one group.
func (c *checker) beside() {
	pair := func(a, b *ir.State) {
		a.Beside, b.Beside = append(a.Beside, b), append(b.Beside, a)
	}
	for _, t := range c.prog.Tables {
		if t.State == nil {
			continue
		}
		if a := t.Audience; a != nil {
			a.On.Audiences = append(a.On.Audiences, t)
			pair(a.On.State, t.State)
		} else if t.Space != nil {
			t.Space.Tables = append(t.Space.Tables, t)
			pair(t.Space.State, t.State)
		}
	}
}
