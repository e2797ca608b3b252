package file

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// At is where a record stands in a file: at which line it begins, and what stood up to
// its end, of which Sum is a hash. Line ends are not part of that.
type At struct {
	Line int64
	Sum  [16]byte
	// Open: it was the last of its file, and had no line end: it may go on where the file
	// has grown. Before is a hash of what stands above it.
	Open   bool
	Before [16]byte
}

// String writes it as a record's header holds it: Before only where it is Open.
func (a At) String() string {
	s := strconv.FormatInt(a.Line, 10) + " " + hex.EncodeToString(a.Sum[:])
	if a.Open {
		s += " " + hex.EncodeToString(a.Before[:])
	}
	return s
}

// ParseAt reads what String wrote; false where it is something else.
func ParseAt(s string) (At, bool) {
	parts := strings.Split(s, " ")
	if len(parts) < 2 || len(parts) > 3 {
		return At{}, false
	}
	var a At
	var err error
	if a.Line, err = strconv.ParseInt(parts[0], 10, 64); err != nil || a.Line < 1 {
		return At{}, false
	}
	ok := sum(&a.Sum, parts[1])
	if len(parts) == 3 {
		a.Open = true
		ok = ok && sum(&a.Before, parts[2])
	}
	return a, ok
}

func sum(dst *[16]byte, s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && copy(dst[:], b) == len(dst) && len(b) == len(dst)
}
