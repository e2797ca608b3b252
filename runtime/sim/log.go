package sim

import (
	"slices"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// tp names a partition.
type tp struct {
	topic     string
	partition int32
}

// topic is a topic of the log.
type topic struct {
	name  string
	id    event.TopicID
	parts []partition
	turn  int32 // of records without a key
}

// partition is a list of records; offsets may have gaps, as compaction leaves them.
type partition struct {
	recs  []logged
	start int64 // offset before which it is trimmed
	end   int64 // offset of the next record
}

// logged is a record, and what the world knows of it that no reader does.
type logged struct {
	rec event.Record
	in  int // the input that caused it; 0 for none
	// repeat: it is an output that stands in the topic already, under the same
	// sluice-id, or was caused by one.
	repeat bool
}

// from finds the first record at or behind an offset.
func (p *partition) from(offset int64) int {
	i, _ := slices.BinarySearchFunc(p.recs, offset, func(l logged, o int64) int { return int(l.rec.Offset - o) })
	return i
}

// topic finds a topic, or makes it.
func (w *World) topic(name string) *topic {
	t, ok := w.topics[name]
	if !ok {
		t = &topic{name: name, id: xxh3.Hash128([]byte(name)).Bytes(), parts: make([]partition, w.opts.Partitions)}
		w.topics[name] = t
		w.names = append(w.names, name)
	}
	return t
}

// Input is a record that is given to the world.
type Input struct {
	Topic   string
	Key     []byte // nil: none
	Value   []byte // nil: a tombstone
	Headers []event.Header
	// Partition to write to; nil: by key, as Kafka's clients choose it.
	Partition *int32
	// Timestamp in milliseconds since 1970, or event.NoTime.
	Timestamp int64
}

// Produce appends the records of one input to their topics and gives it the next
// number of inputs, from 1.
func (w *World) Produce(ins ...Input) int {
	w.inputs++
	for _, in := range ins {
		w.append(in, w.inputs, false)
	}
	return w.inputs
}

// append writes to the log.
func (w *World) append(in Input, cause int, repeat bool) {
	if w.shut {
		return
	}
	t := w.topic(in.Topic)
	n := int32(len(t.parts))
	var p int32
	switch {
	case in.Partition != nil:
		p = *in.Partition
	case in.Key != nil:
		p = kafka.PartitionOf(in.Key, n)
	default:
		p = t.turn % n
		t.turn++
	}
	for int32(len(t.parts)) <= p {
		t.parts = append(t.parts, partition{})
	}
	part := &t.parts[p]
	part.recs = append(part.recs, logged{event.Record{
		Topic: in.Topic, TopicID: t.id, Partition: p, Offset: part.end,
		Key: in.Key, Value: in.Value, Headers: in.Headers, Timestamp: in.Timestamp,
	}, cause, repeat})
	part.end++
	w.follow(t)
	w.logf("log      %s/%d/%d", in.Topic, p, part.end-1)
}

// find finds a record in the log.
func (w *World) find(r *event.Record) *logged {
	p := &w.topics[r.Topic].parts[r.Partition]
	return &p.recs[p.from(r.Offset)]
}

// group is the consumer group of a route: positions, and who reads what.
type group struct {
	committed map[tp]int64
	owner     map[tp]*process // none: the first process
}

// reads tells whether a route reads a topic.
func (r *route) reads(name string) bool {
	if r.replays != "" && name == r.replays {
		return true
	}
	if r.Source.Kind == "topics" {
		return r.pattern.Match(name)
	}
	return slices.Contains(r.names, name)
}

// due tells whether positions are to be committed now.
func (w *World) due() bool {
	return w.opts.CommitAtOnce || w.now-w.committedAt >= int64(time.Second)
}
