package state

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// program is a plan of one group with these states.
func program(states ...*ir.State) *plan.Plan {
	g := &plan.Group{Name: "g"}
	for _, s := range states {
		g.States = append(g.States, &plan.State{State: s})
	}
	return &plan.Plan{App: "shop", Groups: []*plan.Group{g}}
}

func tableOf(name string, row *types.Type, keys ...*types.Type) *ir.State {
	return &ir.State{Kind: ir.TableState, Name: "table " + name, Keys: keys, Row: row}
}

func field(name string, t *types.Type) types.Field { return types.Field{Name: name, Type: t} }

func names(es []Entry) string {
	var out []string
	for _, e := range es {
		out = append(out, fmt.Sprintf("%s=%d", e.Name, e.Number))
	}
	return strings.Join(out, " ")
}

func (r *Report) text() string {
	return fmt.Sprintf("kept %s | new %s | orphaned %s | changed %s | judged %s", names(r.Kept), names(r.New), names(r.Orphaned), names(r.Changed), names(r.Judged))
}

func putRow(t *testing.T, s Store, number uint32, key value.Value, at int64, row value.Value) {
	t.Helper()
	k := append(stateKey('c', number), value.AppendKey(nil, key)...)
	if err := s.Commit([]Write{{Key: k, Val: AppendRow(nil, at, row)}}); err != nil {
		t.Fatal(err)
	}
}

func rowAt(t *testing.T, s Store, number uint32, key value.Value) string {
	t.Helper()
	b, ok, err := s.Get(append(stateKey('c', number), value.AppendKey(nil, key)...))
	if err != nil || !ok {
		return "nothing"
	}
	_, v, err := DecodeRow(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(value.AppendJSON(nil, v))
}

func num(text string) value.Number {
	n, _ := value.ParseNumber(text)
	return n
}

// TestNumbersAreForEver: a state keeps its number through every edit around it, and
// so finds its cells.
func TestNumbersAreForEver(t *testing.T) {
	m := NewMemory()
	ltv := tableOf("ltv", types.NumberT, types.StringT)
	seen := &ir.State{Kind: ir.DedupeState, Name: "dedupe orders by .id", Keys: []*types.Type{types.StringT}, SpanMS: 60_000}
	_, rep, err := OpenDirectory(m, "shop", program(ltv, seen), false)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("kept  | new dedupe orders by .id=1 table ltv=2 | orphaned  | changed  | judged ", rep.text()); diff != "" {
		t.Error(diff)
	}
	p := program(tableOf("aaa", types.NumberT, types.StringT), ltv, seen)
	specs := func(d *Directory) string { return fmt.Sprint(d.Specs(p.Groups[0])) }
	var d *Directory
	if d, rep, err = OpenDirectory(m, "shop", p, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("kept dedupe orders by .id=1 table ltv=2 | new table aaa=3 | orphaned  | changed  | judged ", rep.text()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("[{3 0 false} {2 0 false} {1 60000000 false}]", specs(d)); diff != "" {
		t.Error(diff)
	}
	// A longer `within` of another stage of the memory counts for the memory.
	longer := *seen
	longer.SpanMS = 90_000
	p.Groups[0].States = append(p.Groups[0].States, &plan.State{State: &longer})
	if d, _, err = OpenDirectory(m, "shop", p, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("[{3 0 false} {2 0 false} {1 90000000 false} {1 90000000 false}]", specs(d)); diff != "" {
		t.Error(diff)
	}
	if _, _, err := OpenDirectory(m, "mail", p, false); !errors.Is(err, ErrForeign) {
		t.Errorf("another program: %v", err)
	}
}

// TestNothingIsLostUnasked: a state that the program has no more, or keys by
// something else, is refused until its loss is accepted; then all of it is gone and
// nothing else.
func TestNothingIsLostUnasked(t *testing.T) {
	id := types.Named("Id", types.StringT)
	keep := tableOf("keep", types.NumberT, types.StringT)
	for _, tt := range []struct {
		name   string
		before *ir.State
		after  []*ir.State
		want   string
		err    error
	}{
		{"gone", tableOf("ltv", types.NumberT, types.StringT), nil,
			"table ltv, which holds 1 row, is not in the program any more; nothing was changed: write what is missing again, or start once with --accept-state-loss, which deletes it", ErrLoss},
		{"keyed by a number", tableOf("ltv", types.NumberT, types.StringT), []*ir.State{tableOf("ltv", types.NumberT, types.NumberT)},
			"table ltv, which holds 1 row, is keyed by string there and by number in the program, which would not find it again; nothing was changed: key it as before, or give it another name, or start once with --accept-state-loss", ErrChanged},
		{"keyed by two", tableOf("ltv", types.NumberT, id), []*ir.State{tableOf("ltv", types.NumberT, id, types.IntT)}, "by string there and by [string, number] in the program", ErrChanged},
		{"a named key", tableOf("ltv", types.NumberT, types.StringT), []*ir.State{tableOf("ltv", types.NumberT, id)}, "", nil},
		{"a wider key", tableOf("ltv", types.NumberT, types.IntT), []*ir.State{tableOf("ltv", types.NumberT, types.NumberT)}, "", nil},
		{"an enum widened", tableOf("ltv", types.NumberT, types.UnionOf(types.Lit("a"), types.Lit("b"))), []*ir.State{tableOf("ltv", types.NumberT, types.StringT)}, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMemory()
			if _, _, err := OpenDirectory(m, "shop", program(keep, tt.before), false); err != nil {
				t.Fatal(err)
			}
			putRow(t, m, 1, "u1", 5, num("7"))
			putRow(t, m, 2, "u1", 5, num("8"))
			if err := m.Commit([]Write{{Key: timerKey(2, 9, []byte("u1"))}}); err != nil {
				t.Fatal(err)
			}
			before := maps.Clone(m.cells)
			_, _, err := OpenDirectory(m, "shop", program(append(tt.after, keep)...), false)
			if tt.err == nil {
				if err != nil || rowAt(t, m, 2, "u1") != "8" {
					t.Errorf("%v, row %s", err, rowAt(t, m, 2, "u1"))
				}
				return
			}
			if !errors.Is(err, tt.err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
			if !maps.EqualFunc(before, m.cells, func(a, b []byte) bool { return string(a) == string(b) }) {
				t.Error("the store was changed")
			}
			if _, _, err := OpenDirectory(m, "shop", program(append(tt.after, keep)...), true); err != nil {
				t.Fatal(err)
			}
			if rowAt(t, m, 1, "u1") != "7" || rowAt(t, m, 2, "u1") != "nothing" {
				t.Errorf("keep %s, ltv %s", rowAt(t, m, 1, "u1"), rowAt(t, m, 2, "u1"))
			}
			for k := range m.cells {
				if k[0] == 't' {
					t.Error("a timer is left")
				}
			}
		})
	}
}

// TestAnswersAreNoLoss: kept answers of calls go with their stage, unasked.
func TestAnswersAreNoLoss(t *testing.T) {
	m := NewMemory()
	kept := &ir.State{Kind: ir.AnswerState, Name: "call a GET /x", Keys: []*types.Type{types.StringT}, SpanMS: 60_000}
	if _, rep, err := OpenDirectory(m, "shop", program(kept), false); err != nil || rep.New[0].Kind != "call" {
		t.Fatal(rep.text(), err)
	}
	putRow(t, m, 1, "0123", 0, value.NewObject(value.Field{Key: "status", Value: num("200")}))
	_, rep, err := OpenDirectory(m, "shop", program(), false)
	if err != nil || rep.text() != "kept  | new  | orphaned  | changed  | judged " {
		t.Error(rep.text(), err)
	}
	if got := rowAt(t, m, 1, "0123"); got != "nothing" {
		t.Errorf("%s is left", got)
	}
}

// TestRowsAreJudgedAnew: the rows of a table whose type has changed are held
// against the new one before anything runs; the first that does not fit refuses.
func TestRowsAreJudgedAnew(t *testing.T) {
	open := func(fields ...types.Field) *types.Type { return types.Row(nil, fields...) }
	before := open(field("total", types.StringT), field("n", types.NumberT))
	row := func(total string) value.Value {
		return value.NewObject(value.Field{Key: "total", Value: total}, value.Field{Key: "n", Value: num("1.0")}, value.Field{Key: "more", Value: true})
	}
	for _, tt := range []struct {
		name string
		now  *types.Type
		want string // of u1
		err  string
	}{
		{"a number now", open(field("total", types.NumberT), field("n", types.NumberT)), "",
			`table taken, row "u1": .total: expected number, got string; nothing was changed: let the type take it, too (a field that may be missing is ` + "`f?: T`" + `), or go back to the type that it was written with, { total: string, n: number }`},
		{"a field more", open(field("total", types.StringT), field("who", types.StringT)), "", `row "u1": .who: expected string, got nothing: the field is missing`},
		{"a field less", open(field("total", types.StringT)), `{"total":"12.50","n":1.0,"more":true}`, ""},
		{"a field that may be missing", open(field("total", types.StringT), types.Field{Name: "who", Type: types.StringT, Optional: true}), `{"total":"12.50","n":1.0,"more":true}`, ""},
		{"a default", open(field("total", types.StringT), types.Field{Name: "who", Type: types.StringT, Optional: true, HasDef: true, Default: "x"}), `{"total":"12.50","n":1.0,"more":true,"who":"x"}`, ""},
		{"the same under a name", types.Named("Taken", open(field("total", types.Named("Money", types.StringT)), field("n", types.NumberT))), `{"total":"12.50","n":1.0,"more":true}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewMemory()
			if _, _, err := OpenDirectory(m, "shop", program(tableOf("taken", before, types.StringT)), false); err != nil {
				t.Fatal(err)
			}
			putRow(t, m, 1, "u1", 5, row("12.50"))
			was := maps.Clone(m.cells)
			_, _, err := OpenDirectory(m, "shop", program(tableOf("taken", tt.now, types.StringT)), true)
			if tt.err != "" {
				if !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("got  %v\nwant %s", err, tt.err)
				}
				if !maps.EqualFunc(was, m.cells, func(a, b []byte) bool { return string(a) == string(b) }) {
					t.Error("the store was changed")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := rowAt(t, m, 1, "u1"); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			b, _, _ := m.Get(append(stateKey('c', 1), value.AppendKey(nil, "u1")...))
			if at, v, _ := DecodeRow(b); at != 5 || !types.Member(v, tt.now) {
				t.Errorf("%v at %d is no member of %v", v, at, tt.now)
			}
			if _, rep, err := OpenDirectory(m, "shop", program(tableOf("taken", tt.now, types.StringT)), false); err != nil || len(rep.Judged) > 0 {
				t.Errorf("again: %v %v", rep.text(), err)
			}
		})
	}
}

// cut is a store that fails from a commit on, as if the process had ended there.
type cut struct {
	*Memory
	left int
}

func (c *cut) Commit(ws []Write) error {
	if c.left--; c.left < 0 {
		return errors.New("cut")
	}
	return c.Memory.Commit(ws)
}

// TestAChangeOfTypesMayBeCut: where the process ends while rows are being rewritten,
// the next start goes on; and a program that has gone back finds them judged.
func TestAChangeOfTypesMayBeCut(t *testing.T) {
	before := types.Row(nil, field("n", types.NumberT))
	after := types.Row(nil, field("n", types.NumberT), types.Field{Name: "who", Type: types.StringT, Optional: true, HasDef: true, Default: "x"})
	base := NewMemory()
	if _, _, err := OpenDirectory(base, "shop", program(tableOf("taken", before, types.StringT)), false); err != nil {
		t.Fatal(err)
	}
	n := 2*pageRows + 3
	for i := range n {
		putRow(t, base, 1, fmt.Sprint("u", i), event.NoMicros, value.NewObject(value.Field{Key: "n", Value: num("1")}))
	}
	for left := range 6 {
		for _, back := range []bool{false, true} {
			m := base.Clone()
			_, _, err := OpenDirectory(&cut{m, left}, "shop", program(tableOf("taken", after, types.StringT)), false)
			if left < 5 && err == nil {
				t.Fatalf("%d commits were enough", left)
			}
			row, want := after, n
			if back {
				row, want = before, 0
			}
			if _, _, err := OpenDirectory(m, "shop", program(tableOf("taken", row, types.StringT)), false); err != nil {
				t.Fatal(err)
			}
			whole := 0
			for k := range m.cells {
				if k[0] == 'c' {
					_, v, _ := DecodeRow(m.cells[k])
					if !types.Member(v, row) {
						t.Fatalf("cut at %d, back %v: %v", left, back, v)
					}
					if v.(*value.Object).Has("who") {
						whole++
					}
				}
			}
			if !back && whole != want {
				t.Errorf("cut at %d: %d of %d rows are whole", left, whole, want)
			}
		}
	}
}

// TestAShorterTTLSetsTimers: rows that end earlier now than their timers are told
// in time.
func TestAShorterTTLSetsTimers(t *testing.T) {
	m := NewMemory()
	taken := tableOf("taken", types.NumberT, types.StringT)
	if _, _, err := OpenDirectory(m, "shop", program(taken), false); err != nil {
		t.Fatal(err)
	}
	putRow(t, m, 1, "u1", 5_000_000, num("1"))
	putRow(t, m, 1, "u2", event.NoMicros, num("1"))
	putRow(t, m, 1, "u3", math.MaxInt64-1, num("1"))
	taken.SpanMS = 2000
	d, _, err := OpenDirectory(m, "shop", program(taken), false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(m, d.Specs(program(taken).Groups[0]))
	if err != nil {
		t.Fatal(err)
	}
	if due, key, ok := c.Due(0, 7_000_000); !ok || due != 7_000_000 || KeyText(key) != `"u1"` {
		t.Errorf("due %d %s %v", due, KeyText(key), ok)
	}
	timers := 0
	for k := range m.cells {
		if k[0] == 't' {
			timers++
		}
	}
	if timers != 1 {
		t.Errorf("%d timers", timers)
	}
}
