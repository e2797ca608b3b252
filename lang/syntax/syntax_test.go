package syntax_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
)

// scripts are the founding use cases: the text by file name.
func scripts(tb testing.TB) map[string]string {
	tb.Helper()
	files, err := filepath.Glob("../../spec/cases/scripts/*.route")
	if err != nil || len(files) == 0 {
		tb.Fatal("no scripts in spec/cases/scripts: ", err)
	}
	out := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			tb.Fatal(err)
		}
		out[filepath.Base(f)] = string(b)
	}
	return out
}

func parse(name, src string) *syntax.File { return syntax.Parse(token.NewFile(name, src)) }

func TestScriptsParse(t *testing.T) {
	for name, src := range scripts(t) {
		for _, d := range parse(name, src).Diags {
			t.Error(diag.Render(d))
		}
	}
}
