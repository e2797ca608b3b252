package stdlib_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/docs"
)

const functionsPage = "../spec/functions.md"

// TestFunctionsPage: spec/functions.md is printed from the declarations.
func TestFunctionsPage(t *testing.T) {
	got := docs.FunctionsMarkdown()
	if *update {
		if err := os.WriteFile(functionsPage, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(functionsPage)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("spec/functions.md is not what the declarations say; `go test ./stdlib -update` rewrites it (-want +got):\n%s", diff)
	}
}

func TestRegistry(t *testing.T) {
	if _, err := stdlib.NewRegistry(stdlib.Funcs()...); err != nil {
		t.Fatal(err)
	}
	good := *stdlib.Env().Func("upper")
	for _, tt := range []struct {
		name string
		with func(f *types.Func)
		want string
	}{
		{"as it is", func(*types.Func) {}, ""},
		{"no doc", func(f *types.Func) { f.Doc = "" }, "upper has no doc"},
		{"no examples", func(f *types.Func) { f.Examples = nil }, "upper has no examples"},
		{"no name", func(f *types.Func) { f.Name = "" }, "a function has no name"},
		{"no code", func(f *types.Func) { f.Call = nil }, "upper has no code"},
		{"no result", func(f *types.Func) { f.Result = nil }, "upper has no result"},
		{"a type variable that nobody infers", func(f *types.Func) { f.Params = []types.Param{{Name: "x", Doc: "d"}} }, "parameter x of upper is not well declared"},
	} {
		f := good
		tt.with(&f)
		got := ""
		if _, err := stdlib.NewRegistry(&f); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if _, err := stdlib.NewRegistry(&good, &good); err == nil || err.Error() != "upper is registered twice" {
		t.Errorf("twice: %v", err)
	}
}

// TestCountry: ip.country checks where there is a database, and says what to do where
// there is none.
func TestCountry(t *testing.T) {
	const src = "app \"a\"\nfrom topic \"t\" as { ip: string }\nemit log { c: ip.country(.ip) }\n"
	if got := rendered(src); !strings.Contains(got, "error[E0301]: ip.country: no database of IP addresses is there: --ip-database") {
		t.Errorf("without a database: %s", got)
	}
	env := stdlib.EnvOf(stdlib.World{Country: func(netip.Addr) (string, bool) { return "DE", true }})
	if p := program.Compile([]*token.File{token.NewFile("a.route", src)}, env, program.Options{}); !p.OK() {
		t.Errorf("with a database: %v", p.Diags[0].Message)
	}
}
