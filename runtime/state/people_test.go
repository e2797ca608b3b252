package state_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/dedupe"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/state"
)

var (
	people = flag.Int("people", 2000, "how many people TestPeople makes; of 1_000_000 on disk it takes some minutes")
	stored = flag.Bool("stored", true, "whether TestPeople stores them")
)

// space is an identity space over the cells of a store that it never asks.
type space struct {
	store state.Store
	cells *state.Cells
	*identity.Space
	written int
}

// unread is a store that is only scanned and written.
type unread struct{ state.Store }

func (unread) Get([]byte) ([]byte, bool, error) {
	return nil, false, errors.New("a resident state asked the store")
}

// nowhere keeps nothing.
type nowhere struct{ state.Store }

func (nowhere) Scan(_, _ []byte, _ func(_, _ []byte) bool) error { return nil }
func (nowhere) Commit([]state.Write) error                       { return nil }
func (nowhere) Close() error                                     { return nil }

func (s *space) Get(key []byte) ([]byte, bool) { return s.cells.Get(0, key) }
func (s *space) Put(key, val []byte)           { s.cells.Put(0, key, val) }
func (s *space) Delete(key []byte)             { s.cells.Delete(0, key) }

func openSpace(t *testing.T, dir string) *space {
	t.Helper()
	s := &space{store: nowhere{}}
	if *stored {
		b, err := state.OpenBadger(dir, state.Options{App: "shop", ID: "sluice-1"})
		if err != nil {
			t.Fatal(err)
		}
		s.store = b
	}
	held := dedupe.NewBudget(0)
	// As a process does that runs a program.
	done := make(chan struct{})
	told := make(chan struct{})
	go func() {
		defer close(told)
		for {
			select {
			case <-done:
				return
			case <-time.After(time.Second / 4):
				debug.SetMemoryLimit(768<<20 + held.All())
			}
		}
	}()
	var err error
	s.cells, err = state.OpenIn(held, unread{s.store}, []state.Spec{{Number: 1, Resident: true}})
	close(done)
	<-told
	if err != nil {
		t.Fatal(err)
	}
	if s.Space, err = identity.New(identity.Config{Name: "people", Types: []identity.Type{
		{Name: "user_id", Person: true, Limit: 1}, {Name: "email", Person: true, Canon: identity.LowerHex}, {Name: "idfa", Canon: identity.UpperUUID}, {Name: "anonymous_id"},
	}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// resolve runs a record.
func (s *space) resolve(t *testing.T, at int64, ids ...identity.Given) identity.Result {
	s.cells.Begin()
	r := s.Resolve(s, ids, at)
	if s.cells.Done(); r.Person == nil || len(r.Rejected) > 0 {
		t.Fatalf("%v belong to %v, rejected %v", ids, r.Person, r.Rejected)
	}
	if s.written++; s.written%1000 == 0 {
		s.seal(t)
	}
	return r
}

// seal ends an epoch and stores it.
func (s *space) seal(t *testing.T) {
	upto := s.cells.Seal()
	if err := s.store.Commit(s.cells.Batch(upto)); err != nil {
		t.Fatal(err)
	}
	s.cells.Persisted(upto)
	if s.written%100_000 == 0 {
		debug.SetMemoryLimit(768<<20 + s.cells.Memory())
	}
}

func idsOf(i int) []identity.Given {
	i++ // zeros name nobody
	x := uint64(i) * 0x9e3779b97f4a7c15
	return []identity.Given{
		{Type: 0, Value: fmt.Sprintf("u%09d", i)},
		{Type: 1, Value: fmt.Sprintf("%016x", x)},
		{Type: 2, Value: fmt.Sprintf("%08X-9A41-4C3B-8D21-%012X", uint32(x), i)},
		{Type: 3, Value: fmt.Sprintf("%08x-1f3c-4d5e-a601-%012x", uint32(x>>32), i)},
	}
}

// resident is the memory of the process that is no file's, in bytes.
func resident() int {
	runtime.GC()
	debug.FreeOSMemory()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		n := 0
		if _, err := fmt.Sscanf(line, "RssAnon: %d kB", &n); err == nil {
			return n << 10
		}
	}
	return 0
}

// timer measures a stretch: of the clock, and of the processors.
type timer struct {
	begun time.Time
	used  time.Duration
}

func begin() timer { return timer{time.Now(), used()} }

func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (m timer) String() string {
	return fmt.Sprintf("%v, %v of a core", time.Since(m.begun).Round(time.Millisecond), (used() - m.used).Round(time.Millisecond))
}

func (m timer) rate(n int) string {
	return fmt.Sprintf("%.0f records/s, %.0f on one core", float64(n)/time.Since(m.begun).Seconds(), float64(n)/(used()-m.used).Seconds())
}

// TestPeople fills an identity space with people of four identifiers each, opens it
// again, and has them found: those who are known already, and some who are learned more
// of. Nothing of it reads the store.
func TestPeople(t *testing.T) {
	n := *people
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	dir := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).UnixMicro()
	m := begin()
	s := openSpace(t, dir)
	first := s.resolve(t, at, idsOf(0)...).Person.ID
	for i := 1; i < n; i++ {
		s.resolve(t, at+int64(i), idsOf(i)...)
	}
	s.seal(t)
	filled := s.cells.Counts(0)
	t.Logf("filled: %s", m.rate(n))
	if *stored {
		if err := s.store.Close(); err != nil {
			t.Fatal(err)
		}
		s = nil
		before := resident()
		m = begin()
		s = openSpace(t, dir)
		t.Logf("opened in %v; the process held %d MB before", m, before>>20)
	}
	loaded := s.cells.Counts(0)
	t.Logf("%d cells in %d MB: %.1f bytes each, %.0f a person; the process holds %d MB", loaded.Keys, loaded.Bytes>>20, float64(loaded.Bytes)/float64(loaded.Keys), float64(loaded.Bytes)/float64(n), resident()>>20)
	if loaded.Keys != filled.Keys {
		t.Fatalf("%d cells were written, and %d are there", filled.Keys, loaded.Keys)
	}
	if got := s.resolve(t, at, idsOf(0)...); got.Person.ID != first || got.Kind != identity.Nothing {
		t.Fatalf("the first person is %s now, was %s: %v", got.Person.ID, first, got.Kind)
	}

	// What is asked is made a thousand records at a time, so that a record's identifiers
	// are near, as if they had just been read.
	const step, piece = 7_368_787, 1000
	asked := min(n, 200_000)
	each := func(run func(i int, ids []identity.Given)) (total timer) {
		total = begin()
		made := time.Duration(0)
		madeUsed := made
		all := make([][]identity.Given, 0, piece)
		for from := 0; from < asked; from += piece {
			m := begin()
			all = all[:0]
			for i := range min(piece, asked-from) {
				all = append(all, idsOf((from + i) * step % n)[:3])
			}
			made, madeUsed = made+time.Since(m.begun), madeUsed+used()-m.used
			for i, ids := range all {
				run(from+i, ids)
			}
		}
		return timer{total.begun.Add(made), total.used + madeUsed}
	}
	later := at + int64(n) // of the same day
	writes := s.cells.Counts(0).Writes
	m = each(func(_ int, ids []identity.Given) {
		if r := s.resolve(t, later, ids...); r.Kind != identity.Nothing {
			t.Fatalf("%v: %v", ids, r.Kind)
		}
	})
	t.Logf("nothing new: %s", m.rate(asked))
	if again := s.cells.Counts(0).Writes; again != writes {
		t.Errorf("%d cells written by %d records of which nothing is learned", again-writes, asked)
	}
	m = each(func(i int, ids []identity.Given) {
		more := identity.Given{Type: 3, Value: fmt.Sprintf("browser-%d", i)}
		if r := s.resolve(t, later, ids[0], more); r.Kind != identity.Linked {
			t.Fatalf("%v and %v: %v", ids[0], more, r.Kind)
		}
	})
	t.Logf("one more identifier each: %s", m.rate(asked))
	s.seal(t)
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
}
