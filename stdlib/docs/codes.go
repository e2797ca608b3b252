package docs

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/stdlib"
)

// parts are the headings of spec/errors.md, by the beginning of a code.
var parts = []struct{ prefix, title string }{
	{"E00", "Text and grammar"}, {"E01", "Names and declarations"}, {"E02", "Fields and types"}, {"E03", "Functions and expressions"},
	{"E04", "Failures of run time, and what shows them beforehand"}, {"E05", "Segment and the other sinks"}, {"E06", "The program"}, {"W", "Warnings"},
}

func codePages() (out []*Page) {
	for _, part := range parts {
		for _, c := range diag.All() {
			if strings.HasPrefix(c.ID, part.prefix) {
				out = append(out, codePage(c, part.title))
			}
		}
	}
	return out
}

func codePage(c *diag.Code, section string) *Page {
	p := &Page{Kind: Code, Name: c.ID, Section: section, Title: c.Title, Doc: c.Doc}
	if c.Wrong != "" && len(c.Wrong) <= 400 {
		p.Wrong, p.Right = c.Wrong, c.Right
	}
	return p
}

// Said compiles the program with the mistake and gives what is said about it.
func (p *Page) Said() string {
	if p.Wrong == "" {
		return ""
	}
	var b strings.Builder
	for _, d := range program.Compile([]*token.File{token.NewFile("a.route", p.Wrong)}, stdlib.Env(), program.Options{}).Diags {
		b.WriteString(diag.Render(d))
	}
	return b.String()
}

// ErrorsMarkdown is spec/errors.md.
func ErrorsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Errors and warnings\n\nPrinted from `lang/diag`; a test compiles every program below. Errors cannot be turned off. `sluice docs CODE` shows one.\n" +
		"A code without a program is met at run time only, or needs more than one file to show.\n")
	section := ""
	for _, p := range codePages() {
		if p.Section != section {
			b.WriteString("\n## " + p.Section + "\n")
			section = p.Section
		}
		b.WriteString("\n### " + p.Name + " " + p.Title + "\n" + p.Doc + "\n")
		if p.Wrong != "" {
			b.WriteString("\n```route\n" + p.Wrong + "```\n```\n" + p.Said() + "```\nInstead:\n```route\n" + p.Right + "```\n")
		}
	}
	return b.String()
}
