package docs

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/fn"
	"github.com/sluice-dev/sluice/stdlib/mod"
)

const aggregatesTitle = "Aggregates: at the top of a field of `window` only"

const aggregatesIntro = `
` + "`window 5m by .user { n: count(), total: sum(.amount), items: sum(sum([l.qty for l in .lines])) }`" + `

Each takes one value of every record of a pane, and does not see a null. Inside its argument these names are the functions of lists again.
`

const functionsIntro = `# Functions

Printed from the declarations in ` + "`stdlib/fn`" + `; every example is run by a test. ` + "`sluice docs NAME`" + ` shows one.

- The subject comes first, so ` + "`x | f(a)`" + ` is ` + "`f(x, a)`" + `.
- A null subject gives null without a call, and the type of the result says so; signatures show the other case. A subject written ` + "`?`" + ` is taken as it is. Null in any other argument is a failure.
- ` + "`!`" + ` marks a function that fails on bad input: write ` + "`catch`" + `, or let the event go to the dead letters.
- ` + "`= v`" + ` shows what stands in for an argument that is left out, ` + "`…`" + ` a last one that may be given more often, ` + "`T`" + ` any type.
`

// sections are all functions under the headings of the reference.
func sections() []fn.Section {
	var settings []*types.Func
	for _, f := range stdlib.Funcs() {
		if f.Setting {
			settings = append(settings, f)
		}
	}
	return append(fn.Sections(), fn.Section{Title: aggregatesTitle, Funcs: fn.Aggregates()},
		fn.Section{Title: "Settings: in options of connections and sources only", Funcs: settings})
}

// functionPages lists functions, aggregates and settings.
func functionPages() (out []*Page) {
	for _, s := range sections() {
		for _, f := range s.Funcs {
			out = append(out, functionPage(f, s.Title))
		}
	}
	return out
}

func functionPage(f *types.Func, section string) *Page {
	p := &Page{Kind: Function, Name: f.Name, Section: section, Forms: []string{types.Signature(f)}, Doc: f.Doc, Result: f.Result.String(), Fails: f.Fails}
	switch {
	case f.Setting:
		p.Kind = Setting
	case section == aggregatesTitle:
		p.Kind = Aggregate
	}
	p.nullDoc = p.Kind == Function && !f.TakesNull && len(f.Params) > 0
	for _, a := range f.Params {
		kind := "T"
		if a.Type != nil {
			kind = a.Type.String()
		}
		p.Params = append(p.Params, Param{a.Name, kind, a.Doc, a.Const, a.HasDef, a.Rest})
	}
	for _, x := range f.Examples {
		p.Examples = append(p.Examples, Example{x.Expr, wanted(x.Want)})
	}
	return p
}

// wanted is what an example gives, in words where it gives nothing.
func wanted(want string) string {
	if code, ok := strings.CutPrefix(want, "error "); ok {
		return "does not check, " + code
	}
	return want
}

// FunctionsMarkdown is spec/functions.md.
func FunctionsMarkdown() string {
	var b strings.Builder
	b.WriteString(functionsIntro)
	for _, s := range sections() {
		b.WriteString("\n## " + s.Title + "\n")
		if s.Title == aggregatesTitle {
			b.WriteString(aggregatesIntro)
		}
		for _, f := range s.Funcs {
			writeFunction(&b, functionPage(f, s.Title))
		}
	}
	for _, name := range mod.Names() {
		writeModule(&b, modulePage(name))
	}
	return b.String()
}

func writeFunction(b *strings.Builder, p *Page) {
	b.WriteString("\n### " + p.Name + "\n`" + p.Forms[0] + "`\n\n" + p.Doc + "\n")
	for _, a := range p.Params {
		b.WriteString("- `" + a.Name + "`: " + a.Doc)
		if a.Constant {
			b.WriteString("; a constant")
		}
		b.WriteString("\n")
	}
	if strings.Contains(p.Forms[0], "…  }") || strings.Contains(p.Forms[0], ", … }") {
		b.WriteString("\nIt gives `" + p.Result + "`.\n")
	}
	if len(p.Examples) == 0 {
		return // an aggregate: what shows one is a window
	}
	b.WriteString("\n```\n")
	for _, x := range p.Examples {
		b.WriteString(x.Code + "  # " + x.Want + "\n")
	}
	b.WriteString("```\n")
}
