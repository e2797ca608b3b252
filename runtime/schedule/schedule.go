// Package schedule says when the planned ticks of a schedule are: of `every 1d at
// "06:00" zone "Europe/Berlin"` the instants at which it is that time there. It is
// given the schedule and an instant and gives another, and must not know what time
// it is or what happens at a tick.
package schedule

import (
	"fmt"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
)

const daySeconds = 24 * 60 * 60

// Schedule is when something is due. Days are those of its zone, one tick in each;
// any other span is counted from the beginning of 1970, UTC.
type Schedule struct {
	every time.Duration // of a span
	days  int64         // of local days; 0: a span
	at    int64         // offset in the local day, seconds
	zone  *time.Location
}

// New makes the schedule of a source in its zone.
func New(t *ir.Tick, zone *time.Location) *Schedule {
	if t.AtMS < 0 {
		return &Schedule{every: time.Duration(t.EveryMS) * time.Millisecond}
	}
	return &Schedule{days: t.EveryMS / (daySeconds * 1000), at: t.AtMS / 1000, zone: zone}
}

// Load makes the schedule of a source, and reads its zone from the machine or the
// program: at start, for that is no pure matter.
func Load(t *ir.Tick) (*Schedule, error) {
	zone, err := time.LoadLocation(t.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone %q: %w", t.Zone, err)
	}
	return New(t, zone), nil
}

// After gives the first planned tick after an instant.
func (s *Schedule) After(t time.Time) time.Time {
	if s.days == 0 {
		return s.floor(t).Add(s.every)
	}
	for n := s.begin(t); ; n += s.days {
		if tick := s.tick(n); tick.After(t) {
			return tick
		}
	}
}

// Last gives the last planned tick at or before an instant.
func (s *Schedule) Last(t time.Time) time.Time {
	if s.days == 0 {
		return s.floor(t)
	}
	n := s.begin(t)
	for !s.tick(n + s.days).After(t) {
		n += s.days
	}
	return s.tick(n)
}

// floor is the last multiple of the span at or before an instant.
func (s *Schedule) floor(t time.Time) time.Time {
	// In seconds and the rest: a Duration from 1970 ends in 2262.
	every, sec, nsec := int64(s.every/time.Millisecond), t.Unix(), int64(t.Nanosecond())
	ms := sec*1000 + nsec/1e6
	return time.UnixMilli(floorDiv(ms, every) * every).UTC()
}

// begin is a day on which the schedule ticks, before an instant and not long before.
func (s *Schedule) begin(t time.Time) int64 {
	day := floorDiv(t.Unix()+offset(t.Unix(), s.zone), daySeconds)
	return floorDiv(day-2, s.days)*s.days - s.days
}

// tick is the instant of a local day, counted from the first of 1970. A time that
// never was there moves forward by the gap, one that was twice is the earlier.
func (s *Schedule) tick(day int64) time.Time {
	wall := day*daySeconds + s.at
	// No clock was ever as much as that from UTC.
	const far = 16 * 60 * 60
	before, after := offset(wall-far, s.zone), offset(wall+far, s.zone)
	first, second := wall-before, wall-after
	if first > second {
		first, second = second, first
	}
	for _, at := range [...]int64{first, second} {
		if at+offset(at, s.zone) == wall {
			return time.Unix(at, 0).UTC()
		}
	}
	return time.Unix(wall-before, 0).UTC()
}

// offset is how many seconds a zone is ahead of UTC at an instant.
func offset(at int64, zone *time.Location) int64 {
	_, seconds := time.Unix(at, 0).In(zone).Zone()
	return int64(seconds)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
