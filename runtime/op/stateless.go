package op

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Stateless runs the records of a route without state, for its task. It belongs to one
// goroutine.
type Stateless struct {
	Frame *Frame // for what callers set there
	route *Route
}

// NewStateless makes one. lookup may be nil where the route reads no loaded table.
func (r *Route) NewStateless(lookup Lookup) *Stateless {
	s := &Stateless{r.NewFrame(), r}
	s.Frame.Lookup = lookup
	return s
}

// Run runs one record.
func (s *Stateless) Run(_ int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	return s.route.Run(s.Frame, rec, now, out)
}

// Park writes down a record that was made of another, for its letter.
func (s *Stateless) Park(_ int, rec *event.Record) ([]byte, error) { return park(nil, s.route, rec) }

// Unpark reads it back, for its replay.
func (s *Stateless) Unpark(_ int, b []byte) (event.Record, error) { return unpark(nil, s.route, b) }

// What follows is for groups: a route without state has no timers, no log of its own, and
// no rows.

const onlyGroups = "op: that is for routes with state"

// Due panics.
func (s *Stateless) Due(int, int64, []byte) (int, *event.Record) { panic(onlyGroups) }

// Command panics.
func (s *Stateless) Command([]byte, *event.Record, time.Time) event.Outcome { panic(onlyGroups) }

// Row panics.
func (s *Stateless) Row(int, int64, []byte, []byte) *event.Record { panic(onlyGroups) }
