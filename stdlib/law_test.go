package stdlib_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/stdlib"
)

const lawTypes = `app "law"
type Line = { sku: string, qty: int, note: string? }
type Pay = { kind: "card", card: string } | { kind: "cash", given: number? }
type T = {
  s: string, so: string?, n: number, no: number?, i: int, b: bool, bo: bool?, t: time, to: time?, d: duration
  l: [int], lo: [string]?, o: { x: string?, y: int }, oo: { z: number, w: { v: string? }? }?, u: string | number | null
  e: "a" | "b" | "c", open: "x" | "y" | string, any: any, m: { string: string }, lines: [Line], pay: Pay, def: int = 7, opt?: string
}
def half(x: number) = x / 2
def label(l: Line, sep: string) = "${l.sku}${sep}${l.qty}"
def first_sku(ls: [Line]) = (ls | first).sku
def total(ls: [Line]) {
  let each_qty = [l.qty for l in ls]
  sum(each_qty)
}
let known = ["a", "b"]
` + lawTables + `from topic "t" as T
`

var lawSeed = flag.Uint64("law.seed", 1, "seed of the programs that TestLaw writes")

// TestLaw: what a checked expression gives is a member of its type, or fails with
// a code that it carries (language.md §2, "The law of types").
func TestLaw(t *testing.T) {
	n := 150
	if testing.Short() {
		n = 40
	}
	env := stdlib.Env()
	r := rand.New(rand.NewPCG(*lawSeed, 2))
	g := &exprGen{r: r}
	stages, ended, writes := 0, 0, 0
	for range n {
		src, p := g.program(func(src string) *program.Program {
			return program.Compile([]*token.File{token.NewFile("law.route", lawTypes+src)}, env, program.Options{})
		})
		route := p.IR.Routes[0]
		stages += len(route.Stages)
		ir.EachStage(route.Stages, func(s ir.Stage) {
			if ir.Memory(s) != nil {
				writes++
			}
		})
		for range 20 {
			f := eval.Frame{}
			f.Begin(nil, route.Slots)
			f.Ctx = &types.Context{Now: func() value.Value { return time.Unix(1_700_000_000, 0).UTC() }}
			ev := valueOf(r, types.View(route.Source.Topics[0].Type))
			f.Cur, f.Event = ev, ev
			f.Tables = &rows{r, t, map[string]value.Value{}}
			if lawRun(t, src, route.Stages, &f) {
				ended++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs of %d stages, %d of which write tables, %d of %d runs end early", n, stages, writes, ended, n*20)
	if stages < 5*n || writes < n/2 || ended == 0 || ended > n*19 {
		t.Errorf("the generator has lost its way")
	}
}

// lawRun runs the stages of a generated route, and judges every expression by its
// type and failures. It tells whether the record ended.
func lawRun(t *testing.T, src string, stages []ir.Stage, f *eval.Frame) (ended bool) {
	judge := func(x ir.Expr) (value.Value, bool) {
		v, fail := eval.Expr(x, f)
		if fail != nil {
			if !slices.Contains(ir.Failures(x), fail.Code) && fail.Code != diag.TooLarge && fail.Code != diag.TooMuch {
				t.Errorf("%s\nfails with %s, which it does not carry: %s\non %s", src, fail.Code.ID, fail.Message, value.Excerpt(f.Event, 2000))
			}
			return nil, false
		}
		if !types.Member(v, x.Type()) {
			t.Errorf("%s\n%s gives %s, no member of %s\non %s", src, x.Span().Text(), value.Excerpt(v, 500), x.Type(), value.Excerpt(f.Event, 2000))
		}
		return v, true
	}
	for _, s := range stages {
		switch s := s.(type) {
		case *ir.Bind:
			v, ok := judge(s.X)
			if !ok {
				return true
			}
			f.Slots[s.Slot] = v
		case *ir.Map:
			v, ok := judge(s.X)
			if !ok {
				return true
			}
			f.Cur = v
		case *ir.Set, *ir.Unset:
			for _, x := range ir.Exprs(s) {
				if _, ok := judge(x); !ok {
					return true
				}
			}
			next, ok := edited(f, s)
			if !ok {
				return true
			}
			f.Cur = next
		case *ir.Where:
			v, ok := judge(s.Cond)
			if !ok || v != true {
				return true
			}
		case *ir.Require:
			v, ok := judge(s.Cond)
			if !ok || v != true {
				return true
			}
		case *ir.When:
			v, ok := judge(s.Cond)
			if !ok {
				return true
			}
			body := s.Else
			if v == true {
				body = s.Then
			}
			if lawRun(t, src, body, f) {
				return true
			}
		case *ir.Branch:
			if s.Subject != nil {
				v, ok := judge(s.Subject)
				if !ok {
					return true
				}
				f.Slots[s.Slot] = v
			}
			taken := false
			for _, a := range s.Arms {
				if a.Cond != nil {
					v, ok := judge(a.Cond)
					if !ok {
						return true
					}
					if v != true {
						continue
					}
				}
				taken = true
				if lawRun(t, src, a.Body, f) {
					return true
				}
				break
			}
			if !taken {
				t.Errorf("%s\nno arm of %s takes the value\non %s", src, s.At.Text(), value.Excerpt(f.Event, 2000))
			}
		case *ir.Update:
			if !f.Tables.(*rows).update(s, f, judge) {
				return true
			}
		case *ir.Delete:
			for _, k := range s.Keys {
				if _, ok := judge(k); !ok {
					return true
				}
			}
			if key, fail := f.Key(s.Keys); fail == nil {
				f.Tables.(*rows).write(s.Table, key, nil)
			}
		case *ir.Emit:
			if l, ok := s.Sink.(*ir.LogLine); ok {
				if _, ok := judge(l.Fields); !ok {
					return true
				}
			}
		}
	}
	return false
}

// edited is `.` after set or unset; false where the place is not there.
func edited(f *eval.Frame, s ir.Stage) (value.Value, bool) {
	next := f.Cur
	ok := true
	place := func(path []ir.Step) []any {
		out := make([]any, len(path))
		for i, st := range path {
			out[i] = st.Name
			if st.Index != nil {
				v, fail := eval.Expr(st.Index, f)
				ok = ok && fail == nil
				out[i] = v
			}
		}
		return out
	}
	switch s := s.(type) {
	case *ir.Set:
		type put struct {
			path []any
			v    value.Value
		}
		var puts []put
		for _, p := range s.Puts {
			v, fail := eval.Expr(p.X, f)
			ok = ok && fail == nil
			puts = append(puts, put{place(p.Path), v})
		}
		for _, p := range puts {
			next = edit(next, p.path, &ok, func(value.Value) (value.Value, bool) { return p.v, true }, true)
		}
	case *ir.Unset:
		for _, p := range s.Paths {
			next = edit(next, place(p), &ok, func(value.Value) (value.Value, bool) { return nil, false }, false)
		}
	}
	return next, ok
}

// edit changes the value at a path, or takes it out where change says so. What is
// missing on the way becomes an object when create is set.
func edit(v value.Value, path []any, ok *bool, change func(value.Value) (value.Value, bool), create bool) value.Value {
	if len(path) == 0 {
		out, _ := change(v)
		return out
	}
	switch v := v.(type) {
	case *value.Object:
		key, isText := path[0].(string)
		if !isText {
			break
		}
		old, has := v.Get(key)
		o := v.Clone()
		switch {
		case !create && !has:
			return v
		case !create && len(path) == 1:
			o.Delete(key)
		default:
			o.Set(key, edit(old, path[1:], ok, change, create))
		}
		return o
	case value.List:
		n, isNum := path[0].(value.Number)
		i64, isInt := n.Int64()
		i := int(i64)
		if i < 0 {
			i += len(v)
		}
		switch {
		case !isNum || !isInt:
		case i < 0 || i >= len(v):
			*ok = *ok && !create
			return v
		case !create && len(path) == 1:
			return slices.Delete(slices.Clone(v), i, i+1)
		default:
			l := slices.Clone(v)
			l[i] = edit(v[i], path[1:], ok, change, create)
			return l
		}
	case nil:
		if !create {
			return nil
		}
		if _, isText := path[0].(string); isText {
			return edit(value.NewObject(), path, ok, change, create)
		}
	}
	*ok = false
	return v
}

// valueOf makes a member of a type.
func valueOf(r *rand.Rand, t *types.Type) value.Value {
	num := func(s string) value.Value { n, _ := value.ParseNumber(s); return n }
	switch t.Kind {
	case types.Any:
		if r.IntN(3) == 0 && !t.NotNull {
			return nil
		}
		return valueOf(r, []*types.Type{types.StringT, types.NumberT, types.ListOf(types.AnyT), types.Obj(types.Field{Name: "a", Type: types.AnyT}, types.Field{Name: "n", Type: types.NumberT})}[r.IntN(4)])
	case types.Bool:
		return r.IntN(2) == 0
	case types.Number:
		return num([]string{"0", "1", "-2.5", "3.10", "1e3", "99999999999999999999999999999999999999", "1e7000"}[r.IntN(7)])
	case types.Int:
		return num([]string{"0", "1", "2", "-3", "3.0"}[r.IntN(5)])
	case types.String:
		return []string{"", "a", "x", "12", "über", "a@b.example"}[r.IntN(6)]
	case types.Time:
		return time.Unix(int64(r.IntN(2_000_000_000)), 0).UTC()
	case types.Duration:
		return time.Duration(r.IntN(1e9)) * time.Millisecond
	case types.Literal:
		return t.Lit
	case types.List:
		out := value.List{}
		for range r.IntN(4) {
			out = append(out, valueOf(r, t.Elem))
		}
		return out
	case types.Map:
		o := value.NewObject()
		for _, k := range []string{"a", "b", "k"}[:r.IntN(4)] {
			o.Put(k, valueOf(r, t.Elem))
		}
		return o
	case types.Union:
		return valueOf(r, t.Members[r.IntN(len(t.Members))])
	case types.Object:
		o := value.NewObject()
		for _, f := range t.Fields {
			if f.Optional && !f.HasDef && r.IntN(2) == 0 {
				continue
			}
			o.Put(f.Name, valueOf(r, f.Type))
		}
		return o
	}
	return nil
}

// exprGen writes routes that often check.
type exprGen struct {
	r    *rand.Rand
	vars []string
}

func (g *exprGen) pick(s ...string) string { return s[g.r.IntN(len(s))] }

// program writes a route stage by stage and keeps those with which it checks.
func (g *exprGen) program(compile func(string) *program.Program) (string, *program.Program) {
	g.vars = nil
	const end = "emit log as end { v: 1 }\n"
	src := ""
	p := compile(end)
	for i := range 24 {
		stage, name := g.stage(i)
		if next := compile(src + stage + end); next.OK() {
			src, p = src+stage, next
			if name != "" {
				g.vars = append(g.vars, name)
			}
		}
	}
	return src + end, p
}

// stage writes one stage; name is what it binds.
func (g *exprGen) stage(i int) (text, name string) {
	name = fmt.Sprintf("v%d", i)
	switch g.r.IntN(22) {
	case 10, 11:
		return g.tableStage(name), name
	case 0:
		return "where " + g.cond(2) + "\n", ""
	case 1:
		return "require " + g.cond(2) + " else \"no\"\n", ""
	case 8:
		return fmt.Sprintf("when %s { set .w%d = %s } else { set .s = %s }\nlet %s = .w%d\n", g.cond(1), i, g.any(1), g.str(1), name, i), name
	case 9:
		return fmt.Sprintf("match .e {\n  \"a\" => map { ..., m%d: %s }\n  \"b\" => set .so = %s\n  else => {\n    where %s\n    set .e = \"a\"\n  }\n}\n", i, g.any(1), g.nullable(1), g.cond(1)), ""
	case 2, 3:
		return fmt.Sprintf("when %s {\n  let w = %s\n  emit log as e%d { w, v: %s }\n}\n", g.cond(1), g.any(2), i, g.any(2)), ""
	case 4:
		return fmt.Sprintf("map { ..., s: %s, extra: %s }\n", g.str(1), g.any(1)), ""
	case 5:
		return fmt.Sprintf("set .o.x = %s, .new%d = %s\n", g.str(1), i, g.any(1)), ""
	case 6:
		return "unset " + g.pick(".so", ".oo.z", ".extra", ".l", ".any", ".lines[0].note", ".lines[0]", ".lo[1]", ".m[.s]", ".o[.e]") + "\n", ""
	case 7:
		return fmt.Sprintf("set %s = %s\n", g.pick(".lines[0].qty", ".lines[.i].note", ".l[0]", ".m[.s]", ".oo[.e]", ".oo.w[.e].x", ".lo[0]", ".any[\"a\"].b", ".any[.i]"), g.any(1)), ""
	}
	return "let " + name + " = " + g.any(2) + "\n", name
}

func (g *exprGen) any(d int) string {
	switch g.r.IntN(9) {
	case 0, 1:
		return g.num(d)
	case 2, 3:
		return g.str(d)
	case 4:
		return "(" + g.cond(d) + ")"
	case 5:
		return g.list(d)
	case 6:
		return "{ a: " + g.num(d-1) + ", b?: " + g.nullable(d-1) + ", ..." + g.pick(".o", ".oo", ".m", "{ a: 1 }", ".any", ".pay", ".lines[0]", "") + ", c: " + g.str(d-1) + " }"
	case 7:
		if len(g.vars) > 0 {
			return g.pick(g.vars...)
		}
	}
	return g.nullable(d)
}

func (g *exprGen) nullable(d int) string {
	if d <= 0 {
		return g.pick(".so", ".no", ".bo", ".w8", ".m9", ".to", ".lo", ".oo.z", ".oo.w.v", ".u", ".m.k", ".m[\"a\"]", ".any", ".any.a", ".o.x", ".l[0]", ".lines[1].note", ".opt", ".lo[0]", "(.pay | as { given: number? }).given")
	}
	switch g.r.IntN(9) {
	case 7:
		return g.row()
	case 0:
		return "upper(" + g.nullable(0) + ")"
	case 1:
		return "first(" + g.list(d-1) + ")"
	case 2:
		return "half(" + g.nullable(0) + ")"
	case 3:
		return "(if " + g.cond(d-1) + " then " + g.nullable(d-1) + " else " + g.any(d-1) + ")"
	case 4:
		return "(" + g.nullable(d-1) + " | as " + g.pick("string", "number", "int", "(string | number)", "{ a: any }", "time", "[int]") + ")"
	case 5:
		return "(.o.x | " + g.pick("upper", "length", "trim", "nonblank", "lines", "before(\"a\")") + ")"
	case 6:
		return "(match " + g.pick(".e { \"a\" => 1, \"b\" => .no, \"c\" => null }", ".u { is string => length(.u), null => 0, else => .u }", ".pay.kind { \"card\" => .pay.card, \"cash\" => .pay.given }", ".open { \"x\" => 1, else => .open }", "{ .so != null => .so, .no != null => .no, else => 1 }") + ")"
	}
	return "(" + g.nullable(d-1) + " ?? " + g.nullable(d-1) + ")"
}

func (g *exprGen) num(d int) string {
	if d <= 0 {
		return g.pick(".n", ".i", "1", "2.5", "0", ".oo.z", ".no", ".def", ".o.y", "length(.s)", "-.n")
	}
	switch g.r.IntN(10) {
	case 8:
		return g.pick("counts[\"a\"]", "(kept[.s, .i].n ?? 1)", "defaulted["+g.str(0)+"].z", "loaded[.s].qty")
	case 0, 1, 2:
		return "(" + g.num(d-1) + " " + g.pick("+", "-", "*", "/", "%") + " " + g.num(d-1) + ")"
	case 3:
		return "(" + g.num(d-1) + " ?? " + g.num(d-1) + ")"
	case 4:
		return "(if " + g.cond(d-1) + " then " + g.num(d-1) + " else " + g.num(d-1) + ")"
	case 5:
		return g.pick("round", "floor", "abs", "number", "int", "half") + "(" + g.num(d-1) + ")"
	case 6:
		return "(" + g.num(d-1) + " catch " + g.num(d-1) + ")"
	case 7:
		return g.pick("sum(.l)", "total(.lines)", "length(.l)", "max(.n, .i)", "min(.l)", "number(.s)", "number(.any)", "(.t - .t) / 1h", "length(.lo)", "average(.l)")
	}
	return "(match .e { \"a\", \"b\" => " + g.num(d-1) + ", \"c\" => " + g.num(d-1) + " })"
}

func (g *exprGen) str(d int) string {
	if d <= 0 {
		return g.pick(".s", ".e", "\"lit\"", ".so", ".open", ".o.x", ".m.k")
	}
	switch g.r.IntN(6) {
	case 0:
		return "\"${" + g.str(d-1) + "}-${" + g.num(d-1) + "}\""
	case 1:
		return "upper(" + g.str(d-1) + ")"
	case 2:
		return "string(" + g.num(d-1) + ")"
	case 3:
		return "(" + g.str(d-1) + " ?? " + g.str(d-1) + ")"
	case 4:
		return g.pick("label(.lines[0], \"-\")", "first_sku(.lines)", "string(.t)", "type(.any)", "join(.l, \",\")", "(.e | title)", "json.encode(.o)")
	}
	return "(if " + g.cond(d-1) + " then " + g.str(d-1) + " else " + g.str(d-1) + ")"
}

func (g *exprGen) list(d int) string {
	switch g.r.IntN(6) {
	case 0:
		return "[" + g.num(d-1) + ", " + g.any(d-1) + "]"
	case 1:
		return "[x + 1 for x in .l if x > " + g.num(0) + "]"
	case 2:
		return "[l." + g.pick("sku", "qty", "note") + " for l in .lines]"
	case 3:
		return "[k for k, v in .m if v != " + g.str(0) + "]"
	case 4:
		return g.pick("reverse(.l)", "unique(.l)", "take(.l, 2)", "keys(.o)", "values(.oo)", "entries(.m)", "split(.s, \"a\")", "sort(.l)", "[...(.lo ?? []), .s]", "flatten([.l, [1]])")
	}
	return g.pick(".l", "(.lo ?? [])", "[]", "[.any]", "known")
}

func (g *exprGen) cond(d int) string {
	if d <= 0 {
		return g.pick(".b", ".so != null", ".no == null", ".oo != null", ".u is string", ".any is number", ".e == \"a\"", ".pay.kind == \"card\"",
			".e in known", ".n > 1", ".lo == null", ".bo == true", ".any.n is number", ".any != null", ".oo.w.v != null", ".m.k == \"a\"", "upper(.so) == \"A\"", ".opt != null", ".s matches `a+`", ".open == \"x\"", ".bo ?? false", "flags[.b, .n]", "names[.s] != null", "kept[.s, .i].n == 1")
	}
	switch g.r.IntN(6) {
	case 0:
		return "(" + g.cond(d-1) + " and " + g.cond(d-1) + ")"
	case 1:
		return "(" + g.cond(d-1) + " or " + g.cond(d-1) + ")"
	case 2:
		return "not " + "(" + g.cond(d-1) + ")"
	case 3:
		return "(" + g.num(d-1) + " " + g.pick("<", "<=", ">", "==", "!=") + " " + g.num(d-1) + ")"
	case 4:
		return "(" + g.any(d-1) + " " + g.pick("==", "!=") + " " + g.any(d-1) + ")"
	}
	return g.cond(0)
}
