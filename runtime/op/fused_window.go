package op

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
)

// fusedWindow reads key and arguments of the bytes of the record.
type fusedWindow struct {
	*window
	key  fusedCellKey
	args []func(*fuse.Machine) (value.Value, fuse.State) // nil: count takes none
	late int                                             // the step for late records; gaveUp: they fail
}

func (f *fuser) window(s *ir.Window, env fuse.Env) {
	i, err := f.c.state(f.c.place(s), s.Memory)
	if err != nil {
		f.refuse(err.Error())
		return
	}
	of := f.c.route.group.timers[i].(*window)
	w := &fusedWindow{window: of, key: f.b.Keys(s.Keys, env), late: gaveUp}
	for _, a := range of.aggs {
		if a.x == nil {
			w.args = append(w.args, nil)
			continue
		}
		w.args = append(w.args, f.b.Expr(a.x, env).Value())
	}
	f.add(w)
	if s.HasLate {
		w.late = f.here()
		f.stages(s.Late, env, func(fuse.Env) {})
		f.add(done{of.place})
	}
}

func (s *fusedWindow) run(fr *Frame) int {
	key, ok := s.key.of(fr)
	at := fr.fusedMicros()
	if !ok || at == event.NoMicros {
		return gaveUp
	}
	fr.args = fr.args[:0]
	for _, arg := range s.args {
		var v value.Value
		if arg != nil {
			st := fuse.Bad
			if v, st = arg(fr.m); st == fuse.Bad {
				return gaveUp
			}
		}
		fr.args = append(fr.args, v)
	}
	switch taken, fail := s.enter(fr, key, at); {
	case fail != nil:
		return gaveUp
	case !taken:
		return s.late
	}
	fr.end = event.Outcome{Stage: s.stage, Node: s.node}
	return ended
}
