package sim

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	sinkhttp "github.com/sluice-dev/sluice/runtime/sink/http"
	"github.com/sluice-dev/sluice/runtime/sink/segment"
)

// Sink says what becomes of a request.
type Sink func(*Attempt) Reply

// Attempt is a request as its sink sees it.
type Attempt struct {
	Kind, Name string          // of the connection: segment, kafka, http, log
	Stage      *sinkhttp.Stage // of http: whose requests these are
	Outs       []*event.Output
	Attempt    int // 1: of the first output, for the first time
	Now        time.Time
}

// Reply is what the sink does and says. The zero Reply takes everything and says so.
type Reply struct {
	Answer deliver.Answer
	// Taken tells by output what the sink took; nil: what the answer accepts. A
	// sink may take what it cannot answer for any more.
	Taken []bool
}

func (r *Reply) takes(i int) bool {
	switch {
	case r.Taken != nil:
		return r.Taken[i]
	case r.Answer.Each != nil:
		return r.Answer.Each[i].Class == deliver.Accepted
	}
	return r.Answer.Class == deliver.Accepted
}

// Taken is an output that a sink took.
type Taken struct {
	Kind, Name string // of the connection
	Route      *ir.Route
	Emit       *ir.Emit
	In         int // the input that led to it; 0: none
	Origin     event.Origin
	ID         string
	Lane       uint64 // meaningful where Ordered
	Ordered    bool
	Repeat     bool // it was taken before, or its record is a repeat of another
	At         time.Time

	Target    string // topic, or name of a log line
	Body      []byte // nil: a tombstone
	Key       []byte // of a record; nil: none
	Headers   []event.Header
	Timestamp int64
}

// takenID is the identity of an output: which of the outputs of a record. It does
// not go by the output's own id, so that a changed id is noticed (I4).
type takenID struct {
	of  endID
	nth int
}

// receive lets a sink judge a request and notes what it took.
func (w *World) receive(f *flight) {
	if f.conn.stage != nil {
		w.together(f)
	}
	if f.conn.stage != nil && w.opts.Answers != nil {
		f.reply = w.answered(f)
	} else {
		f.reply = w.opts.Sink(&Attempt{Kind: f.conn.kind, Name: f.conn.name, Stage: f.conn.stage, Outs: f.req.Outs, Attempt: f.req.Attempt, Now: w.Now()})
	}
	w.logf("arrive   process %d, %s: %s, %s", f.p.n, f.conn, className(f.reply.Answer.Class), f.p.describe(f))
	var lost map[string]bool
	if f.conn.kind == "segment" {
		lost = w.segment(f)
	}
	for i, o := range f.req.Outs {
		if o.Alone {
			continue // a call takes nothing anywhere
		}
		if f.reply.takes(i) && !lost[string(o.ID.Of(o.Arena))] {
			w.take(f.p, f.conn, o)
		}
	}
}

// Limits of Segment: beyond them it answers 200 and keeps nothing.
const (
	segmentEvent = 32 << 10
	segmentBatch = 500 << 10
	segmentCount = 2500
)

// segment reads a batch as Segment would. It returns the ids of messages that
// Segment would drop without a word.
func (w *World) segment(f *flight) map[string]bool {
	body := segment.Batch(nil, f.req.Outs, "sim", time.Unix(0, f.sentAt))
	v, err := value.DecodeJSON(body)
	if err != nil {
		w.breaks("a batch for %s is no JSON: %v", f.conn, err)
		return nil
	}
	sent, _ := v.(*value.Object).Get("sentAt")
	if at, err := value.ParseTime(fmt.Sprint(sent)); err != nil || at.UnixMilli() != f.at/1e6 {
		// received − (sentAt − timestamp): a stale sentAt moves every event.
		w.breaks("a batch for %s was sent at %s and says %v: its events move by the difference", f.conn, value.FormatTime(time.Unix(0, f.at)), sent)
	}
	if len(body) > segmentBatch || len(f.req.Outs) > segmentCount {
		w.breaks("a batch for %s of %d messages has %d bytes: Segment refuses it whole", f.conn, len(f.req.Outs), len(body))
	}
	lost := map[string]bool{}
	for _, o := range f.req.Outs {
		if o.Body.End-o.Body.Start > segmentEvent {
			lost[string(o.ID.Of(o.Arena))] = true
			w.logf("lost     a message of %d bytes: Segment says 200 and drops it", o.Body.End-o.Body.Start)
		}
	}
	return lost
}

// take notes an output that its sink has.
func (w *World) take(p *process, c *connection, o *event.Output) {
	src := p.made[place{o.Arena, o.Index}]
	rt := src.route
	t := Taken{
		Kind: c.kind, Name: c.name, Route: rt.Route.Route, Emit: rt.Emits[o.Emit], In: src.in, Origin: src.of.origin,
		ID: string(o.ID.Of(o.Arena)), Lane: o.Lane, Ordered: o.Ordered, At: w.Now(),
		Target: string(o.Target.Of(o.Arena)), Timestamp: o.Time,
	}
	if !o.Tombstone {
		t.Body = append([]byte{}, o.Body.Of(o.Arena)...)
	}
	if !o.NoKey && c.kind == "kafka" {
		t.Key = append([]byte{}, o.Key.Of(o.Arena)...)
	}
	event.EachHeader(o.Headers.Of(o.Arena), func(k string, v []byte) {
		t.Headers = append(t.Headers, event.Header{Key: k, Value: append([]byte{}, v...)})
	})
	id := takenID{src.of, src.nth}
	first, again := w.firstTaken[id]
	t.Repeat = again || src.repeat
	if again && w.taken[first].ID != t.ID {
		w.breaks("I4: output %d of %s had the id %s and now has %s", src.nth, src.of, w.taken[first].ID, t.ID)
	}
	if again && rt.Group != nil && !w.undone[emittedID{rt.Name, t.ID}] && !bytes.Equal(w.taken[first].Body, t.Body) {
		w.breaks("I13: output %d of %s was %s and now is %s", src.nth, src.of, w.taken[first].Body, t.Body)
	}
	if !again {
		w.firstTaken[id] = len(w.taken)
	}
	w.taken = append(w.taken, t)
	if c.kind == "kafka" {
		// A repeat is a record of its own: readers tell it by sluice-id.
		w.append(Input{Topic: t.Target, Key: t.Key, Value: t.Body, Headers: t.Headers, Timestamp: t.Timestamp}, t.In, t.Repeat)
	}
}

// String names a connection.
func (c *connection) String() string {
	if c.kind == "log" {
		return "log"
	}
	return c.kind + " " + c.name
}

func className(c deliver.Class) string {
	return [...]string{"accepted", "gated", "failed", "misconfigured", "refused"}[c]
}

// describe lists the outputs of a request by the records that made them.
func (p *process) describe(f *flight) string {
	var b strings.Builder
	for i, o := range f.req.Outs {
		if i > 0 {
			b.WriteString(", ")
		}
		src := p.made[place{o.Arena, o.Index}]
		fmt.Fprintf(&b, "%s#%d", src.of, src.nth)
	}
	return b.String()
}
