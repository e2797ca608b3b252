package country

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"
)

// TestList: the list is ordered, whole and tells every country from every other.
func TestList(t *testing.T) {
	all := All()
	if len(all) != 250 { // 249 of ISO 3166-1, and XK
		t.Fatalf("%d countries", len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b Country) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("the list is out of order")
	}
	owner := map[string]string{}
	for _, c := range all {
		if len(c.Code) != 2 || len(c.Alpha3) != 3 || c.Name == "" {
			t.Errorf("%+v is not whole", c)
		}
		for _, name := range append([]string{c.Code, c.Alpha3}, c.names...) {
			f := fold(name)
			if f == "" || owner[f] != "" && owner[f] != c.Code {
				t.Errorf("%q is %s and %s", name, owner[f], c.Code)
			}
			owner[f] = c.Code
		}
	}
}

// TestAgainstCLDR compares the codes with another list.
func TestAgainstCLDR(t *testing.T) {
	for _, c := range All() {
		r, err := language.ParseRegion(c.Code)
		if err != nil || r.ISO3() != c.Alpha3 && c.Code != "XK" || !r.IsCountry() {
			t.Errorf("%s: CLDR has %s, %v", c.Code, r.ISO3(), err)
		}
	}
}

func TestFind(t *testing.T) {
	for in, want := range map[string]string{
		"Germany": "DE", "DEU": "DE", "de": "DE", " deutschland ": "DE", "UK": "GB", "U.S.A.": "US", "the United States of America": "US",
		"Côte d’Ivoire": "CI", "cote divoire": "CI", "St. Lucia": "LC", "saint lucia": "LC", "Trinidad & Tobago": "TT", "Turkey": "TR", "türkiye": "TR",
		"Korea, Republic of": "KR", "The Gambia": "GM", "Kosovo": "XK", "south-korea": "KR",
		"": "", "XX": "", "EU": "", "AN": "", "Atlantis": "", "  ": "", "-": "", strings.Repeat("a", 300): "",
	} {
		c, ok := Find(in)
		if ok != (want != "") || c.Code != want {
			t.Errorf("%q is %q, want %q", in, c.Code, want)
		}
	}
}
