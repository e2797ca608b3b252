package state

import (
	"bytes"
	"container/heap"
	"encoding/binary"
	"slices"
)

// Timers are cells without a value whose keys lead with the time when they are due,
// so that the store has them in that order. Of a state there may be as many as
// there are rows; what is in memory is those of epochs in flight (armed), and of
// the store's the first ones (ahead). Both may hold timers that are none any more:
// they are left out where they come up.
type timers struct {
	armed timerHeap
	stale int // of armed, about: are in the store by now

	// ahead are the store's timers before more, in order; all of them where more is
	// false. Those that epochs in flight have disarmed are among them.
	ahead []string
	next  int // those before it are disarmed
	more  bool
	from  []byte // where more begins; nil: at the first
}

// timerHeap holds keys of the store: the first is due first.
type timerHeap []string

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h timerHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push is container/heap's.
func (h *timerHeap) Push(x any) { *h = append(*h, x.(string)) }

// Pop is container/heap's.
func (h *timerHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	old[len(old)-1] = ""
	*h = old[:len(old)-1]
	return x
}

// Bounds of ahead: how many timers are read at once, and how many stay.
const (
	timersRead = 512
	timersKept = 4 * timersRead
)

const (
	timerKind = 't'
	timerHead = 1 + 4 + 8
)

// timerKey orders timers by their due time, then by key.
func timerKey(number uint32, due int64, key []byte) []byte {
	return appendTimerKey(nil, number, due, key)
}

func appendTimerKey(dst []byte, number uint32, due int64, key []byte) []byte {
	dst = binary.BigEndian.AppendUint32(append(dst, timerKind), number)
	dst = binary.BigEndian.AppendUint64(dst, uint64(due)^1<<63)
	return append(dst, key...)
}

func timerDue(k string) int64 {
	due := uint64(0)
	for i := 5; i < timerHead; i++ {
		due = due<<8 | uint64(k[i])
	}
	return int64(due ^ 1<<63)
}

func (c *Cells) timer(s int, due int64, key []byte) []byte {
	c.key = appendTimerKey(c.key[:0], c.states[s].number, due, key)
	return c.key
}

// noValue is what a timer's cell holds.
var noValue = []byte{}

// Arm sets a timer of a state: when the watermark has passed due (microseconds) it
// is told by Due. A timer is a cell: the record that arms it may be undone.
func (c *Cells) Arm(s int, due int64, key []byte) {
	cl := c.set(c.timer(s, due, key), version{val: noValue})
	t := &c.states[s].timers
	heap.Push(&t.armed, cl.key)
}

// Disarm takes a timer away.
func (c *Cells) Disarm(s int, due int64, key []byte) {
	c.set(c.timer(s, due, key), version{gone: true})
}

// Due gives the earliest timer of a state that is due at w: its time and its key.
// It stays until it is disarmed.
func (c *Cells) Due(s int, w int64) (due int64, key []byte, ok bool) {
	t := &c.states[s].timers
	for len(t.armed) > 0 && !c.isArmed(t.armed[0]) {
		heap.Pop(&t.armed)
	}
	best := ""
	if len(t.armed) > 0 {
		best = t.armed[0]
	}
	if k := c.stored(&c.states[s], w); k != "" && (best == "" || k < best) {
		best = k
	}
	if best == "" || timerDue(best) > w {
		return 0, nil, false
	}
	return timerDue(best), []byte(best[timerHead:]), true
}

// isArmed tells whether an epoch in flight has armed a timer, and none disarmed it.
func (c *Cells) isArmed(k string) bool {
	cl := c.over[k]
	return cl != nil && !cl.last().gone
}

// isDisarmed tells whether an epoch in flight has disarmed it.
func (c *Cells) isDisarmed(k string) bool {
	cl := c.over[k]
	return cl != nil && cl.last().gone
}

// stored gives the first timer of the store that is not disarmed; "" where that is
// not due at w, perhaps.
func (c *Cells) stored(st *cellState, w int64) string {
	t := &st.timers
	for {
		for t.next < len(t.ahead) && c.isDisarmed(t.ahead[t.next]) {
			t.next++
		}
		if t.next < len(t.ahead) {
			return t.ahead[t.next]
		}
		if !t.more || t.from != nil && timerDue(string(t.from)) > w {
			return ""
		}
		if err := c.readTimers(st); err != nil {
			c.fail(err)
			return ""
		}
	}
}

// readTimers reads the next timers of the store.
func (c *Cells) readTimers(st *cellState) error {
	t := &st.timers
	n := 0
	from := t.from
	t.more, t.from = false, nil
	prefix := stateKey(timerKind, st.number)
	return c.store.Scan(prefix, from, func(key, _ []byte) bool {
		if n == timersRead {
			t.more, t.from = true, bytes.Clone(key)
			return false
		}
		n++
		t.ahead = append(t.ahead, string(key))
		return true
	})
}

// timerUndone takes back that a record has armed or disarmed a timer.
func (c *Cells) timerUndone(cl *cell) {
	t := c.timersOf(cl.key)
	t.next = 0
	if len(cl.list) > 0 && !cl.last().gone {
		heap.Push(&t.armed, cl.key) // it may have been left out meanwhile
	}
}

func (c *Cells) timersOf(key string) *timers {
	return &c.states[c.index[binary.BigEndian.Uint32([]byte(key[1:5]))]].timers
}

// timerStored takes that a timer went to the store, or is gone from it.
func (c *Cells) timerStored(cl *cell, gone bool) {
	t := c.timersOf(cl.key)
	if t.stale++; t.stale > 64 && t.stale > len(t.armed)/2 {
		t.armed = slices.DeleteFunc(t.armed, func(k string) bool { return k == cl.key || !c.isArmed(k) })
		heap.Init(&t.armed)
		t.stale = 0
	}
	if t.more && (t.from == nil || cl.key >= string(t.from)) {
		return // it is read when its turn comes
	}
	i, there := slices.BinarySearch(t.ahead, cl.key)
	switch {
	case gone && there && i == 0:
		t.ahead[0] = ""
		t.ahead = t.ahead[1:]
	case gone && there:
		t.ahead = slices.Delete(t.ahead, i, i+1)
	case !gone && !there:
		t.ahead = slices.Insert(t.ahead, i, cl.key)
		if len(t.ahead) > timersKept {
			t.more, t.from = true, []byte(t.ahead[timersRead])
			t.ahead = slices.Clone(t.ahead[:timersRead])
		}
	}
	t.next = 0
}
