package deliver

import (
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Class is what an answer means for the outputs of its request.
type Class uint8

// The classes.
const (
	// Accepted: the sink has taken them.
	Accepted Class = iota
	// Gated: 429, or Retry-After on any other answer but 2xx. The connection sends
	// nothing for a while; no budget is spent.
	Gated
	// Failed: 408 410 460, 5xx but 501 505 511, no answer at all. They are sent again
	// after a backoff with full jitter.
	Failed
	// Misconfigured: 401 403 501 505 511, and 3xx 404 405 at a constant address. The
	// connection pauses, all is kept, one output a minute asks again.
	Misconfigured
	// Refused: any other answer. The request is cut in halves, sent in order, until
	// the culprit is alone.
	Refused
	classes
)

// Answer is what came back, or that nothing did (Failed).
type Answer struct {
	Class Class
	// Wait is what a Gated answer asks for; negative when it does not say.
	Wait time.Duration
	// Code says in a word what came: "400", "MESSAGE_TOO_LARGE", "timeout".
	Code string
	// Excerpt is the beginning of the answer's body, for the letter.
	Excerpt string
	// Whole is the answer to a call, as its record will read it; nil: Code says why
	// there is none.
	Whole *event.Answer
	// Each judges the outputs one by one, in the order of Request.Outs, where the
	// sink can tell; then Class counts only where it is Gated or Misconfigured. A
	// sink must not take a later output of a lane after it failed an earlier one.
	Each []Verdict
}

// Verdict is the judgement of one output: Accepted, Failed, Misconfigured (its
// target is not there, or not ours to write) or Refused.
type Verdict struct {
	Class   Class
	Code    string
	Excerpt string
}

// Kind is how an output ended.
type Kind uint8

// The ends of an output. The last two become letters of the class delivery.
const (
	Taken   Kind = iota // the sink has accepted it
	Denied              // the sink refused it
	Expired             // its retry budget is spent
)

// Result says once, of one output, how it ended.
type Result struct {
	Out      *event.Output
	Owner    *Owner
	Kind     Kind
	Attempts int
	Code     string // of Denied and Expired: the last answer's
	Excerpt  string
	// Answer is what became of a call, whatever its Kind; nil for everything else.
	Answer *event.Answer
}

// Answer gives the answer to a request. The results are valid until the next
// call of Answer.
func (s *Scheduler) Answer(r *Request, a Answer, now int64) []Result {
	clear(s.results)
	s.results = s.results[:0]
	s.answered, s.whole = now, a.Whole
	n := r.first()
	s.onWire--
	if r.alone {
		s.aloneOnWire--
	}
	s.waiting += n
	for _, it := range r.items[:n] {
		it.owner.onWire--
		it.owner.waiting++
	}
	probe := r.Probe
	if probe {
		r.Probe, s.probing = false, false
	}
	r.due = now
	switch {
	case a.Class == Gated:
		s.gated(r, a, now)
	case a.Class == Misconfigured:
		s.misconfigured(r, n, a, now)
	case a.Each != nil:
		s.each(r, n, a, now)
	case a.Class == Accepted:
		s.accepted(r, n, now)
	case a.Class == Refused:
		s.refused(r, n, a, now)
	default:
		s.failed(r, n, a, now)
	}
	if probe && s.pause.reason != Running {
		s.pause.nextProbe = now + int64(probeEvery)
	}
	s.requeue(r)
	return s.results
}

// requeue keeps a request that is not decided, as far as it may go on.
func (s *Scheduler) requeue(r *Request) {
	s.dropOwner(r)
	if len(r.items) == 0 {
		s.freeRequest(r)
		return
	}
	s.retries = append(s.retries, r)
}

// accepted ends the first n outputs.
func (s *Scheduler) accepted(r *Request, n int, now int64) {
	s.success(now)
	for _, it := range r.items[:n] {
		s.finish(it, Taken, "", "")
	}
	r.decided(n)
}

// success notes that the receiver takes what it gets.
func (s *Scheduler) success(now int64) {
	s.successes++
	s.refusals, s.strangers, s.refusedLanes = 0, 0, s.refusedLanes[:0]
	s.alive(now)
	if s.pause.reason != Running {
		s.resume(now)
	}
	// The request that was just answered counted: W was reached, and more waits.
	if s.onWire+1 >= s.window && s.window < maxWindow && s.fullWaits() {
		s.window++
	}
}

// alive notes that the receiver answers: whatever it said, it is not away.
func (s *Scheduler) alive(now int64) {
	if s.down() {
		// The backoff of the others was for a receiver that was away, and so were
		// their blind cuts.
		for _, r := range s.retries {
			r.due = min(r.due, now)
			if r.blind {
				r.ends, r.blind = append(r.ends[:0], len(r.items)), false
			}
		}
	}
	s.fails, s.backoff, s.gates = 0, 0, 0
	s.failing = ""
}

// refused cuts a request in halves; one output alone is the culprit.
func (s *Scheduler) refused(r *Request, n int, a Answer, now int64) {
	s.judged(now)
	if n > 1 {
		r.attempts = 0
		r.cut((n + 1) / 2)
		return
	}
	s.deny(r.items[0], a.Code, a.Excerpt, now)
	r.decided(1)
}

// judged notes that the receiver looked at the outputs: it is there, and it knows
// who we are.
func (s *Scheduler) judged(now int64) {
	s.alive(now)
	if s.pause.reason == Misconfiguration {
		s.resume(now)
	}
}

// deny ends an output as refused. Too many in a row pause the connection: a
// stream that is refused whole is a mistake somewhere, not so many letters. One key
// that is refused whole is no stream, however long its backlog: it must not stop
// the others, who may just have nothing to say (I8). A probe
// that is refused is a letter, too, one a minute, or one bad output would hold all
// behind it for ever.
func (s *Scheduler) deny(it *item, code, excerpt string, now int64) {
	if it.out.Alone {
		// What is asked for may not be there; that is an answer like any other.
		s.finish(it, Denied, code, excerpt)
		return
	}
	if len(s.refusedLanes) < refusedLanesMin && !(it.ordered() && slices.Contains(s.refusedLanes, it.out.Lane)) {
		s.refusedLanes = append(s.refusedLanes, it.out.Lane)
	}
	s.finish(it, Denied, code, excerpt)
	s.refusals++
	if s.refusals >= refusalsMax && len(s.refusedLanes) >= refusedLanesMin {
		s.halt(Refusing, Answer{Code: code}, now)
	}
}

// misconfigured keeps the first n outputs. The connection pauses where nobody
// succeeds; where others do, only what these are sent to is not there, and they
// are found like poisoned ones (I8). No budget is spent.
func (s *Scheduler) misconfigured(r *Request, n int, a Answer, now int64) {
	if r.Attempt == 1 {
		s.strangers++
	}
	alone := r.attempts+1 >= poisonAfter && s.successes == r.before
	if s.successes == 0 || s.strangers >= downAfter || alone || s.pause.reason != Running {
		s.halt(Misconfiguration, a, now)
		return
	}
	if n = s.spend(r, n, noBudget, a.Code, a.Excerpt, now); n > 0 {
		s.again(r, n, now)
	}
}

// failed has the first n outputs sent again, or ends those whose budget is spent.
func (s *Scheduler) failed(r *Request, n int, a Answer, now int64) {
	switch {
	case r.alone:
		// It says nothing of the receiver, so it only waits for itself.
		s.nextAlone = now + s.jitter(max(1, s.backoff))
	case r.failed && s.successes > r.others && !s.down():
		// Others succeed between its failures: it is not the receiver that is away.
	default:
		s.failure(r, a.Code, now)
	}
	if n = s.spend(r, n, s.budget(r), a.Code, a.Excerpt, now); n > 0 {
		s.again(r, n, now)
	}
}

// again has the first n outputs of r sent again after a backoff. Where others
// succeed and these do not, time after time, something in them is the cause: they
// are cut until it is alone, and its lane is set aside.
func (s *Scheduler) again(r *Request, n int, now int64) {
	if !r.failed {
		r.before = s.successes
	}
	others := r.failed && s.successes > r.others
	r.attempts++
	r.others, r.failed = s.successes, true
	switch {
	case n == 1 && (r.alone || r.attempts >= poisonAfter):
		s.setAside(r, r.items[0], now+s.jitter(int(r.items[0].attempts)), true)
	case n > 1 && others && r.attempts >= poisonAfter:
		r.cut((n + 1) / 2)
		r.due = now + s.jitter(1)
	case n > 1 && r.attempts >= blindAfter && r.attempts%blindAfter == 0:
		// Nobody succeeds, perhaps only because this request has all slots.
		r.blind = r.blind || len(r.ends) == 1
		r.cut((n + 1) / 2)
		r.due = now + s.jitter(r.attempts)
	default:
		r.due = now + s.jitter(r.attempts)
	}
}

// failure notes a failed attempt of the connection.
func (s *Scheduler) failure(r *Request, code string, now int64) {
	s.halve(r, now)
	if s.fails == 0 {
		s.failingSince = now
	}
	s.fails++
	s.failing = code
	if s.down() {
		s.backoff++
		s.nextTry = now + s.jitter(s.backoff)
	}
}

// noBudget: a failure that costs none.
const noBudget = -1

// budget is how long an output of a request is tried, 0 for ever.
func (s *Scheduler) budget(r *Request) int64 { return int64(s.cfg.Connections[r.Connection].Retry) }

// spend judges the budgets of the first n outputs, ends those that have none left
// or belong to purged owners and tells how many remain.
func (s *Scheduler) spend(r *Request, n int, budget int64, code, excerpt string, now int64) int {
	clock, left, gone := s.active(now), n, false
	for _, it := range r.items[:n] {
		if it.failed == 0 && budget != noBudget {
			it.failed = max(1, clock)
		}
		gone = gone || it.owner.closed || it.spent(budget, clock)
	}
	if !gone {
		return n
	}
	i := 0
	r.keep(func(it *item) bool {
		i++
		if i > n || !it.owner.closed && !it.spent(budget, clock) {
			return true
		}
		left--
		s.finish(it, Expired, code, excerpt)
		return false
	})
	return left
}

// spent tells whether an output has been tried for as long as it may be.
func (it *item) spent(budget, clock int64) bool {
	if it.retry > 0 && budget != noBudget {
		budget = it.retry
	}
	return budget > 0 && clock-it.failed >= budget
}

// each takes the verdict on every output of the first range.
func (s *Scheduler) each(r *Request, n int, a Answer, now int64) {
	var of [classes]int
	var why Verdict // of the worst that is kept
	for _, v := range a.Each[:n] {
		of[v.Class]++
		if v.Class == Misconfigured || v.Class == Failed && why.Class != Misconfigured {
			why = v
		}
	}
	switch {
	case of[Accepted] > 0:
		s.success(now)
	case of[Refused] > 0:
		s.judged(now)
	}
	i := 0
	r.keep(func(it *item) bool {
		i++
		if i > n {
			return true
		}
		switch v := a.Each[i-1]; v.Class {
		case Accepted:
			s.finish(it, Taken, "", "")
		case Refused:
			s.deny(it, v.Code, v.Excerpt, now)
		default:
			return true
		}
		return false
	})
	left := n - of[Accepted] - of[Refused]
	switch {
	case left == 0:
	case of[Misconfigured] > 0:
		s.misconfigured(r, left, Answer{Code: why.Code, Excerpt: why.Excerpt}, now)
	case left == n:
		s.failed(r, n, Answer{Code: why.Code, Excerpt: why.Excerpt}, now)
	default:
		// Some were taken: it is not the receiver that is away.
		if left = s.spend(r, left, s.budget(r), why.Code, why.Excerpt, now); left > 0 {
			s.again(r, left, now)
		}
	}
}

// gated closes the gate for as long as the answer asks.
func (s *Scheduler) gated(r *Request, a Answer, now int64) {
	s.halve(r, now)
	var wait time.Duration
	if a.Wait < 0 {
		s.gates++
		wait = min(backoffMax, backoffBase<<min(s.gates+3, 20))
	} else {
		wait = max(gateMin, min(a.Wait, s.cfg.MaxRetryAfter))
	}
	// 10 to 30 % more, never less: all clients were told the same.
	wait += wait/10 + time.Duration(s.rng.Int64N(int64(wait/5)+1))
	if until := now + int64(wait); until > s.gate {
		s.frozen += until - max(now, s.gate)
		if s.gate <= now {
			s.gatedSince = now
		}
		s.gate = until
	}
	s.gateCode = a.Code
}

// halve halves W, once for all requests that were under way together.
func (s *Scheduler) halve(r *Request, now int64) {
	if r.sentAt > s.halvedAt {
		s.window = max(1, s.window/2)
		s.halvedAt = now
	}
}

// jitter is a wait of the n-th backoff with full jitter: anything up to the bound.
func (s *Scheduler) jitter(n int) int64 {
	bound := int64(min(backoffMax, backoffBase<<min(max(n, 1)-1, 20)))
	return 1 + s.rng.Int64N(bound)
}

// finish ends an output that is off the wire.
func (s *Scheduler) finish(it *item, k Kind, code, excerpt string) {
	if k == Taken || !it.owner.closed {
		r := Result{Out: it.out, Owner: it.owner, Kind: k, Attempts: int(it.attempts), Code: code, Excerpt: excerpt}
		if it.out.Alone {
			r.Answer = s.whole
			if r.Answer == nil {
				r.Answer = &event.Answer{Fault: code, At: s.answered / int64(time.Microsecond)}
			}
		}
		s.results = append(s.results, r)
	}
	sl := it.slot
	s.drop(it)
	s.release(sl)
}
