package op

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// throttle lets so many of a key through in a span of time. What does not pass is
// dropped, fails, or has its outputs wait.
type throttle struct {
	place
	at    token.Span
	state int
	rate  rate
	keys  []ir.Expr
	mode  throttleMode
	wait  int64 // microseconds, the longest
	skew  int64 // microseconds by which a bucket is kept beyond its filling
	child int
}

type throttleMode uint8

const (
	throttleDrop throttleMode = iota
	throttleFail
	throttleWait
)

func (c *compiler) throttle(p place, s *ir.Throttle) error {
	st, err := c.newThrottle(p, s)
	if err != nil {
		return err
	}
	c.add(st)
	c.route.group.timers[st.state] = &refill{skew: st.skew}
	return nil
}

func (c *compiler) newThrottle(p place, s *ir.Throttle) (*throttle, error) {
	i, err := c.state(p, s.Memory)
	if err != nil {
		return nil, err
	}
	st := &throttle{place: p, at: s.At, state: i, rate: newRate(s.N, s.PerMS*1000, s.Burst), keys: s.Keys, wait: s.WaitMS * 1000, child: c.child}
	switch s.Else {
	case "drop":
	case "fail":
		st.mode = throttleFail
	case "wait":
		// Its buckets go by the clock, which may be behind the watermark by as much
		// as a time may be ahead of it.
		st.mode, st.skew = throttleWait, c.route.arrival.maxFuture.Microseconds()
	default:
		return nil, fmt.Errorf("%s: throttle else %q", p.node, s.Else)
	}
	return st, nil
}

func (s *throttle) run(fr *Frame) int {
	key, fail := fr.cellKey(s.keys, s.at)
	if fail != nil {
		return fr.fail(&s.place, fail)
	}
	// Events are counted in their own time; what waits, waits by the clock.
	now := fr.now.UnixMicro()
	if s.mode != throttleWait {
		if now, fail = fr.timeAt(s.at); fail != nil {
			return fr.fail(&s.place, fail)
		}
	}
	return s.pass(fr, key, now)
}

// pass judges by the key and the time.
func (s *throttle) pass(fr *Frame, key []byte, now int64) int {
	var fail *diag.Failure
	b := bucketOf{last: now, full: now}
	cell, there := fr.cells.Get(s.state, key)
	if there {
		if b, fail = readBucket(cell, s.at); fail != nil {
			return fr.fail(&s.place, fail)
		}
	}
	wait := b.take(now, s.rate)
	switch {
	case wait == 0:
	case s.mode == throttleDrop:
		fr.visit(&s.place, 0)
		return fr.drop(&s.place, "throttled", s.child)
	case s.mode == throttleFail:
		return fr.fail(&s.place, diag.Failf(diag.Throttled, s.at, "the rate is used up for another %s", value.FormatDuration(time.Duration(wait)*time.Microsecond)))
	case wait > s.wait:
		return fr.fail(&s.place, diag.Failf(diag.Throttled, s.at, "it would wait %s, more than the %s that it may",
			value.FormatDuration(time.Duration(wait)*time.Microsecond), value.FormatDuration(time.Duration(s.wait)*time.Microsecond)))
	default:
		fr.notBefore = max(fr.notBefore, fr.now.Add(time.Duration(wait)*time.Microsecond).UnixNano())
	}
	fr.visit(&s.place, 1)
	fr.cells.Put(s.state, key, b.append(nil))
	if !there {
		fr.cells.Arm(s.state, after(b.full, s.skew+1), key)
	}
	if fail := fr.full(s.at); fail != nil {
		return fr.fail(&s.place, fail)
	}
	return goOn
}

// rate is n a span, exactly: one takes quo + rem/n microseconds.
type rate struct {
	n        int64
	quo, rem int64
	room     bucketOf // full: how far ahead a bucket may be for one more to pass, in last 0
}

func newRate(n, per, burst int64) rate {
	r := rate{n: n, quo: per / n, rem: per % n}
	hi, lo := bits.Mul64(uint64(burst-1), uint64(per))
	if hi >= uint64(n) {
		r.room.full = endless
		return r
	}
	full, part := bits.Div64(hi, lo, uint64(n))
	r.room.full, r.room.part = int64(min(full, endless)), int64(part)
	return r
}

// endless is longer than any two times are apart, in microseconds.
const endless = 1 << 60

// bucketOf is the bucket of a key: when it will be full, microseconds and n-th
// parts of one, and the latest time that it has seen: an earlier one refills
// nothing.
type bucketOf struct{ full, part, last int64 }

// take takes one, and tells after how many microseconds it is there: 0 at once.
// One that is not there yet is owed.
func (b *bucketOf) take(now int64, r rate) (wait int64) {
	b.last = max(b.last, now)
	if b.full < b.last {
		b.full, b.part = b.last, 0
	}
	b.part = min(b.part, r.n-1) // the rate was another when it was written
	wait = b.full - b.last - r.room.full
	if b.part > r.room.part {
		wait++ // a part of a microsecond is one
	}
	b.full += r.quo
	if b.part += r.rem; b.part >= r.n {
		b.full, b.part = b.full+1, b.part-r.n
	}
	return max(wait, 0)
}

const bucketForm = 1

func (b *bucketOf) append(dst []byte) []byte {
	dst = append(dst, bucketForm)
	for _, n := range [...]int64{b.full, b.part, b.last} {
		dst = binary.AppendVarint(dst, n)
	}
	return dst
}

func readBucket(cell []byte, at token.Span) (b bucketOf, fail *diag.Failure) {
	rest := cell
	ok := len(rest) > 0 && rest[0] == bucketForm
	if ok {
		rest = rest[1:]
	}
	for _, n := range []*int64{&b.full, &b.part, &b.last} {
		v, size := binary.Varint(rest)
		if ok = ok && size > 0; !ok {
			return bucketOf{}, diag.Failf(diag.StoredType, at, "what is stored is no bucket: %x", cell)
		}
		*n, rest = v, rest[size:]
	}
	return b, nil
}

// refill removes a bucket that is full again: a new one is, too.
type refill struct{ skew int64 }

func (r *refill) due(fr *Frame, s int, due int64, key []byte) (int, *event.Record) {
	fr.cells.Disarm(s, due, key)
	cell, ok := fr.cells.Get(s, key)
	if !ok {
		return 0, nil
	}
	b, fail := readBucket(cell, token.Span{})
	if fail == nil {
		if full := after(b.full, r.skew+1); full > due {
			fr.cells.Arm(s, full, key)
			return 0, nil
		}
		fr.cells.Delete(s, key)
	}
	return 0, nil
}
