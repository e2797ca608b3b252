package http

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// MaxAnswer bounds the body of an answer that somebody reads.
const MaxAnswer = 4 << 20

// excerptBytes of an answer are kept for a letter.
const excerptBytes = 512

// Got is an answer as it came.
type Got struct {
	Status  int
	Headers []event.Header // names in small letters; of one name the last value counts
	Body    []byte
	// RetryAfter are all values of that header.
	RetryAfter []string
	Date       string
}

// Faults of answers that came and cannot be used, for event.Answer.
const (
	TooLarge     = "larger than 4 MiB"
	NotDecodable = "not decodable"
	NotAccepted  = "not accepted"
)

// reads tells whether the body of an answer is read by somebody.
func (s *Stage) reads() bool {
	return s.IsCall() || s.req.Accept != nil || s.req.RetryWhen != nil || s.emit.Verdicts != nil
}

// Judge says what an answer means for a request of n outputs. One that says "later" is
// no judgement. Else `accept` says first, then `retry_when`, and where neither says
// anything its status.
func (s *Stage) Judge(g *Got, n int, now int64) deliver.Answer {
	a := deliver.HTTPAnswer(deliver.HTTP{
		Status: g.Status, RetryAfter: g.RetryAfter, Date: g.Date, Excerpt: excerpt(g.Body), Dynamic: s.req.Varies, Call: s.IsCall(),
	}, now)
	if to := g.location(); to != "" && a.Class != deliver.Accepted {
		a.Excerpt = clip("it leads to " + to + ", and redirects are not followed")
	}
	fault := ""
	if a.Class != deliver.Gated {
		fault = s.judge(g, n, &a)
	}
	if s.IsCall() {
		a.Whole = &event.Answer{Status: g.Status, Headers: g.Headers, Body: g.Body, Fault: fault, At: now / int64(time.Microsecond)}
	}
	return a
}

// judge applies the conditions of the stage and gives what makes the answer unusable.
func (s *Stage) judge(g *Got, n int, a *deliver.Answer) (fault string) {
	ok, taken := a.Class == deliver.Accepted, false // by its status, by `accept`
	var it value.Value
	if s.req.Accept != nil || s.req.RetryWhen != nil || s.emit != nil && s.emit.Verdicts != nil {
		it = g.value()
	}
	if s.req.Accept != nil && (ok || s.anyStatus) {
		yes, err := s.holds(s.req.Accept, it)
		switch {
		case yes:
			a.Class, taken = deliver.Accepted, true
		case ok && err != nil:
			// A page of a proxy in place of what the receiver says: it may be its own
			// the next time.
			a.Class, a.Code = deliver.Failed, "answer not understood"
			return NotDecodable
		case ok:
			a.Class, a.Code = deliver.Refused, a.Code+" not accepted"
			fault = NotAccepted
		}
	}
	if s.req.RetryWhen != nil && !taken {
		yes, err := s.holds(s.req.RetryWhen, it)
		switch {
		case yes:
			a.Class, a.Code = deliver.Failed, strconv.Itoa(g.Status)+" to be repeated"
			return a.Code
		case ok && err != nil:
			a.Class, a.Code = deliver.Failed, "answer not understood"
			return NotDecodable
		}
	}
	if a.Class != deliver.Accepted {
		return fault
	}
	if s.decode && len(g.Body) > 0 { // no body is null
		if _, bad := value.DecodeJSON(g.Body); bad != nil {
			a.Class, a.Code = deliver.Failed, "answer not decodable"
			return NotDecodable
		}
	}
	return s.each(g, n, it, a)
}

// location is where a redirect leads; "" where the answer is none.
func (g *Got) location() string {
	if g.Status < 300 || g.Status > 399 {
		return ""
	}
	for _, h := range g.Headers {
		if h.Key == "location" {
			return string(h.Value)
		}
	}
	return ""
}

// each asks for the verdicts on the items of a batch.
func (s *Stage) each(g *Got, n int, it value.Value, a *deliver.Answer) (fault string) {
	if s.emit == nil || s.emit.Verdicts == nil {
		return ""
	}
	f := s.frame(s.req.Answer, it)
	defer s.frames.Put(f)
	v, fail := eval.Expr(s.emit.Verdicts, f)
	each := make([]deliver.Verdict, n)
	for i := range each {
		each[i] = deliver.Verdict{Class: deliver.Accepted}
	}
	var err error = fail
	if fail == nil {
		err = verdicts(v, each, strconv.Itoa(g.Status))
	}
	if err != nil {
		// The batch was taken, in part or as a whole: nobody knows.
		a.Class, a.Code, a.Excerpt = deliver.Failed, "verdicts not understood", err.Error()
		return NotDecodable
	}
	a.Each = each
	return ""
}

// verdicts reads a list of { index, ok, why? }.
func verdicts(v value.Value, each []deliver.Verdict, code string) error {
	list, ok := v.(value.List)
	if !ok {
		return fmt.Errorf("verdicts are no list")
	}
	for _, e := range list {
		o, ok := e.(*value.Object)
		if !ok {
			return fmt.Errorf("a verdict is no object")
		}
		at, _ := o.Get("index")
		num, isNumber := at.(value.Number)
		i, whole := num.Int64()
		if !isNumber || !whole || i < 0 || i >= int64(len(each)) {
			return fmt.Errorf("a verdict is of index %s, there are %d items", value.Excerpt(at, 20), len(each))
		}
		good, _ := o.Get("ok")
		if good == true {
			continue
		}
		why, _ := o.Get("why")
		text, _ := why.(string)
		each[i] = deliver.Verdict{Class: deliver.Refused, Code: code + " refused by its verdict", Excerpt: clip(text)}
	}
	return nil
}

// holds evaluates a condition on an answer.
func (s *Stage) holds(x ir.Expr, it value.Value) (bool, error) {
	f := s.frame(s.req.Answer, it)
	defer s.frames.Put(f)
	yes, fail := eval.Bool(x, f)
	if fail != nil {
		return false, fail
	}
	return yes, nil
}

// value is `it`: { status, headers, body }.
func (g *Got) value() value.Value {
	hs := value.NewObject()
	for _, h := range g.Headers {
		hs.Put(h.Key, strings.ToValidUTF8(string(h.Value), "\uFFFD"))
	}
	return value.NewObject(
		value.Field{Key: "status", Value: value.FromInt(int64(g.Status))},
		value.Field{Key: "headers", Value: hs},
		value.Field{Key: "body", Value: decoded(g.Body)},
	)
}

// decoded is a body as a value: what it says as JSON, else text; nothing is null.
func decoded(b []byte) value.Value {
	if len(b) == 0 {
		return nil
	}
	if v, bad := value.DecodeJSON(b); bad == nil {
		return v
	}
	b = bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF"))
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func excerpt(b []byte) string { return clip(string(b[:min(len(b), excerptBytes)])) }

// clip cuts a text for a letter, at a character.
func clip(s string) string {
	if len(s) > excerptBytes {
		s = s[:excerptBytes]
	}
	for n := 0; n < utf8.UTFMax && len(s) > 0 && n < len(s); n++ {
		if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
			break
		}
		s = s[:len(s)-1]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// Headers are those of an answer as Got has them: names in small letters, in order, the
// last value of each.
func Headers(h map[string][]string) []event.Header {
	out := make([]event.Header, 0, len(h))
	for name, vs := range h {
		if len(vs) > 0 {
			out = append(out, event.Header{Key: strings.ToLower(name), Value: []byte(vs[len(vs)-1])})
		}
	}
	slices.SortFunc(out, func(a, b event.Header) int { return strings.Compare(a.Key, b.Key) })
	return out
}
