package stdlib_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/stdlib"
)

var update = flag.Bool("update", false, "rewrite what the cases of spec/cases/check expect")

// TestCases compiles the program of each case and compares what is said about it.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("../spec/cases/check/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fsys := fstest.MapFS{}
			want, at := "", -1
			for i, f := range ar.Files {
				if f.Name == "want" {
					want, at = string(f.Data), i
					continue
				}
				fsys[f.Name] = &fstest.MapFile{Data: f.Data}
			}
			var b strings.Builder
			for _, d := range program.Load(fsys, stdlib.Env(), program.Options{}).Diags {
				b.WriteString(diag.Render(d))
			}
			got := b.String()
			if *update {
				if at < 0 {
					ar.Files = append(ar.Files, txtar.File{Name: "want"})
					at = len(ar.Files) - 1
				}
				ar.Files[at].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
}

// TestScripts: nothing is wrong with the founding use cases.
func TestScripts(t *testing.T) {
	p := program.Load(os.DirFS("../spec/cases/scripts"), stdlib.Env(), program.Options{})
	if len(p.Files) < 15 {
		t.Fatalf("only %d scripts", len(p.Files))
	}
	for _, d := range p.Diags {
		if d.Code.Level() == diag.Error {
			t.Errorf("%s", diag.Render(d))
		}
	}
}
