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
	// Lag is by how much At was behind the watermark when it passed, rounded up; 0 where it
	// was not. So max(t, w) is At + Lag.
	Lag Lag
}

// Lag is a span in four bytes: milliseconds up to 24 days and, with the highest bit set,
// hours. So it holds any there can be between two times, and keeps a claim for an hour
// longer at most.
type Lag uint32

const hours Lag = 1 << 31

func lagOf(micros uint64) Lag {
	if ms := (micros + 999) / 1000; ms < uint64(hours) {
		return Lag(ms)
	}
	const hour = 3600 * 1e6
	return hours | Lag(min((micros+hour-1)/hour, uint64(hours-1)))
}

// micros is the span in microseconds.
func (l Lag) micros() int64 {
	if l&hours == 0 {
		return int64(l) * 1000
	}
	return int64(l&^hours) * 3600 * 1e6
}

// End is the watermark at which the claim counts no more for a stage of that span.
func (c Claim) End(within int64) int64 {
	return addSat(addSat(c.At, c.Lag.micros()), addSat(within, within))
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
		c.Lag = lagOf(uint64(w) - uint64(at))
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
