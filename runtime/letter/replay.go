package letter

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/runtime/event"
)

// MaxRounds is how often a letter is replayed: one that has been so often stays.
const MaxRounds = 5

// Rounds says that a letter was replayed too often.
func Rounds() string {
	return fmt.Sprintf("this letter was replayed %d times and failed each time; it stays, and is replayed no more", MaxRounds)
}

// A record of a replay log is a letter once more: the envelope that it had, so that all
// of it is there to run or to send it, with a value that may be corrected, and with the
// place where the letter stands. Its key is the letter's id, which holds the round, so
// two records of one key are one replay.

// Replay is a letter that goes back to its route.
type Replay struct {
	Letter
	At        Place // of the letter
	Corrected bool  // Value is not what the letter held
}

// Place is a partition of a dead topic.
type Place struct {
	Topic     string
	Partition int32
}

// AppendHeaders writes the headers of the replay of a letter, whose own are hs: only
// what tells why it failed is left out. null says that the value is.
func AppendHeaders(dst []event.Header, hs []event.Header, at Place, corrected, null bool) []event.Header {
	for _, h := range hs {
		switch h.Key {
		case hMessage, hHelp, hExcerpt, hSpan, hCode, hField, hNull, hAt, hCorrected:
		default:
			dst = append(dst, h)
		}
	}
	dst = append(dst, event.Header{Key: hAt, Value: []byte(strconv.Itoa(int(at.Partition)) + "/" + at.Topic)})
	if corrected {
		dst = append(dst, event.Header{Key: hCorrected, Value: []byte("1")})
	}
	if null {
		dst = append(dst, event.Header{Key: hNull, Value: []byte("1")})
	}
	return dst
}

var errNoPlace = errors.New("it does not say where its letter stands")

// DecodeReplay reads a record of a replay log.
func DecodeReplay(key, value []byte, headers []event.Header) (*Replay, error) {
	if value == nil {
		value = []byte{} // Decode takes no tombstone
	}
	l, err := Decode(key, value, headers)
	if err != nil {
		return nil, err
	}
	r := &Replay{Letter: *l}
	place := false
	for _, h := range headers {
		switch h.Key {
		case hAt:
			n, topic, ok := strings.Cut(string(h.Value), "/")
			p, err := strconv.ParseInt(n, 10, 32)
			if !ok || err != nil {
				return nil, fmt.Errorf("decode replay %s: header %s is no place", key, hAt)
			}
			r.At, place = Place{topic, int32(p)}, true
		case hCorrected:
			r.Corrected = true
		}
	}
	if !place {
		return nil, fmt.Errorf("decode replay %s: %w", key, errNoPlace)
	}
	return r, nil
}

// Refused says why a letter cannot be replayed; "" where it can.
func (l *Letter) Refused() string {
	switch {
	case l.Round >= MaxRounds:
		return Rounds()
	case l.ByReference:
		if why := l.Elsewhere(); why != "" {
			return why
		}
		return "the value was too large for the dead topic, so the letter does not hold it; `sluice dead replay` reads it where it stood, " + l.Topic + " at " + Origin(l.Origin)
	case l.Class == Delivery && l.Output.ID == "":
		return "the letter was written by a version of Sluice that did not keep the id of its output"
	case l.Made != nil && len(l.Made) == 0:
		return "the letter is of a record that Sluice made itself, and what it takes to run that at its place is not in the letter"
	}
	return ""
}

// Elsewhere says why a letter without its value cannot be given it: only a record of a
// topic stands where it stood. "" where it may.
func (l *Letter) Elsewhere() string {
	switch {
	case l.Class == Delivery:
		return "the output was too large for the dead topic, so the letter does not hold it; the event that it was made of stands at its origin, " + Origin(l.Origin)
	case l.Origin.Path != "" || l.Topic == "":
		return "the value was too large for the dead topic, so the letter does not hold it, and it is a part that Sluice made of the record at " + Origin(l.Origin)
	}
	return ""
}

// Fill gives a letter by reference what its record holds, and the headers that it would
// have with it.
func (l *Letter) Fill(rec *event.Record) []event.Header {
	l.ByReference = false
	l.Key, l.Value, l.Headers, l.Time = rec.Key, rec.Value, rec.Headers, rec.Timestamp
	r := l.encode(false)
	return r.Headers
}

func (o *Output) add(add func(key, value string)) {
	add(hOutput, o.ID)
	if o.Ordered {
		add(hLane, strconv.FormatUint(o.Lane, 16))
	}
	if o.Group != 0 {
		add(hGroup, strconv.FormatUint(o.Group, 16))
	}
	if o.RetryMS != 0 {
		add(hRetry, strconv.FormatInt(o.RetryMS, 10))
	}
}

// Causes that a tombstone names; behind each stands the position that caused it.
const (
	Replayed = "replayed " // the record of the replay log
	Dropped  = "dropped "  // the letter, by a route that reads it
	ByHand   = "dropped by hand"
)

// record is the tombstone of a letter that has ended.
func (g *Gone) record(id string) Record {
	r := tombstone([]byte(id), g.Cause)
	r.Topic, r.Partition = g.Topic, g.Partition
	return r
}

// Cause reads why a letter is gone off its tombstone; "" where it does not say.
func Cause(headers []event.Header) string {
	for _, h := range headers {
		if h.Key == hCause {
			return string(bytes.Clone(h.Value))
		}
	}
	return ""
}

// About gives the replay that a record is of.
func (r *Replay) About(rec *event.Record) *event.Replay {
	return &event.Replay{
		Letter: r.ID, Round: r.Round + 1, Topic: r.At.Topic, Partition: r.At.Partition, Corrected: r.Corrected,
		At: Origin(event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset}),
	}
}

// End is the tombstone of the letter of a replay, which has ended.
func End(r *event.Replay) Letter {
	return Letter{ID: r.Letter, Gone: &Gone{Replayed + r.At, r.Topic, r.Partition}}
}
