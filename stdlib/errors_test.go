package stdlib_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/diag"
)

const errorsPage = "../spec/errors.md"

// TestErrorsPage: spec/errors.md is printed from the codes.
func TestErrorsPage(t *testing.T) {
	got := errorsMarkdown()
	if *update {
		if err := os.WriteFile(errorsPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(errorsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("spec/errors.md is not what the codes say; `go test ./stdlib -update` rewrites it (-want +got):\n%s", diff)
	}
}

// parts are the headings of the page, by the beginning of a code.
var parts = []struct{ prefix, title string }{
	{"E00", "Text and grammar"}, {"E01", "Names and declarations"}, {"E02", "Fields and types"}, {"E03", "Functions and expressions"},
	{"E04", "Failures of run time, and what shows them beforehand"}, {"E05", "Segment and the other sinks"}, {"E06", "The program"}, {"W", "Warnings"},
}

func errorsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Errors and warnings\n\nPrinted from `lang/diag`; a test compiles every program below. Errors cannot be turned off.\n" +
		"A code without a program is met at run time only, or needs more than one file to show.\n")
	for _, p := range parts {
		b.WriteString("\n## " + p.title + "\n")
		for _, c := range diag.All() {
			if !strings.HasPrefix(c.ID, p.prefix) {
				continue
			}
			b.WriteString("\n### " + c.ID + " " + c.Title + "\n" + c.Doc + "\n")
			if c.Wrong == "" || len(c.Wrong) > 400 {
				continue
			}
			b.WriteString("\n```route\n" + c.Wrong + "```\n```\n" + rendered(c.Wrong) + "```\nInstead:\n```route\n" + c.Right + "```\n")
		}
	}
	return b.String()
}
