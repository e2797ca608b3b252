package value

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Limits of arithmetic. A number beyond them may be compared and passed on, and
// every calculation with it fails (language.md §2).
const (
	// MaxDigits is the number of significant digits; trailing zeros are none.
	MaxDigits = 38
	// MaxExponent bounds the exponent of the first digit, both ways: 1e6144 and
	// 1e-6144 are the last ones.
	MaxExponent = 6144
	// QuoDigits is to how many digits a division is carried.
	QuoDigits = 34
)

// Errors of arithmetic, to be asked for with errors.Is.
var (
	// ErrOverflow: the result, or an operand, is beyond the limits of numbers.
	ErrOverflow = errors.New("beyond the limits of numbers")
	// ErrDivZero: the divisor is zero.
	ErrDivZero = errors.New("division by zero")

	errDigits   = fmt.Errorf("%w: more than 38 digits", ErrOverflow)
	errExponent = fmt.Errorf("%w: exponent beyond 6,144", ErrOverflow)
)

// Number is an exact decimal. Its zero value is 0. Two Numbers are equal by
// Cmp, never by ==: an untouched number remembers how it was written.
//
// Within the limits it is ±coefficient × 10^exp with the coefficient free of
// trailing zeros, so that every value has one form. Beyond them only the text
// is kept, and its order is worked out from that when somebody asks.
type Number struct {
	text   string // as it was written; "" when computed
	hi, lo uint64 // coefficient, below 10^38
	exp    int32
	neg    bool // never with a coefficient of zero
	beyond bool // outside the limits: only text counts
}

// FromInt gives the number of an int64.
func FromInt(i int64) Number {
	m := uint64(i)
	switch {
	case i == 0:
		return Number{}
	case i < 0:
		m = -m
	}
	_, lo, exp := canonical(0, m, 0)
	return Number{neg: i < 0, lo: lo, exp: int32(exp)}
}

// ParseNumber reads the text of a JSON number, of any size. The text is kept,
// not copied.
func ParseNumber(text string) (Number, bool) {
	if i := scanNumber(text, 0); i != len(text) || i == 0 {
		return Number{}, false
	}
	return numberOf(text), true
}

// scanNumber gives the end of the JSON number that begins at i; i when there is none.
func scanNumber(s string, i int) int {
	start := i
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch {
	case i < len(s) && s[i] == '0':
		i++
	case i < len(s) && isDigit(s[i]):
		i = skipDigits(s, i)
	default:
		return start
	}
	if i < len(s) && s[i] == '.' {
		j := skipDigits(s, i+1)
		if j == i+1 {
			return start
		}
		i = j
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		k := skipDigits(s, j)
		if k == j {
			return start
		}
		i = k
	}
	return i
}

func isDigit(c byte) bool { return c-'0' < 10 }

func skipDigits(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// numberOf gives the number of a text that is known to be one.
func numberOf(text string) Number {
	if len(text) <= 19 {
		if n, ok := shortNumber(text); ok {
			return n
		}
	}
	n := Number{text: text}
	w := dissect(text)
	if w.first < 0 {
		return n
	}
	n.neg = w.neg
	digits := w.digits()
	exp, small := w.exponent()
	if digits > MaxDigits || !small {
		n.beyond = true
		return n
	}
	exp += int64(w.scale)
	if adj := exp + int64(digits) - 1; adj > MaxExponent || adj < -MaxExponent {
		n.beyond = true
		return n
	}
	n.exp = int32(exp)
	m := text[w.first : w.last+1]
	if digits <= 19 {
		for i := 0; i < len(m); i++ {
			if m[i] != '.' {
				n.lo = n.lo*10 + uint64(m[i]-'0')
			}
		}
		return n
	}
	for i := 0; i < len(m); i++ {
		if m[i] != '.' {
			n.hi, n.lo = mulAdd(n.hi, n.lo, 10, uint64(m[i]-'0'))
		}
	}
	return n
}

// shortNumber reads what nearly all numbers are: at most 19 characters without
// an exponent, so that their digits fit a word.
func shortNumber(text string) (n Number, ok bool) {
	var m uint64
	decimals, i := -1, 0
	if text[0] == '-' {
		i = 1
	}
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case isDigit(c):
			m = m*10 + uint64(c-'0')
		case c == '.':
			decimals = len(text) - i - 1
		default:
			return Number{}, false
		}
	}
	if m == 0 {
		return Number{text: text}, true
	}
	_, lo, exp := canonical(0, m, -int64(max(decimals, 0)))
	return Number{text: text, lo: lo, exp: int32(exp), neg: text[0] == '-'}, true
}

// written is a number's text taken apart: where its first and last digits that
// are not zero stand, and what power of ten the last one has before the
// explicit exponent.
type written struct {
	text        string
	neg         bool
	first, last int // -1 when the number is zero
	dot         int // of the point, -1 when there is none
	scale       int
	exp         string // explicit exponent, without "+" and leading zeros; "" is 0
	expNeg      bool
}

func dissect(text string) written {
	w := written{text: text, first: -1, last: -1, dot: -1}
	i, end := 0, len(text)
	if text[0] == '-' {
		w.neg, i = true, 1
	}
	for j := i; j < len(text); j++ {
		switch c := text[j]; {
		case c == '.':
			w.dot = j
		case c|0x20 == 'e':
			end = j
			w.exp = text[j+1:]
			if w.exp[0] == '+' || w.exp[0] == '-' {
				w.expNeg, w.exp = w.exp[0] == '-', w.exp[1:]
			}
			w.exp = strings.TrimLeft(w.exp, "0")
			j = len(text)
		case c != '0':
			if w.first < 0 {
				w.first = j
			}
			w.last = j
		}
	}
	switch {
	case w.first < 0:
	case w.dot < 0:
		w.scale = end - 1 - w.last
	case w.last < w.dot:
		w.scale = w.dot - 1 - w.last
	default:
		w.scale = w.dot - w.last
	}
	return w
}

// digits counts the significant digits.
func (w written) digits() int {
	d := w.last - w.first + 1
	if w.dot > w.first && w.dot < w.last {
		d--
	}
	return d
}

// exponent gives the explicit exponent, and whether it is small enough to count with.
func (w written) exponent() (int64, bool) {
	if len(w.exp) > 9 {
		return 0, false
	}
	var e int64
	for i := 0; i < len(w.exp); i++ {
		e = e*10 + int64(w.exp[i]-'0')
	}
	if w.expNeg {
		e = -e
	}
	return e, true
}

// canonical takes the trailing zeros off a coefficient that is not zero. It
// works on words in registers: with Numbers for arguments, copying them took
// longer than the arithmetic.
func canonical(hi, lo uint64, exp int64) (uint64, uint64, int64) {
	for hi != 0 {
		h, l, r := divSmall(hi, lo, 10)
		if r != 0 {
			return hi, lo, exp
		}
		hi, lo = h, l
		exp++
	}
	// A multiple of ten is even; that settles half of the cases without a division.
	for lo&1 == 0 {
		q := lo / 10
		if q*10 != lo {
			break
		}
		lo = q
		exp++
	}
	return hi, lo, exp
}

// computed makes a result canonical and holds it to the limits.
func computed(neg bool, hi, lo uint64, exp int64) (Number, error) {
	if hi|lo == 0 {
		return Number{}, nil
	}
	hi, lo, exp = canonical(hi, lo, exp)
	const near = MaxExponent - 40
	if hi == 0 && exp < near && exp > -near { // 64 bits have no more than 20 digits
		return Number{neg: neg, lo: lo, exp: int32(exp)}, nil
	}
	if cmp128(hi, lo, max38Hi, max38Lo) >= 0 {
		return Number{}, errDigits
	}
	if first := exp + int64(countDigits(hi, lo)) - 1; first > MaxExponent || first < -MaxExponent {
		return Number{}, errExponent
	}
	return Number{neg: neg, hi: hi, lo: lo, exp: int32(exp)}, nil
}

// adjusted is the exponent of the first digit. Not for zero, nor beyond.
func (n Number) adjusted() int { return int(n.exp) + countDigits(n.hi, n.lo) - 1 }

func (n Number) isZero() bool { return n.hi|n.lo == 0 && !n.beyond }

// Sign is -1, 0 or 1.
func (n Number) Sign() int {
	switch {
	case n.isZero():
		return 0
	case n.neg:
		return -1
	}
	return 1
}

// InLimits tells whether one may calculate with the number.
func (n Number) InLimits() bool { return !n.beyond }

// IsInt tells whether the number has no fractional part; 3146.0 has none.
func (n Number) IsInt() bool {
	if n.beyond {
		return dissect(n.text).isInt()
	}
	return n.exp >= 0
}

func (w written) isInt() bool {
	if e, small := w.exponent(); small {
		return e+int64(w.scale) >= 0
	}
	return !w.expNeg
}

// Int64 gives the number as an int64, if it is one.
func (n Number) Int64() (int64, bool) {
	if n.beyond || n.exp < 0 || n.hi != 0 || n.exp > 18 {
		return 0, false
	}
	hi, lo := bits.Mul64(n.lo, pow10[n.exp].lo)
	switch {
	case hi != 0:
		return 0, false
	case n.neg && lo <= 1<<63:
		return -int64(lo), true
	case !n.neg && lo < 1<<63:
		return int64(lo), true
	}
	return 0, false
}

// Float64 gives the nearest float64; infinite where there is none. For measures
// only: nothing that leaves Sluice as a number may come from it.
func (n Number) Float64() float64 {
	f, _ := strconv.ParseFloat(n.Text(), 64) // the error says ±Inf, which f is
	return f
}

// Text is the number as JSON: byte for byte what was read when nothing was done
// to it, else plain.
func (n Number) Text() string {
	if n.text != "" {
		return n.text
	}
	return n.Plain()
}

// AppendText appends Text.
func (n Number) AppendText(dst []byte) []byte {
	if n.text != "" {
		return append(dst, n.text...)
	}
	return n.AppendPlain(dst)
}

// Plain is the one canonical form of a value: "3146" for 3146.0 and 3.146e3.
// Equal numbers have equal plain forms. It has no exponent unless that is beyond
// the limits.
func (n Number) Plain() string {
	var buf [64]byte
	return string(n.AppendPlain(buf[:0]))
}

// String is Plain, for people and %v.
func (n Number) String() string { return n.Plain() }

// AppendPlain appends Plain.
func (n Number) AppendPlain(dst []byte) []byte {
	if n.beyond {
		return dissect(n.text).appendPlain(dst)
	}
	if n.neg {
		dst = append(dst, '-')
	}
	var buf [40]byte
	return appendScaled(dst, appendCoefficient(buf[:0], n.hi, n.lo), int(n.exp))
}

// appendScaled appends digits × 10^exp without an exponent.
func appendScaled(dst, digits []byte, exp int) []byte {
	point := len(digits) + exp
	switch {
	case exp >= 0:
		dst = append(dst, digits...)
		return appendZeros(dst, exp)
	case point > 0:
		dst = append(dst, digits[:point]...)
		dst = append(dst, '.')
		return append(dst, digits[point:]...)
	}
	dst = append(dst, '0', '.')
	return append(appendZeros(dst, -point), digits...)
}

func appendZeros(dst []byte, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, '0')
	}
	return dst
}

func appendCoefficient(dst []byte, hi, lo uint64) []byte {
	if hi == 0 {
		return strconv.AppendUint(dst, lo, 10)
	}
	hi, lo, r := divSmall(hi, lo, 1e19)
	dst = appendCoefficient(dst, hi, lo)
	var low [20]byte
	s := strconv.AppendUint(low[:0], r, 10)
	return append(appendZeros(dst, 19-len(s)), s...)
}

// Cmp is -1, 0 or 1 as n is less than, equal to or greater than m; exact for
// all numbers, those beyond the limits too.
func (n Number) Cmp(m Number) int {
	if n.beyond || m.beyond {
		return cmpWritten(dissect(n.Text()), dissect(m.Text()))
	}
	if n.neg != m.neg {
		if n.neg {
			return -1
		}
		return 1
	}
	c := cmpMagnitude(&n, &m)
	if n.neg {
		return -c
	}
	return c
}

// cmpMagnitude compares two numbers without their signs.
func cmpMagnitude(n, m *Number) int {
	d := n.exp - m.exp
	switch {
	case d == 0, n.hi|n.lo == 0, m.hi|m.lo == 0:
		return cmp128(n.hi, n.lo, m.hi, m.lo)
	case n.hi|m.hi == 0 && d > 0 && d <= 19:
		hi, lo := bits.Mul64(n.lo, pow10[d].lo)
		return cmp128(hi, lo, 0, m.lo)
	case n.hi|m.hi == 0 && d < 0 && d >= -19:
		hi, lo := bits.Mul64(m.lo, pow10[-d].lo)
		return cmp128(0, n.lo, hi, lo)
	}
	na, ma := n.adjusted(), m.adjusted()
	if na != ma {
		if na < ma {
			return -1
		}
		return 1
	}
	// First digits stand at one place and no one has more than 38, so the
	// coefficient that is scaled up stays within 38 digits.
	if d > 0 {
		hi, lo, _ := mulPow(n.hi, n.lo, int(d))
		return cmp128(hi, lo, m.hi, m.lo)
	}
	hi, lo, _ := mulPow(m.hi, m.lo, int(-d))
	return cmp128(n.hi, n.lo, hi, lo)
}
