package fn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// httpDate is how HTTP writes times.
const httpDate = "Mon, 02 Jan 2006 15:04:05 GMT"

var (
	zoneParam   = optional("zone", types.StringT, "UTC", "name of a time zone")
	layoutDoc   = "the time 2006-01-02 15:04:05 as the text writes it, or \"rfc3339\", \"http\", \"date\""
	layoutParam = optional("layout", types.StringT, "rfc3339", layoutDoc)
)

var errLayout = errors.New("the layout has no part of a time in it: write the time 2006-01-02 15:04:05 the way the text does")
var errAbbreviation = errors.New("a zone's abbreviation such as EST does not say which zone it is: the text needs an offset, or the call a zone")

// checkLayout refuses layouts that mean nothing: "YYYY-MM-DD" would be read as
// those very letters.
func checkLayout(layout string) error {
	switch layout {
	case "rfc3339", "http", "date":
		return nil
	}
	a := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
	b := time.Date(2012, 11, 20, 21, 32, 43, 987654321, time.UTC)
	if a.Format(layout) == b.Format(layout) {
		return errLayout
	}
	return nil
}

// openArgs tells whether one of the arguments at these places is no constant, so
// that it may name a layout or zone that does not exist.
func openArgs(at ...int) func(a []*types.Type) bool {
	return func(a []*types.Type) bool {
		return slices.ContainsFunc(at, func(i int) bool { return a[i].Kind != types.Literal })
	}
}

// timeWithin gives a computed time, or the failure that an operator gives where it
// is outside the years 1 to 9999.
func timeWithin(t time.Time) (value.Value, error) {
	t, err := value.CheckTime(t)
	if err != nil {
		return nil, diag.Failf(diag.Decimal, token.Span{}, "%s", err)
	}
	return t, nil
}

// checkTimeArgs checks the constants among layout and zone, -1 where a function
// has none.
func checkTimeArgs(result *types.Type, layout, zone int) func(a []*types.Type) (*types.Type, error) {
	return func(a []*types.Type) (*types.Type, error) {
		if layout >= 0 && a[layout].Kind == types.Literal {
			if err := checkLayout(a[layout].Lit.(string)); err != nil {
				return nil, err
			}
		}
		if zone >= 0 {
			if err := checkZone(a[zone]); err != nil {
				return nil, err
			}
		}
		return result, nil
	}
}

var timeParse = &types.Func{
	Name:   "time.parse",
	Doc:    "The time that a text holds in a layout, in a zone where the text has none of its own.",
	Params: params{param("s", types.StringT, "text"), layoutParam, zoneParam},
	Result: types.TimeT,
	Fails:  true,
	Infer:  checkTimeArgs(types.TimeT, 1, 2),
	Examples: ex(`time.parse("2026-03-14 09:26:53", "2006-01-02 15:04:05")`, `time("2026-03-14T09:26:53Z")`,
		`time.parse("14.03.2026 09:26", "02.01.2006 15:04", "Europe/Berlin")`, `time("2026-03-14T08:26:00Z")`,
		`time.parse("2026-03-29 02:30:00", "2006-01-02 15:04:05", "Europe/Berlin")`, `time("2026-03-29T01:30:00Z")`,
		`time.parse("2026-02-30", "date")`, `fails`, `time.parse("2026-03-14", "YYYY-MM-DD")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		zone, err := zoneOf(a[2].(string))
		if err != nil {
			return nil, err
		}
		return timeOr(parseTime(a[0].(string), a[1].(string), zone))
	},
}

func parseTime(s, layout string, zone *time.Location) (time.Time, error) {
	switch layout {
	case "rfc3339":
		return value.ParseTime(s)
	case "http":
		layout = httpDate
	case "date":
		layout = time.DateOnly
	default:
		if err := checkLayout(layout); err != nil {
			return time.Time{}, err
		}
		if strings.Contains(layout, "MST") {
			return time.Time{}, errAbbreviation
		}
	}
	t, err := time.ParseInLocation(layout, s, time.UTC)
	if err != nil {
		var pe *time.ParseError
		if errors.As(err, &pe) && pe.Message != "" {
			return time.Time{}, errors.New("there is no such time" + strings.TrimPrefix(pe.Message, ":"))
		}
		return time.Time{}, fmt.Errorf("the text is not a time as in %q", layout)
	}
	// A text with an offset means one time, whatever zone it is read in.
	elsewhere, _ := time.ParseInLocation(layout, s, time.FixedZone("", 1))
	if elsewhere.Equal(t) || layout == httpDate {
		return value.CheckTime(t)
	}
	return value.CheckTime(wall{t}.in(zone))
}

var timeFormat = &types.Func{
	Name:     "time.format",
	Doc:      "The time as text in a layout and zone.",
	Params:   params{param("t", types.TimeT, "time"), param("layout", types.StringT, layoutDoc), zoneParam},
	Result:   types.StringT,
	Infer:    checkTimeArgs(types.StringT, 1, 2),
	FailsFor: openArgs(1, 2),
	Examples: ex(`time.format(time("2026-03-14T09:26:53Z"), "02.01.2006 15:04", "Europe/Berlin")`, `"14.03.2026 10:26"`,
		`time.format(time("2026-03-14T09:26:53Z"), "rfc3339")`, `"2026-03-14T09:26:53.000Z"`,
		`time.format(time("2026-03-14T09:26:53Z"), "http")`, `"Sat, 14 Mar 2026 09:26:53 GMT"`, `time.format(time("2026-03-14T09:26:53Z"), "DD.MM.")`, `error E0301`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		zone, err := zoneOf(a[2].(string))
		if err != nil {
			return nil, err
		}
		t, layout := a[0].(time.Time), a[1].(string)
		switch layout {
		case "rfc3339":
			return t.In(zone).Format("2006-01-02T15:04:05.000Z07:00"), nil
		case "http":
			return t.UTC().Format(httpDate), nil
		case "date":
			layout = time.DateOnly
		default:
			if err := checkLayout(layout); err != nil {
				return nil, err
			}
		}
		return text(t.In(zone).Format(layout))
	},
}

var timeValid = &types.Func{
	Name:     "time.valid",
	Doc:      "Whether `time.parse` would succeed.",
	Params:   params{param("s", types.StringT, "text"), layoutParam},
	Result:   types.BoolT,
	Infer:    checkTimeArgs(types.BoolT, 1, -1),
	Examples: ex(`time.valid("2026-03-14T09:26:53Z")`, `true`, `time.valid("2026-02-30", "date")`, `false`, `time.valid("")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, err := parseTime(a[0].(string), a[1].(string), time.UTC)
		return err == nil, nil
	},
}

// epoch declares a function that counts units since 1970.
func epoch(name, doc string, unit time.Duration, examples []types.Example) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("t", types.TimeT, "time")}, Result: types.IntT, Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) { return value.EpochOf(a[0].(time.Time), unit), nil },
	}
}

var timeUnix = epoch("time.unix", "The whole seconds since 1970.", time.Second,
	ex(`time.unix(time("2026-03-14T09:26:53.9Z"))`, `1773480413`, `time.unix(time("1969-12-31T23:59:59.5Z"))`, `-1`))

var timeUnixMS = epoch("time.unix_ms", "The whole milliseconds since 1970.", time.Millisecond,
	ex(`time.unix_ms(time("2026-03-14T09:26:53.25Z"))`, `1773480413250`, `time.unix_ms(time("1970-01-01T00:00:00Z"))`, `0`))

// fromEpoch declares the way back.
func fromEpoch(name, doc string, unit time.Duration, examples []types.Example) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("n", types.NumberT, "number")}, Result: types.TimeT, Fails: true, Examples: examples,
		Call: func(_ *types.Context, a args) (value.Value, error) {
			return timeOr(value.TimeFromUnit(a[0].(value.Number), unit))
		},
	}
}

var timeFromUnix = fromEpoch("time.from_unix", "The time so many seconds after 1970.", time.Second,
	ex(`time.from_unix(1773480413.25)`, `time("2026-03-14T09:26:53.25Z")`, `time.from_unix(1773480413250)`, `fails`))

var timeFromUnixMS = fromEpoch("time.from_unix_ms", "The time so many milliseconds after 1970.", time.Millisecond,
	ex(`time.from_unix_ms(1773480413250)`, `time("2026-03-14T09:26:53.25Z")`, `time.from_unix_ms(-1)`, `time("1969-12-31T23:59:59.999Z")`))

var timeFromUnixUS = fromEpoch("time.from_unix_us", "The time so many microseconds after 1970, as change data capture writes them.", time.Microsecond,
	ex(`time.from_unix_us(1773480413250000)`, `time("2026-03-14T09:26:53.25Z")`, `time.from_unix_us(0)`, `time("1970-01-01T00:00:00Z")`))

// inZone declares a function of a time as the clocks of a zone show it.
func inZone(name, doc string, result *types.Type, examples []types.Example, f func(t time.Time) value.Value) *types.Func {
	return &types.Func{
		Name: name, Doc: doc, Params: params{param("t", types.TimeT, "time"), zoneParam}, Result: result, Examples: examples,
		Infer: checkTimeArgs(result, -1, 1), FailsFor: openArgs(1),
		Call: func(_ *types.Context, a args) (value.Value, error) {
			zone, err := zoneOf(a[1].(string))
			if err != nil {
				return nil, err
			}
			return f(a[0].(time.Time).In(zone)), nil
		},
	}
}

var timeDate = inZone("time.date", "The day: \"2026-03-01\".", types.StringT,
	ex(`time.date(time("2026-02-28T23:30:00Z"), "Europe/Berlin")`, `"2026-03-01"`, `time.date(time("2026-02-28T23:30:00Z"))`, `"2026-02-28"`),
	func(t time.Time) value.Value { return t.Format(time.DateOnly) })

var timeYear = inZone("time.year", "The year.", types.IntT,
	ex(`time.year(time("2026-12-31T23:30:00Z"), "Europe/Berlin")`, `2027`, `time.year(time("2026-12-31T23:30:00Z"))`, `2026`),
	func(t time.Time) value.Value { return num(t.Year()) })

var timeMonth = inZone("time.month", "The month, 1 to 12.", types.IntT,
	ex(`time.month(time("2026-03-14T09:26:53Z"))`, `3`, `time.month(time("2026-03-31T23:30:00Z"), "Asia/Tokyo")`, `4`),
	func(t time.Time) value.Value { return num(int(t.Month())) })

var timeDay = inZone("time.day", "The day of the month, 1 to 31.", types.IntT,
	ex(`time.day(time("2026-03-14T09:26:53Z"))`, `14`, `time.day(time("2026-03-14T01:00:00Z"), "America/New_York")`, `13`),
	func(t time.Time) value.Value { return num(t.Day()) })

var timeHour = inZone("time.hour", "The hour, 0 to 23.", types.IntT,
	ex(`time.hour(time("2026-03-14T09:26:53Z"))`, `9`, `time.hour(time("2026-03-14T23:26:53Z"), "Asia/Kolkata")`, `4`),
	func(t time.Time) value.Value { return num(t.Hour()) })

var timeWeekday = inZone("time.weekday", "The day of the week: \"monday\".", types.StringT,
	ex(`time.weekday(time("2026-03-14T09:26:53Z"))`, `"saturday"`, `time.weekday(time("2026-03-14T23:26:53Z"), "Asia/Tokyo")`, `"sunday"`),
	func(t time.Time) value.Value { return strings.ToLower(t.Weekday().String()) })

var timeWeek = inZone("time.week", "The week of ISO 8601: \"2026-W09\".", types.StringT,
	ex(`time.week(time("2026-03-01T12:00:00Z"))`, `"2026-W09"`, `time.week(time("2027-01-01T12:00:00Z"))`, `"2026-W53"`),
	func(t time.Time) value.Value {
		year, week := t.ISOWeek()
		return fmt.Sprintf("%04d-W%02d", year, week)
	})

var timeAddMonths = &types.Func{
	Name:     "time.add_months",
	Doc:      "The same time of day so many months later or, when negative, earlier; what would be behind the last day of a month is that day.",
	Params:   params{param("t", types.TimeT, "time"), param("n", types.IntT, "months"), zoneParam},
	Result:   types.TimeT,
	Infer:    checkTimeArgs(types.TimeT, -1, 2),
	Codes:    arithmetic,
	FailsFor: openArgs(2),
	Examples: ex(`time.add_months(time("2026-01-31T12:00:00Z"), 1)`, `time("2026-02-28T12:00:00Z")`,
		`time.add_months(time("2026-02-28T11:00:00Z"), 1, "Europe/Berlin")`, `time("2026-03-28T11:00:00Z")`,
		`time.add_months(time("2026-02-28T23:30:00Z"), 1, "Europe/Berlin")`, `time("2026-03-31T22:30:00Z")`,
		`time.add_months(time("2026-03-31T00:00:00Z"), -1)`, `time("2026-02-28T00:00:00Z")`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		zone, err := zoneOf(a[2].(string))
		if err != nil {
			return nil, err
		}
		return timeWithin(addMonths(a[0].(time.Time), small(a[1]), zone))
	},
}

func addMonths(t time.Time, n int, zone *time.Location) time.Time {
	w := wallOf(t, zone)
	const far = 12 * 10_000 // further than from the first year to the last
	month := w.Year()*12 + int(w.Month()) - 1 + min(max(n, -far), far)
	first := time.Date(0, 1+time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	day := min(w.Day(), first.AddDate(0, 1, -1).Day())
	clock := w.Sub(w.Truncate(24 * time.Hour))
	return wall{first.AddDate(0, 0, day-1).Add(clock)}.in(zone)
}

var timeSeconds = &types.Func{
	Name:     "time.seconds",
	Doc:      "The seconds of a duration, exactly; to count in other units divide: `90s / 1m` gives 1.5.",
	Params:   params{param("d", types.DurationT, "duration")},
	Result:   types.NumberT,
	Examples: ex(`time.seconds(90m)`, `5400`, `time.seconds(500ms)`, `0.5`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		return number(value.Quo(value.Nanoseconds(a[0].(time.Duration)), value.FromInt(int64(time.Second))))
	},
}

var timeIsZone = &types.Func{
	Name:     "time.is_zone",
	Doc:      "Whether a text is a name of the time zone database.",
	Params:   params{param("s", types.StringT, "text")},
	Result:   types.BoolT,
	Examples: ex(`time.is_zone("Europe/Berlin")`, `true`, `time.is_zone("Local")`, `false`, `time.is_zone("")`, `false`),
	Call: func(_ *types.Context, a args) (value.Value, error) {
		_, err := zoneOf(a[0].(string))
		return err == nil, nil
	},
}
