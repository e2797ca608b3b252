package engine_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

// grow adds partitions to a topic.
func (w *world) grow(topic string, by int) {
	w.t.Helper()
	rs, err := kadm.NewClient(w.raw).CreatePartitions(w.t.Context(), by, w.topic(topic))
	if err == nil {
		err = rs.Error()
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// into produces values into one partition.
func (w *world) into(topic string, partition int32, values ...string) {
	w.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	for _, v := range values {
		if err := cl.ProduceSync(w.t.Context(), &kgo.Record{Topic: w.topic(topic), Partition: partition, Value: []byte(v)}).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// hours tells each hour of a user once, and takes repeats of an id out.
const hours = `app "app~"
connection kafka main { brokers: env("BROKERS") }
connection segment main { write_key: secret("KEY"), url: env("URL") }
route moves
from topic "orders~" as { id: string, at: time }
time by .at
dedupe by .id within 48h
window 1h by "all" { n: count() }
emit track "Hour" { userId: "all", properties: { n: .n } }
`

// A partition that is added while a group runs is announced and read; from then on
// panes wait for it, and what its siblings have claimed it repeats.
func TestAPartitionThatIsAdded(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		var mu sync.Mutex
		var told []int
		r := w.receive(receiver.Options{OnEvent: func(e receiver.Event) {
			var m struct{ Properties struct{ N int } }
			mu.Lock()
			defer mu.Unlock()
			if err := json.Unmarshal(e.Raw, &m); err != nil {
				t.Error(err)
			}
			told = append(told, m.Properties.N)
		}})
		e := w.start(hours, options{url: r.URL()})
		move := func(id string, minute int) string {
			return fmt.Sprintf(`{"id":%q,"at":"2026-03-01T%02d:%02d:00Z"}`, id, minute/60, minute%60)
		}
		w.into("orders", 0, move("a", 1), move("b", 2), move("c", 3))
		w.eventually("they have run", func() bool { return row(e.Account(), "moves").In >= 3 })
		w.grow("orders", 1)
		w.eventually("the partition is announced", func() bool { return strings.Contains(w.log.text(), "a partition was added") })
		w.into("orders", 1, move("a", 4), move("d", 5), move("e", 6))
		w.into("orders", 0, move("f", 200))
		w.eventually("all have run", func() bool { return row(e.Account(), "moves").In >= 7 })
		mu.Lock()
		if len(told) > 0 {
			t.Errorf("a pane was told before the new partition had passed it: %v", told)
		}
		mu.Unlock()
		w.into("orders", 1, move("g", 201))
		w.eventually("the hour is told", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return len(told) > 0
		})
		rep := row(e.stop(), "moves")
		if rep.Dropped["duplicate"] != 1 {
			t.Errorf("account %+v", rep)
		}
		if told[0] != 5 {
			t.Errorf("the hour holds %d moves, want 5", told[0])
		}
		w.committedAll("moves", "orders")
	})
}

// A topic that a pattern finds later is an input like the others.
func TestATopicThatAPatternFindsBelowAState(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "shop.a")
		r := w.receive(receiver.Options{})
		e := w.start(head+"\ntable seen: int = 0 keyed by string\nroute shops\nfrom topics `shop\\..*~` as Order\n"+`
dedupe by .topic, .user, .seq within 1d
update seen[.user] = it + 1
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
		w.feed("shop.a", 5, 100)
		w.arrived()
		w.topics(2, "shop.b")
		w.feed("shop.b", 5, 100)
		w.arrived()
		w.again("shop.a", 5, 20)
		w.eventually("the repeats have run", func() bool { return row(e.Account(), "shops").Dropped["duplicate"] == 100 })
		if rep := row(e.stop(), "shops"); rep.Completed != 200 {
			t.Errorf("account %+v", rep)
		}
		w.committedAll("shops", "shop.b")
	})
}
