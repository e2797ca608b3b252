package kafka

import (
	"regexp"
	"strings"

	"github.com/sluice-dev/sluice/lang/ir"
)

// Names of what the engine keeps on the broker for an app. Parts are escaped
// to [a-z0-9-]; that two routes do not meet there is checked when the program
// is compiled, with the same Escape.

// GroupName is the consumer group of a route.
func GroupName(app, route string) string { return name(app, "", route) }

// DeadTopic holds the dead letters of a route.
func DeadTopic(app, route string) string { return name(app, "dead", route) }

// DeadPrefix is what the names of all dead topics of a program begin with.
func DeadPrefix(app string) string { return name(app, "dead", "") }

// ReplayTopic holds the corrected events of a route.
func ReplayTopic(app, route string) string { return name(app, "replay", route) }

// InTopic is what an edge writes a source to.
func InTopic(app, source string) string { return name(app, "in", source) }

// FileTopic is what the lines of a file are written to.
func FileTopic(app, file string) string { return InTopic(app, "file") + "." + ir.Escape(file) }

// OwnTopic is what a state group is told beside its sources.
func OwnTopic(app, group string) string { return name(app, "own", group) }

func name(app, kind, last string) string {
	parts := []string{"sluice", ir.Escape(app), kind, ir.Escape(last)}
	if kind == "" {
		parts = []string{"sluice", ir.Escape(app), ir.Escape(last)}
	}
	return strings.Join(parts, ".")
}

// Pattern is a regular expression (RE2) over whole names of topics.
type Pattern struct{ re *regexp.Regexp }

// ParsePattern compiles a pattern as a program writes it.
func ParsePattern(raw string) (Pattern, error) {
	re, err := regexp.Compile(`\A(?:` + raw + `)\z`)
	return Pattern{re}, err
}

// Match tells whether the pattern covers a topic. It never covers Kafka's own
// topics nor ours: a route that reads its own dead letters by accident feeds
// itself.
func (p Pattern) Match(topic string) bool {
	return !strings.HasPrefix(topic, "__") && !strings.HasPrefix(topic, "sluice.") && p.re.MatchString(topic)
}
