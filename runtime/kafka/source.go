package kafka

import "github.com/sluice-dev/sluice/lang/ir"

// SourceTopics gives the topics that a source reads by name: those that the script
// names, or that of a webhook or a file. A pattern, and what the engine makes itself, have none.
func SourceTopics(app string, s *ir.Source) []string {
	if s.Hook != nil {
		return []string{InTopic(app, s.Hook.Name())}
	}
	if s.File != nil {
		return []string{FileTopic(app, s.File.Name())}
	}
	if s.Dead != nil {
		return deadTopics(app, s.Dead)
	}
	var names []string
	for _, t := range s.Topics {
		if t.Name != "" && s.Pattern == "" {
			names = append(names, t.Name)
		}
	}
	return names
}

// deadTopics are those of a route's letters: where it was renamed, the older ones stand in
// a topic of the older name.
func deadTopics(app string, r *ir.Route) []string {
	names := []string{DeadTopic(app, r.Name)}
	if r.Was != "" && ir.Escape(r.Was) != ir.Escape(r.Name) {
		names = append(names, DeadTopic(app, r.Was))
	}
	return names
}
