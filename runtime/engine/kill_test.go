package engine_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

var (
	kills    = flag.Int("kills", 5, "how often TestKills kills the engine")
	killSeed = flag.Uint64("kill-seed", 0, "seed of TestKills; 0: another each time")
)

// killed sends what it reads on, by two emits that must stay together, and on from
// there; some records fail behind their emits, some outputs are refused, and one
// route has nowhere to send to.
const killed = head + `
connection segment nowhere { write_key: secret("KEY"), url: env("NOWHERE") }
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
emit topic "checked~" { key: .user, value: { topic: "checked", user: .user, seq: .seq, note: "" } }
require .note != "bad" else "a bad note"
route checked
from topic "checked~" as Order
emit track "Checked" { userId: .user, messageId: @headers["sluice-id"], properties: { topic: .topic, seq: .seq } }
route stuck
from topic "orders~" as Order
emit track "Stuck" via nowhere { userId: .user, properties: { topic: "stuck", seq: .seq } }
`

// TestKills kills the engine with SIGKILL at random moments, under load, with
// faults at the receiver, and judges from what the receiver and the topics saw:
// I1–I4, I8, I11.
func TestKills(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) { killTest(t, w, 1, *kills) })
}

// TestKillsOfTwo does the same to two processes that share the work.
func TestKillsOfTwo(t *testing.T) {
	t.Parallel()
	killTest(t, onEmbedded(t), 2, 2)
}

func killTest(t *testing.T, w *world, processes, kills int) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-kill-seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	w.topics(4, "orders", "checked")
	l := newLoad(w, seed)
	faults := receiver.Shares{Seed: seed, TooMany: 0.004, Unavailable: 0.03, Cut: 0.03, RetryAfter: time.Millisecond}
	r := w.receive(receiver.Options{WriteKey: "right", Fault: faults.Fault, OnEvent: l.took, Refuse: func(e receiver.Event) string {
		if e.UserID == "poison" {
			return "poison"
		}
		return ""
	}})
	role := engineRole{
		Script:  strings.ReplaceAll(killed, "~", "-"+w.suffix),
		Env:     map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right", "NOWHERE": "http://" + freeAddr(t)},
		Session: 6 * time.Second,
	}
	roles := make([]engineRole, processes)
	engines := make([]*process, processes)
	for i := range engines {
		roles[i] = role
		roles[i].State = t.TempDir()
		engines[i] = spawn(t, "engine", roles[i])
	}
	stop := l.produce()
	defer stop()
	for k := range kills {
		// At work, and then at any moment.
		n := l.arrivals() + 200 + rng.IntN(1000)
		w.eventually(fmt.Sprintf("work before kill %d", k+1), func() bool { return l.arrivals() >= n })
		i := rng.IntN(processes)
		engines[i].kill()
		l.committedIsTaken(w.committed("orders")) // I1
		engines[i] = spawn(t, "engine", roles[i])
	}
	stop()
	defer func() {
		if t.Failed() {
			t.Log(engines[0].stderr())
		}
	}()
	w.eventually("everything has arrived", func() bool { return w.ledger.Outstanding() == 0 })
	rep := w.clean() // I1, I3, I4, I11
	if rep.Repeats == 0 {
		t.Log("no kill met a request under way")
	}

	// Each record that failed and each output that was refused has left one letter
	// and nothing else (I11).
	w.eventually("every letter is written", func() bool { return len(w.dead("orders")) >= l.bad+l.poison })
	classes := map[string]int{}
	for _, d := range w.dead("orders") {
		classes[d.header["sluice-class"]]++
	}
	if classes["processing"] != l.bad || classes["delivery"] != l.poison {
		t.Errorf("letters %v, want %d processing and %d delivery", classes, l.bad, l.poison)
	}
	// What was emitted to the topic: all of it, each under one id, in order.
	l.checkedTopic()

	w.eventually("all is committed", func() bool { return w.atEnd("orders", "orders") })
	// The route with nowhere to go has not moved, and has hindered nobody (I1, I8).
	for tp, c := range w.committed("stuck") {
		if c.Offset != 0 {
			t.Errorf("stuck: %v is committed up to %d, and nothing was taken", tp, c.Offset)
		}
	}
	for _, e := range engines {
		if l := e.line(t); l != "ready" {
			t.Fatalf("the last engine said %q\n%s", l, e.stderr())
		}
		for _, rt := range e.account(t).Routes { // I2
			dropped := uint64(0)
			for _, n := range rt.Dropped {
				dropped += n
			}
			if rt.In != rt.Completed+dropped+rt.Dead || rt.InFlight != 0 {
				t.Errorf("I2: %+v", rt)
			}
			for _, em := range rt.Emits {
				if em.Emitted != em.Accepted+em.Dead || em.InFlight != 0 {
					t.Errorf("I2: %+v", em)
				}
			}
		}
	}
	t.Logf("%d records, %d bad, %d poisoned; receiver: %d accepted, %d repeats", l.records, l.bad, l.poison, rep.Accepted, rep.Repeats)
}

// load is a stream of orders under a kill test and what became of them.
type load struct {
	w   *world
	rng *rand.Rand
	bad int // fail behind their emits
	poison,
	records int

	mu      sync.Mutex
	log     map[kafka.TP][]string // what stands at each offset: "user/seq", "" for what must not arrive
	arrived map[string]bool       // "topic/user/seq"
	n       int
}

func newLoad(w *world, seed uint64) *load {
	return &load{w: w, rng: rand.New(rand.NewPCG(seed, 2)), log: map[kafka.TP][]string{}, arrived: map[string]bool{}}
}

// took is told what the receiver accepts.
func (l *load) took(e receiver.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived[fmt.Sprint(e.Topic, "/", e.User, "/", e.Seq)] = true
	l.n++
}

func (l *load) arrivals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// produce writes some records every 10 ms until the function it gives is called, then
// the last ones, where there are any; it returns when all are written.
func produce(some int, one func(*sync.WaitGroup), last func(*sync.WaitGroup)) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				if last != nil {
					last(&wg)
				}
				return
			case <-tick.C:
				for range some {
					one(&wg)
				}
			}
		}
	})
	var once sync.Once
	return func() { once.Do(func() { close(quit); wg.Wait() }) }
}

// produce writes orders until the function it gives is called.
func (l *load) produce() (stop func()) {
	return produce(25, l.one, nil)
}

func (l *load) one(wg *sync.WaitGroup) {
	user, note := fmt.Sprint("u", l.rng.IntN(60)), ""
	arrives := true
	switch l.rng.IntN(200) {
	case 0:
		note, arrives = "bad", false
		l.bad++
	case 1:
		user, arrives = "poison", false
		l.poison++
	}
	k := "orders/" + user
	var seq uint64
	if note == "" { // what fails has no number that a neighbour could miss
		l.w.seq[k]++
		seq = l.w.seq[k]
	}
	what := ""
	if arrives {
		l.w.ledger.Expect("orders", user, seq)
		what = fmt.Sprint(user, "/", seq)
	}
	if arrives {
		l.w.ledger.Expect("checked", user, seq)
	}
	l.records++
	value := fmt.Appendf(nil, `{"topic":"orders","user":%q,"seq":%d,"note":%q}`, user, seq, note)
	wg.Add(1)
	l.w.out.Send(l.w.t.Context(), kafka.Record{Topic: l.w.topic("orders"), Key: []byte(user), Value: value, Timestamp: event.NoTime}, func(res kafka.Result) {
		defer wg.Done()
		if res.Err != nil {
			l.w.t.Error(res.Err)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		tp := kafka.TP{Topic: l.w.topic("orders"), Partition: res.Partition}
		at := l.log[tp]
		for int64(len(at)) <= res.Offset {
			at = append(at, "")
		}
		at[res.Offset] = what
		l.log[tp] = at
	})
}

// committedIsTaken holds what a killed process had committed against what had been
// taken (I1).
func (l *load) committedIsTaken(at map[kafka.TP]kafka.Committed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for tp, c := range at {
		log := l.log[tp]
		for o := range min(c.Offset, int64(len(log))) {
			if log[o] != "" && !l.arrived["orders/"+log[o]] {
				l.w.t.Errorf("I1: %d of %v is committed and %s has not been taken", c.Offset, tp, log[o])
				return
			}
		}
	}
}

// checkedTopic judges what stands in the topic that was emitted to, in the order of
// first appearance of each id.
func (l *load) checkedTopic() {
	t := l.w.t
	t.Helper()
	ids := map[string]string{}
	last := map[string]uint64{}
	for _, rec := range l.w.read(l.w.topic("checked")) {
		id := ""
		for _, h := range rec.Headers {
			if h.Key == "sluice-id" {
				id = string(h.Value)
			}
		}
		if first, ok := ids[id]; ok {
			if first != string(rec.Value) {
				t.Errorf("I4: id %s has two contents", id)
			}
			continue
		}
		ids[id] = string(rec.Value)
		var v struct {
			User string
			Seq  uint64
		}
		if err := json.Unmarshal(rec.Value, &v); err != nil {
			t.Fatal(err)
		}
		if v.Seq <= last[v.User] {
			t.Errorf("I3: %s number %d after %d, or under two ids", v.User, v.Seq, last[v.User])
		}
		last[v.User] = v.Seq
	}
	if want := l.records - l.bad; len(ids) != want {
		t.Errorf("the topic has %d records, want %d", len(ids), want)
	}
}

// TestAZombieSendsNothing stops a process for longer than its session (SIGSTOP),
// lets another take its work over, and wakes it: what it had ready it must not send
// any more (I6).
func TestAZombieSendsNothing(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		var mu sync.Mutex
		repeats, fresh := 0, 0
		old := map[string]uint64{} // by user: what had been done when it woke
		slow := w.receive(receiver.Options{Latency: 50 * time.Millisecond, OnEvent: func(e receiver.Event) {
			mu.Lock()
			defer mu.Unlock()
			switch {
			case len(old) == 0:
			case e.Seq > old[e.User]:
				fresh++
			case e.Repeat:
				repeats++
			}
		}})
		fast := w.receive(receiver.Options{})
		role := func(url string) engineRole {
			return engineRole{
				Script: strings.ReplaceAll(oneRoute, "~", "-"+w.suffix), State: t.TempDir(), Session: 6 * time.Second,
				Env: map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": url, "KEY": "right"},
			}
		}
		w.feed("orders", 100, 15_000)
		a := spawn(t, "engine", role(slow.URL()))
		w.eventually("the first is at work", func() bool { return slow.Stats().Events > 5000 })
		a.signal(t, syscall.SIGSTOP)
		b := spawn(t, "engine", role(fast.URL()))
		w.eventually("the other has done its work", func() bool { return w.ledger.Outstanding() == 0 && w.atEnd("orders", "orders") })
		mu.Lock()
		for k, seq := range w.seq {
			old[strings.TrimPrefix(k, "orders/")] = seq
		}
		mu.Unlock()
		a.signal(t, syscall.SIGCONT)
		// It is heard of again, and does new work.
		w.feeding("orders", 100, 100, "the first has joined again", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return fresh > 0
		})
		w.arrived()
		mu.Lock()
		defer mu.Unlock()
		// What it was about to write when it was stopped leaves it all the same: the
		// window of I3 for a paused zombie. That is a few batches, not all it had.
		if repeats > 4*250 {
			t.Errorf("I6: %d events were sent again by a process whose session had ended\n%s", repeats, a.stderr())
		}
		a.kill()
		b.kill()
	})
}
