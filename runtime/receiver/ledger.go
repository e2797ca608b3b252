package receiver

import (
	"fmt"
	"math/bits"
	"sort"
	"sync"

	"github.com/zeebo/xxh3"
)

const (
	// maxIDs bounds the message ids a ledger remembers, about 50 bytes each.
	maxIDs = 8 << 20
	// maxSeq bounds a sequence number: a lane has one bit for each up to
	// its highest.
	maxSeq = 1 << 26
	// maxFindings bounds the findings a report tells in words.
	maxFindings = 20
)

// Ledger judges arrivals. Its producer numbers the events of each lane, a
// lane being a topic and a user, from any number upwards, and tells the
// ledger with Expect which numbers must arrive. All counting is exact while
// the bounds hold, and a report says when they did not.
//
// Order is judged on first acceptances: an event whose messageId has been
// seen is a repeat, which a sender that got no answer must make, and neither
// disorder nor a duplicate, as Segment drops it.
type Ledger struct {
	mu    sync.Mutex
	ids   map[xxh3.Uint128]uint64 // messageId → hash of the message's bytes
	lanes map[laneKey]*lane
	r     Report
	out   int // expected and not arrived
}

type laneKey struct{ topic, user string }

type lane struct {
	got, want bitmap
	last      uint64 // highest seq accepted so far, if any is in got
	any       bool
}

// Report is the ledger's judgement so far.
type Report struct {
	Accepted int // events taken, repeats included
	Distinct int // different message ids among them
	Repeats  int // taken again under a message id already seen

	Expected   int // told by Expect
	Lost       int // expected, not arrived
	Duplicated int // one number of a lane under two message ids
	OutOfOrder int // first accepted after a higher number of its lane
	Unexpected int // arrived, not expected, where anything was expected
	Changed    int // repeats whose content differs from the first (I4)

	Unnumbered int // distinct events without a number: taken, not judged
	Unjudged   int // distinct events beyond the ledger's bounds: not judged

	// Findings tells the first few of what is wrong.
	Findings []string
}

// Clean tells whether nothing was lost, duplicated, reordered, invented or
// changed, and everything could be judged.
func (r Report) Clean() bool {
	return r.Lost == 0 && r.Duplicated == 0 && r.OutOfOrder == 0 && r.Unexpected == 0 && r.Changed == 0 && r.Unjudged == 0
}

// NewLedger makes an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{ids: map[xxh3.Uint128]uint64{}, lanes: map[laneKey]*lane{}}
}

// Expect says that the event of this number must arrive. It is called before
// the event is produced.
func (l *Ledger) Expect(topic, user string, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seq > maxSeq {
		l.r.Unjudged++
		return
	}
	ln := l.lane(topic, user)
	if ln.want.set(seq) {
		return
	}
	l.r.Expected++
	if !ln.got.has(seq) {
		l.out++
	}
}

// Outstanding is how many expected events have not arrived yet.
func (l *Ledger) Outstanding() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out
}

// Report judges what has arrived so far.
func (l *Ledger) Report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.r
	r.Lost = l.out
	r.Findings = append([]string(nil), l.r.Findings...)
	if r.Expected == 0 {
		return r
	}
	keys := make([]laneKey, 0, len(l.lanes))
	for k, ln := range l.lanes {
		r.Unexpected += ln.got.without(ln.want, nil)
		keys = append(keys, k)
	}
	if r.Lost == 0 && r.Unexpected == 0 {
		return r
	}
	// A fixed order of lanes gives the same report for the same arrivals.
	sort.Slice(keys, func(i, j int) bool {
		return keys[i].topic < keys[j].topic || keys[i].topic == keys[j].topic && keys[i].user < keys[j].user
	})
	for _, k := range keys {
		ln := l.lanes[k]
		ln.want.without(ln.got, func(seq uint64) { r.find("lost: %s of %s, number %d", k.topic, k.user, seq) })
		ln.got.without(ln.want, func(seq uint64) { r.find("unexpected: %s of %s, number %d", k.topic, k.user, seq) })
	}
	return r
}

// record judges the events of one request in their order and marks the
// repeats.
func (l *Ledger) record(events []Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		l.recordOne(&events[i])
	}
}

func (l *Ledger) recordOne(ev *Event) {
	l.r.Accepted++
	if ev.MessageID != "" {
		id, content := xxh3.HashString128(ev.MessageID), xxh3.Hash(ev.Raw)
		first, seen := l.ids[id]
		switch {
		case seen:
			ev.Repeat = true
			l.r.Repeats++
			if first != content {
				l.r.Changed++
				l.r.find("changed: message %s came again with other content", ev.MessageID)
			}
			return
		case len(l.ids) >= maxIDs:
			l.r.Unjudged++
			return
		}
		l.ids[id] = content
	}
	// Segment gives an event without a messageId one of its own, so each is
	// another event.
	l.r.Distinct++
	switch {
	case !ev.Numbered:
		l.r.Unnumbered++
		return
	case ev.Seq > maxSeq:
		l.r.Unjudged++
		return
	}
	ln := l.lane(ev.Topic, ev.User)
	switch {
	case ln.got.set(ev.Seq):
		l.r.Duplicated++
		l.r.find("duplicated: %s of %s, number %d again as message %s", ev.Topic, ev.User, ev.Seq, ev.MessageID)
		return
	case ln.any && ev.Seq < ln.last:
		l.r.OutOfOrder++
		l.r.find("out of order: %s of %s, number %d after %d", ev.Topic, ev.User, ev.Seq, ln.last)
	default:
		ln.last, ln.any = ev.Seq, true
	}
	if ln.want.has(ev.Seq) {
		l.out--
	}
}

func (l *Ledger) lane(topic, user string) *lane {
	k := laneKey{topic, user}
	ln := l.lanes[k]
	if ln == nil {
		ln = new(lane)
		l.lanes[k] = ln
	}
	return ln
}

func (r *Report) find(format string, args ...any) {
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
	}
}

// bitmap is a set of small numbers.
type bitmap []uint64

// set adds n and tells whether it was there.
func (b *bitmap) set(n uint64) bool {
	w := int(n / 64)
	if w >= len(*b) {
		*b = append(*b, make(bitmap, w+1-len(*b))...)
	}
	was := b.has(n)
	(*b)[w] |= 1 << (n % 64)
	return was
}

func (b *bitmap) has(n uint64) bool {
	w := int(n / 64)
	return w < len(*b) && (*b)[w]&(1<<(n%64)) != 0
}

// without counts the numbers of b that c lacks and calls fn, if any, with
// each.
func (b bitmap) without(c bitmap, fn func(uint64)) (n int) {
	for w, x := range b {
		if w < len(c) {
			x &^= c[w]
		}
		n += bits.OnesCount64(x)
		for ; fn != nil && x != 0; x &= x - 1 {
			fn(uint64(w)*64 + uint64(bits.TrailingZeros64(x)))
		}
	}
	return n
}
