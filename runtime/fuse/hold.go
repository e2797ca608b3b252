package fuse

import (
	"time"

	"github.com/sluice-dev/sluice/lang/value"
)

// cell keeps what a node gave, for the record or for one element of a list.
type cell struct {
	done  bool
	st    State
	bytes []byte
	num   value.Number
	truth bool
	at    time.Time
	value value.Value
}

// Hold gives a node that may be read many times and computes once, and enter,
// which begins it anew: a stage (`map`, `let`) or a local of a `def` calls it
// where the script says that the value comes about. enter reads what may be Bad,
// so that a failure is found there and not where the value is used, or never
// used at all (E1); it is nil where there is nothing to do.
func (b *Builder) Hold(n *Node) (held *Node, enter func(*Machine) bool) {
	switch {
	case n.trivial && !n.fallible:
		return n, nil
	case n.trivial:
		st := n.State()
		return n, func(m *Machine) bool { return st(m) != Bad }
	case n.obj != nil:
		return b.holdTemplate(n)
	case n.alts != nil:
		return b.holdAlternation(n.alts)
	}
	if n.writes && !n.fallible {
		return n, nil
	}
	i := b.cells
	b.cells++
	held = b.memo(i, n)
	first := held.State()
	if !n.fallible {
		return held, func(m *Machine) bool { m.cells[i].done = false; return true }
	}
	return held, func(m *Machine) bool {
		m.cells[i].done = false
		return first(m) != Bad
	}
}

func (b *Builder) holdTemplate(n *Node) (*Node, func(*Machine) bool) {
	var all []func(*Machine) bool
	entries := make([]entry, len(n.obj.entries))
	for i, e := range n.obj.entries {
		h, enter := b.Hold(e.node)
		e.node = h
		entries[i] = e
		if enter != nil {
			all = append(all, enter)
		}
	}
	for _, f := range n.obj.forced {
		st := f.State()
		all = append(all, func(m *Machine) bool { return st(m) != Bad })
	}
	held := newTemplate(entries)
	// What could fail has been read by enter.
	held.fallible = false
	if len(all) == 0 {
		return held, nil
	}
	return held, func(m *Machine) bool {
		for _, enter := range all {
			if !enter(m) {
				return false
			}
		}
		return true
	}
}

// holdAlternation computes the condition, and of the two objects only the one that
// counts.
func (b *Builder) holdAlternation(a *alternation) (*Node, func(*Machine) bool) {
	cond, enter := b.Hold(a.cond)
	x, enterX := b.Hold(a.x)
	y, enterY := b.Hold(a.y)
	get := cond.Bool()
	held := b.choose(cond, x, y)
	held.fallible = false
	return held, func(m *Machine) bool {
		if enter != nil && !enter(m) {
			return false
		}
		v, st := get(m)
		switch {
		case st != Some:
			return false
		case v:
			return enterX == nil || enterX(m)
		}
		return enterY == nil || enterY(m)
	}
}

// memo reads n once, by the reading that is native to it, and answers from the
// cell after that.
func (b *Builder) memo(i int, n *Node) *Node {
	var held *Node
	switch {
	case n.writes:
		held = written(n, once(i, aside(n.Write()), bytesOf))
	case n.kind == numberKind && n.digits() != nil:
		held = rawNode(false, once(i, n.digits(), bytesOf))
	case n.kind == numberKind && n.mixed:
		// Where it is untouched it keeps its digits, and only its JSON has them.
		held = rawNode(false, once(i, aside(n.Write()), bytesOf))
	case n.kind == numberKind:
		held = numNode(false, once(i, n.number(), numOf))
	case n.kind == textKind:
		held = textNode(false, once(i, n.Text(), bytesOf))
	case n.kind == boolKind:
		held = boolNode(false, once(i, n.Bool(), truthOf))
	case n.kind == timeKind:
		held = timeNode(false, once(i, n.Instant(), timeOfCell))
	default:
		held = valueNode(n.kind, false, once(i, n.Value(), valueOf))
	}
	return held
}

// aside writes to memory of its own instead of the output.
//
// What is written aside may hold what is written aside, so each level has memory of
// its own; all of it lives as long as the record.
func aside(write writeFn) textFn {
	return func(m *Machine) ([]byte, State) {
		level := m.asides
		m.asides++
		if level == len(m.held) {
			m.held = append(m.held, nil)
		}
		buf, start := m.Buf, m.start
		m.Buf, m.start = m.held[level], len(m.held[level])
		st := write(m)
		b := m.Buf[m.start:len(m.Buf):len(m.Buf)]
		m.held[level], m.aside = m.Buf, m.aside+len(b)
		m.Buf, m.start = buf, start
		m.asides--
		return b, st
	}
}

// written is a node of which the JSON is at hand; as a value it is computed again.
func written(n *Node, raw textFn) *Node {
	return &Node{kind: n.kind, writes: true, value: n.Value(),
		state: func(m *Machine) State { _, st := raw(m); return st },
		write: func(m *Machine) State {
			b, st := raw(m)
			if st == Some {
				m.Buf = append(m.Buf, b...)
			}
			return st
		},
	}
}

func bytesOf(c *cell) *[]byte       { return &c.bytes }
func numOf(c *cell) *value.Number   { return &c.num }
func truthOf(c *cell) *bool         { return &c.truth }
func timeOfCell(c *cell) *time.Time { return &c.at }
func valueOf(c *cell) *value.Value  { return &c.value }

func once[T any](i int, get func(*Machine) (T, State), part func(*cell) *T) func(*Machine) (T, State) {
	return func(m *Machine) (T, State) {
		c := &m.cells[i]
		if !c.done {
			v, st := get(m)
			// get may have gone through cells of its own, never through this one.
			*part(c), c.st, c.done = v, st, true
		}
		return *part(c), c.st
	}
}
