package json

import (
	"strings"
	"testing"
)

// TestReserve: what is put into a list of one's own must not come to nest deeper
// than MaxDepth.
func TestReserve(t *testing.T) {
	p := NewPlan()
	p.Reserve()
	p.Reserve()
	p.Seal()
	s := NewScanner(p)
	nest := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	for _, tt := range []struct {
		depth int
		ok    bool
	}{{1, true}, {MaxDepth - 2, true}, {MaxDepth - 1, false}, {MaxDepth, false}} {
		if err := s.Scan(nest(tt.depth)); (err == nil) != tt.ok {
			t.Errorf("%d deep: %v", tt.depth, err)
		}
	}
}
