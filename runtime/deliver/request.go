package deliver

import "github.com/sluice-dev/sluice/runtime/event"

// Request is what is to be sent at once. The caller reads it until it gives the
// answer; then it belongs to the scheduler again.
type Request struct {
	// Connection is the index of the connection to send it by.
	Connection int
	// Outs are the outputs, in the order in which they must stand in the body.
	Outs  []*event.Output
	Bytes int // of Outs, as Size counts them
	// Attempt is 1 for outputs sent for the first time. A retry sends the same
	// outputs in the same order; what the body says of its own time is fresh.
	Attempt int
	// Probe: the connection is paused and this asks whether it still must be.
	Probe bool

	items []*item // undecided outputs in order; the first range is in Outs
	// ends are the ends of the ranges that items is cut into, the last one first:
	// bisecting cuts the first range, and ranges are sent in order.
	ends     []int
	attempts int // failed attempts of this cut
	due      int64
	sentAt   int64
	// others is the count of the connection's successes when it last failed, before
	// when it first did.
	others, before uint64
	failed         bool
	blind          bool // it was cut while nobody succeeded
	alone          bool // taken from a side slot whose head fails again and again
}

// first is the end of the range that is sent next.
func (r *Request) first() int { return r.ends[len(r.ends)-1] }

// cut makes the first range end at n.
func (r *Request) cut(n int) {
	if n < r.first() {
		r.ends = append(r.ends, n)
	}
}

// decided takes the first n items, the whole first range, off.
func (r *Request) decided(n int) {
	rest := copy(r.items, r.items[n:])
	clear(r.items[rest:])
	r.items = r.items[:rest]
	r.ends = r.ends[:len(r.ends)-1]
	for i := range r.ends {
		r.ends[i] -= n
	}
}

// keep drops the items that keep refuses, in order, and moves the cuts along.
func (r *Request) keep(keep func(*item) bool) {
	n, e := 0, len(r.ends)-1
	for i, it := range r.items {
		for e >= 0 && r.ends[e] == i {
			r.ends[e] = n
			e--
		}
		if keep(it) {
			r.items[n] = it
			n++
		}
	}
	for ; e >= 0; e-- {
		r.ends[e] = n
	}
	clear(r.items[n:])
	r.items = r.items[:n]
	r.tidy()
}

// tidy takes empty ranges out.
func (r *Request) tidy() {
	ends := r.ends[:0]
	for i, end := range r.ends {
		begin := 0
		if i+1 < len(r.ends) {
			begin = r.ends[i+1]
		}
		if end > begin {
			ends = append(ends, end)
		}
	}
	r.ends = ends
}

func (s *Scheduler) newRequest() *Request {
	if n := len(s.freeRequests); n > 0 {
		r := s.freeRequests[n-1]
		s.freeRequests = s.freeRequests[:n-1]
		return r
	}
	return &Request{}
}

func (s *Scheduler) freeRequest(r *Request) {
	clear(r.items)
	clear(r.Outs)
	*r = Request{Outs: r.Outs[:0], items: r.items[:0], ends: r.ends[:0]}
	s.freeRequests = append(s.freeRequests, r)
}
