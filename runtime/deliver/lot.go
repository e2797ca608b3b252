package deliver

import (
	"container/heap"

	"github.com/sluice-dev/sluice/runtime/event"
)

// lot is what may share a request: outputs of one connection, group and priority. A
// ready slot stands among those of the lot of its head. To Segment and Kafka there is
// one lot a class; over HTTP there is one for each address and the like.
type lot struct {
	class *class
	key   lotKey
	limit Limit

	slots     byAge
	unordered slot // of its outputs without an order
	// count and bytes are those of the outputs that its ready slots give before one of
	// another lot comes.
	count, bytes int
	// goes is from when on a request of it may go, and place where it stands in
	// class.ready; -1 where nothing of it is ready.
	goes  int64
	place int
	full  bool // what is ready makes a full request
	items int  // outputs of it, on the wire too
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
		l = &lot{class: c, key: key, limit: limit, place: -1}
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

// since is since when its oldest output waits, of those that are ready.
func (l *lot) since() int64 { return l.slots.first().head.since }

// makeReady puts a slot that has outputs among those of its head's lot.
func makeReady(sl *slot) {
	l := sl.head.lot
	sl.state = ready
	l.slots.push(sl)
	sl.counted, sl.countedBytes = sl.run, sl.runBytes
	l.count += sl.run
	l.bytes += sl.runBytes
	l.settle()
}

// grown counts what a ready slot got.
func grown(sl *slot) {
	l := sl.head.lot
	l.count += sl.run - sl.counted
	l.bytes += sl.runBytes - sl.countedBytes
	sl.counted, sl.countedBytes = sl.run, sl.runBytes
	if full := l.isFull(); full != l.full {
		l.settle()
	}
}

// take takes the slot with the oldest head. The caller settles the lot.
func (l *lot) take() *slot {
	sl := l.slots.pop()
	l.count -= sl.counted
	l.bytes -= sl.countedBytes
	return sl
}

func (l *lot) isFull() bool { return l.count >= l.limit.Count || l.bytes >= l.limit.Bytes }

// settle finds out when the lot goes and puts it where it belongs.
func (l *lot) settle() {
	c := l.class
	if full := l.isFull() && !l.slots.empty(); full != l.full {
		l.full = full
		if full {
			c.full++
		} else {
			c.full--
		}
	}
	if l.slots.empty() {
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

func (l *lot) earlier(than *lot) bool { return l.goes < than.goes }
func (l *lot) stands(at int)          { l.place = at }
