package receiver

import (
	"net/http"
	"sync"
	"time"
)

const (
	maxCaptures     = 1000     // requests kept
	maxCapturedSize = 32 << 20 // bytes of their bodies
)

// Capture is one request that was not for Segment: what an HTTP sink sent.
type Capture struct {
	At     time.Time
	Method string
	Host   string // whom it was addressed to
	URL    string // path and query
	Header http.Header
	Body   []byte // inflated
}

// captures keeps the latest requests within its bounds.
type captures struct {
	mu   sync.Mutex
	kept []Capture
	size int
}

// Captures gives the latest captured requests, oldest first: at most 1,000,
// with at most 32 MiB of bodies.
func (r *Receiver) Captures() []Capture {
	r.captures.mu.Lock()
	defer r.captures.mu.Unlock()
	return append([]Capture(nil), r.captures.kept...)
}

// capture keeps a request and gives the answer to it.
func (r *Receiver) capture(req *http.Request, body []byte) Reply {
	c := Capture{
		At: time.Now(), Method: req.Method, Host: req.Host, URL: req.URL.RequestURI(), Header: req.Header.Clone(),
		Body: append([]byte(nil), body...),
	}
	a := Reply{Status: http.StatusOK, Body: `{"success":true}`}
	if r.opts.Reply != nil {
		a = r.opts.Reply(c)
	}
	if r.opts.Read != nil && a.Status/100 == 2 {
		r.take(r.opts.Read(c))
	}
	r.captures.mu.Lock()
	defer r.captures.mu.Unlock()
	if r.opts.OnCapture != nil {
		r.opts.OnCapture(c)
	}
	s := &r.captures
	s.kept, s.size = append(s.kept, c), s.size+len(c.Body)
	for len(s.kept) > maxCaptures || s.size > maxCapturedSize {
		s.size -= len(s.kept[0].Body)
		s.kept[0] = Capture{}
		s.kept = s.kept[1:]
	}
	return a
}
