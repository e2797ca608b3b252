package main

import (
	"bufio"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/examples"
)

// lines gives what a process writes, line by line.
func lines(r io.Reader) <-chan string {
	ch := make(chan string, 1000) // closed at the end of r
	go func() {
		defer close(ch)
		for s := bufio.NewScanner(r); s.Scan(); {
			ch <- s.Text()
		}
	}()
	return ch
}

// await reads on until a line holds the text.
func await(t *testing.T, ch <-chan string, text string) string {
	t.Helper()
	var seen []string
	for timeout := time.After(90 * time.Second); ; {
		select {
		case l, ok := <-ch:
			if strings.Contains(l, text) {
				return l
			}
			if seen = append(seen, l); !ok {
				t.Fatalf("ended without %q:\n%s", text, strings.Join(seen, "\n"))
			}
		case <-timeout:
			t.Fatalf("no %q in time:\n%s", text, strings.Join(seen, "\n"))
		}
	}
}

// TestDev feeds the example, sees each event arrive, saves a mistake (the old
// program goes on), saves a change (the new one runs), and stops.
func TestDev(t *testing.T) {
	dir := t.TempDir()
	program, err := fs.Sub(examples.Programs, "signups")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(build(t), "dev", "--admin", ":0", dir)
	arrivals, told := talking(t, cmd)
	await(t, told, "2 events fed")
	for range 2 {
		if l := await(t, arrivals, "segment main"); !strings.Contains(l, "sl1-") || !strings.HasSuffix(l, " ms") {
			t.Errorf("an arrival says time, route, call, id and latency, got %q", l)
		}
	}
	script := filepath.Join(dir, "signups.route")
	good, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	save := func(text string) {
		if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save(strings.Replace(string(good), ".plan", ".paln", 1))
	await(t, told, "did you mean .plan?")
	await(t, told, "the old program goes on")
	save(strings.Replace(string(good), `"Signed Up"`, `"Signed Up" as signed_up`, 1))
	await(t, told, "passed")
	await(t, told, "started again")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	await(t, arrivals, "route  in  completed")
	for range told { // read to the end before Wait closes the pipes
	}
	for range arrivals {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("dev ended with %v", err)
	}
}

// TestDevTells: a record that fails is told at once, with where and what to do, and
// --bodies shows what was sent.
func TestDevTells(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.route":      "app \"tells\"\nfrom topic \"t\" as { id: string, total: number }\nemit log \"seen\" { id: .id }\n",
		"sample.jsonl": `{"topic":"t","value":{"id":"a","total":"1,5"}}` + "\n" + `{"topic":"t","value":{"id":"b","total":1}}` + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(build(t), "dev", "--admin", ":0", "--listen", ":0", "--bodies", dir)
	arrivals, told := talking(t, cmd)
	await(t, told, "dead letter in a: E0412 .total: expected number, got string, at a.route:2:1")
	await(t, told, "help: ")
	await(t, arrivals, `seen {"id":"b"}`)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range told {
	}
	for range arrivals {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("dev ended with %v", err)
	}
}

// TestAgo: a latency is of milliseconds, and of days where a record is old.
func TestAgo(t *testing.T) {
	for ms, want := range map[int64]string{0: "0 ms", 59_999: "59999 ms", 61_000: "1m1s", 26 * 3_600_000: "26h0m0s", 23_317_719_249: "269 days"} {
		if got := ago(ms); got != want {
			t.Errorf("ago(%d) is %s, want %s", ms, got, want)
		}
	}
}

// TestRunStops: the first signal ends a program with its account and code 0.
func TestRunStops(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.route"), []byte("app \"stops\"\nfrom topic \"t\" as { id: string }\nemit log \"seen\" { id: .id }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(build(t), "run", "--admin", ":0", "--state", filepath.Join(t.TempDir(), "state"), "-o", "json", dir)
	var out strings.Builder
	cmd.Stdout = &out
	words, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	told := lines(words)
	await(t, told, "embedded development broker")
	await(t, told, `"msg":"running"`)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	await(t, told, "stopping")
	for range told {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("run ended with %v", err)
	}
	if !strings.Contains(out.String(), `"app":"stops"`) {
		t.Errorf("no account: %q", out.String())
	}
}

// talking starts a command, to be killed behind the test, and gives the lines that it
// writes to stdout and to stderr.
func talking(t *testing.T, cmd *exec.Cmd) (out, words <-chan string) {
	t.Helper()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return lines(stdout), lines(stderr)
}
