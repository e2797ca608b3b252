package engine_test

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// What a memory and a table have done is counted where it is done and read from
// outside while the group runs.
func TestMetricsOfState(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(4, "orders")
	r := w.receive(receiver.Options{})
	e := w.start(head+`
table seen: int = 0 keyed by string
route orders
from topic "orders~" as Order
dedupe by .user, .seq within 1h
update seen[.user] = it + 1
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
	w.feed("orders", 20, 500)
	w.sendText("orders", order("orders", "u1", 1), order("orders", "u1", 1))
	w.eventually("all of it has run", func() bool { return row(e.Account(), "orders").In == 502 })
	states := map[string]observe.State{}
	for _, s := range e.Snapshot().States {
		states[s.Name] = s
	}
	memory, table := states["dedupe orders by .user, .seq"], states["table seen"]
	if dropped := row(e.Account(), "orders").Dropped["duplicate"]; memory.Reads != 502 || uint64(memory.Hits) != dropped || memory.Hits < 1 ||
		memory.Keys != 502-memory.Hits || memory.Writes != memory.Keys || memory.Bytes < 28*memory.Keys {
		t.Errorf("%d were dropped as duplicates, the memory counts %+v", dropped, memory)
	}
	if table.Writes != memory.Writes || table.Reads < table.Writes || table.Hits < table.Writes-20 || table.Memory {
		t.Errorf("the table counts %+v", table)
	}
	e.stop()
}

// A route that is held back by its receiver says how far it is behind, also of what came
// since it was last allowed to read.
func TestLagOfARouteThatWaits(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "orders")
	r := w.receive(receiver.Options{Fault: func(uint64) receiver.Fault { return receiver.Fault{Status: 503} }})
	w.feed("orders", 20, 60_000)
	e := w.start(head+`
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
	in := func() int64 { return int64(row(e.Account(), "orders").In) }
	w.eventually("it has read more than it may", func() bool { return in() > 40_000 })
	w.feed("orders", 20, 21_000)
	w.eventually("it says how far it is behind", func() bool {
		n := in()
		return n < 81_000 && e.Snapshot().Lag["orders"] == 81_000-n
	})
	e.stop()
}
