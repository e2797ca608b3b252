// Package edge is where requests from outside become records: a front, which is pure
// and says what becomes of a request (its records and the answer), and the server
// around it, which appends the records and answers when they are durable.
//
// The front is the same in `run`, in `dev` and in golden cases. It must not know how
// a route goes on with a record.
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

// Limits of one request.
const (
	// MaxBody is how many bytes a body may have, on the wire and inflated: as many as a
	// value.
	MaxBody = 4 << 20
	// maxElements is how many records a list may become, as many as a `split` makes.
	maxElements = 10_000
	// maxLogged bounds what one request takes in the log: each element of a list bears
	// the headers of all.
	maxLogged = 32 << 20
	// MaxRecord is what the topic of a webhook takes: a body of text in which every byte
	// is escaped may be longer, and is refused.
	MaxRecord = 9 << 20
	// recordRoom is what Kafka adds to a record.
	recordRoom = 4 << 10
)

// Incoming is a request as it came.
type Incoming struct {
	Method   string
	Path     string // as sent, escaped
	Query    string
	Headers  []Header
	RemoteIP string
	Body     []byte
	Millis   int64 // when it came, since 1970
}

// Header is one header of it.
type Header struct{ Name, Value string }

// Answer is what the sender is told, and what is to be appended before that.
type Answer struct {
	Status  int
	Text    string
	Allow   string // methods; "" where they are not the point
	Records []Record
}

// Record is one record for the topic of a webhook.
type Record struct {
	Topic string
	Key   []byte // nil: none
	Value []byte
}

// Options of a front.
type Options struct {
	// Secrets are those of each webhook by its path.
	Secrets map[string][]value.Secret
	// Open asks for no secret: in `dev`, and in golden cases, where requests count as
	// signed.
	Open bool
}

// Front knows the webhooks of a program. It may be used by many goroutines at once.
type Front struct {
	open  bool
	hooks map[string]*hook
}

// hook is one webhook.
type hook struct {
	decl    *ir.Hook
	topic   string
	secrets [][sha256.Size]byte
	key     ir.Expr // nil: none
	typ     *types.Type
	strict  bool
	slots   int
	frames  sync.Pool // *eval.Frame
}

// NewFront takes the webhooks of a program; nil where it has none.
func NewFront(p *plan.Plan, o Options) *Front {
	f := &Front{open: o.Open, hooks: map[string]*hook{}}
	for _, r := range p.Routes {
		s := r.Source
		if s.Hook == nil {
			continue
		}
		if h := f.hooks[s.Hook.Path]; h != nil {
			h.slots = max(h.slots, r.Slots)
			continue // routes of one path have equal options
		}
		h := &hook{decl: s.Hook, topic: kafka.InTopic(p.App, s.Hook.Name()), key: s.Key, typ: s.Topics[0].Type, strict: s.Topics[0].Strict, slots: r.Slots}
		if h.typ != nil && h.typ.Kind == types.Any {
			h.typ = nil
		}
		for _, secret := range o.Secrets[s.Hook.Path] {
			h.secrets = append(h.secrets, sha256.Sum256([]byte(secret)))
		}
		f.hooks[s.Hook.Path] = h
	}
	if len(f.hooks) == 0 {
		return nil
	}
	return f
}

// Paths lists the webhooks.
func (f *Front) Paths() []string {
	var out []string
	for p := range f.hooks {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// Admitted is a request whose head was judged and whose body is wanted.
type Admitted struct {
	hook  *hook
	query string // without a token
}

// Admit judges the head of a request. An answer says that its body need not be read.
func (f *Front) Admit(in *Incoming) (*Admitted, *Answer) {
	h, given := f.find(in.Path)
	if h == nil {
		return nil, &Answer{Status: StatusNotFound, Text: "there is no webhook at this path"}
	}
	switch {
	case in.Method == "HEAD":
		return nil, &Answer{Status: StatusOK}
	case in.Method == "OPTIONS":
		return nil, &Answer{Status: StatusNoContent, Allow: h.allow()}
	case !slices.Contains(h.decl.Methods, in.Method):
		return nil, &Answer{Status: StatusNotAllowed, Text: "this webhook takes " + strings.Join(h.decl.Methods, " and "), Allow: h.allow()}
	}
	a := &Admitted{h, in.Query}
	if h.decl.Secret == nil {
		return a, nil
	}
	if given == nil {
		a.query, given = request.Without(in.Query, "token")
	}
	if !f.open && !h.knows(given) {
		return nil, &Answer{Status: StatusUnauthorized, Text: "the secret of this webhook is missing or wrong"}
	}
	return a, nil
}

// Do judges a request and takes it.
func (f *Front) Do(in *Incoming) *Answer {
	a, no := f.Admit(in)
	if no != nil {
		return no
	}
	return a.Take(in)
}

// find gives the webhook of a path, and the secret that stands behind it; nil: none does.
func (f *Front) find(path string) (*hook, []string) {
	path = strings.TrimSuffix(path, "/")
	if h := f.hooks[request.Unescape(path)]; h != nil {
		return h, nil
	}
	i := strings.LastIndexByte(path, '/')
	if i <= 0 {
		return nil, nil
	}
	if h := f.hooks[request.Unescape(path[:i])]; h != nil && h.decl.Secret != nil {
		return h, []string{request.Unescape(path[i+1:])}
	}
	return nil, nil
}

// allow lists the methods for the header of that name.
func (h *hook) allow() string {
	return strings.Join(append(slices.Clone(h.decl.Methods), "HEAD", "OPTIONS"), ", ")
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

// Take makes the records of a request. What can be logged is taken: whether a route
// can read it shows when it arrives there.
func (a *Admitted) Take(in *Incoming) *Answer {
	body, no := inflated(in)
	if no != nil {
		return no
	}
	h := a.hook
	r := &request.Request{Method: in.Method, Path: h.decl.Path, Query: a.query, Headers: headersOf(in), RemoteIP: in.RemoteIP,
		Body: bytes.TrimPrefix(body, []byte("\ufeff")), Element: request.Whole}
	out := &Answer{Status: StatusOK, Text: "ok"}
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

func tooLarge(why string) *Answer {
	return &Answer{Status: StatusEntityTooLarge, Text: why}
}

// elements gives the elements of a body that is a list of something.
func elements(r *request.Request) []json.RawMessage {
	if r.IsForm() || !bytes.HasPrefix(bytes.TrimLeft(r.Body, " \t\r\n"), []byte("[")) {
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
	if h.key == nil || r.Empty() {
		return nil
	}
	v, fault := r.View(h.typ, h.strict)
	if fault != nil {
		return nil
	}
	f, ok := h.frames.Get().(*eval.Frame)
	if !ok {
		f = &eval.Frame{Ctx: &types.Context{}}
	}
	defer h.frames.Put(f)
	f.Begin(&event.Record{Topic: h.topic, Timestamp: millis}, h.slots)
	f.Ctx.Now = func() value.Value { return time.UnixMilli(millis).UTC() }
	f.Cur, f.Event = v, v
	f.Request = &event.Request{Method: r.Method, Path: r.Path, RemoteIP: r.RemoteIP, Headers: r.Headers}
	f.Time = eval.Timestamp(millis)
	k, fail := eval.Expr(h.key, f)
	if fail != nil {
		return nil
	}
	s, fail := eval.Plain(h.key, k, "a key")
	if fail != nil {
		return nil
	}
	return append([]byte{}, s...)
}
