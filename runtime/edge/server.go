package edge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/seldom"
)

// Bounds of the server (I7). A sender that is over them is told to come again.
const (
	maxRequests   = 1024     // at once
	maxHeld       = 64 << 20 // bytes of bodies at once
	maxHeader     = 64 << 10 // bytes of a request's head
	headTimeout   = 10 * time.Second
	bodyTimeout   = 60 * time.Second // of head and body together
	idleTimeout   = 2 * time.Minute
	appendTimeout = 10 * time.Second // for the brokers to acknowledge
	retryAfter    = 5                // seconds that a sender is asked to wait
)

// Append writes the records of one request and returns when all are durable.
type Append func(ctx context.Context, records []Record, millis int64) error

// ErrRefused is Append's where the log will never take a record: it is too large.
var ErrRefused = errors.New("the log refuses the record")

// door is what requests meet while a program runs.
type door struct {
	front *Front
	put   Append
}

// Server takes requests to webhooks. It listens from its making to the end of Run; what
// it does with a request is the running program's: while there is none it asks senders
// to come again.
type Server struct {
	ln   net.Listener
	log  *slog.Logger
	http *http.Server

	mu   sync.RWMutex // held for reading while records are being appended
	door *door

	requests chan struct{} // a token a request
	held     budget
	counts   counts
}

// NewServer makes a server on a listener, which is its from now on.
func NewServer(ln net.Listener, log *slog.Logger) *Server {
	s := &Server{ln: ln, log: seldom.Logger(log), requests: make(chan struct{}, maxRequests), held: budget{left: maxHeld}}
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headTimeout, ReadTimeout: bodyTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return s
}

// Addr is the host:port that it listens on.
func (s *Server) Addr() string { return s.ln.Addr().String() }

// Run serves until ctx ends, and until then waits for what is under way.
func (s *Server) Run(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- s.http.Serve(s.ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	if s.http.Shutdown(late) != nil {
		_ = s.http.Close() // who has not been answered sends again
	}
	<-ended
	return nil
}

// Open lets requests in: front says what becomes of them, put makes it durable.
func (s *Server) Open(front *Front, put Append) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.door = &door{front, put}
}

// Shut keeps requests out, and returns when nothing is being appended.
func (s *Server) Shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.door = nil
}

// ServeHTTP is http.Handler's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	in := incoming(r, began)
	s.mu.RLock()
	door := s.door
	s.mu.RUnlock()
	source := ""
	if door != nil {
		source = door.front.Source(in.Path)
	}
	a := s.answer(w, r, in, door)
	if door != nil {
		door.front.Dress(in, a)
	}
	write(w, a)
	s.counts.add(source, a, time.Since(began), in.Millis)
}

// answer says what a sender is told, when what it sent is durable.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, in *Incoming, door *door) *Answer {
	select {
	case s.requests <- struct{}{}:
		defer func() { <-s.requests }()
	default:
		return later(StatusTooMany, "too many requests are under way")
	}
	if door == nil {
		return later(StatusUnavailable, closed)
	}
	admitted, no := door.front.Admit(in)
	if no != nil {
		return no
	}
	if r.ContentLength > MaxBody {
		return tooLarge("the body is larger than 4 MiB") // and none of it is read
	}
	// A compressed body may become the largest there is.
	size := int64(MaxBody)
	if r.ContentLength >= 0 && r.Header.Get("Content-Encoding") == "" {
		size = r.ContentLength
	}
	if !s.held.take(size) {
		return later(StatusTooMany, "too much is under way")
	}
	defer func() { s.held.give(size) }()
	var err error
	if in.Body, err = body(w, r); err != nil {
		return unread(err)
	}
	a := admitted.Take(in)
	if len(a.Records) == 0 {
		return a
	}
	// What is logged of a list may be many times its body.
	logged := int64(len(in.Body)) + a.size()
	if !s.held.take(logged - size) {
		return later(StatusTooMany, "too much is under way")
	}
	size = logged
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.door != door { // a sender may take its time, and nobody waits for it
		return later(StatusUnavailable, closed)
	}
	// The sender may hang up: what is being written is written all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), appendTimeout)
	defer cancel()
	switch err := door.put(ctx, a.Records, in.Millis); {
	case errors.Is(err, ErrRefused):
		return tooLarge("the request is too large for the log")
	case err != nil:
		s.log.Warn("a request to a webhook was not written to the log; its sender is asked to send it again", "path", admitted.Source, "error", err)
		return later(StatusUnavailable, "the log does not take it now")
	}
	return a
}

// size is about what the records of an answer take in memory.
func (a *Answer) size() int64 {
	n := 0
	for i := range a.Records {
		n += len(a.Records[i].Value) + len(a.Records[i].Key)
	}
	return int64(n)
}

const closed = "the program is starting or stopping"

// incoming is the request as the front takes it, without its body.
func incoming(r *http.Request, now time.Time) *Incoming {
	in := &Incoming{Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, RemoteIP: r.RemoteAddr, Millis: now.UnixMilli()}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		in.RemoteIP = host
	}
	if r.Host != "" {
		in.Headers = append(in.Headers, Header{"host", r.Host})
	}
	for name, values := range r.Header {
		for _, v := range values {
			in.Headers = append(in.Headers, Header{name, v})
		}
	}
	return in
}

// body reads the body, whose bytes may not be more than MaxBody.
func body(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var b bytes.Buffer
	if r.ContentLength > 0 {
		b.Grow(int(r.ContentLength) + bytes.MinRead)
	}
	_, err := io.Copy(&b, http.MaxBytesReader(w, r.Body, MaxBody))
	return b.Bytes(), err
}

// unread is the answer to a body that could not be read.
func unread(err error) *Answer {
	if errors.As(err, new(*http.MaxBytesError)) {
		return tooLarge("the body is larger than 4 MiB")
	}
	return &Answer{Status: StatusBadRequest, Text: "the body ends before it should"}
}

// plainText is the type of words.
const plainText = "text/plain; charset=utf-8"

// write sends an answer.
func write(w http.ResponseWriter, a *Answer) {
	h := w.Header()
	for _, x := range a.Headers {
		h.Add(x.Name, x.Value)
	}
	b, kind := a.Body, a.Type
	if a.Text != "" {
		b, kind = []byte(a.Text+"\n"), plainText
	}
	if len(b) > 0 {
		h.Set("Content-Type", kind)
		h.Set("X-Content-Type-Options", "nosniff")
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(b) // the sender may be gone; it is in the log
}

// later asks the sender to come again.
func later(status int, why string) *Answer {
	return &Answer{Status: status, Text: why + ": send it again", Headers: []Header{{"Retry-After", strconv.Itoa(retryAfter)}}}
}

// budget is a number of bytes that many share.
type budget struct {
	mu   sync.Mutex
	left int64
}

func (b *budget) take(n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n > b.left {
		return false
	}
	b.left -= n
	return true
}

func (b *budget) give(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
}
