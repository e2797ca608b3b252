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
	var names []string
	for _, t := range s.Topics {
		if t.Name != "" && s.Pattern == "" {
			names = append(names, t.Name)
		}
	}
	return names
}
