package main

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

// onBrokers runs a test of a whole program on its embedded broker, and on Apache Kafka
// where SLUICE_KAFKA_BROKERS names one: flags are what `sluice run` needs for it.
func onBrokers(t *testing.T, test func(t *testing.T, flags ...string)) {
	t.Run("embedded", func(t *testing.T) { test(t) })
	t.Run("apache", func(t *testing.T) {
		brokers := os.Getenv("SLUICE_KAFKA_BROKERS")
		if brokers == "" {
			if os.Getenv("SLUICE_REQUIRE_KAFKA") == "1" {
				t.Fatal("SLUICE_REQUIRE_KAFKA=1, but SLUICE_KAFKA_BROKERS names no Apache Kafka")
			}
			t.Skip("SLUICE_KAFKA_BROKERS names no Apache Kafka (.ci/kafka-broker.sh starts one)")
		}
		test(t, "--brokers", brokers)
	})
}

// appName is one that no other run has used: Apache Kafka keeps what tests leave.
func appName(of string) string { return of + "-" + strings.ToLower(rand.Text()[:8]) }

// receiving starts a receiver that serves until the test ends.
func receiving(t *testing.T, o receiver.Options) *receiver.Receiver {
	t.Helper()
	r, err := receiver.Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var side sync.WaitGroup
	side.Go(func() { _ = r.Run(ctx) })
	t.Cleanup(func() { stop(); side.Wait() })
	return r
}

// folder is a program of one script.
func folder(t *testing.T, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.route"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runningProgram is a `sluice run` of a test.
type runningProgram struct {
	*exec.Cmd
	told  <-chan string
	hooks string // where webhooks are taken
}

func runProgram(t *testing.T, bin, dir, state string, flags ...string) *runningProgram {
	t.Helper()
	cmd := exec.Command(bin, append([]string{"run", "--admin", ":0", "--listen", ":0", "--state", state, dir}, flags...)...)
	cmd.Env = append(os.Environ(), "HOOK=open sesame")
	words, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	p := &runningProgram{Cmd: cmd, told: lines(words)}
	p.hooks = strings.TrimPrefix(await(t, p.told, "webhooks http"), "webhooks ")
	await(t, p.told, `"msg":"running"`)
	go func() {
		for range p.told { // else its pipe fills
		}
	}()
	return p
}

// kill ends a program with SIGKILL, and its embedded broker with it.
func (p *runningProgram) kill(t *testing.T) {
	t.Helper()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
}

// end stops a program as Ctrl-C does.
func (p *runningProgram) end(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("run ended with %v", err)
	}
}

// door is where a program takes requests now. It changes when the program is killed and
// started again.
type door struct {
	mu  sync.Mutex
	url string
	new chan struct{} // closed when url is another
}

func newDoor(p *runningProgram) *door { return &door{url: p.hooks, new: make(chan struct{})} }

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

// post sends a body to a path until it is answered 200, as a sender does: again when it
// was told to, and at once where the program has moved.
func (d *door) post(client *http.Client, path, body string) {
	for {
		url, moved := d.at()
		status, wait := tryPost(client, url+path, body)
		if status == http.StatusOK {
			return
		}
		select {
		case <-moved:
		case <-time.After(wait):
		}
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

// arrived are what a receiver took, by a name.
type arrived[T any] struct {
	mu  sync.Mutex
	of  map[string][]T
	new chan struct{} // holds one: something came. Never closed.
}

func newArrived[T any]() *arrived[T] {
	return &arrived[T]{of: map[string][]T{}, new: make(chan struct{}, 1)}
}

func (a *arrived[T]) add(name string, x T) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.of[name] = append(a.of[name], x)
	select {
	case a.new <- struct{}{}:
	default:
	}
}

// wait returns when enough of what came is there. It fails when nothing comes for a minute.
func (a *arrived[T]) wait(t *testing.T, enough func(of map[string][]T) bool) {
	t.Helper()
	for {
		a.mu.Lock()
		done := enough(a.of)
		n := len(a.of)
		a.mu.Unlock()
		if done {
			return
		}
		select {
		case <-a.new:
		case <-time.After(time.Minute):
			t.Fatalf("not everything has arrived: only %d", n)
		}
	}
}

// idsOf tells under how many ids each has arrived.
func idsOf(of map[string][]string) map[string]int {
	out := map[string]int{}
	for name, list := range of {
		different := map[string]bool{}
		for _, id := range list {
			different[id] = true
		}
		out[name] = len(different)
	}
	return out
}
