package edge

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge/request"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// hook is the place of `from webhook`.
type hook struct {
	open    bool
	decl    *ir.Hook
	topic   string
	secrets [][sha256.Size]byte
	signed  []*Signature
	key     ir.Expr // nil: none
	typ     *types.Type
	strict  bool
	slots   int
	frames  sync.Pool // *eval.Frame
}

func newHook(app string, r *plan.Route, keys Keys, open bool) *hook {
	s := r.Source
	h := &hook{open: open, decl: s.Hook, topic: kafka.InTopic(app, s.Hook.Name()), signed: keys.Signatures, key: s.Key,
		typ: s.Topics[0].Type, strict: s.Topics[0].Strict, slots: r.Slots}
	if h.typ != nil && h.typ.Kind == types.Any {
		h.typ = nil
	}
	for _, secret := range keys.Secrets {
		h.secrets = append(h.secrets, sha256.Sum256([]byte(secret)))
	}
	return h
}

func (h *hook) source() string { return h.decl.Path }

// below: a secret may stand behind the path.
func (h *hook) below(rest string) bool {
	return h.decl.Secret != nil && !strings.Contains(rest, "/")
}

func (h *hook) admit(in *Incoming, rest string) (taker, *Answer) {
	switch {
	case in.Method == "HEAD":
		return nil, &Answer{Status: StatusOK}
	case in.Method == "OPTIONS":
		return nil, &Answer{Status: StatusNoContent, Headers: h.allow()}
	case !slices.Contains(h.decl.Methods, in.Method):
		return nil, &Answer{Status: StatusNotAllowed, Text: "this webhook takes " + strings.Join(h.decl.Methods, " and "), Headers: h.allow()}
	}
	v := &visit{h, in.Query}
	if h.decl.Secret == nil {
		return v, nil
	}
	without, tokens := request.Without(in.Query, "token")
	given := tokens
	if rest != "" {
		given = []string{request.Unescape(rest)}
	}
	if !h.open && !h.knows(given) {
		return nil, &Answer{Status: StatusUnauthorized, Text: "the secret of this webhook is missing or wrong"}
	}
	// Behind a secret in the path a token is the sender's own, unless it is one, too.
	if rest == "" || h.knows(tokens) {
		v.query = without
	}
	return v, nil
}

// allow lists the methods.
func (h *hook) allow() []Header {
	return []Header{{"Allow", strings.Join(append(slices.Clone(h.decl.Methods), "HEAD", "OPTIONS"), ", ")}}
}

// knows compares what was given with every secret, in a time that tells nothing of
// them: neither which one it was nor how much of it was right.
func (h *hook) knows(given []string) bool {
	ok := 0
	for _, g := range given {
		sum := sha256.Sum256([]byte(g))
		for i := range h.secrets {
			ok |= subtle.ConstantTimeCompare(sum[:], h.secrets[i][:])
		}
	}
	return ok == 1
}

// visit is a request to a webhook whose head was admitted.
type visit struct {
	*hook
	query string // without a token
}

// take makes the records of a request. What can be logged is taken: whether a route
// can read it shows when it arrives there.
func (h *visit) take(in *Incoming) *Answer {
	body, no := inflated(in)
	if no != nil {
		return no
	}
	r := &request.Request{Method: in.Method, Path: h.decl.Path, Query: h.query, Headers: headersOf(in), RemoteIP: in.RemoteIP,
		Body: bytes.TrimPrefix(body, []byte("\ufeff")), Element: request.Whole}
	// Before the signature: the first call of many a service is not signed, and no
	// record comes of it.
	if text := h.challenge(r, in.Millis); text != "" {
		return &Answer{Status: StatusOK, Body: []byte(text), Type: plainText}
	}
	if no := h.unsigned(in, body); no != nil {
		return no
	}
	out := &Answer{Status: StatusOK, Text: "ok"}
	out.Replaced, out.Macros = r.Oddities(h.typ)
	size := 0
	add := func() bool {
		rec := Record{Topic: h.topic, Value: r.Append(nil), Key: h.keyOf(r, in.Millis)}
		n := len(rec.Value) + len(rec.Key) + recordRoom
		size += n
		out.Records = append(out.Records, rec)
		return n <= MaxRecord && size <= maxLogged
	}
	list := elements(r)
	if list == nil {
		if !add() {
			return tooLarge("the request is too large for the log")
		}
		return out
	}
	if len(list) > maxElements {
		return tooLarge("the list has more than 10,000 elements")
	}
	for i, e := range list {
		r.Body, r.Element = e, i
		if !add() {
			return tooLarge("the list is too large for the log: send it in parts")
		}
	}
	return out
}

// unsigned is the answer to a request that no signature of the webhook holds for.
func (h *hook) unsigned(in *Incoming, body []byte) *Answer {
	if h.open || h.decl.Verify == nil {
		return nil
	}
	if why := judge(h.signed, in, body); why != "" {
		return &Answer{Status: StatusUnauthorized, Text: why}
	}
	return nil
}

func tooLarge(why string) *Answer {
	return &Answer{Status: StatusEntityTooLarge, Text: why}
}

// elements gives the elements of a body that is a list of something.
func elements(r *request.Request) []json.RawMessage {
	if r.IsForm() || r.IsMultipart() || !bytes.HasPrefix(bytes.TrimLeft(r.Body, " \t\r\n"), []byte("[")) {
		return nil
	}
	var out []json.RawMessage
	if json.Unmarshal(r.Body, &out) != nil || len(out) == 0 {
		return nil
	}
	return out
}

// unlogged are headers that are not written down: what only this connection is about,
// and what lets someone in.
var unlogged = []string{
	"authorization", "proxy-authorization", "cookie",
	"connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "expect",
	"content-length", "content-encoding", "accept-encoding",
}

// headersOf gives the headers to be logged; the last of a name counts.
func headersOf(in *Incoming) *value.Object {
	o := value.NewObject()
	for _, h := range in.Headers {
		if name := strings.ToLower(h.Name); !slices.Contains(unlogged, name) {
			o.Set(strings.ToValidUTF8(name, "\ufffd"), strings.ToValidUTF8(h.Value, "\ufffd"))
		}
	}
	return o
}

// keyOf gives the key of a record; nil where it has none, or it cannot be made: then
// the record becomes a letter when it arrives.
func (h *hook) keyOf(r *request.Request, millis int64) []byte {
	if h.decl.Segment != "" {
		return callKey(r)
	}
	if h.key == nil || r.Empty() {
		return nil
	}
	v, fault := r.View(h.typ, h.strict)
	if fault != nil {
		return nil
	}
	k, ok := h.text(h.key, r, v, millis, "a key")
	if !ok {
		return nil
	}
	return append([]byte{}, k...)
}

// challenge gives the text that the request is to be answered with; "" where it is none
// of the kind that asks for one.
func (h *hook) challenge(r *request.Request, millis int64) string {
	if h.decl.Challenge == nil {
		return ""
	}
	v, fault := r.View(nil, false)
	if fault != nil {
		return ""
	}
	text, _ := h.text(h.decl.Challenge, r, v, millis, "a challenge")
	return text
}

// text evaluates an option on a request that reads as v; false where that is null or
// fails.
func (h *hook) text(x ir.Expr, r *request.Request, v value.Value, millis int64, what string) (string, bool) {
	f, ok := h.frames.Get().(*eval.Frame)
	if !ok {
		f = &eval.Frame{Ctx: &types.Context{}}
	}
	defer h.frames.Put(f)
	f.Begin(&event.Record{Topic: h.topic, Timestamp: millis}, h.slots)
	f.Ctx.Now = func() value.Value { return time.UnixMilli(millis).UTC() }
	f.Cur, f.Event = v, v
	f.Request = &event.Request{Method: r.Method, Path: r.Path, RemoteIP: r.RemoteIP, Headers: r.Headers, Element: r.Element}
	f.Time = eval.Timestamp(millis)
	k, fail := eval.Expr(x, f)
	if _, isBool := k.(bool); fail != nil || k == nil || isBool && x == h.decl.Challenge {
		return "", false // a condition is no answer
	}
	s, fail := eval.Plain(x, k, what)
	return s, fail == nil
}
