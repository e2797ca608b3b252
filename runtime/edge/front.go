// Package edge is where requests from outside become records: a front, which is pure
// and says what becomes of a request (its records and the answer), and the server
// around it, which appends the records and answers when they are durable.
//
// The front is the same in `run`, in `dev` and in golden cases. It must not know how
// a route goes on with a record.
package edge

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge/request"
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
	Status int
	Text   string // words, sent with a line end behind them
	// Body is sent as it is, as Type, where Text is empty.
	Body    []byte
	Type    string
	Headers []Header // beside those
	Records []Record
	// Counted is the status that it is counted as, where that is another: of an image
	// whose call was not taken.
	Counted int
	// Replaced counts parameters of the request in which bytes that are no text became
	// U+FFFD, and Macros, by field, texts that are macros nobody expanded.
	Replaced int
	Macros   map[string]int
}

// Record is one record for the topic of a webhook.
type Record struct {
	Topic string
	Key   []byte // nil: none
	Value []byte
}

// Keys are what opens one webhook.
type Keys struct {
	Secrets    []value.Secret // of its path or its token
	Signatures []*Signature   // one of them must hold; none: requests need not be signed
	WriteKeys  []value.Secret // of Segment's SDKs
}

// Options of a front.
type Options struct {
	// Keys are those of each webhook by its path.
	Keys map[string]Keys
	// Open asks for no secret and no signature: in `dev`, and in golden cases, where
	// requests count as signed.
	Open bool
}

// place is one way in: what it does with a request.
type place interface {
	// source is the path in the script.
	source() string
	// below tells whether a request is for this place whose path goes on behind the
	// place's own with rest: "batch", "v1/t".
	below(rest string) bool
	// admit judges the head of a request. An answer says that its body need not be read.
	admit(in *Incoming, rest string) (taker, *Answer)
}

// taker takes the body of a request whose head was admitted.
type taker interface {
	take(in *Incoming) *Answer
}

// Front knows the webhooks of a program. It may be used by many goroutines at once.
type Front struct {
	places map[string]place
	open   bool // it may say what there is
}

// NewFront takes the webhooks of a program; nil where it has none.
func NewFront(p *plan.Plan, o Options) *Front {
	f := &Front{places: map[string]place{}, open: o.Open}
	for _, r := range p.Routes {
		s := r.Source
		if s.Hook == nil {
			continue
		}
		if old := f.places[s.Hook.Path]; old != nil {
			if h, ok := old.(*hook); ok {
				h.slots = max(h.slots, r.Slots)
			}
			continue // routes of one path have equal options
		}
		if s.Hook.Segment == "sdk" {
			f.places[s.Hook.Path] = newSegmentIn(p.App, r, o.Keys[s.Hook.Path], o.Open)
			continue
		}
		f.places[s.Hook.Path] = newHook(p.App, r, o.Keys[s.Hook.Path], o.Open)
	}
	if len(f.places) == 0 {
		return nil
	}
	return f
}

// Paths lists the webhooks.
func (f *Front) Paths() []string {
	var out []string
	for p := range f.places {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

// Admitted is a request whose head was judged and whose body is wanted.
type Admitted struct {
	Source string // the webhook's path
	taker  taker
}

// Take makes the records of a request.
func (a *Admitted) Take(in *Incoming) *Answer { return a.taker.take(in) }

// Admit judges the head of a request. An answer says that its body need not be read.
func (f *Front) Admit(in *Incoming) (*Admitted, *Answer) {
	p, rest := f.find(in.Path)
	if p == nil {
		text := "there is no webhook at this path"
		if f.open {
			text += ": there are " + strings.Join(f.Paths(), ", ")
		}
		return nil, &Answer{Status: StatusNotFound, Text: text}
	}
	t, no := p.admit(in, rest)
	if no != nil {
		return nil, no
	}
	return &Admitted{p.source(), t}, nil
}

// Do judges a request and takes it.
func (f *Front) Do(in *Incoming) *Answer {
	a, no := f.Admit(in)
	if no != nil {
		return no
	}
	return a.Take(in)
}

// Source names the webhook of a path, as the script writes it; "" where there is none.
func (f *Front) Source(path string) string {
	if p, _ := f.find(path); p != nil {
		return p.source()
	}
	return ""
}

// find gives the place of a path: of several the one whose own path is the longest, and
// what the request's has behind it.
func (f *Front) find(path string) (p place, rest string) {
	path = strings.TrimSuffix(path, "/")
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '/') {
		p := f.places[request.Unescape(path[:end])]
		rest := strings.TrimPrefix(path[end:], "/")
		if p != nil && (rest == "" || p.below(rest)) {
			return p, rest
		}
	}
	return nil, ""
}
