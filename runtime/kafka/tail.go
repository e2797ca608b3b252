package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Tail reads one partition by itself, without a group: a log whose position its
// reader keeps. One goroutine drives it.
type Tail struct {
	cl *kgo.Client
	tp TP
	id event.TopicID
}

// ErrOutOfRange is a position that the log does not hold any more, or not yet.
var ErrOutOfRange = errors.New("the log does not hold this position")

// NewTail reads a partition from a position on.
func NewTail(c Config, tp TP, topic event.TopicID, from int64, wait time.Duration) (*Tail, error) {
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{tp.Topic: {tp.Partition: kgo.NewOffset().At(from).WithEpoch(-1)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), // never a rewind that nobody asked for
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(wait),
		kgo.MaxDecompressBatchBytes(maxInflated),
	)...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", tp.Topic, err)
	}
	return &Tail{cl: cl, tp: tp, id: topic}, nil
}

// Poll waits at most wait for records; the slice is nil where none came. An error is
// final: the log does not go on from here (ErrOutOfRange), or ctx ended.
func (t *Tail) Poll(ctx context.Context, wait time.Duration) (*Slice, error) {
	waitCtx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	fs := t.cl.PollFetches(waitCtx)
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	var final error
	fs.EachError(func(_ string, _ int32, err error) {
		if errors.Is(err, kerr.OffsetOutOfRange) {
			final = fmt.Errorf("%w: %s/%d", ErrOutOfRange, t.tp.Topic, t.tp.Partition)
		}
	})
	if final != nil {
		return nil, final
	}
	var s *Slice
	fs.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		s = &Slice{TP: t.tp, TopicID: t.id, Next: p.Records[len(p.Records)-1].Offset + 1, End: p.HighWatermark}
		for _, r := range p.Records {
			if !r.Attrs.IsControl() {
				s.Records = append(s.Records, recordOf(t.id, r))
			}
		}
	})
	return s, nil
}

// Close ends the reading.
func (t *Tail) Close() { t.cl.Close() }
