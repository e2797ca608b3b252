package stdlib_test

import (
	"math/rand/v2"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/stdlib"
)

// lawTables are what TestLaw's programs remember and look up.
const lawTables = `type Kept = { n: number, at: time?, tags: [string], note?: string }
table names: string keyed by string
table counts: number = 0 keyed by "a" ttl 1h
table kept: Kept keyed by string, int
table flags: bool = true keyed by bool, number
table anything: any keyed by time
table loaded: Line keyed by .sku from file "lines.jsonl"
table defaulted: { z: int = 1, w: string? } = {} keyed by string from topic "crm"
`

// rows is the tables of a run: a row that nobody wrote is there or not, as chance
// has it, and stays so.
type rows struct {
	r    *rand.Rand
	t    *testing.T
	rows map[string]value.Value // nil: there is none
}

func (s *rows) Row(t *ir.Table, key []byte, _ token.Span) (value.Value, bool, *diag.Failure) {
	k := t.Name + "\x00" + string(key)
	v, known := s.rows[k]
	if !known {
		if s.r.IntN(3) > 0 {
			v = valueOf(s.r, types.View(t.Row))
		}
		s.rows[k] = v
	}
	return v, v != nil, nil
}

// write puts a row, or takes it away, as `update` and `delete` do.
func (s *rows) write(t *ir.Table, key []byte, row value.Value) {
	if row != nil && !types.Member(row, types.View(t.Row)) {
		s.t.Errorf("the row %s of %s is no %s", value.Excerpt(row, 500), t.Name, t.Row)
	}
	s.rows[t.Name+"\x00"+string(key)] = row
}

// update runs the stage: the old row in its slots, the new one judged and kept.
func (s *rows) update(u *ir.Update, f *eval.Frame, judge func(ir.Expr) (value.Value, bool)) bool {
	for _, k := range u.Keys {
		if _, ok := judge(k); !ok {
			return false
		}
	}
	get := &ir.TableGet{Node: ir.Node{T: u.Table.Read, At: u.At}, Table: u.Table, Keys: u.Keys}
	old, ok := judge(get)
	if !ok {
		return false
	}
	f.Slots[u.Old] = old
	v, ok := judge(u.X)
	if !ok {
		return false
	}
	key, fail := f.Key(u.Keys)
	if fail != nil {
		s.t.Errorf("the key of %s fails the second time: %s", u.At.Text(), fail.Message)
		return false
	}
	s.write(u.Table, key, v)
	if u.HasAs {
		f.Slots[u.As] = v
	}
	if u.HasWas {
		f.Slots[u.Was] = old
	}
	return true
}

// tableStage writes a stage that writes a table.
func (g *exprGen) tableStage(name string) string {
	switch g.r.IntN(7) {
	case 0:
		return "update names[" + g.str(1) + "] = " + g.pick("it ?? ", "") + g.str(1) + " as " + name + "\n"
	case 1:
		return "update counts[\"a\"] = it + " + g.num(1) + " as " + name + "\n"
	case 2:
		return "update kept[" + g.str(1) + ", .i] = { n: " + g.num(1) + ", at: " + g.pick(".to", "it.at", ".t", "null") + ", tags: " + g.pick("it.tags ?? []", "[.s]", "[]", "[...(.lo ?? []), \"x\"]") + ", note?: " + g.pick(".so", "it.note", ".opt") + " } was " + name + "\n"
	case 3:
		return "update kept[" + g.str(0) + ", " + g.pick(".i", "1", ".def") + "] = if it == null or it.n <= " + g.num(0) + " then { n: " + g.num(0) + ", at: null, tags: [] } else it\nlet " + name + " = kept[.s, 1]\n"
	case 4:
		return "update flags[" + g.cond(0) + ", " + g.num(0) + "] = " + g.pick("not it", g.cond(1)) + " was " + name + "\n"
	case 5:
		return "update anything[.t] = " + g.any(1) + " as " + name + "\n"
	}
	return "delete " + g.pick("names[.s]", "kept[.s, .i]", "counts[\"a\"]", "flags[.b, .n]", "anything[.t]") + "\nlet " + name + " = names[.s]\n"
}

// row writes what reads a table.
func (g *exprGen) row() string {
	return g.pick("names[.s]", "names["+g.str(1)+"]", "kept[.s, .i].note", "kept[.s, 1].at", "kept[.s, 1]", "kept[.s, .i].tags[0]", "anything[.t]", "anything[.t].a",
		"loaded[.s]", "loaded[.s].note", "loaded[.e].qty", "defaulted[.s].w", "names[names[.s] ?? \"\"]", "loaded[names[.s] ?? loaded[\"a\"].sku ?? \"x\"].sku")
}

// TestLawOfChanges: what a source of changes gives is a member of its type, and a
// route over it keeps the law.
func TestLawOfChanges(t *testing.T) {
	const src = lawTypes + "update kept[.s, .i] = { n: .n, at: .to, tags: [] }\n" +
		"update names[.s] = .s\nemit log\n" +
		"route heard\nfrom changes kept\nlet k = .key[0]\nlet n = .new.n ?? .old.n\nwhere .cause != \"merge\"\nlet at = .new.at ?? .old.at\nlet both = .old != null and .new != null and .old.n > .new.n\nemit log { k, n, at, both, tags: (.new ?? .old).tags }\n" +
		"route named\nfrom changes names\nlet long = length(.key) > 1\nlet gone = .new == null\nwhere gone or .new != \"\"\nemit log { long, was: upper(.old) }\n"
	p := program.Compile([]*token.File{token.NewFile("law.route", src)}, stdlib.Env(), program.Options{})
	for _, d := range p.Diags {
		t.Fatal(diag.Render(d))
	}
	r := rand.New(rand.NewPCG(*lawSeed, 3))
	ran := 0
	for _, route := range p.IR.Routes {
		if route.Source.Kind != "changes" {
			continue
		}
		for range 300 {
			tab := route.Source.Table
			change := value.NewObject()
			change.Put("key", changeKey(r, tab))
			was, is := valueOf(r, types.View(tab.Row)), valueOf(r, types.View(tab.Row))
			cause := "update"
			switch r.IntN(4) {
			case 0:
				is, cause = nil, []string{"delete", "expire"}[r.IntN(2)]
			case 1:
				was = nil
			}
			change.Put("old", was)
			change.Put("new", is)
			change.Put("cause", cause)
			if !types.Member(change, route.Source.Type) {
				t.Fatalf("%s is no member of %s", value.Excerpt(change, 500), route.Source.Type)
			}
			f := eval.Frame{}
			f.Begin(nil, route.Slots)
			f.Cur, f.Event = change, change
			f.Tables = &rows{r, t, map[string]value.Value{}}
			if !lawRun(t, src, route.Stages, &f) {
				ran++
			}
		}
	}
	if ran == 0 {
		t.Error("no change ran to its end")
	}
}

// changeKey makes the key of a change: a list where the table has several keys.
func changeKey(r *rand.Rand, t *ir.Table) value.Value {
	if len(t.Keys) == 1 {
		return valueOf(r, t.Keys[0].Type)
	}
	var out value.List
	for _, k := range t.Keys {
		out = append(out, valueOf(r, k.Type))
	}
	return out
}
