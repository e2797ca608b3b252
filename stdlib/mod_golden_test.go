package stdlib_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/runtime/lookup"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/mod"
)

// TestModuleCases: every module has a program beside it that says by golden cases
// what its functions make.
func TestModuleCases(t *testing.T) {
	for _, name := range mod.Names() {
		dir := filepath.Join("mod", "testdata", name[strings.LastIndexByte(name, '/')+1:])
		p := program.Load(os.DirFS(dir), stdlib.Env(), program.Options{Name: dir})
		if !p.OK() || len(p.Files) == 0 {
			t.Errorf("%s has no program that checks: %v", name, p.Diags)
			continue
		}
		cases, err := golden.Find(os.DirFS(dir))
		if err != nil || len(cases) < 2 {
			t.Errorf("%s has %d cases, %v", name, len(cases), err)
		}
		for _, f := range cases {
			t.Run(name+"/"+f.Name, func(t *testing.T) {
				data, err := fs.ReadFile(os.DirFS(dir), f.Path)
				if err != nil {
					t.Fatal(err)
				}
				c, err := golden.Parse(f.Name, data)
				if err != nil {
					t.Fatal(err)
				}
				v, _ := golden.Run(p.Plan, c, golden.Options{Script: f.Script, Files: lookup.New(p.Plan.Tables)})
				if v.Err != nil {
					t.Fatal(v.Err)
				}
				for _, d := range v.Diffs {
					t.Errorf("%s want %s got %s", d.At, d.Want, d.Got)
				}
				if !v.Passed() {
					t.Errorf("%s\n%s", v.Variant, strings.Join(v.Fates, "\n"))
				}
			})
		}
	}
}
