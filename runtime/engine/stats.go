package engine

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/task"
)

// stats is what metrics ask of a route.
type stats struct {
	account  *task.Account
	oldest   int64 // timestamp of the oldest record in flight, ms; event.NoTime: none
	lag      int64
	inFlight int64 // bytes
	states   []observe.State
}

// stats reads the route from anywhere, while it runs and after.
func (r *route) stats() stats {
	var s stats
	read := func() {
		s = stats{account: r.account(), oldest: event.NoTime}
		for _, in := range r.parts {
			if in.run != nil {
				s.lag += max(0, in.end-in.run.task.Next(in.number))
			}
		}
		if g := r.loop.group; g != nil && g.cells != nil && r.index == 0 { // once, like its task
			for i, st := range g.plan.States {
				s.states = append(s.states, observe.State{Name: st.Name, Counts: g.cells.Counts(i)})
			}
		}
		for _, p := range r.loop.tasks {
			if r.index == 0 { // a group's task is counted once
				_, b := p.task.InFlight()
				s.inFlight += b
			}
			if o := p.task.Oldest(); o != event.NoTime && (s.oldest == event.NoTime || o < s.oldest) {
				s.oldest = o
			}
		}
	}
	if !r.loop.command(read) {
		read()
	}
	return s
}

// Account is the account of the program so far; of a program that has not started,
// of nothing.
func (e *Engine) Account() *task.Report {
	rep := task.NewReport(e.cfg.Plan.App, e.since)
	if !e.running.Load() {
		for _, p := range e.cfg.Plan.Routes {
			rep.Add(p, &task.Account{})
		}
		return rep
	}
	for _, r := range e.routes {
		rep.Add(r.plan, r.stats().account)
	}
	return rep
}

// Snapshot is what metrics and the admin server show.
func (e *Engine) Snapshot() observe.Snapshot {
	now := time.Now()
	s := observe.Snapshot{
		Watermarks:  map[string]float64{},
		Connections: map[string]string{},
		Lag:         map[string]int64{},
		Build:       map[string]string{"version": e.cfg.Version, "commit": e.cfg.Commit},
	}
	e.requests(&s)
	if !e.running.Load() {
		s.Account = e.Account()
		return s
	}
	s.Account = task.NewReport(e.cfg.Plan.App, e.since)
	for _, r := range e.routes {
		st := r.stats()
		s.Account.Add(r.plan, st.account)
		s.InFlight += st.inFlight
		s.Lag[r.plan.Name] = st.lag
		s.States = append(s.States, st.states...)
		s.Watermarks[r.plan.Name] = 0
		if st.oldest != event.NoTime {
			s.Watermarks[r.plan.Name] = max(0, now.Sub(time.UnixMilli(st.oldest)).Seconds())
		}
	}
	for name, c := range e.conns {
		s.Connections[name] = c.state(now.UnixNano())
	}
	return s
}
