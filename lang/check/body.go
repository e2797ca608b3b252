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

// reserved compares properties or traits with what the API reserves. Of a name
// that is chosen when the record runs it collects the events that do not fit.
func (w *walker) reserved(out *ir.SegmentCall, body fieldValue, en *syntax.Entry, call token.Span) {
	ev := w.c.env.Events()
	b := &bodyCheck{w: w, body: body, en: en, what: "property", call: call}
	if out.Call == "identify" || out.Call == "group" {
		b.what = "trait"
	}
	t := types.NonNull(body.x.Type())
	if t.Kind != types.Object {
		return
	}
	b.fields(t, ev.Reserved(out.Call, out.NameConst))
	if out.Call != "track" || out.NameConst != "" {
		return
	}
	for _, name := range ev.Names() {
		if cs := clashes(t, ev.Reserved(out.Call, name)); len(cs) > 0 {
			if out.Conflicts == nil {
				out.Conflicts = map[string]string{}
			}
			out.Conflicts[name] = "`" + cs[0].String() + "` is " + cs[0].want.Brief()
		}
	}
}

// bodyCheck looks at the properties or traits of one call, or at its context.
type bodyCheck struct {
	w    *walker
	body fieldValue
	en   *syntax.Entry // as written; nil where `.` is the body
	what string        // "property", "trait" or "context field"
	call token.Span    // the word of the call, for what is not written at all
}

// at is where a part of the body is written: the smallest text around it.
func (b *bodyCheck) at(path ...string) token.Span {
	or := b.body.x.Span()
	if b.body.at.Valid() {
		or = b.body.at
	}
	if !or.Valid() {
		return b.call
	}
	if b.en == nil {
		return or
	}
	return place(b.en.X, path, or)
}

// place finds the entry that writes a part of x, through objects and lists
// ("[]"); `or` is the smallest text around it that was found before.
func place(x syntax.Expr, path []string, or token.Span) token.Span {
	if len(path) == 0 || x == nil {
		return or
	}
	switch x := syntax.Unparen(x).(type) {
	case *syntax.Object:
		for _, en := range x.Entries {
			if x.For == nil && en.Key.Text == path[0] && !en.Spread && en.Computed == nil {
				return place(en.X, path[1:], en.Span())
			}
		}
	case *syntax.List:
		if path[0] != "[]" {
			return or
		}
		for _, item := range x.Items {
			if at := place(item.X, path[1:], or); at != or {
				return at
			}
		}
	}
	return or
}

func (b *bodyCheck) fields(t, want *types.Type) {
	w := b.w
	for i := range t.Fields {
		f := &t.Fields[i]
		if spoiled(f.Type) || f.Type.Kind == types.Any {
			continue
		}
		if f.Name == "currency" {
			w.currencies(f.Type, b.at(f.Name))
		}
		if b.what == "trait" && !f.Optional && types.MayBeNull(f.Type) && f.Type.Kind != types.Null {
			w.errorf(diag.NullTrait, b.at(f.Name), "the trait `%s` may be null, which erases it", f.Name).
				WithHelp("`%s?: …` leaves a null out, and the profile keeps what it has; as it is, a null clears it", f.Name)
		}
		if want == nil {
			continue
		}
		r, ok := want.Field(f.Name)
		if !ok {
			b.near([]string{f.Name}, t, want)
			continue
		}
		for _, c := range clashes(f.Type, r.Type, f.Name) {
			b.clash(c)
		}
		b.deeper([]string{f.Name}, f.Type, r.Type)
	}
}

// clash reports a part of another type, and how it is made the right one.
func (b *bodyCheck) clash(c clash) {
	got, want := types.NonNull(c.got), c.want
	if known, s := texts(want), texts(got); known != nil && s != nil {
		d := b.w.errorf(diag.NearProperty, b.at(c.path...), "Segment's specification does not know %s as the %s `%s`", got.Brief(), b.what, c)
		if near := diag.Nearest(s[0], known); near != "" {
			d.WithHelp("did you mean %q?", near)
		} else {
			d.WithHelp("it knows %s", want.Brief())
		}
		return
	}
	d := b.w.errorf(diag.ReservedType, b.at(c.path...), "the %s `%s` is %s", b.what, c, c.want.Brief()).WithLabel("this is %s", short(c.got))
	switch {
	case want.Kind == types.Number && types.Assignable(got, types.StringT):
		d.WithHelp("number(…) reads a text as a number")
	case want.Kind == types.Bool && types.Assignable(got, types.UnionOf(types.StringT, types.NumberT)):
		d.WithHelp("bool(…) reads yes and no, true and false, 1 and 0")
	case want.Kind == types.List:
		d.WithHelp("a list of one stands in brackets: [ … ]")
	case types.Assignable(types.TimeT, want) && types.Assignable(got, types.NumberT):
		d.WithHelp("time(…) makes a time of an epoch")
	case types.Assignable(types.StringT, want) && types.Assignable(got, types.NumberT):
		d.WithHelp("string(…) makes a text of it")
	}
}

// texts gives the values of a type that is one text or a choice of some, else nil.
func texts(t *types.Type) []string {
	members := []*types.Type{t}
	if t.Kind == types.Union {
		members = t.Members
	}
	var out []string
	for _, m := range members {
		s, ok := m.Lit.(string)
		if m.Kind != types.Literal || !ok {
			return nil
		}
		out = append(out, s)
	}
	return out
}

// deeper warns of names that nearly are reserved ones inside the fields of a body:
// products[].productId.
func (b *bodyCheck) deeper(path []string, t, want *types.Type) {
	t, want = types.NonNull(t), types.NonNull(want)
	switch {
	case t == bad || want == nil:
	case t.Kind == types.List && want.Kind == types.List:
		b.deeper(below(path, "[]"), t.Elem, want.Elem)
	case t.Kind == types.Object && want.Kind == types.Object:
		for i := range t.Fields {
			f := &t.Fields[i]
			if r, ok := want.Field(f.Name); ok {
				b.deeper(below(path, f.Name), f.Type, r.Type)
			} else {
				b.near(below(path, f.Name), t, want)
			}
		}
		for i := range want.Fields {
			f := &want.Fields[i]
			if _, ok := t.Field(f.Name); !ok && !f.Optional && t.Rest == nil && !t.Open {
				b.w.errorf(diag.MissingField, b.at(path...), "the %s `%s` needs `%s`", b.what, dotted(path), f.Name).
					WithHelp("all of %s must be there", strings.Join(types.FieldNames(want), ", "))
			}
		}
	}
}

// near warns of a name that nearly is a reserved one of `want`, unless that stands
// in t, too.
func (b *bodyCheck) near(path []string, t, want *types.Type) {
	name, names := path[len(path)-1], types.FieldNames(want)
	near := diag.Nearest(name, names)
	if i := slices.IndexFunc(names, func(n string) bool { return sameWord(n, name) }); i >= 0 {
		near = names[i]
	}
	if near == "" || !sameWord(name, near) && len(name) <= 5 { // a short word easily is another one
		return
	}
	if _, both := t.Field(near); both {
		return
	}
	b.w.errorf(diag.NearProperty, b.at(path...), "Segment's specification has no %s `%s`", b.what, dotted(path)).WithHelp("did you mean %s?", near)
}

// sameWord tells whether two names are one in small letters without underscores.
func sameWord(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "_", ""), strings.ReplaceAll(b, "_", ""))
}

// clash is a part of a value that surely has another type than is reserved for it.
type clash struct {
	path      []string // "[]" for the elements of a list
	got, want *types.Type
}

func (c clash) String() string { return dotted(c.path) }

// clashes finds all of them in a value of type t.
func clashes(t, want *types.Type, path ...string) []clash {
	t, want = types.NonNull(t), types.NonNull(want)
	switch {
	case t == bad, t.Kind == types.Never, want == nil:
		return nil
	case t.Kind == types.List && want.Kind == types.List:
		return clashes(t.Elem, want.Elem, below(path, "[]")...)
	case t.Kind == types.Object && want.Kind == types.Object:
		var out []clash
		for i := range t.Fields {
			f := &t.Fields[i]
			if r, ok := want.Field(f.Name); ok {
				out = append(out, clashes(f.Type, r.Type, below(path, f.Name)...)...)
			}
		}
		return out
	case types.Disjoint(t, want):
		return []clash{{path: path, got: t, want: want}}
	}
	return nil
}

// below is a path one step longer, in memory of its own.
func below(path []string, step string) []string { return append(slices.Clip(path), step) }

// dotted writes a path as `products[].price`.
func dotted(path []string) string { return strings.ReplaceAll(strings.Join(path, "."), ".[]", "[]") }
