package edge_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/stdlib"
)

const script = `app "shop"
route open
from webhook "/open" as { a: [int]?, id: string? } { key: .id, methods: [GET, PUT] }
emit log
route closed
from webhook "/closed" { secret: [secret("A"), secret("B")], key: .id }
emit log
route inner
from webhook "/closed/in" { secret: secret("C") }
emit log
`

// compile gives the plan of a script.
func compile(t testing.TB, script string) *plan.Plan {
	t.Helper()
	p := program.Load(fstest.MapFS{"a.route": {Data: []byte(script)}}, stdlib.Env(), program.Options{})
	if !p.OK() {
		for _, d := range p.Diags {
			fmt.Fprint(os.Stderr, diag.Render(d))
		}
		t.Fatal("the script has mistakes")
	}
	return p.Plan
}

func front(t testing.TB, open bool) *edge.Front {
	return edge.NewFront(compile(t, script), edge.Options{Open: open, Keys: map[string]edge.Keys{
		"/closed": {Secrets: []value.Secret{"one", "two"}}, "/closed/in": {Secrets: []value.Secret{"three"}},
	}})
}

// gz compresses a body.
func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

// TestFront: what becomes of a request. A record stands as its key and what matters of
// its value.
func TestFront(t *testing.T) {
	const form = "content-type: application/x-www-form-urlencoded"
	for _, c := range []struct {
		name   string
		method string
		target string
		header string
		body   string
		want   string
	}{
		{"a path that nobody reads", "GET", "/nothing", "", "", "404"},
		{"a path below one without a secret", "GET", "/open/x", "", "", "404"},
		{"a GET", "GET", "/open?a=1&id=k", "", "", "200 k:a=1&id=k"},
		{"a slash at the end", "GET", "/open/?a=1", "", "", "200 -:a=1"},
		{"an escaped path", "GET", "/o%70en?a=1", "", "", "200 -:a=1"},
		{"a method of the list", "PUT", "/open", "", `{"id":"x"}`, `200 x:{"id":"x"}`},
		{"a method that is not", "POST", "/open", "", `{}`, "405 GET, PUT, HEAD, OPTIONS"},
		{"HEAD", "HEAD", "/closed", "", "", "200"},
		{"OPTIONS", "OPTIONS", "/closed", "", "", "204 GET, POST, HEAD, OPTIONS"},
		{"HEAD of nothing", "HEAD", "/nothing", "", "", "404"},

		{"no secret", "POST", "/closed", "", `{}`, "401"},
		{"a wrong secret in the path", "POST", "/closed/three", "", `{}`, "401"},
		{"a secret in the path", "POST", "/closed/one", "", `{"id":"x"}`, `200 x:{"id":"x"}`},
		{"the other one, escaped", "POST", "/closed/t%77o/?q=1", "", `{}`, `200 -:q=1{}`},
		{"a token", "POST", "/closed?q=1&token=two&z=%zz", "", `{}`, `200 -:q=1&z=%zz{}`},
		{"a wrong token", "POST", "/closed?token=onetwo", "", `{}`, "401"},
		{"an empty token", "POST", "/closed?token=", "", `{}`, "401"},
		{"one of two tokens", "POST", "/closed?token=x&token=one", "", `{}`, `200 -:{}`},
		{"a token beside a right path is data", "POST", "/closed/one?token=t", "", ``, `200 -:token=t`},
		{"unless it is a secret as well", "POST", "/closed/one?token=two&a=1", "", ``, `200 -:a=1`},
		{"the longer path", "POST", "/closed/in?token=three", "", `{}`, `200 -:{}`},
		{"the secret of another", "POST", "/closed/in/one", "", `{}`, "401"},

		{"a request of nothing is logged", "POST", "/closed/one", "", "", "200 -:"},
		{"no JSON is logged", "POST", "/closed/one", "", `{"a":`, `200 -:{"a":`},
		{"an empty list is logged", "POST", "/closed/one", "", ` [ ] `, `200 -:[ ]`},
		{"a list", "POST", "/closed/one?q=1", "", ` [{"id":"a"}, {"id":"b"},3 ]`, `200 a:q=1{"id":"a"}#0 b:q=1{"id":"b"}#1 -:q=13#2`},
		{"a list that is a form", "POST", "/closed/one", form, `[1]`, `200 -:[1]`},
		{"a list that is none", "POST", "/closed/one", "", `[1,]`, `200 -:[1,]`},
		{"a byte-order mark", "POST", "/closed/one", "", "\ufeff[1]", `200 -:1#0`},
		{"a null key", "GET", "/open?a=1", "", "", "200 -:a=1"},
		{"a key that fails", "POST", "/closed/one", "", `{"id":{}}`, `200 -:{"id":{}}`},
		{"a key of what is not of the type", "GET", "/open?a=x&id=k", "", "", "200 -:a=x&id=k"},
		{"a key of a number", "POST", "/closed/one", "", `{"id":7.0}`, `200 7:{"id":7.0}`},

		{"gzip", "POST", "/closed/one", "content-encoding: GZIP", gz(`{"id":"z"}`), `200 z:{"id":"z"}`},
		{"several members", "POST", "/closed/one", "content-encoding: x-gzip", gz(`{"id":`) + gz(`"z"}`), `200 z:{"id":"z"}`},
		{"twice", "POST", "/closed/one", "content-encoding: gzip, identity, gzip", gz(gz(`3`)), `200 -:3`},
		{"identity", "POST", "/closed/one", "content-encoding:  Identity ", `3`, `200 -:3`},
		{"four times", "POST", "/closed/one", "content-encoding: gzip, gzip, gzip, gzip", gz(gz(gz(gz(`4`)))), `200 -:4`},
		{"five times", "POST", "/closed/one", "content-encoding: gzip, gzip, gzip, gzip, gzip", gz(gz(gz(gz(gz(`5`))))), `415`},
		{"gzip of nothing", "POST", "/closed/one", "content-encoding: gzip", ``, `200 -:`},
		{"another encoding", "POST", "/closed/one", "content-encoding: br", `3`, `415`},
		{"one that lies", "POST", "/closed/one", "content-encoding: gzip", `3`, `400`},
		{"one that is cut", "POST", "/closed/one", "content-encoding: gzip", gz(`{"id":"z"}`)[:20], `400`},
		{"one with something behind it", "POST", "/closed/one", "content-encoding: gzip", gz(`3`) + "more", `400`},
		{"one that is a bomb", "POST", "/closed/one", "content-encoding: gzip", gz(strings.Repeat(" ", edge.MaxBody+1)), `413`},
		{"the largest", "POST", "/closed/one", "content-encoding: gzip", gz(strings.Repeat(" ", edge.MaxBody)), `200 -:`},
		{"too many elements", "POST", "/closed/one", "", "[1" + strings.Repeat(",1", 10_000) + "]", `413`},
		{"a list of much in every element", "POST", "/closed/one", "x: " + strings.Repeat("x", 60_000), "[1" + strings.Repeat(",1", 900) + "]", `413`},
		{"what the log has no room for", "POST", "/closed/one", form, strings.Repeat("\x01", edge.MaxBody), `413`},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := incoming(c.method, c.target, c.header, c.body)
			if got := told(t, front(t, false).Do(in)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func incoming(method, target, header, body string) *edge.Incoming {
	in := &edge.Incoming{Method: method, RemoteIP: "10.0.0.1", Body: []byte(body), Millis: 1}
	in.Path, in.Query, _ = strings.Cut(target, "?")
	if name, v, ok := strings.Cut(header, ":"); ok {
		in.Headers = append(in.Headers, edge.Header{Name: name, Value: strings.TrimPrefix(v, " ")})
	}
	return in
}

// told writes an answer as a line.
func told(t *testing.T, a *edge.Answer) string {
	t.Helper()
	out := fmt.Sprint(a.Status)
	for _, h := range a.Headers {
		out += " " + h.Value
	}
	if a.Status != edge.StatusOK {
		return out
	}
	for _, r := range a.Records {
		var l struct {
			Query   string          `json:"raw_query"`
			JSON    json.RawMessage `json:"json"`
			Body    string          `json:"body"`
			Form    string          `json:"form"`
			Element *int            `json:"element"`
		}
		if err := json.Unmarshal(r.Value, &l); err != nil {
			t.Fatalf("%s: %v", r.Value, err)
		}
		key := "-"
		if r.Key != nil {
			key = string(r.Key)
		}
		body := strings.TrimSpace(string(l.JSON) + l.Body + l.Form)
		out += " " + key + ":" + l.Query + body
		if l.Element != nil {
			out += fmt.Sprint("#", *l.Element)
		}
	}
	return out
}

// TestOpen: where no secret is asked for, one that is sent is still no data.
func TestOpen(t *testing.T) {
	f := front(t, true)
	for target, want := range map[string]string{
		"/closed": "200 -:3", "/closed/wrong": "200 -:3", "/closed?token=x&a=1": "200 -:a=13", "/open/x": "404",
	} {
		if got := told(t, f.Do(incoming("POST", target, "", "3"))); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
	if a := f.Do(incoming("POST", "/close", "", "3")); a.Text != "there is no webhook at this path: there are /closed, /closed/in, /open" {
		t.Error(a.Text)
	}
	if a := front(t, false).Do(incoming("POST", "/close", "", "3")); a.Text != "there is no webhook at this path" {
		t.Errorf("everybody is told: %s", a.Text)
	}
}

// TestLoggedHeaders: what lets someone in, or is of this connection only, is not
// written down.
func TestLoggedHeaders(t *testing.T) {
	in := incoming("POST", "/closed/one?token=kept", "X-Some: a", "3")
	for _, h := range []string{"Authorization", "Cookie", "Content-Length", "X-Some", "x-SOME", "Host"} {
		in.Headers = append(in.Headers, edge.Header{Name: h, Value: "v-" + h})
	}
	got := string(front(t, false).Do(in).Records[0].Value)
	want := `{"method":"POST","path":"/closed","raw_query":"token=kept","headers":{"x-some":"v-x-SOME","host":"v-Host"},"remote_ip":"10.0.0.1","json":3}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("logged (-want +got):\n%s", diff)
	}
}

// TestTopic: requests of a path stand in one topic of the program's own.
func TestTopic(t *testing.T) {
	r := front(t, true).Do(incoming("POST", "/closed/in", "", "3")).Records[0]
	if r.Topic != "sluice.shop.in.closed-in" {
		t.Errorf("topic %s", r.Topic)
	}
}
