package engine

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/sink/segment"
)

// Lookup finds settings outside the scripts: env() and secret().
type Lookup struct {
	Env    func(name string) (text string, ok bool)
	Secret func(name string) (value.Secret, error)
}

// Settings are the connections of a program with everything in their options
// known. They hold secrets and are never printed (I9).
type Settings struct {
	Kafka    map[string]kafka.Config
	Segments []Segment
	HTTPs    []HTTP
	// Hooks are what opens webhooks, by their path.
	Hooks map[string]edge.Keys
	// Privacy keys what is remembered of people who are forgotten; empty where nobody
	// can be.
	Privacy []byte
}

// privacyKey is the name of the secret behind Settings.Privacy.
const privacyKey = "SLUICE_PRIVACY_KEY"

// Segment is one segment connection.
type Segment struct {
	Name   string
	Shares string // the connection whose rate, gate and pauses it shares; its own name for none
	Sink   segment.Config
	Deliver
}

// Deliver is what a connection says about delivery.
type Deliver struct {
	deliver.Connection
	Rate          deliver.Rate
	MaxRetryAfter time.Duration
	// HoldAfter is how long an output of a state group may wait before it is held in
	// the store, so that its group goes on. 0: holdAfter.
	HoldAfter time.Duration
}

// segmentRetry is how long an output to Segment is tried unless `retry:` says otherwise.
const segmentRetry = 24 * time.Hour

// SettingError is an option whose value cannot be had.
type SettingError struct {
	At  token.Span
	Msg string
}

// Error gives the place and what is wrong.
func (e *SettingError) Error() string { return e.At.String() + ": " + e.Msg }

// Resolve evaluates the options of a plan's connections. All that is missing is
// told at once, each a *SettingError.
func Resolve(p *plan.Plan, l Lookup) (*Settings, error) {
	s := &Settings{Kafka: map[string]kafka.Config{}}
	r := &resolver{frame: newFrame(l)}
	for _, c := range p.Connections {
		r.c = c
		switch c.Kind {
		case "kafka":
			s.Kafka[c.Name] = r.kafka()
		case "segment":
			s.Segments = append(s.Segments, r.segment(l))
		case "http":
			s.HTTPs = append(s.HTTPs, r.http(l))
		}
	}
	if len(p.Spaces) > 0 && l.Secret != nil {
		s.Privacy = r.privacy(p, l)
	}
	s.Hooks = r.hooks(p)
	return s, errors.Join(r.errs...)
}

func newFrame(l Lookup) *eval.Frame {
	return &eval.Frame{Ctx: &types.Context{Env: l.Env, Secret: l.Secret}}
}

// privacy takes the key that a program needs which forgets people. One with an
// identity space may do without until an operator forgets somebody.
func (r *resolver) privacy(p *plan.Plan, l Lookup) []byte {
	key, err := l.Secret(privacyKey)
	if err == nil {
		return []byte(key)
	}
	for _, route := range p.Routes {
		ir.EachStage(route.Stages, func(s ir.Stage) {
			if f, ok := s.(*ir.Forget); ok {
				r.errs = append(r.errs, &SettingError{f.At, "`forget` keeps a keyed hash of whom it forgets, so that they stay forgotten: " + err.Error()})
			}
		})
	}
	return nil
}

type resolver struct {
	c     *ir.Connection
	frame *eval.Frame
	errs  []error
}

// value evaluates an option; nil where it is not given or failed.
func (r *resolver) value(name string) value.Value {
	o := r.c.Option(name)
	if o == nil || o.X == nil {
		return nil
	}
	r.frame.Begin(nil, 0)
	v, f := eval.Expr(o.X, r.frame)
	if f != nil {
		r.fail(o, "%s", f.Message)
		return nil
	}
	return v
}

func (r *resolver) fail(o *ir.Option, format string, a ...any) {
	at := r.c.At
	if o != nil {
		at = o.At
	}
	r.errs = append(r.errs, &SettingError{at, fmt.Sprintf(format, a...)})
}

// text reads an option as text, secret or not.
func (r *resolver) text(name string) string { return value.Reveal(r.value(name)) }

func (r *resolver) duration(name string, or time.Duration) time.Duration {
	if d, ok := r.value(name).(time.Duration); ok {
		return d
	}
	return or
}

func (r *resolver) kafka() kafka.Config {
	c := kafka.Config{Name: r.c.Name}
	switch v := r.value("brokers").(type) {
	case string:
		for _, b := range strings.Split(v, ",") {
			if b = strings.TrimSpace(b); b != "" {
				c.Brokers = append(c.Brokers, b)
			}
		}
	case value.List:
		for _, b := range v {
			c.Brokers = append(c.Brokers, b.(string))
		}
	}
	if len(c.Brokers) == 0 && len(r.errs) == 0 {
		r.fail(r.c.Option("brokers"), "brokers is empty: write host:port, several with commas")
	}
	if o, ok := r.value("sasl").(*value.Object); ok {
		c.SASL = &kafka.SASL{Mechanism: strings.ToLower(strings.ReplaceAll(field(o, "mechanism"), "-", "_")), User: field(o, "user"), Password: field(o, "password")}
	}
	if on, _ := r.value("tls").(bool); on {
		c.TLS = &kafka.TLS{}
	}
	return c
}

// field reads a text of a value that a setting function made.
func field(o *value.Object, name string) string {
	v, _ := o.Get(name)
	return value.Reveal(v)
}

func (r *resolver) segment(l Lookup) Segment {
	s := Segment{Name: r.c.Name, Shares: r.c.Shares}
	if s.Shares == "" {
		s.Shares = s.Name
	}
	s.Sink.WriteKey = value.Secret(r.text("write_key"))
	if c := r.c; l.Secret != nil {
		s.Sink.Again = func() (value.Secret, error) {
			again := &resolver{c: c, frame: newFrame(l)}
			return value.Secret(again.text("write_key")), errors.Join(again.errs...)
		}
	}
	s.Sink.URL = r.text("url")
	if s.Sink.URL == "" {
		region := r.text("region")
		if region == "" {
			region = "us"
		}
		s.Sink.URL = segment.Regions[region]
	}
	s.Sink.Gzip = !segment.Local(s.Sink.URL)
	s.Deliver = r.deliver(segmentRetry)
	return s
}
