package identity

import (
	"regexp"
	"strings"
	"testing"
)

func TestCanon(t *testing.T) {
	cfg := testConfig()
	cfg.Types = append(cfg.Types,
		Type{Name: "phone", Canon: PhoneText, Country: "49", Person: true},
		Type{Name: "android_id", Canon: LowerHex},
		Type{Name: "adid", Canon: LowerUUID},
		Type{Name: "account", Blocked: []*regexp.Regexp{regexp.MustCompile("^demo-")}},
	)
	s := newSpace(t, cfg)
	for _, tt := range []struct {
		typ, v, want string
		why          Reason
	}{
		{"user_id", " A7 ", "A7", ""},
		{"user_id", "a b", "a b", ""},
		{"user_id", "123", "123", ""},
		{"user_id", "nobody", "nobody", ""},
		{"user_id", "[", "[", ""},
		{"user_id", "$x", "$x", ""},
		{"user_id", "100%", "100%", ""},
		{"user_id", "__init__", "__init__", ""},
		{"user_id", strings.Repeat("x", 400), strings.Repeat("x", 400), ""},
		{"user_id", strings.Repeat("x", 401), "", TooLong},
		{"user_id", strings.Repeat("x", 5000), "", TooLong},
		{"user_id", "a\xff", "", NoForm},
		{"anonymous_id", "aBc", "aBc", ""},
		{"anonymous_id", " aBc", " aBc", ""},
		{"anonymous_id", "  ", "", Blocked},
		{"email", " Ann@X.io ", "ann@x.io", ""},
		{"email", "ann", "", NoForm},
		{"email", "info@x.io", "", Blocked},
		{"email", "No-Reply+de@x.io", "", Blocked},
		{"email", "informer@x.io", "informer@x.io", ""},
		{"phone", "030123", "+49030123", ""},
		{"phone", "12", "", NoForm},
		{"idfa", "a1b2c3d4-0000-4000-8000-00000000000a", "A1B2C3D4-0000-4000-8000-00000000000A", ""},
		{"idfa", "00000000-0000-0000-0000-000000000000", "", Blocked},
		{"idfa", "A1B2C3D4000040008000-00000000000A", "", NoForm},
		{"idfa", "A1B2C3D4-0000-4000-8000-00000000000G", "", NoForm},
		{"adid", "A1B2C3D4-0000-4000-8000-00000000000A", "a1b2c3d4-0000-4000-8000-00000000000a", ""},
		{"android_id", "9774D56D682E549C", "", Blocked},
		{"android_id", "9774D56D682E549D", "9774d56d682e549d", ""},
		{"android_id", "xyz", "", NoForm},
		{"account", "demo-1", "", Blocked},
		{"account", "a demo-1", "a demo-1", ""},
	} {
		got, why := s.Canon(s.Type(tt.typ), tt.v)
		if got != tt.want || why != tt.why {
			t.Errorf("%s %.20q is %.20q %q, want %.20q %q", tt.typ, tt.v, got, why, tt.want, tt.why)
		}
	}
	for _, v := range []string{
		"anonymous", "Guest", "distinctid", "DISTINCT_ID", "id", "not_authenticated", "email", "undefined", "TRUE", "false",
		"[object Object]", "NaN", "None", "none", "null", "0", "", " ", "-", "0000", "0-0", "-1", "invalid", "unknown", "N/A", "n/a",
		"test", "void", "anonymousId", "'null'", `"undefined"`, `"0"`, `''`, "{idfa}", "[idfa]", "{{user.id}}", "${X}", "%%IDFA%%", "<id>",
		"%7Bidfa%7D", "%7bidfa%7d", "__IDFA__", " { idfa } ",
	} {
		if got, why := s.Canon(tUser, v); why != Blocked {
			t.Errorf("%q is %q %q, want it blocked", v, got, why)
		}
	}
}

// What is packed comes back as it was.
func TestPack(t *testing.T) {
	for _, tt := range []struct {
		v    string
		form byte
		size int
	}{
		{"a1b2c3d4-0000-4000-8000-00000000000a", asLower, 16},
		{"A1B2C3D4-0000-4000-8000-00000000000A", asUpper, 16},
		{"01234567-0000-4000-8000-000000000009", asLower, 16},
		{"A1b2c3d4-0000-4000-8000-00000000000A", asText, 36},
		{"a1b2c3d4-0000-4000-8000-00000000000-", asText, 36},
		{"a1b2c3d4-0000-4000-8000-0000000000-0", asText, 36},
		{"-1b2c3d4-0000-4000-8000-000000000000", asText, 36},
		{"0123", asHex, 2}, {"012", asText, 3}, {"00ff", asHex, 2}, {"00FF", asText, 4}, {"u", asText, 1}, {"ä", asText, 2},
	} {
		form, raw := pack([]byte("x"), tt.v)
		raw = raw[1:]
		if form != tt.form || len(raw) != tt.size {
			t.Errorf("%s is packed as %d in %d bytes, want %d in %d", tt.v, form, len(raw), tt.form, tt.size)
		}
		if got := string(unpack(nil, form, raw)); got != tt.v {
			t.Errorf("%s comes back as %s", tt.v, got)
		}
	}
}
