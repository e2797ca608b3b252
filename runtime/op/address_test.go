package op_test

import (
	"math/rand"
	"net/url"
	paths "path"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
)

// What is taken for an address is one to the client that sends to it, too: it has a host
// and no user, and where it varies with a record it stays below what it stands below.
func TestAddressesAreSent(t *testing.T) {
	words := []string{"https://", "HTTP://", "http://", "a.example", "x", "[::1]", ":8080", ":", "/", "//", "/..", "/.", "%2e", "%2F", "%zz", "%", "?", "#", "&a=b", "@", "\\", "ü", " ", "\n", "\x7f", "a b", "..", "{", "|", "^", "[", "]", "\"", "<", ";", "+"}
	r := rand.New(rand.NewSource(1))
	taken := 0
	for range 200_000 {
		var b strings.Builder
		if r.Intn(3) > 0 {
			b.WriteString(words[r.Intn(3)] + "a.example")
		}
		for range r.Intn(6) {
			b.WriteString(words[r.Intn(len(words))])
		}
		s := b.String()
		whole := r.Intn(2) == 0
		a, why := ir.ReadAddress(s, whole, true)
		if why != "" {
			continue
		}
		taken++
		text := string(a.Append(nil))
		if !whole {
			text = "https://c.example/base" + text
		}
		u, err := url.Parse(text)
		if err != nil {
			t.Fatalf("%q is taken, and is no address: %v", s, err)
		}
		if u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Scheme != "http" && u.Scheme != "https" {
			t.Fatalf("%q is taken as %#v", s, u)
		}
		if !whole && (u.Host != "c.example" || !strings.HasPrefix(paths.Clean(u.Path), "/base")) {
			t.Fatalf("%q leads to %s", s, u)
		}
		if a.Asks != strings.Contains(text, "?") {
			t.Fatalf("%q: whether it asks is told wrong", s)
		}
	}
	if taken < 2_000 {
		t.Errorf("only %d addresses were taken", taken)
	}
}

func TestAddresses(t *testing.T) {
	for _, tt := range []struct {
		s      string
		whole  bool
		varies bool
		want   string // "" where it is refused
	}{
		{"https://a.example", true, false, "https://a.example"},
		{"https://a.example:8443/x?y#z", true, false, "https://a.example:8443/x?y"},
		{"https://[::1]:80/x", true, false, "https://[::1]:80/x"},
		{"https://a.example/ü?ü", true, false, "https://a.example/%C3%BC?%C3%BC"},
		{"https://a.example/../x", true, false, "https://a.example/../x"},
		{"https://a.example/../x", true, true, ""},
		{"https://a.example/x?y=/../", true, true, "https://a.example/x?y=/../"},
		{"/x", true, false, ""},
		{"https://ü.example", true, false, ""},
		{"https://a.example:port", true, false, ""},
		{"https://[::1", true, false, ""},
		{"https://:80/", true, false, ""},
		{"https://me@a.example", true, false, ""},
		{"javascript://a.example", true, false, ""},
		{"/x/%2e%2E/y", false, true, ""},
		{"/x/.%2E", false, true, ""},
		{"/x/..%2Fy", false, true, ""},
		{"/x/a%5c..%5cy", false, true, ""},
		{"/x/a%2Fb", false, true, "/x/a%2Fb"},
		{"/x/...", false, true, "/x/..."},
		{"/x%", false, true, ""},
		{"//x", false, true, "//x"},
		{"x", false, true, ""},
		{"", false, true, ""},
	} {
		a, why := ir.ReadAddress(tt.s, tt.whole, tt.varies)
		got := string(a.Append(nil))
		if why != "" {
			got = ""
		}
		if got != tt.want {
			t.Errorf("%q, whole %v: got %q (%s), want %q", tt.s, tt.whole, got, why, tt.want)
		}
	}
}
