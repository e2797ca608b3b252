package file

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

func packed(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// read lists the records of a file, a line each, and what it ended with.
func read(name, text string, tail bool) (lines []string, left bool, err error) {
	f := &ir.File{Path: name, Format: "jsonl", Gzip: strings.HasSuffix(name, ".gz")}
	if strings.Contains(name, "csv") {
		f.Format = "csv"
	}
	r := NewReader(strings.NewReader(text), Options{Name: name, File: f, Tail: tail})
	for {
		l, err := r.Next()
		if err == io.EOF {
			return lines, r.Left(), nil
		}
		if err != nil {
			return lines, r.Left(), err
		}
		s := fmt.Sprintf("%d %s", l.N, l.Value)
		if len(s) > 100 {
			s = s[:100]
		}
		if l.Fault != nil {
			s += " !" + l.Fault.Code.ID + " " + l.Fault.Why
		}
		lines = append(lines, s)
	}
}

func TestRead(t *testing.T) {
	long := strings.Repeat("x", MaxLine)
	for _, c := range []struct {
		what, name, text string
		want             []string
		err              string // of the file
	}{
		{"lines, blank ones are none", "a.jsonl", "{}\n\n \t\n[1]\n", []string{"1 {}", "4 [1]"}, ""},
		{"line ends of Windows", "a.jsonl", "1\r\n2\r\n", []string{"1 1", "2 2"}, ""},
		{"the last line has no end", "a.jsonl", "1\n2", []string{"1 1", "2 2"}, ""},
		{"a byte-order mark", "a.jsonl", "\ufeff1\n\ufeff2\n", []string{"1 1", "2 2"}, ""},
		{"what is no JSON is for its route to say", "a.jsonl", "{\"a\":\n\xff\n", []string{`1 {"a":`, "2 \xff"}, ""},
		{"nothing", "a.jsonl", "", nil, ""},
		{"compressed", "a.jsonl.gz", packed("1\n2\n"), []string{"1 1", "2 2"}, ""},
		{"compressed in two members", "a.jsonl.gz", packed("1\n") + packed("2\n"), []string{"1 1", "2 2"}, ""},
		{"an empty file that will be compressed", "a.jsonl.gz", "", nil, ""},
		{"standard input may be compressed", "-", packed("1\n"), []string{"1 1"}, ""},
		{"a line as long as may be", "a.jsonl", long + "\r\n2", []string{("1 " + long)[:100], "2 2"}, ""},
		{"a line that is longer, and one behind it", "a.jsonl", long + "x\n2", []string{`1 {"file":"a.jsonl","line":1,"bytes":4194305} !E0404 it is longer than 4 MiB: 4194305 bytes`, "2 2"}, ""},
		{"the last line is longer", "a.jsonl", "1\n" + long + long, []string{"1 1", `2 {"file":"a.jsonl","line":2,"bytes":8388608} !E0404 it is longer than 4 MiB: 8388608 bytes`}, ""},

		{"columns by their names", "a.csv", "id,name\n1,Lee\n2,\n", []string{`2 {"id":"1","name":"Lee"}`, `3 {"id":"2","name":""}`}, ""},
		{"quotes, commas and line ends in them", "a.csv", "\ufeffid,name\r\n1,\"Lee, \"\"Ann\"\"\r\nRe\"\r\n\r\n2,x", []string{`2 {"id":"1","name":"Lee, \"Ann\"\nRe"}`, `5 {"id":"2","name":"x"}`}, ""},
		{"blanks are kept", "a.csv", "id, name\n1, x \n", []string{`2 {"id":"1"," name":" x "}`}, ""},
		{"a header alone", "a.csv", "id\n", nil, ""},
		{"another number of columns", "a.csv", "a,b\n1\n1,2,3\n1,2\n", []string{"2 1 !E0404 it has 1 column and the header 2", "3 1,2,3 !E0404 it has 3 columns and the header 2", `4 {"a":"1","b":"2"}`}, ""},
		{"not UTF-8", "a.csv", "a,b\n1,\xff\n1,2\n", []string{"2 1,\xff !E0402 column b is not UTF-8 text", `3 {"a":"1","b":"2"}`}, ""},
		{"a quote inside a text", "a.csv", "a\nx\"y\n1\n", []string{"2 x\"y !E0404 a quote stands inside a text that does not begin with one", `3 {"a":"1"}`}, ""},
		{"something behind a quote", "a.csv", "a,b\n\"x\"y,1\n1,2\n", []string{"2 \"x\"y,1 !E0404 a text in quotes does not end as it should", `3 {"a":"1","b":"2"}`}, ""},
		{"a quote that does not end costs its line alone", "a.csv", "a,b\n1,\"x\n2,y\n3,\"z\"\n", []string{"2 1,\"x\n2,y\n3,\"z\" !E0404 a text in quotes does not end as it should"}, ""},
		{"a quote that does not end in the file costs its line alone", "a.csv", "a,b\n1,\"x\n2,y\n3,z\n", []string{"2 1,\"x !E0404 a text in quotes does not end", `3 {"a":"2","b":"y"}`, `4 {"a":"3","b":"z"}`}, ""},
		{"a quote that opens the last line", "a.csv", "a\n1\n\"x", []string{`2 {"a":"1"}`, "3 \"x !E0404 a text in quotes does not end"}, ""},
		{"a row that is too long over many lines", "a.csv", "a,b\n1,\"" + strings.Repeat("x\n", MaxLine/2) + "\"\n2,y\n", []string{`2 {"file":"a.csv","line":2,"bytes":4194308} !E0404 it is longer than 4 MiB: 4194308 bytes`, `2097155 {"a":"2","b":"y"}`}, ""},

		{"cut", "a.jsonl.gz", packed("1\n2\n3\n")[:14], nil, "a.jsonl.gz: the compressed data is damaged or cut behind line"},
		{"not compressed", "a.jsonl.gz", "1\n", nil, "a.jsonl.gz: is not compressed with gzip; leave .gz off its name, or compress it"},
		{"cut in its first bytes", "a.jsonl.gz", packed("1\n")[:5], nil, "a.jsonl.gz: the compressed data is damaged or cut at its beginning; compress it again"},
		{"a spreadsheet", "a.csv", "PK\x03\x04\x14\x00", nil, "a.csv: is a zip archive, as the files of spreadsheets are; take the file out of it, or save the sheet as CSV"},
		{"lines of old Macs", "a.csv", "id,name\r1,Lee\r2,\r", nil, "a.csv: line 1: a carriage return alone ends no line; save the file with LF or CRLF at the ends of its lines"},
		{"a header that is too long", "a.csv", "id," + long + "\n1,2\n", nil, "a.csv: line 1: the header is longer than 4 MiB"},
		{"two columns without a name", "a.csv", "a,,\n1,,\n", nil, "a.csv: line 1: columns 2 and 3 have no name; name them, or take them out of the file"},
		{"compressed in secret", "a.jsonl", packed("1\n"), nil, "a.jsonl: is compressed with gzip; let its name end in .gz"},
		{"UTF-16", "a.csv", "\xff\xfea\x00", nil, "a.csv: is UTF-16; save the file as UTF-8"},
		{"two columns of one name", "a.csv", "a,b,a\n", nil, `a.csv: line 1: columns 1 and 3 are both called "a"; rename one of them`},
		{"a header that is none", "a.csv", "a,\"b\n", nil, `a.csv: line 1: a text in quotes does not end; write each quote inside it twice`},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, _, err := read(c.name, c.text, true)
			switch {
			case err == nil && c.err == "":
			case err == nil, c.err == "", !strings.Contains(err.Error(), c.err):
				t.Fatalf("error %v, want %q", err, c.err)
			default:
				return
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTail: what may still be written is left, and told.
func TestTail(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		left       bool
	}{
		{"a.jsonl", "1\n2", []string{"1 1"}, true},
		{"a.jsonl", "1\n2\n", []string{"1 1", "2 2"}, false},
		{"a.csv", "a\n1\n\"x\ny\n", []string{`2 {"a":"1"}`}, true},
		{"a.csv", "a", nil, true},
	} {
		got, left, err := read(c.name, c.text, false)
		if diff := cmp.Diff(c.want, got); diff != "" || left != c.left || err != nil {
			t.Errorf("%q: left %v, error %v (-want +got):\n%s", c.text, left, err, diff)
		}
	}
}

// TestCutAnywhere: of a compressed file that is cut somewhere every record that is read
// is one of the whole, and the end of the file is an error.
func TestCutAnywhere(t *testing.T) {
	var text strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&text, "{\"n\":%d}\n", i*i)
	}
	whole, _, err := read("a.jsonl.gz", packed(text.String()), true)
	if err != nil || len(whole) != 2000 {
		t.Fatal(len(whole), err)
	}
	all := packed(text.String())
	for n := 1; n < len(all); n += 13 {
		got, _, err := read("a.jsonl.gz", all[:n], true)
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if diff := cmp.Diff(whole[:len(got)], got); len(got) > 0 && diff != "" {
			t.Fatalf("cut at %d:\n%s", n, diff)
		}
	}
}

// TestAgainstTheLibrary: what encoding/csv takes is read as it reads it.
func TestAgainstTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", ",", ",", "\"", "\"\"", "\"x\"", "\n", "\n", "\r\n", " "}), 0, 30).Draw(t, "parts"), "")
		c := csv.NewReader(strings.NewReader("h,i\n" + text))
		rows, err := c.ReadAll()
		if err != nil {
			return
		}
		got, _, err := read("a.csv", "h,i\n"+text, true)
		if err != nil || len(got) != len(rows)-1 {
			t.Fatalf("%q: %q and %v, want %q", text, got, err, rows)
		}
		for i, row := range rows[1:] {
			o := value.NewObject(value.Field{Key: "h", Value: row[0]}, value.Field{Key: "i", Value: row[1]})
			if _, v, _ := strings.Cut(got[i], " "); v != string(value.AppendJSON(nil, o)) {
				t.Fatalf("%q: %s, want %s", text, got[i], value.AppendJSON(nil, o))
			}
		}
	})
}

// goOn reads a file behind where it was read to, as whoever feeds a log does.
func goOn(text string, was *At, tail bool) (lines []string, last *At) {
	for again := false; ; again = true {
		r := NewReader(strings.NewReader(text), Options{Name: "a.csv", File: &ir.File{Path: "a.csv", Format: "csv"}, Tail: tail})
		lines, last := follow(r, was, again)
		if lines != nil || again {
			return lines, last
		}
	}
}

func follow(r *Reader, was *At, fresh bool) ([]string, *At) {
	f := Follow{Reader: r}
	if was != nil && !fresh {
		if ok, err := f.To(*was); !ok || err != nil {
			return nil, was
		}
	}
	lines, last := []string{}, was
	for {
		l, err := f.Next()
		if err != nil {
			return lines, last
		}
		at := l.At
		lines, last = append(lines, string(l.Value)), &at
	}
}

// TestGrows: a file that grows is gone on with, at whatever byte it was cut; one with
// other content is read from its beginning.
func TestGrows(t *testing.T) {
	const text = "a,b\n1,x\n\n2,\"y\nz\"\n3,w\n4,v\n"
	whole, _ := goOn(text, nil, true)
	for n := 1; n < len(text); n++ {
		part, at := goOn(text[:n], nil, false)
		rest, _ := goOn(text, at, false)
		if diff := cmp.Diff(whole, append(part, rest...)); diff != "" {
			t.Errorf("cut at %d: (-want +got):\n%s", n, diff)
		}
		// With the tail taken at most the line that was cut comes again; where it is the
		// second one of a text in quotes, it was never one of this file.
		if strings.HasSuffix(text[:n], "y\nz") {
			continue
		}
		part, at = goOn(text[:n], nil, true)
		rest, _ = goOn(text, at, true)
		if len(part)+len(rest) > len(whole)+1 {
			t.Errorf("cut at %d: %q and %q", n, part, rest)
		}
	}
	_, at := goOn(text, nil, true)
	if rest, _ := goOn(text, at, true); len(rest) != 0 {
		t.Errorf("the same again gives %q", rest)
	}
	for _, other := range []string{strings.Replace(text, "1,x", "1,X", 1), strings.Replace(text, "a,b", "b,a", 1), text[:len(text)-4], "a,b\n4,v\n"} {
		want, _ := goOn(other, nil, true)
		if got, _ := goOn(other, at, true); !cmp.Equal(got, want) {
			t.Errorf("%q: got %q", other, got)
		}
	}
}

func TestAtText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := At{Line: rapid.Int64Range(1, 1<<40).Draw(t, "line"), Open: rapid.Bool().Draw(t, "open")}
		copy(a.Sum[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "sum"))
		if a.Open {
			copy(a.Before[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "before"))
		}
		if got, ok := ParseAt(a.String()); !ok || got != a {
			t.Fatalf("%s is read as %+v", a, got)
		}
	})
	for _, s := range []string{"", "1", "0 " + strings.Repeat("0", 32), "1 00", "x " + strings.Repeat("0", 32), "1 " + strings.Repeat("0", 32) + " z"} {
		if a, ok := ParseAt(s); ok {
			t.Errorf("%q is read as %+v", s, a)
		}
	}
}

func TestColumns(t *testing.T) {
	need := Needed(types.UnionOf(
		types.Row(nil, types.Field{Name: "id", Type: types.StringT}, types.Field{Name: "total", Type: types.NumberT}, types.Field{Name: "note", Type: types.Nullable(types.StringT)}),
		types.Row(nil, types.Field{Name: "id", Type: types.StringT}, types.Field{Name: "other", Type: types.StringT}),
	))
	if diff := cmp.Diff([]string{"id"}, need); diff != "" {
		t.Error(diff)
	}
	for _, c := range [][3]string{
		{"id,total", "total", ""},
		{"id,totl", "total", `there is no column "total"; is it column "totl"? the columns are id, totl`},
		{"id, Total", "total", `there is no column "total"; is it column " Total"? names are taken as they stand`},
		{"id;total", "total", `there is no column "total"; columns are separated by commas`},
		{"x\x01,,y", "total", `there is no column "total"; the columns are "x\x01", "", y`},
		{"x,y", "total", `there is no column "total"; the columns are x, y`},
	} {
		why, help := Columns(strings.Split(c[0], ","), []string{c[1]})
		if help != "" {
			why += "; " + help
		}
		if why != c[2] {
			t.Errorf("%s: %s", c[0], why)
		}
	}
}

// A stream that inflates without an end takes no memory.
func TestBomb(t *testing.T) {
	r := NewReader(io.MultiReader(strings.NewReader("1\n"), io.LimitReader(zeros{}, 1<<30), strings.NewReader("\n2\n")), Options{Name: "a", File: &ir.File{Path: "a", Format: "jsonl"}, Tail: true})
	n := 0
	for {
		l, err := r.Next()
		if err != nil {
			break
		}
		n++
		if len(l.Value) > 100 {
			t.Errorf("%d bytes are kept", len(l.Value))
		}
	}
	if n != 3 || cap(r.buf) > 4*MaxLine {
		t.Errorf("%d records, a buffer of %d", n, cap(r.buf))
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
