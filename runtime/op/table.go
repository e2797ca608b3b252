package op

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
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
	key, known := fr.today(of.Space, key)
	if !known {
		return nil, false, nil
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
	*table
	at   token.Span
	keys []ir.Expr
}

func (c *compiler) written(p place, at token.Span, t *ir.Table, keys []ir.Expr) (written, error) {
	s, err := c.state(p, t.State)
	if err != nil {
		return written{}, err
	}
	return written{place: p, table: c.route.group.tables[s], at: at, keys: keys}, nil
}

// row gives the row under a key as a record of that time sees it. One that is past
// is removed and told now: after this stage nobody could tell it any more. about is
// whom it is about where they are no more.
func (t *table) row(fr *Frame, key []byte, now int64, at token.Span, about value.Value) (row, *diag.Failure) {
	r, fail := fr.stored(t.state, key, t.Row, at)
	if fail != nil {
		return row{}, fail
	}
	if r.past(now, t.span) {
		fr.cells.Delete(t.state, key)
		t.tell(fr, key, r.v, nil, "expire", now, about)
		return row{}, t.follow(fr, key, row{}, "expire", now, about)
	}
	return r, nil
}

// read is what T[k] reads of a row.
func (t *table) read(r row) value.Value {
	if !r.there {
		return t.Default
	}
	return r.v
}

// write writes a row, and tells whom it concerns.
func (t *table) write(fr *Frame, key []byte, old row, v value.Value, now int64) *diag.Failure {
	r := row{v: v, at: now, since: now, there: true}
	differs := !old.there || (t.told || t.Merge == "first") && !value.Equal(old.v, v)
	if t.Merge == "first" && !differs && old.since != event.NoMicros && (now == event.NoMicros || old.since < now) {
		r.since = old.since
	}
	fr.put(t.state, key, old, r, t.span)
	if differs { // an equal write is no change
		t.tell(fr, key, old.v, v, "update", now, nil)
	}
	return t.follow(fr, key, r, "update", now, nil)
}

// drop takes a row that is there away, and tells whom it concerns.
func (t *table) drop(fr *Frame, key []byte, old row, now int64) *diag.Failure {
	fr.cells.Delete(t.state, key)
	t.tell(fr, key, old.v, nil, "delete", now, nil)
	return t.follow(fr, key, row{}, "delete", now, nil)
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
	if fail := s.compute(fr); fail != nil {
		return fr.fail(&s.place, fail)
	}
	return goOn
}

func (s *update) compute(fr *Frame) *diag.Failure {
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
	var old row
	key, known := fr.today(s.Space, key)
	if known {
		if old, fail = s.row(fr, key, now, s.at, nil); fail != nil {
			return fail
		}
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
	if known {
		if fail := s.write(fr, key, old, v, now); fail != nil {
			return fail
		}
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
	if fail := s.take(fr, key, fr.micros()); fail != nil {
		return fr.fail(&s.place, fail)
	}
	return goOn
}

// take removes a row.
func (s *remove) take(fr *Frame, key []byte, now int64) *diag.Failure {
	key, known := fr.today(s.Space, key)
	if !known {
		return nil
	}
	old, fail := s.row(fr, key, now, s.at, nil)
	if fail != nil {
		return fail
	}
	if old.there {
		if fail := s.drop(fr, key, old, now); fail != nil {
			return fail
		}
	}
	return fr.full(s.at)
}
