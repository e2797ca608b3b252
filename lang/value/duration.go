package value

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Durations go to 292 years, in nanoseconds. A day is 24 hours, a week 7 days.

var (
	errDuration     = errors.New(`not a duration: "90m", "1h30m" or "P1DT2H" is one`)
	errDurationSize = errors.New("a duration of more than 292 years")
)

// units of a duration as text, the longer name first where two begin alike.
var units = []struct {
	name string
	unit time.Duration
}{
	{"ms", time.Millisecond}, {"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour},
	{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
}

// isoUnits of a duration as ISO 8601 writes it, before and behind the T. Years and
// months have no length.
var isoUnits = [2]map[byte]time.Duration{
	{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour},
	{'H': time.Hour, 'M': time.Minute, 'S': time.Second},
}

// ParseDuration reads "90m", "1h30m", "1.5h", "-2d" (units w d h m s ms) and ISO
// 8601 ("P1DT2H", "PT0.5S", "P2W").
func ParseDuration(s string) (time.Duration, error) {
	rest, neg := strings.CutPrefix(s, "-")
	var sum Number
	var err error
	if strings.HasPrefix(rest, "P") {
		sum, err = isoDuration(rest[1:])
	} else {
		sum, err = plainDuration(rest)
	}
	if err != nil {
		return 0, err
	}
	if neg {
		sum = sum.Neg()
	}
	return DurationOf(sum)
}

func plainDuration(s string) (sum Number, err error) {
	if s == "" {
		return sum, errDuration
	}
	for s != "" {
		n, rest, ok := leadingNumber(s)
		if !ok {
			return sum, errDuration
		}
		unit := time.Duration(0)
		for _, u := range units {
			if strings.HasPrefix(rest, u.name) {
				unit, s = u.unit, rest[len(u.name):]
				break
			}
		}
		if unit == 0 {
			return sum, errDuration
		}
		if sum, err = addUnits(sum, n, unit); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

func isoDuration(s string) (sum Number, err error) {
	part, some := 0, false
	for s != "" {
		if s[0] == 'T' && part == 0 {
			part, some, s = 1, false, s[1:]
			continue
		}
		n, rest, ok := leadingNumber(s)
		if !ok || rest == "" {
			return sum, errDuration
		}
		unit := isoUnits[part][rest[0]]
		if unit == 0 {
			return sum, errDuration
		}
		if sum, err = addUnits(sum, n, unit); err != nil {
			return sum, err
		}
		some, s = true, rest[1:]
	}
	if !some {
		return sum, errDuration
	}
	return sum, nil
}

// leadingNumber takes digits with at most one point off the front.
func leadingNumber(s string) (n Number, rest string, ok bool) {
	i := skipDigits(s, 0)
	digits := i
	if i < len(s) && s[i] == '.' {
		i = skipDigits(s, i+1)
		if i == digits+1 {
			return n, s, false
		}
	}
	if digits == 0 || i > 40 {
		return n, s, false
	}
	// "007m" has no JSON number in it, and is as clear as "7m".
	text := strings.TrimLeft(s[:i], "0")
	if text == "" || text[0] == '.' {
		text = "0" + text
	}
	n, ok = ParseNumber(text)
	return n.untouch(), s[i:], ok
}

func addUnits(sum, n Number, unit time.Duration) (Number, error) {
	n, err := Mul(n, FromInt(int64(unit)))
	if err == nil {
		sum, err = Add(sum, n)
	}
	if err != nil {
		return sum, errDurationSize
	}
	return sum, nil
}

// DurationOf gives the duration of a number of nanoseconds, rounded to one.
func DurationOf(nanos Number) (time.Duration, error) {
	n, err := nanos.Round(0)
	if err != nil {
		return 0, errDurationSize
	}
	i, ok := n.Int64()
	if !ok {
		return 0, errDurationSize
	}
	return time.Duration(i), nil
}

// Nanoseconds gives a duration as a number.
func Nanoseconds(d time.Duration) Number { return FromInt(int64(d)) }

// FormatDuration writes hours, minutes, seconds and milliseconds, those that are
// not zero: "26h", "1h30m", "1s500ms", "-5m", and "0s" for none; what is finer
// is cut. ParseDuration reads it back.
func FormatDuration(d time.Duration) string { return string(AppendDuration(nil, d)) }

// AppendDuration appends FormatDuration.
func AppendDuration(dst []byte, d time.Duration) []byte {
	ms := uint64(d / time.Millisecond)
	if d < 0 {
		ms = -ms
	}
	if ms == 0 {
		return append(dst, "0s"...)
	}
	if d < 0 {
		dst = append(dst, '-')
	}
	for _, u := range [...]struct {
		name string
		ms   uint64
	}{{"h", 3_600_000}, {"m", 60_000}, {"s", 1_000}, {"ms", 1}} {
		if n := ms / u.ms; n > 0 {
			dst = append(strconv.AppendUint(dst, n, 10), u.name...)
			ms %= u.ms
		}
	}
	return dst
}
