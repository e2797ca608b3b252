package receiver

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// Fault is what a request meets instead of a proper answer; the zero value is
// nothing.
type Fault struct {
	// Status is answered instead of a judgement; nothing is accepted.
	Status int

	// RetryAfter goes into the answer's Retry-After, in whole seconds
	// rounded up; zero leaves the header out. AsDate writes it as an HTTP
	// date, which any 429 may carry and few clients read.
	RetryAfter time.Duration
	AsDate     bool

	// Cut accepts the events and then cuts the connection without an
	// answer. Events that would be refused are refused properly.
	Cut bool

	// Short, of a request that is not for Segment, accepts it and announces a
	// longer answer than it gives.
	Short bool

	// Page answers 200 and a page of HTML, as a proxy does in front of a receiver
	// that is away; nothing is accepted.
	Page bool

	// Location answers 302 with it; nothing is accepted.
	Location string

	// Wait is how long nothing happens before all of this.
	Wait time.Duration
}

// elsewhere answers for somebody else than the receiver.
func (f Fault) elsewhere(w http.ResponseWriter) bool {
	switch {
	case f.Location != "":
		w.Header().Set("Location", f.Location)
		w.WriteHeader(http.StatusFound)
	case f.Page:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><html><body>busy</body></html>")
	default:
		return false
	}
	return true
}

func (f Fault) setHeaders(h http.Header, now time.Time) {
	if f.RetryAfter <= 0 {
		return
	}
	if f.AsDate {
		// A date has whole seconds: without rounding up, a wait of half a
		// second would lie in the past.
		h.Set("Retry-After", now.Add(f.RetryAfter+time.Second-1).UTC().Format(http.TimeFormat))
		return
	}
	h.Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
}

// Shares are faults by chance: each request meets at most one, and which one
// depends on nothing but the seed and the request's number.
type Shares struct {
	Seed        uint64
	TooMany     float64       // share answered 429 with Retry-After, seconds and dates by turns
	Unavailable float64       // share answered 503
	Cut         float64       // share accepted and then cut
	RetryAfter  time.Duration // of the 429s; zero is a second
}

// Fault is an [Options.Fault].
func (s Shares) Fault(n uint64) Fault {
	wait := s.RetryAfter
	if wait == 0 {
		wait = time.Second
	}
	h := mix(mix(s.Seed) + n)
	x := float64(h>>11) / (1 << 53) // 53 random bits: uniform in [0, 1)
	switch {
	case x < s.TooMany:
		return Fault{Status: http.StatusTooManyRequests, RetryAfter: wait, AsDate: h&1 == 1}
	case x < s.TooMany+s.Unavailable:
		return Fault{Status: http.StatusServiceUnavailable}
	case x < s.TooMany+s.Unavailable+s.Cut:
		return Fault{Cut: true}
	}
	return Fault{}
}

// mix is splitmix64: neighbouring numbers come out unrelated.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
