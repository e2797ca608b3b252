package sim

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Secret is what the spaces of a world keep of people who are forgotten is keyed by:
// the name of the secret of a real one.
const Secret = "SLUICE_PRIVACY_KEY"

// Person is somebody who is there before the first process.
type Person struct {
	Space *ir.Space
	IDs   []identity.Given
	At    int64 // @time of the record that linked them, microseconds since 1970
}

// SeedError is a person or a row that cannot be there before the first process.
type SeedError struct {
	Person bool // of Options.People; else of Options.Rows
	N      int
	Msg    string
}

// Error says what is wrong with it.
func (e *SeedError) Error() string { return e.Msg }

// Known is somebody whom a space knows.
type Known struct {
	Space *ir.Space
	identity.Person
}

// view is the cells of a space as package identity sees them.
type view struct {
	cells *state.Cells
	state int
}

// Get is identity.Cells'.
func (v view) Get(key []byte) ([]byte, bool) { return v.cells.Get(v.state, key) }

// Put is identity.Cells'.
func (v view) Put(key, val []byte) { v.cells.Put(v.state, key, val) }

// Delete is identity.Cells'.
func (v view) Delete(key []byte) { v.cells.Delete(v.state, key) }

// space opens an identity space of the group; false where it is of another.
func (g *stateGroup) space(s *ir.Space, c *state.Cells) (ids *identity.Space, v view, ok bool, err error) {
	i := g.Index(s.State)
	if i < 0 {
		return nil, v, false, nil
	}
	ids, err = op.Identities(s, []byte(Secret))
	return ids, view{c, i}, true, err
}

// meet links the people who are there before the first process. Each must take all
// of their identifiers, and nobody else's.
func (g *stateGroup) meet(people []Person, c *state.Cells) error {
	for i := range people {
		p := &people[i]
		ids, v, ok, err := g.space(p.Space, c)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if other, _ := ids.Find(v, p.IDs); other != nil {
			return &SeedError{true, i, "another has one of these identifiers already"}
		}
		r := ids.Resolve(v, p.IDs, p.At)
		for _, x := range r.Rejected {
			return &SeedError{true, i, fmt.Sprintf("%s %q cannot be linked: %s", p.Space.IDs[x.Type].Name, x.Value, x.Reason)}
		}
	}
	return nil
}

// whose gives the id of a person by their identifiers.
func (g *stateGroup) whose(sp *ir.Space, given []identity.Given, c *state.Cells) (id, why string, err error) {
	ids, v, ok, err := g.space(sp, c)
	if err != nil || !ok {
		return "", "its people are of another group", err
	}
	switch p, ambiguous := ids.Find(v, given); {
	case ambiguous:
		return "", "several people have the identifiers of its key", nil
	case p != nil:
		return p.ID, "", nil
	}
	return "", fmt.Sprintf("nobody has the identifiers of its key: write {\"identity\":%q,\"ids\":{…}}, too", sp.Name), nil
}

// People gives everybody whom the spaces of the program know, as the stores hold
// them, by space and by when they came.
func (w *World) People() (out []Known, err error) {
	for _, g := range w.groups {
		cells, err := g.cells()
		if err != nil {
			return nil, err
		}
		for i, s := range g.States {
			if s.Kind != ir.IdentityState {
				continue
			}
			n := slices.IndexFunc(w.spaces, func(sp *ir.Space) bool { return sp.State == s.State })
			ids, v, _, err := g.space(w.spaces[n], cells)
			if err != nil {
				return nil, err
			}
			prefix := cellPrefix(number(i))
			scan := g.disk.Scan(prefix, nil, func(key, val []byte) bool {
				if id, ok := identity.PersonKey(key[len(prefix):], val); ok {
					if p, ok := ids.Person(v, id); ok && p.ID == id { // else they became another
						k := Known{Space: w.spaces[n], Person: *p}
						k.IDs = slices.Clone(p.IDs)
						out = append(out, k)
					}
				}
				return true
			})
			if scan != nil {
				return nil, scan
			}
		}
	}
	slices.SortFunc(out, func(a, b Known) int {
		return cmp.Or(cmp.Compare(a.Space.Name, b.Space.Name), cmp.Compare(a.Created, b.Created))
	})
	return out, nil
}
