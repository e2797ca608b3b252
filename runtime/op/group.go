package op

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Group is a compiled state group: its routes, and what they remember. It never
// changes.
type Group struct {
	plan   *plan.Group
	routes []*Route
	index  map[*ir.State]int
	tables []*table // by state; nil: another kind of state
	spaces []*space
	// timers say, by state, what a timer of it does; nil: it has none.
	timers []timer
}

// timer is what happens when a timer of a state is due. The record, where one
// comes of it, is to be run by the route.
type timer interface {
	due(fr *Frame, s int, due int64, key []byte) (route int, rec *event.Record)
}

// CompileGroup compiles the routes of a state group of the program called app. secret
// keys what is remembered of people who are forgotten; a group that forgets nobody
// needs none.
func CompileGroup(g *plan.Group, app string, secret []byte) (*Group, error) {
	if len(secret) == 0 && forgets(g) {
		return nil, fmt.Errorf("group %s: `forget` needs a secret key", g.Name)
	}
	out := &Group{plan: g, index: make(map[*ir.State]int, len(g.States)), timers: make([]timer, len(g.States)), tables: make([]*table, len(g.States))}
	for i, s := range g.States {
		out.index[s.State] = i
	}
	if err := out.gather(secret); err != nil {
		return nil, err
	}
	for i, s := range g.States {
		switch {
		case s.SpanMS == 0:
		case s.Kind == ir.TableState:
			out.timers[i] = &expire{span: s.SpanMS * 1000, of: out.tables[i]}
		case s.Kind == ir.ChangedState, s.Kind == ir.AnswerState:
			out.timers[i] = &expire{span: s.SpanMS * 1000}
		}
	}
	for i, p := range g.Routes {
		r, err := compile(p, app, out, i)
		if err != nil {
			return nil, err
		}
		out.routes = append(out.routes, r)
	}
	return out, nil
}

// Reference gives the same group with every record run by the reference evaluator.
func (g *Group) Reference() *Group {
	c := *g
	c.routes = make([]*Route, len(g.routes))
	for i, r := range g.routes {
		c.routes[i] = r.Reference()
	}
	return &c
}

// Route gives a route by its index.
func (g *Group) Route(i int) *Route { return g.routes[i] }

// Lookup has the rows of loaded tables.
type Lookup interface {
	// Row gives the row under a key as value.AppendKey writes it.
	Row(t *ir.Table, key []byte) (row value.Value, ok bool)
}

// Runner runs the records of a group over its cells. It belongs to one goroutine
// (I12).
type Runner struct {
	group  *Group
	frames []*Frame
	none   event.Arena // what a command sends: nothing
}

// NewRunner makes a runner. lookup may be nil where no route reads a loaded table.
func (g *Group) NewRunner(cells *state.Cells, lookup Lookup) *Runner {
	r := &Runner{group: g}
	people := g.peopleOf(cells)
	for _, route := range g.routes {
		fr := route.NewFrame()
		fr.Lookup, fr.cells, fr.people = lookup, cells, people
		r.frames = append(r.frames, fr)
	}
	return r
}

// Frame gives the frame of a route, for what callers set and read there.
func (r *Runner) Frame(route int) *Frame { return r.frames[route] }

// Run runs one record between Begin and Done, or Undo where it failed, of the
// cells. now is that of its slice. The outcome is to be used before the next Run.
func (r *Runner) Run(route int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	return r.group.routes[route].Run(r.frames[route], rec, now, out)
}

// Due carries out a timer that is due, between Begin and Done of the cells. A
// record that comes of it is to be run as one of its own; nil: none does.
func (r *Runner) Due(s int, due int64, key []byte) (route int, rec *event.Record) {
	fr := r.frames[0]
	fr.eval.Renew(nil)
	t := r.group.timers[s]
	if t == nil { // of a stage that had timers when it was armed
		fr.cells.Disarm(s, due, key)
		return 0, nil
	}
	return t.due(fr, s, due, key)
}

// Row gives the record that a row is to a route of `from table` at a tick, due in
// microseconds; nil where it is past its age then. One that cannot be read, or is not
// of the type that is declared today, is a record that fails on arrival.
func (r *Runner) Row(route int, due int64, key, val []byte) *event.Record {
	src := r.group.routes[route].plan.Source
	row, fail := decodeRow(val, src.Table.Row, src.At)
	if row.past(due, src.Table.State.SpanMS*1000) {
		return nil
	}
	sum := xxh3.Hash128(key).Bytes()
	m := &event.Made{
		Kind: event.Row, Value: row.v, Time: time.UnixMicro(due).UTC(),
		// A key may be long, and personal.
		Path: "~" + src.Table.Name + "/" + hex.EncodeToString(sum[:]),
	}
	if fail != nil {
		m.Frame = fail
	}
	return &event.Record{Key: orderOf(keyValue(key)), Made: m}
}

// told tells whether somebody reads the changes of a table.
func (g *Group) told(s int) bool { return len(g.plan.States[s].Readers) > 0 }

// state gives the index of a state in the group.
func (c *compiler) state(p place, s *ir.State) (int, error) {
	if c.route.group != nil && s != nil {
		if i, ok := c.route.group.index[s]; ok {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%s: the plan has no state for it", p.node)
}
