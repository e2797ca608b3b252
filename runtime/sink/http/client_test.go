package http_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	sink "github.com/sluice-dev/sluice/runtime/sink/http"
	"github.com/sluice-dev/sluice/stdlib"
)

// emit compiles the one emit of a route.
func emit(t *testing.T, text string) *sink.Stage {
	t.Helper()
	p := program.Load(fstest.MapFS{"a.route": {Data: []byte(`app "t"
connection http crm { url: "https://crm.example.com/v1" }
connection http web { }
from topic "in"
` + text)}}, stdlib.Env(), program.Options{})
	if !p.OK() {
		for _, d := range p.Diags {
			t.Error(d.Code.ID, d.Message, d.Label, d.Help)
		}
		t.FailNow()
	}
	r := p.Plan.Routes[0]
	return sink.Emit(r.Emits[0].Sink.(*ir.HTTPSink), r.Slots)
}

// call compiles the one call of a route.
func call(t *testing.T, text string) *sink.Stage {
	t.Helper()
	p := program.Load(fstest.MapFS{"a.route": {Data: []byte(`app "t"
connection http crm { url: "https://crm.example.com/v1" }
connection http web { }
type T = { id: string }
from topic "in"
` + text + "\nemit log \"x\"\n")}}, stdlib.Env(), program.Options{})
	if !p.OK() {
		for _, d := range p.Diags {
			t.Error(d.Code.ID, d.Message, d.Label, d.Help)
		}
		t.FailNow()
	}
	r := p.Plan.Routes[0]
	return sink.Call(r.Calls[0], r.Slots)
}

// outs are outputs as op makes them.
func outs(target string, headers map[string]string, bodies ...string) []*event.Output {
	a := &event.Arena{}
	put := func(s string) event.Bytes {
		from := uint32(len(a.Buf))
		a.Buf = append(a.Buf, s...)
		return event.Bytes{Start: from, End: uint32(len(a.Buf))}
	}
	var hs []byte
	for k, v := range headers {
		hs = event.AppendHeader(hs, k, []byte(v))
	}
	var list []*event.Output
	for i, b := range bodies {
		list = append(list, &event.Output{Arena: a, Target: put(target), Headers: put(string(hs)), Body: put(b), ID: put(fmt.Sprintf("sl1-%d", i))})
	}
	return list
}

// receiver answers with what a handler says and keeps what came.
type receiver struct {
	*httptest.Server
	mu   sync.Mutex
	reqs []*nethttp.Request
	body []string
}

func receive(t *testing.T, h nethttp.HandlerFunc) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, req *nethttp.Request) {
		b, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.reqs, r.body = append(r.reqs, req), append(r.body, string(b))
		r.mu.Unlock()
		h(w, req)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.reqs)
}

func (r *receiver) last() (*nethttp.Request, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reqs[len(r.reqs)-1], r.body[len(r.body)-1]
}

func ok(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(200) }

func object(fields ...value.Field) *value.Object { return value.NewObject(fields...) }

func send(c sink.Config, s *sink.Stage, o []*event.Output) deliver.Answer {
	cl := sink.New(c)
	defer cl.Close()
	return cl.Sender(s).Send(context.Background(), o, 1, time.Now())
}

// TestRequest: the connection's address, headers, query and body are merged in, and
// what the stage says itself wins.
func TestRequest(t *testing.T) {
	r := receive(t, ok)
	c := sink.Config{Private: true, Version: "9", Parts: sink.Parts{
		URL:     r.URL + "/v1/",
		Headers: object(value.Field{Key: "Authorization", Value: value.Secret("Bearer s3cret")}, value.Field{Key: "X-Team", Value: "all"}),
		Query:   object(value.Field{Key: "access token", Value: value.Secret("a&b")}, value.Field{Key: "page", Value: value.FromInt(1)}),
		Body:    object(value.Field{Key: "api_key", Value: value.Secret("k")}, value.Field{Key: "id", Value: "none"}),
	}}
	s := emit(t, `emit http POST "/users" via crm`)
	a := send(c, s, outs("POST /users?page=7", map[string]string{"x-team": "mine"}, `{"id":"u1","n":3.10}`))
	if a.Class != deliver.Accepted {
		t.Fatalf("%+v", a)
	}
	req, body := r.last()
	if got := req.Method + " " + req.RequestURI; got != "POST /v1/users?page=7&access%20token=a%26b" {
		t.Errorf("request %s", got)
	}
	if body != `{"id":"u1","n":3.10,"api_key":"k"}` {
		t.Errorf("body %s", body)
	}
	for name, want := range map[string]string{"Authorization": "Bearer s3cret", "X-Team": "mine", "Content-Type": "application/json", "Idempotency-Key": "sl1-0", "User-Agent": "sluice/9"} {
		if got := req.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if a := send(c, s, outs("POST /users", nil, `[1]`)); a.Class != deliver.Refused || a.Code != "not sendable" {
		t.Errorf("a list cannot be merged with parts of a body: %+v", a)
	}
	send(c, s, outs("DELETE /users/1", nil, ``))
	if req, body := r.last(); body != "" || req.Header.Get("Idempotency-Key") != "" || req.Header.Get("Content-Type") != "" {
		t.Errorf("DELETE sends %q, %v", body, req.Header)
	}
	send(c, s, outs("PUT /users/1", nil, ``))
	if _, body := r.last(); body != `{"api_key":"k","id":"none"}` {
		t.Errorf("PUT sends %q", body)
	}
	send(c, emit(t, `emit http POST "/users" via crm { idempotency: false }`), outs("POST /users", nil, `{}`))
	if req, _ := r.last(); req.Header.Get("Idempotency-Key") != "" {
		t.Error("an idempotency key that was not wanted")
	}
}

// TestBatch: the body is made once of all items; the key is the same for the same items.
func TestBatch(t *testing.T) {
	r := receive(t, ok)
	c := sink.Config{Private: true, Parts: sink.Parts{URL: r.URL}}
	s := emit(t, `emit http POST "/users" via crm { batch: 5_000 or 30s, item: [.h], body: { payload: { schema: ["EMAIL"], n: length(items), data: items } } }`)
	send(c, s, outs("POST /users", nil, `["a"]`, `["b"]`, `[1.50]`))
	req, body := r.last()
	if body != `{"payload":{"schema":["EMAIL"],"n":3,"data":[["a"],["b"],[1.50]]}}` {
		t.Errorf("body %s", body)
	}
	key := req.Header.Get("Idempotency-Key")
	send(c, s, outs("POST /users", nil, `["a"]`, `["b"]`, `[1.50]`))
	if again, _ := r.last(); key == "" || again.Header.Get("Idempotency-Key") != key {
		t.Errorf("key %q, then %q", key, again.Header.Get("Idempotency-Key"))
	}
	send(c, s, outs("POST /users", nil, `["a"]`, `["b"]`))
	if other, _ := r.last(); other.Header.Get("Idempotency-Key") == key {
		t.Error("other items have the same key")
	}
	send(c, emit(t, `emit http POST "/users" via crm { batch: 10 or 1s }`), outs("POST /users", nil, `{"a":1}`, `2`))
	if _, body := r.last(); body != `[{"a":1},2]` {
		t.Errorf("without a body the items are it: %s", body)
	}
}

// TestVerdicts: of a batch of 5,000 only what is not ok becomes a letter.
func TestVerdicts(t *testing.T) {
	const n = 5000
	r := receive(t, func(w nethttp.ResponseWriter, req *nethttp.Request) {
		fmt.Fprint(w, `{"invalid":[{"at":7,"reason":"no such address"},{"at":4999,"reason":"too old"}]}`)
	})
	s := emit(t, `emit http POST "/users" via crm {
  batch: 5_000 or 30s
  item: .
  body: { data: items }
  verdicts: [{ index: i.at | as int ?? 0, ok: false, why: i.reason | as string } for i in it.body.invalid | as [any] ?? []]
}`)
	items := make([]string, n)
	for i := range items {
		items[i] = fmt.Sprintf(`{"email":"%064d","n":%d}`, i, i)
	}
	a := send(sink.Config{Private: true, Parts: sink.Parts{URL: r.URL}}, s, outs("POST /users", nil, items...))
	if a.Class != deliver.Accepted || len(a.Each) != n {
		t.Fatalf("class %d, %d verdicts: %s %s", a.Class, len(a.Each), a.Code, a.Excerpt)
	}
	refused := map[int]string{}
	for i, v := range a.Each {
		if v.Class == deliver.Refused {
			refused[i] = v.Excerpt
		} else if v.Class != deliver.Accepted {
			t.Fatalf("verdict %d: %+v", i, v)
		}
	}
	if len(refused) != 2 || refused[7] != "no such address" || refused[4999] != "too old" {
		t.Errorf("refused %v", refused)
	}
	var got struct{ Data []any }
	if _, body := r.last(); json.Unmarshal([]byte(body), &got) != nil || len(got.Data) != n {
		t.Errorf("%d items arrived", len(got.Data))
	}
}

// TestAnswers: what an answer of an emit means, whole.
func TestAnswers(t *testing.T) {
	long := strings.Repeat("x", 5<<20)
	tests := []struct {
		name  string
		emit  string
		serve nethttp.HandlerFunc
		class deliver.Class
		code  string
	}{
		{"taken", ``, ok, deliver.Accepted, "200"},
		{"refused", ``, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			nethttp.Error(w, "bad", nethttp.StatusUnprocessableEntity)
		}, deliver.Refused, "422"},
		{"away", ``, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(502) }, deliver.Failed, "502"},
		{"gated", ``, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		}, deliver.Gated, "429"},
		{"cut in the middle", ``, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		}, deliver.Failed, "answer cut"},
		{"cut before a byte", ``, func(nethttp.ResponseWriter, *nethttp.Request) { panic(nethttp.ErrAbortHandler) }, deliver.Failed, "connection cut"},
		{"a redirect to the metadata of a cloud is not followed", ``, func(w nethttp.ResponseWriter, req *nethttp.Request) {
			nethttp.Redirect(w, req, "http://169.254.169.254/latest/meta-data", nethttp.StatusFound)
		}, deliver.Misconfigured, "302"},
		{"slow", `timeout: 50ms`, func(_ nethttp.ResponseWriter, req *nethttp.Request) { <-req.Context().Done() }, deliver.Failed, "timeout"},
		{"accept that looks at the status is asked of every answer", `accept: it.status in [200, 409]`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(409) }, deliver.Accepted, "409"},
		{"what accept does not take of a 2xx is refused", `accept: it.body.ok == true`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, `{"ok":false}`) }, deliver.Refused, "200 not accepted"},
		{"what accept does not take of another keeps its meaning", `accept: it.body.ok == true`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(503) }, deliver.Failed, "503"},
		{"accept that reads the body alone says nothing of an outage", `accept: it.body.error == null`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(503)
			fmt.Fprint(w, `{"message":"busy"}`)
		}, deliver.Failed, "503"},
		{"nor of a refusal", `accept: it.body.error == null`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(422)
			fmt.Fprint(w, `{"message":"no such field"}`)
		}, deliver.Refused, "422"},
		{"nor of a key that is not right", `accept: it.headers["x-error"] == null`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(401) }, deliver.Misconfigured, "401"},
		{"one that looks at the status decides of an outage, too", `accept: it.status == 500 and it.body.message == "duplicate"`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, `{"message":"duplicate"}`)
		}, deliver.Accepted, "500"},
		{"an answer that says later is no judgement", `accept: it.status < 500`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(429) }, deliver.Gated, "429"},
		{"a page of HTML where JSON is judged is tried again", `accept: it.body.ok == true`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, `<html>busy</html>`) }, deliver.Failed, "answer not understood"},
		{"accept sees text", `accept: it.body == "OK"`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "\uFEFFOK") }, deliver.Accepted, "200"},
		{"accept sees headers in small letters", `accept: it.headers["x-result"] == "fine"`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.Header().Set("X-Result", "fine") }, deliver.Accepted, "200"},
		{"retry_when repeats", `retry_when: it.body.code == "LOCKED"`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(400)
			fmt.Fprint(w, `{"code":"LOCKED"}`)
		}, deliver.Failed, "400 to be repeated"},
		{"accept comes before retry_when", `accept: it.body.n == 1, retry_when: true`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, `{"n":1}`) }, deliver.Accepted, "200"},
		{"an answer that is judged has a limit", `accept: it.body != null`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, long) }, deliver.Refused, "answer too large"},
		{"an outage is one, however long its page", `accept: it.body != null`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(503)
			fmt.Fprint(w, long)
		}, deliver.Failed, "503"},
		{"headers have a limit", ``, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("X-Long", long[:100_000])
		}, deliver.Failed, "headers too large"},
		{"one that is not judged is not read to its end", ``, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, long) }, deliver.Accepted, "200"},
		{"gzip", `accept: it.body.ok == true`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			fmt.Fprint(z, `{"ok":true}`)
			z.Close()
		}, deliver.Accepted, "200"},
		{"a bomb", `accept: it.body.ok == true`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 64 {
				io.WriteString(z, long)
			}
			z.Close()
		}, deliver.Refused, "answer too large"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := receive(t, tt.serve)
			a := send(sink.Config{Private: true, Parts: sink.Parts{URL: r.URL}}, emit(t, `emit http POST "/x" via crm { `+tt.emit+` }`), outs("POST /x", nil, `{}`))
			if a.Class != tt.class || a.Code != tt.code {
				t.Errorf("class %d, code %q; want %d, %q (%s)", a.Class, a.Code, tt.class, tt.code, a.Excerpt)
			}
			if a.Whole != nil {
				t.Error("an emit's answer is nobody's to read")
			}
			if r.count() != 1 {
				t.Errorf("%d requests", r.count())
			}
		})
	}
}

// TestCallAnswers: a call gets the answer whole, or why there is none.
func TestCallAnswers(t *testing.T) {
	tests := []struct {
		name  string
		call  string
		serve nethttp.HandlerFunc
		class deliver.Class
		fault string
		body  string
	}{
		{"taken", `as r: T`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, `{"id":"a"}`) }, deliver.Accepted, "", `{"id":"a"}`},
		{"not found is an answer", `as r: T`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { nethttp.Error(w, "no", 404) }, deliver.Refused, "", "no\n"},
		{"so is a wrong key", `as r: T`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(401) }, deliver.Refused, "", ""},
		{"HTML in place of a declared type is tried again", `as r: T`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "<html>") }, deliver.Failed, sink.NotDecodable, "<html>"},
		{"where no type is declared it is text", `as r`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "<html>") }, deliver.Accepted, "", "<html>"},
		{"too large", `as r`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { io.CopyN(w, zeros{}, sink.MaxAnswer+1) }, deliver.Refused, sink.TooLarge, ""},
		{"not accepted", `as r`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, `{"ok":false}`) }, deliver.Refused, sink.NotAccepted, `{"ok":false}`},
		{"a body that would do makes no answer of another status", `as r`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(503)
			fmt.Fprint(w, `{"ok":true}`)
		}, deliver.Failed, "", `{"ok":true}`},
		{"accepted by its status", `as r { accept: it.status in [200, 404] }`, func(w nethttp.ResponseWriter, _ *nethttp.Request) {
			w.WriteHeader(404)
			fmt.Fprint(w, `{"id":null}`)
		}, deliver.Accepted, "", `{"id":null}`},
		{"accepted, and not of its type", `as r: T { accept: it.status == 200 }`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { fmt.Fprint(w, "<html>") }, deliver.Failed, sink.NotDecodable, "<html>"},
		{"no body is null, and no text that cannot be read", `as r: T`, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(204) }, deliver.Accepted, "", ""},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := receive(t, tt.serve)
			opt := ""
			if i >= 6 && !strings.HasPrefix(tt.call, "as r:") && !strings.Contains(tt.call, "accept") {
				opt = ` { accept: it.body.ok == true }`
			}
			a := send(sink.Config{Private: true, Parts: sink.Parts{URL: r.URL}}, call(t, `call http GET "/x" via crm `+tt.call+opt), outs("GET /x", nil, ``))
			if a.Class != tt.class || a.Whole == nil || a.Whole.Fault != tt.fault || string(a.Whole.Body) != tt.body {
				t.Errorf("class %d, answer %+v", a.Class, a.Whole)
			}
			if a.Whole.At == 0 {
				t.Error("it says no time")
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

// TestSecretsAreReadAgain: after a 401 a new secret is tried at once; an old one is not
// knocked with twice.
func TestSecretsAreReadAgain(t *testing.T) {
	r := receive(t, func(w nethttp.ResponseWriter, req *nethttp.Request) {
		if req.Header.Get("Authorization") != "Bearer new" {
			w.WriteHeader(401)
		}
	})
	parts := func(key string) sink.Parts {
		return sink.Parts{URL: r.URL, Headers: object(value.Field{Key: "Authorization", Value: value.Secret("Bearer " + key)})}
	}
	now := "old"
	c := sink.New(sink.Config{Private: true, Parts: parts("old"), Again: func() (sink.Parts, error) { return parts(now), nil }})
	defer c.Close()
	s := c.Sender(emit(t, `emit http POST "/x" via crm`))
	if a := s.Send(context.Background(), outs("POST /x", nil, `{}`), 1, time.Now()); a.Class != deliver.Misconfigured || r.count() != 1 {
		t.Fatalf("%+v after %d requests", a, r.count())
	}
	now = "new"
	later := time.Now().Add(time.Second) // it looks once a second at most
	if a := s.Send(context.Background(), outs("POST /x", nil, `{}`), 2, later); a.Class != deliver.Accepted || r.count() != 3 {
		t.Fatalf("%+v after %d requests", a, r.count())
	}
}

// TestATokensSecretIsReadAgain: the secret of a client that is given no token is read
// again, too, and a right that is missing asks for no second token.
func TestATokensSecretIsReadAgain(t *testing.T) {
	asked, status := 0, 200
	id := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, req *nethttp.Request) {
		asked++
		_ = req.ParseForm()
		_, secret, ok := req.BasicAuth()
		if secret != "new" && (ok || req.Form.Get("client_secret") != "new") {
			w.WriteHeader(401)
			fmt.Fprint(w, `{"error":"invalid_client"}`)
			return
		}
		fmt.Fprint(w, `{"access_token":"t","expires_in":3600}`)
	}))
	defer id.Close()
	r := receive(t, func(w nethttp.ResponseWriter, _ *nethttp.Request) { w.WriteHeader(status) })
	parts := func(secret value.Secret) sink.Parts {
		return sink.Parts{URL: r.URL, Auth: &sink.Auth{TokenURL: id.URL, ID: "me", Secret: secret}}
	}
	now := value.Secret("old")
	c := sink.New(sink.Config{Private: true, Parts: parts("old"), Again: func() (sink.Parts, error) { return parts(now), nil }})
	defer c.Close()
	s := c.Sender(emit(t, `emit http POST "/x" via crm`))
	now = "new"
	if a := s.Send(context.Background(), outs("POST /x", nil, `{}`), 1, time.Now()); a.Class != deliver.Accepted {
		t.Fatalf("%+v", a)
	}
	before := asked
	status = 403
	if a := s.Send(context.Background(), outs("POST /x", nil, `{}`), 1, time.Now()); a.Class != deliver.Misconfigured || a.Code != "403" || asked != before || r.count() != 2 {
		t.Errorf("%+v after %d tokens and %d requests", a, asked-before, r.count())
	}
}

// TestSecretsAreNotRepeated: a receiver that says what it was sent puts no secret into a
// letter.
func TestSecretsAreNotRepeated(t *testing.T) {
	r := receive(t, func(w nethttp.ResponseWriter, req *nethttp.Request) {
		w.WriteHeader(400)
		fmt.Fprintf(w, "bad key %s in %s", req.Header.Get("Authorization"), req.RequestURI)
	})
	a := send(sink.Config{Private: true, Parts: sink.Parts{
		URL: r.URL + "/T000/B0xyz", SecretURL: true,
		Headers: object(value.Field{Key: "Authorization", Value: value.Secret("Bearer s3cret")}),
		Query:   object(value.Field{Key: "token", Value: value.Secret("t0ken")}),
	}}, emit(t, `emit http POST "/x" via crm`), outs("POST /x", nil, `{}`))
	if a.Excerpt == "" || strings.Contains(a.Excerpt, "s3cret") || strings.Contains(a.Excerpt, "t0ken") || strings.Contains(a.Excerpt, "B0xyz") {
		t.Errorf("excerpt %q", a.Excerpt)
	}
}

// TestToken: one token serves all, is renewed before its end and after a 401, and a
// client that is refused pauses the connection.
func TestToken(t *testing.T) {
	var given atomic.Int32
	valid := "t1"
	var mu sync.Mutex
	ids := receive(t, func(w nethttp.ResponseWriter, req *nethttp.Request) {
		req.ParseForm()
		id, secret, _ := req.BasicAuth()
		if id != "me%2F" || secret != "s3cret" {
			w.WriteHeader(401)
			return
		}
		n := given.Add(1)
		mu.Lock()
		valid = fmt.Sprintf("t%d", n)
		mu.Unlock()
		fmt.Fprintf(w, `{"access_token":"t%d","token_type":"bearer","expires_in":%d}`, n, map[bool]int{true: 1, false: 3600}[n == 1])
	})
	api := receive(t, func(w nethttp.ResponseWriter, req *nethttp.Request) {
		mu.Lock()
		defer mu.Unlock()
		if req.Header.Get("Authorization") != "Bearer "+valid {
			w.WriteHeader(401)
		}
	})
	c := sink.New(sink.Config{Private: true, Parts: sink.Parts{URL: api.URL, Auth: &sink.Auth{TokenURL: ids.URL, ID: "me/", Secret: "s3cret", Scope: "a b"}}})
	defer c.Close()
	s := c.Sender(emit(t, `emit http POST "/x" via crm`))
	do := func(now time.Time) deliver.Answer {
		return s.Send(context.Background(), outs("POST /x", nil, `{}`), 1, now)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if a := do(time.Now()); a.Class != deliver.Accepted {
				t.Errorf("%+v", a)
			}
		})
	}
	wg.Wait()
	if n := given.Load(); n != 1 {
		t.Errorf("%d tokens for eight requests at once", n)
	}
	if a := do(time.Now().Add(time.Second)); a.Class != deliver.Accepted || given.Load() != 2 {
		t.Errorf("a token of one second is renewed: %+v, %d tokens", a, given.Load())
	}
	mu.Lock()
	valid = "revoked"
	mu.Unlock()
	if a := do(time.Now()); a.Class != deliver.Accepted || given.Load() != 3 {
		t.Errorf("a token that is refused is fetched anew: %+v, %d tokens", a, given.Load())
	}
	bad := sink.Config{Private: true, Parts: sink.Parts{URL: api.URL, Auth: &sink.Auth{TokenURL: ids.URL, ID: "me", Secret: "wrong"}}}
	if a := send(bad, emit(t, `emit http POST "/x" via crm`), outs("POST /x", nil, `{}`)); a.Class != deliver.Misconfigured || a.Code != "token: 401" {
		t.Errorf("%+v", a)
	}
}

// TestTokenInTheBody: servers that do not read the header are asked in the body.
func TestTokenInTheBody(t *testing.T) {
	ids := receive(t, func(w nethttp.ResponseWriter, req *nethttp.Request) {
		w.WriteHeader(400)
	})
	ids.Config.Handler = nethttp.HandlerFunc(func(w nethttp.ResponseWriter, req *nethttp.Request) {
		req.ParseForm()
		if req.Form.Get("client_secret") != "s3cret" || req.Form.Get("grant_type") != "client_credentials" || req.Form.Get("scope") != "a" {
			w.WriteHeader(400)
			return
		}
		fmt.Fprint(w, `{"access_token":"t","expires_in":"60"}`)
	})
	api := receive(t, ok)
	a := send(sink.Config{Private: true, Parts: sink.Parts{URL: api.URL, Auth: &sink.Auth{TokenURL: ids.URL, ID: "me", Secret: "s3cret", Scope: "a"}}}, emit(t, `emit http POST "/x" via crm`), outs("POST /x", nil, `{}`))
	if req, _ := api.last(); a.Class != deliver.Accepted || req.Header.Get("Authorization") != "Bearer t" {
		t.Errorf("%+v %v", a, req.Header)
	}
}

// TestLocal: in dev everything goes to one place, whatever it is addressed to, without a
// token.
func TestLocal(t *testing.T) {
	r := receive(t, ok)
	a := send(sink.Config{Local: r.URL, Parts: sink.Parts{URL: "https://graph.example.com/v20.0/AUDIENCE", Auth: &sink.Auth{TokenURL: "https://id.example.com"}}},
		emit(t, `emit http POST "/users" via crm`), outs("POST /users", nil, `{}`))
	if req, _ := r.last(); a.Class != deliver.Accepted || req.Host != "graph.example.com" || req.RequestURI != "/v20.0/AUDIENCE/users" {
		t.Errorf("%+v", a)
	}
	a = send(sink.Config{Local: r.URL, Parts: sink.Parts{URL: "CRM_URL"}}, emit(t, `emit http POST "/users" via crm`), outs("POST /users", nil, `{}`))
	if req, _ := r.last(); a.Class != deliver.Accepted || req.Host != "CRM_URL" {
		t.Errorf("a placeholder: %+v", a)
	}
	a = send(sink.Config{Local: r.URL}, emit(t, `emit http POST "https://hooks.example.com/${.id}" via web`), outs("POST https://hooks.example.com/7", nil, `{}`))
	if req, _ := r.last(); a.Class != deliver.Accepted || req.Host != "hooks.example.com" || req.RequestURI != "/7" {
		t.Errorf("a whole address: %+v", a)
	}
}

// TestGuard: an address of our own net is refused in words, whatever it is called. One
// of the data is the record's fault, the connection's own pauses it.
func TestGuard(t *testing.T) {
	r := receive(t, ok)
	_, port, _ := net.SplitHostPort(r.Listener.Addr().String())
	web := emit(t, `emit http POST "https://hooks.example.com/${.id}" via web`)
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "169.254.169.254", "10.0.0.7", "[fd00:ec2::254]"} {
		a := send(sink.Config{}, web, outs("POST http://"+host+":"+port+"/", nil, `{}`))
		if a.Class != deliver.Refused || a.Code != "address refused" || !strings.Contains(a.Excerpt, "private: true") {
			t.Errorf("%s: %+v", host, a)
		}
	}
	a := send(sink.Config{}, call(t, `call http GET "https://hooks.example.com/${.id}" via web as r`), outs("GET http://127.0.0.1:"+port, nil, ``))
	if a.Class != deliver.Refused || a.Whole == nil || !strings.Contains(a.Whole.Fault, "127.0.0.1 is a loopback address") {
		t.Errorf("a call: %+v %+v", a, a.Whole)
	}
	a = send(sink.Config{Parts: sink.Parts{URL: r.URL}}, emit(t, `emit http POST "/x" via crm`), outs("POST /x", nil, `{}`))
	if a.Class != deliver.Misconfigured || !strings.Contains(a.Code, "127.0.0.1 is a loopback address") {
		t.Errorf("the connection's own: %+v", a)
	}
	a = send(sink.Config{Parts: sink.Parts{URL: "https://api.example.com", Auth: &sink.Auth{TokenURL: r.URL}}}, emit(t, `emit http POST "/x" via crm`), outs("POST /x", nil, `{}`))
	if a.Class != deliver.Misconfigured || !strings.Contains(a.Code, "that of the token") {
		t.Errorf("the token's: %+v", a)
	}
	if r.count() != 0 {
		t.Errorf("%d requests got through", r.count())
	}
}
