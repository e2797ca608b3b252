package answer

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
)

func response(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Add(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func TestClasses(t *testing.T) {
	tests := []struct {
		name  string
		class deliver.Class
		codes []int
	}{
		{"accepted", deliver.Accepted, []int{200, 201, 202, 204}},
		{"gated", deliver.Gated, []int{429}},
		{"failed", deliver.Failed, []int{408, 410, 460, 500, 502, 503, 504, 529}},
		{"misconfigured", deliver.Misconfigured, []int{401, 403, 501, 505, 511, 301, 302, 307, 404, 405}},
		{"refused", deliver.Refused, []int{400, 402, 406, 409, 413, 415, 422, 451}},
	}
	for _, tt := range tests {
		for _, c := range tt.codes {
			if got := Read(response(c, ""), nil, true); got.Class != tt.class {
				t.Errorf("%d at a constant address: class %d, want %s", c, got.Class, tt.name)
			}
		}
	}
	for _, c := range []int{301, 404, 405} {
		if got := Read(response(c, ""), nil, false); got.Class != deliver.Refused {
			t.Errorf("%d at an address made of the record: class %d, want refused", c, got.Class)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	const date = "Sun, 01 Mar 2026 12:00:00 GMT"
	tests := []struct {
		name   string
		status int
		header []string
		class  deliver.Class
		wait   time.Duration
	}{
		{"seconds", 429, []string{"Retry-After", "7"}, deliver.Gated, 7 * time.Second},
		{"a date counts from the answer's own Date", 429, []string{"Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT", "Date", date}, deliver.Gated, 30 * time.Second},
		{"a date that has passed is no wait", 429, []string{"Retry-After", "Sun, 01 Mar 2026 11:00:00 GMT", "Date", date}, deliver.Gated, 0},
		{"the longest of several", 429, []string{"Retry-After", "3", "Retry-After", "9", "Retry-After", "x"}, deliver.Gated, 9 * time.Second},
		{"429 without it gates too", 429, nil, deliver.Gated, -1},
		{"what cannot be read counts as missing", 503, []string{"Retry-After", "soon"}, deliver.Failed, -1},
		{"a date without a Date counts as missing", 503, []string{"Retry-After", "Sun, 01 Mar 2026 12:00:30 GMT"}, deliver.Failed, -1},
		{"on 503 it gates", 503, []string{"Retry-After", "2"}, deliver.Gated, 2 * time.Second},
		{"on 400 it gates", 400, []string{"Retry-After", "2"}, deliver.Gated, 2 * time.Second},
		{"on 200 it says nothing", 200, []string{"Retry-After", "2"}, deliver.Accepted, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Read(response(tt.status, "", tt.header...), nil, true)
			if got.Class != tt.class || got.Wait != tt.wait {
				t.Errorf("class %d wait %v, want %d %v", got.Class, got.Wait, tt.class, tt.wait)
			}
		})
	}
}

func TestCutAnswerIsAFailedAttempt(t *testing.T) {
	res := response(200, "")
	res.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"succ`), &broken{}))
	if got := Read(res, nil, true); got.Class != deliver.Failed {
		t.Errorf("class %d, want failed: nobody knows whether it was taken", got.Class)
	}
}

type broken struct{}

func (*broken) Read([]byte) (int, error) { return 0, errors.New("reset") }
