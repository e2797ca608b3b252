// Package check turns the trees of a program's scripts into the checked program
// of package ir: names are found, every expression gets its type and the
// failures it can cause, and every mistake of all files is reported in one run.
//
// It works in three passes. The first collects what the files declare, so that
// the order of files and declarations means nothing. The second resolves types,
// checks functions and constants on their own and the options of connections.
// The third walks the routes: a flow (flow.go) goes down the stages and holds
// what is known at each of them (the type of `.`, of `$`, of bound names and of
// `@topic`), is split where the route branches and joined where it meets again.
// Functions and constants are put in where they are used, so ir has no calls of
// its own to functions of the script.
//
// It takes an Env for what it must not know itself: the functions of the
// library, modules, and the rules of the API behind `emit track`. No product is
// known here by name.
package check

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// Options say how strict a program is taken.
type Options struct {
	// AllowNoApp admits a program without `app` (dev and test).
	AllowNoApp bool
	// File reads a file of the program's folder; nil where there is no folder.
	File func(name string) ([]byte, error)
}

// maxNodes bounds what the functions of a program may come to when they are put
// in where they are called.
const maxNodes = 100_000

// Program checks the scripts of one directory. The result holds what could be
// checked and is never nil; it may be run only where bag has no error. Mistakes
// of the text (syntax.File.Diags) are the caller's to report.
func Program(files []*syntax.File, env Env, opts Options, bag *diag.Bag) *ir.Program {
	c := newChecker(env, bag)
	c.file = opts.File
	var scopes []*fileScope
	for _, f := range files {
		scopes = append(scopes, c.collect(f, c.main))
	}
	c.app(scopes, opts)
	c.declarations()
	c.connections()
	c.routes(scopes)
	c.settle()
	c.groups()
	c.neverWritten()
	c.loops()
	c.rowsWritten()
	return c.prog
}

// checker is the state of one run.
type checker struct {
	env      Env
	bag      *diag.Bag
	seen     map[string]bool // what was reported: a function that is put in twice has its mistakes once
	prog     *ir.Program
	main     *space
	modules  map[string]*space       // by path
	conns    map[string]*conn        // by kind and name
	memories map[string]*namedMemory // `dedupe NAME`
	written  map[*ir.Table]bool      // tables that a stage writes, also one with a mistake
	linked   map[*ir.Space]bool      // spaces that a stage resolves, also one with a mistake
	states   map[string]*ir.State    // what stages remember, by name
	missing  map[string]bool         // connections that were reported as not there
	hooks    map[string]*hookUse     // webhooks by the name of their topic
	files    map[string]*fileUse     // files that routes read, by the name of their topic
	deads    []*deadUse              // routes of `from dead`
	file     func(string) ([]byte, error)
	plans    map[string]Plan // tracking plans by the name of their file; nil: it cannot be read
	apps     []*syntax.AppDecl
	nodes    int  // made so far, against maxNodes
	tooBig   bool // maxNodes was passed and reported
	loose    bool // Expr: a value of type any is cast to what its place needs
}

func newChecker(env Env, bag *diag.Bag) *checker {
	return &checker{env: env, bag: bag, seen: map[string]bool{}, prog: &ir.Program{}, main: newSpace(""), modules: map[string]*space{},
		conns: map[string]*conn{}, memories: map[string]*namedMemory{}, written: map[*ir.Table]bool{}, linked: map[*ir.Space]bool{}, states: map[string]*ir.State{}, missing: map[string]bool{}, hooks: map[string]*hookUse{}, files: map[string]*fileUse{}, plans: map[string]Plan{}}
}

// errorf reports a mistake once.
func (c *checker) errorf(code *diag.Code, at token.Span, format string, a ...any) *diag.Diagnostic {
	d := new(diag.Bag).Errorf(code, at, format, a...)
	key := code.ID + at.String() + d.Message
	if !c.seen[key] {
		c.seen[key] = true
		c.bag.Add(d)
	}
	return d
}

// notYet refuses a part of the language that this version does not run.
func (c *checker) notYet(at token.Span, what string) *diag.Diagnostic {
	return c.errorf(diag.NotYet, at, "`%s` is not there yet", what).WithHelp("it is part of the language, and a later version of Sluice runs it")
}

// app takes the program's name.
func (c *checker) app(files []*fileScope, opts Options) {
	switch {
	case len(c.apps) > 0:
		first := c.apps[0]
		c.prog.App = first.Name.Value
		if strings.TrimSpace(c.prog.App) == "" {
			c.errorf(diag.BadOption, first.Name.Span(), "the name of the program is empty")
		}
		for _, a := range c.apps[1:] {
			c.errorf(diag.AppTwice, a.Span(), "the program is named twice").
				WithLabel("it is %q since %s", first.Name.Value, first.Span())
		}
	case !opts.AllowNoApp && len(files) > 0:
		at := token.Span{File: files[0].file.Source}
		c.errorf(diag.NoApp, at, "the program has no name").WithHelp("write app %q, in one of its files", "shop")
	}
}

// bad is the type of what could not be checked: everything may be done with it,
// so that one mistake makes one report.
var bad = &types.Type{Kind: types.Any, Name: "?"}

// spoiled tells whether a part of a type could not be checked: what does not fit
// because of it is no mistake of its own.
func spoiled(t *types.Type) bool {
	switch {
	case t == nil:
		return false
	case t == bad:
		return true
	}
	for i := range t.Fields {
		if spoiled(t.Fields[i].Type) {
			return true
		}
	}
	return spoiled(t.Elem) || spoiled(t.Rest) || slices.ContainsFunc(t.Members, spoiled)
}

func isBad(x ir.Expr) bool { return x.Type() == bad }

// badExpr stands for an expression that could not be checked.
func badExpr(at token.Span) ir.Expr { return &ir.Const{Node: ir.Node{T: bad, At: at}} }

// quote shows source text in a message: on one line, and short.
func quote(s token.Span) string {
	t := strings.Join(strings.Fields(s.Text()), " ")
	if r := []rune(t); len(r) > 40 {
		t = string(r[:38]) + "…"
	}
	return "`" + t + "`"
}

func itoa(n int) string { return strconv.Itoa(n) }

// Expr checks an expression that stands alone, over `.` of a type. A value of
// type any is cast to what its place needs, and fails there where it does not fit.
func Expr(x syntax.Expr, env Env, input *types.Type, bag *diag.Bag) (out ir.Expr, slots int) {
	c := newChecker(env, bag)
	c.loose = true
	fs := &fileScope{space: c.main, uses: map[string]*use{}}
	words := c.moduleWords()
	for i, name := range env.ModuleNames() {
		c.useAs(fs, name, words[i]) // one line has no room for `use`
	}
	e := &ex{c: c, in: fs, f: newFlow(), frame: &frame{}, src: &source{t: types.View(input), metas: map[string]*types.Type{}}}
	e.f.cur, e.f.known["$"], e.f.timed = "$", types.View(input), true
	out = e.expr(x)
	return out, e.frame.slots
}
