package golden

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// identity reads a person: {"identity":SPACE,"ids":{"user_id":"u1","email":["a","b"]}},
// before the inputs with "at", and of one who is expected with "id".
func (p *parser) identity(o *value.Object, before bool) error {
	if name, ok := textField(o, "identity"); !ok || name == "" {
		return p.errf("a person needs the name of their space: {\"identity\":\"NAME\",\"ids\":{…}}")
	}
	more := !before && admitsMore(o)
	for i := range o.Len() {
		switch f := o.At(i); {
		case f.Key == "identity":
		case f.Key == "ids":
			ids, ok := f.Value.(*value.Object)
			if !ok || ids.Len() == 0 {
				return p.errf("ids are an object: {\"user_id\":\"u1\",\"email\":[\"a@x.io\",\"b@x.io\"]}")
			}
		case f.Key == "at" && before:
			if err := p.at(o, f.Value, true); err != nil {
				return err
			}
		case f.Key == "id" && !before:
			if _, ok := f.Value.(string); !ok {
				return p.errf("id is a text")
			}
		default:
			if f.Key != "..." || !more {
				return p.errf("a person has no field %q", f.Key)
			}
		}
	}
	if !o.Has("ids") && !more {
		return p.errf("a person needs their ids")
	}
	return nil
}

// person is a row of `-- tables --` that says who is there before.
func (c *Case) person(p *plan.Plan, o *value.Object) (sim.Person, error) {
	name, _ := textField(o, "identity")
	i := slices.IndexFunc(p.Spaces, func(s *ir.Space) bool { return s.Name == name })
	if i < 0 {
		return sim.Person{}, fmt.Errorf("the program declares no identity %s%s", name, thereAre(p.Spaces, func(s *ir.Space) string { return s.Name }))
	}
	who := sim.Person{Space: p.Spaces[i], At: c.Now.UnixMicro()}
	ids, _ := o.Get("ids")
	var err error
	if who.IDs, err = givenOf(who.Space, ids.(*value.Object)); err != nil {
		return who, err
	}
	if text, ok := textField(o, "at"); ok {
		at, err := value.ParseTime(text)
		if err != nil {
			return who, fmt.Errorf("at: %w", err)
		}
		who.At = at.UnixMicro()
	}
	return who, nil
}

// givenOf reads identifiers by the names of their types; a list is several of a type.
func givenOf(s *ir.Space, ids *value.Object) ([]identity.Given, error) {
	var out []identity.Given
	for i := range ids.Len() {
		f := ids.At(i)
		typ := slices.IndexFunc(s.IDs, func(id ir.Identifier) bool { return id.Name == f.Key })
		if typ < 0 {
			return nil, fmt.Errorf("identity %s has no identifier %s%s", s.Name, f.Key, thereAre(s.IDs, func(id ir.Identifier) string { return id.Name }))
		}
		for _, v := range several(f.Value) {
			text, ok := v.(string)
			if !ok {
				return nil, fmt.Errorf("%s: expected a text or a list of texts", f.Key)
			}
			out = append(out, identity.Given{Type: typ, Value: text})
		}
	}
	return out, nil
}

// several is a list as it is, and of anything else the list of it.
func several(v value.Value) value.List {
	if l, ok := v.(value.List); ok {
		return l
	}
	return value.List{v}
}

// unfit names the line of a row that cannot be there.
func (c *Case) unfit(err error, of [2][]int) error {
	var e *sim.SeedError
	if !errors.As(err, &e) {
		return err
	}
	lines := of[1]
	if e.Person {
		lines = of[0]
	}
	return &CaseError{c.Name + ".txtar", lines[e.N], e.Msg}
}

// personRow is the row of somebody who is known at the end.
func personRow(p *sim.Known) ActualRow {
	o := value.NewObject()
	o.Put("identity", p.Space.Name)
	o.Put("ids", idsOf(p, func(int) bool { return true }))
	o.Put("id", p.ID)
	return ActualRow{Obj: o, Optional: "id", person: p}
}

// idsOf gives the identifiers of a person by name: a text, or of several a list.
func idsOf(p *sim.Known, use func(typ int) bool) *value.Object {
	o := value.NewObject()
	for typ := range p.Space.IDs {
		if l := valuesOf(p, typ); len(l) == 1 && use(typ) {
			o.Put(p.Space.IDs[typ].Name, l[0])
		} else if len(l) > 1 && use(typ) {
			o.Put(p.Space.IDs[typ].Name, l)
		}
	}
	return o
}

func valuesOf(p *sim.Known, typ int) (out value.List) {
	for i := range p.IDs {
		if p.IDs[i].Type == typ {
			out = append(out, p.IDs[i].Value)
		}
	}
	return out
}

// whose notes that a row is of a person, whom it names by their best identifier.
func (r *ActualRow) whose(s *ir.Space, key value.List, people []sim.Known) {
	i := slices.IndexFunc(people, func(p sim.Known) bool { return p.Space == s && len(key) == 1 && p.ID == key[0] })
	if i < 0 {
		return
	}
	r.person, r.keyed = &people[i], true
	best := people[i].IDs[0]
	for _, id := range people[i].IDs {
		if cmp.Less(id.Type, best.Type) {
			best = id
		}
	}
	r.Obj.Set("key", value.List{value.NewObject(value.Field{Key: s.IDs[best.Type].Name, Value: best.Value})})
}

// seen is the row of a person as an expected one w looks at it: identifiers of one
// type have no order, and a key names the identifiers that w names, or the id.
func (r *ActualRow) seen(o, w *value.Object) *value.Object {
	if r.keyed {
		v, _ := w.Get("key")
		l, ok := v.(value.List)
		if !ok || len(l) != 1 {
			return o
		}
		o = o.Clone()
		switch k := l[0].(type) {
		case string:
			o.Set("key", value.List{r.person.ID})
		case *value.Object:
			o.Set("key", value.List{r.named(k, true)})
		}
		return o
	}
	if v, _ := w.Get("ids"); v != nil {
		if ids, ok := v.(*value.Object); ok {
			o = o.Clone()
			o.Set("ids", r.named(ids, false))
		}
	}
	return o
}

// named gives the identifiers of the person in the order of want, and with only no
// others than want names; so of those types that want names where it admits more.
func (r *ActualRow) named(want *value.Object, only bool) *value.Object {
	more := admitsMore(want)
	out := idsOf(r.person, func(typ int) bool { return !only || want.Has(r.person.Space.IDs[typ].Name) })
	for i := range out.Len() {
		f := out.At(i)
		have, w := several(f.Value), several(get(want, f.Key))
		var l value.List
		for _, v := range w {
			if contains(have, v) && !contains(l, v) {
				l = append(l, v)
			}
		}
		for _, v := range have {
			if !only && !(more && want.Has(f.Key)) && !contains(l, v) {
				l = append(l, v)
			}
		}
		switch {
		case len(l) == 0: // none that is asked for
		case len(l) == 1:
			out.Set(f.Key, l[0])
		default:
			out.Set(f.Key, l)
		}
	}
	return out
}

func get(o *value.Object, key string) value.Value {
	v, _ := o.Get(key)
	return v
}

func contains(l value.List, v value.Value) bool {
	return slices.ContainsFunc(l, func(o value.Value) bool { return value.Equal(o, v) })
}
