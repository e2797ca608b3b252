package op

import (
	"github.com/sluice-dev/sluice/lang/ir"
	claims "github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
)

// fusedDedupe makes its key of the bytes of the record.
//
// Whether the key has passed is asked of a table that no cache holds. So the answer
// is waited for only where another stage is about to touch a cell, or at the end of
// the record, when it has come by itself: what was made in vain of a repeat is taken
// back. Where repeats are many that would cost more than it saves, and where an
// expression reads a table, the key is asked for at once.
type fusedDedupe struct {
	dedupe
	key   fusedCellKey
	later bool
}

// asked is a key whose answer is waited for, and the frame as the stage found it.
type asked struct {
	by    *fusedDedupe // nil: none
	print claims.Print
	at    int64
	outs  event.Mark
	timed int64
}

func (f *fuser) dedupe(p place, s *ir.Dedupe, env fuse.Env) {
	st, err := f.c.newDedupe(p, s)
	if err != nil {
		f.refuse(err.Error()) // the reference steps have said so
		return
	}
	st.child = f.child
	f.add(&fusedDedupe{*st, f.b.Keys(s.Keys, env), f.child == ended && !readsTables(f.c.route.plan.Stages)})
}

// readsTables tells whether an expression of stages reads a table that routes write.
func readsTables(stages []ir.Stage) bool {
	found := false
	ir.EachStage(stages, func(s ir.Stage) {
		for _, x := range ir.Exprs(s) {
			ir.Walk(x, func(x ir.Expr) bool {
				t, ok := x.(*ir.TableGet)
				found = found || ok && t.Table.State != nil
				return !found
			})
		}
	})
	return found
}

func (s *fusedDedupe) run(fr *Frame) int {
	key, ok := s.key(fr.m, fr.cell[:0])
	fr.cell = key
	now := fr.fusedMicros()
	switch {
	case !ok || now == event.NoMicros:
		return gaveUp
	case s.later && fr.cells.Rare(s.state):
		fr.asked = asked{s, fr.cells.Foresee(s.state, key), now, fr.out.Mark(), fr.timed}
		return goOn
	case !fr.cells.Claim(s.state, key, now, s.within):
		return fr.drop(&s.place, "duplicate", s.child)
	case fr.cells.Full():
		return gaveUp
	}
	return goOn
}

// await is the step in front of a stage that reads or writes cells: what comes below a
// repeat must not touch them.
type await struct{}

func (await) run(fr *Frame) int { return fr.answered(goOn) }

// answered ends a dedupe that was asked and not waited for: as it would have ended
// there where the key has passed before, else end is what it was.
func (fr *Frame) answered(end int) int {
	a := &fr.asked
	if end == gaveUp || a.by == nil {
		return end
	}
	by := a.by
	a.by = nil
	if fr.cells.ClaimPrint(by.state, a.print, a.at, by.within) {
		return end
	}
	fr.out.Undo(a.outs)
	fr.timed = a.timed
	return fr.drop(&by.place, "duplicate", ended)
}
