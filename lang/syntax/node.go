package syntax

import (
	"reflect"
	"sort"

	"github.com/alecthomas/participle/v2"
	"github.com/alecthomas/participle/v2/lexer"

	"github.com/sluice-dev/sluice/lang/token"
)

// Node is any part of the tree.
type Node interface{ Span() token.Span }

// node is embedded in what is read by hand: the exact bytes from the first
// token to the last.
type node struct {
	start, end int
	file       *token.File // set by settle: participle hands our readers no context
}

// Span gives the bytes the node was read from.
func (n *node) Span() token.Span { return token.Span{File: n.file, Start: n.start, End: n.end} }

// settle leaves what was not written (an empty leaf) nowhere.
func (n *node) settle(p *fileParser) {
	if n.end > n.start {
		n.file = p.src
	}
}

// Mark is a position as participle notes it.
type Mark struct {
	Filename             string
	Offset, Line, Column int
}

// head is embedded in what participle reads. It sets Pos and EndPos, the
// beginning of the node and of whatever follows it; settle makes a span of
// them. Readers of the tree use Span.
type head struct {
	Pos, EndPos Mark
	node
}

func (h *head) settle(p *fileParser) {
	if h.file == nil {
		// What a mistake cut short has no EndPos; its first token stands for it.
		h.file, h.start = p.src, h.Pos.Offset
		h.end = p.endBefore(max(h.EndPos.Offset, h.Pos.Offset+1))
	}
}

// endBefore gives the end of the last token that begins before an offset.
func (p *fileParser) endBefore(off int) int {
	i := sort.Search(len(p.code), func(i int) bool { return p.code[i].Start >= off })
	if i == 0 {
		return off
	}
	return p.code[i-1].End()
}

// settle visits all nodes below v, gives each its file, and collects the
// faults that blocks and arms have kept.
func (p *fileParser) settle(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			p.settle(v.Elem())
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.String || k == reflect.Uint8 {
			return
		}
		for i := range v.Len() {
			p.settle(v.Index(i))
		}
	case reflect.Struct:
		if v.CanAddr() {
			switch n := v.Addr().Interface().(type) {
			case *Mark:
				return
			case interface{ settle(*fileParser) }:
				n.settle(p)
			}
		}
		t := v.Type()
		for i := range v.NumField() {
			if f := t.Field(i); f.IsExported() {
				p.settle(v.Field(i))
			}
		}
	}
}

// Inspect calls f for n and all nodes below it, in the order of the fields. It
// goes no deeper where f gives false.
func Inspect(n Node, f func(Node) bool) { inspect(reflect.ValueOf(n), f) }

func inspect(v reflect.Value, f func(Node) bool) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			inspect(v.Elem(), f)
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.String {
			return
		}
		for i := range v.Len() {
			inspect(v.Index(i), f)
		}
	case reflect.Struct:
		if !v.CanAddr() {
			return
		}
		switch n := v.Addr().Interface().(type) {
		case *Mark, *token.File:
			return
		case Node:
			if n.Span().Valid() && !f(n) {
				return
			}
		}
		t := v.Type()
		for i := range v.NumField() {
			if t.Field(i).IsExported() {
				inspect(v.Field(i), f)
			}
		}
	}
}

// The leaves: one token each.
type (
	// Word is a name or a word; its zero value stands for one left out.
	Word struct {
		node
		Text string
	}
	// Label is the name of a route: a word, or a text for names that are none.
	Label struct {
		node
		Text string // decoded
	}
	// Const is a text without ${ }.
	Const struct {
		node
		Text  string // as written, with its quotes
		Value string // decoded
	}
	// Raw is a `text`.
	Raw struct {
		node
		Text  string // as written, with its backquotes
		Value string
	}
	// Unit is a number glued to a unit, "24h" or "400KB". ParseUnit reads it.
	Unit struct {
		node
		Text string
	}
	// Number is a number as written.
	Number struct {
		node
		Text string
	}
)

// Set tells whether the word was written at all.
func (w Word) Set() bool { return w.Text != "" }

// Set tells whether the name was written at all.
func (l Label) Set() bool { return l.end > l.start }

// Set tells whether the text was written at all.
func (c Const) Set() bool { return c.Text != "" }

// Set tells whether the unit was written at all.
func (u Unit) Set() bool { return u.Text != "" }

// Set tells whether the number was written at all.
func (n Number) Set() bool { return n.Text != "" }

// Each of these reads itself for participle, so that it keeps its span.

func take(pl *lexer.PeekingLexer, kinds ...lexer.TokenType) (node, string, error) {
	t := pl.Peek()
	for _, k := range kinds {
		if t.Type == k {
			pl.Next()
			return tokenNode(t), t.Value, nil
		}
	}
	return node{}, "", participle.NextMatch
}

func tokenNode(t *lexer.Token) node {
	return node{start: t.Pos.Offset, end: t.Pos.Offset + len(t.Value)}
}

// Parse implements participle.Parseable.
func (w *Word) Parse(pl *lexer.PeekingLexer) (err error) {
	w.node, w.Text, err = take(pl, kindWord)
	return err
}

// Parse implements participle.Parseable.
func (l *Label) Parse(pl *lexer.PeekingLexer) (err error) {
	l.node, l.Text, err = take(pl, kindWord, kindConst)
	if err == nil && l.Text[0] == '"' {
		l.Text, err = decode(l.start, l.Text)
	}
	return err
}

// Parse implements participle.Parseable.
func (c *Const) Parse(pl *lexer.PeekingLexer) (err error) {
	if c.node, c.Text, err = take(pl, kindConst); err == nil {
		c.Value, err = decode(c.start, c.Text)
	}
	return err
}

// Parse implements participle.Parseable.
func (r *Raw) Parse(pl *lexer.PeekingLexer) (err error) {
	if r.node, r.Text, err = take(pl, kindRaw); err == nil {
		r.Value = rawText(r.Text)
	}
	return err
}

// Parse implements participle.Parseable.
func (u *Unit) Parse(pl *lexer.PeekingLexer) (err error) {
	u.node, u.Text, err = take(pl, kindUnit)
	return err
}

// Parse implements participle.Parseable.
func (n *Number) Parse(pl *lexer.PeekingLexer) (err error) {
	n.node, n.Text, err = take(pl, kindNumber)
	return err
}
