package ir

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// Stage is one checked stage. Key is what names it for ever: kind and key text,
// with an ordinal among equals ("where#2"); node ids of the plan are made of it.
type Stage interface {
	Info() *StageInfo
}

// StageInfo is the common part of every stage.
type StageInfo struct {
	Kind string     // the keyword: "where", "emit"
	At   token.Span // of the head
	Key  string     // stable within its route: "where", "where#2", "emit track Order Completed"
}

// Info gives the common part.
func (s *StageInfo) Info() *StageInfo { return s }

type (
	// Where ends the event as dropped(Reason) unless Cond is true.
	Where struct {
		StageInfo
		Cond   Expr
		Reason string // "filtered" when none was given
	}
	// Map replaces `.`.
	Map struct {
		StageInfo
		X Expr
	}
	// Set changes `.` in place: all values are computed first, then put, in order.
	Set struct {
		StageInfo
		Puts []Put
	}
	// Put is one assignment. What is missing or null on the way is made an object;
	// an index beyond a list fails.
	Put struct {
		Path []Step
		X    Expr
		Opt  bool // `?:`: nothing where X is null
	}
	// Step is a step of a path: a field name, or an index.
	Step struct {
		Name  string
		Index Expr // text or int; nil for a name
	}
	// Unset takes fields out; through null or missing it does nothing.
	Unset struct {
		StageInfo
		Paths [][]Step
	}
	// Bind is `let`.
	Bind struct {
		StageInfo
		Slot Slot
		Name string
		X    Expr
	}
	// Require fails with E0413 and the text of Why unless Cond is true.
	Require struct {
		StageInfo
		Cond Expr
		Why  Expr
	}
	// Drop ends the event as dropped(Reason).
	Drop struct {
		StageInfo
		Reason string
	}
	// Fail fails with E0414 and the text of Why.
	Fail struct {
		StageInfo
		Why Expr
	}
	// When runs Then where Cond is true, else Else; the event goes on behind it.
	When struct {
		StageInfo
		Cond       Expr
		Then, Else []Stage
	}
	// Branch is the stage `match`: the first arm that holds runs; the event goes on behind it.
	Branch struct {
		StageInfo
		Subject Expr // nil: arms are conditions
		Slot    Slot
		Arms    []StageArm
	}
	// StageArm is one arm of a Branch.
	StageArm struct {
		Label string // its patterns, for graphs: `"paid"`, `else`
		Cond  Expr   // nil: else, or what is left of an exhaustive match
		Body  []Stage
	}
	// Each runs Body once an element with the element in Slot. `.`, @time and the
	// defaults of `with` are after it what they were before it; where and drop in
	// it end the child only.
	Each struct {
		StageInfo
		In   Expr // a list
		Slot Slot
		Name string
		Body []Stage
	}
	// With puts defaults for later Segment calls into slots (they begin as null).
	With struct {
		StageInfo
		Defaults []Default
	}
	// Default is one default of a With: `userId`, `context`, …
	Default struct {
		Field string
		Slot  Slot
		X     Expr
	}
	// TimeBy sets @time. A time more than MaxFuture of the source ahead of the epoch's now fails (E0440).
	TimeBy struct {
		StageInfo
		X Expr
	}
	// Sample passes on Parts of 1,000,000 by a stable hash of the keys, sets @sample_rate, and drops the rest as "sampled".
	Sample struct {
		StageInfo
		Parts int
		Rate  string // what @sample_rate reads: "0.1" of 10 %
		Keys  []Expr
	}
	// KeyBy sets the ordering key of the outputs below: the plain texts of Keys, each
	// behind its length where there are several.
	KeyBy struct {
		StageInfo
		Keys []Expr
	}
	// Split ends the record and makes one of every element of In, each running from
	// the next stage on: as `.`, or in Slot with HasSlot. The lets travel along.
	Split struct {
		StageInfo
		In      Expr // a list
		Slot    Slot
		HasSlot bool
		Name    string
	}
	// Dedupe drops as "duplicate" a record whose key passed within WithinMS of its
	// @time, before or after. Logged: of when it was logged, whatever its @time says.
	Dedupe struct {
		StageInfo
		Memory   *State
		Keys     []Expr
		WithinMS int64
		Logged   bool
	}
	// Changed leaves in `.` (an object) the fields that differ from the last object of
	// the key, and drops as "unchanged" where none do.
	Changed struct {
		StageInfo
		Memory   *State
		Keys     []Expr
		WithinMS int64
	}
	// Throttle lets N in PerMS of a key through, in event time.
	Throttle struct {
		StageInfo
		Memory *State
		N      int64
		PerMS  int64
		Burst  int64  // what the bucket holds; at least 1
		Keys   []Expr // none: one bucket
		Else   string // "drop", "fail", "wait"
		WaitMS int64  // of "wait": the longest; a record that would wait longer fails
	}
	// Update writes a row: X, in which Old reads the row as it is (the default, or
	// null). As holds the new row below, Was the old one.
	Update struct {
		StageInfo
		Table         *Table
		Keys          []Expr
		X             Expr
		Old           Slot // `it`
		As, Was       Slot
		HasAs, HasWas bool
	}
	// Delete removes a row; of one that is not there nothing.
	Delete struct {
		StageInfo
		Table *Table
		Keys  []Expr
	}
	// Window adds the record to its panes and ends it. What is below runs once for
	// each pane that is told: `.` is the object of the aggregates, @time the pane's
	// end, @window { key, start, end }. A record that no open pane takes runs Late.
	Window struct {
		StageInfo
		Memory *State
		Span   Span
		Keys   []Expr
		Aggs   []Agg
		Out    *types.Type // of `.` below
		Late   []Stage
		// HasLate: `late { … }` was written. Without it a late record fails.
		HasLate bool
	}
	// HTTPCall sends a request and goes on with its answer, which is a record of the
	// group's own log before the next stage runs. As holds it: { status, headers, body }.
	HTTPCall struct {
		StageInfo
		Via     string
		Request Request
		As      Slot
		HasAs   bool
		Body    *types.Type // what `as r: T` reads the body as; Any where none is said
		Result  *types.Type // of As
		// Until, with As bound, says that no further round is asked for; nil: one round.
		// Rounds are EveryMS apart, for at most ForMS from the first answer on.
		Until          Expr
		EveryMS, ForMS int64
		// Memory keeps answers of equal requests for its SpanMS (`cache:`); nil: none.
		Memory *State
	}
	// Replay sends the letter at hand back to the route that gave it up, and ends the
	// record. Emit is what goes there: its Sink is a ReplayRecord.
	Replay struct {
		StageInfo
		Emit *Emit
	}
	// Emit makes one output.
	Emit struct {
		StageInfo
		ID   string // emit id: route-wide stable name, part of message ids: "track Order Completed", "track Order Completed#2", or the `as NAME`
		Via  string // name of the connection: "main"
		Sink Sink
	}
)

// Sink says what an emit sends and where.
type Sink interface{ sink() }

type (
	// SegmentCall is a call of Segment's spec. Fields stand in the order of the
	// spec (type first is implied); a field whose value is null is left out
	// except inside properties, traits and context.
	SegmentCall struct {
		Call   string // track identify group page screen alias
		Fields []CallField
		// NameConst is the constant event or page name, "" where it is dynamic or absent.
		NameConst string
		// Conflicts are the names that a dynamic name must not take, each with what is
		// wrong then: semantic events whose properties have other types than these.
		// The output fails with E0436.
		Conflicts map[string]string
	}
	// CallField is a top-level field of a call: event, name, userId, properties …;
	// `key` is the ordering key and is not sent.
	CallField struct {
		Name string
		X    Expr
		// Default marks a field that the script did not write (properties from `.`,
		// timestamp from @time).
		Default bool
		// Opt, of the ordering key: null leaves it out. Other fields leave out null anyway.
		Opt bool
	}
	// SegmentPass is `emit segment`: `.` is a segment.Call and passes with its own ids and times.
	SegmentPass struct{ X Expr }
	// TopicRecord is `emit topic`.
	TopicRecord struct {
		Topic   Expr // text; Const for constant names
		Key     Expr // nil: the ordering key
		KeyOpt  bool // the ordering key, too, where Key is null
		Value   Expr // null is a tombstone
		Headers Expr // nil or an object
	}
	// LogLine is `emit log`.
	LogLine struct {
		Name   Expr // nil: none
		Fields Expr
	}
)

// ReplayRecord is what `replay` writes to the replay log of a route.
type ReplayRecord struct{ Of *Route }

// Request is what `emit http` and `call http` send. The connection adds its own
// address, headers, query and parts of the body.
type Request struct {
	Method string // "POST"
	// URL is the address as the stage makes it, parts of the record percent-encoded;
	// nil: the connection's alone. Varies: it holds parts of the record. Whole: the
	// connection has none, so it begins with http:// or https://; else with "/".
	URL     Expr
	Varies  bool
	Whole   bool
	Query   Expr // nil or an object: texts, numbers, bools
	Headers Expr // nil or an object of texts
	Body    Expr // nil: none
	BodyOpt bool // none, too, where Body is null
	// TimeoutMS bounds one attempt and RetryMS all of them; 0: the connection's, which
	// are 30 s and 1 h unless it says otherwise.
	TimeoutMS, RetryMS int64
	// Answer is `it` in the conditions: { status: int, headers: {string: string}, body: any }.
	Answer            Slot
	Accept, RetryWhen Expr // nil: the status alone decides
}

// HTTPSink is `emit http`.
type HTTPSink struct {
	Request
	Key    Expr // nil: the ordering key
	KeyOpt bool // the ordering key, too, where Key is null
	// Item is what each event gives to a batch, and Items the slot of their list in the
	// body, which is made once a request; nil: every event is a request.
	Item  Expr
	Items Slot
	Batch Limit // of the emit; zero: the connection's
	// Verdicts gives [{ index, ok, why? }] for the items of a batch; nil: none.
	Verdicts Expr
	// NoIdempotency leaves the header Idempotency-Key of a POST out.
	NoIdempotency bool
}

func (*HTTPSink) sink()     {}
func (*ReplayRecord) sink() {}
func (*SegmentCall) sink()  {}
func (*SegmentPass) sink()  {}
func (*TopicRecord) sink()  {}
func (*LogLine) sink()      {}

// Source is where a route reads from.
type Source struct {
	At    token.Span
	Kind  string // "topic", "topics", "webhook", "segment", "file", "dead", "every", "changes", "table"
	Table *Table // of `from changes` of a table or audience, and `from table`
	Space *Space // of `from changes` of an identity space
	// Person is the slot of `as p`: the person whom the row or change is of, who orders
	// outputs and gives Segment calls their ids.
	Person    Slot
	HasPerson bool
	Tick      *Tick  // of `from table`: when its rows are read; of `from every`
	Hook      *Hook  // of `from webhook` and `from segment`; its one entry of Topics has no name
	File      *File  // of `from file`; its one entry of Topics has no name
	Dead      *Route // of `from dead`: the route whose letters it reads; its one entry of Topics has no name
	Topics    []Topic
	Pattern   string      // of `from topics`: RE2, anchored as written; never matches __… and sluice.…
	Type      *types.Type // of `.` and `$`: the union over Topics
	Strict    bool        // of a pattern
	Start     string      // "earliest" (default) or "latest"
	Key       Expr        // `key:`, the record's ordering key; nil: the record's own
	// MaxFuture in milliseconds: how far ahead of the clock a time may be.
	MaxFutureMS int64
	Via         string // connection kafka
}

// Made tells whether the engine makes the records of the source itself, in the task
// of its group: then it has no topics and no positions.
func (s *Source) Made() bool { return s.Kind == "changes" || s.Kind == "table" || s.Kind == "every" }

// State is what a source that the engine makes hears of: the table's, or the space's;
// nil of a schedule.
func (s *Source) State() *State {
	switch {
	case s.Space != nil:
		return s.Space.State
	case s.Table == nil:
		return nil
	}
	return s.Table.State
}

// Of names what a source that the engine makes hears of.
func (s *Source) Of() string {
	if s.Space != nil {
		return s.Space.Name
	}
	return s.Table.Name
}

// File is a file whose lines are records.
type File struct {
	Path   string // relative to the program's directory; "-": standard input
	Format string // "csv" or "jsonl"
	Gzip   bool
}

// Stdin tells whether it is standard input.
func (f *File) Stdin() bool { return f.Path == "-" }

// Name is the file's as it stands in the name of its topic: of "in/orders.csv" it is
// "in-orders-csv".
func (f *File) Name() string {
	if f.Stdin() {
		return "stdin"
	}
	return strings.Trim(Escape(f.Path), "-")
}

// Tick is when a schedule is due.
type Tick struct {
	EveryMS int64
	// AtMS is the offset in the local day, of a schedule in whole days; -1: the span is
	// counted from the beginning of 1970, UTC.
	AtMS int64
	Zone string // IANA's name; "UTC" where none is said
	// CatchUp is how many missed ticks are made after a stop, the latest ones; 1 where
	// nothing is said.
	CatchUp int
}

// Topic is one topic of a source.
type Topic struct {
	Name   string
	Type   *types.Type // Any where no type is declared
	Strict bool
}
