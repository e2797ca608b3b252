// Package receiver is the strict local receiver of dev, demo and tests: it
// stands where Segment's Tracking API stands in production and is harder to
// please.
//
// It takes HTTP requests: Segment's batch and single calls, judged by
// Segment's documented limits and rules, and anything else, which it captures
// as an HTTP sink would see it. Where Segment answers 200 and later discards
// an event in silence, the receiver answers 400 and says which event and why.
// On request it misbehaves: answers 429 or 503, takes a batch and cuts the
// connection before answering, answers late, refuses chosen events. A
// [Ledger] judges from the arrivals alone what was lost, doubled or out of
// order.
//
// It must not know anything of ours that it judges: no plan, no sink, none of
// the engine's JSON code.
package receiver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Limits of Segment's Tracking API. The documentation says KB without saying
// which; the receiver takes 1024, our sink keeps below 1000.
const (
	MaxEventBytes  = 32 << 10  // one event
	MaxBatchBytes  = 500 << 10 // one request, inflated
	MaxBatchEvents = 2500      // one request
	MaxMessageID   = 100       // characters

	// maxCaptureBytes bounds the body of a request that is not for Segment.
	maxCaptureBytes = 10 << 20
)

// Options says what the receiver demands and how it misbehaves. The zero
// value is a strict receiver that accepts any write key and never fails.
type Options struct {
	// WriteKey is the only key accepted; another is answered 401. Empty
	// accepts every key but the empty one, as Segment does.
	WriteKey string

	// Count makes the receiver count the events of a batch without looking
	// into them: for benchmarks in which it must not be the bottleneck. No
	// Event is made, so Ledger, Refuse and OnEvent see nothing; a key is
	// asked for in the header only.
	Count bool

	// Fault says what the n-th request (from 1) meets; nil is never
	// anything. [Shares.Fault] makes one from a seed.
	Fault func(n uint64) Fault

	// Latency is the round trip's length: half of it passes before events
	// are accepted, half before the answer.
	Latency time.Duration

	// Refuse gives the reason for which an event is refused, "" for none.
	// One refused event refuses its whole request, as Segment's 400 does.
	Refuse func(Event) string

	// Number numbers an event that has no seq by what its producer wrote elsewhere:
	// it sets Topic, User, Seq and Numbered, or leaves it unnumbered.
	Number func(*Event)

	// Ledger judges the accepted events; nil judges nothing.
	Ledger *Ledger

	// OnEvent is told each accepted event in the order of acceptance, one
	// at a time.
	OnEvent func(Event)

	// OnCapture is told each request that is not for Segment, one at a
	// time.
	OnCapture func(Capture)

	// Read gives the events that a request holds which is not for Segment, so
	// that Ledger and OnEvent see them; nil: it holds none.
	Read func(Capture) []Event

	// Reply says what is answered to a request that is not for Segment; nil is
	// 200 and {"success":true}. What it answers with 2xx is accepted.
	Reply func(Capture) Reply
}

// Reply is an answer.
type Reply struct {
	Status int
	Header map[string]string
	Body   string
}

// Event is one accepted Segment message.
type Event struct {
	At        time.Time // of acceptance
	Call      string    // track, identify, group, page, screen, alias
	MessageID string
	UserID    string
	Anonymous string
	Name      string    // the event of a track, the name of a page or screen
	Timestamp time.Time // the message's, zero if it has none
	SentAt    time.Time // the message's, else the envelope's, else zero

	// Topic, User and Seq are what the producer of the event wrote into its
	// properties, traits or context (the first that has a seq) for a
	// [Ledger] to judge order by, or what Options.Number made of it. User
	// defaults to UserID, then Anonymous. Numbered tells whether there is one.
	Topic, User string
	Seq         uint64
	Numbered    bool

	// Repeat tells that the ledger had seen the MessageID before.
	Repeat bool

	// Raw is the message as it came, valid only during a callback.
	Raw []byte
}

// Stats counts since the start.
type Stats struct {
	Requests uint64         // all that arrived
	Events   uint64         // accepted, repeats included
	Answers  map[int]uint64 // by status; 0 is a cut connection
}

// Receiver is an http.Handler.
type Receiver struct {
	opts Options

	n      atomic.Uint64 // requests so far
	events atomic.Uint64

	mu      sync.Mutex // guards answers
	answers map[int]uint64

	// accept makes the ledger and the callbacks see batches whole and one
	// after the other: order is judged in the order of acceptance.
	accept   sync.Mutex
	captures captures

	bodies sync.Pool // *bytes.Buffer
	gzips  sync.Pool // *gzip.Reader

	ln net.Listener // set by Listen only
}

// New makes a receiver to be used as a handler; [Listen] makes one with its
// own server.
func New(o Options) *Receiver {
	r := &Receiver{opts: o, answers: map[int]uint64{}}
	r.bodies.New = func() any { return new(bytes.Buffer) }
	r.gzips.New = func() any { return new(gzip.Reader) }
	return r
}

// Stats gives the counts so far.
func (r *Receiver) Stats() Stats {
	s := Stats{Requests: r.n.Load(), Events: r.events.Load(), Answers: map[int]uint64{}}
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, v := range r.answers {
		s.Answers[k] = v
	}
	return s
}

// ServeHTTP reads the request whole, lets the fault of its turn happen, and
// judges it.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	n := r.n.Add(1)
	var fault Fault
	if r.opts.Fault != nil {
		fault = r.opts.Fault(n)
	}
	call, forSegment := segmentCalls[strings.TrimSuffix(req.URL.Path, "/")]
	forSegment = forSegment && r.own(req.Host)

	limit := int64(maxCaptureBytes)
	if forSegment {
		limit = MaxBatchBytes
	}
	buf := r.bodies.Get().(*bytes.Buffer)
	defer func() { buf.Reset(); r.bodies.Put(buf) }()
	readErr := r.read(buf, w, req, limit)

	r.wait()
	if fault.Wait > 0 {
		select {
		case <-time.After(fault.Wait):
		case <-req.Context().Done():
			return
		}
	}
	if fault.elsewhere(w) {
		r.count(http.StatusOK)
		return
	}
	if fault.Status != 0 {
		// The body has been read, so the connection stays usable: a 429
		// must not cost the sender a new connection as well.
		fault.setHeaders(w.Header(), time.Now())
		r.answer(w, verdict{status: fault.Status, code: "fault", message: "the receiver was told to fail"})
		return
	}
	v := verdict{status: http.StatusOK}
	switch {
	case readErr != nil:
		v = refuse("bad_request", "%v", readErr)
	case forSegment:
		v = r.segment(call, req, buf.Bytes())
	default:
		a := r.capture(req, buf.Bytes())
		r.wait()
		r.reply(w, a, fault)
		return
	}
	r.wait()
	if fault.Cut && v.status == http.StatusOK {
		r.count(0)
		// The connection ends without a byte of answer: the sender cannot
		// know that its events were taken.
		panic(http.ErrAbortHandler)
	}
	r.answer(w, v)
}

// own tells whether a request is addressed to the receiver itself. In dev what is for
// somebody else comes here, too, and may have a path that Segment also has.
func (r *Receiver) own(host string) bool {
	if r.ln == nil {
		return true
	}
	_, port, err := net.SplitHostPort(host)
	_, mine, _ := net.SplitHostPort(r.ln.Addr().String())
	return err == nil && port == mine
}

// reply writes the answer to a request that is not for Segment.
func (r *Receiver) reply(w http.ResponseWriter, a Reply, fault Fault) {
	if fault.Cut && a.Status/100 == 2 {
		r.count(0)
		panic(http.ErrAbortHandler)
	}
	r.count(a.Status)
	w.Header().Set("Content-Type", "application/json")
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	if fault.Short {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.Body)+100))
	}
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Body)
}

// wait lets half of the round trip pass.
func (r *Receiver) wait() {
	if r.opts.Latency > 0 {
		time.Sleep(r.opts.Latency / 2)
	}
}

// read fills buf with the inflated body. Both sides of the inflation are
// bounded: a few KB of gzip can hold gigabytes.
func (r *Receiver) read(buf *bytes.Buffer, w http.ResponseWriter, req *http.Request, limit int64) error {
	var body io.Reader = http.MaxBytesReader(w, req.Body, limit)
	switch enc := req.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		z := r.gzips.Get().(*gzip.Reader)
		defer r.gzips.Put(z)
		if err := z.Reset(body); err != nil {
			return fmt.Errorf("body is not gzip: %w", err)
		}
		body = z
	default:
		return fmt.Errorf("content encoding %q is not known", enc)
	}
	n, err := buf.ReadFrom(io.LimitReader(body, limit+1))
	var tooBig *http.MaxBytesError
	switch {
	case n > limit || errors.As(err, &tooBig):
		return fmt.Errorf("request is over %d bytes", limit)
	case err != nil:
		return fmt.Errorf("read the body: %w", err)
	}
	return nil
}

// verdict is an answer before it is written.
type verdict struct {
	status        int
	code, message string
	problems      []problem
}

// problem is one event's reason to be refused.
type problem struct {
	Index   int    `json:"index"` // in the batch, from 0
	Code    string `json:"code"`  // Segment's discard reason where it has one
	Message string `json:"message"`
}

func refuse(code, format string, args ...any) verdict {
	return verdict{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

func (r *Receiver) answer(w http.ResponseWriter, v verdict) {
	r.count(v.status)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(v.status)
	if v.status == http.StatusOK {
		_, _ = io.WriteString(w, `{"success":true}`)
		return
	}
	// An answer that does not reach its reader is the reader's to retry.
	_ = json.NewEncoder(w).Encode(struct {
		Success bool      `json:"success"`
		Code    string    `json:"code"`
		Message string    `json:"message"`
		Errors  []problem `json:"errors,omitempty"`
	}{false, v.code, v.message, v.problems})
}

func (r *Receiver) count(status int) {
	r.mu.Lock()
	r.answers[status]++
	r.mu.Unlock()
}
