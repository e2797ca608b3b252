package fn

import (
	"time"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Floor and ceil divide the time of a zone into spans of one length, as its
// clocks count them: 1d is a day of the calendar, also on the two days of a year
// that have 23 and 25 hours, and 6h begins at 0, 6, 12 and 18 o'clock. Whole weeks
// begin on Monday, like those of time.week; other spans are counted from 1970.
//
// A span begins where the clocks show a multiple of its length; where they are put
// forward over one, it begins at the change. Where they are put back, and show a
// multiple twice, spans of more than an hour begin at the first only.

const week = 7 * 24 * time.Hour

// weekOrigin is the Monday before 1970.
var weekOrigin = time.Date(1969, 12, 29, 0, 0, 0, 0, time.UTC)

// floorWall is where the span of length d begins that holds w.
func floorWall(w wall, d time.Duration) wall {
	origin := time.Unix(0, 0).UTC()
	if d%week == 0 {
		origin = weekOrigin
	}
	// Years are too far from 1970 for a Duration: whole seconds first.
	seconds, nanos := w.Unix()-origin.Unix(), int64(w.Nanosecond())
	whole, part := int64(d/time.Second), int64(d%time.Second)
	if part == 0 {
		rest := seconds % whole
		if rest < 0 {
			rest += whole
		}
		return wall{w.Add(-time.Duration(rest)*time.Second - time.Duration(nanos))}
	}
	n := value.FromInt(seconds)
	n, _ = value.Mul(n, value.FromInt(1e9))
	n, _ = value.Add(n, value.FromInt(nanos))
	r, _ := value.Rem(n, value.Nanoseconds(d))
	rest, _ := r.Int64()
	if rest < 0 {
		rest += int64(d)
	}
	return wall{w.Add(-time.Duration(rest))}
}

// spans are the spans of a length in a zone.
type spans struct {
	d    time.Duration
	zone *time.Location
}

// last is the last multiple at or before t by the offset that holds at t.
func (s spans) last(t time.Time) time.Time {
	w := wallOf(t, s.zone)
	return t.Add(-w.Sub(floorWall(w, s.d).Time))
}

// begins tells whether a multiple begins a span: not one that was there before.
func (s spans) begins(at time.Time) bool {
	return s.d <= time.Hour || wallOf(at, s.zone).in(s.zone).Equal(at)
}

// skips tells whether the clocks are put forward over a multiple at a change.
func (s spans) skips(change time.Time) bool {
	from, to := wallOf(change.Add(-1), s.zone).Add(1), wallOf(change, s.zone)
	return to.After(from) && !floorWall(wall{to.Add(-1)}, s.d).Before(from)
}

// bounds are the changes of clocks around t: at or before it, and behind it; zero
// where there is none. Beyond 2037 time.ZoneBounds also names ends of years, and at
// the last day of some a bound that is t itself on the wrong side. There a day does
// for a change, so that the search goes on.
func (s spans) bounds(t time.Time) (from, to time.Time) {
	from, to = t.In(s.zone).ZoneBounds()
	if from.After(t) {
		from = t.Add(-24 * time.Hour)
	}
	if !to.IsZero() && !to.After(t) {
		to = t.Add(24 * time.Hour)
	}
	return from, to
}

// floor goes back from change of clocks to change of clocks until a span begins.
func (s spans) floor(t time.Time) time.Time {
	for {
		change, _ := s.bounds(t)
		for at := s.last(t); change.IsZero() || !at.Before(change); at = at.Add(-s.d) {
			if s.begins(at) {
				return at
			}
		}
		if s.skips(change) {
			return change
		}
		t = change.Add(-1)
	}
}

// ceil goes forward in the same way.
func (s spans) ceil(t time.Time) time.Time {
	for {
		_, change := s.bounds(t)
		for at := s.last(t).Add(s.d); change.IsZero() || at.Before(change); at = at.Add(s.d) {
			if s.begins(at) {
				return at
			}
		}
		if s.skips(change) || s.last(change).Equal(change) && s.begins(change) {
			return change
		}
		t = change
	}
}

// toSpan declares floor or ceil.
func toSpan(name, doc string, examples []types.Example, f func(s spans, t time.Time) time.Time) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("t", types.TimeT, "time"), param("d", types.DurationT, "length of a span"), zoneParam}, Result: types.TimeT,
		Infer: checkTimeArgs(types.TimeT, -1, 2), Codes: arithmetic, FailsFor: openArgs(2), Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			zone, err := zoneOf(a[2].(string))
			if err != nil {
				return nil, err
			}
			t, d := a[0].(time.Time), a[1].(time.Duration)
			if d <= 0 {
				return t, nil
			}
			return timeWithin(f(spans{d, zone}, t))
		},
	}
}

var timeFloor = toSpan("time.floor", "Where the span of time begins that holds t: with 1d the day of the zone, with 1w its week, which begins on Monday.",
	ex(`time.floor(time("2026-03-14T09:26:53Z"), 15m)`, `time("2026-03-14T09:15:00Z")`,
		`time.floor(time("2026-03-14T09:26:53Z"), 1d, "America/New_York")`, `time("2026-03-14T04:00:00Z")`,
		`time.floor(time("2026-03-14T09:26:53Z"), 1w)`, `time("2026-03-09T00:00:00Z")`,
		`time.floor(time("2026-10-25T01:30:00Z"), 1h, "Europe/Berlin")`, `time("2026-10-25T01:00:00Z")`), spans.floor)

var timeCeil = toSpan("time.ceil", "Where that span ends, and the next one begins.",
	ex(`time.ceil(time("2026-03-14T09:26:53Z"), 15m)`, `time("2026-03-14T09:30:00Z")`,
		`time.ceil(time("2026-03-29T12:00:00Z"), 1d, "Europe/Berlin")`, `time("2026-03-29T22:00:00Z")`,
		`time.ceil(time("2026-03-14T09:00:00Z"), 1h)`, `time("2026-03-14T10:00:00Z")`), spans.ceil)
