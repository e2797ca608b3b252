package stdlib_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib"
)

// unreadable is a file system in which one file cannot be read.
type unreadable struct {
	fstest.MapFS
	name string
}

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if name == u.name {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.ReadFile(name)
}

func TestLoad(t *testing.T) {
	good := &fstest.MapFile{Data: []byte("app \"a\"\nfrom topic \"t\"\nemit log\n")}
	for _, tt := range []struct {
		name string
		fsys fs.FS
		opts program.Options
		want []string
	}{
		{"a program", fstest.MapFS{"a.route": good}, program.Options{}, nil},
		{"no scripts", fstest.MapFS{"a.txt": good, "sub/a.route": good}, program.Options{Name: "shop"}, []string{"E0601 no scripts in shop"}},
		{"a file that cannot be read", unreadable{fstest.MapFS{"a.route": good, "b.route": good}, "b.route"}, program.Options{},
			[]string{"E0602 b.route cannot be read: permission denied"}},
		{"a file that is no text", fstest.MapFS{"a.route": good, "b.route": {Data: []byte("# \xff\n")}}, program.Options{},
			[]string{"E0602 b.route is no UTF-8 text (byte 2)"}},
		{"no app", fstest.MapFS{"a.route": {Data: []byte("from topic \"t\"\nemit log\n")}}, program.Options{}, []string{"E0106 the program has no name"}},
		{"no app where none is needed", fstest.MapFS{"a.route": {Data: []byte("from topic \"t\"\nemit log\n")}}, program.Options{AllowNoApp: true}, nil},
		{"an empty file beside", fstest.MapFS{"a.route": good, "b.route": {}}, program.Options{}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			p := program.Load(tt.fsys, stdlib.Env(), tt.opts)
			for _, d := range p.Diags {
				got = append(got, d.Code.ID+" "+d.Message)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if p.Plan == nil || p.OK() != (tt.want == nil) {
				t.Errorf("plan %v, ok %v", p.Plan, p.OK())
			}
		})
	}
}

func TestExpr(t *testing.T) {
	for _, tt := range []struct{ src, typ, want string }{
		{".total * 0.9", "number", ""},
		{".name | upper", "string?", ""},
		{"{ ..., n: .n + 1 }", "{ n: number, ...: any }", ""},
		{"ecommerce.pieces([])", "int", ""},
		{`ecommerce.product({ sku: "a", price: 3, extra: 1 } | as ecommerce.Line).sku`, "string", ""},
		{`has(., "o") and .o.k == null`, "bool", ""},
		{"length(.name) > 0", "bool", ""},
		{`"2026-01-01T00:00:00Z" | as time`, "time", ""},
		{`"x" | as int`, "", "E0201"},
		{"[...(.l), 1]", "[any]", ""},
		{".l[.a]", "any", ""},
		{"if .a then 1 else 2", "1 | 2", ""},
		{".a.b > 3 and .c in [1, 2]", "bool", ""},
		{"[x.n for x in .list if x.n > 1]", "[any]", ""},
		{"upper(1)", "", "E0301"},
		{"lenght(.a)", "", "E0302"},
		{".a >", "", "E0001"},
		{".a b", "", "E0001"},
		{"", "", "E0001"},
		{"secret(\"X\")", "", "E0120"},
	} {
		t.Run(tt.src, func(t *testing.T) {
			x := program.Expr(tt.src, stdlib.Env(), types.AnyT)
			var ids []string
			for _, d := range x.Diags {
				ids = append(ids, d.Code.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Fatalf("diagnostics %q, want %q", got, tt.want)
			}
			if tt.want == "" && x.X.Type().String() != tt.typ {
				t.Errorf("type %s, want %s", x.X.Type(), tt.typ)
			}
		})
	}
}

// TestInlining: functions are put in where they are called, up to a bound.
func TestInlining(t *testing.T) {
	var b strings.Builder
	b.WriteString("app \"a\"\ndef f0(n: int) = n + 1\n")
	for i := 1; i < 30; i++ {
		prev, name := string(rune('a'+i-1)), string(rune('a'+i))
		if i == 1 {
			prev = "f0"
		}
		b.WriteString("def " + fname(name) + "(n: int) = " + fname(prev) + "(n) + " + fname(prev) + "(n)\n")
	}
	b.WriteString("from topic \"t\"\nemit log\n")
	if ids := compile(b.String()); len(ids) != 1 || ids[0] != diag.TooBig.ID {
		t.Errorf("diagnostics %v, want %s", ids, diag.TooBig.ID)
	}
}

func fname(s string) string {
	if s == "f0" {
		return s
	}
	return "fn_" + strings.NewReplacer("{", "x1", "|", "x2", "}", "x3", "~", "x4").Replace(s)
}

// TestFailures: every failure of an expression is known.
func TestFailures(t *testing.T) {
	for _, tt := range []struct{ src, want string }{
		{".n", ""},
		{".n + 1", "E0420"},
		{".n / .n", "E0420 E0421"},
		{".n / 2", "E0420"},
		{"number(.s) + 1", "E0420 E0422"},
		{"number(.s) catch 0", ""},
		{"(number(.s) catch 0) / .n", "E0420 E0421"},
		{".a.b", "E0411"},
		{"(.s | as \"x\")", "E0412"},
		{"{ [k]: v for k, v in .o }", "E0423"},
		{"upper(.s)", ""},
	} {
		t.Run(tt.src, func(t *testing.T) {
			in := types.Row(nil, types.Field{Name: "n", Type: types.NumberT}, types.Field{Name: "s", Type: types.StringT},
				types.Field{Name: "a", Type: types.AnyT}, types.Field{Name: "o", Type: types.ObjectT})
			x := program.Expr(tt.src, stdlib.Env(), in)
			if x.X == nil {
				t.Fatal(diag.Render(x.Diags[0]))
			}
			var ids []string
			for _, c := range ir.Failures(x.X) {
				ids = append(ids, c.ID)
			}
			if got := strings.Join(ids, " "); got != tt.want {
				t.Errorf("fails with %q, want %q", got, tt.want)
			}
		})
	}
}

// TestManyBranches: what is known of `.` behind many branches stays small.
func TestManyBranches(t *testing.T) {
	var b strings.Builder
	b.WriteString("app \"a\"\nfrom topic \"t\" as { id: string, n: number }\n")
	for i := range 60 {
		fmt.Fprintf(&b, "when $.n > %d { set .f%d = %d }\n", i, i, i)
	}
	b.WriteString("emit log { id: .id, f: .f59 ?? .f3, g: .f60 }\n")
	if ids := compile(b.String()); len(ids) != 1 || ids[0] != diag.UnknownField.ID {
		t.Errorf("diagnostics %v, want %s only", ids, diag.UnknownField.ID)
	}
}
