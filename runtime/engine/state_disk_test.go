package engine_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// A disk that fills up pauses the group with a reason before the store meets its end
// (I10); the other routes run. With space again it goes on, and nothing is lost.
func TestADiskThatIsFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("a small disk needs a mount, which only root may make")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=160m"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	w := onEmbedded(t)
	w.topics(2, "orders", "users")
	y := &tally{t: t}
	r := w.receive(receiver.Options{OnEvent: y.took})
	o := options{url: r.URL(), store: "the-store", state: filepath.Join(disk, "store"), least: 8 << 20}
	e := w.start(counted+beside, o)
	w.feed("orders", 10, 500)
	w.arrived()

	ballast, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	var fs syscall.Statfs_t
	if err := syscall.Statfs(disk, &fs); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Fallocate(int(ballast.Fd()), 0, 0, int64(fs.Bavail)*fs.Bsize-4<<20); err != nil {
		t.Fatal(err)
	}
	w.feeding("orders", 10, 10, "the group pauses by name", func() bool { return e.condition("store of seen") != "" })
	says := e.condition("store of seen")
	for _, want := range []string{"the disk of " + o.state + " is nearly full", "8 MiB", "nothing is lost"} {
		if !strings.Contains(says, want) {
			t.Errorf("it says %q, and not %q", says, want)
		}
	}
	// A commit follows what is stored by a second: what the other route commits meanwhile
	// says that one has gone by.
	cycle := func() {
		w.feed("users", 10, 500) // I8
		w.eventually("the other route runs and commits", func() bool { return w.atEnd("users", "users") })
	}
	cycle()
	committed := w.committed("orders")
	for before := map[kafka.TP]kafka.Committed(nil); !maps.Equal(before, committed); committed = w.committed("orders") {
		before = committed
		cycle()
	}
	users := row(e.Account(), "users").Completed
	w.feed("orders", 10, 500)
	cycle()
	cycle()
	for tp, c := range w.committed("orders") {
		if c.Offset != committed[tp].Offset {
			t.Errorf("%v was committed from %d to %d, and nothing is stored", tp, committed[tp].Offset, c.Offset)
		}
	}
	if n := row(e.Account(), "users").Completed; n != users+1000 {
		t.Errorf("the other route ran %d of 1000", n-users)
	}
	if err := ballast.Truncate(0); err != nil {
		t.Fatal(err)
	}
	w.arrived()
	w.eventually("the reason is gone", func() bool { return e.condition("store of seen") == "" })
	e.stop()
	w.committedAll("orders", "orders")
	// And what was stored is whole.
	e = w.start(counted+beside, o)
	w.feed("orders", 10, 100)
	w.arrived()
	e.stop()
}
