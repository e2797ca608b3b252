package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// edgeLinger is how long a request to a webhook waits for company in its batch: its
// sender waits with it.
const edgeLinger = time.Millisecond

// Webhooks tells whether a program reads requests.
func Webhooks(p *plan.Plan) bool { return edge.NewFront(p, edge.Options{}) != nil }

// hookTopics makes the topics that requests are written to. They are ours, so they are
// made also where the others must be there.
func (e *Engine) hookTopics(ctx context.Context) error {
	var specs []kafka.TopicSpec
	seen := map[string]bool{}
	for _, r := range e.cfg.Plan.Routes {
		if r.Source.Hook == nil {
			continue
		}
		for _, name := range kafka.SourceTopics(e.cfg.Plan.App, r.Source) {
			if !seen[name] {
				seen[name] = true
				specs = append(specs, inTopic(name, e.hookPartitions()))
			}
		}
	}
	return e.ensureIn(ctx, specs)
}

// inTopic is a topic that edges or files write to: it takes what they take.
func inTopic(name string, partitions int32) kafka.TopicSpec {
	spec := kafka.LogTopicSpec(name, partitions)
	spec.Configs["max.message.bytes"] = strconv.Itoa(edge.MaxRecord)
	return spec
}

// ensureIn makes such topics where they are not there.
func (e *Engine) ensureIn(ctx context.Context, specs []kafka.TopicSpec) error {
	if len(specs) == 0 {
		return nil
	}
	a := e.admins[mainKafka]
	if a == nil {
		return fmt.Errorf("there is no connection kafka %s", mainKafka)
	}
	return a.Ensure(ctx, specs...)
}

// hookPartitions is how many partitions the log of a webhook gets. The embedded broker
// syncs each partition of a produce by itself and one after the other, so that one of
// them takes what comes at once with one wait for the disk; it runs in one process
// anyway.
func (e *Engine) hookPartitions() int32 {
	if e.cfg.MakeTopics {
		return 1
	}
	return 0
}

// openEdge lets requests in; shut keeps them out again, and returns when none is under
// way. A program that runs once takes none.
func (e *Engine) openEdge() (shut func(), err error) {
	shut = func() {}
	front := edge.NewFront(e.cfg.Plan, edge.Options{Keys: e.cfg.Settings.Hooks, Open: e.cfg.OpenWebhooks})
	if front == nil || e.cfg.Edge == nil || e.cfg.Once {
		return shut, nil
	}
	// A client of its own: what waits for a topic that takes nothing must not keep
	// requests out, nor they it.
	p, err := kafka.NewProducer(e.cfg.Settings.Kafka[mainKafka], kafka.ProducerOptions{Linger: edgeLinger, MaxMessageBytes: edge.MaxRecord})
	if err != nil {
		return nil, err
	}
	e.cfg.Edge.Open(front, appendTo(p))
	for _, path := range front.Paths() {
		e.log.Info("webhook", "url", "http://"+e.cfg.Edge.Addr()+path)
	}
	return func() {
		e.cfg.Edge.Shut()
		p.Close()
	}, nil
}

// appendTo writes the records of requests with a producer.
func appendTo(p *kafka.Producer) edge.Append {
	return func(ctx context.Context, records []edge.Record, millis int64) error {
		// Buffered for all: results that come after the sender was told to come again
		// are waited for by nobody.
		results := make(chan kafka.Result, len(records))
		for _, r := range records {
			p.Send(ctx, kafka.Record{Topic: r.Topic, Key: r.Key, Value: r.Value, Timestamp: millis}, func(res kafka.Result) { results <- res })
		}
		for range records {
			select {
			case res := <-results:
				switch res.Class {
				case kafka.Accepted:
				case kafka.Refused:
					return errors.Join(edge.ErrRefused, res.Err)
				default:
					return res.Err
				}
			case <-ctx.Done():
				return fmt.Errorf("no broker acknowledged it: %w", ctx.Err())
			}
		}
		return nil
	}
}

// hooks evaluates what opens the webhooks.
func (r *resolver) hooks(p *plan.Plan) map[string]edge.Keys {
	out := map[string]edge.Keys{}
	for _, route := range p.Routes {
		h := route.Source.Hook
		if h == nil {
			continue
		}
		if _, seen := out[h.Path]; seen {
			continue // routes of one path have equal options
		}
		k := edge.Keys{Secrets: r.secrets(h.Secret, "the secret of "+h.Path+" is empty: whoever knows the path could send")}
		k.WriteKeys = r.secrets(h.WriteKeys, "a write key of "+h.Path+" is empty")
		for _, v := range r.several(h.Verify) {
			s, err := edge.NewSignature(verifier(v.v))
			if err != nil {
				r.errs = append(r.errs, &SettingError{v.at, h.Path + ": " + err.Error()})
				continue
			}
			k.Signatures = append(k.Signatures, s)
		}
		out[h.Path] = k
	}
	return out
}

// verifier is what says how requests are signed; of a key alone it is Segment's way.
func verifier(v value.Value) *value.Object {
	if o, ok := v.(*value.Object); ok {
		return o
	}
	return value.NewObject(value.Field{Key: "scheme", Value: "segment"}, value.Field{Key: "key", Value: v})
}

// given is one value of an option, and where it is written.
type given struct {
	v  value.Value
	at token.Span
}

// several evaluates an option that takes one or a list, each by itself, so that all that
// is missing is told.
func (r *resolver) several(x ir.Expr) []given {
	if x == nil {
		return nil
	}
	var out []given
	if l, ok := x.(*ir.List); ok {
		for _, it := range l.Items {
			out = append(out, r.several(it.X)...)
		}
		return out
	}
	r.frame.Begin(nil, 0)
	v, f := eval.Expr(x, r.frame)
	if f != nil {
		r.errs = append(r.errs, &SettingError{x.Span(), f.Message})
		return nil
	}
	list, ok := v.(value.List)
	if !ok {
		return append(out, given{v, x.Span()})
	}
	for _, v := range list {
		out = append(out, given{v, x.Span()})
	}
	return out
}

// secrets evaluates an option of secrets; empty is what is wrong with one of no text.
func (r *resolver) secrets(x ir.Expr, empty string) []value.Secret {
	var out []value.Secret
	for _, s := range r.several(x) {
		text := value.Reveal(s.v)
		if text == "" {
			r.errs = append(r.errs, &SettingError{s.at, empty})
			continue
		}
		out = append(out, value.Secret(text))
	}
	return out
}
