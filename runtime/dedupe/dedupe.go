// Package dedupe is the exact memory of `dedupe`: which keys have passed, and at
// what time of theirs. It takes fingerprints of keys and times and answers
// whether a record is a repeat.
//
// It is pure: no clock, no store, no goroutine. What it holds in memory is made
// durable elsewhere (package state), and filled from there at start. It must not
// know what a record or a key is.
//
// # The rule
//
// A record is a repeat where |t − t of one that passed| < within. A claim (a key
// that passed at t while the watermark was w) counts until the watermark has
// passed max(t, w) + 2 × within; so a record up to `within` behind the watermark
// is judged exactly (language.md §11). Times and spans are microseconds.
package dedupe

import (
	"github.com/zeebo/xxh3"
)

// Print is the fingerprint of a key, 128 bits.
type Print [16]byte

// PrintOf makes the fingerprint of a key.
func PrintOf(key []byte) Print { return xxh3.Hash128(key).Bytes() }

// Claim is a key that passed.
type Claim struct {
	Key Print
	At  int64 // its @time, microseconds since 1970
	// Lag is by how much At was behind the watermark when it passed, in milliseconds,
	// rounded up; 0 where it was not. So max(t, w) is At + Lag.
	Lag uint32
}

// End is the watermark at which the claim counts no more for a stage of that span.
func (c Claim) End(within int64) int64 {
	return addSat(addSat(c.At, int64(c.Lag)*1000), addSat(within, within))
}

// Near tells whether two times are less than within apart.
func Near(a, b, within int64) bool {
	if a < b {
		a, b = b, a
	}
	d := a - b
	return d >= 0 && d < within // a difference that overflows is no near one
}

// Made is the claim of a key that passes at a time, with the watermark at w.
func Made(k Print, at, w int64) Claim {
	c := Claim{Key: k, At: at}
	if w > at {
		lag := (uint64(w-at) + 999) / 1000
		c.Lag = uint32(min(lag, 1<<32-1))
	}
	return c
}

func addSat(a, b int64) int64 {
	if s := a + b; (s > a) == (b > 0) {
		return s
	}
	if b > 0 {
		return 1<<63 - 1
	}
	return -1 << 63
}
