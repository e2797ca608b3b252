package sim

import (
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
	"github.com/sluice-dev/sluice/runtime/task"
)

// call gives the request of a call to the scheduler of its connection.
func (r *running) call(rt *route, o *event.Output) {
	c := r.p.w.conns[rt.calls[o.Emit]]
	r.p.made[place{o.Arena, o.Index}] = &source{r: r, route: rt, of: endID{route: rt.Name}}
	r.p.scheds[c.share].Push(o, r.owners[c.share], c.index, rt.priority, r.p.w.now)
	r.p.w.logf("call     %s: %s", r, o.ID.Of(o.Arena))
}

// parked are the records that wait in the store of a group.
func (g *stateGroup) parked(w *World) map[endID]bool {
	ps, err := state.ReadParked(g.disk, g.Name)
	if err != nil {
		panic("sim: " + err.Error())
	}
	out := map[endID]bool{}
	if len(ps) == 0 {
		return out
	}
	cells, err := g.cells()
	if err != nil {
		panic("sim: " + err.Error())
	}
	runner := g.runner(cells, w.lookup)
	for i := range ps {
		for n, rt := range g.routes {
			if rt.IDName() != ps[i].Route {
				continue
			}
			rec, err := runner.Unpark(n, ps[i].Record)
			if err != nil {
				w.breaks("a parked record of %s cannot be read: %v", rt.Name, err)
				continue
			}
			o := event.Origin{Topic: rec.TopicID, Partition: rec.Partition, Offset: rec.Offset}
			if rec.Made != nil {
				o.Path = rec.Made.Path
			}
			if r := ps[i].Replay; r != nil {
				o.Path += again(r.Round)
			}
			out[endID{rt.Name, o}] = true
		}
	}
	return out
}

// parks tells whether a record waits in the store.
func (r *running) parks(rt *route, o event.Origin) bool {
	return r.group != nil && r.group.parked(r.p.w)[endID{rt.Name, o}]
}

// read tells whether a store that stands there has that the record was read.
func (e *End) read(p *task.Progress) bool {
	at, ok := p.Position(e.Route.IDName(), e.Origin.Topic, e.Origin.Partition)
	return ok && e.Origin.Offset < at
}
