package stdlib_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/ir"
)

const identityProgram = `app "shop"
connection segment main { write_key: secret("K") }
from topic "t" as { id: string, n: number, l: [string] }
where .n > 1
let a = .n
let b = .n
where .n > 2
emit track "A" { userId: .id }
emit track .id { userId: .id }
emit track "A" as again { userId: .id }
when .n > 3 {
  set .x = 1
  emit log
}
each .l as x {
  where x != ""
  emit topic "u" { key: x }
}
match .n {
  4 => emit log "four"
  else => emit track "A" { userId: .id }
}
emit log
`

func ids(t *testing.T, src string) (nodes, emits []string) {
	t.Helper()
	p := load(src)
	if !p.OK() {
		t.Fatalf("does not check:\n%s", rendered(src))
	}
	for _, n := range p.Plan.Routes[0].Nodes {
		nodes = append(nodes, n.ID)
	}
	for _, e := range p.Plan.Routes[0].Emits {
		emits = append(emits, e.ID)
	}
	return nodes, emits
}

// TestIdentities: what names are made of (language.md §1), and that a line put
// anywhere changes nothing of the lines unlike it.
func TestIdentities(t *testing.T) {
	nodes, emits := ids(t, identityProgram)
	if diff := cmp.Diff([]string{"track A", "track .id", "again", "log", "topic u", "log four", "track A#2", "log#2"}, emits); diff != "" {
		t.Errorf("emits (-want +got):\n%s", diff)
	}
	lines := strings.SplitAfter(identityProgram, "\n")
	for i := 3; i < len(lines)-1; i++ {
		for _, extra := range []string{"emit topic \"elsewhere\"\n", "require .id != \"\" else \"no\"\n"} {
			if strings.Contains(lines[i]+lines[i-1], "=>") || strings.HasPrefix(lines[i-1], "match") {
				continue
			}
			src := strings.Join(lines[:i], "") + extra + strings.Join(lines[i:], "")
			got, gotEmits := ids(t, src)
			for _, id := range nodes {
				if !slices.Contains(got, id) {
					t.Errorf("%q before line %d: the operator %q is gone", extra, i+1, id)
				}
			}
			for _, id := range emits {
				if !slices.Contains(gotEmits, id) {
					t.Errorf("%q before line %d: the emit %q is gone", extra, i+1, id)
				}
			}
		}
	}
}

// TestRenamed: a renamed route keeps what its ids are made with.
func TestRenamed(t *testing.T) {
	r := load("app \"a\"\nroute b was c\nfrom topic \"t\"\nemit log\n").IR.Routes[0]
	if r.Name != "b" || r.IDName() != "c" {
		t.Errorf("name %q, ids by %q", r.Name, r.IDName())
	}
}

// TestCallFields: what a call sends when the script writes only a part of it.
func TestCallFields(t *testing.T) {
	src := `app "a"
connection segment main { write_key: secret("K") }
from topic "t" as { id: string?, anon: string, n: number, at: time }
emit track "bare" { anonymousId: .anon }
with { userId: .id, context: { a: 1 } }
emit track "with" { userId?: .id, anonymousId?: .id, key: .anon }
time by .at
emit identify { timestamp: .at, traits: { n: .n } }
emit alias { userId: .anon, previousId: .anon }
`
	p := load(src)
	if !p.OK() {
		t.Fatal(rendered(src))
	}
	want := []string{
		"anonymousId: .anon | event: \"bare\" | properties: . (default) | timestamp: @time (default) may fail",
		"userId: .id ?? with.userId | anonymousId: .id | event: \"with\" | properties: . (default) | timestamp: @time (default) may fail | context: with.context (default) | key: .anon",
		"userId: with.userId (default) | traits: {…} | timestamp: .at | context: with.context (default)",
		"userId: .anon | previousId: .anon | timestamp: @time (default) | context: with.context (default)",
	}
	for i, e := range p.Plan.Routes[0].Emits {
		call := e.Sink.(*ir.SegmentCall)
		var parts []string
		for _, f := range call.Fields {
			s := f.Name + ": " + show(f.X)
			if f.Default {
				s += " (default)"
			}
			if len(f.X.Fails()) > 0 {
				s += " may fail"
			}
			parts = append(parts, s)
		}
		if got := strings.Join(parts, " | "); got != want[i] {
			t.Errorf("emit %d\n got %s\nwant %s", i+1, got, want[i])
		}
	}
}

func show(x ir.Expr) string {
	switch x := x.(type) {
	case *ir.Const:
		if s, ok := x.Value.(string); ok {
			return fmt.Sprintf("%q", s)
		}
		return "{…}"
	case *ir.Current:
		return "."
	case *ir.Field:
		return strings.TrimSuffix(show(x.X), ".") + "." + x.Name
	case *ir.Meta:
		return "@" + x.Name
	case *ir.Var:
		return "with." + x.Name
	case *ir.Coalesce:
		return show(x.X) + " ?? " + show(x.Y)
	case *ir.Object:
		return "{…}"
	}
	return "?"
}
