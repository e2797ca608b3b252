package fuse

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/json"
)

// template is an object of which the fields are known. It exists while a route
// is compiled; at run time it is a list of literals and places that are appended.
type template struct {
	entries []entry
	// forced are fields that others replaced. They are written nowhere, but a
	// failure in one is a failure of the record.
	forced []*Node
}

// entry is one field, or the fields that are not known by name of an object in
// the record.
type entry struct {
	key  string
	node *Node
	mode mode
	skip []string // of rest: what stands in the template by name
	of   *group   // the object of the record that the field is of, or takes a place in
	at   *path    // of what stands in place of a field (`set`): that field; nil: node's own
	// Of a field that is in a group and not, or maybe not, of the record: the
	// fields that have none of its places stand behind, by rank.
	placeless bool
	rank      uint32
}

// where is the place that says in which order a field comes; nil where none does.
func (e *entry) where() *path {
	switch {
	case e.of == nil || e.placeless:
		return nil
	case e.at != nil:
		return e.at
	}
	return e.node.path
}

type mode uint8

const (
	always  mode = iota // null is written as null
	opt                 // `?:`: left out where it is null
	present             // left out where it is missing; a place of the record
	rest                // every member of an object in the record but skip
)

// maxAlternations is how many fields of one object may each be there or not in
// place of another of their name; each doubles what is compiled.
const maxAlternations = 3

// template makes an object of entries. Of one that may stand in place of another
// (`{ ...$, a?: x }`) there are two, one for each case, so that no name is written
// twice. nil: there are too many such cases.
func (b *Builder) template(es []entry, more int) *Node {
	i := len(es) - 1
	for i >= 0 && !replacesMaybe(es, i) {
		i--
	}
	switch {
	case i < 0:
		return newTemplate(es)
	case more == 0:
		return nil
	}
	gone := isNull(es[i].node)
	if es[i].mode == present {
		gone = es[i].node.path.isMissing()
	}
	without := b.template(slices.Delete(slices.Clone(es), i, i+1), more-1)
	there := slices.Clone(es)
	there[i].mode = always
	with := b.template(there, more-1)
	if without == nil || with == nil {
		return nil
	}
	return b.choose(gone, without, with)
}

// replacesMaybe tells whether entry i may or may not stand in place of another.
func replacesMaybe(es []entry, i int) bool {
	e := &es[i]
	if e.mode != opt && (e.mode != present || e.node.path == nil || e.node.path.always()) {
		return false
	}
	return slices.ContainsFunc(es[:i], func(x entry) bool {
		return x.mode != rest && x.key == e.key || x.mode == rest && !slices.Contains(x.skip, e.key)
	})
}

// newTemplate settles which entry of a name counts. A field that another one
// certainly replaces is not written; where it may be replaced both are, and the
// last one counts for every reader of JSON.
func newTemplate(entries []entry) *Node {
	t := &template{}
	var last []string // keys that certainly come later
	for _, e := range slices.Backward(entries) {
		switch {
		case e.mode == rest:
			e.skip = append(slices.Clone(e.skip), last...)
		case slices.Contains(last, e.key):
			if e.node.fallible {
				t.forced = append(t.forced, e.node)
			}
			continue
		case e.mode == always, e.mode == present && e.node.path != nil && e.node.path.always():
			last = append(last, e.key)
		}
		t.entries = append(t.entries, e)
	}
	slices.Reverse(t.entries)
	n := &Node{kind: objectKind, obj: t}
	for i := range t.entries {
		n.fallible = n.fallible || t.entries[i].node.fallible
	}
	n.fallible = n.fallible || len(t.forced) > 0
	n.state = t.state()
	return n
}

// state is Some where every field can be computed.
func (t *template) state() stateFn {
	var may []stateFn
	for _, f := range t.forced {
		may = append(may, f.State())
	}
	for i := range t.entries {
		if n := t.entries[i].node; n.fallible {
			may = append(may, n.State())
		}
	}
	return func(m *Machine) State {
		for _, st := range may {
			if st(m) == Bad {
				return Bad
			}
		}
		return Some
	}
}

// spread gives the entries that `...n` stands for; false where only the
// reference evaluator can tell.
func (b *Builder) spread(n *Node) ([]entry, bool) {
	switch {
	case n.isNull():
		return nil, true
	case n.obj != nil:
		// What a replaced field may fail with is not carried along.
		return slices.Clone(n.obj.entries), len(n.obj.forced) == 0
	case n.lit != nil:
		o, ok := n.lit.v.(*value.Object)
		if !ok {
			return nil, false
		}
		var es []entry
		for i := range o.Len() {
			es = append(es, entry{key: o.At(i).Key, node: constant(o.At(i).Value)})
		}
		return es, true
	case n.path != nil && n.path.def == nil && !n.path.open:
		return n.path.spread()
	}
	return nil, false
}

func (p *path) spread() ([]entry, bool) {
	a := split(p.decl)
	if a.obj == nil || a.mask&^(json.MaskObj|json.MaskNull) != 0 || len(a.texts) > 0 {
		return nil, false
	}
	var es []entry
	of := &group{}
	if a.obj.Kind == types.Map || a.obj.Rest != nil {
		if a.obj.Kind == types.Map && !passes(a.obj.Elem) || a.obj.Rest != nil && !passes(a.obj.Rest) {
			return nil, false
		}
		e := entry{node: p.b.at(p.place), mode: rest, of: of}
		for i := range a.obj.Fields {
			e.skip = append(e.skip, a.obj.Fields[i].Name)
		}
		es = append(es, e)
	}
	for i := range a.obj.Fields {
		name := a.obj.Fields[i].Name
		f := p.field(name)
		if f == nil || f.path == nil {
			return nil, false
		}
		es = append(es, entry{key: name, node: f, mode: present, of: of})
	}
	return es, true
}

// without gives the template less one field.
func (t *template) without(name string) *template {
	out := &template{forced: t.forced}
	for _, e := range t.entries {
		switch {
		case e.mode == rest:
			e.skip = append(slices.Clone(e.skip), name)
		case e.key == name:
			if e.node.fallible {
				out.forced = append(slices.Clone(out.forced), e.node)
			}
			continue
		}
		out.entries = append(out.entries, e)
	}
	return out
}

// field is what reading a field of the object gives; nil where it cannot be told
// beforehand.
func (t *template) field(b *Builder, name string) *Node {
	var maybe []*Node // fields that count where they are not null
	for _, e := range slices.Backward(t.entries) {
		var n *Node
		switch {
		case e.mode == rest:
			if slices.Contains(e.skip, name) {
				continue
			}
			if n = e.node.path.field(name); n == nil {
				return nil
			}
		case e.key != name:
			continue
		default:
			n = e.node
		}
		maybe = append(maybe, n)
		if e.mode == always {
			break
		}
		if e.mode != opt && !n.path.onlyMissing() {
			// Null here would hide what stands before it, missing would not.
			if t.before(e, name) {
				return nil
			}
			break
		}
	}
	if len(maybe) == 0 {
		return constant(nil)
	}
	n := maybe[len(maybe)-1]
	for _, m := range slices.Backward(maybe[:len(maybe)-1]) {
		n = b.coalesce(m, n)
	}
	return n
}

// onlyMissing tells whether null at the place always means that it is missing.
func (p *path) onlyMissing() bool { return !split(p.decl).null }

// before tells whether an entry of that name may stand before e.
func (t *template) before(e entry, name string) bool {
	for i := range t.entries {
		x := &t.entries[i]
		if x.key == e.key && x.mode == e.mode && x.node == e.node {
			return false
		}
		if x.mode == rest && !slices.Contains(x.skip, name) || x.mode != rest && x.key == name {
			return true
		}
	}
	return false
}

// op appends a literal and then, maybe, a value.
type op struct {
	lit  []byte
	kind opKind
	mode mode
	// fast says of which kinds of JSON a place is copied as it stands, when it has
	// at least min bytes. Everything else goes through write.
	fast        json.Mask
	min         uint32
	time        bool // of text: only a time as the language writes it
	place       bool // slot and frame say where
	slot, frame int
	write       writeFn
	skip        []string
	bit         uint8 // told in Machine.has where the value was written
	pos         order // of a field of a group
	def         bool  // it is written where its place is missing
	n           int   // of opOrder and opWalk: how many ops write fields of one object
}

type opKind uint8

const (
	opLit opKind = iota
	opWrite
	opRest
	opOrder // the next ops go by the order of the record
	opWalk  // and among the members that are not known by name
)

// writer compiles a template's JSON.
type writer struct {
	ops []op
	lit []byte // not yet in an op
}

func (w *writer) flush() {
	if len(w.lit) > 0 {
		w.ops = append(w.ops, op{lit: w.lit})
		w.lit = nil
	}
}

// members compiles the fields, each with a comma in front.
func (w *writer) members(t *template) {
	from, to := t.groups()
	for i := range t.entries {
		e := &t.entries[i]
		if len(from) > 0 && from[0] == i {
			w.flush()
			if e.mode == rest {
				p := e.node.path
				w.ops = append(w.ops, op{kind: opWalk, slot: p.slot(), frame: p.frame, skip: e.skip, n: to[0] - i - 1})
				from, to = from[1:], to[1:]
				continue
			}
			w.ops = append(w.ops, op{kind: opOrder, n: to[0] - i})
			from, to = from[1:], to[1:]
		}
		if e.mode == rest {
			w.flush()
			p := e.node.path
			w.ops = append(w.ops, op{kind: opRest, slot: p.slot(), frame: p.frame, skip: e.skip})
			continue
		}
		w.member(e, ',')
	}
}

func (w *writer) member(e *entry, first byte) {
	key := json.AppendString([]byte{first}, e.key)
	key = append(key, ':')
	if e.mode != always || e.of != nil {
		w.flush()
		w.value(key, e.node, e.mode)
		o := &w.ops[len(w.ops)-1]
		o.pos, o.def = e.order(), o.def || e.mode != present
		return
	}
	w.lit = append(w.lit, key...)
	switch n := e.node; {
	case n.lit != nil:
		w.lit = append(w.lit, n.lit.json...)
	case n.obj != nil && n.obj.begins() && len(n.obj.forced) == 0:
		w.object(n.obj)
	default:
		lit := w.lit
		w.lit = nil
		w.value(lit, n, always)
	}
}

// begins tells whether the first field is always written.
func (t *template) begins() bool {
	return len(t.entries) == 0 || t.entries[0].mode == always && t.entries[0].of == nil
}

// object compiles a template that begins.
func (w *writer) object(t *template) {
	if len(t.entries) == 0 {
		w.lit = append(w.lit, "{}"...)
		return
	}
	w.member(&t.entries[0], '{')
	w.members(&template{entries: t.entries[1:]})
	w.lit = append(w.lit, '}')
}

func (w *writer) value(lit []byte, n *Node, md mode) {
	o := op{lit: lit, mode: md, kind: opWrite, write: n.Write()}
	if n.path != nil {
		o.slot, o.frame = n.path.slot(), n.path.frame
		o.def = n.path.def != nil
		switch {
		case passes(n.path.decl):
			o.fast = json.MaskAny &^ json.MaskNull
		case n.path.isTime():
			o.fast, o.time = json.MaskStr, true
		}
	}
	w.ops = append(w.ops, o)
}

// write compiles the whole object, and what others replaced in it.
func (t *template) write() writeFn {
	if len(t.forced) > 0 {
		all, rest := t.state(), (&template{entries: t.entries}).write()
		return func(m *Machine) State {
			if all(m) == Bad {
				return Bad
			}
			return rest(m)
		}
	}
	if t.begins() {
		w := &writer{}
		w.object(t)
		w.flush()
		return run(w.ops)
	}
	members := t.compile()
	return func(m *Machine) State {
		start := len(m.Buf)
		if members(m) == Bad {
			return Bad
		}
		m.closeObject(start)
		return Some
	}
}

// compile compiles the fields alone, each with a comma in front.
func (t *template) compile() writeFn {
	w := &writer{}
	w.members(t)
	w.flush()
	return run(w.ops)
}

// run appends op by op. It keeps the buffer and the frame at hand in variables:
// this loop is most of what an event costs behind the scan.
func run(ops []op) writeFn {
	return func(m *Machine) State {
		buf, d := m.Buf, m.d
		var fr []json.Span
		frame := -1
		for i := 0; i < len(ops); i++ {
			o := &ops[i]
			before := len(buf)
			buf = append(buf, o.lit...)
			if o.fast != 0 {
				if o.frame != frame {
					frame, fr = o.frame, m.fr[o.frame]
				}
				sp := &fr[o.slot]
				start, end := sp.Start, sp.End
				if o.fast>>sp.Kind&1 != 0 && end-start >= o.min && sp.Flags&json.Lone == 0 && (!o.time || canonicalTime(d[start:end])) {
					if sp.Kind == json.Str || sp.Kind == json.StrEsc {
						start, end = start-1, end+1
					}
					buf = append(buf, d[start:end]...)
					m.has |= o.bit
					continue
				}
			}
			m.Buf = buf
			switch o.kind {
			case opOrder:
				fields := ops[i+1 : i+1+o.n]
				if m.ordered(fields) {
					continue
				}
				if !m.reorder(fields) {
					return Bad
				}
				i += o.n
			case opWalk:
				if !m.among(o, ops[i+1:i+1+o.n]) {
					return Bad
				}
				i += o.n
			default:
				if !m.runSlow(o, before) {
					return Bad
				}
			}
			buf = m.Buf
		}
		m.Buf = buf
		return Some
	}
}

// runSlow does an op behind its literal, which begins at before; false for Bad.
func (m *Machine) runSlow(o *op, before int) bool {
	switch o.kind {
	case opLit:
		return true
	case opRest:
		return m.rest(o)
	}
	switch st := o.write(m); {
	case st == Some:
		m.has |= o.bit
		return true
	case st == Bad:
		return false
	case o.mode == always, o.mode == present && m.fr[o.frame][o.slot].Kind == json.Null:
		m.Buf = append(m.Buf, "null"...)
	default:
		m.Buf = m.Buf[:before]
	}
	return true
}

// rest writes the members of an object in the record but those that stand in
// the template by name.
func (m *Machine) rest(o *op) bool {
	sp := m.fr[o.frame][o.slot]
	if sp.Kind != json.Obj {
		return stateOf(&sp) == Null
	}
	for w := json.MembersOf(m.d, sp); w.Next(); {
		m.other(o, &w)
	}
	return true
}

// other writes a member, unless it stands in the template by name.
func (m *Machine) other(o *op, w *json.Members) {
	if slices.ContainsFunc(o.skip, func(k string) bool { return json.EqualText(m.d, w.Key, k) }) {
		return
	}
	m.Buf = append(m.Buf, ',')
	m.Buf = json.AppendRaw(m.Buf, m.d, w.Key)
	m.Buf = append(m.Buf, ':')
	m.Buf = json.AppendRaw(m.Buf, m.d, w.Val)
}

// build compiles the object as a value.
func (t *template) build() valueFn {
	gets := make([]valueFn, len(t.entries))
	orders := make([]order, len(t.entries))
	for i := range t.entries {
		gets[i] = t.entries[i].node.Value()
		if t.entries[i].of != nil {
			orders[i] = t.entries[i].order()
		}
	}
	all := (&template{forced: t.forced}).state()
	from, to := t.groups()
	return func(m *Machine) (value.Value, State) {
		if all(m) == Bad {
			return nil, Bad
		}
		o := value.NewObject()
		next := 0
		for i := 0; i < len(t.entries); i++ {
			if next < len(from) && from[next] == i {
				if !t.buildGroup(m, o, gets, orders, i, to[next]) {
					return nil, Bad
				}
				i = to[next] - 1
				next++
			} else if !t.buildEntry(m, o, gets, i) {
				return nil, Bad
			}
		}
		return o, Some
	}
}

// buildEntry puts what an entry gives into o; false for Bad.
func (t *template) buildEntry(m *Machine, o *value.Object, gets []valueFn, i int) bool {
	e := &t.entries[i]
	missing := false
	if e.mode == present {
		p := e.node.path
		if m.fr[p.frame][p.n.Slot()].Kind == json.Missing {
			missing = true
		}
	}
	v, st := gets[i](m)
	switch {
	case missing && st == Null: // and no default
	case st == Bad:
		return false
	case e.mode == rest:
		if r, ok := v.(*value.Object); ok {
			for j := range r.Len() {
				if f := r.At(j); !slices.Contains(e.skip, f.Key) {
					o.Put(f.Key, f.Value)
				}
			}
		}
	case st == Some || e.mode != opt:
		o.Put(e.key, v)
	}
	return true
}
