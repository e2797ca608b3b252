package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/examples"
)

// block is one fenced block of the README.
type block struct {
	info, text string
	line       int
}

func blocks(t *testing.T, path string) []block {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []block
	var cur *block
	for i, l := range strings.SplitAfter(string(b), "\n") {
		switch {
		case cur == nil && strings.HasPrefix(l, "```"):
			cur = &block{info: strings.TrimSpace(l[3:]), line: i + 1}
		case cur != nil && strings.HasPrefix(l, "```"):
			out = append(out, *cur)
			cur = nil
		case cur != nil:
			cur.text += l
		}
	}
	return out
}

// TestREADME does what the README says: its files are written, its terminal blocks
// run in order in one folder, and what they print must be what it shows. `…`
// stands for anything.
func TestREADME(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Dir(build(t))
	ran := 0
	for _, b := range blocks(t, "../../README.md") {
		kind, name, _ := strings.Cut(b.info, " ")
		if name != "" {
			path := filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if kind != "console" {
			continue
		}
		ran += play(t, "README.md", b, dir, bin)
	}
	if ran < 5 {
		t.Errorf("only %d commands were found", ran)
	}
}

// play runs the commands of a block in a folder and counts them.
func play(t *testing.T, file string, b block, dir, bin string) int {
	t.Helper()
	cs := commands(b.text)
	for _, c := range cs {
		cmd := exec.Command("sh", "-c", c.run)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1")
		got, _ := cmd.CombinedOutput() // a command that finds mistakes exits with 1, as shown
		if !shown(c.want).Match(bytes.TrimSpace(got)) {
			t.Errorf("%s:%d: $ %s\nshows\n%s\nprints\n%s", file, b.line, c.run, c.want, got)
		}
	}
	return len(cs)
}

// TestExamples does what the README of each example says, in the folder of the
// examples: every one checks, passes its cases, and they reach every branch.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/README.md")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d examples with a README (%v)", len(files), err)
	}
	bin := filepath.Dir(build(t))
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			text := ""
			for _, b := range blocks(t, file) {
				if b.info == "console" {
					play(t, file, b, "../../examples", bin)
					text += b.text
				}
			}
			for _, want := range []string{"$ sluice check " + name + "\n", "$ sluice test " + name + " --cover\n", "\ncover 100.0% "} {
				if !strings.Contains(text, want) {
					t.Errorf("it does not show %q", want)
				}
			}
		})
	}
}

// build makes the command as a user has it: the demo starts itself as a child.
func build(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "sluice")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

type command struct{ run, want string }

func commands(text string) []command {
	var out []command
	for _, l := range strings.SplitAfter(text, "\n") {
		if run, ok := strings.CutPrefix(l, "$ "); ok {
			out = append(out, command{run: strings.TrimSpace(run)})
		} else if n := len(out); n > 0 {
			out[n-1].want += l
		}
	}
	return out
}

// shown is what the README shows as a pattern; runs of blanks are equal.
func shown(want string) *regexp.Regexp {
	p := regexp.QuoteMeta(strings.TrimSpace(want))
	p = strings.ReplaceAll(p, "…", ".*")
	p = regexp.MustCompile(` +`).ReplaceAllString(p, " +")
	return regexp.MustCompile(`\A` + p + `\z`)
}

// TestREADMEDemo holds the demo's block against a short run: the same lines, with
// other numbers, and the promise kept.
func TestREADMEDemo(t *testing.T) {
	var want string
	for _, b := range blocks(t, "../../README.md") {
		if b.info == "demo" {
			c := commands(b.text)
			if len(c) != 1 || c[0].run != "go run ./cmd/sluice demo" {
				t.Fatalf("README.md:%d: the block shows one command", b.line)
			}
			want = c[0].want
		}
	}
	var out, words bytes.Buffer
	cmd := exec.Command(build(t), "demo", "--events", "30000", "--rate", "15000")
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, words.String(), out.String())
	}
	if g, w := shape(out.String()), shape(want); g != w {
		t.Errorf("README shows\n%s\nthe demo prints\n%s", w, g)
	}
	for _, l := range []string{"lost         0\n", "duplicated   0\n", "out of order 0\n"} {
		if !strings.Contains(out.String(), l) || !strings.Contains(want, l) {
			t.Errorf("%q is not there", l)
		}
	}
}

// TestREADMEUseCases holds the table of use cases against the examples: a row each, and no
// link that leads nowhere.
func TestREADMEUseCases(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(b), "\n| Use case |")
	table, _, _ = strings.Cut(table, "\n\n")
	var shown []string
	for _, m := range regexp.MustCompile(`(?m)^\|[^|]+\| \[([^]]+)\]\(examples/([^)]+)\) \|`).FindAllStringSubmatch(table, -1) {
		if m[1] != m[2] {
			t.Errorf("the row of %s leads to %s", m[1], m[2])
		}
		shown = append(shown, m[2])
	}
	slices.Sort(shown)
	if want := examples.Names(); !slices.Equal(shown, want) {
		t.Errorf("README shows\n%v\nthere are\n%v", shown, want)
	}
}

// TestREADMETests holds the list of `go test ./...` against the packages that have
// tests.
func TestREADMETests(t *testing.T) {
	var shown []string
	for _, b := range blocks(t, "../../README.md") {
		if b.info != "tests" {
			continue
		}
		c := commands(b.text)
		if len(c) != 1 || c[0].run != "go test ./..." {
			t.Fatalf("README.md:%d: the block shows one command", b.line)
		}
		for _, l := range strings.Split(strings.TrimSpace(c[0].want), "\n") {
			if f := strings.Fields(l); len(f) == 3 && f[0] == "ok" {
				shown = append(shown, f[1])
				continue
			}
			t.Errorf("README.md:%d: %q is no line of go test", b.line, l)
		}
	}
	list := exec.Command("go", "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}", "./...")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(shown, "\n"), strings.Join(strings.Fields(string(out)), "\n"); got != want {
		t.Errorf("README shows\n%s\nthere are tests in\n%s", got, want)
	}
}

// shape is a text without its numbers and blanks.
func shape(s string) string {
	s = regexp.MustCompile(`[0-9][0-9.]*(ms|s)?\b`).ReplaceAllString(s, "#")
	s = regexp.MustCompile(`(?m)^ +| +$`).ReplaceAllString(s, "")
	return strings.TrimSpace(regexp.MustCompile(` +`).ReplaceAllString(s, " "))
}
