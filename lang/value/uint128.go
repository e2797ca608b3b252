package value

import "math/bits"

// Coefficients are unsigned integers of 128 bits, high and low word: 10^38 is
// the largest power of ten below 2^128, which is where the limit of 38 digits
// comes from.

type wide struct{ hi, lo uint64 }

// pow10 holds 10^0 to 10^38.
var pow10 = func() (p [MaxDigits + 1]wide) {
	p[0] = wide{0, 1}
	for i := 1; i < len(p); i++ {
		p[i].hi, p[i].lo = mulAdd(p[i-1].hi, p[i-1].lo, 10, 0)
	}
	return p
}()

// 10^38, the first coefficient that is too great.
const (
	max38Hi = 0x4b3b4ca85a86c47a
	max38Lo = 0x098a224000000000
)

func cmp128(ah, al, bh, bl uint64) int {
	switch {
	case ah != bh:
		if ah < bh {
			return -1
		}
		return 1
	case al < bl:
		return -1
	case al > bl:
		return 1
	}
	return 0
}

// mulAdd gives x·f + a; the caller knows that it fits.
func mulAdd(hi, lo, f, a uint64) (uint64, uint64) {
	h, l := bits.Mul64(lo, f)
	l, c := bits.Add64(l, a, 0)
	return hi*f + h + c, l
}

// mul128 gives x · y, and whether it fits 128 bits.
func mul128(xh, xl, yh, yl uint64) (hi, lo uint64, ok bool) {
	if xh != 0 && yh != 0 {
		return 0, 0, false
	}
	hi, lo = bits.Mul64(xl, yl)
	over1, m1 := bits.Mul64(xh, yl)
	over2, m2 := bits.Mul64(xl, yh)
	hi, c1 := bits.Add64(hi, m1, 0)
	hi, c2 := bits.Add64(hi, m2, 0)
	return hi, lo, over1|over2|c1|c2 == 0
}

// divSmall gives x / d and x % d.
func divSmall(hi, lo, d uint64) (qh, ql, r uint64) {
	qh, r = hi/d, hi%d
	ql, r = bits.Div64(r, lo, d)
	return qh, ql, r
}

// divPow gives x / 10^k, cut, for k up to 38.
func divPow(hi, lo uint64, k int) (uint64, uint64) {
	if k > 19 {
		hi, lo, _ = divSmall(hi, lo, pow10[19].lo)
		k -= 19
	}
	hi, lo, _ = divSmall(hi, lo, pow10[k].lo)
	return hi, lo
}

// mulPow gives x · 10^k, and whether it fits 128 bits.
func mulPow(hi, lo uint64, k int) (uint64, uint64, bool) {
	if k > MaxDigits {
		return 0, 0, hi|lo == 0
	}
	if hi == 0 && k <= 19 {
		hi, lo = bits.Mul64(lo, pow10[k].lo)
		return hi, lo, true
	}
	for k > 0 {
		s := min(k, 19)
		f := pow10[s].lo
		over, h := bits.Mul64(hi, f)
		c, l := bits.Mul64(lo, f)
		h, carry := bits.Add64(h, c, 0)
		if over|carry != 0 {
			return 0, 0, false
		}
		hi, lo = h, l
		k -= s
	}
	return hi, lo, true
}

// countDigits counts the decimal digits; 1 for zero.
func countDigits(hi, lo uint64) int {
	n := bits.Len64(lo)
	if hi != 0 {
		n = 64 + bits.Len64(hi)
	}
	// 1233/4096 is log10(2), a little less: the guess is right or one too low.
	d := max(n*1233>>12, 0)
	if cmp128(hi, lo, pow10[min(d, MaxDigits)].hi, pow10[min(d, MaxDigits)].lo) >= 0 {
		d++
	}
	return max(d, 1)
}
