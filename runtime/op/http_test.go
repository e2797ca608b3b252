package op_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

// httpRoute compiles a route that ends in these stages.
func httpRoute(stages string) *program.Program {
	src := `connection http c { url: "https://c.example.com" }
connection http web { rate: 5/s }
connection http bulk { url: "https://b.example.com", batch: 100 or 1s }
type T = { id: string, n: number, s: string?, at: time?, o: object?, xs: [any], any: any }
route r
from topic "t" as T
` + stages
	return program.Compile([]*token.File{token.NewFile("a.route", src)}, env, program.Options{AllowNoApp: true})
}

// httpPair is that route, to be run both ways.
func httpPair(t testing.TB, stages string) *pair {
	t.Helper()
	p := httpRoute(stages)
	if !p.OK() {
		var b strings.Builder
		for _, d := range p.Diags {
			b.WriteString(diag.Render(d))
		}
		t.Fatal(b.String())
	}
	r, err := op.Compile(p.Plan.Routes[0], "app")
	if err != nil {
		t.Fatal(err)
	}
	if why := r.NotFused("t"); why != "" {
		t.Errorf("not fused: %s", why)
	}
	return newPair(r)
}

// sent is what an output says of its request.
func sent(o *event.Output) string {
	var b strings.Builder
	b.Write(o.Target.Of(o.Arena))
	event.EachHeader(o.Headers.Of(o.Arena), func(k string, v []byte) { fmt.Fprintf(&b, " | %s: %s", k, v) })
	if body := o.Body.Of(o.Arena); len(body) > 0 {
		fmt.Fprintf(&b, " | %s", body)
	}
	return b.String()
}

func TestHTTPRequests(t *testing.T) {
	const ev = `{"id":"a/b ?é","n":3.50,"s":null,"at":"2026-03-01T12:00:00+01:00","o":{"k":"v w","n":1e3},"xs":[1,"x"],"any":"..","more":1}`
	for _, tt := range []struct{ stage, want string }{
		{`emit http POST "/u" via c { body: { id: .id, n: .n, s: .s, k?: .s } }`, `POST /u | {"id":"a/b ?é","n":3.50,"s":null}`},
		{`emit http GET "/u/${.id}/x" via c`, `GET /u/a%2Fb%20%3F%C3%A9/x`},
		{`emit http GET "/u?id=${.id}&t=${.at ?? @time}&n=${.n}" via c { query: { a: .id, n: .n, b: true, s?: .s } }`,
			`GET /u?id=a%2Fb%20%3F%C3%A9&t=2026-03-01T11%3A00%3A00.000Z&n=3.5&a=a%2Fb%20%3F%C3%A9&n=3.5&b=true`},
		{`emit http DELETE via c { query: { "a b": 1 } }`, `DELETE ?a%20b=1`},
		{`emit http PUT "/é" via c { headers: { "X-Id": .n, "x-t"?: .s, "X-U": "ü\t1" } }`, "PUT /%C3%A9 | X-Id: 3.5 | X-U: ü\t1"},
		{`emit http PATCH "/u" via c { query: .o ?? {}, body: .xs }`, `PATCH /u?k=v%20w&n=1000 | [1,"x"]`},
		{`emit http POST "/u" via c { body?: .s }`, `POST /u`},
		{`emit http POST "/u" via c { body: .s }`, `POST /u | null`},
		{`emit http POST "https://x.example:8443/a#frag" via web`, `E0141`},
		{`let u = "https://x.example:8443/a/${.n}?b#frag"
emit http POST u via web { query: { c: 1 } }`, `POST https://x.example:8443/a/3.5?b&c=1`},
		{`emit http POST "https://${.s ?? "shop"}.example.com/a" via web`, `POST https://shop.example.com/a`},
		{`emit http POST "/b/${.n}" via bulk { item: { i: .id, at: .at }, body: { all: items } }`, `POST /b/3.5 | {"i":"a/b ?é","at":"2026-03-01T11:00:00.000Z"}`},
		{`emit http POST "/b" via bulk`, `POST /b | {"id":"a/b ?é","n":3.50,"s":null,"at":"2026-03-01T11:00:00.000Z","o":{"k":"v w","n":1e3},"xs":[1,"x"],"any":".."}`},
		{`emit http POST "/b" via bulk { batch: 1, body: { id: .id } }`, `POST /b | {"id":"a/b ?é"}`},
		// What cannot be an address, a query or a header fails.
		{`emit http GET "/u/${.any}/x" via c`, `E0460: the address leads out of its place: a part of it is . or ..`},
		{`emit http GET "/u/.${.s ?? "."}/x" via c`, `E0460: the address leads out of its place: a part of it is . or ..`},
		{`let s = .s ?? ""
emit http GET "/u/${s}" via c`, `E0460 s: a part of the address is ""`},
		{`emit http GET "/u/${.o.none}" via c`, `E0460 .o.none: a part of the address is null`},
		{`emit http GET "/u/${.xs}" via c`, `E0309`},
		{`emit http GET (string(.any ?? "")) via c`, `E0460: the address does not begin with /`},
		{`emit http GET .id via web`, `E0460 .id: the address has a blank or a control character in it`},
		{`emit http GET (if .n > 1 then "/a b" else "/c") via c`, `E0141`},
		{`emit http GET "/u" via c { query: { a: .o.none } }`, `E0460 .a: "a" in the query: null has no text`},
		{`emit http GET "/u" via c { query: { a: .xs } }`, `E0202`},
		{`emit http GET "/u" via c { headers: { a: .o.k, "b": .o.none } }`, `E0435 .b: header "b": null has no text`},
		{`emit http GET "/u" via c { headers: { a: "x${.s ?? "\n"}" } }`, `E0435 .a: header "a": a line break or another control character`},
		{`emit http GET "/u" via c { headers: { [.id]: "x" } }`, `E0435 ["a/b ?é"]: header "a/b ?é": a name has letters, digits and - only`},
		{`emit http GET "/u" via c { headers: { [.s ?? "Host"]: "x" } }`, `E0435 .Host: header "Host": this one is made for each request, and no script sets it`},
		{`emit http GET "/u" via c { query: .any }`, `E0410 .any: .any is text where an object is needed`},
	} {
		t.Run(tt.stage, func(t *testing.T) {
			if strings.HasPrefix(tt.want, "E") && len(tt.want) == 5 {
				if ds := httpRoute(tt.stage).Diags; len(ds) != 1 || ds[0].Code.ID != tt.want {
					t.Errorf("the checker says %v, want %s", ds, tt.want)
				}
				return
			}
			p := httpPair(t, tt.stage)
			o := p.mustAgree(t, record(ev))
			got := ""
			switch {
			case o.Kind == event.Failed:
				got = strings.TrimSpace(o.Fail.Code.ID+" "+o.Fail.Path) + ": " + o.Fail.Message
			case len(p.rout.Outs) == 1:
				got = sent(&p.rout.Outs[0])
				if n := p.fr.Slow; n != 0 {
					t.Errorf("%d records were left to the reference evaluator", n)
				}
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// Only requests of one head and one emit share a batch, whatever is in them.
func TestHTTPGroups(t *testing.T) {
	p := httpPair(t, `emit http POST "/b/${.n}" via bulk { item: .id, headers: { x?: .s }, body: { all: items } }
emit http POST "/b/${.n}" via bulk as other { item: .id, headers: { x?: .s }, body: { all: items } }`)
	run := func(v string) (a, b uint64) {
		n := len(p.rout.Outs)
		if o := p.mustAgree(t, record(v)); show(o) != "completed" {
			t.Fatal(show(o))
		}
		return p.rout.Outs[n].Group, p.rout.Outs[n+1].Group
	}
	one, other := run(`{"id":"1","n":1,"xs":[]}`)
	if one == 0 || one == other {
		t.Errorf("two emits have the groups %d and %d", one, other)
	}
	if again, _ := run(`{"id":"2","n":1.0,"xs":[]}`); again != one {
		t.Error("equal heads have two groups")
	}
	if n, _ := run(`{"id":"1","n":2,"xs":[]}`); n == one {
		t.Error("two addresses have one group")
	}
	if n, _ := run(`{"id":"1","n":1,"s":"h","xs":[]}`); n == one {
		t.Error("other headers have the same group")
	}
}

// The key in the braces puts an output in its lane; left out, the record's own does.
func TestHTTPKeys(t *testing.T) {
	p := httpPair(t, `emit http POST "/a" via c { key?: .s }
emit http POST "/b" via c
emit http POST "/c" via c { key: .id }`)
	if o := p.mustAgree(t, record(`{"id":"x","n":1,"s":"x","xs":[]}`)); show(o) != "completed" {
		t.Fatal(show(o))
	}
	if o := p.mustAgree(t, record(`{"id":"y","n":1,"xs":[]}`)); show(o) != "completed" {
		t.Fatal(show(o))
	}
	o := p.rout.Outs
	if o[0].Lane != o[2].Lane || o[0].Lane == o[1].Lane {
		t.Error("equal keys have two lanes, or the record's key that of another")
	}
	if o[3].Lane != o[4].Lane || o[3].Lane == o[5].Lane || !o[3].Ordered {
		t.Error("a key that is left out is not the record's own")
	}
}
