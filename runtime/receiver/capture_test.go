package receiver

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestAnHTTPEndpoint: what is not for Segment is captured, read for the ledger, answered
// as told, and meets the faults that proxies and cut lines make.
func TestAnHTTPEndpoint(t *testing.T) {
	ledger := NewLedger()
	ledger.Expect("t", "u", 1)
	ledger.Expect("t", "u", 2)
	r, err := Listen("127.0.0.1:0", Options{
		Ledger: ledger,
		Read: func(c Capture) []Event {
			return []Event{{MessageID: c.Header.Get("Idempotency-Key"), Topic: "t", User: "u", Seq: uint64(len(c.Body)), Numbered: true, Raw: c.Body}}
		},
		Reply: func(c Capture) Reply {
			if c.URL == "/refused" {
				return Reply{Status: 422, Body: `{"why":"no"}`, Header: map[string]string{"X-Why": "no"}}
			}
			return Reply{Status: 201, Body: `{"id":1}`}
		},
		Fault: func(n uint64) Fault {
			switch n {
			case 2:
				return Fault{Short: true}
			case 3:
				return Fault{Page: true}
			case 4:
				return Fault{Location: "http://169.254.169.254/"}
			}
			return Fault{}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	defer func() { stop(); wg.Wait() }()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	send := func(path, host, body string) (status int, text string, err error) {
		req, _ := http.NewRequest("PUT", r.URL()+path, strings.NewReader(body))
		req.Header.Set("Idempotency-Key", body)
		if host != "" {
			req.Host = host
		}
		res, err := client.Do(req)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return res.StatusCode, string(b), err
	}
	want := func(status int, text string, s int, got string, err error) {
		t.Helper()
		if status != s || !strings.Contains(got, text) || err != nil {
			t.Errorf("%d %q %v, want %d %q", s, got, err, status, text)
		}
	}
	s, b, err := send("/users/1", "", "a")
	want(201, `{"id":1}`, s, b, err)
	if s, _, err := send("/users/1", "", "bb"); s != 201 || err == nil {
		t.Errorf("a short answer: %d %v", s, err)
	}
	s, b, err = send("/users/1", "", "bb")
	want(200, "<html>", s, b, err)
	s, _, err = send("/users/1", "", "bb")
	want(302, "", s, "", err)
	s, b, err = send("/users/1", "", "bb") // it was taken behind the short answer
	want(201, `{"id":1}`, s, b, err)
	s, b, err = send("/refused", "", "ccc")
	want(422, "why", s, b, err)
	s, b, err = send("/v1/batch", "api.example.com", "bb") // not Segment's: it is addressed to somebody else
	want(201, `{"id":1}`, s, b, err)
	if rep := ledger.Report(); !rep.Clean() || rep.Accepted != 4 || rep.Repeats != 2 {
		t.Errorf("%+v", rep)
	}
	if c := r.Captures(); len(c) != 5 || c[4].Host != "api.example.com" {
		t.Errorf("%d captures", len(c))
	}
}
