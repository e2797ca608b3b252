package state

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/dedupe"
)

// holdsAll holds an index to what it should hold, and to what it promises about itself.
func holdsAll(t interface{ Fatalf(string, ...any) }, x *index, want map[string]string) {
	n, held := 0, newIndex().bytes
	for no := range x.shards {
		s := &x.shards[no]
		used, waste := 0, 0
		live := map[int]int{}
		last := uint32(0)
		for i, sl := range s.slots {
			if sl == 0 {
				continue
			}
			n++
			if home := s.home(sl.tag()); home > i || home < i && s.slots[i-1] == 0 || sl.tag() < last {
				t.Fatalf("shard %d: slot %d has the home %d and the tag %x behind %x", no, i, home, sl.tag(), last)
			}
			last = sl.tag()
			key, val, size := s.cell(sl.place())
			if w, ok := want[string(key)]; !ok || w != string(val) {
				t.Fatalf("%q is %q, and should be %q (%v)", key, val, w, ok)
			}
			if got, ok := x.get(key); !ok || !bytes.Equal(got, val) {
				t.Fatalf("%q is not found", key)
			}
			live[int(sl.place()>>chunkBits)] += size
		}
		if s.n*fullDen > s.homes*fullNum && s.n > 0 || s.homes > 4*leastHomes && s.n*emptyDen < s.homes*emptyNum {
			t.Fatalf("shard %d: %d of %d homes in use", no, s.n, s.homes)
		}
		for i, c := range s.chunks {
			if c.waste != len(c.b)-live[i] {
				t.Fatalf("shard %d: chunk %d has %d bytes of waste, and counts %d", no, i, len(c.b)-live[i], c.waste)
			}
			used, waste, held = used+len(c.b), waste+c.waste, held+int64(cap(c.b))
		}
		if free := len(s.free); free != freeIn(s.chunks) {
			t.Fatalf("shard %d: %d chunks are to be used again, and %d are free", no, free, freeIn(s.chunks))
		}
		if used != s.used || waste != s.waste {
			t.Fatalf("shard %d: %d bytes, %d of waste; it counts %d and %d", no, used, waste, s.used, s.waste)
		}
		if waste >= leastChunk && waste*wasteDen > used*wasteNum+chunkBytes*wasteDen {
			t.Fatalf("shard %d: %d of %d bytes are waste", no, waste, used)
		}
		held += int64(len(s.slots))*indexSlot + int64(cap(s.chunks))*chunkSize
	}
	if n != len(want) || x.n != n {
		t.Fatalf("%d cells, counted %d, and there should be %d", n, x.n, len(want))
	}
	if held != x.bytes {
		t.Fatalf("%d bytes are held, and %d counted", held, x.bytes)
	}
}

func freeIn(chunks []chunk) (n int) {
	for i := range chunks {
		if chunks[i].b == nil {
			n++
		}
	}
	return n
}

// TestIndex compares an index with a map: keys whose hashes meet, values of all sizes,
// many changes of few cells and few of many. What it has given stays as it was.
func TestIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, want := newIndex(), map[string]string{}
		x.mask = rapid.SampledFrom([]uint64{1<<64 - 1, 0x03000000_ff000000, 0x01c00000_03000000, 0}).Draw(t, "mask")
		b := dedupe.NewBudget(1)
		x.charge(b)
		keys := rapid.SampledFrom([]int{1, 3, 30, 3000}).Draw(t, "keys")
		size := rapid.SampledFrom([]int{0, 8, 200, 5000, 50_000}).Draw(t, "size")
		if x.mask == 0 {
			keys = min(keys, 30) // all in one heap
		}
		type given struct{ is, was []byte }
		var kept []given
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range min(rapid.SampledFrom([]int{0, 10, 300, 10_000}).Draw(t, "changes"), 20_000_000/(size+1)) {
			key := fmt.Append(nil, "key", r.IntN(keys))
			switch r.IntN(8) {
			case 0:
				x.remove(key)
				delete(want, string(key))
			case 1:
				val, ok := x.get(key)
				if w, wok := want[string(key)]; ok != wok || w != string(val) {
					t.Fatalf("%q is %q %v, and should be %q %v", key, val, ok, w, wok)
				}
				if len(kept) < 50 {
					kept = append(kept, given{val, bytes.Clone(val)})
				}
			default:
				val := bytes.Repeat([]byte{byte(r.IntN(256))}, r.IntN(size+1))
				x.put(key, val)
				want[string(key)] = string(val)
			}
		}
		holdsAll(t, x, want)
		if b.All() != x.bytes || b.Held() != 0 {
			t.Fatalf("the budget counts %d bytes and %d within its limit, the index holds %d", b.All(), b.Held(), x.bytes)
		}
		for _, g := range kept {
			if !bytes.Equal(g.is, g.was) {
				t.Fatal("a value that was given is another now")
			}
		}
		for key := range want {
			x.remove([]byte(key))
		}
		holdsAll(t, x, nil)
		if x.charge(nil); b.All() != 0 {
			t.Fatalf("the budget counts %d bytes of an index that is gone", b.All())
		}
	})
}

// TestIndexIsCompact says what a cell costs beside its bytes: as it is filled, and when
// all of it has been written again many times.
func TestIndexIsCompact(t *testing.T) {
	const cells = 400_000
	x := newIndex()
	raw, key, val := 0, make([]byte, 22), make([]byte, 150)
	fill := func(round int, every func(i int) bool) {
		raw = 0
		for i := range cells {
			n := 8
			if i%5 == 0 {
				n = 150 - i%7
			}
			key, val = personKey(key, i), val[:n]
			val[0] = byte(round)
			raw += len(key) + n
			if every(i) {
				x.put(key, val)
			}
		}
	}
	fill(0, func(int) bool { return true })
	if per := float64(x.bytes-int64(raw)) / cells; per > 20 {
		t.Errorf("%.1f bytes beside each cell", per)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for round, every := range []func(int) bool{
		func(int) bool { return true },
		func(int) bool { return r.IntN(3) == 0 }, func(i int) bool { return i%7 < 3 }, func(int) bool { return r.IntN(20) == 0 }, func(int) bool { return r.IntN(2) == 0 },
	} {
		fill(round+1, every)
		if most := int64(raw)*4/3 + 20*cells + 256*chunkBytes; x.bytes > most {
			t.Errorf("round %d: %d bytes when cells were written again, of %d that live, at most %d", round, x.bytes, raw, most)
		}
	}
	allocs := testing.AllocsPerRun(100, func() {
		if _, ok := x.get(key); !ok {
			t.Error("a cell is gone")
		}
		if _, ok := x.get(key[1:]); ok {
			t.Error("a cell that was never written")
		}
	})
	if allocs > 0 {
		t.Errorf("reads allocate %.1f times", allocs)
	}
	for i := range cells {
		if i%10 != 1 {
			x.remove(personKey(key, i))
		}
	}
	if most := int64(cells/10*(22+8)*4/3 + 20*cells/10 + 256*chunkBytes); x.bytes > most {
		t.Errorf("%d bytes when nine of ten were removed, at most %d", x.bytes, most)
	}
	small := newIndex()
	for i := range 100 {
		small.put(personKey(key, i), val)
	}
	if small.bytes > 256<<10 {
		t.Errorf("an index of a hundred cells takes %d bytes", small.bytes)
	}
}

// personKey is a key as people have them: 22 bytes.
func personKey(dst []byte, i int) []byte { return fmt.Appendf(dst[:0], "n\x01%020d", i) }

func BenchmarkIndex(b *testing.B) {
	for _, n := range []int{10_000, 3_000_000} {
		x, val := newIndex(), make([]byte, 40)
		keys := make([][]byte, 1<<14) // made before, from all over
		for i := range n {
			x.put(personKey(make([]byte, 0, 32), i), val)
		}
		for i := range keys {
			keys[i] = personKey(nil, i*7919%n)
		}
		b.Run(fmt.Sprint("hit=", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := x.get(keys[i%len(keys)]); !ok {
					b.Fatal("a cell is gone")
				}
			}
		})
		for i := range keys {
			keys[i][0] = 'x'
		}
		b.Run(fmt.Sprint("miss=", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, ok := x.get(keys[i%len(keys)]); ok {
					b.Fatal("a cell that was never written")
				}
			}
		})
		b.Run(fmt.Sprint("again=", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				val[0]++
				x.put(keys[i%len(keys)], val)
			}
		})
	}
}

// cutShort is a store whose scans end with an error.
type cutShort struct{ Store }

func (s cutShort) Scan(prefix, from []byte, visit func(key, val []byte) bool) error {
	if err := s.Store.Scan(prefix, from, visit); err != nil {
		return err
	}
	return errors.New("the disk is gone")
}

// TestResidentStatesAreAccountedFor: what they hold counts in the budget beside its
// limit, from the load on and until the group is let go of, and is told as a state's.
func TestResidentStatesAreAccountedFor(t *testing.T) {
	m := NewMemory()
	var ws []Write
	for i := range 10_000 {
		ws = append(ws, Write{Key: append(stateKey('c', 7), personKey(nil, i)...), Val: make([]byte, 100)})
	}
	ws = append(ws, Write{Key: append(stateKey('c', 8), 'k'), Val: []byte("of another state")})
	if err := m.Commit(ws); err != nil {
		t.Fatal(err)
	}
	b := dedupe.NewBudget(1000) // less than is needed
	specs := []Spec{{Number: 7, Resident: true}, {Number: 9}}
	c, err := OpenIn(b, m, specs)
	if err != nil {
		t.Fatal(err)
	}
	n := c.Counts(0)
	if !n.Memory || n.Keys != 10_000 || n.Bytes < 10_000*122 || n.Bytes > 10_000*(122+20)+1<<20 {
		t.Errorf("counted %+v", n)
	}
	if c.Counts(1).Memory {
		t.Error("a table is said to live in memory")
	}
	if b.All() != n.Bytes || c.Memory() != n.Bytes {
		t.Errorf("the budget counts %d bytes, the cells %d, the state %d", b.All(), c.Memory(), n.Bytes)
	}
	if b.Held() != 0 || c.OverBudget() {
		t.Errorf("%d bytes count within the limit of deduplication", b.Held())
	}
	if _, ok := c.Get(0, personKey(nil, 3)); !ok {
		t.Error("a cell is not found")
	}
	if _, ok := c.Get(0, []byte("k")); ok {
		t.Error("a cell of another state is found")
	}
	if got := c.Counts(0); got.Reads != 2 || got.Hits != 1 {
		t.Errorf("%d reads, %d hits", got.Reads, got.Hits)
	}
	c.Begin()
	for i := range 10_000 {
		c.Delete(0, personKey(nil, i))
	}
	c.Done()
	upto := c.Seal()
	if err := m.Commit(c.Batch(upto)); err != nil {
		t.Fatal(err)
	}
	c.Persisted(upto)
	if got := c.Counts(0); got.Keys != 0 || got.Bytes > n.Bytes/10 || b.All() != got.Bytes {
		t.Errorf("%d cells in %d bytes when all were deleted; the budget counts %d", got.Keys, got.Bytes, b.All())
	}
	if c.Release(); b.All() != 0 {
		t.Errorf("%d bytes are counted of a group that is gone", b.All())
	}
	if err := m.Commit(ws); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIn(b, cutShort{m}, specs); err == nil || b.All() != 0 {
		t.Errorf("a load that failed: %v, %d bytes counted", err, b.All())
	}
}
