package deliver

import (
	"container/heap"

	"github.com/sluice-dev/sluice/runtime/event"
)

// lot is what may share a request: outputs of one connection, group and priority. A
// ready slot stands in the ring of the lot of its head. To Segment and Kafka there is
// one lot a class; over HTTP there is one for each address and the like.
type lot struct {
	class *class
	key   lotKey
	limit Limit

	ring      ring
	unordered slot // of its outputs without an order
	// count and bytes are those of the outputs that its ready slots give before one of
	// another lot comes.
	count, bytes int
	// goes is from when on a request of it may go, and place where it stands in
	// class.ready; -1 where nothing of it is ready.
	goes  int64
	place int
	// oldest is since when the one waits that waits longest, of a lot that waits for
	// full requests: what comes back to the ring may be older than its head.
	oldest int64
	full   bool // what is ready makes a full request
	items  int  // outputs of it, on the wire too
}

type lotKey struct {
	connection int
	group      uint64
	own        bool // of calls
}

// lotsKept is how many lots a class may have before those that are empty are forgotten.
const lotsKept = 64

// lotOf finds the lot of an output, or makes it.
func (c *class) lotOf(s *Scheduler, o *event.Output, connection int) *lot {
	key := lotKey{connection: connection, group: o.Group, own: o.Alone}
	if c.last != nil && c.last.key == key {
		return c.last
	}
	limit := s.cfg.Connections[connection].Batch
	if o.Alone {
		limit = Limit{Count: 1, Bytes: limit.Bytes}
	}
	if limit.Count == 1 {
		key.group = 0 // nothing is shared
	}
	l := c.lots[key]
	if l == nil {
		c.sweep()
		l = &lot{class: c, key: key, limit: limit, place: -1, oldest: Never}
		l.unordered.unordered = true
		c.lots[key] = l
	}
	c.last = l
	return l
}

// sweep forgets empty lots: their number goes with the addresses in the data.
func (c *class) sweep() {
	if len(c.lots) < c.sweepAt {
		return
	}
	for key, l := range c.lots {
		if l.items == 0 {
			delete(c.lots, key)
		}
	}
	c.last = nil
	c.sweepAt = max(lotsKept, 2*len(c.lots))
}

// waits tells that a request of the lot waits to become full.
func (l *lot) waits() bool { return l.limit.Wait && l.limit.Count > 1 && !l.class.hurry }

// Hurry lets no request wait any more until it is full: the program stops, and what is
// here is to be sent.
func (s *Scheduler) Hurry() {
	for i := range s.classes {
		c := &s.classes[i]
		c.hurry = true
		for _, l := range c.lots {
			l.settle()
		}
	}
}

// since is since when the one waits that is looked at when it is to be chosen.
func (l *lot) since() int64 {
	if l.waits() {
		return l.oldest
	}
	return l.ring.head.head.since
}

// makeReady puts a slot that has outputs at the end of the ring of its head's lot.
func makeReady(sl *slot) {
	l := sl.head.lot
	sl.state = ready
	l.ring.push(sl)
	l.counts(sl)
}

// again puts a slot that was taken from the ring back in front.
func (l *lot) again(sl *slot) {
	sl.state = ready
	l.ring.pushFront(sl)
	l.counts(sl)
}

// counts counts a slot that was put into the ring.
func (l *lot) counts(sl *slot) {
	sl.counted, sl.countedBytes = sl.run, sl.runBytes
	l.count += sl.run
	l.bytes += sl.runBytes
	l.oldest = min(l.oldest, sl.head.since)
	l.settle()
}

// grown counts what a slot in the ring got.
func grown(sl *slot) {
	l := sl.head.lot
	l.count += sl.run - sl.counted
	l.bytes += sl.runBytes - sl.countedBytes
	sl.counted, sl.countedBytes = sl.run, sl.runBytes
	if full := l.isFull(); full != l.full {
		l.settle()
	}
}

// take takes the first slot out of the ring. The caller settles the lot.
func (l *lot) take() *slot {
	sl := l.ring.pop()
	l.count -= sl.counted
	l.bytes -= sl.countedBytes
	return sl
}

func (l *lot) isFull() bool { return l.count >= l.limit.Count || l.bytes >= l.limit.Bytes }

// settle finds out when the lot goes and puts it where it belongs.
func (l *lot) settle() {
	c := l.class
	if full := l.isFull() && l.ring.head != nil; full != l.full {
		l.full = full
		if full {
			c.full++
		} else {
			c.full--
		}
	}
	if l.ring.head == nil {
		l.oldest = Never
		if l.place >= 0 {
			heap.Remove(&c.ready, l.place)
		}
		return
	}
	l.goes = l.since()
	if l.waits() && !l.full {
		l.goes += int64(l.limit.Linger)
	}
	if l.place < 0 {
		heap.Push(&c.ready, l)
		return
	}
	if len(c.ready) > 1 {
		heap.Fix(&c.ready, l.place)
	}
}

// taken settles a lot of which a request was made.
func (l *lot) taken() {
	if l.waits() {
		l.oldest = Never
		for sl := l.ring.head; sl != nil; sl = sl.nextReady {
			l.oldest = min(l.oldest, sl.head.since)
		}
	}
	l.settle()
}

func (l *lot) earlier(than *lot) bool { return l.goes < than.goes }
func (l *lot) stands(at int)          { l.place = at }
