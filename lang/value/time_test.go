package value

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseTime(t *testing.T) {
	tests := []struct{ in, want string }{
		{"2026-03-01T12:00:00Z", "2026-03-01T12:00:00.000Z"},
		{"2026-03-01t12:00:00z", "2026-03-01T12:00:00.000Z"},
		{"2026-03-01T12:00:00.123456789+02:00", "2026-03-01T10:00:00.123Z"},
		{"2026-03-01T12:00:00.9999999999999999Z", "2026-03-01T12:00:00.999Z"},
		{"2024-02-29T23:59:59-23:59", "2024-03-01T23:58:59.000Z"},
		{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
		{"9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"},
		{"1969-12-31T23:59:59.9995Z", "1969-12-31T23:59:59.999Z"},
	}
	for _, tt := range tests {
		got, err := ParseTime(tt.in)
		if err != nil || FormatTime(got) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.in, FormatTime(got), err, tt.want)
		}
	}
	bad := []struct{ in, reason, help string }{
		{"0001-01-01T00:00:00+05:00", "outside the years 1 to 9999", ""},
		{"9999-12-31T23:59:59-00:01", "outside the years 1 to 9999", ""},
		{"0000-00-00T00:00:00Z", "no month 00", ""},
		{"2026-02-30T00:00:00Z", "no day 2026-02-30", ""},
		{"2026-02-29T00:00:00Z", "no day 2026-02-29", ""},
		{"2026-03-01T24:00:00Z", "no time of day 24:00:00", ""},
		{"2026-03-01T23:59:60Z", "no time of day 23:59:60", ""},
		{"2026-03-01T12:00:00", "RFC 3339", `time.parse(…, "2006-01-02T15:04:05")`},
		{"2026-03-14 09:26:53", "RFC 3339", `time.parse(…, "2006-01-02 15:04:05")`},
		{"2026-03-14 09:26:53.123", "RFC 3339", `time.parse(…, "2006-01-02 15:04:05.000")`},
		{"2026-03-14T09:26:53.123-0500", "RFC 3339", ""},
		{"2026-03-14T09:26:53.123+0000", "RFC 3339", `time.parse(…, "2006-01-02T15:04:05.000Z0700")`},
		{"2026-03-14", "RFC 3339", `time.parse(…, "date")`},
		{"Sat, 14 Mar 2026 09:26:53 GMT", "RFC 3339", `time.parse(…, "http")`},
		{"1773480413", "RFC 3339", "epoch"},
		{"", "empty", ""},
		{"yesterday", "RFC 3339", ""},
		{"2026-03-01T12:00:00,5Z", "RFC 3339", ""},
		{"2026-03-01T12:00:00.Z", "RFC 3339", ""},
		{"2026-03-01T12:00:00+24:00", "RFC 3339", ""},
		{"2026-03-01T12:00:00Z ", "RFC 3339", ""},
		{"+2026-03-01T12:00:00Z", "RFC 3339", ""},
	}
	for _, tt := range bad {
		_, err := ParseTime(tt.in)
		var te *TimeError
		if !errors.As(err, &te) || !strings.Contains(te.Reason, tt.reason) || !strings.Contains(te.Help, tt.help) || tt.help == "" && strings.Contains(te.Help, "parse") && !strings.Contains(tt.in, "-0500") {
			t.Errorf("%q: %+v, want %q and help %q", tt.in, err, tt.reason, tt.help)
		}
	}
}

// TestParseTimeIsRFC3339 holds the reader against Go's, which reads a little more.
func TestParseTimeIsRFC3339(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])`),
			rapid.StringMatching(`20[0-9]{2}-0[1-9]-2[0-9]T1[0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,12})?Z`),
		).Draw(t, "s")
		got, err := ParseTime(s)
		want, wantErr := time.Parse(time.RFC3339, s)
		if (err == nil) != (wantErr == nil) || err == nil && !got.Equal(want) {
			t.Fatalf("%s: %v, %v; Go: %v, %v", s, got, err, want, wantErr)
		}
	})
}

func TestTimeFromEpoch(t *testing.T) {
	tests := []struct{ in, want string }{
		{"0", "1970-01-01T00:00:00.000Z"},
		{"1773480413", "2026-03-14T09:26:53.000Z"},
		{"1773480413.25", "2026-03-14T09:26:53.250Z"},
		{"1773480413250", "2026-03-14T09:26:53.250Z"},
		{"-1", "1969-12-31T23:59:59.000Z"},
		{"-0.001", "1969-12-31T23:59:59.999Z"},
		{"99999999999", "5138-11-16T09:46:39.000Z"},
		{"1e11", "1973-03-03T09:46:40.000Z"},
		{"-1e11", "1966-10-31T14:13:20.000Z"},
		{"253402300799999", "9999-12-31T23:59:59.999Z"},
		{"253402300800000", ""},
		{"-62135596800000", "0001-01-01T00:00:00.000Z"},
		{"-62135596800001", ""},
		{"1e300", ""},
		{"1e7000", ""},
		{"1e-6144", "1970-01-01T00:00:00.000Z"},
	}
	for _, tt := range tests {
		got, err := TimeFromEpoch(num(t, tt.in))
		if (err != nil) != (tt.want == "") || err == nil && FormatTime(got) != tt.want {
			t.Errorf("%s: %s, %v; want %q", tt.in, FormatTime(got), err, tt.want)
		}
	}
	at := time.Date(1969, 12, 31, 23, 59, 59, 999_500_000, time.UTC)
	if s, ms := EpochOf(at, time.Second), EpochOf(at, time.Millisecond); s.Plain() != "-1" || ms.Plain() != "-1" {
		t.Errorf("half a millisecond before 1970 is %s s, %s ms", s, ms)
	}
}

func TestTimeArithmetic(t *testing.T) {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	if _, err := SubTimes(last, first); err == nil {
		t.Error("9,998 years are no duration")
	}
	if d, err := SubTimes(first.Add(time.Hour), first); err != nil || d != time.Hour {
		t.Error(d, err)
	}
	if _, err := AddDuration(last, 48*time.Hour); err == nil {
		t.Error("the year 10000")
	}
	if _, err := AddDuration(first, -1); err == nil {
		t.Error("the year 0")
	}
	if _, err := AddDuration(first, math.MinInt64); err == nil {
		t.Error("292 years before the year 1")
	}
}

func TestParseDuration(t *testing.T) {
	tests := []struct{ in, want string }{
		{"90m", "1h30m"}, {"1h30m", "1h30m"}, {"1.5h", "1h30m"}, {"1d", "24h"}, {"2w", "336h"}, {"500ms", "500ms"},
		{"1s500ms", "1s500ms"}, {"0s", "0s"}, {"-5m", "-5m"}, {"007m", "7m"}, {"0.5s", "500ms"}, {"00.5s", "500ms"},
		{"P1DT2H", "26h"}, {"PT0.5S", "500ms"}, {"P2W", "336h"}, {"PT36H", "36h"}, {"P1D", "24h"}, {"-P1DT1M", "-24h1m"},
		{"0.0004s", "0s"}, {"106751d", "2562024h"},
		{"", ""}, {"90", ""}, {"m", ""}, {"1h 30m", ""}, {"1y", ""}, {"P", ""}, {"PT", ""}, {"P1DT", ""}, {"P1Y", ""}, {"P1M", ""}, {"P1H", ""}, {"PT1D", ""},
		{"--5m", ""}, {"5", ""}, {"1.h", ""}, {".5h", ""}, {"1e3s", ""}, {"106752d", ""}, {"99999999999999999999999999999999999999999999w", ""}, {"+1h", ""}, {"p1d", ""},
	}
	for _, tt := range tests {
		d, err := ParseDuration(tt.in)
		if (err != nil) != (tt.want == "") || err == nil && FormatDuration(d) != tt.want {
			t.Errorf("%q: %s, %v; want %q", tt.in, FormatDuration(d), err, tt.want)
		}
	}
	if s := FormatDuration(math.MinInt64); s != "-2562047h47m16s854ms" {
		t.Error(s)
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64().Draw(t, "d"))
		back, err := ParseDuration(FormatDuration(d))
		if err != nil || back != d.Truncate(time.Millisecond) {
			t.Fatalf("%s came back as %d, %v", FormatDuration(d), back, err)
		}
	})
}

func TestPlain(t *testing.T) {
	tests := []struct {
		in   Value
		want string
	}{
		{num(t, "3146.0"), "3146"}, {"x", "x"}, {true, "true"}, {false, "false"}, {90 * time.Minute, "1h30m"}, {Bytes("é"), "é"},
		{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "2026-03-01T00:00:00.000Z"},
	}
	for _, tt := range tests {
		if got, err := Plain(tt.in); err != nil || got != tt.want {
			t.Errorf("%v: %q, %v", tt.in, got, err)
		}
	}
	for _, v := range []Value{nil, List{}, NewObject(), Secret("s3cret"), Bytes{0xff}} {
		if got, err := Plain(v); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v: %q, %v", v, got, err)
		}
	}
}

func TestExcerpt(t *testing.T) {
	tests := []struct {
		in   string
		max  int
		want string
	}{
		{`{"a":1,"b":"x"}`, 40, `{"a":1,"b":"x"}`},
		{`{"a":1,"b":"xxxxxxxxxxxxxxxxxxxxxxxxx"}`, 20, `{"a":1,"b":"xxxxx…`},
		{`"ééééé"`, 8, `"éé…`},
		{`[[[[1]]],{"a":{"b":{"c":{}}}}]`, 40, `[[[[…]]],{"a":{"b":{…}}}]`},
		{`[1,2,3]`, 3, `…`},
		{`[1,2,3]`, 2, ``},
		{`{"t":"` + strings.Repeat("é", 100) + `","n":1}`, 200, `{"t":"` + strings.Repeat("é", 32) + `…","n":1}`},
	}
	for _, tt := range tests {
		v, err := DecodeJSON([]byte(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		if got := Excerpt(v, tt.max); got != tt.want || len(got) > tt.max {
			t.Errorf("%s in %d: %s, want %s", tt.in, tt.max, got, tt.want)
		}
	}
	if got := Excerpt(NewObject(Field{"k", Secret("s3cret")}), 99); got != `{"k":"(secret)"}` {
		t.Error(got)
	}
	if got := Excerpt(strings.Repeat("x", 1<<20), 50); len(got) != 50 {
		t.Error(len(got))
	}
	if got := Excerpt(num(t, strings.Repeat("1", 1000)), 50); len(got) > 50 || !strings.HasSuffix(got, "…") {
		t.Error(got)
	}
}
