package docs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/format"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/docs"
	"github.com/sluice-dev/sluice/stdlib/mod"
)

// prelude is what the examples of words lean on.
const prelude = `app "docs"
connection segment main { write_key: secret("K") }
connection http crm { url: "https://crm.example.com" }
identity people { user_id, email, anonymous_id }
type Order = { id: string, status: "paid" | "open", total: number, currency: string?, email: string?, at: time?, customer: { id: string }, lines: [{ sku: string }] }
table orders: { total: number, at: time? } keyed by string ttl 30d
table ltv: number = 0 keyed by people merge sum
audience vip on ltv { enter: it >= 500, leave: it < 400 }
`

// example makes a program of the example of a page.
func example(p *docs.Page, code string) (name, text string) {
	switch {
	case p.Name == "app":
		return "a", code + "\nfrom topic \"t\"\nemit log\n"
	case p.Kind == docs.Declares && p.Name != "route":
		return "a", prelude + code + "\nfrom topic \"t\" as Order\nemit log\n"
	case strings.Contains(code, "from "):
		return "a", prelude + code + "\n"
	case p.Section == "Emits" || p.Name == "forget":
		return "a", prelude + "from topic \"t\" as Order\n" + code + "\n"
	}
	return "a", prelude + "from topic \"t\" as Order\n" + code + "\nemit log\n"
}

// TestWords: every word that begins a line has a page, and its example is right and
// formatted.
func TestWords(t *testing.T) {
	names := map[string]bool{}
	for _, p := range docs.All() {
		if p.Kind != docs.Stage && p.Kind != docs.Declares {
			continue
		}
		names[p.Name] = true
		if p.Doc == "" || len(p.Forms) == 0 || len(p.Examples) != 1 {
			t.Errorf("%s has no whole page", p.Name)
			continue
		}
		name, text := example(p, p.Examples[0].Code)
		for _, d := range program.Compile([]*token.File{token.NewFile(name+".route", text)}, stdlib.Env(), program.Options{}).Diags {
			if d.Code.Level() == diag.Warning && d.Span.Start < len(prelude) {
				continue
			}
			t.Errorf("%s: %s", p.Name, diag.Render(d))
		}
		if got, err := format.Source(syntax.Parse(token.NewFile(name, text))); err != nil || !strings.Contains(got, p.Examples[0].Code+"\n") {
			t.Errorf("%s is formatted otherwise (%v):\n%s", p.Name, err, got)
		}
	}
	for _, w := range slices.Concat(syntax.StageWords(), syntax.DeclWords()) {
		if !names[w] {
			t.Errorf("%s has no page", w)
		}
	}
}

// TestExpressions evaluates the examples of expressions, and compares them with what
// they say.
func TestExpressions(t *testing.T) {
	for _, p := range docs.All() {
		for _, x := range p.Examples {
			if p.Kind != docs.Expression {
				break
			}
			if got, want := evaluated(t, x.Code), evaluated(t, x.Want); x.Want == "" || !value.Equal(got, want) {
				t.Errorf("%s gives %s, want %s", x.Code, value.Excerpt(got, 100), x.Want)
			}
		}
	}
}

func evaluated(t *testing.T, src string) value.Value {
	t.Helper()
	x := program.Expr(src, stdlib.Env(), types.NullT)
	if x.X == nil {
		t.Errorf("%s: %v", src, diag.Render(x.Diags[0]))
		return nil
	}
	var f eval.Frame
	f.Begin(nil, x.Slots)
	v, fail := eval.Expr(x.X, &f)
	if fail != nil {
		t.Errorf("%s: %v", src, fail)
	}
	return v
}

// TestOptions: the pages name every option that the checker takes.
func TestOptions(t *testing.T) {
	const head = "app \"a\"\ntype T = { id: string }\n"
	for _, tt := range []struct{ page, src string }{
		{"connection", head + "connection kafka main { OPT }\n"}, {"connection", head + "connection segment main { OPT }\n"}, {"connection", head + "connection http main { OPT }\n"},
		{"route", head + "route a { OPT }\nfrom topic \"t\" as T\nemit log\n"},
		{"from topic", head + "from topic \"t\" as T { OPT }\nemit log\n"}, {"from webhook", head + "from webhook \"/a\" as T { OPT }\nemit log\n"},
		{"from segment", head + "from segment \"/v1\" { OPT }\nemit segment\n"}, {"from segment", head + "from segment webhook \"/v1\" { OPT }\nemit segment\n"},
		{"from every", head + "from every 1d { OPT }\nemit log\n"}, {"from file", head + "from file \"x.csv\" as T { OPT }\nemit log\n"},
		{"from dead", head + "route a\nfrom topic \"t\" as T\nemit log\nroute b\nfrom dead a { OPT }\nemit log\n"},
	} {
		p := program.Compile([]*token.File{token.NewFile("a.route", strings.ReplaceAll(tt.src, "OPT", "zzzzzzzzzz: 1"))}, stdlib.Env(), program.Options{})
		i := slices.IndexFunc(p.Diags, func(d *diag.Diagnostic) bool { return d.Code == diag.UnknownOption })
		if i < 0 {
			t.Errorf("%s takes anything", tt.page)
			continue
		}
		pages, _ := docs.Find(tt.page)
		forms := strings.Join(pages[0].Forms, "\n")
		for name := range strings.SplitSeq(strings.TrimPrefix(p.Diags[i].Help, "it takes "), ", ") {
			if !strings.Contains(forms, name) {
				t.Errorf("the page of %s does not name %s:\n%s", tt.page, name, forms)
			}
		}
	}
}

// TestFind: what there is is found, by its name, and what is nearly there is told.
func TestFind(t *testing.T) {
	env := stdlib.Env()
	for _, name := range slices.Concat(env.FuncNames(), env.AggregateNames(), mod.Names()) {
		if pages, _ := docs.Find(name); len(pages) == 0 {
			t.Errorf("%s has no page", name)
		}
	}
	for _, c := range diag.All() {
		pages, _ := docs.Find(strings.ToLower(c.ID))
		if len(pages) != 1 || !strings.Contains(pages[0].Text(), c.ID+" "+c.Title) {
			t.Errorf("%s has no page", c.ID)
		}
	}
	for name, want := range map[string]string{
		"time": "stage function namespace", "json": "namespace", "track": "stage", "table": "declaration stage", "segment": "setting stage stage namespace", "ecommerce": "module", "segment.Call": "type", "fail": "stage function", "??": "expression", "catch": "expression", "match": "stage", "emit  track": "stage", "order completed": "event", "kochava.ids": "function", "kochava.Postback": "type",
		"upper()": "function", "sum": "function aggregate", "count": "aggregate", "secret": "setting",
		"emit identify":   "stage",
		"emial.normalize": "? email.normalize", "normalize": "? text.normalize", "Order Complete": "? Order Completed", "dedup": "? dedupe", "E9999": "?", "zzzzzzzzzz": "?", "": "?",
	} {
		pages, near := docs.Find(name)
		got := ""
		for _, p := range pages {
			got = strings.TrimSpace(got + " " + p.Kind)
			if p.Text() == "" {
				t.Errorf("%s has an empty page", name)
			}
		}
		if got == "" {
			got = strings.TrimSpace("? " + near)
		}
		if got != want && !(want == "?" && strings.HasPrefix(got, "? E")) {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
}

// TestReservedNames: the pages of calls say what Segment reserves in them.
func TestReservedNames(t *testing.T) {
	for name, want := range map[string]string{"emit identify": "createdAt    time | string", "emit track": "revenue   number", "with": `channel        "server"`, "identity": "limit, per", "Video Ad Started": `"pre-roll" | `} {
		pages, _ := docs.Find(name)
		if text := pages[0].Text(); !strings.Contains(text, want) || strings.Contains(text, "It gives .") {
			t.Errorf("the page of %s has no %q:\n%s", name, want, text)
		}
	}
}

// TestIndex: the list has every page once, and no line is longer than a terminal.
func TestIndex(t *testing.T) {
	index := docs.Index()
	for _, n := range docs.Names() {
		if !strings.Contains(index, n.Name) {
			t.Errorf("%s is not in the list", n.Name)
		}
	}
	for line := range strings.Lines(index) {
		if len([]rune(line)) > 101 {
			t.Errorf("too long: %s", line)
		}
	}
}
