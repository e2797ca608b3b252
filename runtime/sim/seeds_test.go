package sim

import (
	"flag"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	seeds = flag.Uint64("seeds", 500, "how many seeds of chaos to run")
	only  = flag.Uint64("seed", 0, "run this seed alone and print its log")
)

// player runs one seed of a chaos, and tells its log to whoever listens.
type player func(seed uint64, trace func(string)) played

// played is what came of a seed.
type played struct {
	problems []string
	died     []int // crashes, by the point at which they came
	did      []int // how often it did what the seeds must do, by the deed
}

// logged runs a seed again and gives its log.
func (play player) logged(seed uint64) (problems []string, log string) {
	var lines []string
	problems = play(seed, func(l string) { lines = append(lines, l) }).problems
	return problems, strings.Join(lines, "\n")
}

// everySeed runs all seeds, or the one that -seed names, and fails where one has a
// problem, or where too few of them crash at a point or do a deed: then the judge's
// silence means nothing.
func (play player) everySeed(t *testing.T, point, deed func(i int) string) {
	if *only > 0 {
		problems, log := play.logged(*only)
		t.Logf("%s", log)
		if len(problems) > 0 {
			t.Errorf("seed %d:\n%s", *only, strings.Join(problems, "\n"))
		}
		return
	}
	const shards = 4
	var mu sync.Mutex
	var died, did []int // did: seeds that did it
	t.Run("seeds", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for s := shard + 1; s <= *seeds; s += shards {
					p := play(s, nil)
					if len(p.problems) > 0 {
						_, log := play.logged(s)
						t.Fatalf("seed %d:\n%s\n\n%s", s, strings.Join(p.problems, "\n"), log)
					}
					mu.Lock()
					if died == nil {
						died, did = make([]int, len(p.died)), make([]int, len(p.did))
					}
					for i, n := range p.died {
						died[i] += n
					}
					for i, n := range p.did {
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

// replaysExactly runs some seeds twice and fails where their logs differ.
func (play player) replaysExactly(t *testing.T) {
	for _, seed := range []uint64{1, 7, 42} {
		_, a := play.logged(seed)
		_, b := play.logged(seed)
		if d := cmp.Diff(strings.Split(a, "\n"), strings.Split(b, "\n")); d != "" {
			t.Errorf("seed %d runs in two ways:\n%s", seed, d)
		}
		if a == "" || strings.Contains("\n"+a+"\n", "\n\n") {
			t.Errorf("seed %d has no log, or an empty line in it", seed)
		}
	}
}
