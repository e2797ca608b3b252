package op

import (
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// emit makes one output. All that can be judged before sending fails here,
// inside the record.
type emit struct {
	place
	at     token.Span
	index  int32
	prefix []byte // of its message ids
	ids    *ids
	child  int
	sink   sink
}

// sink writes what its kind of emit sends. drop is a reason to end the record
// instead, "" for none.
type sink interface {
	write(fr *Frame, e *emit, o *event.Output) (drop string, fail *diag.Failure)
}

func (c *compiler) emit(p place, s *ir.Emit) error {
	index, ok := c.emits[s]
	if !ok {
		return fmt.Errorf("%s: the plan does not list this emit", p.node)
	}
	ids := &c.route.ids
	e := &emit{place: p, at: s.At, index: index, ids: ids, prefix: ids.emit(s.ID), child: c.child}
	switch sk := s.Sink.(type) {
	case *ir.SegmentCall:
		e.sink = newSegmentCall(sk)
	case *ir.SegmentPass:
		e.sink = &segmentPass{x: sk.X}
	case *ir.TopicRecord:
		e.sink = &topicRecord{topic: sk.Topic, key: sk.Key, keyOpt: sk.KeyOpt, value: sk.Value, headers: sk.Headers, passed: []byte(c.route.passed)}
	case *ir.LogLine:
		e.sink = &logLine{name: sk.Name, fields: sk.Fields}
	case *ir.HTTPSink:
		e.sink = newHTTPRequest(sk)
	default:
		return fmt.Errorf("%s: no sink %T", p.node, sk)
	}
	c.add(e)
	return nil
}

func (e *emit) run(fr *Frame) int {
	if fr.behind(&e.place, e.ids, fr.key) {
		return ended
	}
	if fr.out.Since(fr.mark) == MaxOutputs {
		return fr.fail(&e.place, diag.Failf(diag.TooMuch, e.at, "the record makes more than %d outputs", MaxOutputs))
	}
	o := event.Output{Arena: fr.out, Emit: e.index, Record: fr.Record, Time: event.NoTime, NotBefore: fr.notBefore}
	if t, ok := fr.eval.Time.(time.Time); ok {
		o.Time = t.UnixMilli()
	}
	fr.lane(e, &o, fr.key)
	drop, fail := e.sink.write(fr, e, &o)
	switch {
	case fail != nil:
		return fr.fail(&e.place, fail)
	case drop != "":
		return fr.drop(&e.place, drop, e.child)
	case fr.out.BytesSince(fr.mark) > MaxOutBytes:
		return fr.fail(&e.place, diag.Failf(diag.TooMuch, e.at, "the record makes more than 8 MiB of output"))
	}
	if o.Ordered && fr.inLane(&e.place, o.Lane) { // under a key of its own
		return ended
	}
	fr.visit(&e.place, 0)
	fr.about(&o)
	fr.out.Outs = append(fr.out.Outs, o)
	return goOn
}

// lane puts an output in the lane of its ordering key; nil is none, and then
// there is no order to keep.
func (fr *Frame) lane(e *emit, o *event.Output, key []byte) {
	o.Ordered = key != nil
	if o.Ordered {
		o.Lane = e.ids.laneOf(key)
	}
}

// id writes the output's deterministic id and returns where it stands.
func (fr *Frame) id(e *emit) event.Bytes {
	start := len(fr.out.Buf)
	fr.out.Buf, fr.buf = e.ids.append(fr.out.Buf, fr.buf, e.prefix, fr.origin(e.ids), fr.path)
	return event.Bytes{Start: uint32(start), End: uint32(len(fr.out.Buf))}
}

// orderingKey evaluates the key that an emit says itself. With opt, a null leaves
// it out, and the key above the emit stays.
func (fr *Frame) orderingKey(x ir.Expr, opt bool) ([]byte, *diag.Failure) {
	v, fail := eval.Expr(x, &fr.eval)
	if fail != nil {
		return nil, fail
	}
	if v == nil && opt {
		return fr.key, nil
	}
	s, fail := eval.Plain(x, v, "a key")
	if fail != nil {
		return nil, fail
	}
	return append(make([]byte, 0, len(s)+1), s...), nil
}

// raw appends text to the arena.
func (fr *Frame) raw(s string) { fr.out.Buf = append(fr.out.Buf, s...) }

// json appends a value to the arena.
func (fr *Frame) json(x ir.Expr, v value.Value) *diag.Failure {
	// Judged before it is written: what is small in memory may be terabytes as text.
	if fail := fr.eval.Limits(x, v); fail != nil {
		return fail
	}
	fr.out.Buf = value.AppendJSON(fr.out.Buf, v)
	return nil
}

func (fr *Frame) here() uint32 { return uint32(len(fr.out.Buf)) }
