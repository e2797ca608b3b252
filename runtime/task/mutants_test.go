//go:build mutant

package task

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// caught is what a failing run of a mutant panics with.
type caught string

type catcher struct{}

func (catcher) Helper()                   {}
func (catcher) Fatalf(f string, a ...any) { panic(caught(fmt.Sprintf(f, a...))) }

// runs plays with a mutant until a run fails, and gives how many it took and why.
func runs(m Mutation, most int) (n int, why string) {
	for n = 1; n <= most; n++ {
		rng := rand.New(rand.NewPCG(uint64(n), uint64(m)))
		func() {
			defer func() {
				if r := recover(); r != nil {
					why = fmt.Sprint(r)
				}
			}()
			play(catcher{}, func(k int, _ string) int { return rng.IntN(k) }, func(t *Task) { t.Mutate(m) })
		}()
		if why != "" {
			return n, why
		}
	}
	return n, ""
}

// TestMutants shows that the test of the group notices what is turned wrong.
func TestMutants(t *testing.T) {
	for m := Mutation(1); m < mutations; m++ {
		t.Run(fmt.Sprint(m), func(t *testing.T) {
			n, why := runs(m, 10_000)
			if why == "" {
				t.Fatal("not noticed")
			}
			t.Logf("run %d: %.150s", n, why)
		})
	}
	if n, why := runs(None, 300); why != "" {
		t.Errorf("without a mutation run %d fails: %s", n, why)
	}
}
