package op

import (
	"strconv"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

// loop is one running `each`: the list and what its elements may not change for
// one another.
type loop struct {
	list     value.List
	i        int
	cur      value.Value
	time     value.Value
	rate     value.Number
	defaults []value.Value // of `with`, in the order of eachHead.slots
	path     int           // length of the element path above
	key      []byte        // ordering key
	who      string        // Frame.who
	wait     int64         // Frame.notBefore

	// Of a fused loop, in place of list and time.
	n       int
	at      time.Time
	hasTime bool
}

// An `each` is three steps: the head takes the list, next begins an element or
// leaves, and a jump behind the body goes back to next. What ends a child
// (`where`, `drop`) goes to next, too.
type eachHead struct {
	place
	in    ir.Expr
	slots []ir.Slot // defaults of every `with` in the body
}

func (s *eachHead) run(fr *Frame) int {
	v, fail := eval.Expr(s.in, &fr.eval)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	list, ok := v.(value.List)
	if !ok {
		return fr.fail(&s.place, eval.Unfit(s.in, v, "a list"))
	}
	fr.loops = append(fr.loops, loop{list: list, cur: fr.eval.Cur, time: fr.eval.Time, rate: fr.eval.SampleRate, path: len(fr.path), key: fr.key, who: fr.who, wait: fr.notBefore})
	l := &fr.loops[len(fr.loops)-1]
	for _, slot := range s.slots {
		l.defaults = append(l.defaults, fr.eval.Slots[slot])
	}
	return goOn
}

type eachNext struct {
	slot ir.Slot
	head *eachHead
	out  int
}

func (s *eachNext) run(fr *Frame) int {
	l := &fr.loops[len(fr.loops)-1]
	f := &fr.eval
	f.Cur, f.Time, f.SampleRate = l.cur, l.time, l.rate
	fr.key, fr.who, fr.notBefore = l.key, l.who, l.wait
	for i, slot := range s.head.slots {
		f.Slots[slot] = l.defaults[i]
	}
	fr.path = fr.path[:l.path]
	if l.i == len(l.list) {
		fr.loops = fr.loops[:len(fr.loops)-1]
		return s.out
	}
	if fail := f.Step(s.head.in); fail != nil {
		return fr.fail(&s.head.place, fail)
	}
	fr.path = append(fr.path, '/')
	fr.path = strconv.AppendInt(fr.path, int64(l.i), 10)
	f.Slots[s.slot] = l.list[l.i]
	l.i++
	return goOn
}

func (c *compiler) each(p place, s *ir.Each) error {
	head := &eachHead{place: p, in: s.In, slots: withSlots(s.Body, nil)}
	next := &eachNext{slot: s.Slot, head: head}
	c.add(head)
	at := c.add(next)
	above := c.child
	c.child = at
	err := c.stages(s.Body)
	c.child = above
	c.add(&jump{to: at})
	next.out = c.here()
	return err
}

// withSlots collects the slots that hold what Segment calls take of stages above them:
// those of `with`, and the current person of `resolve`.
func withSlots(ss []ir.Stage, slots []ir.Slot) []ir.Slot {
	for _, s := range ss {
		switch s := s.(type) {
		case *ir.With:
			for i := range s.Defaults {
				slots = append(slots, s.Defaults[i].Slot)
			}
		case *ir.Resolve:
			slots = append(slots, s.Current)
		case *ir.When:
			slots = withSlots(s.Else, withSlots(s.Then, slots))
		case *ir.Branch:
			for i := range s.Arms {
				slots = withSlots(s.Arms[i].Body, slots)
			}
		case *ir.Each:
			slots = withSlots(s.Body, slots)
		case *ir.Window:
			slots = withSlots(s.Late, slots)
		}
	}
	return slots
}

// eachExpr visits the expressions of stages, those below them included.
func eachExpr(ss []ir.Stage, visit func(ir.Expr)) {
	for _, s := range ss {
		switch s := s.(type) {
		case *ir.Where:
			visit(s.Cond)
		case *ir.Map:
			visit(s.X)
		case *ir.Set:
			for i := range s.Puts {
				visit(s.Puts[i].X)
			}
		case *ir.Bind:
			visit(s.X)
		case *ir.Require:
			visit(s.Cond)
		case *ir.When:
			visit(s.Cond)
			eachExpr(s.Then, visit)
			eachExpr(s.Else, visit)
		case *ir.Branch:
			visit(s.Subject)
			for i := range s.Arms {
				visit(s.Arms[i].Cond)
				eachExpr(s.Arms[i].Body, visit)
			}
		case *ir.Each:
			visit(s.In)
			eachExpr(s.Body, visit)
		case *ir.With:
			for i := range s.Defaults {
				visit(s.Defaults[i].X)
			}
		case *ir.TimeBy:
			visit(s.X)
		case *ir.Sample:
			for _, k := range s.Keys {
				visit(k)
			}
		case *ir.KeyBy:
			each(s.Keys, visit)
		case *ir.Split:
			visit(s.In)
		case *ir.Dedupe:
			each(s.Keys, visit)
		case *ir.Changed:
			each(s.Keys, visit)
		case *ir.Throttle:
			each(s.Keys, visit)
		case *ir.Update:
			each(s.Keys, visit)
			visit(s.X)
		case *ir.Delete:
			each(s.Keys, visit)
		case *ir.Resolve:
			visit(s.IDs)
		case *ir.Find:
			visit(s.IDs)
		case *ir.Forget:
			visit(s.IDs)
		case *ir.Window:
			each(s.Keys, visit)
			for i := range s.Aggs {
				visit(s.Aggs[i].X)
			}
			eachExpr(s.Late, visit)
		case *ir.Emit:
			sinkExprs(s.Sink, visit)
		}
	}
}

func each(xs []ir.Expr, visit func(ir.Expr)) {
	for _, x := range xs {
		visit(x)
	}
}

func sinkExprs(s ir.Sink, visit func(ir.Expr)) {
	switch s := s.(type) {
	case *ir.SegmentCall:
		for i := range s.Fields {
			visit(s.Fields[i].X)
		}
	case *ir.SegmentPass:
		visit(s.X)
	case *ir.TopicRecord:
		for _, x := range []ir.Expr{s.Topic, s.Key, s.Value, s.Headers} {
			visit(x)
		}
	case *ir.LogLine:
		visit(s.Name)
		visit(s.Fields)
	}
}
