package op_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/fn"
)

// argsOf is what the fields of a record are, by the types that functions take.
const argsOf = `type Args = {
  s: string?, s2: string?, n: number?, n2: number, i: int, b: bool?, t: time?, t2: time, o: object?, o2: object, l: [any]?, ls: [string], ln: [number]
  lo: [object], lb: [bool], ll: [[any]], le: [{ key: string, value: any }], m: { string: string }, any: any, c: segment.Call?
}
`

// argument gives an expression of a parameter's type; the first may be null.
func argument(p types.Param, first bool) string {
	kind := "T"
	if p.Type != nil {
		kind = p.Type.Brief()
	}
	subject := map[string]string{"string": ".s", "number": ".n", "bool": ".b", "time": ".t", "object": ".o", "[any]": ".l", "int": ".i", "segment.Call": ".c", "T": ".any", "any": ".any"}
	other := map[string]string{
		"string": ".s2", "number": ".n2", "int": ".i", "bool": "(.b ?? true)", "time": ".t2", "duration": "(.t2 - time(\"2026-01-01T00:00:00Z\"))", "object": ".o2", "[any]": "(.l ?? [])",
		"[string]": ".ls", "[number]": ".ln", "[object]": ".lo", "[bool]": ".lb", "[[any]]": ".ll", "bytes": "base64.decode(base64.encode(.s2 ?? \"\"))", "{string: string}": ".m",
		"[{ key: string, value: any }]": ".le", "string | bytes": ".s", "string | object": ".o2", "object | [any]": ".o2", "string | number": ".s", "string | number | bool": ".n", "string | number | time": ".s",
		"string | [any]": ".s", "string | bytes | [any] | object": ".s", "object?": ".o", "string?": ".s", "int?": ".i", "T": ".any", "any": ".any",
	}
	if x, ok := subject[kind]; first && ok {
		return x
	}
	if kind == "string" {
		return "(.s2 ?? \"x\")"
	}
	return other[kind]
}

// calls are the ways in which a function is called: with fields of the record, and as
// its examples have it.
func callsOf(f *types.Func) (dynamic string, examples []string) {
	var args []string
	for i, p := range f.Params {
		x := argument(p, i == 0)
		if x == "" {
			args = nil
			break
		}
		args = append(args, x)
	}
	if args != nil || len(f.Params) == 0 {
		dynamic = f.Name + "(" + strings.Join(args, ", ") + ")"
	}
	for _, x := range f.Examples {
		if !strings.HasPrefix(x.Want, "error ") {
			examples = append(examples, x.Expr)
		}
	}
	return dynamic, examples
}

// nasty are texts of every kind that functions read, and what is none.
var nasty = []string{"", " ", "a", "A,b\nc,d", "ann@Example.com", "+49 30 123456", "DE", "eur", "2026-03-01T12:30:00Z", "2026-02-30", "1.299,50", "0x1f", "{idfa}", "null", "[1,2]", "{\"a\":1}",
	"<a x=\"1\"><b>1</b></a>", "<a>", "https://shop.example.co.uk/a?utm_source=x&q=a+b#f", "10.1.2.3", "10.0.0.0/8", "::1", "6D92078A-8246-4BA4-AE5B-76104861E7DC", "Europe/Berlin", "order_completed",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)", "aGVsbG8=", "é\u0301ﬁ①\u0000", "90m", "P1DT2H", "(", "a.b", "true", "12"}

func randomArgs(r *rand.Rand) string {
	word := func() string { return nasty[r.IntN(len(nasty))] }
	num := func() any { return []any{0, -1, 2.5, 19.99, 1e21, 1773480413, -0.005}[r.IntN(7)] }
	obj := func() any {
		o := map[string]any{}
		for range r.IntN(4) {
			o[[]string{"a", "b", "key", "a_b", "context", "att", "email"}[r.IntN(7)]] = []any{word(), num(), nil, true, []any{1, nil}, map[string]any{"b": word()}}[r.IntN(6)]
		}
		return o
	}
	maybe := func(v any) any {
		if r.IntN(4) == 0 {
			return nil
		}
		return v
	}
	list := func(of func() any) []any {
		out := []any{}
		for range r.IntN(4) {
			out = append(out, of())
		}
		return out
	}
	text := func() any { return word() }
	when := []string{"2026-03-01T12:30:00Z", "2024-02-29T23:59:59.999+05:30", "1969-12-31T00:00:00Z"}[r.IntN(3)]
	row := map[string]any{
		"s": maybe(word()), "s2": maybe(word()), "n": maybe(num()), "n2": num(), "i": r.IntN(7) - 2, "b": maybe(r.IntN(2) == 0), "t": maybe(when), "t2": when, "o": maybe(obj()), "o2": obj(),
		"l": maybe(list(func() any { return []any{word(), num(), nil, obj()}[r.IntN(4)] })), "ls": list(text), "ln": list(num), "lo": list(obj), "lb": list(func() any { return r.IntN(2) == 0 }),
		"ll": list(func() any { return list(num) }), "le": list(func() any { return map[string]any{"key": word(), "value": num()} }), "m": map[string]any{"a": word(), "b": word()},
		"any": []any{word(), num(), nil, obj(), true}[r.IntN(5)],
		"c":   maybe(map[string]any{"type": []string{"track", "identify", "delete"}[r.IntN(3)], "event": word(), "userId": word(), "properties": obj(), "traits": obj(), "context": obj()}),
	}
	b, err := json.Marshal(row)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// TestFunctionsAgree: both evaluators give the same of every function, for examples
// and for whatever a record holds, and null for a null subject.
func TestFunctionsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 6))
	called := 0
	for _, f := range fn.All() {
		dynamic, examples := callsOf(f)
		for i, x := range append([]string{dynamic}, examples...) {
			if x == "" {
				continue
			}
			guarded := "(" + x + ") catch \"fails\""
			route := compiled(t, guarded)
			if route == nil {
				if route = compiled(t, x); route == nil && i > 0 {
					t.Errorf("%s does not compile in a route", x)
				}
			}
			if route == nil {
				continue // a constant is wanted: the examples have it
			}
			pair, runs := newPair(route), 1
			if i == 0 {
				called++
				runs = 60
			}
			for range runs {
				in := randomArgs(r)
				o := pair.mustAgree(t, &event.Record{Topic: "t", Value: []byte(in), Timestamp: now.UnixMilli()})
				if i == 0 && strings.Contains(in, `"s":null`) && strings.HasPrefix(x, f.Name+"(.s") && !f.TakesNull && o.Fail == nil {
					if got := lastLog(pair); got != "null" {
						t.Errorf("%s of null gives %s", x, got)
					}
				}
			}
		}
	}
	t.Logf("%d of %d functions are called with fields of records", called, len(fn.All()))
	if called < len(fn.All())*3/4 {
		t.Errorf("only %d functions are called with fields of records", called)
	}
}

// withCountries is the library with something to look up.
var withCountries = stdlib.EnvOf(stdlib.World{Country: func(ip netip.Addr) (string, bool) { return "DE", ip.Is4() }})

func compiled(t *testing.T, x string) *op.Route {
	t.Helper()
	src := "app \"f\"\n" + argsOf + "from topic \"t\" as Args\nemit log \"f\" { v: " + x + " }\n"
	p := program.Compile([]*token.File{token.NewFile("f.route", src)}, withCountries, program.Options{})
	if !p.OK() {
		return nil
	}
	route, err := op.Compile(p.Plan.Routes[0], p.Plan.App)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", x, err))
	}
	return route
}

// lastLog is what the last line of the log has as v.
func lastLog(p *pair) string {
	o := &p.out.Outs[len(p.out.Outs)-1]
	v, err := value.DecodeJSON(o.Body.Of(o.Arena))
	if err != nil {
		return err.Error()
	}
	fields, _ := v.(*value.Object).Get("v")
	return string(value.AppendJSON(nil, fields))
}

// TestPlansAgree: both evaluators judge by a tracking plan alike.
func TestPlansAgree(t *testing.T) {
	fsys := fstest.MapFS{
		"plan.json": {Data: []byte(`[{"key":"A","type":"TRACK","jsonSchema":{"properties":{"n":{"type":"number","minimum":0}},"required":["n"]}},{"key":"","type":"IDENTIFY","jsonSchema":{"properties":{"traits":{"properties":{"n":{"type":"integer"}}}}}}]`)},
		"a.route": {Data: []byte(`app "f"
connection segment main { write_key: secret("K"), plan: "plan.json" }
from topic "t" as { name: string, how: "const" | "name" | "identify" | "pass", body: object }
with { userId: "u" }
match .how {
  "const"    => emit track "A" { properties: .body }
  "name"     => emit track .name { properties: .body }
  "identify" => emit identify { traits: .body }
  "pass"     => {
    map { type: "track", event: .name, userId: "u", properties: .body } | as segment.Call
    emit segment
  }
}
`)},
	}
	p := program.Load(fsys, env, program.Options{})
	if !p.OK() {
		t.Fatal(p.Diags[0].Message)
	}
	route, err := op.Compile(p.Plan.Routes[0], p.Plan.App)
	if err != nil {
		t.Fatal(err)
	}
	pair := newPair(route)
	failed, sent := 0, 0
	for _, how := range []string{"const", "name", "identify", "pass"} {
		for _, name := range []string{"A", "B"} {
			for _, body := range []string{`{"n":1.50}`, `{"n":-1}`, `{"n":"1"}`, `{}`, `{"n":null}`} {
				o := pair.mustAgree(t, &event.Record{Topic: "t", Value: []byte(`{"how":"` + how + `","name":"` + name + `","body":` + body + `}`), Timestamp: now.UnixMilli()})
				if o.Fail == nil {
					sent++
				} else if failed++; o.Fail.Code != diag.NotPlanned {
					t.Errorf("%s %s %s fails with %s", how, name, body, o.Fail)
				}
			}
		}
	}
	// A body of 1.50 passes as an event that is planned, and {} and -1 as traits.
	if sent != 2+1+2*2+1 || sent+failed != 40 {
		t.Errorf("%d are sent, %d fail", sent, failed)
	}
}
