package deliver

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// knownWait is a wait that is too long to keep an epoch open for it.
const knownWait = time.Second

// Overdue gives the outputs of an owner that wait too long for their task to keep
// them in its epochs, each once; what is in a request on the wire is not among them. These are
// all of them where the scheduler is paused, where it is known to wait for more
// than a second, or where its oldest output has waited longer than after; else
// those whose own backoff takes more than a second.
func (s *Scheduler) Overdue(o *Owner, now int64, after time.Duration, yield func(*event.Output)) {
	if o.waiting == 0 {
		return
	}
	soon := now + int64(knownWait)
	all := s.pause.reason != Running || s.gate > soon || s.down() && s.nextTry > soon || s.oldest() < now-int64(after)
	give := func(it *item) {
		if it.owner == o && !it.told {
			it.told = true
			yield(it.out)
		}
	}
	for _, r := range s.retries {
		if all || r.due > soon {
			for _, it := range r.items {
				give(it)
			}
		}
	}
	for _, sl := range s.sides {
		if all || sl.state == timed && sl.due > soon {
			sl.each(give)
		}
	}
	for i := range s.classes {
		c := &s.classes[i]
		if !all {
			// Requests that wait to become full: what stands behind in a slot waits, too.
			for _, l := range c.ready {
				if l.goes > soon {
					l.each(give)
				}
			}
			continue
		}
		for _, l := range c.lots {
			l.unordered.each(give)
		}
		for j := range c.slots {
			c.slots[j].each(give)
		}
	}
}

// each goes through what stands in the ready slots of a lot.
func (l *lot) each(do func(*item)) {
	l.slots.each(func(sl *slot) { sl.queue.each(do) })
}

func (q *queue) each(do func(*item)) {
	for it := q.head; it != nil; it = it.next {
		do(it)
	}
}

// oldest is since when the output waits that waits longest, of those that may be
// sent; Never where none does.
func (s *Scheduler) oldest() int64 {
	least := Never
	for _, r := range s.retries {
		for _, it := range r.items {
			least = min(least, it.waits())
		}
	}
	for _, sl := range s.sides {
		least = min(least, sl.oldest())
	}
	for i := range s.classes {
		c := &s.classes[i]
		for _, l := range c.lots {
			least = min(least, l.unordered.oldest())
		}
		for j := range c.slots {
			least = min(least, c.slots[j].oldest())
		}
	}
	return least
}

// waits is since when an output could have been sent.
func (it *item) waits() int64 {
	at := max(it.since, it.before)
	if it.lot.waits() {
		at = max(at, it.since+int64(it.lot.limit.Linger))
	}
	return at
}

// oldest is that of a FIFO: nothing behind one that could be sent when it was
// pushed waits longer.
func (q *queue) oldest() int64 {
	least := Never
	for it := q.head; it != nil; it = it.next {
		least = min(least, it.waits())
		if it.before <= it.since && !it.lot.waits() {
			break
		}
	}
	return least
}
