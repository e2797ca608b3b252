package json

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"testing"
	"unicode/utf8"
)

// The oracle: what Scan has to say of a record, told by encoding/json.

// wantValid is the definition of what Scan accepts.
func wantValid(d []byte) bool {
	d = bytes.TrimPrefix(d, []byte("\xef\xbb\xbf"))
	return stdjson.Valid(d) && utf8.Valid(d) && depthOf(d) <= MaxDepth
}

func depthOf(d []byte) (deepest int) {
	dec := stdjson.NewDecoder(bytes.NewReader(d))
	dec.UseNumber()
	for depth := 0; ; {
		t, err := dec.Token()
		if err == io.EOF {
			return deepest
		}
		if err != nil {
			panic(err)
		}
		switch t {
		case stdjson.Delim('{'), stdjson.Delim('['):
			depth++
			deepest = max(deepest, depth)
		case stdjson.Delim('}'), stdjson.Delim(']'):
			depth--
		}
	}
}

func decode(d []byte) (v any) {
	dec := stdjson.NewDecoder(bytes.NewReader(bytes.TrimPrefix(d, []byte("\xef\xbb\xbf"))))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		panic(fmt.Sprintf("%v: %q", err, d))
	}
	return v
}

// checkScan scans d with s and compares everything with the oracle.
func checkScan(t *testing.T, s *Scanner, d []byte) {
	t.Helper()
	err := s.Scan(d)
	if want := wantValid(d); want != (err == nil) {
		t.Fatalf("valid: %v, got error %v: %q", want, err, d)
	}
	if err != nil {
		if off := err.(*SyntaxError).Offset; off < 0 || off > len(d) {
			t.Fatalf("offset %d of %d: %q", off, len(d), d)
		}
		return
	}
	v := decode(d)
	checkNode(t, s, s.plan.root, s.Frame(), v, Missing)
	if want := fitsOracle(s.plan.root, v); s.Shape() && !want {
		t.Fatalf("shape claimed: %q", d)
	}
}

// absent is passed down in place of a value that is not there, with the kind
// the slots must have.
type absent struct{}

func checkNode(t *testing.T, s *Scanner, n *Node, fr []Span, v any, kind Kind) {
	t.Helper()
	if n.slot >= 0 {
		sp := fr[n.slot]
		if _, gone := v.(absent); gone {
			if sp.Kind != kind {
				t.Fatalf("node %q: %v, want %v: %q", n.name, sp.Kind, kind, s.d)
			}
		} else {
			checkSpan(t, s, n, sp, v)
		}
		if n.each != nil {
			els := s.Elems(sp)
			list, _ := v.([]any)
			if els.Len() != len(list) {
				t.Fatalf("node %q: %d elements, want %d: %q", n.name, els.Len(), len(list), s.d)
			}
			for i, e := range list {
				checkNode(t, s, n.each.root, els.At(i), e, Missing)
			}
		}
	}
	for _, k := range n.kids {
		switch o := v.(type) {
		case absent:
			checkNode(t, s, k, fr, v, kind)
		case nil:
			checkNode(t, s, k, fr, absent{}, Missing)
		case map[string]any:
			if e, ok := o[k.name]; ok {
				checkNode(t, s, k, fr, e, Missing)
			} else {
				checkNode(t, s, k, fr, absent{}, Missing)
			}
		default:
			checkNode(t, s, k, fr, absent{}, PathErr)
		}
	}
}

func checkSpan(t *testing.T, s *Scanner, n *Node, sp Span, v any) {
	t.Helper()
	var want Kind
	switch v := v.(type) {
	case nil:
		want = Null
	case bool:
		want = False
		if v {
			want = True
		}
	case stdjson.Number:
		want = Num
		if string(sp.Bytes(s.d)) != v.String() {
			t.Fatalf("number %q, want %v: %q", sp.Bytes(s.d), v, s.d)
		}
	case string:
		want = Str
		if sp.Flags&Escaped != 0 {
			want = StrEsc
		}
		if got := AppendText(nil, s.d, sp); string(got) != v {
			t.Fatalf("text %q, want %q: %q", got, v, s.d)
		}
		if !EqualText(s.d, sp, v) || EqualText(s.d, sp, v+"x") || v != "" && EqualText(s.d, sp, v[1:]) {
			t.Fatalf("EqualText of %q: %q", v, s.d)
		}
		if got := AppendString(nil, v); !reflect.DeepEqual(decode(got), any(v)) {
			t.Fatalf("AppendString(%q) = %s", v, got)
		}
	case map[string]any:
		want = Obj
		checkMembers(t, s, sp, v)
	case []any:
		want = Arr
	}
	if sp.Kind != want {
		t.Fatalf("node %q: %v, want %v: %q", n.name, sp.Kind, want, s.d)
	}
	raw := AppendRaw(nil, s.d, sp)
	if !stdjson.Valid(raw) || !reflect.DeepEqual(decode(raw), v) {
		t.Fatalf("raw %q is not %v: %q", raw, v, s.d)
	}
	if got := hasEscape(raw); got != (sp.Flags&Escaped != 0) {
		t.Fatalf("escaped: %v, flags %b: %q", got, sp.Flags, s.d)
	}
	if got := hasLone(sp.Raw(s.d)); got != (sp.Flags&Lone != 0) {
		t.Fatalf("lone: %v, flags %b: %q", got, sp.Flags, s.d)
	}
	if hasLone(raw) {
		t.Fatalf("passed on with a lone surrogate: %q", raw)
	}
}

// escapes matches what must not be taken for the escape that it ends in, then
// pairs, then what is left: surrogates without a partner.
var escapes = regexp.MustCompile(`(?i)\\\\|\\ud[89ab]..\\ud[c-f]..|(\\ud[89a-f]..)`)

func hasLone(raw []byte) bool {
	for _, m := range escapes.FindAllSubmatch(raw, -1) {
		if m[1] != nil {
			return true
		}
	}
	return false
}

func hasEscape(raw []byte) bool { return bytes.IndexByte(raw, '\\') >= 0 }

// checkMembers rebuilds an object from a walk over its members.
func checkMembers(t *testing.T, s *Scanner, sp Span, want map[string]any) {
	t.Helper()
	got := map[string]any{}
	for m := MembersOf(s.d, sp); m.Next(); {
		raw := AppendRaw(nil, s.d, m.Val)
		if hasLone(raw) {
			t.Fatalf("member passed on with a lone surrogate: %q", raw)
		}
		got[string(AppendText(nil, s.d, m.Key))] = decode(raw)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("members %v, want %v: %q", got, want, s.d)
	}
}

// fitsOracle judges a decoded value by a node's masks.
func fitsOracle(n *Node, v any) bool {
	m := n.mask
	ok := false
	switch v := v.(type) {
	case nil:
		ok = m&MaskNull != 0
	case bool:
		ok = v && m&MaskTrue != 0 || !v && m&MaskFalse != 0
	case stdjson.Number:
		ok = m&MaskNum != 0 || m&MaskInt != 0 && !bytes.ContainsAny([]byte(v), ".eE")
	case string:
		ok = m&MaskStr != 0
		for _, o := range n.oneOf {
			ok = ok || o == v
		}
		if m&MaskTime != 0 {
			_, is := ParseTime([]byte(v))
			ok = ok || is
		}
	case map[string]any:
		ok = m&MaskObj != 0
		for _, k := range n.kids {
			if e, has := v[k.name]; has {
				ok = ok && fitsOracle(k, e)
			} else {
				ok = ok && !k.require
			}
		}
	case []any:
		ok = m&MaskArr != 0
		if n.each != nil {
			for _, e := range v {
				ok = ok && fitsOracle(n.each.root, e)
			}
		}
	}
	return ok
}
