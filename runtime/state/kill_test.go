package state

import (
	"bufio"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// childDir is set in the environment of a child process that commits until it is
// killed.
const childDir = "SLUICE_TEST_STORE"

func TestMain(m *testing.M) {
	for env, role := range map[string]func(dir string) error{childDir: child, fullDir: filler} {
		if dir := os.Getenv(env); dir != "" {
			if err := role(dir); err != nil {
				fmt.Println("error", err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// killWrites are those of a commit, known to both sides: some cells put, some
// removed, each commit of another size.
func killWrites(n int) []Write {
	rng := rand.New(rand.NewPCG(11, uint64(n)))
	ws := []Write{{Key: []byte("c last"), Val: strconv.AppendInt(nil, int64(n), 10)}}
	for range rng.IntN(300) {
		w := Write{Key: fmt.Appendf(nil, "c%04d", rng.IntN(3000)), Delete: rng.IntN(5) == 0}
		if !w.Delete {
			w.Val = make([]byte, rng.IntN(800))
			w.Val = append(w.Val, strconv.Itoa(n)...)
		}
		ws = append(ws, w)
	}
	return ws
}

// child commits from where the store stands, and says so after each.
func child(dir string) error {
	b, err := OpenBadger(dir, Options{App: "shop", ID: "sluice-1", MemTable: MinMemTable})
	if err != nil {
		return err
	}
	n := 0
	if v, ok, err := b.Get([]byte("c last")); err != nil {
		return err
	} else if ok {
		if n, err = strconv.Atoi(string(v)); err != nil {
			return err
		}
	}
	fmt.Println("open", n)
	for {
		n++
		if err := b.Commit(killWrites(n)); err != nil {
			return err
		}
		fmt.Println("committed", n)
		if n%50 == 0 {
			if err := b.Sync(); err != nil {
				return err
			}
		}
	}
}

// TestKilledWhileItCommits: after kill -9 the store has every transaction that
// Commit has said is done, whole, and of the one at hand all or nothing.
func TestKilledWhileItCommits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
	m := NewMemory()
	has := 0 // transactions that m has
	for kill := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said, until := 0, has+1+rng.IntN(200)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			what, arg, _ := strings.Cut(lines.Text(), " ")
			n, err := strconv.Atoi(arg)
			if what == "error" || err != nil {
				t.Fatalf("kill %d: the child says %q", kill+1, lines.Text())
			}
			said = n
			if n >= until {
				break
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died
			if _, arg, _ := strings.Cut(lines.Text(), " "); arg != "" {
				if n, err := strconv.Atoi(arg); err == nil {
					said = n
				}
			}
		}
		_ = cmd.Wait() // it was killed
		// Looked at in a copy, every other time: the next child finds what this one left.
		look := dir
		if kill%2 == 0 {
			look = clone(t, dir)
		}
		b := openBadger(t, look)
		v, _, err := b.Get([]byte("c last"))
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.Atoi(string(v))
		if n != said && n != said+1 {
			t.Fatalf("kill %d: the store ends with %d, and %d was committed", kill+1, n, said)
		}
		for ; has < n; has++ {
			if err := m.Commit(killWrites(has + 1)); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.Equal(all(t, b), all(t, m)) {
			t.Fatalf("kill %d: the store is not what %d transactions make", kill+1, n)
		}
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d transactions", has)
}
