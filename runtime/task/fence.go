package task

import (
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// When two people turn out to be one, their ordering keys become one: what is sent
// of the winner from then on must not overtake what is still under way of the loser
// (I3). So those outputs are behind a fence: they are kept here, in order, until the
// loser's lane is empty. Where an output of the loser is held they are held, too, and
// the fence is stored with the progress, so that it stands again after a start.

// fence keeps the outputs of a lane back while any of the lanes in from has one that
// waits.
type fence struct {
	into  lane
	from  map[lane]bool
	queue []*event.Output
}

// fences are those of a group; only one with an identity space counts lanes.
type fences struct {
	counts  bool
	waiting map[lane]int // outputs that have not ended, by lane
	into    map[lane]*fence
	from    map[lane][]*fence
	merges  []event.LaneMerge // of the epoch at hand
}

// merged puts fences up for what the records of an epoch merged, once all that they
// made is counted: the loser's own last outputs are before the winner's.
func (t *Task) merged() {
	for _, m := range t.fences.merges {
		seen := map[string]bool{}
		for _, e := range t.cfg.Routes[m.Route].Emits {
			if !seen[e.Via] {
				seen[e.Via] = true
				t.fence(lane{e.Via, m.From}, lane{e.Via, m.Into})
			}
		}
	}
	t.fences.merges = t.fences.merges[:0]
}

// fence keeps back what goes to into until from, and all that from waits for itself,
// is empty.
func (t *Task) fence(from, into lane) {
	behind := map[lane]bool{}
	if t.fences.waiting[from] > 0 {
		behind[from] = true
	}
	if up := t.fences.into[from]; up != nil {
		for l := range up.from {
			behind[l] = true
		}
	}
	if len(behind) == 0 || !t.policy.fences() {
		return
	}
	f := t.fences.into[into]
	if f == nil {
		f = &fence{into: into, from: map[lane]bool{}}
		t.fences.into[into] = f
	}
	for l := range behind {
		if l != into && !f.from[l] {
			f.from[l] = true
			t.fences.from[l] = append(t.fences.from[l], f)
		}
	}
}

// left takes that an output of a lane has ended, and takes down the fences that waited
// for it.
func (t *Task) left(l lane) {
	if t.fences.waiting[l]--; t.fences.waiting[l] > 0 {
		return
	}
	delete(t.fences.waiting, l)
	opened := t.fences.from[l]
	delete(t.fences.from, l)
	for _, f := range opened {
		if delete(f.from, l); len(f.from) > 0 {
			continue
		}
		delete(t.fences.into, f.into)
		for _, o := range f.queue {
			t.effect(Effect{Kind: Send, Outs: o.Arena.Outs[o.Index : o.Index+1]})
		}
	}
}

// send lets the outputs of an epoch go, but for those behind a fence. Nothing of
// the arena moves any more.
func (t *Task) send(outs []event.Output) {
	first := 0
	if len(t.fences.into) > 0 {
		for i := range outs {
			o := &outs[i]
			if !o.Ordered {
				continue
			}
			f := t.fences.into[t.lane(o)]
			if f == nil {
				continue
			}
			f.queue = append(f.queue, o)
			if i > first {
				t.effect(Effect{Kind: Send, Outs: outs[first:i]})
			}
			first = i + 1
		}
	}
	if first < len(outs) {
		t.effect(Effect{Kind: Send, Outs: outs[first:]})
	}
}

// behindHeld tells whether an output is behind a fence that waits for held outputs:
// then it is held itself.
func (t *Task) behindHeld(l lane) bool {
	f := t.fences.into[l]
	if f == nil {
		return false
	}
	for from := range f.from {
		if t.lanes[from] > 0 {
			return true
		}
	}
	return false
}

// alsoHeld adds the lanes behind the fences that some lanes hold up.
func (t *Task) alsoHeld(lanes map[lane]bool) {
	if len(t.fences.from) == 0 {
		return
	}
	var more []lane
	for l := range lanes {
		for _, f := range t.fences.from[l] {
			more = append(more, f.into)
		}
	}
	for _, l := range more {
		lanes[l] = true
	}
}

// storedFences are those that wait for held outputs: what runs again puts up the
// others.
func (t *Task) storedFences() []state.Fence {
	var out []state.Fence
	for from, fs := range t.fences.from {
		if t.lanes[from] == 0 || !t.policy.storesFences() {
			continue
		}
		for _, f := range fs {
			out = append(out, state.Fence{Via: from.via, From: from.lane, Into: f.into.lane})
		}
	}
	state.SortFences(out)
	return out
}

// refence puts the fences of an earlier life up again; the outputs that were held are
// counted, and none of them is given to a scheduler yet.
func (t *Task) refence(stored []state.Fence) {
	for _, s := range stored {
		t.fence(lane{s.Via, s.From}, lane{s.Via, s.Into})
	}
}
