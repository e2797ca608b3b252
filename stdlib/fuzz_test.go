package stdlib_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/stdlib"
)

// FuzzCheck: whatever the text, compiling ends with diagnostics that point into
// it, and what has no error has a plan that can be drawn.
func FuzzCheck(f *testing.F) {
	for _, c := range diag.All() {
		f.Add(c.Wrong)
		f.Add(c.Right)
	}
	cases, _ := filepath.Glob("../spec/cases/check/*.txtar")
	for _, file := range cases {
		ar, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range ar.Files {
			if strings.HasSuffix(part.Name, ".route") {
				f.Add(string(part.Data))
			}
		}
	}
	scripts, _ := filepath.Glob("../spec/cases/scripts/*.route")
	for _, file := range scripts {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	env := stdlib.Env()
	f.Fuzz(func(t *testing.T, src string) {
		if len(src) > 1<<14 {
			return // long texts only take time
		}
		p := program.Compile([]*token.File{token.NewFile("a.route", src)}, env, program.Options{})
		for _, d := range p.Diags {
			if s := d.Span; s.Valid() && strings.HasSuffix(s.File.Name, ".route") && (s.Start < 0 || s.End < s.Start || s.End > len(src)) {
				t.Errorf("%s points to [%d,%d) of %d bytes", d.Code.ID, s.Start, s.End, len(src))
			}
			if d.Message == "" || diag.Render(d) == "" {
				t.Errorf("%s says nothing", d.Code.ID)
			}
		}
		if !p.OK() {
			return
		}
		ids := map[string]bool{}
		for _, r := range p.Plan.Routes {
			for _, n := range r.Nodes {
				if ids[n.ID] {
					t.Errorf("two operators are called %q", n.ID)
				}
				ids[n.ID] = true
			}
		}
		if g := p.Plan.Graph(); len(g.Routes) > 0 && (g.Text() == "" || g.Mermaid() == "") {
			t.Error("the plan draws nothing")
		}
	})
}
