// Package format prints a script in its canonical form. It takes a
// syntax.File without mistakes and gives its text; it changes white space,
// indentation and commas that a line break makes superfluous, and nothing
// else: the text it gives reads as the same tree and holds the same comments.
// Formatting twice is formatting once.
//
// Line breaks are the author's. Inside braces the formatter keeps the lines as
// they are grouped; if one entry of a pair of braces begins a line, the braces
// stand on lines of their own. Nothing is broken or joined by length.
//
// Columns are the author's, too: consecutive lines of fields, arms, types,
// constants or connections are aligned where one of them was padded, and a
// comment behind code keeps its column.
//
// It works on tokens. The tree only marks what a token is: the beginning of an
// entry, a sign and not a minus, a point that continues a value (marks.go).
package format

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/syntax"
)

// Source gives the canonical text of a file. A file with mistakes is refused:
// what could not be read cannot be printed.
func Source(f *syntax.File) (string, error) {
	for _, d := range f.Diags {
		if d.Code.Level() == diag.Error {
			return "", fmt.Errorf("%s: %s", d.Span, d.Message)
		}
	}
	p := &printer{src: f.Source.Src, toks: ordered(f.Tokens), marks: mark(f), blanks: map[int]bool{}}
	for i := 1; i < len(f.Tokens); i++ {
		t := &f.Tokens[i]
		p.blanks[t.Start] = strings.Count(p.src[f.Tokens[i-1].End():t.Start], "\n") > 1
	}
	p.measure()
	for p.i = range p.toks {
		p.token()
	}
	return p.text(), nil
}

// step is the indentation of one level, in blanks.
const step = 2

type printer struct {
	src    string
	toks   []syntax.Token // comments included, each comma directly behind its value
	marks  *marks
	blanks map[int]bool // by offset: a blank line stands before the token
	multi  map[int]bool // by the index of an opening bracket: its contents begin on a new line
	i      int
	prev   *syntax.Token // the token printed last, comments included
	open   []bracket
	lines  []*line
}

type bracket struct {
	text   string
	at     int  // offset, which names it
	multi  bool // see printer.multi
	indent int  // of the line it stands on
}

// line is one line of the result. Its text holds no indentation.
type line struct {
	indent  int
	first   int // offset of the token it begins with
	text    strings.Builder
	class   string // lines of one class that follow each other share columns
	stops   []stop
	blank   bool   // a blank line stands before it
	comment string // behind the code
	column  int    // where the comment stood, in characters from 0; 0 for directly behind the code
	tall    bool   // holds raw text of several lines
}

// stop is a place of a line that may be padded.
type stop struct {
	at     int  // in the text, before the padding
	padded bool // the author put more than one blank there
}

// ordered puts every comma before the comments that stood before it, so that
// it follows its value.
func ordered(toks []syntax.Token) []syntax.Token {
	out := make([]syntax.Token, 0, len(toks))
	for _, t := range toks {
		if t.Kind != syntax.OpToken || t.Text != "," {
			out = append(out, t)
			continue
		}
		i := len(out)
		for i > 0 && out[i-1].Kind == syntax.CommentToken {
			i--
		}
		out = append(out, syntax.Token{})
		copy(out[i+1:], out[i:])
		out[i] = t
	}
	return out
}

func opens(t *syntax.Token) bool {
	return (t.Kind == syntax.OpToken || t.Kind == syntax.GluedToken) && (t.Text == "{" || t.Text == "(" || t.Text == "[")
}

func closes(t *syntax.Token) bool {
	return t.Kind == syntax.OpToken && (t.Text == "}" || t.Text == ")" || t.Text == "]")
}

func isComma(t *syntax.Token) bool { return t.Kind == syntax.OpToken && t.Text == "," }

func isComment(t *syntax.Token) bool { return t.Kind == syntax.CommentToken }

// measure finds the brackets whose contents stand on lines of their own.
func (p *printer) measure() {
	p.multi = map[int]bool{}
	var open []int
	for i := range p.toks {
		t := &p.toks[i]
		if n := len(open); n > 0 {
			top := open[n-1]
			brace := p.toks[top].Text == "{"
			switch {
			case i == top+1 && !closes(t):
				p.multi[top] = p.multi[top] || t.Break || isComment(t)
			case !brace:
			case isComment(t):
				p.multi[top] = true
			case closes(t):
				p.multi[top] = p.multi[top] || i > top+1 && p.breakBefore(i)
			case p.marks.starts[t.Start]:
				p.multi[top] = p.multi[top] || p.breakBefore(i)
			}
		}
		switch {
		case opens(t):
			open = append(open, i)
		case closes(t) && len(open) > 0:
			open = open[:len(open)-1]
		}
	}
}

// breakBefore tells whether a line broke between the token before the i-th
// and the i-th, a comma and comments between them included.
func (p *printer) breakBefore(i int) bool {
	if p.toks[i].Break {
		return true
	}
	for i--; i >= 0 && (isComma(&p.toks[i]) || isComment(&p.toks[i])); i-- {
		if p.toks[i].Break || isComment(&p.toks[i]) {
			return true
		}
	}
	return false
}

// code gives the index of the next token from i on that is no comment.
func (p *printer) code(i int) int {
	for i < len(p.toks) && isComment(&p.toks[i]) {
		i++
	}
	return i
}

func (p *printer) top() *bracket {
	if len(p.open) == 0 {
		return nil
	}
	return &p.open[len(p.open)-1]
}

func (p *printer) token() {
	t := &p.toks[p.i]
	if isComma(t) && p.superfluous() {
		return
	}
	switch {
	case isComment(t) && !t.Break && len(p.lines) > 0 && p.cur().comment == "":
		p.behind(t)
	case p.breaks(t):
		p.newLine(t)
		p.put(t)
	default:
		p.stop(t)
		if p.spaced(t) {
			p.cur().text.WriteByte(' ')
		}
		p.put(t)
	}
	p.prev = t
}

// superfluous: a comma before a closing bracket, and one between two entries
// of braces where the line breaks anyway.
func (p *printer) superfluous() bool {
	n := p.code(p.i + 1)
	if n == len(p.toks) {
		return false
	}
	next := &p.toks[n]
	if closes(next) {
		return true
	}
	b := p.top()
	return b != nil && b.text == "{" && b.multi && p.marks.starts[next.Start] && p.breakBefore(n)
}

// breaks tells whether a token begins a line.
func (p *printer) breaks(t *syntax.Token) bool {
	if p.prev == nil || isComment(p.prev) || isComment(t) {
		return true
	}
	b := p.top()
	first := b != nil && b.at == p.prev.Start
	switch {
	case isComma(t):
		return false
	case closes(t):
		return b != nil && b.multi && !first
	case first:
		return b.multi
	case p.marks.starts[t.Start]:
		return b == nil || p.breakBefore(p.i)
	case !p.breakBefore(p.i):
		return false
	case b != nil && b.text != "{":
		return true
	case t.Text == "{" && t.Kind == syntax.OpToken, t.Text == "=" && t.Kind == syntax.OpToken:
		return false // braces and the = of a name stay with their head
	case p.marks.follows[t.Start] && p.prev.Text == "}":
		return false
	case p.marks.keywords[p.prev.Start]:
		return false
	}
	return true
}

func (p *printer) cur() *line { return p.lines[len(p.lines)-1] }

func (p *printer) newLine(t *syntax.Token) {
	l := &line{indent: p.indent(p.i), first: t.Start}
	// Blank lines stand between statements, entries and comments, one at most.
	l.blank = p.blanks[t.Start] && p.prev != nil && !opens(p.prev) && (isComment(t) || p.marks.starts[t.Start])
	p.lines = append(p.lines, l)
	p.class(t, l)
}

// indent gives the indentation of a line that begins with the i-th token.
func (p *printer) indent(i int) int {
	t := &p.toks[i]
	b := p.top()
	base := 0
	if b != nil {
		base = b.indent + step
	}
	if isComment(t) {
		n := p.code(i)
		if n == len(p.toks) || closes(&p.toks[n]) {
			return base
		}
		t = &p.toks[n]
		if isComma(t) {
			return base
		}
	}
	switch {
	case closes(t):
		if b != nil {
			return b.indent
		}
		return 0
	case p.marks.starts[t.Start], b != nil && b.text != "{":
		return base
	}
	return base + step
}

// behind puts a comment behind the code of its line: one blank behind it where
// it stood so, else in its column, which its neighbours may share.
func (p *printer) behind(t *syntax.Token) {
	l := p.cur()
	l.comment = strings.TrimRight(t.Text, " \t\r")
	if c := p.src[t.Start-1]; t.Start < 2 || c == ' ' && p.src[t.Start-2] != ' ' && p.src[t.Start-2] != '\t' || c != ' ' && c != '\t' {
		return
	}
	start := strings.LastIndexByte(p.src[:t.Start], '\n') + 1
	l.column = utf8.RuneCountInString(strings.TrimPrefix(p.src[start:t.Start], "\ufeff"))
}

func (p *printer) put(t *syntax.Token) {
	l := p.cur()
	text := t.Text
	if t.Kind == syntax.RawToken {
		text = strings.ReplaceAll(text, "\r\n", "\n") // it means the same (L0)
	}
	if isComment(t) {
		text = strings.TrimRight(text, " \t\r")
	}
	if strings.Contains(text, "\n") {
		l.tall = true
	}
	l.text.WriteString(text)
	switch {
	case opens(t):
		p.open = append(p.open, bracket{t.Text, t.Start, p.multi[p.i], l.indent})
	case closes(t) && len(p.open) > 0:
		p.open = p.open[:len(p.open)-1]
	}
}

// spaced tells whether a blank stands between the token before and t.
func (p *printer) spaced(t *syntax.Token) bool {
	a := p.prev
	switch a.Kind {
	case syntax.StrHeadToken, syntax.StrMidToken:
		return false
	}
	switch t.Kind {
	case syntax.StrMidToken, syntax.StrTailToken:
		return false
	}
	if p.marks.tightBefore[t.Start] {
		return false
	}
	if a.Kind == syntax.OpToken || a.Kind == syntax.GluedToken {
		switch {
		case a.Text == "(" || a.Text == "[":
			return false
		case a.Text == "..." && p.marks.tightAfter[a.Start]:
			// `... .a`, or it would read as four points; `{ ... }`, as all braces.
			return t.Text[0] == '.' || t.Text == "}"
		case a.Text == "{" && t.Text == "}" && t.Kind == syntax.OpToken:
			return false
		case p.marks.tightAfter[a.Start]:
			return false
		}
	}
	if t.Kind == syntax.OpToken {
		switch t.Text {
		case ")", "]", ",", ":", "?:":
			return false
		}
	}
	return true
}
