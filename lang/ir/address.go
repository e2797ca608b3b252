package ir

import (
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
)

// Address is an address of a request as it is sent: without a fragment, which no
// server sees.
type Address struct {
	Text string
	Asks bool // it has a query
}

// ReadAddress judges an address, whole or below that of a connection; why says what is
// wrong with it. Where it varies with the record it must not lead out of what it
// stands below.
func ReadAddress(s string, whole, varies bool) (a Address, why string) {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return a, "has a blank or a control character in it"
		}
	}
	a.Text, _, _ = strings.Cut(s, "#")
	for i := range len(a.Text) {
		if a.Text[i] == '%' && (i+2 >= len(a.Text) || !isHex(a.Text[i+1]) || !isHex(a.Text[i+2])) {
			return a, "has a % that begins no percent-encoding"
		}
	}
	rest := a.Text
	if whole {
		if rest, why = behindHost(a.Text); why != "" {
			return a, why
		}
	} else if !strings.HasPrefix(rest, "/") {
		return a, "does not begin with /"
	}
	path, _, asks := strings.Cut(rest, "?")
	a.Asks = asks
	if varies && climbs(path) {
		return a, "leads out of its place: a part of it is . or .."
	}
	return a, ""
}

// behindHost gives what follows the host of a whole address.
func behindHost(s string) (rest, why string) {
	scheme, rest, ok := strings.Cut(s, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "http" && scheme != "https" {
		return "", "does not begin with https:// or http://"
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	if !isHost(host) {
		return "", "has no host that one could be called"
	}
	return rest[end:], ""
}

// isHost tells whether a text is a name or an address of a machine, with a port or
// without: no user and no password stand before it.
func isHost(s string) bool {
	name, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		name, port = s[:i], s[i+1:]
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
	}
	also := "-._"
	if n := len(name); n > 2 && name[0] == '[' && name[n-1] == ']' {
		name, also = name[1:n-1], ":."
	}
	for i := range len(name) {
		if b := name[i]; !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || strings.IndexByte(also, b) >= 0) {
			return false
		}
	}
	return name != "" && len(port) <= 5
}

// climbs tells whether a path has a segment that stands for another place. It is judged
// decoded: many a server decodes a path before it goes along it.
func climbs(path string) bool {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			n, _ := strconv.ParseUint(path[i+1:i+3], 16, 8)
			c, i = byte(n), i+2
		}
		b.WriteByte(c)
	}
	for seg := range strings.FieldsFuncSeq(b.String(), func(r rune) bool { return r == '/' || r == '\\' }) {
		if seg == "." || seg == ".." {
			return true
		}
	}
	return false
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}

// Append writes the address with all that is no ASCII percent-encoded.
func (a Address) Append(dst []byte) []byte {
	for i := range len(a.Text) {
		if b := a.Text[i]; b < 0x80 {
			dst = append(dst, b)
		} else {
			dst = value.AppendPercent(dst, b)
		}
	}
	return dst
}
