package dedupe

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Table is the claims of one memory: a multi-map from a key to the times at which
// it passed. It is used by one goroutine at a time.
//
// It is 256 tables of open addressing with linear probing, one for each first byte
// of a print, and each grows by itself when it is full, so that growing never needs
// the memory of everything twice, and a pause is that of 1/256 of it. A slot's home
// rises with the print: a shard lies nearly in the order of its prints, and growing
// is one walk through memory. A slot is bytes, 28 of them one behind the other: what
// costs is the line of memory that nobody has read yet, and so a new key needs one,
// and the garbage collector none.
//
// Claims past their time are taken out by Add, some slots at a time, and by a shard
// that grows.
type Table struct {
	keep   int64 // the longest `within` of the stages that use it
	n      int
	shards [256]shard
	hot    map[Print]*run // keys of more than hotClaims claims

	// The sweep: a cursor over all slots, the slots it may still visit, the least end
	// that this round has seen, and what the last one saw: before it nothing ends.
	at    cursor
	debt  int
	least int64
	first int64

	bytes  int64
	budget *Budget
}

type cursor struct{ shard, slot int }

// shard is the slots of one first byte.
type shard struct {
	slots []slot
	n     int // in use
}

// slot is a claim: the print, with what the slot is in place of the byte that the
// shard stands for, the time and the lag. An empty one is zero.
type slot [slotSize]byte

// What a slot is.
const (
	slotClaim = 1 << 56
	slotHot   = 2 << 56 // the claims of the key are in Table.hot
	slotPrint = 1<<56 - 1
)

func (s *slot) hi() uint64   { return binary.BigEndian.Uint64(s[:8]) }
func (s *slot) lo() uint64   { return binary.BigEndian.Uint64(s[8:16]) }
func (s *slot) at() int64    { return int64(binary.BigEndian.Uint64(s[16:24])) }
func (s *slot) empty() bool  { return s.hi() == 0 }
func (s *slot) isHot() bool  { return s.hi() >= slotHot }
func (s *slot) claim() Claim { return Claim{At: s.at(), Lag: binary.BigEndian.Uint32(s[24:])} }

// is tells whether the slot is of a print: the first eight bytes of it, and the others.
func (s *slot) is(hi, lo uint64) bool {
	return (s.hi()^hi)&slotPrint == 0 && s.lo() == lo
}

func (s *slot) set(what, hi, lo uint64, at int64, lag uint32) {
	binary.BigEndian.PutUint64(s[:8], hi&slotPrint|what)
	binary.BigEndian.PutUint64(s[8:16], lo)
	binary.BigEndian.PutUint64(s[16:24], uint64(at))
	binary.BigEndian.PutUint32(s[24:], lag)
}

const (
	slotSize  = 16 + 8 + 4
	leastSize = 4 // of a shard that holds anything, slots
	// A shard is full at 4/5, and is made again with 97/64 to 104/64 slots a claim: about
	// 1.25 times as large where nothing of it has ended, so a slot is moved five times
	// on the whole, and the load is 72 % on average: 39 bytes a claim.
	fullNum, fullDen        = 4, 5
	newMul, newVary, newDiv = 97, 8, 64
	// A shard that is emptier than this when it was swept is made smaller.
	emptyNum, emptyDen = 2, 5
	// hotClaims of one key lie in the shard; more of them would be walked by every
	// probe of the key, and of its neighbours.
	hotClaims = 16
	// sweepSlots are visited for each claim that is added, sweepRun at a time.
	sweepSlots, sweepRun = 4, 64
)

// New makes an empty table that keeps claims for the longest of its stages' spans.
func New(keep int64) *Table {
	return &Table{keep: keep, least: maxTime, first: maxTime, bytes: int64(unsafe.Sizeof(Table{}))}
}

const maxTime = 1<<63 - 1

// Seen tells whether a record with the key at a time is a repeat, with the
// watermark at w.
func (t *Table) Seen(k Print, at, within, w int64) bool {
	hi, lo := k.halves()
	s := &t.shards[hi>>56]
	if len(s.slots) == 0 {
		return false
	}
	for i := s.home(hi); ; i = s.next(i) {
		sl := &s.slots[i]
		switch {
		case sl.empty():
			return false
		case !sl.is(hi, lo):
		case sl.isHot():
			return t.hot[k].seen(at, within, w)
		default:
			if c := sl.claim(); Near(c.At, at, within) && w < c.End(within) {
				return true
			}
		}
	}
}

func (k *Print) halves() (hi, lo uint64) {
	return binary.BigEndian.Uint64(k[:8]), binary.BigEndian.Uint64(k[8:])
}

// Add takes a claim, with the watermark at w: what it has passed is forgotten.
func (t *Table) Add(c Claim, w int64) {
	hi, lo := c.Key.halves()
	s := &t.shards[hi>>56]
	if (s.n+1)*fullDen > len(s.slots)*fullNum {
		t.remake(int(hi>>56), 0, w)
	}
	t.least = min(t.least, c.End(t.keep))
	t.first = min(t.first, t.least)
	t.put(s, c, hi, lo, w)
	if w < t.first {
		return
	}
	if t.debt += sweepSlots; t.debt >= sweepRun {
		t.sweep(w)
	}
}

// put finds a place for a claim.
func (t *Table) put(s *shard, c Claim, hi, lo uint64, w int64) {
	same := 0
	i := s.home(hi)
	for ; !s.slots[i].empty(); i = s.next(i) {
		switch {
		case !s.slots[i].is(hi, lo):
		case s.slots[i].isHot():
			t.change(t.hot[c.Key], func(r *run) {
				if r.insert(c); len(r.claims) >= r.next {
					r.drop(t.keep, w)
				}
			})
			return
		default:
			same++
		}
	}
	if same >= hotClaims {
		t.heat(s, c, hi, lo)
		return
	}
	s.slots[i].set(slotClaim, hi, lo, c.At, c.Lag)
	s.n++
	t.n++
}

// home is the slot at which a print is looked for first. It rises with the print.
func (s *shard) home(hi uint64) int {
	h, _ := bits.Mul64(hi<<8, uint64(len(s.slots)))
	return int(h)
}

func (s *shard) next(i int) int {
	if i++; i == len(s.slots) {
		return 0
	}
	return i
}

// free gives the empty slot for a print; there is one.
func (s *shard) free(hi uint64) *slot {
	i := s.home(hi)
	for !s.slots[i].empty() {
		i = s.next(i)
	}
	s.n++
	return &s.slots[i]
}

// remove empties a slot, and moves those up that probing would not find any more.
func (s *shard) remove(hole int) {
	for i := s.next(hole); !s.slots[i].empty(); i = s.next(i) {
		// The slot may move where its home does not lie behind the hole.
		if s.distance(s.home(s.slots[i].hi()), i) < s.distance(hole, i) {
			continue
		}
		s.slots[hole] = s.slots[i]
		hole = i
	}
	s.slots[hole] = slot{}
	s.n--
}

// distance is how far a slot lies behind another, around the end.
func (s *shard) distance(from, to int) int {
	if to < from {
		to += len(s.slots)
	}
	return to - from
}

// remake makes a shard again, without what has ended at w, as large as is right for
// what it holds and so many claims more.
func (t *Table) remake(no, more int, w int64) {
	s := &t.shards[no]
	live := s.n
	if w >= t.first {
		live = 0
		for i := range s.slots {
			if !s.slots[i].empty() && !t.ended(&s.slots[i], w) {
				live++
			}
		}
	}
	// Each shard grows by a little more or less, so that they do not all grow at one
	// time and the load of them all stays even.
	size := max((live+more)*(newMul+no%newVary)/newDiv+1, leastSize)
	old := s.slots
	*s = shard{slots: make([]slot, size)}
	for i := range old {
		switch sl := &old[i]; {
		case sl.empty():
		case w >= t.first && t.ended(sl, w):
			t.n--
		default:
			*s.free(sl.hi()) = *sl
		}
	}
	t.grow(slotSize * int64(size-len(old)))
}

// ended tells whether the claim of a slot counts for no stage any more. A hot key is
// looked at by the sweep.
func (t *Table) ended(s *slot, w int64) bool {
	return !s.isHot() && s.claim().End(t.keep) <= w
}

// grow notes that the table holds so many bytes more.
func (t *Table) grow(by int64) {
	t.bytes += by
	if t.budget != nil {
		t.budget.held.Add(by)
	}
}

// heat makes the claims of a key a run of their own, with one more.
func (t *Table) heat(s *shard, c Claim, hi, lo uint64) {
	if t.hot == nil {
		t.hot = map[Print]*run{}
	}
	r := &run{}
	t.hot[c.Key] = r
	for i := s.home(hi); !s.slots[i].empty(); {
		if !s.slots[i].is(hi, lo) {
			i = s.next(i)
			continue
		}
		r.insert(s.slots[i].claim())
		s.remove(i) // what follows may have moved here
	}
	s.free(hi).set(slotHot, hi, lo, 0, 0)
	r.insert(c)
	t.n++
	r.next = 2 * len(r.claims)
	t.grow(r.bytes() + runSize)
}

// change lets a hot key's claims become more or fewer.
func (t *Table) change(r *run, by func(*run)) {
	n, size := len(r.claims), r.bytes()
	by(r)
	t.n += len(r.claims) - n
	t.grow(r.bytes() - size)
}

// sweep takes out what has ended at w, from where it stood last.
func (t *Table) sweep(w int64) {
	for t.debt > 0 {
		s := &t.shards[t.at.shard]
		t.at.slot = min(t.at.slot, len(s.slots)) // it may be smaller than it was
		end := min(t.at.slot+t.debt, len(s.slots))
		t.debt -= end - t.at.slot
		t.visit(t.at.shard, t.at.slot, end, w)
		if t.at.slot = end; end < len(s.slots) {
			continue
		}
		t.swept(t.at.shard, w)
		t.debt-- // a shard without slots is no free way round
		t.at = cursor{shard: t.at.shard + 1}
		if t.at.shard == len(t.shards) {
			t.at.shard = 0
			t.first, t.least = t.least, maxTime
			if w < t.first {
				t.debt = 0
			}
		}
	}
}

// Shrink forgets all that has ended at w and gives its memory back, in one walk
// through the whole table.
func (t *Table) Shrink(w int64) {
	if w < t.first {
		return
	}
	t.at, t.least = cursor{}, maxTime
	for i := range t.shards {
		t.visit(i, 0, len(t.shards[i].slots), w)
		t.swept(i, w)
	}
	t.first, t.least, t.debt = t.least, maxTime, 0
}

// visit takes out of some slots of a shard what has ended at w.
func (t *Table) visit(no, from, to int, w int64) {
	s := &t.shards[no]
	for i := from; i < to; {
		switch sl := &s.slots[i]; {
		case sl.empty():
		case sl.isHot():
			if t.cool(no, i, w) {
				continue // another slot stands here now
			}
		default:
			if e := sl.claim().End(t.keep); e > w {
				t.least = min(t.least, e)
				break
			}
			s.remove(i)
			t.n--
			continue
		}
		i++
	}
}

// swept makes a shard smaller that has become empty.
func (t *Table) swept(no int, w int64) {
	switch s := &t.shards[no]; {
	case s.n == 0:
		t.grow(-slotSize * int64(len(s.slots)))
		*s = shard{}
	case len(s.slots) > 4*leastSize && s.n*emptyDen < len(s.slots)*emptyNum:
		t.remake(no, 0, w)
	}
}

// cool takes out of a hot key's claims what has ended at w; true if that was all.
func (t *Table) cool(no, i int, w int64) bool {
	s := &t.shards[no]
	k := s.slots[i].print(no)
	r := t.hot[k]
	t.debt -= len(r.claims) / sweepSlots
	t.change(r, func(r *run) { r.drop(t.keep, w) })
	if len(r.claims) == 0 {
		t.grow(-r.bytes() - runSize)
		delete(t.hot, k)
		s.remove(i)
		return true
	}
	for _, c := range r.claims {
		t.least = min(t.least, c.claim().End(t.keep))
	}
	return false
}

// print is the print of a slot of a shard.
func (s *slot) print(shard int) (k Print) {
	copy(k[:], s[:])
	k[0] = byte(shard)
	return k
}

// Len counts the claims, those past their time that still lie there among them.
func (t *Table) Len() int { return t.n }

// Bytes is the memory that the table holds.
func (t *Table) Bytes() int64 { return t.bytes }

// Charge makes the table's memory count in a budget, now and as it grows.
func (t *Table) Charge(b *Budget) {
	t.Release()
	t.budget = b
	b.held.Add(t.bytes)
}

// Release takes it out of the budget again: the table is let go of.
func (t *Table) Release() {
	if t.budget != nil {
		t.budget.held.Add(-t.bytes)
		t.budget = nil
	}
}
