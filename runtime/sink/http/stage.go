// Package http sends the requests of `emit http` and `call http`: it puts together what
// the stage encoded and what its connection adds, makes one attempt, and judges the
// answer. What the judgement means for outputs is deliver's.
//
// A [Client] belongs to a connection, a [Sender] to a stage that uses it. A [Stage] is
// the part without a net: bodies of batches and the judging of answers, which golden
// cases use on answers that are written down.
//
// It must not know what a task or a route is, and prints no secret: an error of the net
// is named in a word, without its address.
package http

import (
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Stage is a stage that sends requests, without its connection.
type Stage struct {
	req  *ir.Request
	emit *ir.HTTPSink // nil: a call
	// decode: a type is declared for the answer's body, so it has to be readable.
	decode bool
	// anyStatus: `accept` looks at the status, so it is asked of every answer.
	anyStatus bool
	slots     int // of the route's frame
	frames    sync.Pool
}

// Emit is the stage of an `emit http` in a route with a frame of that size.
func Emit(s *ir.HTTPSink, slots int) *Stage {
	return &Stage{req: &s.Request, emit: s, anyStatus: s.JudgesStatus(), slots: slots}
}

// Call is the stage of a `call http`.
func Call(c *ir.HTTPCall, slots int) *Stage {
	return &Stage{req: &c.Request, decode: c.Body != nil && !takesText(c.Body), anyStatus: c.Request.JudgesStatus(), slots: slots}
}

// takesText tells that a body of any kind can be read as the type.
func takesText(t *types.Type) bool {
	switch t.Kind {
	case types.Any, types.String:
		return true
	case types.Union:
		for _, m := range t.Members {
			if takesText(m) {
				return true
			}
		}
	}
	return false
}

// IsCall tells whether somebody waits for the answer.
func (s *Stage) IsCall() bool { return s.emit == nil }

// frame lends a frame in which one slot is set.
func (s *Stage) frame(slot ir.Slot, v value.Value) *eval.Frame {
	f, _ := s.frames.Get().(*eval.Frame)
	if f == nil {
		f = &eval.Frame{Ctx: &types.Context{}}
	}
	f.Begin(nil, max(s.slots, int(slot)+1))
	f.Slots[slot] = v
	return f
}

// Batches tells whether several outputs may stand in a request.
func (s *Stage) Batches() bool { return s.emit != nil && s.emit.Item != nil }

// Body is the body of a request of these outputs as the stage makes it; nil for none.
func (s *Stage) Body(outs []*event.Output) ([]byte, error) {
	if !s.Batches() {
		o := outs[0]
		if o.Body.Start == o.Body.End {
			return nil, nil
		}
		return o.Body.Of(o.Arena), nil
	}
	size := 2
	for _, o := range outs {
		size += int(o.Body.End-o.Body.Start) + 1
	}
	list := append(make([]byte, 0, size), '[')
	for i, o := range outs {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, o.Body.Of(o.Arena)...)
	}
	list = append(list, ']')
	if v, ok := s.emit.Body.(*ir.Var); ok && v.Slot == s.emit.Items {
		return list, nil
	}
	items, bad := value.DecodeJSON(list)
	if bad != nil {
		return nil, fmt.Errorf("an item is no JSON: %s", bad.Reason)
	}
	f := s.frame(s.emit.Items, items)
	defer s.frames.Put(f)
	v, fail := eval.Expr(s.emit.Body, f)
	switch {
	case fail != nil:
		return nil, fail
	case v == nil && s.emit.BodyOpt:
		return nil, nil
	}
	return value.AppendJSON(make([]byte, 0, len(list)+256), v), nil
}

// Key is the idempotency key of a request of these outputs: the id of one, of several a
// hash of theirs. The same outputs have the same for ever.
func Key(outs []*event.Output) string {
	if len(outs) == 1 {
		o := outs[0]
		if id := o.ID.Of(o.Arena); printable(id) {
			return string(id)
		}
	}
	h := xxh3.New()
	for _, o := range outs {
		id := o.ID.Of(o.Arena)
		h.Write([]byte{byte(len(id)), byte(len(id) >> 8)})
		h.Write(id)
	}
	sum := h.Sum128().Bytes()
	return "sl1-" + hex.EncodeToString(sum[:])
}

// printable tells whether a text may stand in a header as it is.
func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}
