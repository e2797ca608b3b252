package fn

import (
	"time"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Floor and ceil divide the time of a zone into spans of one length. They are
// counted as its clocks show them: 1d is a day of the calendar, also on the two
// days of a year that have 23 and 25 hours, and 6h begins at 0, 6, 12 and 18
// o'clock. Whole weeks begin on Monday, like those of time.week; other spans are
// counted from 1970. Where clocks are put back, an hour that comes twice is two
// spans of 1h, and part of one longer span.

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

func floorTime(t time.Time, d time.Duration, zone *time.Location) time.Time {
	w := wallOf(t, zone)
	f := floorWall(w, d)
	// A short span began as long ago as the clocks say, unless they were changed in
	// between; this keeps the two hours of one name apart.
	if since := t.Add(-w.Sub(f.Time)); d <= time.Hour && wallOf(since, zone).Equal(f.Time) {
		return since
	}
	r := f.in(zone)
	if r.After(t) {
		// The span would begin in the gap: it begins behind it.
		r, _ = t.In(zone).ZoneBounds()
	}
	return r
}

func ceilTime(t time.Time, d time.Duration, zone *time.Location) time.Time {
	if d <= time.Hour {
		if end := floorTime(t, d, zone).Add(d); end.After(t) && floorTime(end, d, zone).Equal(end) {
			return end
		}
	}
	w := wallOf(t, zone)
	end := wall{floorWall(w, d).Add(d)}.in(zone)
	if !end.After(t) {
		_, end = t.In(zone).ZoneBounds()
	}
	return end
}

// toSpan declares floor or ceil.
func toSpan(name, doc string, examples []types.Example, f func(t time.Time, d time.Duration, zone *time.Location) time.Time) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("t", types.TimeT, "time"), param("d", types.DurationT, "length of a span"), zoneParam}, Result: types.TimeT,
		Infer: checkTimeArgs(types.TimeT, -1, 2), Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			zone, err := zoneOf(a[2].(string))
			if err != nil {
				return nil, err
			}
			t, d := a[0].(time.Time), a[1].(time.Duration)
			if d <= 0 {
				return t, nil
			}
			return timeOr(value.CheckTime(f(t, d, zone)))
		},
	}
}

var timeFloor = toSpan("time.floor", "Where the span of time begins that holds t: with 1d the day of the zone, with 1w its week, which begins on Monday.",
	ex(`time.floor(time("2026-03-14T09:26:53Z"), 15m)`, `time("2026-03-14T09:15:00Z")`,
		`time.floor(time("2026-03-14T09:26:53Z"), 1d, "America/New_York")`, `time("2026-03-14T04:00:00Z")`,
		`time.floor(time("2026-03-14T09:26:53Z"), 1w)`, `time("2026-03-09T00:00:00Z")`,
		`time.floor(time("2026-10-25T01:30:00Z"), 1h, "Europe/Berlin")`, `time("2026-10-25T01:00:00Z")`), floorTime)

var timeCeil = toSpan("time.ceil", "Where that span ends, and the next one begins.",
	ex(`time.ceil(time("2026-03-14T09:26:53Z"), 15m)`, `time("2026-03-14T09:30:00Z")`,
		`time.ceil(time("2026-03-29T12:00:00Z"), 1d, "Europe/Berlin")`, `time("2026-03-29T22:00:00Z")`,
		`time.ceil(time("2026-03-14T09:00:00Z"), 1h)`, `time("2026-03-14T10:00:00Z")`), ceilTime)
