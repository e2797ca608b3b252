package op

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// person is a person as a stage binds them: as they were there, whatever becomes of
// them below. A value is made only of what is read.
type person struct {
	of        *space
	who       identity.Person
	merged    bool // this record merged others into them
	ambiguous bool // others match, too
	key       []byte
}

// personField is a field of a person's object.
type personField struct {
	name string
	what personPart
	typ  int // of an identifier: in the space
}

type personPart uint8

const (
	personID personPart = iota
	personIdentifier
	personAnonymous
	personIDs
	personKnown
	personMerged
	personAmbiguous
)

// personFields tells what the fields of a person's object are.
func personFields(s *ir.Space) []personField {
	out := make([]personField, len(s.Person.Fields))
	for i := range s.Person.Fields {
		f := &out[i]
		switch f.name = s.Person.Fields[i].Name; f.name {
		case "id":
			f.what = personID
		case "anonymous_id":
			f.what = personAnonymous
		case "ids":
			f.what = personIDs
		case "known":
			f.what = personKnown
		case "merged":
			f.what = personMerged
		case "ambiguous":
			f.what = personAmbiguous
		default:
			f.what = personIdentifier
			f.typ = slices.IndexFunc(s.IDs, func(id ir.Identifier) bool { return id.Name == f.name })
		}
	}
	return out
}

// take makes it the person that identity tells of, whose own memory is good only until
// its next call.
func (p *person) take(of *space, who *identity.Person) {
	ids := append(p.who.IDs[:0], who.IDs...)
	p.of, p.who = of, *who
	p.who.IDs, p.who.Shared = ids, nil
	p.merged, p.ambiguous = false, false
}

// Text is fuse.Lazy's.
func (p *person) Text(field int) (string, bool) {
	switch f := &p.of.fields[field]; f.what {
	case personID:
		return p.who.ID, true
	case personAnonymous:
		return p.who.Anonymous, true
	case personIdentifier:
		s := p.who.Value(f.typ)
		return s, s != ""
	}
	return "", false
}

// Value is fuse.Lazy's.
func (p *person) Value(field int) value.Value {
	switch p.of.fields[field].what {
	case personIDs:
		return idsValue(p.of, p.who.IDs)
	case personKnown:
		return p.who.Known
	case personMerged:
		return p.merged
	case personAmbiguous:
		return p.ambiguous
	}
	if s, ok := p.Text(field); ok {
		return s
	}
	return nil
}

// Whole is fuse.Lazy's.
func (p *person) Whole() *value.Object {
	fields := make([]value.Field, len(p.of.fields))
	for i := range fields {
		fields[i] = value.Field{Key: p.of.fields[i].name, Value: p.Value(i)}
	}
	return value.ObjectOf(fields)
}

// idsValue lists identifiers: [{ type, value }].
func idsValue(of *space, ids []identity.ID) value.List {
	out := make(value.List, len(ids))
	for i := range ids {
		out[i] = value.NewObject(value.Field{Key: "type", Value: of.IDs[ids[i].Type].Name}, value.Field{Key: "value", Value: ids[i].Value})
	}
	return out
}

// personOf gives who somebody is today, redirects followed. Of one whom nobody knows
// any more only the id is left.
func (fr *Frame) personOf(sp *space, id string) *value.Object {
	pl := fr.people[sp.number]
	who, ok := pl.ids.Person(&pl.cells, id)
	if !ok {
		who = &identity.Person{ID: id, Anonymous: id}
	}
	var p person
	p.take(sp, who)
	return p.Whole()
}

// idOf gives the id of a person's object.
func idOf(p *value.Object) string {
	v, _ := p.Get("id")
	s, _ := v.(string)
	return s
}

// seat is where a stage of the route keeps the person that it binds.
func (fr *Frame) seat(i int) *person {
	for len(fr.seats) <= i {
		fr.seats = append(fr.seats, &person{})
	}
	return fr.seats[i]
}

// erasable are the keys under which something of a person may be remembered: their id
// and those of who became them, their anonymous id and every identifier.
func erasable(p *identity.Person) []string {
	keys := []string{p.ID}
	add := func(k string) {
		if k != "" && !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	add(p.Anonymous)
	for i := range p.IDs {
		add(p.IDs[i].Value)
	}
	for _, id := range p.Former {
		add(id)
	}
	return keys
}
