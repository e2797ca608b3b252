package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/observe"
	"github.com/sluice-dev/sluice/runtime/task"
)

// once waits until everything has been taken: what stood in the files and the other
// sources at start, what the program itself wrote to topics that it reads, and what its
// groups were told. It gives errDone, or why a route could not do its part.
func (e *Engine) once(ctx context.Context) error {
	if !e.filesRead(ctx) {
		return nil
	}
	goals := map[*route]kafka.Offsets{}
	tick := time.NewTicker(pollWait)
	defer tick.Stop()
	written := e.written()
	var since time.Time // all but what the clock tells has been taken
	for rounds := 0; ; {
		done := true
		for _, r := range e.routes {
			if r.halt.Load() != nil {
				continue
			}
			ok, err := e.onceRoute(ctx, r, goals, written)
			if err != nil && ctx.Err() == nil && goals[r] == nil {
				return err // not even its goal is known
			}
			done = done && ok && err == nil
		}
		for _, l := range e.loops {
			if g := l.group; g != nil {
				ok, err := g.heard(ctx)
				done = done && ok && err == nil
			}
		}
		// The ends of a topic may be asked for just before another route writes to it
		// and is done: what it wrote is seen in the next round.
		if rounds++; !done {
			rounds = 0
		}
		if rounds >= 2 && since.IsZero() {
			since = time.Now()
		}
		// A source that goes on may never be idle.
		if rounds >= 2 && (time.Since(since) > onceIdle || !e.owes()) {
			return e.onceError()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// onceIdle is how long panes and rows are waited for that are told when sources are idle.
const onceIdle = task.IdleAfter + 2*lookEvery + time.Second

// owes tells whether a group has such.
func (e *Engine) owes() bool {
	return slices.ContainsFunc(e.loops, func(l *loop) (owes bool) {
		if l.group != nil {
			l.command(func() { owes = l.group.run != nil && l.group.run.task.Owes(time.Now().UnixNano()) })
		}
		return owes
	})
}

func (e *Engine) onceError() error {
	errs := e.fileErrors()
	for _, r := range e.routes {
		if h := r.halt.Load(); h != nil {
			errs = append(errs, h.err)
		}
	}
	if errs == nil {
		return errDone
	}
	return errors.Join(errs...)
}

// onceRoute tells whether a route has done its part. Its goal is the ends of its
// topics at start; where the program itself writes, it moves on.
func (e *Engine) onceRoute(ctx context.Context, r *route, goals map[*route]kafka.Offsets, written func(topic string) bool) (bool, error) {
	admin := e.admins[via(r.plan.Source.Via)]
	topics, err := sourceTopics(ctx, admin, r.eng.cfg.Plan.App, r.plan)
	if err != nil {
		return false, err
	}
	topics = append(topics, r.replayLog())
	goal, known := goals[r]
	if known {
		topics = slices.DeleteFunc(topics, func(t string) bool { return !written(t) })
	}
	if len(topics) > 0 {
		ends, err := admin.EndOffsets(ctx, topics...)
		if err != nil {
			return false, err
		}
		if !known {
			goal = kafka.Offsets{}
		}
		for tp, at := range ends {
			goal[tp] = at
		}
	}
	goals[r] = goal
	return e.reached(ctx, r, admin, goal)
}

// heard tells whether a group has done all that its own log tells it, what operators and
// other groups asked for, and waits for no answer and no output that the store holds.
func (g *group) heard(ctx context.Context) (bool, error) {
	runs, waits, name, applied := false, false, "", int64(0)
	g.loop.command(func() {
		if runs, name, applied = g.run != nil, g.ownName, g.applied; runs {
			waits = g.run.task.Parked() > 0 || g.run.task.Holds()
		}
	})
	if !runs {
		// One that cannot run here waits by name, or has been halted: what is left for it
		// its routes tell.
		waits := slices.ContainsFunc(g.loop.eng.health.Conditions(), func(c observe.Condition) bool { return c.Name == g.condition() })
		return waits || g.loop.routes[0].halt.Load() != nil, nil
	}
	if waits {
		return false, nil
	}
	if g.appending.Load() > 0 {
		return false, nil // before the end is asked for: it is part of that
	}
	ends, err := g.loop.eng.admins[g.conn].EndOffsets(ctx, name)
	if err != nil {
		return false, err
	}
	return applied >= ends[kafka.TP{Topic: name}], nil
}

// reached tells whether every partition is done up to its goal: here, or by
// another process of the group, which says so by what it committed.
func (e *Engine) reached(ctx context.Context, r *route, admin *kafka.Admin, goal kafka.Offsets) (bool, error) {
	at := kafka.Offsets{}
	r.loop.command(func() {
		for tp, in := range r.parts {
			if in.run != nil {
				at[tp] = in.run.task.Watermark(in.number)
			}
		}
	})
	others := false
	for tp, end := range goal {
		if pos, ours := at[tp]; ours && pos < end {
			return false, nil
		} else if !ours && end > 0 {
			others = true
		}
	}
	if !others {
		return true, nil
	}
	committed, err := admin.Committed(ctx, r.groupName())
	if err != nil {
		return false, err
	}
	for tp, end := range goal {
		if _, ours := at[tp]; !ours && end > 0 && committed[tp].Offset < end {
			return false, nil
		}
	}
	return true, nil
}

// sourceTopics lists what a route reads, by name or found by its pattern.
func sourceTopics(ctx context.Context, admin *kafka.Admin, app string, r *plan.Route) ([]string, error) {
	topics := kafka.SourceTopics(app, r.Source)
	if r.Source.Pattern == "" {
		return topics, nil
	}
	pattern, err := kafka.ParsePattern(r.Source.Pattern)
	if err != nil {
		return nil, err
	}
	found, err := admin.Match(ctx, pattern)
	for t := range found {
		topics = append(topics, t)
	}
	return topics, err
}

// written tells of a topic whether the program may write to it. Where a name is
// made at run time that is any.
func (e *Engine) written() func(topic string) bool {
	names := map[string]bool{}
	dynamic := false
	for _, p := range e.cfg.Plan.Routes {
		for _, em := range p.Emits {
			if t, ok := constantTopic(em); ok {
				names[t] = true
			} else if s, ok := em.Sink.(*ir.ReplayRecord); ok {
				names[kafka.ReplayTopic(e.cfg.Plan.App, s.Of.Name)] = true
			} else if _, ok := em.Sink.(*ir.TopicRecord); ok {
				dynamic = true
			}
		}
	}
	for _, p := range e.cfg.Plan.Routes {
		if p.Source.Dead != nil { // letters may always come
			for _, t := range kafka.SourceTopics(e.cfg.Plan.App, p.Source) {
				names[t] = true
			}
		}
	}
	return func(t string) bool { return dynamic || names[t] }
}
