package currency

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/currency"
)

func TestList(t *testing.T) {
	all := Codes()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) || len(all) != 179 {
		t.Errorf("the list has %d codes, out of order or twice", len(all))
	}
	for _, list := range [][]string{none, three, four, apart} {
		for _, c := range list {
			if !Valid(c) {
				t.Errorf("%s has decimals and is not listed", c)
			}
		}
	}
}

// TestAgainstCLDR compares with another list: what is newer than it is named here.
func TestAgainstCLDR(t *testing.T) {
	newer := strings.Fields("MRU SLE UYW VED VES XAD XCG ZWG")
	for _, c := range Codes() {
		u, err := currency.ParseISO(c)
		if err != nil {
			if !slices.Contains(newer, c) {
				t.Errorf("%s is not in CLDR", c)
			}
			continue
		}
		scale, _ := currency.Standard.Rounding(u)
		if d, ok := Digits(c); ok && d != scale && d != 2 && c != "IQD" {
			t.Errorf("%s has %d decimals here and %d in CLDR", c, d, scale)
		}
	}
}

func TestDigits(t *testing.T) {
	for code, want := range map[string]int{"EUR": 2, "jpy": 0, "KWD": 3, "CLF": 4, "XAU": -1, "EURO": -1, "": -1} {
		if d, ok := Digits(code); ok != (want >= 0) || ok && d != want {
			t.Errorf("%s has %d, %v", code, d, ok)
		}
	}
	if Valid("eur") || !Valid("EUR") || Valid("QQQ") {
		t.Error("Valid wants capital letters")
	}
}
