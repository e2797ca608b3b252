package op

import (
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/fuse"
)

// fusedEmit is emit over the bytes of the record. It judges by the same rules,
// and leaves what breaks one to the reference steps.
type fusedEmit struct {
	emit
	write func(fr *Frame, o *event.Output) bool
}

func (f *fuser) emit(p place, s *ir.Emit, env fuse.Env) {
	ids := &f.c.route.ids
	e := &fusedEmit{emit: emit{place: p, at: s.At, index: f.c.emits[s], ids: ids, prefix: ids.emit(s.ID), child: f.child}}
	switch sk := s.Sink.(type) {
	case *ir.SegmentCall:
		e.write = f.segmentCall(&e.emit, sk, env)
	case *ir.TopicRecord:
		e.write = f.topicRecord(&e.emit, sk, env)
	case *ir.LogLine:
		e.write = f.logLine(&e.emit, sk, env)
	case *ir.SegmentPass:
		e.write = f.segmentPass(&e.emit, sk, env)
	case *ir.HTTPSink:
		e.write = f.httpRequest(&e.emit, sk, env)
	default:
		f.refuse("an emit")
		return
	}
	f.add(e)
}

func (e *fusedEmit) run(fr *Frame) int {
	if fr.out.Since(fr.mark) == MaxOutputs {
		return gaveUp
	}
	m := fr.m
	// In its place at once: what is passed by its address to a function that is
	// not known here would be garbage of every event.
	o := fr.out.Next()
	o.Arena, o.Emit, o.Record, o.Time, o.NotBefore = fr.out, e.index, fr.Record, event.NoTime, fr.notBefore
	if m.HasTime {
		o.Time = m.Time.UnixMilli()
	}
	fr.lane(&e.emit, o, fr.key)
	m.Buf = fr.out.Buf
	fr.loop = false
	ok := e.write(fr, o)
	fr.out.Buf = m.Buf
	if fr.loop {
		fr.out.Outs = fr.out.Outs[:len(fr.out.Outs)-1]
		return fr.drop(&e.place, "loop", e.child)
	}
	if !ok || fr.out.BytesSince(fr.mark) > fuse.MaxRecord {
		return gaveUp
	}
	fr.about(o)
	return goOn
}

// hereFused is the end of what the machine writes.
func hereFused(m *fuse.Machine) uint32 { return uint32(len(m.Buf)) }

// What a call needs.
const (
	bitUser uint8 = 1 << iota
	bitAnonymous
	bitGroup
	bitPrevious
	bitEvent
)

func bitOf(name string) uint8 {
	switch name {
	case "userId":
		return bitUser
	case "anonymousId":
		return bitAnonymous
	case "groupId":
		return bitGroup
	case "previousId":
		return bitPrevious
	case "event":
		return bitEvent
	}
	return 0
}

// complete tells whether a call has what it needs.
func complete(call string, has uint8) bool {
	switch call {
	case "alias":
		return has&bitUser != 0 && has&bitPrevious != 0
	case "group":
		if has&bitGroup == 0 {
			return false
		}
	case "track":
		if has&bitEvent == 0 {
			return false
		}
	}
	return has&(bitUser|bitAnonymous) != 0
}

func (f *fuser) segmentCall(e *emit, s *ir.SegmentCall, env fuse.Env) func(*Frame, *event.Output) bool {
	var (
		id    func(*fuse.Machine) ([]byte, fuse.State)
		key   func(*Frame, *event.Output) bool
		known uint8
	)
	msg := fuse.NewMessage(nil)
	for i := range s.Fields {
		fd := &s.Fields[i]
		n := f.b.Expr(fd.X, env)
		switch fd.Name {
		case "messageId":
			id = n.WriteText()
			continue
		case "key":
			key = fusedKey(e, n, fd.Opt)
			continue
		}
		switch c, ok := n.Const(); {
		case ok && c == nil:
		case ok && constantField(fd.Name, c):
			known |= bitOf(fd.Name)
			msg.Const(fd.Name, n)
		default:
			addField(msg, fd.Name, n, s.Conflicts)
		}
	}
	write := msg.Write()
	head := `{"type":"` + s.Call + `","messageId":`
	return func(fr *Frame, o *event.Output) bool {
		m := fr.m
		if key != nil && !key(fr, o) {
			return false
		}
		start := hereFused(m)
		m.Buf = append(m.Buf, head...)
		own, ok := fr.fusedID(e, o, id)
		if !ok {
			return false
		}
		has, ok := write(m)
		if !ok {
			return false
		}
		o.Body = event.Bytes{Start: start, End: hereFused(m)}
		if own != nil {
			o.ID.Start = hereFused(m)
			m.Buf = append(m.Buf, own...)
			o.ID.End = hereFused(m)
		}
		return complete(s.Call, known|has) && o.Body.End-o.Body.Start <= MaxEvent
	}
}

// addField adds a field that is not constant. An event must have none of the
// names in conflicts.
func addField(msg *fuse.Message, name string, n *fuse.Node, conflicts map[string]string) {
	switch kindOfField(name) {
	case idField, nameField:
		if name != "event" {
			conflicts = nil
		}
		if name == "groupId" {
			msg.Text(name, n, bitGroup, func(s []byte) bool { return len(s) > 0 && (len(s) <= MaxGroupID || utf8.RuneCount(s) <= MaxGroupID) })
			return
		}
		msg.Text(name, n, bitOf(name), func(s []byte) bool { return len(s) > 0 && conflicts[string(s)] == "" })
		if len(conflicts) == 0 {
			msg.TextAsItStands(1)
		}
	case textField:
		msg.Text(name, n, 0, func(s []byte) bool { return len(s) > 0 })
		msg.TextAsItStands(1)
	case timeField:
		msg.Time(name, n)
	case objectField:
		msg.Object(name, n)
	default:
		msg.Any(name, n)
	}
}

// constantField tells whether a constant is what Segment takes in a field.
func constantField(name string, v value.Value) bool {
	s, isText := v.(string)
	switch kindOfField(name) {
	case idField, nameField, textField:
		return isText && s != "" && (name != "groupId" || utf8.RuneCountInString(s) <= MaxGroupID)
	case timeField:
		_, ok := v.(time.Time)
		return ok
	case objectField:
		_, ok := v.(*value.Object)
		return ok
	}
	return true
}

// fusedID writes the message id; own is the script's where the message holds it
// escaped.
func (fr *Frame) fusedID(e *emit, o *event.Output, id func(*fuse.Machine) ([]byte, fuse.State)) (own []byte, ok bool) {
	m := fr.m
	if id != nil {
		at := hereFused(m) + 1
		s, st := id(m)
		switch {
		case st == fuse.Bad:
			return nil, false
		case st == fuse.Null:
		case len(s) == 0 || len(s) > MaxMessageID && utf8.RuneCount(s) > MaxMessageID:
			return nil, false
		default:
			o.ID = event.Bytes{Start: at, End: hereFused(m) - 1}
			if int(o.ID.End-o.ID.Start) != len(s) {
				return s, true
			}
			return nil, true
		}
	}
	m.Buf = append(m.Buf, '"')
	at := hereFused(m)
	m.Buf, fr.buf = e.ids.append(m.Buf, fr.buf, e.prefix, fr.rec, fr.path)
	o.ID = event.Bytes{Start: at, End: hereFused(m)}
	m.Buf = append(m.Buf, '"')
	return nil, true
}

// fusedKey compiles the putting of an output in the lane of the key that its
// braces say, which then stands in fr.emitKey. With opt, null leaves it out.
func fusedKey(e *emit, n *fuse.Node, opt bool) func(*Frame, *event.Output) bool {
	key, state := n.Plain(), n.State()
	return func(fr *Frame, o *event.Output) bool {
		if opt && state(fr.m) == fuse.Null {
			fr.emitKey = fr.key
			return true
		}
		k, ok := key(fr.m, fr.emitBuf[:0])
		if !ok {
			return false
		}
		if k == nil {
			k = []byte{} // "" is a key
		}
		fr.emitKey, fr.emitBuf = k, k
		o.Ordered, o.Lane = true, e.ids.laneOf(k)
		return true
	}
}

// segmentPass sends a call as it is: a value, by the rules of the reference step.
func (f *fuser) segmentPass(e *emit, s *ir.SegmentPass, env fuse.Env) func(*Frame, *event.Output) bool {
	get, pass := f.b.Expr(s.X, env).Value(), &segmentPass{x: s.X}
	return func(fr *Frame, o *event.Output) bool {
		v, st := get(fr.m)
		if st != fuse.Some {
			return false
		}
		fr.out.Buf = fr.m.Buf
		drop, fail := pass.writeCall(fr, e, o, v)
		fr.m.Buf = fr.out.Buf
		fr.loop = drop != ""
		return fail == nil
	}
}

func (f *fuser) topicRecord(e *emit, s *ir.TopicRecord, env fuse.Env) func(*Frame, *event.Output) bool {
	topic := f.b.Expr(s.Topic, env)
	name, body := topic.Text(), f.b.Expr(s.Value, env).Write()
	c, known := topic.Const()
	if t, ok := c.(string); ok {
		known = known && topicName(t)
	}
	var key func(*Frame, *event.Output) bool
	if s.Key != nil {
		key = fusedKey(e, f.b.Expr(s.Key, env), s.KeyOpt)
	}
	var headers func(*fuse.Machine) (value.Value, fuse.State)
	if s.Headers != nil {
		headers = f.b.Expr(s.Headers, env).Value()
	}
	passed := []byte(f.c.route.passed)
	return func(fr *Frame, o *event.Output) bool {
		m := fr.m
		t, st := name(m)
		if st != fuse.Some || !known && !topicName(string(t)) {
			return false
		}
		o.Target.Start = hereFused(m)
		m.Buf = append(m.Buf, t...)
		o.Target.End = hereFused(m)
		k := fr.key
		if key != nil {
			if !key(fr, o) {
				return false
			}
			k = fr.emitKey
		}
		o.NoKey = k == nil
		o.Key.Start = hereFused(m)
		m.Buf = append(m.Buf, k...)
		o.Key.End = hereFused(m)
		o.Body.Start = hereFused(m)
		switch body(m) {
		case fuse.Bad:
			return false
		case fuse.Null:
			o.Tombstone = true
			if o.NoKey {
				return false
			}
		}
		o.Body.End = hereFused(m)
		return fr.fusedHeaders(e, o, headers, passed)
	}
}

func (fr *Frame) fusedHeaders(e *emit, o *event.Output, headers func(*fuse.Machine) (value.Value, fuse.State), passed []byte) bool {
	m := fr.m
	o.ID.Start = hereFused(m)
	m.Buf, fr.buf = e.ids.append(m.Buf, fr.buf, e.prefix, fr.rec, fr.path)
	o.ID.End = hereFused(m)
	o.Headers.Start = hereFused(m)
	if headers != nil {
		v, st := headers(m)
		if st == fuse.Bad {
			return false
		}
		var ok bool
		if m.Buf, ok = appendHeaders(m.Buf, v); !ok {
			return false
		}
	}
	m.Buf = appendOurHeaders(m.Buf, m.Buf[o.ID.Start:o.ID.End], passedBy(fr.rec), passed)
	o.Headers.End = hereFused(m)
	return true
}

func (f *fuser) logLine(e *emit, s *ir.LogLine, env fuse.Env) func(*Frame, *event.Output) bool {
	body := f.b.Expr(s.Fields, env).Write()
	var name func(*fuse.Machine, []byte) ([]byte, bool)
	if s.Name != nil {
		name = f.b.Expr(s.Name, env).Plain()
	}
	return func(fr *Frame, o *event.Output) bool {
		m := fr.m
		if name != nil {
			k, ok := name(m, fr.buf[:0])
			if !ok {
				return false
			}
			fr.buf = k
			o.Target.Start = hereFused(m)
			m.Buf = append(m.Buf, k...)
			o.Target.End = hereFused(m)
		}
		o.Body.Start = hereFused(m)
		switch body(m) {
		case fuse.Bad:
			return false
		case fuse.Null:
			m.Buf = append(m.Buf, "null"...)
		}
		o.Body.End = hereFused(m)
		o.ID.Start = hereFused(m)
		m.Buf, fr.buf = e.ids.append(m.Buf, fr.buf, e.prefix, fr.rec, fr.path)
		o.ID.End = hereFused(m)
		return true
	}
}
