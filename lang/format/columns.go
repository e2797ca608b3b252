package format

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/syntax"
)

// class names the lines of one kind in one pair of braces.
func class(kind string, braces syntax.Node) string {
	return fmt.Sprintf("%s %d", kind, braces.Span().Start)
}

// class notes what a line that begins with t may share columns with.
func (p *printer) class(t *syntax.Token, l *line) {
	if c, ok := p.marks.columns[t.Start]; ok && !isComment(t) {
		l.class = c.class
		if b := p.top(); b != nil && l.class == "let" {
			l.class = fmt.Sprintf("let %d", b.at)
		}
	}
}

// stop notes a place that may be padded, between the token before and t.
func (p *printer) stop(t *syntax.Token) {
	l := p.cur()
	if l.class == "" {
		return
	}
	c := p.marks.columns[l.first]
	is := c.after >= 0 && p.prev.Start == c.after && !t.Break
	for _, b := range c.before {
		is = is || b == t.Start
	}
	if is {
		gap := p.src[p.prev.End():max(t.Start, p.prev.End())]
		l.stops = append(l.stops, stop{l.text.Len(), !t.Break && (len(gap) > 1 || strings.Contains(gap, "\t"))})
	}
}

// align pads the stops of lines that follow each other and share a class,
// where the author padded one of them.
func align(lines []*line) {
	for i := 0; i < len(lines); {
		j := i + 1
		for j < len(lines) && together(lines[j-1], lines[j]) {
			j++
		}
		pad(lines[i:j])
		i = j
	}
}

func together(a, b *line) bool {
	return a.class != "" && a.class == b.class && len(a.stops) == len(b.stops) && !b.blank && !a.tall && a.indent == b.indent
}

func pad(group []*line) {
	padded := false
	for _, l := range group {
		for _, s := range l.stops {
			padded = padded || s.padded
		}
	}
	if !padded || len(group) < 2 {
		return
	}
	for k := range group[0].stops {
		width := 0
		for _, l := range group {
			width = max(width, utf8.RuneCountInString(l.text.String()[:l.stops[k].at]))
		}
		for _, l := range group {
			text, at := l.text.String(), l.stops[k].at
			n := width - utf8.RuneCountInString(text[:at])
			l.text.Reset()
			l.text.WriteString(text[:at] + strings.Repeat(" ", n) + text[at:])
			for x := k; x < len(l.stops); x++ {
				l.stops[x].at += n
			}
		}
	}
}

// text puts the lines together.
func (p *printer) text() string {
	align(p.lines)
	var b strings.Builder
	for _, l := range p.lines {
		if l.blank {
			b.WriteByte('\n')
		}
		text := l.text.String()
		b.WriteString(strings.Repeat(" ", l.indent) + text)
		if l.comment != "" {
			width := l.indent + utf8.RuneCountInString(text[strings.LastIndexByte(text, '\n')+1:])
			if strings.Contains(text, "\n") {
				width -= l.indent
			}
			b.WriteString(strings.Repeat(" ", max(1, l.column-width)) + l.comment)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
