package engine

import (
	"context"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// Every route has a replay log beside its sources, and reads it by its consumer group:
// `replay` of another route, or an operator, may send a letter back at any time.

// deadLogs makes the topics that dead letters stand in and go back by, and says how large
// a record of theirs may be. The topics that routes read are there.
func (e *Engine) deadLogs(ctx context.Context) error {
	e.limits = map[string]int{}
	for _, r := range e.cfg.Plan.Routes {
		if err := e.deadLog(ctx, r.Route); err != nil {
			return err
		}
	}
	return nil
}

// deadLog makes those of one route, of which what it reads comes first.
func (e *Engine) deadLog(ctx context.Context, r *ir.Route) error {
	app := e.cfg.Plan.App
	dead := kafka.DeadTopic(app, r.Name)
	if _, done := e.limits[dead]; done {
		return nil
	}
	if r.Source.Dead != nil {
		if err := e.deadLog(ctx, r.Source.Dead); err != nil {
			return err
		}
	}
	conn := via(r.Source.Via)
	admin := e.admins[conn]
	largest := 0
	if r.Source.Pattern != "" || r.Source.Made() {
		largest = usualMax
	}
	read, err := sourceTopics(ctx, admin, app, &plan.Route{Route: r})
	if err != nil {
		return err
	}
	if r.Source.Dead != nil { // of a name that it had once there may be none
		for _, t := range read {
			if err := admin.Ensure(ctx, deadSpec(app, t, usualMax)); err != nil {
				return err
			}
		}
	}
	if len(read) > 0 {
		limits, err := admin.MaxMessageBytes(ctx, read...)
		if err != nil {
			return err
		}
		for _, n := range limits {
			largest = max(largest, n)
		}
	}
	spec := kafka.DeadTopicSpec(app, r.Name, largest)
	back := kafka.LogTopicSpec(kafka.ReplayTopic(app, r.Name), 1)
	back.Configs["max.message.bytes"] = spec.Configs["max.message.bytes"]
	if err := admin.Ensure(ctx, spec, back); err != nil {
		return err
	}
	limits, err := admin.MaxMessageBytes(ctx, spec.Name, back.Name)
	if err != nil {
		return err
	}
	e.limits[spec.Name] = limits[spec.Name]
	e.producers[conn].SetLimit(back.Name, limits[back.Name])
	return nil
}

// deadSpec is DeadTopicSpec of a topic by its own name.
func deadSpec(app, topic string, largest int) kafka.TopicSpec {
	s := kafka.DeadTopicSpec(app, "", largest)
	s.Name = topic
	return s
}

// replayLog is the route's.
func (r *route) replayLog() string { return r.back }

// replays tells whether the partition is that of the replay log of its route.
func (in *input) replays() bool { return in.route != nil && in.tp.Topic == in.route.replayLog() }
