// Package wire decides, purely, how the parts of a running program are joined:
// which scheduler an emit's outputs go to, and where a task begins. The engine and
// sim only carry out what it says, so that a test of one speaks for the other.
//
// It must not know goroutines, brokers or sinks.
package wire

import (
	"fmt"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
)

// Way is where the outputs of one emit go.
type Way struct {
	Line       int // index into Lines
	Connection int // index within the line's scheduler
	Priority   deliver.Priority
}

// Line is one scheduler: a connection and those that inherit from it, which share
// its rate, gate and pauses.
type Line struct {
	Kind  string   // kafka, segment, log
	Name  string   // of the connection that the others share with; "" of log
	Names []string // of all its connections, in text order: the indices of Way.Connection
	// Connections are the declarations, nil where the program has none of that name
	// (the embedded broker, log).
	Connections []*ir.Connection
}

// Ways are the lines of a program and the way of each emit.
type Ways struct {
	Lines []Line
	// Of are the ways by route and emit, as the plan numbers them.
	Of [][]Way
}

// PlanWays finds the ways of a program. Only lines that an emit uses are made.
func PlanWays(p *plan.Plan) (*Ways, error) {
	w := &Ways{}
	for _, r := range p.Routes {
		prio, err := priority(r.Priority)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", r.Name, err)
		}
		var ways []Way
		for _, e := range r.Emits {
			line, conn := w.line(p, kind(e), e.Via)
			ways = append(ways, Way{Line: line, Connection: conn, Priority: prio})
		}
		w.Of = append(w.Of, ways)
	}
	return w, nil
}

func priority(s string) (deliver.Priority, error) {
	switch s {
	case "high":
		return deliver.High, nil
	case "normal", "":
		return deliver.Normal, nil
	case "low":
		return deliver.Low, nil
	}
	return 0, fmt.Errorf("priority %q is not known", s)
}

func kind(e *ir.Emit) string {
	switch e.Sink.(type) {
	case *ir.SegmentCall, *ir.SegmentPass:
		return "segment"
	case *ir.TopicRecord:
		return "kafka"
	}
	return "log"
}

// line finds the line of a connection, or makes it.
func (w *Ways) line(p *plan.Plan, kind, name string) (line, connection int) {
	if kind == "log" {
		name = ""
	}
	var decl *ir.Connection
	shares := name
	for _, c := range p.Connections {
		if c.Kind == kind && c.Name == name {
			decl = c
			if c.Shares != "" {
				shares = c.Shares
			}
		}
	}
	for line = range w.Lines {
		l := &w.Lines[line]
		if l.Kind != kind || l.Name != shares {
			continue
		}
		for i, n := range l.Names {
			if n == name {
				return line, i
			}
		}
		l.Names, l.Connections = append(l.Names, name), append(l.Connections, decl)
		return line, len(l.Names) - 1
	}
	w.Lines = append(w.Lines, Line{Kind: kind, Name: shares, Names: []string{name}, Connections: []*ir.Connection{decl}})
	return len(w.Lines) - 1, 0
}
