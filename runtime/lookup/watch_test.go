package lookup

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
)

// watched is a running Watch of one table.
type watched struct {
	t     *testing.T
	dir   string
	set   *Set
	decl  *ir.Table
	told  chan Status
	words bytes.Buffer
}

func watch(t *testing.T, file, text string) *watched {
	w := &watched{t: t, dir: t.TempDir(), decl: fileTable(file), told: make(chan Status, 16)}
	write(t, w.dir, file, text)
	w.set = New([]*ir.Table{w.decl})
	if err := w.set.LoadFiles(w.dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		w.set.Watch(ctx, w.dir, slog.New(slog.NewTextHandler(&w.words, nil)), func(t *Table) { w.told <- t.Status() })
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return w
}

// next waits for the next word of a change.
func (w *watched) next() Status {
	w.t.Helper()
	select {
	case s := <-w.told:
		return s
	case <-time.After(20 * time.Second):
		w.t.Fatal("nobody was told of the change")
		return Status{}
	}
}

func (w *watched) show() string { return show(w.set, w.decl, "a", "b") }

func TestAChangedFileIsReadAgain(t *testing.T) {
	w := watch(t, "j.csv", "id,n\na,1\n")
	write(t, w.dir, "j.csv", "id,n\na,2\nb,3\n")
	if s := w.next(); s != (Status{Loaded: true, Rows: 2}) {
		t.Errorf("status %+v", s)
	}
	if got, want := w.show(), `{"id":"a","n":2,"share":1}`+"\n"+`{"id":"b","n":3,"share":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}

	// As editors and deployments do it: another file in its place.
	write(t, w.dir, "new", "id,n\nb,4\n")
	if err := os.Rename(filepath.Join(w.dir, "new"), filepath.Join(w.dir, "j.csv")); err != nil {
		t.Fatal(err)
	}
	w.next()
	if got, want := w.show(), `{"id":"b","n":4,"share":1}`; got != want {
		t.Errorf("after a rename: got %s, want %s", got, want)
	}
}

func TestABadReloadKeepsTheLastGoodVersion(t *testing.T) {
	w := watch(t, "j.csv", "id,n\na,1\n")
	good := w.show()
	for _, step := range []struct {
		do      func() error
		problem string
	}{
		{func() error { return os.WriteFile(filepath.Join(w.dir, "j.csv"), []byte("id,n\na,x\n"), 0o644) },
			"j.csv:2:3: column n: expected int, got string"},
		{func() error { return os.Remove(filepath.Join(w.dir, "j.csv")) },
			"j.csv: there is no such file"},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		s := w.next()
		if !s.Loaded || s.Rows != 1 || !strings.HasPrefix(s.Problem, step.problem) || !strings.HasSuffix(s.Problem, "; the version loaded before stays in use") {
			t.Errorf("status %+v, want the problem %s", s, step.problem)
		}
		if got := w.show(); got != good {
			t.Errorf("the rows are %s, want those of before", got)
		}
		if r := w.set.Table(w.decl).Reason(); r != s.Problem {
			t.Errorf("the reason is %q", r)
		}
	}
	// The same bytes as at the start are good again.
	write(t, w.dir, "j.csv", "id,n\na,1\n")
	if s := w.next(); s.Problem != "" {
		t.Errorf("status %+v, want no problem", s)
	}
}

func TestAnUntouchedFileIsNotReadAgain(t *testing.T) {
	w := watch(t, "j.csv", "id,n\na,1\n")
	before := w.set.Table(w.decl).rows.Load()
	write(t, w.dir, "other.csv", "x\n")
	write(t, w.dir, "j.csv", "id,n\na,1\n")
	changed, err := w.set.Table(w.decl).reload(w.dir, time.Time{})
	if changed || err != nil || w.set.Table(w.decl).rows.Load() != before {
		t.Errorf("the same bytes made another version (%v, %v)", changed, err)
	}
}
