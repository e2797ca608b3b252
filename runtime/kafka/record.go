package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/event"
)

// GoneError is a record that its topic does not hold any more.
type GoneError struct {
	Topic     string
	Partition int32
	Offset    int64
	Why       string
}

// Error says where it stood.
func (e *GoneError) Error() string {
	return fmt.Sprintf("the record at %d of %s/%d is gone: %s", e.Offset, e.Topic, e.Partition, e.Why)
}

// RecordAt reads the one record at a place. One that is not there any more is a
// *GoneError, a topic that is not there a *MissingTopicError. The admin is of the same
// connection.
func RecordAt(ctx context.Context, c Config, admin *Admin, topic string, o event.Origin) (rec event.Record, err error) {
	info, err := admin.Describe(ctx, topic)
	if err != nil {
		return rec, err
	}
	gone := func(why string) error { return &GoneError{topic, o.Partition, o.Offset, why} }
	if id := info[topic].ID; id != o.Topic {
		return rec, gone("the topic was deleted and made again")
	}
	first, err := admin.StartOffsets(ctx, topic)
	if err != nil {
		return rec, err
	}
	ends, err := admin.EndOffsets(ctx, topic)
	if err != nil {
		return rec, err
	}
	switch tp := (TP{topic, o.Partition}); {
	case o.Offset < first[tp]:
		return rec, gone(fmt.Sprintf("the topic begins at %d there", first[tp]))
	case o.Offset >= ends[tp]:
		return rec, gone(fmt.Sprintf("the topic ends at %d there", ends[tp]))
	}
	opts, err := c.options()
	if err != nil {
		return rec, err
	}
	cl, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {o.Partition: kgo.NewOffset().At(o.Offset)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.KeepControlRecords(),      // so that a place which holds one is seen to be passed
		kgo.FetchMaxPartitionBytes(1), // a whole batch comes all the same
		kgo.MaxDecompressBatchBytes(maxInflated),
		kgo.BrokerMaxReadBytes(maxInflated),
	)...)
	if err != nil {
		return rec, fmt.Errorf("read topic %s: %w", topic, err)
	}
	defer cl.Close()
	for {
		fs := cl.PollFetches(ctx)
		if err := context.Cause(ctx); err != nil {
			return rec, err
		}
		for _, e := range fs.Errors() {
			return rec, c.typed("read topic "+topic, e.Err)
		}
		for _, r := range fs.Records() {
			switch {
			case r.Offset < o.Offset:
			case r.Offset == o.Offset && !r.Attrs.IsControl():
				return recordOf(o.Topic, r), nil
			default:
				return rec, gone("the topic was compacted")
			}
		}
	}
}
