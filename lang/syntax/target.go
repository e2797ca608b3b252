package syntax

import (
	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"
)

type (
	// Target is an operand on the line of its stage: a name, a text, a ( … ).
	Target struct {
		node
		X Expr
	}
	// Path is `.a.b[1]`; X ends in a Field or an Index.
	Path struct {
		node
		X Expr
	}
	// Keys is `[a, b]` behind the name of a table.
	Keys struct {
		node
		List []Expr
	}
)

// Parse implements participle.Parseable.
func (t *Target) Parse(pl *lexer.PeekingLexer) error {
	if pl.RawPeek().Type == kindEOL {
		return participle.NextMatch
	}
	switch n := pl.Peek(); {
	case n.EOF(), n.Type == kindOp && (n.Value == "{" || n.Value == "}" || n.Value == "=>"), n.Type == kindWord && (n.Value == "via" || n.Value == "as"):
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) {
		t.node = p.here()
		t.X = p.operand()
		p.close(&t.node)
		if n := p.tok(); n.Type == kindOp && !p.brk() && levels[n.Value] != 0 {
			p.fail(n, "put ( ) round it: (a "+n.Value+" b)", "only one value stands here, found %s", show(n))
		}
	})
}

// Parse implements participle.Parseable.
//
//	Path = "." ( WORD | Index ) { "." WORD | Index } .
func (t *Path) Parse(pl *lexer.PeekingLexer) error {
	n := pl.Peek()
	if n.Value != "." {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) {
		t.node = p.here()
		t.X = p.operand()
		p.close(&t.node)
		for x := t.X; ; {
			switch n := x.(type) {
			case *Field:
				x = n.Of
				continue
			case *Index:
				x = n.Of
				continue
			case *Root:
				if x == t.X {
					p.failAt(x, "to replace the whole value write map", "expected the name of a field behind \".\"")
				}
				return
			}
			p.failAt(t.X, "a path is .a.b or .list[0]", "this is no path")
		}
	})
}

// Parse implements participle.Parseable.
func (t *Keys) Parse(pl *lexer.PeekingLexer) error {
	if n := pl.Peek(); n.Type != kindGlued || n.Value != "[" {
		return participle.NextMatch
	}
	return run(pl, func(p *pratt) {
		t.node = p.here()
		t.List = p.index()
		p.close(&t.node)
	})
}
