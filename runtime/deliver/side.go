package deliver

import "container/heap"

// newSide makes the side slot of an item's lane, or one for this item alone when
// it has no lane. It is timed; the caller pushes it to parked.
func (s *Scheduler) newSide(it *item, due int64) *slot {
	var sl *slot
	if n := len(s.freeSlots); n > 0 {
		sl, s.freeSlots = s.freeSlots[n-1], s.freeSlots[:n-1]
	} else {
		sl = &slot{}
	}
	*sl = slot{side: true, state: timed, due: due, place: len(s.sides)}
	s.sides = append(s.sides, sl)
	if it.ordered() {
		sl.named, sl.lane = true, it.out.Lane
		s.side[sl.lane] = sl
	}
	return sl
}

// forget takes an empty side slot away that stands in no ring and no heap.
func (s *Scheduler) forget(sl *slot) {
	s.setAlone(sl, false)
	if sl.named {
		delete(s.side, sl.lane)
	}
	last := len(s.sides) - 1
	s.sides[sl.place] = s.sides[last]
	s.sides[sl.place].place = sl.place
	s.sides[last] = nil
	s.sides = s.sides[:last]
	s.freeSlots = append(s.freeSlots, sl)
}

// release tells a slot that one of its outputs is no longer undecided.
func (s *Scheduler) release(sl *slot) {
	if sl.unordered {
		return
	}
	sl.undecided--
	if sl.undecided > 0 || sl.state != busy {
		return
	}
	switch {
	case sl.count == 0 && sl.side:
		s.forget(sl)
	case sl.count == 0:
		sl.state = idle
	default:
		// A side slot whose head was decided gives like any other from here.
		s.setAlone(sl, false)
		makeReady(sl)
	}
}

// sideOf is the side slot that an output taken from sl must join, nil for none.
func (s *Scheduler) sideOf(it *item, sl *slot) *slot {
	if len(s.side) == 0 || sl.side || !it.ordered() {
		return nil
	}
	return s.side[it.out.Lane]
}

// join puts an output that stands in no queue behind what a side slot has.
func (s *Scheduler) join(side *slot, it *item) {
	it.slot = side
	side.push(it)
	if side.state == ready {
		grown(side)
	}
}

// wait lets a side slot that stands nowhere wait until due.
func (s *Scheduler) wait(sl *slot, due int64) {
	sl.state, sl.due = timed, due
	heap.Push(&s.parked, sl)
}

// setAside moves an undecided output of r, and all that r holds of its lane, to a
// side slot, so that its neighbours in the slot go on (I8) and its lane keeps its
// order (I3). With alone the head of that slot, which failed again and again, is
// sent in requests of its own.
func (s *Scheduler) setAside(r *Request, culprit *item, due int64, alone bool) {
	var moved queue
	r.keep(func(it *item) bool {
		if it == culprit || culprit.ordered() && it.ordered() && it.out.Lane == culprit.out.Lane {
			moved.push(it)
			return false
		}
		return true
	})
	side := culprit.slot
	if side.side {
		side.undecided -= moved.count
	} else {
		if s.sideOf(culprit, culprit.slot) != nil {
			panic("deliver: a lane stands aside and in its slot") // I3
		}
		side = s.newSide(culprit, due)
		for it := moved.head; it != nil; it = it.next {
			from := it.slot
			it.slot = side
			s.release(from)
		}
	}
	side.queue.prepend(moved)
	s.setAlone(side, alone)
	s.wait(side, due)
}

func (s *Scheduler) setAlone(sl *slot, alone bool) {
	if sl.alone != alone {
		sl.alone = alone
		if alone {
			s.aside++
		} else {
			s.aside--
		}
	}
}

// Purge takes back everything of an owner that is not on the wire: its task was
// revoked or lost (I6). What is on the wire is answered; an acceptance is still a
// result, anything else is not, for nothing of the owner is sent again.
func (s *Scheduler) Purge(o *Owner) {
	if !s.policy.purges() {
		return
	}
	o.closed = true
	inRings := s.unready()
	for p := range s.classes {
		c := &s.classes[p]
		for _, l := range c.lots {
			s.purgeSlot(&l.unordered, o)
		}
		for i := range c.slots {
			s.purgeSlot(&c.slots[i], o)
		}
	}
	for _, sl := range s.sides {
		s.purgeSlot(sl, o)
	}
	for _, sl := range inRings {
		switch {
		case sl.head != nil:
			makeReady(sl)
		case sl.side:
			s.forget(sl)
		default:
			sl.state = idle
		}
	}
	kept := s.retries[:0]
	for _, r := range s.retries {
		s.dropOwner(r)
		if len(r.items) == 0 {
			s.freeRequest(r)
			continue
		}
		kept = append(kept, r)
	}
	clear(s.retries[len(kept):])
	s.retries = kept
}

// unready takes all slots out of their lots, each lot's in order: what is at the head of
// one, and so the lot it belongs to, is about to change.
func (s *Scheduler) unready() []*slot {
	var out []*slot
	for i := range s.classes {
		c := &s.classes[i]
		for len(c.ready) > 0 {
			l := c.ready[0]
			for !l.slots.empty() {
				out = append(out, l.take())
			}
			l.settle()
		}
	}
	return out
}

// purgeSlot drops the outputs of o that wait in a slot. One that becomes empty
// stays where it stands: whoever takes it finds nothing.
func (s *Scheduler) purgeSlot(sl *slot, o *Owner) {
	if sl.head == nil {
		return
	}
	rest := queue{}
	for sl.head != nil {
		if it := sl.pop(); it.owner == o {
			s.drop(it)
		} else {
			rest.push(it)
		}
	}
	sl.queue = rest
}

// dropOwner takes the outputs of purged owners out of a request that is not on
// the wire.
func (s *Scheduler) dropOwner(r *Request) {
	closed := false
	for _, it := range r.items {
		closed = closed || it.owner.closed
	}
	if !closed {
		return
	}
	r.keep(func(it *item) bool {
		if it.owner.closed {
			sl := it.slot
			s.drop(it)
			s.release(sl)
			return false
		}
		return true
	})
}

// drop forgets an item that waits and that nothing is to be said about.
func (s *Scheduler) drop(it *item) {
	it.owner.waiting--
	s.waiting--
	s.freeItem(it)
}
