package deliver

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/runtime/event"
)

// world is a scheduler with a receiver that answers as it is told, and what both
// have seen. It is the naive model: lists per lane, and nothing clever.
type world struct {
	t   *rapid.T
	s   *Scheduler
	cfg Config
	now int64

	owners []*Owner
	lapses map[*Owner]int64
	lapsed bool // one lease ever
	purged map[*Owner]bool
	wire   []*Request
	sent   map[*Request][]*event.Output // as given by Next

	all    []*pushed
	of     map[*event.Output]*pushed
	lanes  map[uint64][]*pushed
	starts []int64 // instants of requests
	arena  *event.Arena
}

type pushed struct {
	out     *event.Output
	owner   *Owner
	conn    int
	culprit Class // Refused or Failed: what the receiver always says of it
	taken   bool  // by the receiver, whether or not it could say so
	refused bool  // by a verdict
	ended   bool
	tries   int
	told    bool // by Overdue
	since   int64
}

const ms = int64(time.Millisecond)

func newWorld(t *rapid.T, cfg Config) *world {
	w := &world{
		t: t, cfg: cfg, now: 1e18, s: New(cfg, 1e18),
		lapses: map[*Owner]int64{}, purged: map[*Owner]bool{}, sent: map[*Request][]*event.Output{},
		of: map[*event.Output]*pushed{}, lanes: map[uint64][]*pushed{}, arena: &event.Arena{Buf: make([]byte, 1<<16)},
	}
	for range 3 {
		w.owners = append(w.owners, NewOwner(nil))
	}
	return w
}

// push adds an output; lane 0 is none.
func (w *world) push(owner *Owner, conn int, lane uint64, size uint32, prio Priority, culprit Class, notBefore int64, group uint64, call bool) {
	o := &event.Output{Arena: w.arena, Lane: lane, Ordered: lane != 0, NotBefore: notBefore, Body: event.Bytes{End: size}, Index: int32(len(w.all)), Group: group, Alone: call}
	p := &pushed{out: o, owner: owner, conn: conn, culprit: culprit, since: w.now}
	w.all = append(w.all, p)
	w.of[o] = p
	if lane != 0 {
		w.lanes[lane] = append(w.lanes[lane], p)
	}
	if call {
		o.RetryMS = 30_000
	}
	w.s.Push(o, owner, conn, prio, w.now)
	if w.purged[owner] {
		p.ended = true
	}
}

// take asks for all requests that may go now and checks each.
func (w *world) take() (wake int64) {
	for {
		r, at := w.s.Next(w.now)
		if r == nil {
			if at <= w.now {
				w.t.Fatalf("asks to be asked at %d, it is %d", at, w.now)
			}
			return at
		}
		w.started(r)
	}
}

func (w *world) started(r *Request) {
	t := w.t
	if len(r.Outs) == 0 {
		t.Fatalf("empty request")
	}
	if len(w.wire)+1 > w.s.window {
		t.Fatalf("%d requests at once, W is %d", len(w.wire)+1, w.s.window)
	}
	if w.s.window < 1 || w.s.window > maxWindow {
		t.Fatalf("W is %d", w.s.window)
	}
	limit := w.s.cfg.Connections[r.Connection].Batch
	bytes := 0
	seen := map[*event.Output]bool{}
	for _, o := range r.Outs {
		p := w.of[o]
		bytes += Size(o)
		p.tries++
		switch {
		case seen[o]:
			t.Fatalf("output %d twice in a request", o.Index)
		case p.ended:
			t.Fatalf("output %d sent after its result", o.Index)
		case p.conn != r.Connection:
			t.Fatalf("output %d of connection %d sent by %d", o.Index, p.conn, r.Connection)
		case w.purged[p.owner]:
			t.Fatalf("I6: output %d of a purged owner sent", o.Index)
		case w.lapses[p.owner] != 0 && w.now >= w.lapses[p.owner]:
			t.Fatalf("I6: output %d sent after its lease", o.Index)
		case w.now < o.NotBefore:
			t.Fatalf("output %d sent %d ns too early", o.Index, o.NotBefore-w.now)
		}
		seen[o] = true
		// I3: all before it in its lane have ended, or stand before it in this request.
		if !o.Ordered {
			continue
		}
		for _, q := range w.lanes[o.Lane] {
			if q == p {
				break
			}
			if q.owner == p.owner && !q.ended && !seen[q.out] {
				t.Fatalf("I3: output %d sent before %d of its lane has ended", o.Index, q.out.Index)
			}
		}
	}
	if len(r.Outs) > limit.Count || len(r.Outs) > 1 && bytes > limit.Bytes {
		t.Fatalf("request of %d outputs, %d bytes; limit %d, %d", len(r.Outs), bytes, limit.Count, limit.Bytes)
	}
	if bytes != r.Bytes {
		t.Fatalf("request says %d bytes, has %d", r.Bytes, bytes)
	}
	if r.Probe && len(r.Outs) != 1 {
		t.Fatalf("probe of %d outputs", len(r.Outs))
	}
	for _, q := range w.wire {
		for _, o := range w.sent[q] {
			for _, n := range r.Outs {
				if o == n || o.Ordered && n.Ordered && o.Lane == n.Lane && w.of[o].owner == w.of[n].owner {
					t.Fatalf("I3: outputs %d and %d of a lane in two requests", o.Index, n.Index)
				}
			}
		}
	}
	w.together(r, limit)
	w.rate()
	w.wire = append(w.wire, r)
	w.sent[r] = slices.Clone(r.Outs)
}

// together checks that what stands in a request may, and that a request which is to wait
// until it is full did: only what must not be sent yet makes it smaller.
func (w *world) together(r *Request, limit Limit) {
	late, excused := false, r.Attempt > 1 || r.Probe || r.alone || w.lapsed
	for _, o := range r.Outs {
		if o.Group != r.Outs[0].Group && limit.Count > 1 || o.Alone && len(r.Outs) > 1 {
			w.t.Fatalf("outputs %d and %d must not share a request", o.Index, r.Outs[0].Index)
		}
		excused = excused || o.Alone
		late = late || w.of[o].since+int64(limit.Linger) <= w.now
	}
	for _, p := range w.all {
		excused = excused || p.out.NotBefore > 0 && p.out.Group == r.Outs[0].Group && p.conn == r.Connection
		// What a side slot holds of a lane goes on there.
		excused = excused || p.tries > 1
	}
	if limit.Wait && len(r.Outs) < limit.Count && !late && !excused {
		w.t.Fatalf("request of %d outputs, it was to wait for %d", len(r.Outs), limit.Count)
	}
}

// rate checks that no second has seen more requests than the rate and its burst.
func (w *world) rate() {
	w.starts = append(w.starts, w.now)
	if w.cfg.Rate.N == 0 {
		return
	}
	per := int64(w.cfg.Rate.Per)
	n := int64(0)
	for _, at := range w.starts {
		if at > w.now-per {
			n++
		}
	}
	if most := w.cfg.Rate.N + w.cfg.Rate.N*int64(burstTime)/per + 1; n > most {
		w.t.Fatalf("%d requests within %s, rate %d", n, w.cfg.Rate.Per, w.cfg.Rate.N)
	}
}

// honest answers as a receiver that takes what is good: it refuses a request with
// a bad output in it whole, and fails one with a poisoned one.
func (w *world) honest(r *Request) Answer {
	a := Answer{Class: Accepted}
	for _, o := range w.sent[r] {
		switch w.of[o].culprit {
		case Refused:
			return Answer{Class: Refused, Code: "400"}
		case Failed:
			a = Answer{Class: Failed, Code: "500"}
		}
	}
	return a
}

func (w *world) answer(r *Request, a Answer, took bool) {
	w.wire = slices.DeleteFunc(w.wire, func(q *Request) bool { return q == r })
	outs := w.sent[r]
	delete(w.sent, r)
	if a.Class == Accepted || took {
		for i, o := range outs {
			if p := w.of[o]; a.Each == nil || a.Each[i].Class == Accepted {
				w.took(p)
			} else if a.Each[i].Class == Refused {
				p.refused = true
			}
		}
	}
	for _, res := range w.s.Answer(r, a, w.now) {
		p := w.of[res.Out]
		switch {
		case p.ended:
			w.t.Fatalf("output %d ends twice", p.out.Index)
		case res.Owner != p.owner:
			w.t.Fatalf("result of output %d for another owner", p.out.Index)
		case res.Attempts != p.tries:
			w.t.Fatalf("output %d tried %d times, result says %d", p.out.Index, p.tries, res.Attempts)
		case res.Kind == Denied && p.culprit != Refused && a.Each == nil:
			w.t.Fatalf("output %d denied, it is good", p.out.Index)
		case res.Kind == Taken && !p.taken:
			w.t.Fatalf("output %d said to be taken, it was not", p.out.Index)
		case p.out.Alone != (res.Answer != nil):
			w.t.Fatalf("output %d: a call %v, its answer %v", p.out.Index, p.out.Alone, res.Answer)
		}
		p.ended = true
	}
	for _, o := range outs { // what a purge left unanswered
		if p := w.of[o]; w.purged[p.owner] {
			p.ended = true
		}
	}
	w.counts()
}

// took notes a first acceptance and checks its order (I3).
func (w *world) took(p *pushed) {
	if p.taken {
		return
	}
	p.taken = true
	if !p.out.Ordered {
		return
	}
	for _, q := range w.lanes[p.out.Lane] {
		if q == p {
			return
		}
		if q.owner == p.owner && !q.taken && !q.refused && !q.ended {
			w.t.Fatalf("I3: output %d accepted before %d", p.out.Index, q.out.Index)
		}
	}
}

func (w *world) purge(o *Owner) {
	w.purged[o] = true
	w.s.Purge(o)
	onWire := map[*event.Output]bool{}
	for _, outs := range w.sent {
		for _, out := range outs {
			onWire[out] = true
		}
	}
	for _, p := range w.all {
		if p.owner == o && !onWire[p.out] {
			p.ended = true
		}
	}
	w.counts()
}

// counts compares what the scheduler says it has with what it should have.
func (w *world) counts() {
	onWire := map[*Owner]int{}
	for _, outs := range w.sent {
		for _, o := range outs {
			onWire[w.of[o].owner]++
		}
	}
	left := map[*Owner]int{}
	for _, p := range w.all {
		if !p.ended && !w.purged[p.owner] {
			left[p.owner]++
		}
	}
	queued := 0
	for i, o := range w.owners {
		if o.OnWire() != onWire[o] {
			w.t.Fatalf("owner %d: %d on the wire, should be %d", i, o.OnWire(), onWire[o])
		}
		if !w.purged[o] && o.Waiting() != left[o]-onWire[o] {
			w.t.Fatalf("owner %d: %d waiting, should be %d", i, o.Waiting(), left[o]-onWire[o])
		}
		queued += o.Waiting()
	}
	if h := w.s.Health(w.now); h.Queued != queued || h.OnWire != len(w.wire) {
		w.t.Fatalf("health says %d queued, %d on the wire; %d, %d", h.Queued, h.OnWire, queued, len(w.wire))
	}
	aside := 0
	for _, sl := range w.s.sides {
		if sl.alone {
			aside++
		}
	}
	if aside != w.s.aside {
		w.t.Fatalf("%d aside, counted %d", aside, w.s.aside)
	}
	w.ready()
}

// ready recounts what the slots say of themselves.
func (w *world) ready() {
	for i := range w.s.classes {
		c := &w.s.classes[i]
		inHeap, full := 0, 0
		for _, l := range c.lots {
			n, b := 0, 0
			l.slots.each(func(sl *slot) {
				if sl.state != ready || sl.head.lot != l {
					w.t.Fatalf("slot of a lot in state %d", sl.state)
				}
				if first := l.slots.first().head.seq; sl.head.seq < first {
					w.t.Fatalf("lot %v: output %d is first, %d is older", l.key, first, sl.head.seq)
				}
				for it := sl.head; it != nil && it.lot == l; it = it.next {
					n, b = n+1, b+int(it.size)
				}
			})
			if n != l.count || b != l.bytes || l.full != (n > 0 && (n >= l.limit.Count || b >= l.limit.Bytes)) {
				w.t.Fatalf("lot %v: %d outputs, %d bytes ready; counted %d, %d, full %v", l.key, n, b, l.count, l.bytes, l.full)
			}
			if (n > 0) != (l.place >= 0) || l.place >= 0 && c.ready[l.place] != l {
				w.t.Fatalf("lot %v: %d outputs ready, place %d", l.key, n, l.place)
			}
			if n > 0 {
				inHeap++
			}
			if l.full {
				full++
			}
		}
		if inHeap != len(c.ready) || full != c.full {
			w.t.Fatalf("class %d: %d lots ready, %d full; counted %d, %d", i, inHeap, full, len(c.ready), c.full)
		}
	}
}

// overdue asks what waits too long: all of an owner while the scheduler is paused,
// gated for long, or has an output that has waited for long, and each once.
func (w *world) overdue(o *Owner, after time.Duration) {
	w.s.Overdue(o, w.now, after, func(out *event.Output) {
		switch p := w.of[out]; {
		case p.owner != o || p.ended:
			w.t.Fatalf("output %d is overdue, it has ended or is another's", out.Index)
		case p.told:
			w.t.Fatalf("output %d is overdue twice", out.Index)
		default:
			p.told = true
		}
	})
	onWire := map[*event.Output]bool{}
	for _, r := range w.wire {
		for _, it := range r.items { // the other half of a cut request among them
			onWire[it.out] = true
		}
	}
	h := w.s.Health(w.now)
	all := h.State >= Misconfiguration || h.State == Waiting && h.Next > w.now+int64(time.Second)
	for _, p := range w.all {
		all = all || !p.ended && !onWire[p.out] && w.waits(p) < w.now-int64(after)
	}
	for _, p := range w.all {
		if all && p.owner == o && !p.ended && !p.told && !onWire[p.out] {
			w.t.Fatalf("output %d waits too long, and is not overdue", p.out.Index)
		}
	}
}

// waits is since when an output could have been sent.
func (w *world) waits(p *pushed) int64 {
	at := max(p.since, p.out.NotBefore)
	if l := w.s.cfg.Connections[p.conn].Batch; l.Wait && l.Count > 1 && !p.out.Alone {
		at = max(at, p.since+int64(l.Linger))
	}
	return at
}

// drain lets an honest receiver answer until nothing is left, and fails when that
// takes too long: nothing may be stuck.
func (w *world) drain() {
	for step := 0; ; step++ {
		wake := w.take()
		if len(w.wire) > 0 {
			r := w.wire[0]
			w.answer(r, w.honest(r), false)
			continue
		}
		left := 0
		for _, p := range w.all {
			if !p.ended && !w.poisoned(p) {
				left++
			}
		}
		if left == 0 {
			return
		}
		if wake == Never || step > 20_000 {
			w.t.Fatalf("%d outputs are stuck, wake %d\n%s", left, wake, w.s.dump(w.now))
		}
		w.now = wake
	}
}

// poisoned tells whether an output may never end: it always fails, or it stands
// behind one that does.
func (w *world) poisoned(p *pushed) bool {
	if p.culprit == Failed || !p.out.Ordered {
		return p.culprit == Failed
	}
	for _, q := range w.lanes[p.out.Lane] {
		if q == p {
			return false
		}
		if !q.ended && q.culprit == Failed {
			return true
		}
	}
	return false
}

func randomConfig(t *rapid.T) Config {
	cfg := Config{
		Connections: []Connection{
			{Batch: Limit{Count: rapid.IntRange(1, 6).Draw(t, "count"), Bytes: rapid.SampledFrom([]int{60, 200, 10_000}).Draw(t, "bytes")}},
			{Batch: Limit{Count: 2}},
			// An emit of the first that waits for full requests.
			{Batch: Limit{Count: rapid.IntRange(1, 4).Draw(t, "full"), Linger: 3 * time.Second, Wait: true}, Of: 1},
		},
		Seed: rapid.Uint64().Draw(t, "seed"),
	}
	if rapid.Bool().Draw(t, "limited") {
		cfg.Rate = Rate{N: rapid.SampledFrom([]int64{1, 5, 30, 900}).Draw(t, "rate"), Per: time.Second}
	}
	if rapid.Bool().Draw(t, "budget") {
		cfg.Connections[0].Retry = time.Minute
	}
	return cfg
}

// TestAgainstModel drives the scheduler with every kind of event in any order and
// compares with the naive model: order per lane through retries, bisection, gates,
// pauses, purges and lapsed leases (I3, I6), one result an output, limits, W, rate,
// and nothing stuck at the end.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, randomConfig(t))
		some := func(name string) *Request {
			if len(w.wire) == 0 {
				t.Skip("nothing on the wire")
			}
			return w.wire[rapid.IntRange(0, len(w.wire)-1).Draw(t, name)]
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": func(t *rapid.T) {
				owner := rapid.IntRange(0, 2).Draw(t, "owner")
				conn := rapid.SampledFrom([]int{0, 0, 0, 1, 2, 2}).Draw(t, "connection")
				call := rapid.IntRange(0, 9).Draw(t, "call") == 0
				for range rapid.IntRange(1, 8).Draw(t, "n") {
					// Lanes 1 and 1025 share a slot. A lane belongs to one class.
					lane := rapid.SampledFrom([]uint64{0, 1, 1025, 2, 3, 4}).Draw(t, "lane")
					culprit := rapid.SampledFrom([]Class{Accepted, Accepted, Accepted, Accepted, Accepted, Accepted, Refused, Failed}).Draw(t, "culprit")
					id := lane
					if call {
						lane, id = 0, 0
					}
					if lane != 0 {
						id = lane + uint64(conn%2)<<32
					}
					group := rapid.SampledFrom([]uint64{0, 0, 7, 8}).Draw(t, "group")
					notBefore := rapid.SampledFrom([]int64{0, 0, 0, 0, w.now + 50*ms, w.now + 5000*ms}).Draw(t, "not before")
					w.push(w.owners[owner], conn, id, rapid.Uint32Range(1, 60).Draw(t, "size"), Priority(lane%3), culprit, notBefore, group, call)
				}
			},
			"take":   func(*rapid.T) { w.take() },
			"honest": func(t *rapid.T) { r := some("request"); w.answer(r, w.honest(r), false) },
			"cut": func(t *rapid.T) {
				r := some("request")
				w.answer(r, NoAnswer("cut"), w.honest(r).Class == Accepted && rapid.Bool().Draw(t, "took"))
			},
			"gate": func(t *rapid.T) {
				wait := rapid.SampledFrom([]time.Duration{-1, 0, time.Second, time.Hour}).Draw(t, "wait")
				w.answer(some("request"), Answer{Class: Gated, Wait: wait, Code: "429"}, false)
				h := w.s.Health(w.now)
				if h.State != Waiting && h.State != Misconfiguration && h.State != Refusing {
					t.Fatalf("gated, health says %s", h.State)
				}
				if wait > 0 && h.Next < w.now+int64(wait)+int64(wait)/10 {
					t.Fatalf("goes on after %d, asked for %d", h.Next-w.now, wait)
				}
			},
			"unauthorized": func(t *rapid.T) { w.answer(some("request"), Answer{Class: Misconfigured, Code: "401"}, false) },
			"each": func(t *rapid.T) {
				r := some("request")
				a := Answer{Class: Accepted}
				stopped := map[uint64]bool{}
				for _, o := range w.sent[r] {
					v := Verdict{Class: rapid.SampledFrom([]Class{Accepted, Accepted, Failed, Misconfigured, Refused}).Draw(t, "verdict"), Code: "x"}
					if stopped[o.Lane] { // a sink takes nothing of a lane behind a failure
						v.Class = Failed
					}
					stopped[o.Lane] = o.Ordered && (v.Class == Failed || v.Class == Misconfigured)
					a.Each = append(a.Each, v)
				}
				w.answer(r, a, false)
			},
			"wait": func(t *rapid.T) {
				w.now += rapid.SampledFrom([]int64{1, ms, 100 * ms, 2000 * ms, 90_000 * ms}).Draw(t, "ns")
			},
			"wake": func(t *rapid.T) {
				if at := w.take(); at != Never {
					w.now = at
				}
			},
			"purge": func(t *rapid.T) {
				if i := rapid.IntRange(0, 30).Draw(t, "owner"); i < 3 && !w.purged[w.owners[i]] {
					w.purge(w.owners[i])
				}
			},
			"lease": func(t *rapid.T) {
				o := w.owners[rapid.IntRange(0, 2).Draw(t, "owner")]
				until := w.now + rapid.SampledFrom([]int64{0, 50 * ms, 5000 * ms}).Draw(t, "for")
				w.lapses[o], w.lapsed = until, true
				o.Lease(until)
			},
			"overdue": func(t *rapid.T) {
				w.overdue(w.owners[rapid.IntRange(0, 2).Draw(t, "owner")], rapid.SampledFrom([]time.Duration{time.Second, time.Minute}).Draw(t, "after"))
			},
			"": func(*rapid.T) { w.counts() },
		})
		for _, o := range w.owners {
			delete(w.lapses, o)
			o.Lease(Never)
		}
		w.drain()
	})
}

// TestSlotsAreShared keeps the model honest: two of its lanes share a slot.
func TestSlotsAreShared(t *testing.T) {
	if slotOf(1) != slotOf(1025) || slotOf(1) == slotOf(2) {
		t.Error("lanes 1 and 1025 must share a slot, 1 and 2 must not")
	}
}
