package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

// What a graph says of state: groups, tables, and which stages touch them.

// bound says what a state group cannot do.
const bound = "one task in one process"

// GraphGroup is a state group.
type GraphGroup struct {
	Name   string       `json:"name"`
	Routes []string     `json:"routes"`
	Inputs []string     `json:"inputs"` // what its routes read
	States []GraphState `json:"states"`
	Bound  string       `json:"bound"`
}

// GraphState is a state of a group.
type GraphState struct {
	Name    string      `json:"name"`
	Kind    string      `json:"kind"`
	Keys    []string    `json:"keys"`          // types of the parts of its key
	Row     string      `json:"row,omitempty"` // type of what is kept
	Span    string      `json:"span,omitempty"`
	IDs     []GraphID   `json:"identifiers,omitempty"` // of an identity space, the best first
	Merge   string      `json:"merge,omitempty"`       // of a table keyed by people
	On      string      `json:"on,omitempty"`          // of an audience: its table
	Leads   []GraphLead `json:"leads"`                 // what its watermark goes by
	Readers []string    `json:"readers,omitempty"`     // routes that hear its changes
}

// GraphID is a kind of identifier.
type GraphID struct {
	Name  string `json:"name"`
	Grade string `json:"grade"` // "person", "device"
	Limit int    `json:"limit,omitempty"`
	Per   string `json:"per,omitempty"`
}

// GraphLead is a route whose records lead to a state.
type GraphLead struct {
	Route string `json:"route"`
	Timed bool   `json:"timed"` // by the time that `time by` sets
}

// GraphTable is a table that is loaded.
type GraphTable struct {
	Name string   `json:"name"`
	Row  string   `json:"row"`
	Keys []string `json:"keys"`
	From string   `json:"from"` // "file plans.csv", "topic crm.customers"
}

// kinds are the words for the kinds of states, as stages and declarations have them.
var kinds = map[ir.StateKind]string{
	ir.TableState: "table", ir.DedupeState: "dedupe", ir.ChangedState: "changed", ir.ThrottleState: "throttle", ir.WindowState: "window",
	ir.IdentityState: "identity", ir.AudienceState: "audience", ir.AnswerState: "call",
}

func (p *Plan) graphState(g *Graph) {
	for _, pg := range p.Groups {
		out := GraphGroup{Name: pg.Name, Bound: bound, Inputs: []string{}, States: []GraphState{}}
		for _, r := range pg.Routes {
			out.Routes = append(out.Routes, r.Name)
			for _, in := range inputs(r) {
				if !slices.Contains(out.Inputs, in) {
					out.Inputs = append(out.Inputs, in)
				}
			}
		}
		for _, s := range pg.States {
			gs := GraphState{Name: s.Name, Kind: kinds[s.Kind], Keys: []string{}, Leads: []GraphLead{}}
			for _, k := range s.Keys {
				gs.Keys = append(gs.Keys, typeName(k))
			}
			if s.Row != nil {
				gs.Row = typeName(s.Row)
			}
			if s.SpanMS > 0 {
				gs.Span = span(s.SpanMS)
			}
			p.people(&gs, s.State)
			for _, l := range s.Leads {
				gs.Leads = append(gs.Leads, GraphLead{pg.Routes[l.Route].Name, l.Timed})
			}
			for _, i := range s.Readers {
				gs.Readers = append(gs.Readers, pg.Routes[i].Name)
			}
			out.States = append(out.States, gs)
		}
		g.Groups = append(g.Groups, out)
	}
	for _, t := range p.Tables {
		if t.Load == nil {
			continue
		}
		gt := GraphTable{Name: t.Name, Row: typeName(t.Row), From: "topic " + t.Load.Topic, Keys: []string{}}
		if t.Load.File != "" {
			gt.From = "file " + t.Load.File
		}
		for _, k := range t.Keys {
			key := typeName(k.Type)
			if len(k.Field) > 0 {
				key = "." + strings.Join(k.Field, ".") + ": " + key
			}
			gt.Keys = append(gt.Keys, key)
		}
		g.Tables = append(g.Tables, gt)
	}
}

// people says of a state what it has to do with people.
func (p *Plan) people(gs *GraphState, s *ir.State) {
	for _, t := range p.Tables {
		if t.State != s {
			continue
		}
		if t.Space != nil {
			gs.Keys = []string{t.Space.Name}
		}
		if gs.Merge = t.Merge; t.Audience != nil {
			gs.On = t.Audience.On.Name
		}
	}
	for _, sp := range p.Spaces {
		if sp.State != s {
			continue
		}
		for i := range sp.IDs {
			id := &sp.IDs[i]
			out := GraphID{Name: id.Name, Grade: "device", Limit: id.Limit}
			if id.Person {
				out.Grade = "person"
			}
			if id.PerMS > 0 {
				out.Per = span(id.PerMS)
			}
			gs.IDs = append(gs.IDs, out)
		}
	}
}

// span writes a span as scripts mostly do: in days where it is whole days.
func span(ms int64) string {
	const day = 24 * 3_600_000
	if ms%day == 0 {
		return fmt.Sprintf("%dd", ms/day)
	}
	return value.FormatDuration(time.Duration(ms) * time.Millisecond)
}

// segmentName names a source of Segment's calls as a drawing shows it.
func segmentName(h *ir.Hook) string {
	if h.Segment == "webhook" {
		return "segment webhook " + h.Path
	}
	return "segment " + h.Path
}

// inputs says what a route reads.
func inputs(r *Route) []string {
	switch r.Source.Kind {
	case "dead":
		return []string{"dead letters of " + r.Source.Dead.Name}
	case "webhook":
		return []string{"webhook " + r.Source.Hook.Path}
	case "segment":
		return []string{segmentName(r.Source.Hook)}
	case "changes":
		return []string{"changes of " + r.Source.Of()}
	case "table":
		return []string{"rows of " + r.Source.Table.Name}
	case "every":
		return []string{"every " + schedule(r.Source.Tick)}
	case "file":
		return []string{"file " + fileName(r.Source.File)}
	}
	var out []string
	if r.Source.Pattern != "" {
		out = append(out, "topics "+r.Source.Pattern)
	}
	for _, t := range r.Source.Topics {
		if t.Name != "" {
			out = append(out, "topic "+t.Name)
		}
	}
	return out
}

// touch says what state an operator itself writes and which tables it reads.
func (n *GraphNode) touch(s ir.Stage) {
	if s == nil {
		return
	}
	if m := ir.Memory(s); m != nil {
		n.Writes = m.Name
	}
	if f, ok := s.(*ir.Find); ok {
		n.Reads = append(n.Reads, f.Space.State.Name)
	}
	for _, x := range ir.Exprs(s) {
		ir.Walk(x, func(x ir.Expr) bool {
			if t, ok := x.(*ir.TableGet); ok {
				name := "table " + t.Table.Name
				if t.Table.State != nil {
					name = t.Table.State.Name
				}
				if !slices.Contains(n.Reads, name) {
					n.Reads = append(n.Reads, name)
				}
			}
			return true
		})
	}
}

// text draws a group with letters.
func (group *GraphGroup) text(b *strings.Builder) {
	fmt.Fprintf(b, "state group %s  (%s)\n", group.Name, group.Bound)
	fmt.Fprintf(b, "  routes   %s\n", strings.Join(group.Routes, ", "))
	fmt.Fprintf(b, "  inputs   %s\n", strings.Join(group.Inputs, ", "))
	for i := range group.States {
		head := "         "
		if i == 0 {
			head = "  states "
		}
		fmt.Fprintf(b, "%s  %s\n", head, group.States[i].line())
	}
}

func (s *GraphState) line() string {
	var b strings.Builder
	b.WriteString(s.Name)
	if s.Row != "" {
		b.WriteString(": " + s.Row)
	}
	if len(s.Keys) > 0 {
		b.WriteString("  keyed by " + strings.Join(s.Keys, ", "))
	}
	if s.Span != "" {
		b.WriteString(", for " + s.Span)
	}
	if s.Merge != "" {
		b.WriteString(", merge " + s.Merge)
	}
	if s.On != "" {
		b.WriteString(", on " + s.On)
	}
	if len(s.IDs) > 0 {
		b.WriteString("  " + s.ids())
	}
	for i, l := range s.Leads {
		if i == 0 {
			b.WriteString("  ← ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(l.Route)
		if l.Timed {
			b.WriteString(" (time by)")
		}
	}
	if len(s.Readers) > 0 {
		b.WriteString("  changes → " + strings.Join(s.Readers, ", "))
	}
	return b.String()
}

// ids lists the identifiers of a space, the best first, with how many of each a person
// may have.
func (s *GraphState) ids() string {
	parts := make([]string, len(s.IDs))
	for i, id := range s.IDs {
		parts[i] = id.Name
		switch {
		case id.Per != "":
			parts[i] += fmt.Sprintf(" (%d in %s)", id.Limit, id.Per)
		case id.Limit > 0:
			parts[i] += fmt.Sprintf(" (%d)", id.Limit)
		}
	}
	return strings.Join(parts, ", ")
}

func (t *GraphTable) line() string {
	return fmt.Sprintf("table %s: %s  keyed by %s  ← %s", t.Name, t.Row, strings.Join(t.Keys, ", "), t.From)
}
