package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// What cannot be read, or is too large to be sent, becomes a letter that says
// where and why; the rest flows.
func TestBadRecordsBecomeLettersAndTheRestFlows(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		r := w.receive(receiver.Options{})
		w.feed("orders", 10, 100)
		deep := `{"topic":"orders","user":"u1","seq":9,"note":"x","deep":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`
		large := `{"topic":"` + strings.Repeat("t", 40<<10) + `","user":"u1","seq":9,"note":"x"}`
		w.sendText("orders",
			`{"topic":"orders","user":`,
			deep,
			large,
			`{"topic":"orders","user":"u1","seq":"nine","note":"x"}`,
			"\xff\xfe",
		)
		w.send(kafka.Record{Topic: w.topic("orders"), Key: []byte("u1")}) // a tombstone
		w.feed("orders", 10, 100)
		e := w.start(oneRoute, options{url: r.URL()})
		w.arrived()
		w.eventually("five letters are written", func() bool { return row(e.Account(), "orders").Dead == 5 })
		rep := row(e.stop(), "orders")
		if rep.In != 206 || rep.Completed != 200 || rep.Dropped["tombstone"] != 1 {
			t.Errorf("account %+v", rep)
		}
		w.committedAll("orders", "orders")
		letters := w.dead("orders")
		if len(letters) != 5 {
			t.Fatalf("%d letters", len(letters))
		}
		kinds := map[string]string{} // by what the value begins with
		for _, l := range letters {
			h := l.header
			if h["sluice-class"] != "processing" || h["sluice-route"] != "orders" || h["sluice-origin"] == "" || h["sluice-code"] == "" || h["sluice-message"] == "" {
				t.Errorf("letter without its envelope: %v", h)
			}
			kinds[string(l.value[:min(len(l.value), 24)])] = h["sluice-stage"] + " " + h["sluice-message"]
		}
		for begins, says := range map[string]string{
			deep[:24]: "512", large[:24]: "32", "\xff\xfe": "from", `{"topic":"orders","user":`[:24]: "from",
		} {
			if !strings.Contains(kinds[begins], says) {
				t.Errorf("the letter of %q says %q, want a word of %q", begins, kinds[begins], says)
			}
		}
	})
}

// A poisoned event is found by halving its batch, becomes a letter with its output
// in it, and its neighbours arrive.
func TestARefusedEventIsFoundInItsBatch(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		r := w.receive(receiver.Options{Refuse: func(e receiver.Event) string {
			if e.UserID == "poison" {
				return "not this one"
			}
			return ""
		}})
		w.feed("orders", 20, 300)
		w.sendText("orders", order("orders", "poison", 1))
		w.feed("orders", 20, 300)
		e := w.start(oneRoute, options{url: r.URL()})
		w.arrived()
		w.eventually("its letter is written", func() bool { return row(e.Account(), "orders").Emits[0].Dead == 1 })
		rep := row(e.stop(), "orders")
		if rep.Completed != 601 || rep.Emits[0].Accepted != 600 || rep.Dead != 0 {
			t.Errorf("account %+v", rep)
		}
		w.committedAll("orders", "orders")
		letters := w.dead("orders")
		if len(letters) != 1 {
			t.Fatalf("%d letters", len(letters))
		}
		h := letters[0].header
		if h["sluice-class"] != "delivery" || h["sluice-code"] != "400" || h["sluice-emit"] == "" || !strings.Contains(string(letters[0].value), `"poison"`) {
			t.Errorf("letter %v\n%s", h, letters[0].value)
		}
	})
}

// A dead topic that takes nothing stops its route with a reason, and skips nothing;
// when it takes letters again the route goes on (I1).
func TestADeadTopicThatTakesNothing(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders", "users")
		r := w.receive(receiver.Options{})
		e := w.start(head+`
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
route users
from topic "users~" as Order
emit track "Seen" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
		w.feed("orders", 3, 30)
		w.arrived()
		dead := kafka.DeadTopic(w.app(), "orders")
		w.deleteTopic(dead)
		w.sendText("orders", "no json")
		w.feed("orders", 3, 30)
		w.eventually("the reason is told", func() bool { return strings.Contains(e.condition("dead letters of orders"), dead) })
		w.feed("users", 3, 300) // I8
		w.arrived()
		w.eventually("what was taken is committed, and no more", func() bool {
			return w.committed("orders")[kafka.TP{Topic: w.topic("orders")}].Offset == 30
		})
		if rep := row(e.Account(), "orders"); rep.Dead != 0 || rep.InFlight != 1 {
			t.Errorf("I1: a letter that is nowhere counts as written: %+v", rep)
		}
		if err := w.admin.Ensure(t.Context(), kafka.DeadTopicSpec(w.app(), "orders", 1<<20)); err != nil {
			t.Fatal(err)
		}
		w.eventually("the letter is written and the reason gone", func() bool {
			return row(e.Account(), "orders").Dead == 1 && e.condition("dead letters of orders") == ""
		})
		e.stop()
		w.committedAll("orders", "orders")
		if n := len(w.dead("orders")); n != 1 {
			t.Errorf("%d letters", n)
		}
	})
}

// While the receiver is away nothing is lost and nobody is asked for a budget that
// an outage would eat.
func TestAReceiverThatIsAwayAndComesBack(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		addr := freeAddr(t)
		e := w.start(oneRoute, options{url: "http://" + addr})
		w.feed("orders", 10, 1000)
		w.eventually("the outage has a name", func() bool { return strings.Contains(e.condition("connection segment main"), "cannot connect") })
		w.receiveOn(addr, receiver.Options{})
		w.arrived()
		w.eventually("the connection is up", func() bool { return e.condition("connection segment main") == "" })
		rep := row(e.stop(), "orders")
		if rep.Emits[0].Accepted != 1000 || rep.Emits[0].Dead != 0 {
			t.Errorf("account %+v", rep)
		}
	})
}

// A Retry-After is kept, in seconds and as a date: the connection is silent for as
// long as it was told to be.
func TestARetryAfterIsKept(t *testing.T) {
	for _, asDate := range []bool{false, true} {
		t.Run(fmt.Sprintf("date=%v", asDate), func(t *testing.T) {
			t.Parallel()
			w := onEmbedded(t)
			w.topics(1, "orders")
			gated := make(chan time.Time, 1)
			resumed := make(chan time.Time, 1)
			r := w.receive(receiver.Options{Fault: func(n uint64) receiver.Fault {
				switch n {
				case 1:
					gated <- time.Now()
					return receiver.Fault{Status: http.StatusTooManyRequests, RetryAfter: 2 * time.Second, AsDate: asDate}
				case 2:
					resumed <- time.Now()
				}
				return receiver.Fault{}
			}})
			w.feed("orders", 5, 100)
			e := w.start(oneRoute, options{url: r.URL()})
			w.arrived()
			// A date has whole seconds and was rounded up.
			if wait := (<-resumed).Sub(<-gated); wait < 2*time.Second || wait > 4500*time.Millisecond {
				t.Errorf("told to wait 2 s, waited %v", wait)
			}
			if rep := row(e.stop(), "orders"); rep.Emits[0].Accepted != 100 || rep.Emits[0].Dead != 0 {
				t.Errorf("account %+v", rep)
			}
		})
	}
}
