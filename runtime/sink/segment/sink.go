package segment

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/sink/answer"
)

// Regions of Segment's Tracking API.
var Regions = map[string]string{
	"us": "https://api.segment.io",
	"eu": "https://events.eu1.segmentapis.com",
}

// Config is one segment connection, resolved.
type Config struct {
	URL      string // the base; /v1/batch is added
	WriteKey value.Secret
	// Again reads the key again: after a 401 it may be another. nil: it never is.
	Again   func() (value.Secret, error)
	Version string // ours, for context.library
	// Gzip compresses bodies. It is the dearest part of a request, so to an
	// address on this machine it is left out.
	Gzip bool
	// Timeout of one request, from dialing to the end of the answer. 0: 10 s.
	Timeout time.Duration
}

// Local tells whether an address is on this machine.
func Local(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host := u.Hostname()
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// maxConns is how many requests deliver has under way at most.
const maxConns = 64

// Sink sends batches to one connection. It is used by many goroutines at once.
type Sink struct {
	cfg    Config
	url    string
	client *http.Client
	bufs   buffers
	key    atomic.Pointer[value.Secret]
}

// New makes the sink of a connection; it dials with the first request.
func New(cfg Config) *Sink {
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	s := &Sink{
		cfg: cfg,
		url: strings.TrimSuffix(cfg.URL, "/") + "/v1/batch",
		client: &http.Client{
			Timeout: cfg.Timeout,
			// A redirect is an answer: following it would send a write key elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         dial,
				MaxIdleConnsPerHost: maxConns,
				MaxConnsPerHost:     maxConns,
				IdleConnTimeout:     90 * time.Second,
				WriteBufferSize:     writeBuffer,
				DisableCompression:  true,
				ForceAttemptHTTP2:   true,
			},
		},
	}
	s.key.Store(&cfg.WriteKey)
	return s
}

// Send makes one attempt with the outputs as they are; now is the clock of this
// attempt. The answer is for all of them. After a 401 or 403 the key is read again and,
// where it is another, they are sent once more.
func (s *Sink) Send(ctx context.Context, outs []*event.Output, attempt int, now time.Time) deliver.Answer {
	key := s.key.Load()
	a := s.send(ctx, outs, *key, attempt, now)
	if a.Code != "401" && a.Code != "403" || s.cfg.Again == nil {
		return a
	}
	fresh, err := s.cfg.Again()
	if err != nil || fresh == *key {
		return a
	}
	s.key.Store(&fresh)
	return s.send(ctx, outs, fresh, attempt, time.Now())
}

func (s *Sink) send(ctx context.Context, outs []*event.Output, key value.Secret, attempt int, now time.Time) deliver.Answer {
	b := s.bufs.get()
	defer s.bufs.put(b)
	b.plain = appendBody(b.plain[:0], outs, s.cfg.Version, now)
	payload := b.plain
	if s.cfg.Gzip {
		payload = b.compress()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, b.body(payload))
	if err != nil {
		return deliver.Answer{Class: deliver.Misconfigured, Code: "address", Wait: -1}
	}
	req.ContentLength = int64(len(payload))
	// A kept connection may have been closed by the other side in the meantime; then
	// the transport begins again on another.
	req.GetBody = func() (io.ReadCloser, error) { return b.body(payload), nil }
	req.SetBasicAuth(string(key), "")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "sluice/"+s.cfg.Version)
	if s.cfg.Gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if attempt > 1 {
		req.Header.Set("X-Retry-Count", strconv.Itoa(attempt-1))
	}
	res, err := s.client.Do(req)
	return answer.Read(res, err, false, now)
}

// Close gives the idle connections back.
func (s *Sink) Close() { s.client.CloseIdleConnections() }
