// Package fuse computes expressions on the bytes of a record, without building
// values: a path is a place in the text, `map { … }` is a template that is
// written when it is sent, a comparison is one typed closure.
//
// It takes checked expressions, the declared type of a topic and what `.`, `$`
// and the variables stand for, and gives Nodes; a Machine holds what they read of
// one record. It must not know stages, sinks or sources.
//
// It is allowed to give up and never to be wrong. Whatever is out of the
// ordinary (a failure, a record that does not certainly have its declared shape,
// a limit that comes near) is Bad, and the caller then runs the record from its
// beginning through package eval, which says what really becomes of it. So no
// failure is described here, and the two can only disagree in a value; the
// differential fuzz of package op looks for that.
//
// Nothing here has an effect. What a stage writes to the cells of its group before
// another gives up is undone by package op.
package fuse

import (
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/json"
)

// MaxRecord is the size in bytes of the largest record that is run here. Up to
// it no value can reach the limits of language.md §1 (4 MiB a value, 8 MiB of
// output) before the Machine gives up by itself.
const MaxRecord = 1 << 20

// State is what reading a node gave.
type State uint8

// The states.
const (
	Bad  State = iota // give up: the reference evaluator decides
	Null              // null, or missing
	Some              // a value
)

// Program is what the nodes of one route and topic share. It never changes once
// it is built.
type Program struct {
	plan   *json.Plan
	frames int
	cells  int
	clocks int
	lazies int
	checks []check
	nths   []nth
	cost   int // steps that a record takes at most outside of lists
}

// Machine is the state of one goroutine that runs one Program.
type Machine struct {
	// Buf is what Write appends to.
	Buf []byte
	// Eval is the frame of the nodes that the reference evaluator computes. Its
	// steps are the record's.
	Eval *eval.Frame
	// Time is @time where the record is, while HasTime.
	Time    time.Time
	HasTime bool

	prog    *Program
	rec     *event.Record
	d       []byte
	scan    *json.Scanner
	fr      [][]json.Span // by frame: the record's, then the present element of each list that is walked
	idx     []int         // by frame: its position
	clocks  []clock       // by Env.Clock
	cells   []cell
	lazies  []Lazy
	scratch []byte   // texts that had to be made
	keys    []byte   // of rows that are being read, one behind the other
	held    [][]byte // JSON that a stage made for later ones, by how deep in one another
	asides  int      // how deep
	aside   int      // bytes of it
	levels  [][]byte // texts that are being put together, one inside the other
	level   int
	has     uint8 // bits of the fields of a message that were written
	start   int   // of Buf, when the record began
}

// NewMachine makes a machine for p.
func NewMachine(p *Program, f *eval.Frame) *Machine {
	return &Machine{
		Eval: f, prog: p, scan: json.NewScanner(p.plan),
		fr: make([][]json.Span, p.frames), idx: make([]int, p.frames), cells: make([]cell, p.cells), clocks: make([]clock, p.clocks),
		lazies: make([]Lazy, p.lazies),
	}
}

// Load scans a record. False: the record is not certainly what its type says.
func (m *Machine) Load(rec *event.Record, buf []byte) bool {
	m.rec, m.d, m.Buf, m.start = rec, rec.Value, buf, len(buf)
	m.scratch, m.level, m.asides, m.aside = m.scratch[:0], 0, 0, 0
	for i := range m.held {
		m.held[i] = m.held[i][:0]
	}
	m.Eval.Charge(m.prog.cost)
	if len(m.d) > MaxRecord || m.scan.Scan(m.d) != nil || !m.scan.Shape() {
		return false
	}
	m.fr[0] = m.scan.Frame()
	m.clocks[0] = clock{m.Time, m.HasTime}
	if !holdAll(m.prog.checks, m, m.fr[0]) {
		return false
	}
	for i := range m.prog.nths {
		m.enterNth(&m.prog.nths[i])
	}
	return true
}

// room tells whether the record keeps well within the limits of output and steps.
// A sum of what one record wrote above this is for the reference evaluator to judge.
func (m *Machine) room() bool { return len(m.Buf)-m.start+len(m.scratch)+m.aside <= 3*MaxRecord }

// Builder makes the nodes of one route and topic.
type Builder struct {
	plan   *json.Plan
	frames int
	cells  int
	clocks int
	lazies int
	checks []check
	nths   []nth
	sizes  map[int]int // slots that are read of a frame
	topic  string      // "" where a record may be of any
	cost   int
	rank   uint32 // of the field that `set` added last
	why    string // the first reason for which there is no fused program; "" for none
}

// NewBuilder begins a program for the records of a topic; "" for those of a
// pattern.
func NewBuilder(topic string) *Builder {
	return &Builder{plan: json.NewPlan(), frames: 1, clocks: 1, topic: topic, sizes: map[int]int{}}
}

// Program ends the building. why says what is not fused; then there is no program.
func (b *Builder) Program() (p *Program, why string) {
	if b.why != "" {
		return nil, b.why
	}
	b.plan.Seal()
	for i := range b.nths {
		b.nths[i].none(b.sizes[b.nths[i].elem])
	}
	return &Program{nths: b.nths, plan: b.plan, frames: b.frames, cells: b.cells, clocks: b.clocks, lazies: b.lazies, checks: b.checks, cost: b.cost}, ""
}

// refuse says that the route cannot be fused.
func (b *Builder) refuse(why string) {
	if b.why == "" {
		b.why = why
	}
}

// Clock makes a time of the record for Env.Clock.
func (b *Builder) Clock() int {
	b.clocks++
	return b.clocks - 1
}

// clock is one of the times of a record, while set.
type clock struct {
	at  time.Time
	set bool
}

// SetTime makes t the time of the record, as the clock of a stage.
func (m *Machine) SetTime(i int, t time.Time) {
	m.Time, m.HasTime, m.clocks[i] = t, true, clock{t, true}
}

func (b *Builder) frame() int {
	b.frames++
	return b.frames - 1
}

// Env says what names stand for where an expression is compiled.
type Env struct {
	Cur   *Node // `.`
	Event *Node // `$`
	Vars  map[ir.Slot]*Node
	// Clock says which of the record's times @time is: 0 is its own, and each stage
	// `time by` makes another, so that what is bound above it keeps the one from there.
	Clock int
	// Rate is @sample_rate where a `sample` stands above; nil: 1.
	Rate *value.Number
}

// Bind gives the environment in which slot stands for n.
func (e Env) Bind(slot ir.Slot, n *Node) Env {
	vars := make(map[ir.Slot]*Node, len(e.Vars)+1)
	for k, v := range e.Vars {
		vars[k] = v
	}
	vars[slot] = n
	e.Vars = vars
	return e
}

// parse reads number text.
func parse(raw []byte) (value.Number, bool) {
	if d, ok := json.ParseDecimal(raw); ok {
		if n, ok := value.Scaled(d.Mant, d.Exp); ok {
			return n, true
		}
	}
	return value.ParseNumber(string(raw))
}
