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
	since    int64 // pushed
	before   int64 // event.Output.NotBefore
	attempts int32
	size     int32
	told     bool // given by Overdue
}

// queue is a FIFO of items.
type queue struct {
	head, tail *item
	count      int
	bytes      int
}

func (q *queue) push(it *item) {
	it.next = nil
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
	return it
}

// prepend puts the items of a queue in front.
func (q *queue) prepend(front queue) {
	if front.tail == nil {
		return
	}
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
	ready                   // in its ring
	busy                    // some of its outputs are undecided
	timed                   // a side slot that waits for its time
	lonely                  // a side slot in Scheduler.alone
)

// slot is a FIFO of which only the head may be sent, or the queue of outputs
// without an order (unordered), or the FIFO of one lane (side).
type slot struct {
	queue
	class     *class
	nextReady *slot
	undecided int // its outputs in requests
	state     slotState
	unordered bool

	side  bool
	named bool   // stands in Scheduler.side under lane
	alone bool   // its head has failed while others succeeded: it goes in a request of its own
	lane  uint64 // of a named side slot
	due   int64  // of a timed one
	index int    // its place in Scheduler.parked
	place int    // and in Scheduler.sides
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

func (r *ring) pushFront(sl *slot) {
	sl.nextReady = r.head
	r.head = sl
	if r.tail == nil {
		r.tail = sl
	}
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

// class is one priority of one connection.
type class struct {
	connection int
	priority   Priority
	slots      [slots]slot
	unordered  slot
	ready      ring
	readyCount int // outputs in ready slots
	readyBytes int
}

func (c *class) init(connection int, p Priority) {
	c.connection, c.priority = connection, p
	for i := range c.slots {
		c.slots[i].class = c
	}
	c.unordered.class, c.unordered.unordered = c, true
}

// makeReady puts a slot that has outputs at the end of the ring.
func (c *class) makeReady(sl *slot) {
	sl.state = ready
	c.ready.push(sl)
	c.readyCount += sl.count
	c.readyBytes += sl.bytes
}

// slotHeap orders side slots by their time (container/heap).
type slotHeap []*slot

func (h slotHeap) Len() int           { return len(h) }
func (h slotHeap) Less(i, j int) bool { return h[i].due < h[j].due }
func (h slotHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push is heap.Interface's.
func (h *slotHeap) Push(x any) {
	sl := x.(*slot)
	sl.index = len(*h)
	*h = append(*h, sl)
}

// Pop is heap.Interface's.
func (h *slotHeap) Pop() any {
	old := *h
	n := len(old) - 1
	sl := old[n]
	old[n] = nil
	*h = old[:n]
	return sl
}

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
	*it = item{next: s.freeItems}
	s.freeItems = it
}
