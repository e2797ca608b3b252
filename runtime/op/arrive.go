package op

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// arrival is what happens to a record before its first stage: it is decoded,
// judged by the type of its topic (E2), and its time and key are taken.
type arrival struct {
	place
	at        token.Span
	topics    []topic
	any       *topic // of a pattern: what every topic is
	made      string // of a table: every record is; why none is fused
	hook      bool   // records are requests to a webhook
	file      bool   // records are lines of a file
	dead      bool   // records are dead letters
	segment   string // records are calls of Segment: ir.Hook.Segment
	key       ir.Expr
	maxFuture time.Duration
	passed    string // this route, as it stands in sluice-path
	space     *space // whose people changes or rows are about; nil: they are about nobody
	person    ir.Slot
	hasPerson bool // `as p`
	// begins are the types of the records that begin at a step, for those that are
	// replayed with another value.
	begins map[int]*types.Type
}

type topic struct {
	name   string
	typ    *types.Type // nil: any
	strict bool
	text   bool // values come as texts, and are read by the type
	// takesNull: a tombstone is a value of the type, so it is not skipped.
	takesNull bool
	fused     *fused
}

func (c *compiler) source(s *ir.Source) error {
	a := &c.route.arrival
	a.place = place{stage: "from", node: c.route.plan.Name + "/from"}
	if len(c.route.plan.Nodes) > 0 && c.route.plan.Nodes[0].Stage == nil {
		a.node = c.route.plan.Nodes[0].ID
	}
	a.at, a.key, a.passed = s.At, s.Key, c.route.passed
	if err := c.about(a, s); err != nil {
		return err
	}
	a.maxFuture = time.Duration(s.MaxFutureMS) * time.Millisecond
	switch s.Kind {
	case "topic":
		for _, t := range s.Topics {
			a.topics = append(a.topics, newTopic(t.Name, t.Type, t.Strict))
		}
	case "topics":
		if _, err := regexp.Compile(s.Pattern); err != nil {
			return fmt.Errorf("route %s: pattern of its topics: %w", c.route.plan.Name, err)
		}
		// Source.Type is what the view is; what is judged stands with the one topic,
		// which has no name, as only that knows of defaults.
		t := newTopic("", s.Type, s.Strict)
		if len(s.Topics) > 0 {
			t = newTopic("", s.Topics[0].Type, s.Topics[0].Strict)
		}
		a.any = &t
	case "webhook":
		t := newTopic("", s.Topics[0].Type, s.Topics[0].Strict)
		t.takesNull = false // a request is never null, whatever its body is
		a.any, a.hook, a.made = &t, true, "requests are taken apart first"
	case "segment":
		t := newTopic("", s.Topics[0].Type, false)
		t.takesNull = false
		a.any, a.hook, a.segment, a.made = &t, true, s.Hook.Segment, "calls are taken apart first"
	case "file":
		t := newTopic("", s.Topics[0].Type, s.Topics[0].Strict)
		a.any, a.file = &t, true
		if t.text = s.File.Format == "csv"; t.text {
			a.made = "the texts of a CSV file are read by their types"
		}
	case "dead":
		a.any, a.dead, a.made = &topic{}, true, "letters are taken apart first"
	case "every":
		// Of a letter that is replayed: a tick itself comes as a value.
		t := newTopic("", s.Topics[0].Type, false)
		a.any, a.made = &t, "ticks come as values"
	case "changes":
		a.made = "changes come as values"
	case "table":
		a.made = "rows come as values"
	default:
		return fmt.Errorf("route %s: no arrival from %q", c.route.plan.Name, s.Kind)
	}
	return nil
}

// about finds the identity space of the people whom changes or rows are about.
func (c *compiler) about(a *arrival, s *ir.Source) error {
	of := s.Space
	switch {
	case of != nil || s.Table == nil:
	case s.Table.Audience != nil:
		of = s.Table.Audience.On.Space
	default:
		of = s.Table.Space
	}
	if of == nil {
		return nil
	}
	if c.route.group != nil {
		a.space = c.route.group.spaceOf(of)
	}
	if a.space == nil {
		return fmt.Errorf("route %s: the plan has no state for the identity space %s", c.route.plan.Name, of.Name)
	}
	a.person, a.hasPerson = s.Person, s.HasPerson
	return nil
}

func newTopic(name string, t *types.Type, strict bool) topic {
	tp := topic{name: name, typ: t, strict: strict, takesNull: t == nil || types.Member(nil, t)}
	if t != nil && t.Kind == types.Any {
		tp.typ = nil
	}
	return tp
}

func (a *arrival) topic(name string) *topic {
	if a.any != nil {
		return a.any
	}
	for i := range a.topics {
		if a.topics[i].name == name {
			return &a.topics[i]
		}
	}
	return nil
}

// admit gives the topic of a record; nil when the record has ended before it
// was read.
func (a *arrival) admit(fr *Frame) *topic {
	// Of what a record became, its own passing is no loop.
	if m := fr.rec.Made; m != nil && m.Kind != event.Change && m.Kind != event.Row {
		return &made
	}
	if loops(fr.rec, a.passed) {
		fr.drop(&a.place, "loop", ended)
		return nil
	}
	if fr.rec.Made != nil {
		return &made
	}
	t := a.topic(fr.rec.Topic)
	if t == nil { // only of what is replayed: the program has changed
		fr.fail(&a.place, diag.Failf(diag.NotReplayed, a.at, "the record came from the topic %q, which the route does not read any more", fr.rec.Topic))
		return nil
	}
	if r := fr.rec.Replay; a.file && (r == nil || !r.Corrected) {
		if fail := a.unread(fr.rec); fail != nil {
			fr.fail(&a.place, fail)
			return nil
		}
	}
	if fr.rec.Value == nil && !t.takesNull {
		fr.drop(&a.place, "tombstone", ended)
		return nil
	}
	return t
}

// made is the topic of records that no log gave.
var made topic

// time is @time on arrival, in microseconds, where there is one and it is not too
// far ahead: what the watermark goes by, also of a record that fails.
func (a *arrival) time(fr *Frame) int64 {
	if m := fr.rec.Made; m != nil {
		if t, ok := m.Time.(time.Time); ok {
			return t.UnixMicro()
		}
		return event.NoMicros
	}
	ms := fr.rec.Timestamp
	if ms == event.NoTime || ms < firstMilli || ms > fr.nowMS+a.maxFuture.Milliseconds() {
		return event.NoMicros
	}
	return ms * 1000
}

// firstMilli is the year 1 in milliseconds since 1970, before which there are no times.
const firstMilli = -62_135_596_800_000

// arrive decodes the record and prepares the frame, and tells at which step it
// begins; false when it has ended.
func (a *arrival) arrive(fr *Frame, t *topic) (entry int, ok bool) {
	if m := fr.rec.Made; m != nil {
		if fail, ok := m.Frame.(*diag.Failure); ok && m.Kind == event.Row {
			fr.fail(&a.place, fail)
			return 0, false
		}
		if !a.begin(fr, m) {
			fr.drop(&a.place, "forgotten", ended)
			return 0, false
		}
		if fail := a.corrected(fr, m); fail != nil {
			fr.fail(&a.place, fail)
			return 0, false
		}
		return m.Entry, true
	}
	if a.dead {
		return 0, a.letter(fr)
	}
	if a.hook {
		return 0, a.request(fr, t)
	}
	v, fail := a.decode(&fr.eval, fr.rec.Value, t)
	if fail == nil {
		fr.eval.Cur, fr.eval.Event = v, v
		fail = a.meta(fr)
	}
	if fail != nil {
		if a.file {
			fail = lined(fr.rec, fail)
		}
		fr.fail(&a.place, fail)
		return 0, false
	}
	return 0, true
}

// begin prepares the frame for a record that the engine made; false where its person was
// forgotten while it waited.
func (a *arrival) begin(fr *Frame, m *event.Made) bool {
	f := &fr.eval
	f.Cur, f.Event, f.Time = m.Value, m.Value, m.Time
	fr.key = nil
	if c, ok := m.Frame.(*carried); ok {
		fr.resume(c)
		if !fr.meanwhile(c) {
			return false
		}
	} else if m.Kind == event.Row {
		fr.key = fr.rec.Key
	} else if ch, ok := m.Value.(*value.Object); ok && m.Kind == event.Change {
		key, _ := ch.Get("key")
		fr.key = orderOf(key)
	}
	if a.space != nil && (m.Kind == event.Change || m.Kind == event.Row) {
		a.who(fr, m)
	}
	return true
}

// who binds the person whom a change or a row is about, who orders what comes of it:
// as they were, where they are no more, else as they are today.
func (a *arrival) who(fr *Frame, m *event.Made) {
	who, ok := m.Person.(*value.Object)
	if !ok {
		id, ok := m.Person.(string)
		switch {
		case ok:
		case !a.hasPerson:
			return
		default:
			id = string(fr.key)
		}
		who = fr.personOf(a.space, id)
	}
	id := idOf(who)
	fr.key, fr.who = []byte(id), id
	fr.named(id)
	if a.hasPerson {
		fr.eval.Slots[a.person] = who
	}
}

// decode reads and judges the value of a record.
func (a *arrival) decode(f *eval.Frame, b []byte, t *topic) (value.Value, *diag.Failure) {
	if b == nil {
		return nil, nil
	}
	v, err := value.DecodeJSON(b)
	if err != nil {
		return nil, a.undecodable(err)
	}
	if !f.Fits(v) {
		return nil, diag.Failf(diag.TooLarge, a.at, "the value is larger than 4 MiB")
	}
	if t.typ == nil {
		return v, nil
	}
	view, m := types.Judge(v, t.typ, types.Mode{Strict: t.strict, Text: t.text})
	if m != nil {
		return nil, eval.Mismatched(a.at, m)
	}
	return view, nil
}

func (a *arrival) undecodable(err *value.SyntaxError) *diag.Failure {
	code := diag.BadJSON
	switch {
	case strings.HasPrefix(err.Reason, "not UTF-8"):
		code = diag.NotUTF8
	case strings.HasPrefix(err.Reason, "nested more than"):
		code = diag.TooDeep
	}
	f := diag.Failf(code, a.at, "%v", err)
	f.Help = err.Help
	return f
}

// meta takes time and key of the record.
func (a *arrival) meta(fr *Frame) *diag.Failure {
	if ms := fr.rec.Timestamp; ms != event.NoTime {
		// A timestamp no calendar has (a producer that writes nanoseconds) is
		// ahead of every clock.
		if t, ok := eval.Timestamp(ms).(time.Time); ok {
			if f := future(t, fr.now, a.maxFuture, a.at); f != nil {
				return f
			}
			fr.eval.Time = t
		} else if ms > 0 {
			return diag.Failf(diag.FutureTime, a.at, "the record's timestamp, %d ms, is after the year 9999", ms)
		}
	}
	fr.key = fr.rec.Key
	if a.key == nil {
		return nil
	}
	v, fail := eval.Expr(a.key, &fr.eval)
	if fail != nil {
		return fail
	}
	s, fail := eval.Plain(a.key, v, "a key")
	if fail != nil {
		return fail
	}
	// Not nil even when empty: "" is a key.
	fr.key = append(make([]byte, 0, len(s)+1), s...)
	return nil
}

// Headers of records that Sluice writes (language.md §11 Topics).
const (
	headerID   = "sluice-id"
	headerPath = "sluice-path"
)

// loops tells whether a record has passed this route before. A constant topic
// that leads back is an error of the program; a dynamic one shows only here.
func loops(rec *event.Record, passed string) bool {
	p := passedBy(rec)
	return p != "" && slices.Contains(strings.Split(p, ","), passed)
}

// passedBy is the record's sluice-path, "app/route,app/route"; "" when it has none.
func passedBy(rec *event.Record) string {
	for i := len(rec.Headers) - 1; i >= 0; i-- {
		if rec.Headers[i].Key == headerPath {
			return string(rec.Headers[i].Value)
		}
	}
	return ""
}
