package sim

import (
	"strings"
	"testing"
)

// playState plays a program with state, that of the name, or of "" what the seed picks.
func playState(program string) player {
	return func(seed uint64, trace func(string)) played {
		c := newStateChaos(seed, stateSetup{program: program, trace: trace})
		return played{c.run(), c.died[:], c.did[:]}
	}
}

// TestState kills the process of a state group at every point, takes the power away,
// loses leases, lets sinks take, lose, refuse and be away, in programs for each stage that
// remembers, and holds what came against the same slices run without a crash. A seed
// picks all of it and replays exactly: `go test ./runtime/sim -run State -seed N`.
func TestState(t *testing.T) {
	playState("").everySeed(t, func(i int) string { return statePoint(i).String() }, func(i int) string { return stateDeed(i).String() })
}

func TestStateSeedsReplayExactly(t *testing.T) { playState("").replaysExactly(t) }

// TestStateSeedsOfOld runs seeds that once showed a mistake: an output that was held
// behind a fence stood before one of its own lane that was not held yet.
func TestStateSeedsOfOld(t *testing.T) {
	for _, old := range []struct {
		program string
		seed    uint64
	}{{"people", 10536}} {
		if problems, log := playState(old.program).logged(old.seed); len(problems) > 0 {
			t.Errorf("%s, seed %d:\n%s\n\n%s", old.program, old.seed, strings.Join(problems, "\n"), log)
		}
	}
}
