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
		best := s.best(now)
		if i < 0 && !alone && best == nil {
			return nil, min(wake, s.parkedUntil(), s.goes())
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
			r = s.build(best, now, 0)
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
	if s.nextTry > now && len(s.retries) > 0 {
		wake = min(wake, s.nextTry)
	}
	if at := s.goes(); at < Never {
		wake = min(wake, max(at, s.nextTry))
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
	return nil, min(s.parkedUntil(), s.goes())
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
		case s.turn%3 == 2 && others && s.best(now) != nil:
			r = s.build(s.best(now), now, count)
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
	if sl.head == nil { // purged
		s.forget(sl)
		return
	}
	if sl.alone {
		sl.state = lonely
		s.alone.push(sl)
		return
	}
	makeReady(sl)
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
	if at := s.mustWait(sl.head, now); at > now {
		s.wait(sl, at) // its lease lapsed, or what failed was purged and this is the next
		return nil
	}
	sl.state = busy
	sl.undecided++
	r := s.newRequest()
	r.Connection, r.alone = sl.head.lot.key.connection, true
	r.items = append(r.items, sl.pop())
	r.ends = append(r.ends, 1)
	return r
}

// build fills a request from the ready slots of a lot, and of those of other
// priorities that may stand with it, with at most so many outputs (0: the
// connection's limit); nil when what was ready may not be sent.
func (s *Scheduler) build(l *lot, now int64, count int) *Request {
	r := s.newRequest()
	r.Connection = l.key.connection
	limit := l.limit
	if count > 0 {
		limit.Count = count
	}
	lots := s.together(l)
	for l != nil && !s.fill(r, l, limit, now) {
		l = s.first(lots, now)
	}
	s.built++
	for _, l := range lots {
		if l != nil {
			l.settle()
		}
	}
	if len(r.items) == 0 {
		s.freeRequest(r)
		return nil
	}
	r.ends = append(r.ends, len(r.items))
	return r
}

// together are the lots whose outputs may stand in a request with those of one.
func (s *Scheduler) together(l *lot) (lots [priorities]*lot) {
	at := s.family[l.key.connection]
	for p := range lots {
		if c := &s.classes[at+p]; c == l.class {
			lots[p] = l
		} else {
			lots[p] = c.lots[l.key]
		}
	}
	return lots
}

// first is the one of them that is to give first.
func (s *Scheduler) first(lots [priorities]*lot, now int64) *lot {
	var best *lot
	var most int64
	for _, l := range lots {
		if l == nil || l.slots.empty() {
			continue
		}
		if score := s.score(l, l.since(), now); best == nil || score > most {
			best, most = l, score
		}
	}
	return best
}

// best is the lot that gives the next request, nil for none that may go: the oldest of
// the highest priority that has any. Every agedTurn-th request a priority is worth only
// ageStep, and the one whose oldest output waits longest gives first: so a lower one
// gets its share however busy the higher is, and never more than that, however long its
// backlog has become.
func (s *Scheduler) best(now int64) *lot {
	var best *lot
	var most int64
	for i := range s.classes {
		h := s.classes[i].ready
		if len(h) == 0 || h[0].goes > now {
			continue
		}
		if score := s.score(h[0], h[0].since(), now); best == nil || score > most {
			best, most = h[0], score
		}
	}
	return best
}

func (s *Scheduler) score(l *lot, since, now int64) int64 {
	step := int64(1) << 55 // about a year: more than anything waits
	if s.built%agedTurn == agedTurn-1 {
		step = int64(ageStep)
	}
	return int64(priorities-l.class.priority)*step + now - since
}

// goes is when the first lot goes of those that have something; Never for none.
func (s *Scheduler) goes() int64 {
	at := Never
	for i := range s.classes {
		if h := s.classes[i].ready; len(h) > 0 {
			at = min(at, h[0].goes)
		}
	}
	return at
}

// fill takes from the oldest ready slot of a lot what fits. It reports whether the
// request is full.
func (s *Scheduler) fill(r *Request, l *lot, limit Limit, now int64) (full bool) {
	sl := l.take()
	sl.state = busy
	taken := 0
	for sl.head != nil && sl.head.lot == l {
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
			makeReady(sl)
		}
	case taken > 0:
		sl.undecided += taken
	case sl.head == nil:
		sl.state = idle
		if sl.side {
			s.forget(sl)
		}
	case full, sl.head.lot != l: // nothing fitted, or what it had for this lot is aside
		makeReady(sl)
	default: // a side slot whose head is not to be sent yet
		s.wait(sl, s.mustWait(sl.head, now))
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
		for _, l := range s.classes[i].ready {
			if l.waits() {
				at = min(at, l.goes)
			} else {
				at = min(at, l.since()+int64(l.limit.Linger))
			}
		}
	}
	return max(now, at)
}

// fullWaits tells whether what is ready makes a full request.
func (s *Scheduler) fullWaits() bool {
	for i := range s.classes {
		if s.classes[i].full > 0 {
			return true
		}
	}
	// Where nothing stands apart, all priorities make one request.
	for i := range s.cfg.Connections {
		l := &s.cfg.Connections[i].Batch
		if n, b := s.plain(i); n >= l.Count || b >= l.Bytes {
			return true
		}
	}
	return false
}

// plain counts what is ready of a connection's outputs of no group.
func (s *Scheduler) plain(connection int) (n, bytes int) {
	for p := range int(priorities) {
		if l := s.classes[s.family[connection]+p].lots[lotKey{connection: connection}]; l != nil {
			n += l.count
			bytes += l.bytes
		}
	}
	return n, bytes
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
