package format_test

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/format"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
)

func parse(src string) *syntax.File { return syntax.Parse(token.NewFile("t.route", src)) }

// scripts are all scripts that the project holds as examples of good form.
func scripts(tb testing.TB) map[string]string {
	tb.Helper()
	out := map[string]string{}
	for _, root := range []string{"../../spec/cases", "../../examples"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".route" {
				if os.IsNotExist(err) {
					return nil
				}
				return err
			}
			b, err := os.ReadFile(path)
			out[path] = string(b)
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if len(out) == 0 {
		tb.Fatal("no scripts")
	}
	return out
}

// The founding scripts are canonical: formatting changes no byte of them.
func TestScriptsAreCanonical(t *testing.T) {
	for path, src := range scripts(t) {
		f := parse(src)
		if len(f.Diags) > 0 && !strings.Contains(path, "cases/scripts/") {
			continue
		}
		got, err := format.Source(f)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if diff := cmp.Diff(strings.Split(src, "\n"), strings.Split(got, "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
}

// check formats a text and tells what is wrong with the result; a text with
// mistakes must be refused.
func check(t *testing.T, src string) string {
	t.Helper()
	f := parse(src)
	got, err := format.Source(f)
	if len(f.Diags) > 0 {
		if err == nil {
			t.Fatalf("a text with mistakes was formatted: %q", src)
		}
		return ""
	}
	if err != nil {
		t.Fatalf("%q: %v", src, err)
	}
	g := parse(got)
	if len(g.Diags) > 0 {
		t.Fatalf("%q\nis formatted as\n%q\nwhere %s: %s", src, got, g.Diags[0].Span, g.Diags[0].Message)
	}
	if diff := cmp.Diff(syntax.Dump(f), syntax.Dump(g)); diff != "" {
		t.Fatalf("%q\nis formatted as\n%q\nwhich reads differently (-before +after):\n%s", src, got, diff)
	}
	if diff := cmp.Diff(comments(f), comments(g)); diff != "" {
		t.Fatalf("%q\nis formatted as\n%q\ncomments (-before +after):\n%s", src, got, diff)
	}
	again, err := format.Source(g)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(got, "\n"), strings.Split(again, "\n")); diff != "" {
		t.Fatalf("%q\nis formatted otherwise the second time (-once +twice):\n%s", src, diff)
	}
	for _, l := range strings.Split(got, "\n") {
		if strings.TrimRight(l, " \t") != l && !strings.Contains(src, "`") {
			t.Fatalf("%q: blanks at the end of a line: %q", src, l)
		}
	}
	return got
}

func comments(f *syntax.File) []string {
	var out []string
	for _, c := range f.Comments {
		out = append(out, strings.TrimRight(c.Text, " \t\r"))
	}
	return out
}

// Whatever the white space of a script, formatting it reads as the same tree.
func TestAnyWhiteSpace(t *testing.T) {
	mess := map[string]func(string) string{
		"no indentation": func(s string) string { return eachLine(s, strings.TrimLeft) },
		"tabs":           func(s string) string { return strings.ReplaceAll(s, "  ", "\t") },
		"CRLF":           func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"blank lines":    func(s string) string { return strings.ReplaceAll(s, "\n", "\n\n\n") },
		"open braces":    func(s string) string { return strings.ReplaceAll(s, "{ ", "{\n") },
		"closed braces":  func(s string) string { return strings.ReplaceAll(s, " }", "\n}") },
		"open lists":     func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, " [", " [\n"), "]", "\n]") },
		"broken commas":  func(s string) string { return strings.ReplaceAll(s, ", ", ",\n") },
		"commented":      func(s string) string { return strings.ReplaceAll(s, ", ", ", # c\n") },
		"doubled blanks": func(s string) string { return strings.ReplaceAll(s, ": ", ":  ") },
		"and on a line":  func(s string) string { return strings.ReplaceAll(s, " and ", "\n\n # why\n and ") },
		"no end":         func(s string) string { return strings.TrimRight(s, "\n") },
	}
	formatted := 0
	for path, src := range scripts(t) {
		for name, f := range mess {
			t.Run(filepath.Base(path)+"/"+name, func(t *testing.T) {
				if check(t, f(src)) != "" {
					formatted++
				}
			})
		}
	}
	if formatted < 100 {
		t.Errorf("only %d messed scripts could be read", formatted)
	}
}

func eachLine(s string, f func(string, string) string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = f(l, " \t")
	}
	return strings.Join(lines, "\n")
}

// What only lost its indentation, its line ends or its last line end gets it back.
func TestIndentationComesBack(t *testing.T) {
	for path, src := range scripts(t) {
		if len(parse(src).Diags) > 0 {
			continue
		}
		for _, m := range []string{eachLine(src, strings.TrimLeft), strings.ReplaceAll(src, "\n", "\r\n"), strings.TrimSpace(src), "\n\n" + src + "\n\n"} {
			got, err := format.Source(parse(m))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			// A comment keeps its column, which indentation moved.
			if diff := cmp.Diff(columnless(src), columnless(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", path, diff)
			}
		}
	}
}

func columnless(s string) []string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		if code, comment, ok := strings.Cut(l, " #"); ok {
			lines[i] = strings.TrimRight(code, " ") + " #" + comment
		}
	}
	return lines
}

func FuzzFormat(f *testing.F) {
	for _, src := range scripts(f) {
		f.Add(src)
	}
	b, err := os.ReadFile("../syntax/testdata/edges.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if s, err := strconv.Unquote(line); err == nil {
			f.Add(s)
			f.Add("let x = " + s)
			f.Add("from topic \"t\"\nwhen .a {\nmap " + s + "\n}\n")
		}
	}
	f.Fuzz(func(t *testing.T, src string) { check(t, src) })
}

var update = flag.Bool("update", false, "rewrite testdata/format.txtar")

func TestGolden(t *testing.T) {
	const path = "testdata/format.txtar"
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
		if p := parse(string(f.Data)); len(p.Diags) > 0 {
			t.Fatalf("%s: %s: %s", name, p.Diags[0].Span, p.Diags[0].Message)
		}
		out.Files = append(out.Files, f, txtar.File{Name: name + ".want", Data: []byte(check(t, string(f.Data)))})
	}
	got := txtar.Format(out)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(string(txtar.Format(a)), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
