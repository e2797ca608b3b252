package engine_test

import (
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
)

// TestRequestsTrimmed: what every route has taken that reads a log of requests goes from
// it, and nothing that one of them has not: a state group whose store is elsewhere keeps
// what came meanwhile, and finds it when it runs again.
func TestRequestsTrimmed(t *testing.T) {
	const script = head + `
table seen: int = 0 keyed by string
route plain
from webhook "/both" as Order { key: .user }
emit log "plain" { seq: .seq }
route kept
from webhook "/both" as Order { key: .user }
update seen[.user] = it + 1
emit log "kept" { seq: .seq }
route other
from webhook "/other"
emit log "other" { v: . }
`
	onBrokers(t, func(t *testing.T, w *world) {
		s := w.edgeOf()
		mine := options{session: 6 * time.Second, store: "store-" + w.suffix, state: t.TempDir()}
		both, other := kafka.InTopic(w.app(), "both"), kafka.InTopic(w.app(), "other")
		// spans gives where a log begins and ends, over all its partitions.
		spans := func(topic string) (start, end int64) {
			t.Helper()
			starts, err := w.admin.StartOffsets(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			ends, err := w.admin.EndOffsets(t.Context(), topic)
			if err != nil {
				t.Fatal(err)
			}
			for tp := range ends {
				start, end = start+starts[tp], end+ends[tp]
			}
			return start, end
		}
		sent := map[string]int64{}
		send := func(topic, path string, n int) {
			t.Helper()
			for range n {
				user := string(rune('a' + sent[topic]%7))
				sent[topic]++
				w.eventually("it is taken", func() bool { return post(t, s, path, order("both", user, uint64(sent[topic]))) == "200" })
			}
		}
		cut := func(what, topic string) {
			t.Helper()
			w.eventually(what, func() bool {
				start, end := spans(topic)
				return start == end && end == sent[topic]
			})
		}

		e := w.startHooked(script, s, mine)
		send(both, "/both", 20)
		cut("what both have taken is gone", both)
		e.stop()

		// Another machine with a state of its own: the group waits there.
		e = w.startHooked(script, s, options{session: 6 * time.Second})
		send(both, "/both", 10)
		w.eventually("the other route takes it", func() bool { return row(e.Account(), "plain").Completed == 10 })
		for range 2 { // what goes of another log tells that this one was looked at
			send(other, "/other", 5)
			cut("what its one route has taken is gone", other)
		}
		if start, end := spans(both); start != 20 || end != 30 {
			t.Errorf("the log goes from %d to %d: the group had taken 20 of 30", start, end)
		}
		e.stop()

		e = w.startHooked(script, s, mine)
		w.eventually("the group goes on", func() bool { return row(e.Account(), "kept").Completed == 30 })
		cut("now that is gone, too", both)
		e.stop()
	})
}
