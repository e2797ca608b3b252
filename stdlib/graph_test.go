package stdlib_test

import (
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

// TestGraph holds how plans look: as text, as Mermaid and as JSON.
func TestGraph(t *testing.T) {
	files, err := filepath.Glob("../spec/cases/graph/*.txtar")
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
			want := map[string]string{}
			out := &txtar.Archive{Comment: ar.Comment}
			for _, f := range ar.Files {
				if strings.HasSuffix(f.Name, ".route") {
					fsys[f.Name] = &fstest.MapFile{Data: f.Data}
					out.Files = append(out.Files, f)
					continue
				}
				want[f.Name] = string(f.Data)
			}
			p := program.Load(fsys, stdlib.Env(), program.Options{})
			for _, d := range p.Diags {
				t.Error(diag.Render(d))
			}
			g := p.Plan.Graph()
			for _, v := range []struct{ name, got string }{{"text", g.Text()}, {"mermaid", g.Mermaid()}, {"json", string(g.JSON())}} {
				out.Files = append(out.Files, txtar.File{Name: v.name, Data: []byte(v.got)})
				if diff := cmp.Diff(want[v.name], v.got); diff != "" && !*update {
					t.Errorf("%s (-want +got):\n%s", v.name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
