package op

import (
	"errors"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// topicRecord writes a record of a topic.
type topicRecord struct {
	topic   ir.Expr
	key     ir.Expr // nil: the ordering key
	keyOpt  bool    // the ordering key, too, where it is null
	value   ir.Expr
	headers ir.Expr // nil: none of its own
	passed  []byte  // the route, as it stands in sluice-path
}

func (t *topicRecord) write(fr *Frame, e *emit, o *event.Output) (string, *diag.Failure) {
	name, fail := t.name(fr)
	if fail != nil {
		return "", fail
	}
	o.Target = fr.text(name)
	key := fr.key
	if t.key != nil {
		if key, fail = fr.orderingKey(t.key, t.keyOpt); fail != nil {
			return "", fail
		}
		fr.lane(e, o, key)
	}
	o.NoKey = key == nil
	o.Key = fr.text(string(key))
	v, fail := eval.Expr(t.value, &fr.eval)
	if fail != nil {
		return "", fail
	}
	if o.Tombstone = v == nil; o.Tombstone && o.NoKey {
		return "", diag.Failf(diag.NoKey, e.at, "a tombstone for %q needs a key", name)
	}
	o.Body.Start = fr.here()
	if v != nil {
		if fail := fr.json(t.value, v); fail != nil {
			return "", fail
		}
	}
	o.Body.End = fr.here()
	o.ID = fr.id(e)
	return "", t.writeHeaders(fr, o)
}

func (t *topicRecord) name(fr *Frame) (string, *diag.Failure) {
	v, fail := eval.Expr(t.topic, &fr.eval)
	if fail != nil {
		return "", fail
	}
	s, ok := v.(string)
	if !ok {
		return "", eval.Unfit(t.topic, v, "the name of a topic")
	}
	if !topicName(s) {
		f := diag.Failf(diag.BadName, t.topic.Span(), "%q is no name of a topic", s)
		f.Path = eval.PathText(t.topic)
		f.Help = "letters, digits, `.`, `_` and `-`, at most 249 of them"
		return "", f
	}
	return s, nil
}

// topicName judges by Kafka's rules.
func topicName(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > 249 {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}) < 0
}

// writeHeaders writes the script's headers and then ours, so that ours count
// where a name comes twice.
func (t *topicRecord) writeHeaders(fr *Frame, o *event.Output) *diag.Failure {
	o.Headers.Start = fr.here()
	if t.headers != nil {
		if fail := t.own(fr); fail != nil {
			return fail
		}
	}
	fr.out.Buf = appendOurHeaders(fr.out.Buf, o.ID.Of(fr.out), passedBy(fr.rec), t.passed)
	o.Headers.End = fr.here()
	return nil
}

// appendOurHeaders writes the headers that every record of ours has.
func appendOurHeaders(dst, id []byte, before string, passed []byte) []byte {
	if before != "" {
		passed = append([]byte(before+","), passed...)
	}
	dst = event.AppendHeader(dst, headerID, id)
	return event.AppendHeader(dst, headerPath, passed)
}

// appendHeaders writes the headers of a script; false where one is no text.
func appendHeaders(dst []byte, v value.Value) ([]byte, bool) {
	if v == nil {
		return dst, true
	}
	hs, ok := v.(*value.Object)
	for i := 0; ok && i < hs.Len(); i++ {
		h := hs.At(i)
		s, err := headerText(h)
		if err != nil {
			return dst, false
		}
		dst = event.AppendHeader(dst, h.Key, []byte(s))
	}
	return dst, ok
}

// headerText gives the text of a header.
func headerText(h value.Field) (string, error) {
	s, err := value.Plain(h.Value)
	if err == nil && strings.ContainsAny(s+h.Key, "\r\n\x00") {
		err = errLineBreak
	}
	return s, err
}

var errLineBreak = errors.New("a line break or NUL")

func (t *topicRecord) own(fr *Frame) *diag.Failure {
	v, fail := eval.Expr(t.headers, &fr.eval)
	if fail != nil {
		return fail
	}
	if v == nil {
		return nil
	}
	hs, ok := v.(*value.Object)
	if !ok {
		return eval.Unfit(t.headers, v, "an object")
	}
	for i := 0; i < hs.Len(); i++ {
		h := hs.At(i)
		s, err := headerText(h)
		if err != nil {
			f := diag.Failf(diag.HeaderText, t.headers.Span(), "header %q: %v", h.Key, err)
			f.Path = eval.FieldText(h.Key)
			f.Excerpt = value.Excerpt(h.Value, eval.ExcerptSize)
			return f
		}
		fr.out.Buf = event.AppendHeader(fr.out.Buf, h.Key, []byte(s))
	}
	return nil
}

// text appends text to the arena and tells where it stands.
func (fr *Frame) text(s string) event.Bytes {
	start := fr.here()
	fr.raw(s)
	return event.Bytes{Start: start, End: fr.here()}
}

// logLine writes a line of the log.
type logLine struct {
	name   ir.Expr // nil: none
	fields ir.Expr
}

func (l *logLine) write(fr *Frame, e *emit, o *event.Output) (string, *diag.Failure) {
	if l.name != nil {
		v, fail := eval.Expr(l.name, &fr.eval)
		if fail != nil {
			return "", fail
		}
		s, fail := eval.Plain(l.name, v, "a name")
		if fail != nil {
			return "", fail
		}
		o.Target = fr.text(s)
	}
	v, fail := eval.Expr(l.fields, &fr.eval)
	if fail != nil {
		return "", fail
	}
	o.Body.Start = fr.here()
	if fail := fr.json(l.fields, v); fail != nil {
		return "", fail
	}
	o.Body.End = fr.here()
	o.ID = fr.id(e)
	return "", nil
}
