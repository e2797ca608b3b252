package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/runtime/lookup"
)

func testCmd() *cobra.Command {
	t := &testRun{}
	c := &cobra.Command{
		Use:   "test [DIR...]",
		Short: "Run the golden cases of programs",
		Long: `Test runs the golden cases of every program below the directories (default: this
one): X.test/*.txtar against the routes of X.route, tests/*.txtar against the
whole program. Each case runs on the engine itself with a clock and sinks in
memory, and again with a crash after every record, when the same must come of it.

A case is sections of JSON lines: -- in -- with inputs and the steps advance 30m,
restart and crash; what must come of them, -- out --, -- dead -- and -- dropped --;
and rows of tables and people, those that are there before in -- tables -- and those
at the end in -- tables after --. An input is a record {"topic":T,"key","value"}, a
request {"webhook":PATH,"query","json","form"}, a planned time {"tick":ROUTE}, which is
now, or a line {"file":NAME,"line"}, text or JSON; the first text of a CSV file is its
header. A person is {"identity":"people","ids":{…}}, and as
a key of rows [{"user_id":"u1"}].`,
		GroupID: "build",
		RunE: func(cmd *cobra.Command, args []string) error {
			t.cmd = cmd
			return t.run(args)
		},
	}
	outputFlag(c, &t.output)
	c.Flags().StringVar(&t.pattern, "run", "", "only cases whose name matches this `regex`")
	c.Flags().BoolVar(&t.update, "update", false, "write what came into the cases that differ")
	c.Flags().BoolVar(&t.cover, "cover", false, "list the branches that no case reached")
	return c
}

// testRun is one run of the command.
type testRun struct {
	cmd             *cobra.Command
	output, pattern string
	update, cover   bool

	match  *regexp.Regexp
	report golden.JSON
	tally  golden.Tally
}

// suite is the cases of one program.
type suite struct {
	dir    string
	prefix string // of the names of its cases, where there are several programs
	prog   *program.Program
	tables *lookup.Set // with the rows of files
	files  []golden.File
	err    error
}

func (t *testRun) run(args []string) error {
	if t.update && os.Getenv("CI") != "" && os.Getenv("CI") != "false" {
		return fail(exitUsage, fmt.Errorf("--update is refused under CI: what a case expects is changed where people look at it"))
	}
	var err error
	if t.match, err = regexp.Compile(t.pattern); err != nil {
		return fail(exitUsage, fmt.Errorf("--run: %w", err))
	}
	dirs, err := programs(args)
	if err != nil {
		return err
	}
	suites, width, err := t.suites(dirs)
	if err != nil {
		return err
	}
	t.report = golden.JSON{Format: 1, Cases: []golden.JSONCase{}}
	if t.cover {
		t.report.Cover = &golden.JSONCover{Missed: []golden.JSONMissed{}}
	}
	for _, s := range suites {
		if err := t.suite(s, width); err != nil {
			return err
		}
	}
	return t.end()
}

// suites loads the programs and finds the cases that are asked for. width is that
// of their longest name.
func (t *testRun) suites(dirs []string) (out []*suite, width int, err error) {
	for _, dir := range dirs {
		s := &suite{dir: dir}
		if len(dirs) > 1 {
			s.prefix = filepath.ToSlash(dir) + "/"
		}
		if s.prog, err = load(dir, true); err != nil {
			return nil, 0, err
		}
		files, err := golden.Find(os.DirFS(dir))
		if err != nil {
			s.err = err
			width = max(width, len(s.name()))
		}
		for _, f := range files {
			f.Name = s.prefix + f.Name
			if !t.match.MatchString(f.Name) {
				t.tally.Skipped++
				continue
			}
			s.files = append(s.files, f)
			width = max(width, len(f.Name))
		}
		out = append(out, s)
	}
	return out, width, nil
}

func (s *suite) name() string { return filepath.ToSlash(filepath.Clean(s.dir)) }

// suite runs the cases of one program.
func (t *testRun) suite(s *suite, width int) error {
	if len(s.files) == 0 && s.err == nil {
		return nil
	}
	if s.err == nil && !s.prog.OK() {
		render(t.cmd.ErrOrStderr(), s.dir, s.prog.Diags)
		s.err = fmt.Errorf("the program does not check: %s", count(s.prog.Errors(), "error"))
	}
	if s.err == nil {
		s.tables = lookup.New(s.prog.Plan.Tables)
		s.err = s.tables.LoadFiles(s.dir)
	}
	if s.err != nil {
		t.add(&golden.Result{Name: s.name(), File: s.name(), Verdict: &golden.Verdict{Err: s.err}}, width)
		return nil
	}
	o := golden.Options{Files: s.tables}
	if t.cover {
		o.Cover = golden.NewCoverage(s.prog.Plan)
	}
	for _, f := range s.files {
		r, err := t.one(s, f, o)
		if err != nil {
			return err
		}
		t.add(r, width)
	}
	if t.cover {
		t.report.Cover.Add(o.Cover, filepath.ToSlash(filepath.Clean(s.dir)))
	}
	return nil
}

// one runs one case.
func (t *testRun) one(s *suite, f golden.File, o golden.Options) (*golden.Result, error) {
	path := filepath.Join(s.dir, filepath.FromSlash(f.Path))
	r := &golden.Result{Name: f.Name, File: filepath.ToSlash(path)}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fail(exitUsage, err)
	}
	o.Script = f.Script
	began := time.Now()
	c, err := golden.Parse(strings.TrimSuffix(r.File, ".txtar"), data)
	if err != nil {
		r.Verdict = &golden.Verdict{Err: err}
		return r, nil
	}
	r.Verdict, r.Actual = golden.Run(s.prog.Plan, c, o)
	if t.update && r.Actual != nil && r.Verdict.Variant == "" && !r.Verdict.Passed() && r.Actual.Open == "" {
		text := c.Update(r.Actual)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return nil, fail(exitUsage, err)
		}
		if c, err = golden.Parse(strings.TrimSuffix(r.File, ".txtar"), text); err != nil {
			return nil, fmt.Errorf("read %s back: %w", path, err)
		}
		r.Updated = true
		r.Verdict, r.Actual = golden.Run(s.prog.Plan, c, o)
	}
	r.Took = time.Since(began)
	alone := "sluice test " + s.name() + " --run '^" + regexp.QuoteMeta(strings.TrimPrefix(f.Name, s.prefix)) + "$'"
	r.Rerun, r.Accept = alone, alone+" --update"
	return r, nil
}

func (t *testRun) add(r *golden.Result, width int) {
	t.tally.Add(r)
	t.report.Cases = append(t.report.Cases, r.JSON())
	if t.output != "json" {
		r.WriteText(t.cmd.OutOrStdout(), width)
	}
}

// end writes what stands below the cases, and gives the exit.
func (t *testRun) end() error {
	w := t.cmd.OutOrStdout()
	t.report.Passed, t.report.Failed, t.report.Skipped = t.tally.Passed, t.tally.Failed, t.tally.Skipped
	if t.output == "json" {
		if err := t.report.Write(w); err != nil {
			return err
		}
	} else {
		if t.report.Cover != nil {
			t.report.Cover.WriteText(w)
		}
		fmt.Fprintln(w, t.tally)
	}
	switch {
	case t.tally.Failed > 0:
		return fail(exitProblems, nil)
	case t.tally.Passed == 0 && t.tally.Skipped > 0:
		return fail(exitUsage, fmt.Errorf("no case matches --run %s", t.pattern))
	case t.tally.Passed == 0:
		fmt.Fprintln(t.cmd.ErrOrStderr(), "there are no cases yet: X.test/NAME.txtar beside X.route, or tests/NAME.txtar, as `sluice test --help` says; `sluice init` writes some to look at")
	}
	return nil
}
