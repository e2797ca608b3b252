package value

import (
	"strings"
	"time"
)

// TimeError says why a text or number is no time, and what would read it.
type TimeError struct {
	Reason string // "30 February does not exist"
	Help   string // what to write instead; "" when nothing is known
}

// Error gives the reason.
func (e *TimeError) Error() string { return e.Reason }

func badTime(reason string) error { return &TimeError{Reason: reason} }

var (
	errYears = badTime("the time is outside the years 1 to 9999")

	minTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	maxTime = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// CheckTime gives t in UTC, or an error when it is outside the years 1 to 9999.
func CheckTime(t time.Time) (time.Time, error) {
	t = t.UTC().Round(0)
	if t.Before(minTime) || t.After(maxTime) {
		return time.Time{}, errYears
	}
	return t, nil
}

// ParseTime reads RFC 3339 strictly: any offset, "t" and "z" in either case, a
// day and an hour that exist, years 1 to 9999 in UTC. What is finer than a
// nanosecond is cut. The error is a *TimeError.
func ParseTime(s string) (time.Time, error) {
	p := timeText{s: s}
	year := p.number(4)
	p.one('-', '-')
	month := p.number(2)
	p.one('-', '-')
	day := p.number(2)
	p.one('T', 't')
	hour := p.number(2)
	p.one(':', ':')
	minute := p.number(2)
	p.one(':', ':')
	second := p.number(2)
	nanos := p.fraction()
	offset := p.offset()
	if p.bad || p.i != len(s) {
		return time.Time{}, notRFC3339(s)
	}
	switch {
	case month < 1 || month > 12:
		return time.Time{}, badTime("there is no month " + s[5:7])
	case day < 1 || day > daysIn(year, month):
		return time.Time{}, badTime("there is no day " + s[:10])
	case hour > 23 || minute > 59 || second > 59:
		return time.Time{}, badTime("there is no time of day " + s[11:19])
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	return CheckTime(t.Add(-offset))
}

// timeText reads a text from the left; after the first thing that does not fit
// everything is bad.
type timeText struct {
	s   string
	i   int
	bad bool
}

func (p *timeText) number(width int) (n int) {
	if p.bad || p.i+width > len(p.s) {
		p.bad = true
		return 0
	}
	for ; width > 0; width-- {
		c := p.s[p.i]
		if !isDigit(c) {
			p.bad = true
			return 0
		}
		n = n*10 + int(c-'0')
		p.i++
	}
	return n
}

func (p *timeText) one(a, b byte) {
	if p.bad || p.i >= len(p.s) || p.s[p.i] != a && p.s[p.i] != b {
		p.bad = true
		return
	}
	p.i++
}

func (p *timeText) fraction() (nanos int) {
	if p.bad || p.i >= len(p.s) || p.s[p.i] != '.' {
		return 0
	}
	start := p.i + 1
	p.i = skipDigits(p.s, start)
	if p.i == start {
		p.bad = true
		return 0
	}
	for i := 0; i < 9; i++ {
		nanos *= 10
		if start+i < p.i {
			nanos += int(p.s[start+i] - '0')
		}
	}
	return nanos
}

func (p *timeText) offset() time.Duration {
	if p.bad || p.i >= len(p.s) {
		p.bad = true
		return 0
	}
	sign := p.s[p.i]
	p.i++
	if sign == 'Z' || sign == 'z' {
		return 0
	}
	h := p.number(2)
	p.one(':', ':')
	m := p.number(2)
	if sign != '+' && sign != '-' || h > 23 || m > 59 {
		p.bad = true
		return 0
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if sign == '-' {
		return -d
	}
	return d
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// shapes are the ways in which producers write times most often, with the layout
// that reads them. Digits stand for digits, everything else for itself.
var shapes = []struct{ shape, layout string }{
	{"0000-00-00 00:00:00", "2006-01-02 15:04:05"},
	{"0000-00-00T00:00:00", "2006-01-02T15:04:05"},
	{"0000-00-00 00:00:00Z", "2006-01-02 15:04:05Z07:00"},
	{"0000-00-00 00:00:00+00:00", "2006-01-02 15:04:05Z07:00"},
	{"0000-00-00T00:00:00+0000", "2006-01-02T15:04:05Z0700"},
	{"0000-00-00 00:00:00+0000", "2006-01-02 15:04:05Z0700"},
	{"0000-00-00 00:00", "2006-01-02 15:04"},
	{"0000-00-00T00:00Z", "2006-01-02T15:04Z07:00"},
	{"0000-00-00T00:00", "2006-01-02T15:04"},
	{"0000-00-00", "date"},
	{"00.00.0000", "02.01.2006"},
	{"00.00.0000 00:00:00", "02.01.2006 15:04:05"},
	{"00/00/0000", "01/02/2006"},
	{"00/00/0000 00:00:00", "01/02/2006 15:04:05"},
	{"00000000", "20060102"},
	{"00000000T000000Z", "20060102T150405Z07:00"},
}

// notRFC3339 finds the reader for a text that is another way to write a time.
func notRFC3339(s string) error {
	e := &TimeError{Reason: "not a time in RFC 3339"}
	shape := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return '0'
		}
		return r
	}, s)
	shape, fraction := withoutFraction(shape)
	shape = strings.Replace(shape, "-00:00", "+00:00", 1) // an offset, whichever side
	for _, k := range shapes {
		if k.shape == shape {
			e.Help = `time.parse(…, "` + strings.Replace(k.layout, ":05", ":05"+fraction, 1) + `") reads it`
			return e
		}
	}
	switch {
	case s == "":
		e.Reason = "an empty text is not a time"
	case len(s) == 29 && strings.HasSuffix(s, " GMT"):
		e.Help = `time.parse(…, "http") reads it`
	case shape != "" && strings.Trim(shape, "0") == "" && len(shape) <= 16:
		e.Help = "this looks like an epoch in a text: time(number(…)) reads it"
	}
	return e
}

// withoutFraction takes the ".000" behind the seconds out of a shape.
func withoutFraction(shape string) (rest, fraction string) {
	i := strings.Index(shape, ":00.0")
	if i < 0 {
		return shape, ""
	}
	j := skipDigits(shape, i+4)
	return shape[:i+3] + shape[j:], shape[i+3 : j]
}

// FormatTime writes RFC 3339 in UTC with milliseconds; what is finer is cut.
func FormatTime(t time.Time) string { return string(AppendTime(nil, t)) }

// AppendTime appends FormatTime.
func AppendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = appendPadded(dst, year, 4)
	dst = appendPadded(append(dst, '-'), int(month), 2)
	dst = appendPadded(append(dst, '-'), day, 2)
	dst = appendPadded(append(dst, 'T'), hour, 2)
	dst = appendPadded(append(dst, ':'), minute, 2)
	dst = appendPadded(append(dst, ':'), second, 2)
	dst = appendPadded(append(dst, '.'), t.Nanosecond()/1e6, 3)
	return append(dst, 'Z')
}

func appendPadded(dst []byte, n, width int) []byte {
	for f := int(pow10[width-1].lo); f > 0; f /= 10 {
		dst = append(dst, byte('0'+n/f%10))
	}
	return dst
}

var (
	epochSeconds = FromInt(1e11)
	billion      = FromInt(1e9)
)

// TimeFromEpoch reads a number as a time: seconds since 1970 while its absolute
// value is below 1e11, else milliseconds. The error is a *TimeError.
func TimeFromEpoch(n Number) (time.Time, error) {
	if n.Abs().Cmp(epochSeconds) < 0 {
		return TimeFromUnit(n, time.Second)
	}
	return TimeFromUnit(n, time.Millisecond)
}

// TimeFromUnit reads a number of units since 1970 as a time; parts of a
// nanosecond are cut.
func TimeFromUnit(n Number, unit time.Duration) (time.Time, error) {
	nanos, err := Mul(n, FromInt(int64(unit)))
	if err == nil {
		nanos, err = nanos.Floor()
	}
	if err != nil {
		return time.Time{}, errYears
	}
	rest, _ := Rem(nanos, billion)
	whole, _ := Sub(nanos, rest)
	whole, _ = Quo(whole, billion)
	s, ok := whole.Int64()
	ns, _ := rest.Int64()
	if !ok || s > 1<<40 || s < -1<<40 { // beyond what time.Unix counts without overflow
		return time.Time{}, errYears
	}
	return CheckTime(time.Unix(s, ns))
}

// EpochOf gives the whole units since 1970 at t, cut towards the past.
func EpochOf(t time.Time, unit time.Duration) Number {
	perSecond := int64(time.Second / unit)
	return FromInt(t.Unix()*perSecond + int64(t.Nanosecond())/int64(unit))
}

// AddDuration gives t + d, or an error outside the years 1 to 9999.
func AddDuration(t time.Time, d time.Duration) (time.Time, error) { return CheckTime(t.Add(d)) }

// SubTimes gives a - b, or an error when that is more than a duration holds,
// 292 years.
func SubTimes(a, b time.Time) (time.Duration, error) {
	d := a.Sub(b)
	if !b.Add(d).Equal(a) {
		return 0, badTime("the times are more than 292 years apart")
	}
	return d, nil
}
