package syntax

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/token"
)

// Kind is a class of tokens.
type Kind uint8

// The kinds. A dot or an opening bracket that stands directly behind a token
// is Glued (rule L5), so that the grammar needs no notion of white space.
const (
	WordToken    Kind = iota + 1
	KeywordToken      // a word that names nothing declared (L6)
	NumberToken       // 1_000.5e3
	UnitToken         // 24h
	ConstToken        // "text" without ${ }
	StrHeadToken      // "text ${
	StrMidToken       // } text ${
	StrTailToken      // } text"
	RawToken          // `text`
	OpToken
	GluedToken // . [ ( directly behind a token
	CommentToken
	BadToken // what is no token; Why says so
)

// Token is a piece of the text.
type Token struct {
	Kind  Kind
	Start int
	Text  string
	Break bool   // a line break stands before it
	Why   string // of a BadToken: what is wrong
	Help  string // of a BadToken: what to write
}

// End is the offset behind the token.
func (t *Token) End() int { return t.Start + len(t.Text) }

// maxDepth bounds the nesting of brackets (L11): no reader above the lexer can
// recurse deeper than this.
const maxDepth = 200

const tooDeep = "brackets nest more than 200 deep"

// scanner makes tokens of a text. It never fails: what it cannot read becomes
// a BadToken.
type scanner struct {
	src  string
	pos  int
	open []byte // the brackets open here; '$' is a ${ in a string
	prev int    // end of the token before, -1 at first
	brk  bool
	out  []Token
}

// Lex gives the tokens of a text, comments included.
func Lex(f *token.File) []Token {
	s := &scanner{src: f.Src, prev: -1, out: make([]Token, 0, len(f.Src)/4)}
	if strings.HasPrefix(s.src, "\ufeff") {
		s.pos = len("\ufeff")
	}
	s.brk = true
	for s.next() {
	}
	return s.out
}

func (s *scanner) emit(k Kind, from int) bool {
	s.out = append(s.out, Token{Kind: k, Start: from, Text: s.src[from:s.pos], Break: s.brk})
	s.prev, s.brk = s.pos, false
	return true
}

func (s *scanner) bad(from int, why, help string) bool {
	s.emit(BadToken, from)
	t := &s.out[len(s.out)-1]
	t.Why, t.Help = why, help
	return true
}

func isWord(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func nameRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || unicode.IsMark(r)
}

func (s *scanner) peek(i int) byte {
	if s.pos+i < len(s.src) {
		return s.src[s.pos+i]
	}
	return 0
}

// inText tells whether a ${ is open, that is, whether we are inside a string.
func (s *scanner) inText() bool { return strings.IndexByte(string(s.open), '$') >= 0 }

// leaveText forgets a string that its line ended, with all it had opened.
func (s *scanner) leaveText() {
	if i := strings.IndexByte(string(s.open), '$'); i >= 0 {
		s.open = s.open[:i]
	}
}

// next adds one token; false at the end of the text.
func (s *scanner) next() bool {
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == ' ' || c == '\t' || c == '\r' && s.peek(1) == '\n':
			s.pos++
		case c == '\n':
			if s.inText() {
				s.leaveText()
				return s.bad(s.pos, "the line ends inside ${ }", "text and what stands in its ${ } keep to one line; close it, or use + or a `let`")
			}
			s.brk = true
			s.pos++
		case c == '#':
			from := s.pos
			s.toLineEnd()
			if strings.HasSuffix(s.src[from:s.pos], "\r") {
				s.pos--
			}
			brk := s.brk
			prev := s.prev
			s.emit(CommentToken, from)
			s.prev, s.brk = prev, brk // a comment is no token to the grammar
			return true
		default:
			return s.token(c)
		}
	}
	if s.inText() {
		s.leaveText()
		return s.bad(s.pos, "the file ends inside ${ }", "")
	}
	return false
}

func (s *scanner) token(c byte) bool {
	start := s.pos
	switch {
	case isDigit(c):
		return s.number()
	case isWord(c):
		for s.pos < len(s.src) && isWord(s.src[s.pos]) {
			s.pos++
		}
		if r, _ := utf8.DecodeRuneInString(s.src[s.pos:]); s.peek(0) >= utf8.RuneSelf && nameRune(r) {
			return s.foreign(start)
		}
		if reserved[s.src[start:s.pos]] {
			return s.emit(KeywordToken, start)
		}
		return s.emit(WordToken, start)
	case c >= utf8.RuneSelf:
		return s.foreign(start)
	case c == '"':
		s.pos++
		return s.str(start, ConstToken, StrHeadToken)
	case c == '`':
		if i := strings.IndexByte(s.src[s.pos+1:], '`'); i >= 0 {
			s.pos += i + 2
			if text := s.src[start:s.pos]; s.inText() && strings.Contains(text, "\n") {
				s.leaveText()
				return s.bad(start, "the line ends inside ${ }", "raw text of several lines does not fit into text: use + or a `let`")
			}
			return s.emit(RawToken, start)
		}
		s.toLineEnd()
		return s.bad(start, "raw text is not closed", "put a ` behind its last character")
	}
	switch c {
	case '{', '(', '[':
		glued := start == s.prev && c != '{'
		s.pos++
		if !s.push(c) {
			s.pos = len(s.src)
			return s.bad(start, tooDeep, "name the inner parts with `let`")
		}
		if glued {
			return s.emit(GluedToken, start)
		}
		return s.emit(OpToken, start)
	case '}', ')', ']':
		s.pos++
		if s.pop(c) {
			return s.str(start, StrTailToken, StrMidToken)
		}
		return s.emit(OpToken, start)
	}
	for _, n := range [...]int{3, 2, 1} {
		if s.pos+n <= len(s.src) && isOp(s.src[s.pos:s.pos+n]) {
			glued := n == 1 && c == '.' && start == s.prev
			s.pos += n
			if glued {
				return s.emit(GluedToken, start)
			}
			return s.emit(OpToken, start)
		}
	}
	s.pos++
	return s.illegal(start)
}

// push opens a bracket; false where they nest too deep.
func (s *scanner) push(c byte) bool {
	if len(s.open) >= maxDepth {
		s.open = s.open[:0]
		return false
	}
	s.open = append(s.open, c)
	return true
}

// pop closes a bracket and what was left open inside it; true where it is the
// end of a ${ }.
func (s *scanner) pop(c byte) bool {
	for i := len(s.open) - 1; i >= 0; i-- {
		switch o := s.open[i]; {
		case c == '}' && o == '$':
			s.open = s.open[:i]
			return true
		case c == '}' && o == '{', c == ')' && o == '(', c == ']' && o == '[':
			s.open = s.open[:i]
			return false
		case o == '{' || o == '$':
			return false // a ) or ] that closes nothing in these braces
		}
	}
	return false
}

func isOp(x string) bool {
	switch x {
	case "...", "??", "?:", "=>", "==", "!=", "<=", ">=", "->",
		".", ",", ":", "=", "<", ">", "+", "-", "*", "/", "%", "|", "?", "$", "@":
		return true
	}
	return false
}

func (s *scanner) toLineEnd() {
	if i := strings.IndexByte(s.src[s.pos:], '\n'); i >= 0 {
		s.pos += i
		return
	}
	s.pos = len(s.src)
}

// foreign reads a word with letters that names cannot have (L1), or one
// character that is none of ours.
func (s *scanner) foreign(start int) bool {
	for s.pos < len(s.src) {
		r, n := utf8.DecodeRuneInString(s.src[s.pos:])
		if r == utf8.RuneError && n <= 1 || !nameRune(r) {
			if s.pos == start {
				s.pos += n
				return s.illegal(start)
			}
			break
		}
		s.pos += n
	}
	w := s.src[start:s.pos]
	return s.bad(start, "names are ASCII, found \""+w+"\"", "read it as .[\""+w+"\"] and write it { \""+w+"\": … }")
}

// illegal names a character that stands in no token.
func (s *scanner) illegal(start int) bool {
	c := s.src[start:s.pos]
	why, help := "unexpected character \""+c+"\"", ""
	switch r, n := utf8.DecodeRuneInString(c); {
	case r == utf8.RuneError && n == 1:
		why, help = "a byte that is no UTF-8", "save the file as UTF-8"
	case c == "“" || c == "”" || c == "„" || c == "'" || c == "‘" || c == "’" || c == "«" || c == "»":
		help = `text stands between two "`
	case unicode.IsSpace(r):
		why, help = "a blank that is none (U+"+hex(r)+")", "put a plain space"
	case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
		why, help = "an invisible character (U+"+hex(r)+")", "delete it"
	case c == "&":
		help = "write `and`"
	case c == "!":
		help = "write `not`, or != between two values"
	case c == ";":
		help = "a line break ends a stage, a comma or a line break a field"
	case c == "–" || c == "—" || c == "−":
		help = "minus is -"
	case c == "…":
		help = "write three dots: ..."
	}
	return s.bad(start, why, help)
}

func hex(r rune) string {
	const digits = "0123456789ABCDEF"
	out := ""
	for r > 0 || len(out) < 4 {
		out = string(digits[r&15]) + out
		r >>= 4
	}
	return out
}

func (s *scanner) digits() {
	for isDigit(s.peek(0)) || s.peek(0) == '_' && isDigit(s.peek(1)) {
		s.pos++
	}
}

// plainDigits reads the digits of a fraction or an exponent: no _ in them.
func (s *scanner) plainDigits() {
	for isDigit(s.peek(0)) {
		s.pos++
	}
}

func (s *scanner) number() bool {
	start := s.pos
	s.digits()
	whole := s.src[start:s.pos]
	if s.peek(0) == '.' && isDigit(s.peek(1)) {
		s.pos++
		s.plainDigits()
	}
	if c := s.peek(0); c == 'e' || c == 'E' {
		i := 1
		if d := s.peek(1); d == '+' || d == '-' {
			i = 2
		}
		if isDigit(s.peek(i)) {
			s.pos += i
			s.plainDigits()
		}
	}
	u := s.pos
	for isWord(s.peek(0)) {
		s.pos++
	}
	if s.peek(0) >= utf8.RuneSelf {
		if r, _ := utf8.DecodeRuneInString(s.src[s.pos:]); nameRune(r) {
			return s.foreign(start)
		}
	}
	text, unit := s.src[start:s.pos], s.src[u:s.pos]
	switch {
	case len(whole) > 1 && whole[0] == '0' && unit != "":
		return s.bad(start, "\""+text+"\" is no number", "numbers are decimal, without zeros in front")
	case len(whole) > 1 && whole[0] == '0':
		return s.bad(start, "a number does not begin with 0", "write "+strings.TrimLeft(whole[:len(whole)-1], "0_")+whole[len(whole)-1:]+s.src[start+len(whole):s.pos]+", or a text for an id")
	case unit == "":
		return s.emit(NumberToken, start)
	case unitScale[unit] != 0:
		return s.emit(UnitToken, start)
	}
	return s.bad(start, "\""+text+"\" is no number and no unit", unitHelp(s.src[start:u], unit))
}

func unitHelp(n, unit string) string {
	for _, w := range [...][2]string{{"millisecond", "ms"}, {"msec", "ms"}, {"second", "s"}, {"sec", "s"}, {"minute", "m"}, {"min", "m"},
		{"hour", "h"}, {"hr", "h"}, {"day", "d"}, {"week", "w"}, {"byte", "B"}} {
		if strings.TrimSuffix(strings.ToLower(unit), "s") == w[0] {
			return "write " + n + w[1]
		}
	}
	for _, u := range [...]string{"B", "KB", "MB", "GB", "KiB", "MiB", "GiB"} {
		if strings.EqualFold(u, unit) {
			return "write " + n + u
		}
	}
	for i := range len(unit) {
		if unitScale[unit[:i]] != 0 && isDigit(unit[i]) {
			return "one number and one unit: " + n + unit[:i] + " + " + unit[i:]
		}
	}
	if unit[0] == 'e' || unit[0] == 'E' {
		return "the exponent lacks its digits: 1e5"
	}
	return "units are ms s m h d w and B KB MB GB KiB MiB GiB"
}

// str reads on in a string, after its quote or after the } of a ${ }.
func (s *scanner) str(start int, closed, open Kind) bool {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case '"':
			s.pos++
			return s.emit(closed, start)
		case '\n':
			return s.unclosed(start)
		case '\\':
			s.pos++
			if s.pos < len(s.src) && s.src[s.pos] != '\n' {
				s.pos++
			}
		case '$':
			s.pos++
			if s.peek(0) == '{' {
				s.pos++
				if !s.push('$') {
					s.pos = len(s.src)
					return s.bad(start, tooDeep, "name the inner parts with `let`")
				}
				return s.emit(open, start)
			}
		default:
			s.pos++
		}
	}
	return s.unclosed(start)
}

func (s *scanner) unclosed(start int) bool {
	s.leaveText()
	if strings.HasSuffix(s.src[start:s.pos], "\r") {
		s.pos--
	}
	return s.bad(start, "text is not closed on its line", "put a \" behind its last character, or use `raw text`")
}
