package deliver

import "github.com/sluice-dev/sluice/runtime/event"

// item is one output on its way. Items are reused: a push allocates nothing once
// the scheduler has seen its greatest load.
type item struct {
	next  *item
	out   *event.Output
	owner *Owner
	slot  *slot
	// failed is the time, on the clock that stops while the connection is gated
	// or paused, of the first failed attempt; 0: none failed.
	failed   int64
	since    int64  // pushed
	before   int64  // event.Output.NotBefore
	seq      uint64 // how many were pushed before it: its age among all
	lot      *lot
	retry    int64 // event.Output.RetryMS in nanoseconds
	attempts int32
	size     int32
	told     bool // given by Overdue
}

// ordered tells that the output keeps its place in its lane. A call keeps none: its
// record waits for it.
func (it *item) ordered() bool { return it.out.Ordered && !it.out.Alone }

// queue is a FIFO of items.
type queue struct {
	head, tail *item
	count      int
	bytes      int
	// run counts the outputs at the head that are of its lot.
	run, runBytes int
}

func (q *queue) push(it *item) {
	it.next = nil
	if q.run == q.count && (q.head == nil || q.head.lot == it.lot) {
		q.run++
		q.runBytes += int(it.size)
	}
	if q.tail == nil {
		q.head = it
	} else {
		q.tail.next = it
	}
	q.tail = it
	q.count++
	q.bytes += int(it.size)
}

func (q *queue) pop() *item {
	it := q.head
	q.head = it.next
	if q.head == nil {
		q.tail = nil
	}
	it.next = nil
	q.count--
	q.bytes -= int(it.size)
	q.run--
	q.runBytes -= int(it.size)
	if q.run == 0 {
		q.measure()
	}
	return it
}

// measure counts the run at the head.
func (q *queue) measure() {
	for it := q.head; it != nil && it.lot == q.head.lot; it = it.next {
		q.run++
		q.runBytes += int(it.size)
	}
}

// prepend puts the items of a queue in front.
func (q *queue) prepend(front queue) {
	if front.tail == nil {
		return
	}
	if front.run == front.count && q.head != nil && q.head.lot == front.head.lot {
		front.run += q.run
		front.runBytes += q.runBytes
	}
	q.run, q.runBytes = front.run, front.runBytes
	front.tail.next = q.head
	if q.tail == nil {
		q.tail = front.tail
	}
	q.head = front.head
	q.count += front.count
	q.bytes += front.bytes
}

type slotState uint8

const (
	idle   slotState = iota // empty, nothing undecided
	ready                   // among the slots of a lot
	busy                    // some of its outputs are undecided
	timed                   // a side slot that waits for its time
	lonely                  // a side slot in Scheduler.alone
)

// slot is a FIFO of which only the head may be sent, or the queue of outputs
// without an order (unordered), or the FIFO of one lane (side).
type slot struct {
	queue
	nextReady *slot
	// counted is what its lot counts of the run, of a ready one.
	counted, countedBytes int
	undecided             int // its outputs in requests
	state                 slotState
	unordered             bool

	side  bool
	named bool   // stands in Scheduler.side under lane
	alone bool   // its head has failed while others succeeded: it goes in a request of its own
	lane  uint64 // of a named side slot
	due   int64  // of a timed one
	place int    // of a side slot: in Scheduler.sides
}

// ring is a FIFO of slots.
type ring struct{ head, tail *slot }

func (r *ring) push(sl *slot) {
	sl.nextReady = nil
	if r.tail == nil {
		r.head = sl
	} else {
		r.tail.nextReady = sl
	}
	r.tail = sl
}

func (r *ring) pop() *slot {
	sl := r.head
	r.head = sl.nextReady
	if r.head == nil {
		r.tail = nil
	}
	sl.nextReady = nil
	return sl
}

// class is one priority of the connections that share their slots.
type class struct {
	priority Priority
	slots    [slots]slot
	lots     map[lotKey]*lot
	last     *lot         // that of the last output pushed
	sweepAt  int          // how many lots make it look for empty ones
	ready    byTime[*lot] // lots with ready slots
	full     int          // of these, those with a full request
	hurry    bool         // no request waits to become full
}

func (c *class) init(p Priority) {
	c.priority, c.lots, c.sweepAt = p, map[lotKey]*lot{}, lotsKept
}

func (sl *slot) earlier(than *slot) bool { return sl.due < than.due }
func (*slot) stands(int)                 {} // nobody asks for it

// itemChunk is how many items are made at once.
const itemChunk = 256

func (s *Scheduler) newItem() *item {
	if s.freeItems == nil {
		chunk := make([]item, itemChunk)
		for i := range chunk {
			chunk[i].next = s.freeItems
			s.freeItems = &chunk[i]
		}
	}
	it := s.freeItems
	s.freeItems = it.next
	it.next = nil
	return it
}

func (s *Scheduler) freeItem(it *item) {
	it.lot.items--
	*it = item{next: s.freeItems}
	s.freeItems = it
}
