// Package plan is the operator DAG of a checked program: plain data with stable
// node ids. Nodes point to ir stages; printed as JSON or drawn they are text, to
// be read and never loaded.
package plan

import (
	"github.com/sluice-dev/sluice/lang/ir"
)

// Plan is what the runtime runs.
type Plan struct {
	App         string
	Routes      []*Route
	Groups      []*Group // the state groups, by name
	Tables      []*ir.Table
	Spaces      []*ir.Space
	Connections []*ir.Connection
}

// Group is a state group: the routes that share state, or read the changes of what
// others of it write. It runs in one process, as one task (persist mode S1).
type Group struct {
	// Name is that of its identity space, else of its first shared table or named memory
	// in the alphabet, else its first route's.
	Name   string
	Routes []*Route // by name: changes run in this order
	States []*State // by name
}

// State is a state of a group.
type State struct {
	*ir.State
	// Leads are what its watermark is the least of: the sources of these routes.
	Leads []Lead
	// Readers are the routes of `from changes`, as indices into Group.Routes.
	Readers []int
}

// Lead is a route whose records lead to a state.
type Lead struct {
	Route int // index into Group.Routes
	// Timed: a `time by` stands above the state, so its time is the one set there;
	// else it is that of arrival.
	Timed bool
}

// Index finds a state of the group by its declaration; -1 where it is another's.
func (g *Group) Index(s *ir.State) int {
	for i := range g.States {
		if g.States[i].State == s {
			return i
		}
	}
	return -1
}

// Route is one route with its operators.
type Route struct {
	*ir.Route
	Group *Group         // nil: the route has no state (persist mode S0)
	Nodes []*Node        // the source first, then every stage in text order
	Edges []Edge         // an event's possible ways
	Emits []*ir.Emit     // in text order; an output names its emit by the index here
	Calls []*ir.HTTPCall // in text order
}

// Node is one operator.
type Node struct {
	ID    string   // stable: route + "/" + the stage's key
	Kind  string   // the keyword: "from", "where", "emit"
	Text  string   // the head of the stage on one line, as written
	At    string   // file:line:col
	Stage ir.Stage // nil for the source
}

// Edge leads from one operator to the next.
type Edge struct {
	From, To string
	Label    string // of an arm: its patterns, "then", "else", "each"; "" elsewhere
}
