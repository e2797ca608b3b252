package fn

import (
	"errors"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // zones must mean the same on a machine that has no database

	"github.com/sluice-dev/sluice/lang/types"
)

var errZone = errors.New("there is no such time zone: a name of the database such as \"Europe/Berlin\" is expected")

// zones keeps the zones that were asked for; there are about 600 names.
var zones sync.Map // name → *time.Location

// zoneOf finds a time zone. "Local" is none: it would mean another zone on every
// machine.
func zoneOf(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	if l, ok := zones.Load(name); ok {
		return l.(*time.Location), nil
	}
	if name == "" || name == "Local" || len(name) > 64 || strings.ContainsAny(name, "\\.\x00") {
		return nil, errZone
	}
	l, err := time.LoadLocation(name)
	if err != nil {
		return nil, errZone
	}
	zones.Store(name, l)
	return l, nil
}

// checkZone refuses a constant that names no zone.
func checkZone(t *types.Type) error {
	if t.Kind == types.Literal {
		_, err := zoneOf(t.Lit.(string))
		return err
	}
	return nil
}

// wall is a time of day on a calendar, without a zone; it stands as that time in
// UTC.
type wall struct{ time.Time }

// wallOf is what the clocks of a zone show at t.
func wallOf(t time.Time, zone *time.Location) wall {
	_, offset := t.In(zone).Zone()
	return wall{t.UTC().Add(time.Duration(offset) * time.Second)}
}

// in is the time at which the clocks of a zone show w. One that never was, where
// clocks are put forward, moves forward by the gap; of one that was twice it is
// the earlier (language.md §5).
func (w wall) in(zone *time.Location) time.Time {
	// The offsets a day before and a day after are those on both sides of a change,
	// if there is one. The one before it gives the earlier of two times, and moves
	// a time in the gap forward by it.
	before := w.Add(-offsetAt(w.Add(-24*time.Hour), zone))
	if wallOf(before, zone).Equal(w.Time) {
		return before
	}
	after := w.Add(-offsetAt(w.Add(24*time.Hour), zone))
	if wallOf(after, zone).Equal(w.Time) {
		return after
	}
	return before
}

func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, offset := t.In(zone).Zone()
	return time.Duration(offset) * time.Second
}
