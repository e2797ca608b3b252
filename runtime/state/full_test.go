package state

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// fullDir is set in the environment of a child that fills its disk, with a guard.
const fullDir = "SLUICE_TEST_FULL"

// filler commits 1 MiB at a time while the guard lets it, says when it pauses, and
// then waits for a line before it looks again. It ends when it has been paused and
// has gone on.
func filler(dir string) error {
	b, err := OpenBadger(dir+"/store", Options{App: "shop", ID: "sluice-1", MemTable: MinMemTable})
	if err != nil {
		return err
	}
	in := bufio.NewReader(os.Stdin)
	guard := NewGuard(fullLeast)
	rng := rand.New(rand.NewPCG(1, 2))
	n, paused, after := 0, false, 0
	for after < 8 {
		free, err := FreeSpace(dir)
		if err != nil {
			return err
		}
		if !guard.Judge(free) {
			if !paused {
				if err := b.Sync(); err != nil {
					return err
				}
				fmt.Println("paused", n)
			}
			paused = true
			if _, err := in.ReadString('\n'); err != nil {
				return err
			}
			continue
		}
		if paused {
			after++
		}
		n++
		if err := b.Commit(fullWrites(rng, n)); err != nil {
			return err
		}
	}
	fmt.Println("done", n)
	return b.Close()
}

func fullWrites(rng *rand.Rand, n int) []Write {
	ws := make([]Write, 16)
	for i := range ws {
		val := make([]byte, 64<<10)
		for j := 0; j < len(val); j += 8 {
			val[j], val[j+3], val[j+5] = byte(rng.Uint32()), byte(n), byte(n>>8)
		}
		ws[i] = Write{Key: fmt.Appendf(nil, "c%06d/%02d", n, i), Val: val}
	}
	return ws
}

const (
	fullDisk  = 448 << 20
	fullLeast = 200 << 20 // of it: for the three memtables, their tables and compactions
)

// TestFullDisk fills a small disk under a store: the guard pauses before Badger's
// process would die, and when there is room again it goes on and has lost nothing.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a disk of its own needs root")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", fullDisk)); err != nil {
		t.Skipf("a disk of its own cannot be mounted: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fullDir+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	say := func(want string) (n int) {
		t.Helper()
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), want+" ") {
			t.Fatalf("it says %q, want %s; and ended with %v", lines.Text(), want, cmd.Wait())
		}
		_, err := fmt.Sscan(strings.TrimPrefix(lines.Text(), want), &n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	n := say("paused")
	if n < 32 {
		t.Fatalf("it paused after %d MiB", n)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, fmt.Sprint("size=", 2*fullDisk)); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	n = say("done")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	m := NewMemory()
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		if err := m.Commit(fullWrites(rng, i+1)); err != nil {
			t.Fatal(err)
		}
	}
	b := openBadger(t, dir+"/store")
	defer b.Close()
	if !maps.Equal(all(t, b), all(t, m)) {
		t.Error("something is lost")
	}
}
