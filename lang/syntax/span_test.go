package syntax_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/syntax"
)

// checkSpans fails where a node lies outside the file or its parent, or spans
// blanks around its text.
func checkSpans(t *testing.T, f *syntax.File) {
	t.Helper()
	for _, d := range f.Decls {
		checkNode(t, f, d)
	}
	for _, r := range f.Routes {
		checkNode(t, f, r)
	}
	for _, d := range f.Diags {
		if s := d.Span; s.File != f.Source || s.Start < 0 || s.End < s.Start || s.End > len(f.Source.Src) {
			t.Errorf("%q: diagnostic %q spans %d..%d", f.Source.Src, d.Message, s.Start, s.End)
		}
		if d.Message == "" {
			t.Errorf("%q: a diagnostic without a message at %v", f.Source.Src, d.Span)
		}
	}
}

func checkNode(t *testing.T, f *syntax.File, top syntax.Node) {
	t.Helper()
	all := top.Span()
	syntax.Inspect(top, func(n syntax.Node) bool {
		s := n.Span()
		if s.File != f.Source || s.Start < all.Start || s.End > all.End || s.End < s.Start || s.End > len(f.Source.Src) {
			t.Errorf("%q: %T spans %d..%d inside %T %d..%d", f.Source.Src, n, s.Start, s.End, top, all.Start, all.End)
			return false
		}
		if x := s.Text(); len(f.Diags) == 0 && strings.TrimSpace(x) != x {
			t.Errorf("%q: %T spans blanks: %q", f.Source.Src, n, x)
		}
		return true
	})
}

func TestSpans(t *testing.T) {
	for name, src := range scripts(t) {
		f := parse(name, src)
		checkSpans(t, f)
	}
}

// The text of a span reads as the node it belongs to.
func TestSpanTexts(t *testing.T) {
	const src = `# about T
type T = { a: string?, "b c"?: [int] = 3 }

# the route
# of two lines
route r was "old-name" { priority: high }
from topic "t" as T strict { start: latest } # end
where .a.b matches ` + "`x`" + ` else "no"
set .x[0] = email.normalize(.a | lower ?? "z")
update ltv[p] = it + 1 as now was old
emit track "A ${.b}" via fast { userId: .u, ...if x then y else z }
when not (.a is not string) { emit page }
`
	f := parse("t", src)
	for _, d := range f.Diags {
		t.Fatal(diag.Render(d))
	}
	checkSpans(t, f)
	got := map[string]bool{}
	see := func(n syntax.Node) bool {
		got[strings.TrimPrefix(strings.TrimPrefix(typeName(n), "*"), "syntax.")+" "+n.Span().Text()] = true
		return true
	}
	for _, d := range f.Decls {
		syntax.Inspect(d, see)
	}
	for _, r := range f.Routes {
		syntax.Inspect(r, see)
	}
	for _, want := range []string{
		`TypeDecl type T = { a: string?, "b c"?: [int] = 3 }`, `Word T`, `TypeTerm string?`, `Key "b c"`, `TypeField "b c"?: [int] = 3`, `TypeList [int]`,
		`RouteHead route r was "old-name" { priority: high }`, `Label r`, `Label "old-name"`, `Option priority: high`, `Name high`,
		`From from topic "t" as T strict { start: latest }`, `Topic "t" as T strict`, `As as T strict`, `Const "t"`,
		"Where where .a.b matches `x` else \"no\"", "Binary .a.b matches `x`", `Word matches`, `Field .a.b`, `Field .a`, `Root .`, `Word b`, `Const "no"`,
		`Path .x[0]`, `Index .x[0]`, `Call email.normalize(.a | lower ?? "z")`, `Word email.normalize`, `Binary .a | lower ?? "z"`, `Call .a | lower`, `Word ??`,
		`Keys [p]`, `Word ltv`, `Word now`, `Word old`, `Binary it + 1`, `Name it`,
		`Emit emit track "A ${.b}" via fast { userId: .u, ...if x then y else z }`, `EmitTrack track "A ${.b}" via fast { userId: .u, ...if x then y else z }`,
		`Target "A ${.b}"`, `Text "A ${.b}"`, `Field .b`, `Word fast`, `Entry ...if x then y else z`, `Cond if x then y else z`, `Key userId`,
		`Case when not (.a is not string) { emit page }`, `Unary not (.a is not string)`, `Paren (.a is not string)`, `Is .a is not string`, `TypeName string`,
		`Block { emit page }`, `EmitView page`,
	} {
		if !got[want] {
			t.Errorf("no node %s", want)
		}
	}
	if len(f.Routes) != 1 || f.Routes[0].Doc != "the route\nof two lines" {
		t.Errorf("doc of the route: %q", f.Routes[0].Doc)
	}
	if doc := f.DocOf(f.Decls[0]); doc != "about T" {
		t.Errorf("doc of the type: %q", doc)
	}
	if s := f.Routes[0].Span().Text(); !strings.HasPrefix(s, "route r was") || !strings.HasSuffix(s, "emit page }") {
		t.Errorf("the route spans %q", s)
	}
}

func typeName(n syntax.Node) string { return fmt.Sprintf("%T", n) }
