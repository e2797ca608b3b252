package op

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
)

// dedupe passes on the first record of a key within a span, before or after.
type dedupe struct {
	place
	at     token.Span
	state  int
	within int64 // microseconds
	logged bool  // by when the record was logged
	keys   []ir.Expr
	child  int
}

func (c *compiler) dedupe(p place, s *ir.Dedupe) error {
	st, err := c.newDedupe(p, s)
	if err != nil {
		return err
	}
	c.add(st)
	return nil
}

func (c *compiler) newDedupe(p place, s *ir.Dedupe) (*dedupe, error) {
	i, err := c.state(p, s.Memory)
	if err != nil {
		return nil, err
	}
	return &dedupe{place: p, at: s.At, state: i, within: s.WithinMS * 1000, logged: s.Logged, keys: s.Keys, child: c.child}, nil
}

func (s *dedupe) run(fr *Frame) int {
	key, fail := fr.eval.Key(s.keys)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	now, fail := s.time(fr)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	if !fr.cells.Claim(s.state, key, now, s.within) {
		fr.visit(&s.place, 0)
		return fr.drop(&s.place, "duplicate", s.child)
	}
	if fail := fr.full(s.at); fail != nil {
		return fr.fail(&s.place, fail)
	}
	fr.visit(&s.place, 1)
	return goOn
}

// time is what the memory goes by, in microseconds.
func (s *dedupe) time(fr *Frame) (int64, *diag.Failure) {
	if ms := fr.rec.Timestamp; s.logged && ms != event.NoTime {
		return ms * 1000, nil
	}
	return fr.timeAt(s.at)
}
