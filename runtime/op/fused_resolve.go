package op

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/fuse"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// fusedIDs reads the identifiers that a stage is given of the bytes of a record; false
// where one is none.
type fusedIDs func(fr *Frame) ([]identity.Given, bool)

// identifiers compiles the object of a stage: field by field where it is written out,
// else as a value.
func (f *fuser) identifiers(s *asking, env fuse.Env) fusedIDs {
	xs, ok := spelledOut(s.ids)
	if !ok {
		get := f.b.Expr(s.ids, env).Value()
		return func(fr *Frame) ([]identity.Given, bool) {
			v, st := get(fr.m)
			if st != fuse.Some {
				return nil, false
			}
			given, fail := s.read(fr, v)
			return given, fail == nil
		}
	}
	type part struct {
		typ  int
		text func(*fuse.Machine, []byte) ([]byte, fuse.State)
	}
	var parts []part
	for i := range s.space.IDs {
		if x := xs[s.space.IDs[i].Name]; x != nil {
			parts = append(parts, part{i, f.b.Expr(x, env).Identifier()})
		}
	}
	return func(fr *Frame) ([]identity.Given, bool) {
		// All texts in one piece of memory: what is kept of them outlives the record.
		fr.given, fr.buf = fr.given[:0], fr.buf[:0]
		for i := range parts {
			start, st := len(fr.buf), fuse.Bad
			fr.buf, st = parts[i].text(fr.m, fr.buf)
			switch st {
			case fuse.Bad:
				return nil, false
			case fuse.Some:
				fr.given = append(fr.given, identity.Given{Type: parts[i].typ})
				fr.ends = append(fr.ends[:len(fr.given)-1], len(fr.buf))
			default:
				fr.buf = fr.buf[:start]
			}
		}
		all, from := string(fr.buf), 0
		for i := range fr.given {
			fr.given[i].Value = all[from:fr.ends[i]]
			from = fr.ends[i]
		}
		return fr.given, true
	}
}

// spelledOut gives the fields of an object that is written out with each name once.
func spelledOut(x ir.Expr) (map[string]ir.Expr, bool) {
	o, ok := x.(*ir.Object)
	if !ok {
		return nil, false
	}
	xs := map[string]ir.Expr{}
	for _, e := range o.Entries {
		if e.Kind != ir.Named || xs[e.Key] != nil {
			return nil, false
		}
		xs[e.Key] = e.X
	}
	return xs, true
}

type fusedResolve struct {
	resolve
	given fusedIDs
	put   func(*fuse.Machine, fuse.Lazy)
}

func (f *fuser) resolve(p place, s *ir.Resolve, env fuse.Env) fuse.Env {
	st, err := f.c.newResolve(p, s)
	if err != nil {
		f.refuse(err.Error()) // the reference steps have said so
		return env
	}
	given := f.identifiers(&st.asking, env)
	n, put := f.b.Lazy(st.space.Person)
	f.add(&fusedResolve{*st, given, put})
	return env.Bind(s.Slot, n).Bind(s.Current, n)
}

func (s *fusedResolve) run(fr *Frame) int {
	given, ok := s.given(fr)
	if !ok {
		return gaveUp
	}
	p, fail := s.link(fr, given, fr.fusedMicros())
	switch {
	case fail != nil:
		return gaveUp
	case p == nil:
		s.put(fr.m, nil)
		return goOn
	}
	s.put(fr.m, p)
	p.key = append(p.key[:0], p.who.ID...)
	fr.key = p.key
	return goOn
}

type fusedFind struct {
	find
	given fusedIDs
	put   func(*fuse.Machine, fuse.Lazy)
}

func (f *fuser) find(p place, s *ir.Find, env fuse.Env) fuse.Env {
	a, err := f.c.asking(p, &s.StageInfo, s.Space, s.IDs, s.Slot)
	if err != nil {
		f.refuse(err.Error())
		return env
	}
	given := f.identifiers(&a, env)
	n, put := f.b.Lazy(a.space.Person)
	f.add(&fusedFind{find{a}, given, put})
	return env.Bind(s.Slot, n)
}

func (s *fusedFind) run(fr *Frame) int {
	given, ok := s.given(fr)
	if !ok {
		return gaveUp
	}
	if p := s.look(fr, given); p != nil {
		s.put(fr.m, p)
	} else {
		s.put(fr.m, nil)
	}
	return goOn
}

// forget is for the reference steps: it is rare.
func (f *fuser) forget(s *ir.Forget, env fuse.Env) fuse.Env {
	f.add(giveUp{})
	n, _ := f.b.Given(s.Space.Person)
	return env.Bind(s.Slot, n)
}
