package op

import (
	"errors"
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
)

var errControl = errors.New("a line break or another control character")

// address is an address as it is sent: without a fragment, which no server sees.
type address struct {
	text string
	asks bool // it has a query
}

// readAddress judges an address, whole or below that of a connection; why says what is
// wrong with it. Where it varies with the record it must not lead out of what it
// stands below.
func readAddress(s string, whole, varies bool) (a address, why string) {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return a, "has a blank or a control character in it"
		}
	}
	a.text, _, _ = strings.Cut(s, "#")
	rest := a.text
	if whole {
		if rest, why = behindHost(a.text); why != "" {
			return a, why
		}
	} else if !strings.HasPrefix(rest, "/") {
		return a, "does not begin with /"
	}
	path, _, asks := strings.Cut(rest, "?")
	a.asks = asks
	if varies && climbs(path) {
		return a, "leads out of its place: a part of it is . or .."
	}
	return a, ""
}

// behindHost gives what follows the host of a whole address.
func behindHost(s string) (rest, why string) {
	scheme, rest, ok := strings.Cut(s, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "http" && scheme != "https" {
		return "", "does not begin with https://"
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host := rest[:end]
	switch {
	case host == "" || host[0] == ':':
		return "", "has no host"
	case strings.ContainsAny(host, "@\\%"):
		return "", "has a host that none is called"
	}
	for i := range len(host) {
		if host[i] >= 0x80 {
			return "", "has a host with other letters than a-z"
		}
	}
	return rest[end:], ""
}

// climbs tells whether a path has a segment that stands for another place, written out
// or percent-encoded.
func climbs(path string) bool {
	for seg := range strings.SplitSeq(path, "/") {
		seg = strings.NewReplacer("%2e", ".", "%2E", ".").Replace(seg)
		if seg == "." || seg == ".." {
			return true
		}
	}
	return false
}

// append writes the address with all that is no ASCII percent-encoded.
func (a address) append(dst []byte) []byte {
	for i := range len(a.text) {
		if b := a.text[i]; b < 0x80 {
			dst = append(dst, b)
		} else {
			dst = value.AppendPercent(dst, b)
		}
	}
	return dst
}
