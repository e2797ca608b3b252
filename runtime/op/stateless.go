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

// What follows is for groups: a route without state has no timers, no log of its own, no
// rows, and nothing of it waits.

const onlyGroups = "op: that is for routes with state"

// Due panics.
func (s *Stateless) Due(int, int64, []byte) (int, *event.Record) { panic(onlyGroups) }

// Command panics.
func (s *Stateless) Command([]byte, *event.Record, time.Time) event.Outcome { panic(onlyGroups) }

// Row panics.
func (s *Stateless) Row(int, int64, []byte, []byte) *event.Record { panic(onlyGroups) }

// Park panics.
func (s *Stateless) Park(int, *event.Record) ([]byte, error) { panic(onlyGroups) }

// Unpark panics.
func (s *Stateless) Unpark(int, []byte) (event.Record, error) { panic(onlyGroups) }
