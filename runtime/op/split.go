package op

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// MaxChildren is how many records a `split` makes of one.
const MaxChildren = 10_000

// carried is what travels from a record to those that the engine makes of it: the
// Frame of event.Made. All of it is shared and never changed.
type carried struct {
	event   value.Value   // `$`
	cur     value.Value   // `.`
	slots   []value.Value // nil: none
	rate    value.Number
	key     []byte   // ordering key; nil: none
	persons []string // Frame.persons
	gave    []gave   // Frame.gave
	who     string   // Frame.who
	// gone says that nobody was known as who any more when the record was made.
	gone      bool
	notBefore int64
	request   *event.Request // of a webhook
	dead      *value.Object  // `@dead`
	// pane is, below a window, when the pane was due (window.take); nil: no pane.
	pane *int64
	// element of a split, put into slot where has is set.
	element value.Value
	slot    ir.Slot
	has     bool
}

// resume makes the frame what the record carries.
func (fr *Frame) resume(c *carried) {
	f := &fr.eval
	f.Event, f.Cur, f.SampleRate, f.Request, f.Dead = c.event, c.cur, c.rate, c.request, c.dead
	copy(f.Slots, c.slots)
	if c.has {
		f.Slots[c.slot] = c.element
	}
	fr.key, fr.who, fr.notBefore = c.key, c.who, c.notBefore
	fr.persons, fr.gave = append(fr.persons, c.persons...), append(fr.gave, c.gave...)
}

// split ends the record and makes one of every element.
type split struct {
	place
	at    token.Span
	in    ir.Expr
	slot  ir.Slot
	has   bool
	entry int
}

func (c *compiler) split(p place, s *ir.Split) error {
	if c.child != ended {
		return fmt.Errorf("%s: `split` inside `each`, which does not check", p.node)
	}
	st := &split{place: p, at: s.At, in: s.In, slot: s.Slot, has: s.HasSlot}
	st.entry = c.add(st) + 1
	c.entry(s, p, st.entry)
	return nil
}

func (s *split) run(fr *Frame) int {
	v, fail := eval.Expr(s.in, &fr.eval)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	list, ok := v.(value.List)
	switch {
	case !ok:
		return fr.fail(&s.place, eval.Unfit(s.in, v, "a list"))
	case len(list) > MaxChildren:
		return fr.fail(&s.place, diag.Failf(diag.TooMuch, s.at, "the record splits into %d, more than 10,000", len(list)))
	case len(list) == 0:
		return fr.drop(&s.place, "empty", ended)
	}
	f := &fr.eval
	above := carried{
		event: f.Event, cur: f.Cur, slots: append([]value.Value(nil), f.Slots...),
		rate: f.SampleRate, key: fr.key, persons: slices.Clone(fr.persons), gave: slices.Clone(fr.gave), who: fr.who, notBefore: fr.notBefore, request: f.Request, dead: f.Dead, slot: s.slot, has: s.has,
	}
	above.gone = fr.rec.Calls != nil && fr.who != "" && fr.whoNow(fr.who) == ""
	if m := fr.rec.Made; m != nil {
		if c, ok := m.Frame.(*carried); ok {
			above.pane = c.pane
		}
	}
	children := make([]event.Record, len(list))
	var window *value.Object
	if fr.rec.Made != nil {
		window = fr.rec.Made.Window
	}
	for i, e := range list {
		c := above
		if c.element = e; !c.has {
			c.cur = e
		}
		children[i] = *fr.rec
		children[i].Replay = nil // they are records of their own
		children[i].Made = &event.Made{
			Kind: event.Child, Value: e, Path: string(fr.path) + "/" + strconv.Itoa(i),
			Time: f.Time, Entry: s.entry, Window: window, Frame: &c,
		}
	}
	fr.end = event.Outcome{Kind: event.Split, Stage: s.stage, Node: s.node, Children: children}
	return ended
}
