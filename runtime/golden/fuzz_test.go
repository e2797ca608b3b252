package golden

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: whatever stands in a case's file, it is read or refused with a line of
// it, and what was read can be written back.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../../examples/*/*.test/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatal("no cases to begin with", err)
	}
	for _, p := range files {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("-- in --\n-- tables --\n{\"table\":\"t\",\"key\":[1],\"row\":{}}\n-- tables after --\n{\"table\":\"t\",\"...\":true}\n"))
	f.Add([]byte("now: x\n-- in --\nadvance -1h\ncrash\n-- out --\n{\"$a\":\"$a\",\"...\":1}\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse("c", b)
		if err != nil {
			return
		}
		// The rows that are expected came: they stay, in their order.
		a := &Actual{In: c.inputs}
		for _, s := range []struct {
			want []Row
			got  *[]ActualRow
		}{{c.Out, &a.Out}, {c.Dead, &a.Dead}, {c.Dropped, &a.Dropped}, {c.TablesAfter, &a.Tables}} {
			for _, r := range s.want {
				*s.got = append(*s.got, ActualRow{Obj: r.Obj})
			}
		}
		c.compare(a)
		again, err := Parse("c", c.Update(a))
		if err != nil {
			t.Fatalf("what was written back cannot be read: %v\n%s", err, c.Update(a))
		}
		if len(again.Out) != len(c.Out) || len(again.Dead) != len(c.Dead) || len(again.TablesAfter) != len(c.TablesAfter) || len(again.Steps) != len(c.Steps) {
			t.Errorf("%d %d %d rows, written back %d %d %d", len(c.Out), len(c.Dead), len(c.Steps), len(again.Out), len(again.Dead), len(again.Steps))
		}
	})
}
