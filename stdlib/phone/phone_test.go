package phone

import "testing"

func TestE164(t *testing.T) {
	tests := []struct{ in, country, want string }{
		{"030 123456", "DE", "+4930123456"},
		{"+49 (0)30 123456", "US", "+4930123456"},
		{"0049 30 123456", "de", "+4930123456"},
		{"(650) 253-0000", "US", "+16502530000"},
		{"020 7946 0958", "UK", "+442079460958"},
		{"020 7946 0958", "GB", "+442079460958"},
		{"tel:+49-30-123456", "DE", "+4930123456"},
		{"110", "DE", ""}, // a short number is nobody's
		{"0650", "DE", ""},
		{"", "DE", ""},
		{"ann@example.com", "DE", ""},
		{"030 123456", "XX", ""},
		{"030 123456", "", ""},
	}
	for _, tt := range tests {
		got, err := E164(tt.in, tt.country)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s in %s: %q, %v; want %q", tt.in, tt.country, got, err, tt.want)
		}
		if err == nil {
			if again, err := E164(got, tt.country); again != got {
				t.Errorf("%s became %s, %v", got, again, err)
			}
		}
	}
}

func TestCountry(t *testing.T) {
	for in, want := range map[string]string{"+4930123456": "DE", "+16502530000": "US", "+14165550123": "CA", "030123456": "", "+80012345678": "", "": ""} {
		if got, ok := Country(in); ok != (want != "") || ok && got != want {
			t.Errorf("%s is of %s, %v; want %q", in, got, ok, want)
		}
	}
}
