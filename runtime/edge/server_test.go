package edge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/sluice-dev/sluice/runtime/edge"
)

// served is a server and what it has appended.
type served struct {
	*edge.Server
	url    string
	mu     sync.Mutex
	got    []edge.Record
	result func() error // of the next append; it is called without mu
}

func serve(t *testing.T) *served {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &served{Server: edge.NewServer(ln, slog.New(slog.DiscardHandler)), url: "http://" + ln.Addr().String(), result: func() error { return nil }}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		goleak.VerifyNone(t)
	})
	return s
}

func (s *served) open(t *testing.T) {
	s.Open(front(t, true), func(_ context.Context, rs []edge.Record, _ int64) error {
		err := s.result()
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.got = append(s.got, rs...)
		}
		return err
	})
}

func (s *served) appended() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// ask sends a request and gives status and Retry-After.
func (s *served) ask(t *testing.T, method, path string, body io.Reader) string {
	t.Helper()
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	out := fmt.Sprint(resp.StatusCode)
	if after := resp.Header.Get("Retry-After"); after != "" {
		out += " after " + after
	}
	return out
}

func TestServer(t *testing.T) {
	s := serve(t)
	if got := s.ask(t, "GET", "/open?a=1", nil); got != "503 after 5" {
		t.Errorf("before the program runs: %s", got)
	}
	s.open(t)
	for _, c := range []struct {
		name, method, path string
		body               io.Reader
		result             error
		want               string
		records            int
	}{
		{"a request", "GET", "/open?a=1", nil, nil, "200", 1},
		{"a list", "POST", "/closed", strings.NewReader(`[1,2,3]`), nil, "200", 3},
		{"a body of unknown length", "POST", "/closed", io.MultiReader(strings.NewReader(`[1,`), strings.NewReader(`2]`)), nil, "200", 2},
		{"HEAD is no record", "HEAD", "/open?a=1", nil, nil, "200", 0},
		{"nobody reads it", "GET", "/", nil, nil, "404", 0},
		{"the brokers do not answer", "GET", "/open?a=1", nil, errors.New("away"), "503 after 5", 0},
		{"the log refuses it", "GET", "/open?a=1", nil, edge.ErrRefused, "413", 0},
		{"a large body", "POST", "/closed", strings.NewReader(strings.Repeat("1", edge.MaxBody)), nil, "200", 1},
		{"one that is too large", "POST", "/closed", strings.NewReader(strings.Repeat("1", edge.MaxBody+1)), nil, "413", 0},
		{"one that turns out to be", "POST", "/closed", io.MultiReader(strings.NewReader(strings.Repeat("1", edge.MaxBody)), strings.NewReader("1")), nil, "413", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := s.appended()
			s.result = func() error { return c.result }
			if got := s.ask(t, c.method, c.path, c.body); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if n := s.appended() - before; n != c.records {
				t.Errorf("%d records, want %d", n, c.records)
			}
		})
	}
	s.Shut()
	if got := s.ask(t, "GET", "/open?a=1", nil); got != "503 after 5" {
		t.Errorf("after the program has stopped: %s", got)
	}
}

// TestAnswerWaits: the answer comes behind the append, Shut behind the answer, and what
// is under way is written although its sender has hung up.
func TestAnswerWaits(t *testing.T) {
	s := serve(t)
	s.open(t)
	appending, go1 := make(chan struct{}), make(chan struct{})
	s.result = func() error {
		close(appending)
		<-go1
		return nil
	}
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+"/open?a=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		_, err := http.DefaultClient.Do(req)
		gone <- err
	}()
	<-appending
	hangUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatalf("the sender was answered before its records were durable: %v", err)
	}
	shut := make(chan struct{})
	go func() {
		s.Shut()
		close(shut)
	}()
	select {
	case <-shut:
		t.Fatal("shut while a request was being written")
	default:
	}
	close(go1)
	<-shut
	if s.appended() != 1 {
		t.Errorf("%d records", s.appended())
	}
}

// TestTooMany: over its bounds the server asks senders to come again and keeps nothing
// of theirs in memory.
func TestTooMany(t *testing.T) {
	s := serve(t)
	s.open(t)
	const fit = 64<<20/(2*edge.MaxBody) - 1 // of the largest, with what is logged of them
	large := strings.Repeat("1", edge.MaxBody)
	var under sync.WaitGroup
	under.Add(fit)
	end := make(chan struct{})
	s.result = func() error {
		under.Done()
		<-end
		return nil
	}
	var clients sync.WaitGroup
	answers := make(chan string, fit)
	for range fit {
		clients.Go(func() { answers <- s.ask(t, "POST", "/closed", strings.NewReader(large)) })
	}
	under.Wait()
	if got := s.ask(t, "POST", "/closed", strings.NewReader(large)); got != "429 after 5" {
		t.Errorf("one too many: %s", got)
	}
	close(end)
	clients.Wait()
	close(answers)
	for got := range answers {
		if got != "200" {
			t.Errorf("one that fits: %s", got)
		}
	}
	s.result = func() error { return nil }
	if got := s.ask(t, "POST", "/closed", strings.NewReader(large)); got != "200" {
		t.Errorf("when there is room again: %s", got)
	}
}
