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

// Reader reads a whole topic, every partition from its beginning, without a group:
// the topic of a lookup table. It commits nothing and needs no right but to read. One
// goroutine drives it.
type Reader struct {
	cl    *kgo.Client
	cfg   Config
	admin *Admin
	topic string
	id    event.TopicID
	// load is what there was when the reading began, and how far it has been read.
	load  map[int32]*span
	moved time.Time // when the first load last went on
	// silence is how long a first load may bring nothing before the broker is asked
	// whether there still is something to read.
	silence time.Duration
}

// span is the offsets of a partition that a first load covers.
type span struct{ first, next, end int64 }

// NewReader begins to read a topic. One that does not exist is a
// *MissingTopicError. The admin is of the same connection.
func NewReader(ctx context.Context, c Config, admin *Admin, topic string) (*Reader, error) {
	info, err := admin.Describe(ctx, topic)
	if err != nil {
		return nil, err
	}
	r := &Reader{cfg: c, admin: admin, topic: topic, id: info[topic].ID, load: map[int32]*span{}, moved: time.Now(), silence: 10 * time.Second}
	first, err := admin.StartOffsets(ctx, topic)
	if err != nil {
		return nil, err
	}
	// Not beyond what transactions that are open hold back: nothing above it comes.
	end, err := admin.listed(admin.cl.ListCommittedOffsets(ctx, topic))
	if err != nil {
		return nil, err
	}
	for tp, at := range first {
		r.load[tp.Partition] = &span{first: at, next: at, end: max(at, end[tp])}
	}
	opts, err := c.options()
	if err != nil {
		return nil, err
	}
	r.cl, err = kgo.NewClient(append(opts,
		kgo.ConsumeTopics(topic), // with partitions that are added later
		// Where the log was cut below us, what is left is read again: rows are
		// written by key, so that again is no harm.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(), // for Progress: a log that ends in one is read to its end
		kgo.MetadataMaxAge(time.Minute),
		kgo.FetchMaxBytes(readerFetchBytes),
		kgo.FetchMaxPartitionBytes(partitionFetchBytes),
		kgo.MaxConcurrentFetches(1),
		kgo.MaxDecompressBatchBytes(maxInflated),
		kgo.BrokerMaxReadBytes(maxInflated),
	)...)
	if err != nil {
		return nil, fmt.Errorf("read topic %s: %w", topic, err)
	}
	return r, nil
}

// readerFetchBytes bounds what is fetched and not polled (I7).
const readerFetchBytes = 8 << 20

// Poll waits at most wait for records, which with their bytes are the caller's. The
// problems are what the client met and goes on from by itself. An error is final
// (*MissingTopicError, *TopicIDError, *AuthError, *DeniedError, the end of ctx).
func (r *Reader) Poll(ctx context.Context, wait time.Duration) (recs []event.Record, problems []error, err error) {
	waitCtx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	fs := r.cl.PollFetches(waitCtx)
	if err := context.Cause(ctx); err != nil {
		return nil, nil, err
	}
	fs.EachError(func(topic string, p int32, e error) {
		final, passing := r.judge(topic, p, e)
		err = errors.Join(err, final)
		if passing != nil {
			problems = append(problems, passing)
		}
	})
	if err != nil {
		return nil, problems, err
	}
	fs.EachPartition(func(p kgo.FetchTopicPartition) {
		if len(p.Records) == 0 {
			return
		}
		for _, rec := range p.Records {
			if !rec.Attrs.IsControl() {
				recs = append(recs, recordOf(r.id, rec))
			}
		}
		if s := r.load[p.Partition]; s != nil {
			s.next = max(s.next, p.Records[len(p.Records)-1].Offset+1)
		}
		r.moved = time.Now()
	})
	if read, total := r.Progress(); read < total && len(problems) == 0 && time.Since(r.moved) > r.silence {
		if e := r.listen(ctx); e != nil {
			problems = append(problems, e)
		}
	}
	return recs, problems, nil
}

// judge sorts what came in place of records.
func (r *Reader) judge(topic string, p int32, err error) (final, passing error) {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && topic == "":
		return nil, nil // the poll's own end
	case errors.Is(err, kgo.ErrClientClosed):
		return ErrClosed, nil
	case isAuth(err):
		return &AuthError{r.cfg.name(), err}, nil
	case isDenied(err):
		return &DeniedError{Action: "read topic " + r.topic, Err: err}, nil
	case errors.Is(err, kerr.UnknownTopicID):
		return fmt.Errorf("partition %d: the topic was deleted and made again", p), nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return &MissingTopicError{Connection: r.cfg.name(), Topic: r.topic}, nil
	}
	return nil, fmt.Errorf("read topic %s: %w", r.topic, err)
}

// listen asks what a first load that brings nothing waits for. Offsets can be gone
// since it began (retention) or hold nothing (compaction took the last ones): the
// client passes over those without a word. The leaders answer here, so a fetch that
// brings nothing for so long is not one that they do not answer.
func (r *Reader) listen(ctx context.Context) error {
	r.moved = time.Now()
	first, err := r.admin.StartOffsets(ctx, r.topic)
	if err != nil {
		return err
	}
	for p, s := range r.load {
		if _, ok := first[TP{r.topic, p}]; ok {
			s.next = s.end
		}
	}
	return nil
}

// Progress tells how many of the records that were there when the reading began have
// been polled. Both count offsets, so compaction's gaps are among them.
func (r *Reader) Progress() (read, total int64) {
	for _, s := range r.load {
		read += min(s.next, s.end) - s.first
		total += s.end - s.first
	}
	return read, total
}

// Close ends the reading.
func (r *Reader) Close() { r.cl.Close() }
