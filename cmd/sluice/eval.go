package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

// maxLine bounds one event of eval; a value may have 4 MiB.
const maxLine = 8 << 20

func evalCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "eval EXPR < events.jsonl",
		Short: "Evaluate an expression over events from stdin",
		Long:  "Eval reads one JSON value a line from stdin as `.` and prints the expression's value as JSON, a line each.\nAn event for which it fails is told on stderr and leaves no line; the exit code is then 1.\nAt a terminal, without events, `.` is null once.",
		Example: `  echo '{"total":"42.50"}' | sluice eval 'round(number(.total) * 1.19, 2)'
  sluice eval '[l.sku for l in .lines if l.qty > 1]' < orders.jsonl`,
		GroupID: "build",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			x := program.Expr(args[0], library(), types.AnyT)
			for _, d := range x.Diags {
				fmt.Fprintln(cmd.ErrOrStderr(), diag.Render(d))
			}
			if x.X == nil {
				return fail(exitProblems, nil)
			}
			in := cmd.InOrStdin()
			if file, ok := in.(*os.File); ok && isTerminal(file) {
				in = strings.NewReader("null") // nobody gives events: once, for what needs none
			}
			w := bufio.NewWriter(cmd.OutOrStdout())
			failed, err := evalLines(x, in, w, cmd.ErrOrStderr())
			if ferr := w.Flush(); err == nil {
				err = ferr
			}
			if err != nil {
				return fail(exitUsage, err)
			}
			if failed > 0 {
				return fail(exitProblems, nil)
			}
			return nil
		},
	}
	return c
}

// evalLines evaluates line by line and counts those that failed.
func evalLines(x *program.Expression, in io.Reader, out io.Writer, words io.Writer) (failed int, err error) {
	now := value.Value(time.Now().UTC())
	f := &eval.Frame{Ctx: &types.Context{Now: func() value.Value { return now }}}
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; s.Scan(); n++ {
		line := bytes.TrimSpace(s.Bytes())
		if len(line) == 0 {
			continue
		}
		v, bad := value.DecodeJSON(line)
		if bad != nil {
			failed++
			fmt.Fprintf(words, "line %d: byte %d: %s\n", n, bad.Offset+1, bad.Reason)
			continue
		}
		f.Begin(nil, x.Slots)
		f.Cur, f.Event = v, v
		got, fl := eval.Expr(x.X, f)
		if fl != nil {
			failed++
			fmt.Fprintf(words, "line %d:\n%s", n, diag.Render(failure(fl)))
			continue
		}
		if _, err := out.Write(append(value.AppendJSON(nil, got), '\n')); err != nil {
			return failed, err
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return failed, fmt.Errorf("a line is longer than %d MiB", maxLine>>20)
	}
	return failed, s.Err()
}

// failure is a failure as it is shown, with the value that caused it: what eval reads
// is the user's own.
func failure(f *diag.Failure) *diag.Diagnostic {
	d := &diag.Diagnostic{Code: f.Code, Span: f.Span, Message: f.Message, Help: f.Help}
	switch {
	case f.Excerpt == "":
	case f.Path != "":
		d.WithLabel("`%s` was %s", f.Path, f.Excerpt)
	default:
		d.WithLabel("it was %s", f.Excerpt)
	}
	return d
}
