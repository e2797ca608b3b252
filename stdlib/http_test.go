package stdlib_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
)

// planOf compiles a program that must check.
func planOf(t *testing.T, src string) *plan.Plan {
	t.Helper()
	p := load(src)
	for _, d := range p.Diags {
		if d.Code.Level() == diag.Error {
			t.Fatal(diag.Render(d))
		}
	}
	return p.Plan
}

const httpHead = `app "a"
connection http c { url: "https://c.example.com" }
connection http web {}
connection http bulk { url: "https://b.example.com", batch: 100 or 1s }
from topic "t" as { id: string, n: number, s: string?, at: time }
`

// What the checker says of a request is what delivery goes by.
func TestHTTPSinks(t *testing.T) {
	for _, tt := range []struct{ emit, want string }{
		{`emit http POST "/u" via c`, `http POST /u: constant, whole=false, batch {0 0 0} none`},
		{`emit http POST "/u/${.id}" via c`, `http POST "/u/${.id}": varies, whole=false, batch {0 0 0} none`},
		{`emit http POST "/u/${"v1"}/x" via c`, `http POST /u/v1/x: constant, whole=false, batch {0 0 0} none`},
		{`emit http POST (if .n > 1 then "/a" else "/b") via c`, `http POST (if .n > 1 then "/a" else "/b"): constant, whole=false, batch {0 0 0} none`},
		{`emit http POST (if .n > 1 then "/a" else "/b/${.n}") via c`, `http POST (if .n > 1 then "/a" else "/b/${.n}"): varies, whole=false, batch {0 0 0} none`},
		{`emit http POST "https://x.example" via web`, `http POST https://x.example: constant, whole=true, batch {0 0 0} none`},
		{`emit http POST .id via web`, `http POST .id: varies, whole=true, batch {0 0 0} none`},
		{`emit http POST via c as n`, `n: constant, whole=false, batch {0 0 0} none`},
		{`emit http POST "/u" via bulk`, `http POST /u: constant, whole=false, batch {0 0 0} items [{ id: string, n: number, s: string?, at: string }]`},
		{`emit http POST "/u" via bulk { item: .id, body: { items } }`, `http POST /u: constant, whole=false, batch {0 0 0} items { items: [string] }`},
		{`emit http POST "/u" via bulk { batch: 1, body: .id }`, `http POST /u: constant, whole=false, batch {1 0 0} none`},
		{`emit http POST "/u" via c { batch: 20 or 4KB or 2s, item: .at, body: items }`, `http POST /u: constant, whole=false, batch {20 4000 2000} items [string]`},
		{`emit http POST "/u" via c { item: .id, body: items }`, `http POST /u: constant, whole=false, batch {0 0 0} items [string]`},
	} {
		e := planOf(t, httpHead+tt.emit).Routes[0].Emits[0]
		s := e.Sink.(*ir.HTTPSink)
		varies, batch := "constant", "none"
		if s.Varies {
			varies = "varies"
		}
		if s.Item != nil {
			batch = "items " + s.Body.Type().Brief()
		}
		got := fmt.Sprintf("%s: %s, whole=%v, batch %v %s", e.ID, varies, s.Whole, s.Batch, batch)
		if got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.emit, got, tt.want)
		}
	}
}

// Names of an answer's headers are read as they are kept: in small letters.
func TestHTTPAnswers(t *testing.T) {
	p := planOf(t, httpHead+`call http GET "/u" via c as r: { a: int } { accept: it.headers["X-A"] == it.headers.Xb, until: r.headers["X-C"] != null, every: 1s, for: 1m }
emit log { a: r.headers["X-D"], b: r.body.a, c: { "X-E": r.headers[.id] } }`)
	call := p.Routes[0].Calls[0]
	names := func(x ir.Expr) (out []string) {
		ir.Walk(x, func(x ir.Expr) bool {
			switch x := x.(type) {
			case *ir.Field:
				out = append(out, x.Name)
			case *ir.Index:
				out = append(out, fmt.Sprintf("%T", x.I))
			}
			return true
		})
		return out
	}
	for _, tt := range []struct {
		x    ir.Expr
		want []string
	}{
		{call.Request.Accept, []string{"x-a", "headers", "xb", "headers"}},
		{call.Until, []string{"x-c", "headers"}},
		{p.Routes[0].Emits[0].Sink.(*ir.LogLine).Fields, []string{"x-d", "headers", "a", "body", "*ir.Call", "headers", "id"}},
	} {
		if diff := cmp.Diff(tt.want, names(tt.x)); diff != "" {
			t.Errorf("fields that are read (-want +got):\n%s", diff)
		}
	}
	if got := call.Result.Brief(); got != "{ status: int, headers: {string: string}, body: { a: int } }" {
		t.Errorf("r is %s", got)
	}
}

// A route that calls is stateful, and what its calls keep has names of its own.
func TestHTTPCallsAreStateful(t *testing.T) {
	p := planOf(t, httpHead+`call http GET "/u" via c { cache: 1h }
call http GET "/u" via c { cache: 2h, timeout: 2s, retry: 3m }
call http POST "/u/${.id}" via c { cache: 1m }
route plain
from topic "t"
call http GET "/u" via c
route none
from topic "t"
emit http GET "/u" via c`)
	var got []string
	for _, g := range p.Groups {
		for _, s := range g.States {
			got = append(got, fmt.Sprintf("%s: %s for %d", g.Name, s.Name, s.SpanMS))
		}
		if len(g.States) == 0 {
			got = append(got, g.Name)
		}
	}
	want := []string{"a: call a GET /u for 3600000", "a: call a GET /u#2 for 7200000", "a: call a POST \"/u/${.id}\" for 60000", "plain"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("groups and states (-want +got):\n%s", diff)
	}
	if c := p.Routes[0].Calls; len(c) != 3 || c[1].Request.TimeoutMS != 2000 || c[1].Request.RetryMS != 180_000 || c[1].Key != "call http GET /u#2" {
		t.Errorf("calls: %+v", c)
	}
}
