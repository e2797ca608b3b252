package value

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeJSONReasons(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "not JSON: empty at byte 1"},
		{" \n", "not JSON: nothing but white space at byte 1"},
		{`{"a":1}{"a":2}`, "not JSON: a second value begins at byte 8"},
		{`{"a":1,}`, "not JSON: comma before } at byte 7"},
		{`[1,]`, "not JSON: comma before ] at byte 3"},
		{`[1,,2]`, "not JSON: two commas at byte 4"},
		{`{"a":1 "b":2}`, "not JSON: comma missing at byte 8"},
		{`{"a" 1}`, "not JSON: colon missing behind a key at byte 6"},
		{`{a:1}`, `not JSON: a key without " at byte 2`},
		{`{'a':1}`, `not JSON: a key without " at byte 2`},
		{`['a']`, `not JSON: text in ' instead of " at byte 2`},
		{`{"a":"x`, "not JSON: ends inside a text at byte 8"},
		{`{"a":"x"`, "not JSON: ends inside an object at byte 9"},
		{`[1,`, "not JSON: ends inside a list at byte 4"},
		{`{"a":`, "not JSON: ends where a value should begin at byte 6"},
		{"\"a\nb\"", "not JSON: a line break inside a text at byte 3"},
		{"\"a\tb\"", "not JSON: character U+0009 inside a text at byte 3"},
		{`"\x41"`, `not JSON: \x inside a text at byte 2`},
		{`"\u12g4"`, `not JSON: \u without four hexadecimal digits at byte 2`},
		{`NaN`, "not JSON: NaN is not a JSON value at byte 1"},
		{`{"a":None}`, "not JSON: None is not a JSON value at byte 6"},
		{`tru`, "not JSON: ends inside tru… at byte 4"},
		{`truely`, "not JSON: truely is not a JSON value at byte 1"},
		{`+1`, "not JSON: a number cannot begin with + at byte 1"},
		{`.5`, "not JSON: a number cannot begin with . at byte 1"},
		{`007`, "not JSON: a number cannot begin with 0 at byte 1"},
		{`0x1F`, "not JSON: x inside a number at byte 2"},
		{`1.`, "not JSON: ends inside a number at byte 3"},
		{`[1.]`, "not JSON: a number with no digit behind its point at byte 4"},
		{`[1e]`, "not JSON: a number with no digit in its exponent at byte 4"},
		{`[1.5e+]`, "not JSON: a number with no digit in its exponent at byte 7"},
		{`[-]`, "not JSON: - without a number at byte 2"},
		{`1.2.3`, "not JSON: . inside a number at byte 4"},
		{`{"a":1}}`, "not JSON: } without a beginning at byte 8"},
		{`[1}`, "not JSON: } inside a list at byte 3"},
		{`// x`, "not JSON: a comment at byte 1"},
		{"\"a\xff\"", "not JSON: not UTF-8 at byte 3"},
		{strings.Repeat("[", 513), "not JSON: nested more than 512 deep at byte 513"},
	}
	for _, tt := range tests {
		_, err := DecodeJSON([]byte(tt.in))
		if err == nil {
			t.Errorf("%s: no error, want %q", tt.in, tt.want)
		} else if err.Error() != tt.want {
			t.Errorf("%s: %q, want %q", tt.in, err.Error(), tt.want)
		}
	}
}

func TestDecodeJSONHelp(t *testing.T) {
	tests := []struct{ in, want string }{
		{"\x00\x00\x00\x00\x2a\x02\x06abc", "schema-registry frame (schema 42)"},
		{"\x1f\x8b\x08\x00", "gzip"},
		{"\xff\xfe{\x00", "UTF-16"},
		{"<html>", "HTML"},
	}
	for _, tt := range tests {
		_, err := DecodeJSON([]byte(tt.in))
		if err == nil || !strings.Contains(err.Help, tt.want) {
			t.Errorf("%q: %+v, want help with %q", tt.in, err, tt.want)
		}
	}
	for in, want := range map[string]string{
		`{"schema":{"type":"struct"},"payload":{"id":1}}`: "envelope",
		`{"scale":2,"value":"Aw=="}`:                      "decimal",
		`{"schema":1}`:                                    "",
	} {
		v, err := DecodeJSON([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got := Hint(v); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("Hint(%s) = %q, want %q in it", in, got, want)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	big := func(n int) string { // an object of n keys, each of them twice
		var b strings.Builder
		b.WriteByte('{')
		for i := range 2 * n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"k` + FromInt(int64(i%n)).Plain() + `":` + FromInt(int64(i)).Plain())
		}
		return b.String() + "}"
	}
	tests := []struct{ name, in, want string }{
		{"numbers keep their text", `[1,1.0,1e0,-0,0.10,1E+2,123456789012345678901234567890123456789012]`, ""},
		{"a byte-order mark is skipped", "\ufeff{}", "{}"},
		{"fields keep their order", `{"b":1,"a":2}`, ""},
		{"the last of equal keys counts, where it stands", `{"a":1,"b":2,"a":3}`, `{"b":2,"a":3}`},
		{"also where there are many", big(20), `{` + big(20)[strings.Index(big(20), `"k0":20`):]},
		{"escapes", `"\u0041\n\/\"\\\u00e9\ud83d\ude00\u2028"`, "\"A\\n/\\\"\\\\é😀\u2028\""},
		{"a lone surrogate becomes U+FFFD", `"\ud83d|\ude00|\ud83d\u0041"`, `"�|�|�A"`},
		{"control characters are kept, escaped", `"\u0000\u001f\u007f"`, "\"\\u0000\\u001f\x7f\""},
		{"512 deep", strings.Repeat("[", 512) + strings.Repeat("]", 512), ""},
		{"spaces", " { \"a\" : [ 1 , true , null ] } \r\n", `{"a":[1,true,null]}`},
	}
	for _, tt := range tests {
		v, err := DecodeJSON([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		want := tt.want
		if want == "" {
			want = tt.in
		}
		if got := string(AppendJSON(nil, v)); got != want {
			t.Errorf("%s: %s, want %s", tt.name, got, want)
		}
	}
}

// FuzzJSON holds the decoder against encoding/json: both take the same texts,
// and what is written reads back as the same value.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,"x\u00e9",null,true]}`, `{"a":1,"a":2}`, `"\ud83d\ude00"`, `[-0.0e-7]`, ` 1 `, `{"":{}}`, "\x00\x00\x00\x00\x01", `"\ud800"`, `tru`, `[1,]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeJSON(b)
		plain := b
		if len(b) >= 3 && string(b[:3]) == "\ufeff" {
			plain = b[3:]
		}
		want := json.Valid(plain) && utf8.Valid(b) && depth(plain) <= MaxDepth
		if (err == nil) != want {
			t.Fatalf("%q: %v, valid: %v", b, err, want)
		}
		if err != nil {
			if err.Offset < 0 || err.Offset > len(b) || err.Reason == "" {
				t.Fatalf("%q: %+v", b, err)
			}
			return
		}
		out := AppendJSON(nil, v)
		back, err := DecodeJSON(out)
		if err != nil {
			t.Fatalf("%q → %q: %v", b, out, err)
		}
		if !Equal(v, back) {
			t.Fatalf("%q → %q is another value", b, out)
		}
		if len(Excerpt(v, 40)) > 40 {
			t.Fatalf("%q: excerpt of %d bytes", b, len(Excerpt(v, 40)))
		}
	})
}

// depth counts the deepest nesting of a valid JSON text.
func depth(b []byte) (deepest int) {
	in, n := false, 0
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case in && c == '\\':
			i++
		case c == '"':
			in = !in
		case !in && (c == '[' || c == '{'):
			n++
			deepest = max(deepest, n)
		case !in && (c == ']' || c == '}'):
			n--
		}
	}
	return deepest
}
