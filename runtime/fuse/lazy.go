package fuse

import (
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Lazy is an object that a stage gives to those below it, of which only what they
// read is made. It stands as it is until the record has ended.
type Lazy interface {
	// Text gives a field that is text; ok is false where it is null.
	Text(field int) (text string, ok bool)
	// Value gives a field.
	Value(field int) value.Value
	// Whole gives all of it.
	Whole() *value.Object
}

// Lazy makes a node of what a stage gives to those below it as an object of type t,
// with put. nil is null.
func (b *Builder) Lazy(t *types.Type) (n *Node, put func(*Machine, Lazy)) {
	i := b.lazies
	b.lazies++
	n = valueNode(objectKind, false, func(m *Machine) (value.Value, State) {
		if l := m.lazies[i]; l != nil {
			return l.Whole(), Some
		}
		return nil, Null
	})
	n.state = func(m *Machine) State {
		if m.lazies[i] == nil {
			return Null
		}
		return Some
	}
	n.trivial = true
	n.parts = map[string]*Node{}
	for j := range t.Fields {
		n.parts[t.Fields[j].Name] = lazyField(i, j, kindOf(t.Fields[j].Type))
	}
	return n, func(m *Machine, l Lazy) { m.lazies[i] = l }
}

// lazyField is one field of it.
func lazyField(i, field int, k kind) *Node {
	var n *Node
	if k == textKind {
		n = textNode(false, func(m *Machine) ([]byte, State) {
			if l := m.lazies[i]; l != nil {
				if s, ok := l.Text(field); ok {
					return m.keep(s), Some
				}
			}
			return nil, Null
		})
	} else {
		n = valueNode(k, false, func(m *Machine) (value.Value, State) {
			if l := m.lazies[i]; l != nil {
				if v := l.Value(field); v != nil {
					return v, Some
				}
			}
			return nil, Null
		})
	}
	n.trivial = true
	return n
}

// Identifier compiles the appending of a node as the text of an identifier: text, or
// the digits of a whole number; Bad where it is anything else.
func (n *Node) Identifier() func(*Machine, []byte) ([]byte, State) {
	if n.kind == textKind {
		text := n.Text()
		return func(m *Machine, dst []byte) ([]byte, State) {
			s, st := text(m)
			return append(dst, s...), st
		}
	}
	get := n.Value()
	return func(m *Machine, dst []byte) ([]byte, State) {
		v, st := get(m)
		if st != Some {
			return dst, st
		}
		switch v := v.(type) {
		case string:
			return append(dst, v...), Some
		case value.Number:
			if v.IsInt() {
				return v.AppendPlain(dst), Some
			}
		}
		return dst, Bad
	}
}
