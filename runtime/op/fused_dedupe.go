package op

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
)

// fusedDedupe makes its key of the bytes of the record.
type fusedDedupe struct {
	dedupe
	key fusedCellKey
}

func (f *fuser) dedupe(p place, s *ir.Dedupe, env fuse.Env) {
	st, err := f.c.newDedupe(p, s)
	if err != nil {
		f.refuse(err.Error()) // the reference steps have said so
		return
	}
	st.child = f.child
	f.add(&fusedDedupe{*st, f.b.Keys(s.Keys, env)})
}

func (s *fusedDedupe) run(fr *Frame) int {
	key, ok := s.key(fr.m, fr.cell[:0])
	fr.cell = key
	now := fr.fusedMicros()
	switch {
	case !ok || now == event.NoMicros:
		return gaveUp
	case !fr.cells.Claim(s.state, key, now, s.within):
		return fr.drop(&s.place, "duplicate", s.child)
	case fr.cells.Full():
		return gaveUp
	}
	return goOn
}
