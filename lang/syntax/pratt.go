package syntax

import (
	"fmt"

	"github.com/alecthomas/participle/v2/lexer"

	"github.com/sluice-dev/sluice/lang/diag"
)

// The reader of expressions goes by binding powers: each infix operator has a
// level, and binary(min) reads an operand and then all operators of that level
// or above. Line breaks are not in the tokens; a break matters only where a
// token is asked whether one stands before it. A mistake ends the statement
// with a panic of type bail, which run turns into an error; statements are
// where reading goes on (recover.go).

// reserved are the words that name nothing declared (L6).
var reserved = map[string]bool{"and": true, "or": true, "not": true, "in": true, "is": true, "matches": true, "if": true, "then": true,
	"else": true, "match": true, "for": true, "null": true, "true": true, "false": true, "it": true, "catch": true}

// Levels of grammar.ebnf §5, loosest first.
const (
	lvlOr = iota + 1
	lvlAnd
	lvlNot
	lvlCmp
	lvlFlow
	lvlAdd
	lvlMul
	lvlUnary
)

var levels = map[string]int{
	"or": lvlOr, "and": lvlAnd,
	"==": lvlCmp, "!=": lvlCmp, "<": lvlCmp, "<=": lvlCmp, ">": lvlCmp, ">=": lvlCmp, "in": lvlCmp, "not": lvlCmp, "matches": lvlCmp, "is": lvlCmp,
	"|": lvlFlow, "??": lvlFlow, "catch": lvlFlow, "+": lvlAdd, "-": lvlAdd, "*": lvlMul, "/": lvlMul, "%": lvlMul,
}

// maxHeight bounds the tree of an expression (L11), so that no walk over it
// can exhaust its stack.
const maxHeight = 1000

type pratt struct {
	pl    *lexer.PeekingLexer
	end   int // of the token read last
	prev  string
	flat  bool // the innermost open bracket is ( or [: line breaks are white space
	depth int  // of the recursion
	h     int  // height of the expression read last
	arm   int  // where the arm being read begins; its first word may be any
}

type bail struct{ f *fault }

// run reads with f and turns the first mistake into an error.
func run(pl *lexer.PeekingLexer, f func(*pratt)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			b, ok := r.(bail)
			if !ok {
				panic(r)
			}
			err = b.f
		}
	}()
	p := &pratt{pl: pl}
	if c := pl.RawCursor(); c > 0 {
		t := pl.Range(c-1, c)[0]
		p.end, p.prev = t.Pos.Offset+len(t.Value), t.Value
	}
	f(p)
	return nil
}

// parseExpr is the production Expr, for participle.
func parseExpr(pl *lexer.PeekingLexer) (x Expr, err error) {
	err = run(pl, func(p *pratt) { x = p.expr() })
	return x, err
}

// ── tokens ──

func (p *pratt) tok() *lexer.Token { return p.pl.Peek() }

func (p *pratt) next() *lexer.Token {
	t := p.pl.Next()
	p.end, p.prev = t.Pos.Offset+len(t.Value), t.Value
	return t
}

func (p *pratt) second() *lexer.Token {
	cp := p.pl.MakeCheckpoint()
	p.pl.Next()
	t := p.pl.Peek()
	p.pl.LoadCheckpoint(cp)
	return t
}

func (p *pratt) is(v string) bool {
	t := p.pl.Peek()
	return t.Value == v && (t.Type == kindOp || t.Type == kindGlued || t.Type == kindWord || t.Type == kindKeyword)
}

func (p *pratt) accept(v string) bool {
	if p.is(v) {
		p.next()
		return true
	}
	return false
}

func (p *pratt) glued(v string) bool {
	t := p.pl.Peek()
	return t.Type == kindGlued && t.Value == v
}

// brk tells whether a line break stands before the next token.
func (p *pratt) brk() bool { return p.pl.RawPeek().Type == kindEOL }

// touches tells whether a token stands directly behind the one read last.
func (p *pratt) touches(t *lexer.Token) bool { return t.Pos.Offset == p.end }

// spaced tells whether the token after the next stands apart from it.
func (p *pratt) spaced() bool {
	a, b := p.tok(), p.second()
	return a.Pos.Offset+len(a.Value) != b.Pos.Offset
}

func named(t *lexer.Token) bool { return t.Type == kindWord || t.Type == kindKeyword }

// ── nodes ──

// here begins a node at the next token, close and ended end it at the last.
func (p *pratt) here() node { return node{start: p.tok().Pos.Offset} }

func (p *pratt) close(n *node) { n.end = p.end }

func (p *pratt) ended(n node) node {
	n.end = p.end
	return n
}

// from begins a node where x begins and ends it at the last token.
func (p *pratt) from(x Expr) node { return node{start: x.Span().Start, end: p.end} }

// grow notes the height of a node above parts of height h.
func (p *pratt) grow(h int) {
	if p.h = h + 1; p.h > maxHeight {
		p.tooDeep()
	}
}

// down counts a recursion that no bracket bounds; call p.depth-- behind it.
func (p *pratt) down() {
	if p.depth++; p.depth > maxHeight {
		p.tooDeep()
	}
}

func (p *pratt) tooDeep() {
	t := p.tok()
	panic(bail{&fault{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value), code: diag.Nesting,
		msg: fmt.Sprintf("this expression is more than %d deep", maxHeight), help: "name parts of it with `let`"}})
}

// ── mistakes ──

func (p *pratt) fail(t *lexer.Token, help, format string, a ...any) {
	if t.Type == kindBad {
		panic(bail{badFault(t)})
	}
	panic(bail{&fault{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value), msg: fmt.Sprintf(format, a...), help: help}})
}

func (p *pratt) failAt(n Node, help, format string, a ...any) {
	s := n.Span()
	panic(bail{&fault{start: s.Start, end: s.End, msg: fmt.Sprintf(format, a...), help: help}})
}

// behind fails at the token read last: for a piece that should follow it.
func (p *pratt) behind(help, format string, a ...any) {
	panic(bail{&fault{start: p.end - len(p.prev), end: p.end, msg: fmt.Sprintf(format, a...), help: help}})
}

func badFault(t *lexer.Token) *fault {
	return &fault{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value), msg: "this cannot be read", bad: true}
}

func show(t *lexer.Token) string {
	switch {
	case t.EOF():
		return "the end of the file"
	case t.Type == kindStrHead || t.Type == kindConst || t.Type == kindRaw:
		return "a text"
	}
	return "\"" + t.Value + "\""
}

func (p *pratt) need(v, after string) *lexer.Token {
	if !p.is(v) {
		p.missing(v+" "+after, "")
	}
	return p.next()
}

// missing fails where something should stand next. Where a line or the file
// ends there, it is missing behind the token read last, not where the next
// statement begins.
func (p *pratt) missing(what, help string) {
	t := p.tok()
	if p.end > 0 && (t.EOF() || p.brk() && begins(t)) {
		p.behind(help, "expected %s", what)
	}
	p.fail(t, help, "expected %s, found %s", what, show(t))
}

func (p *pratt) decode(t *lexer.Token) string {
	if t.Value[0] == '`' {
		return rawText(t.Value)
	}
	s, f := unescape(t.Pos.Offset+1, t.Value[1:len(t.Value)-1])
	if f != nil {
		panic(bail{f})
	}
	return s
}

func (p *pratt) word(what string) Word {
	t := p.tok()
	if t.Type != kindWord {
		help := ""
		if t.Type == kindKeyword {
			help = "\"" + t.Value + "\" is a word of the language; take another name"
		}
		p.fail(t, help, "expected %s, found %s", what, show(t))
	}
	p.next()
	return Word{tokenNode(t), t.Value}
}

// ── infix ──

// Expr = If | Or .
// If   = "if" Expr "then" Expr "else" Expr .
func (p *pratt) expr() Expr {
	p.down()
	defer func() { p.depth-- }()
	if t := p.tok(); t.Type == kindKeyword && t.Value == "if" {
		c := &Cond{node: p.here()}
		p.next()
		c.If = p.expr()
		h := p.h
		p.need("then", "after the condition of if")
		c.Then = p.expr()
		h = max(h, p.h)
		if !p.is("else") {
			p.missing("the else of this if", "every if has one: without a value for it write else null")
		}
		p.next()
		c.Else = p.expr()
		p.grow(max(h, p.h))
		p.close(&c.node)
		return c
	}
	return p.binary(lvlOr)
}

// operator gives the infix operator that stands next and its level, or ""
// where the expression ends.
func (p *pratt) operator() (string, int) {
	t := p.pl.Peek()
	if t.Type != kindOp && t.Type != kindKeyword {
		return "", 0
	}
	lvl, ok := levels[t.Value]
	if !ok {
		return "", 0
	}
	if t.Type == kindKeyword {
		n := p.second()
		if n.Type == kindOp && (n.Value == ":" || n.Value == "?:") {
			return "", 0 // rule K: a word before a colon is a key
		}
		if t.Value == "not" && !(n.Type == kindKeyword && n.Value == "in") {
			return "", 0
		}
	}
	if p.brk() {
		if !p.flat && (t.Value == "-" || t.Value == "is") {
			return "", 0
		}
		if p.flat && t.Value == "-" && !p.spaced() {
			p.fail(t, "a comma is missing before it, or put a blank behind it", "this - may begin a value or go on with the one above")
		}
	}
	return t.Value, lvl
}

func (p *pratt) binary(min int) Expr {
	var x Expr
	t := p.tok()
	top := lvlUnary // no operator above this level may follow
	if t.Type == kindKeyword && t.Value == "not" && min <= lvlNot {
		p.down()
		u := &Unary{node: p.here(), Op: "not"}
		p.next()
		u.X = p.binary(lvlNot)
		p.depth--
		p.noCatch(u.X, t)
		p.grow(p.h)
		p.close(&u.node)
		x = u
	} else {
		x = p.unary()
	}
	for {
		op, lvl := p.operator()
		if op == "" || lvl < min || lvl > top {
			return x
		}
		h := p.h
		opTok := p.next()
		switch {
		case op == "|":
			x = p.pipe(x)
		case lvl == lvlCmp:
			p.noCatch(x, opTok)
			x = p.comparison(op, opTok, x, h)
			// P4: a comparison is complete; only and, or may follow.
			if op2, l2 := p.operator(); l2 == lvlCmp {
				p.fail(p.tok(), "join two comparisons with `and` or `or`, or put ( )", "comparisons do not chain: %q after %q", op2, op)
			} else if l2 > lvlCmp {
				help := "put ( ) round the comparison"
				if op == "is" && op2 == "|" {
					help = "a union needs ( ): is (a | b)"
				}
				p.fail(p.tok(), help, "%q after a comparison", op2)
			}
			top = lvlAnd
		default:
			b := &Binary{Op: op, OpSpan: Word{tokenNode(opTok), op}, X: x}
			p.operandFor(op)
			if n := p.tok(); n.Type == kindKeyword && n.Value == "not" && lvl > lvlNot {
				p.fail(n, "put ( ) round it", "`not` stands before a whole comparison")
			}
			p.down()
			b.Y = p.binary(lvl + 1)
			p.depth--
			p.grow(max(h, p.h))
			b.node = p.from(x)
			x = b
		}
	}
}

// operandFor looks whether a value can follow an operator. Where none does,
// the operator is what has to change, not the line below it.
func (p *pratt) operandFor(op string) {
	t := p.tok()
	if t.EOF() || p.brk() && t.Type == kindOp && (t.Value == "}" || t.Value == ")" || t.Value == "]") {
		p.behind("", "expected a value after %q", op)
	}
}

func (p *pratt) comparison(op string, opTok *lexer.Token, x Expr, h int) Expr {
	word := Word{tokenNode(opTok), op}
	switch op {
	case "is":
		n := &Is{X: x, Not: p.accept("not"), T: p.prim()}
		if t := p.tok(); t.Type == kindOp && t.Value == "?" && p.touches(t) {
			p.fail(t, "write `is null or …`, or put the type into ( )", "a ? does not fit behind the type of `is`")
		}
		p.grow(h)
		n.node = p.from(x)
		return n
	case "matches":
		t := p.tok()
		if t.Type != kindConst && t.Type != kindRaw {
			p.fail(t, "write it `^ab+$` between backquotes; a pattern cannot be computed", "`matches` takes a constant pattern, found %s", show(t))
		}
		p.next()
		b := &Binary{Op: op, OpSpan: word, X: x, Y: &Lit{node: tokenNode(t), Kind: TextLit, Text: t.Value, Value: p.decode(t)}}
		p.grow(h)
		b.node = p.from(x)
		return b
	case "not":
		p.need("in", "after not")
		op = "not in"
		word = Word{node{start: word.start, end: p.end}, op}
	}
	p.operandFor(op)
	if n := p.tok(); n.Type == kindKeyword && n.Value == "not" {
		p.fail(n, "put ( ) round it", "`not` stands before a whole comparison")
	}
	b := &Binary{Op: op, OpSpan: word, X: x}
	p.down()
	b.Y = p.binary(lvlFlow)
	p.depth--
	p.noCatch(b.Y, opTok)
	p.grow(max(h, p.h))
	b.node = p.from(x)
	return b
}

// noCatch enforces P2: a catch without ( ) beside a comparison or `not` does
// not say which part may fail.
func (p *pratt) noCatch(x Expr, beside *lexer.Token) {
	for {
		switch n := x.(type) {
		case *Binary:
			if n.Op == "catch" {
				p.failAt(&n.OpSpan, "say which part may fail: put ( )", "catch beside %q", beside.Value)
			}
			if n.Op != "??" {
				return
			}
			x = n.X
		case *Call:
			if !n.Piped {
				return
			}
			x = n.Args[0]
		case *Cast:
			x = n.X
		default:
			return
		}
	}
}

// pipe reads what stands right of a "|": a function, or a cast. P1: no
// arithmetic may follow it.
func (p *pratt) pipe(x Expr) Expr {
	x = p.piped(x)
	if t := p.tok(); t.Type == kindOp && (p.flat || !p.brk()) {
		switch t.Value {
		case "+", "-", "*", "/", "%":
			p.fail(t, "put ( ) round the pipe", "%q after a pipe", t.Value)
		}
	}
	return x
}

func (p *pratt) piped(x Expr) Expr {
	h := p.h
	t := p.tok()
	if t.Type != kindWord {
		help := "write x | lower or x | round(2)"
		if t.Value == "|" && p.touches(t) {
			help = "write `or`"
		} else if t.Type == kindKeyword {
			help = ""
		}
		p.fail(t, help, "expected the name of a function after |, found %s", show(t))
	}
	if t.Value == "as" {
		p.next()
		c := &Cast{X: x, T: p.term()}
		p.grow(h)
		c.node = p.from(x)
		return c
	}
	name := Word{p.here(), p.next().Value}
	for p.glued(".") && !p.spaced() {
		p.next()
		n := p.tok()
		if !named(n) {
			p.fail(n, "", "expected a name after \".\", found %s", show(n))
		}
		name.Text += "." + p.next().Value
	}
	p.close(&name.node)
	c := &Call{Func: name, Args: []Expr{x}, Piped: true}
	if p.glued("(") {
		c.Args = append(c.Args, p.args()...)
		h = max(h, p.h)
	}
	if p.glued("[") || p.glued(".") {
		p.fail(p.tok(), "put ( ) round the pipe", "a field of what a pipe gives")
	}
	p.grow(h)
	c.node = p.from(x)
	return c
}

func (p *pratt) unary() Expr {
	if t := p.tok(); t.Type == kindOp && t.Value == "-" {
		p.down()
		u := &Unary{node: p.here(), Op: "-"}
		p.next()
		u.X = p.unary()
		p.depth--
		p.grow(p.h)
		p.close(&u.node)
		return u
	}
	return p.operand()
}

// ── operands ──

// Operand = Primary { "." WORD | [ "." ] Index } .
func (p *pratt) operand() Expr {
	x := p.primary()
	for {
		h := p.h
		t := p.tok()
		switch {
		case p.glued(".") && named(p.second()) && !p.spaced():
			p.next()
			n := p.next()
			f := &Field{Of: x, Name: n.Value, NameSpan: Word{tokenNode(n), n.Value}}
			p.grow(h)
			f.node = p.from(x)
			x = f
		case p.glued("."):
			n := p.second()
			if n.Type == kindGlued && n.Value == "[" {
				p.next()
				x = p.at(x)
				continue
			}
			if n.Type == kindBad && !p.spaced() {
				p.fail(n, "", "")
			}
			help := ""
			if n.Type == kindNumber {
				help = "an element of a list is read with [" + n.Value + "]"
			}
			p.fail(t, help, "expected the name of a field behind \".\", found %s", show(n))
		case p.glued("["):
			x = p.at(x)
		case p.glued("("):
			name, ok := dotted(x)
			if !ok {
				p.fail(t, "values have no methods: write x | f(…) or f(x, …)", "this cannot be called")
			}
			c := &Call{Func: Word{node{start: x.Span().Start, end: p.end}, name}}
			c.Args = p.args()
			p.grow(p.h)
			c.node = p.from(x)
			x = c
		default:
			if _, ok := dotted(x); ok && t.Type == kindOp && t.Value == "(" && !p.brk() {
				p.fail(t, "write it without the space", "a space between a function and its (")
			}
			return x
		}
	}
}

func (p *pratt) at(x Expr) Expr {
	h := p.h
	i := &Index{Of: x, Keys: p.index()}
	p.grow(max(h, p.h))
	i.node = p.from(x)
	return i
}

func dotted(x Expr) (string, bool) {
	switch n := x.(type) {
	case *Name:
		return n.Name, n.Name != "it"
	case *Field:
		s, ok := dotted(n.Of)
		return s + "." + n.Name, ok
	}
	return "", false
}

// setFlat enters a bracket; the func it gives leaves it.
func (p *pratt) setFlat(v bool) func() {
	old := p.flat
	p.flat = v
	return func() { p.flat = old }
}

// Index = "[" Expr { "," Expr } "]" .
func (p *pratt) index() []Expr {
	open := p.next()
	defer p.setFlat(true)()
	var out []Expr
	h := 0
	for {
		if p.is("]") {
			p.fail(open, "write the key between [ and ]", "this [ ] holds no key")
		}
		out = append(out, p.expr())
		h = max(h, p.h)
		if !p.accept(",") {
			break
		}
	}
	p.shut("]", open, "the key")
	p.h = h
	return out
}

// Args = "(" [ Expr { "," Expr } [","] ] ")" .
func (p *pratt) args() []Expr {
	open := p.next()
	defer p.setFlat(true)()
	var out []Expr
	h := 0
	for !p.is(")") {
		out = append(out, p.expr())
		h = max(h, p.h)
		if !p.accept(",") {
			break
		}
	}
	p.shut(")", open, "the arguments")
	p.h = h
	return out
}

// shut reads the ) or ] of a bracket.
func (p *pratt) shut(v string, open *lexer.Token, of string) {
	t := p.tok()
	switch {
	case p.is(v):
		p.next()
	case t.EOF() || p.brk() && begins(t):
		panic(bail{&fault{start: open.Pos.Offset, end: open.Pos.Offset + 1, code: diag.Unclosed, msg: fmt.Sprintf("this %s is not closed", open.Value)}})
	default:
		help := ""
		if t.Value == "." || t.Type == kindWord || t.Type == kindConst || t.Type == kindNumber {
			help = "a comma is missing before it, or " + v
		}
		p.fail(t, help, "expected , or %s after %s, found %s", v, of, show(t))
	}
}

// begins tells whether a token may begin a declaration or stage.
func begins(t *lexer.Token) bool { return named(t) && (stageWords[t.Value] || declWords[t.Value]) }

func (p *pratt) primary() Expr {
	t := p.tok()
	p.h = 1
	n := p.here()
	switch t.Type {
	case kindNumber, kindUnit:
		p.next()
		k := NumberLit
		if t.Type == kindUnit {
			if k = UnitLit; !unitFits(t.Value) {
				p.fail(t, "at most 292 years, and whole nanoseconds or bytes", "%q does not fit", t.Value)
			}
		}
		return &Lit{node: p.ended(n), Kind: k, Text: t.Value, Value: t.Value}
	case kindConst, kindRaw:
		p.next()
		return &Lit{node: p.ended(n), Kind: TextLit, Text: t.Value, Value: p.decode(t)}
	case kindStrHead:
		return p.text()
	case kindWord:
		if p.brk() && !p.flat && begins(t) && t.Pos.Offset != p.arm && wantsValue(p.prev) {
			// The operand is missing; the next line does not give it (L7).
			if s := p.second(); !(s.Type == kindGlued && s.Value == "(") {
				p.behind("", "expected a value after %q", p.prev)
			}
		}
		p.next()
		return &Name{node: p.ended(n), Name: t.Value}
	case kindKeyword:
		return p.keyword(t)
	case kindOp, kindGlued:
		switch t.Value {
		case "$":
			p.next()
			return &Root{node: p.ended(n), Sigil: "$"}
		case ".":
			return p.dot()
		case "@":
			sp := p.spaced()
			p.next()
			w := p.tok()
			if !named(w) || sp {
				p.fail(w, "@topic @key @headers @timestamp @time: names follow their @ directly", "expected a name behind @, found %s", show(w))
			}
			p.next()
			return &Meta{node: p.ended(n), Name: w.Value}
		case "(":
			p.next()
			defer p.setFlat(true)()
			if p.is(")") {
				p.fail(t, "", "there is nothing between these ( )")
			}
			x := p.expr()
			if c := p.tok(); p.is(",") {
				p.fail(c, "a list stands in [ ], and the name of a function directly before its (", "( ) hold one value")
			}
			p.shut(")", t, "the value")
			p.grow(p.h)
			return &Paren{node: p.ended(n), X: x}
		case "[":
			return p.list()
		case "{":
			return p.object()
		}
	}
	if p.end > 0 && (t.EOF() || p.brk()) {
		p.behind("", "expected a value after %q", p.prev)
	}
	p.fail(t, p.foreignOp(t), "expected a value, found %s", show(t))
	return nil
}

// wantsValue tells of the token before a value whether it belongs to the same
// statement. What does not, ends a `let` above the result of a def.
func wantsValue(prev string) bool {
	switch prev {
	case "where", "map", "require", "fail", "when", "each", "split", "by", "else", "then", "if", "not", "...",
		"=", ",", ":", "?:", "=>", "(", "[":
		return true
	}
	return levels[prev] != 0
}

// foreignOp helps with operators of other languages, met as two of ours.
func (p *pratt) foreignOp(t *lexer.Token) string {
	if !p.touches(t) {
		return ""
	}
	switch p.prev + t.Value {
	case "<>":
		return "different is !="
	case "===":
		return "equality is =="
	case "!==":
		return "different is !="
	case "++", "--", "+=", "-=":
		return "values do not change; `let` names a new one"
	case "||":
		return "write `or`"
	}
	return ""
}

func unitFits(s string) bool {
	_, _, ok := ParseUnit(s)
	return ok
}

func (p *pratt) keyword(t *lexer.Token) Expr {
	n := p.here()
	switch t.Value {
	case "true", "false":
		p.next()
		return &Lit{node: p.ended(n), Kind: BoolLit, Text: t.Value, Value: t.Value}
	case "null":
		p.next()
		return &Lit{node: p.ended(n), Kind: NullLit, Text: t.Value, Value: t.Value}
	case "it":
		p.next()
		return &Name{node: p.ended(n), Name: "it"}
	case "match":
		return p.match()
	case "if":
		p.fail(t, "put ( ) round the if", "if … then … else … stands only where a whole expression does")
	case "not":
		p.fail(t, "put ( ) round it", "`not` stands before a whole comparison")
	}
	if p.end > 0 && p.brk() {
		p.behind("", "expected a value after %q", p.prev)
	}
	p.fail(t, "\""+t.Value+"\" is a word of the language and names no value", "expected a value, found %q", t.Value)
	return nil
}

// dot reads `.` and `.name`.
func (p *pratt) dot() Expr {
	n := p.here()
	sp := p.spaced()
	p.next()
	r := &Root{node: p.ended(n), Sigil: "."}
	if w := p.tok(); !sp && named(w) {
		p.next()
		p.grow(p.h)
		return &Field{node: p.ended(n), Of: r, Name: w.Value, NameSpan: Word{tokenNode(w), w.Value}}
	} else if !sp && w.Type == kindBad {
		p.fail(w, "", "")
	} else if p.glued(".") {
		p.fail(w, "one point is enough: .name", "expected the name of a field behind \".\", found \".\"")
	}
	return r
}

func (p *pratt) text() Expr {
	n := &Text{node: p.here()}
	part := func(t *lexer.Token, open, shut int) {
		s, f := unescape(t.Pos.Offset+open, t.Value[open:len(t.Value)-shut])
		if f != nil {
			panic(bail{f})
		}
		n.Parts, n.Raw = append(n.Parts, s), append(n.Raw, t.Value)
	}
	part(p.next(), 1, 2)
	defer p.setFlat(true)()
	h := 0
	for {
		if t := p.tok(); t.Type == kindStrMid || t.Type == kindStrTail {
			p.fail(t, "put an expression between ${ and }, or write \\${ for the characters", "there is nothing in this ${ }")
		}
		n.Exprs = append(n.Exprs, p.expr())
		h = max(h, p.h)
		switch t := p.tok(); t.Type {
		case kindStrMid:
			part(p.next(), 1, 2)
		case kindStrTail:
			part(p.next(), 1, 1)
			p.grow(h)
			p.close(&n.node)
			return n
		default:
			p.fail(t, "", "expected } after the expression in the text, found %s", show(t))
		}
	}
}

// List = "[" [ Item { "," Item } [","] ] "]" | "[" Expr For "]" .
// Item = [ "..." ] Expr .
func (p *pratt) list() Expr {
	n := &List{node: p.here()}
	open := p.next()
	defer p.setFlat(true)()
	h := 0
	for !p.is("]") {
		i := &Item{node: p.here()}
		i.Spread = p.accept("...")
		i.X = p.expr()
		h = max(h, p.h)
		p.close(&i.node)
		n.Items = append(n.Items, i)
		if len(n.Items) == 1 && !i.Spread && p.is("for") {
			n.For = p.forClause()
			h = max(h, p.h)
			break
		}
		if !p.accept(",") {
			break
		}
	}
	p.shut("]", open, "an element of the list")
	p.grow(h)
	p.close(&n.node)
	return n
}

// For = "for" WORD [ "," WORD ] "in" Expr [ "if" Expr ] .
func (p *pratt) forClause() *For {
	f := &For{node: p.here()}
	p.need("for", "")
	f.V = p.word("a name after for")
	if p.accept(",") {
		f.K, f.V = f.V, p.word("a name after the comma")
	}
	p.need("in", "after the names of for")
	f.In = p.expr()
	h := p.h
	if p.accept("if") {
		f.If = p.expr()
		h = max(h, p.h)
	}
	p.h = h
	p.close(&f.node)
	return f
}
