package spec_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	heading = regexp.MustCompile(`(?m)^## (\d+)\. `)
	// cited is a section, and where they stand behind it the words that are meant: in
	// quotes, or a name in capitals as of a paragraph.
	cited = regexp.MustCompile(`§(\d+)(?: "([^"]+)"| ([A-Z][A-Za-z ,-]*?)(?:[:;.)]| and ))?`)
	page  = regexp.MustCompile(`\b[a-z0-9][\w/-]*\.md\b`)
	// other ends what is said of language.md.
	other = regexp.MustCompile(`\b[a-z]+\.(?:md|ebnf)\b`)
)

// chapters are the sections of the language by their numbers, in one case and without
// what only sets type.
func chapters(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("language.md")
	if err != nil {
		t.Fatal(err)
	}
	at := heading.FindAllSubmatchIndex(b, -1)
	out := map[string]string{}
	for i, m := range at {
		end := len(b)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		out[string(b[m[2]:m[3]])] = plain(string(b[m[0]:end]))
	}
	return out
}

func plain(s string) string {
	return strings.ToLower(strings.NewReplacer("`", "", "**", "").Replace(s))
}

// TestCitations: what code and cases say of language.md is found there, in the section
// that they name; no section is without a case; and whatever page they name is
// there.
func TestCitations(t *testing.T) {
	sections := chapters(t)
	cases := map[string]int{}
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		if !slices.Contains([]string{".go", ".md", ".route", ".txtar"}, filepath.Ext(p)) {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(b)) {
			for _, name := range page.FindAllString(line, -1) {
				_, there := os.Stat(filepath.Join("..", name))
				_, here := os.Stat(name)
				if there != nil && here != nil {
					t.Errorf("%s names %s, which is no page of the repository", p, name)
				}
			}
			_, said, ok := strings.Cut(line, "language.md")
			if !ok {
				continue
			}
			if end := other.FindStringIndex(said); end != nil {
				said = said[:end[0]]
			}
			for _, m := range cited.FindAllStringSubmatch(said, -1) {
				text, ok := sections[m[1]]
				if title := plain(m[2] + m[3]); !ok || !strings.Contains(text, title) {
					t.Errorf("%s: language.md has no %s", p, m[0])
				}
				if strings.HasPrefix(filepath.ToSlash(p), "../spec/cases/") {
					cases[m[1]]++
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(sections) < 11 {
		t.Fatalf("only %d sections found", len(sections))
	}
	for n := range sections {
		if cases[n] == 0 {
			t.Errorf("section %s of language.md has no case that names it", n)
		}
	}
}
