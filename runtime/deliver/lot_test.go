package deliver

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// out pushes an output of a lane (0: none) and a group to a connection.
func (d *desk) out(connection int, lane, group uint64) {
	d.s.Push(&event.Output{Arena: &d.arena, Lane: lane, Ordered: lane != 0, Group: group, Index: d.n, Body: event.Bytes{End: 100}}, d.owner, connection, Normal, d.now)
	d.n++
}

// TestOneGroupARequest: what differs in its address or headers never shares a request,
// and what has no order is not held up by another group's.
func TestOneGroupARequest(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 10}}}})
	for i := range uint64(6) {
		d.out(0, 0, 1+i%2)
	}
	d.out(0, 5, 1)
	d.out(0, 5, 2)
	if got := ids(d.next()); got != "0 2 4 6" {
		t.Errorf("first request %s", got)
	}
	// 7 is of a lane whose 6 is on the wire.
	if got := ids(d.next()); got != "1 3 5" {
		t.Errorf("second request %s", got)
	}
	d.none()
}

// TestABatchWaitsUntilItIsFull: over HTTP a request waits for its limit in outputs, bytes
// or time, whichever comes first; with a limit of one it goes at once.
func TestABatchWaitsUntilItIsFull(t *testing.T) {
	batch := Limit{Count: 3, Bytes: 1000, Linger: 30 * time.Second, Wait: true}
	d := newDesk(t, Config{Connections: []Connection{{Batch: batch}, {Batch: Limit{Count: 1, Linger: 30 * time.Second, Wait: true}}}})
	d.out(0, 1, 1)
	d.out(0, 2, 1)
	if wake := d.none(); wake != int64(30*time.Second) {
		t.Errorf("two of three wait until %s", time.Duration(wake))
	}
	d.out(0, 3, 2) // another group fills nothing
	d.none()
	d.out(0, 4, 1)
	if got := ids(d.next()); got != "0 1 3" {
		t.Errorf("full request %s", got)
	}
	d.now = int64(30 * time.Second)
	if got := ids(d.next()); got != "2" {
		t.Errorf("after the time %s", got)
	}
	d.out(1, 9, 1)
	if got := ids(d.next()); got != "4" {
		t.Errorf("without a batch %s", got)
	}
}

// TestABatchIsFullInBytes: it goes as soon as its bytes are there.
func TestABatchIsFullInBytes(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 5000, Bytes: 250, Linger: time.Hour, Wait: true}}}})
	d.out(0, 1, 1)
	d.out(0, 2, 1)
	d.none()
	d.out(0, 3, 1)
	if got := ids(d.next()); got != "0 1" {
		t.Errorf("request %s", got)
	}
	d.none()
}

// TestAStopWaitsForNoBatch: what is there goes when the program stops.
func TestAStopWaitsForNoBatch(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 5000, Linger: time.Hour, Wait: true}}}})
	d.out(0, 1, 1)
	d.now++
	d.out(0, 2, 2)
	d.none()
	d.s.Hurry()
	if got := ids(d.next()) + ", " + ids(d.next()); got != "0, 1" {
		t.Errorf("requests %s", got)
	}
	d.out(0, 3, 1)
	if got := ids(d.next()); got != "2" {
		t.Errorf("what comes later: %s", got)
	}
}

// TestOrderHoldsBetweenEmits: one emit deletes and another posts under one key. The
// second waits for the first, whatever their batches.
func TestOrderHoldsBetweenEmits(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{
		{Batch: Limit{Count: 1}},
		{Batch: Limit{Count: 100, Linger: time.Second, Wait: true}, Of: 1},
	}})
	d.out(1, 7, 1) // the batch
	d.out(0, 7, 2)
	d.out(0, 8, 2) // of another key
	if got := ids(d.next()); got != "2" {
		t.Errorf("another key's goes at once, not %s", got)
	}
	d.none()
	d.now = int64(time.Second)
	batch := d.next()
	if got := ids(batch); got != "0" {
		t.Errorf("the batch is %s", got)
	}
	d.none()
	d.s.Answer(batch, Answer{Class: Accepted}, d.now)
	if got := ids(d.next()); got != "1" {
		t.Errorf("then %s", got)
	}
}

// TestAWaitingBatchIsHeld: an output whose request waits for a batch is given to its
// task, to be kept without its epoch.
func TestAWaitingBatchIsHeld(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 100, Linger: 30 * time.Second, Wait: true}}}})
	d.out(0, 7, 1)
	n := 0
	d.s.Overdue(d.owner, d.now, time.Minute, func(*event.Output) { n++ })
	if n != 1 {
		t.Errorf("%d overdue", n)
	}
}

// TestACall: it is a request of its own, waits behind nothing, is tried within its own
// budget, and its result has the answer, whatever it was.
func TestACall(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 10}, Retry: time.Hour}}})
	call := func() {
		o := &event.Output{Arena: &d.arena, Lane: 1, Ordered: true, Alone: true, Index: d.n, Body: event.Bytes{End: 100}, RetryMS: 2000}
		d.s.Push(o, d.owner, 0, Normal, d.now)
		d.n++
	}
	d.out(0, 1, 0)
	call()
	call()
	var got [3]string
	var reqs [3]*Request
	for i := range reqs {
		reqs[i] = d.next()
		got[i] = ids(reqs[i])
	}
	if got != [3]string{"0", "1", "2"} {
		t.Fatalf("requests %q", got)
	}
	whole := &event.Answer{Status: 404, Body: []byte("{}")}
	res := d.s.Answer(reqs[1], Answer{Class: Refused, Code: "404", Whole: whole}, d.now)
	if len(res) != 1 || res[0].Kind != Denied || res[0].Answer != whole {
		t.Errorf("a 404 gives %+v", res)
	}
	if res := d.s.Answer(reqs[2], NoAnswer("timeout"), d.now); len(res) != 0 {
		t.Fatalf("it is tried again, not %+v", res)
	}
	d.now += int64(2500 * time.Millisecond)
	d.s.Answer(reqs[0], Answer{Class: Accepted}, d.now)
	r := d.next()
	res = d.s.Answer(r, NoAnswer("timeout"), d.now)
	if len(res) != 1 || res[0].Kind != Expired || res[0].Answer == nil || res[0].Answer.Fault != "timeout" {
		t.Errorf("a spent budget gives %+v", res)
	}
}

// TestACallBehindAGate: a call whose answers cannot be used, while others on its connection
// are told to wait again and again, ends late and never too late to be found: the clock of
// its budget stands still behind a gate, and what it takes beside the gates is its budget
// and one backoff. Each gate ends, however the call and the others take turns.
func TestACallBehindAGate(t *testing.T) {
	const retry, gates = 2 * time.Second, 5
	for seed := range uint64(300) {
		d := newDesk(t, Config{Seed: seed, Connections: []Connection{{Batch: Limit{Count: 1}, Retry: time.Hour}}})
		d.s.Push(&event.Output{Arena: &d.arena, Lane: 1, Ordered: true, Alone: true, Index: 0, Body: event.Bytes{End: 100}, RetryMS: retry.Milliseconds()}, d.owner, 0, Normal, 0)
		d.n++
		d.push(1 + int(seed%3))
		var first, closed time.Duration // its first failure, and how long the gate was closed since
		told, ended := 0, false
		for n := 0; !ended; n++ {
			if n > 1000 {
				t.Fatalf("seed %d: it does not end: %s", seed, d.s.dump(d.now))
			}
			r := d.wake()
			if d.s.Health(d.now).State == Waiting {
				t.Fatalf("seed %d: a request behind a closed gate", seed)
			}
			if r.Outs[0].Index == 0 {
				if first == 0 {
					first, closed = max(1, time.Duration(d.now)), 0
				}
				for _, res := range d.s.Answer(r, NoAnswer("answer not decodable"), d.now) {
					ended = res.Kind == Expired && res.Answer != nil && res.Answer.Fault == "answer not decodable"
				}
				continue
			}
			if told == gates {
				d.answer(r, Accepted, "200")
				continue
			}
			told++
			before := max(d.now, d.s.gate)
			d.s.Answer(r, Answer{Class: Gated, Code: "429", Wait: 3 * time.Second}, d.now)
			closed += time.Duration(d.s.gate - before)
		}
		// Its attempts grow apart by a full jitter: the one that ends it comes after at most
		// one wait that was drawn before the budget was spent.
		if took := time.Duration(d.now) - first - closed; took < retry || took > retry+backoffMax {
			t.Errorf("seed %d: it took %s beside %s of gates", seed, took, closed)
		}
	}
}

// TestManyAddressesAreForgotten: a lot that is empty costs nothing for long.
func TestManyAddressesAreForgotten(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 10}}}})
	for i := range uint64(10_000) {
		d.out(0, i+1, i+1)
		d.s.Answer(d.next(), Answer{Class: Accepted}, d.now)
	}
	if n := len(d.s.classes[Normal].lots); n > lotsKept {
		t.Errorf("%d lots are kept", n)
	}
}

// TestRefusedCallsPauseNothing: a lookup that finds nobody, time after time, is no
// mistake of the connection's.
func TestRefusedCallsPauseNothing(t *testing.T) {
	d := newDesk(t, Config{})
	for range refusalsMax + 1 {
		o := &event.Output{Arena: &d.arena, Alone: true, Index: d.n, Body: event.Bytes{End: 100}}
		d.s.Push(o, d.owner, 0, Normal, d.now)
		d.n++
		d.s.Answer(d.next(), Answer{Class: Refused, Code: "404"}, d.now)
	}
	if h := d.s.Health(d.now); h.State != Running {
		t.Errorf("the connection is %s", h.State)
	}
}
