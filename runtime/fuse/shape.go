package fuse

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/json"
)

// Fused `as T`: the type becomes masks, required bits and sets of texts in the
// plan of the scan, and what those cannot tell (times, members of maps) a list of
// checks behind it. A record that passes certainly has the shape; one that does
// not is judged by types.Judge on the reference path, which also says why.

// alternatives is a type taken apart.
type alternatives struct {
	mask  json.Mask
	texts []string
	any   bool
	time  bool
	null  bool
	obj   *types.Type // Object or Map
	list  *types.Type
	ok    bool // false: only Judge can tell
}

// split takes a type apart. Of several objects, or several lists, only Judge
// knows which one a value is.
func split(t *types.Type) alternatives {
	a := alternatives{ok: true}
	a.add(t)
	if a.time {
		// A number or a text that is a member by itself is no time, and which
		// of them it is depends on their order.
		if a.mask&^(json.MaskNull) != 0 || len(a.texts) > 0 {
			a.ok = false
		}
		a.mask |= json.MaskStr | json.MaskNum
	}
	return a
}

func (a *alternatives) add(t *types.Type) {
	switch t.Kind {
	case types.Any:
		a.any = true
		a.mask |= json.MaskAny
		if t.NotNull {
			a.ok = false
		}
		a.null = true
	case types.Null:
		a.null = true
		a.mask |= json.MaskNull
	case types.Bool:
		a.mask |= json.MaskBool
	case types.Number:
		a.mask |= json.MaskNum
	case types.Int:
		a.mask |= json.MaskInt
	case types.String:
		a.mask |= json.MaskStr
	case types.Time:
		a.time = true
	case types.Literal:
		switch v := t.Lit.(type) {
		case string:
			a.texts = append(a.texts, v)
		case bool:
			if v {
				a.mask |= json.MaskTrue
			} else {
				a.mask |= json.MaskFalse
			}
		default:
			a.ok = false
		}
	case types.List:
		a.ok = a.ok && a.list == nil
		a.list = t
		a.mask |= json.MaskArr
	case types.Object, types.Map:
		a.ok = a.ok && a.obj == nil
		a.obj = t
		a.mask |= json.MaskObj
	case types.Union:
		for _, m := range t.Members {
			a.add(m)
		}
	default:
		a.ok = false
	}
}

// Root is `.` and `$` of a topic of that type. strict types refuse fields that
// the plan does not look at, so they are for the reference path.
func (b *Builder) Root(t *types.Type, strict bool) *Node {
	if strict {
		b.refuse("as T strict")
	}
	b.shape(b.plan.Root(), t, &b.checks)
	return b.at(place{n: b.plan.Root(), decl: t})
}

// check is what the scan itself cannot tell of a record or of an element.
type check struct {
	slot int
	// One of these.
	time  bool
	each  *[]check        // of the elements' frames
	elems json.Mask       // of the members of a map
	texts map[string]bool // texts that a member may be beside elems
}

// shape says in the plan what may stand at n.
func (b *Builder) shape(n *json.Node, t *types.Type, checks *[]check) {
	a := split(t)
	if !a.ok {
		b.refuse("only the judge can tell a " + t.Brief())
		return
	}
	if a.any {
		return
	}
	n.Allow(a.mask)
	n.OneOf(a.texts...)
	if a.time {
		*checks = append(*checks, check{slot: n.Slot(), time: true})
	}
	if a.list != nil && a.list.Elem.Kind != types.Any {
		var below []check
		b.shape(n.Each(), a.list.Elem, &below)
		if len(below) > 0 {
			*checks = append(*checks, check{slot: n.Slot(), each: &below})
		}
	}
	switch {
	case a.obj == nil:
	case a.obj.Kind == types.Map:
		b.mapShape(n, a.obj.Elem, checks)
	default:
		b.objectShape(n, a.obj, checks)
	}
}

func (b *Builder) objectShape(n *json.Node, t *types.Type, checks *[]check) {
	switch {
	case t.Rest != nil && t.Rest.Kind != types.Any:
		b.refuse("only the judge can tell the other fields of a " + t.Brief())
		return
	case t.Rest == nil && !t.Open:
		b.refuse("a closed " + t.Brief())
		return
	}
	for i := range t.Fields {
		f := &t.Fields[i]
		k := n.Key(f.Name)
		ft := f.Type
		switch {
		case f.HasDef:
			ft = types.Nullable(ft)
		case !f.Optional && !types.MayBeNull(ft):
			k.Require()
		}
		b.shape(k, ft, checks)
	}
}

// mapShape judges the members of a map of scalars by walking them.
func (b *Builder) mapShape(n *json.Node, elem *types.Type, checks *[]check) {
	if elem.Kind == types.Any {
		return
	}
	a := split(elem)
	if !a.ok || a.time || a.obj != nil || a.list != nil {
		b.refuse("only the judge can tell the members of a map of " + elem.Brief())
		return
	}
	c := check{slot: n.Slot(), elems: a.mask, texts: map[string]bool{}}
	for _, t := range a.texts {
		c.texts[t] = true
	}
	*checks = append(*checks, c)
}

func (c *check) holds(m *Machine, fr []json.Span) bool {
	sp := &fr[c.slot]
	switch {
	case sp.Kind <= json.Null:
		return true
	case c.time:
		if sp.Kind == json.Str {
			if _, ok := json.ParseTime(m.d[sp.Start:sp.End]); ok {
				return true
			}
		}
		_, ok := timeOf(m.d, *sp)
		return ok
	case c.each != nil:
		els := m.scan.Elems(*sp)
		for i := range els.Len() {
			efr := els.At(i)
			if !holdAll(*c.each, m, efr) {
				return false
			}
		}
		return true
	}
	for w := json.MembersOf(m.d, *sp); w.Next(); {
		if !c.member(m.d, w.Val) {
			return false
		}
	}
	return true
}

func holdAll(cs []check, m *Machine, fr []json.Span) bool {
	for i := range cs {
		if !cs[i].holds(m, fr) {
			return false
		}
	}
	return true
}

func (c *check) member(d []byte, sp json.Span) bool {
	if c.elems>>sp.Kind&1 != 0 {
		return true
	}
	switch sp.Kind {
	case json.Num:
		if c.elems&json.MaskInt == 0 {
			return false
		}
		n, ok := parse(sp.Bytes(d))
		return ok && n.IsInt()
	case json.Str:
		return c.texts[string(sp.Bytes(d))]
	}
	return false
}

// passes tells whether a place of that type may be copied as it stands: what
// `as T` shows of it is what was written.
func passes(t *types.Type) bool {
	switch t.Kind {
	case types.Any, types.Null, types.Bool, types.Number, types.Int, types.String:
		return true
	case types.Literal:
		return true
	case types.List, types.Map:
		return passes(t.Elem)
	case types.Union:
		return !slices.ContainsFunc(t.Members, func(m *types.Type) bool { return !passes(m) })
	case types.Object:
		if t.Rest == nil || !passes(t.Rest) {
			return false
		}
		return !slices.ContainsFunc(t.Fields, func(f types.Field) bool { return f.HasDef || !passes(f.Type) })
	}
	return false
}

// judged gives the view of a decoded part.
func judged(v value.Value, t *types.Type) (value.Value, bool) {
	if passes(t) {
		return v, true
	}
	out, mismatch := types.Judge(v, t, types.Mode{})
	return out, mismatch == nil
}
