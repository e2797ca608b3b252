package engine_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// Three situations in which a stage that takes repeats out above a sink loses events
// in other engines: the memory has the key, the event was not delivered, and when it
// comes again it is a repeat. And one in which it dies: its memory is full.

// deduped takes repeats of an order out; a negative one is a mistake.
const deduped = head + `
route orders
from topic "orders~" as Order
dedupe by .topic, .user, .seq within 30d
require .note != "bad" else "a bad note"
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`

// again produces the first n orders of each of so many users once more.
func (w *world) again(topic string, users, n int) {
	w.t.Helper()
	var rs []kafka.Record
	for i := range users {
		for seq := range n {
			user := fmt.Sprint("u", i)
			rs = append(rs, kafka.Record{Topic: w.topic(topic), Key: []byte(user), Value: []byte(order(topic, user, uint64(seq+1)))})
		}
	}
	w.send(rs...)
}

// Six 503s in a row below a dedupe: nothing is given up, and what comes again while
// they wait is a repeat.
func TestSix503sBelowDedupe(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		var asked atomic.Uint64
		r := w.receive(receiver.Options{Fault: func(n uint64) receiver.Fault {
			asked.Store(n)
			if n <= 6 {
				return receiver.Fault{Status: 503}
			}
			return receiver.Fault{}
		}})
		w.feed("orders", 20, 100)
		e := w.start(deduped, options{url: r.URL()})
		w.eventually("the first was refused", func() bool { return asked.Load() > 0 })
		w.again("orders", 20, 5)
		w.arrived()
		w.eventually("the repeats have run", func() bool { return row(e.Account(), "orders").In == 200 })
		// What was held while the sink was down is in the store: a stop does not wait for
		// the answer to it, and the next start would send it again.
		w.eventually("every answer is here", func() bool { return row(e.Account(), "orders").Emits[0].Held == 0 })
		rep := row(e.stop(), "orders")
		if asked.Load() < 7 || rep.Completed != 100 || rep.Dropped["duplicate"] != 100 || rep.Emits[0].Accepted != 100 || rep.Emits[0].Dead != 0 {
			t.Errorf("asked %d times, account %+v", asked.Load(), rep)
		}
		w.clean()
	})
}

// A kill when the receiver has taken a batch and its answer never comes: what is read
// again is sent again under its id, and no claim of the dead process makes it a
// repeat.
func TestKillBetweenAcceptedAndPersistedBelowDedupe(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		var cut atomic.Bool
		r := w.receive(receiver.Options{Fault: func(uint64) receiver.Fault { return receiver.Fault{Cut: cut.Load()} }})
		role := engineRole{
			Script: strings.ReplaceAll(deduped, "~", "-"+w.suffix), State: t.TempDir(), Session: 6e9,
			Env: map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right"},
		}
		for range 3 {
			cut.Store(true)
			w.feed("orders", 20, 60)
			before := w.ledger.Report().Accepted
			e := spawn(t, "engine", role)
			// Taken, and unanswered: nothing of it has persisted. How much that is hangs on
			// how the batches fell; what waits behind it in its slot cannot come.
			w.eventually("a request was taken", func() bool { return w.ledger.Report().Accepted > before })
			e.kill()
			cut.Store(false)
		}
		taken := w.ledger.Report()
		e := spawn(t, "engine", role)
		w.eventually("what was taken is sent again", func() bool { return w.ledger.Report().Repeats >= taken.Repeats+taken.Distinct })
		w.arrived()
		w.again("orders", 20, 9)
		w.eventually("all is committed", func() bool { return w.atEnd("orders", "orders") })
		if l := e.line(t); l != "ready" {
			t.Fatalf("the engine said %q\n%s", l, e.stderr())
		}
		rep := row(e.account(t), "orders")
		if rep.Completed != 180 || rep.Dropped["duplicate"] != 180 || rep.Emits[0].Accepted != 180 {
			t.Errorf("account %+v", rep)
		}
		w.clean()
	})
}

// A poison record below a dedupe is a letter, and its claim is released, also by a
// start: corrected, it passes, and only then what comes again is a repeat.
func TestPoisonBelowDedupe(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		r := w.receive(receiver.Options{})
		o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store")}
		bad := strings.Replace(order("orders", "u0", 1), fmt.Sprintf("%032d", 1), "bad", 1)
		w.sendText("orders", bad)
		e := w.start(deduped, o)
		w.eventually("it is a letter", func() bool { return row(e.Account(), "orders").Dead == 1 })
		e.stop()
		w.sendText("orders", bad)
		e = w.start(deduped, o)
		w.eventually("it is one again, and no repeat", func() bool { return row(e.Account(), "orders").Dead == 2 })
		w.feed("orders", 1, 1)
		w.arrived()
		w.again("orders", 1, 1)
		w.eventually("the repeat has run", func() bool { return row(e.Account(), "orders").Dropped["duplicate"] == 1 })
		e.stop()
		if n := len(w.dead("orders")); n != 2 {
			t.Errorf("%d letters", n)
		}
		w.clean()
	})
}

// A memory that is full pauses its group with a reason; the others run. With a larger
// limit it goes on, and nothing is lost.
func TestAMemoryOfDedupeThatIsFull(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders", "users")
		r := w.receive(receiver.Options{})
		o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store"), claims: 1}
		e := w.start(deduped+beside, o)
		w.feeding("orders", 100, 500, "the group pauses", func() bool { return e.condition("memory of orders") != "" })
		says := e.condition("memory of orders")
		for _, want := range []string{"deduplication", "--dedupe-memory", "larger limit"} {
			if !strings.Contains(says, want) {
				t.Errorf("it says %q, and not %q", says, want)
			}
		}
		w.feed("users", 20, 200) // I8
		w.eventually("the other route runs", func() bool { return row(e.Account(), "users").Completed == 200 })
		ran := row(e.Account(), "orders").In
		w.feed("orders", 100, 20_000)
		e.stop()
		if rep := row(e.Account(), "orders"); rep.In > ran+20_000 {
			t.Errorf("it ran on from %d to %d", ran, rep.In)
		}
		if w.ledger.Outstanding() == 0 {
			t.Error("it did not pause: all has arrived")
		}
		o.claims = 0
		e = w.start(deduped+beside, o)
		w.arrived()
		e.stop()
		w.committedAll("orders", "orders")
	})
}
