package dedupe

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// naive is the rule of the package comment, word by word: every claim that was ever
// made, and nothing forgotten.
type naive []Claim

func (l naive) seen(k Print, at, within, w int64) bool {
	for _, c := range l {
		if c.Key == k && Near(c.At, at, within) && w < c.End(within) {
			return true
		}
	}
	return false
}

// check holds a table to what it promises about itself, with the watermark at w.
func check(t interface{ Fatalf(string, ...any) }, tab *Table, all naive, w int64) {
	var got []Claim
	bytes := New(1).bytes
	for no := range tab.shards {
		s := &tab.shards[no]
		used := 0
		for i := range s.slots {
			sl := &s.slots[i]
			if sl.empty() {
				continue
			}
			used++
			k := sl.print(no)
			if home := s.home(sl.hi()); home > i || home < i && s.slots[i-1].empty() {
				t.Fatalf("shard %d: slot %d has the home %d", no, i, home)
			}
			if i > 0 && s.slots[i-1].hi() > sl.hi() {
				t.Fatalf("shard %d: slot %d is out of order", no, i)
			}
			if !sl.isHot() {
				c := sl.claim()
				c.Key = k
				got = append(got, c)
				continue
			}
			r := tab.hot[k]
			if !slices.IsSortedFunc(r.claims, func(a, b timed) int { return int(min(max(a.at-b.at, -1), 1)) }) {
				t.Fatalf("a hot key out of order: %v", r.claims)
			}
			for _, c := range r.claims {
				got = append(got, Claim{k, c.at, c.lag})
			}
			bytes += r.bytes() + runSize
		}
		if used != s.n {
			t.Fatalf("shard %d: %d slots in use, counted %d", no, used, s.n)
		}
		if s.n*fullDen > s.homes*fullNum {
			t.Fatalf("shard %d: %d of %d homes in use", no, s.n, s.homes)
		}
		bytes += int64(len(s.slots)) * slotSize
	}
	if len(got) != tab.Len() {
		t.Fatalf("%d claims lie there, Len is %d", len(got), tab.Len())
	}
	if bytes != tab.Bytes() {
		t.Fatalf("%d bytes are held, Bytes is %d", bytes, tab.Bytes())
	}
	left := map[Claim]int{}
	for _, c := range got {
		left[c]++
	}
	for _, c := range all {
		if c.End(tab.keep) > w {
			if left[c]--; left[c] < 0 {
				t.Fatalf("the claim %v, which ends at %d, is forgotten at %d", c, c.End(tab.keep), w)
			}
		}
	}
}

// TestRule compares a table with the rule over any order of records, keys that
// collide and watermarks that stand still, and spans of several stages.
func TestRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.Int64Range(1, 3000).Draw(t, "keep")
		keys := rapid.IntRange(1, 40).Draw(t, "keys")
		spread := rapid.Int64Range(1, 20000).Draw(t, "spread")
		tab := New(keep)
		budget := NewBudget(1)
		tab.Charge(budget)
		var all naive
		w := int64(math.MinInt64)
		steps := rapid.IntRange(1, 400).Draw(t, "steps")
		for i := range steps {
			switch op := rapid.IntRange(0, 19).Draw(t, "op"); {
			case op == 0:
				w = max(w, rapid.Int64Range(0, spread).Draw(t, "w"))
			case op == 1:
				tab.Shrink(w)
				live := 0
				for _, c := range all {
					if c.End(keep) > w {
						live++
					}
				}
				if tab.Len() != live {
					t.Fatalf("%d claims after Shrink, %d have not ended", tab.Len(), live)
				}
			default:
				k := few(rapid.IntRange(0, keys-1).Draw(t, "key"))
				at := rapid.Int64Range(0, spread).Draw(t, "at")
				within := rapid.Int64Range(1, keep).Draw(t, "within")
				got, want := tab.Seen(k, at, within, w), all.seen(k, at, within, w)
				if got != want {
					t.Fatalf("step %d: key %x at %d within %d, watermark %d: repeat %v, the rule says %v", i, k, at, within, w, got, want)
				}
				if !got || op > 15 { // an Add without a Seen is what loading does
					c := Made(k, at, w)
					all = append(all, c)
					tab.Add(c, w)
				}
			}
		}
		check(t, tab, all, w)
		if got := int64(tab.Len()) + tab.Evicted(); got != int64(len(all)) {
			t.Fatalf("%d claims lie there or were evicted, %d were made", got, len(all))
		}
		if budget.Held() != tab.Bytes() {
			t.Fatalf("the budget counts %d bytes, the table holds %d", budget.Held(), tab.Bytes())
		}
		tab.Release()
		if budget.Held() != 0 {
			t.Fatalf("the budget counts %d bytes of a table that is gone", budget.Held())
		}
	})
}

// few gives prints that meet: most in one shard, many with one home, others beside
// them, some that are nearly zero, which is what an empty slot is.
func few(i int) (k Print) {
	switch i % 4 {
	case 0:
		k[15] = byte(i / 4)
	case 1:
		k[1], k[15] = 0xff, byte(i)
	case 2:
		k[1], k[15] = byte(i*29), byte(i)
	default:
		binary.BigEndian.PutUint64(k[:], uint64(i)*0x9e3779b97f4a7c15)
	}
	return k
}

func FuzzRule(f *testing.F) {
	f.Add([]byte{3, 1, 1, 9, 1, 200, 0, 7, 1, 1, 30})
	f.Fuzz(func(t *testing.T, script []byte) {
		const keep = 100
		tab, all, w := New(keep), naive(nil), int64(math.MinInt64)
		for len(script) >= 3 {
			k, at, what := few(int(script[0]%16)), int64(script[1])*7, script[2]
			script = script[3:]
			if what < 16 {
				w = max(w, at)
				continue
			}
			within := 1 + int64(what)%keep
			got, want := tab.Seen(k, at, within, w), all.seen(k, at, within, w)
			if got != want {
				t.Fatalf("key %x at %d within %d, watermark %d: repeat %v, the rule says %v", k, at, within, w, got, want)
			}
			if !got {
				c := Made(k, at, w)
				all = append(all, c)
				tab.Add(c, w)
			}
		}
		check(t, tab, all, w)
	})
}

// TestHotKey says that a key may have any number of claims, and costs no more for
// it: a watermark that stands still keeps all of them.
func TestHotKey(t *testing.T) {
	const n = 200_000
	tab := New(10)
	k, other := few(0), few(4)
	var all naive
	for i := range int64(n) {
		if tab.Seen(k, i*10, 10, 0) {
			t.Fatalf("claim %d is a repeat", i)
		}
		c := Made(k, i*10, 0)
		tab.Add(c, 0)
		if i%1000 == 0 {
			all = append(all, c)
		}
	}
	tab.Add(Made(other, 5, 0), 0)
	if tab.Len() != n+1 || !tab.Seen(k, n/2*10+9, 10, 0) || !tab.Seen(other, 5, 1, 0) {
		t.Fatalf("%d claims", tab.Len())
	}
	check(t, tab, all, 0)
	tab.Shrink(n*10 - 10)
	if got := tab.Len(); got != 2 { // the last two: at + 2 × within
		t.Errorf("%d claims when the watermark has passed all but two", got)
	}
	tab.Shrink(n * 20)
	if tab.Len() != 0 || len(tab.hot) != 0 {
		t.Errorf("%d claims and %d hot keys when all have ended", tab.Len(), len(tab.hot))
	}
	check(t, tab, nil, n*20)
}

// TestSteady says that a table whose claims end as others come stays as large as
// what lives, whatever passes through it.
func TestSteady(t *testing.T) {
	const keep, live = 50_000, 100_000 // a claim lives for 2 × keep
	tab := New(keep)
	most := int64(0)
	for i := range int64(12 * live) {
		tab.Add(Made(PrintOf(binary.BigEndian.AppendUint64(nil, uint64(i))), i, i), i)
		if i > 3*live {
			most = max(most, tab.Bytes())
		}
	}
	if per := float64(most) / live; per > 60 {
		t.Errorf("%.1f bytes for each claim that lives", per)
	}
	if tab.Len() > live*5/4 {
		t.Errorf("%d claims lie there, %d live", tab.Len(), live)
	}
}

func TestBudget(t *testing.T) {
	b := NewBudget(1_000_000)
	tab := New(10)
	tab.Charge(b)
	i := int64(0)
	add := func() {
		tab.Add(Made(PrintOf(binary.BigEndian.AppendUint64(nil, uint64(i))), i, 0), 0)
		i++
	}
	for !b.Over(false) {
		add()
	}
	if per := float64(b.Held()) / float64(i); per > 50 {
		t.Errorf("over at %d claims, %.1f bytes each", i, per)
	}
	if !b.Over(true) {
		t.Error("one that stopped goes on while the budget is full")
	}
	tab.Shrink(2 * i)
	if b.Over(true) || b.Over(false) {
		t.Errorf("over with %d of %d bytes", b.Held(), b.Limit())
	}
	if NewBudget(0).Limit() != DefaultBudget {
		t.Error("no budget declared")
	}
}

// TestLoad says that a table that was filled at once is one that was added to.
func TestLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab, all := New(100), naive(nil)
		tab.Charge(NewBudget(1))
		l := tab.Load(rapid.SampledFrom([]int{0, 100, 20_000}).Draw(t, "expected"))
		keys := rapid.SampledFrom([]int{1, 5, 30, 250}).Draw(t, "keys")
		for range rapid.SampledFrom([]int{0, 10, 100, 400}).Draw(t, "claims") {
			c := Made(few(rapid.IntRange(0, keys).Draw(t, "key")), rapid.Int64Range(0, 99).Draw(t, "at"), 0)
			l.Add(c)
			all = append(all, c)
		}
		l.Done()
		check(t, tab, all, never)
		for range 20 {
			k, at := few(rapid.IntRange(0, keys).Draw(t, "key")), rapid.Int64Range(0, 300).Draw(t, "at")
			if got, want := tab.Seen(k, at, 100, 0), all.seen(k, at, 100, 0); got != want {
				t.Fatalf("key %x at %d: repeat %v, the rule says %v", k, at, got, want)
			}
		}
		if tab.Len() != len(all) {
			t.Fatalf("%d claims of %d", tab.Len(), len(all))
		}
		tab.Shrink(300)
		check(t, tab, nil, 300)
		if tab.Len() != 0 {
			t.Fatalf("%d claims when all have ended", tab.Len())
		}
	})
	tab := New(1 << 40)
	const n = 100_001
	l := tab.Load(n)
	for i := range uint64(n) {
		l.Add(Made(spread(i), int64(i), 0))
	}
	l.Done()
	check(t, tab, nil, 0)
	for i := range uint64(n) {
		if !tab.Seen(spread(i), int64(i), 1, 0) || tab.Seen(spread(i+n), int64(i), 1, 0) {
			t.Fatalf("claim %d is not there, or one that was not made", i)
		}
	}
	if per := float64(tab.Bytes()) / n; per > 42 {
		t.Errorf("%.1f bytes a claim", per)
	}
}

const day int64 = 24 * 3600e6 // in microseconds

func TestMade(t *testing.T) {
	for _, c := range []struct {
		at, w, within, end int64
	}{
		{100, math.MinInt64, 10, 120},
		{100, 100, 10, 120},
		{100, 101, 10, 1120}, // the lag is whole milliseconds, rounded up
		{100, 5100, 10, 5120},
		{0, 24 * day, 10, 24*day + 20},
		{7, 60 * day, 10, 60*day + 7 + 20}, // and whole hours from 24.8 days on
		{0, 60*day + 1, 10, 60*day + 3600e6 + 20},
		{math.MaxInt64 - 5, 0, 10, math.MaxInt64},
	} {
		if got := Made(Print{}, c.at, c.w).End(c.within); got != c.end {
			t.Errorf("a claim at %d with the watermark at %d, within %d, ends at %d, not %d", c.at, c.w, c.within, got, c.end)
		}
	}
}

// A claim counts until the watermark has passed max(t, w) + 2 × within, whatever times
// they are, and an hour longer at most.
func TestMadeOfAnyTimes(t *testing.T) {
	const from, to = -62135596800e6, 253402300799e6 // years 1 to 9999
	rapid.Check(t, func(t *rapid.T) {
		at, w := rapid.Int64Range(from, to).Draw(t, "at"), rapid.Int64Range(from, to).Draw(t, "watermark")
		within := rapid.Int64Range(1, 400*day).Draw(t, "within")
		least := max(at, w) + 2*within
		if end := Made(Print{}, at, w).End(within); end < least || end > least+3600e6 {
			t.Fatalf("it ends at %d, and is to count until %d", end, least)
		}
	})
}

func BenchmarkTable(b *testing.B) {
	for _, n := range []int{1 << 20, 20_000_000} {
		b.Run(fmt.Sprintf("claim=%d", n), func(b *testing.B) {
			if testing.Short() && n > 1<<20 {
				b.Skip("a gigabyte")
			}
			var tab *Table
			for b.Loop() {
				tab = fill(n)
			}
			b.ReportMetric(float64(tab.Bytes())/float64(n), "B/claim")
			rate(b, b.N*n)
		})
	}
	for _, n := range []int{1 << 20, 20_000_000} {
		if testing.Short() && n > 1<<20 {
			continue
		}
		tab := fill(n)
		b.Run(fmt.Sprintf("seen=%d", n), func(b *testing.B) {
			i := uint64(0)
			for b.Loop() {
				i = (i + 7919) % uint64(n)
				if !tab.Seen(spread(i), int64(i), 1<<40, 0) {
					b.Fatal("not seen")
				}
			}
			rate(b, b.N)
		})
		b.Run(fmt.Sprintf("new=%d", n), func(b *testing.B) {
			i := uint64(1 << 40)
			for b.Loop() {
				i++
				if tab.Seen(spread(i), int64(i), 1<<40, 0) {
					b.Fatal("seen")
				}
			}
			rate(b, b.N)
		})
	}
	b.Run("load=20000000", func(b *testing.B) {
		if testing.Short() {
			b.Skip("a gigabyte")
		}
		for b.Loop() {
			l := New(1 << 40).Load(20_000_000)
			for i := range uint64(20_000_000) {
				l.Add(Made(spread(i), int64(i), 0))
			}
			l.Done()
		}
		rate(b, b.N*20_000_000)
	})
	b.Run("steady", func(b *testing.B) {
		const keep = 1 << 19
		tab := New(keep)
		i := int64(0)
		for b.Loop() {
			i++
			tab.Seen(spread(uint64(i)), i, keep, i)
			tab.Add(Made(spread(uint64(i)), i, i), i)
		}
		b.ReportMetric(float64(tab.Bytes())/min(float64(2*keep), float64(i)), "B/claim")
		rate(b, b.N)
	})
}

func rate(b *testing.B, n int) { b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s") }

func fill(n int) *Table {
	tab := New(1 << 40)
	for i := range uint64(n) {
		k := spread(i)
		if !tab.Seen(k, int64(i), 1<<40, 0) {
			tab.Add(Made(k, int64(i), 0), 0)
		}
	}
	return tab
}

// spread is a print as a hash would give it, for nothing.
func spread(i uint64) (k Print) {
	x := i * 0x9e3779b97f4a7c15
	x ^= x >> 29
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 32
	binary.BigEndian.PutUint64(k[:8], x)
	binary.BigEndian.PutUint64(k[8:], i)
	return k
}
