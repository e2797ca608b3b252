package syntax

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
)

// UnitKind tells what a unit measures.
type UnitKind uint8

// The kinds of units.
const (
	Duration UnitKind = iota + 1 // in nanoseconds
	Size                         // in bytes
)

// unitScale gives nanoseconds or bytes; sizes are negative.
var unitScale = map[string]int64{
	"ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9, "d": 24 * 3600e9, "w": 7 * 24 * 3600e9,
	"B": -1, "KB": -1e3, "MB": -1e6, "GB": -1e9, "KiB": -1 << 10, "MiB": -1 << 20, "GiB": -1 << 30,
}

// ParseUnit reads the text of a unit ("24h", "1.5KB") as nanoseconds or bytes.
// It is not ok where the text is no unit, is no whole number of nanoseconds or
// bytes, or does not fit (more than 292 years).
func ParseUnit(text string) (kind UnitKind, n int64, ok bool) {
	i := len(text)
	for i > 0 && !isDigit(text[i-1]) {
		i--
	}
	scale, num := unitScale[text[i:]], strings.ReplaceAll(text[:i], "_", "")
	if scale == 0 || len(num) > 64 {
		return 0, 0, false
	}
	kind = Duration
	if scale < 0 {
		kind, scale = Size, -scale
	}
	if e := strings.IndexAny(num, "eE"); e >= 0 {
		if x, err := strconv.Atoi(num[e+1:]); err != nil || x > 40 || x < -40 {
			return 0, 0, false
		}
	}
	r, good := new(big.Rat).SetString(num)
	if !good {
		return 0, 0, false
	}
	r.Mul(r, new(big.Rat).SetInt64(scale))
	if !r.IsInt() || r.Num().CmpAbs(big.NewInt(math.MaxInt64)) > 0 {
		return 0, 0, false
	}
	return kind, r.Num().Int64(), true
}

// fault is a mistake in the text. It travels through participle as an error;
// finish makes a diagnostic of it.
type fault struct {
	start, end int
	msg        string
	label      string
	help       string
	code       *diag.Code // diag.Syntax where nil
	braces     bool       // about a brace that is missing or too many (E4)
	bad        bool       // about a BadToken at start: finish asks the token what is wrong
}

func (f *fault) Error() string { return f.msg }

// decode reads a quoted text that begins at an offset.
func decode(start int, quoted string) (string, error) {
	s, f := unescape(start+1, quoted[1:len(quoted)-1])
	if f != nil {
		return s, f
	}
	return s, nil
}

// rawText is what a `text` holds. A line ends in "\n" there, too, however the
// file ends its lines (L0).
func rawText(quoted string) string {
	return strings.ReplaceAll(quoted[1:len(quoted)-1], "\r\n", "\n")
}

// unescape reads the escapes of a text; off is where it begins in the file.
// The text is given as far as it can be read even with a fault.
func unescape(off int, s string) (string, *fault) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	var b strings.Builder
	var first *fault
	wrong := func(i, n int, help string, format string, a ...any) {
		if first == nil {
			first = &fault{start: off + i, end: off + min(i+n, len(s)), msg: fmt.Sprintf(format, a...), help: help, code: diag.BadToken}
		}
	}
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		switch c := s[i+1]; c {
		case '"', '\\', '$':
			b.WriteByte(c)
			i += 2
		case 'n':
			b.WriteByte('\n')
			i += 2
		case 't':
			b.WriteByte('\t')
			i += 2
		case 'r':
			b.WriteByte('\r')
			i += 2
		case 'u':
			n := strings.IndexByte(s[i:], '}')
			if i+2 >= len(s) || s[i+2] != '{' || n < 0 {
				wrong(i, 2, `write \u{1F600}`, `\u needs its code point in braces`)
				i += 2
				continue
			}
			v, err := strconv.ParseUint(s[i+3:i+n], 16, 32)
			if err != nil || n-3 > 6 || !utf8.ValidRune(rune(v)) {
				wrong(i, n+1, `a code point is 1 to 6 hexadecimal digits, at most 10FFFF and no surrogate`, "%s is no character", s[i:i+n+1])
			} else {
				b.WriteRune(rune(v))
			}
			i += n + 1
		default:
			_, n := utf8.DecodeRuneInString(s[i+1:])
			wrong(i, 1+n, `escapes are \" \\ \n \t \r \$ and \u{…}; a backslash itself is \\, and raw text in backquotes has none`, "unknown escape %s", s[i:i+1+n])
			i += 1 + n
		}
	}
	return b.String(), first
}
