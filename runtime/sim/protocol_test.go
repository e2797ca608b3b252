package sim

import "testing"

// playRoutes plays routes without state.
var playRoutes player = func(seed uint64, trace func(string)) played {
	c := newChaos(seed, setup{trace: trace})
	return played{c.run(), c.died[:], c.did[:]}
}

// TestProtocol kills, freezes, moves and stops processes at every point of a
// route without state, under sinks that take, lose, refuse and gate, and judges what sinks
// and topics saw against what must have come. A seed picks all of it and replays
// exactly: `go test ./runtime/sim -run Protocol -seed N`.
func TestProtocol(t *testing.T) {
	playRoutes.everySeed(t, func(i int) string { return point(i).String() }, func(i int) string { return deed(i).String() })
}

func TestSeedsReplayExactly(t *testing.T) { playRoutes.replaysExactly(t) }
