package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample is a store as the end of the process has left it, and what was committed.
type sample struct {
	dir    string
	states []map[string]string // after each commit
	synced int                 // how many commits were synced
}

// copyDir copies the files of a directory, holes too.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	if err := os.MkdirAll(to, 0o700); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		size := int64(len(b))
		out, err := os.Create(filepath.Join(to, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(bytes.TrimRight(b, "\x00")); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(out.Truncate(size), out.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// samples makes stores: one that was closed and has tables of several levels and a
// log, and one whose tables are all there is.
func samples(t *testing.T) []sample {
	t.Helper()
	dir := t.TempDir()
	b := openBadger(t, dir)
	m := NewMemory()
	s := sample{dir: t.TempDir()}
	rng := rand.New(rand.NewPCG(3, 4))
	commit := func(bulk int) {
		var ws []Write
		for i := range 1 + rng.IntN(8) {
			if i > 0 {
				bulk = min(bulk, 500)
			}
			w := Write{Key: fmt.Appendf(nil, "c%02d", rng.IntN(60)), Delete: rng.IntN(6) == 0}
			if !w.Delete {
				w.Val = make([]byte, rng.IntN(40)+bulk)
				for i := 0; i+8 <= len(w.Val); i += 8 {
					binary.BigEndian.PutUint64(w.Val[i:], rng.Uint64())
				}
			}
			ws = append(ws, w)
		}
		if err := errors.Join(b.Commit(ws), m.Commit(ws)); err != nil {
			t.Fatal(err)
		}
		s.states = append(s.states, all(t, m))
	}
	sync := func() {
		if err := b.Sync(); err != nil {
			t.Fatal(err)
		}
		s.synced = len(s.states)
	}
	for range 3 {
		for range 10 {
			commit(500)
		}
		commit(2 * partSize)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = openBadger(t, dir)
	}
	sync()
	closed := sample{dir: t.TempDir(), states: s.states, synced: s.synced}
	for range 10 {
		commit(100)
	}
	sync()
	for range 5 {
		commit(100)
	}
	copyDir(t, dir, s.dir) // a log with commits, some of them not synced
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	closed.states, closed.synced = s.states, len(s.states)
	copyDir(t, dir, closed.dir)
	return []sample{s, closed}
}

// judge opens a store that was damaged: it is refused as damaged, or it is as it was
// after a commit that is not before the last sync. Nothing else is right.
func (s *sample) judge(t *testing.T, dir, what string) (refused bool) {
	t.Helper()
	before := sizes(t, dir)
	b, err := OpenBadger(dir, Options{App: "shop", ID: "sluice-1", MemTable: MinMemTable})
	if err != nil {
		var r *RefusedError
		if !errors.Is(err, ErrDamaged) || !errors.As(err, &r) || !strings.Contains(err.Error(), "restore the state directory from a copy") {
			t.Fatalf("%s: refused without a word that helps: %v", what, err)
		}
		if after := sizes(t, dir); !maps.Equal(before, after) {
			t.Fatalf("%s: refused (%v), and changed: %v, was %v", what, err, after, before)
		}
		return true
	}
	defer b.Close()
	got := map[string]string{}
	err = b.Scan(nil, nil, func(k, v []byte) bool {
		if k[0] != 'm' {
			got[string(k)] = string(v)
		}
		return true
	})
	if err != nil {
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: reading: %v", what, err)
		}
		return true
	}
	for i := len(s.states) - 1; i >= s.synced-1; i-- {
		if maps.Equal(got, s.states[i]) {
			return false
		}
	}
	for i := range s.states {
		if maps.Equal(got, s.states[i]) {
			t.Fatalf("%s: opened as after commit %d of %d, and %d were synced", what, i+1, len(s.states), s.synced)
		}
	}
	t.Fatalf("%s: opened with what never was: %d keys", what, len(got))
	return false
}

// sizes are those of all files but the lock.
func sizes(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LOCK" {
			return err
		}
		i, err := d.Info()
		if err == nil {
			out[d.Name()] = i.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// written is how much of a file holds something.
func written(t *testing.T, path string) int {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return len(bytes.TrimRight(b, "\x00"))
}

var places = flag.Int("damage", 1, "at how many random places TestDamageIsRefused cuts and flips each file, beside chosen ones")

// TestDamageIsRefused cuts, flips and removes files of every kind, at many places.
func TestDamageIsRefused(t *testing.T) {
	t.Parallel()
	kinds := map[string]int{} // refused, by kind of file
	for n, s := range samples(t) {
		if s.judge(t, clone(t, s.dir), "as it is") {
			t.Fatalf("sample %d is refused undamaged", n)
		}
		rng := rand.New(rand.NewPCG(5, uint64(n)))
		had := map[string]int{}
		for _, name := range sorted(sizes(t, s.dir)) {
			kind := filepath.Ext(name)
			if kind == "" {
				kind = name
			}
			if had[kind]++; had[kind] > *places {
				continue
			}
			end := written(t, filepath.Join(s.dir, name))
			harm := func(what string, do func(path string) error) {
				dir := clone(t, s.dir)
				if err := do(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
				if s.judge(t, dir, fmt.Sprintf("sample %d, %s %s", n, name, what)) {
					kinds[kind]++
				}
			}
			harm("removed", os.Remove)
			cuts, flips := []int{0, 19, end - 1}, []int{3, 8, end - 5}
			for range *places {
				cuts, flips = append(cuts, rng.IntN(end+1)), append(flips, rng.IntN(end+8))
			}
			for _, at := range cuts {
				if at >= 0 {
					harm(fmt.Sprint("cut at ", at, " of ", end), func(path string) error { return os.Truncate(path, int64(at)) })
				}
			}
			for _, at := range flips {
				bit := byte(1) << rng.IntN(8)
				if at >= 0 {
					harm(fmt.Sprint("bit ", bit, " of byte ", at, " of ", end, " flipped"), func(path string) error { return flip(path, at, bit) })
				}
			}
		}
	}
	for _, kind := range []string{".sst", ".mem", "MANIFEST", "KEYREGISTRY", markFile} {
		if kinds[kind] == 0 {
			t.Errorf("no damage of %s was refused", kind)
		}
	}
	t.Log("refused:", kinds)
}

func clone(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "store")
	copyDir(t, dir, to)
	return to
}

func flip(path string, at int, bit byte) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if n, _ := f.ReadAt(b[:], int64(at)); n == 0 {
		return nil
	}
	b[0] ^= bit
	_, err = f.WriteAt(b[:], int64(at))
	return err
}

// TestACutTransactionIsLeftOut: a log that ends inside a transaction, behind what
// was synced, is how the loss of power leaves it.
func TestACutTransactionIsLeftOut(t *testing.T) {
	s := samples(t)[0]
	logs, _ := filepath.Glob(filepath.Join(s.dir, "*"+memSuffix))
	for _, l := range logs {
		name, end := filepath.Base(l), written(t, l)
		if end < 2*logHead {
			continue
		}
		dir := clone(t, s.dir)
		if err := os.Truncate(filepath.Join(dir, name), int64(end-3)); err != nil {
			t.Fatal(err)
		}
		if s.judge(t, dir, name+" cut in its last transaction") {
			t.Error("refused")
		}
		return
	}
	t.Fatal("no log has a transaction")
}
