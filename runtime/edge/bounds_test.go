package edge_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-dev/sluice/runtime/edge"
)

// raw sends bytes and gives the status of the answer.
func (s *served) raw(t *testing.T, text string) (status int, c net.Conn) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode, c
}

// TestLargeUnread: a body that says it is too large is refused before a byte of it has
// come, and its connection ends.
func TestLargeUnread(t *testing.T) {
	s := serve(t)
	s.open(t)
	status, c := s.raw(t, "POST /closed HTTP/1.1\r\nHost: x\r\nContent-Length: 20971520\r\n\r\n")
	defer c.Close()
	if status != 413 {
		t.Errorf("answered %d", status)
	}
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes more, and the connection goes on", n)
	}
	if s.appended() != 0 {
		t.Error("it was logged")
	}
}

// TestLargeHead: headers have a bound, too.
func TestLargeHead(t *testing.T) {
	s := serve(t)
	s.open(t)
	// A little more than is promised is read; this is far more.
	status, c := s.raw(t, "GET /open?a=1 HTTP/1.1\r\nHost: x\r\nX: "+strings.Repeat("x", 80<<10)+"\r\n\r\n")
	c.Close()
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("answered %d", status)
	}
}

// TestBomb: what a small body becomes is counted before it is made.
func TestBomb(t *testing.T) {
	s := serve(t)
	s.open(t)
	req, err := http.NewRequest("POST", s.url+"/closed", strings.NewReader(gz(strings.Repeat("0", 40<<20))))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 413 || s.appended() != 0 {
		t.Errorf("answered %d, %d records", resp.StatusCode, s.appended())
	}
}

// TestRequests: every answer is counted by webhook, also those to nobody's path.
func TestRequests(t *testing.T) {
	s := serve(t)
	s.ask(t, "GET", "/open?a=1", nil) // before the program runs
	s.open(t)
	s.ask(t, "GET", "/open?a=1&id={id}", nil)
	s.ask(t, "GET", "/open?a=%ff", nil)
	s.ask(t, "POST", "/open", nil)
	s.ask(t, "POST", "/closed/one", strings.NewReader("[1,2]"))
	s.ask(t, "GET", "/nothing/here", nil)
	var got []string
	for _, r := range s.Requests() {
		got = append(got, fmt.Sprintf("%s %v %d %v", r.Source, r.Statuses, r.Replaced, r.Macros))
		if n := r.Buckets[edge.Bounds[len(edge.Bounds)-1]]; n != r.Count {
			t.Errorf("%s: %d answers in 10 s, of %d", r.Source, n, r.Count)
		}
	}
	want := " map[404:1 503:1] 0 map[]\n/closed map[200:1] 0 map[]\n/open map[200:2 405:1] 1 map[id:1]"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if s.Taken("/open") == 0 || s.Taken("/closed/in") != 0 {
		t.Error("when the last was taken")
	}
}

// pipes is a listener whose connections are in memory, so that time may be the test's.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.ended); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestSlow: who sends a head or a body too slowly is hung up on, and holds nothing.
func TestSlow(t *testing.T) {
	for _, c := range []struct {
		name, sends string
		byte        string // sent again and again
		within      time.Duration
	}{
		{"a head", "POST /closed HTTP/1.1\r\nHost: x\r\n", "X", 10 * time.Second},
		{"a body", "POST /closed HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "1", 60 * time.Second},
		{"nothing at all", "", "", 10 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln := &pipes{make(chan net.Conn), make(chan struct{})}
				s := edge.NewServer(ln, slog.New(slog.DiscardHandler))
				s.Open(front(t, true), func(context.Context, []edge.Record, int64) error { return nil })
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- s.Run(ctx) }()
				client, server := net.Pipe()
				ln.conns <- server
				hungUp := make(chan time.Duration, 1)
				began := time.Now()
				go func() {
					_, _ = io.Copy(io.Discard, client)
					hungUp <- time.Since(began)
				}()
				_, _ = io.WriteString(client, c.sends)
				for c.byte != "" && time.Since(began) < 5*time.Minute {
					time.Sleep(time.Second)
					if _, err := client.Write(bytes.Repeat([]byte(c.byte), 1)); err != nil {
						break
					}
				}
				if took := <-hungUp; took > c.within+time.Second {
					t.Errorf("hung up after %v", took)
				}
				client.Close()
				synctest.Wait()
				if n := s.UnderWay(); n != 0 {
					t.Errorf("%d requests are under way", n)
				}
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
