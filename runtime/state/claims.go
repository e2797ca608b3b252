package state

import (
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/event"
)

// The claims of a dedupe memory lie in a table, and in the store as segments: entries
// of many claims each, in any order, with a checksum behind them. Each transaction
// appends the claims of its epochs as one (or more, of a size), and takes those away
// of which no claim counts any more. Claims never change, so nothing is ever read
// while records run, and a start reads segments only.
//
// Where little comes in, transactions hold few claims each, and a start would read as
// many entries. So small neighbours are merged: once sixteen of a size stand at the
// end they become one of the next size, in the transaction at hand, which also removes
// them. A claim is written four times at most, and one transaction merges at most
// maxSegment claims of one memory. What is merged follows from the segments that are
// in the store alone, so a crash changes nothing.

// memory is the claims of one dedupe memory.
type memory struct {
	table *dedupe.Table
	keep  int64
	merge int // how many segments of a size become one: mergeCount, fewer in tests
	stored
	// next is what stored becomes when the transaction of the last Batch is in the store.
	next stored
}

// stored is what the store holds of a memory.
type stored struct {
	segs []segment // in the order of their numbers
	free uint64    // the number of the next one
}

// segment is one entry of claims in the store.
type segment struct {
	no  uint64
	n   int   // claims
	end int64 // all of them have ended when the watermark is here
}

// fresh is the claims that an epoch has made of one memory, as they are stored.
type fresh struct {
	raw []byte
	end int64 // the greatest of their ends
}

const (
	// claimSize is one claim of a segment, sumSize the checksum behind the last, in bytes.
	claimSize = 16 + 8 + 4
	sumSize   = 8

	maxSegment = 8192 // claims: 229 KB
	// A segment of more claims than this is read at no loss and is not merged. Smaller
	// ones are of three sizes, each sixteen times the one before.
	fullSegment = 512
	mergeCount  = 16
	// maxGone is how many segments one transaction removes because they have ended.
	maxGone = 4096
)

func (c *Cells) load(s *cellState) error {
	m := s.memory
	m.merge = mergeCount
	prefix := stateKey('l', s.number)
	var bad error
	n := 0
	if err := c.store.Scan(prefix, nil, func(_, val []byte) bool { n += len(val) / claimSize; return true }); err != nil {
		return err
	}
	load := m.table.Load(n)
	err := c.store.Scan(prefix, nil, func(key, val []byte) bool {
		if len(key) != len(prefix)+8 {
			bad = fmt.Errorf("%w: %x is no key of a segment of claims", ErrDamaged, key)
			return false
		}
		seg := segment{no: binary.BigEndian.Uint64(key[len(prefix):]), end: event.NoMicros}
		var claims []byte
		if claims, bad = openSegment(key, val); bad != nil {
			return false
		}
		for ; len(claims) > 0; claims = claims[claimSize:] {
			cl := readClaim(claims)
			seg.end = max(seg.end, cl.End(m.keep))
			seg.n++
			load.Add(cl)
		}
		m.segs = append(m.segs, seg)
		m.free = seg.no + 1
		return true
	})
	if bad != nil {
		return bad
	}
	load.Done()
	return err
}

// openSegment gives the claims of a segment whose checksum is right.
func openSegment(key, val []byte) ([]byte, error) {
	n := len(val) - sumSize
	if n < claimSize || n%claimSize != 0 {
		return nil, fmt.Errorf("%w: a segment of claims is cut: key %x, %d bytes", ErrDamaged, key, len(val))
	}
	if sum(key, val[:n]) != binary.BigEndian.Uint64(val[n:]) {
		return nil, fmt.Errorf("%w: a segment of claims is not what was written: key %x", ErrDamaged, key)
	}
	return val[:n], nil
}

// closeSegment puts the checksum behind the claims of a segment.
func closeSegment(key, claims []byte) []byte {
	return binary.BigEndian.AppendUint64(claims, sum(key, claims))
}

// sum depends on the key, too: a segment under another is none.
func sum(key, claims []byte) uint64 { return xxh3.HashSeed(claims, xxh3.Hash(key)) }

func segmentKey(number uint32, no uint64) []byte {
	return binary.BigEndian.AppendUint64(stateKey('l', number), no)
}

func readClaim(b []byte) dedupe.Claim {
	return dedupe.Claim{
		Key: dedupe.Print(b[:16]), At: int64(binary.BigEndian.Uint64(b[16:])), Lag: dedupe.Lag(binary.BigEndian.Uint32(b[24:])),
	}
}

func appendClaim(dst []byte, c dedupe.Claim) []byte {
	dst = append(dst, c.Key[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(c.At))
	return binary.BigEndian.AppendUint32(dst, uint32(c.Lag))
}

// Claim tells whether a key passes a dedupe memory at a time (microseconds) for
// the first time within a span, and claims it then. The claim is released when the
// record is undone.
func (c *Cells) Claim(s int, key []byte, at, within int64) bool {
	return c.ClaimPrint(s, dedupe.PrintOf(key), at, within)
}

// Foresee makes the print of a key that will be claimed soon, and has its place in
// the memory brought near.
func (c *Cells) Foresee(s int, key []byte) dedupe.Print {
	k := dedupe.PrintOf(key)
	c.states[s].memory.table.Fetch(k)
	return k
}

// Rare tells whether few of the keys of a memory have been repeats so far: less than
// one in four.
func (c *Cells) Rare(s int) bool {
	n := &c.states[s].counts
	return n.Hits*4 <= n.Reads
}

// ClaimPrint is Claim by the print of a key.
func (c *Cells) ClaimPrint(s int, k dedupe.Print, at, within int64) bool {
	st := &c.states[s]
	st.counts.Reads++
	for i := range c.claims {
		if p := &c.claims[i]; p.c.Key == k && p.state == s && dedupe.Near(p.c.At, at, within) {
			st.counts.Hits++
			return false
		}
	}
	if st.memory.table.Seen(k, at, within, st.w) {
		st.counts.Hits++
		return false
	}
	st.counts.Writes++
	c.claims = append(c.claims, claim{s, dedupe.Made(k, at, st.w)})
	return true
}

// claimed takes the claims of a record that is done, and gives their bytes.
func (c *Cells) claimed(e *writes) int {
	for i := range c.claims {
		p := &c.claims[i]
		st := &c.states[p.state]
		st.memory.table.Add(p.c, st.w)
		f := &e.claims[p.state]
		if f.raw == nil {
			f.end = event.NoMicros
			if n := len(c.spare); n > 0 {
				f.raw, c.spare = c.spare[n-1], c.spare[:n-1]
			}
		}
		f.raw = appendClaim(f.raw, p.c)
		f.end = max(f.end, p.c.End(st.memory.keep))
	}
	n := len(c.claims) * claimSize
	c.claims = c.claims[:0]
	return n
}

// segments adds what a transaction of all epochs up to one does to the segments of the
// memories.
func (c *Cells) segments(out []Write, upto uint64) []Write {
	n := 0
	for n < len(c.epochs) && c.base+uint64(n) <= upto {
		n++
	}
	c.batched = upto
	merged := false
	for s := range c.states {
		st := &c.states[s]
		m := st.memory
		if m == nil || n == 0 {
			continue
		}
		m.next = stored{segs: m.next.segs[:0], free: m.free}
		w := c.epochs[n-1].w[s]
		out = m.expire(out, st.number, w)
		if from, to := mergeable(m.next.segs, m.merge); !merged && to > from {
			merged = true
			out = c.merge(out, st, from, to, w)
		}
		out = m.append(out, st.number, s, c.epochs[:n])
	}
	return out
}

// expire removes segments of which no claim counts at the watermark w.
func (m *memory) expire(out []Write, number uint32, w int64) []Write {
	gone := 0
	for _, seg := range m.segs {
		if seg.end <= w && gone < maxGone {
			gone++
			out = append(out, Write{Key: segmentKey(number, seg.no), Delete: true})
			continue
		}
		m.next.segs = append(m.next.segs, seg)
	}
	return out
}

// append stores the claims of epochs.
func (m *memory) append(out []Write, number uint32, s int, epochs []writes) []Write {
	size, left := 0, 0
	for i := range epochs {
		left += len(epochs[i].claims[s].raw)
	}
	var key, val []byte
	seg := segment{}
	flush := func() {
		if seg.n > 0 {
			out = append(out, Write{Key: key, Val: closeSegment(key, val)})
			m.next.segs = append(m.next.segs, seg)
		}
	}
	for i := range epochs {
		f := &epochs[i].claims[s]
		for raw := f.raw; len(raw) > 0; {
			if seg.n == 0 || seg.n == maxSegment {
				flush()
				size = min(left, maxSegment*claimSize)
				seg = segment{no: m.next.free, end: event.NoMicros}
				key, val = segmentKey(number, seg.no), make([]byte, 0, size+sumSize)
				m.next.free++
			}
			n := min(len(raw), (maxSegment-seg.n)*claimSize)
			val, raw, left = append(val, raw[:n]...), raw[n:], left-n
			seg.n += n / claimSize
			// Of all claims of the epoch: a segment is kept a little longer where it was cut.
			seg.end = max(seg.end, f.end)
		}
	}
	flush()
	return out
}

// mergeable gives the segments that are to become one: those at the end that are of
// a size or smaller, once so many of them are of it; the first, as many as fit.
func mergeable(segs []segment, many int) (from, to int) {
	for size := 1; size <= fullSegment; size *= many {
		count := 0
		for from = len(segs); from > 0; from-- {
			n := segs[from-1].n
			if n >= size*many || n > fullSegment {
				break
			}
			if n >= size {
				count++
			}
		}
		if count < many {
			continue
		}
		n := 0
		for to = from; to < len(segs) && n+segs[to].n <= maxSegment; to++ {
			n += segs[to].n
		}
		return from, to
	}
	return 0, 0
}

// merge makes one segment of some, in the place of the first, without the claims that
// count no more.
func (c *Cells) merge(out []Write, st *cellState, from, to int, w int64) []Write {
	segs := st.memory.next.segs
	one := segment{no: segs[from].no, end: event.NoMicros}
	n := 0
	for _, seg := range segs[from:to] {
		n += seg.n
	}
	all := make([]byte, 0, n*claimSize+sumSize)
	for _, seg := range segs[from:to] {
		key := segmentKey(st.number, seg.no)
		val, ok, err := c.store.Get(key)
		if err == nil && !ok {
			err = fmt.Errorf("%w: a segment of claims is gone: key %x", ErrDamaged, key)
		}
		var claims []byte
		if err == nil {
			claims, err = openSegment(key, val)
		}
		if err != nil {
			c.fail(err)
			return out
		}
		for ; len(claims) > 0; claims = claims[claimSize:] {
			if end := readClaim(claims).End(st.memory.keep); end > w {
				one.end = max(one.end, end)
				one.n++
				all = append(all, claims[:claimSize]...)
			}
		}
	}
	kept := segs[:from]
	for i, seg := range segs[from:to] {
		key := segmentKey(st.number, seg.no)
		if i == 0 && one.n > 0 {
			out = append(out, Write{Key: key, Val: closeSegment(key, all)})
			kept = append(kept, one)
			continue
		}
		out = append(out, Write{Key: key, Delete: true})
	}
	st.memory.next.segs = append(kept, segs[to:]...)
	return out
}

// segmentsStored takes that the transaction of the oldest n epochs, all up to one, is
// in the store.
func (c *Cells) segmentsStored(n int, upto uint64) {
	for s := range c.states {
		m := c.states[s].memory
		if m == nil || n == 0 {
			continue
		}
		if c.batched != upto {
			panic("state: Persisted of another epoch than the last Batch: segments would be taken for stored that are not")
		}
		m.stored, m.next.segs = m.next, m.segs
		for i := range c.epochs[:n] {
			if raw := c.epochs[i].claims[s].raw; raw != nil && len(c.spare) < maxSpare {
				c.spare = append(c.spare, raw[:0])
			}
		}
	}
}

// maxSpare bounds the buffers of claims that are kept for later epochs.
const maxSpare = 64

// Charge makes what the states hold in memory count in a budget, until Release: claims
// within its limit, the cells of resident states beside it.
func (c *Cells) Charge(b *dedupe.Budget) {
	for i := range c.states {
		if x := c.states[i].index; x != nil {
			x.charge(b)
		}
		if m := c.states[i].memory; m != nil {
			m.table.Charge(b)
			c.budget = b
		}
	}
}

// Release takes it out of the budget: the group is let go of.
func (c *Cells) Release() {
	for i := range c.states {
		if x := c.states[i].index; x != nil {
			x.charge(nil)
		}
		if m := c.states[i].memory; m != nil {
			m.table.Release()
		}
	}
	c.budget = nil
}

// OverBudget tells whether no record may run for now, because the claims in memory of
// all groups hold more than they may (I7). It is to be asked before records are read;
// it stays until a tenth of the budget is free. What has ended is forgotten first. A
// group that has no memory is never over.
func (c *Cells) OverBudget() bool {
	if c.budget == nil || !c.budget.Over(c.overBudget) {
		c.overBudget = false
		return false
	}
	for i := range c.states {
		if m := c.states[i].memory; m != nil {
			m.table.Shrink(c.states[i].w)
		}
	}
	c.overBudget = c.budget.Over(true)
	return c.overBudget
}
