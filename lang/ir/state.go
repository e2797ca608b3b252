package ir

import (
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// StateKind is what a state remembers.
type StateKind uint8

// The kinds of state.
const (
	TableState    StateKind = iota // rows by key
	DedupeState                    // which keys have passed, and when
	ChangedState                   // the last object by key
	ThrottleState                  // a bucket by key
	WindowState                    // open panes by key
	IdentityState                  // the people of an identity space
	AudienceState                  // who is a member of an audience
	AnswerState                    // answers of a `call` with `cache:`
)

// State is something that a program remembers between records. All of a state are
// cells, addressed by its Name and a key; routes that share one are a state group.
type State struct {
	Kind StateKind
	// Name names it for ever: "table taken", "dedupe purchases" (a named memory),
	// "dedupe orders by .id, .status" (kind, route by its id name, key text, "#2"
	// among equals, or the `as NAME`).
	Name string
	// Shared is the name that the whole program knows it by: of a table, of a named
	// memory; "" of what one stage remembers.
	Shared string
	At     token.Span
	// Keys are the types of its key's parts: what is stored under other ones cannot
	// be found again.
	Keys []*types.Type
	// Row is the type of what is stored: of a table's row, of the object of
	// `changed by`; nil elsewhere.
	Row *types.Type
	// SpanMS is how long it remembers: `within`, `ttl`; 0 for ever.
	SpanMS int64
	// Beside are states of the same group whoever touches them: of an identity space
	// the tables keyed by it, of a table its space and the audiences on it.
	Beside []*State
}

// Table is a declared table.
type Table struct {
	Name string
	Doc  string
	At   token.Span
	Row  *types.Type // of a row that is there
	// Read is the type of T[k]: Row, or Row and null where there is no default.
	Read    *types.Type
	Default value.Value // nil: none (a missing row reads as null)
	Keys    []TableKey
	State   *State // nil: a loaded table
	Load    *Load  // nil: a table that routes write
	// Space is the identity space that it is keyed by: its one key is the id of a
	// person. Merge is how two rows become one: first last sum min max any all union
	// keep. Of an audience it is "".
	Space *Space
	Merge string
	// Audience is set of an audience: its rows are true, and no stage writes them.
	Audience *Audience
	// Audiences are those on this table, by name.
	Audiences []*Table
}

// TableKey is one part of a table's key.
type TableKey struct {
	Type  *types.Type
	Field []string // of a loaded table: the path of the field or the name of the column; nil: the record's key
}

// Load says where a loaded table comes from. Exactly one of File and Topic is set.
type Load struct {
	At     token.Span
	File   string // relative to the program's directory; .csv, .jsonl, each also .gz
	Topic  string
	Via    string // connection kafka, of a topic
	Format string // "csv" or "jsonl", of a file
}

// Window is when a window's panes begin and end, in milliseconds.
type Span struct {
	SizeMS  int64 // length of a pane; of a session the gap that ends it
	EveryMS int64 // step between panes; SizeMS for tumbling ones
	GraceMS int64
	Session bool
}

// Agg is one aggregate of a window: Name is the field of the pane's object.
type Agg struct {
	Name string
	Func string       // count sum min max average first last distinct collect percentile
	X    Expr         // what is aggregated; nil of count
	N    int64        // collect: the most elements
	P    value.Number // percentile: 0 to 100
	T    *types.Type  // of the result
	At   token.Span
}
