package diag

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Render prints a finding as people read it:
//
//	error[E0203]: event has no field "totl"
//	 --> orders.route:2:7
//	   2 | where .totl > 10
//	     |       ^^^^^ not in type Order
//	help: did you mean .total?
func Render(d *Diagnostic) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s[%s]: %s\n", d.Code.Level(), d.Code.ID, Visible(d.Message))
	if d.Span.Valid() {
		p := d.Span.Pos()
		fmt.Fprintf(&b, " --> %s:%d:%d\n", d.Span.File.Name, p.Line, p.Col)
		line := d.Span.File.Line(p.Line)
		num := fmt.Sprintf("%4d", p.Line)
		fmt.Fprintf(&b, "%s | %s\n", num, Visible(strings.ReplaceAll(line, "\t", " ")))
		width := utf8.RuneCountInString(d.Span.Text())
		if i := strings.IndexByte(d.Span.Text(), '\n'); i >= 0 {
			width = utf8.RuneCountInString(d.Span.Text()[:i])
		}
		fmt.Fprintf(&b, "%s | %s%s", strings.Repeat(" ", len(num)), strings.Repeat(" ", p.Col-1), strings.Repeat("^", max(1, width)))
		if d.Label != "" {
			b.WriteString(" " + Visible(d.Label))
		}
		b.WriteByte('\n')
	}
	if d.Help != "" {
		fmt.Fprintf(&b, "help: %s\n", Visible(d.Help))
	}
	return b.String()
}

// JSON is the row of `check -o json`; columns count characters from 1.
type JSON struct {
	Code    string `json:"code"`
	Level   string `json:"level"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	EndLine int    `json:"end_line"`
	EndCol  int    `json:"end_col"`
	Message string `json:"message"`
	Label   string `json:"label,omitempty"`
	Help    string `json:"help,omitempty"`
}

// ToJSON gives the machine-readable form of a finding.
func ToJSON(d *Diagnostic) JSON {
	j := JSON{Code: d.Code.ID, Level: d.Code.Level().String(), Message: d.Message, Label: d.Label, Help: d.Help}
	if d.Span.Valid() {
		j.File = d.Span.File.Name
		s, e := d.Span.File.At(d.Span.Start), d.Span.File.At(d.Span.End)
		j.Line, j.Col, j.EndLine, j.EndCol = s.Line, s.Col, e.Line, e.Col
	}
	return j
}

// Visible escapes control characters, so that no payload can steer a terminal.
func Visible(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 }) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 {
			fmt.Fprintf(&b, `\u{%x}`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
