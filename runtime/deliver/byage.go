package deliver

// byAge are the ready slots of a lot, the one whose head was pushed first in front. So
// what comes first goes first: a position is committed once all before it is decided, and
// what was decided behind the oldest that is not goes out again after a crash.
//
// A slot that becomes ready by a push is the youngest, and most are such: they stand in a
// ring. One that comes back from a request has what was pushed meanwhile, or before
// that: those stand in a heap.
type byAge struct {
	young ring
	back  []aged
}

// aged is a slot and the age of its head, which stays the same while it is ready.
type aged struct {
	seq uint64
	*slot
}

func (b *byAge) empty() bool { return b.young.head == nil && len(b.back) == 0 }

// first is the one with the oldest head. There is one.
func (b *byAge) first() *slot {
	if b.older() {
		return b.back[0].slot
	}
	return b.young.head
}

// older tells that the oldest is one that came back.
func (b *byAge) older() bool {
	return len(b.back) > 0 && (b.young.head == nil || b.back[0].seq < b.young.head.head.seq)
}

func (b *byAge) push(sl *slot) {
	seq := sl.head.seq
	if t := b.young.tail; t == nil || t.head.seq < seq {
		b.young.push(sl)
		return
	}
	h := append(b.back, aged{seq, sl})
	i := len(h) - 1
	for i > 0 && h[(i-1)/2].seq > seq {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = aged{seq, sl}
	b.back = h
}

func (b *byAge) pop() *slot {
	if !b.older() {
		return b.young.pop()
	}
	h := b.back
	sl, last := h[0].slot, h[len(h)-1]
	h[len(h)-1] = aged{} // let it be collected
	h = h[:len(h)-1]
	i := 0
	for c := 1; c < len(h); c = 2*i + 1 {
		if c+1 < len(h) && h[c+1].seq < h[c].seq {
			c++
		}
		if last.seq <= h[c].seq {
			break
		}
		h[i] = h[c]
		i = c
	}
	if len(h) > 0 {
		h[i] = last
	}
	b.back = h
	return sl
}

func (b *byAge) each(do func(*slot)) {
	for sl := b.young.head; sl != nil; sl = sl.nextReady {
		do(sl)
	}
	for _, a := range b.back {
		do(a.slot)
	}
}
