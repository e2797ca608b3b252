package fn

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
)

// TestDocumentsAreBounded: a small document that would become a large value, or a deep
// one, fails before it has become one.
func TestDocumentsAreBounded(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	for range 64 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := gzipDecode.Call(nil, args{value.Bytes(bomb.Bytes())}); codeOf(err) != diag.TooLarge {
		t.Errorf("64 MiB in %d bytes of gzip: %v", bomb.Len(), err)
	}
	for depth, want := range map[int]bool{200: true, 257: false, 100_000: false} {
		v, err := xmlDecode.Call(nil, args{strings.Repeat("<a>", depth) + strings.Repeat("</a>", depth)})
		if (err == nil) != want {
			t.Errorf("XML nested %d deep: %v", depth, err)
		}
		if _, bad := value.DecodeJSON(value.AppendJSON(nil, v)); err == nil && bad != nil {
			t.Errorf("XML nested %d deep is no value that may be sent: %s", depth, bad.Reason)
		}
	}
	// One letter a value, so that the text is as small as it can be.
	if _, err := csvDecode.Call(nil, args{strings.Repeat("a\n", maxElems+1), false, ","}); codeOf(err) != diag.TooMuch {
		t.Errorf("CSV of %d rows: %v", maxElems+1, err)
	}
	// An entity that stands for others is none that XML knows by itself.
	if _, err := xmlDecode.Call(nil, args{`<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>`}); err == nil {
		t.Error("an entity of the document is read")
	}
}

// TestDocumentsComeBack: what csv.row writes csv.decode reads.
func TestDocumentsComeBack(t *testing.T) {
	for _, row := range []value.List{{"a", "b"}, {""}, {"", ""}, {"a,b", "\"c\"", "d\ne"}, {" x "}, {`\.`}, {"é", "'"}} {
		line, err := csvRow.Call(nil, args{row})
		if err != nil {
			t.Fatal(err)
		}
		back, err := csvDecode.Call(nil, args{line.(string) + "\n", false, ","})
		if err != nil {
			t.Fatal(err)
		}
		got := value.List{}
		for _, r := range back.(value.List) {
			o := r.(*value.Object)
			for i := range o.Len() {
				got = append(got, o.At(i).Value)
			}
		}
		if !value.Equal(got, row) {
			t.Errorf("%v became %v by %q", row, got, line)
		}
	}
}

// TestSeparators: one character, and none that CSV uses itself.
func TestSeparators(t *testing.T) {
	for s, want := range map[string]bool{",": true, "\t": true, "|": true, "·": true, "": false, "::": false, "\"": false, "\n": false, "\xff": false} {
		if _, err := separator(s); (err == nil) != want || err != nil && !errors.Is(err, errSep) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
