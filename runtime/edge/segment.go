package edge

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge/request"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// maxBatch is how many bytes Segment takes in a batch.
const maxBatch = 500 << 10

// segmentIn is the place of `from segment`: to an SDK it is what Segment's own API is.
type segmentIn struct {
	path  string
	topic string
	typ   *types.Type
	any   bool // every write key is taken
	keys  [][sha256.Size]byte
}

func newSegmentIn(app string, r *plan.Route, keys Keys, open bool) *segmentIn {
	h := r.Source.Hook
	s := &segmentIn{path: h.Path, topic: kafka.InTopic(app, h.Name()), typ: r.Source.Topics[0].Type, any: open || h.WriteKeys == nil}
	for _, k := range keys.WriteKeys {
		s.keys = append(s.keys, sha256.Sum256([]byte(k)))
	}
	return s
}

func (s *segmentIn) source() string { return s.path }

// below: what it does not know it answers itself, in a way that SDKs understand.
func (s *segmentIn) below(string) bool { return true }

// knows compares a write key with every one, in a time that tells nothing of them.
func (s *segmentIn) knows(key string) bool {
	sum, ok := sha256.Sum256([]byte(key)), 0
	for i := range s.keys {
		ok |= subtle.ConstantTimeCompare(sum[:], s.keys[i][:])
	}
	return s.any || ok == 1
}

// batch is the kind of a request that holds several calls.
const batch = "batch"

// callPaths are the paths of calls behind the place's own.
var callPaths = map[string]string{
	"track": "track", "t": "track", "identify": "identify", "i": "identify", "group": "group", "g": "group",
	"page": "page", "p": "page", "screen": "screen", "s": "screen", "alias": "alias", "a": "alias",
	"batch": batch, "b": batch, "import": batch,
}

func (s *segmentIn) admit(in *Incoming, rest string) (taker, *Answer) {
	switch in.Method {
	case "OPTIONS":
		return nil, &Answer{Status: StatusNoContent, Headers: []Header{{"Allow", "GET, POST, HEAD, OPTIONS"}}}
	case "HEAD":
		return nil, &Answer{Status: StatusOK}
	case "GET", "POST":
	default:
		return nil, &Answer{Status: StatusNotAllowed, Text: "calls come by POST", Headers: []Header{{"Allow", "GET, POST, HEAD, OPTIONS"}}}
	}
	if key, ok := settingsOf(rest); ok {
		return nil, s.settings(in, key)
	}
	if kind := pixelKind(rest); kind != "" {
		return &pixel{s, kind}, nil
	}
	switch kind := callPaths[rest]; {
	case rest == "m" && in.Method == "POST": // what an SDK measures of itself
		return nil, success(nil)
	case kind == "" || rest == "m":
		return nil, &Answer{Status: StatusNotFound, Text: "there is no call at this path: there are track, identify, group, page, screen, alias, batch and import"}
	case in.Method != "POST":
		return nil, &Answer{Status: StatusNotAllowed, Text: "calls come by POST", Headers: []Header{{"Allow", "POST, HEAD, OPTIONS"}}}
	default:
		return &calls{s, kind}, nil
	}
}

// calls is a request with calls whose head was admitted.
type calls struct {
	*segmentIn
	kind string
}

const (
	notBig     = "the body is larger than Segment takes: 500 KB a batch, 32 KB a call"
	noWriteKey = "the write key is missing or wrong"
)

func (c *calls) take(in *Incoming) *Answer {
	body, no := inflated(in)
	if no != nil {
		return no
	}
	if len(body) > maxBatch {
		return &Answer{Status: StatusBadRequest, Text: notBig}
	}
	o, why := objectOf(body)
	if o == nil {
		return &Answer{Status: StatusBadRequest, Text: why}
	}
	key := c.writeKey(in, o)
	if !c.knows(key) {
		return &Answer{Status: StatusUnauthorized, Text: noWriteKey}
	}
	if c.kind != batch {
		return c.one(in, o, key, c.kind, false)
	}
	v, _ := o.Get("batch")
	list, ok := v.(value.List)
	switch {
	case !ok:
		return &Answer{Status: StatusBadRequest, Text: "the body has no batch, which is a list of calls"}
	case len(list) > maxElements:
		return &Answer{Status: StatusBadRequest, Text: "the batch has more than 10,000 calls"}
	}
	l := &letterbox{segmentIn: c.segmentIn, in: in, key: key, envelope: o}
	for i, v := range list {
		if item, ok := v.(*value.Object); ok {
			v = l.prepared(item)
		}
		if !l.add(v, i) {
			return tooLarge("the batch is too large for the log: send it in parts")
		}
	}
	return success(l)
}

// one takes a single call.
func (s *segmentIn) one(in *Incoming, o *value.Object, key, kind string, pixel bool) *Answer {
	l := &letterbox{segmentIn: s, in: in, key: key, pixel: pixel}
	item := o.Clone()
	item.Set("type", kind) // the path says what it is
	v := l.prepared(item)
	if len(value.AppendJSON(nil, v)) > request.MaxCall {
		return &Answer{Status: StatusBadRequest, Text: notBig}
	}
	if !l.add(v, request.Whole) {
		return tooLarge("the call is too large for the log")
	}
	return success(l)
}

// objectOf reads a body as an object, or says why it is none.
func objectOf(body []byte) (*value.Object, string) {
	v, err := value.DecodeJSON(bytes.TrimPrefix(body, []byte("\ufeff")))
	if err != nil {
		return nil, "the body cannot be read: " + err.Error()
	}
	o, ok := v.(*value.Object)
	if !ok {
		return nil, "the body is no object of JSON"
	}
	return o, ""
}

// writeKey gives the write key of a request: of Basic authorization, of the body or of
// the query.
func (s *segmentIn) writeKey(in *Incoming, o *value.Object) string {
	scheme, given, _ := strings.Cut(headerOf(in, "authorization"), " ")
	if strings.EqualFold(scheme, "basic") {
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(given)); err == nil {
			if user, _, _ := strings.Cut(string(b), ":"); user != "" {
				return user
			}
		}
	}
	if v, _ := o.Get("writeKey"); v != nil && v != "" {
		text, _ := v.(string)
		return text
	}
	_, of := request.Without(in.Query, "writeKey")
	if len(of) > 0 {
		return of[len(of)-1]
	}
	return ""
}

// letterbox gathers the records of a request.
type letterbox struct {
	*segmentIn
	in       *Incoming
	key      string
	envelope *value.Object // of a batch; nil: none
	pixel    bool
	records  []Record
	size     int
	broken   []refusal
}

// refusal is a call that Segment would discard.
type refusal struct {
	index  int
	reason string
}

// prepared fills in what stands around a call: the envelope's context, integrations and
// sentAt, of which the call's own win, and the address of a client that people hold in
// their hands. The write key is the request's.
func (l *letterbox) prepared(item *value.Object) *value.Object {
	item = item.Clone()
	item.Delete("writeKey")
	if l.envelope != nil {
		for _, name := range []string{"context", "integrations"} {
			around, ok := objectAt(l.envelope, name)
			if own, _ := item.Get(name); ok && around.Len() > 0 {
				if o, isObject := own.(*value.Object); isObject {
					item.Set(name, merged(around, o))
				} else if own == nil {
					item.Set(name, around)
				}
			}
		}
		if sent, _ := l.envelope.Get("sentAt"); sent != nil && !has(item, "sentAt") {
			item.Set("sentAt", sent)
		}
	}
	l.address(item)
	return item
}

func has(o *value.Object, name string) bool {
	return o.Find(name) != nil
}

func objectAt(o *value.Object, name string) (*value.Object, bool) {
	in, ok := o.Find(name).(*value.Object)
	return in, ok
}

// merged is one object of two, of which over wins.
func merged(under, over *value.Object) *value.Object {
	out := under.Clone()
	for i := range over.Len() {
		out.Set(over.At(i).Key, over.At(i).Value)
	}
	return out
}

// inHand are the libraries of clients that people hold in their hands, by the beginning
// of their names: of these Segment writes the address into the context.
var inHand = []string{"analytics.js", "@segment/analytics-next", "analytics-kotlin", "analytics-swift", "analytics-android", "analytics-ios", "@segment/analytics-react-native", "analytics-react-native", "analytics_flutter"}

// address puts the address of its client into a call that has none.
func (l *letterbox) address(item *value.Object) {
	c, _ := objectAt(item, "context")
	v, there := item.Get("context")
	if c == nil {
		if there && v != nil {
			return // no object: it will be a letter
		}
		c = value.NewObject()
	}
	lib, _ := objectAt(c, "library")
	name := ""
	if lib != nil {
		v, _ := lib.Get("name")
		name, _ = v.(string)
	}
	direct, _ := c.Get("direct")
	client := l.pixel || direct == true || slices.ContainsFunc(inHand, func(p string) bool { return strings.HasPrefix(name, p) })
	if !client || has(c, "ip") {
		return
	}
	ip := clientIP(l.in)
	if ip == "" {
		return
	}
	c = c.Clone()
	c.Set("ip", ip)
	if agent := headerOf(l.in, "user-agent"); l.pixel && agent != "" && !has(c, "userAgent") {
		c.Set("userAgent", agent)
	}
	item.Set("context", c)
}

// add makes the record of a call; false where the log has no room for it.
func (l *letterbox) add(v value.Value, index int) bool {
	r := &request.Request{Method: l.in.Method, Path: l.path, WriteKey: l.key, Element: index, Body: value.AppendJSON(nil, v)}
	how := request.Reading{Received: time.UnixMilli(l.in.Millis).UTC(), Type: l.typ, ID: "-"}
	if _, _, f := how.Read(v, len(r.Body)); f != nil {
		l.broken = append(l.broken, refusal{max(index, 0), f.Reason()})
	}
	rec := Record{Topic: l.topic, Value: r.Append(nil)}
	if o, ok := v.(*value.Object); ok {
		rec.Key = request.CallKey(o)
	}
	n := len(rec.Value) + len(rec.Key) + recordRoom
	l.size += n
	l.records = append(l.records, rec)
	return n <= MaxRecord && l.size <= maxLogged
}

// callKey is the key of a record of Segment's webhook; nil where it names nobody.
func callKey(r *request.Request) []byte {
	v, err := value.DecodeJSON(r.Body)
	o, ok := v.(*value.Object)
	if err != nil || !ok {
		return nil
	}
	return request.CallKey(o)
}
