package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// way is a stage that feeds a route.
type way struct {
	to   *ir.Route
	over string // what it goes through: `topic "orders"`, "changes of `taken`"
	at   token.Span
}

// loops reports routes whose records come back to them through topics that the
// program names, or through the changes of tables. What goes through names made at
// run time is dropped there.
func (c *checker) loops() {
	ways := map[*ir.Route][]way{}
	for _, r := range c.prog.Routes {
		eachEmit(r.Stages, func(e *ir.Emit) {
			t, ok := e.Sink.(*ir.TopicRecord)
			if !ok {
				return
			}
			for _, name := range topicsOf(t.Topic.Type()) {
				for _, to := range c.prog.Routes {
					if to.Source.Via == e.Via && reads(to.Source, name) {
						ways[r] = append(ways[r], way{to, fmt.Sprintf("topic %q", name), t.Topic.Span()})
					}
				}
			}
		})
		for _, to := range c.prog.Routes {
			if to.Source.Dead == r {
				ways[r] = append(ways[r], way{to, fmt.Sprintf("dead letters of `%s`", r.Name), to.Source.At})
			}
		}
		ir.EachStage(r.Stages, func(s ir.Stage) {
			ts, sp := writes(s)
			for _, to := range c.prog.Routes {
				if hears(to.Source, ts, sp) {
					ways[r] = append(ways[r], way{to, fmt.Sprintf("changes of `%s`", to.Source.Of()), head(s.Info().At)})
				}
			}
		})
	}
	told := map[*ir.Route]bool{}
	for _, r := range c.prog.Routes {
		if told[r] {
			continue
		}
		path := back(ways, r, r, nil, map[*ir.Route]bool{})
		if path == nil {
			continue
		}
		text := fmt.Sprintf("`%s`", r.Name)
		for _, w := range path {
			told[w.to] = true
			text += fmt.Sprintf(" → %s → `%s`", w.over, w.to.Name)
		}
		verb := "emits"
		switch {
		case strings.HasPrefix(path[0].over, "changes"):
			verb = "writes"
		case strings.HasPrefix(path[0].over, "dead"):
			verb = "gives up"
		}
		c.errorf(diag.Loop, path[0].at, "what `%s` %s comes back to it", r.Name, verb).WithLabel("leads back").WithHelp("the way round: %s", text)
	}
}

// writes are the tables and audiences that a stage writes, and the identity space: who
// links or forgets people moves and removes rows.
func writes(s ir.Stage) (tables []*ir.Table, sp *ir.Space) {
	add := func(t *ir.Table) { tables = append(append(tables, t), t.Audiences...) }
	switch s := s.(type) {
	case *ir.Update:
		add(s.Table)
	case *ir.Delete:
		add(s.Table)
	case *ir.Resolve:
		sp = s.Space
	case *ir.Forget:
		sp = s.Space
	}
	if sp != nil {
		for _, t := range sp.Tables {
			add(t)
		}
	}
	return tables, sp
}

// hears tells whether a source reads the changes of one of these.
func hears(s *ir.Source, tables []*ir.Table, sp *ir.Space) bool {
	switch {
	case s.Kind != "changes":
		return false
	case s.Space != nil:
		return s.Space == sp
	}
	return slices.Contains(tables, s.Table)
}

// back finds a way from one route to another.
func back(ways map[*ir.Route][]way, from, to *ir.Route, path []way, seen map[*ir.Route]bool) []way {
	for _, w := range ways[from] {
		if w.to == to {
			return append(path, w)
		}
		if seen[w.to] {
			continue
		}
		seen[w.to] = true
		if p := back(ways, w.to, to, append(path[:len(path):len(path)], w), seen); p != nil {
			return p
		}
	}
	return nil
}

// topicsOf lists the names that a type admits, where they are constants.
func topicsOf(t *types.Type) []string {
	var out []string
	ts := []*types.Type{t}
	if t.Kind == types.Union {
		ts = t.Members
	}
	for _, m := range ts {
		if s, ok := m.Lit.(string); ok && m.Kind == types.Literal {
			out = append(out, s)
		}
	}
	return out
}

// reads tells whether a source takes records of a topic.
func reads(s *ir.Source, topic string) bool {
	if s.Kind == "topics" {
		if strings.HasPrefix(topic, "__") || strings.HasPrefix(topic, "sluice.") {
			return false
		}
		re, err := regexp.Compile(`\A(?:` + s.Pattern + `)\z`)
		return err == nil && re.MatchString(topic)
	}
	for _, t := range s.Topics {
		if t.Name == topic {
			return true
		}
	}
	return false
}

// eachEmit visits all emits in the order of the text.
func eachEmit(stages []ir.Stage, f func(*ir.Emit)) {
	ir.EachStage(stages, func(s ir.Stage) {
		if e, ok := s.(*ir.Emit); ok {
			f(e)
		}
	})
}
