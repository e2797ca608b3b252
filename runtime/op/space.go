package op

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/state"
)

// table is a table that routes of the group write or read.
type table struct {
	*ir.Table
	state     int
	span      int64 // microseconds; 0: rows stay
	told      bool  // somebody reads its changes
	audiences []*audience
}

// space is an identity space of the group.
type space struct {
	*ir.Space
	number int // among those of the group
	state  int
	told   bool
	tables []*table // keyed by it, in the order in which a merge moves their rows
	fields []personField
	config identity.Config
}

// gather finds the tables and the identity spaces that the routes of a group touch.
func (g *Group) gather(secret []byte) error {
	var tables []*ir.Table
	var spaces []*ir.Space
	for _, r := range g.plan.Routes {
		tables, spaces = append(tables, r.Source.Table), append(spaces, r.Source.Space)
		ir.EachStage(r.Stages, func(s ir.Stage) {
			switch s := s.(type) {
			case *ir.Update:
				tables = append(tables, s.Table)
			case *ir.Delete:
				tables = append(tables, s.Table)
			case *ir.Resolve:
				spaces = append(spaces, s.Space)
			case *ir.Find:
				spaces = append(spaces, s.Space)
			case *ir.Forget:
				spaces = append(spaces, s.Space)
			}
			for _, x := range ir.Exprs(s) {
				ir.Walk(x, func(x ir.Expr) bool {
					if t, ok := x.(*ir.TableGet); ok {
						tables = append(tables, t.Table)
					}
					return true
				})
			}
		})
	}
	for _, s := range spaces {
		if err := g.space(s, secret); err != nil {
			return err
		}
	}
	for _, t := range tables {
		if _, err := g.table(t, secret); err != nil {
			return err
		}
	}
	return nil
}

// table adds a table, its space and the audiences on it.
func (g *Group) table(t *ir.Table, secret []byte) (*table, error) {
	if t == nil || t.State == nil {
		return nil, nil
	}
	if t.Audience != nil {
		return g.table(t.Audience.On, secret)
	}
	i, ok := g.index[t.State]
	if !ok {
		return nil, fmt.Errorf("group %s: the plan has no state for the table %s", g.plan.Name, t.Name)
	}
	if g.tables[i] != nil {
		return g.tables[i], nil
	}
	out := &table{Table: t, state: i, span: t.State.SpanMS * 1000, told: g.told(i)}
	g.tables[i] = out
	for _, a := range t.Audiences {
		s, ok := g.index[a.State]
		if !ok {
			return nil, fmt.Errorf("group %s: the plan has no state for the audience %s", g.plan.Name, a.Name)
		}
		out.audiences = append(out.audiences, &audience{Audience: a.Audience, on: t, state: s, told: g.told(s)})
	}
	return out, g.space(t.Space, secret)
}

// space adds an identity space and the tables keyed by it.
func (g *Group) space(s *ir.Space, secret []byte) error {
	if s == nil || g.spaceOf(s) != nil {
		return nil
	}
	i, ok := g.index[s.State]
	if !ok {
		return fmt.Errorf("group %s: the plan has no state for the identity space %s", g.plan.Name, s.Name)
	}
	sp := &space{Space: s, number: len(g.spaces), state: i, told: g.told(i), fields: personFields(s), config: SpaceConfig(s, secret)}
	g.spaces = append(g.spaces, sp)
	if _, err := identity.New(sp.config); err != nil {
		return fmt.Errorf("identity %s: %w", s.Name, err)
	}
	for _, t := range s.Tables {
		kt, err := g.table(t, secret)
		if err != nil {
			return err
		}
		sp.tables = append(sp.tables, kt)
	}
	return nil
}

// spaceOf finds a space of the group; nil where it is of another, or none.
func (g *Group) spaceOf(s *ir.Space) *space {
	i := slices.IndexFunc(g.spaces, func(sp *space) bool { return sp.Space == s })
	if i < 0 {
		return nil
	}
	return g.spaces[i]
}

// forgets tells whether a stage erases people.
func forgets(g *plan.Group) bool {
	found := false
	for _, r := range g.Routes {
		ir.EachStage(r.Stages, func(s ir.Stage) {
			_, ok := s.(*ir.Forget)
			found = found || ok
		})
	}
	return found
}

// Identities opens an identity space as the routes of a program have it; secret is
// that of CompileGroup.
func Identities(s *ir.Space, secret []byte) (*identity.Space, error) {
	return identity.New(SpaceConfig(s, secret))
}

// SpaceConfig is an identity space as package identity knows it.
func SpaceConfig(s *ir.Space, secret []byte) identity.Config {
	c := identity.Config{Name: s.Name, Secret: secret, Email: noForm, Phone: func(string, string) (string, bool) { return "", false }}
	for i := range s.IDs {
		id := &s.IDs[i]
		c.Types = append(c.Types, identity.Type{
			Name: id.Name, Canon: identity.Canon(id.Canon), Person: id.Person, Limit: id.Limit, Per: id.PerMS * 1000,
			Country: id.Country, Blocked: id.Blocked,
		})
		switch {
		case id.Form == nil:
		case id.Canon == ir.EmailText:
			c.Email = func(s string) (string, bool) { return formed(id.Form, s) }
		case id.Canon == ir.PhoneText:
			c.Phone = func(s, country string) (string, bool) { return dialled(id.Form, s, country) }
		}
	}
	return c
}

func noForm(string) (string, bool) { return "", false }

// dialled gives the form of a phone number; in a space without a country of one with +
// only, which is read alike in all of them.
func dialled(f *types.Func, s, country string) (string, bool) {
	if country != "" {
		return formed(f, s, country)
	}
	if !strings.HasPrefix(s, "+") {
		return "", false
	}
	return formed(f, s, "US")
}

// formed has a function of the library give a canonical form.
func formed(f *types.Func, args ...value.Value) (string, bool) {
	v, err := f.Call(&types.Context{}, args)
	s, ok := v.(string)
	return s, ok && err == nil
}

// view is the cells of one identity space, as package identity sees them.
type view struct {
	cells *state.Cells
	state int
}

// Get is identity.Cells'.
func (v *view) Get(key []byte) ([]byte, bool) { return v.cells.Get(v.state, key) }

// Put is identity.Cells'.
func (v *view) Put(key, val []byte) { v.cells.Put(v.state, key, val) }

// Delete is identity.Cells'.
func (v *view) Delete(key []byte) { v.cells.Delete(v.state, key) }

// people is an identity space as a runner has it.
type people struct {
	*space
	ids   *identity.Space
	cells view
}

// peopleOf makes the identity spaces of a runner. What they know beside the cells is
// of the call at hand, so they belong to one goroutine.
func (g *Group) peopleOf(cells *state.Cells) []*people {
	out := make([]*people, len(g.spaces))
	for i, sp := range g.spaces {
		ids, err := identity.New(sp.config)
		if err != nil {
			panic("op: an identity space was made before and cannot be made again: " + err.Error())
		}
		out[i] = &people{space: sp, ids: ids, cells: view{cells, sp.state}}
	}
	return out
}
