// Package letter is the dead letter: what stands in a route's dead topic in the
// place of an event that failed, or of an output that its sink refused. It turns
// letters into records and back, makes their ids, and masks what must not be
// shown. It knows no topic names, no clock and no broker.
//
// A letter is a record: its key is the letter's id, its value the original bytes
// (processing) or the encoded output (delivery), its headers the envelope. So any
// Kafka tool can read it, and the same letter written again replaces itself when
// the topic is compacted.
package letter

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Class says what was applied when the letter was written.
type Class string

// The classes.
const (
	// Processing: the record failed, and nothing of it was applied.
	Processing Class = "processing"
	// Delivery: the record ran, and one output of it was not taken.
	Delivery Class = "delivery"
)

// Letter is one dead letter.
type Letter struct {
	ID     string // of ID
	Class  Class
	Origin event.Origin
	Topic  string // name of the origin's topic; "" in letters of older versions
	Route  string // the route's present name
	Stage  string // keyword of the stage where it ended
	Emit   string // emit id; "" in Processing
	Span   string // file:line:col of the cause; "" for nowhere
	Field  string // what is wrong of the value, ".lines[1].qty"; "" where it is nothing of it
	Code   string // E0412; in Delivery what the sink answered: 400
	// Message is for people and holds no payload.
	Message string
	// Help says what to do about it; "" where nothing is known.
	Help string
	// Excerpt shows the value or the answer concerned, masked (Mask, MaskEcho).
	Excerpt  string
	Attempts int
	Round    int // how often it was replayed

	// Value is the original value, or the body of the output; nil where that was
	// null (a tombstone).
	Value []byte
	// ByReference: the value was too large for the dead topic and is to be read at
	// Origin.
	ByReference bool
	Key         []byte // of the original record, or of the output; nil: none
	Headers     []event.Header
	Target      string // of an output: its topic, or the name of its log line
	// Output is what it takes to send an output again, beside its bytes.
	Output Output
	// Made is, of a record that the engine made, what it takes to run it at its place
	// (task.Runner.Park): empty where that is not known, nil of records of a topic.
	Made []byte
	// Persons are the ids of those whom the record named before it failed, and hashes of
	// the identifiers that it gave (Named), or whom the output is about: when one of them
	// is forgotten the letter is erased (Keys).
	Persons []string
	// Time is the original record's timestamp, or the output's, in milliseconds
	// since 1970; event.NoTime: none.
	Time int64

	// Order is the ordering key that letters are partitioned by; nil: none. Of records
	// it is the Key, and only of outputs it is written.
	Order []byte
	// Gone is set where the letter has ended: a tombstone takes its place.
	Gone *Gone
}

// Output is what stands of an output beside its bytes.
type Output struct {
	ID      string // "" in letters of older versions
	Lane    uint64 // meaningful where Ordered
	Ordered bool
	Group   uint64
	RetryMS int64
}

// Gone says why a letter is gone, and where it stood.
type Gone struct {
	Cause     string
	Topic     string
	Partition int32
}

// ID is the id of a letter, for ever the same: a second letter of one id is the
// same letter (I4). route is the route's oldest name, emit "" in Processing.
//
// It is 32 hex digits of XXH3 with 128 bits over the texts, each behind its length
// in four bytes, the topic id, partition and offset in four and eight bytes, and
// the round in four; integers are big endian.
func ID(route string, o event.Origin, emit string, round int) string {
	b := make([]byte, 0, 128)
	b = appendText(b, route)
	b = append(b, o.Topic[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(o.Partition))
	b = binary.BigEndian.AppendUint64(b, uint64(o.Offset))
	b = appendText(b, o.Path)
	b = appendText(b, emit)
	b = binary.BigEndian.AppendUint32(b, uint32(round))
	h := xxh3.Hash128(b).Bytes()
	return hex.EncodeToString(h[:])
}

func appendText(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// Record is a letter as it is written to the dead topic.
type Record struct {
	Key   []byte
	Value []byte // nil only of a tombstone
	// PartitionKey chooses the partition; nil where the letter has no order to keep.
	PartitionKey []byte
	// Topic and Partition are where it goes whatever its key; Topic is "" elsewhere.
	Topic     string
	Partition int32
	Headers   []event.Header
	// Timestamp is the original's, so that the age of letters can be seen;
	// event.NoTime: the time of the write.
	Timestamp int64
}

// Size is about what the record takes in a topic, in bytes.
func (r *Record) Size() int {
	n := len(r.Key) + len(r.Value) + recordOverhead
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + headerOverhead
	}
	return n
}

const (
	recordOverhead = 96 // batch and record framing
	headerOverhead = 6  // two lengths
)

// Names of headers. The envelope is what tools look at; what was carried by the
// original stands beside it, each under a name of ours, so that nothing of the
// original can be taken for the envelope.
const (
	hVersion   = "sluice-v"
	hClass     = "sluice-class"
	hOrigin    = "sluice-origin"
	hRoute     = "sluice-route"
	hStage     = "sluice-stage"
	hEmit      = "sluice-emit"
	hSpan      = "sluice-span"
	hCode      = "sluice-code"
	hMessage   = "sluice-message"
	hHelp      = "sluice-help"
	hExcerpt   = "sluice-excerpt"
	hAttempts  = "sluice-attempts"
	hID        = "sluice-id"
	hRound     = "sluice-round"
	hKey       = "sluice-key"       // the original's key; left out where it had none
	hTime      = "sluice-time"      // the original's timestamp, milliseconds
	hTarget    = "sluice-target"    // of an output
	hNull      = "sluice-null"      // "1": the original's value was null
	hReference = "sluice-reference" // "1": the value is to be read at the origin
	hPerson    = "sluice-person"    // once for each
	hCause     = "sluice-cause"     // of a tombstone: why the letter is gone
	hTopic     = "sluice-topic"     // name of the origin's topic
	hField     = "sluice-field"     // what is wrong of the value
	hOutput    = "sluice-output"    // of an output: its id
	hLane      = "sluice-lane"      // of an output that keeps an order, hex
	hGroup     = "sluice-group"     // of an output that not every request may bear, hex
	hRetry     = "sluice-retry"     // of an output that says how long it is tried, milliseconds
	hOrder     = "sluice-order"     // of an output: the key of the record that made it
	hMade      = "sluice-made"      // of a record that the engine made
	hAt        = "sluice-at"        // of a replay: where the letter stands, partition/topic
	hCorrected = "sluice-corrected" // of a replay: "1": the value is not what the letter held
	hCarried   = "sluice-header."   // and the name of a header of the original
)

const version = "1"

// Encode makes the record of a letter. Where it would be larger than limit bytes
// (0: no limit) the value and the original's headers are left out and the origin
// stands for them; so where it names more persons than it can bear, for it would not
// be found when one of them is forgotten.
func (l *Letter) Encode(limit int) Record {
	if l.Gone != nil {
		return l.Gone.record(l.ID)
	}
	if len(l.Persons) > maxPersons {
		return l.encode(true)
	}
	r := l.encode(false)
	if limit > 0 && r.Size() > limit && len(l.Made) > 0 { // better without a way back than without its value
		less := *l
		less.Made = []byte{}
		r = less.encode(false)
	}
	if limit > 0 && r.Size() > limit {
		return l.encode(true)
	}
	return r
}

func (l *Letter) encode(byReference bool) Record {
	r := Record{Key: []byte(l.ID), Value: l.Value, PartitionKey: l.Order, Timestamp: l.Time}
	add := func(key, value string) {
		if value != "" {
			r.Headers = append(r.Headers, event.Header{Key: key, Value: []byte(value)})
		}
	}
	add(hVersion, version)
	add(hClass, string(l.Class))
	add(hOrigin, Origin(l.Origin))
	add(hRoute, l.Route)
	add(hStage, l.Stage)
	add(hEmit, l.Emit)
	add(hSpan, l.Span)
	add(hCode, l.Code)
	add(hMessage, cut(l.Message, maxText))
	add(hHelp, cut(l.Help, maxText))
	add(hExcerpt, cut(l.Excerpt, maxText))
	add(hAttempts, strconv.Itoa(l.Attempts))
	add(hID, l.ID)
	add(hRound, strconv.Itoa(l.Round))
	add(hTarget, l.Target)
	add(hTopic, l.Topic)
	add(hField, cut(l.Field, maxText))
	if l.Class == Delivery {
		l.Output.add(add)
	}
	for _, p := range l.Persons[:min(len(l.Persons), maxPersons)] {
		add(hPerson, cut(p, maxPerson))
	}
	if l.Time != event.NoTime {
		add(hTime, strconv.FormatInt(l.Time, 10))
	}
	if l.Value == nil {
		r.Value = []byte{}
		if !l.ByReference {
			add(hNull, "1")
		}
	}
	if byReference || l.ByReference {
		r.Value = []byte{}
		add(hReference, "1")
		return r
	}
	if l.Key != nil {
		r.Headers = append(r.Headers, event.Header{Key: hKey, Value: l.Key})
	}
	if l.Class == Delivery && l.Order != nil {
		r.Headers = append(r.Headers, event.Header{Key: hOrder, Value: l.Order})
	}
	if l.Made != nil {
		r.Headers = append(r.Headers, event.Header{Key: hMade, Value: l.Made})
	}
	for _, h := range l.Headers {
		r.Headers = append(r.Headers, event.Header{Key: hCarried + h.Key, Value: h.Value})
	}
	return r
}

// maxText bounds message, help and excerpt each, in bytes: the dead topic has 64 KB of room
// above the source's limit, and the envelope must fit into it.
const maxText = 4 << 10

// maxPersons bounds how many persons, and hashes of identifiers, a letter bears, and
// maxPerson an id, in bytes: a list of thousands may name one in each element.
const (
	maxPersons = 400
	maxPerson  = 64
)

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 { // not inside a character
		n--
	}
	return s[:n]
}

// Decode reads a record of a dead topic. It fails on what no version of Sluice
// wrote.
func Decode(key, value []byte, headers []event.Header) (*Letter, error) {
	l := &Letter{ID: string(key), Value: value, Time: event.NoTime}
	if l.Value == nil {
		return nil, fmt.Errorf("decode letter %s: a tombstone is no letter", key)
	}
	var null bool
	seen := map[string]bool{}
	for _, h := range headers {
		seen[h.Key] = true
		s := string(h.Value)
		var err error
		switch h.Key {
		case hVersion:
			if s != version {
				return nil, fmt.Errorf("decode letter %s: version %q is not known, only %s", key, s, version)
			}
		case hClass:
			l.Class = Class(s)
		case hOrigin:
			l.Origin, err = ParseOrigin(s)
		case hRoute:
			l.Route = s
		case hStage:
			l.Stage = s
		case hEmit:
			l.Emit = s
		case hSpan:
			l.Span = s
		case hCode:
			l.Code = s
		case hMessage:
			l.Message = s
		case hHelp:
			l.Help = s
		case hExcerpt:
			l.Excerpt = s
		case hAttempts:
			l.Attempts, err = strconv.Atoi(s)
		case hRound:
			l.Round, err = strconv.Atoi(s)
		case hTarget:
			l.Target = s
		case hPerson:
			l.Persons = append(l.Persons, s)
		case hTime:
			l.Time, err = strconv.ParseInt(s, 10, 64)
		case hNull:
			null = true
		case hReference:
			l.ByReference = true
		case hKey:
			l.Key = append([]byte{}, h.Value...)
		case hOrder:
			l.Order = append([]byte{}, h.Value...)
		case hMade:
			l.Made = append([]byte{}, h.Value...)
		case hTopic:
			l.Topic = s
		case hField:
			l.Field = s
		case hOutput:
			l.Output.ID = s
		case hLane:
			l.Output.Ordered = true
			l.Output.Lane, err = strconv.ParseUint(s, 16, 64)
		case hGroup:
			l.Output.Group, err = strconv.ParseUint(s, 16, 64)
		case hRetry:
			l.Output.RetryMS, err = strconv.ParseInt(s, 10, 64)
		default:
			if name, ok := strings.CutPrefix(h.Key, hCarried); ok {
				l.Headers = append(l.Headers, event.Header{Key: name, Value: h.Value})
			}
		}
		if err != nil {
			return nil, fmt.Errorf("decode letter %s: header %s: %w", key, h.Key, err)
		}
	}
	for _, need := range []string{hVersion, hClass, hOrigin, hRoute} {
		if !seen[need] {
			return nil, fmt.Errorf("decode letter %s: no header %s", key, need)
		}
	}
	if l.Class != Processing && l.Class != Delivery {
		return nil, fmt.Errorf("decode letter %s: class %q is not known", key, l.Class)
	}
	if null || l.ByReference {
		l.Value = nil
	}
	return l, nil
}

// Origin writes an origin as the envelope has it: topicid/partition/offset and
// the element path.
func Origin(o event.Origin) string {
	return hex.EncodeToString(o.Topic[:]) + "/" + strconv.Itoa(int(o.Partition)) + "/" + strconv.FormatInt(o.Offset, 10) + o.Path
}

// ParseOrigin reads what Origin wrote.
func ParseOrigin(s string) (event.Origin, error) {
	var o event.Origin
	parts := strings.SplitN(s, "/", 3)
	if len(parts) < 3 {
		return o, fmt.Errorf("origin %q is not topicid/partition/offset", s)
	}
	id, err := hex.DecodeString(parts[0])
	if err != nil || len(id) != len(o.Topic) {
		return o, fmt.Errorf("origin %q has no topic id of 32 hex digits", s)
	}
	copy(o.Topic[:], id)
	p, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil {
		return o, fmt.Errorf("partition of origin %q: %w", s, err)
	}
	o.Partition = int32(p)
	offset := parts[2]
	if i := strings.IndexAny(offset, "/~"); i >= 0 { // an element, a child; a change
		offset, o.Path = offset[:i], offset[i:]
	}
	if o.Offset, err = strconv.ParseInt(offset, 10, 64); err != nil {
		return o, fmt.Errorf("offset of origin %q: %w", s, err)
	}
	return o, nil
}
