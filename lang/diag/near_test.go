package diag

import "testing"

func TestNearest(t *testing.T) {
	stages := []string{"where", "when", "with", "map", "match", "emit", "set"}
	for _, tt := range []struct{ name, word, want string }{
		{"one letter lost", "emt", "emit"},
		{"two letters swapped", "wehre", "where"},
		{"the end is lost: the candidate that begins like it", "wher", "where"},
		{"case does not matter", "MAP", "map"},
		{"nothing is near", "projection", ""},
		{"the word itself is no answer", "set", ""},
		{"short words admit one change only", "xx", ""},
	} {
		if got := Nearest(tt.word, stages); got != tt.want {
			t.Errorf("%s: Nearest(%q) = %q, want %q", tt.name, tt.word, got, tt.want)
		}
	}
}
