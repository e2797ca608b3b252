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
	of := func(i int) *group { return t.entries[i].of }
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

// behind is the position of what is not in the record, plus its rank: defaults
// stand behind everything, and what `set` adds behind them.
const behind = math.MaxUint32

// never is the position of nothing.
const never = math.MaxUint64

// order says in which order a field of a group comes: by its place in the record
// (placed), and where that is missing by its rank.
type order struct {
	placed      bool
	slot, frame int
	rank        uint32
}

// order takes the slot of the place, so it is asked for while the plan is built.
func (e *entry) order() order {
	o := order{rank: e.rank}
	if p := e.where(); p != nil && e.mode != rest {
		o.placed, o.slot, o.frame = true, p.slot(), p.frame
	}
	return o
}

func (m *Machine) position(o *order) uint64 {
	if o.placed {
		if sp := &m.fr[o.frame][o.slot]; sp.Kind != json.Missing {
			return uint64(sp.Start)
		}
	}
	return behind + uint64(o.rank)
}

// ordered tells whether the fields that ops write come in their order.
func (m *Machine) ordered(ops []op) bool {
	last := uint64(0)
	for i := range ops {
		o := &ops[i]
		at := m.position(&o.pos)
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
	for _, i := range permute(len(ops), func(i int) uint64 { return m.position(&ops[i].pos) }) {
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
	if stateOf(&sp) == Bad || sp.Kind != json.Obj && sp.Kind > json.Null {
		return false
	}
	// Of one that is null or missing there are no members, and what is put in
	// place of some stands behind.
walk:
	for w := json.MembersOf(m.d, sp); w.Next(); {
		for i := range fields {
			f := &fields[i]
			if m.position(&f.pos) == uint64(w.Val.Start) {
				if !m.write(f) {
					return false
				}
				continue walk
			}
		}
		m.other(o, &w)
	}
	// Those that are not there, by rank: few, and mostly none.
	for next := uint64(behind); next != never; {
		least := uint64(never)
		for i := range fields {
			switch at := m.position(&fields[i].pos); {
			case at == next:
				if !m.write(&fields[i]) {
					return false
				}
			case at > next:
				least = min(least, at)
			}
		}
		next = least
	}
	return true
}

// buildGroup puts the entries from i to end, which are of one object in the
// record, into o in its order; false for Bad.
func (t *template) buildGroup(m *Machine, o *value.Object, gets []valueFn, orders []order, i, end int) bool {
	first := &t.entries[i]
	if first.mode != rest {
		for _, j := range permute(end-i, func(j int) uint64 { return m.position(&orders[i+j]) }) {
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
	for _, j := range permute(end-i, func(j int) uint64 { return m.position(&orders[i+j]) }) {
		if j > 0 && !done[j] && !t.buildEntry(m, o, gets, i+j) {
			return false
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
