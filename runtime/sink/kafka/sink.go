// Package kafka writes the outputs of `emit topic`: bytes to records to verdicts,
// one for each output. Order within a lane is the scheduler's: what it gives in
// one request is produced in order, and what failed fails everything behind it on
// its partition.
package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// Sink writes to the topics of one connection. It is used by many goroutines at
// once.
type Sink struct{ p *kafka.Producer }

// New makes the sink over a producer, which the caller closes.
func New(p *kafka.Producer) *Sink { return &Sink{p} }

// Send produces the outputs and waits for every verdict.
func (s *Sink) Send(ctx context.Context, outs []*event.Output, _ int, _ time.Time) deliver.Answer {
	each := make([]deliver.Verdict, len(outs))
	var wg sync.WaitGroup
	wg.Add(len(outs))
	for i, o := range outs {
		s.p.Send(ctx, Record(o), func(r kafka.Result) {
			each[i] = verdict(r)
			wg.Done()
		})
	}
	wg.Wait()
	return deliver.Answer{Class: deliver.Accepted, Wait: -1, Each: each}
}

// Record is an output as a record.
func Record(o *event.Output) kafka.Record {
	a := o.Arena
	r := kafka.Record{Topic: string(o.Target.Of(a)), Timestamp: o.Time}
	if !o.NoKey {
		r.Key = o.Key.Of(a)
	}
	if !o.Tombstone {
		r.Value = o.Body.Of(a)
	}
	event.EachHeader(o.Headers.Of(a), func(k string, v []byte) { r.Headers = append(r.Headers, event.Header{Key: k, Value: v}) })
	return r
}

func verdict(r kafka.Result) deliver.Verdict {
	if r.Class == kafka.Accepted {
		return deliver.Verdict{Class: deliver.Accepted}
	}
	v := deliver.Verdict{Code: kafka.Code(r.Err), Excerpt: r.Err.Error()}
	switch r.Class {
	case kafka.Retry:
		v.Class = deliver.Failed
	case kafka.Refused:
		v.Class = deliver.Refused
	case kafka.Misconfigured:
		v.Class = deliver.Misconfigured
	}
	return v
}
