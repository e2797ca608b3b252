package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

var burst = flag.Int("burst", 3_000, "how many requests TestWebhookBurst sends")

// door is where a program takes requests now. It changes when the program is killed and
// started again.
type door struct {
	mu  sync.Mutex
	url string
	new chan struct{} // closed when url is another
}

func (d *door) at() (string, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.url, d.new
}

func (d *door) move(url string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.url = url
	close(d.new)
	d.new = make(chan struct{})
}

// TestWebhookBurst sends a burst of requests to a program on the embedded broker, whose
// receiver answers 429 half the time, and kills it with SIGKILL in the middle, broker and
// all. Senders send again what was not answered 200, under the same id. Everything that
// was answered 200 arrives, once: under one message id, which is the same for a request
// that was in the log and sent again.
func TestWebhookBurst(t *testing.T) {
	var mu sync.Mutex
	ids := map[string]map[string]bool{} // by user
	arrived := make(chan struct{}, 1)   // holds one: something came. Never closed.
	r, err := receiver.Listen("127.0.0.1:0", receiver.Options{
		Fault: func(n uint64) receiver.Fault {
			if n%2 == 0 {
				return receiver.Fault{Status: http.StatusTooManyRequests}
			}
			return receiver.Fault{}
		},
		OnEvent: func(e receiver.Event) {
			mu.Lock()
			defer mu.Unlock()
			if ids[e.UserID] == nil {
				ids[e.UserID] = map[string]bool{}
			}
			ids[e.UserID][e.MessageID] = true
			select {
			case arrived <- struct{}{}:
			default:
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var side sync.WaitGroup
	side.Go(func() { _ = r.Run(ctx) })
	defer side.Wait()
	defer stop()
	dir, state := t.TempDir(), filepath.Join(t.TempDir(), "state")
	script := `app "hooked"
connection segment main { write_key: env("WRITE_KEY", "k"), url: "` + r.URL() + `" }
route orders
from webhook "/orders" as { id: string, n: int } { secret: secret("HOOK"), id: .id, within: 1h }
emit track "Ordered" { userId: .id, properties: { n: .n } }
`
	if err := os.WriteFile(filepath.Join(dir, "a.route"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	bin := build(t)
	p := runProgram(t, bin, dir, state)
	d := &door{url: p.hooks, new: make(chan struct{})}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()

	var next, taken atomic.Int64
	half := make(chan struct{}) // closed when half of them were taken
	var senders sync.WaitGroup
	began := time.Now()
	for range 256 {
		senders.Go(func() {
			for i := next.Add(1); i <= int64(*burst); i = next.Add(1) {
				body := fmt.Sprintf(`{"id":"o%d","n":%d}`, i, i)
				for {
					url, moved := d.at()
					status, wait := tryPost(client, url+"/orders/open%20sesame", body)
					if status == http.StatusOK {
						break
					}
					select {
					case <-moved:
					case <-time.After(wait): // as it was told
					}
				}
				if taken.Add(1) == int64(*burst)/2 {
					close(half)
				}
			}
		})
	}
	<-half
	first := time.Since(began)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	p = runProgram(t, bin, dir, state)
	again := time.Now()
	d.move(p.hooks)
	senders.Wait()
	t.Logf("%d requests: %.0f/s before the kill, %.0f/s after it", *burst, float64(*burst/2)/first.Seconds(), float64(*burst/2)/time.Since(again).Seconds())
	for late := time.After(time.Minute + time.Duration(*burst)*10*time.Millisecond); ; {
		mu.Lock()
		n := len(ids)
		mu.Unlock()
		if n >= *burst {
			break
		}
		select {
		case <-arrived:
		case <-late:
			t.Fatalf("%d of %d have arrived", n, *burst)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for i := 1; i <= *burst; i++ {
		if got := ids["o"+strconv.Itoa(i)]; len(got) != 1 {
			t.Errorf("o%d has arrived under %d ids", i, len(got))
		}
	}
	if len(ids) != *burst {
		t.Errorf("%d arrived that nobody sent", len(ids)-*burst)
	}
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("run ended with %v", err)
	}
}

// tryPost gives the status, 0 where there was no answer, and how long to wait before
// the next try.
func tryPost(client *http.Client, url, body string) (int, time.Duration) {
	resp, err := client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, 100 * time.Millisecond
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	wait := 100 * time.Millisecond
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		wait = time.Duration(s) * time.Second
	}
	return resp.StatusCode, wait
}
