package request

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Limits of Segment on one call. It never says whether a KB has 1,000 or 1,024 bytes;
// the larger is taken, since clients send as much.
const (
	// MaxCall is in bytes.
	MaxCall = 32 << 10
	// maxMessageID is in characters.
	maxMessageID = 100
)

// Broken is a rule of Segment's ingest that a call breaks.
type Broken struct {
	Reason string // Segment's word for it: "no_user_anon_id"
	Words  string
	Path   string // of the field: ".userId"
	Value  value.Value
}

// Error gives the words and Segment's own.
func (b *Broken) Error() string { return b.Words + " (" + b.Reason + ")" }

// Reading is how a call is read.
type Reading struct {
	Received time.Time
	Type     *types.Type // nil: any
	// ID is the messageId of a call that has none. It is set of calls of SDKs, whose
	// clocks and rules are judged; "" of what Segment itself sends, which has judged them.
	ID string
}

// Call gives the call that was logged, and when it happened.
func (r *Request) Call(how Reading) (value.Value, time.Time, *Fault) {
	v, err := value.DecodeJSON(r.Body)
	if err != nil {
		return nil, time.Time{}, &Fault{Syntax: err}
	}
	return how.Read(v, len(r.Body))
}

// Read reads a value of so many bytes as a call.
func (how Reading) Read(v value.Value, size int) (value.Value, time.Time, *Fault) {
	c, ok := v.(*value.Object)
	if !ok {
		return nil, time.Time{}, &Fault{Broken: &Broken{"bad_request", "the call is no object", ".", v}}
	}
	c = readable(c)
	at := how.timeOf(c)
	if how.ID != "" {
		if m, _ := c.Get("messageId"); m == nil || m == "" {
			c.Set("messageId", how.ID)
		}
		b := judge(c)
		if b == nil && size > MaxCall {
			b = &Broken{Reason: "message_too_large", Words: fmt.Sprintf("the call has %d bytes, Segment takes %d", size, MaxCall), Path: "."}
		}
		if b != nil {
			return nil, time.Time{}, &Fault{Broken: b}
		}
	}
	if how.Type == nil {
		return c, at, nil
	}
	view, bad := types.Judge(c, how.Type, types.Mode{})
	if bad != nil {
		return nil, time.Time{}, &Fault{Mismatch: bad}
	}
	return view, at, nil
}

// Reason is Segment's word for why it would discard a call.
func (f *Fault) Reason() string {
	if f.Broken != nil {
		return f.Broken.Reason
	}
	return "bad_request"
}

// readable is a call without what clients write for nothing: an empty category is what
// one of Segment's own sends for none, and an empty id beside another names nobody. Some
// send the id of a group as a number.
func readable(c *value.Object) *value.Object {
	c = c.Clone()
	if v, _ := c.Get("category"); v == "" {
		c.Delete("category")
	}
	for _, name := range []string{"groupId", "previousId"} {
		if n, ok := c.Find(name).(value.Number); ok {
			c.Set(name, n.Plain())
		}
	}
	if c.Find("type") == "alias" { // as an old page of the webhook destination writes it
		for _, f := range [...]struct{ name, old string }{{"previousId", "Previous ID"}, {"userId", "User ID"}} {
			if v, there := c.Get(f.old); there && !c.Has(f.name) {
				c.Set(f.name, v)
				c.Delete(f.old)
			}
		}
	}
	return c
}

// timeOf tells when a call happened and writes it down: the timestamp of an SDK is
// corrected by how wrong the clock of its sender was when it was sent. A call that was
// received before was corrected there.
func (how Reading) timeOf(c *value.Object) time.Time {
	received := how.Received
	said, there := c.Get("timestamp")
	at, ok := instant(said)
	switch {
	case !there || said == nil || said == "":
		c.Set("timestamp", received)
		return received
	case !ok:
		return received // and what it says is told by its type
	case how.ID == "" || c.Has("originalTimestamp") && c.Has("receivedAt"):
		return at
	}
	sent, ok := instant(c.Find("sentAt"))
	if !ok {
		return at
	}
	right := received.Add(-sent.Sub(at))
	if right.Year() < 1 || right.Year() > 9999 || right.Sub(received) != at.Sub(sent) {
		return at // spans that no clock makes
	}
	c.Set("originalTimestamp", said)
	c.Set("timestamp", right)
	c.Set("receivedAt", received)
	return right
}

// instant reads a time as Segment's calls hold it.
func instant(v value.Value) (time.Time, bool) {
	if v == nil {
		return time.Time{}, false
	}
	got, bad := types.Judge(v, types.TimeT, types.Mode{})
	if bad != nil {
		return time.Time{}, false
	}
	t, ok := got.(time.Time)
	return t, ok
}

// judge tells which rule of Segment's ingest a call breaks; nil: none.
func judge(c *value.Object) *Broken {
	broken := func(reason, path, format string, a ...any) *Broken {
		return &Broken{Reason: reason, Words: fmt.Sprintf(format, a...), Path: "." + path, Value: c.Find(path)}
	}
	kind, _ := c.Find("type").(string)
	switch kind {
	case "track", "identify", "group", "page", "screen", "alias":
	case "":
		return broken("bad_request", "type", "the call has no type")
	default:
		return broken("bad_request", "type", "there is no call of the type %q", kind)
	}
	for _, name := range []string{"userId", "anonymousId", "previousId", "groupId"} {
		v, there := c.Get(name)
		if s, isText := v.(string); there && v != nil && (!isText || s == "") {
			return broken("id_not_string", name, "%s is no text with something in it", name)
		}
	}
	if s, _ := c.Find("messageId").(string); len(s) > maxMessageID && utf8.RuneCountInString(s) > maxMessageID {
		return broken("bad_request", "messageId", "messageId has more than %d characters", maxMessageID)
	}
	if b := whom(c, kind, broken); b != nil {
		return b
	}
	if b := named(c, kind, broken); b != nil {
		return b
	}
	for _, name := range []string{"properties", "traits"} {
		if v := c.Find(name); v != nil {
			if _, ok := v.(*value.Object); !ok {
				return broken(name+"_not_object", name, "%s is no object", name)
			}
		}
	}
	return context(c)
}

// whom judges whether a call names somebody.
func whom(c *value.Object, kind string, broken func(reason, path, format string, a ...any) *Broken) *Broken {
	has := func(name string) bool { return c.Find(name) != nil }
	switch {
	case kind == "alias" && !has("previousId"):
		return broken("id_required", "previousId", "an alias has no previousId")
	case kind == "alias" && !has("userId"):
		return broken("id_required", "userId", "an alias has no userId")
	case !has("userId") && !has("anonymousId"):
		return broken("no_user_anon_id", "userId", "the call has neither userId nor anonymousId")
	case kind == "group" && !has("groupId"):
		return broken("id_required", "groupId", "a group has no groupId")
	}
	return nil
}

// named judges what a call is called.
func named(c *value.Object, kind string, broken func(reason, path, format string, a ...any) *Broken) *Broken {
	switch kind {
	case "track":
		v := c.Find("event")
		if s, ok := v.(string); v == nil || ok && s == "" {
			return broken("event_not_defined", "event", "a track has no event")
		} else if !ok {
			return broken("event_not_string", "event", "the event is no text")
		}
	case "page", "screen":
		if v := c.Find("name"); v != nil {
			if s, ok := v.(string); !ok || s == "" {
				return broken("name_not_string", "name", "the name of a %s is no text with something in it", kind)
			}
		}
		if v := c.Find("category"); v != nil {
			if _, ok := v.(string); !ok {
				return broken("category_not_string", "category", "the category of a %s is no text", kind)
			}
		}
	}
	return nil
}

// context judges what Segment reads of a context.
func context(c *value.Object) *Broken {
	broken := func(reason, words string, path ...string) *Broken {
		b := &Broken{Reason: reason, Words: words, Path: ".context", Value: c.Find(append([]string{"context"}, path...)...)}
		for _, name := range path {
			b.Path += "." + name
		}
		return b
	}
	if v := c.Find("context", "device", "advertisingId"); v != nil {
		if _, ok := v.(string); !ok {
			return broken("device_advertisingid_should_be_string", "the advertising id of the device is no text", "device", "advertisingId")
		}
	}
	consent, ok := c.Find("context", "consent").(*value.Object)
	if !ok {
		return nil
	}
	if v := consent.Find("version"); v != nil {
		if _, ok := v.(value.Number); !ok {
			return broken("consent_version_should_be_number", "the version of the consent is no number", "consent", "version")
		}
	}
	v, there := consent.Get("categoryPreferences")
	preferences, ok := v.(*value.Object)
	switch {
	case !there:
		return broken("consent_categorypreferences_should_exist", "the consent has no categoryPreferences", "consent")
	case !ok:
		return broken("consent_categorypreferences_fields_should_be_object", "the categoryPreferences of the consent are no object", "consent", "categoryPreferences")
	}
	for i := range preferences.Len() {
		if f := preferences.At(i); value.KindOf(f.Value) != value.KindBool {
			return broken("consent_categorypreferences_fields_should_be_bool", "a category of the consent is neither true nor false", "consent", "categoryPreferences", f.Key)
		}
	}
	return nil
}

// CallKey is the key of a call's record: who did it; nil where nobody is named.
func CallKey(c *value.Object) []byte {
	for _, name := range []string{"userId", "anonymousId"} {
		if s, ok := c.Find(name).(string); ok && s != "" {
			return []byte(s)
		}
	}
	return nil
}
