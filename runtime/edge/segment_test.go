package edge_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what Segment signs with
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge"
)

const segmentScript = `app "shop"
route sdk
from segment "/v1" { write_keys: [secret("A"), secret("B")] }
emit log
route anybody
from segment "/open"
emit log
route hook
from segment webhook "/hooks/segment" { signature: [secret("S"), secret("OLD")] }
emit log
route beside
from webhook "/v1/hooks"
emit log
`

func segmentFront(t testing.TB, open bool) *edge.Front {
	signature := func(key string) *edge.Signature {
		s, err := edge.NewSignature(value.NewObject(value.Field{Key: "scheme", Value: "segment"}, value.Field{Key: "key", Value: value.Secret(key)}))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	return edge.NewFront(compile(t, segmentScript), edge.Options{Open: open, Keys: map[string]edge.Keys{
		"/v1": {WriteKeys: []value.Secret{"one", "two"}}, "/hooks/segment": {Signatures: []*edge.Signature{signature("s"), signature("old")}},
	}})
}

// basic is the header of a write key.
func basic(key string) string {
	return "authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"))
}

// answered does a request and writes down what its sender gets and what is logged.
func answered(f *edge.Front, in *edge.Incoming) string {
	a := f.Do(in)
	f.Dress(in, a)
	out := fmt.Sprint(a.Status)
	if len(a.Body) > 0 && a.Type != "image/gif" {
		out += " " + string(a.Body)
	}
	if a.Type == "image/gif" {
		out += " gif"
	}
	for _, h := range a.Headers {
		if h.Name == "Sluice-Refused" {
			out += " " + h.Value
		}
	}
	for _, r := range a.Records {
		out += "\n" + string(r.Key) + " " + string(r.Value)
	}
	return out
}

// TestSegmentIn: what an SDK is answered, and what is logged of its calls.
func TestSegmentIn(t *testing.T) {
	const ok, track = `200 {"success":true}`, `{"event":"A","userId":"u","messageId":"m"}`
	logged := func(key, body string) string {
		return `{"method":"POST","path":"/v1","write_key":"` + key + `","json":` + body + `}`
	}
	b64 := base64.StdEncoding.EncodeToString([]byte(`{"writeKey":"one","event":"Ö?>","userId":"u"}`))
	big := strings.Repeat("x", 40_000)
	for _, c := range []struct {
		name, method, target, header, body, want string
	}{
		{"a call", "POST", "/v1/track", basic("one"), track, ok + "\nu " + logged("one", `{"event":"A","userId":"u","messageId":"m","type":"track"}`)},
		{"the other key, in the body", "POST", "/v1/t", "", `{"writeKey":"two","event":"A","anonymousId":"a"}`, ok + "\na " + logged("two", `{"event":"A","anonymousId":"a","type":"track"}`)},
		{"in the query", "POST", "/v1/t?writeKey=two", "content-type: text/plain", `{"event":"A","anonymousId":"a"}`, ok + "\na " + logged("two", `{"event":"A","anonymousId":"a","type":"track"}`)},
		{"a token of OAuth, and the key in the body", "POST", "/v1/t", "authorization: Bearer x", `{"writeKey":"two","event":"A","anonymousId":"a"}`, ok + "\na " + logged("two", `{"event":"A","anonymousId":"a","type":"track"}`)},
		{"no key", "POST", "/v1/t", "", track, `401 {"code":"invalid_write_key","message":"the write key is missing or wrong"}`},
		{"a wrong key", "POST", "/v1/t", basic("three"), track, `401 {"code":"invalid_write_key","message":"the write key is missing or wrong"}`},
		{"a key that is no text", "POST", "/v1/t", "", `{"writeKey":1}`, `401 {"code":"invalid_write_key","message":"the write key is missing or wrong"}`},
		{"any key", "POST", "/open/t", "", track, ok + "\nu " + strings.Replace(logged("", `{"event":"A","userId":"u","messageId":"m","type":"track"}`), `"/v1","write_key":""`, `"/open"`, 1)},
		{"a batch", "POST", "/v1/batch", basic("one"), `{"batch":[{"type":"track"},3],"sentAt":"s"}`, `200 {"success":true,"discarded":[{"index":0,"code":"no_user_anon_id"},{"index":1,"code":"bad_request"}]}` +
			"\n " + `{"method":"POST","path":"/v1","write_key":"one","element":0,"json":{"type":"track","sentAt":"s"}}` + "\n " + `{"method":"POST","path":"/v1","write_key":"one","element":1,"json":3}`},
		{"a batch of nothing", "POST", "/v1/b", basic("one"), `{"batch":[]}`, ok},
		{"no batch", "POST", "/v1/import", basic("one"), `{"batch":{}}`, `400 {"code":"invalid_request","message":"the body has no batch, which is a list of calls"}`},
		{"gzip", "POST", "/v1/t", "content-encoding: gzip", gz(`{"writeKey":"one","event":"A","userId":"u"}`), ok + "\nu " + logged("one", `{"event":"A","userId":"u","type":"track"}`)},
		{"gzip that lies", "POST", "/v1/t", "content-encoding: gzip", track, `400 {"code":"invalid_request","message":"the body is not gzip, as its header says"}`},
		{"a bomb", "POST", "/v1/b", "content-encoding: gzip", gz(strings.Repeat(" ", edge.MaxBody+1)), `413 {"code":"payload_too_large","message":"the body is larger than 4 MiB when it is inflated"}`},
		{"no JSON", "POST", "/v1/t", basic("one"), `{"a":}`, `400 {"code":"invalid_request","message":"the body cannot be read: not JSON: } where a value should begin at byte 6"}`},
		{"no object", "POST", "/v1/t", basic("one"), `[]`, `400 {"code":"invalid_request","message":"the body is no object of JSON"}`},
		{"a call over 32 KB", "POST", "/v1/t", basic("one"), `{"event":"` + big + `","userId":"u"}`, `400 {"code":"invalid_request","message":"the body is larger than Segment takes: 500 KB a batch, 32 KB a call"}`},
		{"a batch over 500 KB", "POST", "/v1/b", basic("one"), strings.Repeat(" ", 512_001), `400 {"code":"invalid_request","message":"the body is larger than Segment takes: 500 KB a batch, 32 KB a call"}`},
		{"nothing there", "POST", "/v1/x", basic("one"), track, `404 {"code":"not_found","message":"there is no call at this path: there are track, identify, group, page, screen, alias, batch and import"}`},
		{"the place itself", "POST", "/v1", basic("one"), track, `404 {"code":"not_found","message":"there is no call at this path: there are track, identify, group, page, screen, alias, batch and import"}`},
		{"a call by GET", "GET", "/v1/track", basic("one"), "", `405 {"code":"method_not_allowed","message":"calls come by POST"}`},
		{"PUT", "PUT", "/v1/track", basic("one"), track, `405 {"code":"method_not_allowed","message":"calls come by POST"}`},
		{"HEAD", "HEAD", "/v1/track", "", "", "200"},
		{"what an SDK measures", "POST", "/v1/m", "", "{}", ok},
		{"a webhook below", "POST", "/v1/hooks", "", "3", "200 ok"},

		{"a pixel", "GET", "/v1/pixel/track?data=" + b64, "", "", "200 gif\nu " + `{"method":"GET","path":"/v1","write_key":"one","json":{"event":"Ö?>","userId":"u","type":"track","context":{"ip":"10.0.0.1"}}}`},
		{"base64 of URLs", "GET", "/v1/pixel/t?data=" + strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(b64), "="), "", "", "200 gif\nu " + `{"method":"GET","path":"/v1","write_key":"one","json":{"event":"Ö?>","userId":"u","type":"track","context":{"ip":"10.0.0.1"}}}`},
		{"JSON as it stands", "GET", "/v1/pixel/page?data=%7B%22userId%22%3A%22u%22%2C%22writeKey%22%3A%22one%22%7D", "", "", "200 gif\nu " + `{"method":"GET","path":"/v1","write_key":"one","json":{"userId":"u","type":"page","context":{"ip":"10.0.0.1"}}}`},
		{"a pixel of a wrong key", "GET", "/v1/pixel/track?data=e30=", "", "", "200 gif the write key is missing or wrong"},
		{"a pixel of nothing", "GET", "/v1/pixel/track", "", "", "200 gif the body cannot be read: not JSON: empty at byte 1"},
		{"a pixel of a batch", "GET", "/v1/pixel/batch?data=e30=", "", "", `404 {"code":"not_found","message":"there is no call at this path: there are track, identify, group, page, screen, alias, batch and import"}`},

		{"settings", "GET", "/v1/projects/one/settings", "host: in.example.com", "", `200 {"integrations":{"Segment.io":{"apiKey":"one","apiHost":"in.example.com/v1"}},"plan":{},"metrics":{"sampleRate":0}}`},
		{"on this machine", "GET", "/v1/projects/t%77o/settings", "host: localhost:8287", "", `200 {"integrations":{"Segment.io":{"apiKey":"two","apiHost":"localhost:8287/v1","protocol":"http"}},"plan":{},"metrics":{"sampleRate":0}}`},
		{"of a key that is none", "GET", "/v1/projects/three/settings", "", "", `404 {"code":"not_found","message":"the write key is missing or wrong"}`},

		{"a webhook of Segment without signature", "POST", "/hooks/segment", "", "{}", "401"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := incoming(c.method, c.target, c.header, c.body)
			in.RemoteIP = "203.0.113.9"
			want := strings.ReplaceAll(c.want, "10.0.0.1", in.RemoteIP)
			got := answered(segmentFront(t, false), in)
			if want == "200 ok" || want == "401" {
				got = fmt.Sprint(got[:3])
				want = want[:3]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("answer and records (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCORS: pages of other addresses may send, and read what they are answered.
func TestCORS(t *testing.T) {
	f := segmentFront(t, false)
	for _, c := range []struct{ method, target, want string }{
		{"OPTIONS", "/v1/t", "204 Access-Control-Allow-Headers=authorization, content-type, content-encoding, x-retry-count Access-Control-Allow-Methods=GET, POST, OPTIONS " +
			"Access-Control-Allow-Origin=https://shop.example Access-Control-Expose-Headers=Retry-After Access-Control-Max-Age=86400 Vary=Origin"},
		{"POST", "/v1/t", "401 Access-Control-Allow-Origin=https://shop.example Access-Control-Expose-Headers=Retry-After Vary=Origin"},
		{"GET", "/v1/projects/one/settings", "200 Access-Control-Allow-Origin=https://shop.example Access-Control-Expose-Headers=Retry-After Vary=Origin"},
		{"POST", "/hooks/segment", "401"},
	} {
		in := incoming(c.method, c.target, "origin: https://shop.example", "{}")
		a := f.Do(in)
		f.Dress(in, a)
		got := []string{}
		for _, h := range a.Headers {
			if h.Name != "Allow" {
				got = append(got, h.Name+"="+h.Value)
			}
		}
		slices.Sort(got)
		if s := strings.TrimSpace(fmt.Sprint(a.Status) + " " + strings.Join(got, " ")); s != c.want {
			t.Errorf("%s %s:\ngot  %s\nwant %s", c.method, c.target, s, c.want)
		}
	}
}

// TestSegmentSignature: a webhook of Segment is signed by its body, a list by its first
// element; either key of a rotation holds.
func TestSegmentSignature(t *testing.T) {
	f := segmentFront(t, false)
	sign := func(key, body string) string {
		m := hmac.New(sha1.New, []byte(key))
		m.Write([]byte(body))
		return "X-Signature: " + hex.EncodeToString(m.Sum(nil))
	}
	const one, two = `{"type":"track","userId":"u"}`, `{"type":"delete","userId":"v"}`
	for _, c := range []struct{ name, method, header, body, want string }{
		{"one", "POST", sign("s", one), one, "200 u"},
		{"by the old key", "PATCH", sign("old", one), one, "200 u"},
		{"by another", "POST", sign("x", one), one, "401"},
		{"of another body", "POST", sign("s", two), one, "401"},
		{"a list", "PUT", sign("s", one), " [ " + one + " , " + two + " ]", "200 u v"},
		{"a list by all of it", "POST", sign("s", "["+one+"]"), "[" + one + "]", "200 u"},
		{"a list by its second", "POST", sign("s", two), "[" + one + "," + two + "]", "401"},
		{"a method that Segment does not use", "GET", "", "", "405"},
	} {
		a := f.Do(incoming(c.method, "/hooks/segment", c.header, c.body))
		got := fmt.Sprint(a.Status)
		for _, r := range a.Records {
			got += " " + string(r.Key)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestSegmentServed: also what the server itself answers has the form that SDKs and
// browsers read, and a batch is answered when all of it is in the log.
func TestSegmentServed(t *testing.T) {
	s := serve(t)
	var failed error
	var got []edge.Record
	s.Open(segmentFront(t, true), func(_ context.Context, rs []edge.Record, _ int64) error {
		got = append(got, rs...)
		return failed
	})
	ask := func(path, body string) string {
		req, err := http.NewRequest(http.MethodPost, s.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", "https://shop.example")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return fmt.Sprintf("%d %s %s %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Access-Control-Allow-Origin"), resp.Header.Get("Retry-After"), text)
	}
	const batch = `{"batch":[{"type":"page","userId":"u"},{"type":"page","userId":"v"}]}`
	const image = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
	const opened = `{"userId":"u","event":"Opened"}`
	for _, c := range []struct {
		name, path, body string
		failed           error
		want             string
		records          int
	}{
		{"a batch", "/v1/b", batch, nil, `200 application/json https://shop.example  {"success":true}`, 2},
		{"the brokers do not answer", "/v1/b", batch, errors.New("away"), `503 application/json https://shop.example 5 {"code":"unavailable","message":"the log does not take it now: send it again"}`, 2},
		{"too large for the net", "/v1/b", strings.Repeat("1", edge.MaxBody+1), nil, `413 application/json https://shop.example  {"code":"payload_too_large","message":"the body is larger than 4 MiB"}`, 0},
		{"an image", "/v1/pixel/track", opened, nil, "200 image/gif https://shop.example  " + image, 1},
		{"an image that holds no call", "/v1/pixel/track", "{", nil, "200 image/gif https://shop.example  " + image, 0},
		{"an image, and the brokers do not answer", "/v1/pixel/track", opened, errors.New("away"), "503 image/gif https://shop.example 5 " + image, 1},
		{"another place", "/v1/hooks", "3", errors.New("away"), "503 text/plain; charset=utf-8  5 the log does not take it now: send it again\n", 1},
	} {
		got, failed = nil, c.failed
		if told := ask(c.path, c.body); told != c.want || len(got) != c.records {
			t.Errorf("%s: %d records and\n%s\nwant %d and\n%s", c.name, len(got), told, c.records, c.want)
		}
	}
	for _, r := range s.Requests() {
		if want := map[int]uint64{200: 2, 400: 1, 413: 1, 503: 2}; r.Source == "/v1" && !maps.Equal(r.Statuses, want) {
			t.Errorf("counted %v, want %v: an image whose call was not taken counts as what it would have been", r.Statuses, want)
		}
	}
}

// BenchmarkSegmentIn takes batches of 100 calls as an SDK makes them.
func BenchmarkSegmentIn(b *testing.B) {
	f := segmentFront(b, false)
	item := `{"type":"track","event":"Order Completed","userId":"u-1","anonymousId":"a-1","messageId":"m-1","timestamp":"2026-03-01T12:00:00.000Z","properties":{"order_id":"o-1","revenue":42.5,"products":[{"sku":"a","price":10.1,"quantity":2}]},"context":{"library":{"name":"analytics-kotlin","version":"1.19.2"},"locale":"de-DE"}}`
	body := []byte(`{"writeKey":"one","sentAt":"2026-03-01T12:00:01Z","batch":[` + strings.Repeat(item+",", 99) + item + "]}")
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if a := f.Do(&edge.Incoming{Method: "POST", Path: "/v1/b", Body: body, RemoteIP: "203.0.113.9", Millis: 1}); len(a.Records) != 100 {
			b.Fatal(string(a.Body))
		}
	}
}
