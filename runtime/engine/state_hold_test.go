package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/runtime/state"
)

// holding counts orders, and sends them to a receiver that may be away beside the one
// that is there.
const holding = counted + `emit track "Held" via away { userId: .user, properties: { topic: "away", seq: .seq } }
`

// holdingSource is the program, with its connection.
func holdingSource() string {
	return strings.Replace(holding, "type Order", `connection segment away { write_key: secret("KEY"), url: env("AWAY"), hold_after: 1s }
type Order`, 1)
}

// feedAway feeds orders that arrive at both.
func (w *world) feedAway(users, n int) {
	w.t.Helper()
	for i := range n {
		user := fmt.Sprint("u", i%users)
		w.seq["away/"+user]++
		w.ledger.Expect("away", user, w.seq["away/"+user])
	}
	w.feed("orders", users, n)
}

// held counts the outputs that a store holds.
func held(t *testing.T, dir, group string) int {
	t.Helper()
	b, err := state.OpenBadger(dir, state.Options{Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	hs, err := state.ReadHeld(b, group)
	if err != nil {
		t.Fatal(err)
	}
	return len(hs)
}

// A receiver that is away does not stop a state group: what waits for it is held in
// the store, the rest flows, positions move on, and a stop does not lose what is
// held. When the receiver is back all of it comes, in order.
func TestAReceiverThatIsAwayDoesNotStopAGroup(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		y := &tally{t: t}
		r := w.receive(receiver.Options{OnEvent: y.took})
		away := freeAddr(t)
		o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store"), env: map[string]string{"AWAY": "http://" + away}}
		e := w.start(holdingSource(), o)
		w.feedAway(10, 500)
		w.eventually("the living receiver has all", func() bool { return y.count() == 500 })
		w.eventually("what waits is held", func() bool { return row(e.Account(), "orders").Emits[1].Held == 500 })
		w.eventually("the positions are behind it", func() bool { return w.atEnd("orders", "orders") })
		w.feedAway(10, 500) // what comes later, too, and behind
		w.eventually("the group goes on", func() bool { return y.count() == 1000 && w.atEnd("orders", "orders") })
		if rep := row(e.stop(), "orders"); rep.Completed != 1000 || rep.Emits[0].Accepted != 1000 || rep.Emits[1].Held != 1000 {
			t.Errorf("account %+v", rep)
		}
		if n := held(t, o.state, "seen"); n != 1000 {
			t.Errorf("the store holds %d outputs", n)
		}
		e = w.start(holdingSource(), o)
		w.eventually("the account says so", func() bool { return row(e.Account(), "orders").Emits[1].Held == 1000 })
		w.receiveOn(away, receiver.Options{})
		w.feedAway(10, 100)
		w.arrived() // I3
		w.eventually("nothing is held", func() bool { return row(e.Account(), "orders").Emits[1].Held == 0 })
		if rep := row(e.stop(), "orders"); rep.Emits[1].Accepted != 1100 || rep.Emits[1].Dead != 0 {
			t.Errorf("account %+v", rep)
		}
		if n := held(t, o.state, "seen"); n != 0 {
			t.Errorf("the store still holds %d outputs", n)
		}
	})
}

// What is held survives SIGKILL.
func TestAKillWhileOutputsAreHeld(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		y := &tally{t: t}
		r := w.receive(receiver.Options{})
		away := freeAddr(t)
		role := engineRole{
			Script: strings.ReplaceAll(holdingSource(), "~", "-"+w.suffix), State: t.TempDir(), Session: 6 * time.Second,
			Env: map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right", "AWAY": "http://" + away},
		}
		for range 2 {
			w.feedAway(10, 300)
			e := spawn(t, "engine", role)
			w.eventually("it is held", func() bool { return w.atEnd("orders", "orders") })
			e.kill()
		}
		w.receiveOn(away, receiver.Options{OnEvent: y.took})
		w.feedAway(10, 100)
		e := spawn(t, "engine", role)
		w.arrived()
		if l := e.line(t); l != "ready" {
			t.Fatalf("the engine said %q\n%s", l, e.stderr())
		}
		// A stop does not wait for the answers about what is held: it is sent again, with
		// its id.
		if rep := row(e.account(t), "orders"); rep.In != 700 || rep.Emits[0].Accepted != 700 || rep.Emits[1].Accepted+rep.Emits[1].Held != 700 || rep.Emits[1].Dead != 0 {
			t.Errorf("account %+v", rep)
		}
	})
}

// A throttle that waits delays outputs, in their order, and not the group.
func TestAThrottleThatWaits(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "orders")
	var mu sync.Mutex
	var at []time.Time
	r := w.receive(receiver.Options{OnEvent: func(receiver.Event) {
		mu.Lock()
		defer mu.Unlock()
		at = append(at, time.Now())
	}})
	e := w.start(head+`
route orders
from topic "orders~" as Order
throttle 5/s by "all" else wait 60s
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
	w.eventually("it reads", func() bool { return len(w.committed("orders")) == 2 }) // with its replay log
	w.feed("orders", 1, 25)
	w.eventually("all have run and are behind the position", func() bool {
		return w.committed("orders")[kafka.TP{Topic: w.topic("orders")}].Offset == 25
	})
	if w.ledger.Outstanding() == 0 {
		t.Error("nothing waited")
	}
	w.arrived() // I3
	mu.Lock()
	defer mu.Unlock()
	// Five at once and twenty at five a second.
	if took := at[len(at)-1].Sub(at[0]); took < 3500*time.Millisecond {
		t.Errorf("25 at 5/s came within %v", took)
	}
	// What the receiver has said of the last one is known a moment later.
	w.eventually("all are accepted", func() bool {
		rep := row(e.Account(), "orders")
		return rep.Completed == 25 && rep.Emits[0].Accepted == 25
	})
	e.stop()
}
