package op

import (
	"encoding/binary"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// entry is a step at which records begin that the engine made of others, children of a
// `split` and panes, as it is named for ever: a parked one may begin there in another
// process, which runs another version of the program.
type entry struct {
	node string
	step int
	// print is of all that stands above in the text and says of what types things are
	// below: where it is another, what a record brings along may not be what is read there.
	print uint64
	// slots are those that the stages above put something into, in text order: what they
	// are numbered by may be anywhere in the route.
	slots []ir.Slot
}

// entry notes that records begin at a step, behind the stage s.
func (c *compiler) entry(s ir.Stage, p place, step int) {
	e := entry{node: p.node, step: step}
	t := typePrint{}
	t.source(c.route.plan.Source, &e)
	done := false
	ir.EachStage(c.route.plan.Stages, func(above ir.Stage) {
		if done {
			return
		}
		if _, ok := above.(*ir.Window); ok { // what stands above it is not seen below
			t, e.slots = typePrint{}, nil
		}
		t.stage(above, &e)
		done = above == s
	})
	e.print = xxh3.Hash(t.b)
	c.route.entries = append(c.route.entries, e)
}

// entryAt finds the entry at a step; nil: records begin there that nothing was made of.
func (r *Route) entryAt(step int) *entry {
	for i := range r.entries {
		if r.entries[i].step == step {
			return &r.entries[i]
		}
	}
	return nil
}

// entryOf finds an entry by its name; nil: there is none any more.
func (r *Route) entryOf(node string) *entry {
	for i := range r.entries {
		if r.entries[i].node == node {
			return &r.entries[i]
		}
	}
	return nil
}

// typePrint writes what tells programs apart by what their stages make of a record.
type typePrint struct {
	b    []byte
	seen map[string]bool // declared types that are written
}

func (t *typePrint) text(s string) { t.b = appendText(t.b, s) }

// words is a piece of source, however it is broken into lines.
func (t *typePrint) words(s string) { t.text(strings.Join(strings.Fields(s), " ")) }

func (t *typePrint) source(s *ir.Source, e *entry) {
	t.text(s.Kind)
	t.typ(s.Type)
	if s.HasPerson {
		t.slot(e, s.Person, nil)
	}
}

// slot notes a slot and the type of what is in it; nil where an expression says it.
func (t *typePrint) slot(e *entry, s ir.Slot, typ *types.Type) {
	t.typ(typ)
	e.slots = append(e.slots, s)
}

func (t *typePrint) stage(s ir.Stage, e *entry) {
	info := s.Info()
	t.text(info.Kind)
	t.words(info.At.Text())
	for _, x := range ir.Exprs(s) {
		t.words(x.Span().Text())
		t.typ(x.Type())
	}
	switch s := s.(type) {
	case *ir.Bind:
		t.slot(e, s.Slot, nil)
	case *ir.With:
		for i := range s.Defaults {
			t.slot(e, s.Defaults[i].Slot, nil)
		}
	case *ir.Split:
		if s.HasSlot {
			t.slot(e, s.Slot, nil)
		}
	case *ir.Changed:
		if s.Memory != nil {
			t.typ(s.Memory.Row)
		}
	case *ir.Update:
		if s.HasAs {
			t.slot(e, s.As, s.Table.Row)
		}
		if s.HasWas {
			t.slot(e, s.Was, s.Table.Read)
		}
	case *ir.Resolve:
		t.slot(e, s.Slot, s.Space.Person)
		t.slot(e, s.Current, nil)
	case *ir.Find:
		t.slot(e, s.Slot, s.Space.Person)
	case *ir.Forget:
		t.slot(e, s.Slot, nil)
	case *ir.HTTPCall:
		if s.HasAs {
			t.slot(e, s.As, s.Result)
		}
	case *ir.Window:
		t.typ(s.Out)
	}
}

// typ writes a type with all its parts, those of a declared one where it first comes.
func (t *typePrint) typ(typ *types.Type) {
	if typ == nil {
		t.b = append(t.b, 0xff)
		return
	}
	t.b = append(t.b, byte(typ.Kind), flag(typ.Open)|flag(typ.NotNull)<<1)
	t.text(typ.Name)
	if typ.Name != "" {
		if t.seen[typ.Name] {
			return
		}
		if t.seen == nil {
			t.seen = map[string]bool{}
		}
		t.seen[typ.Name] = true
	}
	if typ.Kind == types.Literal {
		t.text(string(value.AppendJSON(nil, typ.Lit)))
	}
	t.b = binary.AppendUvarint(t.b, uint64(len(typ.Fields)))
	for i := range typ.Fields {
		f := &typ.Fields[i]
		t.text(f.Name)
		t.b = append(t.b, flag(f.Optional)|flag(f.HasDef)<<1)
		t.typ(f.Type)
	}
	t.b = binary.AppendUvarint(t.b, uint64(len(typ.Members)))
	for _, m := range typ.Members {
		t.typ(m)
	}
	for _, part := range [...]*types.Type{typ.Elem, typ.Rest} {
		t.typ(part)
	}
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
