package main

import (
	"bytes"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ipDatabase writes a database in MaxMind's format that knows one network.
func ipDatabase(network, code string) []byte {
	p := netip.MustParsePrefix(network)
	a, bits := p.Addr().As4(), p.Bits()
	var b bytes.Buffer
	for i := range bits { // a node for each bit: two records of 24 bits
		next, none := i+1, bits
		if i == bits-1 {
			next = bits + 16 // the first value of the data
		}
		left, right := next, none
		if a[i/8]>>(7-i%8)&1 == 1 {
			left, right = none, next
		}
		b.Write([]byte{0, 0, byte(left), 0, 0, byte(right)})
	}
	text := func(s string) string { return string(rune(0x40|len(s))) + s }
	b.Write(make([]byte, 16))
	b.WriteString("\xe1" + text("country") + "\xe1" + text("iso_code") + text(code))
	b.WriteString("\xab\xcd\xefMaxMind.com\xe9" +
		text("binary_format_major_version") + "\xa1\x02" + text("binary_format_minor_version") + "\xa0" + text("build_epoch") + "\x01\x02\x01" + text("database_type") + text("test") +
		text("description") + "\xe0" + text("ip_version") + "\xa1\x04" + text("languages") + "\x00\x04" + text("node_count") + "\xc1" + string([]byte{byte(bits)}) + text("record_size") + "\xa1\x18")
	return b.Bytes()
}

// TestIPDatabase: ip.country goes by the file that is named, and says where there is
// none.
func TestIPDatabase(t *testing.T) {
	file := filepath.Join(t.TempDir(), "countries.mmdb")
	if err := os.WriteFile(file, ipDatabase("203.0.113.0/24", "DE"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ipCountry = nil })
	for _, tt := range []struct{ file, in, want string }{
		{"", `"203.0.113.7"`, "no database of IP addresses is there"},
		{file, `"203.0.113.7"`, `"DE"`}, {file, `"203.0.114.7"`, `null`}, {file, `"2001:db8::1"`, `null`}, {file, `"none"`, `null`}, {file, `null`, `null`},
		{file + ".none", `null`, "no such file"}, {"library_test.go", `null`, "read the IP database library_test.go: "},
	} {
		ipCountry = nil
		root := newRoot()
		root.SetArgs([]string{"eval", "--ip-database", tt.file, "ip.country(. | as string)"})
		root.SetIn(strings.NewReader(tt.in))
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(io.Writer(&out))
		got := ""
		if err := root.Execute(); err != nil {
			got = err.Error()
		}
		if got = out.String() + got; !strings.Contains(got, tt.want) {
			t.Errorf("%s of %q gives %s, want %s", tt.in, tt.file, got, tt.want)
		}
	}
}
