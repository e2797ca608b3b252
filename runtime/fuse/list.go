package fuse

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/json"
)

// List is a list of the record that a stage walks, element by element.
type List struct {
	Elem        *Node // what an element is while it is entered
	slot, frame int
	elem        int
	empty       bool // null is a list without elements
}

// List compiles the list at n; nil where it is not a list of the record.
func (b *Builder) List(n *Node) *List {
	if n.path == nil {
		return nil
	}
	pl, ok := n.path.elem()
	if !ok {
		return nil
	}
	pl.n.Slot()
	return &List{Elem: b.at(pl), slot: n.path.slot(), frame: n.path.frame, elem: pl.frame, empty: n.path.emptyDefault()}
}

// Len is the number of elements; false where it is no list.
func (l *List) Len(m *Machine) (int, bool) {
	sp := m.fr[l.frame][l.slot]
	if sp.Kind != json.Arr {
		return 0, l.empty && stateOf(&sp) == Null
	}
	return m.scan.Elems(sp).Len(), true
}

// Enter makes element i the present one, for at most cost steps.
func (l *List) Enter(m *Machine, i, cost int) bool {
	m.fr[l.elem] = m.scan.Elems(m.fr[l.frame][l.slot]).At(i)
	m.idx[l.elem] = i
	return m.charge(cost) && m.room()
}

// Put gives n with x at the path of names, as the stage `set` does: what is
// missing or null on the way becomes an object, and with opt nothing happens
// where x is null. false where only values can tell.
func (b *Builder) Put(n *Node, path []string, x *Node, opts bool) (*Node, bool) {
	b.plan.Reserve() // it may stand one object deeper than before
	switch {
	case opts && x.isNull():
		return n, true
	case opts:
		with, ok := b.Put(n, path, x, false)
		if !ok {
			return nil, false
		}
		return b.choose(isNull(x), n, with), true
	case n.alts != nil:
		return b.eachAlternative(n, func(n *Node) (*Node, bool) { return b.Put(n, path, x, false) })
	}
	es, ok := b.spread(n)
	if !ok {
		return nil, false
	}
	e := entry{key: path[0], node: x}
	if len(path) > 1 {
		child := b.Field(n, path[0])
		if child == nil {
			return nil, false
		}
		if e.node, ok = b.Put(child, path[1:], x, false); !ok {
			return nil, false
		}
	}
	out := b.inPlace(es, e)
	return out, out != nil
}

// eachAlternative changes both objects that n may be.
func (b *Builder) eachAlternative(n *Node, change func(*Node) (*Node, bool)) (*Node, bool) {
	if n.alts.depth() > maxAlternations {
		return nil, false
	}
	x, ok := change(n.alts.x)
	if !ok {
		return nil, false
	}
	y, ok := change(n.alts.y)
	if !ok {
		return nil, false
	}
	return b.choose(n.alts.cond, x, y), true
}

// depth is how many alternations are in one another.
func (a *alternation) depth() int {
	d := 0
	for _, n := range []*Node{a.x, a.y} {
		if n.alts != nil {
			d = max(d, n.alts.depth())
		}
	}
	return d + 1
}

// inPlace gives the entries with e in place of the field of its name: `set` moves
// nothing, and what is new comes last. nil: only values can tell.
func (b *Builder) inPlace(es []entry, e entry) *Node {
	at, others := -1, -1
	for i := range es {
		switch {
		case es[i].mode == rest:
			others = i
		case es[i].key == e.key:
			at = i
		}
	}
	if at < 0 {
		return b.addTo(es, others, e)
	}
	old := es[at]
	e.of, e.at, e.placeless, e.rank = old.of, old.at, old.placeless, old.rank
	switch {
	case old.mode == opt:
		// Either it is there and keeps its place, or the new one comes last.
		es[at] = e
		there := newTemplate(es)
		gone := b.addTo(slices.Delete(slices.Clone(es), at, at+1), others, entry{key: e.key, node: e.node})
		if gone == nil {
			return nil
		}
		return b.choose(isNull(old.node), gone, there)
	case old.mode == present && old.of != nil:
		e.at = old.node.path
		if p := old.node.path; p.def == nil && !p.always() { // a default has a place
			if !b.joinTail(es, old.of) {
				return nil
			}
			e.rank = b.nextRank()
		}
	case old.mode == present:
		return nil
	}
	es[at] = e
	out := newTemplate(es)
	if old.node.fallible {
		out.obj.forced = append(out.obj.forced, old.node)
		out.fallible, out.state = true, out.obj.state()
	}
	return out
}

// addTo gives the entries with e, which none of them is called like, behind them;
// others is the entry of the fields that are not known by name, which may be.
func (b *Builder) addTo(es []entry, others int, e entry) *Node {
	if others >= 0 && !slices.Contains(es[others].skip, e.key) {
		f := es[others].node.path.field(e.key)
		if f == nil || f.path == nil || es[others].of == nil || !b.joinTail(es, es[others].of) {
			return nil
		}
		e.of, e.at, e.rank = es[others].of, f.path, b.nextRank()
		return newTemplate(slices.Insert(es, groupEnd(es, others), e))
	}
	if n := len(es); n > 0 && es[n-1].of != nil {
		// It stays behind what `set` puts into the group later.
		e.of, e.placeless, e.rank = es[n-1].of, true, b.nextRank()
	}
	return newTemplate(append(es, e))
}

func (b *Builder) nextRank() uint32 {
	b.rank++
	return b.rank
}

// joinTail takes the entries behind a group into it, so that they keep their order
// against what is added to the object; false where they have an order of their own.
func (b *Builder) joinTail(es []entry, of *group) bool {
	i := len(es)
	for i > 0 && es[i-1].of != of {
		i--
		if es[i].of != nil || es[i].mode == rest || es[i].mode == present {
			return false
		}
	}
	for ; i < len(es); i++ {
		es[i].of, es[i].placeless, es[i].rank = of, true, b.nextRank()
	}
	return true
}

// groupEnd is behind the last entry of the group that begins at i.
func groupEnd(es []entry, i int) int {
	of := es[i].of
	for i < len(es) && es[i].of == of {
		i++
	}
	return i
}

// Unset gives n without what stands at the path of names.
func (b *Builder) Unset(n *Node, path []string) (*Node, bool) {
	switch {
	case n.isNull():
		return n, true
	case n.alts != nil:
		return b.eachAlternative(n, func(n *Node) (*Node, bool) { return b.Unset(n, path) })
	}
	es, ok := b.spread(n)
	if !ok {
		return nil, false
	}
	whole := &template{entries: es}
	var out *Node
	if len(path) == 1 {
		out = newTemplate(whole.without(path[0]).entries)
	} else {
		child := b.Field(n, path[0])
		switch {
		case child == nil:
			return nil, false
		case child.isNull():
			return n, true
		}
		sub, ok := b.Unset(child, path[1:])
		if !ok {
			return nil, false
		}
		// Null and missing stay what they are, and so does the object then.
		changed := b.inPlace(slices.Clone(es), entry{key: path[0], node: sub})
		if changed == nil {
			return nil, false
		}
		out = b.choose(isNull(child), newTemplate(es), changed)
	}
	if n.path != nil && split(n.path.decl).null {
		// Null stays null, and a template is never null.
		out = b.choose(isNull(n), constant(nil), out)
	}
	return out, true
}

// Object compiles the JSON of a node that must be an object; Bad where it is not.
func (n *Node) Object() func(*Machine) State {
	write := n.Write()
	switch {
	case n.kind == objectKind && n.path == nil:
		return write
	case n.path != nil && n.path.def == nil:
		slot, frame, plain := n.path.slot(), n.path.frame, passes(n.path.decl)
		return func(m *Machine) State {
			sp := &m.fr[frame][slot]
			switch {
			case sp.Kind == json.Obj && plain && sp.Flags&json.Lone == 0:
				m.Buf = append(m.Buf, m.d[sp.Start:sp.End]...)
				return Some
			case sp.Kind > json.Null && sp.Kind != json.Obj:
				return Bad
			}
			return write(m)
		}
	}
	get := n.Value()
	return func(m *Machine) State {
		v, st := get(m)
		if st != Some {
			return st
		}
		if _, ok := v.(*value.Object); !ok {
			return Bad
		}
		return write(m)
	}
}

// nth makes one element of a list of the record readable like a field:
// `.items[0].sku` is a place.
type nth struct {
	slot, elem int
	i          int // negative: from the end
	missing    []json.Span
	wrong      []json.Span // of what is no list
}

// none makes what is read of an element that is not there.
func (p *nth) none(size int) {
	p.missing, p.wrong = make([]json.Span, size), make([]json.Span, size)
	for i := range p.wrong {
		p.wrong[i].Kind = json.PathErr
	}
}

func (m *Machine) enterNth(p *nth) {
	sp := m.fr[0][p.slot]
	switch {
	case sp.Kind == json.Arr:
		els, i := m.scan.Elems(sp), p.i
		if i < 0 {
			i += els.Len()
		}
		m.fr[p.elem] = p.missing
		if i >= 0 && i < els.Len() {
			m.fr[p.elem] = els.At(i)
		}
	case stateOf(&sp) == Null:
		m.fr[p.elem] = p.missing
	default:
		m.fr[p.elem] = p.wrong
	}
}

// element compiles element i of a list; nil where only values can tell.
func (b *Builder) element(n *Node, i int) *Node {
	if n.path == nil || n.path.frame != 0 {
		return nil
	}
	pl, ok := n.path.elem()
	if !ok {
		return nil
	}
	// An element that is not there reads as null, whatever its type says, and
	// a list of any type may be none.
	pl.maybeMissing, pl.open = true, pl.open || split(n.path.decl).list == nil
	pl.n.Slot()
	b.nths = append(b.nths, nth{slot: n.path.slot(), elem: pl.frame, i: i})
	return b.at(pl)
}
