package stdlib_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/stdlib/docs"
)

const errorsPage = "../spec/errors.md"

// TestErrorsPage: spec/errors.md is printed from the codes.
func TestErrorsPage(t *testing.T) {
	got := docs.ErrorsMarkdown()
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
