package fuse

import (
	"github.com/sluice-dev/sluice/runtime/json"
)

// Message is a JSON object of which some fields must be of a kind: a call that is
// sent. It compiles to one list of things to append.
type Message struct{ w writer }

// NewMessage begins a message with text that stands as it is.
func NewMessage(head []byte) *Message { return &Message{writer{lit: head}} }

// Text adds a field that must be text of which ok holds. Null leaves it out, as in
// all fields.
func (g *Message) Text(name string, n *Node, bit uint8, ok func([]byte) bool) {
	o := g.op(name, n, bit)
	text := n.WriteText()
	o.write = func(m *Machine) State {
		s, st := text(m)
		if st == Some && !ok(s) {
			return Bad
		}
		return st
	}
}

// TextAsItStands says of the field that was added last that ok holds of every
// text of at least min bytes, so that one of the record is copied without a look.
func (g *Message) TextAsItStands(min uint32) {
	o := &g.w.ops[len(g.w.ops)-1]
	if o.place {
		o.fast, o.min = json.MaskStr, min
	}
}

// Time adds a field that must be a time.
func (g *Message) Time(name string, n *Node) {
	o := g.op(name, n, 0)
	if n.path != nil && n.path.isTime() {
		o.fast, o.time = json.MaskStr, true
	}
	o.write = n.WriteTime()
}

// Object adds a field that must be an object.
func (g *Message) Object(name string, n *Node) {
	if n.obj != nil {
		g.w.member(&entry{key: name, node: n}, ',')
		return
	}
	o := g.op(name, n, 0)
	if n.path != nil && passes(n.path.decl) {
		o.fast = json.MaskObj
	}
	o.write = n.Object()
}

// Any adds a field of any kind.
func (g *Message) Any(name string, n *Node) { g.op(name, n, 0).write = n.Write() }

// Const adds a constant field.
func (g *Message) Const(name string, n *Node) { g.w.member(&entry{key: name, node: n}, ',') }

func (g *Message) op(name string, n *Node, bit uint8) *op {
	g.w.flush()
	key := append(json.AppendString([]byte{','}, name), ':')
	o := op{lit: key, kind: opWrite, mode: opt, bit: bit}
	if n.path != nil {
		o.slot, o.frame, o.place = n.path.slot(), n.path.frame, true
	}
	g.w.ops = append(g.w.ops, o)
	return &g.w.ops[len(g.w.ops)-1]
}

// Write compiles the message; it tells the bits of the fields that were written,
// false where it is Bad.
func (g *Message) Write() func(*Machine) (has uint8, ok bool) {
	g.w.lit = append(g.w.lit, '}')
	g.w.flush()
	write := run(g.w.ops)
	return func(m *Machine) (uint8, bool) {
		m.has = 0
		st := write(m)
		return m.has, st == Some
	}
}
