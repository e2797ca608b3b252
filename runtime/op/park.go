package op

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// A parked record lies in the store as what is needed to run it again in another
// process: a byte with the version of the form, the record, and of one that the engine
// made what it brings along. Numbers are varints, texts and values have their length in
// front, and what may be absent a byte that says so.
const parkForm = 1

// Park gives what a record that waits is stored as.
func (r *Runner) Park(route int, rec *event.Record) ([]byte, error) {
	return park(r.group, r.group.routes[route], rec)
}

func park(g *Group, r *Route, rec *event.Record) ([]byte, error) {
	w := parker{b: []byte{parkForm}, group: g}
	w.record(rec)
	if m := rec.Made; m != nil {
		w.b = append(w.b, 1)
		if err := w.made(r, m); err != nil {
			return nil, err
		}
	} else {
		w.b = append(w.b, 0)
	}
	return w.b, w.err
}

// Unpark gives the record that Park stored. Where it cannot go on, since the program was
// changed above the place at which it begins, there is an error, and beside it the record
// as its source gave it, for a letter.
func (r *Runner) Unpark(route int, b []byte) (event.Record, error) {
	return unpark(r.group, r.group.routes[route], b)
}

func unpark(g *Group, r *Route, b []byte) (event.Record, error) {
	u := unparker{reader: reader{b: b}, group: g}
	if len(b) > 0 && b[0] > parkForm {
		return event.Record{}, fmt.Errorf("a parked record has form %d and this version of Sluice reads up to %d", b[0], parkForm)
	}
	if !u.form(parkForm) {
		return event.Record{}, errParked
	}
	rec := u.record()
	if u.byte() == 0 {
		if !u.done() {
			return rec, errParked
		}
		return rec, nil
	}
	made, err := u.made(r)
	switch {
	case err != nil:
		return rec, err
	case !u.done():
		return rec, errParked
	}
	rec.Made = made
	return rec, nil
}

var (
	errParked = errors.New("what is stored of a parked record cannot be read")
	errSecret = errors.New("a secret is not stored")
)

// parker writes a parked record.
type parker struct {
	b     []byte
	group *Group
	err   error
}

func (w *parker) uvarint(n int)  { w.b = binary.AppendUvarint(w.b, uint64(n)) }
func (w *parker) varint(n int64) { w.b = binary.AppendVarint(w.b, n) }
func (w *parker) text(s string)  { w.b = append(binary.AppendUvarint(w.b, uint64(len(s))), s...) }

// bytes writes bytes that may be absent, which is not to be empty.
func (w *parker) bytes(b []byte) {
	if b == nil {
		w.uvarint(0)
		return
	}
	w.uvarint(len(b) + 1)
	w.b = append(w.b, b...)
}

func (w *parker) value(v value.Value) {
	if secret(v) {
		w.err = errSecret
		v = nil
	}
	w.b = appendSizedValue(w.b, v)
}

// secret tells whether a value holds one.
func secret(v value.Value) bool {
	switch v := v.(type) {
	case value.Secret:
		return true
	case value.List:
		return slices.ContainsFunc(v, secret)
	case *value.Object:
		for i := range v.Len() {
			if secret(v.At(i).Value) {
				return true
			}
		}
	}
	return false
}

func (w *parker) record(rec *event.Record) {
	w.text(rec.Topic)
	w.b = append(w.b, rec.TopicID[:]...)
	w.varint(int64(rec.Partition))
	w.varint(rec.Offset)
	w.varint(rec.Timestamp)
	w.bytes(rec.Key)
	w.bytes(rec.Value)
	w.uvarint(len(rec.Headers))
	for i := range rec.Headers {
		w.text(rec.Headers[i].Key)
		w.bytes(rec.Headers[i].Value)
	}
}

func (w *parker) made(r *Route, m *event.Made) error {
	w.b = append(w.b, byte(m.Kind))
	w.text(m.Path)
	w.value(m.Value)
	w.value(m.Time)
	w.value(m.Person)
	w.object(m.Window)
	var at *entry
	if m.Entry != 0 {
		if at = r.entryAt(m.Entry); at == nil {
			return fmt.Errorf("route %s: a record that waits begins at step %d, which has no name", r.plan.Name, m.Entry)
		}
	}
	if at == nil {
		w.text("")
	} else {
		w.text(at.node)
		w.b = binary.BigEndian.AppendUint64(w.b, at.print)
	}
	switch c := m.Frame.(type) {
	case nil:
		w.b = append(w.b, 0)
	case *carried:
		if at == nil {
			return fmt.Errorf("route %s: a record that brings something along begins at the source", r.plan.Name)
		}
		w.b = append(w.b, 1)
		w.carried(c, m, at)
	default:
		return fmt.Errorf("route %s: a record that waits brings a %T along", r.plan.Name, c)
	}
	return w.err
}

// object writes an object that may be absent.
func (w *parker) object(o *value.Object) {
	if o == nil {
		w.value(nil)
		return
	}
	w.value(o)
}

// What `.`, `$` and an element are, where it is something else that is written already.
const (
	itsOwn byte = iota
	asValue
	asEvent
)

// Bits of what a record brings along.
const (
	hasSlots byte = 1 << iota
	hasElement
	hasRequest
	hasPane
	isGone
	hasDead
)

func (w *parker) carried(c *carried, m *event.Made, at *entry) {
	w.b = append(w.b, flag(c.slots != nil)*hasSlots|flag(c.has)*hasElement|flag(c.request != nil)*hasRequest|flag(c.pane != nil)*hasPane|flag(c.gone)*isGone|flag(c.dead != nil)*hasDead)
	w.either(c.event, m.Value, nil)
	w.either(c.cur, m.Value, c.event)
	if c.has {
		w.either(c.element, m.Value, c.event)
	}
	w.value(c.rate)
	w.bytes(c.key)
	w.text(c.who)
	w.varint(c.notBefore)
	w.uvarint(len(c.persons))
	for _, p := range c.persons {
		w.text(p)
	}
	w.uvarint(len(c.gave))
	for _, g := range c.gave {
		sp := w.group.spaces[g.space]
		w.text(sp.Name)
		w.text(sp.IDs[g.Type].Name)
		w.text(g.Value)
	}
	if c.request != nil {
		w.text(c.request.Method)
		w.text(c.request.Path)
		w.text(c.request.RemoteIP)
		w.object(c.request.Headers)
		w.varint(int64(c.request.Element))
		w.value(c.request.At)
		w.text(c.request.WriteKey)
	}
	if c.dead != nil {
		w.object(c.dead)
	}
	if c.pane != nil {
		w.varint(*c.pane)
	}
	if c.slots == nil {
		return
	}
	w.uvarint(len(at.slots))
	for _, s := range at.slots {
		if c.has && s == c.slot { // the element
			w.value(nil)
			continue
		}
		w.value(c.slots[s])
	}
}

// either writes a value, or which one of others it is.
func (w *parker) either(v, own, event value.Value) {
	switch o, ok := v.(*value.Object); {
	case ok && own == value.Value(o):
		w.b = append(w.b, asValue)
	case ok && event == value.Value(o):
		w.b = append(w.b, asEvent)
	default:
		w.b = append(w.b, itsOwn)
		w.value(v)
	}
}

// unparker reads a parked record. After the first fault everything is nothing.
type unparker struct {
	reader
	group *Group
}

func (u *unparker) text() string { return string(u.reader.bytes()) }

// optional reads bytes that may be absent, as a copy.
func (u *unparker) optional() []byte {
	n := u.uvarint()
	if n == 0 || u.bad {
		return nil
	}
	if n > uint64(len(u.b))+1 {
		u.bad = true
		return nil
	}
	return append([]byte{}, u.take(int(n)-1)...)
}

func (u *unparker) record() event.Record {
	rec := event.Record{Topic: u.text()}
	copy(rec.TopicID[:], u.take(len(rec.TopicID)))
	rec.Partition = int32(u.varint())
	rec.Offset = u.varint()
	rec.Timestamp = u.varint()
	rec.Key = u.optional()
	rec.Value = u.optional()
	for n := u.count(2); n > 0 && !u.bad; n-- {
		rec.Headers = append(rec.Headers, event.Header{Key: u.text(), Value: u.optional()})
	}
	return rec
}

func (u *unparker) object() *value.Object {
	v := u.value()
	o, ok := v.(*value.Object)
	u.bad = u.bad || v != nil && !ok
	return o
}

func (u *unparker) made(r *Route) (*event.Made, error) {
	m := &event.Made{Kind: event.MadeKind(u.byte()), Path: u.text()}
	m.Value, m.Time, m.Person, m.Window = u.value(), u.value(), u.value(), u.object()
	if _, ok := m.Time.(time.Time); m.Time != nil && !ok {
		return nil, errParked
	}
	node := u.text()
	var at *entry
	if node != "" {
		print := u.fixed()
		if u.bad {
			return nil, errParked
		}
		at = r.entryOf(node)
		switch {
		case at == nil:
			return nil, fmt.Errorf("the record waited below %s, which is gone", node)
		case at.print != print:
			return nil, fmt.Errorf("the record waited below %s, and the stages above that were changed", node)
		}
		m.Entry = at.step
	}
	if u.byte() == 1 {
		if at == nil {
			return nil, errParked
		}
		c := u.carried(m, at, r.plan.Slots)
		if c == nil || u.bad {
			return nil, errParked
		}
		m.Frame = c
	}
	return m, nil
}

func (u *unparker) carried(m *event.Made, at *entry, slots int) *carried {
	bits := u.byte()
	c := &carried{has: bits&hasElement != 0, gone: bits&isGone != 0}
	c.event = u.either(m.Value, nil)
	c.cur = u.either(m.Value, c.event)
	if c.has && len(at.slots) == 0 {
		return nil
	}
	if c.has {
		c.element, c.slot = u.either(m.Value, c.event), at.slots[len(at.slots)-1]
	}
	c.rate = u.number()
	c.key, c.who, c.notBefore = u.optional(), u.text(), u.varint()
	for n := u.count(1); n > 0 && !u.bad; n-- {
		c.persons = append(c.persons, u.text())
	}
	for n := u.count(3); n > 0 && !u.bad; n-- {
		if g, ok := u.group.gaveOf(u.text(), u.text(), u.text()); ok {
			c.gave = append(c.gave, g)
		}
	}
	if bits&hasRequest != 0 {
		c.request = &event.Request{
			Method: u.text(), Path: u.text(), RemoteIP: u.text(), Headers: u.object(), Element: int(u.varint()), At: u.value(), WriteKey: u.text(),
		}
	}
	if bits&hasDead != 0 {
		c.dead = u.object()
	}
	if bits&hasPane != 0 {
		due := u.varint()
		c.pane = &due
	}
	if bits&hasSlots == 0 || u.bad {
		return c
	}
	if n := u.count(1); n != len(at.slots) {
		return nil
	}
	c.slots = make([]value.Value, slots)
	for _, s := range at.slots {
		c.slots[s] = u.value()
	}
	return c
}

func (u *unparker) either(own, event value.Value) value.Value {
	switch u.byte() {
	case asValue:
		return own
	case asEvent:
		return event
	}
	return u.value()
}

// gaveOf is an identifier by the names of its space and type; false where the program
// has no such one any more.
func (g *Group) gaveOf(space, typ, v string) (gave, bool) {
	if g == nil { // a route without state knows nobody
		return gave{}, false
	}
	for _, sp := range g.spaces {
		if sp.Name != space {
			continue
		}
		for i := range sp.IDs {
			if sp.IDs[i].Name == typ {
				return gave{sp.number, identity.Given{Type: i, Value: v}}, true
			}
		}
	}
	return gave{}, false
}
