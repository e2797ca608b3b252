package syntax

import (
	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

// TypePrim is a type without `|` and `?`.
type TypePrim interface {
	Node
	typePrim()
}

type (
	// Type is `Terms[0] | Terms[1] | …`.
	Type struct {
		node
		Terms []*TypeTerm
	}
	// TypeTerm is a TypePrim, with `?` behind it or not.
	TypeTerm struct {
		node
		Prim TypePrim
		Null bool
	}
	// TypeName is `string`, `Order`, `kochava.Postback`, `null`, `any`.
	TypeName struct {
		node
		Name string // dotted
	}
	// TypeList is `[Of]`.
	TypeList struct {
		node
		Of *Type
	}
	// TypeGroup is `(Of)`.
	TypeGroup struct {
		node
		Of *Type
	}
	// TypeLit is a literal type: "ios", -1, true.
	TypeLit struct {
		node
		Kind  LitKind // NumberLit, TextLit, BoolLit
		Text  string  // as written, a "-" in front of a number included
		Value string  // of a text: decoded; else Text
	}
	// TypeMap is `{string: Of}`.
	TypeMap struct {
		node
		Of *Type
	}
	// TypeObj is `{ Fields, ...: Rest }`.
	TypeObj struct {
		node
		Fields []*TypeField
		Rest   *Type // of the fields not named, or nil
	}
	// TypeField is `Key: Type = Default` or `Key?: Type`.
	TypeField struct {
		node
		Key     Key
		Opt     bool
		Type    *Type
		Default Expr // or nil
	}
)

func (*TypeName) typePrim()  {}
func (*TypeList) typePrim()  {}
func (*TypeGroup) typePrim() {}
func (*TypeLit) typePrim()   {}
func (*TypeMap) typePrim()   {}
func (*TypeObj) typePrim()   {}

// Parse implements participle.Parseable.
//
//	Type = [ "|" ] TypeTerm { "|" TypeTerm } .
func (t *Type) Parse(pl *lexer.PeekingLexer) error {
	if !beginsType(pl.Peek()) {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) { *t = *p.typ() })
}

// Parse implements participle.Parseable.
//
//	TypeTerm = TypePrim [ "?" ] .
func (t *TypeTerm) Parse(pl *lexer.PeekingLexer) error {
	if !beginsType(pl.Peek()) {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) { *t = *p.term() })
}

func beginsType(t *lexer.Token) bool {
	switch t.Type {
	case kindWord, kindKeyword, kindConst, kindNumber, kindBad:
		return true
	case kindOp, kindGlued:
		switch t.Value {
		case "|", "[", "(", "{", "-":
			return true
		}
	}
	return false
}

func (p *pratt) typ() *Type {
	t := &Type{node: p.here()}
	p.accept("|")
	for {
		t.Terms = append(t.Terms, p.term())
		if !p.accept("|") {
			p.close(&t.node)
			return t
		}
	}
}

func (p *pratt) term() *TypeTerm {
	t := &TypeTerm{node: p.here()}
	t.Prim = p.prim()
	t.Null = p.accept("?")
	p.close(&t.node)
	if n := p.tok(); n.Type == kindOp && p.touches(n) && (n.Value == "??" || t.Null && n.Value == "?") {
		p.fail(n, "a type with ? takes null already", "one ? is enough")
	}
	return t
}

// TypePrim = WORD { "." WORD } | "[" Type "]" | ObjType | "(" Type ")" | CONST | [ "-" ] NUMBER | "true" | "false" | "null" .
func (p *pratt) prim() TypePrim {
	t, n := p.tok(), p.here()
	switch {
	case t.Type == kindWord:
		x := &TypeName{node: n, Name: p.next().Value}
		for p.glued(".") && named(p.second()) && !p.spaced() {
			p.next()
			x.Name += "." + p.next().Value
		}
		p.close(&x.node)
		return x
	case t.Type == kindKeyword && t.Value == "null":
		p.next()
		return &TypeName{node: p.ended(n), Name: "null"}
	case t.Type == kindKeyword && (t.Value == "true" || t.Value == "false"):
		p.next()
		return &TypeLit{node: p.ended(n), Kind: BoolLit, Text: t.Value, Value: t.Value}
	case t.Type == kindNumber:
		p.next()
		return &TypeLit{node: p.ended(n), Kind: NumberLit, Text: t.Value, Value: t.Value}
	case t.Type == kindConst:
		p.next()
		return &TypeLit{node: p.ended(n), Kind: TextLit, Text: t.Value, Value: p.decode(t)}
	case p.accept("-"):
		num := p.tok()
		if num.Type != kindNumber {
			p.fail(num, "", "expected a number behind -, found %s", show(num))
		}
		p.next()
		return &TypeLit{node: p.ended(n), Kind: NumberLit, Text: "-" + num.Value, Value: "-" + num.Value}
	case p.accept("["):
		x := &TypeList{node: n, Of: p.typ()}
		p.need("]", "to close the type of a list")
		p.close(&x.node)
		return x
	case p.accept("("):
		x := &TypeGroup{node: n, Of: p.typ()}
		p.need(")", "to close the type")
		p.close(&x.node)
		return x
	case p.is("{"):
		return p.objType()
	}
	help := ""
	if t.Type == kindKeyword {
		help = "\"" + t.Value + "\" is a word of the language and names no type"
	}
	p.fail(t, help, "expected a type, found %s", show(t))
	return nil
}

// ObjType = "{" "string" ":" Type "}"
//
//	| "{" [ Field { Sep Field } [ Sep "..." ":" Type ] [","] ] "}"
//	| "{" "..." ":" Type [","] "}" .
//
// Field   = Key ( ":" | "?:" ) Type [ "=" Expr ] .
func (p *pratt) objType() TypePrim {
	x := &TypeObj{node: p.here()}
	b := p.braces()
	for p.more(b) {
		if p.is("...") {
			p.next()
			p.need(":", "after ... (it gives the type of all other fields)")
			x.Rest = p.typ()
			p.accept(",")
			if !p.is("}") {
				p.fail(p.tok(), "put it at the end", "... stands behind all fields")
			}
			break
		}
		f := &TypeField{node: p.here(), Key: p.key("a field")}
		f.Opt = p.is("?:")
		if !p.accept("?:") {
			if q := p.tok(); q.Type == kindOp && q.Value == "?" {
				p.fail(q, "write "+f.Key.Text+"?: T, without a blank inside ?:", "expected : after the name of a field, found \"?\"")
			}
			p.need(":", "after the name of a field")
		}
		f.Type = p.typ()
		if p.accept("=") {
			f.Default = p.expr()
		}
		p.close(&f.node)
		x.Fields = append(x.Fields, f)
		if !p.sep(b, "field") {
			break
		}
	}
	p.endBraces(b, "field")
	p.close(&x.node)
	if len(x.Fields) == 1 && x.Rest == nil {
		if f := x.Fields[0]; f.Key.Text == "string" && !f.Key.Quoted && !f.Opt && f.Default == nil {
			return &TypeMap{node: x.node, Of: f.Type}
		}
	}
	return x
}
