package state

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// open opens a store for a test, with small memtables.
func openBadger(t testing.TB, dir string) *Badger {
	t.Helper()
	b, err := OpenBadger(dir, Options{App: "shop", ID: "sluice-1", MemTable: MinMemTable})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// all is everything of a store's that is not about the store.
func all(t testing.TB, s Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	last := ""
	err := s.Scan(nil, nil, func(k, v []byte) bool {
		if string(k) <= last {
			t.Errorf("key %q after %q", k, last)
		}
		last = string(k)
		if k[0] != 'm' {
			out[string(k)] = string(v)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBadgerIsAStore holds Badger against the store in memory, over transactions
// with repeats and deletions, values in parts and empty ones, and ends of the
// process with and without a close.
func TestBadgerIsAStore(t *testing.T) {
	dir := t.TempDir()
	b, m := openBadger(t, dir), NewMemory()
	defer func() { b.Close() }()
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		var ws []Write
		for range rng.IntN(40) {
			w := Write{Key: fmt.Appendf(nil, "c%03d", rng.IntN(150)), Delete: rng.IntN(4) == 0}
			if !w.Delete {
				size := rng.IntN(30)
				if rng.IntN(40) == 0 {
					size = rng.IntN(4 * partSize)
				}
				w.Val = bytes.Repeat([]byte{byte(rng.Uint32())}, size)
			}
			ws = append(ws, w)
		}
		if err := b.Commit(ws); err != nil {
			t.Fatal(err)
		}
		if err := m.Commit(ws); err != nil {
			t.Fatal(err)
		}
		if round%12 == 11 {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			b = openBadger(t, dir)
		}
		if got, want := all(t, b), all(t, m); !maps.Equal(got, want) {
			t.Fatalf("round %d: %d keys, want %d", round, len(got), len(want))
		}
		k := fmt.Appendf(nil, "c%03d", rng.IntN(150))
		got, ok, err := b.Get(k)
		want, wantOK, _ := m.Get(k)
		if err != nil || ok != wantOK || !bytes.Equal(got, want) || ok && got == nil {
			t.Fatalf("%s: %d bytes %v (%v), want %d %v", k, len(got), ok, err, len(want), wantOK)
		}
		var from, fromWant []string
		for _, s := range []struct {
			s   Store
			out *[]string
		}{{b, &from}, {m, &fromWant}} {
			if err := s.s.Scan([]byte("c0"), []byte("c050"), func(k, _ []byte) bool {
				*s.out = append(*s.out, string(k))
				return len(*s.out) < 5
			}); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(from, fromWant) {
			t.Fatalf("from c050: %v, want %v", from, fromWant)
		}
	}
}

// TestEmptyValuesStay: an empty value is one also when it has become part of a
// table of a lower level.
func TestEmptyValuesStay(t *testing.T) {
	dir := t.TempDir()
	b := openBadger(t, dir)
	if err := b.Commit([]Write{{Key: []byte("t1")}, {Key: []byte("t2"), Val: []byte{}}}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = openBadger(t, dir)
		if err := b.db.Flatten(1); err != nil {
			t.Fatal(err)
		}
		for _, k := range []string{"t1", "t2"} {
			if v, ok, err := b.Get([]byte(k)); !ok || err != nil || v == nil {
				t.Fatalf("%s: %v %v %v", k, v, ok, err)
			}
		}
	}
	b.Close()
}

// TestNothingInTheValueLog: the largest values lie in tables (badger.go says why).
func TestNothingInTheValueLog(t *testing.T) {
	dir := t.TempDir()
	b := openBadger(t, dir)
	if err := b.Commit([]Write{{Key: []byte("c1"), Val: make([]byte, MaxBytes)}}); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%v %v: Badger has no value log any more", logs, err)
	}
	for _, l := range logs {
		if i, err := os.Stat(l); err != nil || i.Size() > logHead {
			t.Errorf("%s has %d bytes (%v)", l, i.Size(), err)
		}
	}
}

// TestCommitIsOneTransaction: what one does not take is an error that says so, and
// nothing of it is there.
func TestCommitIsOneTransaction(t *testing.T) {
	b := openBadger(t, t.TempDir())
	defer b.Close()
	writes, size := b.Limits()
	// What a task may put into one: an epoch of 4,000 cells and 2 MiB, and a record of
	// as much behind it.
	if writes < 2*MaxCells || size < 2*MaxBytes {
		t.Errorf("a transaction takes %d writes and %d bytes", writes, size)
	}
	fill := func(n, bytes int) []Write {
		ws := make([]Write, n)
		for i := range ws {
			ws[i] = Write{Key: fmt.Appendf(nil, "c%07d", i), Val: make([]byte, bytes/n-8)}
		}
		return ws
	}
	if err := b.Commit(fill(writes, size)); err != nil {
		t.Errorf("%d writes of %d bytes: %v", writes, size, err)
	}
	ws := append([]Write{{Key: []byte("c first"), Val: []byte("x")}}, fill(4*writes, 2*size)...)
	err := b.Commit(ws)
	if err == nil || !strings.Contains(err.Error(), "a bug of ours") {
		t.Errorf("got %v", err)
	}
	if _, ok, err := b.Get([]byte("c first")); ok || err != nil {
		t.Errorf("a part of it is there (%v)", err)
	}
}

func TestWhoseStoreItIs(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenBadger(dir, Options{Existing: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no store: %v", err)
	}
	b := openBadger(t, dir)
	if _, err := OpenBadger(dir, Options{}); err == nil || !strings.Contains(err.Error(), "another process uses it") {
		t.Errorf("twice: %v", err)
	}
	b.Close()
	for _, tt := range []struct {
		name string
		o    Options
		want error
		text string
	}{
		{"another program", Options{App: "mail", ID: "sluice-1"}, ErrForeign, `belongs to the program "shop", and this is "mail"; nothing was changed: give this program its own state directory with --state`},
		{"another state directory", Options{App: "shop", ID: "sluice-2"}, ErrForeign, "belongs to the state directory with the id sluice-1, and this one has sluice-2"},
		{"anybody", Options{}, nil, ""},
	} {
		b, err := OpenBadger(dir, tt.o)
		if tt.want == nil {
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			b.Close()
			continue
		}
		var refused *RefusedError
		if !errors.Is(err, tt.want) || !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.text)
		}
	}
	b = openBadger(t, dir)
	if err := b.Commit([]Write{{Key: formatKey, Val: []byte("2")}}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if _, err := OpenBadger(dir, Options{}); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("a newer format: %v", err)
	}
}

func BenchmarkBadgerGet(b *testing.B) {
	b.ReportAllocs()
	s := openBadger(b, b.TempDir())
	defer s.Close()
	row := AppendRow(nil, 1_800_000_000_000_000, testRow())
	for i := range 50 {
		ws := make([]Write, 1000)
		for j := range ws {
			ws[j] = Write{Key: fmt.Appendf(nil, "c%04d", i*1000+j), Val: row}
		}
		if err := s.Commit(ws); err != nil {
			b.Fatal(err)
		}
	}
	key := make([]byte, 0, 16)
	i := 0
	for b.Loop() {
		i = (i + 7919) % 50_000
		key = fmt.Appendf(key[:0], "c%04d", i)
		if _, ok, err := s.Get(key); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

func BenchmarkBadgerCommit(b *testing.B) {
	b.ReportAllocs()
	s := openBadger(b, b.TempDir())
	defer s.Close()
	row := AppendRow(nil, 1_800_000_000_000_000, testRow())
	rng := rand.New(rand.NewPCG(1, 2))
	for b.Loop() {
		ws := make([]Write, 1000)
		for j := range ws {
			ws[j] = Write{Key: fmt.Appendf(nil, "c%06d", rng.IntN(200_000)), Val: row}
		}
		if err := s.Commit(ws); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/key")
}
