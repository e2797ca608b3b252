package spec_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestOperatingIsTrue: the page on running a program has every metric, every exit code
// and no header of a letter that there is not.
func TestOperatingIsTrue(t *testing.T) {
	read := func(path string) string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	page := read("operating.md")
	all := func(path, pattern string) (out []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(path), -1) {
			out = append(out, m[1])
		}
		if len(out) == 0 {
			t.Errorf("%s has nothing like %s", path, pattern)
		}
		return out
	}
	const metrics = "../runtime/observe/metrics.go"
	there := map[string]bool{}
	for _, name := range all(metrics, `NewDesc\("(sluice_\w*[a-z])"`) {
		there[name] = true
	}
	for _, name := range all(metrics, `= stateDesc\("(\w+)"`) {
		there["sluice_state_"+name] = true
	}
	for name := range there {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("operating.md has no %s", name)
		}
	}
	for _, name := range all("operating.md", "`(sluice_\\w+)`") {
		if !there[name] {
			t.Errorf("operating.md has %s, which is no metric", name)
		}
	}
	for _, code := range all("../cmd/sluice/main.go", `exit[A-Z]\w* += (\d+)`) {
		if !strings.Contains(page, "\n| "+code+" | ") {
			t.Errorf("operating.md has no exit code %s", code)
		}
	}
	headers := read("../runtime/letter/letter.go") + read("../runtime/op/arrive.go")
	for _, name := range all("operating.md", "`(sluice-\\w+)`") {
		if !strings.Contains(headers, `"`+name+`"`) {
			t.Errorf("operating.md has the header %s, which nothing writes", name)
		}
	}
}
