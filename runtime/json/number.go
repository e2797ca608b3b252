package json

import "math/bits"

// IsNumber reports whether s as a whole is a number by JSON's grammar, which
// is also what a text must be to be read as one without looking closer.
func IsNumber(s []byte) bool { return number(s, 0) == len(s) }

// Decimal is a small exact number, Mant × 10^Exp, with |Mant| < 10^18 and
// |Exp| ≤ 10,000. It is what constants of a script and numbers of records are
// compared as, without float error; one value has several forms.
type Decimal struct {
	Mant int64
	Exp  int32
}

// ParseDecimal reads number text. ok is false if s is no number by JSON's
// grammar, has more than 18 digits (leading zeros not counted) or a large
// exponent: the caller takes the slow path.
func ParseDecimal(s []byte) (d Decimal, ok bool) {
	i := 0
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		i++
	}
	first := i
	var m uint64
	for i < len(s) && s[i]-'0' < 10 && m < 1e17 {
		m = m*10 + uint64(s[i]-'0')
		i++
	}
	if i == first || s[first] == '0' && i > first+1 {
		return Decimal{}, false
	}
	if i < len(s) && s[i] == '.' {
		i++
		point := i
		for i < len(s) && s[i]-'0' < 10 && m < 1e17 {
			m = m*10 + uint64(s[i]-'0')
			i++
		}
		// A long run of zeros would make an exponent past the bound.
		if i == point || i-point > 5000 {
			return Decimal{}, false
		}
		d.Exp = int32(point - i)
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		e, ok := exponent(s[i+1:])
		if !ok {
			return Decimal{}, false
		}
		d.Exp += e
		i = len(s)
	}
	if i < len(s) {
		return Decimal{}, false
	}
	d.Mant = int64(m)
	if neg {
		d.Mant = -d.Mant
	}
	return d, true
}

// exponent reads what follows the e of a number, at most three digits.
func exponent(s []byte) (e int32, ok bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 3 {
		return 0, false
	}
	for _, c := range s {
		if c-'0' > 9 {
			return 0, false
		}
		e = e*10 + int32(c-'0')
	}
	if neg {
		e = -e
	}
	return e, true
}

var pow10 = [...]uint64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17}

// Cmp compares exactly: -1, 0 or +1 as a is less than, equal to or greater
// than b.
func (a Decimal) Cmp(b Decimal) int {
	switch {
	case a.Exp == b.Exp:
		return order(a.Mant, b.Mant)
	case a.Mant >= 0 && b.Mant >= 0:
		return cmpMagnitude(uint64(a.Mant), a.Exp, uint64(b.Mant), b.Exp)
	case a.Mant <= 0 && b.Mant <= 0:
		return cmpMagnitude(uint64(-b.Mant), b.Exp, uint64(-a.Mant), a.Exp)
	}
	return order(a.Mant, b.Mant) // one of them is below zero
}

func order[T int64 | uint64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// cmpMagnitude compares am × 10^ae with bm × 10^be.
func cmpMagnitude(am uint64, ae int32, bm uint64, be int32) int {
	if ae < be {
		return -cmpMagnitude(bm, be, am, ae)
	}
	up := int(ae - be)
	if am == 0 || up >= len(pow10) {
		// 10^18 and more, times at least 1, is past any bm.
		if am == 0 {
			return order(0, bm)
		}
		return 1
	}
	if hi, lo := bits.Mul64(am, pow10[up]); hi == 0 {
		return order(lo, bm)
	}
	return 1
}
