package engine_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// repaired are two routes whose letters a third corrects: one without state, one with.
const repaired = head + `
table seen: int = 0 keyed by string
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }

route counted
from topic "counted~" as Order
update seen[.user] = it + 1 as n
emit track "Counted" { userId: .user, properties: { topic: .topic, seq: .seq, n } }

route repairs
from dead orders
when @dead.path == ".seq" and .seq is string {
  set .seq = number.parse(.seq, "en")
  replay
} else when @dead.class == "delivery" {
  replay
} else when @dead.code == "E0401" {
  drop "no json"
}

route recount
from dead counted
when @dead.path == ".seq" and .seq is string {
  set .seq = number.parse(.seq, "en")
  replay
}
`

// open lists the letters of a route that have not ended.
func (w *world) open(route string) (letters []letterRead, ended int) {
	for _, l := range w.dead(route) {
		if l.value == nil {
			ended++
		} else {
			letters = append(letters, l)
		}
	}
	return letters, ended
}

// Letters are corrected and go back to the start of their route: with their ids, once,
// and each ends in a tombstone that names the record that ended it. What no route takes
// up stays.
func TestLettersAreReplayed(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders", "counted")
		var mu sync.Mutex
		ids := map[string]int{}
		var locked atomic.Bool
		locked.Store(true)
		r := w.receive(receiver.Options{
			Refuse: func(e receiver.Event) string {
				if e.UserID == "locked" && locked.CompareAndSwap(true, false) {
					return "not now"
				}
				return ""
			},
			OnEvent: func(e receiver.Event) {
				mu.Lock()
				defer mu.Unlock()
				ids[e.MessageID]++
			},
		})
		w.ledger.Expect("orders", "u1", 1)
		w.ledger.Expect("orders", "locked", 1)
		w.ledger.Expect("counted", "u1", 1)
		w.sendText("orders",
			`{"topic":"orders","user":"u1","seq":"1","note":"x"}`,
			`{"topic":"orders","user":"locked","seq":1,"note":"x"}`,
			`{"topic":"orders","user":"u2","seq":true,"note":"x"}`,
			`{"topic":"orders",`,
		)
		w.sendText("counted", `{"topic":"counted","user":"u1","seq":"1","note":"x"}`)
		e := w.start(repaired, options{url: r.URL()})
		w.arrived()
		w.eventually("four letters have ended, and one stays", func() bool {
			stays, ended := w.open("orders")
			_, counted := w.open("counted")
			return len(stays) == 1 && ended == 3 && counted == 1
		})
		rep := e.stop()
		// Five records, of which two are letters that came back: one runs, one is sent.
		if o := row(rep, "orders"); o.In != 6 || o.Completed != 3 || o.Dead != 3 || o.Emits[0].Accepted != 2 || o.Emits[0].Dead != 1 {
			t.Errorf("orders %+v", o)
		}
		if c := row(rep, "counted"); c.In != 2 || c.Completed != 1 || c.Dead != 1 {
			t.Errorf("counted %+v", c)
		}
		if c := row(rep, "repairs"); c.In != 4 || c.Completed != 3 || c.Dropped["no json"] != 1 {
			t.Errorf("repairs %+v", c)
		}
		for id, n := range ids {
			if n != 1 {
				t.Errorf("%s arrived %d times", id, n)
			}
		}
		stays, _ := w.open("orders")
		if h := stays[0].header; h["sluice-field"] != ".seq" || h["sluice-topic"] != w.topic("orders") {
			t.Errorf("what stays: %v", h)
		}
		causes := map[string]int{}
		for _, rec := range w.read(kafka.DeadTopic(w.app(), "orders")) {
			for _, h := range rec.Headers {
				if rec.Value == nil && h.Key == "sluice-cause" {
					causes[strings.Fields(string(h.Value))[0]]++
				}
			}
		}
		if causes[strings.TrimSpace(letter.Replayed)] != 2 || causes[strings.TrimSpace(letter.Dropped)] != 1 {
			t.Errorf("causes %v", causes)
		}
	})
}

// A letter that fails again is one of the next round, five times; then it stays.
func TestALetterIsReplayedFiveTimes(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		r := w.receive(receiver.Options{})
		w.sendText("orders", `{"topic":"orders","user":"u1","seq":true,"note":"x"}`)
		e := w.start(oneRoute+`
route repairs
from dead orders
replay
`, options{url: r.URL()})
		w.eventually("it is refused", func() bool { return row(e.Account(), "repairs").Dead == 1 })
		rep := e.stop()
		if o := row(rep, "orders"); o.In != 6 || o.Dead != 6 {
			t.Errorf("orders %+v", o)
		}
		stays, ended := w.open("orders")
		if ended != 5 || len(stays) != 1 || stays[0].header["sluice-round"] != "5" {
			t.Errorf("%d ended, what stays: %v", ended, stays)
		}
		refused, _ := w.open("repairs")
		if len(refused) != 1 || refused[0].header["sluice-code"] != "E0471" {
			t.Errorf("letters of repairs: %v", refused)
		}
	})
}
