package golden

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// File is a case of a program.
type File struct {
	Name   string // orders/paid, tests/late_binding
	Path   string // orders.test/paid.txtar
	Script string // the stem of the script it is for; "" for the whole program
}

// Find lists the cases of the program in fsys, in order of their paths:
// X.test/*.txtar beside X.route, and tests/*.txtar.
func Find(fsys fs.FS) ([]File, error) {
	dirs, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var out []File
	for _, d := range dirs {
		script, isScript := strings.CutSuffix(d.Name(), ".test")
		if !d.IsDir() || !isScript && d.Name() != "tests" {
			continue
		}
		name := script
		if !isScript {
			name, script = "tests", ""
		} else if _, err := fs.Stat(fsys, script+".route"); errors.Is(err, fs.ErrNotExist) {
			return nil, &CaseError{d.Name(), 0, "these cases belong to " + script + ".route, which is not there"}
		}
		files, err := fs.ReadDir(fsys, d.Name())
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			if base, ok := strings.CutSuffix(f.Name(), ".txtar"); ok && !f.IsDir() {
				out = append(out, File{Name: name + "/" + base, Path: path.Join(d.Name(), f.Name()), Script: script})
			}
		}
	}
	return out, nil
}
