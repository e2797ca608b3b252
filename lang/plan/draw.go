package plan

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
)

// Graph is a plan as plain data: what `graph -o json` prints. It is to be read,
// never loaded.
type Graph struct {
	Format      int         `json:"format"`
	App         string      `json:"app"`
	Routes      []GraphPart `json:"routes"`
	Connections []GraphConn `json:"connections"`
}

// GraphPart is one route.
type GraphPart struct {
	Name     string      `json:"name"`
	Was      string      `json:"was,omitempty"`
	File     string      `json:"file"`
	Doc      string      `json:"doc,omitempty"`
	Priority string      `json:"priority"`
	Topics   []string    `json:"topics,omitempty"`
	Pattern  string      `json:"pattern,omitempty"`
	Event    string      `json:"event"` // the type of what arrives
	Nodes    []GraphNode `json:"nodes"`
	Edges    []GraphEdge `json:"edges"`
}

// GraphNode is one operator.
type GraphNode struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
	Text string `json:"text"`
	At   string `json:"at"`
	Emit string `json:"emit,omitempty"` // the id that message ids are made with
	To   string `json:"to,omitempty"`   // what an emit sends to: "segment main"
}

// GraphEdge leads from one operator to the next.
type GraphEdge struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Label string `json:"label,omitempty"`
}

// GraphConn is a connection, without its settings.
type GraphConn struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Shares string `json:"shares"`
}

// Graph gives the plan as data.
func (p *Plan) Graph() *Graph {
	g := &Graph{Format: 1, App: p.App, Routes: []GraphPart{}, Connections: []GraphConn{}}
	for _, c := range p.Connections {
		g.Connections = append(g.Connections, GraphConn{c.Kind, c.Name, c.Shares})
	}
	for _, r := range p.Routes {
		part := GraphPart{Name: r.Name, Was: r.Was, File: r.File, Doc: r.Doc, Priority: r.Priority,
			Pattern: r.Source.Pattern, Event: typeName(r.Source.Type), Nodes: []GraphNode{}, Edges: []GraphEdge{}}
		for _, t := range r.Source.Topics {
			if t.Name != "" {
				part.Topics = append(part.Topics, t.Name)
			}
		}
		for _, n := range r.Nodes {
			node := GraphNode{ID: n.ID, Kind: n.Kind, Text: n.Text, At: n.At}
			if e, ok := n.Stage.(*ir.Emit); ok {
				node.Emit, node.To = e.ID, To(e)
			}
			part.Nodes = append(part.Nodes, node)
		}
		for _, e := range r.Edges {
			part.Edges = append(part.Edges, GraphEdge(e))
		}
		g.Routes = append(g.Routes, part)
	}
	return g
}

func typeName(t *types.Type) string { return t.Brief() }

// JSON prints the graph, indented.
func (g *Graph) JSON() []byte {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(g); err != nil {
		panic("plan: a graph of plain data does not encode: " + err.Error())
	}
	return []byte(b.String())
}

// To names what an emit sends to.
func To(e *ir.Emit) string {
	switch s := e.Sink.(type) {
	case *ir.TopicRecord:
		if k, ok := s.Topic.(*ir.Const); ok {
			if name, ok := k.Value.(string); ok {
				return "topic " + name
			}
		}
		return "topic …"
	case *ir.LogLine:
		return "log"
	}
	return "segment " + e.Via
}

// Text draws the graph with letters: one route after the other, a stage a line,
// what stands in braces set in.
func (g *Graph) Text() string {
	var b strings.Builder
	for i := range g.Routes {
		if i > 0 {
			b.WriteByte('\n')
		}
		g.Routes[i].text(&b)
	}
	return b.String()
}

func (r *GraphPart) text(b *strings.Builder) {
	b.WriteString(r.Name)
	if r.Priority != "normal" {
		b.WriteString("  (priority " + r.Priority + ")")
	}
	b.WriteByte('\n')
	next := map[string][]GraphEdge{}
	in := map[string]int{}
	for _, e := range r.Edges {
		next[e.From] = append(next[e.From], e)
		in[e.To]++
	}
	if len(r.Nodes) == 0 {
		return
	}
	d := drawing{b: b, next: next, nodes: map[string]*GraphNode{}, order: map[string]int{}}
	for i := range r.Nodes {
		d.nodes[r.Nodes[i].ID] = &r.Nodes[i]
		d.order[r.Nodes[i].ID] = i
	}
	d.chain(r.Nodes[0].ID, "", "")
}

// drawing prints the nodes of one route, each once.
type drawing struct {
	b     *strings.Builder
	next  map[string][]GraphEdge
	nodes map[string]*GraphNode
	order map[string]int
}

// chain prints a node and what follows it, up to stop: the node where the ways
// of a branch meet again.
func (d *drawing) chain(id, indent, stop string) {
	for id != "" && id != stop {
		n := d.nodes[id]
		d.b.WriteString(indent + n.Text)
		if n.To != "" {
			d.b.WriteString("  → " + n.To)
		}
		d.b.WriteByte('\n')
		arms, on := d.arms(n)
		for _, a := range arms {
			d.b.WriteString(indent + "├─ " + a.Label + "\n")
			d.chain(a.To, indent+"│  ", on)
		}
		id = on
	}
}

// arms gives the labelled ways out of a node, and the node behind them all.
func (d *drawing) arms(n *GraphNode) (arms []GraphEdge, on string) {
	for _, e := range d.next[n.ID] {
		if e.Label == "" {
			on = e.To
			continue
		}
		arms = append(arms, e)
	}
	if len(arms) == 0 {
		return nil, on
	}
	if n.Kind == "each" {
		return arms, on
	}
	// Where the ways meet: the first node in the text that one of them leads to
	// and that stands behind the last arm's beginning.
	last := 0
	for _, a := range arms {
		last = max(last, d.order[a.To])
	}
	meet := -1
	seen := map[string]int{}
	for _, a := range arms {
		d.reach(a.To, map[string]bool{}, seen)
	}
	for id, n := range seen {
		if n >= 2 && (meet < 0 || d.order[id] < meet) {
			meet = d.order[id]
		}
	}
	for id, i := range d.order {
		if i == meet {
			on = id
		}
	}
	var out []GraphEdge
	for _, a := range arms {
		if a.To != on {
			out = append(out, a)
		}
	}
	return out, on
}

func (d *drawing) reach(id string, mine map[string]bool, seen map[string]int) {
	if mine[id] {
		return
	}
	mine[id] = true
	seen[id]++
	for _, e := range d.next[id] {
		d.reach(e.To, mine, seen)
	}
}

// Mermaid draws the graph as a flowchart of Mermaid.
func (g *Graph) Mermaid() string {
	var b strings.Builder
	b.WriteString("flowchart TD\n")
	outside := map[string]string{}
	name := func(what string) string {
		id, ok := outside[what]
		if !ok {
			id = fmt.Sprintf("x%d", len(outside)+1)
			outside[what] = id
			fmt.Fprintf(&b, "  %s([%s])\n", id, label(what))
		}
		return id
	}
	for i := range g.Routes {
		r := &g.Routes[i]
		ids := map[string]string{}
		fmt.Fprintf(&b, "  subgraph r%d[%s]\n", i+1, label(r.Name))
		for j := range r.Nodes {
			id := fmt.Sprintf("r%dn%d", i+1, j+1)
			ids[r.Nodes[j].ID] = id
			fmt.Fprintf(&b, "    %s[%s]\n", id, label(r.Nodes[j].Text))
		}
		for _, e := range r.Edges {
			arrow := "-->"
			if e.Label != "" {
				arrow = "-->|" + label(e.Label) + "|"
			}
			fmt.Fprintf(&b, "    %s %s %s\n", ids[e.From], arrow, ids[e.To])
		}
		b.WriteString("  end\n")
		for _, t := range r.Topics {
			fmt.Fprintf(&b, "  %s --> r%dn1\n", name("topic "+t), i+1)
		}
		if r.Pattern != "" {
			fmt.Fprintf(&b, "  %s --> r%dn1\n", name("topics "+r.Pattern), i+1)
		}
		for j := range r.Nodes {
			if to := r.Nodes[j].To; to != "" {
				fmt.Fprintf(&b, "  r%dn%d --> %s\n", i+1, j+1, name(to))
			}
		}
	}
	return b.String()
}

// label quotes a text for Mermaid, which reads entities and no escapes.
func label(s string) string {
	r := strings.NewReplacer("&", "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "|", "#124;", "`", "#96;", "\n", " ")
	return `"` + r.Replace(s) + `"`
}
