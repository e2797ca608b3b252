package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// mended are two routes, one of which remembers, and for each another that mends its
// letters: every third event has its number as text, and each fifth is refused once.
const mended = head + `
table seen: int = 0 keyed by string
route counted
from topic "counted~" as Order
dedupe by .user, .seq within 48h
update seen[.user] = it + 1 as n
emit track "Counted" { userId: .user, properties: { seq: .seq, n } }

route plain
from topic "plain~" as Order
emit track "Plain" { userId: .user, properties: { seq: .seq } }

route recount
from dead counted
when @dead.class == "processing" { set .seq = number.parse(.seq | as string, "en") }
replay

route again
from dead plain
when @dead.class == "processing" { set .seq = number.parse(.seq | as string, "en") }
replay
`

// TestKillsWithReplays kills the engine while letters go back: between the append to the
// replay log, the run and the tombstone. Every event arrives, what is remembered counts
// it once, one messageId has one content, and no letter is left.
func TestKillsWithReplays(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		seed := *killSeed
		if seed == 0 {
			seed = rand.Uint64()
		}
		t.Logf("-kill-seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 4))
		w.topics(2, "counted", "plain")
		var mu sync.Mutex
		what := map[string]string{}   // content by messageId
		ids := map[string]string{}    // messageId by event
		counts := map[string]string{} // event by the count that it got
		refused := map[string]bool{}
		arrivals, again := 0, 0
		r := w.receive(receiver.Options{
			WriteKey: "right", Ledger: receiver.NewLedger(),
			Fault: receiver.Shares{Seed: seed, TooMany: 0.004, Unavailable: 0.03, Cut: 0.03, RetryAfter: time.Millisecond}.Fault,
			Refuse: func(e receiver.Event) string {
				mu.Lock()
				defer mu.Unlock()
				if e.Seq%5 == 0 && !refused[e.MessageID] {
					refused[e.MessageID] = true
					return "not yet"
				}
				return ""
			},
			OnEvent: func(e receiver.Event) {
				mu.Lock()
				defer mu.Unlock()
				arrivals++
				var msg struct{ Properties struct{ N *int } }
				if err := json.Unmarshal(e.Raw, &msg); err != nil {
					t.Error(err)
				}
				event := fmt.Sprintf("%s %s %v", e.Name, e.UserID, e.Seq)
				content := string(e.Raw)
				if was, ok := what[e.MessageID]; ok {
					again++
					if was != content {
						t.Errorf("%s was %q and is %q", e.MessageID, was, content)
					}
					return
				}
				what[e.MessageID] = content
				if was, ok := ids[event]; ok {
					t.Errorf("%s has the ids %s and %s", event, was, e.MessageID)
				}
				ids[event] = e.MessageID
				if n := msg.Properties.N; n != nil {
					count := fmt.Sprint(e.UserID, " ", *n)
					if was, ok := counts[count]; ok {
						t.Errorf("%s and %s count as the same, %s", was, event, count)
					}
					counts[count] = event
				}
			},
		})
		role := engineRole{
			Script: strings.ReplaceAll(mended, "~", "-"+w.suffix), State: t.TempDir(), Session: 6 * time.Second,
			Env: map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right"},
		}
		got := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(what)
		}
		e := spawn(t, "engine", role)
		defer func() {
			if t.Failed() {
				t.Log(e.stderr())
			}
		}()
		sent := 0
		feed := func(n int) {
			var rs []kafka.Record
			for range n {
				user := fmt.Sprint("u", sent%3)
				seq := fmt.Sprint(sent/3 + 1)
				if sent%3 == rng.IntN(3) {
					seq = `"` + seq + `"`
				}
				sent++
				for _, topic := range []string{"counted", "plain"} {
					rs = append(rs, kafka.Record{Topic: w.topic(topic), Key: []byte(user), Value: fmt.Appendf(nil, `{"topic":%q,"user":%q,"seq":%s,"note":"x"}`, topic, user, seq)})
				}
			}
			w.send(rs...)
		}
		for k := range *kills {
			feed(120)
			n := got() + 20 + rng.IntN(120)
			w.eventually(fmt.Sprintf("work before kill %d", k+1), func() bool { return got() >= min(n, 2*sent) })
			e.kill()
			e = spawn(t, "engine", role)
		}
		w.eventually("every event has arrived", func() bool { return got() == 2*sent })
		w.eventually("no letter is left", func() bool {
			a, _ := w.open("counted")
			b, _ := w.open("plain")
			return len(a) == 0 && len(b) == 0
		})
		_, ended := w.open("counted")
		if len(counts) != sent || ended < sent/5 {
			t.Errorf("%d events, %d counts, %d letters of the route that counts have ended", sent, len(counts), ended)
		}
		t.Logf("%d events by two routes, %d arrivals, %d of them repeats; %d letters of the route that counts", sent, arrivals, again, ended)
	})
}
