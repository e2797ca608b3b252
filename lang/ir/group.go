package ir

import (
	"cmp"
	"slices"
)

// Group is a state group: routes that share what is remembered, or that read the
// changes of what others of it write. A route that remembers alone is a group, too.
type Group struct {
	// Name is that of its identity space, else of its first table or named memory in the
	// alphabet, else that of its first route, by the name that ids are made from.
	Name   string
	Routes []*Route // by name
	States []*State // by name
}

// Groups gives the state groups of a program, by name. A route that remembers
// nothing, reads no written table, sets no ordering key and has no schedule is in none.
func (p *Program) Groups() []*Group {
	routes := slices.SortedFunc(slices.Values(p.Routes), func(a, b *Route) int { return cmp.Compare(a.Name, b.Name) })
	lead := map[*State]int{} // the first route that touches a state
	of := make([]int, len(routes))
	find := func(i int) int {
		for of[i] != i {
			i = of[i]
		}
		return i
	}
	stateful := make([]bool, len(routes))
	touched := make([][]*State, len(routes))
	for i, r := range routes {
		of[i] = i
		touched[i], stateful[i] = r.States()
		for _, s := range touched[i] {
			first, ok := lead[s]
			if !ok {
				lead[s] = i
				continue
			}
			of[find(i)] = find(first)
		}
	}
	byRoot := map[int]*Group{}
	var out []*Group
	for i, r := range routes {
		if !stateful[i] {
			continue
		}
		g := byRoot[find(i)]
		if g == nil {
			g = &Group{}
			byRoot[find(i)] = g
			out = append(out, g)
		}
		g.Routes = append(g.Routes, r)
		for _, s := range touched[i] {
			if !slices.Contains(g.States, s) {
				g.States = append(g.States, s)
			}
		}
	}
	for _, g := range out {
		slices.SortFunc(g.States, func(a, b *State) int { return cmp.Compare(a.Name, b.Name) })
		g.Name = g.name()
	}
	slices.SortStableFunc(out, func(a, b *Group) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func (g *Group) name() string {
	name := ""
	for _, s := range g.States {
		if s.Kind == IdentityState && (name == "" || s.Shared < name) {
			name = s.Shared
		}
	}
	if name != "" {
		return name
	}
	for _, s := range g.States {
		if s.Shared != "" && (name == "" || s.Shared < name) {
			name = s.Shared
		}
	}
	if name != "" {
		return name
	}
	for _, r := range g.Routes {
		if name == "" || r.IDName() < name {
			name = r.IDName()
		}
	}
	return name
}

// States gives what a route remembers, reads of what is remembered and hears the
// changes or the rows of, each once, in text order; stateful also where it only sets an
// ordering key, whose order must hold across the partitions of its source, and where a
// schedule drives it.
func (r *Route) States() (states []*State, stateful bool) {
	var add func(s *State)
	add = func(s *State) {
		stateful = true
		if slices.Contains(states, s) {
			return
		}
		states = append(states, s)
		for _, b := range s.Beside {
			add(b)
		}
	}
	if r.Source.Made() {
		stateful = true // of a schedule, too: its ticks are told to one runner
		if s := r.Source.State(); s != nil {
			add(s)
		}
	}
	EachStage(r.Stages, func(s Stage) {
		switch s.(type) {
		case *KeyBy, *HTTPCall: // a record that waits for its answer is kept
			stateful = true
		}
		for _, x := range Exprs(s) {
			Walk(x, func(x Expr) bool {
				if g, ok := x.(*TableGet); ok && g.Table.State != nil {
					add(g.Table.State)
				}
				return true
			})
		}
		if m := Memory(s); m != nil {
			add(m)
		}
		if f, ok := s.(*Find); ok {
			add(f.Space.State)
		}
	})
	return states, stateful
}

// Memory gives the state that a stage writes, nil where it writes none.
func Memory(s Stage) *State {
	switch s := s.(type) {
	case *Dedupe:
		return s.Memory
	case *Changed:
		return s.Memory
	case *Throttle:
		return s.Memory
	case *Window:
		return s.Memory
	case *Update:
		return s.Table.State
	case *Delete:
		return s.Table.State
	case *Resolve:
		return s.Space.State
	case *Forget:
		return s.Space.State
	case *HTTPCall:
		return s.Memory
	}
	return nil
}
