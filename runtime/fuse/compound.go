package fuse

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/json"
)

// object compiles a literal of which every field is known; nil for others.
func (b *Builder) object(x *ir.Object, env Env) *Node {
	var es []entry
	for i := range x.Entries {
		e := &x.Entries[i]
		switch e.Kind {
		case ir.Computed:
			return nil
		case ir.Spread:
			spread, ok := b.spread(b.expr(e.X, env))
			if !ok {
				return nil
			}
			es = append(es, spread...)
		default:
			n := b.expr(e.X, env)
			en := entry{key: e.Key, node: n}
			if e.Opt {
				if n.isNull() {
					continue
				}
				en.mode = opt
			}
			es = append(es, en)
		}
	}
	return b.template(es, maxAlternations)
}

// list compiles [a, b] without spreads.
func (b *Builder) list(x *ir.List, env Env) *Node {
	if len(x.Items) == 0 {
		return constant(value.List{})
	}
	var (
		writes   []writeFn
		gets     []valueFn
		fallible bool
	)
	for _, it := range x.Items {
		if it.Spread {
			return nil
		}
		n := b.expr(it.X, env)
		writes, gets = append(writes, n.Write()), append(gets, n.Value())
		fallible = fallible || n.fallible
	}
	n := &Node{kind: listKind, fallible: fallible, writes: true}
	n.write = func(m *Machine) State {
		start := len(m.Buf)
		for _, w := range writes {
			m.Buf = append(m.Buf, ',')
			if !m.element(w) {
				return Bad
			}
		}
		m.closeList(start)
		return Some
	}
	n.value = func(m *Machine) (value.Value, State) {
		l := make(value.List, len(gets))
		for i, get := range gets {
			v, st := get(m)
			if st == Bad {
				return nil, Bad
			}
			l[i] = v
		}
		return l, Some
	}
	n.state = stateByValue(n)
	return n
}

// stateByValue reads whatever may be Bad.
func stateByValue(n *Node) stateFn {
	if !n.fallible {
		return func(*Machine) State { return Some }
	}
	return func(m *Machine) State { _, st := n.value(m); return st }
}

// element appends what w writes, or null.
func (m *Machine) element(w writeFn) bool {
	switch w(m) {
	case Bad:
		return false
	case Null:
		m.Buf = append(m.Buf, "null"...)
	}
	return true
}

// listFor compiles a comprehension over a list in the record: a frame an element.
func (b *Builder) listFor(x *ir.ListFor, env Env) *Node {
	in := b.expr(x.For.In, env)
	if in.path == nil {
		return nil
	}
	pl, ok := in.path.elem()
	if !ok {
		return nil
	}
	slot, frame := in.path.slot(), in.path.frame
	env = env.Bind(x.For.Value, b.at(pl))
	if x.For.HasKey {
		key := numNode(false, func(m *Machine) (value.Number, State) { return value.FromInt(int64(m.idx[pl.frame])), Some })
		key.trivial = true
		env = env.Bind(x.For.Key, key)
	}
	// A frame needs a slot in it to lead to its elements.
	pl.n.Slot()
	var cond truthFn
	n := &Node{kind: listKind, fallible: in.fallible, writes: true}
	cost := nodes(x.X)
	if x.For.Cond != nil {
		c := b.expr(x.For.Cond, env)
		cond = c.Bool()
		n.fallible = n.fallible || c.fallible
		cost += nodes(x.For.Cond)
	}
	body := b.expr(x.X, env)
	n.fallible = n.fallible || body.fallible
	w := walk{slot: slot, frame: frame, elem: pl.frame, cond: cond, cost: cost, empty: in.path.emptyDefault()}
	write, get := body.Write(), body.Value()
	n.write = func(m *Machine) State {
		start := len(m.Buf)
		st := w.each(m, func() bool {
			m.Buf = append(m.Buf, ',')
			return m.element(write)
		})
		if st == Some {
			m.closeList(start)
		}
		return st
	}
	n.value = func(m *Machine) (value.Value, State) {
		l := value.List{}
		st := w.each(m, func() bool {
			v, st := get(m)
			l = append(l, v)
			return st != Bad
		})
		if st != Some {
			return nil, Bad
		}
		return l, Some
	}
	n.state = stateByValue(n)
	return n
}

// walk goes over the elements of a list in the record.
type walk struct {
	slot, frame int // of the list
	elem        int // frame of the elements
	cond        truthFn
	cost        int  // steps an element takes at most
	empty       bool // null is a list without elements
}

func (w *walk) each(m *Machine, do func() bool) State {
	sp := m.fr[w.frame][w.slot]
	switch {
	case sp.Kind == json.Arr:
	case w.empty && stateOf(&sp) == Null:
		return Some
	default:
		return Bad // null fails, an object is for the reference evaluator
	}
	els := m.scan.Elems(sp)
	// A comprehension inside itself (through a `def`) has its own frame, so only
	// this one's must be as before when it ends.
	fr, idx := m.fr[w.elem], m.idx[w.elem]
	defer func() { m.fr[w.elem], m.idx[w.elem] = fr, idx }()
	for i := range els.Len() {
		if !m.charge(w.cost) || !m.room() {
			return Bad
		}
		m.fr[w.elem], m.idx[w.elem] = els.At(i), i
		if w.cond != nil {
			switch ok, st := w.cond(m); {
			case st != Some:
				return Bad
			case !ok:
				continue
			}
		}
		if !do() {
			return Bad
		}
	}
	return Some
}

// nodes counts the nodes of an expression, and what constant lists cost to search
// and declared objects to spread.
func nodes(x ir.Expr) int {
	n := 0
	ir.Walk(x, func(x ir.Expr) bool {
		n++
		switch x := x.(type) {
		case *ir.Const:
			if l, ok := x.Value.(value.List); ok {
				n += len(l)
			}
		case *ir.Object:
			for i := range x.Entries {
				if x.Entries[i].Kind == ir.Spread {
					n += fieldsOf(x.Entries[i].X.Type())
				}
			}
		}
		return true
	})
	return n
}

// fieldsOf is how many fields a type declares at most.
func fieldsOf(t *types.Type) int {
	if t == nil {
		return 0
	}
	n := len(t.Fields)
	for _, m := range t.Members {
		n = max(n, fieldsOf(m))
	}
	return n
}

// interpolation compiles "a ${x} b".
func (b *Builder) interpolation(x *ir.Text, env Env) *Node {
	var parts []func(*Machine, []byte) ([]byte, bool)
	fallible := false
	for _, e := range x.Exprs {
		n := b.expr(e, env)
		plain := n.plain()
		if plain == nil {
			return nil
		}
		fallible = fallible || n.fallible
		parts = append(parts, plain)
	}
	return textNode(true, func(m *Machine) ([]byte, State) {
		return m.compose(func(out []byte) ([]byte, bool) {
			out = append(out, x.Parts[0]...)
			for i, p := range parts {
				var ok bool
				if out, ok = p(m, out); !ok || !m.room() {
					return out, false
				}
				out = append(out, x.Parts[i+1]...)
			}
			return out, true
		})
	})
}

// compose puts a text together. What it is made of may be composed itself, and
// may be kept in the scratch memory, so each level has memory of its own.
func (m *Machine) compose(parts func([]byte) ([]byte, bool)) ([]byte, State) {
	level := m.level
	m.level++
	if level == len(m.levels) {
		m.levels = append(m.levels, nil)
	}
	out, ok := parts(m.levels[level][:0])
	m.levels[level], m.level = out, level
	if !ok || !m.charge(len(out)>>10) {
		return nil, Bad
	}
	start := len(m.scratch)
	m.scratch = append(m.scratch, out...)
	return m.scratch[start:len(m.scratch):len(m.scratch)], Some
}

// plain compiles the canonical text of a node; nil where it has none that is fused.
func (n *Node) plain() func(*Machine, []byte) ([]byte, bool) {
	switch n.kind {
	case textKind:
		get := n.Text()
		return func(m *Machine, dst []byte) ([]byte, bool) {
			s, st := get(m)
			return append(dst, s...), st == Some
		}
	case numberKind:
		get := n.number()
		return func(m *Machine, dst []byte) ([]byte, bool) {
			v, st := get(m)
			if st != Some {
				return dst, false
			}
			return v.AppendPlain(dst), true
		}
	case boolKind:
		get := n.Bool()
		return func(m *Machine, dst []byte) ([]byte, bool) {
			v, st := get(m)
			return appendBool(dst, v), st == Some
		}
	case timeKind:
		get := n.Instant()
		return func(m *Machine, dst []byte) ([]byte, bool) {
			v, st := get(m)
			if st != Some {
				return dst, false
			}
			return value.AppendTime(dst, v), true
		}
	}
	return nil
}

// Plain compiles the canonical text of a node, for keys: null has none, nor have
// lists and objects.
func (n *Node) Plain() func(*Machine, []byte) ([]byte, bool) {
	if p := n.plain(); p != nil {
		return p
	}
	get := n.Value()
	return func(m *Machine, dst []byte) ([]byte, bool) {
		v, st := get(m)
		if st != Some {
			return dst, false
		}
		s, err := value.Plain(v)
		return append(dst, s...), err == nil
	}
}
