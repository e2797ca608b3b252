package op_test

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/runtime/event"
)

// A record sees what its own update made of an audience, between the limits what was;
// a delete and the end of a row's time judge the default, or end it.
func TestAudience(t *testing.T) {
	w := newTown()
	score := w.memory("score", types.NumberT, nil)
	score.State.SpanMS = 3_600_000
	high := w.audience("high", score, "10", "5")
	zero := w.memory("zero", types.NumberT, num("10"))
	always := w.audience("always", zero, "10", "5")
	k := []ir.Expr{cur("k")}
	has := func(a *ir.Table) ir.Expr { return &ir.TableGet{Table: a, Keys: k} }
	set := func(t *ir.Table) ir.Stage {
		return &ir.Update{StageInfo: key("update", t.Name), Table: t, Keys: k, X: cur("n"), Old: oldSlot}
	}
	w.route("in", logged("a", "before", has(high)), &ir.When{StageInfo: info("when"), Cond: &ir.Compare{Op: ir.Ne, X: cur("n"), Y: lit(nil)},
		Then: []ir.Stage{set(score), set(zero)},
		Else: []ir.Stage{&ir.Delete{StageInfo: key("delete", "score"), Table: score, Keys: k}, &ir.Delete{StageInfo: key("delete", "zero"), Table: zero, Keys: k}}},
		logged("b", "high", has(high), "always", has(always)))
	tell := w.route("told", logged("c", "change", cur("")))
	tell.Source = &ir.Source{Kind: "changes", Table: high}
	tw := w.twins(t)
	for _, tt := range []struct {
		v, want string
	}{
		{`{"k":"a","n":9}`, `{"before":false}
{"high":false,"always":false}`},
		{`{"k":"a","n":10}`, `{"before":false}
{"high":true,"always":true}
{"change":{"key":"a","member":true,"cause":"update","other":null}}`},
		{`{"k":"a","n":5}`, `{"before":true}
{"high":true,"always":true}`},
		{`{"k":"a","n":4}`, `{"before":true}
{"high":false,"always":false}
{"change":{"key":"a","member":false,"cause":"update","other":null}}`},
		{`{"k":"a","n":9}`, `{"before":false}
{"high":false,"always":false}`},
		{`{"k":"a"}`, `{"before":false}
{"high":false,"always":true}`},
		{`{"k":"b","n":12}`, `{"before":false}
{"high":true,"always":true}
{"change":{"key":"b","member":true,"cause":"update","other":null}}`},
		{`{"k":"b"}`, `{"before":true}
{"high":false,"always":true}
{"change":{"key":"b","member":false,"cause":"delete","other":null}}`},
		{`{"k":"c","n":12}`, `{"before":false}
{"high":true,"always":true}
{"change":{"key":"c","member":true,"cause":"update","other":null}}`},
	} {
		tw.fused.want(tt.v, tw.say("in", 0, tt.v), tt.want)
	}
	if n := tw.fused.run.Frame(tw.fused.route("in")).Slow; n != 0 {
		t.Errorf("%d records run by the reference evaluator", n)
	}
	if d := tw.both(func(p *player) { p.due(3600) }); d != "" {
		t.Fatal(d)
	}
	tw.fused.want("past its time", tw.fused.outs(), `{"change":{"key":"c","member":false,"cause":"expire","other":null}}`)
	tw.say("in", -3600, `{"k":"d","n":12}`)
	tw.fused.want("past, and written before its timer is due", tw.say("in", 0, `{"k":"d","n":7}`), `{"before":true}
{"high":false,"always":true}
{"change":{"key":"d","member":false,"cause":"expire","other":null}}`)
}

// A condition that fails fails the record that writes the row.
func TestAudienceFails(t *testing.T) {
	w := newTown()
	score := w.memory("score", types.NumberT, num("1"))
	high := w.audience("high", score, "1", "1")
	high.Audience.Enter = &ir.Compare{Op: ir.Gt, X: &ir.Arith{Op: ir.Div, X: lit(num("10")), Y: slot(0, "it"), Node: ir.Node{F: []*diag.Code{diag.DivZero}}}, Y: lit(num("1"))}
	w.route("in", &ir.Update{StageInfo: info("update"), Table: score, Keys: []ir.Expr{cur("k")}, X: cur("n"), Old: oldSlot})
	tw := w.twins(t)
	tw.fused.want("by zero", tw.say("in", 0, `{"k":"a","n":0}`), "E0421 at update division by zero")
	tw.fused.want("nothing is left", tw.fused.stored(), "")
	tw.fused.want("by one", tw.say("in", 0, `{"k":"a","n":1}`), "")
}

// Rows with an age keep it through a merge: one that is past is told so, the timer
// moves with the row, and who comes of it is looked up when it is told.
func TestMergeOfRowsWithAge(t *testing.T) {
	w := newTown()
	ltv := w.table("ltv", "sum", types.NumberT, num("0"))
	ltv.State.SpanMS = 3_600_000
	high := w.audience("high", ltv, "10", "5")
	w.route("in", w.resolve(), update(ltv))
	w.changes("of_ltv", ltv)
	w.changes("of_high", high)
	tw := w.twins(t)
	tw.say("in", -7200, `{"user":"u1","anon":"a1","ltv":1}`)
	tw.say("in", -7200, `{"anon":"old","ltv":20}`)
	tw.say("in", -1800, `{"anon":"a2","ltv":12}`)
	tw.fused.want("past", tw.say("in", 0, `{"user":"u1","anon":"old"}`), `{"of":"of_ltv","change":{"key":"<2>","old":20,"new":null,"cause":"expire"},"who":"old","known":false}
{"of":"of_high","change":{"key":"<2>","member":false,"cause":"expire","other":null},"who":"old","known":false}`)
	tw.fused.want("the winner's is past", tw.say("in", 0, `{"user":"u1","anon":"a2"}`), `{"of":"of_ltv","change":{"key":"<1>","old":1,"new":null,"cause":"expire"},"who":"u1","known":true}
{"of":"of_ltv","change":{"key":"<3>","old":12,"new":null,"cause":"merge"},"who":"a2","known":false}
{"of":"of_ltv","change":{"key":"<1>","old":null,"new":12,"cause":"merge"},"who":"u1","known":true}
{"of":"of_high","change":{"key":"<1>","member":true,"cause":"merge","other":"a2"},"who":"u1","known":true}`)
	if d := tw.both(func(p *player) { p.due(1799) }); d != "" || tw.fused.outs() != "" {
		t.Error("too early", d)
	}
	if d := tw.both(func(p *player) { p.due(1800) }); d != "" {
		t.Error(d)
	}
	tw.fused.want("in its time", tw.ids(tw.fused.outs()), `{"of":"of_ltv","change":{"key":"<1>","old":12,"new":null,"cause":"expire"},"who":"u1","known":true}
{"of":"of_high","change":{"key":"<1>","member":false,"cause":"expire","other":null},"who":"u1","known":true}`)
}

// `from table as p` binds who the row is of, and orders by them.
func TestRowsOfPeople(t *testing.T) {
	w := newTown()
	ltv := w.table("ltv", "sum", types.NumberT, num("0"))
	w.route("in", w.resolve(), update(ltv))
	r := w.route("all", logged("r", "ltv", cur(""), "user", get(person, "user_id"), "id", get(person, "id")))
	r.Source = &ir.Source{Kind: "table", Table: ltv, Person: personSlot, HasPerson: true}
	tw := w.twins(t)
	tw.say("in", 0, `{"user":"u1","anon":"a1","ltv":7}`)
	for _, p := range []*player{tw.fused, tw.reference} {
		p.out.Reset()
		s := 0
		for p.plan.States[s].Kind != ir.TableState {
			s++
		}
		row := p.cells.Rows(s, nil)[0]
		rec := p.run.Row(p.route("all"), now.UnixMicro(), row.Key, row.Val)
		if o := p.record(p.route("all"), rec); o.Kind != event.Completed {
			t.Fatal(o.Fail)
		}
		id := strings.Trim(string(rec.Key), `"`)
		p.want("row", strings.ReplaceAll(p.outs(), id, "<id>"), `{"ltv":7,"user":"u1","id":"<id>"}`)
	}
}
