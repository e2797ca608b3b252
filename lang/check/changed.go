package check

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
)

// changed checks `changed by E, … within D`. Below it every field of `.` may be
// missing: it is there where it differs from the last object of the key, and null
// where it was taken away.
func (w *walker) changed(s *syntax.Changed) ir.Stage {
	w.lintAfterEmit(keyword(s), "changed")
	keys := w.byKeys(&s.By)
	at := keyword(s).Join(s.By.Span())
	span, _ := w.c.spanMS(s.Within, "within")
	out := &ir.Changed{StageInfo: w.info("changed", "changed by "+byText(&s.By), s.Span()), Keys: keys, WithinMS: span}
	out.Memory = w.memory(ir.ChangedState, "changed", &s.By, syntax.Word{}, keys, at)
	t := w.f.known[w.f.cur]
	out.Memory.Row, out.Memory.SpanMS = t, span
	w.replace(w.differing(t, s))
	return out
}

// differing is the type of what is left of an object of a type.
func (w *walker) differing(t *types.Type, s *syntax.Changed) *types.Type {
	switch {
	case t == nil || spoiled(t):
		return bad
	case t.Kind == types.Any:
		w.errorf(diag.NeedsCast, keyword(s), "`.` may be anything").WithLabel("`changed by` compares the fields of an object").
			WithHelp("give it a type where the event comes in, or `map { … }` above")
		return bad
	case types.MayBeNull(t) && t.Kind != types.Null:
		w.errorf(diag.NullValue, keyword(s), "`.` may be null here").WithLabel("`changed by` compares the fields of an object").
			WithHelp("`where . != null` above it")
		return bad
	}
	if d, ok := differing(t); ok {
		return d
	}
	w.errorf(diag.NotAnObject, keyword(s), "`.` has no fields to compare").WithLabel("it is %s", short(t)).WithHelp("`map { … }` above makes an object")
	return bad
}

func differing(t *types.Type) (*types.Type, bool) {
	switch t.Kind {
	case types.Map:
		return t, true
	case types.Object:
		d := &types.Type{Kind: types.Object, Fields: slices.Clone(t.Fields), Rest: t.Rest, Open: t.Open}
		for i := range d.Fields {
			f := &d.Fields[i]
			f.Optional, f.Default, f.HasDef = true, nil, false
		}
		return d, true
	case types.Union:
		ms := make([]*types.Type, len(t.Members))
		for i, m := range t.Members {
			d, ok := differing(m)
			if !ok {
				return nil, false
			}
			ms[i] = d
		}
		return union(ms...), true
	}
	return nil, false
}
