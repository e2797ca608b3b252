package check

import (
	"maps"
	"strconv"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// flow is what is known at one place of a route. A flow is changed in place by
// the stages it goes through, and cloned where ways part.
//
// What is known hangs on roots: "$" for the event, ".1" for the first value that
// replaced it, "v3" for slot 3, "@topic" for a value of the source. Facts about a
// field are kept in the type of its root (types.NarrowField), so that `.type ==
// "a"` leaves one member of a union, and `.` and `$` share what is known of them
// until `.` is replaced.
type flow struct {
	vars  *variable
	cur   string                 // the root of `.`; "" where there is no event
	known map[string]*types.Type // by root
	withs map[string]*with       // defaults of `with` in force
	// ended: no event comes here any more. emitted: an emit stands above.
	// timed: @time was set, so that it cannot fail. sampled: @sample_rate is set.
	// person: who the event is about may be known from something that is not there yet.
	// called: a call stands above.
	ended, emitted, timed, sampled, person, called bool
	// orders are the ordering keys that were in force above.
	orders []ordered
	// throttles stand above and count a record anew when it has an answer.
	throttles []token.Span
	about     *about // whom Segment calls are about; nil: nobody who is known
}

// variable is a name in force; names bound later hide those bound before.
type variable struct {
	outer *variable
	name  string
	slot  ir.Slot
	at    token.Span
	block int // the block that bound it: a name is bound once in a block
}

// with is a default for later calls: its slot, and what may be in it.
type with struct {
	slot ir.Slot
	t    *types.Type
}

func newFlow() *flow { return &flow{known: map[string]*types.Type{}, withs: map[string]*with{}} }

func (f *flow) clone() *flow {
	g := *f
	g.known = maps.Clone(f.known)
	g.withs = maps.Clone(f.withs)
	return &g
}

func (f *flow) find(name string) *variable {
	for v := f.vars; v != nil; v = v.outer {
		if v.name == name {
			return v
		}
	}
	return nil
}

func slotRoot(s ir.Slot) string { return "v" + strconv.Itoa(int(s)) }

// join is the flow behind a place where ways meet again. before is the flow as
// it was where they parted: names bound on the ways are not in force behind it.
// An ended way contributes nothing.
func (e *ex) join(before *flow, ways ...*flow) *flow {
	out := before.clone()
	var alive []*flow
	for _, w := range ways {
		out.emitted, out.person, out.called = out.emitted || w.emitted, out.person || w.person, out.called || w.called
		out.addThrottles(w)
		if !w.ended {
			alive = append(alive, w)
		}
	}
	if len(alive) == 0 {
		out.ended = true
		return out
	}
	cur := alive[0].cur
	for _, w := range alive[1:] {
		if w.cur != cur {
			cur = ""
		}
	}
	if cur == "" && before.cur != "" {
		ts := make([]*types.Type, len(alive))
		for i, w := range alive {
			ts[i] = w.known[w.cur]
		}
		cur = e.newRoot()
		for _, w := range alive {
			w.known[cur] = union(ts...)
		}
	}
	out.cur = cur
	out.known = map[string]*types.Type{}
	for root := range alive[0].known {
		ts := make([]*types.Type, 0, len(alive))
		for _, w := range alive {
			if t := w.known[root]; t != nil {
				ts = append(ts, t)
			}
		}
		if len(ts) == len(alive) {
			out.known[root] = union(ts...)
		}
	}
	out.about = joinAbout(alive)
	out.timed, out.sampled = true, true
	fields := map[string]bool{}
	for _, w := range alive {
		out.timed, out.sampled = out.timed && w.timed, out.sampled && w.sampled
		for f := range w.withs {
			fields[f] = true
		}
	}
	for f := range fields {
		var slot ir.Slot
		ts := make([]*types.Type, 0, len(alive))
		for _, w := range alive {
			d := w.withs[f]
			if d == nil {
				ts = append(ts, types.NullT)
				continue
			}
			slot = d.slot
			ts = append(ts, d.t)
		}
		out.withs[f] = &with{slot, union(ts...)}
	}
	return out
}

// union joins types; what could not be checked stays that.
func union(ts ...*types.Type) *types.Type {
	for _, t := range ts {
		if t == bad {
			return bad
		}
	}
	return bounded(types.UnionOf(ts...))
}

// maxMembers bounds the unions that a route may grow: twenty `when`s that each set
// a field of their own would come to a million objects.
const maxMembers = 16

// bounded is a union that has grown too long with its objects made one: a field
// that some of them lack may be missing.
func bounded(u *types.Type) *types.Type {
	if u.Kind != types.Union || len(u.Members) <= maxMembers || u.Name != "" {
		return u
	}
	var rest []*types.Type
	var rows []*types.Type
	for _, m := range u.Members {
		if m.Kind == types.Object {
			rows = append(rows, m)
		} else {
			rest = append(rest, m)
		}
	}
	if len(rows) < 2 {
		return u
	}
	one := &types.Type{Kind: types.Object}
	for _, r := range rows {
		one.Open = one.Open || r.Open
		if r.Rest != nil && one.Rest != nil {
			one.Rest = types.UnionOf(one.Rest, r.Rest)
		} else if r.Rest != nil {
			one.Rest = r.Rest
		}
		for i := range r.Fields {
			if _, ok := one.Field(r.Fields[i].Name); !ok {
				one.Fields = append(one.Fields, types.Field{Name: r.Fields[i].Name})
			}
		}
	}
	for i := range one.Fields {
		f := &one.Fields[i]
		ts := []*types.Type{}
		for _, r := range rows {
			g, ok := r.Field(f.Name)
			switch {
			case ok:
				ts = append(ts, g.Type)
				f.Optional = f.Optional || g.Optional && !g.HasDef
			case r.Open:
				ts, f.Optional = append(ts, types.AnyT), true
			case r.Rest != nil:
				ts, f.Optional = append(ts, r.Rest), true
			default:
				f.Optional = true
			}
		}
		f.Type = union(ts...)
	}
	return types.UnionOf(append(rest, one)...)
}
