package spec_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestArchitectureIsTrue: every folder and file that the page for newcomers names is
// there, and it names every room of lang, stdlib and runtime that a newcomer walks into.
func TestArchitectureIsTrue(t *testing.T) {
	page, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`((?:lang|stdlib|runtime|cmd|spec|examples)/[^` ]+)`").FindAllStringSubmatch(string(page), -1) {
		named[m[1]] = true
	}
	for path := range named {
		if found, err := filepath.Glob(filepath.Join("..", path)); err != nil || len(found) == 0 {
			t.Errorf("architecture.md names %s, which is not there", path)
		}
	}
	for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(page), -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Errorf("architecture.md links to %s: %v", m[1], err)
		}
	}
	// Leaves of one idea that need no line of their own.
	small := []string{"stdlib/country", "stdlib/currency", "stdlib/phone", "runtime/seldom"}
	for _, s := range sources(t) {
		parts := strings.Split(s.room, "/")
		if len(parts) != 2 || parts[0] == "cmd" || under(s.room, small...) {
			continue
		}
		if !named[s.room] {
			t.Errorf("architecture.md does not say what %s is", s.room)
			named[s.room] = true // once
		}
	}
}
