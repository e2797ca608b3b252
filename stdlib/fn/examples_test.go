package fn_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/stdlib"
	"github.com/sluice-dev/sluice/stdlib/fn"
)

// TestSigns: a signature that is written out has the name, the parameters and the mark
// of what is declared.
func TestSigns(t *testing.T) {
	for _, f := range append(fn.All(), fn.Aggregates()...) {
		if f.Sign == "" {
			continue
		}
		rest, ok := strings.CutPrefix(f.Sign, f.Name+"(")
		for _, p := range f.Params {
			_, rest, ok = strings.Cut(rest, p.Name+": ")
			if !ok {
				break
			}
		}
		if !ok || strings.HasSuffix(f.Sign, "!") != f.Fails || strings.Count(f.Sign, ": ") != len(f.Params) {
			t.Errorf("%s is declared as %s", f.Sign, f.Name)
		}
	}
}

// TestExamples runs the examples of every function through the compiler and the
// reference evaluator.
func TestExamples(t *testing.T) {
	for _, f := range fn.All() {
		if len(f.Examples) < 2 {
			t.Errorf("%s has %d examples, two are the least", f.Name, len(f.Examples))
		}
		for _, x := range f.Examples {
			got, code := run(x.Expr)
			switch {
			case x.Want == "fails":
				if code == "" || code[0] != 'E' || code < "E0400" {
					t.Errorf("%s gives %s %s, it should fail when it runs", x.Expr, value.Excerpt(got, 200), code)
				}
				continue
			case len(x.Want) == len("error E0301") && x.Want[:6] == "error ":
				if code != x.Want[6:] {
					t.Errorf("%s gives %s %s, want %s", x.Expr, value.Excerpt(got, 200), code, x.Want)
				}
				continue
			case code != "":
				t.Errorf("%s: %s", x.Expr, code)
				continue
			}
			want, code := run(x.Want)
			if code != "" {
				t.Errorf("%s: %s", x.Want, code)
			}
			if !value.Equal(got, want) {
				t.Errorf("%s = %s, want %s", x.Expr, value.Excerpt(got, 400), x.Want)
			}
		}
	}
}

// run evaluates an expression; code is what it fails with, at compile time or when
// it runs.
func run(src string) (v value.Value, code string) {
	// Addresses for documentation are of Germany here.
	env := stdlib.EnvOf(stdlib.World{Country: func(ip netip.Addr) (string, bool) { return "DE", netip.MustParsePrefix("203.0.113.0/24").Contains(ip) }})
	x := program.Expr(src, env, types.NullT)
	for _, d := range x.Diags {
		if d.Code.Level() == diag.Error {
			return nil, d.Code.ID
		}
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	var f eval.Frame
	f.Begin(nil, x.Slots)
	f.Ctx = &types.Context{Now: func() value.Value { return now }}
	v, fail := eval.Expr(x.X, &f)
	if fail != nil {
		return nil, fail.Code.ID
	}
	return v, ""
}
