package edge_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/edge/request"
	"github.com/sluice-dev/sluice/stdlib/segment"
)

// FuzzSegmentIn: whatever an SDK sends is answered as Segment answers; what is logged
// holds no write key but as what it is; and the calls that the answer says are discarded
// are those that become letters.
func FuzzSegmentIn(f *testing.F) {
	f.Add("track", "", []byte(`{"writeKey":"one","event":"A","userId":"u","timestamp":"2026-03-01T12:00:00Z","sentAt":0}`))
	f.Add("b", "gzip", []byte(gz(`{"writeKey":"two","context":{"a":1},"batch":[{"type":"group","userId":"u","groupId":1e3},{"type":"page","name":""},null,{}]}`)))
	f.Add("pixel/i", "", []byte(`eyJ3cml0ZUtleSI6Im9uZSIsInVzZXJJZCI6InUifQ==`))
	f.Add("batch", "", []byte(`{"writeKey":"one","batch":[{"type":"identify","anonymousId":"a","traits":{"writeKey":"one"},"context":{"consent":{"categoryPreferences":{"a":1}}}},{"type":"alias","userId":"\ud800","previousId":"p"}]}`))
	f.Add("projects/one/settings", "", []byte("{"))
	front := segmentFront(f, false)
	const millis = 1_772_366_400_000
	f.Fuzz(func(t *testing.T, path, coding string, body []byte) {
		in := &edge.Incoming{Method: "POST", Path: "/v1/" + path, Body: body, RemoteIP: "203.0.113.9", Millis: millis, Headers: []edge.Header{{Name: "Content-Encoding", Value: coding}, {Name: "Origin", Value: "x"}}}
		a := front.Do(in)
		front.Dress(in, a)
		if a.Status < 200 || a.Status > 415 || len(a.Records) > 0 && a.Status != edge.StatusOK || a.Text != "" && front.Source(in.Path) == "/v1" {
			t.Fatalf("answered %d %s with %d records", a.Status, a.Text, len(a.Records))
		}
		if front.Source(in.Path) != "/v1" {
			return
		}
		var said struct {
			Discarded []struct{ Index int }
		}
		if a.Type == "application/json" {
			if err := json.Unmarshal(a.Body, &said); err != nil {
				t.Fatalf("the answer %s: %v", a.Body, err)
			}
		}
		var want, got []int
		for _, d := range said.Discarded {
			want = append(want, d.Index)
		}
		for _, rec := range a.Records {
			r, err := request.Parse(rec.Value)
			if err != nil {
				t.Fatalf("%s: %v", rec.Value, err)
			}
			if r.Path != "/v1" || r.WriteKey != "one" && r.WriteKey != "two" {
				t.Fatalf("logged as %s", rec.Value)
			}
			v, at, fault := r.Call(request.Reading{Received: time.UnixMilli(millis).UTC(), Type: segment.Call(), ID: "made"})
			switch {
			case fault != nil:
				got = append(got, max(r.Element, 0))
			case !types.Member(v, types.View(segment.Call())):
				t.Fatalf("%v is no call: %s", v, rec.Value)
			case at.Year() < 1 || at.Year() > 9999:
				t.Fatalf("happened in the year %d: %s", at.Year(), rec.Value)
			}
		}
		if a.Type == "application/json" && !slices.Equal(want, got) {
			t.Fatalf("the answer discards %v, letters are %v: %s", want, got, body)
		}
	})
}
