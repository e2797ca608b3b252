package fn

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/value"
)

// call calls a function and must not fail.
func call(t *rapid.T, f func() (value.Value, error)) value.Value {
	v, err := f()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEmailTwice(t *testing.T) {
	taken := 0
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(` ?[A-Za-zÄİẞﬁ＠ǅ.+_-]{1,8}[@＠][a-zÜK-]{1,6}\.[a-zA-Z]{2,3}`),
			rapid.Map(rapid.String(), func(s string) string { return s + "@example.com" }),
		).Draw(t, "s")
		once, err := normalEmail(s)
		if err != nil {
			return
		}
		taken++
		if twice, err := normalEmail(once); twice != once {
			t.Fatalf("%q became %q and then %q, %v", s, once, twice, err)
		}
		if strings.ToLower(once) != once {
			t.Fatalf("%q is not in lower case", once)
		}
	})
	if taken < 20 {
		t.Errorf("only %d addresses were taken", taken)
	}
}

func TestNumberFormatBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, _ := value.ParseNumber(rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,5})?`).Draw(t, "n"))
		name := rapid.SampledFrom([]string{"en", "de", "fr", "sv", "de-CH", "de-AT", "fr-CH", "pt-PT", "es-MX", "en_ZA"}).Draw(t, "locale")
		digits := rapid.IntRange(0, 6).Draw(t, "digits")
		l, err := localeOf(name)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := n.Round(digits)
		text := l.format(want, digits)
		got := call(t, func() (value.Value, error) { return l.parse(text) })
		if !value.Equal(got, want) {
			t.Fatalf("%s was written as %q and read as %s", want, text, got)
		}
	})
}

func TestTimeFormatBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		layout := rapid.SampledFrom([]string{"rfc3339", "http", "2006-01-02 15:04:05", "02.01.2006 15:04:05", "Jan _2 2006 03:04:05 PM", "2006-01-02T15:04:05Z0700", "Monday, 02-Jan-2006 15:04:05 -07:00"}).Draw(t, "layout")
		z, err := zoneOf(rapid.SampledFrom(oddZones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "t"), 0).UTC()
		a := []value.Value{at, layout, z.String()}
		text := call(t, func() (value.Value, error) { return timeFormat.Call(nil, a) })
		back := call(t, func() (value.Value, error) { return timeParse.Call(nil, []value.Value{text, layout, z.String()}) })
		// An hour that came twice reads as its first.
		want := at
		if first := wallOf(at, z).in(z); !strings.ContainsAny(layout, "Z7") && layout != "rfc3339" && layout != "http" {
			want = first
		}
		if !back.(time.Time).Equal(want) {
			t.Fatalf("%s was written as %q and read as %s", at, text, back)
		}
	})
}

func TestASCII(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		a := ascii(s)
		for i := range len(a) {
			if a[i] >= 0x80 {
				t.Fatalf("%q became %q", s, a)
			}
		}
		slug, _ := textSlug.Call(nil, []value.Value{s})
		if again, _ := textSlug.Call(nil, []value.Value{slug}); again != slug || strings.Trim(slug.(string), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Fatalf("%q became %q and then %q", s, slug, again)
		}
	})
}
