package task

import (
	"fmt"
	"sort"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
)

// Account counts what became of records and outputs (I2), exactly, at every
// moment. In flight is counted by itself and never computed from the rest, so
// that Check can fail.
type Account struct {
	In        uint64 // records that have run
	Completed uint64
	Dropped   []Dropped // by reason
	Dead      uint64    // failed, their letters acknowledged
	InFlight  uint64    // failed, their letters not yet acknowledged
	Emits     []Emitted // by the index of the emit in the plan
}

// Dropped counts records dropped for one reason.
type Dropped struct {
	Reason string
	N      uint64
}

// Emitted counts the outputs of one emit.
type Emitted struct {
	Emitted  uint64 // released by records that have run
	Accepted uint64 // taken by the sink
	Dead     uint64 // not taken, their letters acknowledged
	Held     uint64 // kept in the store; a stateless route has none
	InFlight uint64 // on their way, or their letters are
}

// ended counts how an output ended that was on its way.
func (e *Emitted) ended(dead bool) {
	e.InFlight--
	if dead {
		e.Dead++
	} else {
		e.Accepted++
	}
}

// drop counts a dropped record. Reasons are few and constant: a short list beats
// a map.
func (a *Account) drop(reason string, n uint64) {
	for i := range a.Dropped {
		if a.Dropped[i].Reason == reason {
			a.Dropped[i].N += n
			return
		}
	}
	a.Dropped = append(a.Dropped, Dropped{reason, n})
}

// Add adds b to a.
func (a *Account) Add(b *Account) {
	a.In += b.In
	a.Completed += b.Completed
	a.Dead += b.Dead
	a.InFlight += b.InFlight
	for _, d := range b.Dropped {
		a.drop(d.Reason, d.N)
	}
	for len(a.Emits) < len(b.Emits) {
		a.Emits = append(a.Emits, Emitted{})
	}
	for i, e := range b.Emits {
		t := &a.Emits[i]
		t.Emitted += e.Emitted
		t.Accepted += e.Accepted
		t.Dead += e.Dead
		t.Held += e.Held
		t.InFlight += e.InFlight
	}
}

// reset empties the account and keeps its memory.
func (a *Account) reset() {
	clear(a.Emits)
	*a = Account{Dropped: a.Dropped[:0], Emits: a.Emits}
}

// Check says whether both laws of I2 hold.
func (a *Account) Check() error {
	dropped := uint64(0)
	for _, d := range a.Dropped {
		dropped += d.N
	}
	if a.In != a.Completed+dropped+a.Dead+a.InFlight {
		return fmt.Errorf("I2: in %d != completed %d + dropped %d + dead %d + in flight %d", a.In, a.Completed, dropped, a.Dead, a.InFlight)
	}
	for i, e := range a.Emits {
		if e.Emitted != e.Accepted+e.Dead+e.Held+e.InFlight {
			return fmt.Errorf("I2: emit %d: emitted %d != accepted %d + dead %d + held %d + in flight %d", i, e.Emitted, e.Accepted, e.Dead, e.Held, e.InFlight)
		}
	}
	return nil
}

// Report is the account of a program as `/account` and the exit of `run` give it.
type Report struct {
	Format int           `json:"format"`
	App    string        `json:"app"`
	Since  string        `json:"since"` // RFC 3339
	Routes []RouteReport `json:"routes"`
}

// RouteReport is the account of one route.
type RouteReport struct {
	Route     string            `json:"route"`
	In        uint64            `json:"in"`
	Completed uint64            `json:"completed"`
	Dropped   map[string]uint64 `json:"dropped"`
	Dead      uint64            `json:"dead"`
	InFlight  uint64            `json:"in_flight"`
	Emits     []EmitReport      `json:"emits"`
}

// EmitReport is the account of one emit.
type EmitReport struct {
	ID       string `json:"id"`
	To       string `json:"to"`
	Emitted  uint64 `json:"emitted"`
	Accepted uint64 `json:"accepted"`
	Dead     uint64 `json:"dead"`
	Held     uint64 `json:"held"`
	InFlight uint64 `json:"in_flight"`
}

// NewReport makes the report of a program whose accounts begin at since.
func NewReport(app string, since time.Time) *Report {
	return &Report{Format: 1, App: app, Since: since.UTC().Format(time.RFC3339), Routes: []RouteReport{}}
}

// Add adds the account of a route, summed over its tasks. Routes stay in order of
// their names.
func (p *Report) Add(r *plan.Route, a *Account) {
	row := RouteReport{Route: r.Name, In: a.In, Completed: a.Completed, Dropped: map[string]uint64{}, Dead: a.Dead, InFlight: a.InFlight, Emits: []EmitReport{}}
	for _, d := range a.Dropped {
		row.Dropped[d.Reason] += d.N
	}
	for i, e := range r.Emits {
		er := EmitReport{ID: e.ID, To: to(e)}
		if i < len(a.Emits) {
			c := a.Emits[i]
			er.Emitted, er.Accepted, er.Dead, er.Held, er.InFlight = c.Emitted, c.Accepted, c.Dead, c.Held, c.InFlight
		}
		row.Emits = append(row.Emits, er)
	}
	p.Routes = append(p.Routes, row)
	sort.SliceStable(p.Routes, func(i, j int) bool { return p.Routes[i].Route < p.Routes[j].Route })
}

// to names where an emit sends: kind and name of the connection.
func to(e *ir.Emit) string {
	switch e.Sink.(type) {
	case *ir.SegmentCall, *ir.SegmentPass:
		return "segment " + e.Via
	case *ir.TopicRecord, *ir.ReplayRecord:
		return "kafka " + e.Via
	case *ir.HTTPSink:
		return "http " + e.Via
	}
	return "log"
}
