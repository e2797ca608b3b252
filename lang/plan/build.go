package plan

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
)

// Build arranges a checked program. Stages keep the order of the text: the nodes
// of a route are its source and then every stage, and an edge is a way that an
// event may take from one to the next.
func Build(p *ir.Program) *Plan {
	out := &Plan{App: p.App, Connections: p.Connections, Tables: p.Tables, Spaces: p.Spaces}
	for _, r := range p.Routes {
		out.Routes = append(out.Routes, buildRoute(r))
	}
	out.Groups = groups(p, out.Routes)
	return out
}

// end is a way that leads on: from a node, with the label of the edge.
type end struct{ id, label string }

type builder struct{ r *Route }

func buildRoute(r *ir.Route) *Route {
	b := &builder{r: &Route{Route: r}}
	src := &Node{ID: r.Name + "/from", Kind: "from", Text: text(r.Source.At), At: r.Source.At.String()}
	b.r.Nodes = append(b.r.Nodes, src)
	b.stages(r.Stages, []end{{id: src.ID}})
	return b.r
}

// stages adds a list of stages behind the ways that lead to it, and gives the
// ways that lead on.
func (b *builder) stages(list []ir.Stage, from []end) []end {
	for _, s := range list {
		from = b.stage(s, from)
	}
	return from
}

func (b *builder) stage(s ir.Stage, from []end) []end {
	info := s.Info()
	n := &Node{ID: b.r.Name + "/" + info.Key, Kind: info.Kind, Text: text(info.At), At: info.At.String(), Stage: s}
	if d, ok := s.(*ir.Dedupe); ok && info.At == b.r.Source.At { // of `from segment`: nobody has written it
		n.Text = "dedupe by @write_key, .messageId within " + span(d.WithinMS)
	}
	b.r.Nodes = append(b.r.Nodes, n)
	for _, f := range from {
		b.r.Edges = append(b.r.Edges, Edge{From: f.id, To: n.ID, Label: f.label})
	}
	switch s := s.(type) {
	case *ir.Drop, *ir.Fail:
		return nil
	case *ir.When:
		on := b.stages(s.Then, []end{{n.ID, "then"}})
		if len(s.Else) == 0 {
			return append(on, end{id: n.ID}) // past it
		}
		return append(on, b.stages(s.Else, []end{{n.ID, "else"}})...)
	case *ir.Branch:
		var on []end
		for _, a := range s.Arms {
			on = append(on, b.stages(a.Body, []end{{n.ID, a.Label}})...)
		}
		return on
	case *ir.Each:
		b.stages(s.Body, []end{{n.ID, "each"}})
	case *ir.Window:
		b.stages(s.Late, []end{{n.ID, "late"}}) // what is late ends there
	case *ir.Replay:
		b.r.Emits = append(b.r.Emits, s.Emit)
		return nil
	case *ir.HTTPCall:
		b.r.Calls = append(b.r.Calls, s)
	case *ir.Emit:
		b.r.Emits = append(b.r.Emits, s)
	}
	return []end{{id: n.ID}}
}

// maxText bounds the text of a node in a drawing.
const maxText = 100

// code is a line without its comment.
func code(line string) string {
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote == '"' && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '`':
			quote = c
		case c == '#':
			return line[:i]
		}
	}
	return line
}

// text is a piece of source on one line; what a line break separated, a comma does.
func text(s token.Span) string {
	var b strings.Builder
	for line := range strings.SplitSeq(s.Text(), "\n") {
		words := strings.Join(strings.Fields(code(line)), " ")
		if words == "" {
			continue
		}
		if n := b.Len(); n > 0 {
			if !strings.ContainsRune("{[(,", rune(b.String()[n-1])) && !strings.ContainsRune("}])", rune(words[0])) {
				b.WriteByte(',')
			}
			b.WriteByte(' ')
		}
		b.WriteString(words)
	}
	t := strings.TrimSuffix(b.String(), " {")
	if r := []rune(t); len(r) > maxText {
		return string(r[:maxText-1]) + "…"
	}
	return t
}
