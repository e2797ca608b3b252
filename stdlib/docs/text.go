package docs

import (
	"fmt"
	"strings"
)

// width is that of a terminal; addresses and code are not broken.
const width = 100

// Text is the page as a terminal shows it.
func (p *Page) Text() string {
	var b strings.Builder
	switch p.Kind {
	case Code:
		fmt.Fprintf(&b, "%s %s\n\n", p.Name, p.Title)
	case Namespace:
	case Module:
		fmt.Fprintf(&b, "%s\n\n", p.Forms[0])
	default:
		for _, f := range p.Forms {
			fmt.Fprintln(&b, f)
		}
		if p.Kind == Aggregate {
			b.WriteString("in a field of `window { … }`\n")
		}
		b.WriteString("\n")
	}
	for i, para := range strings.Split(p.Doc, "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(wrapped(para, "") + "\n")
	}
	p.writeParams(&b)
	p.writeFields(&b)
	p.writeItems(&b)
	if len(p.Examples) > 0 {
		b.WriteString("\n")
	}
	for _, x := range p.Examples {
		if x.Want != "" {
			fmt.Fprintf(&b, "  %s  # %s\n", x.Code, x.Want)
			continue
		}
		b.WriteString(indented(x.Code))
	}
	if p.Wrong != "" {
		fmt.Fprintf(&b, "\nWrong:\n%s\n%s\nRight:\n%s", indented(p.Wrong), p.Said(), indented(p.Right))
	}
	return b.String()
}

func (p *Page) writeParams(b *strings.Builder) {
	if len(p.Params) > 0 {
		b.WriteString("\n")
	}
	wide := 0
	for _, a := range p.Params {
		wide = max(wide, len(a.Name))
	}
	for _, a := range p.Params {
		doc := a.Doc
		if a.Constant {
			doc += "; a constant"
		}
		b.WriteString(fmt.Sprintf("  %-*s  ", wide, a.Name) + strings.TrimLeft(wrapped(doc, strings.Repeat(" ", wide+4)), " ") + "\n")
	}
	if p.Result != "" && strings.Contains(p.Forms[0], ", … }") {
		fmt.Fprintf(b, "\nIt gives %s.\n", p.Result)
	}
	switch {
	case p.nullDoc && p.Fails:
		b.WriteString("\nIt gives null for null. It fails on bad input: write `catch`, or let the event go to the dead letters.\n")
	case p.nullDoc:
		b.WriteString("\nIt gives null for null.\n")
	}
}

func (p *Page) writeFields(b *strings.Builder) {
	wide := 0
	for _, f := range p.Fields {
		wide = max(wide, len(f.Name))
	}
	for i, f := range p.Fields {
		if i == 0 {
			b.WriteString("\n")
			switch p.Name {
			case "with":
				b.WriteString("What Segment's specification knows of the context:\n")
			case "emit identify", "emit group":
				b.WriteString("Traits that Segment's specification reserves, in camelCase or snake_case:\n")
			case "emit track", "emit page", "emit screen":
				b.WriteString("Properties that Segment's specification reserves:\n")
			}
		}
		b.WriteString(fmt.Sprintf("  %-*s  ", wide, f.Name) + f.Type + "\n")
	}
}

func (p *Page) writeItems(b *strings.Builder) {
	for _, kind := range []struct{ kind, title string }{{"constant", ""}, {"type", "Types"}, {Function, "Functions"}} {
		first := true
		for _, it := range p.Items {
			if it.Kind != kind.kind {
				continue
			}
			if first && kind.title != "" {
				b.WriteString("\n" + kind.title + "\n")
			}
			first = false
			if it.Kind == "constant" {
				fmt.Fprintf(b, "\n%s\n%s\n", it.Doc, it.Form)
				continue
			}
			b.WriteString(indented(it.Form) + wrapped(it.Doc, "      ") + "\n")
		}
	}
}

func indented(code string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(strings.TrimRight(code, "\n"), "\n") {
		b.WriteString("  " + line + "\n")
	}
	return b.String()
}

// wrapped breaks words into lines, each with the same beginning.
func wrapped(s, indent string) string { return wrappedWords(strings.Fields(s), indent) }

func wrappedWords(words []string, indent string) string {
	var b strings.Builder
	n := 0
	for i, w := range words {
		switch {
		case i == 0:
			b.WriteString(indent)
			n = len(indent)
		case n+1+len([]rune(w)) > width:
			b.WriteString("\n" + indent)
			n = len(indent)
		default:
			b.WriteString(" ")
			n++
		}
		b.WriteString(w)
		n += len([]rune(w))
	}
	return b.String()
}

// Index lists what there is, by headings.
func Index() string {
	var b strings.Builder
	section, kind := "", ""
	var names []string
	flush := func() {
		if section == "" {
			return
		}
		title := section
		switch kind {
		case Event:
			title += ": sluice docs \"Order Completed\""
		case Code:
			title = "Codes: " + title
		}
		for i := range len(names) - 1 {
			if kind != Code {
				names[i] += ","
			}
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", title, wrappedWords(names, "  "))
		names = nil
	}
	for _, p := range All() {
		s := p.Section
		if p.Kind == Module {
			s = "Modules written in Route"
		}
		if s != section {
			flush()
		}
		section, kind = s, p.Kind
		names = append(names, p.Name)
	}
	flush()
	return strings.TrimPrefix(b.String(), "\n")
}
