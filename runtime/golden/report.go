package golden

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Result is one case as a report shows it.
type Result struct {
	Name    string // as --run takes it
	File    string // as an editor opens it
	Verdict *Verdict
	Actual  *Actual // nil where the case could not be run
	Took    time.Duration
	// Updated: the file was rewritten, and the verdict is of what stands there now.
	Updated bool
	// Rerun and Accept are the commands that run this case alone, and that take
	// what came as right; "" for none.
	Rerun, Accept string
}

// Outcome is ok, FAIL or ERROR; an error is a case that could not be run.
func (r *Result) Outcome() string {
	switch {
	case r.Verdict.Err != nil:
		return "ERROR"
	case !r.Verdict.Passed():
		return "FAIL"
	}
	return "ok"
}

// Tally counts a run.
type Tally struct{ Passed, Failed, Skipped int }

// Add counts a result.
func (t *Tally) Add(r *Result) {
	if r.Verdict.Passed() {
		t.Passed++
	} else {
		t.Failed++
	}
}

// String is the last line of a report, alone on its line for whoever reads it by
// machine.
func (t Tally) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.Passed, t.Failed, t.Skipped)
}

// WriteText writes a result for people. width is that of the longest name.
func (r *Result) WriteText(w io.Writer, width int) {
	head := fmt.Sprintf("%-5s %-*s", r.Outcome(), width, r.Name)
	v := r.Verdict
	if v.Err != nil {
		fmt.Fprintf(w, "%s  %v\n", head, v.Err)
		return
	}
	what := r.Actual.summary()
	switch {
	case v.Passed() && r.Updated:
		fmt.Fprintf(w, "%s  %-40s %5d ms  rewritten\n", head, what, r.Took.Milliseconds())
		return
	case v.Passed():
		fmt.Fprintf(w, "%s  %-40s %5d ms\n", head, what, r.Took.Milliseconds())
		r.writeUnused(w)
		return
	}
	at := r.File
	if v.Line > 0 {
		at = fmt.Sprintf("%s:%d", r.File, v.Line)
	}
	fmt.Fprintf(w, "%s  %-40s %s\n", head, what, at)
	if v.Variant != "" {
		fmt.Fprintf(w, "      as written it passes; it fails %s\n", v.Variant)
	}
	for _, f := range v.Fates {
		fmt.Fprintf(w, "      %s\n", f)
	}
	r.writeUnused(w)
	writeDiffs(w, v.Diffs)
	var hints []string
	if r.Rerun != "" {
		hints = append(hints, "rerun: "+r.Rerun)
	}
	if r.Accept != "" && v.Variant == "" {
		hints = append(hints, "accept: "+r.Accept)
	}
	if len(hints) > 0 {
		fmt.Fprintf(w, "      %s\n", strings.Join(hints, "      "))
	}
}

// writeUnused names the rows of http that were not used up: no failure, but mostly a
// mistake in their address.
func (r *Result) writeUnused(w io.Writer) {
	for _, u := range r.Actual.Unused {
		fmt.Fprintf(w, "      unused: http %s\n", u)
	}
}

// writeDiffs writes the differences below one another, in columns as far as they
// are narrow.
func writeDiffs(w io.Writer, ds []Difference) {
	const widest = 48
	at, want := 0, 0
	for _, d := range ds {
		at = max(at, min(widest, utf8.RuneCountInString(d.At)))
		want = max(want, min(widest, utf8.RuneCountInString(d.Want)))
	}
	for _, d := range ds {
		fmt.Fprintf(w, "      %-*s  want %-*s  got %s\n", at, d.At, want, d.Want, d.Got)
	}
}

// summary is "4 in = 2 out + 1 dead + 1 dropped".
func (a *Actual) summary() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{len(a.Out), "out"}, {len(a.Dead), "dead"}, {len(a.Dropped), "dropped"}} {
		if p.n > 0 {
			parts = append(parts, count(p.n, p.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	return count(a.In, "in") + " = " + strings.Join(parts, " + ")
}

// JSON is a report for programs.
type JSON struct {
	Format  int        `json:"format"`
	Passed  int        `json:"passed"`
	Failed  int        `json:"failed"`
	Skipped int        `json:"skipped"`
	Cases   []JSONCase `json:"cases"`
	Cover   *JSONCover `json:"cover,omitempty"`
}

// JSONCase is one case.
type JSONCase struct {
	Name        string     `json:"name"`
	File        string     `json:"file"`
	Line        int        `json:"line,omitempty"`
	Result      string     `json:"result"` // ok FAIL ERROR
	Updated     bool       `json:"updated,omitempty"`
	MS          int64      `json:"ms"`
	In          int        `json:"in"`
	Out         int        `json:"out"`
	Dead        int        `json:"dead"`
	Dropped     int        `json:"dropped"`
	Error       string     `json:"error,omitempty"`
	Variant     string     `json:"variant,omitempty"`
	Fates       []string   `json:"fates,omitempty"`
	Differences []JSONDiff `json:"differences,omitempty"`
	Unused      []string   `json:"unused,omitempty"` // rows of http
}

// JSONDiff is one difference; Want and Got are JSON as text, "<absent>" for nothing.
type JSONDiff struct {
	At   string `json:"at"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// JSON is the result for programs.
func (r *Result) JSON() JSONCase {
	v := r.Verdict
	j := JSONCase{Name: r.Name, File: r.File, Line: v.Line, Result: r.Outcome(), Updated: r.Updated, MS: r.Took.Milliseconds(), Variant: v.Variant}
	if r.Actual != nil {
		j.Unused = r.Actual.Unused
		j.In, j.Out, j.Dead, j.Dropped = r.Actual.In, len(r.Actual.Out), len(r.Actual.Dead), len(r.Actual.Dropped)
	}
	if v.Err != nil {
		j.Error = v.Err.Error()
	}
	if !v.Passed() {
		j.Fates = v.Fates
	}
	for _, d := range v.Diffs {
		j.Differences = append(j.Differences, JSONDiff(d))
	}
	return j
}

// Write writes the report.
func (j *JSON) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(j)
}
