package json

import (
	stdjson "encoding/json"
	"fmt"
	"math/big"
	"math/rand"
	"strings"
	"testing"
	"time"
)

func TestAppendString(t *testing.T) {
	tests := map[string]string{
		"":                       `""`,
		`say "hi" \o/`:           `"say \"hi\" \\o/"`,
		"a\b\f\n\r\tb":           `"a\b\f\n\r\tb"`,
		"\x00\x1f\x7f":           "\"\\u0000\\u001f\x7f\"",
		"<é & \u2028 😀>":         "\"<é & \u2028 😀>\"",
		"\"":                     `"\""`,
		"ends in a backslash \\": `"ends in a backslash \\"`,
	}
	for in, want := range tests {
		if got := string(AppendString(nil, in)); got != want {
			t.Errorf("AppendString(%q) = %s, want %s", in, got, want)
		}
		if got := string(AppendString([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("AppendString([]byte(%q)) = %s, want x%s", in, got, want)
		}
		var back string
		if err := stdjson.Unmarshal(AppendString(nil, in), &back); err != nil || back != in {
			t.Errorf("%q comes back as %q, %v", in, back, err)
		}
	}
}

func TestUnescape(t *testing.T) {
	for _, in := range []string{``, `a`, `\b\f\n\r\t\/\\\"`, `\u00e9\u20AC`, `\ud83d\ude00`, `\ud83d`, `\ude00x`, `\ude00\ude00`, `\ud83d\ud83d\ude00`, `\ud83d\u0041`, `\ud83d\n`, `\udbff\udfff`, `é\u0000é`, `\ud800\` + `u` + `dbff`} {
		var want string
		if err := stdjson.Unmarshal([]byte(`"`+in+`"`), &want); err != nil {
			t.Fatal(err)
		}
		if got := string(Unescape([]byte("x"), []byte(in))); got != "x"+want {
			t.Errorf("Unescape(%s) = %q, want %q", in, got[1:], want)
		}
	}
}

func TestCase(t *testing.T) {
	var all []byte
	for c := range byte(128) {
		all = append(all, c)
	}
	if got, ok := AppendUpper([]byte("x"), all); !ok || string(got) != "x"+strings.ToUpper(string(all)) {
		t.Errorf("upper: %q %v", got, ok)
	}
	if got, ok := AppendLower([]byte("X"), all); !ok || string(got) != "X"+strings.ToLower(string(all)) {
		t.Errorf("lower: %q %v", got, ok)
	}
	if got, ok := AppendUpper([]byte("x"), []byte("straße")); ok || string(got) != "x" {
		t.Errorf("above ASCII: %q %v", got, ok)
	}
}

func TestIsNumber(t *testing.T) {
	for _, s := range []string{"0", "-0", "10", "1.50", "-1.5e+10", "0e0", "1E-7"} {
		if !IsNumber([]byte(s)) {
			t.Errorf("%q is a number", s)
		}
	}
	for _, s := range []string{"", "-", "01", "1.", ".5", "+1", "1e", "1e+", "0x1", "1_0", " 1", "1 ", "NaN", "1.5.1", "--1", "1e1.5"} {
		if IsNumber([]byte(s)) {
			t.Errorf("%q is no number", s)
		}
	}
}

func TestParseDecimal(t *testing.T) {
	tests := []struct {
		in   string
		want Decimal
	}{
		{"0", Decimal{0, 0}},
		{"-0.00", Decimal{0, -2}},
		{"19.99", Decimal{1999, -2}},
		{"-12e3", Decimal{-12, 3}},
		{"1.5E-3", Decimal{15, -4}},
		{"0.000000000000000000000000001", Decimal{1, -27}},
		{"999999999999999999", Decimal{999999999999999999, 0}},
		{"-0.999999999999999999", Decimal{-999999999999999999, -18}},
		{"1e999", Decimal{1, 999}},
	}
	for _, tt := range tests {
		if got, ok := ParseDecimal([]byte(tt.in)); !ok || got != tt.want {
			t.Errorf("ParseDecimal(%s) = %v %v, want %v", tt.in, got, ok, tt.want)
		}
	}
	for _, in := range []string{"", "-", "1234567890123456789", "1.000000000000000000", "1e1000", "1e", "1e+", "01", "-01", "1.", ".1", "1x", "1.5x", "1e5x", "0x1", "null", "0." + strings.Repeat("0", 6000) + "1"} {
		if got, ok := ParseDecimal([]byte(in)); ok {
			t.Errorf("ParseDecimal(%.30s) = %v, want the slow path", in, got)
		}
	}
}

// Decimals compare as the rationals they are, and ParseDecimal takes nothing
// that is no number.
func TestDecimalsCompareExactly(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	const bytes = "0123456789.-e+"
	text := func() string {
		switch r.Intn(4) {
		case 0:
			b := make([]byte, 1+r.Intn(5)) // too short for a large exponent
			for i := range b {
				b[i] = bytes[r.Intn(len(bytes))]
			}
			return string(b)
		case 1:
			return fmt.Sprintf("%d", r.Int63n(1e18)-5e17)
		case 2:
			return fmt.Sprintf("%d.%0*d", r.Intn(30)-15, 1+r.Intn(4), r.Intn(10))
		}
		return fmt.Sprintf("%de%d", r.Intn(20)-10, r.Intn(50)-25)
	}
	for range 20000 {
		a, b := text(), text()
		x, okx := ParseDecimal([]byte(a))
		y, oky := ParseDecimal([]byte(b))
		if okx != IsNumber([]byte(a)) {
			t.Fatalf("ParseDecimal(%q) says %v", a, okx)
		}
		if !okx || !oky {
			continue
		}
		p, _ := new(big.Rat).SetString(a)
		q, _ := new(big.Rat).SetString(b)
		if got, want := x.Cmp(y), p.Cmp(q); got != want {
			t.Fatalf("%s against %s: %d, want %d", a, b, got, want)
		}
		if x.Cmp(x) != 0 || x.Cmp(y) != -y.Cmp(x) {
			t.Fatalf("%s against %s: no order", a, b)
		}
	}
	one := Decimal{1, 0}
	for _, same := range []Decimal{{10, -1}, {100000000000000000, -17}} {
		if one.Cmp(same) != 0 || same.Cmp(one) != 0 {
			t.Errorf("1 is not %v", same)
		}
	}
	if big := (Decimal{1, 18}); big.Cmp(Decimal{999999999999999999, 0}) != 1 {
		t.Error("10^18 is not above the largest mantissa")
	}
}

func TestParseTime(t *testing.T) {
	const form = "2006-01-02T15:04:05.000Z"
	check := func(s string) {
		t.Helper()
		got, ok := ParseTime([]byte(s))
		want, err := time.Parse(time.RFC3339, s)
		// What is canonical is what prints as itself.
		canonical := err == nil && want.Format(form) == s && want.Year() >= 1
		if ok != canonical || ok && got != want.UnixMilli() {
			t.Fatalf("ParseTime(%q) = %d %v, want %d %v", s, got, ok, want.UnixMilli(), canonical)
		}
	}
	for year := 1; year <= 9999; year++ {
		for _, day := range []string{"01-01", "02-28", "02-29", "03-01", "12-31"} {
			check(fmt.Sprintf("%04d-%sT00:00:00.000Z", year, day))
		}
	}
	for month := range 14 {
		for day := range 33 {
			check(fmt.Sprintf("2023-%02d-%02dT23:59:59.999Z", month, day))
		}
	}
	r := rand.New(rand.NewSource(7))
	for range 20000 {
		d := []byte(time.UnixMilli(r.Int63n(200e12) - 50e12).UTC().Format(form))
		if r.Intn(2) == 0 {
			const bytes = "0123456789-:.TZtz +/;"
			d[r.Intn(len(d))] = bytes[r.Intn(len(bytes))]
		}
		check(string(d))
	}
	for _, s := range []string{"", "2026-11-22T10:11:12Z", "2026-11-22T10:11:12.1234Z", "2026-11-22T10:11:12.123+01:00", "0000-01-01T00:00:00.000Z", "2026-11-22T24:00:00.000Z", "2026-11-22T10:60:00.000Z", "2026-11-22T10:00:60.000Z"} {
		check(s)
	}
}
