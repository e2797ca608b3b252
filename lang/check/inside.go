package check

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
)

// inside looks into the context and the integrations that a call or `with` gives.
func (w *walker) inside(en *syntax.Entry, x ir.Expr) {
	t := types.NonNull(x.Type())
	if t.Kind != types.Object {
		return
	}
	b := &bodyCheck{w: w, body: fieldValue{x: x, at: en.Span()}, en: en, what: "context field"}
	switch en.Key.Text {
	case "context":
		b.fields(t, w.c.env.Events().Reserved("context", ""))
	case "integrations":
		for i := range t.Fields {
			if name := t.Fields[i].Name; name != "All" && strings.EqualFold(name, "all") {
				w.errorf(diag.NearProperty, b.at(name), "no destination is called `%s`", name).WithHelp("`All` is the default of all destinations; names of destinations are written as Segment writes them")
			}
		}
	}
}

// deeper warns of names that nearly are reserved ones inside the fields of a body:
// products[].productId. Nothing is near where the right name stands there, too.
func (b *bodyCheck) deeper(top, path string, t, want *types.Type) {
	t, want = types.NonNull(t), types.NonNull(want)
	switch {
	case t == bad || want == nil:
	case t.Kind == types.List && want.Kind == types.List:
		b.deeper(top, path+"[]", t.Elem, want.Elem)
	case t.Kind == types.Object && want.Kind == types.Object:
		names := types.FieldNames(want)
		for i := range t.Fields {
			f := &t.Fields[i]
			if r, ok := want.Field(f.Name); ok {
				b.deeper(top, path+"."+f.Name, f.Type, r.Type)
				continue
			}
			near := diag.Nearest(f.Name, names)
			if j := slices.IndexFunc(names, func(n string) bool { return sameWord(n, f.Name) }); j >= 0 {
				near = names[j]
			}
			if near == "" || !slip(f.Name, near) {
				continue
			}
			if _, both := t.Field(near); both {
				continue
			}
			b.w.errorf(diag.NearProperty, b.at(top), "Segment's specification has no %s `%s.%s`", b.what, path, f.Name).WithHelp("did you mean %s?", near)
		}
	}
}

// sameWord tells whether two names are one in small letters without underscores.
func sameWord(a, b string) bool {
	return strings.EqualFold(strings.ReplaceAll(a, "_", ""), strings.ReplaceAll(b, "_", ""))
}
