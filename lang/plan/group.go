package plan

import (
	"cmp"
	"slices"

	"github.com/sluice-dev/sluice/lang/ir"
)

// groups arranges the state groups of a program; routes are those of the plan.
func groups(p *ir.Program, routes []*Route) []*Group {
	of := map[*ir.Route]*Route{}
	for _, r := range routes {
		of[r.Route] = r
	}
	var out []*Group
	for _, g := range p.Groups() {
		pg := &Group{Name: g.Name}
		for _, r := range g.Routes {
			of[r].Group = pg
			pg.Routes = append(pg.Routes, of[r])
		}
		l := leading{group: g, of: map[*ir.State][]Lead{}}
		for _, s := range g.States {
			ps := &State{State: s, Leads: l.leads(s)}
			for i, r := range g.Routes {
				if r.Source.Kind == "changes" && r.Source.State() == s {
					ps.Readers = append(ps.Readers, i)
				}
			}
			pg.States = append(pg.States, ps)
		}
		out = append(out, pg)
	}
	return out
}

// leading finds the routes whose inputs lead to a state.
type leading struct {
	group *ir.Group
	of    map[*ir.State][]Lead // found, or being found: changes lead round nowhere (check)
}

// leads are, for a table, the routes that write it, and for any other state those
// that have a stage of it. A route that reads changes stands for those that write
// the table it reads. One that reads rows has no input that could hold anything.
func (l *leading) leads(s *ir.State) []Lead {
	if found, ok := l.of[s]; ok {
		return found
	}
	if s.Kind == ir.AudienceState { // it follows its table
		return l.leads(s.Beside[0])
	}
	l.of[s] = nil
	var out []Lead
	add := func(x Lead) {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	for i, r := range l.group.Routes {
		timed, uses := uses(r.Stages, s)
		switch {
		case !uses:
		case r.Source.Kind == "table", r.Source.Kind == "every": // no input: its ticks move what nothing else leads to
		case r.Source.Kind == "changes":
			for _, x := range l.leads(r.Source.State()) {
				add(x)
			}
		default:
			add(Lead{Route: i, Timed: timed})
		}
	}
	slices.SortFunc(out, func(a, b Lead) int { return cmp.Or(cmp.Compare(a.Route, b.Route), order(a.Timed, b.Timed)) })
	l.of[s] = out
	return out
}

func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// uses tells whether a stage among these writes a state, and whether a `time by`
// stands above the first that does: on any way to it, for then the times that
// come to it are not those of arrival. Below a window it is the pane's time that
// is set, and no record of an input brings it.
func uses(stages []ir.Stage, s *ir.State) (timed, found bool) {
	pane := false
	ir.EachStage(stages, func(st ir.Stage) {
		if found {
			return
		}
		m := ir.Memory(st)
		found = m == s || m != nil && m.Kind == ir.IdentityState && slices.Contains(m.Beside, s)
		switch st.(type) {
		case *ir.TimeBy:
			timed = timed || !pane
		case *ir.Window:
			pane = true
		}
	})
	return timed && found, found
}
