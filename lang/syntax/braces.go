package syntax

import (
	"fmt"
	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/sluice-dev/sluice/lang/diag"
)

// What stands in braces: fields, options, arms, identifiers. All of them are
// separated by a comma or a line break and read by the same loop:
//
//	b := p.braces()
//	for p.more(b) { …; if !p.sep(b, "field") { break } }
//	p.endBraces(b, "field")

type (
	// Options is `{ key: value, … }` behind a head.
	Options struct {
		node
		List []*Option
	}
	// Option is `Key: Value` or `Key: Rate`.
	Option struct {
		node
		Key   Key
		Rate  *Rate // `100/s`, or nil
		Value Expr  // nil where there is a Rate
	}
	// Rate is `N/Per`; Per is s, m, h or d.
	Rate struct {
		node
		N   Number
		Per Word
	}
	// Identifiers is the body of an identity space.
	Identifiers struct {
		node
		List []*Identifier
	}
	// Identifier is one kind of identifier, the best rank first.
	Identifier struct {
		node
		Name    Word
		Options *Options // or nil
	}
	// SetBlock is `{ a: E, b.c: E }` behind `set`.
	SetBlock struct {
		node
		Entries []*SetEntry
	}
	// SetEntry is `Keys[0].Keys[1]: X`; X is nil for a word alone.
	SetEntry struct {
		node
		Keys []Key
		Opt  bool
		X    Expr
	}
)

type braces struct {
	open *lexer.Token
	flat bool
}

func (p *pratt) braces() *braces {
	b := &braces{p.next(), p.flat}
	p.flat = false
	return b
}

// more tells whether an entry stands next.
func (p *pratt) more(b *braces) bool {
	t := p.tok()
	if t.EOF() {
		p.unclosed(b, t)
	}
	return !p.is("}")
}

// sep reads what stands between two entries and tells whether one may follow.
func (p *pratt) sep(b *braces, what string) bool {
	if p.accept(",") {
		if t := p.tok(); p.is(",") {
			p.fail(t, "take one out", "two commas in a row")
		}
		return true
	}
	return p.brk()
}

func (p *pratt) endBraces(b *braces, what string) {
	t := p.tok()
	if !p.is("}") {
		if t.EOF() {
			p.unclosed(b, t)
		}
		p.fail(t, instead[t.Value], "expected a comma, a line break or } after the %s, found %s", what, show(t))
	}
	p.next()
	p.flat = b.flat
}

func (p *pratt) unclosed(b *braces, at *lexer.Token) {
	f := &fault{start: b.open.Pos.Offset, end: b.open.Pos.Offset + 1, msg: "this { is not closed", braces: true, code: diag.Unclosed}
	if !at.EOF() {
		f.label = "not closed before " + show(at)
	}
	panic(bail{f})
}

// Key = WORD | CONST .
func (p *pratt) key(what string) Key {
	t := p.tok()
	switch {
	case named(t):
		p.next()
		return Key{node: tokenNode(t), Text: t.Value}
	case t.Type == kindConst:
		p.next()
		return Key{node: tokenNode(t), Text: p.decode(t), Quoted: true}
	case t.Type == kindStrHead:
		p.fail(t, "a computed key stands in brackets: { [k]: v }", "a key is a name or a text without ${ }")
	case t.Type == kindOp && t.Value == ".":
		p.fail(t, "write the name of the field first: { name: .name }", "expected %s or }, found %s", what, show(t))
	}
	p.fail(t, "", "expected %s or }, found %s", what, show(t))
	return Key{}
}

// noKey explains what stands where the ":" behind a key should.
func (p *pratt) noKey(b *braces, k *Key, first *lexer.Token, what string) {
	t := p.tok()
	switch {
	case begins(first) && !k.Quoted && p.lineOf(first) != p.lineOf(b.open):
		p.unclosed(b, first)
	case t.Type == kindOp && t.Value == "=":
		p.fail(t, "write "+k.Text+": …", "expected : after %q, found \"=\"", k.Text)
	case t.Type == kindOp && t.Value == "?" && p.touches(t):
		p.fail(t, "write "+k.Text+"?: …, without a blank inside ?:", "expected ?: after %q, found \"?\"", k.Text)
	case first.Type == kindKeyword && (p.is(",") || p.is("}") || p.brk()):
		p.fail(first, "write "+k.Text+": …", "%q is a word of the language: it needs a value", k.Text)
	case k.Quoted && (p.is(",") || p.is("}") || p.brk()):
		p.fail(first, "", "expected : after the key")
	}
	p.fail(t, "", "expected : after %s %q, found %s", what, k.Text, show(t))
}

func (p *pratt) lineOf(t *lexer.Token) int { return t.Pos.Line }

// Object = "{" [ Entry { Sep Entry } [","] ] "}" | "{" "[" Expr "]" ":" Expr For "}" .
func (p *pratt) object() *Object {
	n := &Object{node: p.here()}
	b := p.braces()
	h := 0
	for p.more(b) {
		e := p.entry(b, n)
		h = max(h, p.h)
		n.Entries = append(n.Entries, e)
		if n.For != nil {
			break
		}
		if !p.sep(b, "field") {
			break
		}
	}
	p.endBraces(b, "field")
	p.grow(h)
	p.close(&n.node)
	return n
}

// Entry = Key ( ":" | "?:" ) Expr | "[" Expr "]" ( ":" | "?:" ) Expr | WORD | "..." [ Expr ] .
func (p *pratt) entry(b *braces, n *Object) *Entry {
	t := p.tok()
	e := &Entry{node: p.here()}
	p.h = 0
	switch {
	case p.is("..."):
		p.next()
		e.Spread = true
		if !p.is(",") && !p.is("}") && !p.brk() {
			e.X = p.expr()
		}
	case t.Value == "[" && (t.Type == kindOp || t.Type == kindGlued):
		h := p.computed(e)
		if len(n.Entries) == 0 && !e.Opt && p.is("for") && !isColon(p.second()) {
			n.For = p.forClause()
			h = max(h, p.h)
		}
		p.h = h
	case p.is("if") || p.is("match") || p.is("not"):
		if s := p.second(); !isColon(s) && !(s.Type == kindOp && (s.Value == "," || s.Value == "}")) {
			p.fail(t, "write the name of the field first: { name: "+t.Value+" … }", "expected a field or }, found %s", show(t))
		}
		fallthrough
	default:
		e.Key = p.key("a field")
		switch {
		case p.is(":") || p.is("?:"):
			e.Opt = p.next().Value == "?:"
			e.X = p.expr()
		case t.Type == kindWord && (p.is(",") || p.is("}") || p.brk()):
			e.Short = true
		default:
			p.noKey(b, &e.Key, t, "field")
		}
	}
	p.close(&e.node)
	return e
}

func isColon(t *lexer.Token) bool {
	return t.Type == kindOp && (t.Value == ":" || t.Value == "?:")
}

func (p *pratt) computed(e *Entry) (h int) {
	open := p.next()
	func() {
		defer p.setFlat(true)()
		e.Computed = p.expr()
		h = p.h
		p.shut("]", open, "the computed key")
	}()
	e.Opt = p.is("?:")
	if !p.accept("?:") {
		p.need(":", "after the computed key")
	}
	e.X = p.expr()
	return max(h, p.h)
}

// MatchExpr = "match" [ Expr ] "{" ExprArm { Sep ExprArm } [","] "}" .
// ExprArm   = ( Patterns | "else" ) "=>" Expr .
func (p *pratt) match() Expr {
	n := &Match{node: p.here()}
	p.next()
	h := 0
	if !p.is("{") {
		n.Subject = p.expr()
		h = p.h
	}
	if t := p.tok(); !p.is("{") {
		p.fail(t, "", "expected { to open the arms of match, found %s", show(t))
	}
	b := p.braces()
	if p.is("}") {
		p.fail(b.open, "write { 1 => …, else => … }", "this match has no arms")
	}
	for p.more(b) {
		a := &ExprArm{node: p.here()}
		if p.accept("else") {
			a.Else = true
		} else {
			a.Pats = p.patterns(n.Subject != nil)
		}
		h = max(h, p.h)
		p.arrow(a.Else)
		a.X = p.expr()
		h = max(h, p.h)
		p.close(&a.node)
		n.Arms = append(n.Arms, a)
		if !p.sep(b, "arm") {
			break
		}
	}
	p.endBraces(b, "arm")
	p.grow(h)
	p.close(&n.node)
	return n
}

func (p *pratt) arrow(afterElse bool) {
	t := p.tok()
	if p.accept("=>") {
		return
	}
	help := ""
	switch {
	case t.Type == kindOp && (t.Value == "->" || t.Value == ":" || t.Value == "="):
		help = "write =>"
	case p.is(",") && !afterElse:
		help = "a match without a subject takes one condition an arm; join them with `or`"
	}
	p.fail(t, help, "expected => in an arm of match, found %s", show(t))
}

// Patterns = Pattern { "," Pattern } | Expr .
// Pattern  = Literal | "-" NUMBER | "is" TypePrim .
func (p *pratt) patterns(subject bool) []*Pattern {
	var out []*Pattern
	h := 0
	p.arm = p.tok().Pos.Offset
	for {
		t := p.tok()
		pat := &Pattern{node: p.here()}
		if subject && p.accept("is") {
			pat.Is = p.prim()
		} else {
			if !subject && p.is("is") {
				p.fail(t, "write match x { is T => … }, or .x is T => …", "`is` without a value: this match has no subject")
			}
			pat.X = p.expr()
			h = max(h, p.h)
			if subject && !isLiteral(pat.X) {
				panic(bail{noPattern(pat)})
			}
		}
		p.close(&pat.node)
		out = append(out, pat)
		if !subject || !p.accept(",") {
			p.h = h
			return out
		}
	}
}

func noPattern(p *Pattern) *fault {
	s := p.X.Span()
	if n, ok := p.X.(*Name); ok && (n.Name == "_" || n.Name == "default") {
		return &fault{start: s.Start, end: s.End, msg: fmt.Sprintf("%q is no pattern", n.Name), help: "what is left over is `else => …`"}
	}
	return &fault{start: s.Start, end: s.End, msg: "a pattern is a literal or `is T`",
		help: "compare with a literal or `is T`; conditions stand in a match without subject: match { .x > 1 => … }"}
}

func isLiteral(x Expr) bool {
	switch n := x.(type) {
	case *Lit:
		return true
	case *Unary:
		l, ok := n.X.(*Lit)
		return n.Op == "-" && ok && l.Kind == NumberLit
	}
	return false
}

// Parse implements participle.Parseable.
func (o *Object) Parse(pl *lexer.PeekingLexer) error {
	if !opens(pl) {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) { *o = *p.object() })
}

func opens(pl *lexer.PeekingLexer) bool {
	t := pl.Peek()
	return t.Type == kindOp && t.Value == "{"
}

// Parse implements participle.Parseable.
//
//	Options = "{" [ Option { Sep Option } [","] ] "}" .
//	Option  = Key ":" ( Rate | Expr ) .
func (o *Options) Parse(pl *lexer.PeekingLexer) error {
	if !opens(pl) {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) { *o = *p.options() })
}

func (p *pratt) options() *Options {
	o := &Options{node: p.here()}
	b := p.braces()
	for p.more(b) {
		t := p.tok()
		x := &Option{node: p.here(), Key: p.key("an option")}
		if p.is("?:") {
			p.fail(p.tok(), "write "+x.Key.Text+": …", "an option is there or not; ?: does not fit")
		}
		if !p.is(":") {
			p.noKey(b, &x.Key, t, "option")
		}
		p.next()
		if p.rateNext() {
			x.Rate = p.rate()
		} else {
			x.Value = p.expr()
		}
		p.close(&x.node)
		o.List = append(o.List, x)
		if !p.sep(b, "option") {
			break
		}
	}
	p.endBraces(b, "option")
	p.close(&o.node)
	return o
}

// rateUnits are s m h d, and what people write for them.
var rateUnits = map[string]string{"s": "s", "m": "m", "h": "h", "d": "d", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
	"min": "m", "mins": "m", "minute": "m", "minutes": "m", "hr": "h", "hour": "h", "hours": "h", "day": "d", "days": "d"}

// rateNext: NUMBER "/" TimeUnit is a rate (LL(3)); `1000/n` is a division.
func (p *pratt) rateNext() bool {
	if p.tok().Type != kindNumber {
		return false
	}
	cp := p.pl.MakeCheckpoint()
	defer p.pl.LoadCheckpoint(cp)
	p.pl.Next()
	slash := p.pl.Next()
	w := p.pl.Peek()
	if slash.Type != kindOp || slash.Value != "/" || w.Type != kindWord || rateUnits[w.Value] == "" {
		return false
	}
	p.pl.Next()
	t := p.pl.Peek() // `100/x(…)` and `100/x.y` are divisions
	return t.Type != kindGlued
}

// Rate = NUMBER "/" TimeUnit .
func (p *pratt) rate() *Rate {
	r := &Rate{node: p.here()}
	t := p.next()
	r.N = Number{tokenNode(t), t.Value}
	p.next()
	t = p.tok()
	if u := rateUnits[t.Value]; u != t.Value {
		p.fail(t, "write "+r.N.Text+"/"+u, "%q is no unit of a rate", t.Value)
	}
	p.next()
	r.Per = Word{tokenNode(t), t.Value}
	p.close(&r.node)
	return r
}

// Parse implements participle.Parseable.
func (r *Rate) Parse(pl *lexer.PeekingLexer) error {
	if pl.Peek().Type != kindNumber {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) {
		if !p.rateNext() {
			if t := p.second(); t.Value != "/" {
				p.fail(t, "a rate is written 100/s", "expected / and s, m, h or d, found %s", show(t))
			}
			p.next()
			p.next()
			p.fail(p.tok(), "a rate is written 100/s", "expected s, m, h or d behind the /, found %s", show(p.tok()))
		}
		*r = *p.rate()
	})
}

// Parse implements participle.Parseable.
//
//	"{" [ Ident { Sep Ident } [","] ] "}" , Ident = WORD [ Options ] .
func (x *Identifiers) Parse(pl *lexer.PeekingLexer) error {
	if !opens(pl) {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) {
		x.node = p.here()
		b := p.braces()
		for p.more(b) {
			i := &Identifier{node: p.here(), Name: p.word("the name of an identifier or }")}
			if opens(p.pl) && !p.brk() {
				i.Options = p.options()
			}
			p.close(&i.node)
			x.List = append(x.List, i)
			if !p.sep(b, "identifier") {
				break
			}
		}
		p.endBraces(b, "identifier")
		p.close(&x.node)
	})
}

// Parse implements participle.Parseable.
//
//	SetBlock = "{" SetEntry { Sep SetEntry } [","] "}" .
//	SetEntry = WORD | Key { "." Key } ( ":" | "?:" ) Expr .
func (x *SetBlock) Parse(pl *lexer.PeekingLexer) error {
	if !opens(pl) {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) {
		x.node = p.here()
		b := p.braces()
		for p.more(b) {
			t := p.tok()
			if t.Value == "[" && (t.Type == kindOp || t.Type == kindGlued) {
				p.fail(t, "write map { ..., [k]: v }", "`set` takes names, no computed keys")
			}
			if p.is("...") {
				p.fail(t, "`set` keeps all other fields by itself; map { ..., a: 1 } merges objects", "`set` takes fields, no ...")
			}
			e := &SetEntry{node: p.here(), Keys: []Key{p.key("a field")}}
			for p.glued(".") && !p.spaced() {
				p.next()
				e.Keys = append(e.Keys, p.key("a field"))
			}
			switch {
			case isColon(p.tok()):
				e.Opt = p.next().Value == "?:"
				e.X = p.expr()
			case len(e.Keys) == 1 && t.Type == kindWord && (p.is(",") || p.is("}") || p.brk()):
			default:
				p.noKey(b, &e.Keys[len(e.Keys)-1], t, "field")
			}
			p.close(&e.node)
			x.Entries = append(x.Entries, e)
			if !p.sep(b, "field") {
				break
			}
		}
		p.endBraces(b, "field")
		p.close(&x.node)
		if len(x.Entries) == 0 {
			p.failAt(x, "name the fields to change: set { a: 1 }", "this `set` changes nothing")
		}
	})
}
