package dedupe

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"
	"unsafe"
)

// Table is the claims of one memory: a multi-map from a key to the times at which
// it passed. It is used by one goroutine at a time.
//
// It is 256 tables of open addressing, one for each first byte of a print, and each
// grows by itself when it is full, so that growing never needs the memory of everything
// twice, and a pause is that of 1/256 of it. A slot's home rises with the print, and
// slots lie in the order of their prints, each at its home or behind what came before:
// growing is one walk through memory, and a key that is not there is known as soon as a
// greater one is met. What costs is a line of memory that nobody has read for long, and
// so a slot is bytes, 28 of them in one place, and a new key needs one line or two.
// There is no pointer for the garbage collector.
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

	bytes   int64
	evicted int64 // claims taken out, ever
	budget  *Budget
}

type cursor struct{ shard, slot int }

// shard is the slots of one first byte.
type shard struct {
	slots []slot // homes, and some more for what lies behind the last of them
	homes int
	n     int // slots in use
}

// slot is a claim: the print, with what the slot is in place of the byte that the
// shard stands for, the time and the lag. An empty one is zero.
type slot [slotSize]byte

// What a slot is.
const (
	slotClaim = 1
	slotHot   = 2 // the claims of the key are in Table.hot

	slotPrint = 1<<56 - 1 // what is left of the first eight bytes of the print
)

func (s *slot) hi() uint64   { return binary.BigEndian.Uint64(s[:8]) & slotPrint }
func (s *slot) lo() uint64   { return binary.BigEndian.Uint64(s[8:16]) }
func (s *slot) at() int64    { return int64(binary.BigEndian.Uint64(s[16:24])) }
func (s *slot) empty() bool  { return s[0] == 0 }
func (s *slot) isHot() bool  { return s[0] == slotHot }
func (s *slot) claim() Claim { return Claim{At: s.at(), Lag: Lag(binary.BigEndian.Uint32(s[24:]))} }

// is tells whether the slot is of a print: the first eight bytes of it, of which the
// first is left out, and the others.
func (s *slot) is(hi, lo uint64) bool { return s.hi() == hi && s.lo() == lo }

func (s *slot) set(what byte, hi, lo uint64, at int64, lag Lag) {
	binary.BigEndian.PutUint64(s[:8], hi|uint64(what)<<56)
	binary.BigEndian.PutUint64(s[8:16], lo)
	binary.BigEndian.PutUint64(s[16:24], uint64(at))
	binary.BigEndian.PutUint32(s[24:], uint32(lag))
}

const (
	slotSize    = 16 + 8 + 4
	leastHomes  = 4 // of a shard that holds anything
	behindHomes = 8 // slots at least behind the last home
	// A shard is full at 4/5, and is made again with 97/64 to 104/64 slots a claim: about
	// 1.25 times as large where nothing of it has ended, so a slot is moved five times
	// on the whole, and the load is 72 % on average: 40 bytes a claim.
	fullNum, fullDen        = 4, 5
	newMul, newVary, newDiv = 97, 8, 64
	// A shard that is emptier than this when it was swept is made smaller.
	emptyNum, emptyDen = 2, 5
	// hotClaims of one key lie in the shard; more of them would be walked by every
	// probe of the key, and of its neighbours.
	hotClaims = 16
	// sweepSlots are visited for each claim that is added, sweepRun at a time.
	sweepSlots, sweepRun = 8, 128
)

// New makes an empty table that keeps claims for the longest of its stages' spans.
func New(keep int64) *Table {
	return &Table{keep: keep, least: maxTime, first: maxTime, bytes: int64(unsafe.Sizeof(Table{}))}
}

const maxTime = 1<<63 - 1

// Seen tells whether a record with the key at a time is a repeat, with the
// watermark at w.
func (t *Table) Seen(k Print, at, within, w int64) bool {
	no, hi, lo := k.parts()
	s := &t.shards[no]
	for i := s.home(hi); i < len(s.slots); i++ {
		sl := &s.slots[i]
		switch h := sl.hi(); {
		case h > hi || sl.empty():
			return false
		case h < hi || sl.lo() != lo:
		case sl.isHot():
			return t.hot[k].seen(at, within, w)
		default:
			if c := sl.claim(); Near(c.At, at, within) && w < c.End(within) {
				return true
			}
		}
	}
	return false
}

// Fetch has the place of a print brought near, so that Seen does not wait for it a
// little later: in a large table that wait is most of what it costs.
func (t *Table) Fetch(k Print) {
	no, hi, _ := k.parts()
	if s := &t.shards[no]; len(s.slots) > 0 {
		fetch(unsafe.Pointer(&s.slots[s.home(hi)]))
	}
}

// parts are the shard of a print, the seven bytes that follow and the last eight.
func (k *Print) parts() (shard int, hi, lo uint64) {
	hi = binary.BigEndian.Uint64(k[:8])
	return int(hi >> 56), hi & slotPrint, binary.BigEndian.Uint64(k[8:])
}

// Add takes a claim, with the watermark at w: what it has passed is forgotten.
func (t *Table) Add(c Claim, w int64) {
	no, hi, lo := c.Key.parts()
	s := &t.shards[no]
	if (s.n+1)*fullDen > s.homes*fullNum {
		t.remake(no, w)
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

// put finds a place for a claim, behind those of its key.
func (t *Table) put(s *shard, c Claim, hi, lo uint64, w int64) {
	same := 0
	i := s.home(hi)
	for ; i < len(s.slots) && !s.slots[i].empty() && s.slots[i].hi() <= hi; i++ {
		if !s.slots[i].is(hi, lo) {
			continue
		}
		if s.slots[i].isHot() {
			t.change(t.hot[c.Key], func(r *run) {
				if r.insert(c); len(r.claims) >= r.next {
					t.evicted += int64(r.drop(t.keep, w))
				}
			})
			return
		}
		same++
	}
	t.n++
	if same >= hotClaims {
		t.heat(s, c, hi, lo)
		return
	}
	t.open(s, i).set(slotClaim, hi, lo, c.At, c.Lag)
}

// home is where a slot of a print lies at the earliest. It rises with the print.
func (s *shard) home(hi uint64) int {
	h, _ := bits.Mul64(hi<<8, uint64(s.homes))
	return int(h)
}

// place is where a print belongs, behind equal ones.
func (s *shard) place(hi uint64) int {
	i := s.home(hi)
	for i < len(s.slots) && !s.slots[i].empty() && s.slots[i].hi() <= hi {
		i++
	}
	return i
}

// open makes room for a slot at i: those that lie there move up to the next hole.
func (t *Table) open(s *shard, i int) *slot {
	end := i
	for end < len(s.slots) && !s.slots[end].empty() {
		end++
	}
	if end == len(s.slots) {
		t.lengthen(s)
	}
	copy(s.slots[i+1:end+1], s.slots[i:end])
	s.n++
	return &s.slots[i]
}

// lengthen gives a shard more room behind its last home.
func (t *Table) lengthen(s *shard) {
	n := len(s.slots)
	more := make([]slot, n+n/64+behindHomes)
	copy(more, s.slots)
	s.slots = more
	t.grow(slotSize * int64(len(more)-n))
}

// remove empties a slot; those behind it move up as far as their homes let them.
func (s *shard) remove(i int) {
	end := i + 1
	for end < len(s.slots) && !s.slots[end].empty() && s.home(s.slots[end].hi()) < end {
		end++
	}
	copy(s.slots[i:], s.slots[i+1:end])
	s.slots[end-1] = slot{}
	s.n--
}

// remake makes a shard again, without what has ended at w, as large as is right for
// what it holds.
func (t *Table) remake(no int, w int64) {
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
	t.move(no, max(live*(newMul+no%newVary)/newDiv+1, leastHomes), w)
}

// move makes a shard again with so many homes, without what has ended at w.
func (t *Table) move(no, homes int, w int64) {
	s := &t.shards[no]
	old := s.slots
	*s = shard{slots: make([]slot, homes+homes/64+behindHomes), homes: homes}
	t.grow(slotSize * int64(len(s.slots)-len(old)))
	next := 0
	for i := range old {
		switch sl := &old[i]; {
		case sl.empty():
		case w >= t.first && t.ended(sl, w):
			t.n--
			t.evicted++
		default:
			next = max(next, s.home(sl.hi()))
			if next == len(s.slots) {
				t.lengthen(s)
			}
			s.slots[next] = *sl
			next++
			s.n++
		}
	}
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
	i := s.home(hi)
	for !s.slots[i].is(hi, lo) {
		i++
	}
	claims := []timed{{c.At, c.Lag}}
	for i < len(s.slots) && s.slots[i].is(hi, lo) && !s.slots[i].empty() {
		c := s.slots[i].claim()
		claims = append(claims, timed{c.At, c.Lag})
		s.remove(i)
	}
	t.open(s, s.place(hi)).set(slotHot, hi, lo, 0, 0)
	t.heated(c.Key, claims)
}

// heated makes claims in any order the run of a key.
func (t *Table) heated(k Print, claims []timed) {
	slices.SortFunc(claims, func(a, b timed) int { return cmp.Compare(a.at, b.at) })
	r := &run{claims: claims, next: 2 * len(claims)}
	if t.hot == nil {
		t.hot = map[Print]*run{}
	}
	t.hot[k] = r
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
			t.evicted++
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
	case s.homes > 4*leastHomes && s.n*emptyDen < s.homes*emptyNum:
		t.remake(no, w)
	}
}

// cool takes out of a hot key's claims what has ended at w; true if that was all.
func (t *Table) cool(no, i int, w int64) bool {
	s := &t.shards[no]
	k := s.slots[i].print(no)
	r := t.hot[k]
	t.debt -= len(r.claims) / sweepSlots
	t.change(r, func(r *run) { t.evicted += int64(r.drop(t.keep, w)) })
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

// Evicted counts the claims that were taken out because they had ended.
func (t *Table) Evicted() int64 { return t.evicted }

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
