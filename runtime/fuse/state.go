package fuse

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// What stages with state need: keys, the rows of tables, and values that a stage
// gives to those below it.

// Key compiles the appending of a node as a part of a key (value.AppendKey).
func (n *Node) Key() func(m *Machine, dst []byte) ([]byte, State) {
	switch n.kind {
	case textKind:
		text := n.Text()
		return func(m *Machine, dst []byte) ([]byte, State) {
			s, st := text(m)
			if st == Some {
				dst = value.AppendTextKey(dst, s)
			}
			return dst, st
		}
	case numberKind:
		num := n.number()
		return func(m *Machine, dst []byte) ([]byte, State) {
			v, st := num(m)
			if st == Some {
				dst = value.AppendNumberKey(dst, v)
			}
			return dst, st
		}
	}
	get := n.Value()
	return func(m *Machine, dst []byte) ([]byte, State) {
		v, st := get(m)
		if st == Some {
			dst = value.AppendKey(dst, v)
		}
		return dst, st
	}
}

// Keys compiles a key of several parts; a null among them is Bad.
func (b *Builder) Keys(xs []ir.Expr, env Env) func(m *Machine, dst []byte) ([]byte, bool) {
	for _, x := range xs {
		b.cost += nodes(x)
	}
	return b.keys(xs, env)
}

func (b *Builder) keys(xs []ir.Expr, env Env) func(m *Machine, dst []byte) ([]byte, bool) {
	var parts []func(*Machine, []byte) ([]byte, State)
	for _, x := range xs {
		parts = append(parts, b.expr(x, env).Key())
	}
	return func(m *Machine, dst []byte) ([]byte, bool) {
		for _, part := range parts {
			var st State
			if dst, st = part(m, dst); st != Some {
				return dst, false
			}
		}
		return dst, true
	}
}

// tableGet reads a row. It is fallible, so it is read where its stage stands and
// not where an `update` below may have changed the row.
func (b *Builder) tableGet(x *ir.TableGet, env Env) *Node {
	key := b.keys(x.Keys, env)
	return valueNode(kindOf(x.Type()), true, func(m *Machine) (value.Value, State) {
		// Keys stand in one another.
		start := len(m.keys)
		k, ok := key(m, m.keys)
		m.keys = k[:start]
		if !ok {
			return nil, Bad
		}
		m.setTime(env)
		v, there, fail := m.Eval.Tables.Row(x.Table, k[start:], x.Span())
		switch {
		case fail != nil || !m.Eval.Charge(m.Eval.Weight(v)):
			return nil, Bad
		case !there:
			v = x.Table.Default
		}
		if v == nil {
			return nil, Null
		}
		return v, Some
	})
}

// setTime gives the reference evaluator @time as it is in env.
func (m *Machine) setTime(env Env) {
	m.Eval.Time = nil
	if c := &m.clocks[env.Clock]; c.set {
		m.Eval.Time = c.at
	}
}

// Given makes a node of what a stage gives to those below it, with put.
func (b *Builder) Given(t *types.Type) (n *Node, put func(*Machine, value.Value)) {
	return b.given(kindOf(t))
}

func (b *Builder) given(k kind) (n *Node, put func(*Machine, value.Value)) {
	i := b.cells
	b.cells++
	n = valueNode(k, false, func(m *Machine) (value.Value, State) {
		if v := m.cells[i].value; v != nil {
			return v, Some
		}
		return nil, Null
	})
	n.trivial = true
	return n, func(m *Machine, v value.Value) { m.cells[i].value = v }
}

// HoldValue is Hold of what reads a table that the route writes: it keeps the value,
// and computes nothing of it again.
func (b *Builder) HoldValue(n *Node) (held *Node, enter func(*Machine) bool) {
	held, put := b.given(n.kind)
	get := n.Value()
	return held, func(m *Machine) bool {
		v, st := get(m)
		put(m, v)
		return st != Bad
	}
}
