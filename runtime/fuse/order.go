package fuse

import (
	"math"

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
		if t.entries[i].node.path == nil {
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

// behind is the position of what is not in the record.
const behind = math.MaxUint32

// positionOf is where the value at a place stands in the record.
func positionOf(sp *json.Span) uint32 {
	if sp.Kind == json.Missing {
		return behind
	}
	return sp.Start
}

// ordered tells whether the fields that ops write come in their order.
func (m *Machine) ordered(ops []op) bool {
	last := uint32(0)
	for i := range ops {
		o := &ops[i]
		sp := &m.fr[o.frame][o.slot]
		if sp.Kind == json.Missing && !o.def {
			continue // not written
		}
		at := positionOf(sp)
		if at < last {
			return false
		}
		last = at
	}
	return true
}

// reorder writes the fields of ops in the order of the record.
func (m *Machine) reorder(ops []op) bool {
	for _, i := range permute(len(ops), func(i int) uint32 { return positionOf(&m.fr[ops[i].frame][ops[i].slot]) }) {
		before := len(m.Buf)
		m.Buf = append(m.Buf, ops[i].lit...)
		if !m.runSlow(&ops[i], before) {
			return false
		}
	}
	return true
}

// permute gives 0 to n-1 in the order of their positions; equal ones stay as they are.
func permute(n int, at func(int) uint32) []int {
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
