package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/examples"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/runtime/lookup"
)

// TestInitOfEveryExample: what `init` writes of each example checks and passes its tests,
// under another name.
func TestInitOfEveryExample(t *testing.T) {
	bin := build(t)
	for _, name := range examples.Names() {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "mine")
			for _, args := range [][]string{{"init", dir, "--from", name}, {"check", dir}, {"fmt", "--check", dir}, {"test", dir}} {
				if out, err := exec.Command(bin, args...).CombinedOutput(); err != nil {
					t.Fatalf("%s: %v\n%s", args[0], err, out)
				}
			}
		})
	}
}

// TestDevOfEveryExample: `sluice dev` with the sample traffic of each example shows at its
// receiver what the golden runner makes of the same traffic.
func TestDevOfEveryExample(t *testing.T) {
	bin := build(t)
	for _, name := range examples.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("../../examples", name)
			want := arrivals(t, dir)
			if len(want) == 0 {
				t.Fatal("the sample traffic of the example brings nothing")
			}
			cmd := exec.Command(bin, "dev", "-o", "json", "--admin", ":0", "--listen", ":0", dir)
			lines, words := talking(t, cmd)
			go func() {
				for l := range words {
					t.Log(l)
				}
			}()
			got := map[string]int{}
			for timeout := time.After(time.Minute); missing(want, got) != ""; {
				select {
				case l, ok := <-lines:
					var a arrival
					if !ok || json.Unmarshal([]byte(l), &a) != nil {
						t.Fatalf("dev says %q; missing: %s", l, missing(want, got))
					}
					a.count(got)
				case <-timeout:
					t.Fatalf("missing: %s; arrived: %v", missing(want, got), got)
				}
			}
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			for l := range lines {
				if a := (arrival{}); json.Unmarshal([]byte(l), &a) == nil && a.Route != "" {
					a.count(got)
				}
			}
			if !maps.Equal(want, got) {
				t.Errorf("want %v\ngot  %v", want, got)
			}
		})
	}
}

// count adds what arrived, of what a golden case lists as out: answers of calls and letters
// that go back are no outputs.
func (a *arrival) count(got map[string]int) {
	if !strings.HasPrefix(a.Emit, "call ") && !strings.HasPrefix(a.To, "route ") {
		got[a.Route+": "+a.Emit+" to "+a.To]++
	}
}

// missing lists what has not come.
func missing(want, got map[string]int) string {
	var out []string
	for k, n := range want {
		if got[k] < n {
			out = append(out, fmt.Sprintf("%d × %s", n-got[k], k))
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// arrivals counts what the golden runner makes of an example's sample traffic.
func arrivals(t *testing.T, dir string) map[string]int {
	t.Helper()
	p, err := load(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	if !p.OK() {
		t.Fatalf("it has %d errors", p.Errors())
	}
	files := lookup.New(p.Plan.Tables)
	if err := files.LoadFiles(dir); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, part := range []struct{ section, file string }{{"in", "sample.jsonl"}, {"http", "http.jsonl"}} {
		b, err := os.ReadFile(filepath.Join(dir, part.file))
		if err != nil && part.section == "in" {
			t.Fatal(err)
		}
		if len(b) > 0 {
			fmt.Fprintf(&text, "-- %s --\n%s", part.section, b)
		}
	}
	c, err := golden.Parse("sample", []byte(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	c.Now = time.Now()
	_, a := golden.Run(p.Plan, c, golden.Options{Files: files})
	if a == nil {
		t.Fatal("the sample traffic cannot be run")
	}
	out := map[string]int{}
	for _, o := range a.Taken {
		out[o.Route.Name+": "+o.Emit.ID+" to "+plan.To(o.Emit)]++
	}
	return out
}
