package lookup

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
)

// BenchmarkRow reads rows of a table of 100,000, from all cores: as a file gives it,
// and as a topic does.
func BenchmarkRow(b *testing.B) {
	var text strings.Builder
	text.WriteString("id,n\n")
	for i := range 100_000 {
		fmt.Fprintf(&text, "user-%d,%d\n", i, i)
	}
	decl := fileTable("j.csv")
	file, err := parse([]byte(text.String()), decl)
	if err != nil {
		b.Fatal(err)
	}
	for _, from := range []string{"file", "topic"} {
		b.Run(from, func(b *testing.B) {
			s := New([]*ir.Table{decl})
			s.Table(decl).publish(&rows{byKey: file.byKey, whole: from == "file"})
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				k := key("user-77777")
				for pb.Next() {
					if _, ok := s.Row(decl, k); !ok {
						b.Error("the row is not there")
					}
				}
			})
		})
	}
}

// BenchmarkLoad reads a CSV file of 100,000 rows.
func BenchmarkLoad(b *testing.B) {
	var text strings.Builder
	text.WriteString("id,n\n")
	for i := range 100_000 {
		fmt.Fprintf(&text, "user-%d,%d\n", i, i)
	}
	decl := fileTable("j.csv")
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		if _, err := parse([]byte(text.String()), decl); err != nil {
			b.Fatal(err)
		}
	}
}
