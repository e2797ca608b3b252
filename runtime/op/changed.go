package op

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

// changed passes on of an object what differs from the last one of its key.
type changed struct {
	place
	at    token.Span
	state int
	span  int64 // microseconds; 0: for ever
	keys  []ir.Expr
	child int
}

func (c *compiler) changed(p place, s *ir.Changed) error {
	st, err := c.newChanged(p, s)
	if err != nil {
		return err
	}
	c.add(st)
	return nil
}

func (c *compiler) newChanged(p place, s *ir.Changed) (*changed, error) {
	i, err := c.state(p, s.Memory)
	if err != nil {
		return nil, err
	}
	return &changed{place: p, at: s.At, state: i, span: s.WithinMS * 1000, keys: s.Keys, child: c.child}, nil
}

func (s *changed) run(fr *Frame) int {
	differs, fail := s.compare(fr)
	switch {
	case fail != nil:
		return fr.fail(&s.place, fail)
	case differs == nil:
		fr.visit(&s.place, 0)
		return fr.drop(&s.place, "unchanged", s.child)
	}
	fr.visit(&s.place, 1)
	fr.eval.Cur = differs
	return goOn
}

// compare gives the fields that differ, nil where none do, and keeps the object. A
// record that changes nothing writes nothing, so it does not keep the
// object for longer.
func (s *changed) compare(fr *Frame) (*value.Object, *diag.Failure) {
	key, fail := fr.cellKey(s.keys, s.at)
	if fail != nil {
		return nil, fail
	}
	now := fr.micros()
	if s.span > 0 {
		if now, fail = fr.timeAt(s.at); fail != nil {
			return nil, fail
		}
	}
	cur, ok := fr.eval.Cur.(*value.Object)
	if !ok {
		return nil, eval.Unfit(&ir.Current{Node: ir.Node{At: s.at}}, fr.eval.Cur, "an object")
	}
	return s.remember(fr, key, cur, now)
}

// remember compares an object with the last one of a key.
func (s *changed) remember(fr *Frame, key []byte, cur *value.Object, now int64) (*value.Object, *diag.Failure) {
	// Of whatever type an earlier program took it to be: it is only compared.
	old, fail := fr.stored(s.state, key, nil, s.at)
	if fail != nil {
		return nil, fail
	}
	last, _ := old.v.(*value.Object)
	if last == nil || old.past(now, s.span) {
		last = value.NewObject()
	}
	differs, merged := diff(last, cur)
	if differs == nil {
		return nil, nil
	}
	if fail := fr.eval.Limits(&ir.Current{Node: ir.Node{At: s.at}}, merged); fail != nil {
		return nil, fail
	}
	fr.put(s.state, key, old, row{v: merged, at: now, since: now}, s.span)
	return differs, fr.full(s.at)
}

// diff compares an object with the last one. A field left out is unchanged, a null
// takes the field away, and a null for what was never there is no difference.
// merged is the last object with what differs put in.
func diff(last, cur *value.Object) (differs, merged *value.Object) {
	for i := range cur.Len() {
		f := cur.At(i)
		old, had := last.Get(f.Key)
		if value.Equal(old, f.Value) && (had || f.Value == nil) {
			continue
		}
		if differs == nil {
			differs, merged = value.NewObject(), last.Clone()
		}
		differs.Put(f.Key, f.Value)
		if f.Value == nil {
			merged.Delete(f.Key)
		} else {
			merged.Set(f.Key, f.Value)
		}
	}
	return differs, merged
}
