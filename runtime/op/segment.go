package op

import (
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Limits of Segment on one message.
const (
	// MaxEvent is 32 KB as most of Segment's clients count them. Segment never says
	// whether a KB has 1,000 or 1,024 bytes; should it refuse one, that becomes a letter
	// of its own, as any that is refused.
	MaxEvent = 32 << 10
	// MaxMessageID is in characters.
	MaxMessageID = 100
	// MaxGroupID is in characters; Segment drops a group of a longer one.
	MaxGroupID = 500
)

// segmentCall encodes one call of Segment's spec as compact JSON:
// {"type":…,"messageId":…, then the fields in the order of the spec}. Fields
// that are null are left out at the top, nowhere else.
type segmentCall struct {
	call   string
	head   string  // `{"type":"track","messageId":`
	fields []field // without messageId and key
	id     ir.Expr // messageId, nil: made by us
	key    ir.Expr // ordering key, nil: the record's
	keyOpt bool    // the record's, too, where it is null
}

// field is one top-level field.
type field struct {
	name string
	lit  string // `,"userId":`
	x    ir.Expr
	kind fieldKind
	// conflicts are the names that this field must not take: events of Segment's
	// specification that the other fields do not fit, each with what is wrong.
	conflicts map[string]string
}

// fieldKind says what Segment takes in a field.
type fieldKind uint8

const (
	anyField    fieldKind = iota
	idField               // text, never ""
	nameField             // of an event, page or screen
	textField             // text, never ""
	timeField             // an instant
	objectField           // an object
)

func kindOfField(name string) fieldKind {
	switch name {
	case "userId", "anonymousId", "groupId", "previousId", "messageId":
		return idField
	case "event", "name":
		return nameField
	case "category":
		return textField
	case "timestamp":
		return timeField
	case "properties", "traits", "context", "integrations":
		return objectField
	}
	return anyField
}

func newSegmentCall(s *ir.SegmentCall) *segmentCall {
	c := &segmentCall{call: s.Call, head: `{"type":"` + s.Call + `","messageId":`}
	for i := range s.Fields {
		f := &s.Fields[i]
		switch f.Name {
		case "messageId":
			c.id = f.X
		case "key":
			c.key, c.keyOpt = f.X, f.Opt
		default:
			fd := field{name: f.Name, lit: `,"` + f.Name + `":`, x: f.X, kind: kindOfField(f.Name)}
			if f.Name == "event" {
				fd.conflicts = s.Conflicts
			}
			c.fields = append(c.fields, fd)
		}
	}
	return c
}

func (c *segmentCall) write(fr *Frame, e *emit, o *event.Output) (string, *diag.Failure) {
	if c.key != nil {
		k, fail := fr.orderingKey(c.key, c.keyOpt)
		if fail != nil {
			return "", fail
		}
		fr.lane(e, o, k)
	}
	var id value.Value
	if c.id != nil {
		v, fail := eval.Expr(c.id, &fr.eval)
		if fail != nil {
			return "", fail
		}
		id = v
	}
	m := message{fr: fr, e: e, o: o, call: c.call, start: fr.here()}
	fr.raw(c.head)
	if fail := m.id(id, c.id); fail != nil {
		return "", fail
	}
	for i := range c.fields {
		f := &c.fields[i]
		v, fail := eval.Expr(f.x, &fr.eval)
		if fail != nil {
			return "", fail
		}
		if fail := m.field(f, v); fail != nil {
			return "", fail
		}
	}
	return "", m.close()
}

// message is one Segment message that is being written.
type message struct {
	fr    *Frame
	e     *emit
	o     *event.Output
	call  string
	start uint32
	own   string // the script's message id where the message holds it escaped
	// has tells which of the fields that a call needs are there.
	hasUser, hasAnonymous, hasGroup, hasPrevious, hasEvent bool
}

// id writes the message id: the script's own, or ours where that is null.
func (m *message) id(v value.Value, x ir.Expr) *diag.Failure {
	fr := m.fr
	if v == nil {
		fr.raw(`"`)
		m.o.ID = fr.id(m.e)
		fr.raw(`"`)
		return nil
	}
	s, ok := v.(string)
	switch {
	case !ok:
		return m.fail(diag.BadID, x, v, "messageId is no text")
	case s == "":
		return m.fail(diag.BadID, x, v, `messageId is ""`)
	case len(s) > MaxMessageID && utf8.RuneCountInString(s) > MaxMessageID:
		return m.fail(diag.BadID, x, v, "messageId has more than %d characters", MaxMessageID)
	}
	at := fr.here() + 1
	fr.out.Buf = value.AppendString(fr.out.Buf, s)
	m.o.ID = event.Bytes{Start: at, End: fr.here() - 1}
	if int(m.o.ID.End-m.o.ID.Start) != len(s) {
		// Escaped in the message: the id itself is written behind it, by close.
		m.own = s
	}
	return nil
}

// field writes one top-level field, unless it is null.
func (m *message) field(f *field, v value.Value) *diag.Failure {
	if v == nil {
		return nil
	}
	if fail := m.judge(f, v); fail != nil {
		return fail
	}
	m.fr.raw(f.lit)
	return m.fr.json(f.x, v)
}

func (m *message) judge(f *field, v value.Value) *diag.Failure {
	s, isText := v.(string)
	switch f.kind {
	case idField:
		switch {
		case !isText:
			return m.fail(diag.BadID, f.x, v, "%s is no text", f.name)
		case s == "":
			return m.fail(diag.BadID, f.x, v, `%s is ""`, f.name)
		case f.name == "groupId" && len(s) > MaxGroupID && utf8.RuneCountInString(s) > MaxGroupID:
			return m.fail(diag.BadID, f.x, v, "groupId has more than %d characters", MaxGroupID)
		}
	case nameField:
		switch {
		case !isText:
			return m.fail(diag.BadName, f.x, v, "%s is no text", f.name)
		case s == "":
			return m.fail(diag.BadName, f.x, v, `%s is ""`, f.name)
		case f.conflicts[s] != "":
			return m.fail(diag.CallField, f.x, v, "the properties do not fit the event %q: %s", s, f.conflicts[s])
		}
	case textField:
		switch {
		case !isText:
			return m.fail(diag.CallField, f.x, v, "%s is no text", f.name)
		case s == "":
			return m.fail(diag.CallField, f.x, v, `%s is ""`, f.name)
		}
	case timeField:
		if _, ok := v.(time.Time); !ok {
			return m.fail(diag.CallField, f.x, v, "%s is no time", f.name)
		}
	case objectField:
		if _, ok := v.(*value.Object); !ok {
			return m.fail(diag.CallField, f.x, v, "%s is no object", f.name)
		}
	}
	m.has(f.name)
	return nil
}

func (m *message) has(name string) {
	switch name {
	case "userId":
		m.hasUser = true
	case "anonymousId":
		m.hasAnonymous = true
	case "groupId":
		m.hasGroup = true
	case "previousId":
		m.hasPrevious = true
	case "event":
		m.hasEvent = true
	}
}

// close ends the message and judges it as a whole.
func (m *message) close() *diag.Failure {
	m.fr.raw("}")
	m.o.Body = event.Bytes{Start: m.start, End: m.fr.here()}
	if m.own != "" {
		m.o.ID.Start = m.fr.here()
		m.fr.raw(m.own)
		m.o.ID.End = m.fr.here()
	}
	if f := m.missing(); f != nil {
		return f
	}
	if n := m.o.Body.End - m.o.Body.Start; n > m.e.ids.policy.limit() {
		f := diag.Failf(diag.EventTooLarge, m.e.at, "the event has %d bytes, Segment takes %d", n, MaxEvent)
		f.Help = "leave out what nobody reads"
		return f
	}
	return nil
}

// missing judges by the rules of Segment's own client.
func (m *message) missing() *diag.Failure {
	switch {
	case m.call == "track" && !m.hasEvent:
		return diag.Failf(diag.BadName, m.e.at, "the event has no name")
	case m.call == "group" && !m.hasGroup:
		return diag.Failf(diag.NoID, m.e.at, "groupId is null")
	case m.call == "alias" && !m.hasPrevious:
		return diag.Failf(diag.NoID, m.e.at, "previousId is null")
	case m.call == "alias" && !m.hasUser:
		return diag.Failf(diag.NoID, m.e.at, "userId is null")
	case !m.hasUser && !m.hasAnonymous:
		f := diag.Failf(diag.NoID, m.e.at, "neither userId nor anonymousId is given: both are null")
		f.Help = "give one that is not null, or `require` it above"
		return f
	}
	return nil
}

func (m *message) fail(c *diag.Code, x ir.Expr, v value.Value, format string, a ...any) *diag.Failure {
	at := m.e.at
	f := diag.Failf(c, at, format, a...)
	if x != nil {
		f.Span, f.Path = spanOf(x, at), eval.PathText(x)
	}
	f.Excerpt = value.Excerpt(v, eval.ExcerptSize)
	return f
}

func spanOf(x ir.Expr, at token.Span) token.Span {
	if s := x.Span(); s.Valid() {
		return s
	}
	return at
}

// segmentPass sends a segment.Call as it is, with its own id and time.
type segmentPass struct{ x ir.Expr }

// passedFields are the fields of a call that go on, in the order of the spec.
// What the first receiver added (receivedAt, sentAt, originalTimestamp) does not:
// the next one computes it anew.
var passedFields = [...]string{"userId", "anonymousId", "event", "name", "category", "groupId", "previousId",
	"timestamp", "properties", "traits", "context", "integrations", "channel", "_metadata"}

func (p *segmentPass) write(fr *Frame, e *emit, o *event.Output) (string, *diag.Failure) {
	v, fail := eval.Expr(p.x, &fr.eval)
	if fail != nil {
		return "", fail
	}
	return p.writeCall(fr, e, o, v)
}

func (p *segmentPass) writeCall(fr *Frame, e *emit, o *event.Output, v value.Value) (string, *diag.Failure) {
	call, ok := v.(*value.Object)
	if !ok {
		return "", eval.Unfit(p.x, v, "a call")
	}
	m := message{fr: fr, e: e, o: o, start: fr.here()}
	typ, _ := call.Get("type")
	m.call, _ = typ.(string)
	switch m.call {
	case "track", "identify", "group", "page", "screen", "alias":
	default:
		return "", m.fail(diag.CallField, p.x, typ, "a call of this type cannot be sent")
	}
	id, _ := call.Get("messageId")
	if s, ok := id.(string); ok && e.ids.own(s) {
		// It was made by this program and came back: sent again it would go
		// round for ever.
		return "loop", nil
	}
	fr.raw(`{"type":"` + m.call + `","messageId":`)
	if fail := m.id(id, p.x); fail != nil {
		return "", fail
	}
	for _, name := range passedFields {
		f := field{name: name, lit: `,"` + name + `":`, x: p.x, kind: kindOfField(name)}
		v, _ := call.Get(name)
		if fail := m.field(&f, v); fail != nil {
			return "", fail
		}
	}
	return "", m.close()
}
