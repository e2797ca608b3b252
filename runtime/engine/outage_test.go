package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

// A broker that is killed stops the program with a reason, loses nothing, and finds
// it at work when it comes back (I10).
func TestABrokerThatIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	role := brokerRole{Dir: t.TempDir(), Addr: freeAddr(t)}
	broker := spawn(t, "broker", role)
	w := newWorld(t, broker.line(t))
	w.topics(4, "orders")
	r := w.receive(receiver.Options{Latency: 2 * time.Millisecond})
	e := w.start(oneRoute, options{url: r.URL(), session: 6 * time.Second})
	for range 2 {
		w.feed("orders", 20, 3000)
		w.eventually("it is at work", func() bool { return w.ledger.Outstanding() < 2500 })
		broker.kill()
		w.eventually("the outage has a name", func() bool { return strings.Contains(e.condition("brokers of orders"), "kafka main") })
		broker = spawn(t, "broker", role)
		broker.line(t)
		w.feed("orders", 20, 100)
		w.arrived()
		w.eventually("the reason is gone", func() bool { return e.condition("brokers of orders") == "" })
	}
	e.stop()
	w.committedAll("orders", "orders")
}

// Whoever stops a program does not wait for brokers and receivers that are away.
func TestAStopWhileAllIsAway(t *testing.T) {
	t.Parallel()
	broker := spawn(t, "broker", brokerRole{})
	w := newWorld(t, broker.line(t))
	w.topics(4, "orders", "checked")
	e := w.start(head+`
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
emit topic "checked~" { key: .user }
require .note != "bad" else "a bad note"
`, options{url: "http://" + freeAddr(t), session: 6 * time.Second})
	var rs []string
	for i := range 500 {
		rs = append(rs, order("orders", "u1", uint64(i)))
	}
	w.sendText("orders", rs...)
	w.eventually("the outage has a name", func() bool { return e.condition("connection segment main") != "" })
	broker.kill()
	w.eventually("this one, too", func() bool { return e.condition("brokers of orders") != "" })
	begin := time.Now()
	e.stop()
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("the stop took %v", took)
	}
}

// A receiver that refuses everything is a mistake somewhere: the connection pauses
// before it has turned the stream into letters.
func TestAReceiverThatRefusesEverything(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(2, "orders")
	r := w.receive(receiver.Options{Refuse: func(receiver.Event) string { return "nothing today" }})
	var rs []string
	for i := range 2000 {
		rs = append(rs, order("orders", "u"+string(rune('a'+i%20)), uint64(i)))
	}
	w.sendText("orders", rs...)
	e := w.start(oneRoute, options{url: r.URL()})
	w.eventually("the reason is told", func() bool { return strings.Contains(e.condition("connection segment main"), "refus") })
	rep := row(e.stop(), "orders")
	if d := rep.Emits[0].Dead; d > 60 {
		t.Errorf("%d letters, want about 50", d)
	}
}

// High priority goes first where there is more to send than may be sent.
func TestPrioritiesOrderWhatWaits(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "orders", "users")
	var firsts []string // topics in the order of arrival
	done := make(chan struct{})
	r := w.receive(receiver.Options{OnEvent: func(e receiver.Event) {
		firsts = append(firsts, e.Topic)
		if len(firsts) == 2000 {
			close(done)
		}
	}, Fault: func(n uint64) receiver.Fault {
		if n <= 4 { // until all of it waits
			return receiver.Fault{Status: 429, RetryAfter: time.Second}
		}
		return receiver.Fault{}
	}})
	w.feed("orders", 100, 1000)
	w.feed("users", 100, 1000)
	e := w.start(strings.Replace(head, `url: env("URL")`, `url: env("URL"), rate: 20/s, batch: 50 or 100ms`, 1)+`
route orders { priority: low }
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
route users { priority: high }
from topic "users~" as Order
emit track "Seen" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
	select {
	case <-done:
	case <-time.After(40 * time.Second):
		t.Fatal("not all has arrived")
	}
	high := 0
	for _, topic := range firsts[:1000] {
		if topic == "users" {
			high++
		}
	}
	if high < 700 {
		t.Errorf("%d of the first 1000 are of high priority", high)
	}
	e.stop()
}
