package golden_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/runtime/lookup"
	"github.com/sluice-dev/sluice/stdlib"
)

// TestCases runs every golden case of the repository: the examples, the founding
// scripts as one program, the founding cases, and the cases of each sentence of the
// language, which say which it is.
func TestCases(t *testing.T) {
	dirs := programs(t, "../../examples", "../../spec/cases/scripts", "../../spec/cases/golden", "../../spec/cases/language")
	if len(dirs) < 2 {
		t.Fatalf("only %v found", dirs)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			p := program.Load(os.DirFS(dir), stdlib.Env(), program.Options{Name: dir})
			for _, d := range p.Diags {
				t.Logf("%s %s: %s", d.Span, d.Code.ID, d.Message)
			}
			if !p.OK() {
				t.Fatal("the program does not check")
			}
			tables := lookup.New(p.Plan.Tables)
			if err := tables.LoadFiles(dir); err != nil {
				t.Fatal(err)
			}
			cases, err := golden.Find(os.DirFS(dir))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range cases {
				t.Run(f.Name, func(t *testing.T) {
					data, err := fs.ReadFile(os.DirFS(dir), f.Path)
					if err != nil {
						t.Fatal(err)
					}
					c, err := golden.Parse(f.Name, data)
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(filepath.ToSlash(dir), "cases/language") && !of.MatchString(c.Doc) {
						t.Errorf("the comment does not say which sentence is tested: %q", c.Doc)
					}
					v, _ := golden.Run(p.Plan, c, golden.Options{Script: f.Script, Files: tables})
					if v.Err != nil {
						t.Fatal(v.Err)
					}
					if !v.Passed() {
						t.Errorf("%s\n%s", v.Variant, strings.Join(v.Fates, "\n"))
					}
					for _, d := range v.Diffs {
						t.Errorf("%s want %s got %s", d.At, d.Want, d.Got)
					}
				})
			}
		})
	}
}

// of is how the comment of a case of the language begins.
var of = regexp.MustCompile(`^(language\.md §|functions\.md |grammar\.ebnf )`)

// programs finds the directories that hold scripts and cases.
func programs(t *testing.T, roots ...string) []string {
	t.Helper()
	var dirs []string
	for _, root := range roots {
		err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if m, _ := filepath.Glob(path.Join(filepath.ToSlash(p), "*.route")); len(m) > 0 {
				dirs = append(dirs, p)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dirs
}
