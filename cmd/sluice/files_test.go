package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDevTicksAndLines: a feed fires a schedule now and gives lines of a file; the file
// itself may come later, and is read when it does and when it grows.
func TestDevTicksAndLines(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a.route", `app "dev-files"
route daily
from every 1d at "06:00" zone "UTC"
emit topic "days" { key: "day", value: { previous: .previous } }
route lines
from file "orders.csv" as { id: string, total: number }
emit topic "orders" { value: { total: .total } }
`)
	write("sample.jsonl", `{"tick":"daily"}
{"file":"orders.csv","line":{"id":"o1","total":42.5}}
{"file":"orders.csv","line":{"id":"o2","total":"much"}}
`)
	cmd := exec.Command(build(t), "dev", "--admin", ":0", dir)
	arrivals, told := talking(t, cmd)
	await(t, told, "3 events fed")
	seen := map[string]int{}
	for len(seen) < 2 {
		l := await(t, arrivals, "sl1-")
		for _, route := range []string{"daily", "lines"} {
			if strings.Contains(l, " "+route+" ") {
				seen[route]++
			}
		}
	}
	if seen["daily"] != 1 || seen["lines"] != 1 {
		t.Errorf("arrivals %v", seen)
	}
	write("orders.csv", "id,total\no3,1\n")
	await(t, arrivals, "topic orders")
	write("orders.csv", "id,total\no3,1\no4,2\n")
	await(t, arrivals, "topic orders")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	// In the account, the two of the feed and the two of the file.
	if l := await(t, arrivals, "lines  "); !strings.Contains(strings.Join(strings.Fields(l), " "), "lines 4 3 0 1 0") {
		t.Errorf("account %q", l)
	}
	for range told { // read to the end before Wait closes the pipes
	}
	for range arrivals {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("dev ended with %v", err)
	}
}
