package state

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/event"
)

// claimEvent is a record of the model: the stages it meets, one after the other,
// until it is a repeat for one; then it may fail.
type claimEvent struct {
	at     int64
	stages []claimStage
	fails  bool
}

type claimStage struct {
	state  int
	key    byte
	within int64
}

// claimWorld runs events over cells that crash, and holds every decision against
// the rule: the claims of all events before it, none forgotten but by the rule.
type claimWorld struct {
	t      *rapid.T
	specs  []Spec
	merge  int   // segments that become one
	delay  int64 // by how much the watermark is behind the greatest time
	events []claimEvent
	said   [][]bool // decisions of each event, once it has run

	store *Memory
	cells *Cells
	next  int     // event to run
	w     int64   // the watermark
	ends  []place // of the epochs in flight, oldest first
	done  place   // in the store
}

type place struct {
	epoch uint64
	next  int
	w     int64
}

func (c *claimWorld) start() {
	cells, err := Open(c.store, c.specs)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := range cells.states {
		cells.states[i].memory.merge = c.merge
	}
	c.cells, c.next, c.w, c.ends = cells, c.done.next, c.done.w, nil
	c.tell()
}

// whole says that the store holds every claim that may still count.
func (c *claimWorld) whole() {
	stored := map[string]bool{} // by state and claim
	err := c.store.Scan([]byte{'l'}, nil, func(key, val []byte) bool {
		claims, err := openSegment(key, val)
		if err != nil {
			c.t.Fatal(err)
		}
		for ; len(claims) > 0; claims = claims[claimSize:] {
			stored[string(key[1:5])+string(claims[:claimSize])] = true
		}
		return true
	})
	if err != nil {
		c.t.Fatal(err)
	}
	w := int64(event.NoMicros)
	for n, e := range c.events[:c.done.next] {
		if e.fails {
			continue
		}
		for i, passed := range c.said[n] {
			s := e.stages[i]
			cl := dedupe.Made(dedupe.PrintOf([]byte{s.key}), e.at, w)
			key := binary.BigEndian.AppendUint32(nil, c.specs[s.state].Number)
			if passed && cl.End(c.specs[s.state].Keep) > c.done.w && !stored[string(appendClaim(key, cl))] {
				c.t.Fatalf("the claim of event %d at %d is not in the store, with the watermark at %d", n, e.at, c.done.w)
			}
		}
		w = max(w, e.at-c.delay)
	}
}

func (c *claimWorld) tell() {
	for s := range c.specs {
		c.cells.SetWatermark(s, c.w, event.NoMicros)
	}
}

func (c *claimWorld) run() {
	e := &c.events[c.next]
	c.cells.Begin()
	var said []bool
	for _, s := range e.stages {
		first := c.cells.Claim(s.state, []byte{s.key}, e.at, s.within)
		said = append(said, first)
		if !first {
			break
		}
	}
	if e.fails {
		c.cells.Undo()
	} else {
		c.cells.Done()
	}
	if c.next < len(c.said) { // a replay
		if !slices.Equal(said, c.said[c.next]) {
			c.t.Fatalf("event %d: %v when it ran again, %v at first", c.next, said, c.said[c.next])
		}
	} else {
		c.judge(said)
		c.said = append(c.said, said)
	}
	if !e.fails {
		c.w = max(c.w, e.at-c.delay)
	}
	c.tell()
	c.next++
}

// judge compares the decisions of the event at hand with the rule.
func (c *claimWorld) judge(said []bool) {
	e := &c.events[c.next]
	for i, first := range said {
		s := e.stages[i]
		byRule, ever := true, true
		w := int64(event.NoMicros)
		claimed := func(b *claimEvent, j int, w int64) {
			p := b.stages[j]
			if p.state != s.state || p.key != s.key || !dedupe.Near(b.at, e.at, s.within) {
				return
			}
			ever = false
			if c.w < dedupe.Made(dedupe.Print{}, b.at, w).End(s.within) {
				byRule = false
			}
		}
		for n := range c.next {
			b := &c.events[n]
			if b.fails {
				continue
			}
			for j, passed := range c.said[n] {
				if passed {
					claimed(b, j, w)
				}
			}
			w = max(w, b.at-c.delay)
		}
		for j := range i { // of its own stages above
			p := e.stages[j]
			if p.state == s.state && p.key == s.key {
				byRule, ever = false, false
			}
		}
		if first != byRule {
			c.t.Fatalf("event %d at %d, stage %d: first is %v, the rule says %v", c.next, e.at, i, first, byRule)
		}
		if e.at > c.w-s.within && first != ever {
			c.t.Fatalf("event %d at %d, not %d behind the watermark %d, stage %d: first is %v, one that passed says %v", c.next, e.at, s.within, c.w, i, first, ever)
		}
	}
}

// persist stores the oldest n epochs; the process may end around it.
func (c *claimWorld) persist(n int, crash string) {
	upto := c.ends[n-1]
	ws := c.cells.Batch(upto.epoch)
	if crash == "before" {
		c.start()
		return
	}
	if again := c.cells.Batch(upto.epoch); fmt.Sprint(again) != fmt.Sprint(ws) {
		c.t.Fatalf("the batch of one epoch twice: %v, then %v", ws, again)
	}
	if err := c.store.Commit(ws); err != nil {
		c.t.Fatal(err)
	}
	c.done = upto
	c.whole()
	if crash == "behind" {
		c.start()
		return
	}
	c.cells.Persisted(upto.epoch)
	c.ends = c.ends[n:]
}

// TestClaimsOverCrashes says that what a dedupe memory decides is the rule, whatever
// was stored, merged and removed when the process ended, and that it decides the same
// when it runs again (I5, I13).
func TestClaimsOverCrashes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// The second memory is that of stages of several spans.
		c := &claimWorld{t: t, specs: []Spec{{Number: 3, Keep: 7000}, {Number: 9, Keep: 3000}}, store: NewMemory()}
		c.done = place{w: event.NoMicros}
		c.merge = rapid.IntRange(2, 5).Draw(t, "merge")
		c.delay = rapid.SampledFrom([]int64{0, 3000, 20_000}).Draw(t, "delay")
		spans := []int64{0, 100, 2000, 30_000} // small numbers alone would be drawn too often
		span := rapid.SampledFrom(spans).Draw(t, "span")
		keys := rapid.SampledFrom([]byte{0, 4, 30, 255}).Draw(t, "keys")
		now := int64(0)
		for range rapid.SampledFrom([]int{5, 50, 150}).Draw(t, "events") {
			now += rapid.SampledFrom([]int64{0, 1, 300, 1000}).Draw(t, "step")
			e := claimEvent{at: now - rapid.Int64Range(0, span).Draw(t, "late"), fails: rapid.IntRange(0, 9).Draw(t, "fails") == 0}
			for range rapid.IntRange(1, 3).Draw(t, "stages") {
				s := claimStage{state: rapid.IntRange(0, 1).Draw(t, "state"), key: rapid.ByteRange(0, keys).Draw(t, "key"), within: 7000}
				if s.state == 1 {
					s.within = rapid.SampledFrom([]int64{3000, 500, 1}).Draw(t, "within")
				}
				e.stages = append(e.stages, s)
			}
			c.events = append(c.events, e)
		}
		c.start()
		for c.next < len(c.events) {
			switch rapid.IntRange(0, 9).Draw(t, "act") {
			case 0, 1, 2, 3:
				c.run()
			case 4, 5, 6:
				c.ends = append(c.ends, place{c.cells.Seal(), c.next, c.w})
			case 9:
				if rapid.IntRange(0, 3).Draw(t, "crash") == 0 {
					c.start()
				}
			default:
				if n := len(c.ends); n > 0 {
					crash := rapid.SampledFrom([]string{"", "", "", "", "before", "behind"}).Draw(t, "ends")
					c.persist(rapid.IntRange(1, n).Draw(t, "epochs"), crash)
				}
			}
		}
	})
}

// claimer runs records that each claim a new key, an epoch and a transaction after
// the other.
type claimer struct {
	store Store
	cells *Cells
	i     int64
}

func newClaimer(t testing.TB, store Store, keep int64) *claimer {
	cells, err := Open(store, []Spec{{Number: 1, Keep: keep}})
	if err != nil {
		t.Fatal(err)
	}
	return &claimer{store: store, cells: cells}
}

// epoch runs n records, each a microsecond behind the last, and stores them.
func (c *claimer) epoch(t testing.TB, n int) (bytes int) {
	var key [8]byte
	for range n {
		c.cells.Begin()
		binary.BigEndian.PutUint64(key[:], uint64(c.i))
		if !c.cells.Claim(0, key[:], c.i, 1000) {
			t.Fatalf("key %d is a repeat", c.i)
		}
		c.cells.Done()
		c.cells.SetWatermark(0, c.i, event.NoMicros)
		c.i++
	}
	e := c.cells.Seal()
	ws := c.cells.Batch(e)
	for _, w := range ws {
		bytes += len(w.Key) + len(w.Val)
	}
	if err := c.store.Commit(ws); err != nil {
		t.Fatal(err)
	}
	c.cells.Persisted(e)
	return bytes
}

// TestSegmentsMerge says that few claims at a time leave few entries, that each is
// written a few times only, and that no transaction is large for it.
func TestSegmentsMerge(t *testing.T) {
	for _, each := range []int{1, 7, 100, 3000} {
		store := NewMemory()
		c := newClaimer(t, store, 1<<40)
		const claims = 60_000
		total, most := 0, 0
		for range claims / each {
			n := c.epoch(t, each)
			total, most = total+n, max(most, n)
		}
		segs := len(store.keys)
		if limit := claims/min(each, fullSegment) + 4*mergeCount; segs > limit {
			t.Errorf("%d claims at a time: %d segments of %d claims, more than %d", each, segs, claims, limit)
		}
		if limit := (maxSegment + each + 20*mergeCount) * claimSize; most > limit {
			t.Errorf("%d claims at a time: a transaction of %d bytes, more than %d", each, most, limit)
		}
		if times := float64(total) / (claims * claimSize); times > 6 {
			t.Errorf("%d claims at a time: each is written %.1f times", each, times)
		}
		again := newClaimer(t, store, 1<<40)
		if n := again.cells.states[0].memory.table.Len(); n != claims/each*each {
			t.Errorf("%d claims at a time: %d are there after a start, of %d", each, n, claims/each*each)
		}
		if got, want := again.cells.states[0].memory.stored, c.cells.states[0].memory.stored; !slices.Equal(got.segs, want.segs) || got.free != want.free {
			t.Errorf("%d claims at a time: a start finds other segments than were stored", each)
		}
	}
}

// TestMergeOfSome says that segments that do not fit into one stay as they are.
func TestMergeOfSome(t *testing.T) {
	store := NewMemory()
	c := newClaimer(t, store, 1<<40)
	for i := range 17 {
		c.epoch(t, fullSegment)
		if i < 5 {
			c.epoch(t, 100)
		}
	}
	m := c.cells.states[0].memory
	var sizes []int
	for _, seg := range m.segs {
		sizes = append(sizes, seg.n)
	}
	// Sixteen of 512 would make 8,192; those of 100 stand among the first.
	want := []int{8180, 512, 512}
	if !slices.Equal(sizes, want) {
		t.Errorf("segments of %v claims, want %v", sizes, want)
	}
	again := newClaimer(t, store, 1<<40).cells.states[0].memory
	if again.table.Len() != int(c.i) || !slices.Equal(again.segs, m.segs) {
		t.Errorf("%d claims of %d are there after a start", again.table.Len(), c.i)
	}
}

// TestSegmentsEnd says that what has ended leaves the store and the memory.
func TestSegmentsEnd(t *testing.T) {
	store := NewMemory()
	c := newClaimer(t, store, 1000)
	for range 3000 {
		c.epoch(t, 10)
	}
	if n := len(store.keys); n > 300 {
		t.Errorf("%d segments for 2,000 claims that count", n)
	}
	if n := c.cells.states[0].memory.table.Len(); n > 4000 {
		t.Errorf("%d claims in memory for 2,000 that count", n)
	}
	c.cells.SetWatermark(0, c.i+5000, event.NoMicros)
	c.epoch(t, 0)
	if n := len(store.keys); n != 0 {
		t.Errorf("%d segments when all claims have ended", n)
	}
}

// TestLargeTransaction says that many claims are cut into segments.
func TestLargeTransaction(t *testing.T) {
	store := NewMemory()
	c := newClaimer(t, store, 1<<40)
	c.epoch(t, 2*maxSegment+1)
	if len(store.keys) != 3 {
		t.Errorf("%d segments", len(store.keys))
	}
	for _, v := range store.cells {
		if len(v) > maxSegment*claimSize+sumSize {
			t.Errorf("a segment of %d bytes", len(v))
		}
	}
	if n := newClaimer(t, store, 1<<40).cells.states[0].memory.table.Len(); n != 2*maxSegment+1 {
		t.Errorf("%d claims after a start", n)
	}
}

func TestDamagedSegments(t *testing.T) {
	damage := map[string]func(key, val []byte) Write{
		"a claim too few": func(k, v []byte) Write { return Write{Key: k, Val: v[claimSize:]} },
		"cut":             func(k, v []byte) Write { return Write{Key: k, Val: v[:len(v)-1]} },
		"empty":           func(k, _ []byte) Write { return Write{Key: k} },
		"another bit":     func(k, v []byte) Write { v[20] ^= 4; return Write{Key: k, Val: v} },
		"another number":  func(k, v []byte) Write { return Write{Key: segmentKey(1, 77), Val: v} },
		"a longer key":    func(k, v []byte) Write { return Write{Key: append(k, 0), Val: v} },
	}
	for name, do := range damage {
		t.Run(name, func(t *testing.T) {
			store := NewMemory()
			newClaimer(t, store, 1000).epoch(t, 3)
			var w Write
			store.Scan([]byte{'l'}, nil, func(key, val []byte) bool {
				w = do(slices.Clone(key), slices.Clone(val))
				return false
			})
			if err := store.Commit([]Write{w}); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(store, []Spec{{Number: 1, Keep: 1000}}); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened: %v", err)
			}
		})
	}
	t.Run("while it runs", func(t *testing.T) {
		store := NewMemory()
		c := newClaimer(t, store, 1<<40)
		c.epoch(t, 1)
		store.Commit([]Write{{Key: segmentKey(1, 0), Delete: true}})
		for range mergeCount {
			c.epoch(t, 1)
		}
		if !errors.Is(c.cells.Err(), ErrDamaged) {
			t.Errorf("a segment that is to be merged is gone: %v", c.cells.Err())
		}
	})
}

// TestOverBudget says that a group stops before a record when the claims of all are
// too many, and goes on when what has ended leaves room.
func TestOverBudget(t *testing.T) {
	b := dedupe.NewBudget(400_000)
	c, other := newClaimer(t, NewMemory(), 1<<20), newClaimer(t, NewMemory(), 1<<40)
	c.cells.Charge(b)
	other.cells.Charge(b)
	none, err := Open(NewMemory(), []Spec{{Number: 1}})
	if err != nil {
		t.Fatal(err)
	}
	none.Charge(b)
	for !c.cells.OverBudget() {
		c.epoch(t, 100)
		other.epoch(t, 50)
	}
	if n := b.Held(); n > b.Limit()*5/4 {
		t.Errorf("%d bytes are held when it stops, of %d", n, b.Limit())
	}
	if !c.cells.OverBudget() || !other.cells.OverBudget() || none.OverBudget() {
		t.Error("it goes on with nothing freed, or a group without a memory has stopped")
	}
	c.cells.SetWatermark(0, c.i+3<<20, event.NoMicros)
	if c.cells.OverBudget() || other.cells.OverBudget() {
		t.Errorf("over with %d of %d bytes", b.Held(), b.Limit())
	}
	other.cells.Release()
	c.cells.Release()
	if b.Held() != 0 || c.cells.OverBudget() {
		t.Errorf("%d bytes are held by groups that are gone", b.Held())
	}
}

// BenchmarkClaims is a record that claims a new key, through epochs of 2,000, their
// transactions included.
func BenchmarkClaims(b *testing.B) {
	for _, s := range []string{"memory", "badger"} {
		b.Run(s, func(b *testing.B) {
			var store Store = NewMemory()
			if s == "badger" {
				db := openBadger(b, b.TempDir())
				defer db.Close()
				store = db
			}
			c := newClaimer(b, store, 1<<40)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if n++; n%2000 == 0 {
					c.epoch(b, 2000)
				}
			}
			c.epoch(b, n%2000)
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "keys/s")
		})
	}
}

// BenchmarkStart is a start with 20 million claims on disk: the store is verified and
// opened, and they are read.
func BenchmarkStart(b *testing.B) {
	if testing.Short() {
		b.Skip("a gigabyte")
	}
	const claims = 20_000_000
	dir := b.TempDir()
	store := openBadger(b, dir)
	c := newClaimer(b, store, 1<<40)
	for c.i < claims {
		c.epoch(b, 2000)
	}
	c = nil
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		start := time.Now()
		store := openBadger(b, dir)
		opened := time.Since(start)
		again := newClaimer(b, store, 1<<40)
		if n := again.cells.states[0].memory.table.Len(); n != claims {
			b.Fatalf("%d claims", n)
		}
		b.ReportMetric(opened.Seconds(), "s/open")
		b.ReportMetric((time.Since(start) - opened).Seconds(), "s/claims")
		b.ReportMetric(float64(again.cells.Memory())/claims, "B/claim")
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
