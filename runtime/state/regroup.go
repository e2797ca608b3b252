package state

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/plan"
)

// A group is called by what its routes share, so an edit may call it otherwise, put
// two together or take one apart. What it remembers lies under the names of its
// states and stays; where it stands lies under the group's name and is brought to
// where its routes are now, in one transaction: positions, marks, accounts and held
// outputs. Otherwise its routes would begin anew on state that holds their effects
// (I5).
//
// That asks for a group that was stopped in good order. Intents say how slices of
// all its inputs run again; no other group could.

// regrouping is one such move.
type regrouping struct {
	store  Store
	routes map[string]string // the group of a route, by its oldest name
	states map[string]string // that of a state
	groups map[string]bool   // in the program
	ws     []Write
	held   int // bytes of held outputs that move

	progress map[string]*Progress // as it becomes
	changed  map[string]bool
	lost     []string
}

// maxMoved is how many bytes of held outputs one transaction brings along.
const maxMoved = 2 << 20

// regroup brings where groups stand to the groups of the program. What would be
// lost with a group that is no more is refused, unless its loss was accepted.
func regroup(store Store, p *plan.Plan, accept bool) error {
	r := regrouping{store: store, routes: map[string]string{}, states: map[string]string{}, groups: map[string]bool{}, progress: map[string]*Progress{}, changed: map[string]bool{}}
	for _, g := range p.Groups {
		r.groups[g.Name] = true
		for _, rt := range g.Routes {
			r.routes[rt.IDName()] = g.Name
		}
		for _, s := range g.States {
			r.states[s.Name] = g.Name
		}
	}
	stored, err := groupNames(store)
	if err != nil {
		return err
	}
	for _, name := range stored {
		if err := r.leave(name); err != nil {
			return err
		}
	}
	if len(r.lost) > 0 && !accept {
		return &RefusedError{Err: ErrLoss, Msg: strings.Join(r.lost, "; "),
			Do: "run the program as it was until they are accepted, or start once with --accept-state-loss, which deletes them"}
	}
	if r.held > maxMoved {
		return &RefusedError{Err: ErrChanged, Msg: fmt.Sprintf("the edit moves routes to another state group, and %d bytes of their outputs are held, more than can be moved at once", r.held),
			Do: "run the program as it was until they are accepted"}
	}
	for _, name := range sorted(r.changed) {
		if p := r.progress[name]; r.groups[name] {
			r.ws = append(r.ws, Write{Key: ProgressKey(name), Val: AppendProgress(nil, p)})
		} else {
			r.ws = append(r.ws, Write{Key: ProgressKey(name), Delete: true})
		}
	}
	if len(r.ws) == 0 {
		return nil
	}
	return store.Commit(r.ws)
}

// groupNames are those of the groups in a store.
func groupNames(store Store) ([]string, error) {
	var names []string
	err := store.Scan([]byte{'g'}, nil, func(key, _ []byte) bool {
		if end := bytes.IndexByte(key, 0); end > 0 {
			if name := string(key[1:end]); len(names) == 0 || names[len(names)-1] != name {
				names = append(names, name)
			}
		}
		return true
	})
	return names, err
}

// leave takes out of a stored group what is another's now.
func (r *regrouping) leave(name string) error {
	from, err := r.of(name)
	if err != nil {
		return err
	}
	stays := func(home string) bool { return home == name || home == "" && r.groups[name] }
	goes := !r.groups[name]
	for i := range from.Inputs {
		goes = goes || from.Inputs[i].Route != "" && !stays(r.routes[from.Inputs[i].Route])
	}
	for i := range from.Routes {
		goes = goes || !stays(r.routes[from.Routes[i].Route])
	}
	for i := range from.States {
		goes = goes || !stays(r.states[from.States[i].Name])
	}
	if !goes {
		return nil
	}
	r.changed[name] = true
	left := *from
	left.Inputs, left.States, left.Routes, left.Ticks = nil, nil, nil, nil
	for _, in := range from.Inputs {
		// The own log is the group's: a new one has another.
		home := r.routes[in.Route]
		if in.Route == "" && r.groups[name] || in.Route != "" && stays(home) {
			left.Inputs = append(left.Inputs, in)
		} else if err := r.to(name, home, func(p *Progress) { p.Inputs = append(p.Inputs, in) }); err != nil {
			return err
		}
	}
	for _, rt := range from.Routes {
		if home := r.routes[rt.Route]; stays(home) {
			left.Routes = append(left.Routes, rt)
		} else if err := r.to(name, home, func(p *Progress) { p.Routes = append(p.Routes, rt) }); err != nil {
			return err
		}
	}
	for _, t := range from.Ticks {
		if home := r.routes[t.Route]; stays(home) {
			left.Ticks = append(left.Ticks, t)
		} else if err := r.to(name, home, func(p *Progress) { p.Ticks = append(p.Ticks, t) }); err != nil {
			return err
		}
	}
	for _, m := range from.States {
		if home := r.states[m.Name]; stays(home) {
			left.States = append(left.States, m)
		} else if err := r.to(name, home, func(p *Progress) { p.States = append(p.States, m) }); err != nil {
			return err
		}
	}
	*from = left
	if !r.groups[name] {
		if err := r.forgetIntents(name); err != nil {
			return err
		}
	}
	return r.moveHeld(name, stays)
}

// forgetIntents deletes those of a group that is no more and whose routes went
// nowhere else: nothing of them runs again.
func (r *regrouping) forgetIntents(name string) error {
	intents, err := ReadIntents(r.store, name)
	for i := range intents {
		r.ws = append(r.ws, Write{Key: IntentKey(name, intents[i].No), Delete: true})
	}
	return err
}

// of is where a group stands, as it becomes.
func (r *regrouping) of(name string) (*Progress, error) {
	if p := r.progress[name]; p != nil {
		return p, nil
	}
	p, err := ReadProgress(r.store, name)
	if p == nil {
		p = &Progress{}
	}
	r.progress[name] = p
	return p, err
}

// to gives something of a group to the one it belongs to now; to none, it is
// forgotten.
func (r *regrouping) to(from, name string, give func(p *Progress)) error {
	if name == "" {
		return nil
	}
	p, err := r.of(name)
	if err != nil {
		return err
	}
	if err := r.inGoodOrder(from, r.progress[from]); err != nil {
		return err
	}
	if err := r.inGoodOrder(name, p); err != nil {
		return err
	}
	r.changed[name] = true
	give(p)
	return nil
}

func (r *regrouping) inGoodOrder(name string, p *Progress) error {
	intents, err := ReadIntents(r.store, name)
	if err != nil {
		return err
	}
	reading := slices.ContainsFunc(p.Ticks, func(t Tick) bool { return t.Under })
	if len(intents) == 0 && p.Firing.Now == 0 && !reading {
		return nil
	}
	return &RefusedError{Err: ErrChanged, Msg: fmt.Sprintf("the edit moves routes of the state group %s, which was killed while it ran: what it had begun must run again as it was", name),
		Do: "start the program once as it was, and stop it (Ctrl-C, SIGTERM)"}
}

// moveHeld brings the held outputs of a group to where their routes are.
func (r *regrouping) moveHeld(name string, stays func(home string) bool) error {
	held, err := ReadHeld(r.store, name)
	if err != nil {
		return err
	}
	lost := 0
	homes := map[string]bool{}
	for i := range held {
		h := &held[i]
		home := r.routes[h.Route]
		if stays(home) {
			continue
		}
		r.ws = append(r.ws, Write{Key: HeldKey(name, h.No), Delete: true})
		if home == "" {
			lost++
			continue
		}
		if err := r.to(name, home, func(p *Progress) { h.No = p.NextHeld; p.NextHeld++ }); err != nil {
			return err
		}
		homes[home] = true
		w := Write{Key: HeldKey(home, h.No), Val: AppendHeld(nil, h)}
		r.held += len(w.Val)
		r.ws = append(r.ws, w)
	}
	// Fences go wherever held outputs go: one that keeps nothing back there is none.
	fences := r.progress[name].Fences
	for _, home := range sorted(homes) {
		if err := r.to(name, home, func(p *Progress) {
			p.Fences = append(p.Fences, fences...)
			SortFences(p.Fences)
			p.Fences = slices.Compact(p.Fences)
		}); err != nil {
			return err
		}
	}
	outputs, wait := "outputs", "wait"
	if lost == 1 {
		outputs, wait = "output", "waits"
	}
	if lost > 0 {
		r.lost = append(r.lost, fmt.Sprintf("%d %s of the state group %s %s to be accepted, of routes that remember nothing any more", lost, outputs, name, wait))
	}
	return nil
}
