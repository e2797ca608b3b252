package op_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
)

func TestArrival(t *testing.T) {
	order := types.Row(nil,
		types.Field{Name: "id", Type: types.StringT},
		types.Field{Name: "n", Type: types.IntT, HasDef: true, Default: num("1")})
	for _, tt := range []struct {
		name, value, want, out string
	}{
		{"the view holds what the type declares", `{"id":"a","n":2,"x":1}`, "completed", `{"id":"a","n":2}`},
		{"a default stands in", `{"id":"a"}`, "completed", `{"id":"a","n":1}`},
		{"a byte-order mark is skipped", "\ufeff" + `{"id":"a"}`, "completed", `{"id":"a","n":1}`},
		{"the last duplicate counts", `{"id":1,"id":"a"}`, "completed", `{"id":"a","n":1}`},
		{"a mismatch names the path", `{"id":"a","n":1.5}`, "E0412 .n at from", ""},
		{"the text null is a value", `null`, "E0412 . at from", ""},
		{"no JSON", `{"id":}`, "E0401 at from", ""},
		{"zero bytes are not JSON", ``, "E0401 at from", ""},
		{"not UTF-8", "{\"id\":\"\xff\"}", "E0402 at from", ""},
		{"2,000 levels", strings.Repeat("[", 2000) + strings.Repeat("]", 2000), "E0403 at from", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build(t, order, log(cur("")))
			if got := show(b.run(tt.value)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if got := b.bodies(); got != tt.out {
				t.Errorf("got %s, want %s", got, tt.out)
			}
		})
	}
}

func TestTombstones(t *testing.T) {
	r := record("")
	r.Value = nil
	if got := show(build(t, types.StringT, log(cur(""))).record(r)); got != "dropped: tombstone at from" {
		t.Error(got)
	}
	b := build(t, types.Nullable(types.StringT), log(cur("")))
	if got := show(b.record(r)); got != "completed" || b.bodies() != "null" {
		t.Error(got, b.bodies())
	}
}

func TestTimeAhead(t *testing.T) {
	b := build(t, types.AnyT, log(cur("")))
	r := record("1")
	r.Timestamp = now.UnixMilli() + 600_000
	if got := show(b.record(r)); got != "completed" {
		t.Error("ten minutes ahead are within max_future:", got)
	}
	r.Timestamp++
	if got := show(b.record(r)); got != "E0440 at from" {
		t.Error(got)
	}
	r.Timestamp = now.UnixMilli() * 1_000_000
	if got := show(b.record(r)); got != "E0440 at from" {
		t.Error("nanoseconds:", got)
	}
}

func TestStages(t *testing.T) {
	each := func(body ...ir.Stage) ir.Stage {
		return &ir.Each{StageInfo: info("each"), In: cur("l"), Slot: 0, Name: "x", Body: body}
	}
	x := slot(0, "x")
	for _, tt := range []struct {
		name   string
		stages []ir.Stage
		in     string
		want   string
		out    string
	}{
		{"where passes on", []ir.Stage{where(eq(cur("a"), num("1"))), log(cur("a"))}, `{"a":1}`, "completed", "1"},
		{"where drops", []ir.Stage{where(eq(cur("a"), num("1"))), log(cur("a"))}, `{"a":2}`, "dropped: filtered at where", ""},
		{"after an emit a record counts as completed", []ir.Stage{log(cur("a")), where(eq(cur("a"), num("1"))), log(cur("a"))}, `{"a":2}`, "completed", "2"},
		{"a failure takes back what was emitted", []ir.Stage{log(cur("a")), log(cur("a.b"))}, `{"a":2}`, "E0411 .a.b at emit", ""},
		{"map replaces", []ir.Stage{&ir.Map{StageInfo: info("map"), X: cur("a")}, log(cur(""))}, `{"a":[2]}`, "completed", "[2]"},
		{"set computes before it puts", []ir.Stage{&ir.Set{StageInfo: info("set"), Puts: []ir.Put{
			{Path: []ir.Step{{Name: "a"}}, X: cur("b")}, {Path: []ir.Step{{Name: "b"}}, X: cur("a")}}}, log(cur(""))}, `{"a":1,"b":2}`, "completed", `{"a":2,"b":1}`},
		{"set makes what is missing", []ir.Stage{&ir.Set{StageInfo: info("set"), Puts: []ir.Put{
			{Path: []ir.Step{{Name: "a"}, {Name: "b"}}, X: lit(num("1"))}}}, log(cur(""))}, `{"a":null}`, "completed", `{"a":{"b":1}}`},
		{"set reaches into lists", []ir.Stage{&ir.Set{StageInfo: info("set"), Puts: []ir.Put{
			{Path: []ir.Step{{Name: "l"}, {Index: lit(num("-1"))}}, X: lit(num("9"))}}}, log(cur(""))}, `{"l":[1,2]}`, "completed", `{"l":[1,9]}`},
		{"set beyond a list fails", []ir.Stage{&ir.Set{StageInfo: info("set"), Puts: []ir.Put{
			{Path: []ir.Step{{Name: "l"}, {Index: lit(num("2"))}}, X: lit(num("9"))}}}, log(cur(""))}, `{"l":[1,2]}`, "E0411 .l[2] at set", ""},
		{"set with ?: does nothing for null", []ir.Stage{&ir.Set{StageInfo: info("set"), Puts: []ir.Put{
			{Path: []ir.Step{{Name: "a"}}, X: cur("no"), Opt: true}}}, log(cur(""))}, `{"a":1}`, "completed", `{"a":1}`},
		{"set does not change the event", []ir.Stage{&ir.Set{StageInfo: info("set"), Puts: []ir.Put{
			{Path: []ir.Step{{Name: "a"}, {Name: "b"}}, X: lit(num("9"))}}}, log(&ir.Event{})}, `{"a":{"b":1}}`, "completed", `{"a":{"b":1}}`},
		{"unset takes out", []ir.Stage{&ir.Unset{StageInfo: info("unset"), Paths: [][]ir.Step{{{Name: "a"}, {Name: "b"}}, {{Name: "no"}, {Name: "x"}}}}, log(cur(""))},
			`{"a":{"b":1,"c":2},"no":null}`, "completed", `{"a":{"c":2},"no":null}`},
		{"require", []ir.Stage{&ir.Require{StageInfo: info("require"), Cond: eq(cur("a"), num("1")), Why: lit("a is not 1")}, log(cur(""))}, `{"a":2}`, "E0413 at require", ""},
		{"fail", []ir.Stage{&ir.Fail{StageInfo: info("fail"), Why: lit("no")}, log(cur(""))}, `1`, "E0414 at fail", ""},
		{"drop", []ir.Stage{&ir.Drop{StageInfo: info("drop"), Reason: "old"}, log(cur(""))}, `1`, "dropped: old at drop", ""},
		{"when goes on behind it", []ir.Stage{&ir.When{StageInfo: info("when"), Cond: cur("a"), Then: []ir.Stage{log(lit("then"))}, Else: []ir.Stage{log(lit("else"))}}, log(lit("on"))},
			`{"a":false}`, "completed", "\"else\"\n\"on\""},
		{"when without else", []ir.Stage{&ir.When{StageInfo: info("when"), Cond: cur("a"), Then: []ir.Stage{log(lit("then"))}}, log(lit("on"))},
			`{"a":false}`, "completed", `"on"`},
		{"match runs one arm", []ir.Stage{&ir.Branch{StageInfo: info("match"), Subject: cur("a"), Slot: 1, Arms: []ir.StageArm{
			{Cond: eq(slot(1, ""), "x"), Body: []ir.Stage{log(lit("x"))}}, {Cond: eq(slot(1, ""), "y"), Body: []ir.Stage{log(lit("y"))}}, {Body: []ir.Stage{log(lit("else"))}}}}, log(lit("on"))},
			`{"a":"y"}`, "completed", "\"y\"\n\"on\""},
		{"each runs its body once an element", []ir.Stage{each(log(x)), log(lit("on"))}, `{"l":[1,2]}`, "completed", "1\n2\n\"on\""},
		{"where in each ends the child only", []ir.Stage{each(where(eq(x, num("2"))), log(x)), log(lit("on"))}, `{"l":[1,2,3]}`, "completed", "2\n\"on\""},
		{"drop in each ends the child only", []ir.Stage{each(&ir.Drop{StageInfo: info("drop"), Reason: "r"}), log(lit("on"))}, `{"l":[1,2,3]}`, "completed", `"on"`},
		{"a failure in each fails the record and names the element", []ir.Stage{log(lit("before")), each(log(get(x, "a")))}, `{"l":[{"a":1},2]}`, "E0411 x.a at emit/1", ""},
		{"what each changes is as before behind it", []ir.Stage{each(&ir.Map{StageInfo: info("map"), X: x}, log(cur(""))), log(cur("l"))}, `{"l":[1,2]}`, "completed", "1\n2\n[1,2]"},
		{"each of null fails", []ir.Stage{each(log(x))}, `{}`, "E0410 .l at each", ""},
		{"defaults of with are as before behind each", []ir.Stage{
			&ir.With{StageInfo: info("with"), Defaults: []ir.Default{{Field: "context", Slot: 2, X: lit("outer")}}},
			each(log(slot(2, "")), &ir.With{StageInfo: info("with"), Defaults: []ir.Default{{Field: "context", Slot: 2, X: x}}}, log(slot(2, ""))),
			log(slot(2, ""))}, `{"l":[1,2]}`, "completed", "\"outer\"\n1\n\"outer\"\n2\n\"outer\""},
		{"time by sets @time for the child only", []ir.Stage{
			each(&ir.TimeBy{StageInfo: info("time"), X: &ir.Cast{X: x, To: types.TimeT}}, log(&ir.Meta{Name: "time"})), log(&ir.Meta{Name: "time"})},
			`{"l":["2026-03-01T11:00:00Z"]}`, "completed", "\"2026-03-01T11:00:00.000Z\"\n\"2026-03-01T12:00:00.000Z\""},
		{"time by too far ahead fails", []ir.Stage{&ir.TimeBy{StageInfo: info("time"), X: &ir.Cast{X: cur("t"), To: types.TimeT}}, log(cur(""))},
			`{"t":"2026-03-01T12:10:00.001Z"}`, "E0440 at time", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := build(t, types.AnyT, tt.stages...)
			if got := show(b.run(tt.in)); got != tt.want {
				t.Errorf("ended as %s, want %s", got, tt.want)
			}
			if diff := cmp.Diff(tt.out, b.bodies()); diff != "" {
				t.Errorf("outputs (-want +got):\n%s", diff)
			}
		})
	}
}

// One frame runs record after record: nothing of one is seen by the next.
func TestFrameIsCleanForTheNextRecord(t *testing.T) {
	b := build(t, types.AnyT,
		&ir.When{StageInfo: info("when"), Cond: cur("set"), Then: []ir.Stage{&ir.Bind{StageInfo: info("let"), Slot: 3, Name: "v", X: cur("set")}}},
		&ir.Each{StageInfo: info("each"), In: cur("l"), Slot: 0, Body: []ir.Stage{&ir.Fail{StageInfo: info("fail"), Why: lit("in each")}}},
		log(slot(3, "v")))
	if got := show(b.run(`{"set":true,"l":[1]}`)); got != "E0414 at fail/0" {
		t.Fatal(got)
	}
	if got := show(b.run(`{"set":false,"l":[]}`)); got != "completed" || b.bodies() != "null" {
		t.Error(got, b.bodies())
	}
}

func TestLimitsOfOutput(t *testing.T) {
	b := build(t, types.AnyT, &ir.Each{StageInfo: info("each"), In: cur(""), Slot: 0, Body: []ir.Stage{log(lit(num("1")))}})
	in := func(n int) string { return "[" + strings.Repeat("0,", n-1) + "0]" }
	if got := show(b.run(in(op.MaxOutputs))); got != "completed" || len(b.rout.Outs) != op.MaxOutputs {
		t.Error(got, len(b.rout.Outs))
	}
	if got := show(b.run(in(op.MaxOutputs + 1))); !strings.HasPrefix(got, "E0425 at emit") || len(b.rout.Outs) != op.MaxOutputs {
		t.Error(got, len(b.rout.Outs))
	}
	b = build(t, types.AnyT, log(cur("")), log(cur("")), log(cur("")))
	if got := show(b.run(fmt.Sprintf("%q", strings.Repeat("x", 3<<20)))); got != "E0425 at emit" || len(b.rout.Buf) != 0 {
		t.Error(got, len(b.rout.Buf))
	}
}

// The same key is in a sample or not for ever, by value and not by spelling.
func TestSample(t *testing.T) {
	b := build(t, types.AnyT, &ir.Sample{StageInfo: info("sample"), Parts: 100_000, Rate: "0.1", Keys: []ir.Expr{cur("u")}}, log(&ir.Meta{Name: "sample_rate"}))
	passed := 0
	for i := range 10_000 {
		if b.run(fmt.Sprintf(`{"u":"user-%d"}`, i)).Kind == event.Completed {
			passed++
		}
	}
	if passed < 900 || passed > 1100 {
		t.Errorf("%d of 10,000 keys passed a sample of 10 %%", passed)
	}
	for i := range 200 {
		a, z := b.run(fmt.Sprintf(`{"u":%d}`, i)), b.run(fmt.Sprintf(`{"u":%d.0}`, i))
		if a.Kind != z.Kind {
			t.Errorf("%d and %d.0 are one key", i, i)
		}
	}
	if got := show(b.run(`{"u":null}`)); got != "E0410 .u at sample" {
		t.Error(got)
	}
	// Vectors: who is in the sample may never change.
	var in []string
	for i := range 60 {
		if b.run(fmt.Sprintf(`{"u":"user-%d"}`, i)).Kind == event.Completed {
			in = append(in, fmt.Sprint(i))
		}
	}
	if diff := cmp.Diff([]string{"7", "8", "46", "52", "55"}, in); diff != "" {
		t.Errorf("users of the first 60 in the sample (-want +got):\n%s", diff)
	}
	all := build(t, types.AnyT, &ir.Sample{StageInfo: info("sample"), Parts: 1_000_000, Rate: "1", Keys: []ir.Expr{cur("")}}, log(cur("")))
	none := build(t, types.AnyT, &ir.Sample{StageInfo: info("sample"), Parts: 0, Rate: "0", Keys: []ir.Expr{cur("")}}, log(cur("")))
	for i := range 100 {
		in := fmt.Sprint(i)
		if all.run(in).Kind != event.Completed || none.run(in).Kind != event.Dropped {
			t.Fatal("100 % passes all, 0 % none")
		}
	}
}
