package op_test

import (
	"fmt"
	"math/rand"
	"strings"
)

// A generator of programs that mostly check: types are drawn first, then
// stages and expressions of wanted types over what is in scope, written as Route.
// It follows the types so far that the checker takes most of what it makes; what
// the checker refuses is thrown away.

// gtype is a type as the generator sees it.
type gtype struct {
	kind   string // string number int bool time any object list map
	null   bool   // `T?`
	def    string // default, as Route; "" for none
	enum   []string
	fields []gfield
	elem   *gtype
	rest   bool // `...: any`
	person bool // of `resolve`
}

type gfield struct {
	name string
	t    *gtype
}

var words = []string{"a", "b", "c", "id", "kind", "total", "items", "at", "user"}

type gen struct {
	*rand.Rand
	n    int      // names given out
	vars []gfield // variables in scope
	cur  *gtype   // type of `.`
	root *gtype   // type of `$`
	// narrow keeps expressions small.
	depth int
	// state has stages with state written, and tables read.
	state bool
	// people has them of an identity space, and tables keyed by it.
	people bool
	// closed: a window stands above, below which nothing else is written.
	closed bool
}

func (g *gen) one(of ...string) string { return of[g.Intn(len(of))] }

func (g *gen) maybe(percent int) bool { return g.Intn(100) < percent }

func (g *gen) name(prefix string) string { g.n++; return fmt.Sprintf("%s%d", prefix, g.n) }

func (g *gen) typ(depth int) *gtype {
	t := &gtype{kind: g.one("string", "string", "number", "number", "int", "bool", "time", "any", "object", "list", "map")}
	if depth == 0 && (t.kind == "object" || t.kind == "list" || t.kind == "map") {
		t.kind = "string"
	}
	switch t.kind {
	case "object":
		*t = *g.object(depth)
	case "list":
		t.elem = g.typ(depth - 1)
	case "map":
		t.elem = &gtype{kind: g.one("string", "number", "any", "bool")}
	case "string":
		if g.maybe(30) {
			t.enum = []string{"paid", "open", "x"}[:1+g.Intn(3)]
		}
	}
	t.null = t.kind != "any" && g.maybe(30)
	return t
}

func (g *gen) object(depth int) *gtype {
	t := &gtype{kind: "object", rest: g.maybe(20)}
	for _, i := range g.Perm(len(words))[:1+g.Intn(5)] {
		f := gfield{words[i], g.typ(depth - 1)}
		if g.maybe(15) && !f.t.null && f.t.enum == nil {
			switch f.t.kind {
			case "string":
				f.t.def = `"dflt"`
			case "number", "int":
				f.t.def = "7"
			case "bool":
				f.t.def = "true"
			}
		}
		t.fields = append(t.fields, f)
	}
	return t
}

// String writes the type as Route.
func (t *gtype) String() string {
	var s string
	switch t.kind {
	case "object":
		var fs []string
		for _, f := range t.fields {
			fs = append(fs, f.name+": "+f.t.String())
		}
		if t.rest {
			fs = append(fs, "...: any")
		}
		s = "{ " + strings.Join(fs, ", ") + " }"
	case "list":
		s = "[" + t.elem.String() + "]"
	case "map":
		s = "{string: " + t.elem.String() + "}"
	case "string":
		s = "string"
		if t.enum != nil {
			s = `"` + strings.Join(t.enum, `" | "`) + `"`
			if t.null {
				return "(" + s + ")?"
			}
		}
	default:
		s = t.kind
	}
	if t.null {
		s += "?"
	}
	if t.def != "" {
		s += " = " + t.def
	}
	return s
}

// place is something that can be read, with its type.
type gplace struct {
	text string
	t    *gtype
}

// places lists what is in scope, fields of what may be null not included.
func (g *gen) places() []gplace {
	var out []gplace
	out = appendPlaces(out, ".", g.cur, true)
	out = appendPlaces(out, "$", g.root, false)
	for _, v := range g.vars {
		out = appendPlaces(out, v.name, v.t, false)
	}
	return out
}

func appendPlaces(out []gplace, text string, t *gtype, isDot bool) []gplace {
	out = append(out, gplace{text, t})
	below := func(step string, elem *gtype) {
		if text == "." && step[0] == '.' {
			text = ""
		}
		e := *elem
		e.null = e.kind != "any"
		out = appendPlaces(out, text+step, &e, false)
	}
	switch {
	case strings.Count(text, "[") > 1 || len(text) > 24:
		return out
	case t.kind == "list" && text != ".":
		below("[0]", t.elem)
		below("[-1]", t.elem)
	case t.kind == "map":
		below(".k", t.elem)
		below(`["a"]`, t.elem)
	case t.kind == "any" && text != "." && text != "$" && !strings.Contains(text, ".a.b"):
		below(".a", &gtype{kind: "any"})
		below(".a.b", &gtype{kind: "any"})
	}
	if t.kind != "object" {
		return out
	}
	for _, f := range t.fields {
		p := text + "." + f.name
		if isDot {
			p = "." + f.name
		}
		ft := *f.t
		ft.null = ft.null && ft.def == "" || t.null
		out = appendPlaces(out, p, &ft, false)
	}
	return out
}

// read gives a place of one of the kinds, null where mayNull; "" for none.
func (g *gen) read(mayNull bool, kinds ...string) string {
	var fit []string
	for _, p := range g.places() {
		for _, k := range kinds {
			if p.t.kind == k && (mayNull || !p.t.null) {
				fit = append(fit, p.text)
			}
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return fit[g.Intn(len(fit))]
}

// nullable gives a place of one of the kinds that may be null; "" for none.
func (g *gen) nullable(kinds ...string) string {
	var fit []string
	for _, p := range g.places() {
		for _, k := range kinds {
			if p.t.kind == k && p.t.null && p.t.enum == nil {
				fit = append(fit, p.text)
			}
		}
	}
	if len(fit) == 0 {
		return ""
	}
	return fit[g.Intn(len(fit))]
}

// open gives text of which the checker does not know the letters.
func (g *gen) open() string { return g.one("lower(", "trim(", "upper(") + g.str() + ")" }

// some gives a number of which the checker does not know the digits.
func (g *gen) some() string { return or(g.read(false, "number", "int"), "length("+g.open()+")") }

// or gives first unless it is "".
func or(first, other string) string {
	if first != "" {
		return first
	}
	return other
}

func (g *gen) deeper() bool {
	g.depth++
	return g.depth < 5
}

func (g *gen) str() string {
	defer func() { g.depth-- }()
	lit := g.one(`"x"`, `"paid"`, `""`, `"é \"q\" \\"`, "`raw`", `"10.50"`)
	if !g.deeper() {
		return or(g.read(false, "string"), lit)
	}
	if g.state && g.maybe(8) {
		return "(rows[" + g.str() + ", 1].s ?? \"none\")"
	}
	if p := g.someone(); p != "" && g.maybe(8) {
		return g.one("("+p+".user_id ?? \"none\")", p+".anonymous_id", "(firsts["+p+"] ?? \"none\")", "string("+p+".ids)", "\"${"+p+".known}\"")
	}
	switch g.Intn(19) {
	case 17:
		return "string(" + g.one(g.some(), g.cond(), g.str(), or(g.read(false, "time"), "@time")) + ")"
	case 18:
		if p := g.nullable("number", "int", "time", "bool"); p != "" {
			return "(string(" + p + ") ?? " + g.str() + ")"
		}
		return "\"${time(" + or(g.read(false, "string", "number", "time"), "@time") + ") catch @time}\""
	case 16:
		return g.one("(@key ?? \"none\")", "@topic", "\"${@timestamp}\"", "(@headers[\"h\"] ?? \"\")")
	case 14:
		return "tag(" + g.str() + ")"
	case 15:
		if p := g.nullable("string"); p != "" {
			return "(tag(" + p + ") ?? " + g.str() + ")"
		}
		return "pair(" + g.str() + ", " + g.num() + ").t"
	case 0:
		return lit
	case 1, 2, 3, 4:
		return or(g.read(false, "string"), lit)
	case 5, 6:
		if p := g.nullable("string"); p != "" {
			return "(" + p + " ?? " + g.str() + ")"
		}
		return or(g.read(false, "string"), lit)
	case 7:
		return g.one("upper", "lower", "trim") + "(" + g.str() + ")"
	case 8:
		return `"n=${` + g.num() + `} ${` + g.str() + `}"`
	case 9:
		return "(if " + g.cond() + " then " + g.str() + " else " + g.str() + ")"
	case 10:
		return "string(" + g.num() + ")"
	case 11:
		if p := g.nullable("string"); p != "" {
			return "(" + g.one("upper", "lower") + "(" + p + ") ?? " + g.str() + ")"
		}
		return or(g.read(false, "string"), lit)
	case 12:
		return "(match " + g.open() + ` { "paid", "x" => ` + g.str() + `, else => ` + g.str() + " })"
	default:
		if p := g.read(false, "any"); p != "" {
			return "(if " + p + " is string then " + p + " else " + g.str() + ")"
		}
		return "replace(" + g.str() + `, "x", "yy")`
	}
}

func (g *gen) num() string {
	defer func() { g.depth-- }()
	lit := g.one("0", "1", "1.0", "2.50", "10", "1e3", "0.1", "99999999999999999999", "12345678901234567890.125")
	if !g.deeper() {
		return or(g.read(false, "number", "int"), lit)
	}
	if p := g.someone(); p != "" && g.maybe(8) {
		return g.one("ltv["+p+"]", "length("+p+".ids)")
	}
	switch g.Intn(20) {
	case 18:
		return "(int(" + g.one(g.open(), g.some()) + ") catch 3)"
	case 19:
		return "int(" + g.some() + ")"
	case 16:
		return "(-" + g.some() + ")"
	case 17:
		return g.one("@partition", "@offset", "@sample_rate")
	case 14:
		return "twice(" + g.num() + ")"
	case 15:
		if p := g.nullable("number", "int"); p != "" {
			return "(twice(" + p + ") ?? " + g.num() + ")"
		}
		return "sum([" + g.num() + ", " + g.num() + "])"
	case 0:
		return lit
	case 1, 2, 3:
		return or(g.read(false, "number", "int"), lit)
	case 4:
		if p := g.nullable("number", "int"); p != "" {
			return "(" + p + " ?? " + g.num() + ")"
		}
		return or(g.read(false, "number", "int"), lit)
	case 5, 6:
		return "(" + g.num() + " " + g.one("+", "-", "*") + " " + g.num() + ")"
	case 7:
		return "(" + g.some() + " " + g.one("/", "%") + " " + g.some() + " catch 0)"
	case 8:
		return "(number(" + g.open() + ") catch " + g.num() + ")"
	case 9:
		return "round(" + g.num() + ", " + g.one("0", "1", "2") + ")"
	case 10:
		return "length(" + g.str() + ")"
	case 11:
		return "(if " + g.cond() + " then " + g.num() + " else " + g.num() + ")"
	case 12:
		return "number(" + or(g.read(false, "string", "number"), `lower("3.50")`) + ")"
	default:
		if p := g.read(false, "any"); p != "" {
			return "(if " + p + " is number then " + p + " else " + g.num() + ")"
		}
		return "abs(" + g.num() + ")"
	}
}

func (g *gen) cond() string {
	defer func() { g.depth-- }()
	if !g.deeper() {
		return or(g.read(false, "bool"), "true")
	}
	if p := g.someone(); p != "" && g.maybe(8) {
		return g.one("high["+p+"]", p+".merged", "("+p+".user_id != null)")
	}
	switch g.Intn(13) {
	case 0:
		return or(g.read(false, "bool"), "false")
	case 1:
		if p := g.nullable("bool"); p != "" {
			return "(" + p + " ?? " + g.one("true", "false") + ")"
		}
		return or(g.read(false, "bool"), "("+g.some()+" > 1.50)")
	case 2, 3:
		return "(" + g.some() + " " + g.one("<", "<=", ">", ">=", "==", "!=") + " " + g.num() + ")"
	case 4:
		return "(" + g.open() + " " + g.one("==", "!=", "<", ">=") + " " + g.str() + ")"
	case 5:
		return "(" + g.cond() + " " + g.one("and", "or") + " " + g.cond() + ")"
	case 6:
		return "(not " + g.cond() + ")"
	case 7:
		return "(" + g.open() + " " + g.one("in", "not in") + ` ["paid", "x", ""])`
	case 8:
		if p := g.nullable("string", "number", "int", "bool", "object", "list", "time"); p != "" {
			return "(" + p + " " + g.one("==", "!=") + " null)"
		}
		for _, p := range g.places() {
			if p.t.enum != nil && !p.t.null && len(p.t.enum) > 1 && g.maybe(50) {
				return "(" + p.text + " == \"" + p.t.enum[0] + "\")"
			}
		}
		return "(" + g.some() + " in [1, 2.50, 10])"
	case 9:
		return "(" + g.open() + ` matches "^[a-z]+")`
	case 10:
		if p := g.read(true, "any"); p != "" {
			return "(" + p + " " + g.one(`== "x"`, "== 1", "is string", "is not number", "is null", "is bool", `in ["x", 1, null]`) + ")"
		}
		return "true"
	case 11:
		if t := g.read(false, "time"); t != "" {
			return "(" + t + " " + g.one("<", ">=", "==") + " " + or(g.read(false, "time"), "@time") + ")"
		}
		return "(@time > @time - 1h)"
	default:
		return "contains(" + g.open() + `, "a")`
	}
}

// field gives a value for a field of an object, and its type.
func (g *gen) field() (string, *gtype) {
	switch g.Intn(16) {
	case 14:
		return "[" + g.str() + ", " + g.str() + "]", &gtype{kind: "list", elem: &gtype{kind: "string"}}
	case 15:
		if t := g.read(false, "time"); t != "" {
			return "(@time - " + t + ")", &gtype{kind: "duration"}
		}
	case 12:
		if p := g.read(false, "map"); p != "" {
			return "{ [k]: v for k, v in " + p + " if k != \"l\" }", &gtype{kind: "any"}
		}
	case 13:
		return "pair(" + g.str() + ", " + g.num() + ")", &gtype{kind: "object", fields: []gfield{
			{"s", &gtype{kind: "string"}}, {"n", &gtype{kind: "number"}}, {"t", &gtype{kind: "string"}}}}
	case 0, 1:
		return g.str(), &gtype{kind: "string"}
	case 2, 3:
		return g.num(), &gtype{kind: "number"}
	case 4:
		return g.cond(), &gtype{kind: "bool"}
	case 5:
		if x, t := g.comprehension(); x != "" {
			return x, t
		}
	case 6:
		if g.depth < 3 {
			return g.literal(1 + g.Intn(3))
		}
	case 7:
		if t := g.read(false, "time"); t != "" {
			return g.one(t, "("+t+" + 90m)"), &gtype{kind: "time"}
		}
	case 8:
		if p := g.nullable("string"); p != "" {
			return "upper(" + p + ")", &gtype{kind: "string", null: true}
		}
	}
	ps := g.places()
	p := ps[g.Intn(len(ps))]
	return p.text, p.t
}

// literal is an object with its type.
func (g *gen) literal(n int) (string, *gtype) {
	g.depth++
	defer func() { g.depth-- }()
	t := &gtype{kind: "object"}
	var es []string
	put := func(name string, ft *gtype) {
		for i := range t.fields {
			if t.fields[i].name == name {
				t.fields[i].t = ft
				return
			}
		}
		t.fields = append(t.fields, gfield{name, ft})
	}
	if g.maybe(25) {
		if p := g.read(false, "object"); p != "" {
			es = append(es, "..."+g.one("", " ")+p)
			for _, q := range g.places() {
				if q.text == p {
					for _, f := range q.t.fields {
						put(f.name, f.t)
					}
				}
			}
		}
	}
	for _, i := range g.Perm(len(words))[:n] {
		name := words[i]
		x, ft := g.field()
		colon := ": "
		if ft.null && g.maybe(60) {
			colon = "?: "
		}
		es = append(es, name+colon+x)
		put(name, ft)
	}
	return "{ " + strings.Join(es, ", ") + " }", t
}

// comprehension is a list made from a list in scope.
func (g *gen) comprehension() (string, *gtype) {
	var lists []gplace
	for _, p := range g.places() {
		if p.t.kind == "list" && p.text != "." {
			lists = append(lists, p)
		}
	}
	if len(lists) == 0 || g.depth > 2 {
		return "", nil
	}
	l := lists[g.Intn(len(lists))]
	if l.t.null {
		l.text = "(" + l.text + " ?? [])"
	}
	v := g.name("v")
	g.vars = append(g.vars, gfield{v, l.t.elem})
	g.depth++
	defer func() { g.vars = g.vars[:len(g.vars)-1]; g.depth-- }()
	x, t := g.field()
	if g.maybe(50) {
		x, t = g.literal(1 + g.Intn(3))
	}
	s := "[" + x + " for " + v + " in " + l.text
	if g.maybe(40) {
		s += " if " + g.cond()
	}
	return s + "]", &gtype{kind: "list", elem: t}
}

// stages writes some stages and an emit.
func (g *gen) stages(b *strings.Builder, indent string, n int) {
	for range n {
		if g.stage(b, indent); g.closed {
			return
		}
	}
	g.emit(b, indent)
}

func (g *gen) stage(b *strings.Builder, indent string) {
	line := func(format string, a ...any) { fmt.Fprintf(b, indent+format+"\n", a...) }
	if g.people && g.maybe(45) {
		g.identify(b, indent)
		return
	}
	if g.state && g.maybe(45) {
		g.stateful(b, indent)
		return
	}
	switch g.Intn(17) {
	case 16:
		x, t := g.literal(1)
		if p := g.nullable("string"); p != "" && g.maybe(50) {
			line("with { anonymousId: %s }", p)
		} else if t.kind == "object" {
			line("with { context: %s }", x)
		}
	case 0, 1:
		line("where %s", g.cond())
	case 2, 3:
		x, t := g.field()
		if len(indent) > 4 || strings.HasPrefix(x, "-") {
			return
		}
		v := g.name("v")
		line("let %s = %s", v, x)
		g.vars = append(g.vars, gfield{v, t})
	case 4, 5:
		x, t := g.literal(1 + g.Intn(4))
		line("map %s", x)
		g.cur = t
	case 6, 7:
		if g.cur.kind != "object" || g.cur.null || len(g.cur.fields) == 0 {
			return
		}
		name := words[g.Intn(len(words))]
		x, t := g.field()
		if f := g.cur.fields[g.Intn(max(1, len(g.cur.fields)))%len(g.cur.fields)]; f.t.kind == "object" && g.maybe(60) {
			line("set .%s.%s = %s", f.name, name, x)
			c, in := *g.cur, *f.t
			in.fields = append(without(in.fields, name), gfield{name, t})
			in.null = false
			c.fields = append(without(c.fields, f.name), gfield{f.name, &in})
			g.cur = &c
			return
		}
		line("set .%s = %s", name, x)
		c := *g.cur
		c.fields = nil
		for _, f := range g.cur.fields {
			if f.name != name {
				c.fields = append(c.fields, f)
			}
		}
		c.fields = append(c.fields, gfield{name, t})
		g.cur = &c
	case 8:
		if g.cur.kind != "object" || g.cur.null || len(g.cur.fields) < 2 {
			return
		}
		i := g.Intn(len(g.cur.fields))
		if in := g.cur.fields[i].t; in.kind == "object" && len(in.fields) > 1 && g.maybe(60) {
			name := in.fields[0].name
			line("unset .%s.%s", g.cur.fields[i].name, name)
			c, sub := *g.cur, *in
			sub.fields = without(sub.fields, name)
			c.fields = append(without(c.fields, g.cur.fields[i].name), gfield{g.cur.fields[i].name, &sub})
			g.cur = &c
			return
		}
		line("unset .%s", g.cur.fields[i].name)
		c := *g.cur
		c.fields = append(append([]gfield(nil), g.cur.fields[:i]...), g.cur.fields[i+1:]...)
		g.cur = &c
	case 9:
		line("require %s else \"no ${%s}\"", g.cond(), g.num())
	case 10, 11:
		if len(indent) > 4 {
			return
		}
		line("when %s {", g.cond())
		g.scoped(func() { g.stages(b, indent+"  ", g.Intn(3)) })
		if g.maybe(50) {
			line("} else {")
			g.scoped(func() { g.stages(b, indent+"  ", g.Intn(2)) })
		}
		line("}")
	case 12:
		if len(indent) > 4 {
			return
		}
		line("match %s {", g.open())
		line("  \"paid\", \"x\" => {")
		g.scoped(func() { g.stages(b, indent+"    ", g.Intn(2)) })
		line("  }")
		line("  else => drop \"other\"")
		line("}")
	case 13:
		l := g.read(true, "list")
		if l == "" || len(indent) > 4 {
			return
		}
		v := g.name("e")
		null := ""
		for _, p := range g.places() {
			if p.text == l && p.t.null {
				null = " ?? []"
			}
		}
		line("each %s%s as %s {", l, null, v)
		var elem *gtype
		for _, p := range g.places() {
			if p.text == l {
				elem = p.t.elem
			}
		}
		g.scoped(func() {
			g.vars = append(g.vars, gfield{v, elem})
			g.stages(b, indent+"  ", g.Intn(3))
		})
		line("}")
	case 14:
		if t := g.read(false, "time"); t != "" {
			line("time by %s", t)
		}
	case 15:
		if p := g.read(false, "string", "number", "int"); p != "" {
			line("sample 50%% by %s", p)
		}
	}
}

// tables are what generated programs with state remember.
const tables = `table sums: number = 0 keyed by string
table rows: { s: string, n: number } keyed by string, int ttl 1h

`

// peoples are what generated programs with people remember of them.
const peoples = `identity people { user_id, email, crm_id, anonymous_id }
table ltv: number = 0 keyed by people merge sum
table firsts: string keyed by people ttl 1h merge first
audience high on ltv { enter: it >= 3, leave: it < 1 }

`

// someone gives a person that a `resolve` above has named; "" for none.
func (g *gen) someone() string {
	var all []string
	for _, v := range g.vars {
		if v.t.person {
			all = append(all, v.name)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return g.one(all...)
}

// identify writes a stage about people.
func (g *gen) identify(b *strings.Builder, indent string) {
	line := func(format string, a ...any) { fmt.Fprintf(b, indent+format+"\n", a...) }
	ids := func() string {
		var fs []string
		for _, i := range g.Perm(4)[:1+g.Intn(3)] {
			x := or(g.read(true, "string"), g.str())
			switch {
			case i == 1:
				x = "\"${" + g.str() + "}@x.com\""
			case g.maybe(20):
				x = or(g.read(true, "int", "any"), x)
			case g.maybe(50):
				x = g.str()
			}
			fs = append(fs, []string{"user_id", "email", "crm_id", "anonymous_id"}[i]+": "+x)
		}
		if all := strings.Join(fs, ", "); g.maybe(70) && !strings.Contains(all, "anonymous_id:") {
			fs = append(fs, "anonymous_id: \""+g.one("d1", "d2", "d3", "d4")+"\"") // one that is always usable
		}
		return "{ " + strings.Join(fs, ", ") + " }"
	}
	p := g.someone()
	switch n := g.Intn(10); {
	case n < 3 || p == "" && n < 8:
		v := g.name("p")
		line("resolve people as %s %s", v, ids())
		g.vars = append(g.vars, gfield{v, &gtype{kind: "person", person: true}})
	case n == 3:
		v := g.name("q")
		line("find people as %s %s", v, ids())
		line("let %s1 = %s.user_id ?? %s", v, v, g.str())
		g.vars = append(g.vars, gfield{v + "1", &gtype{kind: "string"}})
	case n == 8:
		v := g.name("q")
		line("resolve people as %s? %s", v, ids())
		line("let %s1 = %s.email ?? %s", v, v, g.str())
		g.vars = append(g.vars, gfield{v + "1", &gtype{kind: "string"}})
	case n == 9 && g.maybe(40):
		v := g.name("f")
		line("forget people as %s %s", v, ids())
		line("let %s1 = %s.rows + length(%s.ids)", v, v, v)
		g.vars = append(g.vars, gfield{v + "1", &gtype{kind: "number"}})
	case n == 4:
		line("update firsts[%s] = it ?? %s", p, g.str())
	case n == 5:
		line("delete %s[%s]", g.one("firsts", "ltv"), p)
	default:
		v := g.name("n")
		line("update ltv[%s] = it + %s as %s", p, g.one("1", "2", "-1", g.num()), v)
		g.vars = append(g.vars, gfield{v, &gtype{kind: "number"}})
	}
}

// stateful writes a stage with state.
func (g *gen) stateful(b *strings.Builder, indent string) {
	line := func(format string, a ...any) { fmt.Fprintf(b, indent+format+"\n", a...) }
	bind := func(prefix, kind string) string {
		v := g.name(prefix)
		g.vars = append(g.vars, gfield{v, &gtype{kind: kind}})
		return v
	}
	switch g.Intn(14) {
	case 12, 13:
		if len(indent) > 0 {
			return
		}
		line("window %s by %s%s { n: count(), t: sum(%s), m: max(%s), l: last(%s), d: distinct(%s), c: collect(%s, 3) }",
			g.one("10m", "30m", "session 10m"), g.str(), g.one("", " grace 5m"), g.num(), g.num(), g.str(), g.str(), g.str())
		if g.maybe(50) {
			line("late {")
			g.scoped(func() { g.stages(b, "  ", g.Intn(2)) })
			line("}")
		}
		line("emit log { ...$, window: @window, at: @time }")
		g.closed = true
	case 0, 1, 2:
		key, x := g.str(), g.num()
		if g.maybe(50) {
			line("update sums[%s] = it + %s as %s was %s", key, x, bind("n", "number"), bind("w", "number"))
		} else {
			line("update sums[%s] = it + %s", key, x)
		}
	case 3, 4:
		line("update rows[%s, %d] = { s: %s, n: (it.n ?? 0) + %s }", g.str(), g.Intn(2), g.str(), g.num())
	case 5:
		line("delete %s", g.one("sums["+g.str()+"]", "rows["+g.str()+", 1]"))
	case 6:
		if g.maybe(50) {
			line("let %s = sums[%s]", bind("t", "number"), g.str())
			return
		}
		key := g.str()
		v := g.name("l")
		line("let %s = [sums[%s], %s]", v, key, g.num())
		line("update sums[%s] = it + 1", key)
		g.vars = append(g.vars, gfield{v, &gtype{kind: "list", elem: &gtype{kind: "number"}}})
	case 7:
		line("key by %s", g.one(g.str(), g.str()+", "+g.num()))
	case 8:
		line("throttle 2/m by %s burst 3 else %s", g.str(), g.one("drop", "fail", "wait 30s"))
	case 9:
		if g.cur.kind != "object" || g.cur.null || len(indent) > 0 {
			return
		}
		line("changed by %s within 1h", g.str())
		c := *g.cur
		c.fields = nil
		for _, f := range g.cur.fields {
			t := *f.t
			t.null = t.kind != "any"
			c.fields = append(c.fields, gfield{f.name, &t})
		}
		g.cur = &c
	case 10:
		line("dedupe by %s within 1h", g.one(g.str(), g.num()+", "+g.str()))
	case 11:
		l := g.read(false, "list")
		if l == "" || len(indent) > 0 || g.maybe(50) {
			return
		}
		for _, p := range g.places() {
			if p.text == l {
				v := g.name("s")
				line("split %s as %s", l, v)
				g.vars = append(g.vars, gfield{v, p.t.elem})
				return
			}
		}
	}
}

// without gives the fields but one.
func without(fs []gfield, name string) []gfield {
	var out []gfield
	for _, f := range fs {
		if f.name != name {
			out = append(out, f)
		}
	}
	return out
}

// scoped lets what stages change end with them. The checker joins types behind
// a branch; the generator goes on with those from above it, which it may refuse.
func (g *gen) scoped(do func()) {
	vars, cur := len(g.vars), g.cur
	do()
	g.vars, g.cur = g.vars[:vars], cur
}

func (g *gen) emit(b *strings.Builder, indent string) {
	line := func(format string, a ...any) { fmt.Fprintf(b, indent+format+"\n", a...) }
	name := g.name("e")
	if p := g.someone(); p != "" && g.maybe(30) && g.cur.kind == "object" && !g.cur.null {
		line("emit track \"Thing %s\" as %s%s", g.one("One", "Two"), name, g.one("", " { userId: "+p+".crm_id }"))
		return
	}
	switch g.Intn(7) {
	case 0, 1:
		x, _ := g.literal(1 + g.Intn(4))
		if g.maybe(30) {
			line("emit log \"line ${%s}\" as %s %s", g.str(), name, x)
			return
		}
		line("emit log as %s %s", name, x)
	case 2:
		if g.cur.kind == "object" && !g.cur.null {
			line("emit track \"Thing %s\" as %s { userId: %s }", g.one("One", "Two"), name, g.str())
			return
		}
		line("emit log as %s", name)
	case 3:
		x, _ := g.literal(1 + g.Intn(3))
		id, _ := g.field()
		more := ""
		if p := g.read(true, "any"); p != "" && g.maybe(40) {
			more = ", context: " + p
		}
		if t := g.read(true, "time"); t != "" && g.maybe(40) {
			more += ", timestamp: " + t
		}
		if p := g.read(true, "string"); p != "" && g.maybe(40) {
			more += ", messageId: " + p
		}
		line("emit track %s as %s { userId: %s, anonymousId: string(%s), properties: %s%s }", g.str(), name, g.str(), g.num(), x, more)
		_ = id
	case 4:
		line("emit topic \"out\" as %s { key: %s, value: %s }", name, g.str(), g.num())
	case 5:
		x, _ := g.literal(1 + g.Intn(3))
		more := ""
		if p := g.read(true, "string", "number", "bool", "time"); p != "" && g.maybe(50) {
			more = ", query: { q?: " + p + ", n: " + g.num() + " }"
		}
		if g.maybe(40) {
			more += ", headers: { \"X-A\": " + g.str() + " }"
		}
		line("emit http %s \"/a/${%s}\" via c as %s { %s: %s%s }", g.one("GET", "POST"), g.str(), name, g.one("body", "item"), x, more)
	default:
		x, _ := g.field()
		line("emit topic \"out.\" as %s { value: %s }", name, x)
	}
}

// defs are functions that generated programs call.
const defs = `def tag(s: string) = "<${lower(s)}>"
def twice(n: number) {
  let m = n + n
  m * 1.0
}
def pair(s: string, n: number) = { s, n: twice(n), t: tag(s) }

`

// topic is a topic of a generated route.
type gtopic struct {
	name string
	t    *gtype
}

// program writes one route and gives its topics.
func (g *gen) program() (src string, topics []gtopic) {
	t := g.object(3)
	g.root, g.cur = t, t
	var b strings.Builder
	b.WriteString(defs)
	if g.state {
		b.WriteString(tables)
		if g.people {
			b.WriteString(peoples)
		}
		b.WriteString("route g\n")
	}
	topics = []gtopic{{"in", t}}
	if g.maybe(15) {
		u := g.object(3)
		topics = append(topics, gtopic{"in2", u})
		fmt.Fprintf(&b, "from topic \"in\" as %s, \"in2\" as %s\nmatch @topic {\n", t, u)
		for _, tp := range topics {
			g.root, g.cur, g.vars = tp.t, tp.t, nil
			fmt.Fprintf(&b, "  %q => {\n", tp.name)
			g.stages(&b, "    ", 1+g.Intn(3))
			b.WriteString("  }\n")
		}
		b.WriteString("}\n")
		return b.String() + g.reader(), topics
	}
	fmt.Fprintf(&b, "from topic \"in\" as %s", t)
	if k := g.read(false, "string", "number", "bool"); k != "" && g.maybe(20) {
		fmt.Fprintf(&b, " { key: %s }", k)
	}
	b.WriteString("\n")
	g.stages(&b, "", 1+g.Intn(5))
	return b.String() + g.reader(), topics
}

// reader is a route that reads changes.
func (g *gen) reader() string {
	if !g.state || g.maybe(50) && !g.people {
		return ""
	}
	if g.people && g.maybe(80) {
		of := g.one("people", "ltv", "firsts", "high")
		more := g.one("", "\nupdate ltv[p] = it + 1")
		if of != "people" {
			more = g.one("", "\nfind people as q { user_id: \"x\", anonymous_id: p.anonymous_id }")
		}
		return "\nroute z\nfrom changes " + of + " as p" + more + "\nemit log { ...$, at: @time, p }\nemit track \"Changed\" { properties: {} }\n"
	}
	return g.one("\nroute z\nfrom changes sums\nemit log { ...$, at: @time }\n",
		"\nroute z\nfrom changes rows\nrequire .cause != \"delete\" else \"no\"\nupdate sums[\"all\"] = it + (.new.n ?? 0) as n\nemit log { key: .key, n, was: .old.s }\n")
}

// value writes a JSON value of a type; now and then one of another.
func (g *gen) value(t *gtype) string {
	if t.null && g.maybe(25) || g.maybe(2) {
		return "null"
	}
	k := t.kind
	if g.maybe(2) {
		k = g.one("string", "number", "bool", "any", "object", "list")
	}
	switch k {
	case "string":
		if t.enum != nil && g.maybe(95) {
			return `"` + t.enum[g.Intn(len(t.enum))] + `"`
		}
		return g.one(`"x"`, `"paid"`, `""`, `"abc"`, `"Äb"`, `"a\"b\\"`, `"\u0061\ud83d\ude00"`, `"\ud800"`, `"10.50"`, `"-3"`, `"1e2"`, `"2026-02-01T00:00:00Z"`, `"\u0000\n"`)
	case "number":
		return g.one("0", "1", "-1", "2.50", "10", "1e3", "-0.0", "3.1400", "1E-7", "12345678901234567890123", "1e400", "99999999999999999999999999999999999999999.5")
	case "int":
		return g.one("0", "1", "-7", "42", "3146.0", "1e2", "123456789012345678", "1234567890123456789012")
	case "bool":
		return g.one("true", "false")
	case "time":
		return g.one(`"2026-02-01T10:20:30.123Z"`, `"2026-02-01T10:20:30Z"`, `"2026-02-01t10:20:30.123456+02:00"`, `1700000000`, `1700000000123`, `"2026-02-01T10:20:30.1234Z"`, `"2026-02-01T10:20:30+05:30"`, `"2026-02-01T00:20:30.5-11:00"`, `"0001-01-01T00:00:00+01:00"`, `"2026-02-30T00:00:00Z"`, `"2026-02-01T10:20:30"`)
	case "object":
		return g.record(t)
	case "list":
		var es []string
		for range g.Intn(4) {
			if t.elem == nil {
				es = append(es, "1")
				continue
			}
			es = append(es, g.value(t.elem))
		}
		return "[" + strings.Join(es, g.one(",", " , ")) + "]"
	case "map":
		var es []string
		for range g.Intn(4) {
			es = append(es, `"`+g.one("k", "l", "a", `\u0061`)+`":`+g.value(t.elem))
		}
		return "{" + strings.Join(es, ",") + "}"
	}
	return g.one("null", "1", "2.50", `"x"`, `"paid"`, "true", "[]", `[1,"x",{"a":1}]`, `{"a":1,"b":{"c":"x"}}`, `{"a":"x"}`, "{}")
}

func (g *gen) record(t *gtype) string {
	var es []string
	for _, i := range g.Perm(len(t.fields)) {
		f := t.fields[i]
		if (f.t.null || f.t.def != "") && g.maybe(30) || g.maybe(2) {
			continue
		}
		if g.maybe(4) {
			es = append(es, fmt.Sprintf("%q:%s", f.name, g.value(f.t)))
		}
		v := g.value(f.t)
		if f.t.def != "" && g.maybe(20) {
			v = "null"
		}
		es = append(es, fmt.Sprintf("%q%s%s", f.name, g.one(":", ":", ": "), v))
	}
	if g.maybe(20) {
		es = append(es, `"extra":`+g.one("1", `{"a":[1]}`, `"\ud83d"`))
	}
	return "{" + strings.Join(es, ",") + "}"
}
