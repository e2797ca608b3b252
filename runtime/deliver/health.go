package deliver

// State is what a connection is doing, for health and metrics.
type State uint8

// The states.
const (
	// Running: it sends.
	Running State = iota
	// Waiting: a Retry-After is being kept.
	Waiting
	// Down: attempts fail and none succeeds; one request at a time asks again.
	Down
	// Misconfiguration: the receiver does not take us as we are (a key, an address).
	Misconfiguration
	// Refusing: one output after another was refused.
	Refusing
)

// String is the state as health and metrics name it.
func (s State) String() string {
	return [...]string{"up", "waiting", "down", "misconfigured", "refusing"}[s]
}

// Health is the state of a connection.
type Health struct {
	State State
	Code  string // of the last answer that led to it: "401"
	Since int64
	Next  int64 // when it tries again; Never where it waits for an answer
	// Window is W, OnWire the requests under way, Queued the outputs that are not.
	Window, OnWire, Queued int
	// Aside counts the lanes of which an output fails again and again while others
	// succeed. They ask again by themselves; the connection goes on.
	Aside int
}

// pause is a stop until a probe succeeds.
type pause struct {
	reason    State // Misconfiguration or Refusing; Running: none
	code      string
	since     int64
	nextProbe int64
}

// Health tells the state at now.
func (s *Scheduler) Health(now int64) Health {
	h := Health{Window: s.window, OnWire: s.onWire, Queued: s.waiting, Aside: s.aside}
	switch {
	case s.pause.reason != Running:
		h.State, h.Code, h.Since, h.Next = s.pause.reason, s.pause.code, s.pause.since, max(s.pause.nextProbe, s.gate)
		if s.probing {
			h.Next = Never
		}
	case s.gate > now:
		h.State, h.Code, h.Since, h.Next = Waiting, s.gateCode, s.gatedSince, s.gate
	case s.down():
		h.State, h.Code, h.Since, h.Next = Down, s.failing, s.failingSince, s.nextTry
	}
	return h
}

// halt pauses the connection; one that is paused stays so since it was.
func (s *Scheduler) halt(reason State, a Answer, now int64) {
	if s.pause.reason == Running {
		s.pause = pause{since: now, nextProbe: now + int64(probeEvery)}
	}
	s.pause.reason, s.pause.code = reason, a.Code
}

// resume ends a pause. What waited goes at once.
func (s *Scheduler) resume(now int64) {
	s.frozen += max(0, now-max(s.pause.since, s.gate))
	s.pause = pause{}
	for _, r := range s.retries {
		r.due = min(r.due, now)
	}
}

// active is the clock that budgets are measured on: it stands still while the
// connection is gated or paused.
func (s *Scheduler) active(now int64) int64 {
	t := now - s.frozen + max(0, s.gate-now)
	if s.pause.reason != Running {
		t -= max(0, now-max(s.pause.since, s.gate))
	}
	return t
}
