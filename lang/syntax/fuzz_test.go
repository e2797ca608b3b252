package syntax_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
)

// Whatever the text: a file comes back, nothing panics, spans lie inside the
// text, and tokens and comments cover all of it but white space.
func FuzzParse(f *testing.F) {
	for _, src := range scripts(f) {
		f.Add(src)
	}
	exprs, files := edges(f)
	for _, s := range exprs {
		f.Add(constHead + s)
	}
	for _, s := range files {
		f.Add(s)
	}
	f.Add("from topic \"t\"\nmatch .x { 1 => when .a { emit log } else => x \"${a\n")
	f.Fuzz(func(t *testing.T, src string) {
		file := token.NewFile("t", src)
		p := syntax.Parse(file)
		if p == nil || p.Source != file {
			t.Fatal("no file came back")
		}
		checkSpans(t, p)
		for _, r := range p.Routes {
			if r.From == nil || r.From.Source == nil {
				t.Fatalf("%q: a route without a source node", src)
			}
		}
		end := 0
		for _, k := range p.Tokens {
			if k.Start < end || k.End() > len(src) || src[k.Start:k.End()] != k.Text {
				t.Fatalf("%q: token %q at %d, after %d", src, k.Text, k.Start, end)
			}
			if gap := strings.TrimPrefix(src[end:k.Start], "\ufeff"); strings.Trim(gap, " \t\r\n") != "" {
				t.Fatalf("%q: %q is in no token", src, gap)
			}
			end = k.End()
		}
		if strings.Trim(strings.TrimPrefix(src[end:], "\ufeff"), " \t\r\n") != "" {
			t.Fatalf("%q: %q is in no token", src, src[end:])
		}
		syntax.Dump(p)
	})
}

// The grammar is built once and shared.
func TestConcurrent(t *testing.T) {
	srcs := scripts(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for name, s := range srcs {
				if f := parse(name, s); len(f.Diags) > 0 {
					t.Error(f.Diags[0].Message)
				}
			}
		})
	}
	wg.Wait()
}

// Nesting and height are bounded (L11), so nothing can exhaust a stack.
func TestDepth(t *testing.T) {
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	for _, tt := range []struct {
		name, src string
		msg       string // "" for none
	}{
		{"200 brackets are fine", "let x = " + many("(", 200) + "1" + many(")", 200), ""},
		{"201 brackets are not", "let x = " + many("(", 201) + "1" + many(")", 201), "brackets nest more than 200 deep"},
		{"a million brackets", "let x = " + many("[", 1_000_000), "brackets nest more than 200 deep"},
		{"texts in texts", "let x = " + many("\"${", 300), "brackets nest more than 200 deep"},
		{"nested types", "type T = " + many("[", 201) + "int" + many("]", 201), "brackets nest more than 200 deep"},
		{"nested blocks", "from topic \"t\"\n" + many("when .a {\n", 201) + many("}\n", 201), "brackets nest more than 200 deep"},
		{"a chain of 900", "let x = 1" + many(" + 1", 900), ""},
		{"a chain of 100,000", "let x = 1" + many(" + 1", 100_000), "this expression is more than 1000 deep"},
		{"a path of 100,000", "let x = ." + many("a.", 100_000) + "a", "this expression is more than 1000 deep"},
		{"chains in chains", "let x = " + many("(", 150) + "1" + many(many(" + 1", 20)+")", 150), "this expression is more than 1000 deep"},
		{"a million minuses", "let x = " + many("- ", 1_000_000) + "1", "this expression is more than 1000 deep"},
		{"a million nots", "let x = " + many("not ", 1_000_000) + "a", "this expression is more than 1000 deep"},
		{"else if for ever", "let x = " + many("if a then 1 else ", 100_000) + "1", "this expression is more than 1000 deep"},
		{"else when for ever", "from topic \"t\"\nwhen .a { emit log }" + many(" else when .a { emit log }", 10_000), ""},
		{"closers without end", "from topic \"t\"\nemit log\n" + many("}\n", 10_000), "this } closes nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := parse("t", tt.src)
			got := ""
			if len(f.Diags) > 0 {
				got = f.Diags[0].Message
			}
			if diff := cmp.Diff(tt.msg, got); diff != "" {
				t.Errorf("first message (-want +got):\n%s", diff)
			}
			if len(f.Diags) > 100 {
				t.Errorf("%d diagnostics", len(f.Diags))
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	srcs := scripts(b)
	lines := 0
	for _, s := range srcs {
		lines += strings.Count(s, "\n")
	}
	b.ReportAllocs()
	for b.Loop() {
		for name, s := range srcs {
			parse(name, s)
		}
	}
	b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
