package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
)

// BenchmarkPoll reads records of 480 bytes; the broker is in this process and
// takes its share of it.
func BenchmarkPoll(b *testing.B) {
	br, err := embedded.Start(embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer br.Close()
	c := testConfig(br.Addr())
	a, err := NewAdmin(c)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	ctx := b.Context()
	topic := unique("orders")
	if err := a.Ensure(ctx, TopicSpec{Name: topic}); err != nil {
		b.Fatal(err)
	}
	p, err := NewProducer(c, ProducerOptions{Linger: time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	value := noise(480)
	const n = 200_000
	for i := range n {
		p.Send(ctx, Record{Topic: topic, Key: value[i%400 : i%400+8], Value: value, Timestamp: event.NoTime}, func(r Result) {
			if r.Class != Accepted {
				b.Error(r.Err)
			}
		})
	}
	if err := p.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	read := 0
	for b.Loop() {
		o := GroupOptions{Group: unique("g"), StoreID: "s", Topics: []string{topic}, Lost: func([]TP) {}}
		var g *Group
		o.Revoked = func(ctx context.Context, ps []TP) {}
		if g, err = NewGroup(ctx, c, a, o); err != nil {
			b.Fatal(err)
		}
		for got := 0; got < n; {
			batch, err := g.Poll(ctx, 100*time.Millisecond)
			if err != nil {
				b.Fatal(err)
			}
			for _, s := range batch.Slices {
				got += len(s.Records)
				g.Recycle(&s)
			}
			g.AllowRebalance()
		}
		read += n
		g.Close()
	}
	b.ReportMetric(float64(read)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkSend writes records of 480 bytes, the broker in this process.
func BenchmarkSend(b *testing.B) {
	br, err := embedded.Start(embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer br.Close()
	c := testConfig(br.Addr())
	a, err := NewAdmin(c)
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	topic := unique("orders")
	if err := a.Ensure(b.Context(), TopicSpec{Name: topic}); err != nil {
		b.Fatal(err)
	}
	p, err := NewProducer(c, ProducerOptions{Linger: time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	value := noise(480)
	done := func(r Result) {
		if r.Class != Accepted {
			b.Error(r.Err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		p.Send(b.Context(), Record{Topic: topic, Key: value[:8], Value: value, Timestamp: event.NoTime}, done)
	}
	if err := p.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
}
