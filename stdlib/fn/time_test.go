package fn

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var oddZones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo"}

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := zoneOf(name)
	if err != nil {
		t.Fatal(name, err)
	}
	return l
}

// TestWall looks for every minute of wall time around two changes of clocks for
// the instants that show it, one by one, and compares.
func TestWall(t *testing.T) {
	for _, tt := range []struct{ zone, from, to string }{
		{"Europe/Berlin", "2026-03-28T20:00:00Z", "2026-03-29T06:00:00Z"},
		{"Europe/Berlin", "2026-10-24T20:00:00Z", "2026-10-25T06:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-04T08:00:00Z", "2026-04-04T22:00:00Z"},
		{"Australia/Lord_Howe", "2026-10-03T08:00:00Z", "2026-10-03T22:00:00Z"},
		{"America/Havana", "2026-11-01T00:00:00Z", "2026-11-01T10:00:00Z"},
		{"Africa/Cairo", "2026-04-23T16:00:00Z", "2026-04-24T04:00:00Z"},
	} {
		from, _ := time.Parse(time.RFC3339, tt.from)
		to, _ := time.Parse(time.RFC3339, tt.to)
		z := zone(t, tt.zone)
		shown := map[time.Time]time.Time{} // wall time → first instant
		for at := from; at.Before(to); at = at.Add(time.Minute) {
			w := wallOf(at, z).Time
			if _, ok := shown[w]; !ok {
				shown[w] = at
			}
		}
		first, last := wallOf(from, z).Add(3*time.Hour), wallOf(to, z).Add(-3*time.Hour)
		gap := 0
		for w := first; w.Before(last); w = w.Add(time.Minute) {
			got := wall{w}.in(z)
			if want, ok := shown[w]; ok {
				if !got.Equal(want) {
					t.Fatalf("%s shows %s first at %s, not at %s", tt.zone, w, want, got)
				}
				continue
			}
			// In the gap: forward by its length.
			gap++
			_, before := got.Add(-12 * time.Hour).In(z).Zone()
			_, after := got.In(z).Zone()
			if moved := wallOf(got, z).Sub(w); moved != time.Duration(after-before)*time.Second || moved <= 0 {
				t.Fatalf("%s never showed %s, it moved by %s", tt.zone, w, moved)
			}
		}
		if spring := tt.from[5:7] < "09" && tt.zone != "Australia/Lord_Howe" || tt.from[5:7] == "10" && tt.zone == "Australia/Lord_Howe"; spring != (gap > 0) {
			t.Errorf("%s after %s: %d minutes never were", tt.zone, tt.from, gap)
		}
	}
}

// TestSpans holds floor and ceil to what makes them a division of time: every
// time lies in one span, and all times of a span say the same of it.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, err := zoneOf(rapid.SampledFrom(oddZones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		d := rapid.SampledFrom([]time.Duration{time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour,
			90 * time.Minute, 36 * time.Hour, 1500 * time.Millisecond}).Draw(t, "d")
		// Near a change of clocks as often as not.
		at := time.Unix(rapid.Int64Range(1.4e9, 4e9).Draw(t, "t"), rapid.Int64Range(0, 999999999).Draw(t, "ns"))
		if _, end := at.In(z).ZoneBounds(); !end.IsZero() && rapid.Bool().Draw(t, "near") {
			at = end.Add(time.Duration(rapid.Int64Range(-200, 200).Draw(t, "minutes")) * time.Minute)
		}
		s := spans{d, z}
		begin, end := s.floor(at), s.ceil(at)
		if begin.After(at) || !end.After(at) {
			t.Fatalf("%s is not in %s to %s", at.In(z), begin.In(z), end.In(z))
		}
		in := begin.Add(time.Duration(rapid.Int64Range(0, int64(end.Sub(begin))-1).Draw(t, "inside")))
		for _, x := range []time.Time{begin, in, end.Add(-1)} {
			if b, e := s.floor(x), s.ceil(x); !b.Equal(begin) || !e.Equal(end) {
				t.Fatalf("%s says %s to %s, %s says %s to %s", at.In(z), begin.In(z), end.In(z), x.In(z), b.In(z), e.In(z))
			}
		}
		if next := s.floor(end); !next.Equal(end) {
			t.Fatalf("the span ends at %s, and another begins at %s", end.In(z), next.In(z))
		}
		if d == 24*time.Hour && wallOf(begin, z).Hour() != 0 && wallOf(begin, z).Hour() != 1 {
			t.Fatalf("a day begins at %s", begin.In(z))
		}
	})
}

func TestDays(t *testing.T) {
	for _, tt := range []struct{ zone, at, begin, end string }{
		{"Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"}, // midnight comes twice
		{"Africa/Cairo", "2026-04-24T10:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},   // midnight never comes
		{"Pacific/Apia", "2011-12-30T09:30:00Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},   // the 30th never comes
		{"UTC", "1969-12-31T23:59:59Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
	} {
		at, _ := time.Parse(time.RFC3339, tt.at)
		day := spans{24 * time.Hour, zone(t, tt.zone)}
		if b, e := day.floor(at).UTC().Format(time.RFC3339), day.ceil(at).UTC().Format(time.RFC3339); b != tt.begin || e != tt.end {
			t.Errorf("the day of %s in %s is %s to %s, want %s to %s", tt.at, tt.zone, b, e, tt.begin, tt.end)
		}
	}
}

func TestAddMonths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z, _ := zoneOf(rapid.SampledFrom(oddZones).Draw(t, "zone"))
		at := time.Unix(rapid.Int64Range(0, 1.9e9).Draw(t, "t"), 0).UTC()
		n := rapid.IntRange(-300, 300).Draw(t, "n")
		got := addMonths(at, n, z)
		from, to := wallOf(at, z), wallOf(got, z)
		months := func(w wall) int { return w.Year()*12 + int(w.Month()) }
		last := time.Date(from.Year(), from.Month()+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		// Where the clocks were put forward over that time, it moved, at most into
		// the next day.
		if wallOf(wall{to.Time}.in(z), z).Time.Equal(to.Time) && to.Hour() == from.Hour() &&
			(months(to) != months(from)+n || to.Day() != min(from.Day(), last) || to.Minute() != from.Minute()) {
			t.Fatalf("%s and %d months is %s", from, n, to)
		}
		if shift := to.Sub(time.Date(from.Year(), from.Month()+time.Month(n), min(from.Day(), last), from.Hour(), from.Minute(), from.Second(), 0, time.UTC)); shift < 0 || shift > 24*time.Hour {
			t.Fatalf("%s and %d months is %s", from, n, to)
		}
	})
	for _, n := range []int{1 << 30, -1 << 30} {
		if _, err := timeWithin(addMonths(time.Unix(0, 0), n, time.UTC)); err == nil {
			t.Errorf("%d months later there is a time", n)
		}
	}
}
