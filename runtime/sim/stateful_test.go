package sim

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestState kills the process of a state group at every point, takes the power away, loses leases, lets sinks take, lose, refuse and be away,
// in programs for each stage that remembers, and holds what came against the same
// slices run without a crash. A seed picks all of it and replays exactly:
// `go test ./runtime/sim -run State -seed N`.
func TestState(t *testing.T) {
	if *only > 0 {
		problems, log := replayState(*only, stateSetup{})
		t.Logf("%s", log)
		if len(problems) > 0 {
			t.Errorf("seed %d:\n%s", *only, strings.Join(problems, "\n"))
		}
		return
	}
	const shards = 4
	var mu sync.Mutex
	var died [statePoints]int
	var did [stateDeeds]int // seeds that did it
	t.Run("seeds", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for s := shard + 1; s <= *seeds; s += shards {
					c := newStateChaos(s, stateSetup{})
					if problems := c.run(); len(problems) > 0 {
						_, log := replayState(s, stateSetup{})
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
			t.Errorf("only %d of %d seeds crash at the point %q: the enumeration does not reach it", n, *seeds, statePoint(i))
		}
	}
	for i, n := range did {
		if *seeds >= 500 && n < 25 {
			t.Errorf("only in %d of %d seeds %s", n, *seeds, stateDeed(i))
		}
	}
	t.Logf("crashes by point: %v; seeds by deed: %v", died, did)
}

// replayState runs a seed again and gives its log.
func replayState(seed uint64, s stateSetup) (problems []string, log string) {
	var lines []string
	s.trace = func(l string) { lines = append(lines, l) }
	problems = newStateChaos(seed, s).run()
	return problems, strings.Join(lines, "\n")
}

func TestStateSeedsReplayExactly(t *testing.T) {
	for _, seed := range []uint64{1, 7, 42} {
		_, a := replayState(seed, stateSetup{})
		_, b := replayState(seed, stateSetup{})
		if d := cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n")); d != "" {
			t.Errorf("seed %d runs in two ways:\n%s", seed, d)
		}
	}
}

// TestStateSeedsOfOld runs seeds that once showed a mistake: an output that was held
// behind a fence stood before one of its own lane that was not held yet.
func TestStateSeedsOfOld(t *testing.T) {
	for _, old := range []struct {
		program string
		seed    uint64
	}{{"people", 10536}} {
		if problems, log := replayState(old.seed, stateSetup{program: old.program}); len(problems) > 0 {
			t.Errorf("%s, seed %d:\n%s\n\n%s", old.program, old.seed, strings.Join(problems, "\n"), log)
		}
	}
}
