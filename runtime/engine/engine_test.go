package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

func TestEverythingArrivesOnceAndInOrderThroughFaults(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(3, "orders")
		faults := receiver.Shares{Seed: 3, TooMany: 0.03, Unavailable: 0.1, Cut: 0.1, RetryAfter: time.Millisecond}
		r := w.receive(receiver.Options{WriteKey: "right", Fault: faults.Fault})
		e := w.start(oneRoute, options{url: r.URL()})
		w.feed("orders", 40, 6000)
		w.arrived()
		w.eventually("the program is healthy", func() bool { return len(e.Health().Conditions()) == 0 })
		rep := row(e.stop(), "orders")
		if rep.In != 6000 || rep.Completed != 6000 || rep.Emits[0].Accepted != 6000 {
			t.Errorf("account %+v", rep)
		}
		w.committedAll("orders", "orders")
	})
}

// A restart on the same state directory takes the partitions over at once; a stop
// leaves nothing to be sent again.
func TestARestartTakesOverAtOnceAndRepeatsNothing(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(4, "orders")
		r := w.receive(receiver.Options{})
		for round := range 3 {
			e := w.start(oneRoute, options{url: r.URL(), store: "the-store", session: 45 * time.Second})
			w.feed("orders", 10, 500)
			// A member that waits for the session of the one before it to end needs
			// 45 s.
			w.within(20*time.Second, fmt.Sprintf("round %d has arrived", round), func() bool { return w.ledger.Outstanding() == 0 })
			e.stop()
		}
		if rep := w.clean(); rep.Repeats != 0 {
			t.Errorf("%d events were sent twice", rep.Repeats)
		}
	})
}

// Two engines share a route while one joins and the other goes away for good.
func TestRebalancesLoseAndReorderNothing(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(6, "orders")
		r := w.receive(receiver.Options{Latency: 2 * time.Millisecond, Fault: receiver.Shares{Seed: 5, Unavailable: 0.05, Cut: 0.05}.Fault})
		o := options{url: r.URL(), session: 6 * time.Second}
		a := w.start(oneRoute, o)
		w.feed("orders", 50, 4000)
		w.eventually("the first engine is at work", func() bool { return row(a.Account(), "orders").Completed > 500 })
		b := w.start(oneRoute, o)
		w.feeding("orders", 50, 200, "the second engine has work", func() bool { return row(b.Account(), "orders").Completed > 100 })
		c := w.start(oneRoute, o)
		w.feeding("orders", 50, 200, "the third engine has work", func() bool { return row(c.Account(), "orders").Completed > 100 })
		a.stop() // stays in the group until its session has ended
		w.feed("orders", 50, 1000)
		w.arrived()
		c.stop()
		b.stop()
		w.committedAll("orders", "orders")
		t.Logf("%+v", w.ledger.Report())
	})
}

// A second process with the same store is kept out, and says so.
func TestTwoProcessesOfOneStore(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		r := w.receive(receiver.Options{})
		o := options{url: r.URL(), store: "one-store"}
		a := w.start(oneRoute, o)
		w.feed("orders", 10, 100)
		w.arrived()
		b := w.start(oneRoute, o)
		var fenced *kafka.FencedError
		if err := a.wait(); !errors.As(err, &fenced) {
			t.Errorf("the first ended with %v, want a FencedError", err)
		}
		w.feed("orders", 10, 100)
		w.arrived()
		b.stop()
	})
}

// A wrong write key stops what goes to that connection and nothing else (I8).
func TestAWrongWriteKeyStopsItsConnectionOnly(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders", "users")
		good := w.receive(receiver.Options{WriteKey: "right"})
		bad := w.receive(receiver.Options{WriteKey: "another", Ledger: receiver.NewLedger()})
		e := w.start(head+`
connection segment wrong { write_key: secret("KEY"), url: env("BAD") }
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
route users
from topic "users~" as Order
emit track "Seen" via wrong { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: good.URL(), env: map[string]string{"BAD": bad.URL()}})
		w.sendText("users", order("users", "x", 1), order("users", "x", 2))
		w.feed("orders", 10, 2000)
		w.arrived()
		w.eventually("the reason is told", func() bool { return strings.Contains(e.condition("connection segment wrong"), "401") })
		if why := e.condition("connection segment main"); why != "" {
			t.Errorf("the good connection: %s", why)
		}
		if s := e.Snapshot().Connections; s["segment wrong"] != "misconfigured" || s["segment main"] != "up" {
			t.Errorf("metrics: %v", s)
		}
		begin := time.Now()
		rep := e.stop()
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("the stop waited %v for a connection that takes nothing", took)
		}
		if u := row(rep, "users"); u.In != 0 {
			t.Errorf("records that were not taken count as done: %+v", u)
		}
		if at := w.committed("users"); len(at) == 0 {
			t.Error("the start was not committed")
		} else {
			for tp, c := range at {
				if c.Offset != 0 {
					t.Errorf("I1: %v is committed up to %d, and nothing was taken", tp, c.Offset)
				}
			}
		}
	})
}
