package golden_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/stdlib"
)

const shop = `app "shop"
connection segment main { write_key: secret("K") }

from topic "orders" as { id: string, total: number, old: bool = false }
where not .old else "old"
emit track "Paid" { userId: .id, properties: { total: .total } }
when .total > 100 { emit topic "big" { value: .total, headers: { why: "large" } } }
`

func load(t *testing.T, files map[string]string) *program.Program {
	t.Helper()
	var texts []*token.File
	for name, text := range files {
		texts = append(texts, token.NewFile(name, text))
	}
	p := program.Compile(texts, stdlib.Env(), program.Options{})
	if !p.OK() {
		for _, d := range p.Diags {
			t.Errorf("%s: %s", d.Span, d.Message)
		}
		t.FailNow()
	}
	return p
}

func report(t *testing.T, p *program.Program, text string, o golden.Options) string {
	t.Helper()
	c, err := golden.Parse("shop.test/c", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &golden.Result{Name: "shop/c", File: "shop.test/c.txtar", Rerun: "R", Accept: "A"}
	r.Verdict, r.Actual = golden.Run(p.Plan, c, o)
	var b strings.Builder
	r.WriteText(&b, len(r.Name))
	return b.String()
}

// A report says what became of each input, then the difference.
func TestReports(t *testing.T) {
	p := load(t, map[string]string{"shop.route": shop})
	const in = `-- in --
{"topic":"orders","key":"a","value":{"id":"a","total":1.50}}
{"topic":"orders","key":"b","value":{"id":"b","total":2,"old":true}}
{"topic":"orders","key":"c","value":{"id":"c","total":"x"}}
{"topic":"orders","value":{"id":"d","total":500}}
`
	const right = `{"to":"segment","route":"shop","type":"track","event":"Paid","userId":"a","messageId":"$a","properties":{"total":1.5},"timestamp":"2026-01-01T00:00:00.000Z"}
{"to":"segment","route":"shop","type":"track","event":"Paid","userId":"d","...":true}
{"to":"topic big","route":"shop","value":500,"headers":{"why":"large"}}
-- dead --
{"in":3,"route":"shop","code":"E0412","stage":"from","path":".total"}
-- dropped --
{"in":2,"route":"shop","reason":"old"}
`
	const fates = `
      in 1 completed: 1 out
      in 2 dropped: old, shop.route:5
      in 3 dead: E0412 expected number, got string, shop.route:4:1
      in 4 completed: 2 out
`
	tests := []struct{ name, text, want string }{
		{"all as expected", in + "-- out --\n" + right, "ok    shop/c  4 in = 3 out + 1 dead + 1 dropped\n"},
		{"dropped is compared only where it is written", in + "-- out --\n" + strings.Split(right, "-- dropped --")[0], "ok    shop/c  4 in = 3 out + 1 dead + 1 dropped\n"},
		{"a wrong field, a row too few and one too many", in + "-- out --\n" + strings.NewReplacer(`"total":1.5}`, `"total":1.6,"coupon":"X"}`, `{"in":2,`, `{"in":4,`).Replace(right),
			"FAIL  shop/c  4 in = 3 out + 1 dead + 1 dropped shop.test/c.txtar:7" + fates + `      out[0].properties.coupon  want "X"  got <absent>
      out[0].properties.total   want 1.6  got 1.50
      dropped[0].in             want 4    got 2
      rerun: R      accept: A
`},
		{"what comes unlisted fails", in + "-- out --\n" + strings.SplitN(right, "\n", 2)[0] + "\n-- dead --\n{\"in\":3,\"...\":true}\n",
			"FAIL  shop/c  4 in = 3 out + 1 dead + 1 dropped shop.test/c.txtar" + fates + `      out  want <absent>  got {"to":"segment","route":"shop","type":"track","messageId":"sl1-ID","userId":"d","event":"Paid","properties":{"total":500},"timestamp":"2026-01-01T00:00:00.000Z"}
      out  want <absent>  got {"to":"topic big","route":"shop","value":500,"headers":{"why":"large"}}
      rerun: R      accept: A
`},
		{"no expectation is an error", in, "ERROR shop/c  shop.test/c.txtar:1: no expectation: write -- out --, -- dead -- or -- dropped --, or run --update\n"},
		{"a bad input is an error", "-- in --\n{\"topic\":\"orders\",\"value\":1,\"partition\":-1}\n-- out --\n", "ERROR shop/c  shop.test/c.txtar:2: partition is a whole number from 0 to 999\n"},
		{"an input that nothing reads", "-- in --\n{\"topic\":\"order\",\"value\":1}\n-- out --\n{\"to\":\"log\"}\n",
			"FAIL  shop/c  1 in = nothing shop.test/c.txtar:4\n      in 1 was read by no route\n      out[0]  want {\"to\":\"log\"}  got <absent>\n      rerun: R      accept: A\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, steady(report(t, p, tt.text, golden.Options{}))); d != "" {
				t.Errorf("report (-want +got):\n%s", d)
			}
		})
	}
}

// steady takes out what differs from run to run or says nothing here: times, ids,
// blanks of columns.
func steady(s string) string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if i := strings.LastIndex(l, " ms"); i > 0 && strings.HasPrefix(l, "ok") {
			l = strings.TrimRight(l[:i], " 0123456789")
		}
		if strings.HasPrefix(l, "FAIL") || strings.HasPrefix(l, "ok") {
			l = l[:14] + strings.Join(strings.Fields(l[14:]), " ")
		}
		if i := strings.Index(l, `"sl1-`); i > 0 {
			l = l[:i] + `"sl1-ID` + l[i+len(`"sl1-`)+32:]
		}
		out = append(out, l)
	}
	return strings.Join(out, "\n")
}

// X.test runs the routes of X.route, with everybody's declarations.
func TestScriptsRunAlone(t *testing.T) {
	p := load(t, map[string]string{
		"decl.route": "app \"a\"\ntype E = { n: int }\n",
		"x.route":    "from topic \"t\" as E\nemit log \"x\"\n",
		"y.route":    "from topic \"t\" as E\nemit log \"y\"\n",
	})
	const in = "-- in --\n{\"topic\":\"t\",\"value\":{\"n\":1}}\n-- out --\n"
	x, y := `{"to":"log","route":"x","name":"x","fields":{"n":1}}`+"\n", `{"to":"log","route":"y","name":"y","fields":{"n":1}}`+"\n"
	for _, tt := range []struct{ script, out string }{{"x", x}, {"y", y}, {"", x + y}} {
		if got := report(t, p, in+tt.out, golden.Options{Script: tt.script}); !strings.HasPrefix(got, "ok ") {
			t.Errorf("script %q:\n%s", tt.script, got)
		}
	}
}

// What is emitted to a topic that the program reads is an output and an input, with
// the number of the input that caused it.
func TestOutputsAreInputs(t *testing.T) {
	p := load(t, map[string]string{"p.route": `app "a"
route first
from topic "a" as { n: int }
emit topic "b" { key: string(.n), value: { m: .n } }

route second
from topic "b" as { m: int }
require .m < 2 else "too many"
emit log { m: .m, key: @key }
`})
	got := report(t, p, `-- in --
{"topic":"a","value":{"n":1}}
{"topic":"a","value":{"n":2}}
-- out --
{"to":"topic b","route":"first","key":"1","value":{"m":1}}
{"to":"log","route":"second","fields":{"m":1,"key":"1"}}
{"to":"topic b","route":"first","key":"2","value":{"m":2}}
-- dead --
{"in":2,"route":"second","code":"E0413","stage":"require"}
`, golden.Options{})
	if !strings.HasPrefix(got, "ok ") {
		t.Error(got)
	}
}

// Steps: the clock stands still but for advance; what a restart or a crash has read
// again comes out once.
func TestSteps(t *testing.T) {
	p := load(t, map[string]string{"p.route": `app "a"
from topic "t" as { n: int }
emit log { n: .n, at: @timestamp, now: now() }
`})
	got := report(t, p, `now: 2026-03-01T12:00:00Z
-- in --
{"topic":"t","value":{"n":1}}
advance 90s
{"topic":"t","value":{"n":2}}
crash
restart
{"topic":"t","value":{"n":3},"timestamp":"2026-03-01T11:00:00+01:00"}
crash
-- out --
{"to":"log","route":"p","fields":{"n":1,"at":"2026-03-01T12:00:00.000Z","now":"2026-03-01T12:00:00.000Z"}}
{"to":"log","route":"p","fields":{"n":2,"at":"2026-03-01T12:01:30.000Z","now":"2026-03-01T12:01:30.000Z"}}
{"to":"log","route":"p","fields":{"n":3,"at":"2026-03-01T10:00:00.000Z","now":"2026-03-01T12:01:30.000Z"}}
`, golden.Options{})
	if !strings.HasPrefix(got, "ok ") {
		t.Error(got)
	}
}

// An update keeps what was right as it is written, and comments, and names ids.
func TestUpdate(t *testing.T) {
	p := load(t, map[string]string{"shop.route": shop})
	const in = `# Doc.
-- in --
{"topic":"orders","key":"a","value":{"id":"a","total":1.50}}
# the second
{"topic":"orders","key":"b","value":{"id":"b","total":3}}
`
	tests := []struct{ name, text, want string }{
		{"a new case", in, in + `-- out --
{"to":"segment","route":"shop","type":"track","messageId":"$m1","userId":"a","event":"Paid","properties":{"total":1.50},"timestamp":"2026-01-01T00:00:00.000Z"}
{"to":"segment","route":"shop","type":"track","messageId":"$m2","userId":"b","event":"Paid","properties":{"total":3},"timestamp":"2026-01-01T00:00:00.000Z"}
`},
		{"what was right stays, what was wrong is rewritten, what is gone goes", in + `-- out --
# a comment of the first
{"...":true, "to":"segment", "userId":"a", "messageId":"$m1"}
{"to":"segment","userId":"b","properties":{"total":4},"...":true}
# a comment at the end
-- dead --
{"in":9,"route":"shop","...":true}
`, in + `-- out --
# a comment of the first
{"...":true, "to":"segment", "userId":"a", "messageId":"$m1"}
{"to":"segment","route":"shop","type":"track","messageId":"$m2","userId":"b","event":"Paid","properties":{"total":3},"timestamp":"2026-01-01T00:00:00.000Z"}
# a comment at the end
-- dead --
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := golden.Parse("c", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			_, a := golden.Run(p.Plan, c, golden.Options{})
			got := string(c.Update(a))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("file (-want +got):\n%s", d)
			}
			c, err = golden.Parse("c", []byte(got))
			if err != nil {
				t.Fatal(err)
			}
			v, a := golden.Run(p.Plan, c, golden.Options{})
			if !v.Passed() {
				t.Errorf("the updated case fails: %v %v", v.Err, v.Diffs)
			}
			if again := string(c.Update(a)); again != got {
				t.Errorf("a second update changes it:\n%s", cmp.Diff(got, again))
			}
		})
	}
}

// A route that cannot do the same twice passes as written and fails in a variant.
func TestVariantsAreNamed(t *testing.T) {
	// That is what a broken engine would look like: here the evaluator is broken.
	p := load(t, map[string]string{"p.route": "app \"a\"\nfrom topic \"t\" as { n: int }\nemit log { n: .n }\n"})
	got := report(t, p, "-- in --\n{\"topic\":\"t\",\"value\":{\"n\":1}}\n-- out --\n{\"to\":\"log\",\"route\":\"p\",\"fields\":{\"n\":1}}\n",
		golden.Options{Evaluators: []golden.Evaluator{golden.Reference, forgetful}})
	if !strings.Contains(got, "as written it passes; it fails on the forgetful evaluator") {
		t.Error(got)
	}
}

func TestCoverage(t *testing.T) {
	p := load(t, map[string]string{"shop.route": shop + `
route more
from topic "more" as { kind: "a" | "b" | "c" }
match .kind {
  "a" => emit log "a"
  "b", "c" => when .kind == "b" { drop "b" } else { emit log "c" }
}
`})
	cover := golden.NewCoverage(p.Plan)
	report(t, p, "-- in --\n{\"topic\":\"orders\",\"value\":{\"id\":\"a\",\"total\":1}}\n{\"topic\":\"more\",\"value\":{\"kind\":\"c\"}}\n-- out --\n", golden.Options{Cover: cover})
	j := &golden.JSONCover{}
	j.Add(cover, "dir")
	var b strings.Builder
	j.WriteText(&b)
	want := `cover 50.0% (6/12 branches)
      dir/shop.route:5  never false: where not .old else "old"
      dir/shop.route:7  never true: when .total > 100
      dir/shop.route:7  never emitted: emit topic "big" { value: .total, headers: { why: "large" } }
      dir/shop.route:11  never "a": match .kind
      dir/shop.route:12  never emitted: emit log "a"
      dir/shop.route:13  never true: when .kind == "b"
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("coverage (-want +got):\n%s", d)
	}
}

const stateful = `app "a"
table counts: int = 0 keyed by string, int
table places: { at: time, name: string } keyed by string ttl 1h
table names: { id: string, name: string } keyed by .id from file "names.csv"

route count
from topic "t" as { k: string, n: int, at: time? }
update counts[.k, .n] = it + 1
when .at != null { update places[.k] = { at: .at, name: names[.k].name ?? "nowhere" } }

route told
from changes counts
emit log "told" { key: .key, new: .new }
`

// Rows that are there before stand in the types of their tables; those at the end are
// compared whole, and `at` where it is written.
func TestTables(t *testing.T) {
	p := load(t, map[string]string{"p.route": stateful})
	const before = `-- tables --
{"table":"counts","key":["a",1.0],"row":41}
{"table":"places","key":["z"],"row":{"at":"2026-01-01T00:00:00+01:00","name":"Z"},"at":"2025-12-31T23:30:00Z"}
{"table":"names","key":["a"],"row":{"id":"a","name":"Ann"}}
`
	const in = `-- in --
{"topic":"t","value":{"k":"a","n":1,"at":"2026-01-01T02:00:00Z"}}
{"topic":"t","value":{"k":"b","n":2}}
`
	const out = `-- out --
{"to":"log","route":"told","name":"told","fields":{"key":["a",1],"new":42}}
{"to":"log","route":"told","name":"told","fields":{"key":["b",2],"new":1}}
`
	const after = `-- tables after --
{"table":"counts","key":["b",2],"row":"$n"}
{"table":"counts","key":["a",1],"row":42,"at":"2026-01-01T00:00:00Z"}
{"table":"places","key":["a"],"row":{"at":"2026-01-01T02:00:00.000Z","name":"Ann"}}
{"table":"places","...":true}
`
	tests := []struct{ name, text, want string }{
		{"all as expected", before + in + out + after, "ok    shop/c  2 in = 2 out\n"},
		{"rows are compared only where the section is written", before + in + out, "ok    shop/c  2 in = 2 out\n"},
		{"a wrong row, a wrong time, a row too few", before + in + out + strings.NewReplacer(`"row":42,"at":"2026`, `"row":43,"at":"2027`, `{"table":"places","...":true}`+"\n", "").Replace(after),
			`FAIL  shop/c  2 in = 2 out shop.test/c.txtar:13
      in 1 completed in count: 0 out
      in 1 completed in told: 1 out
      in 2 completed in count: 0 out
      in 2 completed in told: 1 out
      tables after[1].at   want "2027-01-01T00:00:00.000Z"  got "2026-01-01T00:00:00.000Z"
      tables after[1].row  want 43                          got 42
      tables after         want <absent>                    got {"table":"places","key":["z"],"row":{"at":"2025-12-31T23:00:00.000Z","name":"Z"},"at":"2025-12-31T23:30:00.000Z"}
      rerun: R      accept: A
`},
		{"no such table", "-- tables --\n{\"table\":\"count\",\"key\":[\"a\"],\"row\":1}\n" + in + out, "ERROR shop/c  shop.test/c.txtar:2: the program declares no table count: there are counts, names, places\n"},
		{"a key too short", "-- tables --\n{\"table\":\"counts\",\"key\":[\"a\"],\"row\":1}\n" + in + out, "ERROR shop/c  shop.test/c.txtar:2: a key of table counts has 2 parts, this one 1\n"},
		{"a key of another type", "-- tables --\n{\"table\":\"counts\",\"key\":[\"a\",\"b\"],\"row\":1}\n" + in + out, "ERROR shop/c  shop.test/c.txtar:2: key[1] of table counts: expected int, got string\n"},
		{"a row of another type", "-- tables --\n{\"table\":\"places\",\"key\":[\"a\"],\"row\":{\"at\":1}}\n" + in + out, "ERROR shop/c  shop.test/c.txtar:2: row of table places: .name: expected string, got nothing: the field is missing\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, steady(report(t, p, tt.text, golden.Options{}))); d != "" {
				t.Errorf("report (-want +got):\n%s", d)
			}
		})
	}
	t.Run("update", func(t *testing.T) {
		c, err := golden.Parse("c", []byte(before+in+"-- tables after --\n# mine\n{\"table\":\"counts\",\"key\":[\"a\",1],\"row\":42}\n{\"table\":\"counts\",\"key\":[\"x\",1],\"row\":1}\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, a := golden.Run(p.Plan, c, golden.Options{})
		want := before + in + `-- tables after --
# mine
{"table":"counts","key":["a",1],"row":42}
{"table":"counts","key":["b",2],"row":1,"at":"2026-01-01T00:00:00.000Z"}
{"table":"places","key":["a"],"row":{"at":"2026-01-01T02:00:00.000Z","name":"Ann"},"at":"2026-01-01T00:00:00.000Z"}
{"table":"places","key":["z"],"row":{"at":"2025-12-31T23:00:00.000Z","name":"Z"},"at":"2025-12-31T23:30:00.000Z"}
-- out --
` + strings.TrimPrefix(out, "-- out --\n")
		if d := cmp.Diff(want, string(c.Update(a))); d != "" {
			t.Errorf("file (-want +got):\n%s", d)
		}
	})
}

// What became of children, and of what a moving clock caused.
func TestFatesOfState(t *testing.T) {
	p := load(t, map[string]string{"p.route": `app "a"
route all
from topic "t" as { k: string, xs: [int] }
split .xs
require . > 0 else "none"
window 1m by $.k { n: count() }
emit log "pane" { n: .n }
`})
	got := report(t, p, `-- in --
{"topic":"t","value":{"k":"a","xs":[1,0,2]}}
advance 2m
-- out --
`, golden.Options{})
	want := `FAIL  shop/c  1 in = 1 out + 1 dead shop.test/c.txtar
      in 1 split, p.route:4
      in 1 completed: 0 out
      in 1 dead: E0413 none, p.route:5:9
      in 1 completed: 0 out
      by the clock completed: 1 out
      out   want <absent>  got {"to":"log","route":"all","name":"pane","fields":{"n":2}}
      dead  want <absent>  got {"in":1,"route":"all","code":"E0413","stage":"require"}
      rerun: R      accept: A
`
	if d := cmp.Diff(want, steady(got)); d != "" {
		t.Errorf("report (-want +got):\n%s", d)
	}
}

// Stages that remember have two ways, too.
func TestCoverageOfState(t *testing.T) {
	p := load(t, map[string]string{"p.route": `app "a"
route all
from topic "t" as { k: string, n: int, at: time }
time by .at
dedupe by .k, .n within 1h
throttle 1/h by .k else drop
map { n: .n }
changed by $.k within 1d
emit log "changed"

route panes
from topic "w" as { k: string, at: time }
time by .at
window 1m by .k { n: count() } late { emit log "late" {} }
emit log "pane"
`})
	const in = `now: 2026-01-01T12:00:00Z
-- in --
{"topic":"t","value":{"k":"a","n":1,"at":"2026-01-01T10:00:00Z"}}
`
	const all = in + `{"topic":"t","value":{"k":"a","n":1,"at":"2026-01-01T10:00:00Z"}}
{"topic":"t","value":{"k":"a","n":2,"at":"2026-01-01T10:00:00Z"}}
{"topic":"t","value":{"k":"a","n":1,"at":"2026-01-01T11:00:00Z"}}
{"topic":"w","value":{"k":"a","at":"2026-01-01T11:59:00Z"}}
advance 1m
{"topic":"w","value":{"k":"a","at":"2026-01-01T11:59:00Z"}}
`
	for _, tt := range []struct{ text, want string }{
		{in + "-- out --\n", `cover 36.4% (4/11 branches)
      dir/p.route:5  never a duplicate: dedupe by .k, .n within 1h
      dir/p.route:6  never throttled: throttle 1/h by .k else drop
      dir/p.route:8  never unchanged: changed by $.k within 1d
      dir/p.route:14  takes no record: window 1m by .k { n: count() }
      dir/p.route:14  never late: window 1m by .k { n: count() }
      dir/p.route:14  never emitted: emit log "late" {}
      dir/p.route:15  never emitted: emit log "pane"
`},
		{all + "-- out --\n", "cover 100.0% (11/11 branches)\n"},
	} {
		cover := golden.NewCoverage(p.Plan)
		report(t, p, tt.text, golden.Options{Cover: cover})
		j := &golden.JSONCover{}
		j.Add(cover, "dir")
		var b strings.Builder
		j.WriteText(&b)
		if d := cmp.Diff(tt.want, b.String()); d != "" {
			t.Errorf("coverage (-want +got):\n%s", d)
		}
	}
}

// TestFatesOfRequests: a request that makes no record says what it was answered.
func TestFatesOfRequests(t *testing.T) {
	p := load(t, map[string]string{"p.route": `app "a"
route hook
from webhook "/hook" { challenge: .challenge }
emit log
route calls
from segment "/v1"
emit segment
connection segment main { write_key: env("KEY") }
`})
	got := report(t, p, `-- in --
{"webhook":"/hook","method":"PUT","json":{"a":1}}
{"webhook":"/hook","json":{"challenge":"x"}}
{"webhook":"/hook","method":"HEAD"}
{"segment":"/v1/m","json":{}}
-- out --
{"to":"log"}
`, golden.Options{})
	for _, want := range []string{"in 1 made no record, and was answered 405: this webhook takes GET and POST\n", "in 2 made no record, and was answered 200: x\n", "in 3 made no record, and was answered 200\n", `in 4 made no record, and was answered 200: {"success":true}` + "\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told:\n%s", want, got)
		}
	}
}
