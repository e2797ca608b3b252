package op_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// mergers are tables of every rule, each with what reads its changes.
func mergers() (*town, []*ir.Table) {
	w := newTown()
	number, list := types.NumberT, types.ListOf(types.AnyT)
	tables := []*ir.Table{
		w.table("all", "all", types.BoolT, nil), w.table("any", "any", types.BoolT, nil), w.table("first", "first", types.StringT, nil),
		w.table("keep", "keep", types.StringT, nil), w.table("last", "last", types.StringT, nil), w.table("max", "max", number, nil),
		w.table("min", "min", number, nil), w.table("sum", "sum", number, num("0")), w.table("union", "union", list, nil),
	}
	stages := []ir.Stage{w.resolve()}
	for _, t := range tables {
		stages = append(stages, update(t))
	}
	kv := []any{"merged", get(person, "merged")}
	for _, t := range tables {
		kv = append(kv, t.Name, &ir.TableGet{Table: t, Keys: []ir.Expr{get(person, "id")}})
	}
	w.route("in", append(stages, logged("rows", kv...))...)
	return w, tables
}

// How rows become one, by each rule: the first person is the winner, who has a user
// id, and the second the loser.
func TestMergeRules(t *testing.T) {
	const winner, loser, both = `{"user":"u1","anon":"a1",%s}`, `{"anon":"a2",%s}`, `{"user":"u1","anon":"a2"}`
	for _, tt := range []struct {
		name string
		w    []string // writes of the winner, "seconds fields"
		l    []string
		want string // of the row that the first write names
	}{
		{"first", []string{`5 "first":"w"`}, []string{`3 "first":"l"`}, `"l"`},
		{"first", []string{`3 "first":"w"`}, []string{`5 "first":"l"`}, `"w"`},
		{"first of equal times", []string{`3 "first":"w"`}, []string{`3 "first":"l"`}, `"w"`},
		{"first, however often it was written again", []string{`3 "first":"w"`, `9 "first":"w"`}, []string{`5 "first":"l"`}, `"w"`},
		{"first, written again, of the loser", []string{`5 "first":"w"`}, []string{`3 "first":"l"`, `9 "first":"l"`}, `"l"`},
		{"first of what stands, not of what stood", []string{`3 "first":"x"`, `9 "first":"w"`}, []string{`5 "first":"l"`}, `"l"`},
		{"first, an equal write of an earlier time", []string{`9 "first":"w"`, `3 "first":"w"`}, []string{`5 "first":"l"`}, `"w"`},
		{"last", []string{`5 "last":"w"`}, []string{`3 "last":"l"`}, `"w"`},
		{"last", []string{`3 "last":"w"`}, []string{`5 "last":"l"`}, `"l"`},
		{"last of equal times", []string{`3 "last":"w"`}, []string{`3 "last":"l"`}, `"w"`},
		{"keep", []string{`3 "keep":"w"`}, []string{`5 "keep":"l"`}, `"w"`},
		{"keep of a winner without a row", nil, []string{`5 "keep":"l"`}, `"l"`},
		{"sum", []string{`3 "sum":1.5`}, []string{`5 "sum":2`}, `3.5`},
		{"sum of a winner without a row", nil, []string{`5 "sum":2`}, `2`},
		{"sum of a loser without a row", []string{`5 "sum":2`}, nil, `2`},
		{"min", []string{`3 "min":2`}, []string{`5 "min":1`}, `1`},
		{"min of equals keeps the winner's digits", []string{`3 "min":1.0`}, []string{`5 "min":1`}, `1.0`},
		{"max", []string{`3 "max":2`}, []string{`5 "max":11`}, `11`},
		{"any", []string{`3 "any":false`}, []string{`5 "any":true`}, `true`},
		{"all", []string{`3 "all":true`}, []string{`5 "all":false`}, `false`},
		{"all", []string{`3 "all":true`}, []string{`5 "all":true`}, `true`},
		{"union", []string{`3 "union":[1,"a",{"x":1,"y":2}]`}, []string{`5 "union":["b",1.0,{"y":2,"x":1},"b","1"]`}, `[1,"a",{"x":1,"y":2},"b","1"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			town, _ := mergers()
			tw := town.twins(t)
			field := ""
			write := func(as string, writes []string) {
				for _, s := range writes {
					at := 0
					n, what, _ := strings.Cut(s, " ")
					fmt.Sscan(n, &at)
					tw.say("in", at, fmt.Sprintf(as, what))
					field, _, _ = strings.Cut(what, ":")
				}
			}
			tw.say("in", 0, `{"user":"u1","anon":"a1"}`)
			tw.say("in", 0, `{"anon":"a2"}`)
			write(loser, tt.l)
			write(winner, tt.w)
			out := tw.say("in", 20, both)
			if !strings.Contains(out, `"merged":true`) || !strings.Contains(out, field+":"+tt.want) {
				t.Errorf("%s: %s, want %s", field, out, tt.want)
			}
			if n := strings.Count(tw.fused.tableRows(), "\n") + 1; n != 1 {
				t.Errorf("%d rows are left:\n%s", n, tw.fused.tableRows())
			}
		})
	}
}

// tableRows lists the rows of tables.
func (p *player) tableRows() string {
	var out []string
	for i, s := range p.plan.States {
		if s.Kind != ir.TableState {
			continue
		}
		for _, r := range p.cells.Rows(i, nil) {
			key, err := value.DecodeKey(r.Key)
			if err != nil {
				p.t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%s %s", s.Shared, value.AppendJSON(nil, key)))
		}
	}
	return strings.Join(out, "\n")
}

// What a merge tells, in its order: rows by table, audiences, the space.
func TestChangesOfMerge(t *testing.T) {
	w := newTown()
	ltv := w.table("ltv", "sum", types.NumberT, num("0"))
	name := w.table("name", "keep", types.StringT, nil)
	high := w.audience("high", ltv, "500", "400")
	w.route("in", w.resolve(), update(ltv), update(name))
	for _, tb := range []*ir.Table{ltv, name, high} {
		w.changes("of_"+tb.Name, tb)
	}
	w.changes("of_people", nil)
	tw := w.twins(t)
	for _, tt := range []struct{ v, want string }{
		{`{"anon":"a1","ltv":100}`, `{"of":"of_ltv","change":{"key":"<1>","old":null,"new":100,"cause":"update"},"who":"a1","known":false}
{"of":"of_people","change":{"kind":"created","other":null},"who":"a1","known":false}`},
		{`{"anon":"a2","ltv":300,"name":"Bo"}`, `{"of":"of_ltv","change":{"key":"<2>","old":null,"new":300,"cause":"update"},"who":"a2","known":false}
{"of":"of_name","change":{"key":"<2>","old":null,"new":"Bo","cause":"update"},"who":"a2","known":false}
{"of":"of_people","change":{"kind":"created","other":null},"who":"a2","known":false}`},
		{`{"anon":"a2","ltv":0,"name":"Bo"}`, ""}, // equal writes
		{`{"anon":"a2","ltv":250}`, `{"of":"of_ltv","change":{"key":"<2>","old":300,"new":550,"cause":"update"},"who":"a2","known":false}
{"of":"of_high","change":{"key":"<2>","member":true,"cause":"update","other":null},"who":"a2","known":false}`},
		{`{"anon":"a2","ltv":-100}`, `{"of":"of_ltv","change":{"key":"<2>","old":550,"new":450,"cause":"update"},"who":"a2","known":false}`},
		{`{"user":"u1","anon":"a1"}`, `{"of":"of_people","change":{"kind":"known","other":null},"who":"u1","known":true}`},
		{`{"user":"u1","email":"a@x.com"}`, `{"of":"of_people","change":{"kind":"linked","other":null},"who":"u1","known":true}`},
		{`{"anon":"a3","ltv":-70}`, `{"of":"of_ltv","change":{"key":"<3>","old":null,"new":-70,"cause":"update"},"who":"a3","known":false}
{"of":"of_people","change":{"kind":"created","other":null},"who":"a3","known":false}`},
		// Between the limits, the loser a member: in, and told. Then its own update.
		{`{"user":"u1","anon":"a2","ltv":1}`, `{"of":"of_ltv","change":{"key":"<2>","old":450,"new":null,"cause":"merge"},"who":"a2","known":false}
{"of":"of_ltv","change":{"key":"<1>","old":100,"new":550,"cause":"merge"},"who":"u1","known":true}
{"of":"of_name","change":{"key":"<2>","old":"Bo","new":null,"cause":"merge"},"who":"a2","known":false}
{"of":"of_name","change":{"key":"<1>","old":null,"new":"Bo","cause":"merge"},"who":"u1","known":true}
{"of":"of_high","change":{"key":"<1>","member":true,"cause":"merge","other":"a2"},"who":"u1","known":true}
{"of":"of_ltv","change":{"key":"<1>","old":550,"new":551,"cause":"update"},"who":"u1","known":true}
{"of":"of_people","change":{"kind":"merged","other":"a2"},"who":"u1","known":true}`},
		// It takes the winner out of the audience: 551 - 70 is between the limits, so not.
		{`{"user":"u1","anon":"a3"}`, `{"of":"of_ltv","change":{"key":"<3>","old":-70,"new":null,"cause":"merge"},"who":"a3","known":false}
{"of":"of_ltv","change":{"key":"<1>","old":551,"new":481,"cause":"merge"},"who":"u1","known":true}
{"of":"of_high","change":{"key":"<1>","member":true,"cause":"merge","other":"a3"},"who":"u1","known":true}
{"of":"of_people","change":{"kind":"merged","other":"a3"},"who":"u1","known":true}`},
	} {
		tw.fused.want(tt.v, tw.say("in", 0, tt.v), tt.want)
	}
	// Out of it by a merge, and who comes in by one.
	tw.say("in", 0, `{"anon":"a4","ltv":-200}`)
	tw.fused.want("out", lines(tw.say("in", 0, `{"user":"u1","anon":"a4"}`), "of_high"), `{"of":"of_high","change":{"key":"<1>","member":false,"cause":"merge","other":"a4"},"who":"u1","known":true}`)
	tw.say("in", 0, `{"anon":"a5","ltv":300}`)
	tw.fused.want("in", lines(tw.say("in", 0, `{"user":"u1","anon":"a5"}`), "of_high"), `{"of":"of_high","change":{"key":"<1>","member":true,"cause":"merge","other":"a5"},"who":"u1","known":true}`)
	tw.say("in", 0, `{"anon":"a6"}`)
	tw.fused.want("of one without a row", lines(tw.say("in", 0, `{"user":"u1","anon":"a6"}`), "of_high"), `{"of":"of_high","change":{"key":"<1>","member":true,"cause":"merge","other":"a6"},"who":"u1","known":true}`)
}

// lines are those that hold a text.
func lines(s, text string) string {
	var out []string
	for l := range strings.Lines(s) {
		if strings.Contains(l, text) {
			out = append(out, strings.TrimSuffix(l, "\n"))
		}
	}
	return strings.Join(out, "\n")
}

// A merge says which lanes become one, in every route of the group; a record that
// fails says nothing, and leaves nothing.
func TestMergeTellsLanes(t *testing.T) {
	w := newTown()
	ltv := w.table("ltv", "sum", types.NumberT, num("0"))
	w.route("in", w.resolve(), update(ltv), logged("p", "id", get(person, "id"), "sum", &ir.TableGet{Table: ltv, Keys: []ir.Expr{get(person, "id")}}),
		&ir.Require{StageInfo: info("require"), Cond: &ir.Compare{Op: ir.Ne, X: cur("ltv"), Y: lit(num("13"))}, Why: lit("thirteen")})
	w.changes("told", nil)
	tw := w.twins(t)
	lane := map[string]uint64{}
	for _, who := range []string{`{"user":"u1","anon":"a1","ltv":1}`, `{"anon":"a2","ltv":2}`} {
		tw.both(func(p *player) {
			p.send(p.route("in"), 0, who)
			lane[who] = p.out.Outs[0].Lane
		})
	}
	before := tw.fused.stored()
	tw.fused.want("fails", tw.say("in", 0, `{"user":"u1","anon":"a2","ltv":13}`), "E0413 at require thirteen")
	tw.fused.want("cells after it", tw.fused.stored(), before)
	for _, p := range []*player{tw.fused, tw.reference} {
		o := p.send(p.route("in"), 0, `{"user":"u1","anon":"a2","ltv":4}`)
		if len(o.Who().Merges) != 2 {
			t.Fatalf("merges: %v", o.Who().Merges)
		}
		want := event.LaneMerge{Route: p.route("in"), From: lane[`{"anon":"a2","ltv":2}`], Into: lane[`{"user":"u1","anon":"a1","ltv":1}`]}
		if o.Who().Merges[p.route("in")] != want {
			t.Errorf("merges %v, want %v", o.Who().Merges, want)
		}
		if out := p.out.Outs[len(p.out.Outs)-2]; out.Lane != want.Into && out.Emit == 0 {
			t.Errorf("the merging record is in lane %d", out.Lane)
		}
		if o = p.send(p.route("in"), 0, `{"user":"u1","anon":"a2"}`); len(o.Who().Merges) != 0 {
			t.Errorf("nothing is merged, and it tells %v", o.Who().Merges)
		}
	}
}
