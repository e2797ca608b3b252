package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/segmentio/analytics-go/v3"
)

// segmentCalls are the paths of the Tracking API: what its own libraries post
// to. The value is the call a path stands for, "batch" for a batch.
var segmentCalls = map[string]string{
	"/v1/batch": "batch", "/v1/b": "batch", "/v1/import": "batch",
	"/v1/track": "track", "/v1/t": "track",
	"/v1/identify": "identify", "/v1/i": "identify",
	"/v1/group": "group", "/v1/g": "group",
	"/v1/page": "page", "/v1/p": "page",
	"/v1/screen": "screen", "/v1/s": "screen",
	"/v1/alias": "alias", "/v1/a": "alias",
}

// segment judges a request whose body has been read and, if all of it is
// good, accepts its events.
func (r *Receiver) segment(call string, req *http.Request, body []byte) verdict {
	if req.Method != http.MethodPost {
		return verdict{status: http.StatusMethodNotAllowed, code: "method", message: "only POST is answered here"}
	}
	if r.opts.Count {
		return r.countOnly(call, req, body)
	}
	if t, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || t != "application/json" && t != "text/plain" {
		return refuse("bad_request", "content type %q, want application/json", req.Header.Get("Content-Type"))
	}
	if !json.Valid(body) || !utf8.Valid(body) {
		return refuse("bad_request", "body is not valid JSON")
	}
	if body = trimSpace(body); len(body) == 0 || body[0] != '{' {
		return refuse("bad_request", "body is not an object")
	}
	env := parseEnvelope(body)
	if v := r.authorize(req, env.writeKey); v.status != http.StatusOK {
		return v
	}
	raws := [][]byte{body}
	if call == "batch" {
		if len(env.batch) == 0 || env.batch[0] != '[' {
			return refuse("empty_batch", "body has no array \"batch\"")
		}
		raws = raws[:0]
		elements(env.batch, func(e []byte) bool { raws = append(raws, e); return true })
	}
	switch {
	case len(raws) == 0:
		return refuse("empty_batch", "batch is empty")
	case len(raws) > MaxBatchEvents:
		return refuse("bad_request", "batch has %d events, at most %d are taken", len(raws), MaxBatchEvents)
	}
	now := time.Now()
	events := make([]Event, len(raws))
	var problems []problem
	for i, raw := range raws {
		ev, code, msg := judge(raw, call, now)
		if ev.SentAt.IsZero() {
			ev.SentAt = env.sentAt
		}
		if code == "" && !ev.Numbered && r.opts.Number != nil {
			r.opts.Number(&ev)
		}
		if code == "" && r.opts.Refuse != nil {
			if msg = r.opts.Refuse(ev); msg != "" {
				code = "refused"
			}
		}
		if code != "" {
			problems = append(problems, problem{Index: i, Code: code, Message: msg})
		}
		events[i] = ev
	}
	if problems != nil {
		v := refuse(problems[0].Code, "%d of %d events refused, none taken: %s", len(problems), len(raws), problems[0].Message)
		v.problems = problems
		return v
	}
	r.take(events)
	return verdict{status: http.StatusOK}
}

// take accepts the events of one request.
func (r *Receiver) take(events []Event) {
	r.accept.Lock()
	defer r.accept.Unlock()
	if r.opts.Ledger != nil {
		r.opts.Ledger.record(events)
	}
	if r.opts.OnEvent != nil {
		for _, ev := range events {
			r.opts.OnEvent(ev)
		}
	}
	r.events.Add(uint64(len(events)))
}

// countOnly accepts a request by counting its events.
func (r *Receiver) countOnly(call string, req *http.Request, body []byte) verdict {
	if v := r.authorize(req, ""); v.status != http.StatusOK {
		return v
	}
	n := 1
	if call == "batch" {
		n = 0
		members(body, func(key, val []byte) bool {
			if string(key) != "batch" {
				return true
			}
			elements(val, func([]byte) bool { n++; return true })
			return false
		})
		if n == 0 {
			return refuse("empty_batch", "found no events in the batch")
		}
	}
	r.events.Add(uint64(n))
	return verdict{status: http.StatusOK}
}

// authorize looks for the write key: HTTP Basic with it as the user, or in
// the body. A request with both is judged by the header.
func (r *Receiver) authorize(req *http.Request, inBody string) verdict {
	key, _, ok := req.BasicAuth()
	if !ok {
		key = inBody
	}
	switch {
	case key == "":
		return verdict{status: http.StatusUnauthorized, code: "invalid_write_key", message: "no write key: send HTTP Basic with it as the user, or \"writeKey\" in the body"}
	case r.opts.WriteKey != "" && key != r.opts.WriteKey:
		return verdict{status: http.StatusUnauthorized, code: "invalid_write_key", message: "write key is not the one of this source"}
	}
	return verdict{status: http.StatusOK}
}

// envelope is what a request says beside its events.
type envelope struct {
	writeKey string
	sentAt   time.Time
	batch    []byte
}

func parseEnvelope(body []byte) envelope {
	var e envelope
	members(body, func(key, val []byte) bool {
		switch string(key) {
		case "writeKey":
			e.writeKey, _ = text(val)
		case "sentAt":
			e.sentAt, _ = instant(val)
		case "batch":
			e.batch = val
		}
		return true
	})
	return e
}

// message holds the fields of one event that are judged: the value's bytes,
// nil where it is absent. null counts as absent, as the libraries in the
// browser send it.
type message struct {
	typ, messageID, userID, anonymousID, groupID, previousID []byte
	event, name, category                                    []byte
	properties, traits, context, integrations                []byte
	timestamp, originalTimestamp, sentAt                     []byte
}

func (m *message) field(name string) *[]byte {
	switch name {
	case "type":
		return &m.typ
	case "messageId":
		return &m.messageID
	case "userId":
		return &m.userID
	case "anonymousId":
		return &m.anonymousID
	case "groupId":
		return &m.groupID
	case "previousId":
		return &m.previousID
	case "event":
		return &m.event
	case "name":
		return &m.name
	case "category":
		return &m.category
	case "properties":
		return &m.properties
	case "traits":
		return &m.traits
	case "context":
		return &m.context
	case "integrations":
		return &m.integrations
	case "timestamp":
		return &m.timestamp
	case "originalTimestamp":
		return &m.originalTimestamp
	case "sentAt":
		return &m.sentAt
	}
	return nil
}

// GetField lets analytics-go's own rules read the message.
func (m *message) GetField(name string) (any, bool) {
	if p := m.field(name); p != nil && *p != nil {
		if s, ok := text(*p); ok {
			return s, true
		}
	}
	return nil, false
}

// judge reads one event and gives Segment's discard reason, or "" for a good
// one. It goes through the documented reasons first, for their names, then
// asks analytics-go's ValidateFields, which Segment's own client runs.
func judge(raw []byte, call string, now time.Time) (ev Event, code, msg string) {
	ev = Event{At: now, Raw: raw}
	if len(raw) > MaxEventBytes {
		return ev, "bad_request", fmt.Sprintf("event has %d bytes, at most %d are taken", len(raw), MaxEventBytes)
	}
	if raw[0] != '{' {
		return ev, "bad_request", "event is not an object"
	}
	var m message
	members(raw, func(key, val []byte) bool {
		if p := m.field(string(key)); p != nil {
			*p = val
			if string(val) == "null" {
				*p = nil
			}
		}
		return true
	})
	if call != "batch" {
		if t, ok := text(m.typ); m.typ != nil && (!ok || t != call) {
			return ev, "bad_request", fmt.Sprintf("type %s posted to %s", m.typ, call)
		}
		m.typ = []byte(`"` + call + `"`)
	}
	if code, msg = m.types(); code != "" {
		return ev, code, msg
	}
	if code, msg = m.required(); code != "" {
		return ev, code, msg
	}
	if err := analytics.ValidateFields(&m); err != nil {
		return ev, "bad_request", err.Error()
	}
	ev.Call, _ = text(m.typ)
	ev.MessageID, _ = text(m.messageID)
	ev.UserID, _ = text(m.userID)
	ev.Anonymous, _ = text(m.anonymousID)
	if ev.Name, _ = text(m.event); m.event == nil {
		ev.Name, _ = text(m.name)
	}
	ev.Timestamp, _ = instant(m.timestamp)
	ev.SentAt, _ = instant(m.sentAt)
	ev.number(&m)
	return ev, "", ""
}

// types checks that what is there is of its kind.
func (m *message) types() (code, msg string) {
	for _, f := range []struct {
		name, code string
		val        []byte
	}{
		{"userId", "id_not_string", m.userID},
		{"anonymousId", "id_not_string", m.anonymousID},
		{"groupId", "id_not_string", m.groupID},
		{"previousId", "id_not_string", m.previousID},
		{"event", "event_not_string", m.event},
		{"name", "name_not_string", m.name},
		{"category", "category_not_string", m.category},
		{"messageId", "bad_request", m.messageID},
	} {
		if f.val == nil {
			continue
		}
		if s, ok := text(f.val); !ok || s == "" {
			return f.code, fmt.Sprintf("%q is not a string with something in it", f.name)
		}
	}
	if id, _ := text(m.messageID); utf8.RuneCountInString(id) > MaxMessageID {
		return "bad_request", fmt.Sprintf("messageId has %d characters, at most %d are taken", utf8.RuneCountInString(id), MaxMessageID)
	}
	for _, f := range []struct {
		name, code string
		val        []byte
	}{
		{"properties", "properties_not_object", m.properties},
		{"traits", "traits_not_object", m.traits},
		{"context", "bad_request", m.context},
		{"integrations", "bad_request", m.integrations},
	} {
		if f.val != nil && f.val[0] != '{' {
			return f.code, fmt.Sprintf("%q is not an object", f.name)
		}
	}
	for _, f := range []struct {
		name string
		val  []byte
	}{{"timestamp", m.timestamp}, {"originalTimestamp", m.originalTimestamp}, {"sentAt", m.sentAt}} {
		if f.val == nil {
			continue
		}
		if _, ok := instant(f.val); !ok {
			return "bad_request", fmt.Sprintf("%q is not an ISO-8601 time with a zone", f.name)
		}
	}
	if bad := advertisingID(m.context); bad {
		return "device_advertisingid_should_be_string", "\"context.device.advertisingId\" is not a string"
	}
	return "", ""
}

// advertisingID tells whether context.device.advertisingId is there and of
// the wrong kind.
func advertisingID(context []byte) (bad bool) {
	if !bytes.Contains(context, []byte("advertisingId")) {
		return false
	}
	members(context, func(key, device []byte) bool {
		if string(key) == "device" && device[0] == '{' {
			members(device, func(key, id []byte) bool {
				if string(key) == "advertisingId" {
					_, ok := text(id)
					bad = !ok && string(id) != "null"
				}
				return true
			})
		}
		return true
	})
	return bad
}

// required checks that what a call cannot do without is there.
func (m *message) required() (code, msg string) {
	typ, _ := text(m.typ)
	if !slices.Contains([]string{"track", "identify", "group", "page", "screen", "alias"}, typ) {
		return "bad_request", fmt.Sprintf("type %q is not a call", typ)
	}
	switch {
	case typ == "track" && m.event == nil:
		return "event_not_defined", "track without \"event\""
	case typ == "group" && m.groupID == nil:
		return "id_required", "group without \"groupId\""
	case typ == "alias" && (m.userID == nil || m.previousID == nil):
		return "id_required", "alias without \"userId\" and \"previousId\""
	case typ != "alias" && m.userID == nil && m.anonymousID == nil:
		return "no_user_anon_id", typ + " without \"userId\" or \"anonymousId\""
	}
	return "", ""
}

// number reads what the producer wrote for the ledger.
func (ev *Event) number(m *message) {
	for _, obj := range [][]byte{m.properties, m.traits, m.context} {
		if obj == nil || ev.Numbered {
			continue
		}
		members(obj, func(key, val []byte) bool {
			switch string(key) {
			case "seq":
				ev.Seq, ev.Numbered = count(val)
			case "topic":
				ev.Topic, _ = text(val)
			case "user":
				ev.User, _ = text(val)
			}
			return true
		})
		if !ev.Numbered {
			ev.Topic, ev.User = "", ""
		}
	}
	if ev.User == "" {
		ev.User = ev.UserID
	}
	if ev.User == "" {
		ev.User = ev.Anonymous
	}
}
