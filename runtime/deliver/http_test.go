package deliver

import (
	"testing"
	"time"
)

func TestHTTPAnswer(t *testing.T) {
	const none = -1
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name string
		http HTTP
		want Class
		wait time.Duration
	}{
		{"taken", HTTP{Status: 200}, Accepted, none},
		{"taken, whatever Retry-After says", HTTP{Status: 204, RetryAfter: []string{"5"}}, Accepted, none},
		{"too many, with seconds", HTTP{Status: 429, RetryAfter: []string{"5"}}, Gated, 5 * time.Second},
		{"too many, without", HTTP{Status: 429}, Gated, none},
		{"too many, what cannot be read counts as missing", HTTP{Status: 429, RetryAfter: []string{"soon"}}, Gated, none},
		{"half seconds cannot be read", HTTP{Status: 429, RetryAfter: []string{"1.5"}}, Gated, none},
		{"a negative wait cannot be read", HTTP{Status: 503, RetryAfter: []string{"-3"}}, Failed, none},
		{"zero", HTTP{Status: 429, RetryAfter: []string{"0"}}, Gated, 0},
		{"more digits than fit", HTTP{Status: 429, RetryAfter: []string{"99999999999999999999999"}}, Gated, maxSeconds * time.Second},
		{"a date against the answer's own", HTTP{Status: 503, RetryAfter: []string{"Sun, 01 Mar 2026 03:00:07 GMT"}, Date: "Sun, 01 Mar 2026 03:00:00 GMT"}, Gated, 7 * time.Second},
		{"a date against our clock where the answer has none", HTTP{Status: 503, RetryAfter: []string{"Sun, 01 Mar 2026 12:00:09 GMT"}}, Gated, 9 * time.Second},
		{"a date that is past", HTTP{Status: 503, RetryAfter: []string{"Sun, 01 Mar 2026 11:00:00 GMT"}}, Gated, 0},
		{"the old forms of dates", HTTP{Status: 503, RetryAfter: []string{"Sunday, 01-Mar-26 12:00:09 GMT", "Sun Mar  1 12:00:08 2026"}}, Gated, 9 * time.Second},
		{"the longest of several", HTTP{Status: 429, RetryAfter: []string{"2", "9", "x"}}, Gated, 9 * time.Second},
		{"unavailable", HTTP{Status: 503}, Failed, none},
		{"timeout", HTTP{Status: 408}, Failed, none},
		{"gone", HTTP{Status: 410}, Failed, none},
		{"460", HTTP{Status: 460}, Failed, none},
		{"no status of HTTP", HTTP{Status: 999}, Failed, none},
		{"key", HTTP{Status: 401}, Misconfigured, none},
		{"forbidden", HTTP{Status: 403}, Misconfigured, none},
		{"not implemented", HTTP{Status: 501}, Misconfigured, none},
		{"network authentication", HTTP{Status: 511}, Misconfigured, none},
		{"any of them with Retry-After is a gate", HTTP{Status: 401, RetryAfter: []string{"1"}}, Gated, time.Second},
		{"moved", HTTP{Status: 301}, Misconfigured, none},
		{"moved, the address is the record's", HTTP{Status: 301, Dynamic: true}, Refused, none},
		{"not found", HTTP{Status: 404}, Misconfigured, none},
		{"not found, the address is the record's", HTTP{Status: 404, Dynamic: true}, Refused, none},
		{"bad", HTTP{Status: 400}, Refused, none},
		{"too large", HTTP{Status: 413}, Refused, none},
		{"a call's key is an answer", HTTP{Status: 401, Call: true}, Refused, none},
		{"so is what is not there", HTTP{Status: 404, Call: true}, Refused, none},
		{"and what has moved", HTTP{Status: 302, Call: true}, Refused, none},
		{"a call is repeated", HTTP{Status: 501, Call: true}, Failed, none},
		{"a call is too many", HTTP{Status: 429, Call: true}, Gated, none},
		{"bad with Retry-After is a gate", HTTP{Status: 400, RetryAfter: []string{"3"}}, Gated, 3 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := HTTPAnswer(tt.http, now.UnixNano())
			if a.Class != tt.want || a.Wait != tt.wait && (tt.wait != none || a.Wait >= 0) {
				t.Errorf("class %d, wait %s; want %d, %s", a.Class, a.Wait, tt.want, tt.wait)
			}
		})
	}
}
