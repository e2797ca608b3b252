package op

import (
	"encoding/hex"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Answers are kept as rows, by a hash of all that was sent, with the time of the record
// that asked: { status, headers, body }, the body in its bytes. What a kept answer is to a
// record is judged as that of an answer of its own; one that it could not use is none.

// maxKept is the size of the largest answer that is kept, in bytes.
const maxKept = 1 << 20

// recall binds the answer of an equal request.
func (s *call) recall(fr *Frame, c *event.Call) bool {
	now := fr.micros()
	if now == event.NoMicros {
		return false // no time says how old an answer is
	}
	row, fail := fr.stored(s.kept, s.cell(fr, c), nil, s.at)
	if fail != nil || !row.there || row.past(now, s.within) {
		return false
	}
	o, _ := row.v.(*value.Object)
	if o == nil {
		return false
	}
	status, _ := o.Get("status")
	headers, _ := o.Get("headers")
	body, _ := o.Get("body")
	code, _ := status.(value.Number)
	n, _ := code.Int64()
	r := reply{status: int(n)}
	r.headers, _ = headers.(*value.Object)
	b, ok := body.(value.Bytes)
	if r.body = b; !ok || r.headers == nil {
		return false
	}
	held, fail := s.judge(fr, r)
	return held && fail == nil
}

// keep keeps an answer that the record used, for what was asked to get it. The record may
// ask for something else by now, where that hangs on more than itself.
func (s *call) keep(fr *Frame, n int, a *event.Answer) *diag.Failure {
	now := fr.micros()
	if now == event.NoMicros || len(a.Body) > maxKept {
		return nil
	}
	c, fail := s.request(fr, n)
	if fail != nil || c.Out.Group != a.Sum {
		return nil
	}
	key := s.cell(fr, c)
	old, fail := fr.stored(s.kept, key, nil, s.at)
	if fail != nil {
		old = row{}
	}
	v := value.NewObject(
		value.Field{Key: "status", Value: value.FromInt(int64(a.Status))},
		value.Field{Key: "headers", Value: eval.AnswerHeaders(a.Headers)},
		value.Field{Key: "body", Value: value.Bytes(a.Body)})
	fr.put(s.kept, key, old, row{v: v, at: now, since: now, there: true}, s.within)
	return fr.full(s.at)
}

// cell is the key of the cell of a request's answer.
func (s *call) cell(fr *Frame, c *event.Call) []byte {
	o := c.Out
	b := fr.buf[:0]
	for _, part := range [...]event.Bytes{o.Target, o.Headers, o.Body} {
		b = appendText(b, string(part.Of(o.Arena)))
	}
	fr.buf = b
	h := xxh3.Hash128(b).Bytes()
	fr.cell = value.AppendTextKey(fr.cell[:0], hex.EncodeToString(h[:]))
	return fr.cell
}
