package stdlib_test

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/stdlib"
)

// TestCodes compiles the wrong program of every code and expects exactly that
// code, and the right one and expects nothing.
func TestCodes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range diag.All() {
		if seen[c.ID] {
			t.Errorf("%s stands twice", c.ID)
		}
		seen[c.ID] = true
		if c.Title == "" || c.Doc == "" {
			t.Errorf("%s has no title or no page", c.ID)
		}
		if (c.Wrong == "") != (c.Right == "") {
			t.Errorf("%s has one of its two programs only", c.ID)
		}
		if c.Wrong == "" {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			if ids := compile(c.Wrong); len(ids) != 1 || ids[0] != c.ID {
				t.Errorf("wrong gives %v:\n%s", ids, rendered(c.Wrong))
			}
			if ids := compile(c.Right); len(ids) != 0 {
				t.Errorf("right gives %v:\n%s", ids, rendered(c.Right))
			}
		})
	}
}

func load(src string) *program.Program {
	return program.Compile([]*token.File{token.NewFile("a.route", src)}, stdlib.Env(), program.Options{})
}

func compile(src string) []string {
	var ids []string
	for _, d := range load(src).Diags {
		ids = append(ids, d.Code.ID)
	}
	return ids
}

func rendered(src string) string {
	var b strings.Builder
	for _, d := range load(src).Diags {
		b.WriteString(diag.Render(d))
	}
	return b.String()
}
