package value

import (
	"math/big"
	"math/bits"
)

// Arithmetic: exact, or an error. Coefficients of 64 bits take the short way,
// which allocates nothing; the rare wide products and quotients go by math/big.

// Add gives a + b, exactly or not at all.
func Add(a, b Number) (Number, error) {
	switch {
	case a.beyond || b.beyond:
		return Number{}, ErrOverflow
	case a.hi|a.lo == 0:
		return b.untouch(), nil
	case b.hi|b.lo == 0:
		return a.untouch(), nil
	}
	ah, al, bh, bl, exp := a.hi, a.lo, b.hi, b.lo, a.exp
	// The last digit of the one with the lower exponent stays where it is, so a
	// sum that does not fit with the other scaled up to it has more than 38 digits
	// whatever it is.
	fits := true
	switch d := int(a.exp) - int(b.exp); {
	case d > 0:
		ah, al, fits = mulPow(ah, al, d)
		exp = b.exp
	case d < 0:
		bh, bl, fits = mulPow(bh, bl, -d)
	}
	if !fits {
		return Number{}, errDigits
	}
	if a.neg == b.neg {
		lo, c := bits.Add64(al, bl, 0)
		hi, c := bits.Add64(ah, bh, c)
		if c != 0 {
			return Number{}, errDigits
		}
		return computed(a.neg, hi, lo, int64(exp))
	}
	lo, borrow := bits.Sub64(al, bl, 0)
	hi, borrow := bits.Sub64(ah, bh, borrow)
	if borrow == 0 {
		return computed(a.neg, hi, lo, int64(exp))
	}
	lo, borrow = bits.Sub64(bl, al, 0)
	hi, _ = bits.Sub64(bh, ah, borrow)
	return computed(b.neg, hi, lo, int64(exp))
}

// Sub gives a - b, exactly or not at all.
func Sub(a, b Number) (Number, error) { return Add(a, b.Neg()) }

// Mul gives a × b, exactly or not at all.
func Mul(a, b Number) (Number, error) {
	if a.beyond || b.beyond {
		return Number{}, ErrOverflow
	}
	neg, exp := a.neg != b.neg, int64(a.exp)+int64(b.exp)
	if a.hi|b.hi == 0 {
		hi, lo := bits.Mul64(a.lo, b.lo)
		return computed(neg, hi, lo, exp)
	}
	if hi, lo, ok := mul128(a.hi, a.lo, b.hi, b.lo); ok {
		return computed(neg, hi, lo, exp)
	}
	// 10 = 2 × 5: a product that is still wider may end in enough zeros.
	return computedBig(neg, new(big.Int).Mul(a.big(), b.big()), exp)
}

// Quo gives a / b to 34 significant digits, half to even.
func Quo(a, b Number) (Number, error) {
	if a.beyond || b.beyond {
		return Number{}, ErrOverflow
	}
	if b.isZero() {
		return Number{}, ErrDivZero
	}
	if a.isZero() {
		return Number{}, nil
	}
	neg, exp := a.neg != b.neg, int64(a.exp)-int64(b.exp)
	if a.hi|b.hi == 0 && a.lo%b.lo == 0 {
		return computed(neg, 0, a.lo/b.lo, exp)
	}
	// a × 10^k / b has 34 or 35 digits.
	k := QuoDigits + countDigits(b.hi, b.lo) - countDigits(a.hi, a.lo)
	if b.hi == 0 && k >= 0 {
		hi, lo, sticky := quoSmall(a, b.lo, k)
		hi, lo, up := roundQuotient(hi, lo, sticky)
		return computed(neg, hi, lo, exp-int64(k)+int64(up))
	}
	num, den := a.big(), b.big()
	if k >= 0 {
		num.Mul(num, bigPow(k))
	} else {
		den.Mul(den, bigPow(-k))
	}
	q, r := new(big.Int).QuoRem(num, den, new(big.Int))
	sticky := r.Lsh(r, 1).Cmp(den)
	if r.Sign() == 0 {
		sticky = -2
	}
	hi, lo := uint128(q)
	hi, lo, up := roundQuotient(hi, lo, sticky)
	return computed(neg, hi, lo, exp-int64(k)+int64(up))
}

// quoSmall gives a × 10^k / b, and how what remains stands to half of b: -2
// when nothing remains, -1 below, 0 half, 1 above. a × 10^k is below 2^192 as it
// has at most 34 + 19 digits.
func quoSmall(a Number, b uint64, k int) (hi, lo uint64, sticky int) {
	n0, n1, n2 := a.lo, a.hi, uint64(0)
	for k > 0 {
		s := min(k, 19)
		f := pow10[s].lo
		h0, l0 := bits.Mul64(n0, f)
		h1, l1 := bits.Mul64(n1, f)
		var c uint64
		n0 = l0
		n1, c = bits.Add64(l1, h0, 0)
		n2 = n2*f + h1 + c
		k -= s
	}
	_, r := bits.Div64(0, n2, b)
	hi, r = bits.Div64(r, n1, b)
	lo, r = bits.Div64(r, n0, b)
	switch {
	case r == 0:
		sticky = -2
	case r > b-r:
		sticky = 1
	case r < b-r:
		sticky = -1
	}
	return hi, lo, sticky
}

// roundQuotient brings a quotient of 34 or 35 digits to 34, half to even; up is
// 1 when a digit went.
func roundQuotient(hi, lo uint64, sticky int) (uint64, uint64, int) {
	up := 0
	if cmp128(hi, lo, pow10[QuoDigits].hi, pow10[QuoDigits].lo) >= 0 {
		var r uint64
		hi, lo, r = divSmall(hi, lo, 10)
		up = 1
		switch {
		case r > 5 || r == 5 && sticky != -2:
			sticky = 1
		case r == 5:
			sticky = 0
		default:
			sticky = -1
		}
	}
	if sticky > 0 || sticky == 0 && lo&1 == 1 {
		var c uint64
		lo, c = bits.Add64(lo, 1, 0)
		hi += c
	}
	return hi, lo, up
}

// Rem gives what remains of a after whole b's are taken off; it has the sign of a.
func Rem(a, b Number) (Number, error) {
	if a.beyond || b.beyond {
		return Number{}, ErrOverflow
	}
	if b.isZero() {
		return Number{}, ErrDivZero
	}
	if a.isZero() || cmpMagnitude(&a, &b) < 0 {
		return a.untouch(), nil
	}
	d := int(a.exp) - int(b.exp)
	if a.hi|b.hi == 0 && d == 0 {
		return computed(a.neg, 0, a.lo%b.lo, int64(a.exp))
	}
	if d >= 0 {
		// Exponents may be twelve thousand apart: the power is taken modulo b.
		m := b.big()
		r := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d)), m)
		r.Mul(r, a.big()).Rem(r, m)
		return computedBig(a.neg, r, int64(b.exp))
	}
	// |a| ≥ |b|, so b scaled to a's exponent has no more than 38 digits.
	m := b.big()
	m.Mul(m, bigPow(-d))
	return computedBig(a.neg, new(big.Int).Rem(a.big(), m), int64(a.exp))
}

// untouch forgets how the number was written: it is a result now.
func (n Number) untouch() Number {
	n.text = ""
	return n
}

// Neg gives -n. It never fails; beyond the limits only the sign is rewritten.
func (n Number) Neg() Number {
	switch {
	case n.beyond && n.neg:
		n.text = n.text[1:]
	case n.beyond:
		n.text = "-" + n.text
	case n.isZero():
		return Number{}
	default:
		n.text = ""
	}
	n.neg = !n.neg
	return n
}

// Abs gives n without its sign. It never fails.
func (n Number) Abs() Number {
	if n.neg {
		return n.Neg()
	}
	return n
}

// Round gives n with at most the given number of decimals, half away from zero.
// Negative digits round to tens, hundreds and so on.
func (n Number) Round(digits int) (Number, error) {
	return n.cut(digits, func(first, _ bool) bool { return first })
}

// Floor gives the next whole number below, or n.
func (n Number) Floor() (Number, error) {
	return n.cut(0, func(_, any bool) bool { return any && n.neg })
}

// Ceil gives the next whole number above, or n.
func (n Number) Ceil() (Number, error) {
	return n.cut(0, func(_, any bool) bool { return any && !n.neg })
}

// cut drops the digits behind the given decimal; away says whether what is left
// steps away from zero, knowing whether the first dropped digit was 5 or more,
// and whether any digit was dropped that is not zero.
func (n Number) cut(digits int, away func(first, any bool) bool) (Number, error) {
	if n.beyond {
		return Number{}, ErrOverflow
	}
	digits = min(max(digits, -2*MaxExponent), 2*MaxExponent)
	drop := -digits - int(n.exp)
	if drop <= 0 || n.isZero() {
		return n.untouch(), nil
	}
	hi, lo, first := uint64(0), uint64(0), false
	if drop <= MaxDigits {
		hi, lo = divPow(n.hi, n.lo, drop-1)
		var r uint64
		hi, lo, r = divSmall(hi, lo, 10)
		first = r >= 5
	}
	// Canonical: the last digit, which is dropped, is not zero.
	if away(first, true) {
		var c uint64
		lo, c = bits.Add64(lo, 1, 0)
		hi += c
	}
	return computed(n.neg, hi, lo, int64(-digits))
}

func (n Number) big() *big.Int {
	z := new(big.Int).SetUint64(n.hi)
	return z.Lsh(z, 64).Or(z, new(big.Int).SetUint64(n.lo))
}

func bigPow(k int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(k)), nil)
}

// uint128 gives an integer that is known to fit.
func uint128(z *big.Int) (hi, lo uint64) {
	return new(big.Int).Rsh(z, 64).Uint64(), new(big.Int).And(z, new(big.Int).SetUint64(1<<64-1)).Uint64()
}

// computedBig is computed for a magnitude of any width.
func computedBig(neg bool, z *big.Int, exp int64) (Number, error) {
	ten, r := big.NewInt(10), new(big.Int)
	for z.BitLen() > 127 {
		q, rest := new(big.Int).QuoRem(z, ten, r)
		if rest.Sign() != 0 {
			return Number{}, errDigits
		}
		z = q
		exp++
	}
	hi, lo := uint128(z)
	return computed(neg, hi, lo, exp)
}

// Shift gives n × 10^places, exactly or not at all.
func (n Number) Shift(places int) (Number, error) {
	if n.beyond {
		return Number{}, ErrOverflow
	}
	return computed(n.neg, n.hi, n.lo, int64(n.exp)+int64(places))
}
