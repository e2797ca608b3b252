// Package program is the one door to a Route program: a directory of scripts
// goes in; the plan and every diagnostic come out. Commands, editors and tests
// use it and none of the rungs below.
package program

import (
	"errors"
	"io/fs"
	"path"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/check"
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
)

// Options say how a program is loaded.
type Options struct {
	// Name is what the directory is called in messages; "" for the current one.
	Name string
	// AllowNoApp admits a program without `app`: dev and test.
	AllowNoApp bool
}

// Program is what a directory came to.
type Program struct {
	Files []*syntax.File
	IR    *ir.Program
	// Plan may be run only where Diags holds no error; it is never nil.
	Plan  *plan.Plan
	Diags []*diag.Diagnostic // in the order of files and text
}

// OK tells whether the program may run: no finding is an error.
func (p *Program) OK() bool { return p.Errors() == 0 }

// Errors counts the findings that are errors.
func (p *Program) Errors() int {
	n := 0
	for _, d := range p.Diags {
		if d.Code.Level() == diag.Error {
			n++
		}
	}
	return n
}

// Warnings counts the findings that are none.
func (p *Program) Warnings() int { return len(p.Diags) - p.Errors() }

// Load reads the scripts at the top of a file system and compiles them together.
// Whatever is wrong is a diagnostic; it never fails otherwise.
func Load(fsys fs.FS, env check.Env, opts Options) *Program {
	var bag diag.Bag
	texts := read(fsys, opts, &bag)
	return compile(texts, env, opts, folder(fsys), &bag)
}

// Compile compiles texts that are at hand: tests and editors.
func Compile(texts []*token.File, env check.Env, opts Options) *Program {
	return compile(texts, env, opts, nil, new(diag.Bag))
}

// folder reads the other files that a program names.
func folder(fsys fs.FS) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if !fs.ValidPath(name) {
			return nil, errors.New("it must stand in the program's folder")
		}
		b, err := fs.ReadFile(fsys, name)
		switch {
		case err != nil:
			return nil, errors.New(cause(err))
		case len(b) > maxFile:
			return nil, errors.New("it is larger than 64 MiB")
		}
		return b, nil
	}
}

// maxFile bounds a file that a program names; a tracking plan has up to 15 MB.
const maxFile = 64 << 20

func compile(texts []*token.File, env check.Env, opts Options, file func(string) ([]byte, error), bag *diag.Bag) *Program {
	p := &Program{}
	for _, t := range texts {
		f := syntax.Parse(t)
		bag.Add(f.Diags...)
		p.Files = append(p.Files, f)
	}
	p.IR = check.Program(p.Files, env, check.Options{AllowNoApp: opts.AllowNoApp, File: file}, bag)
	p.Plan = plan.Build(p.IR)
	p.Diags = bag.Sorted()
	return p
}

// read finds the scripts. Sub-directories hold other programs.
func read(fsys fs.FS, opts Options, bag *diag.Bag) []*token.File {
	dir := opts.Name
	if dir == "" {
		dir = "this directory"
	}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		bag.Errorf(diag.Unreadable, token.Span{}, "%s cannot be read: %s", dir, cause(err))
		return nil
	}
	var out []*token.File
	found := false
	for _, e := range entries {
		name := e.Name()
		if path.Ext(name) != ".route" || strings.HasPrefix(name, ".") || e.IsDir() {
			continue
		}
		found = true
		b, err := fs.ReadFile(fsys, name)
		switch {
		case err != nil:
			bag.Errorf(diag.Unreadable, token.Span{File: token.NewFile(name, "")}, "%s cannot be read: %s", name, cause(err))
		case len(b) > maxScript:
			bag.Errorf(diag.Unreadable, token.Span{File: token.NewFile(name, "")}, "%s is larger than 4 MiB", name)
		case !utf8.Valid(b):
			bag.Errorf(diag.Unreadable, token.Span{File: token.NewFile(name, "")}, "%s is no UTF-8 text (byte %d)", name, badByte(b))
		default:
			out = append(out, token.NewFile(name, string(b)))
		}
	}
	if !found {
		bag.Errorf(diag.NoScripts, token.Span{}, "no scripts in %s", dir).WithHelp("a program is a directory of *.route files, and `sluice init DIR` writes one")
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// maxScript bounds one script: what is larger is no script.
const maxScript = 4 << 20

// cause is the last part of an error's chain: "permission denied".
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

func badByte(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}
