package op_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/analytics-go/v3"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

// Ids are for ever: a sink takes repeats out by them. These vectors may only be
// added to.
func TestMessageIDsAreStable(t *testing.T) {
	each := &ir.Each{StageInfo: info("each"), In: cur("l"), Slot: 0, Body: []ir.Stage{
		&ir.Each{StageInfo: info("each#2"), In: slot(0, "x"), Slot: 1, Body: []ir.Stage{log(slot(1, "y"))}}}}
	b := build(t, types.AnyT, log(cur("")), each)
	r := record(`{"l":[[1],[2,3]]}`)
	r.TopicID = event.TopicID{0: 1, 15: 2}
	if got := show(b.record(r)); got != "completed" {
		t.Fatal(got)
	}
	want := []string{
		"sl1-80d992fc82da57e98b6a78c33c5e7c9a",
		"sl1-80d992fc124bc6710335033c5b7d992b",
		"sl1-80d992fc870664628c4f25c973e87222",
		"sl1-80d992fc1787fa5f97c48928c96ef708",
	}
	var got []string
	for i := range b.rout.Outs {
		got = append(got, string(b.rout.Outs[i].ID.Of(&b.rout)))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ids (-want +got):\n%s", diff)
	}
}

// What a record makes is named by where it came from and by nothing else.
func TestMessageIDsDiffer(t *testing.T) {
	b := build(t, types.AnyT, log(cur("")))
	seen := map[string]string{}
	run := func(what string, change func(*event.Record)) {
		r := record("1")
		change(r)
		b.reset()
		b.record(r)
		id := string(b.rout.Outs[0].ID.Of(&b.rout))
		if other, ok := seen[id]; ok {
			t.Errorf("%s has the id of %s", what, other)
		}
		seen[id] = what
	}
	run("the record", func(*event.Record) {})
	run("another offset", func(r *event.Record) { r.Offset++ })
	run("another partition", func(r *event.Record) { r.Partition++ })
	run("another topic", func(r *event.Record) { r.TopicID[0]++ })
	b.reset()
	r := record("2")
	r.Key, r.Timestamp = []byte("other"), r.Timestamp-1
	b.record(r)
	if seen[string(b.rout.Outs[0].ID.Of(&b.rout))] != "the record" {
		t.Error("content, key and time are no part of the id")
	}
}

// Each message equals, as JSON, what Segment's own client sends for the same
// message: numbers as decimals, times as instants.
func TestMessagesAreThoseOfSegmentsClient(t *testing.T) {
	at := time.Date(2026, 2, 28, 23, 59, 59, 123_000_000, time.UTC)
	text := "a \"b\" <c> & é \u2028 \x1b 😀"
	props := value.NewObject(
		value.Field{Key: "total", Value: num("42.50")}, value.Field{Key: "n", Value: num("12345678901234567890")},
		value.Field{Key: "null", Value: nil}, value.Field{Key: "text", Value: text},
		value.Field{Key: "list", Value: value.List{num("1"), true, value.NewObject()}}, value.Field{Key: "at", Value: at})
	goProps := map[string]any{"total": json.Number("42.50"), "n": json.Number("12345678901234567890"), "null": nil, "text": text,
		"list": []any{json.Number("1"), true, map[string]any{}}, "at": "2026-02-28T23:59:59.123Z"}
	context := value.NewObject(value.Field{Key: "ip", Value: "203.0.113.7"}, value.Field{Key: "library", Value: value.NewObject(value.Field{Key: "name", Value: "route"})})
	goContext := &analytics.Context{Extra: map[string]any{"ip": "203.0.113.7", "library": map[string]any{"name": "route"}}}
	off := value.NewObject(value.Field{Key: "All", Value: false})
	goOff := analytics.Integrations{"All": false}

	fields := func(kv ...any) (fs []ir.CallField) {
		for i := 0; i < len(kv); i += 2 {
			fs = append(fs, ir.CallField{Name: kv[i].(string), X: lit(kv[i+1])})
		}
		return append(fs, ir.CallField{Name: "timestamp", X: lit(at)}, ir.CallField{Name: "context", X: lit(context)}, ir.CallField{Name: "integrations", X: lit(off)})
	}
	for _, tt := range []struct {
		call   string
		fields []ir.CallField
		same   analytics.Message
	}{
		{"track", fields("userId", "u1", "anonymousId", nil, "event", "Order <Completed>", "properties", props),
			analytics.Track{UserId: "u1", Event: "Order <Completed>", Properties: goProps, Timestamp: at, Context: goContext, Integrations: goOff}},
		{"track", fields("anonymousId", "v1", "event", "E", "messageId", "own \"id\"", "properties", value.NewObject()),
			analytics.Track{AnonymousId: "v1", Event: "E", MessageId: "own \"id\"", Timestamp: at, Context: goContext, Integrations: goOff}},
		{"identify", fields("userId", "u1", "anonymousId", "v1", "traits", props),
			analytics.Identify{UserId: "u1", AnonymousId: "v1", Traits: goProps, Timestamp: at, Context: goContext, Integrations: goOff}},
		{"group", fields("userId", "u1", "groupId", "g1", "traits", props),
			analytics.Group{UserId: "u1", GroupId: "g1", Traits: goProps, Timestamp: at, Context: goContext, Integrations: goOff}},
		{"page", fields("anonymousId", "v1", "name", "Home", "properties", props),
			analytics.Page{AnonymousId: "v1", Name: "Home", Properties: goProps, Timestamp: at, Context: goContext, Integrations: goOff}},
		{"screen", fields("userId", "u1", "name", nil, "properties", props),
			analytics.Screen{UserId: "u1", Properties: goProps, Timestamp: at, Context: goContext, Integrations: goOff}},
		{"alias", fields("userId", "u1", "previousId", "v1"),
			analytics.Alias{UserId: "u1", PreviousId: "v1", Timestamp: at, Context: goContext, Integrations: goOff}},
	} {
		t.Run(tt.call, func(t *testing.T) {
			e := &ir.Emit{StageInfo: info("emit"), ID: tt.call, Sink: &ir.SegmentCall{Call: tt.call, Fields: tt.fields}}
			b := build(t, types.AnyT, e)
			if got := show(b.run("1")); got != "completed" {
				t.Fatal(got)
			}
			o := &b.rout.Outs[0]
			ours := decode(t, o.Body.Of(&b.rout))
			if id := string(o.ID.Of(&b.rout)); ours["messageId"] != id {
				t.Errorf("the output's id is %q, the message's %q", id, ours["messageId"])
			}
			theirs := sentByClient(t, tt.same)
			if theirs["messageId"] != ours["messageId"] {
				theirs["messageId"] = ours["messageId"] // a random one of the client
			}
			// The client leaves empty properties and traits out; for Segment that is the same.
			for _, k := range []string{"properties", "traits"} {
				if o, ok := ours[k].(map[string]any); ok && len(o) == 0 {
					delete(ours, k)
				}
			}
			if diff := cmp.Diff(theirs, ours, cmp.Comparer(sameDecimal)); diff != "" {
				t.Errorf("message (-client +ours):\n%s", diff)
			}
		})
	}
}

func sameDecimal(a, b json.Number) bool {
	x, _ := value.ParseNumber(string(a))
	y, _ := value.ParseNumber(string(b))
	return x.Cmp(y) == 0
}

// decode reads a message with its timestamp as an instant.
func decode(t *testing.T, b []byte) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	if s, ok := m["timestamp"].(string); ok {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		m["timestamp"] = at.UTC()
	}
	return m
}

// sentByClient gives what the client puts on the wire for a message.
func sentByClient(t *testing.T, m analytics.Message) map[string]any {
	t.Helper()
	got := make(chan []byte, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got <- b
		_, _ = io.WriteString(w, `{"success":true}`)
	}))
	defer srv.Close()
	c, err := analytics.NewWithConfig("key", analytics.Config{Endpoint: srv.URL, BatchSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Enqueue(m); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var env struct{ Batch []json.RawMessage }
	if err := json.Unmarshal(<-got, &env); err != nil {
		t.Fatal(err)
	}
	return decode(t, env.Batch[0])
}

func TestSegmentJudgesBeforeSending(t *testing.T) {
	u := ir.CallField{Name: "userId", X: cur("u")}
	ev := ir.CallField{Name: "event", X: cur("e")}
	id := ir.CallField{Name: "messageId", X: cur("id")}
	props := ir.CallField{Name: "properties", X: cur("p")}
	call := func(kind string, fs ...ir.CallField) ir.Stage {
		return &ir.Emit{StageInfo: info("emit"), ID: kind, Sink: &ir.SegmentCall{Call: kind, Fields: fs}}
	}
	long := strings.Repeat("ä", op.MaxMessageID)
	for _, tt := range []struct {
		name string
		emit ir.Stage
		in   string
		want string
	}{
		{"a track", call("track", u, ev), `{"u":"u1","e":"E"}`, "completed"},
		{"nobody", call("track", u, ev), `{"e":"E"}`, "E0430 at emit"},
		{"an empty id", call("track", u, ev), `{"u":"","e":"E"}`, "E0431 .u at emit"},
		{"no name", call("track", u, ev), `{"u":"u1"}`, "E0433 at emit"},
		{"an empty name", call("track", u, ev), `{"u":"u1","e":""}`, "E0433 .e at emit"},
		{"a name that is no text", call("track", u, ev), `{"u":"u1","e":3}`, "E0433 .e at emit"},
		{"a page needs no name", call("page", u), `{"u":"u1"}`, "completed"},
		{"a page's name is not empty", call("page", u, ir.CallField{Name: "name", X: cur("e")}), `{"u":"u1","e":""}`, "E0433 .e at emit"},
		{"a group needs a group", call("group", u, ir.CallField{Name: "groupId", X: cur("g")}), `{"u":"u1"}`, "E0430 at emit"},
		{"an alias needs both", call("alias", u, ir.CallField{Name: "previousId", X: cur("g")}), `{"u":"u1"}`, "E0430 at emit"},
		{"an id of 100 characters", call("track", u, ev, id), `{"u":"u1","e":"E","id":"` + long + `"}`, "completed"},
		{"an id of 101 characters", call("track", u, ev, id), `{"u":"u1","e":"E","id":"` + long + `ä"}`, "E0431 .id at emit"},
		{"a null message id is ours", call("track", u, ev, id), `{"u":"u1","e":"E"}`, "completed"},
		{"an empty message id", call("track", u, ev, id), `{"u":"u1","e":"E","id":""}`, "E0431 .id at emit"},
		{"properties are an object", call("track", u, ev, props), `{"u":"u1","e":"E","p":[]}`, "E0436 .p at emit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build(t, types.AnyT, tt.emit)
			if got := show(b.run(tt.in)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestEventsAreBounded(t *testing.T) {
	b := build(t, types.AnyT, track(ir.CallField{Name: "userId", X: lit("u")}, ir.CallField{Name: "event", X: lit("E")}, ir.CallField{Name: "properties", X: cur("")}))
	body := func(n int) string { return fmt.Sprintf(`{"t":%q}`, strings.Repeat("x", n)) }
	if got := show(b.run(body(0))); got != "completed" {
		t.Fatal(got)
	}
	room := op.MaxEvent - int(b.rout.Outs[0].Body.End-b.rout.Outs[0].Body.Start)
	if got := show(b.run(body(room))); got != "completed" {
		t.Error("32 KiB:", got)
	}
	if got := show(b.run(body(room + 1))); got != "E0432 at emit" {
		t.Error("a byte more:", got)
	}
}

func TestOrderingKey(t *testing.T) {
	b := build(t, types.AnyT, log(cur("")),
		track(ir.CallField{Name: "userId", X: lit("u")}, ir.CallField{Name: "event", X: lit("E")}, ir.CallField{Name: "key", X: cur("")}))
	r := record(`"k"`)
	b.record(r)
	if o := b.rout.Outs; !o[0].Ordered || !o[1].Ordered || o[0].Lane != o[1].Lane {
		t.Errorf("the key of the braces and the record's are one key where they are one text: %+v", o)
	}
	r.Key = nil
	b.reset()
	b.record(r)
	if o := b.rout.Outs; o[0].Ordered || !o[1].Ordered {
		t.Errorf("without a key there is no order to keep: %+v", o)
	}
	if got := show(b.run("null")); got != "E0410 . at emit" {
		t.Error(got)
	}
}

func TestTopicRecords(t *testing.T) {
	for _, tt := range []struct {
		name string
		rec  ir.TopicRecord
		in   string
		want string // outcome
		out  string // target|key|body|headers of the script
	}{
		{"defaults: ordering key and .", ir.TopicRecord{Topic: lit("o"), Value: cur("")}, `{"a":1}`, "completed", `o|k|{"a":1}|`},
		{"a key prints plain", ir.TopicRecord{Topic: lit("o"), Key: cur("a"), Value: cur("a")}, `{"a":3146.0}`, "completed", `o|3146|3146.0|`},
		{"an empty key is a key", ir.TopicRecord{Topic: lit("o"), Key: cur("a"), Value: cur("a")}, `{"a":""}`, "completed", `o||""|`},
		{"a null key fails", ir.TopicRecord{Topic: lit("o"), Key: cur("a"), Value: cur("")}, `{}`, "E0410 .a at emit", ""},
		{"null is a tombstone", ir.TopicRecord{Topic: lit("o"), Value: cur("a")}, `{}`, "completed", `o|k|tombstone|`},
		{"a topic of the record's choice", ir.TopicRecord{Topic: cur("t"), Value: lit(true)}, `{"t":"x.y-z_1"}`, "completed", `x.y-z_1|k|true|`},
		{"no name of a topic", ir.TopicRecord{Topic: cur("t"), Value: lit(true)}, `{"t":"a b"}`, "E0433 .t at emit", ""},
		{"headers", ir.TopicRecord{Topic: lit("o"), Value: lit(true), Headers: cur("h")}, `{"h":{"a":1.0,"b":"x"}}`, "completed", `o|k|true|a=1,b=x`},
		{"a null header fails", ir.TopicRecord{Topic: lit("o"), Value: lit(true), Headers: cur("h")}, `{"h":{"a":null}}`, "E0435 .a at emit", ""},
		{"a line break in a header fails", ir.TopicRecord{Topic: lit("o"), Value: lit(true), Headers: cur("h")}, `{"h":{"a":"x\ny"}}`, "E0435 .a at emit", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build(t, types.AnyT, toTopic(tt.rec))
			if got := show(b.run(tt.in)); got != tt.want {
				t.Fatalf("got %s, want %s", got, tt.want)
			}
			if got := topicRecord(b); got != tt.out {
				t.Errorf("got %s, want %s", got, tt.out)
			}
		})
	}
}

func topicRecord(b *bench) string {
	if len(b.rout.Outs) == 0 {
		return ""
	}
	o := &b.rout.Outs[0]
	body := string(o.Body.Of(&b.rout))
	if o.Tombstone {
		body = "tombstone"
	}
	var hs []string
	event.EachHeader(o.Headers.Of(&b.rout), func(k string, v []byte) {
		if !strings.HasPrefix(k, "sluice-") {
			hs = append(hs, k+"="+string(v))
		}
	})
	return strings.Join([]string{string(o.Target.Of(&b.rout)), string(o.Key.Of(&b.rout)), body, strings.Join(hs, ",")}, "|")
}

func TestTombstoneNeedsAKey(t *testing.T) {
	b := build(t, types.AnyT, toTopic(ir.TopicRecord{Topic: lit("o"), Value: lit(nil)}))
	r := record("1")
	r.Key = nil
	if got := show(b.record(r)); got != "E0434 at emit" {
		t.Error(got)
	}
}

// A record that comes back to a route it has passed is dropped as loop.
func TestLoops(t *testing.T) {
	b := build(t, types.AnyT, toTopic(ir.TopicRecord{Topic: lit("o"), Value: cur("")}))
	r := record("1")
	r.Headers = []event.Header{{Key: "sluice-path", Value: []byte("other/r,app/r2")}}
	if got := show(b.record(r)); got != "completed" {
		t.Fatal(got)
	}
	var hs []event.Header
	event.EachHeader(b.rout.Outs[0].Headers.Of(&b.rout), func(k string, v []byte) { hs = append(hs, event.Header{Key: k, Value: v}) })
	want := []event.Header{{Key: "sluice-id", Value: b.rout.Outs[0].ID.Of(&b.rout)}, {Key: "sluice-path", Value: []byte("other/r,app/r2,app/r")}}
	if diff := cmp.Diff(want, hs); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	r.Headers = hs
	if got := show(b.record(r)); got != "dropped: loop at from" {
		t.Error(got)
	}
}

func TestSegmentPass(t *testing.T) {
	b := build(t, types.AnyT, &ir.Emit{StageInfo: info("emit"), ID: "segment", Sink: &ir.SegmentPass{X: cur("")}})
	in := `{"type":"track","event":"E","userId":"u","messageId":"m1","timestamp":null,"sentAt":"x","properties":{"a":1.0}}`
	if got := show(b.run(in)); got != "completed" {
		t.Fatal(got)
	}
	want := `{"type":"track","messageId":"m1","userId":"u","event":"E","properties":{"a":1.0}}`
	if got := b.bodies(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := show(b.run(`{"type":"delete","userId":"u"}`)); got != "E0436 . at emit" {
		t.Error(got)
	}
	// One without an id gets ours; when it comes back it is a loop.
	b.reset()
	b.run(`{"type":"page","anonymousId":"v"}`)
	if got := show(b.run(b.bodies())); got != "dropped: loop at emit" {
		t.Error(got)
	}
}
