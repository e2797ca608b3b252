package op

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
)

// Fused stages with state. They read their keys and values of the bytes of the
// record and do to the cells what the reference steps do, by the same code. One
// that fails gives up like any other: what the record wrote is undone, and the
// reference steps say how it fails.

// writes tells whether a stage writes a table, or may.
func writes(ss []ir.Stage) bool {
	found := false
	ir.EachStage(ss, func(s ir.Stage) {
		switch s.(type) {
		case *ir.Update, *ir.Delete, *ir.Resolve, *ir.Forget:
			found = true // a merge moves rows
		}
	})
	return found
}

func readsTable(x ir.Expr) bool {
	found := false
	ir.Walk(x, func(x ir.Expr) bool {
		_, ok := x.(*ir.TableGet)
		found = found || ok
		return !found
	})
	return found
}

// fusedMicros is @time of a fused record, or event.NoMicros.
func (fr *Frame) fusedMicros() int64 {
	if !fr.m.HasTime {
		return event.NoMicros
	}
	return fr.m.Time.UnixMicro()
}

// fusedCellKey is the key of a cell.
type fusedCellKey func(*fuse.Machine, []byte) ([]byte, bool)

// of gives the key in the frame's buffer for keys.
func (k fusedCellKey) of(fr *Frame) ([]byte, bool) {
	key, ok := k(fr.m, fr.cell[:0])
	fr.cell = key
	return key, ok && len(key) <= MaxKey
}

type fusedKeyBy struct {
	keys []func(*fuse.Machine, []byte) ([]byte, bool)
}

func (f *fuser) keyBy(s *ir.KeyBy, env fuse.Env) {
	st := &fusedKeyBy{}
	for _, k := range s.Keys {
		st.keys = append(st.keys, f.b.Expr(k, env).Plain())
	}
	f.add(st)
}

func (s *fusedKeyBy) run(fr *Frame) int {
	// A buffer of its own: the children of an `each` come back to the key above.
	key := []byte{}
	for _, part := range s.keys {
		text, ok := part(fr.m, fr.buf[:0])
		if !ok {
			return gaveUp
		}
		key = appendPart(key, string(text), len(s.keys) > 1)
		fr.buf = text
	}
	fr.key = key
	return goOn
}

type fusedThrottle struct {
	throttle
	key fusedCellKey
}

func (f *fuser) throttle(p place, s *ir.Throttle, env fuse.Env) {
	st, err := f.c.newThrottle(p, s)
	if err != nil {
		f.refuse(err.Error()) // the reference steps have said so
		return
	}
	st.child = f.child
	f.add(&fusedThrottle{*st, f.b.Keys(s.Keys, env)})
}

func (s *fusedThrottle) run(fr *Frame) int {
	key, ok := s.key.of(fr)
	now := fr.fusedMicros()
	if s.mode == throttleWait {
		now = fr.now.UnixMicro()
	}
	if !ok || now == event.NoMicros {
		return gaveUp
	}
	next := s.pass(fr, key, now)
	if next == ended && fr.end.Kind == event.Failed {
		return gaveUp
	}
	return next
}

type fusedChanged struct {
	changed
	key fusedCellKey
	cur func(*fuse.Machine) (value.Value, fuse.State)
	put func(*fuse.Machine, value.Value)
}

func (f *fuser) changed(p place, s *ir.Changed, env fuse.Env) *fuse.Node {
	st, err := f.c.newChanged(p, s)
	if err != nil {
		f.refuse(err.Error())
		return env.Cur
	}
	st.child = f.child
	out, put := f.b.Given(s.Memory.Row)
	f.add(&fusedChanged{*st, f.b.Keys(s.Keys, env), env.Cur.Value(), put})
	return out
}

func (s *fusedChanged) run(fr *Frame) int {
	key, ok := s.key.of(fr)
	now := fr.fusedMicros()
	if !ok || s.span > 0 && now == event.NoMicros {
		return gaveUp
	}
	v, _ := s.cur(fr.m)
	cur, ok := v.(*value.Object)
	if !ok {
		return gaveUp
	}
	differs, fail := s.remember(fr, key, cur, now)
	switch {
	case fail != nil:
		return gaveUp
	case differs == nil:
		return fr.drop(&s.place, "unchanged", s.child)
	}
	s.put(fr.m, differs)
	return goOn
}

type fusedUpdate struct {
	update
	key          fusedCellKey
	x            func(*fuse.Machine) (value.Value, fuse.State)
	old, as, was func(*fuse.Machine, value.Value)
}

func (f *fuser) update(p place, s *ir.Update, env fuse.Env) fuse.Env {
	st, err := f.c.newUpdate(p, s)
	if err != nil {
		f.refuse(err.Error())
		return env
	}
	out := &fusedUpdate{update: *st, key: f.b.Keys(s.Keys, env)}
	bind := func(slot ir.Slot, t *ir.Table, old bool) (put func(*fuse.Machine, value.Value)) {
		typ := t.Row
		if old {
			typ = t.Read
		}
		var n *fuse.Node
		n, put = f.b.Given(typ)
		env = env.Bind(slot, n)
		return put
	}
	out.old = bind(s.Old, s.Table, true)
	out.x = f.b.Expr(s.X, env).Value()
	if s.HasAs {
		out.as = bind(s.As, s.Table, false)
	}
	if s.HasWas {
		out.was = bind(s.Was, s.Table, true)
	}
	f.add(out)
	return env
}

func (s *fusedUpdate) run(fr *Frame) int {
	key, ok := s.key.of(fr)
	now := fr.fusedMicros()
	if !ok || s.span > 0 && now == event.NoMicros {
		return gaveUp
	}
	var old row
	key, known := fr.today(s.Space, key)
	if known {
		var fail *diag.Failure
		if old, fail = s.row(fr, key, now, s.update.at, nil); fail != nil {
			return gaveUp
		}
	}
	read := s.read(old)
	s.old(fr.m, read)
	v, st := s.x(fr.m)
	if st == fuse.Bad || !fr.eval.Fits(v) {
		return gaveUp
	}
	if known && s.write(fr, key, old, v, now) != nil {
		return gaveUp
	}
	if s.as != nil {
		s.as(fr.m, v)
	}
	if s.was != nil {
		s.was(fr.m, read)
	}
	if fr.cells.Full() {
		return gaveUp
	}
	return goOn
}

type fusedRemove struct {
	remove
	key fusedCellKey
}

func (f *fuser) remove(p place, s *ir.Delete, env fuse.Env) {
	w, err := f.c.written(p, s.At, s.Table, s.Keys)
	if err != nil {
		f.refuse(err.Error())
		return
	}
	f.add(&fusedRemove{remove{w}, f.b.Keys(s.Keys, env)})
}

func (s *fusedRemove) run(fr *Frame) int {
	key, ok := s.key.of(fr)
	if !ok || s.take(fr, key, fr.fusedMicros()) != nil {
		return gaveUp
	}
	return goOn
}
