package value

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func num(t testing.TB, s string) Number {
	t.Helper()
	n, ok := ParseNumber(s)
	if !ok {
		t.Fatalf("%q is a number", s)
	}
	return n
}

func TestParseNumber(t *testing.T) {
	tests := []struct {
		text, plain string
		limits      bool
	}{
		{"0", "0", true},
		{"-0", "0", true},
		{"-0.00e5", "0", true},
		{"3146.0", "3146", true},
		{"3.146e3", "3146", true},
		{"3146", "3146", true},
		{"-12.50", "-12.5", true},
		{"0.001", "0.001", true},
		{"1E+2", "100", true},
		{"1e-3", "0.001", true},
		{"12345678901234567890123456789012345678", "12345678901234567890123456789012345678", true},
		{"123456789012345678901234567890123456789", "123456789012345678901234567890123456789", false},
		{"123456789012345678901234567890123456780", "123456789012345678901234567890123456780", true},
		{"1e6144", "1" + strings.Repeat("0", 6144), true},
		{"1e6145", "1e6145", false},
		{"15e6144", "1.5e6145", false},
		{"1e-6144", "0." + strings.Repeat("0", 6143) + "1", true},
		{"0.1e-6144", "1e-6145", false},
		{"1e00000000000000000000000002", "100", true},
		{"0e99999999999999999999999999", "0", true},
		{"-25e99999999999999999999", "-2.5e100000000000000000000", false},
		{"0.25e-99999999999999999999", "2.5e-100000000000000000000", false},
		{"0.25e100000000000000000000", "2.5e99999999999999999999", false},
	}
	for _, tt := range tests {
		n := num(t, tt.text)
		if n.Text() != tt.text || n.Plain() != tt.plain || n.InLimits() != tt.limits {
			t.Errorf("%s: text %s, plain %s, in limits %v; want plain %s, %v", tt.text, n.Text(), n.Plain(), n.InLimits(), tt.plain, tt.limits)
		}
		if back := num(t, tt.plain); back.Cmp(n) != 0 || back.Plain() != tt.plain {
			t.Errorf("%s: plain form %s is another number, or has another plain form", tt.text, tt.plain)
		}
	}
	for _, s := range []string{"", "-", "+1", ".5", "1.", "01", "1e", "1e+", "0x1", "1 ", " 1", "NaN", "1_000", "--1"} {
		if n, ok := ParseNumber(s); ok {
			t.Errorf("%q was read as %s", s, n)
		}
	}
}

func TestArithmetic(t *testing.T) {
	type op = func(a, b Number) (Number, error)
	nines := strings.Repeat("9", 38)
	tests := []struct {
		name string
		op   op
		a, b string
		want string
		err  error
	}{
		{"cents add up", Add, "0.1", "0.2", "0.3", nil},
		{"a sum loses its trailing zeros", Add, "19.99", "0.01", "20", nil},
		{"38 nines", Sub, "1e38", "1", nines, nil},
		{"39 nines do not fit", Sub, "1e39", "1", "", ErrOverflow},
		{"a carry into the 39th digit fits when it ends in zeros", Add, nines, "1", "1" + strings.Repeat("0", 38), nil},
		{"but not otherwise", Add, nines, "2", "", ErrOverflow},
		{"far apart", Add, "1e6000", "1e-6000", "", ErrOverflow},
		{"nothing is added", Add, "1e6000", "0", "1" + strings.Repeat("0", 6000), nil},
		{"to nothing", Sub, "5", "5.0", "0", nil},
		{"no negative zero", Mul, "-1", "0", "0", nil},
		{"wide product", Mul, "12345678901234567890", "-1e-20", "-0.1234567890123456789", nil},
		{"product of 38 digits", Mul, "1234567890123456789", "9876543210987654321", "12193263113702179522374638011112635269", nil},
		{"product beyond", Mul, "12345678901234567891", "98765432109876543211", "", ErrOverflow},
		{"zeros of a wide product", Mul, "19807040628566084398385987584", "55511151231257827021181583404541015625", "1099511627776" + strings.Repeat("0", 54), nil}, // 2^94 × 5^54
		{"exponent", Mul, "1e6000", "1e145", "", ErrOverflow},
		{"underflow is not zero", Mul, "1e-6000", "1e-145", "", ErrOverflow},
		{"thirds have 34 digits", Quo, "1", "3", "0." + strings.Repeat("3", 34), nil},
		{"two thirds round up", Quo, "2", "3", "0." + strings.Repeat("6", 33) + "7", nil},
		{"half to even, down", Quo, "10000000000000000000000000000000005", "10", "1000000000000000000000000000000000", nil},
		{"half to even, up", Quo, "10000000000000000000000000000000015", "10", "1000000000000000000000000000000002", nil},
		{"above half", Quo, "100000000000000000000000000000000051", "100", "1000000000000000000000000000000001", nil},
		{"35 nines carry", Quo, strings.Repeat("9", 35), "1", "1" + strings.Repeat("0", 35), nil},
		{"money", Quo, "1999", "100", "19.99", nil},
		{"wide divisor", Quo, "1", "12345678901234567890123", "0.0000000000000000000000810000007290000066339030573612545", nil},
		{"by zero", Quo, "1", "0.0", "", ErrDivZero},
		{"zero", Quo, "0", "7", "0", nil},
		{"remainder takes the dividend's sign", Rem, "-7", "3", "-1", nil},
		{"and only that", Rem, "7", "-3", "1", nil},
		{"of fractions", Rem, "7.5", "2", "1.5", nil},
		{"of a smaller one", Rem, "2", "7.5", "2", nil},
		{"with exponents far apart", Rem, "1e6144", "7e-6000", "", nil},
		{"remainder by zero", Rem, "1", "0", "", ErrDivZero},
		{"an operand beyond the limits", Add, "1e7000", "0", "", ErrOverflow},
	}
	for _, tt := range tests {
		got, err := tt.op(num(t, tt.a), num(t, tt.b))
		if !errors.Is(err, tt.err) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.err)
		}
		if err == nil && tt.want != "" && got.Text() != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got.Text(), tt.want)
		}
	}
}

func TestRounding(t *testing.T) {
	tests := []struct {
		in                string
		digits            int
		round, floor, cei string
	}{
		{"2.5", 0, "3", "2", "3"},
		{"-2.5", 0, "-3", "-3", "-2"},
		{"2.45", 1, "2.5", "2", "3"},
		{"2.449999", 1, "2.4", "2", "3"},
		{"-0.4", 0, "0", "-1", "0"},
		{"1250", -2, "1300", "1250", "1250"},
		{"1e-6144", 0, "0", "0", "1"},
		{"0", 3, "0", "0", "0"},
		{"3146.0", 5, "3146", "3146", "3146"},
		{"99999999999999999999.5", 0, "100000000000000000000", "99999999999999999999", "100000000000000000000"},
		{"0.99999999999999999999999999999999999999", 0, "1", "0", "1"},
		{"5", -1, "10", "5", "5"},
		{"5", -2, "0", "5", "5"},
		{"5", math.MinInt, "0", "5", "5"},
		{"1.005", math.MaxInt, "1.005", "1", "2"},
	}
	for _, tt := range tests {
		n := num(t, tt.in)
		r, err1 := n.Round(tt.digits)
		f, err2 := n.Floor()
		c, err3 := n.Ceil()
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Errorf("%s: %v", tt.in, err)
		}
		if r.Text() != tt.round || f.Text() != tt.floor || c.Text() != tt.cei {
			t.Errorf("%s: round(%d) %s, floor %s, ceil %s; want %s, %s, %s", tt.in, tt.digits, r, f, c, tt.round, tt.floor, tt.cei)
		}
	}
	if _, err := num(t, "1e7000").Floor(); !errors.Is(err, ErrOverflow) {
		t.Errorf("floor beyond the limits: %v", err)
	}
}

func TestInt64(t *testing.T) {
	for _, i := range []int64{0, 1, -1, 10, 1000000, math.MaxInt64, math.MinInt64, -9e18} {
		n := FromInt(i)
		if got, ok := n.Int64(); !ok || got != i {
			t.Errorf("%d came back as %d, %v", i, got, ok)
		}
	}
	for _, s := range []string{"0.5", "9223372036854775808", "-9223372036854775809", "1e19", "1e7000", "1e-5", "170141183460469231731687303715884105727"} {
		if i, ok := num(t, s).Int64(); ok {
			t.Errorf("%s is no int64, got %d", s, i)
		}
	}
	for s, want := range map[string]bool{"3146.0": true, "1e3": true, "1.5": false, "1e7000": true, "1e-7000": false,
		"123456789012345678901234567890123456789.0": true, "123456789012345678901234567890123456789.5": false, "1e-99999999999999999999": false, "1e99999999999999999999": true} {
		if num(t, s).IsInt() != want {
			t.Errorf("IsInt(%s) is %v", s, !want)
		}
	}
}

// anyNumber draws the text of a number: small ones, those near every limit, and
// those beyond.
func anyNumber() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,4})(\.[0-9]{1,3})?`),
		rapid.StringMatching(`-?[1-9][0-9]{15,22}(\.[0-9]{1,20})?`),
		rapid.StringMatching(`-?[1-9][0-9]{0,39}0{0,6}([eE][+-]?[0-9]{1,2})?`),
		rapid.StringMatching(`-?[1-9](\.[0-9]{1,37})?e-?6?[0-9]{1,3}`),
		rapid.StringMatching(`-?9{17,20}e-?[0-9]`),
	)
}

func rat(n Number) *big.Rat {
	r, ok := new(big.Rat).SetString(n.Text())
	if !ok {
		panic(n.Text())
	}
	return r
}

// fits tells whether an exact value is within the limits.
func fits(r *big.Rat) bool {
	if r.Sign() == 0 {
		return true
	}
	// A finite decimal has a denominator of twos and fives only.
	d := new(big.Int).Set(r.Denom())
	exp := 0
	num := new(big.Int).Abs(r.Num())
	for d.Cmp(big.NewInt(1)) != 0 {
		num.Mul(num, big.NewInt(10))
		exp--
		g := new(big.Int).GCD(nil, nil, num, d)
		num.Quo(num, g)
		d.Quo(d, g)
	}
	s := num.String()
	t := strings.TrimRight(s, "0")
	adj := exp + len(s) - 1
	return len(t) <= MaxDigits && adj <= MaxExponent && adj >= -MaxExponent
}

func TestArithmeticAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, _ := ParseNumber(anyNumber().Draw(t, "a"))
		b, _ := ParseNumber(anyNumber().Draw(t, "b"))
		for _, op := range []struct {
			name string
			got  func(a, b Number) (Number, error)
			want func(z, a, b *big.Rat) *big.Rat
		}{{"add", Add, (*big.Rat).Add}, {"sub", Sub, (*big.Rat).Sub}, {"mul", Mul, (*big.Rat).Mul}} {
			got, err := op.got(a, b)
			if !a.InLimits() || !b.InLimits() {
				if !errors.Is(err, ErrOverflow) {
					t.Fatalf("%s of a number beyond the limits: %v", op.name, err)
				}
				continue
			}
			want := op.want(new(big.Rat), rat(a), rat(b))
			if err == nil != fits(want) {
				t.Fatalf("%s: %v, fits: %v", op.name, err, fits(want))
			}
			if err == nil && rat(got).Cmp(want) != 0 {
				t.Fatalf("%s: %s, want %s", op.name, got, want.FloatString(20))
			}
		}
		if a.InLimits() && b.InLimits() && b.Sign() != 0 {
			checkQuo(t, a, b)
			checkRem(t, a, b)
		}
	})
}

// checkQuo holds a quotient to the law of rounding: it has at most 34 digits, and
// no number of so many digits is nearer; of two equally near ones it is the even.
func checkQuo(t *rapid.T, a, b Number) {
	q, err := Quo(a, b)
	exact := new(big.Rat).Quo(rat(a), rat(b))
	if err != nil {
		if !errors.Is(err, ErrOverflow) {
			t.Fatal(err)
		}
		lo, hi := new(big.Rat).SetFrac(big.NewInt(1), bigPow(MaxExponent)), new(big.Rat).SetInt(bigPow(MaxExponent))
		if m := new(big.Rat).Abs(exact); m.Sign() == 0 || m.Cmp(lo) > 0 && m.Cmp(hi) < 0 {
			t.Fatalf("%s / %s: %v", a, b, err)
		}
		return
	}
	if exact.Sign() == 0 {
		if q.Sign() != 0 {
			t.Fatalf("0 / %s = %s", b, q)
		}
		return
	}
	digits := countDigits(q.hi, q.lo)
	if digits > QuoDigits {
		t.Fatalf("%s / %s = %s has %d digits", a, b, q, digits)
	}
	// The unit of the 34th digit of the exact value.
	place := q.adjusted() - QuoDigits + 1
	unit := new(big.Rat).SetInt(bigPow(max(place, 0)))
	if place < 0 {
		unit.SetFrac(big.NewInt(1), bigPow(-place))
	}
	miss := new(big.Rat).Sub(rat(q), exact)
	twice := new(big.Rat).Abs(miss.Add(miss, miss))
	switch c := twice.Cmp(unit); {
	case c > 0:
		t.Fatalf("%s / %s = %s is more than half a unit away", a, b, q)
	case c == 0:
		if k := new(big.Rat).Quo(rat(q), unit); k.Num().Bit(0) != 0 {
			t.Fatalf("%s / %s = %s is not even", a, b, q)
		}
	}
}

// checkRem holds a remainder to: a = k·b + r with k whole and cut towards zero.
func checkRem(t *rapid.T, a, b Number) {
	r, err := Rem(a, b)
	if err != nil {
		t.Fatalf("%s %% %s: %v", a, b, err)
	}
	if r.Sign() != 0 && r.Sign() != a.Sign() || r.Abs().Cmp(b.Abs()) >= 0 {
		t.Fatalf("%s %% %s = %s", a, b, r)
	}
	k := new(big.Rat).Sub(rat(a), rat(r))
	if k.Quo(k, rat(b)); !k.IsInt() {
		t.Fatalf("%s %% %s = %s: what was taken off is no multiple", a, b, r)
	}
}

func TestOrderOfNumbers(t *testing.T) {
	gen := rapid.OneOf(anyNumber(), rapid.StringMatching(`-?(0|[1-9][0-9]{0,2})(\.[0-9]{1,2})?e-?[0-9]{1,2}`),
		rapid.StringMatching(`-?[1-9](\.[0-9])?e-?[0-9]{18,21}`))
	rapid.Check(t, func(t *rapid.T) {
		var n [3]Number
		for i := range n {
			n[i], _ = ParseNumber(gen.Draw(t, "n"))
		}
		a, b, c := n[0], n[1], n[2]
		if a.Cmp(b) != -b.Cmp(a) || a.Cmp(a) != 0 {
			t.Fatalf("%s and %s: %d and %d", a.Text(), b.Text(), a.Cmp(b), b.Cmp(a))
		}
		if a.Cmp(b) <= 0 && b.Cmp(c) <= 0 && a.Cmp(c) > 0 {
			t.Fatalf("%s ≤ %s ≤ %s", a.Text(), b.Text(), c.Text())
		}
		if a.Cmp(b) == 0 != (a.Plain() == b.Plain()) {
			t.Fatalf("%s and %s: plain %s and %s, Cmp %d", a.Text(), b.Text(), a.Plain(), b.Plain(), a.Cmp(b))
		}
		if a.Neg().Neg().Cmp(a) != 0 || a.Neg().Cmp(b.Neg()) != b.Cmp(a) {
			t.Fatalf("signs of %s and %s", a.Text(), b.Text())
		}
		if a.InLimits() && b.InLimits() {
			if want := rat(a).Cmp(rat(b)); a.Cmp(b) != want {
				t.Fatalf("%s and %s: %d, want %d", a.Text(), b.Text(), a.Cmp(b), want)
			}
			// The order by text, as for numbers beyond the limits, is the same.
			if want := cmpWritten(dissect(a.Text()), dissect(b.Text())); a.Cmp(b) != want {
				t.Fatalf("%s and %s: %d, by text %d", a.Text(), b.Text(), a.Cmp(b), want)
			}
		}
		back, ok := ParseNumber(a.Plain())
		if !ok || back.Cmp(a) != 0 {
			t.Fatalf("%s: plain form %s", a.Text(), a.Plain())
		}
	})
}

func TestRoundAgainstBig(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, _ := ParseNumber(anyNumber().Draw(t, "n"))
		if !n.InLimits() {
			return
		}
		d := rapid.IntRange(-50, 50).Draw(t, "digits")
		r, err := n.Round(d)
		unit := new(big.Rat).SetInt(bigPow(max(-d, 0)))
		if d > 0 {
			unit.SetFrac(big.NewInt(1), bigPow(d))
		}
		want := roundRat(rat(n), unit)
		if err != nil {
			if fits(want) {
				t.Fatalf("round(%s, %d): %v", n, d, err)
			}
			return
		}
		if rat(r).Cmp(want) != 0 {
			t.Fatalf("round(%s, %d) = %s, want %s", n, d, r, want.FloatString(max(d, 0)))
		}
	})
}

// roundRat rounds to a multiple of unit, half away from zero.
func roundRat(r, unit *big.Rat) *big.Rat {
	k := new(big.Rat).Quo(r, unit)
	num := new(big.Int).Abs(k.Num())
	num.Lsh(num, 1).Add(num, k.Denom())
	q := num.Quo(num, new(big.Int).Lsh(k.Denom(), 1))
	if r.Sign() < 0 {
		q.Neg(q)
	}
	return new(big.Rat).Mul(new(big.Rat).SetInt(q), unit)
}
