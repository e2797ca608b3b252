package fuse

import (
	"math"
	"slices"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/json"
)

// Objects keep the order of their fields (language.md §2). What a type declares
// of an object in the record is compiled in declared order, and mostly written in
// it; where a record has another, its own is taken. Defaults of what is missing
// stand behind the rest.

// group is what the entries of one object of the record have in common.
type group struct{ _ byte }

// groups gives the stretches of entries that belong to one object each.
func (t *template) groups() (from, to []int) {
	of := func(i int) *group {
		if t.entries[i].where() == nil {
			return nil
		}
		return t.entries[i].of
	}
	for i := 0; i < len(t.entries); i++ {
		j := i + 1
		for j < len(t.entries) && of(i) != nil && of(j) == of(i) {
			j++
		}
		if j-i > 1 {
			from, to = append(from, i), append(to, j)
		}
		i = j - 1
	}
	return from, to
}

// Positions of what is not in the record: defaults stand behind everything, and
// what `set` adds behind them.
const (
	behind = math.MaxUint32
	added  = behind + 1
)

func position(sp *json.Span, set bool) uint64 {
	switch {
	case sp.Kind != json.Missing:
		return uint64(sp.Start)
	case set:
		return added
	}
	return behind
}

func (m *Machine) positionOf(o *op) uint64 {
	return position(&m.fr[o.posFrame][o.pos], o.mode == always)
}

func (m *Machine) positionOfEntry(e *entry) uint64 {
	p := e.where()
	return position(&m.fr[p.frame][p.n.Slot()], e.mode == always)
}

// ordered tells whether the fields that ops write come in their order.
func (m *Machine) ordered(ops []op) bool {
	last := uint64(0)
	for i := range ops {
		o := &ops[i]
		at := m.positionOf(o)
		if at >= behind && !o.def {
			continue // not written
		}
		if at < last {
			return false
		}
		last = at
	}
	return true
}

// reorder writes the fields of ops in the order of the record.
func (m *Machine) reorder(ops []op) bool {
	for _, i := range permute(len(ops), func(i int) uint64 { return m.positionOf(&ops[i]) }) {
		if !m.write(&ops[i]) {
			return false
		}
	}
	return true
}

// write runs one op that stands out of its order.
func (m *Machine) write(o *op) bool {
	before := len(m.Buf)
	m.Buf = append(m.Buf, o.lit...)
	return m.runSlow(o, before)
}

// among writes the members of an object in the record in their order: those that
// ops write by ops, the others as they stand, but for those to skip.
func (m *Machine) among(o *op, fields []op) bool {
	sp := m.fr[o.frame][o.slot]
	if sp.Kind != json.Obj {
		return stateOf(&sp) == Null
	}
walk:
	for w := json.MembersOf(m.d, sp); w.Next(); {
		for i := range fields {
			f := &fields[i]
			if m.positionOf(f) == uint64(w.Val.Start) {
				if !m.write(f) {
					return false
				}
				continue walk
			}
		}
		m.other(o, &w)
	}
	for _, at := range [...]uint64{behind, added} {
		for i := range fields {
			if f := &fields[i]; m.positionOf(f) == at && !m.write(f) {
				return false
			}
		}
	}
	return true
}

// buildGroup puts the entries from i to end, which are of one object in the
// record, into o in its order; false for Bad.
func (t *template) buildGroup(m *Machine, o *value.Object, gets []valueFn, i, end int) bool {
	first := &t.entries[i]
	if first.mode != rest {
		for _, j := range permute(end-i, func(j int) uint64 { return m.positionOfEntry(&t.entries[i+j]) }) {
			if !t.buildEntry(m, o, gets, i+j) {
				return false
			}
		}
		return true
	}
	v, st := gets[i](m)
	if st == Bad {
		return false
	}
	all, _ := v.(*value.Object)
	done := make([]bool, end-i)
	for k := 0; all != nil && k < all.Len(); k++ {
		f := all.At(k)
		j := slices.IndexFunc(t.entries[i+1:end], func(e entry) bool { return e.key == f.Key }) + 1
		switch {
		case j > 0:
			if done[j] = true; !t.buildEntry(m, o, gets, i+j) {
				return false
			}
		case !slices.Contains(first.skip, f.Key):
			o.Put(f.Key, f.Value)
		}
	}
	for _, set := range [...]bool{false, true} {
		for j := 1; j < end-i; j++ {
			if !done[j] && set == (t.entries[i+j].mode == always) && !t.buildEntry(m, o, gets, i+j) {
				return false
			}
		}
	}
	return true
}

// permute gives 0 to n-1 in the order of their positions; equal ones stay as they are.
func permute(n int, at func(int) uint64) []int {
	p := make([]int, n)
	for i := range p {
		j := i
		for ; j > 0 && at(p[j-1]) > at(i); j-- {
			p[j] = p[j-1]
		}
		p[j] = i
	}
	return p
}
