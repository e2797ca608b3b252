// Package event holds what travels through the engine: the record as a source
// gave it, its origin, and the outputs that a run makes of it. Plain data; no
// clock, no net, no knowledge of sinks.
package event

import "github.com/sluice-dev/sluice/lang/value"

// TopicID is Kafka's id of a topic: a topic deleted and made again has another.
type TopicID [16]byte

// Header is one header of a record.
type Header struct {
	Key   string
	Value []byte
}

// Record is one record of a source. Its bytes belong to the epoch it runs in and
// live until that epoch has persisted (a dead letter needs them).
type Record struct {
	Topic     string
	TopicID   TopicID
	Partition int32
	Offset    int64
	Key       []byte // nil: no key
	Value     []byte // nil: a tombstone
	Headers   []Header
	// Timestamp in milliseconds since 1970; NoTime where the record has none.
	Timestamp int64
	// Made is set where the engine made the record itself, inside a task: a change, a
	// pane, a child of a split, a row of a table, a tick. Topic, partition and offset are then those of the
	// record that caused it (of a pane they are made of its window and key, of a row they are
	// those of the tick on the group's own log, of a tick they are made of its route and
	// its planned time), and
	// Headers its own: the sluice-path in them goes on. Value is not read.
	Made *Made
	// Calls is set where the route of the record calls.
	Calls Calls
	// Replay is set where the record came from the replay log of its route; topic,
	// partition and offset are those it first had.
	Replay *Replay
}

// Made is what a record holds that no log gave.
type Made struct {
	Kind  MadeKind
	Value value.Value // `.` and `$`
	// Path is the element path at which its own begins: with the origin it names the
	// record for ever. "/3" is the fourth child of a split, "~ltv/orders/0" the first
	// change of the table ltv that the route orders made of its cause.
	Path string
	Time value.Value // @time where it begins; nil: none
	// Entry is the step at which it begins, as op numbers them; 0 is the source.
	Entry int
	// Person is, of a change, whom it is about where that cannot be looked up: they were
	// merged into another, or forgotten.
	Person value.Value
	// Window is `@window` of a pane.
	Window *value.Object
	// Frame is what the runner keeps for a child of a split: lets, defaults of `with`;
	// of a row that cannot be read, why.
	// Nobody else reads it.
	Frame any
}

// MadeKind is how a record came to be.
type MadeKind uint8

// The kinds of made records.
const (
	Change MadeKind = iota
	Pane
	Child
	Row
	Tick
)

// NoTime is the Timestamp of a record that has none.
const NoTime = -1

// Size is what the record counts against memory caps (I7), in bytes.
func (r *Record) Size() int {
	n := len(r.Key) + len(r.Value) + recordOverhead
	for i := range r.Headers {
		n += len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}

// recordOverhead is about what a record costs beside its bytes.
const recordOverhead = 128

// Origin names a record, or an element of one, for ever: ids are made of it.
type Origin struct {
	Topic     TopicID
	Partition int32
	Offset    int64
	// Path is the element path below the record: "" for the record itself, "/0/3"
	// for the fourth element of an `each` inside the first of another.
	Path string
}

// Output is one thing that an emit sends. Its bytes stand in the arena of its
// epoch; offsets count into Arena.Buf. The order of its fields makes it 128 bytes: it is
// written, and read again by task and scheduler, once an event.
type Output struct {
	Arena *Arena
	Route int32  // which of its task's routes made it; the task sets it
	Emit  int32  // index into plan.Route.Emits; of a call into Calls
	Lane  uint64 // hash(route, ordering key); meaningful where Ordered
	// Ordered: the record has an ordering key, so outputs of one lane keep their order.
	Ordered bool
	// Tombstone: a topic record with a null value.
	Tombstone bool
	NoKey     bool // Key is none
	// Alone: it is a request of its own, and its Result has the answer (a call).
	Alone bool
	// Record is the index in its epoch of the record that made it; the task sets it.
	Record int32
	// Index is its own place in Arena.Outs; the task sets it when it seals the epoch.
	Index int32
	// Round is how often a letter of it was replayed.
	Round int32
	// Logged is when the record that made it was written to its topic, milliseconds
	// since 1970, or NoTime; the task sets it.
	Logged int64
	// Time is @time in milliseconds since 1970 (timestamp of a topic record), or NoTime.
	Time int64
	// NotBefore is the earliest instant at which it may be sent, nanoseconds since 1970;
	// 0: at once.
	NotBefore int64
	// Group tells requests over HTTP apart: only outputs of one group share a request.
	// 0 where any may.
	Group uint64
	// RetryMS is how long it is tried again; 0: as long as its connection says.
	RetryMS int64

	ID      Bytes // message id, sluice-id
	Target  Bytes // topic; name of a log line; method and address of a request; empty for Segment (the emit knows)
	Key     Bytes // topic key; Start == End and NoKey for none
	Body    Bytes // Segment message, topic value, body or item of a request, or log fields, as JSON
	Headers Bytes // as AppendHeader wrote them
	Person  Bytes // id of the person whom it is about; empty: of nobody who is known
}

// Bytes is a piece of Arena.Buf.
type Bytes struct{ Start, End uint32 }

// Of gives the bytes themselves.
func (b Bytes) Of(a *Arena) []byte { return a.Buf[b.Start:b.End:b.End] }

// Arena holds the outputs of one epoch: bytes and the list. It only grows while
// its epoch is open; outputs are handed on when it is sealed, so nobody reads
// what may still move.
type Arena struct {
	Buf  []byte
	Outs []Output
	// Epoch is the running number of the epoch in its task; the task sets it, and
	// finds the epoch of an output again by it.
	Epoch uint64
}

// Mark is a point to go back to.
type Mark struct{ buf, outs int }

// Mark remembers the present end.
func (a *Arena) Mark() Mark { return Mark{len(a.Buf), len(a.Outs)} }

// Undo takes back everything since m: a record that fails leaves no output (I11).
func (a *Arena) Undo(m Mark) { a.Buf, a.Outs = a.Buf[:m.buf], a.Outs[:m.outs] }

// Since counts the outputs made since m.
func (a *Arena) Since(m Mark) int { return len(a.Outs) - m.outs }

// BytesSince counts the bytes written since m.
func (a *Arena) BytesSince(m Mark) int { return len(a.Buf) - m.buf }

// Next adds an empty output and gives its place, which is good until the next one.
func (a *Arena) Next() *Output {
	if n := len(a.Outs); n < cap(a.Outs) {
		a.Outs = a.Outs[:n+1]
		a.Outs[n] = Output{}
	} else {
		a.Outs = append(a.Outs, Output{})
	}
	return &a.Outs[len(a.Outs)-1]
}

// Reset empties the arena for its next epoch and keeps its memory.
func (a *Arena) Reset() {
	clear(a.Outs)
	a.Buf, a.Outs = a.Buf[:0], a.Outs[:0]
}

// AppendHeader adds one header to an output's Headers.
func AppendHeader(dst []byte, key string, value []byte) []byte {
	dst = appendLen(dst, len(key))
	dst = append(dst, key...)
	dst = appendLen(dst, len(value))
	return append(dst, value...)
}

// EachHeader reads what AppendHeader wrote.
func EachHeader(b []byte, yield func(key string, value []byte)) {
	for len(b) > 0 {
		var k, v []byte
		k, b = readLen(b)
		v, b = readLen(b)
		yield(string(k), v)
	}
}

func appendLen(dst []byte, n int) []byte {
	return append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
}

func readLen(b []byte) (head, rest []byte) {
	n := int(b[0]) | int(b[1])<<8 | int(b[2])<<16 | int(b[3])<<24
	return b[4 : 4+n : 4+n], b[4+n:]
}
