package sim

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	seeds = flag.Uint64("seeds", 500, "how many seeds of chaos to run")
	only  = flag.Uint64("seed", 0, "run this seed alone and print its log")
)

// TestProtocol kills, freezes, moves and stops processes at every point of a
// route without state, under sinks that take, lose, refuse and gate, and judges what sinks
// and topics saw against what must have come. A seed picks all of it and replays
// exactly: `go test ./runtime/sim -run Protocol -seed N`.
func TestProtocol(t *testing.T) {
	if *only > 0 {
		problems, log := replay(*only, setup{})
		t.Logf("%s", log)
		if len(problems) > 0 {
			t.Errorf("seed %d:\n%s", *only, strings.Join(problems, "\n"))
		}
		return
	}
	const shards = 4
	var mu sync.Mutex
	var died [points]int
	var did [deeds]int // seeds that did it
	t.Run("seeds", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for s := shard + 1; s <= *seeds; s += shards {
					c := newChaos(s, setup{})
					if problems := c.run(); len(problems) > 0 {
						_, log := replay(s, setup{})
						t.Fatalf("seed %d:\n%s\n\n%s", s, strings.Join(problems, "\n"), log)
					}
					mu.Lock()
					for i, n := range c.died {
						died[i] += n
					}
					for i, n := range c.did {
						did[i] += min(n, 1)
					}
					mu.Unlock()
				}
			})
		}
	})
	for i, n := range died {
		if *seeds >= 500 && n < 5 {
			t.Errorf("only %d of %d seeds crash at the point %q: the enumeration does not reach it", n, *seeds, point(i))
		}
	}
	for i, n := range did {
		if *seeds >= 500 && n < 25 {
			t.Errorf("only in %d of %d seeds %s", n, *seeds, deed(i))
		}
	}
	t.Logf("crashes by point: %v; seeds by deed: %v", died, did)
}

// replay runs a seed again and gives its log.
func replay(seed uint64, s setup) (problems []string, log string) {
	var lines []string
	s.trace = func(l string) { lines = append(lines, l) }
	problems = newChaos(seed, s).run()
	return problems, strings.Join(lines, "\n")
}

func TestSeedsReplayExactly(t *testing.T) {
	for _, seed := range []uint64{1, 7, 42} {
		_, a := replay(seed, setup{})
		_, b := replay(seed, setup{})
		if d := cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n")); d != "" {
			t.Errorf("seed %d runs in two ways:\n%s", seed, d)
		}
		if len(a) == 0 || slices.Contains(strings.Split(a, "\n"), "") {
			t.Errorf("seed %d has no log", seed)
		}
	}
}
