package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Record is one record to be written. Its bytes must not change until its
// result has come.
type Record struct {
	Topic     string
	Key       []byte // nil: none
	Value     []byte // nil: a tombstone
	Headers   []event.Header
	Timestamp int64 // milliseconds since 1970; event.NoTime: now

	// PartitionKey decides the partition instead of Key where it is not nil:
	// a dead letter is keyed by its id and stands in its event's order.
	PartitionKey []byte
	// Partition is where it goes instead of all that, where it is not nil: a tombstone
	// stands behind what it replaces.
	Partition *int32
}

// Class is what a result means for the output it belongs to.
type Class uint8

const (
	// Accepted: on the log, acknowledged by all in-sync replicas.
	Accepted Class = iota
	// Retry: not known to be on the log; it may go there later. Sending it
	// again can double it.
	Retry
	// Refused: this record can never be taken; another may.
	Refused
	// Misconfigured: nothing is taken until someone changes the topic, the
	// rights or the connection.
	Misconfigured
)

// Result is what became of a record.
type Result struct {
	Class     Class
	Partition int32 // Accepted: where
	Offset    int64
	Err       error // unless Accepted
}

// ProducerOptions tunes a producer; the zero value suits sinks.
type ProducerOptions struct {
	// Linger is how long a record waits for company: zero sends at once, a
	// millisecond fills batches of a busy edge.
	Linger time.Duration
	// MaxBuffered bounds the bytes that wait here; Send blocks over it.
	// Zero is 32 MiB.
	MaxBuffered int
	// MaxMessageBytes is the largest batch for topics without a limit of
	// their own (SetLimit). Zero is Kafka's default, 1,000,012.
	MaxMessageBytes int
}

const (
	defaultMaxBuffered     = 32 << 20
	defaultMaxMessageBytes = 1_000_012
)

// Producer writes records with acks from all replicas and without doubling
// them while it lives: a broker that is away is tried again for ever.
type Producer struct {
	cl   *kgo.Client
	free sync.Pool // *flight

	mu     sync.Mutex
	limits map[string]int32
}

// flight is a record under way, kept for the next one.
type flight struct {
	rec     kgo.Record
	done    func(Result)
	promise func(*kgo.Record, error) // bound once
}

// NewProducer makes a producer; it connects with the first record.
func NewProducer(c Config, o ProducerOptions) (*Producer, error) {
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	if o.MaxBuffered == 0 {
		o.MaxBuffered = defaultMaxBuffered
	}
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = defaultMaxMessageBytes
	}
	p := &Producer{limits: map[string]int32{"": int32(o.MaxMessageBytes)}}
	p.free.New = func() any {
		f := new(flight)
		f.promise = func(r *kgo.Record, err error) { p.landed(f, r, err) }
		return f
	}
	p.cl, err = kgo.NewClient(append(opts,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(o.Linger),
		kgo.MaxBufferedBytes(o.MaxBuffered),
		kgo.ProducerBatchMaxBytesFn(p.limit),
		kgo.RecordPartitioner(partitioner{kgo.StickyKeyPartitioner(nil)}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("connection %s: %w", c.name(), err)
	}
	return p, nil
}

// SetLimit says how large a batch a topic takes (its max.message.bytes). It
// counts before the first record to the topic.
func (p *Producer) SetLimit(topic string, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.limits[topic] = int32(bytes)
}

func (p *Producer) limit(topic string) int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.limits[topic]; ok {
		return n
	}
	return p.limits[""]
}

// Send writes a record and calls done once, on a goroutine of the client's
// that it must not block. When ctx ends before the record is on its way, it is
// not sent (I6); the result is Retry. Send blocks while too much is buffered.
func (p *Producer) Send(ctx context.Context, r Record, done func(Result)) {
	f := p.free.Get().(*flight)
	f.done = done
	f.rec.Topic, f.rec.Key, f.rec.Value = r.Topic, r.Key, r.Value
	f.rec.Partition = byKey
	if r.PartitionKey != nil {
		f.rec.Partition = int32(murmur2(r.PartitionKey) & 0x7fffffff)
	}
	if r.Partition != nil {
		f.rec.Partition = *r.Partition
	}
	for _, h := range r.Headers {
		f.rec.Headers = append(f.rec.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	f.rec.Timestamp = time.Time{}
	if r.Timestamp != event.NoTime {
		f.rec.Timestamp = time.UnixMilli(r.Timestamp)
	}
	p.cl.Produce(ctx, &f.rec, f.promise)
}

// landed gives the record's result to its sender.
func (p *Producer) landed(f *flight, r *kgo.Record, err error) {
	res := Result{Class: ClassOf(err), Err: err}
	if err == nil {
		res.Partition, res.Offset = r.Partition, r.Offset
	}
	done := f.done
	headers := f.rec.Headers
	clear(headers)
	f.rec, f.done = kgo.Record{Headers: headers[:0]}, nil
	p.free.Put(f)
	done(res)
}

// SendSync writes a record and waits for its result.
func (p *Producer) SendSync(ctx context.Context, r Record) Result {
	got := make(chan Result, 1)
	p.Send(ctx, r, func(res Result) { got <- res })
	return <-got
}

// Flush returns when every record sent so far has its result, or ctx ends.
func (p *Producer) Flush(ctx context.Context) error { return p.cl.Flush(ctx) }

// Close fails what has no result yet with Retry and ends the connections.
func (p *Producer) Close() { p.cl.Close() }

// ClassOf sorts what a broker or the client says about a record.
func ClassOf(err error) Class {
	switch {
	case err == nil:
		return Accepted
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge),
		errors.Is(err, kerr.InvalidRecord), errors.Is(err, kerr.InvalidTimestamp):
		return Refused
	case isDenied(err), isAuth(err),
		errors.Is(err, kerr.UnknownTopicOrPartition), errors.Is(err, kerr.UnknownTopicID),
		errors.Is(err, kerr.InvalidTopicException), errors.Is(err, kerr.PolicyViolation),
		errors.Is(err, kerr.UnsupportedForMessageFormat):
		return Misconfigured
	}
	// A full disk of the embedded broker is UNKNOWN_SERVER_ERROR: final to
	// franz-go, but space comes back.
	return Retry
}
