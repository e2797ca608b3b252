package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/runtime/lookup"
)

// load reads one program from a folder.
func load(dir string, allowNoApp bool) (*program.Program, error) {
	if err := isDir(dir); err != nil {
		return nil, err
	}
	p := program.Load(os.DirFS(dir), library(), program.Options{Name: dir, AllowNoApp: allowNoApp})
	if p.OK() {
		p.Diags = append(p.Diags, checkFiles(dir, p.Plan.Tables)...)
	}
	return p, nil
}

// checkFiles reads the files of lookup tables: a bad row is found where the script is,
// before anything runs.
func checkFiles(dir string, tables []*ir.Table) (out []*diag.Diagnostic) {
	for _, t := range tables {
		if t.Load == nil || t.Load.File == "" {
			continue
		}
		if err := lookup.CheckFile(dir, t); err != nil {
			d := &diag.Diagnostic{Code: diag.LookupFile, Span: t.Load.At, Message: err.Error()}
			if e := new(lookup.Error); errors.As(err, &e) {
				d.Message, d.Help = e.Where()+": "+e.Why, e.Help
			}
			out = append(out, d)
		}
	}
	return out
}

// isDir says in a user's words why a folder cannot be read.
func isDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail(exitUsage, fmt.Errorf("there is no directory %s", dir))
	case err != nil:
		return fail(exitUsage, fmt.Errorf("%s cannot be read: %w", dir, err))
	case !info.IsDir():
		return fail(exitUsage, fmt.Errorf("%s is a file: a program is a directory of *.route files", dir))
	}
	return nil
}

// programs finds the folders below dirs that hold scripts: each is a program.
func programs(dirs []string) ([]string, error) {
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	var out []string
	for _, dir := range dirs {
		if err := isDir(dir); err != nil {
			return nil, err
		}
		err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() {
				if p != dir && strings.HasPrefix(d.Name(), ".") {
					return filepath.SkipDir
				}
				return nil
			}
			if at := filepath.Dir(p); filepath.Ext(p) == ".route" && !slices.Contains(out, at) {
				out = append(out, at)
			}
			return nil
		})
		if err != nil {
			return nil, fail(exitUsage, err)
		}
	}
	if len(out) == 0 {
		return nil, fail(exitUsage, fmt.Errorf("no scripts in %s: a program is a directory of *.route files, and `sluice init DIR` writes one", strings.Join(dirs, ", ")))
	}
	return out, nil
}

// render prints the findings of a program with file names as the user can open
// them.
func render(w io.Writer, dir string, ds []*diag.Diagnostic) {
	for _, d := range ds {
		text := diag.Render(d)
		if d.Span.Valid() && dir != "." {
			text = strings.Replace(text, " --> ", " --> "+filepath.ToSlash(dir)+"/", 1)
		}
		fmt.Fprintln(w, text)
	}
}

// mustCheck loads a program that is to run; what does not check is told and ends
// the command.
func mustCheck(w io.Writer, dir string, allowNoApp bool) (*program.Program, error) {
	p, err := load(dir, allowNoApp)
	if err != nil {
		return nil, err
	}
	if len(p.Diags) > 0 {
		render(w, dir, p.Diags)
	}
	if !p.OK() {
		return nil, fail(exitProblems, fmt.Errorf("%s does not check: %s", dir, count(p.Errors(), "error")))
	}
	return p, nil
}

// count says "1 error" or "3 errors".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
