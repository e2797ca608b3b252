// Package spec_test holds the rules of the house as tests: who may import whom,
// who may start goroutines, what stands at the top of the repository.
package spec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/sluice-dev/sluice/"

// source is one parsed Go file that is no test.
type source struct {
	path string // relative to the repository
	room string // its folder
	file *ast.File
}

// sources parses the repository's Go files, tests left out.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(fset, p, nil, 0)
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(filepath.ToSlash(p), "../")
		out = append(out, source{rel, filepath.ToSlash(filepath.Dir(rel)), f})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("only %d files found: the walk is wrong", len(out))
	}
	return out
}

func imports(s source) []string {
	var out []string
	for _, i := range s.file.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out = append(out, p)
	}
	return out
}

func under(room string, rooms ...string) bool {
	for _, r := range rooms {
		if room == r || strings.HasPrefix(room, r+"/") {
			return true
		}
	}
	return false
}

// rungs are the floors of lang in order: a floor knows only those below it.
var rungs = []string{"token", "diag", "value", "types", "syntax", "format", "ir", "check", "plan", "program", "lsp"}

// TestDirection holds architecture's one direction: bytes → token → syntax → ir
// → plan → steps → sinks.
func TestDirection(t *testing.T) {
	runtimeSees := []string{"lang/token", "lang/diag", "lang/value", "lang/types", "lang/ir", "lang/plan"}
	for _, s := range sources(t) {
		for _, imp := range imports(s) {
			ours, ok := strings.CutPrefix(imp, module)
			if !ok {
				continue
			}
			bad := ""
			switch {
			case under(s.room, "lang") && !under(ours, "lang"):
				bad = "lang imports nothing of ours outside lang"
			case under(s.room, "stdlib") && !under(ours, "lang", "stdlib"):
				bad = "stdlib imports only lang"
			case under(s.room, "runtime") && under(ours, "stdlib"):
				bad = "runtime and stdlib meet only in cmd and in tests"
			case under(s.room, "runtime") && under(ours, "lang") && !slices.Contains(runtimeSees, ours):
				bad = "of lang the runtime sees only " + strings.Join(runtimeSees, ", ")
			case under(ours, "cmd"):
				bad = "nothing imports cmd"
			case under(s.room, "lang") && rung(ours) > rung(s.room):
				bad = "a rung knows only the rungs below it"
			case under(s.room, "runtime/json") && under(ours, "lang/ir"):
				bad = "json knows no ir"
			}
			if bad != "" {
				t.Errorf("%s imports %s: %s", s.path, ours, bad)
			}
		}
	}
}

func rung(room string) int {
	parts := strings.Split(room, "/")
	if len(parts) < 2 {
		return 0
	}
	return slices.Index(rungs, parts[1])
}

// TestLibraries: a third-party library of these kinds has one importer, so that
// it can be exchanged.
func TestLibraries(t *testing.T) {
	only := map[string][]string{
		"github.com/alecthomas/participle":      {"lang/syntax"},
		"github.com/twmb/franz-go":              {"runtime/kafka"},
		"github.com/dgraph-io/badger":           {"runtime/state"},
		"github.com/fsnotify/fsnotify":          {"runtime/lookup"},
		"github.com/prometheus/client_golang":   {"runtime/observe"},
		"github.com/spf13/cobra":                {"cmd/sluice"},
		"github.com/nyaruka/phonenumbers":       {"stdlib"},
		"github.com/mileusna/useragent":         {"stdlib"},
		"golang.org/x/net":                      {"stdlib"},
		"github.com/santhosh-tekuri/jsonschema": {"stdlib/trackingplan"},
		"github.com/oschwald/maxminddb-golang":  {"cmd/sluice"},
		"github.com/cockroachdb/apd":            {"lang/value"},
		"github.com/lmittmann/tint":             {"cmd/sluice"},
		"github.com/segmentio/analytics-go":     {"runtime/receiver"},
	}
	for _, s := range sources(t) {
		for _, imp := range imports(s) {
			for lib, rooms := range only {
				if strings.HasPrefix(imp, lib) && !under(s.room, rooms...) {
					t.Errorf("%s imports %s: only %s may", s.path, imp, strings.Join(rooms, ", "))
				}
			}
		}
	}
}

// TestPure: the protocol's core takes time and answers as input and gives effects
// as data; the deterministic tests drive this very code.
func TestPure(t *testing.T) {
	pure := []string{"runtime/json", "runtime/event", "runtime/eval", "runtime/op", "runtime/task", "runtime/deliver", "runtime/letter", "runtime/schedule", "runtime/state", "runtime/dedupe", "runtime/edge"}
	// What the store is on a disk; the rest of the room knows a store only as an interface.
	disk := []string{"runtime/state/badger.go", "runtime/state/inspect.go", "runtime/state/mark.go"}
	// What takes requests from the net; the rest of the room knows them only as data.
	served := []string{"runtime/edge/server.go"}
	for _, s := range sources(t) {
		if !under(s.room, pure...) || slices.Contains(disk, s.path) || slices.Contains(served, s.path) {
			continue
		}
		for _, imp := range imports(s) {
			if imp == "net" || strings.HasPrefix(imp, "net/") && imp != "net/url" && imp != "net/netip" || imp == "os" || imp == "os/signal" || imp == "context" {
				t.Errorf("%s imports %s: this room is pure", s.path, imp)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker", "Tick", "AfterFunc"}, sel.Sel.Name) {
				t.Errorf("%s uses time.%s: time is an input here", s.path, sel.Sel.Name)
			}
			return true
		})
	}
}

// TestGoroutines: who starts a goroutine owns its end; so few rooms may.
func TestGoroutines(t *testing.T) {
	may := []string{"runtime/engine", "runtime/edge", "runtime/receiver", "runtime/kafka/embedded", "cmd"}
	for _, s := range sources(t) {
		if under(s.room, may...) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if _, ok := n.(*ast.GoStmt); ok {
				t.Errorf("%s has a go statement: only %s may", s.path, strings.Join(may, ", "))
			}
			return true
		})
	}
}

// TestTop: the top of the repository is what a newcomer sees first.
func TestTop(t *testing.T) {
	want := []string{"LICENSE", "README.md", "cmd", "examples", "go.mod", "go.sum", "lang", "runtime", "spec", "stdlib"}
	ents, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range ents {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(want, e.Name()) {
			t.Errorf("%s stands at the top; only %s and dot-files may", e.Name(), strings.Join(want, ", "))
		}
	}
}
