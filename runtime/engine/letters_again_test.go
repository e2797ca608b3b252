package engine_test

import (
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// A letter may stand twice in its topic, where a crash came between its writing and the
// position of its record. What a route of `from dead` makes of it has one id, and what it
// makes of the letter of another round has another.
func TestALetterThatStandsTwice(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		var mu sync.Mutex
		ids := map[string]int{}
		r := w.receive(receiver.Options{OnEvent: func(e receiver.Event) {
			mu.Lock()
			defer mu.Unlock()
			ids[e.MessageID]++
		}})
		w.sendText("orders", `{"topic":"orders","user":"u1","seq":"1","note":"x"}`)
		e := w.start(head+`
route orders
from topic "orders~" as Order
emit log "order"

route told
from dead orders
emit track "Order Failed" { userId: .user, properties: { code: @dead.code, id: @dead.id } }
when @dead.replays < 1 { replay }
`, options{url: r.URL()})
		w.eventually("both rounds are told", func() bool { return row(e.Account(), "told").Completed == 2 })
		var first *kgo.Record
		for _, rec := range w.read(kafka.DeadTopic(w.app(), "orders")) {
			if rec.Value != nil && first == nil {
				first = rec
			}
		}
		again := kafka.Record{Topic: first.Topic, Partition: &first.Partition, Key: first.Key, Value: first.Value, Timestamp: first.Timestamp.UnixMilli()}
		for _, h := range first.Headers {
			again.Headers = append(again.Headers, event.Header{Key: h.Key, Value: h.Value})
		}
		w.send(again)
		w.eventually("the second is read, and so is what its replay becomes", func() bool { return row(e.Account(), "told").Completed == 4 })
		e.stop()
		mu.Lock()
		defer mu.Unlock()
		if len(ids) != 2 {
			t.Errorf("the two letters have %d ids: %v", len(ids), ids)
		}
	})
}

// What came back by a replay log goes from it when it has run, whatever connection it is on.
func TestReplayLogsOfOtherConnectionsAreTrimmed(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		w.sendText("orders", `{"topic":"orders","user":"u1","seq":"1","note":"x"}`)
		e := w.start(head+`
connection kafka far { brokers: env("BROKERS") }
route orders
from topic "orders~" as Order { via: far }
emit log "order"

route mend
from dead orders
set .seq = 7
replay
`, options{})
		w.eventually("it has run", func() bool { return row(e.Account(), "orders").Completed == 1 })
		log := kafka.ReplayTopic(w.app(), "orders")
		w.eventually("the log is empty", func() bool {
			starts, err := w.admin.StartOffsets(t.Context(), log)
			if err != nil {
				t.Fatal(err)
			}
			ends, err := w.admin.EndOffsets(t.Context(), log)
			if err != nil {
				t.Fatal(err)
			}
			at := kafka.TP{Topic: log}
			return ends[at] > 0 && starts[at] == ends[at]
		})
		e.stop()
	})
}
