package op_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
)

func (w *town) forget() []ir.Stage {
	f := slot(8, "f")
	return []ir.Stage{&ir.Forget{StageInfo: info("forget"), Space: w.people, IDs: asked, Slot: 8, Name: "f"},
		logged("f", "ids", get(f, "ids"), "rows", get(f, "rows"))}
}

// memories are stages with memories of a person, and rows under identifiers of theirs.
func memories(w *town) []ir.Stage {
	text := []*types.Type{types.StringT}
	byUser, byCrm := w.memory("by_user", types.NumberT, nil), w.memory("by_number", types.NumberT, nil)
	byCrm.Keys, byCrm.State.Keys = []ir.TableKey{{Type: types.IntT}}, []*types.Type{types.IntT}
	pairs := w.memory("pairs", types.NumberT, nil)
	pairs.State.Keys = []*types.Type{types.StringT, types.StringT}
	last := &ir.State{Kind: ir.ChangedState, Name: "changed in by p.id", Keys: text, SpanMS: 3_600_000}
	bucket := &ir.State{Kind: ir.ThrottleState, Name: "throttle in by .anon", Keys: text}
	panes := &ir.State{Kind: ir.WindowState, Name: "window in by p.email", Keys: text}
	sessions := &ir.State{Kind: ir.WindowState, Name: "window in by p.id", Keys: text}
	when := func(field string, ss ...ir.Stage) ir.Stage {
		return &ir.When{StageInfo: key("when", field), Cond: &ir.Compare{Op: ir.Eq, X: cur("do"), Y: lit(field)}, Then: ss}
	}
	count := []ir.Agg{{Name: "n", Func: "count", T: types.IntT}}
	return []ir.Stage{
		when("rows",
			&ir.Update{StageInfo: key("update", "by_user"), Table: byUser, Keys: []ir.Expr{get(person, "user_id")}, X: lit(num("1")), Old: oldSlot},
			&ir.Update{StageInfo: key("update", "by_number"), Table: byCrm, Keys: []ir.Expr{cur("number")}, X: lit(num("1")), Old: oldSlot},
			&ir.Update{StageInfo: key("update", "pairs"), Table: pairs, Keys: []ir.Expr{get(person, "id"), lit("x")}, X: lit(num("1")), Old: oldSlot}),
		when("changed", &ir.Changed{StageInfo: info("changed"), Memory: last, Keys: []ir.Expr{get(person, "id")}, WithinMS: 3_600_000}),
		when("throttle", &ir.Throttle{StageInfo: info("throttle"), Memory: bucket, N: 1, PerMS: 60_000, Burst: 1, Keys: []ir.Expr{cur("anon")}, Else: "drop"}),
		when("panes", &ir.Window{StageInfo: info("window"), Memory: panes, Span: ir.Span{SizeMS: 60_000, EveryMS: 30_000}, Keys: []ir.Expr{get(person, "email")}, Aggs: count}),
		&ir.Where{StageInfo: info("where"), Cond: &ir.Compare{Op: ir.Eq, X: cur("do"), Y: lit("sessions")}},
		&ir.Window{StageInfo: key("window", "2"), Memory: sessions, Span: ir.Span{SizeMS: 60_000, Session: true}, Keys: []ir.Expr{get(person, "id")}, Aggs: count},
	}
}

func TestForget(t *testing.T) {
	w := newTown()
	ltv, name := w.table("ltv", "sum", types.NumberT, num("0")), w.table("name", "keep", types.StringT, nil)
	high := w.audience("high", ltv, "0", "-1") // the default would be a member
	w.route("in", append([]ir.Stage{w.resolve(), update(ltv), update(name)}, memories(w)...)...)
	w.route("gone", w.forget()...)
	for _, tb := range []*ir.Table{ltv, high} {
		w.changes("of_"+tb.Name, tb)
	}
	w.changes("of_people", nil)
	tw := w.twins(t)
	tw.fused.want("nobody", tw.say("gone", 0, `{"user":"41"}`), `{"ids":[],"rows":0}`)
	tw.fused.want("nothing given", tw.say("gone", 0, `{}`), `{"ids":[],"rows":0}`)
	who := `"user":"42","email":"Ann@x.com","anon":"a1"`
	tw.say("in", 0, `{"anon":"a2","ltv":5,"do":"throttle"}`) // somebody else, who stays
	tw.say("in", 0, `{"user":"43","do":"rows","number":43}`)
	rest := tw.fused.cellsOf()
	tw.say("in", 0, `{`+who+`,"ltv":7,"name":"Ann"}`)
	for _, do := range []string{`"rows","number":42`, `"changed"`, `"throttle"`, `"panes"`, `"sessions"`} {
		tw.say("in", 0, `{`+who+`,"do":`+do+`}`)
	}
	for _, s := range []string{"table by_user", "table by_number", "changed in by p.id", "throttle in by .anon", "window in by p.email", "window in by p.id", "table pairs"} {
		if n := strings.Count(tw.fused.cellsOf(), s+" ") - strings.Count(rest, s+" "); n == 0 {
			t.Fatalf("nothing is remembered in %s:\n%s", s, tw.fused.cellsOf())
		}
	}
	tw.fused.want("several", tw.say("gone", 0, `{"user":"42","anon":"a2"}`), `E0439 at forget nobody was forgotten: several people match`)
	for _, p := range []*player{tw.fused, tw.reference} {
		p.out.Reset()
		o := p.send(p.route("gone"), 9, `{"user":"42"}`)
		id := ""
		if len(o.Who().Erased) > 0 {
			id = o.Who().Erased[0]
		}
		p.want("erased", fmt.Sprint(o.Who().Erased[1:]), "[a1 42 ann@x.com]")
		out := strings.ReplaceAll(p.outs(), id, "<id>")
		p.want("what it tells", out, `{"ids":[{"type":"user_id","value":"42"},{"type":"email","value":"ann@x.com"},{"type":"anonymous_id","value":"a1"}],"rows":4}
{"of":"of_ltv","change":{"key":"<id>","old":7,"new":null,"cause":"delete"},"who":"42","known":true}
{"of":"of_high","change":{"key":"<id>","member":false,"cause":"delete","other":null},"who":"42","known":true}
{"of":"of_people","change":{"kind":"forgotten","other":null},"who":"42","known":true}`)
		kept := lines(p.cellsOf(), "table pairs")
		if strings.Count(kept, "\n") != 1 {
			t.Errorf("keys of several parts stay: %s", kept)
		}
		left := ""
		for l := range strings.Lines(p.cellsOf()) {
			if !strings.Contains(l, "table pairs") && !strings.Contains(l, "identity") {
				left += l
			}
		}
		want := ""
		for l := range strings.Lines(rest) {
			if !strings.Contains(l, "table pairs") && !strings.Contains(l, "identity") {
				want += l
			}
		}
		p.want("what is left", left, want)
	}
	// Timers of what is gone find nothing.
	if d := tw.both(func(p *player) { p.due(100_000) }); d != "" {
		t.Error(d)
	}
	tw.fused.want("again", tw.say("gone", 10, `{"user":"42"}`), `{"ids":[],"rows":0}`)
}

// cellsOf lists the cells of all states: name, key and value.
func (p *player) cellsOf() string {
	var b strings.Builder
	for i, s := range p.plan.States {
		for _, r := range p.cells.Rows(i, nil) {
			fmt.Fprintf(&b, "%s %x %x\n", s.Name, r.Key, r.Val)
		}
	}
	return b.String()
}

// command carries out a command in both and gives what it tells.
func (w *twins) command(t *testing.T, c identity.Command) (out string, o event.Outcome) {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return w.commandText(t, string(b))
}

func (w *twins) commandText(t *testing.T, c string) (out string, o event.Outcome) {
	t.Helper()
	d := w.both(func(p *player) {
		rec := &event.Record{Topic: "log", Offset: p.next, Timestamp: now.UnixMilli()}
		p.next++
		p.cells.Begin()
		o = p.run.Command([]byte(c), rec, p.now)
		p.log = append(p.log, showAll(o))
		if o.Kind == event.Failed {
			p.cells.Undo()
			return
		}
		p.changed(rec, p.cells.Done())
	})
	if d != "" {
		t.Fatal(d)
	}
	if x, y := w.fused.stored(), w.reference.stored(); x != y {
		t.Fatalf("the cells differ after %s:\n%s\n%s", c, x, y)
	}
	s := w.ids(w.fused.outs())
	if o.Fail != nil {
		s += o.Fail.Code.ID + " " + o.Fail.Message
	}
	return s, o
}

func TestCommands(t *testing.T) {
	w := newTown()
	ltv := w.table("ltv", "sum", types.NumberT, num("0"))
	taken := w.memory("taken", types.BoolT, nil)
	w.route("in", w.resolve(), update(ltv), &ir.Update{StageInfo: key("update", "taken"), Table: taken, Keys: []ir.Expr{get(person, "anonymous_id")}, X: lit(true), Old: oldSlot})
	w.route("look", &ir.Find{StageInfo: info("find"), Space: w.people, IDs: asked, Slot: personSlot},
		logged("p", "ids", &ir.ListFor{For: ir.For{Value: 0, In: get(person, "ids")}, X: get(slot(0, "i"), "value")}, "ltv", &ir.TableGet{Table: ltv, Keys: []ir.Expr{get(person, "id")}}))
	w.changes("of_people", nil)
	tw := w.twins(t)
	for _, v := range []string{`{"anon":"a1","ltv":1}`, `{"anon":"a2","ltv":2}`, `{"user":"u1","ltv":4}`, `{"user":"u2","ltv":8}`} {
		tw.say("in", 0, v)
	}
	named := func(typ, v string) []identity.NamedID { return []identity.NamedID{{Type: typ, Value: v}} }
	at := now.UnixMicro()
	out, o := tw.command(t, identity.Command{Do: "merge", Space: "people", IDs: named("user_id", "u1"), From: named("anonymous_id", "a1"), At: at})
	tw.fused.want("merge", out, `{"of":"of_people","change":{"kind":"merged","other":"a1"},"who":"u1","known":true}`)
	tw.fused.want("lanes", fmt.Sprint(len(o.Who().Merges)), "3")
	tw.fused.want("merged", tw.say("look", 0, `{"anon":"a1"}`), `{"ids":["u1","a1"],"ltv":5}`)
	out, _ = tw.command(t, identity.Command{Do: "merge", Space: "people", IDs: named("user_id", "u1"), From: named("user_id", "u2"), At: at})
	tw.fused.want("two users", out, "E0447 it would join two users")
	tw.fused.want("nothing is merged", tw.say("look", 0, `{"user":"u2"}`), `{"ids":["u2"],"ltv":8}`)
	out, _ = tw.command(t, identity.Command{Do: "merge", Space: "people", IDs: named("user_id", "u1"), From: named("user_id", "u2"), Force: true, At: at})
	tw.fused.want("two users, by force", out, `{"of":"of_people","change":{"kind":"merged","other":"u2"},"who":"u2","known":true}`)
	out, _ = tw.command(t, identity.Command{Do: "split", Space: "people", IDs: named("user_id", "u2"), At: at})
	tw.fused.want("split", out, `{"of":"of_people","change":{"kind":"created","other":null},"who":"u2","known":true}`)
	tw.fused.want("split", tw.say("look", 0, `{"user":"u2"}`), `{"ids":["u2"],"ltv":0}`)
	out, _ = tw.command(t, identity.Command{Do: "unlink", Space: "people", IDs: named("anonymous_id", "a1"), At: at})
	tw.fused.want("unlink", out+tw.say("look", 0, `{"user":"u1"}`), `{"ids":["u1"],"ltv":13}`)
	out, _ = tw.command(t, identity.Command{Do: "block", Space: "people", IDs: []identity.NamedID{{Type: "anonymous_id"}}, Pattern: "^test", At: at})
	tw.fused.want("block", out+tw.say("in", 0, `{"anon":"test-1"}`), "E0438 at resolve no identifier is usable (anonymous_id: a value that means nobody)")
	out, o = tw.command(t, identity.Command{Do: "forget", Space: "people", IDs: named("anonymous_id", "a2"), At: at})
	tw.fused.want("forget", out, `{"of":"of_people","change":{"kind":"forgotten","other":null},"who":"a2","known":false}`)
	if len(o.Who().Erased) != 2 || o.Who().Erased[1] != "a2" {
		t.Errorf("erased: %v", o.Who().Erased)
	}
	out, _ = tw.command(t, identity.Command{Do: "merge", Space: "people", IDs: named("user_id", "u1"), From: named("user_id", "u1"), At: at})
	tw.fused.want("with themselves", out, "E0447 they are one person already")
	out, _ = tw.command(t, identity.Command{Do: "split", Space: "people", IDs: named("user_id", "u1"), At: at})
	tw.fused.want("of one identifier", out, "E0447 nothing of the person would stay")
	tw.say("in", 0, `{"anon":"a9"}`)
	before := tw.fused.taken()
	if !strings.Contains(before, `"a9"`) || strings.Contains(before, `"a2"`) {
		t.Errorf("rows under anonymous ids: %s", before)
	}
	out, _ = tw.command(t, identity.Command{Do: "erase", Keys: []string{"x", "a9"}, At: at})
	if out != "" || strings.Contains(tw.fused.taken(), `"a9"`) {
		t.Errorf("erase: %s %s", out, tw.fused.taken())
	}
	// Nobody is known by it, and letters may hold it.
	out, o = tw.command(t, identity.Command{Do: "forget", Space: "people", IDs: named("user_id", " nobody "), At: at})
	tw.fused.want("forget nobody", out+fmt.Sprint(o.Who().Erased), "[nobody]")
	for _, tt := range []struct {
		c    identity.Command
		want string
	}{
		{identity.Command{Do: "forget", Space: "people", IDs: named("id", "00000000-0000-5000-8000-000000000000")}, "E0447 nobody is known by what it names"},
		{identity.Command{Do: "merge", Space: "people", IDs: named("user_id", "u1"), From: named("user_id", "nobody")}, "E0447 nobody is known by what it names"},
		{identity.Command{Do: "forget", Space: "pets", IDs: named("user_id", "u1")}, `E0447 there is no identity space "pets" here`},
		{identity.Command{Do: "forget", Space: "people", IDs: named("shoe", "u1")}, `E0447 the identity space people has no identifier "shoe"`},
		{identity.Command{Do: "block", Space: "people", Pattern: "("}, "E0447 error parsing regexp: missing closing ): `(`"},
		{identity.Command{Do: "dance", Space: "people"}, `E0447 there is no command "dance"`},
	} {
		before := tw.fused.stored()
		out, _ := tw.command(t, tt.c)
		tw.fused.want(tt.c.Do, out, tt.want)
		tw.fused.want("cells after it", tw.fused.stored(), before)
	}
	out, _ = tw.commandText(t, `{"do":`)
	tw.fused.want("no command", out, "E0447 it cannot be read: unexpected end of JSON input")
}

// taken lists the keys of the table taken.
func (p *player) taken() string {
	var out []string
	for i, s := range p.plan.States {
		if s.Shared != "taken" {
			continue
		}
		for _, r := range p.cells.Rows(i, nil) {
			key, _ := value.DecodeKey(r.Key)
			out = append(out, string(value.AppendJSON(nil, key)))
		}
	}
	return strings.Join(out, "\n")
}
