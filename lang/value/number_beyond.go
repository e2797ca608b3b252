package value

import "strings"

// Numbers beyond the limits are only read, compared and passed on. All of it
// works on their text: a record may hold 1e1000000000000 or a million digits,
// and neither may cost more than its length.

// power is an exponent of any size: an integer in decimal.
type power struct {
	neg    bool
	digits string // no leading zeros; "" is zero
}

// adjustedPower is the exponent of the first digit.
func (w written) adjustedPower() power {
	return power{w.expNeg, w.exp}.plus(int64(w.scale) + int64(w.digits()) - 1)
}

// plus adds a small number: its magnitude is below the length of a value.
func (p power) plus(d int64) power {
	if len(p.digits) <= 18 {
		var e int64
		for i := 0; i < len(p.digits); i++ {
			e = e*10 + int64(p.digits[i]-'0')
		}
		if p.neg {
			e = -e
		}
		return powerOf(e + d)
	}
	// Here |p| ≥ 10^18 is far greater than d, so the sign stays: add d to the
	// magnitude, or take it off, from the right until no carry is left.
	if p.neg {
		d = -d
	}
	b := []byte(p.digits)
	for i := len(b) - 1; i >= 0 && d != 0; i-- {
		s := int64(b[i]-'0') + d
		d = s / 10
		if s %= 10; s < 0 {
			s += 10
			d--
		}
		b[i] = byte('0' + s)
	}
	digits := strings.TrimLeft(string(b), "0")
	if d > 0 {
		digits = FromInt(d).Plain() + string(b)
	}
	return power{p.neg, digits}
}

func powerOf(e int64) power {
	if e == 0 {
		return power{}
	}
	return power{e < 0, strings.TrimPrefix(FromInt(e).Plain(), "-")}
}

// small gives the power as an int where it is within the limits of numbers.
func (p power) small() (int, bool) {
	if len(p.digits) > 4 {
		return 0, false
	}
	e := 0
	for i := 0; i < len(p.digits); i++ {
		e = e*10 + int(p.digits[i]-'0')
	}
	if p.neg {
		e = -e
	}
	return e, e <= MaxExponent && e >= -MaxExponent
}

func (p power) cmp(q power) int {
	if p.neg != q.neg {
		if p.neg {
			return -1
		}
		return 1
	}
	c := len(p.digits) - len(q.digits)
	if c == 0 {
		c = strings.Compare(p.digits, q.digits)
	}
	if p.neg {
		c = -c
	}
	return min(1, max(-1, c))
}

// significant gives the digits from the first to the last that is not zero.
func (w written) significant() string {
	if w.first < 0 {
		return ""
	}
	m := w.text[w.first : w.last+1]
	if w.dot > w.first && w.dot < w.last {
		return m[:w.dot-w.first] + m[w.dot-w.first+1:]
	}
	return m
}

func (w written) sign() int {
	switch {
	case w.first < 0:
		return 0
	case w.neg:
		return -1
	}
	return 1
}

func cmpWritten(a, b written) int {
	as, bs := a.sign(), b.sign()
	switch {
	case as != bs:
		if as < bs {
			return -1
		}
		return 1
	case as == 0:
		return 0
	}
	if c := a.adjustedPower().cmp(b.adjustedPower()); c != 0 {
		return as * c
	}
	// Both begin at the same place and neither ends in a zero: the order of the
	// digits as text is the order of the numbers.
	return as * strings.Compare(a.significant(), b.significant())
}

// appendPlain appends the canonical form: plain where the exponent allows it,
// else d.ddde±N.
func (w written) appendPlain(dst []byte) []byte {
	if w.neg {
		dst = append(dst, '-')
	}
	digits, p := w.significant(), w.adjustedPower()
	if adj, ok := p.small(); ok {
		return appendScaled(dst, []byte(digits), adj-len(digits)+1)
	}
	dst = append(dst, digits[0])
	if len(digits) > 1 {
		dst = append(dst, '.')
		dst = append(dst, digits[1:]...)
	}
	dst = append(dst, 'e')
	if p.neg {
		dst = append(dst, '-')
	}
	return append(dst, p.digits...)
}
