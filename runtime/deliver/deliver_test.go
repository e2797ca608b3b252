package deliver

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// desk is a scheduler with outputs that are known by number.
type desk struct {
	*testing.T
	s     *Scheduler
	now   int64
	owner *Owner
	arena event.Arena
	n     int32
}

func newDesk(t *testing.T, cfg Config) *desk {
	return &desk{T: t, s: New(cfg, 0), owner: NewOwner(nil), arena: event.Arena{Buf: make([]byte, 1000)}}
}

// push adds n outputs, each with a key of its own.
func (d *desk) push(n int) {
	for range n {
		d.lane(uint64(d.n)+1, Normal)
	}
}

// lane adds an output of a lane.
func (d *desk) lane(lane uint64, p Priority) {
	d.s.Push(&event.Output{Arena: &d.arena, Lane: lane, Ordered: lane != 0, Index: d.n, Body: event.Bytes{End: 100}}, d.owner, 0, p, d.now)
	d.n++
}

// next gives the next request, which must be there.
func (d *desk) next() *Request {
	d.Helper()
	r, wake := d.s.Next(d.now)
	if r == nil {
		d.Fatalf("no request at %s; wake %s, %+v", time.Duration(d.now), time.Duration(wake), d.s.Health(d.now))
	}
	return r
}

// none says that nothing may go, and gives the time to ask again.
func (d *desk) none() int64 {
	d.Helper()
	r, wake := d.s.Next(d.now)
	if r != nil {
		d.Fatalf("request %s at %s", ids(r), time.Duration(d.now))
	}
	return wake
}

// wake moves the clock to the time of the next request.
func (d *desk) wake() *Request {
	d.Helper()
	for range 100 {
		r, wake := d.s.Next(d.now)
		if r != nil {
			return r
		}
		d.now = wake
	}
	d.Fatalf("no request: %s", d.s.dump(d.now))
	return nil
}

func (d *desk) answer(r *Request, c Class, code string) string {
	return results(d.s.Answer(r, Answer{Class: c, Code: code, Wait: -1}, d.now))
}

func ids(r *Request) string {
	var s []string
	for _, o := range r.Outs {
		s = append(s, fmt.Sprint(o.Index))
	}
	return strings.Join(s, " ")
}

func results(rs []Result) string {
	var s []string
	for _, r := range rs {
		s = append(s, fmt.Sprintf("%d%s", r.Out.Index, [...]string{"+", "-", "!"}[r.Kind]))
	}
	return strings.Join(s, " ")
}

func (d *desk) want(got, want string) {
	d.Helper()
	if got != want {
		d.Fatalf("got %q, want %q", got, want)
	}
}

// A refused request is cut in halves, in order, until the culprit is alone; the
// others are accepted.
func TestBisect(t *testing.T) {
	d := newDesk(t, Config{})
	d.push(5)
	var sent, ended []string
	for r := d.next(); ; {
		sent = append(sent, ids(r))
		c := Accepted
		for _, o := range r.Outs {
			if o.Index == 3 {
				c = Refused
			}
		}
		ended = append(ended, d.answer(r, c, "400"))
		if r, _ = d.s.Next(d.now); r == nil {
			break
		}
	}
	d.want(strings.Join(sent, ","), "0 1 2 3 4,0 1 2,3 4,3,4")
	d.want(strings.Join(ended, ","), ",0+ 1+ 2+,,3-,4+")
}

// Retry-After holds the whole connection for at least as long as it says, at most
// a third longer, and costs no budget; what was refused entry is sent again.
func TestGate(t *testing.T) {
	for seed := range uint64(50) {
		d := newDesk(t, Config{Connections: []Connection{{Retry: 10 * time.Second}}, Seed: seed})
		d.push(1)
		r := d.next()
		d.push(3)
		other := d.next()
		d.want(results(d.s.Answer(r, Answer{Class: Gated, Wait: 20 * time.Second, Code: "429"}, d.now)), "")
		d.want(d.answer(other, Accepted, ""), "1+ 2+ 3+")
		d.push(1)
		wake := d.none()
		if wait := time.Duration(wake - d.now); wait < 22*time.Second || wait > 26*time.Second {
			t.Fatalf("waits %s, want 10 to 30 %% above 20s", wait)
		}
		if h := d.s.Health(d.now); h.State != Waiting || h.Code != "429" || h.Next != wake {
			t.Fatalf("health %+v", h)
		}
		d.now = wake
		r = d.next()
		d.want(ids(r), "0")
		d.want(d.answer(r, Failed, "503"), "") // the gate cost nothing of 10s
		if h := d.s.Health(d.now); h.State != Running {
			t.Fatalf("health %+v", h)
		}
	}
}

// A wait longer than max_retry_after is cut; a wait of 0 is a second.
func TestGateBounds(t *testing.T) {
	for _, tt := range []struct{ asked, least, most time.Duration }{
		{24 * time.Hour, time.Hour, time.Hour * 13 / 10},
		{0, time.Second, time.Second * 13 / 10},
	} {
		d := newDesk(t, Config{})
		d.push(1)
		d.s.Answer(d.next(), Answer{Class: Gated, Wait: tt.asked}, d.now)
		if wait := time.Duration(d.none()); wait < tt.least || wait > tt.most {
			t.Errorf("asked for %s, waits %s", tt.asked, wait)
		}
	}
}

// A key that is not accepted pauses the connection: all is kept, one output a
// minute asks again, and the first success lets everything go.
func TestMisconfiguration(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Retry: time.Minute}}})
	d.push(5)
	d.want(d.answer(d.next(), Misconfigured, "401"), "")
	for range 200 { // far beyond the budget
		began := d.now
		r := d.wake()
		if !r.Probe || d.now-began != int64(time.Minute) {
			t.Fatalf("probe %v after %s", r.Probe, time.Duration(d.now-began))
		}
		d.want(ids(r), "0")
		d.want(d.answer(r, Misconfigured, "401"), "")
		if h := d.s.Health(d.now); h.State != Misconfiguration || h.Code != "401" || h.Since != 0 {
			t.Fatalf("health %+v", h)
		}
	}
	d.want(d.answer(d.wake(), Accepted, ""), "0+")
	r := d.next()
	d.want(ids(r), "1 2 3 4")
	d.want(d.answer(r, Failed, "503"), "") // the pause cost nothing of the budget
}

// 50 refusals in a row pause the connection; a success between begins anew.
func TestRefusing(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 1}}}})
	d.push(200)
	for i := range refusalsMax - 1 {
		d.want(d.answer(d.next(), Refused, "400"), fmt.Sprintf("%d-", i))
	}
	d.answer(d.next(), Accepted, "")
	for range refusalsMax {
		d.answer(d.next(), Refused, "400")
	}
	if wake := d.none(); wake != int64(time.Minute) {
		t.Fatalf("wakes after %s", time.Duration(wake))
	}
	d.want(d.answer(d.wake(), Refused, "400"), "100-") // one letter a minute
	if h := d.s.Health(d.now); h.State != Refusing || h.Next != 2*int64(time.Minute) {
		t.Fatalf("health %+v", h)
	}
	d.want(d.answer(d.wake(), Accepted, ""), "101+")
	d.want(ids(d.next()), "102")
}

// One key that is refused whole does not stop the connection, however long its
// backlog; a few of them do.
func TestOneRefusedKeyIsNoRefusedStream(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 1}}}})
	for range 4 * refusalsMax {
		d.lane(1, Normal)
	}
	for i := range 4 * refusalsMax {
		d.want(d.answer(d.next(), Refused, "400"), fmt.Sprintf("%d-", i))
	}
	for lane := range uint64(refusedLanesMin - 1) {
		if h := d.s.Health(d.now); h.State != Running {
			t.Fatalf("paused with %d refused keys: %+v", lane+1, h)
		}
		d.lane(2+lane, Normal)
		d.answer(d.next(), Refused, "400")
	}
	if h := d.s.Health(d.now); h.State != Refusing {
		t.Fatalf("health %+v", h)
	}
}

// An output whose budget is spent becomes a letter; later ones have budgets of
// their own.
func TestBudget(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Retry: time.Hour, Batch: Limit{Count: 1}}}})
	d.push(2)
	seen := map[int32]int64{}
	for len(seen) < 2 {
		r := d.wake()
		for _, res := range d.s.Answer(r, NoAnswer("timeout"), d.now) {
			if res.Kind != Expired || res.Code != "timeout" {
				t.Fatalf("result %+v", res)
			}
			seen[res.Out.Index] = d.now
		}
	}
	for i, at := range seen {
		if at < int64(time.Hour) || at > int64(time.Hour+2*time.Minute) {
			t.Errorf("output %d given up after %s", i, time.Duration(at))
		}
	}
}

// W grows by one for an answer that comes while a full request waits, and halves
// once for all that were under way together.
func TestWindow(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 1}}}})
	d.push(1000)
	var wire []*Request
	take := func() {
		for {
			r, _ := d.s.Next(d.now)
			if r == nil {
				return
			}
			wire = append(wire, r)
		}
	}
	take()
	if len(wire) != 4 {
		t.Fatalf("%d requests at start", len(wire))
	}
	for range 3 {
		d.now += ms
		for _, r := range wire[:4] {
			d.answer(r, Accepted, "")
		}
		wire = wire[4:]
		take()
	}
	// The first answer of each round met W reached, the other three did not: they
	// came before the next request went out.
	if len(wire) != 7 || d.s.window != 7 {
		t.Fatalf("W is %d, %d on the wire", d.s.window, len(wire))
	}
	d.now += ms
	for _, r := range wire {
		d.answer(r, Failed, "503")
	}
	if d.s.window != 3 {
		t.Fatalf("W is %d after seven failures at once", d.s.window)
	}
}

// While nothing succeeds one request at a time asks, ever more rarely, and the
// first success lets all go at once.
func TestDown(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 10}}}})
	d.push(100)
	requests := 0
	for d.now < int64(time.Hour) {
		d.answer(d.wake(), Failed, "503")
		requests++
	}
	if requests < 120 || requests > 400 {
		t.Errorf("asked %d times in an hour", requests)
	}
	if h := d.s.Health(d.now); h.State != Down || h.Since != 0 || h.Code != "503" {
		t.Errorf("health %+v", h)
	}
	var got []string
	d.answer(d.wake(), Accepted, "")
	began := d.now
	for d.s.Health(d.now).Queued > 0 {
		got = append(got, d.answer(d.wake(), Accepted, ""))
	}
	if d.now-began > int64(backoffMax) {
		t.Errorf("took %s to recover", time.Duration(d.now-began))
	}
	if len(got) > 40 {
		t.Errorf("%d requests for what was 10: the outage left it in pieces", len(got))
	}
}

// An output that always fails is found, and only its own key waits for it (I8).
func TestPoison(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 20}}}})
	d.push(100)
	d.lane(8, Normal) // behind the poisoned one, of the same key
	ended := map[int32]bool{}
	for len(ended) < 99 {
		r := d.wake()
		c := Accepted
		if slices.ContainsFunc(r.Outs, func(o *event.Output) bool { return o.Index == 7 }) {
			c = Failed
		}
		for _, res := range d.s.Answer(r, Answer{Class: c, Code: "500"}, d.now) {
			ended[res.Out.Index] = true
		}
		if d.now > int64(5*time.Minute) {
			t.Fatalf("%d ended after %s\n%s", len(ended), time.Duration(d.now), d.s.dump(d.now))
		}
	}
	if ended[7] || ended[100] {
		t.Error("the poisoned output, or the one behind it, ended")
	}
	// The slot of its key goes on for other keys.
	d.lane(8+slots, Normal)
	for !ended[101] {
		r := d.wake()
		if slices.ContainsFunc(r.Outs, func(o *event.Output) bool { return o.Index == 7 }) {
			d.answer(r, Failed, "500")
			continue
		}
		for _, res := range d.s.Answer(r, Answer{}, d.now) {
			ended[res.Out.Index] = true
		}
	}
	// Mended, it goes, and then the one behind it.
	var got []string
	for d.s.Health(d.now).Queued > 0 {
		got = append(got, d.answer(d.wake(), Accepted, ""))
	}
	d.want(strings.Join(got, ","), "7+,100+")
}

// Dozens of failing keys do not slow their neighbours down (I8):
// what is good is taken as soon as it comes.
func TestManyPoisonedKeys(t *testing.T) {
	const rtt = 10 * ms
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 50}}}})
	bad := func(o *event.Output) bool { return o.Index < 300 && o.Index%10 == 0 }
	type flight struct {
		r  *Request
		at int64
	}
	var wire []flight
	pushed, slow := map[int32]int64{}, 0
	for d.now < int64(10*time.Minute) {
		if d.now < int64(time.Minute) && d.n < 600 || d.now > int64(5*time.Minute) {
			for range 3 {
				pushed[d.n] = d.now
				d.push(1)
			}
		}
		for len(wire) > 0 && wire[0].at+rtt <= d.now {
			f := wire[0]
			wire = wire[1:]
			a := Answer{}
			if slices.ContainsFunc(f.r.Outs, bad) {
				a = Answer{Class: Failed, Code: "500"}
			}
			for _, res := range d.s.Answer(f.r, a, d.now) {
				if took := d.now - pushed[res.Out.Index]; pushed[res.Out.Index] > int64(5*time.Minute) && took > 5*rtt {
					slow++
				}
				delete(pushed, res.Out.Index)
			}
		}
		for r, _ := d.s.Next(d.now); r != nil; r, _ = d.s.Next(d.now) {
			wire = append(wire, flight{r, d.now})
		}
		if d.now > int64(5*time.Minute)+5*rtt && d.s.down() {
			t.Fatalf("down at %s", time.Duration(d.now))
		}
		d.now += rtt
	}
	if slow > 0 {
		t.Errorf("%d good outputs took longer than %s", slow, time.Duration(5*rtt))
	}
	if h := d.s.Health(d.now); h.Aside != 30 || len(pushed) > 30+20 {
		t.Errorf("%d are left, health %+v", len(pushed), h)
	}
}

// A target that is not there stops what is sent to it, and nothing else (I8).
func TestMissingTarget(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 10}}}})
	ended := map[int32]bool{}
	judge := func(r *Request) Answer {
		var a Answer
		for _, o := range r.Outs {
			v := Verdict{}
			if o.Index%10 == 3 {
				v = Verdict{Class: Misconfigured, Code: "UNKNOWN_TOPIC_OR_PARTITION"}
			}
			a.Each = append(a.Each, v)
		}
		return a
	}
	for range 300 {
		d.push(10)
		for r, _ := d.s.Next(d.now); r != nil; r, _ = d.s.Next(d.now) {
			for _, res := range d.s.Answer(r, judge(r), d.now) {
				ended[res.Out.Index] = true
			}
		}
		if h := d.s.Health(d.now); h.State != Running {
			t.Fatalf("health %+v after %d", h, d.n)
		}
		d.now += 100 * ms
	}
	if len(ended) < 2600 {
		t.Errorf("%d of 2700 ended", len(ended))
	}
	if h := d.s.Health(d.now); h.Aside < 200 {
		t.Errorf("health %+v", h)
	}
}

// Near the rate limit a request waits to become fuller, at most its linger; with
// room it goes at once.
func TestLinger(t *testing.T) {
	d := newDesk(t, Config{Rate: Rate{N: 100, Per: time.Second}})
	for range 5 { // half of the saved-up ten
		d.push(1)
		d.answer(d.next(), Accepted, "")
	}
	d.push(1)
	d.answer(d.next(), Accepted, "")
	d.push(1)
	if wake := d.none(); wake != int64(100*time.Millisecond) {
		t.Fatalf("wakes at %s", time.Duration(wake))
	}
	d.push(249)
	d.want(fmt.Sprint(len(d.next().Outs)), "250") // full: it goes
}

// A high priority goes first, but not for ever.
func TestPriorities(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{Batch: Limit{Count: 1}}}})
	d.lane(1, Low)
	d.lane(2, Normal)
	d.lane(3, High)
	d.want(d.answer(d.next(), Accepted, ""), "2+")
	d.want(d.answer(d.next(), Accepted, ""), "1+")
	d.want(d.answer(d.next(), Accepted, ""), "0+")
	d.lane(4, Low)
	d.now += 11 * int64(time.Second)
	for n := range 2 * agedTurn {
		d.lane(uint64(5+n), High)
	}
	// One request in eight is for what has waited longest.
	aged := 0
	for n := range agedTurn {
		if d.answer(d.next(), Accepted, "") == "3+" {
			aged = n + 1
		}
	}
	if aged == 0 {
		t.Error("what is low never had its turn")
	}
}

// A request without room takes outputs of other connections only in requests of
// their own.
func TestConnectionsShareRateNotRequests(t *testing.T) {
	d := newDesk(t, Config{Connections: []Connection{{}, {Batch: Limit{Count: 2}}}})
	for i := range 6 {
		d.s.Push(&event.Output{Arena: &d.arena, Lane: uint64(i) + 1, Ordered: true, Index: int32(i)}, d.owner, i%2, Normal, 0)
	}
	a, b, c := d.next(), d.next(), d.next()
	got := []string{fmt.Sprint(a.Connection, ":", ids(a)), fmt.Sprint(b.Connection, ":", ids(b)), fmt.Sprint(c.Connection, ":", ids(c))}
	slices.Sort(got)
	d.want(strings.Join(got, ","), "0:0 2 4,1:1 3,1:5")
}

// An output that must not be sent yet waits aside with its lane, in order; its
// neighbours in the slot go on.
func TestNotBefore(t *testing.T) {
	d := newDesk(t, Config{})
	push := func(lane uint64, notBefore int64) {
		d.s.Push(&event.Output{Arena: &d.arena, Lane: lane, Ordered: lane != 0, Index: d.n, NotBefore: notBefore, Body: event.Bytes{End: 100}}, d.owner, 0, Normal, d.now)
		d.n++
	}
	second := int64(time.Second)
	push(1, 2*second)
	push(1025, 0) // the same slot
	push(1, 0)
	push(1, 3*second)
	push(0, second)
	d.want(d.answer(d.next(), Accepted, ""), "1+")
	for _, want := range []string{"4+", "0+ 2+", "3+"} {
		d.now = d.none()
		var got []string
		for r, _ := d.s.Next(d.now); r != nil; r, _ = d.s.Next(d.now) {
			got = append(got, d.answer(r, Accepted, ""))
		}
		d.want(strings.Join(got, " "), want)
	}
}

// What waits for less than a second is not overdue, what waits for longer is,
// once.
func TestOverdue(t *testing.T) {
	d := newDesk(t, Config{})
	overdue := func() string {
		var got []string
		d.s.Overdue(d.owner, d.now, time.Minute, func(o *event.Output) { got = append(got, fmt.Sprint(o.Index)) })
		slices.Sort(got)
		return strings.Join(got, " ")
	}
	d.push(2)
	d.want(overdue(), "")
	d.now = int64(time.Minute) + 1
	d.push(1)
	d.want(overdue(), "0 1 2")
	d.want(overdue(), "")
	d.s.Answer(d.next(), Answer{Class: Gated, Code: "429", Wait: time.Hour}, d.now)
	d.push(2)
	d.want(overdue(), "3 4") // a gate that is closed for long
}
