package dedupe

import (
	"cmp"
	"math/bits"
	"slices"
)

// Loader fills an empty table at a start, several times as fast as Add and without a
// claim's wait for memory: claims are appended to their shards, and each shard is put
// in order by itself when all are there.
type Loader struct {
	t      *Table
	homes  int      // of a shard
	filled [256]int // by shard: claims appended; ordered: it takes more by Add
	order  []slot   // of the shard that is put in order, and so are
	ends   []int
}

const ordered = -1

// A table that was filled is about as full as one that grew is on average, so that a
// start does not take more of a budget than the process before it.
const loadMul, loadDiv = 15, 11

// Load begins to fill the table with about n claims; there may be fewer or more.
func (t *Table) Load(n int) *Loader {
	return &Loader{t: t, homes: max(n/len(t.shards)*loadMul/loadDiv, leastHomes)}
}

// Add takes a claim. The table is not to be used before Done.
func (l *Loader) Add(c Claim) {
	no, hi, lo := c.Key.parts()
	s := &l.t.shards[no]
	if s.homes == 0 {
		l.t.move(no, l.homes, never)
	}
	n := l.filled[no]
	if n != ordered && (n+1)*fullDen > s.homes*fullNum {
		l.arrange(no)
		n = ordered
	}
	if n == ordered {
		l.t.Add(c, never)
		return
	}
	s.slots[n].set(slotClaim, hi, lo, c.At, c.Lag)
	l.filled[no]++
	l.t.n++
	l.t.least = min(l.t.least, c.End(l.t.keep))
}

// never is a watermark at which no claim has ended.
const never = -1 << 63

// Done ends the filling.
func (l *Loader) Done() {
	for no := range l.filled {
		l.arrange(no)
	}
	l.t.first = min(l.t.first, l.t.least)
}

// arrange puts the claims of a shard where they belong.
func (l *Loader) arrange(no int) {
	t, s, n := l.t, &l.t.shards[no], l.filled[no]
	l.filled[no] = ordered
	if n <= 0 {
		return
	}
	claims := l.sorted(s.slots[:n])
	clear(s.slots[:n])
	next := 0
	for len(claims) > 0 {
		same := 1
		for same < len(claims) && claims[same].is(claims[0].hi(), claims[0].lo()) {
			same++
		}
		mine := claims[:same]
		claims = claims[same:]
		if same > hotClaims {
			times := make([]timed, same)
			for i := range mine {
				c := mine[i].claim()
				times[i] = timed{c.At, c.Lag}
			}
			t.heated(mine[0].print(no), times)
			mine[0].set(slotHot, mine[0].hi(), mine[0].lo(), 0, 0)
			mine = mine[:1]
		}
		for i := range mine {
			next = max(next, s.home(mine[i].hi()))
			if next == len(s.slots) {
				t.lengthen(s)
			}
			s.slots[next] = mine[i]
			next++
			s.n++
		}
	}
}

// sorted gives slots in the order of their prints: in buckets of about four, and the
// few of each.
func (l *Loader) sorted(raw []slot) []slot {
	buckets := uint64(len(raw)/4 + 1)
	bucket := func(s *slot) int {
		b, _ := bits.Mul64(s.hi()<<8, buckets)
		return int(b)
	}
	l.order = slices.Grow(l.order[:0], len(raw))[:len(raw)]
	l.ends = slices.Grow(l.ends[:0], int(buckets))[:buckets]
	clear(l.ends)
	for i := range raw {
		l.ends[bucket(&raw[i])]++
	}
	n := 0
	for b, count := range l.ends {
		l.ends[b] = n
		n += count
	}
	for i := range raw {
		end := &l.ends[bucket(&raw[i])]
		l.order[*end] = raw[i]
		*end++
	}
	begin := 0
	for _, end := range l.ends {
		slices.SortFunc(l.order[begin:end], func(a, b slot) int {
			return cmp.Or(cmp.Compare(a.hi(), b.hi()), cmp.Compare(a.lo(), b.lo()))
		})
		begin = end
	}
	return l.order
}
