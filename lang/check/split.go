package check

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
)

// split checks `split E [as x]`. Below it runs an element, as a record of its own:
// in x, or as `.`; what is bound above travels with it.
func (w *walker) split(s *syntax.Split, block int) ir.Stage {
	at := keyword(s)
	if s.In != nil {
		at = at.Join(s.In.Span())
	}
	if w.each > 0 {
		w.errorf(diag.Misplaced, keyword(s), "a `split` cannot stand in an `each`").WithLabel("children of `each` belong to one record").
			WithHelp("put the `split` below the `each`, or use another `each`")
	}
	list := w.listOf(w.expr(s.In), "`split`")
	elem := bad
	if !isBad(list) {
		elem, _ = types.ElemType(list.Type())
	}
	out := &ir.Split{StageInfo: w.info("split", "split "+oneLine(list.Span()), at), In: list}
	if s.As.Set() {
		out.At = at.Join(s.As.Span())
		out.Name, out.HasSlot = s.As.Text, true
		out.Slot = w.bind(s.As, elem, block)
	} else {
		w.replace(elem)
	}
	// What is emitted above is the parent's: a child that ends below has sent nothing.
	w.f.emitted, w.f.throttles = false, nil
	return out
}
