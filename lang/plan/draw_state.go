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
	Leads   []GraphLead `json:"leads"`             // what its watermark goes by
	Readers []string    `json:"readers,omitempty"` // routes that hear its changes
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

// span writes a span as scripts mostly do: in days where it is whole days.
func span(ms int64) string {
	const day = 24 * 3_600_000
	if ms%day == 0 {
		return fmt.Sprintf("%dd", ms/day)
	}
	return value.FormatDuration(time.Duration(ms) * time.Millisecond)
}

// inputs says what a route reads.
func inputs(r *Route) []string {
	switch r.Source.Kind {
	case "webhook":
		return []string{"webhook " + r.Source.Hook.Path}
	case "changes":
		return []string{"changes of " + r.Source.Table.Name}
	case "table":
		return []string{"rows of " + r.Source.Table.Name}
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
	for _, x := range ir.Exprs(s) {
		ir.Walk(x, func(x ir.Expr) bool {
			if t, ok := x.(*ir.TableGet); ok && !slices.Contains(n.Reads, "table "+t.Table.Name) {
				n.Reads = append(n.Reads, "table "+t.Table.Name)
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

func (t *GraphTable) line() string {
	return fmt.Sprintf("table %s: %s  keyed by %s  ← %s", t.Name, t.Row, strings.Join(t.Keys, ", "), t.From)
}
