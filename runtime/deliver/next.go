package deliver

import (
	"container/heap"
	"time"
)

// Next gives the next request that may go now, or nil and the instant at which to
// ask again. It is also to be asked after every push and every answer. The caller
// asks until it gets nil: each request it gets is under way until Answer.
func (s *Scheduler) Next(now int64) (*Request, int64) {
	switch {
	case s.gate > now:
		return nil, s.gate
	case s.pause.reason != Running:
		return s.probe(now)
	}
	s.promote(now)
	if s.down() {
		return s.try(now)
	}
	if s.onWire >= s.window {
		return nil, Never
	}
	for {
		i, wake := s.dueRetry(now)
		alone := s.alone.head != nil && s.aloneOnWire == 0
		if i < 0 && !alone && s.bestClass(now, anyConnection) == nil {
			return nil, min(wake, s.parkedUntil())
		}
		if at := s.rateFree(now); at > now {
			return nil, at
		}
		var r *Request
		switch {
		case i >= 0:
			// What failed is older than anything that waits behind it.
			r = s.retake(i, now)
		case alone:
			r = s.takeAlone(now)
		default:
			if at := s.linger(now); at > now {
				return nil, min(at, wake, s.parkedUntil())
			}
			r = s.build(now, 0)
		}
		if r != nil {
			return s.start(r, now), Never
		}
	}
}

// down tells whether the receiver seems to be away. Then one request at a time
// asks for it, with the backoff of the connection.
func (s *Scheduler) down() bool { return s.fails >= downAfter }

// try gives the next request of a connection that is down.
func (s *Scheduler) try(now int64) (*Request, int64) {
	if s.onWire > 0 {
		return nil, Never
	}
	if at := s.rateFree(now); at > now {
		return nil, at
	}
	if r := s.inTurn(0, now, now >= s.nextTry, now >= s.nextAlone); r != nil {
		return s.start(r, now), Never
	}
	wake := s.parkedUntil()
	if s.nextTry > now && (len(s.retries) > 0 || s.bestClass(now, anyConnection) != nil) {
		wake = min(wake, s.nextTry)
	}
	if s.nextAlone > now && s.alone.head != nil {
		wake = min(wake, s.nextAlone)
	}
	return nil, wake
}

// probe gives the one output a minute that a paused connection is asked with.
func (s *Scheduler) probe(now int64) (*Request, int64) {
	if s.onWire > 0 {
		return nil, Never
	}
	if at := max(s.pause.nextProbe, s.rateFree(now)); at > now {
		return nil, at
	}
	s.promote(now)
	if r := s.inTurn(1, now, true, true); r != nil {
		r.cut(1)
		r.Probe = true
		s.probing = true
		return s.start(r, now), Never
	}
	return nil, s.parkedUntil()
}

// inTurn takes a retry, what is to be sent alone and a new request of at most so
// many outputs (0: the connection's limit) by turns, for one that cannot succeed
// by itself must not be the only one to ask whether the receiver is back (I8). It
// gives nil when there is nothing of what is allowed.
func (s *Scheduler) inTurn(count int, now int64, others, alone bool) *Request {
	for nothing := 0; nothing < 3; {
		s.turn++
		var r *Request
		switch {
		case s.turn%3 == 0 && others && len(s.retries) > 0:
			r = s.retake(s.earliestRetry(), now)
		case s.turn%3 == 1 && alone && s.alone.head != nil:
			r = s.takeAlone(now)
		case s.turn%3 == 2 && others && s.bestClass(now, anyConnection) != nil:
			r = s.build(now, count)
		default:
			nothing++
			continue
		}
		if r != nil {
			return r
		}
		nothing = 0
	}
	return nil
}

// parkedUntil is the time of the first side slot that waits.
func (s *Scheduler) parkedUntil() int64 {
	if len(s.parked) == 0 {
		return Never
	}
	return s.parked[0].due
}

// promote makes the side slots ready whose time has come.
func (s *Scheduler) promote(now int64) {
	for len(s.parked) > 0 && s.parked[0].due <= now {
		s.readySide(heap.Pop(&s.parked).(*slot))
	}
}

func (s *Scheduler) readySide(sl *slot) {
	if sl.alone {
		sl.state = lonely
		s.alone.push(sl)
		return
	}
	sl.class.makeReady(sl)
}

// dueRetry finds a retry whose time has come, or -1 and the next such time.
func (s *Scheduler) dueRetry(now int64) (int, int64) {
	if len(s.retries) == 0 {
		return -1, Never
	}
	i := s.earliestRetry()
	if due := s.retries[i].due; due > now {
		return -1, due
	}
	return i, now
}

func (s *Scheduler) earliestRetry() int {
	best := 0
	for i, r := range s.retries {
		if r.due < s.retries[best].due {
			best = i
		}
	}
	return best
}

// retake takes a retry to be sent; nil when nothing of it may be sent now.
func (s *Scheduler) retake(i int, now int64) *Request {
	r := s.retries[i]
	s.retries = append(s.retries[:i], s.retries[i+1:]...)
	s.policy.retake(r)
	for it := s.firstLapsed(r, now); it != nil; it = s.firstLapsed(r, now) {
		s.setAside(r, it, now+int64(leaseRetry), false)
	}
	if len(r.items) == 0 {
		s.freeRequest(r)
		return nil
	}
	return r
}

// firstLapsed finds an output of r that must not be sent now (I6). Those of
// purged owners are gone already.
func (s *Scheduler) firstLapsed(r *Request, now int64) *item {
	for _, it := range r.items {
		if !s.policy.open(it.owner, now) {
			return it
		}
	}
	return nil
}

// takeAlone makes a request of the head of a side slot that has failed alone; nil
// when there is nothing to be sent.
func (s *Scheduler) takeAlone(now int64) *Request {
	sl := s.alone.pop()
	if sl.count == 0 { // purged
		s.forget(sl)
		return nil
	}
	if !s.policy.open(sl.head.owner, now) {
		s.wait(sl, now+int64(leaseRetry))
		return nil
	}
	sl.state = busy
	sl.undecided++
	r := s.newRequest()
	r.Connection, r.alone = sl.class.connection, true
	r.items = append(r.items, sl.pop())
	r.ends = append(r.ends, 1)
	return r
}

// build fills a request from the ready slots of one connection, with at most so
// many outputs (0: the connection's limit); nil when what was ready may not be
// sent.
func (s *Scheduler) build(now int64, count int) *Request {
	c := s.bestClass(now, anyConnection)
	r := s.newRequest()
	r.Connection = c.connection
	limit := s.cfg.Connections[c.connection].Batch
	if count > 0 {
		limit.Count = count
	}
	for c != nil && !s.fill(r, c, limit, now) {
		c = s.bestClass(now, r.Connection)
	}
	if len(r.items) == 0 {
		s.freeRequest(r)
		return nil
	}
	r.ends = append(r.ends, len(r.items))
	return r
}

const anyConnection = -1

// bestClass is the class whose oldest ready output waits longest, a priority
// being worth ageStep: so a lower one gets its turn however busy the higher is.
func (s *Scheduler) bestClass(now int64, connection int) *class {
	var best *class
	var most int64
	for i := range s.classes {
		c := &s.classes[i]
		if c.ready.head == nil || connection != anyConnection && c.connection != connection {
			continue
		}
		score := int64(priorities-c.priority) * int64(ageStep)
		if it := c.ready.head.head; it != nil {
			score += now - it.since
		}
		if best == nil || score > most {
			best, most = c, score
		}
	}
	return best
}

// fill takes from the first ready slot of c what fits. It reports whether the
// request is full.
func (s *Scheduler) fill(r *Request, c *class, limit Limit, now int64) (full bool) {
	sl := c.ready.pop()
	sl.state = busy
	taken := 0
	for sl.head != nil {
		it := sl.head
		if len(r.items) > 0 && (len(r.items) >= limit.Count || r.Bytes+int(it.size) > limit.Bytes) {
			full = true
			break
		}
		wait := s.mustWait(it, now)
		if wait > now && (sl.side || taken > 0 && !sl.unordered) {
			// What was taken may be of its lane: it is not set aside before that is
			// decided (I3).
			break
		}
		sl.pop()
		c.readyCount--
		c.readyBytes -= int(it.size)
		if side := s.sideOf(it, sl); side != nil {
			// The lane waits aside: what comes later waits behind it (I3).
			s.join(side, it)
			continue
		}
		if wait > now {
			side := s.newSide(it, wait)
			heap.Push(&s.parked, side)
			s.join(side, it)
			continue
		}
		r.items = append(r.items, it)
		r.Bytes += int(it.size)
		taken++
	}
	switch {
	case sl.unordered:
		sl.state = idle
		if sl.head != nil {
			sl.state = ready
			c.ready.push(sl)
		}
	case taken > 0:
		sl.undecided += taken
		c.readyCount -= sl.count
		c.readyBytes -= sl.bytes
	case sl.head != nil && full: // nothing fitted: its turn comes first
		sl.state = ready
		c.ready.pushFront(sl)
	case sl.head != nil: // a side slot whose head is not to be sent yet
		c.readyCount -= sl.count
		c.readyBytes -= sl.bytes
		s.wait(sl, s.mustWait(sl.head, now))
	default:
		sl.state = idle
		if sl.side {
			s.forget(sl)
		}
	}
	return full
}

// mustWait is the instant at which an output may be sent: none that lies ahead
// where that is now. One whose owner's lease has lapsed is looked at again (I6).
func (s *Scheduler) mustWait(it *item, now int64) int64 {
	if !s.policy.open(it.owner, now) {
		return max(now+int64(leaseRetry), it.before)
	}
	return it.before
}

// start puts the first range of a request on the wire.
func (s *Scheduler) start(r *Request, now int64) *Request {
	n := r.first()
	r.Outs, r.Bytes = r.Outs[:0], 0
	for _, it := range r.items[:n] {
		it.attempts++
		it.owner.waiting--
		it.owner.onWire++
		r.Outs = append(r.Outs, it.out)
		r.Bytes += int(it.size)
	}
	s.waiting -= n
	r.Attempt = int(r.items[0].attempts)
	r.sentAt = now
	s.onWire++
	if r.alone {
		s.aloneOnWire++
	}
	s.spendRate(now)
	return r
}

// linger is the instant until which a request waits to become fuller: now when it
// goes at once. Only near the rate limit is a fuller request worth a wait.
func (s *Scheduler) linger(now int64) int64 {
	if s.creditCost == 0 || s.creditCap < 2*s.creditCost || s.creditNow(now) >= s.creditCap/2 || s.fullWaits() {
		return now
	}
	at := Never
	for i := range s.classes {
		c := &s.classes[i]
		if sl := c.ready.head; sl != nil && sl.head != nil {
			at = min(at, sl.head.since+int64(s.cfg.Connections[c.connection].Batch.Linger))
		}
	}
	return max(now, at)
}

// fullWaits tells whether what is ready makes a full request.
func (s *Scheduler) fullWaits() bool {
	for i := 0; i < len(s.classes); i += int(priorities) {
		n, b := 0, 0
		for j := range s.classes[i : i+int(priorities)] {
			c := &s.classes[i+j]
			n += c.readyCount
			b += c.readyBytes
		}
		l := &s.cfg.Connections[i/int(priorities)].Batch
		if n >= l.Count || b >= l.Bytes {
			return true
		}
	}
	return false
}

// burstTime is how much of the rate may be saved up: of 900/s, 90 requests.
const burstTime = 100 * time.Millisecond

// initRate starts the token bucket, full. It counts in nanoseconds, so that any
// rate is exact.
func (s *Scheduler) initRate(now int64) {
	if s.cfg.Rate.N <= 0 {
		return
	}
	s.creditCost = max(1, (int64(s.cfg.Rate.Per)+s.cfg.Rate.N-1)/s.cfg.Rate.N)
	s.creditCap = max(s.creditCost, int64(burstTime)/s.creditCost*s.creditCost)
	s.credit, s.creditAt = s.creditCap, now
}

func (s *Scheduler) creditNow(now int64) int64 {
	return min(s.creditCap, s.credit+max(0, now-s.creditAt))
}

// rateFree is the instant at which the rate allows the next request.
func (s *Scheduler) rateFree(now int64) int64 {
	if s.creditCost == 0 {
		return now
	}
	return now + max(0, s.creditCost-s.creditNow(now))
}

func (s *Scheduler) spendRate(now int64) {
	if s.creditCost > 0 {
		s.credit, s.creditAt = s.creditNow(now)-s.creditCost, max(now, s.creditAt)
	}
}
