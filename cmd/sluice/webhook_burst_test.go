package main

import (
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

var burst = flag.Int("burst", 3_000, "how many requests TestWebhookBurst sends")

// TestWebhookBurst sends a burst of requests to a program whose receiver answers 429 half
// the time, and kills it with SIGKILL in the middle, on the embedded broker broker and
// all. Senders send again what was not answered 200, under the same id. Everything that
// was answered 200 arrives, once: under one message id, which is the same for a request
// that was in the log and sent again.
func TestWebhookBurst(t *testing.T) { onBrokers(t, testWebhookBurst) }

func testWebhookBurst(t *testing.T, flags ...string) {
	got := newArrived[string]() // ids, by user
	r := receiving(t, receiver.Options{
		Fault: func(n uint64) receiver.Fault {
			if n%2 == 0 {
				return receiver.Fault{Status: http.StatusTooManyRequests}
			}
			return receiver.Fault{}
		},
		OnEvent: func(e receiver.Event) { got.add(e.UserID, e.MessageID) },
	})
	dir, state := folder(t, `app "`+appName("burst")+`"
connection segment main { write_key: env("WRITE_KEY", "k"), url: "`+r.URL()+`" }
route orders
from webhook "/orders" as { id: string, n: int } { secret: secret("HOOK"), id: .id, within: 1h }
emit track "Ordered" { userId: .id, properties: { n: .n } }
`), filepath.Join(t.TempDir(), "state")
	bin := build(t)
	p := runProgram(t, bin, dir, state, flags...)
	d := newDoor(p)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()

	var next, taken atomic.Int64
	half := make(chan struct{}) // closed when half of them were taken
	var senders sync.WaitGroup
	began := time.Now()
	for range 256 {
		senders.Go(func() {
			for i := next.Add(1); i <= int64(*burst); i = next.Add(1) {
				d.post(client, "/orders/open%20sesame", fmt.Sprintf(`{"id":"o%d","n":%d}`, i, i))
				if taken.Add(1) == int64(*burst)/2 {
					close(half)
				}
			}
		})
	}
	<-half
	first := time.Since(began)
	p.kill(t)
	p = runProgram(t, bin, dir, state, flags...)
	again := time.Now()
	d.move(p.hooks)
	senders.Wait()
	t.Logf("%d requests: %.0f/s before the kill, %.0f/s after it", *burst, float64(*burst/2)/first.Seconds(), float64(*burst/2)/time.Since(again).Seconds())
	got.wait(t, func(of map[string][]string) bool { return len(of) >= *burst })
	got.mu.Lock()
	defer got.mu.Unlock()
	n := idsOf(got.of)
	for i := 1; i <= *burst; i++ {
		if id := "o" + strconv.Itoa(i); n[id] != 1 {
			t.Errorf("%s has arrived under %d ids", id, n[id])
		}
	}
	if len(n) != *burst {
		t.Errorf("%d arrived that nobody sent", len(n)-*burst)
	}
	p.end(t)
}
