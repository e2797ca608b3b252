package state

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/event"
)

// model is what Cells are to be, without a thought for speed: a map, copied at each
// record and each epoch.
type model struct {
	now     picture
	record  picture   // as it was when the record began
	sealed  []picture // not persisted, oldest first
	durable picture
}

type picture struct {
	cells  map[string]string // "state/key"
	timers map[string]int64  // "state/due/key"
	claims []dedupe.Claim
	w      int64
}

func (p picture) copy() picture {
	return picture{maps.Clone(p.cells), maps.Clone(p.timers), slices.Clone(p.claims), p.w}
}

func (p picture) due(s int, w int64) (int64, string, bool) {
	best, due, any := "", int64(0), false
	for k, d := range p.timers {
		st, rest, _ := strings.Cut(k, "/")
		_, key, _ := strings.Cut(rest, "/")
		if st == fmt.Sprint(s) && d <= w && (!any || d < due || d == due && key < best) {
			best, due, any = key, d, true
		}
	}
	return due, best, any
}

func (p picture) seen(k dedupe.Print, at, within int64) bool {
	for _, c := range p.claims {
		if c.Key == k && dedupe.Near(c.At, at, within) && p.w < c.End(within) {
			return true
		}
	}
	return false
}

// stored is a picture as a store has it. Claims lie in segments, which may hold some
// that have ended, and are compared apart.
func (p picture) stored(numbers []uint32) map[string]string {
	out := map[string]string{}
	for k, v := range p.cells {
		s, key, _ := strings.Cut(k, "/")
		i, _ := strconv.Atoi(s)
		out[string(append(stateKey('c', numbers[i]), key...))] = v
	}
	for k, d := range p.timers {
		s, rest, _ := strings.Cut(k, "/")
		_, key, _ := strings.Cut(rest, "/")
		i, _ := strconv.Atoi(s)
		out[string(timerKey(numbers[i], d, []byte(key)))] = ""
	}
	return out
}

// TestCellsAreTheModel: records that write, fail and claim, timers that are told,
// epochs that end and are persisted in any portions, and ends of the process at any
// moment: what is read, told and stored is what the model says, byte for byte.
func TestCellsAreTheModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { history(t, func() Store { return NewMemory() }, func(s Store) Store { return s }) })
}

// TestCellsOnBadger is the same on a store on disk, which is opened again where the
// process ends.
func TestCellsOnBadger(t *testing.T) {
	dirs := t.TempDir()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		if n++; n > 12 {
			return
		}
		dir := fmt.Sprint(dirs, "/", n)
		last := openBadger(t, dir)
		history(r, func() Store { return last }, func(s Store) Store {
			if err := s.Close(); err != nil {
				r.Fatal(err)
			}
			last = openBadger(t, dir)
			return last
		})
		if err := last.Close(); err != nil {
			r.Fatal(err)
		}
	})
}

const (
	modelTables = 2 // the states 0 and 1, of which 1 is resident; the last is a dedupe memory
	modelWithin = 50
)

func history(t *rapid.T, first func() Store, again func(Store) Store) {
	specs := []Spec{{Number: 7}, {Number: 3, Resident: true}, {Number: 5, Keep: modelWithin}}
	numbers := []uint32{7, 3, 5}
	store := first()
	c, err := Open(store, specs)
	if err != nil {
		t.Fatal(err)
	}
	empty := picture{map[string]string{}, map[string]int64{}, nil, event.NoMicros}
	m := &model{now: empty.copy(), durable: empty.copy()}
	seals := []uint64{} // numbers of m.sealed
	dirty := false      // records since the last seal
	for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"record", "record", "record", "record", "seal", "persist", "clock", "crash"}).Draw(t, "step") {
		case "record":
			m.recordOf(t, c, step)
			dirty = true
		case "seal":
			seals = append(seals, c.Seal())
			m.sealed = append(m.sealed, m.now.copy())
			dirty = false
		case "persist":
			if len(seals) == 0 {
				continue
			}
			k := rapid.IntRange(0, len(seals)-1).Draw(t, "up to")
			if err := store.Commit(c.Batch(seals[k])); err != nil {
				t.Fatal(err)
			}
			m.durable = m.sealed[k]
			if rapid.Bool().Draw(t, "killed before it was told") {
				c, m, seals, dirty = m.crash(t, &store, specs, again), &model{now: m.durable.copy(), durable: m.durable}, nil, false
				break
			}
			c.Persisted(seals[k])
			m.sealed, seals = m.sealed[k+1:], seals[k+1:]
		case "clock":
			m.now.w = max(m.now.w, 0) + rapid.Int64Range(0, 80).Draw(t, "watermark")
			c.SetWatermark(modelTables, m.now.w, event.NoMicros)
		case "crash":
			c, m, seals, dirty = m.crash(t, &store, specs, again), &model{now: m.durable.copy(), durable: m.durable}, nil, false
		}
		if c.Err() != nil {
			t.Fatal(c.Err())
		}
		got := map[string]string{}
		if err := store.Scan(nil, nil, func(k, v []byte) bool {
			if k[0] == 'c' || k[0] == timerKind {
				got[string(k)] = string(v)
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		if want := m.durable.stored(numbers); !maps.Equal(got, want) {
			t.Fatalf("step %d: stored %q, want %q", step, got, want)
		}
		resident := map[string]string{}
		for k, v := range m.durable.cells {
			if key, ok := strings.CutPrefix(k, "1/"); ok {
				resident[key] = v
			}
		}
		holdsAll(t, c.states[1].index, resident)
		if cells, _ := c.Written(); !dirty && cells > 0 {
			t.Fatalf("an epoch that has no record has written %d cells", cells)
		}
	}
	if len(c.free) > maxFree || len(c.over) > 4000 {
		t.Fatalf("%d cells kept, %d in flight", len(c.free), len(c.over))
	}
}

// crash opens the state again, as the next start would.
func (m *model) crash(t *rapid.T, store *Store, specs []Spec, again func(Store) Store) *Cells {
	*store = again(*store)
	c, err := Open(*store, specs)
	if err != nil {
		t.Fatal(err)
	}
	c.SetWatermark(modelTables, m.durable.w, event.NoMicros)
	return c
}

// recordOf runs one record on both, and undoes it on both or on none.
func (m *model) recordOf(t *rapid.T, c *Cells, step int) {
	m.record = m.now.copy()
	c.Begin()
	for range rapid.IntRange(0, 6).Draw(t, "acts") {
		s := rapid.IntRange(0, modelTables-1).Draw(t, "state")
		key := rapid.SampledFrom([]string{"a", "b", "c", "", "a/b"}).Draw(t, "key")
		name := fmt.Sprint(s, "/", key)
		switch act := rapid.SampledFrom([]string{"put", "delete", "get", "arm", "many", "disarm", "due", "due", "claim"}).Draw(t, "act"); act {
		case "put":
			v := fmt.Sprint("v", step, strings.Repeat("x", rapid.IntRange(0, 5).Draw(t, "size")))
			c.Put(s, []byte(key), []byte(v))
			m.now.cells[name] = v
		case "delete":
			c.Delete(s, []byte(key))
			delete(m.now.cells, name)
		case "arm", "disarm":
			due := rapid.Int64Range(-3, 100).Draw(t, "due")
			k := fmt.Sprint(s, "/", due, "/", key)
			if act == "arm" {
				c.Arm(s, due, []byte(key))
				m.now.timers[k] = due
			} else {
				c.Disarm(s, due, []byte(key))
				delete(m.now.timers, k)
			}
		case "many": // more than are read at once
			if len(m.now.timers) > 3*timersKept {
				continue
			}
			for i := range timersRead * rapid.IntRange(1, 3).Draw(t, "how many") / 2 {
				due := int64(i*7919%100_000) * 10
				key := fmt.Sprint("m", i)
				c.Arm(s, due, []byte(key))
				m.now.timers[fmt.Sprint(s, "/", due, "/", key)] = due
			}
		case "due":
			w := rapid.Int64Range(-5, 1_000_000).Draw(t, "w")
			for range rapid.SampledFrom([]int{1, 1, 3, 100, 600}).Draw(t, "fired") {
				due, key, ok := c.Due(s, w)
				wantDue, wantKey, wantOK := m.now.due(s, w)
				if ok != wantOK || due != wantDue || string(key) != wantKey {
					t.Fatalf("due at %d: %d %q %v, want %d %q %v", w, due, key, ok, wantDue, wantKey, wantOK)
				}
				if !ok {
					break
				}
				c.Disarm(s, due, key)
				delete(m.now.timers, fmt.Sprint(s, "/", due, "/", wantKey))
			}
		case "claim":
			at := rapid.Int64Range(0, 300).Draw(t, "at")
			p := dedupe.PrintOf([]byte(key))
			got, want := c.Claim(modelTables, []byte(key), at, modelWithin), !m.now.seen(p, at, modelWithin)
			if got != want {
				t.Fatalf("%q at %d, watermark %d: passes %v, want %v", key, at, m.now.w, got, want)
			}
			if want {
				m.now.claims = append(m.now.claims, dedupe.Made(p, at, m.now.w))
			}
		}
		v, ok := c.Get(s, []byte(key))
		if want, wantOK := m.now.cells[name]; ok != wantOK || string(v) != want {
			t.Fatalf("%s is %q %v, want %q %v", name, v, ok, want, wantOK)
		}
	}
	if rapid.IntRange(0, 2).Draw(t, "fails") == 0 {
		c.Undo()
		m.now = m.record
		return
	}
	c.Done()
}

// TestARecordThatIsTooLarge tells so.
func TestARecordThatIsTooLarge(t *testing.T) {
	c, err := Open(NewMemory(), []Spec{{Number: 1}})
	if err != nil {
		t.Fatal(err)
	}
	c.Begin()
	for i := range MaxCells {
		c.Put(0, fmt.Append(nil, i), nil)
	}
	if c.Full() {
		t.Error("4,000 cells are too many")
	}
	c.Put(0, []byte("one more"), nil)
	if !c.Full() {
		t.Error("4,001 cells are not")
	}
	c.Undo()
	c.Begin()
	c.Put(0, []byte("k"), make([]byte, MaxBytes+1))
	if !c.Full() {
		t.Error("more than 2 MiB is not too much")
	}
	c.Undo()
}

// BenchmarkUpdate is a table row read, its exact sum computed, and written, through
// Cells and Badger, in epochs of 2,000 records, each epoch one transaction.
func BenchmarkUpdate(b *testing.B) {
	for _, keys := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint("keys=", keys), func(b *testing.B) {
			b.ReportAllocs()
			store := openBadger(b, b.TempDir())
			defer store.Close()
			benchUpdates(b, store, keys)
		})
	}
}

func benchUpdates(b *testing.B, store Store, keys int) {
	c, err := Open(store, []Spec{{Number: 1}})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	price, _ := value.ParseNumber("12.95")
	key := make([]byte, 0, 32)
	i := 0
	for b.Loop() {
		c.Begin()
		key = strconv.AppendInt(append(key[:0], "user-"...), int64(rng.IntN(keys)), 10)
		sum := value.Number{}
		if row, ok := c.Get(0, key); ok {
			_, v, err := DecodeRow(row)
			if err != nil {
				b.Fatal(err)
			}
			f, _ := v.(*value.Object).Get("total")
			sum = f.(value.Number)
		}
		sum, err := value.Add(sum, price)
		if err != nil {
			b.Fatal(err)
		}
		row := value.NewObject(value.Field{Key: "total", Value: sum})
		c.Put(0, key, AppendRow(make([]byte, 0, 32), int64(i), row))
		c.Done()
		if i++; i%2000 == 0 {
			n := c.Seal()
			if err := store.Commit(c.Batch(n)); err != nil {
				b.Fatal(err)
			}
			c.Persisted(n)
		}
	}
	if c.Err() != nil {
		b.Fatal(c.Err())
	}
}

// TestBatchesShareNothing: the writes that a batch gives stay as they are while the
// task goes on, until the store has them.
func TestBatchesShareNothing(t *testing.T) {
	c, err := Open(NewMemory(), []Spec{{Number: 1}})
	if err != nil {
		t.Fatal(err)
	}
	put := func(n int) uint64 {
		c.Begin()
		for i := range 100 {
			c.Put(0, fmt.Append(nil, i), fmt.Appendf(nil, "%d of %d", i, n))
		}
		c.Done()
		return c.Seal()
	}
	first := c.Batch(put(1))
	var before []Write
	for _, w := range first {
		before = append(before, Write{Key: bytes.Clone(w.Key), Val: bytes.Clone(w.Val)})
	}
	put(2)
	c.Batch(1)
	c.Persisted(1)
	put(3)
	for i := range first {
		if !bytes.Equal(first[i].Key, before[i].Key) || !bytes.Equal(first[i].Val, before[i].Val) {
			t.Fatalf("write %d was %q=%q and is %q=%q", i, before[i].Key, before[i].Val, first[i].Key, first[i].Val)
		}
	}
}
