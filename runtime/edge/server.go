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
}

// NewServer makes a server on a listener, which is its from now on.
func NewServer(ln net.Listener, log *slog.Logger) *Server {
	s := &Server{ln: ln, log: log, requests: make(chan struct{}, maxRequests), held: budget{left: maxHeld}}
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
	select {
	case s.requests <- struct{}{}:
		defer func() { <-s.requests }()
	default:
		unavailable(w, "too many requests are under way")
		return
	}
	in := incoming(r, time.Now())
	s.mu.RLock()
	door := s.door
	s.mu.RUnlock()
	if door == nil {
		unavailable(w, closed)
		return
	}
	admitted, answer := door.front.Admit(in)
	if answer != nil {
		write(w, answer)
		return
	}
	size := int64(MaxBody)
	if r.ContentLength >= 0 {
		size = min(r.ContentLength, MaxBody)
	}
	if !s.held.take(size) {
		unavailable(w, "too much is under way")
		return
	}
	defer s.held.give(size)
	var err error
	if in.Body, err = body(w, r); err != nil {
		write(w, unread(err))
		return
	}
	answer = admitted.Take(in)
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.door != door: // a sender may take its time, and nobody waits for it
		unavailable(w, closed)
		return
	case len(answer.Records) > 0:
		// The sender may hang up: what is being written is written all the same.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), appendTimeout)
		defer cancel()
		err = door.put(ctx, answer.Records, in.Millis)
	}
	switch {
	case errors.Is(err, ErrRefused):
		write(w, tooLarge("the request is too large for the log"))
	case err != nil:
		s.log.Warn("a request to a webhook was not written to the log; its sender is asked to send it again", "path", admitted.hook.decl.Path, "error", err)
		unavailable(w, "the log does not take it now")
	default:
		write(w, answer)
	}
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
	if r.ContentLength > MaxBody {
		return nil, &http.MaxBytesError{Limit: MaxBody}
	}
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

// write sends an answer.
func write(w http.ResponseWriter, a *Answer) {
	h := w.Header()
	if a.Allow != "" {
		h.Set("Allow", a.Allow)
	}
	if a.Text == "" {
		w.WriteHeader(a.Status)
		return
	}
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.Status)
	_, _ = io.WriteString(w, a.Text+"\n") // the sender may be gone; it is in the log
}

// unavailable asks the sender to come again.
func unavailable(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	write(w, &Answer{Status: StatusUnavailable, Text: why + ": send it again"})
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
