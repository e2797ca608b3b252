package schedule

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/sluice-dev/sluice/lang/ir"
)

const day = 24 * int64(time.Hour/time.Millisecond)

func daily(t *testing.T, days int64, at, zone string) *Schedule {
	t.Helper()
	clock, err := time.Parse("15:04", at)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Load(&ir.Tick{EveryMS: days * day, AtMS: (time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute).Milliseconds(), Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLocalDays(t *testing.T) {
	for _, x := range []struct {
		what     string
		days     int64
		at, zone string
		from     string
		want     []string
	}{
		{"a gap moves forward", 1, "02:30", "Europe/Berlin", "2026-03-28T12:00:00Z", []string{"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
		{"a time that was twice is the earlier", 1, "02:30", "Europe/Berlin", "2026-10-24T12:00:00Z", []string{"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
		{"west of UTC", 1, "02:30", "America/New_York", "2026-03-08T05:00:00Z", []string{"2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"}},
		{"half an hour", 1, "02:00", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", []string{"2026-04-04T15:30:00Z", "2026-04-05T15:30:00Z"}},
		{"a day that never was", 1, "06:00", "Pacific/Apia", "2011-12-29T12:00:00Z", []string{"2011-12-29T16:00:00Z", "2011-12-30T16:00:00Z", "2011-12-31T16:00:00Z"}},
		{"every other day", 2, "06:00", "UTC", "1970-01-01T07:00:00Z", []string{"1970-01-03T06:00:00Z", "1970-01-05T06:00:00Z"}},
		{"before 1970", 1, "06:00", "UTC", "1969-12-30T07:00:00Z", []string{"1969-12-31T06:00:00Z", "1970-01-01T06:00:00Z"}},
		{"exactly at a tick", 1, "06:00", "UTC", "2026-01-01T06:00:00Z", []string{"2026-01-02T06:00:00Z"}},
	} {
		s := daily(t, x.days, x.at, x.zone)
		at := instant(t, x.from)
		for _, want := range x.want {
			if at = s.After(at); !at.Equal(instant(t, want)) {
				t.Errorf("%s: %s, want %s", x.what, at.Format(time.RFC3339), want)
				break
			}
		}
	}
}

// TestWalk: from any instant the ticks behind it come one a local day, in order, and
// Last and After agree about them.
func TestWalk(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns", "Asia/Kathmandu", "Pacific/Auckland"}
	times := []string{"00:00", "00:30", "01:30", "02:00", "02:30", "03:00", "12:00", "23:59"}
	for range 400 {
		zone, at := zones[r.IntN(len(zones))], times[r.IntN(len(times))]
		days := int64(1 + r.IntN(3)*r.IntN(2))
		s := daily(t, days, at, zone)
		loc, _ := time.LoadLocation(zone)
		now := time.Unix(r.Int64N(2_000_000_000), r.Int64N(1e9)).UTC()
		first := s.After(now)
		if last := s.Last(now); last.After(now) || !s.After(last).Equal(first) {
			t.Fatalf("%s %s: behind %s comes %s, before it was %s", at, zone, now, first, last)
		}
		for tick, n := first, 0; n < 400; n++ {
			if !s.Last(tick).Equal(tick) || !s.Last(tick.Add(-1)).Before(tick) {
				t.Fatalf("%s %s: %s is none of Last", at, zone, tick)
			}
			next := s.After(tick)
			a, b := tick.In(loc), next.In(loc)
			gap := time.Date(b.Year(), b.Month(), b.Day(), 0, 0, 0, 0, time.UTC).Sub(time.Date(a.Year(), a.Month(), a.Day(), 0, 0, 0, 0, time.UTC))
			if gap != time.Duration(days)*24*time.Hour {
				t.Fatalf("%s %s: behind %s comes %s", at, zone, a, b)
			}
			tick = next
		}
	}
}

func TestSpans(t *testing.T) {
	s := New(&ir.Tick{EveryMS: 90 * 60_000, AtMS: -1}, time.UTC)
	for _, x := range [][3]string{
		{"1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T01:30:00Z"},
		{"1970-01-01T02:59:59.9Z", "1970-01-01T01:30:00Z", "1970-01-01T03:00:00Z"},
		{"1969-12-31T23:59:59.9999Z", "1969-12-31T22:30:00Z", "1970-01-01T00:00:00Z"},
	} {
		now := instant(t, x[0])
		if last, next := s.Last(now), s.After(now); !last.Equal(instant(t, x[1])) || !next.Equal(instant(t, x[2])) {
			t.Errorf("%s: %s and %s", x[0], last, next)
		}
	}
}

func TestZones(t *testing.T) {
	if _, err := Load(&ir.Tick{EveryMS: day, Zone: "Europe/Nowhere"}); err == nil {
		t.Error("loaded")
	}
}
