package syntax_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/syntax"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// golden compares a file of testdata with what we have now.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// edges gives the snippets of testdata/edges.txt: expressions and files.
func edges(tb testing.TB) (exprs, files []string) {
	tb.Helper()
	b, err := os.ReadFile("testdata/edges.txt")
	if err != nil {
		tb.Fatal(err)
	}
	list := &exprs
	for _, line := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(line, "== files") {
			list = &files
		}
		if !strings.HasPrefix(line, `"`) {
			continue
		}
		s, err := strconv.Unquote(line)
		if err != nil {
			tb.Fatalf("edges.txt: %s: %v", line, err)
		}
		*list = append(*list, s)
	}
	return exprs, files
}

const constHead = "let x = "

func TestEdges(t *testing.T) {
	b, err := os.ReadFile("testdata/edges.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	file := false
	for _, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
		if strings.HasPrefix(line, "\t") {
			continue
		}
		out.WriteString(line + "\n")
		file = file || strings.HasPrefix(line, "== files")
		if !strings.HasPrefix(line, `"`) {
			continue
		}
		s, err := strconv.Unquote(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if file {
			out.WriteString(edge(t, s, 0))
		} else {
			out.WriteString(edge(t, constHead+s, len(constHead)))
		}
	}
	golden(t, "testdata/edges.txt", out.String())
}

// edge tells what a text reads as; columns are counted from skip on.
func edge(t *testing.T, src string, skip int) string {
	f := parse("t", src)
	checkSpans(t, f)
	var b strings.Builder
	if len(f.Decls) == 1 && skip > 0 {
		if l, ok := f.Decls[0].(*syntax.Let); ok && len(f.Diags) == 0 {
			fmt.Fprintf(&b, "\t%s\n", strings.ReplaceAll(syntax.Show(l.X), "\n", "\n\t"))
		}
	} else if d := syntax.Dump(f); d != "" && skip == 0 {
		fmt.Fprintf(&b, "\t%s\n", strings.ReplaceAll(d, "\n", "\n\t"))
	}
	for _, d := range f.Diags {
		p := d.Span.Pos()
		if p.Line == 1 {
			p.Col -= skip
		}
		fmt.Fprintf(&b, "\t! %d:%d %s %q %s", p.Line, p.Col, d.Code.ID, d.Span.Text(), d.Message)
		if d.Label != "" {
			fmt.Fprintf(&b, " (%s)", d.Label)
		}
		if d.Help != "" {
			fmt.Fprintf(&b, " [%s]", d.Help)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// What people see, letter by letter.
func TestFaultRenderings(t *testing.T) {
	const path = "testdata/faults.txtar"
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := &txtar.Archive{Comment: a.Comment}
	for _, f := range a.Files {
		name, ok := strings.CutSuffix(f.Name, ".route")
		if !ok {
			continue
		}
		p := parse("orders.route", string(f.Data))
		if len(p.Diags) == 0 {
			t.Errorf("%s: nothing is reported", name)
		}
		var want strings.Builder
		for _, d := range p.Diags {
			want.WriteString(diag.Render(d))
		}
		out.Files = append(out.Files, f, txtar.File{Name: name + ".want", Data: []byte(want.String())})
	}
	golden(t, path, string(txtar.Format(out)))
}

// The pages of the codes that this package gives: Wrong gives exactly that
// code, Right none.
func TestCodes(t *testing.T) {
	for _, c := range []*diag.Code{diag.Syntax, diag.BadToken, diag.Unclosed, diag.Nesting} {
		var got []string
		for _, d := range parse("wrong", c.Wrong).Diags {
			got = append(got, d.Code.ID)
		}
		if diff := cmp.Diff([]string{c.ID}, got); diff != "" {
			t.Errorf("%s: codes of Wrong (-want +got):\n%s", c.ID, diff)
		}
		for _, d := range parse("right", c.Right).Diags {
			t.Errorf("%s: Right is refused: %s", c.ID, diag.Render(d))
		}
	}
}
