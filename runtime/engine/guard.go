package engine

import (
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/kafka"
)

// A state group of which no route reads a topic, as one that a schedule drives, has no
// partition that could be assigned to one process alone. So that it runs in one all the
// same, the first of its routes joins its consumer group for the group's own log: whoever
// is assigned that partition runs. What it would fetch there is not read; the log is read
// by position.

// guardOf is the route that stands guard for a group, nil where one reads a topic.
func guardOf(g *plan.Group) *plan.Route {
	if g == nil {
		return nil
	}
	for _, r := range g.Routes {
		if !r.Source.Made() {
			return nil
		}
	}
	return g.Routes[0]
}

// joinTopics are the topics of a route's consumer group, by name.
func (r *route) joinTopics() []string {
	app := r.eng.cfg.Plan.App
	if g := r.plan.Group; guardOf(g) == r.plan {
		return []string{kafka.OwnTopic(app, g.Name), r.replayLog()}
	}
	return append(kafka.SourceTopics(app, r.plan.Source), r.replayLog())
}

// guarded tells whether a partition of a route is only its place in the consumer group.
func (r *route) guarded(tp kafka.TP) bool {
	return r != nil && r.plan.Source.Made() && tp.Topic != r.replayLog()
}
