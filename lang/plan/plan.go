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
	Connections []*ir.Connection
}

// Route is one route with its operators.
type Route struct {
	*ir.Route
	Nodes []*Node    // the source first, then every stage in text order
	Edges []Edge     // an event's possible ways
	Emits []*ir.Emit // in text order; an output names its emit by the index here
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
