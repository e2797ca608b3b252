package check

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
)

// switchType is what stands beside the name of a destination.
var switchType = types.UnionOf(types.BoolT, types.ObjectT)

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
			name, f := t.Fields[i].Name, t.Fields[i].Type
			if name != "All" && strings.EqualFold(name, "all") {
				w.errorf(diag.NearProperty, b.at(name), "no destination is called `%s`", name).WithHelp("`All` is the default of all destinations; names of destinations are written as Segment writes them")
			}
			if !spoiled(f) && types.Disjoint(types.NonNull(f), switchType) {
				w.errorf(diag.ReservedType, b.at(name), "an integration is switched on or off: `%s` is %s", name, switchType.Brief()).WithLabel("this is %s", short(f)).
					WithHelp("write true or false, or an object of options as its page at Segment has them")
			}
		}
	}
}
