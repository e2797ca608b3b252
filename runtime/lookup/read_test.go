package lookup

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// journey is { id: string, n: int?, share: number = 1, since?: time, tags: [string]? }.
func journey() *types.Type {
	t := *types.Obj(
		types.Field{Name: "id", Type: types.StringT},
		types.Field{Name: "n", Type: types.Nullable(types.IntT)},
		types.Field{Name: "share", Type: types.NumberT, Default: value.FromInt(1), HasDef: true},
		types.Field{Name: "since", Type: types.TimeT, Optional: true},
		types.Field{Name: "tags", Type: types.Nullable(types.ListOf(types.StringT))},
	)
	t.Name = "Journey"
	return &t
}

// fileTable is `table journeys: Journey keyed by .id from file "NAME"`.
func fileTable(file string) *ir.Table {
	format := "jsonl"
	if strings.HasPrefix(strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(file, ".gz")), "."), "csv") {
		format = "csv"
	}
	return &ir.Table{
		Name: "journeys", Row: journey(), Keys: []ir.TableKey{{Type: types.StringT, Field: []string{"id"}}},
		Load: &ir.Load{File: file, Format: format},
	}
}

func key(parts ...value.Value) []byte {
	var b []byte
	for _, p := range parts {
		b = value.AppendKey(b, p)
	}
	return b
}

// show prints the rows of the keys that are there.
func show(s *Set, t *ir.Table, keys ...value.Value) string {
	var out []string
	for _, k := range keys {
		if v, ok := s.Row(t, key(k)); ok {
			out = append(out, string(value.AppendJSON(nil, v)))
		}
	}
	return strings.Join(out, "\n")
}

func write(t *testing.T, dir, file, text string) {
	t.Helper()
	b := []byte(text)
	if strings.HasSuffix(file, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		b = z.Bytes()
	}
	if err := os.WriteFile(filepath.Join(dir, file), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAFileIsReadByTheDeclaredType(t *testing.T) {
	const csv = "n,id,ignored,since,tags,share\n7,a,x,2026-01-02T03:04:05Z,\"[\"\"x\"\",\"\"y\"\"]\",2.50\n,b,,1767323045,z,\n"
	const csvRows = `{"n":7,"id":"a","since":"2026-01-02T03:04:05.000Z","tags":["x","y"],"share":2.50}` + "\n" +
		`{"n":null,"id":"b","since":"2026-01-02T03:04:05.000Z","tags":["z"],"share":1}`
	const jsonl = `{"id":"a","n":7,"share":2.50}` + "\r\n\n  " + `{"id":"b","tags":null,"more":1}`
	const jsonlRows = `{"id":"a","n":7,"share":2.50}` + "\n" + `{"id":"b","tags":null,"share":1}`
	for _, tt := range []struct{ file, text, want string }{
		{"j.csv", csv, csvRows},
		{"j.csv.gz", csv, csvRows},
		{"j.csv", "\ufeff" + csv, csvRows},
		{"j.csv", strings.ReplaceAll(csv, "\n", "\r\n"), csvRows},
		{"j.csv", "id\n", ""},
		{"j.csv", "id\na\n", `{"id":"a","share":1}`},
		{"j.csv", "id,n\n\"a\nb\",1\n", ""},
		{"j.jsonl", jsonl, jsonlRows},
		{"j.jsonl.gz", jsonl, jsonlRows},
		{"j.jsonl", "\ufeff" + jsonl + "\n", jsonlRows},
		{"j.jsonl", "", ""},
	} {
		dir := t.TempDir()
		write(t, dir, tt.file, tt.text)
		decl := fileTable(tt.file)
		s := New([]*ir.Table{{Name: "written"}, decl})
		if err := s.LoadFiles(dir); err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if got := show(s, decl, "a", "b", "c"); got != tt.want {
			t.Errorf("%s %q:\n got %s\nwant %s", tt.file, tt.text, got, tt.want)
		}
		select {
		case <-s.Table(decl).Ready():
		default:
			t.Errorf("%s is loaded and not ready", tt.file)
		}
	}
}

func TestWhatIsNoVersionOfItsTableIsToldWithItsPlace(t *testing.T) {
	for _, tt := range []struct{ name, file, text, want string }{
		{"missing column", "j.csv", "ident,n\na,1\n", `j.csv:1: there is no column "id"; the columns are ident, n`},
		{"near column", "j.csv", " id,n\na,1\n", `j.csv:1: there is no column "id"; is it column " id"? names are taken as they stand`},
		{"semicolons", "j.csv", "id;n\na;1\n", `j.csv:1: there is no column "id"; columns are separated by commas`},
		{"empty", "j.csv", "", `j.csv:1: the file is empty; the first line names the columns`},
		{"two columns of a name", "j.csv", "id,n,id\n", `j.csv:1: columns 1 and 3 are both called "id"; rename one of them`},
		{"wrong type", "j.csv", "id,n\na,1\nb,many\n", `j.csv:3:3: column n: expected int, got string`},
		{"wrong type behind long letters", "j.csv", "id,n\nébène,many\n", `j.csv:2:7: column n: expected int, got string`},
		{"wrong type inside", "j.csv", "id,tags\na,\"[1]\"\n", `j.csv:2:3: column tags: .tags[0]: expected string, got number`},
		{"wrong type behind a line break", "j.csv", "id,n\n\"a\nb\",x\n", `j.csv:3:4: column n: expected int, got string`},
		{"a key twice", "j.csv", "id,n\na,1\n\nb,1\na,2\n", `j.csv:5:1: column id: the row of line 2 has this key, too; keep one of the two: which counts is not ours to guess`},
		{"too many columns", "j.csv", "id,n\na,1,2\n", `j.csv:2: the line has another number of columns than the header's 2; write a text that holds a comma in quotes`},
		{"a bare quote", "j.csv", "id,n\na\"b,1\n", `j.csv:2:2: a quote inside a text that does not begin with one; begin the text with a quote and write each quote in it twice`},
		{"an open quote", "j.csv", "id,n\na,1\nb,\"2\nc,3\n", `j.csv:3: a text in quotes does not end as it should; write each quote inside it twice, and a comma or the line's end behind it`},
		{"no UTF-8", "j.csv", "id,n\n\xe9,1\n", `j.csv:2:1: column id: not UTF-8 text; save the file as UTF-8`},
		{"not JSON", "j.jsonl", "{\"id\":\"a\"}\n {\"id\":\"b\",}\n", `j.jsonl:2:11: not JSON: comma before }`},
		{"missing field", "j.jsonl", "{\"n\":1}\n", `j.jsonl:1: .id: expected string, got nothing: the field is missing`},
		{"wrong field", "j.jsonl", "{\"id\":\"a\",\"n\":1.5}\n", `j.jsonl:1: .n: expected int, got a number with a fraction`},
		{"a null row", "j.jsonl", "null\n", `j.jsonl:1: null is no row; leave the row out`},
		{"a list", "j.jsonl", "[]\n", `j.jsonl:1: expected Journey, got list`},
		{"a key twice", "j.jsonl", "{\"id\":\"a\"}\n{\"id\":\"a\"}\n", `j.jsonl:2: .id: the row of line 1 has this key, too; keep one of the two: which counts is not ours to guess`},
		{"a long line", "j.jsonl", "{\"id\":\"a\"}\n{\"id\":\"" + strings.Repeat("x", maxLine) + "\"}\n", `j.jsonl:2: the line is longer than 4 MiB; a row has one`},
	} {
		dir := t.TempDir()
		write(t, dir, tt.file, tt.text)
		err := CheckFile(dir, fileTable(tt.file))
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s:\n got %v\nwant %s", tt.name, err, tt.want)
		}
		if e := new(Error); err != nil && !errors.As(err, &e) {
			t.Errorf("%s: %T is no *Error", tt.name, err)
		}
	}
}

func TestAFileThatIsNotThereOrNoGzip(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain.csv.gz"), []byte("id\na\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "cut.csv.gz", "id\nabcdefgh\nijklmnop\n")
	b, err := os.ReadFile(filepath.Join(dir, "cut.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cut.csv.gz"), b[:len(b)-6], 0o644); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"gone.csv":     "gone.csv: there is no such file; its name is relative to the program's directory",
		"plain.csv.gz": "plain.csv.gz: is not compressed with gzip; leave .gz off its name, or compress it",
		"cut.csv.gz":   "cut.csv.gz: the compressed data is damaged or cut: unexpected EOF; compress it again",
	} {
		if err := CheckFile(dir, fileTable(file)); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", file, err, want)
		}
	}
}

func TestKeysOfSeveralPartsCompareLikeValues(t *testing.T) {
	dir := t.TempDir()
	decl := fileTable("j.jsonl")
	decl.Row = types.Obj(types.Field{Name: "at", Type: types.Obj(types.Field{Name: "country", Type: types.StringT})}, types.Field{Name: "zone", Type: types.NumberT})
	decl.Keys = []ir.TableKey{{Type: types.StringT, Field: []string{"at", "country"}}, {Type: types.NumberT, Field: []string{"zone"}}}
	write(t, dir, "j.jsonl", `{"at":{"country":"DE"},"zone":1.0}`+"\n"+`{"at":{"country":"DE"},"zone":2}`+"\n")
	s := New([]*ir.Table{decl})
	if err := s.LoadFiles(dir); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Row(decl, key("DE", value.FromInt(1))); !ok {
		t.Error("the row of DE and 1 is not found: 1 and 1.0 are one key")
	}
	write(t, dir, "j.jsonl", `{"at":{"country":"DE"},"zone":1.0}`+"\n"+`{"at":{"country":"DE"},"zone":1}`+"\n")
	if err := CheckFile(dir, decl); err == nil {
		t.Error("1 and 1.0 are two keys")
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("id,n\na,1\n"), true)
	f.Add([]byte("\ufeffid\n\"a\"\"b\"\n"), true)
	f.Add([]byte(`{"id":"a","n":1}`+"\n"), false)
	f.Fuzz(func(t *testing.T, b []byte, csv bool) {
		decl := fileTable("j.jsonl")
		if csv {
			decl = fileTable("j.csv")
		}
		r, err := parse(b, decl)
		if e := new(Error); err != nil && !errors.As(err, &e) {
			t.Fatalf("%T: %v", err, err)
		}
		if err != nil {
			return
		}
		// What was taken is a member of the row's type, under its own key.
		for k, row := range r.byKey {
			if got, p := keyOf(decl, row.value); p != nil || got != k {
				t.Fatalf("%q stands under %q", got, k)
			}
		}
	})
}
