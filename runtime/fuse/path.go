package fuse

import (
	"time"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/json"
)

// place is a place in the record as the plan of the scan knows it.
type place struct {
	n     *json.Node
	frame int // whose present frame its slot is in
	decl  *types.Type
	// open: something above it is of any kind, so the path may lead through text.
	open bool
	// def stands in where the place is missing or null in an object that is there
	// (owner, nil where it always is); nil: null does.
	def   *literal
	owner *json.Node
	// maybeMissing: the field, or one above it, is optional or may be null.
	maybeMissing bool
}

// path reads a place. Its slot is taken when a reading is compiled: of
// `.customer.id` only the id is noted by the scan.
type path struct {
	b *Builder
	place
}

func (b *Builder) at(p place) *Node {
	return &Node{kind: kindOf(p.decl), trivial: true, fallible: p.open, path: &path{b, p}}
}

// slot gives a closure's way to the span.
func (p *path) slot() int {
	slot := p.n.Slot()
	p.b.sizes[p.frame] = max(p.b.sizes[p.frame], slot+1)
	return slot
}

func stateOf(sp *json.Span) State {
	switch sp.Kind {
	case json.Missing, json.Null:
		return Null
	case json.PathErr:
		return Bad
	}
	return Some
}

// field is the place of a member; nil where the reference evaluator must say.
func (p *path) field(name string) *Node {
	if p.def != nil {
		if o, ok := p.def.v.(*value.Object); !ok || o.Len() > 0 {
			return nil
		}
	}
	a := split(p.decl)
	child := place{n: p.n.Key(name), frame: p.frame, open: p.open}
	switch {
	case a.any:
		child.decl, child.open = types.AnyT, true
	case a.obj == nil:
		return nil
	case a.obj.Kind == types.Map:
		child.decl = a.obj.Elem
	default:
		f, ok := a.obj.Field(name)
		switch {
		case !ok && a.obj.Rest == nil:
			// A view does not have what its type does not declare.
			return constant(nil)
		case !ok:
			child.decl = a.obj.Rest
		default:
			child.decl = f.Type
			child.maybeMissing = f.Optional || a.null || p.maybeMissing
			if f.HasDef {
				child.def = constant(f.Default).lit
				if a.null || p.maybeMissing {
					child.owner = p.n
				}
			}
		}
	}
	// Beside an object the value may be of another kind, and that has no fields.
	if a.mask&^(json.MaskObj|json.MaskNull) != 0 || len(a.texts) > 0 {
		child.open = true
	}
	return p.b.at(child)
}

// elem is the place of the elements of a list, in a frame of their own; false
// where it is not certainly a list of such.
func (p *path) elem() (place, bool) {
	if p.def != nil && !p.emptyDefault() {
		return place{}, false
	}
	a := split(p.decl)
	decl := types.AnyT
	switch {
	case a.list != nil:
		decl = a.list.Elem
	case !a.any:
		return place{}, false
	}
	return place{n: p.n.Each(), frame: p.b.frame(), decl: decl, open: a.any || p.open}, true
}

// emptyDefault tells whether an empty list stands in for null, as in `.lines ?? []`.
func (p *path) emptyDefault() bool {
	if p.def == nil || p.owner != nil {
		return false
	}
	l, ok := p.def.v.(value.List)
	return ok && len(l) == 0
}

// orEmpty gives the place with [] standing in for null; nil where something does
// already.
func (p *path) orEmpty() *Node {
	if p.def != nil {
		return nil
	}
	pl := p.place
	pl.def = constant(value.List{}).lit
	return p.b.at(pl)
}

// always tells whether the field is there in every record that has the shape, or
// its default is.
func (p *path) always() bool {
	return !p.open && (!p.maybeMissing || p.def != nil && p.owner == nil)
}

// isMissing is the condition that the field is not there, and has no default.
func (p *path) isMissing() *Node {
	slot, frame := p.slot(), p.frame
	gone := func(m *Machine) (bool, State) { return m.fr[frame][slot].Kind == json.Missing, Some }
	if d := p.instead(); d != nil {
		there := d.State()
		gone = func(m *Machine) (bool, State) {
			return m.fr[frame][slot].Kind == json.Missing && there(m) == Null, Some
		}
	}
	return boolNode(false, gone)
}

func (p *path) state() stateFn {
	slot, frame, d := p.slot(), p.frame, p.instead()
	if d == nil {
		return func(m *Machine) State { return stateOf(&m.fr[frame][slot]) }
	}
	other := d.State()
	return func(m *Machine) State {
		st := stateOf(&m.fr[frame][slot])
		if st == Null {
			return other(m)
		}
		return st
	}
}

// instead is the node that stands in for null; nil for none.
func (p *path) instead() *Node {
	if p.def == nil {
		return nil
	}
	if p.owner == nil {
		return constant(p.def.v)
	}
	slot, frame := (&path{p.b, place{n: p.owner, frame: p.frame}}).slot(), p.frame
	there := boolNode(false, func(m *Machine) (bool, State) { return m.fr[frame][slot].Kind == json.Obj, Some })
	return p.b.choose(there, constant(p.def.v), constant(nil))
}

func (p *path) text() textFn {
	slot, frame := p.slot(), p.frame
	read := func(m *Machine) ([]byte, State) {
		sp := &m.fr[frame][slot]
		switch sp.Kind {
		case json.Str:
			return m.d[sp.Start:sp.End], Some
		case json.StrEsc:
			start := len(m.scratch)
			m.scratch = json.Unescape(m.scratch, sp.Bytes(m.d))
			return m.scratch[start:len(m.scratch):len(m.scratch)], Some
		case json.Missing, json.Null:
			return nil, Null
		}
		return nil, Bad
	}
	if d := p.instead(); d != nil {
		other := d.Text()
		return func(m *Machine) ([]byte, State) {
			b, st := read(m)
			if st == Null {
				return other(m)
			}
			return b, st
		}
	}
	return read
}

func (p *path) digits() textFn {
	slot, frame := p.slot(), p.frame
	read := func(m *Machine) ([]byte, State) {
		sp := &m.fr[frame][slot]
		switch sp.Kind {
		case json.Num:
			return m.d[sp.Start:sp.End], Some
		case json.Missing, json.Null:
			return nil, Null
		}
		return nil, Bad
	}
	if d := p.instead(); d != nil {
		other := d.digits()
		if other == nil {
			other = func(*Machine) ([]byte, State) { return nil, Bad }
		}
		return func(m *Machine) ([]byte, State) {
			b, st := read(m)
			if st == Null {
				return other(m)
			}
			return b, st
		}
	}
	return read
}

func (p *path) truth() truthFn {
	slot, frame, d := p.slot(), p.frame, p.instead()
	var other truthFn
	if d != nil {
		other = d.Bool()
	}
	return func(m *Machine) (bool, State) {
		switch m.fr[frame][slot].Kind {
		case json.True:
			return true, Some
		case json.False:
			return false, Some
		case json.Missing, json.Null:
			if other != nil {
				return other(m)
			}
			return false, Null
		}
		return false, Bad
	}
}

func (p *path) time() timeFn {
	slot, frame, d := p.slot(), p.frame, p.instead()
	var other timeFn
	if d != nil {
		other = d.Instant()
	}
	return func(m *Machine) (time.Time, State) {
		sp := m.fr[frame][slot]
		switch sp.Kind {
		case json.Missing, json.Null:
			if other != nil {
				return other(m)
			}
			return time.Time{}, Null
		case json.PathErr:
			return time.Time{}, Bad
		}
		t, ok := timeOf(m.d, sp)
		if !ok {
			return t, Bad
		}
		return t, Some
	}
}

// timeOf reads a time as types.Judge does: RFC 3339, or an epoch number.
func timeOf(d []byte, sp json.Span) (time.Time, bool) {
	switch sp.Kind {
	case json.Str:
		if t, ok := commonTime(sp.Bytes(d)); ok {
			return t, true
		}
		t, err := value.ParseTime(string(sp.Bytes(d)))
		return t, err == nil
	case json.StrEsc:
		t, err := value.ParseTime(string(json.AppendText(nil, d, sp)))
		return t, err == nil
	case json.Num:
		n, ok := parse(sp.Bytes(d))
		if !ok {
			return time.Time{}, false
		}
		t, err := value.TimeFromEpoch(n)
		return t, err == nil
	}
	return time.Time{}, false
}

// commonTime reads the forms that nearly all times have, without garbage:
// 2026-03-01T10:20:30, up to nine digits of a second, and Z or an offset. false:
// value.ParseTime must say.
func commonTime(b []byte) (time.Time, bool) {
	const seconds = len("2026-03-01T10:20:30")
	if len(b) <= seconds {
		return time.Time{}, false
	}
	var whole [24]byte
	copy(whole[:], b[:seconds])
	copy(whole[seconds:], ".000Z")
	ms, ok := json.ParseTime(whole[:])
	if !ok {
		return time.Time{}, false
	}
	b = b[seconds:]
	nanos := int64(0)
	if b[0] == '.' {
		i, unit := 1, int64(time.Second)
		for ; i < len(b) && b[i]-'0' < 10 && unit > 1; i++ {
			unit /= 10
			nanos += int64(b[i]-'0') * unit
		}
		if i == 1 {
			return time.Time{}, false
		}
		b = b[i:]
	}
	offset, ok := commonOffset(b)
	t := time.Unix(ms/1000-offset, nanos).UTC()
	return t, ok && t.Year() >= 1 && t.Year() <= 9999
}

// commonOffset reads Z or ±hh:mm up to 14 hours, in seconds.
func commonOffset(b []byte) (int64, bool) {
	switch {
	case len(b) == 1 && b[0] == 'Z':
		return 0, true
	case len(b) != 6 || b[3] != ':' || b[0] != '+' && b[0] != '-':
		return 0, false
	}
	for _, i := range [...]int{1, 2, 4, 5} {
		if b[i]-'0' > 9 {
			return 0, false
		}
	}
	hours, minutes := int64(b[1]-'0')*10+int64(b[2]-'0'), int64(b[4]-'0')*10+int64(b[5]-'0')
	if hours > 14 || minutes > 59 {
		return 0, false
	}
	s := hours*3600 + minutes*60
	if b[0] == '-' {
		s = -s
	}
	return s, true
}

func (p *path) value() valueFn {
	slot, frame, decl := p.slot(), p.frame, p.decl
	other := constant(nil).value
	if d := p.instead(); d != nil {
		other = d.Value()
	}
	return func(m *Machine) (value.Value, State) {
		sp := m.fr[frame][slot]
		switch st := stateOf(&sp); {
		case st == Null:
			return other(m)
		case st != Some:
			return nil, st
		}
		v, ok := decode(m.d, sp)
		if !ok {
			return nil, Bad
		}
		if v, ok = judged(v, decl); !ok {
			return nil, Bad
		}
		return v, Some
	}
}

// decode makes the value of a span.
func decode(d []byte, sp json.Span) (value.Value, bool) {
	switch sp.Kind {
	case json.True:
		return true, true
	case json.False:
		return false, true
	case json.Num:
		return value.ParseNumber(string(sp.Bytes(d)))
	case json.Str, json.StrEsc:
		return string(json.AppendText(nil, d, sp)), true
	}
	v, err := value.DecodeJSON(sp.Raw(d))
	return v, err == nil
}

func (p *path) write() writeFn {
	read := p.writeHere()
	d := p.instead()
	if d == nil || d.isNull() {
		return read
	}
	other := d.Write()
	return func(m *Machine) State {
		st := read(m)
		if st == Null {
			return other(m)
		}
		return st
	}
}

// writeHere writes the place itself, without its default.
func (p *path) writeHere() writeFn {
	if passes(p.decl) {
		slot, frame := p.slot(), p.frame
		return func(m *Machine) State {
			sp := &m.fr[frame][slot]
			st := stateOf(sp)
			if st == Some {
				m.Buf = json.AppendRaw(m.Buf, m.d, *sp)
			}
			return st
		}
	}
	a := split(p.decl)
	switch {
	case !a.ok:
	case a.time:
		return p.writeTime()
	case a.list != nil && a.obj == nil:
		return p.writeList(a)
	case a.obj != nil && a.obj.Kind == types.Object && a.list == nil && a.obj.Rest == nil:
		return p.writeView(a)
	}
	get := (&path{p.b, p.withoutDefault()}).value()
	return func(m *Machine) State {
		v, st := get(m)
		if st == Some {
			m.Buf = value.AppendJSON(m.Buf, v)
		}
		return st
	}
}

func (p *path) withoutDefault() place {
	pl := p.place
	pl.def = nil
	return pl
}

// writeTime copies a time that is written as the language writes it.
func (p *path) writeTime() writeFn {
	slot, frame := p.slot(), p.frame
	return func(m *Machine) State {
		sp := &m.fr[frame][slot]
		switch st := stateOf(sp); {
		case st != Some:
			return st
		case sp.Kind == json.Str && canonicalTime(m.d[sp.Start:sp.End]):
			m.Buf = append(m.Buf, m.d[sp.Start-1:sp.End+1]...)
			return Some
		}
		t, ok := timeOf(m.d, *sp)
		if !ok {
			return Bad
		}
		m.Buf = appendTime(m.Buf, t)
		return Some
	}
}

// isTime tells whether the place is a time or null, by a check of the shape.
func (p *path) isTime() bool {
	a := split(p.decl)
	return a.ok && a.time
}

// canonicalTime tells whether what is known to be a time (a check of the shape
// has read it) is written as the language writes times.
func canonicalTime(b []byte) bool {
	return len(b) == 24 && b[10] == 'T' && b[19] == '.' && b[23] == 'Z'
}

// quoted appends the JSON of a text and gives the text.
func (p *path) quoted() textFn {
	text := p.text()
	slot, frame := p.slot(), p.frame
	return func(m *Machine) ([]byte, State) {
		if sp := &m.fr[frame][slot]; sp.Kind == json.Str {
			m.Buf = append(m.Buf, m.d[sp.Start-1:sp.End+1]...)
			return m.d[sp.Start:sp.End], Some
		}
		b, st := text(m)
		if st == Some {
			m.Buf = json.AppendString(m.Buf, b)
		}
		return b, st
	}
}

// writeView writes what a type declares of an object and leaves the rest out.
func (p *path) writeView(a alternatives) writeFn {
	t, of := &template{}, &group{}
	for i := range a.obj.Fields {
		name := a.obj.Fields[i].Name
		f := p.field(name)
		if f == nil {
			p.b.refuse("a default that is an object with fields")
			return nil
		}
		t.entries = append(t.entries, entry{key: name, node: f, mode: present, of: of})
	}
	slot, frame := p.slot(), p.frame
	members := t.write()
	other := a.mask &^ (json.MaskObj | json.MaskNull)
	hasTexts := len(a.texts) > 0
	return func(m *Machine) State {
		sp := &m.fr[frame][slot]
		switch {
		case sp.Kind == json.Obj:
			return members(m)
		case sp.Kind > json.Null && (other != 0 || hasTexts):
			m.Buf = json.AppendRaw(m.Buf, m.d, *sp)
			return Some
		}
		return stateOf(sp)
	}
}

// writeList writes each element by its own declared type.
func (p *path) writeList(a alternatives) writeFn {
	pl, ok := (&path{p.b, p.withoutDefault()}).elem()
	if !ok {
		return nil
	}
	elem := p.b.at(pl)
	write := elem.Write()
	slot, frame := p.slot(), p.frame
	return func(m *Machine) State {
		sp := &m.fr[frame][slot]
		switch {
		case sp.Kind > json.Null && sp.Kind != json.Arr:
			m.Buf = json.AppendRaw(m.Buf, m.d, *sp)
			return Some
		case sp.Kind != json.Arr:
			return stateOf(sp)
		}
		els := m.scan.Elems(*sp)
		start := len(m.Buf)
		for i := range els.Len() {
			m.fr[pl.frame] = els.At(i)
			m.Buf = append(m.Buf, ',')
			switch write(m) {
			case Bad:
				return Bad
			case Null:
				m.Buf = append(m.Buf, "null"...)
			}
		}
		m.closeList(start)
		return Some
	}
}

// closeList ends a list of which every element was written with a comma in front.
func (m *Machine) closeList(start int) {
	if len(m.Buf) == start {
		m.Buf = append(m.Buf, '[')
	} else {
		m.Buf[start] = '['
	}
	m.Buf = append(m.Buf, ']')
}

// closeObject ends an object of which every member was written with a comma in front.
func (m *Machine) closeObject(start int) {
	if len(m.Buf) == start {
		m.Buf = append(m.Buf, '{')
	} else {
		m.Buf[start] = '{'
	}
	m.Buf = append(m.Buf, '}')
}
