package op

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
)

// distinct counts the different values, by hashes of 128 bits: exactly up to
// exactDistinct, beyond it by HyperLogLog with 2^16 registers, whose standard error
// is 0.41 %.
//
// The first few hashes stand in the cell of the pane, the others in up to 64 cells,
// by their first bits. Beyond exactDistinct such a cell holds the registers of its
// hashes in their place; it is made of them when the next of its values comes, so no
// record has to write them all. The registers are a function of the hashes alone:
// the result is the same whenever that was.
type distinct struct {
	hashes []hash128 // at most inlineHashes
	parts  []hashPart
}

// hashPart is what lies in cells beside a pane: of the pane itself, and of the
// sessions that became part of it.
type hashPart struct {
	own   string // name of the pane it was written for; "": this one
	n     int    // hashes in the cells, at most exactDistinct+1: then the cells hold registers
	cells uint64 // which there are
}

type hash128 [16]byte

const (
	exactDistinct = 10_000
	inlineHashes  = 16
	hashCells     = 64
	registerBits  = 16
	cellRegisters = 1 << registerBits / hashCells
)

// cell is the cell of a hash.
func (h hash128) cell() int { return int(h[0] >> 2) }

// register is its register in the cell, and rank what it says there.
func (h hash128) register() (i int, rank byte) {
	return int(binary.BigEndian.Uint16(h[:]) & (cellRegisters - 1)), byte(bits.LeadingZeros64(binary.BigEndian.Uint64(h[2:]))) + 1
}

func (a *distinct) add(st *paneStore, v value.Value, _ int64) *diag.Failure {
	st.buf = value.AppendKey(st.buf[:0], v)
	return a.insert(st, xxh3.Hash128(st.buf).Bytes())
}

func (a *distinct) insert(st *paneStore, h hash128) *diag.Failure {
	if slices.Contains(a.hashes, h) {
		return nil
	}
	if len(a.parts) == 0 {
		if len(a.hashes) < inlineHashes {
			a.hashes = append(a.hashes, h)
			return nil
		}
		a.parts = append(a.parts, hashPart{})
	}
	p := &a.parts[0]
	c := hashCell{}
	if p.cells&(1<<h.cell()) != 0 {
		var fail *diag.Failure
		if c, fail = st.hashCell(p.own, h.cell()); fail != nil {
			return fail
		}
	}
	if a.sketched(p) {
		if c.raise(h) {
			p.cells |= 1 << h.cell()
			st.put(p.own, 'h', h.cell(), c.append(nil))
		}
		return nil
	}
	i, found := slices.BinarySearchFunc(c.hashes, h, func(a, b hash128) int { return bytes.Compare(a[:], b[:]) })
	if found {
		return nil
	}
	c.hashes = slices.Insert(c.hashes, i, h)
	p.n++
	p.cells |= 1 << h.cell()
	st.put(p.own, 'h', h.cell(), c.append(nil))
	return nil
}

// sketched tells whether so many came that the cells of a part hold registers.
func (a *distinct) sketched(p *hashPart) bool { return p.n+len(a.hashes) > exactDistinct }

// merge keeps the cells of both where they are; what is small is put in.
func (a *distinct) merge(st *paneStore, o aggregate, from string) *diag.Failure {
	b := o.(*distinct)
	for _, h := range b.hashes {
		if fail := a.insert(st, h); fail != nil {
			return fail
		}
	}
	for _, p := range b.parts {
		if p.own == "" {
			p.own = from
		}
		if len(a.parts) == 0 {
			a.parts = append(a.parts, hashPart{}) // values go to this pane's own part
		}
		a.parts = append(a.parts, p)
	}
	return nil
}

func (a *distinct) result(st *paneStore) (value.Value, bool, *diag.Failure) {
	exact := map[hash128]bool{}
	registers := make([]byte, 0)
	raise := func(c int, h hash128) {
		i, rank := h.register()
		i += c * cellRegisters
		registers[i] = max(registers[i], rank)
	}
	sketch := func() {
		registers = make([]byte, 1<<registerBits)
		for h := range exact {
			raise(h.cell(), h)
		}
	}
	keep := func(h hash128) {
		if len(registers) > 0 {
			raise(h.cell(), h)
		} else if exact[h] = true; len(exact) > exactDistinct {
			sketch()
		}
	}
	for _, h := range a.hashes {
		keep(h)
	}
	for i := range a.parts {
		p := &a.parts[i]
		for c := range hashCells {
			if p.cells&(1<<c) == 0 {
				continue
			}
			cell, fail := st.hashCell(p.own, c)
			if fail != nil {
				return nil, false, fail
			}
			for _, h := range cell.hashes {
				keep(h)
			}
			if len(cell.registers) > 0 && len(registers) == 0 {
				sketch()
			}
			for i, rank := range cell.registers {
				i += c * cellRegisters
				registers[i] = max(registers[i], rank)
			}
		}
	}
	if len(registers) > 0 {
		return value.FromInt(cardinality(registers)), true, nil
	}
	return value.FromInt(int64(len(exact))), true, nil
}

func (a *distinct) drop(st *paneStore) {
	for i := range a.parts {
		for c := range hashCells {
			if a.parts[i].cells&(1<<c) != 0 {
				st.delete(a.parts[i].own, 'h', c)
			}
		}
	}
}

func (a *distinct) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(a.hashes)))
	for _, h := range a.hashes {
		dst = append(dst, h[:]...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.parts)))
	for _, p := range a.parts {
		dst = appendSized(dst, []byte(p.own))
		dst = binary.AppendUvarint(dst, uint64(p.n))
		dst = binary.BigEndian.AppendUint64(dst, p.cells)
	}
	return dst
}

func (a *distinct) read(r *reader) {
	for n := r.count(16); n > 0; n-- {
		a.hashes = append(a.hashes, hash128(r.take(16)))
	}
	for n := r.count(10); n > 0 && !r.bad; n-- {
		a.parts = append(a.parts, hashPart{own: string(r.bytes()), n: int(r.uvarint()), cells: r.fixed()})
	}
}

// hashCell is a cell of hashes in order, or of registers.
type hashCell struct {
	hashes    []hash128
	registers []byte
}

const (
	hashesForm    = 1
	registersForm = 2
)

func (st *paneStore) hashCell(own string, n int) (c hashCell, fail *diag.Failure) {
	b, _ := st.get(own, 'h', n)
	r := reader{b: b}
	switch r.byte() {
	case hashesForm:
		for len(r.b) > 0 && !r.bad {
			if h := r.take(16); h != nil {
				c.hashes = append(c.hashes, hash128(h))
			}
		}
	case registersForm:
		c.registers = bytes.Clone(r.take(cellRegisters))
	default:
		r.bad = true
	}
	if !r.done() {
		return c, st.damaged("the distinct values of the pane")
	}
	return c, nil
}

// raise puts a hash into the registers, which are first made of the hashes where
// the cell still holds these; it tells whether that changed the cell.
func (c *hashCell) raise(h hash128) bool {
	changed := len(c.registers) == 0
	if changed {
		c.registers = make([]byte, cellRegisters)
		for _, old := range c.hashes {
			i, rank := old.register()
			c.registers[i] = max(c.registers[i], rank)
		}
		c.hashes = nil
	}
	i, rank := h.register()
	if rank > c.registers[i] {
		c.registers[i], changed = rank, true
	}
	return changed
}

func (c *hashCell) append(dst []byte) []byte {
	if len(c.registers) > 0 {
		return append(append(dst, registersForm), c.registers...)
	}
	dst = append(dst, hashesForm)
	for _, h := range c.hashes {
		dst = append(dst, h[:]...)
	}
	return dst
}

// cardinality estimates how many different hashes made the registers: the improved
// raw estimator of O. Ertl, "New cardinality estimation algorithms for HyperLogLog
// sketches" (2017), which has no bias to correct at either end.
func cardinality(registers []byte) int64 {
	const most = 64 - registerBits + 1 // ranks above it do not happen in practice; they count as it
	var count [most + 1]int
	for _, r := range registers {
		count[min(r, most)]++
	}
	m := float64(len(registers))
	z := m * tau(1-float64(count[most])/m)
	for k := most - 1; k >= 1; k-- {
		z = 0.5 * (z + float64(count[k]))
	}
	z += m * sigma(float64(count[0])/m)
	return int64(math.Round(m * m / (2 * math.Ln2 * z)))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		last := z
		z += x * y
		y += y
		if z == last {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		last := z
		y *= 0.5
		z -= (1 - x) * (1 - x) * y
		if z == last {
			return z / 3
		}
	}
}
