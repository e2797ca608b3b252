package http

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	nethttp "net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/sink/answer"
)

// DefaultTimeout of one attempt, from dialing to the end of the answer.
const DefaultTimeout = 30 * time.Second

// Parts are what a connection adds to each request. They hold secrets.
type Parts struct {
	URL string // what the address of a stage stands below; "": that is a whole one
	// SecretURL: the address is one that nobody is to read.
	SecretURL bool
	// Of objects the values are texts, numbers, bools and secrets, of Body anything.
	Headers, Query, Body *value.Object
	Auth                 *Auth
}

// Config is one http connection, resolved.
type Config struct {
	Parts
	// Again gives the parts with their secrets read again; nil: they never change.
	Again   func() (Parts, error)
	Timeout time.Duration // 0: DefaultTimeout
	Version string        // ours, for User-Agent
	// Private lets requests go to private, loopback and metadata addresses.
	Private bool
	// Local is where all requests go instead, whatever they are addressed to ("dev"), with
	// a header TargetHeader; "": where they are addressed to.
	Local string
}

// TargetHeader says, in dev, what a stage sends and where, without what its connection
// adds: "POST /users?a=b".
const TargetHeader = "Sluice-Target"

// maxConns is how many requests deliver has under way at most.
const maxConns = 64

// Client makes the requests of one connection. It is used by many goroutines at once.
type Client struct {
	cfg    Config
	http   *nethttp.Client
	parts  atomic.Pointer[Parts]
	read   atomic.Int64 // when secrets were last read again, nanoseconds since 1970
	tokens *tokens
}

// New makes the client of a connection; it dials with the first request.
func New(cfg Config) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t := &nethttp.Transport{
		DialContext:            d.DialContext,
		MaxIdleConnsPerHost:    maxConns,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
	if cfg.Private || cfg.Local != "" {
		t.Proxy = nethttp.ProxyFromEnvironment
	} else {
		// A proxy would dial for us, and the guard would see only the proxy.
		d.Control = control
	}
	c := &Client{cfg: cfg, http: &nethttp.Client{
		Transport: t,
		// A redirect is an answer: following it would send a secret elsewhere, and the
		// address it gives is nobody's choice here.
		CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse },
	}}
	parts := cfg.Parts
	c.parts.Store(&parts)
	c.tokens = newTokens(c.http)
	return c
}

// Close gives the idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Sender makes the requests of one stage by a client.
type Sender struct {
	client  *Client
	stage   *Stage
	timeout time.Duration
}

// Sender joins a stage and its connection.
func (c *Client) Sender(s *Stage) *Sender {
	t := c.cfg.Timeout
	if s.req.TimeoutMS > 0 {
		t = time.Duration(s.req.TimeoutMS) * time.Millisecond
	}
	return &Sender{c, s, t}
}

// Send makes one attempt with the outputs as they are. Where they are not let in (401,
// 403, no token is given) the secrets are read again and, where there are new ones, it is
// made once more; so it is where a token was refused, which may have ended early.
func (s *Sender) Send(ctx context.Context, outs []*event.Output, _ int, now time.Time) deliver.Answer {
	parts := s.client.parts.Load()
	a, status, token := s.attempt(ctx, outs, parts, now)
	if status != nethttp.StatusUnauthorized && status != nethttp.StatusForbidden {
		return a
	}
	fresh := s.client.renewed(parts, now)
	switch {
	case status == nethttp.StatusUnauthorized && token != "":
		s.client.tokens.spoil(token)
	case fresh == parts:
		return a
	}
	a, _, _ = s.attempt(ctx, outs, fresh, time.Now())
	return a
}

// readEvery is how often secrets are read again at most.
const readEvery = time.Second

// renewed gives the parts with their secrets read again; the same where nothing
// changed.
func (c *Client) renewed(old *Parts, now time.Time) *Parts {
	if p := c.parts.Load(); p != old {
		return p // somebody else has read them
	}
	last := c.read.Load()
	if c.cfg.Again == nil || now.UnixNano()-last < int64(readEvery) || !c.read.CompareAndSwap(last, now.UnixNano()) {
		return old
	}
	p, err := c.cfg.Again()
	if err != nil || reflect.DeepEqual(p, *old) {
		return old // an unreadable secret is no better than the one at hand
	}
	c.parts.CompareAndSwap(old, &p)
	return c.parts.Load()
}

// attempt makes one request. status is 0 without an answer, and 401 where the server of
// tokens gives none to who asks; token is the one that was sent.
func (s *Sender) attempt(ctx context.Context, outs []*event.Output, parts *Parts, now time.Time) (a deliver.Answer, status int, token string) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	req, err := s.request(ctx, outs, parts)
	if err != nil {
		return s.unsent(err), 0, ""
	}
	if parts.Auth != nil && s.client.cfg.Local == "" {
		token, err = s.client.tokens.get(ctx, parts.Auth, now)
		if err != nil {
			if a = s.untoken(err, parts); a.Class == deliver.Misconfigured {
				status = nethttp.StatusUnauthorized
			}
			return a, status, ""
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.client.http.Do(req)
	if err != nil {
		return s.failed(err, parts), 0, token
	}
	defer res.Body.Close()
	got, err := s.read(res)
	switch {
	case errors.Is(err, errTooLarge) && res.StatusCode/100 != 2:
		got.Body = got.Body[:excerptBytes] // an outage with a long page is an outage
	case errors.Is(err, errTooLarge):
		return s.unreadable("answer too large", TooLarge, got, time.Now()), res.StatusCode, token
	case err != nil && (res.StatusCode/100 == 2 || s.stage.IsCall()):
		// An answer shorter than it announced: whether it was taken is not known.
		if ctx.Err() != nil {
			return deliver.NoAnswer("timeout"), res.StatusCode, token
		}
		return deliver.NoAnswer("answer cut"), res.StatusCode, token
	}
	a = s.stage.Judge(got, len(outs), time.Now().UnixNano())
	a.Excerpt = parts.redact(a.Excerpt, token)
	for i := range a.Each {
		a.Each[i].Excerpt = parts.redact(a.Each[i].Excerpt, token)
	}
	return a, res.StatusCode, token
}

// unsent is the answer to a request that could not even be made: the record's fault, or
// that of what was put together of several.
func (s *Sender) unsent(err error) deliver.Answer {
	return deliver.Answer{Class: deliver.Refused, Code: "not sendable", Excerpt: clip(err.Error()), Wait: -1, Whole: s.fault("refused: " + clip(err.Error()))}
}

// failed is the answer where none came.
func (s *Sender) failed(err error, parts *Parts) deliver.Answer {
	var g *GuardError
	if !errors.As(err, &g) {
		return deliver.NoAnswer(answer.Code(err))
	}
	words := g.Error() + "; `private: true` on the connection admits it"
	a := deliver.Answer{Class: deliver.Refused, Code: "address refused", Excerpt: words, Wait: -1, Whole: s.fault("refused: " + words)}
	if parts.URL != "" && !s.stage.IsCall() {
		// It is the connection's own address, and will be the same for all.
		a.Class, a.Code = deliver.Misconfigured, "address refused: "+words
	}
	return a
}

// untoken is the answer where there is no token to ask with.
func (s *Sender) untoken(err error, parts *Parts) deliver.Answer {
	var t *tokenError
	if errors.As(err, &t) {
		return deliver.Answer{Class: t.class, Code: "token: " + t.code, Wait: t.wait}
	}
	var g *GuardError
	if errors.As(err, &g) {
		return deliver.Answer{Class: deliver.Misconfigured, Code: "address refused: that of the token, " + g.Error() + "; `private: true` on the connection admits it", Wait: -1}
	}
	return deliver.NoAnswer("token: " + answer.Code(err))
}

// unreadable is the answer whose body is none that can be used.
func (s *Sender) unreadable(code, fault string, got *Got, now time.Time) deliver.Answer {
	a := deliver.Answer{Class: deliver.Refused, Code: code, Excerpt: excerpt(got.Body), Wait: -1}
	if s.stage.IsCall() {
		a.Whole = &event.Answer{Status: got.Status, Headers: got.Headers, Fault: fault, At: now.UnixMicro()}
	}
	return a
}

// fault is a call's answer that is none.
func (s *Sender) fault(why string) *event.Answer {
	if !s.stage.IsCall() {
		return nil
	}
	return &event.Answer{Fault: why, At: time.Now().UnixMicro()}
}

var errTooLarge = errors.New("answer too large")

// drainBytes of an answer that nobody reads are taken, so that the connection can be
// used again.
const drainBytes = 64 << 10

// read takes the answer in.
func (s *Sender) read(res *nethttp.Response) (*Got, error) {
	g := &Got{Status: res.StatusCode, Headers: Headers(res.Header), RetryAfter: res.Header.Values("Retry-After"), Date: res.Header.Get("Date")}
	limit := int64(drainBytes)
	if s.stage.reads() {
		limit = MaxAnswer
	}
	var err error
	g.Body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if int64(len(g.Body)) > limit {
		g.Body = g.Body[:limit]
		if s.stage.reads() {
			err = errTooLarge
		}
	}
	return g, err
}

// request puts a request together.
func (s *Sender) request(ctx context.Context, outs []*event.Output, parts *Parts) (*nethttp.Request, error) {
	o := outs[0]
	method, address, _ := strings.Cut(string(o.Target.Of(o.Arena)), " ")
	at, err := parts.address(address)
	if err != nil {
		return nil, err
	}
	body, err := s.stage.Body(outs)
	if err != nil {
		return nil, err
	}
	if body, err = parts.body(method, body); err != nil {
		return nil, err
	}
	host := at.Host
	if l := s.client.cfg.Local; l != "" {
		to, err := url.Parse(l)
		if err != nil {
			return nil, errAddress
		}
		at.Scheme, at.Host = to.Scheme, to.Host
	}
	var r io.Reader
	if body != nil {
		r = bytes.NewReader(body) // so it can be sent again on another connection
	}
	req, err := nethttp.NewRequestWithContext(ctx, method, at.String(), r)
	if err != nil {
		return nil, errAddress // its own words hold the address
	}
	req.Host = host
	if s.client.cfg.Local != "" {
		req.Header.Set(TargetHeader, method+" "+address)
	}
	req.Header.Set("User-Agent", "sluice/"+s.client.cfg.Version)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == nethttp.MethodPost && (s.stage.IsCall() || !s.stage.emit.NoIdempotency) {
		req.Header.Set("Idempotency-Key", Key(outs))
	}
	set := func(name, v string) {
		if nethttp.CanonicalHeaderKey(name) == "Host" {
			req.Host = v
			return
		}
		req.Header.Set(name, v)
	}
	if parts.Headers != nil {
		for i := range parts.Headers.Len() {
			f := parts.Headers.At(i)
			set(f.Key, plain(f.Value))
		}
	}
	event.EachHeader(o.Headers.Of(o.Arena), func(k string, v []byte) { set(k, string(v)) })
	return req, nil
}

var (
	errAddress = errors.New("the address is none that a request can be sent to")
	errBody    = errors.New("the body is no object, and the connection has parts of one")
)

// address joins the address of a stage with that of the connection and its query.
func (p *Parts) address(stage string) (*url.URL, error) {
	text := stage
	if p.URL != "" {
		text = strings.TrimSuffix(p.URL, "/")
		if stage == "" || stage[0] == '?' {
			text = p.URL
		}
		text += stage
	}
	if !strings.Contains(text, "://") {
		text = "http://" + text // a placeholder of dev; elsewhere it does not start
	}
	at, err := url.Parse(text)
	if err != nil || at.Host == "" {
		return nil, errAddress
	}
	if p.Query == nil {
		return at, nil
	}
	has := at.Query()
	for i := range p.Query.Len() {
		f := p.Query.At(i)
		if _, ok := has[f.Key]; ok {
			continue // the stage's own
		}
		if at.RawQuery != "" {
			at.RawQuery += "&"
		}
		at.RawQuery += string(value.AppendPart(append(value.AppendPart(nil, f.Key), '='), plain(f.Value)))
	}
	return at, nil
}

// body merges the connection's parts into the body of a stage, whose fields win.
func (p *Parts) body(method string, body []byte) ([]byte, error) {
	switch {
	case p.Body == nil || p.Body.Len() == 0:
		return body, nil
	case body == nil:
		if method != nethttp.MethodPost && method != nethttp.MethodPut && method != nethttp.MethodPatch {
			return nil, nil // it is to have none
		}
		body = []byte("{}")
	}
	v, bad := value.DecodeJSON(body)
	o, ok := v.(*value.Object)
	if bad != nil || !ok {
		return nil, errBody
	}
	o = o.Clone()
	for i := range p.Body.Len() {
		if f := p.Body.At(i); !o.Has(f.Key) {
			o.Put(f.Key, revealed(f.Value))
		}
	}
	return value.AppendJSON(nil, o), nil
}

// plain is the text of a setting.
func plain(v value.Value) string {
	if s, ok := v.(value.Secret); ok {
		return string(s)
	}
	s, _ := value.Plain(v)
	return s
}

// revealed is a value with its secrets as texts, to be sent.
func revealed(v value.Value) value.Value {
	switch v := v.(type) {
	case value.Secret:
		return string(v)
	case value.List:
		out := slices.Clone(v)
		for i := range out {
			out[i] = revealed(out[i])
		}
		return out
	case *value.Object:
		out := value.NewObject()
		for i := range v.Len() {
			out.Put(v.At(i).Key, revealed(v.At(i).Value))
		}
		return out
	}
	return v
}

// redact takes the connection's secrets out of what a receiver said.
func (p *Parts) redact(s, token string) string {
	if s == "" {
		return s
	}
	hide := func(secret value.Secret) {
		if len(secret) > 3 {
			s = strings.ReplaceAll(s, string(secret), "(secret)")
		}
	}
	var walk func(v value.Value)
	walk = func(v value.Value) {
		switch v := v.(type) {
		case value.Secret:
			hide(v)
			if _, token, ok := strings.Cut(string(v), " "); ok {
				hide(value.Secret(token)) // of "Bearer …"
			}
		case value.List:
			for _, e := range v {
				walk(e)
			}
		case *value.Object:
			if v != nil {
				for i := range v.Len() {
					walk(v.At(i).Value)
				}
			}
		}
	}
	hide(value.Secret(token))
	walk(p.Headers)
	walk(p.Query)
	walk(p.Body)
	if p.Auth != nil {
		hide(p.Auth.Secret)
	}
	if u, err := url.Parse(p.URL); p.SecretURL && err == nil {
		for seg := range strings.SplitSeq(u.EscapedPath(), "/") {
			hide(value.Secret(seg))
		}
	}
	return s
}
