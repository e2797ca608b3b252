// Package deliver is the scheduler of a connection, and of those that inherit from
// it, shared by all routes and partitions that send to it. It takes outputs from tasks, gives requests to
// whoever carries them out, takes their answers, and says of each output once
// how it ended: accepted, refused, or out of time.
//
// It is pure: no clock, no net, no goroutine. Instants come in as nanoseconds
// since 1970 and Next says when it wants to be asked again. A push never blocks
// and never fails: what bounds the memory is the cap of each task (I7), which
// pauses its source. A scheduler is used by one goroutine at a time.
//
// Sinks that judge outputs one by one (Kafka) use it like those that answer for a
// whole request: their answers have a verdict on each (Answer.Each), so letters,
// pauses, purges and order are one mechanism.
//
// It must not know what a body looks like, nor what a task does with a result.
//
// # How outputs travel
//
// An output with an ordering key joins the slot of its lane, one of 1,024 of its
// priority; a slot is a FIFO. A slot is idle (empty), ready, or busy: some of
// its outputs are in a request that is not decided yet. A request is filled from
// the heads of ready slots, oldest first, and its slots stay busy until it is
// decided, through every retry and bisection. So what has been sent of a lane
// is decided before anything later of that lane is sent (I3), and only 1,024
// things are tracked instead of every key. Outputs without an ordering key stand
// in one queue that never becomes busy.
//
// A lane that must wait while its slot goes on (its head is asked about again
// after a backoff of its own, or is not to be sent yet) moves to a side slot that holds this lane alone.
// What the ordinary slot still has of the lane follows it there when its turn
// comes, so the side slots are looked at only while there are any.
//
// Over HTTP not every output may stand in one body with every other: what may share a
// request is a lot (Output.Group), and a ready slot belongs to the lot of its head.
package deliver

import (
	"math/rand/v2"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Priority orders ready outputs; with time a lower one overtakes (see ageStep).
type Priority uint8

// The priorities of `priority:` on a route.
const (
	High Priority = iota
	Normal
	Low
	priorities
)

// Limit is when a request is full, and how long it may wait to become so.
type Limit struct {
	Count int // outputs; 0: 250
	Bytes int // bytes of the outputs as Size counts them; 0: 450,000
	// Linger is the longest wait for a fuller request. It applies only near the
	// rate limit: elsewhere a request goes as soon as one may. 0: 100 ms.
	Linger time.Duration
	// Wait: every request waits until it is full, for at most Linger.
	Wait bool
}

// Rate is a limit on requests. The zero Rate is none.
type Rate struct {
	N   int64
	Per time.Duration
}

// Connection is what may differ between connections that share a scheduler.
type Connection struct {
	Batch Limit
	// Retry is how long an output is tried again, counted from its first failed
	// attempt and not while the connection is gated or paused. 0: for ever.
	Retry time.Duration
	// Of is, from 1, the connection among these in whose slots its outputs stand, so
	// that order holds between both; 0: it has slots of its own. An emit with a batch or
	// retry of its own is such a connection.
	Of int
}

// Config is what the declarations of connections say about delivery.
type Config struct {
	// Connections share rate, gate, window and pauses: one that inherits from
	// another is with it. Their outputs never stand in one request. None: one with
	// the defaults.
	Connections []Connection
	Rate        Rate
	// MaxRetryAfter bounds what an answer may ask for. 0: one hour.
	MaxRetryAfter time.Duration
	// Seed makes jitter and backoff repeatable.
	Seed uint64
}

// Bounds, each with its reason.
const (
	slots           = 1024        // per priority: enough that W full requests rarely meet a busy slot
	firstWindow     = 4           // requests at once at start
	maxWindow       = 64          // connections to one receiver
	downAfter       = 3           // failures in a row, no success between, until the connection counts as down
	poisonAfter     = 3           // failures of one request, others succeeding, until it is cut to find the culprit
	blindAfter      = 6           // the same while nobody succeeds
	refusalsMax     = 50          // refusals in a row, no success between, until the connection pauses
	refusedLanesMin = 5           // keys that they must come from
	probeEvery      = time.Minute // a paused connection is asked with one output
	backoffBase     = 100 * time.Millisecond
	backoffMax      = 30 * time.Second
	gateMin         = time.Second     // a Retry-After of 0 would have us knock without a pause
	ageStep         = 5 * time.Second // waiting this much longer lifts an output by one priority,
	agedTurn        = 8               // in one of so many requests
	leaseRetry      = time.Second     // outputs of a task whose lease lapsed are looked at again
	sizeOverhead    = 2               // separator and slack of one output in a body, bytes
)

// Never is the wake time of a scheduler that waits only for pushes or answers.
const Never = int64(1<<63 - 1)

// Owner is a task as this scheduler knows it. A task that sends to two
// connections has an owner at each. Its fields are the scheduler's; the methods
// may be called only where the scheduler may.
type Owner struct {
	// Ref is the caller's: whom the results are for.
	Ref any

	until   int64 // I6: no request starts with an output of it at or after this instant
	closed  bool  // purged: nothing of it is sent again
	waiting int   // outputs here that are not on the wire
	onWire  int   // outputs in requests without an answer
}

// NewOwner makes an owner whose lease has no end until Lease sets one.
func NewOwner(ref any) *Owner { return &Owner{Ref: ref, until: Never} }

// Lease sets the end of the owner's lease (I6).
func (o *Owner) Lease(until int64) { o.until = until }

// Waiting counts its outputs that are here and not on the wire.
func (o *Owner) Waiting() int { return o.waiting }

// OnWire counts its outputs in requests that have no answer yet. A revoked task
// is done with this scheduler when it is 0 after Purge.
func (o *Owner) OnWire() int { return o.onWire }

// Size is what an output counts against Limit.Bytes.
func Size(o *event.Output) int {
	return int(o.Body.End-o.Body.Start) + int(o.Key.End-o.Key.Start) + int(o.Headers.End-o.Headers.Start) + sizeOverhead
}

// Scheduler is the scheduler of a connection and of those that share with it.
type Scheduler struct {
	cfg    Config
	rng    *rand.Rand
	policy policy

	classes []class          // by connection that has slots, then by priority
	family  []int            // by connection: the index of the first of its classes
	side    map[uint64]*slot // side slots by lane
	sides   []*slot          // all side slots
	parked  byTime[*slot]    // side slots that wait for their time, earliest first
	alone   ring             // side slots due whose head is sent alone

	retries []*Request // undecided requests that are not on the wire
	onWire  int        // requests on the wire
	// aloneOnWire counts those of them that are alone: one at a time, so that a
	// thousand failing keys cost their neighbours no more than one (I8).
	aloneOnWire int
	aside       int   // side slots that are alone
	probing     bool  // one of them is the probe of a paused connection
	window      int   // W: requests at once
	halvedAt    int64 // W halves once for all requests that were under way together

	fails        int      // failed attempts since the last success
	backoff      int      // the exponent of the connection's own backoff while it is down
	nextTry      int64    // while it is down: when the next request may go
	nextAlone    int64    // and the next that is alone
	built        uint     // requests built
	turn         int      // whose turn it is while it is down or paused
	gates        int      // gates without a readable wait since the last success
	successes    uint64   // requests accepted; tells a poisoned request from a receiver that is down
	refusals     int      // outputs refused since the last success
	refusedLanes []uint64 // of the first of these, each once
	strangers    int      // first attempts found Misconfigured since the last success

	gate  int64 // nothing is sent before
	pause pause

	failing      string // code of the last failed attempt
	failingSince int64
	gateCode     string
	gatedSince   int64

	frozen int64 // time that no budget pays for: gates as a whole, pauses when they end

	credit     int64 // rate: nanoseconds saved up
	creditAt   int64
	creditCost int64 // of one request; 0: no limit
	creditCap  int64

	waiting int    // outputs here and not on the wire
	pushed  uint64 // outputs so far

	freeItems    *item
	freeRequests []*Request
	freeSlots    []*slot
	results      []Result
	answered     int64         // when the answer came that is looked at
	whole        *event.Answer // and what it was, of a call
}

// New makes a scheduler.
func New(cfg Config, now int64) *Scheduler {
	cfg.Connections = append([]Connection(nil), cfg.Connections...)
	if len(cfg.Connections) == 0 {
		cfg.Connections = []Connection{{}}
	}
	for i := range cfg.Connections {
		cfg.Connections[i].Batch.defaults()
	}
	if cfg.MaxRetryAfter == 0 {
		cfg.MaxRetryAfter = time.Hour
	}
	s := &Scheduler{
		cfg:    cfg,
		rng:    rand.New(rand.NewPCG(cfg.Seed, 0x736c75696365)),
		side:   map[uint64]*slot{},
		window: firstWindow,
		// No request was sent before the first halving, whatever the clock says.
		halvedAt: -1 << 63,
	}
	n := 0
	for _, c := range cfg.Connections {
		if c.Of > 0 {
			s.family = append(s.family, s.family[c.Of-1])
			continue
		}
		s.family = append(s.family, n)
		n += int(priorities)
	}
	s.classes = make([]class, n)
	for i := range s.classes {
		s.classes[i].init(Priority(i % int(priorities)))
	}
	s.initRate(now)
	return s
}

func (l *Limit) defaults() {
	if l.Count == 0 {
		l.Count = 250
	}
	if l.Bytes == 0 {
		l.Bytes = 450_000
	}
	if l.Linger == 0 {
		l.Linger = 100 * time.Millisecond
	}
}

// Push takes over an output for the connection of that index. It neither blocks
// nor fails. One that is not to be sent before an instant waits aside with its
// lane when its turn comes. The output and its
// arena must not change until its result has come, or until a purge of its
// owner has come and nothing of it is on the wire.
func (s *Scheduler) Push(o *event.Output, owner *Owner, connection int, p Priority, now int64) {
	if owner.closed {
		return // revoked between its seal and here (I6)
	}
	it := s.newItem()
	it.out, it.owner, it.since, it.before, it.size = o, owner, now, o.NotBefore, int32(Size(o))
	c := &s.classes[s.family[connection]+int(p)]
	it.seq = s.pushed
	s.pushed++
	it.retry, it.lot = o.RetryMS*int64(time.Millisecond), c.lotOf(s, o, connection)
	it.lot.items++
	sl := &it.lot.unordered
	if it.ordered() {
		sl = &c.slots[slotOf(o.Lane)]
	}
	it.slot = sl
	owner.waiting++
	s.waiting++
	sl.push(it)
	switch sl.state {
	case idle:
		makeReady(sl)
	case ready:
		grown(sl)
	}
}

// slotOf spreads lanes over the slots of a priority. Lanes are hashes already;
// the fold protects against one whose low bits were used to choose something.
func slotOf(lane uint64) uint64 { return (lane ^ lane>>32) % slots }
