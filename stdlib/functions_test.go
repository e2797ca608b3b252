package stdlib_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/fn"
	"github.com/sluice-dev/sluice/stdlib/mod"
)

const functionsPage = "../spec/functions.md"

// TestFunctionsPage: spec/functions.md is printed from the declarations.
func TestFunctionsPage(t *testing.T) {
	got := functionsMarkdown()
	if *update {
		if err := os.WriteFile(functionsPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(functionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("spec/functions.md is not what the declarations say; `go test ./stdlib -update` rewrites it (-want +got):\n%s", diff)
	}
}

const aggregatesTitle = "Aggregates: at the top of a field of `window` only"

const aggregatesIntro = `
` + "`window 5m by .user { n: count(), total: sum(.amount), items: sum(sum([l.qty for l in .lines])) }`" + `

Each takes one value of every record of a pane, and does not see a null. Inside its argument these names are the functions of lists again.
`

const functionsIntro = `# Functions

Printed from the declarations in ` + "`stdlib/fn`" + `; every example is run by a test.

- The subject comes first, so ` + "`x | f(a)`" + ` is ` + "`f(x, a)`" + `.
- A null subject gives null without a call, and the type of the result says so; signatures show the other case. A subject written ` + "`?`" + ` is taken as it is. Null in any other argument is a failure.
- ` + "`!`" + ` marks a function that fails on bad input: write ` + "`catch`" + `, or let the event go to the dead letters.
- ` + "`= v`" + ` shows what stands in for an argument that is left out, ` + "`…`" + ` a last one that may be given more often, ` + "`T`" + ` any type.
`

func functionsMarkdown() string {
	var b strings.Builder
	b.WriteString(functionsIntro)
	sections := append(fn.Sections(), fn.Section{Title: aggregatesTitle, Funcs: fn.Aggregates()}, fn.Section{Title: "Settings: in options of connections and sources only", Funcs: settings()})
	for _, s := range sections {
		b.WriteString("\n## " + s.Title + "\n")
		if s.Title == aggregatesTitle {
			b.WriteString(aggregatesIntro)
		}
		for _, f := range s.Funcs {
			writeFunction(&b, f)
		}
	}
	for _, name := range mod.Names() {
		writeModule(&b, name)
	}
	return b.String()
}

// writeModule lists what a module declares with a comment above it; what has none is
// its own business.
func writeModule(b *strings.Builder, name string) {
	text, _ := mod.Text(name)
	f := syntax.Parse(token.NewFile(name, text))
	b.WriteString("\n## `use " + name + "`\n\nWritten in Route: [" + name + ".route](../stdlib/mod/" + name + ".route). What a function gives is inferred from its code.\n")
	last := ""
	for _, d := range f.Decls {
		doc := strings.ReplaceAll(f.DocOf(d), "\n", " ")
		if doc == "" {
			continue
		}
		switch d := d.(type) {
		case *syntax.TypeDecl:
			b.WriteString("\n```route\ntype " + name + "." + strings.TrimPrefix(d.Span().Text(), "type ") + "\n```\n" + doc + "\n")
			last = "type"
		case *syntax.DefDecl:
			if last == "type" {
				b.WriteString("\n")
			}
			head, _, _ := strings.Cut(strings.TrimPrefix(d.Span().Text(), "def "), ")")
			b.WriteString("- `" + name + "." + head + ")`: " + doc + "\n")
			last = "def"
		}
	}
}

// settings are the functions that are not of fn.
func settings() (out []*types.Func) {
	for _, f := range stdlib.Funcs() {
		if f.Setting {
			out = append(out, f)
		}
	}
	return out
}

func writeFunction(b *strings.Builder, f *types.Func) {
	b.WriteString("\n### " + f.Name + "\n`" + types.Signature(f) + "`\n\n" + f.Doc + "\n")
	for _, p := range f.Params {
		b.WriteString("- `" + p.Name + "`: " + p.Doc)
		if p.Const {
			b.WriteString("; a constant")
		}
		b.WriteString("\n")
	}
	if len(f.Examples) == 0 {
		return // an aggregate: what shows one is a window
	}
	b.WriteString("\n```\n")
	for _, x := range f.Examples {
		want := x.Want
		if strings.HasPrefix(want, "error ") {
			want = "does not check, " + want[len("error "):]
		}
		b.WriteString(x.Expr + "  # " + want + "\n")
	}
	b.WriteString("```\n")
}

func TestRegistry(t *testing.T) {
	if _, err := stdlib.NewRegistry(stdlib.Funcs()...); err != nil {
		t.Fatal(err)
	}
	good := *stdlib.Env().Func("upper")
	for _, tt := range []struct {
		name string
		with func(f *types.Func)
		want string
	}{
		{"as it is", func(*types.Func) {}, ""},
		{"no doc", func(f *types.Func) { f.Doc = "" }, "upper has no doc"},
		{"no examples", func(f *types.Func) { f.Examples = nil }, "upper has no examples"},
		{"no name", func(f *types.Func) { f.Name = "" }, "a function has no name"},
		{"no code", func(f *types.Func) { f.Call = nil }, "upper has no code"},
		{"no result", func(f *types.Func) { f.Result = nil }, "upper has no result"},
		{"a type variable that nobody infers", func(f *types.Func) { f.Params = []types.Param{{Name: "x", Doc: "d"}} }, "parameter x of upper is not well declared"},
	} {
		f := good
		tt.with(&f)
		got := ""
		if _, err := stdlib.NewRegistry(&f); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if _, err := stdlib.NewRegistry(&good, &good); err == nil || err.Error() != "upper is registered twice" {
		t.Errorf("twice: %v", err)
	}
}

// TestLater: what is refused by name must not be there.
func TestLater(t *testing.T) {
	env := stdlib.Env()
	for _, name := range env.FuncNames() {
		if env.FuncLater(name) {
			t.Errorf("%s is there, and said to come later", name)
		}
	}
	if !env.FuncLater("ip.country") || env.FuncLater("nothing") {
		t.Error("ip.country comes later, nothing does not")
	}
}
