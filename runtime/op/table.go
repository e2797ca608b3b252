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
	told  bool  // somebody reads the changes
	keys  []ir.Expr
}

func (c *compiler) written(p place, at token.Span, t *ir.Table, keys []ir.Expr) (written, error) {
	s, err := c.state(p, t.State)
	if err != nil {
		return written{}, err
	}
	return written{place: p, at: at, table: t, state: s, span: t.State.SpanMS * 1000, told: c.route.group.told(s), keys: keys}, nil
}

// row gives the row under a key as a record of that time sees it. One that is past
// is removed and told now: after this stage nobody could tell it any more.
func (s *written) row(fr *Frame, key []byte, now int64) (row, *diag.Failure) {
	r, fail := fr.stored(s.state, key, s.table.Row, s.at)
	if fail != nil {
		return row{}, fail
	}
	if r.past(now, s.span) {
		fr.cells.Delete(s.state, key)
		s.tell(fr, key, r.v, nil, "expire", now)
		return row{}, nil
	}
	return r, nil
}

func (s *written) tell(fr *Frame, key []byte, old, now value.Value, cause string, at int64) {
	if s.told {
		fr.tell(s.state, key, old, now, cause, at)
	}
}

// read is what T[k] reads of a row.
func (s *written) read(r row) value.Value {
	if !r.there {
		return s.table.Default
	}
	return r.v
}

type update struct {
	written
	x             ir.Expr
	old, as, was  ir.Slot
	hasAs, hasWas bool
}

func (c *compiler) update(p place, s *ir.Update) error {
	st, err := c.newUpdate(p, s)
	if err != nil {
		return err
	}
	c.add(st)
	return nil
}

func (c *compiler) newUpdate(p place, s *ir.Update) (*update, error) {
	w, err := c.written(p, s.At, s.Table, s.Keys)
	if err != nil {
		return nil, err
	}
	return &update{written: w, x: s.X, old: s.Old, as: s.As, was: s.Was, hasAs: s.HasAs, hasWas: s.HasWas}, nil
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
	read := s.read(old)
	slots := fr.eval.Slots
	slots[s.old] = read
	v, fail := eval.Expr(s.x, &fr.eval)
	if fail != nil {
		return fail
	}
	if fail := fr.eval.Limits(s.x, v); fail != nil {
		return fail
	}
	s.put(fr, key, old, v, now)
	if s.hasAs {
		slots[s.as] = v
	}
	if s.hasWas {
		slots[s.was] = read
	}
	return fr.full(s.at)
}

// put writes a row.
func (s *update) put(fr *Frame, key []byte, old row, v value.Value, now int64) {
	fr.put(s.state, key, old, now, s.span, v)
	if s.told && (!old.there || !value.Equal(old.v, v)) { // an equal write is no change
		s.tell(fr, key, old.v, v, "update", now)
	}
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
	if fail := s.take(fr, key, fr.micros()); fail != nil {
		return fr.fail(&s.place, fail)
	}
	return goOn
}

// take removes a row.
func (s *remove) take(fr *Frame, key []byte, now int64) *diag.Failure {
	old, fail := s.row(fr, key, now)
	if fail != nil {
		return fail
	}
	if old.there {
		fr.cells.Delete(s.state, key)
		s.tell(fr, key, old.v, nil, "delete", now)
	}
	return fr.full(s.at)
}
