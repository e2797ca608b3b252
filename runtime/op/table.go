package op

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

// tables is a frame as expressions see its tables.
type tables Frame

// Row gives a row as the record sees it. A record without a time sees every row.
func (t *tables) Row(of *ir.Table, key []byte, at token.Span) (value.Value, bool, *diag.Failure) {
	fr := (*Frame)(t)
	if of.State == nil {
		v, ok := fr.Lookup.Row(of, key)
		return v, ok, nil
	}
	if len(key) > MaxKey {
		return nil, false, nil // no row was ever written there
	}
	r, fail := fr.stored(fr.group.index[of.State], key, of.Row, at)
	if fail != nil || !r.there || r.past(fr.micros(), of.State.SpanMS*1000) {
		return nil, false, fail
	}
	return r.v, true, nil
}

// written is what `update` and `delete` know of their table.
type written struct {
	place
	at    token.Span
	table *ir.Table
	state int
	span  int64 // microseconds; 0: rows stay
	keys  []ir.Expr
}

func (c *compiler) written(p place, at token.Span, t *ir.Table, keys []ir.Expr) (written, error) {
	s, err := c.state(p, t.State)
	if err != nil {
		return written{}, err
	}
	return written{place: p, at: at, table: t, state: s, span: t.State.SpanMS * 1000, keys: keys}, nil
}

// row gives the row under a key as the record sees it. One that is past is removed
// and told now: after this stage nobody could tell it any more.
func (s *written) row(fr *Frame, key []byte, now int64) (row, *diag.Failure) {
	r, fail := fr.stored(s.state, key, s.table.Row, s.at)
	if fail != nil {
		return row{}, fail
	}
	if r.past(now, s.span) {
		fr.cells.Delete(s.state, key)
		fr.tell(s.state, keyValue(key), r.v, nil, "expire", fr.eval.Time)
		return row{}, nil
	}
	return r, nil
}

type update struct {
	written
	x             ir.Expr
	old, as, was  ir.Slot
	hasAs, hasWas bool
}

func (c *compiler) update(p place, s *ir.Update) error {
	w, err := c.written(p, s.At, s.Table, s.Keys)
	if err != nil {
		return err
	}
	c.add(&update{written: w, x: s.X, old: s.Old, as: s.As, was: s.Was, hasAs: s.HasAs, hasWas: s.HasWas})
	return nil
}

func (s *update) run(fr *Frame) int {
	if fail := s.write(fr); fail != nil {
		return fr.fail(&s.place, fail)
	}
	return goOn
}

func (s *update) write(fr *Frame) *diag.Failure {
	key, fail := fr.cellKey(s.keys, s.at)
	if fail != nil {
		return fail
	}
	now := fr.micros()
	if s.span > 0 {
		if now, fail = fr.timeAt(s.at); fail != nil {
			return fail
		}
	}
	old, fail := s.row(fr, key, now)
	if fail != nil {
		return fail
	}
	read := old.v
	if !old.there {
		read = s.table.Default
	}
	slots := fr.eval.Slots
	slots[s.old] = read
	v, fail := eval.Expr(s.x, &fr.eval)
	if fail != nil {
		return fail
	}
	if fail := fr.eval.Limits(s.x, v); fail != nil {
		return fail
	}
	fr.put(s.state, key, old, now, s.span, v)
	if !old.there || !value.Equal(old.v, v) { // an equal write is no change
		fr.tell(s.state, keyValue(key), old.v, v, "update", fr.eval.Time)
	}
	if s.hasAs {
		slots[s.as] = v
	}
	if s.hasWas {
		slots[s.was] = read
	}
	return fr.full(s.at)
}

type remove struct{ written }

func (c *compiler) remove(p place, s *ir.Delete) error {
	w, err := c.written(p, s.At, s.Table, s.Keys)
	if err != nil {
		return err
	}
	c.add(&remove{w})
	return nil
}

func (s *remove) run(fr *Frame) int {
	key, fail := fr.cellKey(s.keys, s.at)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	old, fail := s.row(fr, key, fr.micros())
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	if old.there {
		fr.cells.Delete(s.state, key)
		fr.tell(s.state, keyValue(key), old.v, nil, "delete", fr.eval.Time)
	}
	if fail := fr.full(s.at); fail != nil {
		return fr.fail(&s.place, fail)
	}
	return goOn
}
