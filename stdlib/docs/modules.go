package docs

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/stdlib/mod"
)

func modulePages() (out []*Page) {
	for _, name := range mod.Names() {
		out = append(out, modulePage(name))
	}
	return out
}

// modulePage reads what a module declares with a comment above it; what has none is
// its own business. The comment at the top of the file says what the module is for.
func modulePage(name string) *Page {
	text, _ := mod.Text(name)
	f := syntax.Parse(token.NewFile(name, text))
	p := &Page{Kind: Module, Name: name, Forms: []string{"use " + name}, Doc: headOf(text)}
	last := name[strings.LastIndexByte(name, '/')+1:]
	for _, d := range f.Decls {
		doc := strings.ReplaceAll(f.DocOf(d), "\n", " ")
		if doc == "" {
			continue
		}
		switch d := d.(type) {
		case *syntax.TypeDecl:
			form := strings.TrimPrefix(d.Span().Text(), "type ")
			p.Items = append(p.Items, Item{"type", last + "." + nameOf(form), "type " + last + "." + form, doc})
		case *syntax.DefDecl:
			head, _, _ := strings.Cut(strings.TrimPrefix(d.Span().Text(), "def "), ")")
			p.Items = append(p.Items, Item{Function, last + "." + nameOf(head), last + "." + head + ")", doc})
		case *syntax.Let:
			head, x, _ := strings.Cut(strings.TrimPrefix(d.Span().Text(), "let "), "=")
			p.Items = append(p.Items, Item{"constant", last + "." + nameOf(head), strings.Trim(strings.TrimSpace(x), "`\""), doc})
		}
	}
	return p
}

// nameOf is the name that a declaration begins with.
func nameOf(s string) string {
	if i := strings.IndexAny(s, " (="); i >= 0 {
		return s[:i]
	}
	return s
}

// headOf is the comment at the top of a file, without the file's name.
func headOf(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "#")
		if !ok {
			break
		}
		lines = append(lines, strings.TrimPrefix(rest, " "))
	}
	if len(lines) > 0 {
		_, lines[0], _ = strings.Cut(lines[0], ": ")
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func writeModule(b *strings.Builder, p *Page) {
	file := strings.ReplaceAll(p.Name, "/", ".") + ".route"
	b.WriteString("\n## `" + p.Forms[0] + "`\n\nWritten in Route: [" + file + "](../stdlib/mod/" + file + "). What a function gives is inferred from its code.\n")
	last := ""
	for _, it := range p.Items {
		switch it.Kind {
		case "type":
			b.WriteString("\n```route\n" + it.Form + "\n```\n" + it.Doc + "\n")
		case "constant":
			b.WriteString("\n`" + it.Name + "`: " + it.Doc + "\n```\n" + it.Form + "\n```\n")
		default:
			if last != it.Kind {
				b.WriteString("\n")
			}
			b.WriteString("- `" + it.Form + "`: " + it.Doc + "\n")
		}
		last = it.Kind
	}
}
