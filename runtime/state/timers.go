package state

import (
	"bytes"
	"container/heap"
	"encoding/binary"
)

type timer struct {
	due int64
	key string // of the store
}

type timerHeap []timer

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	return h[i].key < h[j].key // DUE leads the key, in order
}
func (h timerHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }

// Push is container/heap's.
func (h *timerHeap) Push(x any) { *h = append(*h, x.(timer)) }

// Pop is container/heap's.
func (h *timerHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}

// timerKey orders timers by their due time, then by key.
func timerKey(number uint32, due int64, key []byte) []byte {
	k := binary.BigEndian.AppendUint64(stateKey('t', number), uint64(due)^1<<63)
	return append(k, key...)
}

const timerHead = 1 + 4 + 8

func timerDue(k []byte) int64 { return int64(binary.BigEndian.Uint64(k[5:]) ^ 1<<63) }

// Arm sets a timer of a state: when the watermark has passed due (microseconds) it
// is told by Due. A timer is a cell: the record that arms it may be undone.
func (c *Cells) Arm(s int, due int64, key []byte) {
	st := &c.states[s]
	k := timerKey(st.number, due, key)
	c.set(k, version{val: []byte{}})
	heap.Push(&st.armed, timer{due, string(k)})
}

// Disarm takes a timer away.
func (c *Cells) Disarm(s int, due int64, key []byte) {
	c.set(timerKey(c.states[s].number, due, key), version{gone: true})
}

// Due gives the earliest timer of a state that is due at w: its time and its key.
// It stays until it is disarmed.
func (c *Cells) Due(s int, w int64) (due int64, key []byte, ok bool) {
	st := &c.states[s]
	// Timers of epochs in flight.
	for len(st.armed) > 0 {
		top := st.armed[0]
		v := c.over[top.key]
		if v != nil && !v.list[len(v.list)-1].gone {
			break
		}
		heap.Pop(&st.armed) // disarmed, undone, or in the store now
	}
	best := ""
	if len(st.armed) > 0 && st.armed[0].due <= w {
		best = st.armed[0].key
	}
	if st.first <= w {
		if k := c.stored(st, w); k != "" && (best == "" || k < best) {
			best = k
		}
	}
	if best == "" {
		return 0, nil, false
	}
	k := []byte(best)
	return timerDue(k), k[timerHead:], true
}

// stored finds the first timer of the store that is due at w and not disarmed.
func (c *Cells) stored(st *cellState, w int64) string {
	prefix := stateKey('t', st.number)
	found := ""
	next := int64(1<<63 - 1)
	err := c.store.Scan(prefix, st.cursor, func(key, _ []byte) bool {
		if v := c.over[string(key)]; v != nil && v.list[len(v.list)-1].gone {
			return true // disarmed by an epoch in flight
		}
		next = timerDue(key)
		if next <= w {
			found = string(key)
		}
		return false
	})
	if err != nil && c.err == nil {
		c.err = err
	}
	st.first = next
	return found
}

// timerStored keeps the bounds of a state's timers right when one went to the
// store, or from it.
func (c *Cells) timerStored(k []byte) {
	if k[0] != 't' {
		return
	}
	for i := range c.states {
		st := &c.states[i]
		if !bytes.Equal(k[:5], stateKey('t', st.number)) {
			continue
		}
		st.first = min(st.first, timerDue(k))
		if st.cursor != nil && bytes.Compare(k, st.cursor) < 0 {
			st.cursor = nil
		}
	}
}
