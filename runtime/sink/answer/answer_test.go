package answer

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
)

// TestNoTLS: a receiver without TLS that is called by https:// is named as that.
func TestNoTLS(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	_, err := http.Get("https" + strings.TrimPrefix(srv.URL, "http"))
	if err == nil || Code(err) != "no TLS is spoken there" {
		t.Errorf("%v is %q", err, Code(err))
	}
}

func TestRead(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		class   deliver.Class
		code    string
		wait    time.Duration
	}{
		{"taken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, deliver.Accepted, "200", -1},
		{"refused with its words", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no id", 400) }, deliver.Refused, "400", -1},
		{"gated by a date of the receiver's clock", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", "Sun, 01 Mar 2026 12:00:00 GMT")
			w.Header().Set("Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT")
			w.WriteHeader(429)
		}, deliver.Gated, "429", 30 * time.Second},
		{"read and cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, deliver.Failed, "connection cut", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(tt.handler)
			defer srv.Close()
			res, err := http.Get(srv.URL)
			a := Read(res, err, false, time.Now())
			if a.Class != tt.class || a.Code != tt.code || a.Wait != tt.wait {
				t.Errorf("got %+v, want class %d code %s wait %v", a, tt.class, tt.code, tt.wait)
			}
		})
	}
}

// An answer shorter than it announced is a failed attempt: nobody knows whether
// the events were taken.
func TestCutAnswer(t *testing.T) {
	res := &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(io.MultiReader(strings.NewReader(`{"succ`), iotest.ErrReader(errors.New("reset"))))}
	if a := Read(res, nil, false, time.Now()); a.Class != deliver.Failed {
		t.Errorf("class %d, want failed", a.Class)
	}
}

func TestNoAnswer(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	res, err := http.Get(srv.URL)
	if a := Read(res, err, false, time.Now()); a.Class != deliver.Failed || a.Code != "cannot connect" {
		t.Errorf("got %+v", a)
	}
	res, err = http.Get("http://sluice-test.invalid/")
	if a := Read(res, err, false, time.Now()); a.Class != deliver.Failed || a.Code != "no such host" && a.Code != "cannot connect" && a.Code != "timeout" { // without a resolver it is another
		t.Errorf("got %+v", a)
	}
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	res, err = http.Get(secure.URL)
	if a := Read(res, err, false, time.Now()); a.Code != "certificate not accepted" {
		t.Errorf("got %+v", a)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	req, _ := http.NewRequestWithContext(ctx, "GET", srv.URL, nil)
	res, err = http.DefaultClient.Do(req)
	if a := Read(res, err, false, time.Now()); a.Code != "cancelled" {
		t.Errorf("got %+v", a)
	}
}
