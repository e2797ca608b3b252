package golden

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// Actual is what came of a case.
type Actual struct {
	In                 int // inputs
	Out, Dead, Dropped []ActualRow
	Tables             []ActualRow // all rows of all tables at the end, by table and key
	// Taken are the outputs of Out as their sinks took them.
	Taken []sim.Taken
	// Unused are the rows of http that were not used up; Unanswered the calls that none
	// of them answers.
	Unused, Unanswered []string
	// Fates tell what became of each input, in order: "in 2 dropped: old, in.route:2".
	Fates []string
	// Open says which law of the account does not close; "" when both do.
	Open string

	none map[int]string // of Case.none
}

// ActualRow is one row that came out.
type ActualRow struct {
	Obj *value.Object
	// Lane is the ordering key within its sink and route; rows of one lane are
	// compared in order. "" has no order to keep.
	Lane string
	// Optional is a field that is compared only with a row that has it; "": none.
	Optional string
	// person is whom the row is of, who is its key where keyed; nil: nobody.
	person *sim.Known
	keyed  bool
}

// as is the row as an expected one w looks at it.
func (r *ActualRow) as(w *value.Object) *value.Object {
	o := r.Obj
	if r.person != nil {
		o = r.seen(o, w)
	}
	if r.Optional == "" || w.Has(r.Optional) {
		return o
	}
	o = o.Clone()
	o.Delete(r.Optional)
	return o
}

// Verdict is how a case ended.
type Verdict struct {
	Diffs []Difference
	// Fates stand in the report of a case that failed, before the differences.
	Fates []string
	// Line is that of the first expected row that did not come as expected; 0 for
	// none.
	Line int
	// Variant says in which way the case was run when it failed; "" as written.
	Variant string
	Err     error // the case could not be run: ERROR, not FAIL
}

// Passed tells whether everything was as expected.
func (v *Verdict) Passed() bool { return v.Err == nil && len(v.Diffs) == 0 }

// compare holds what came out against the case.
func (c *Case) compare(a *Actual) *Verdict {
	v := &Verdict{Fates: a.Fates}
	b := bindings{}
	v.Diffs = append(v.Diffs, section("out", c.Out, a.Out, b)...)
	v.Diffs = append(v.Diffs, section("dead", c.Dead, a.Dead, b)...)
	if c.HasDropped {
		v.Diffs = append(v.Diffs, section("dropped", c.Dropped, a.Dropped, b)...)
	}
	if c.HasTablesAfter {
		v.Diffs = append(v.Diffs, section("tables after", c.TablesAfter, a.Tables, b)...)
	}
	for _, u := range a.Unanswered {
		v.Diffs = append(v.Diffs, Difference{"http", absent, u + ": no row answers this call"})
	}
	if a.Open != "" {
		v.Diffs = append(v.Diffs, Difference{"account", "both laws close", a.Open})
	}
	v.Line = c.line(v.Diffs)
	return v
}

var rowName = regexp.MustCompile(`^(out|dead|dropped|tables after)\[(\d+)\]`)

// line finds the row that the first difference with one names.
func (c *Case) line(ds []Difference) int {
	for _, d := range ds {
		m := rowName.FindStringSubmatch(d.At)
		if m == nil {
			continue
		}
		i, _ := strconv.Atoi(m[2])
		return map[string][]Row{"out": c.Out, "dead": c.Dead, "dropped": c.Dropped, "tables after": c.TablesAfter}[m[1]][i].Line
	}
	return 0
}

// section compares one list of rows: in file order each expected row takes the
// earliest untaken row of its `to` that matches under the bindings so far; then
// the rows taken of one lane must stand in the order listed.
func section(name string, want []Row, got []ActualRow, b bindings) []Difference {
	var out []Difference
	taken := make([]int, len(got)) // index of the expected row + 1
	pairs := make([]int, len(want))
	for i, w := range want {
		pairs[i] = -1
		for j, g := range got {
			if taken[j] != 0 || !sameTo(w.Obj, g.Obj) {
				continue
			}
			try := b.clone()
			if matches(w.Obj, g.as(w.Obj), try) {
				for k, v := range try {
					b[k] = v
				}
				taken[j], pairs[i] = i+1, j
				break
			}
		}
	}
	// What is left over on both sides is paired by likeness, so that one wrong
	// field is one line and not a row missing and another too many.
	for i, w := range want {
		if pairs[i] >= 0 {
			continue
		}
		best, bestDiff := -1, []Difference(nil)
		for j, g := range got {
			if taken[j] != 0 || !sameTo(w.Obj, g.Obj) {
				continue
			}
			d := diff(fmt.Sprintf("%s[%d]", name, i), w.Obj, g.as(w.Obj), b)
			if best < 0 || len(d) < len(bestDiff) {
				best, bestDiff = j, d
			}
		}
		switch {
		case best < 0:
			out = append(out, Difference{fmt.Sprintf("%s[%d]", name, i), rowText(w.Obj), absent})
		default:
			taken[best] = i + 1
			if len(bestDiff) == 0 { // equal but for a name that is bound to another value
				bestDiff = []Difference{{fmt.Sprintf("%s[%d]", name, i), rowText(w.Obj), rowText(got[best].Obj)}}
			}
			out = append(out, bestDiff...)
		}
	}
	for j, g := range got {
		if taken[j] == 0 {
			out = append(out, Difference{name, absent, rowText(g.Obj)})
		}
	}
	if len(out) == 0 {
		out = order(name, pairs, got)
	}
	return out
}

func order(name string, pairs []int, got []ActualRow) []Difference {
	var out []Difference
	last := map[string]int{}
	for i, j := range pairs {
		if got[j].Lane == "" {
			continue
		}
		if prev, ok := last[got[j].Lane]; ok && pairs[prev] > j {
			out = append(out, Difference{fmt.Sprintf("%s[%d]", name, i), fmt.Sprintf("behind %s[%d]", name, prev), "before it: one ordering key keeps its order"})
		}
		last[got[j].Lane] = i
	}
	return out
}

// sameTo tells that two rows are of one sink, table or space: only such may stand
// for one another.
func sameTo(w, g *value.Object) bool {
	for _, k := range []string{"to", "table", "identity"} {
		a, aok := textField(w, k)
		b, bok := textField(g, k)
		if aok != bok || a != b {
			return false
		}
	}
	return true
}

func rowText(o *value.Object) string {
	s := string(value.AppendJSON(nil, o))
	if len(s) > 300 {
		s = strings.ToValidUTF8(s[:297], "") + "..."
	}
	return s
}
