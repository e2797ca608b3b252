package file

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
)

// FuzzRead: whatever the bytes are, records come in the order of their lines, and a file
// that is read on behind any of them gives those behind it.
func FuzzRead(f *testing.F) {
	for _, s := range []string{"1\n2\n", "a,b\n1,\"x\ny\"\n\n2,\"\n3,z", "\ufeffa\r\n\"\"\"\r\n", "\xff\n\"", "a,a\n", "a\n\"b\"c\n,,\n"} {
		f.Add(s, true, true)
		f.Add(s, false, false)
	}
	f.Fuzz(func(t *testing.T, text string, csv, tail bool) {
		decl := &ir.File{Path: "x", Format: "jsonl"}
		if csv {
			decl.Format = "csv"
		}
		reader := func() *Reader {
			return NewReader(strings.NewReader(text), Options{Name: "x", File: decl, Tail: tail})
		}
		var all []string
		var at []At
		r, last := reader(), int64(0)
		for {
			l, err := r.Next()
			if err != nil {
				break
			}
			if l.N <= last {
				t.Fatalf("line %d behind %d", l.N, last)
			}
			last = l.N
			all, at = append(all, string(l.Value)), append(at, l.At)
		}
		for i := range at {
			f := Follow{Reader: reader()}
			if ok, err := f.To(at[i]); !ok || err != nil {
				t.Fatalf("line %d is not found again: %v", at[i].Line, err)
			}
			for _, want := range all[i+1:] {
				if l, err := f.Next(); err != nil || string(l.Value) != want {
					t.Fatalf("behind line %d: %v %v, want %q", at[i].Line, l, err, want)
				}
			}
		}
	})
}
