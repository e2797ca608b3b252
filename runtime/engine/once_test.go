package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// What one route writes another reads, and --once ends behind both.
func TestOnceFollowsWhatTheProgramWrites(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(3, "orders", "checked", "never")
		r := w.receive(receiver.Options{})
		w.feed("orders", 20, 500)
		e := w.start(head+`
route check
from topic "orders~" as Order
emit topic "checked~" { key: .user, value: { topic: .topic, user: .user, seq: .seq, note: "checked" } }
route tell
from topic "checked~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
route never
from topic "never~" as Order
emit log
`, options{url: r.URL(), once: true})
		if err := e.wait(); err != nil {
			t.Fatal(err)
		}
		if n := w.ledger.Outstanding(); n != 0 {
			t.Errorf("it ended with %d events outstanding", n)
		}
		w.clean()
		rep := e.closed()
		if row(rep, "check").In != 500 || row(rep, "tell").Emits[0].Accepted != 500 {
			t.Errorf("account %+v", rep)
		}
		w.committedAll("check", "orders")
		w.committedAll("tell", "checked")
		for _, rec := range w.read(w.topic("checked")) {
			h := map[string]string{}
			for _, x := range rec.Headers {
				h[x.Key] = string(x.Value)
			}
			if h["sluice-id"] == "" || !strings.Contains(h["sluice-path"], "check") {
				t.Fatalf("headers %v", h)
			}
		}
	})
}

// What a throttle delays is taken before --once ends, though its record has run long ago.
func TestOnceWaitsForWhatIsDelayed(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "orders")
	r := w.receive(receiver.Options{})
	w.feed("orders", 1, 4)
	e := w.start(head+`
route orders
from topic "orders~" as Order
throttle 1/s by "all" burst 1 else wait
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL(), once: true})
	if err := e.wait(); err != nil {
		t.Fatal(err)
	}
	if em := row(e.closed(), "orders").Emits[0]; em.Accepted != 4 || em.Held != 0 {
		t.Errorf("it ended with %+v", em)
	}
	w.clean()
}

// Panes whose time is long past are told before --once ends, though most partitions have
// no record that closes them.
func TestOnceTellsPanes(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(4, "orders")
	r := w.receive(receiver.Options{})
	w.sendText("orders", order("orders", "u1", 1), order("orders", "u1", 2))
	e := w.start(head+`
route orders
from topic "orders~" as Order
time by "2026-01-01T12:00:00Z" | time
window 1h by .user { n: count() }
emit track "Ordered" { userId: @window.key, properties: { n: .n } }
`, options{url: r.URL(), once: true})
	if err := e.wait(); err != nil {
		t.Fatal(err)
	}
	if em := row(e.closed(), "orders").Emits[0]; em.Accepted != 1 {
		t.Errorf("it ended with %+v", em)
	}
}

// Over a pattern it waits for what is there at start, before the group has joined.
func TestOnceOverAPattern(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "shop.a", "shop.b")
		r := w.receive(receiver.Options{})
		w.feed("shop.a", 5, 200)
		w.feed("shop.b", 5, 200)
		e := w.start(head+"\nroute shops\nfrom topics `shop\\..*~` as Order\n"+
			`emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL(), once: true})
		if err := e.wait(); err != nil {
			t.Fatal(err)
		}
		if n := w.ledger.Outstanding(); n != 0 {
			t.Errorf("it ended with %d events outstanding", n)
		}
	})
}

// Two processes share the work of a program that runs once; each ends when all is
// done, whoever did it.
func TestOnceInTwoProcesses(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(4, "orders")
		r := w.receive(receiver.Options{Latency: 5 * time.Millisecond})
		w.feed("orders", 50, 4000)
		o := options{url: r.URL(), once: true, session: 6 * time.Second}
		a, b := w.start(oneRoute, o), w.start(oneRoute, o)
		for _, e := range []*running{a, b} {
			if err := e.wait(); err != nil {
				t.Fatal(err)
			}
			e.closed()
		}
		if n := w.ledger.Outstanding(); n != 0 {
			t.Errorf("they ended with %d events outstanding", n)
		}
		w.clean()
		w.committedAll("orders", "orders")
	})
}

// A route that reads what it writes, through a name that no checker can know, drops
// what comes round.
func TestWhatComesRoundIsDropped(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		w.sendText("orders", order("orders~", "u1", 1), order("orders~", "u2", 1))
		src := `route round
from topic "orders~" as Order
emit topic "orders${.note | replace("0", "") | replace("1", "")}~" { key: .user }
`
		e := w.start(head+src, options{})
		w.eventually("what came round was dropped", func() bool { return row(e.Account(), "round").Dropped["loop"] == 2 })
		rep := row(e.stop(), "round")
		if rep.In != 4 || rep.Completed != 2 {
			t.Errorf("account %+v", rep)
		}
		ends, err := w.admin.EndOffsets(t.Context(), w.topic("orders"))
		if err != nil {
			t.Fatal(err)
		}
		if n := ends[kafka.TP{Topic: w.topic("orders")}]; n != 4 {
			t.Errorf("%d records in the topic", n)
		}
	})
}
