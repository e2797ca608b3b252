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
	Format      int          `json:"format"`
	App         string       `json:"app"`
	Routes      []GraphPart  `json:"routes"`
	Groups      []GraphGroup `json:"groups"`
	Tables      []GraphTable `json:"tables"` // those that are loaded
	Connections []GraphConn  `json:"connections"`
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
	Webhook  string      `json:"webhook,omitempty"` // the path of the webhook that is read
	Segment  string      `json:"segment,omitempty"` // where Segment's calls come in: "segment /v1"
	Changes  string      `json:"changes,omitempty"` // the table whose changes are read
	Rows     string      `json:"rows,omitempty"`    // the table whose rows are read on a schedule
	Every    string      `json:"every,omitempty"`   // the schedule that drives it: "1d at 06:00 UTC"
	Lines    string      `json:"lines,omitempty"`   // the file whose lines are read
	Dead     string      `json:"dead,omitempty"`    // the route whose dead letters are read
	heard    string      // the state behind Changes, by its name
	Group    string      `json:"group,omitempty"` // the state group
	Event    string      `json:"event"`           // the type of what arrives
	Nodes    []GraphNode `json:"nodes"`
	Edges    []GraphEdge `json:"edges"`
}

// GraphNode is one operator.
type GraphNode struct {
	ID     string   `json:"id"`
	Kind   string   `json:"kind"`
	Text   string   `json:"text"`
	At     string   `json:"at"`
	Emit   string   `json:"emit,omitempty"`   // the id that message ids are made with
	To     string   `json:"to,omitempty"`     // what an emit sends to: "segment main"
	Asks   string   `json:"asks,omitempty"`   // what a call asks: "http crm"
	Writes string   `json:"writes,omitempty"` // the state that it writes
	Reads  []string `json:"reads,omitempty"`  // the tables that it reads
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
	g := &Graph{Format: 1, App: p.App, Routes: []GraphPart{}, Groups: []GraphGroup{}, Tables: []GraphTable{}, Connections: []GraphConn{}}
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
		switch r.Source.Kind {
		case "segment":
			part.Segment = segmentName(r.Source.Hook)
		case "webhook":
			part.Webhook = r.Source.Hook.Path
		case "changes":
			part.Changes, part.heard = r.Source.Of(), r.Source.State().Name
		case "table":
			part.Rows = r.Source.Table.Name
		case "every":
			part.Every = schedule(r.Source.Tick)
		case "dead":
			part.Dead = r.Source.Dead.Name
		case "file":
			part.Lines = fileName(r.Source.File)
		}
		if r.Group != nil {
			part.Group = r.Group.Name
		}
		for _, n := range r.Nodes {
			node := GraphNode{ID: n.ID, Kind: n.Kind, Text: n.Text, At: n.At}
			node.touch(n.Stage)
			switch s := n.Stage.(type) {
			case *ir.Emit:
				node.Emit, node.To = s.ID, To(s)
			case *ir.Replay:
				node.Emit, node.To = s.Emit.ID, To(s.Emit)
			case *ir.HTTPCall:
				node.Asks = "http " + s.Via
			}
			part.Nodes = append(part.Nodes, node)
		}
		for _, e := range r.Edges {
			part.Edges = append(part.Edges, GraphEdge(e))
		}
		g.Routes = append(g.Routes, part)
	}
	p.graphState(g)
	return g
}

// schedule says when something is due.
func schedule(t *ir.Tick) string {
	every := span(t.EveryMS)
	if t.AtMS < 0 {
		return every
	}
	return fmt.Sprintf("%s at %02d:%02d %s", every, t.AtMS/3_600_000, t.AtMS/60_000%60, t.Zone)
}

func fileName(f *ir.File) string {
	if f.Stdin() {
		return "standard input"
	}
	return f.Path
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
	case *ir.HTTPSink:
		return "http " + e.Via
	case *ir.ReplayRecord:
		return "route " + s.Of.Name
	}
	return "segment " + e.Via
}

// Text draws the graph with letters: one route after the other, a stage a line,
// what stands in braces set in; then the state groups and the loaded tables.
func (g *Graph) Text() string {
	var b strings.Builder
	for i := range g.Routes {
		if i > 0 {
			b.WriteByte('\n')
		}
		g.Routes[i].text(&b)
	}
	for i := range g.Groups {
		b.WriteByte('\n')
		g.Groups[i].text(&b)
	}
	if len(g.Tables) > 0 {
		b.WriteByte('\n')
	}
	for i := range g.Tables {
		b.WriteString(g.Tables[i].line() + "\n")
	}
	return b.String()
}

func (r *GraphPart) text(b *strings.Builder) {
	b.WriteString(r.Name)
	var notes []string
	if r.Priority != "normal" {
		notes = append(notes, "priority "+r.Priority)
	}
	if r.Group != "" {
		notes = append(notes, "state group "+r.Group)
	}
	if len(notes) > 0 {
		b.WriteString("  (" + strings.Join(notes, ", ") + ")")
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
		if n.Asks != "" {
			d.b.WriteString("  ⇄ " + n.Asks)
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
	if n.Kind == "each" || n.Kind == "window" {
		return arms, on // no way out of them leads on
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

// Mermaid draws the graph as a flowchart of Mermaid: a route is a box of operators,
// a state group a box around its routes and what they remember.
func (g *Graph) Mermaid() string {
	d := chart{outside: map[string]string{}}
	d.b.WriteString("flowchart TD\n")
	groups := map[string]int{}
	for i := range g.Groups {
		groups[g.Groups[i].Name] = i
	}
	drawn := map[int]bool{}
	for i := range g.Routes {
		gi, in := groups[g.Routes[i].Group]
		switch {
		case !in:
			d.route(&g.Routes[i], i, "  ")
			d.links(&g.Routes[i], i)
		case !drawn[gi]:
			drawn[gi] = true
			d.group(g, gi)
		}
	}
	return d.b.String()
}

// chart is a flowchart being written.
type chart struct {
	b       strings.Builder
	outside map[string]string // ids of what is no operator, by its name
}

// node gives the id of something outside of the routes, and declares it at first.
func (d *chart) node(what, open, shut, indent string) string {
	id, ok := d.outside[what]
	if !ok {
		id = d.named(what, what, open, shut, indent)
	}
	return id
}

// named declares something outside of the routes, with more to read than its name.
func (d *chart) named(what, text, open, shut, indent string) string {
	id := fmt.Sprintf("x%d", len(d.outside)+1)
	d.outside[what] = id
	fmt.Fprintf(&d.b, "%s%s%s%s%s\n", indent, id, open, label(text), shut)
	return id
}

func (d *chart) group(g *Graph, gi int) {
	group := &g.Groups[gi]
	fmt.Fprintf(&d.b, "  subgraph g%d[%s]\n", gi+1, label("state group "+group.Name+": "+group.Bound))
	for i := range g.Routes {
		if g.Routes[i].Group == group.Name {
			d.route(&g.Routes[i], i, "    ")
		}
	}
	for i := range group.States {
		s := &group.States[i]
		text := s.Name
		if len(s.IDs) > 0 {
			text += ": " + s.ids()
		}
		d.named(s.Name, text, "[(", ")]", "    ")
	}
	d.people(group)
	d.b.WriteString("  end\n")
	for i := range g.Routes {
		if g.Routes[i].Group == group.Name {
			d.links(&g.Routes[i], i)
		}
	}
}

// people draws which rows a merge moves, and which table makes an audience.
func (d *chart) people(group *GraphGroup) {
	for i := range group.States {
		s := &group.States[i]
		switch {
		case s.Merge != "":
			fmt.Fprintf(&d.b, "    %s -->|merge %s| %s\n", d.outside["identity "+s.Keys[0]], s.Merge, d.outside[s.Name])
		case s.On != "":
			fmt.Fprintf(&d.b, "    %s -->|members| %s\n", d.outside["table "+s.On], d.outside[s.Name])
		}
	}
}

// route draws the operators of a route.
func (d *chart) route(r *GraphPart, i int, indent string) {
	ids := map[string]string{}
	fmt.Fprintf(&d.b, "%ssubgraph r%d[%s]\n", indent, i+1, label(r.Name))
	for j := range r.Nodes {
		id := fmt.Sprintf("r%dn%d", i+1, j+1)
		ids[r.Nodes[j].ID] = id
		fmt.Fprintf(&d.b, "%s  %s[%s]\n", indent, id, label(r.Nodes[j].Text))
	}
	for _, e := range r.Edges {
		arrow := "-->"
		if e.Label != "" {
			arrow = "-->|" + label(e.Label) + "|"
		}
		fmt.Fprintf(&d.b, "%s  %s %s %s\n", indent, ids[e.From], arrow, ids[e.To])
	}
	d.b.WriteString(indent + "end\n")
}

// links draws what a route has to do with things outside of it.
func (d *chart) links(r *GraphPart, i int) {
	for _, t := range r.Topics {
		fmt.Fprintf(&d.b, "  %s --> r%dn1\n", d.node("topic "+t, "([", "])", "  "), i+1)
	}
	if r.Pattern != "" {
		fmt.Fprintf(&d.b, "  %s --> r%dn1\n", d.node("topics "+r.Pattern, "([", "])", "  "), i+1)
	}
	if r.Segment != "" {
		fmt.Fprintf(&d.b, "  %s --> r%dn1\n", d.node(r.Segment, "([", "])", "  "), i+1)
	}
	if r.Webhook != "" {
		fmt.Fprintf(&d.b, "  %s --> r%dn1\n", d.node("webhook "+r.Webhook, "([", "])", "  "), i+1)
	}
	if r.Every != "" {
		fmt.Fprintf(&d.b, "  %s --> r%dn1\n", d.node("every "+r.Every, "([", "])", "  "), i+1)
	}
	if r.Dead != "" {
		fmt.Fprintf(&d.b, "  %s --> r%dn1\n", d.node("dead letters of "+r.Dead, "([", "])", "  "), i+1)
	}
	if r.Lines != "" {
		fmt.Fprintf(&d.b, "  %s --> r%dn1\n", d.node("file "+r.Lines, "([", "])", "  "), i+1)
	}
	if r.Changes != "" {
		fmt.Fprintf(&d.b, "  %s -->|changes| r%dn1\n", d.node(r.heard, "[(", ")]", "  "), i+1)
	}
	if r.Rows != "" {
		fmt.Fprintf(&d.b, "  %s -->|rows| r%dn1\n", d.node("table "+r.Rows, "[(", ")]", "  "), i+1)
	}
	for j := range r.Nodes {
		n := &r.Nodes[j]
		if n.To != "" {
			fmt.Fprintf(&d.b, "  r%dn%d --> %s\n", i+1, j+1, d.node(n.To, "([", "])", "  "))
		}
		if n.Asks != "" {
			fmt.Fprintf(&d.b, "  r%dn%d <--> %s\n", i+1, j+1, d.node(n.Asks, "([", "])", "  "))
		}
		if n.Writes != "" {
			fmt.Fprintf(&d.b, "  r%dn%d -.-> %s\n", i+1, j+1, d.node(n.Writes, "[(", ")]", "  "))
		}
		for _, t := range n.Reads {
			fmt.Fprintf(&d.b, "  %s -.-> r%dn%d\n", d.node(t, "[(", ")]", "  "), i+1, j+1)
		}
	}
}

// label quotes a text for Mermaid, which reads entities and no escapes.
func label(s string) string {
	r := strings.NewReplacer("&", "#amp;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "|", "#124;", "`", "#96;", "\n", " ")
	return `"` + r.Replace(s) + `"`
}
