package engine

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	sinkhttp "github.com/sluice-dev/sluice/runtime/sink/http"
)

// HTTP is one http connection.
type HTTP struct {
	Name   string
	Shares string // the connection whose rate, gate and pauses it shares; its own name for none
	Sink   sinkhttp.Config
	Deliver

	decl *ir.Connection
}

// http evaluates the options of an http connection.
func (r *resolver) http(l Lookup) HTTP {
	h := HTTP{Name: r.c.Name, Shares: cmp.Or(r.c.Shares, r.c.Name), decl: r.c}
	h.Sink.Parts = r.parts()
	h.Sink.Timeout = r.duration("timeout", 0)
	h.Sink.Private, _ = r.value("private").(bool)
	if c := r.c; l.Secret != nil {
		h.Sink.Again = func() (sinkhttp.Parts, error) {
			again := &resolver{c: c, frame: newFrame(l)}
			p := again.parts()
			if len(again.errs) > 0 {
				return p, again.errs[0]
			}
			return p, nil
		}
	}
	h.Deliver = r.deliver(sinkhttp.DefaultRetry)
	return h
}

// parts are what an http connection adds to requests.
func (r *resolver) parts() sinkhttp.Parts {
	p := sinkhttp.Parts{URL: r.text("url")}
	_, p.SecretURL = r.value("url").(value.Secret)
	p.Headers = r.plain("headers")
	p.Query = r.plain("query")
	p.Body, _ = r.value("body").(*value.Object)
	if o, ok := r.value("auth").(*value.Object); ok {
		p.Auth = &sinkhttp.Auth{TokenURL: field(o, "token_url"), ID: field(o, "id"), Secret: value.Secret(field(o, "secret")), Scope: field(o, "scope")}
	}
	return p
}

// plain reads an object of texts, secret or not. A line break of a secret's file would
// be one of a header.
func (r *resolver) plain(name string) *value.Object {
	o, _ := r.value(name).(*value.Object)
	if o == nil {
		return nil
	}
	for i := range o.Len() {
		f := o.At(i)
		text := field(o, f.Key)
		if name == "headers" && strings.ContainsAny(text, "\r\n\x00") {
			r.fail(r.c.Option(name), "the header %s has a line break in it", f.Key)
		}
	}
	return o
}

// whole tells what is wrong with where a connection's requests go.
func (h *HTTP) whole() error {
	if u := h.Sink.URL; u != "" && !isWeb(u) {
		return &SettingError{h.decl.At, fmt.Sprintf("the url of connection http %s does not begin with https:// or http://", h.Name)}
	}
	if a := h.Sink.Auth; a != nil && h.Sink.Local == "" && !isWeb(a.TokenURL) {
		return &SettingError{h.decl.At, fmt.Sprintf("the token_url of connection http %s does not begin with https:// or http://", h.Name)}
	}
	return nil
}

// isWeb tells whether an address begins as one that requests are sent to.
func isWeb(address string) bool {
	low := strings.ToLower(address)
	return strings.HasPrefix(low, "https://") || strings.HasPrefix(low, "http://")
}

// deliver reads what a connection says about delivery.
func (r *resolver) deliver(retry time.Duration) (d Deliver) {
	d.Retry = r.duration("retry", retry)
	d.MaxRetryAfter = r.duration("max_retry_after", 0)
	d.HoldAfter = r.duration("hold_after", 0)
	if o := r.c.Option("rate"); o != nil && o.Rate != nil {
		d.Rate = deliver.Rate{N: o.Rate.N, Per: time.Duration(o.Rate.PerMS) * time.Millisecond}
	}
	if o := r.c.Option("batch"); o != nil && o.Limit != nil {
		d.Batch = deliver.Limit{Count: int(o.Limit.Count), Bytes: int(o.Limit.Bytes), Linger: time.Duration(o.Limit.MS) * time.Millisecond}
	}
	return d
}

// httpConnections makes the schedulers of http connections. Every stage that sends
// requests has a place of its own there, with its batches, its budget and its way to
// judge answers, in the slots of its connection.
func (e *Engine) httpConnections() error {
	groups := map[string][]*HTTP{}
	var roots []string
	for i := range e.cfg.Settings.HTTPs {
		h := &e.cfg.Settings.HTTPs[i]
		if h.Sink.Local == "" {
			if err := h.whole(); err != nil {
				return err
			}
		}
		if groups[h.Shares] == nil {
			roots = append(roots, h.Shares)
		}
		groups[h.Shares] = append(groups[h.Shares], h)
	}
	for _, root := range roots {
		e.httpConnection(root, groups[root])
	}
	return nil
}

// onceLinger is how long a batch waits at most where nothing more will come.
const onceLinger = time.Second

func (e *Engine) httpConnection(root string, of []*HTTP) {
	cfg := deliver.Config{Seed: uint64(e.since.UnixNano())}
	var senders []sender
	var hold time.Duration
	for _, h := range of {
		if h.Name == root {
			cfg.Rate, cfg.MaxRetryAfter, hold = h.Rate, h.MaxRetryAfter, h.HoldAfter
		}
		h.Sink.Version = e.cfg.Version
		client := sinkhttp.New(h.Sink)
		e.closers = append(e.closers, client.Close)
		base := len(senders)
		e.index["http "+h.Name] = base
		cfg.Connections = append(cfg.Connections, h.Connection)
		senders = append(senders, nil) // nothing is sent by the connection itself
		add := func(at ir.Stage, s *sinkhttp.Stage) {
			e.stages[at] = len(senders)
			d := s.Delivery(h.decl, base)
			if e.cfg.Once {
				d.Batch.Linger = min(d.Batch.Linger, onceLinger)
			}
			cfg.Connections = append(cfg.Connections, d)
			senders = append(senders, client.Sender(s))
		}
		eachRequest(e.cfg.Plan, h.Name, add)
	}
	c := newConnection("http "+root, cfg, senders, e.log, e.health)
	c.holdAfter = cmp.Or(hold, holdAfter)
	for _, h := range of {
		e.conns["http "+h.Name] = c
	}
}

// eachRequest goes through the stages that send by an http connection.
func eachRequest(p *plan.Plan, connection string, do func(ir.Stage, *sinkhttp.Stage)) {
	for _, r := range p.Routes {
		for _, em := range r.Emits {
			if s, ok := em.Sink.(*ir.HTTPSink); ok && via(em.Via) == connection {
				do(em, sinkhttp.Emit(s, r.Slots))
			}
		}
		for _, c := range r.Calls {
			if via(c.Via) == connection {
				do(c, sinkhttp.Call(c, r.Slots))
			}
		}
	}
}
