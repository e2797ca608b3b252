package request

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// TestLogged: what is read of the log is what was written, byte for byte of the body but
// for blanks around JSON.
func TestLogged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Request{
			Method: rapid.SampledFrom([]string{"GET", "POST"}).Draw(t, "method"), Path: "/a", Query: rapid.String().Draw(t, "query"),
			Headers: value.NewObject(), RemoteIP: rapid.SampledFrom([]string{"", "::1"}).Draw(t, "ip"), Element: rapid.IntRange(-1, 3).Draw(t, "element"),
		}
		r.Headers.Set("x", rapid.String().Draw(t, "header"))
		if rapid.Bool().Draw(t, "form") {
			r.Headers.Set("content-type", "Application/x-www-form-urlencoded; charset=utf-8")
		}
		r.Body = []byte(rapid.OneOf(
			rapid.SampledFrom([]string{"", "null", "{\"a\": 1.50}\n", " [ ]", "{\"a\":", "\"\\ud800\"", "a=1&b"}),
			rapid.StringN(0, 20, 60),
			rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 20), func(b []byte) string { return string(b) }),
		).Draw(t, "body"))
		got, err := Parse(r.Append(nil))
		if err != nil {
			t.Fatalf("%s: %v", r.Append(nil), err)
		}
		want := string(r.Body)
		if json.Valid(r.Body) && !r.IsForm() {
			want = strings.Trim(want, " \t\r\n")
		}
		if diff := cmp.Diff(want, string(got.Body)); diff != "" {
			t.Fatalf("body (-want +got):\n%s", diff)
		}
		if got.Method != r.Method || got.Path != r.Path || got.Query != r.Query || got.RemoteIP != r.RemoteIP || got.Element != r.Element || got.Header("x") != r.Header("x") {
			t.Fatalf("wrote %s, read %+v", r.Append(nil), got)
		}
		if again := got.Append(nil); !bytes.Equal(again, r.Append(nil)) {
			t.Fatalf("wrote %s, then %s", r.Append(nil), again)
		}
		if got.Empty() != r.Empty() || got.IsForm() != r.IsForm() {
			t.Fatalf("%s is read as another", r.Append(nil))
		}
	})
}

// TestParseRefuses: a topic may hold what others wrote there.
func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "1", "{}", `{"method":"GET"}`, `{"method":1,"path":"/a"}`, `{"method":"GET","path":"/a","headers":[]}`, `{"method":"GET","path":"/a","body_base64":"*"}`} {
		if r, err := Parse([]byte(s)); err == nil {
			t.Errorf("%s was read as %+v", s, r)
		}
	}
}

var (
	text  = types.Row(nil, types.Field{Name: "a", Type: types.StringT, Optional: true})
	list  = types.Row(nil, types.Field{Name: "a", Type: types.Nullable(types.ListOf(types.StringT))})
	ints  = types.Row(nil, types.Field{Name: "a", Type: types.ListOf(types.IntT)})
	other = types.Row(nil, types.Field{Name: "k", Type: types.Lit("x")}, types.Field{Name: "a", Type: types.StringT})
)

// TestView: query and body are one object, read by the declared type.
func TestView(t *testing.T) {
	const form, parts = "application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=b"
	for _, c := range []struct {
		name, query, kind, body string
		t                       *types.Type
		want                    string // JSON; or what is wrong
	}{
		{"the last of a repeated name counts", "a=1&a=2", "", "", nil, `{"a":"2"}`},
		{"the last counts for a text", "a=1&a=2", "", "", text, `{"a":"2"}`},
		{"a list takes all", "a=1&a=2", "", "", list, `{"a":["1","2"]}`},
		{"each is read by the type", "a=1&a=2", "", "", ints, `{"a":[1,2]}`},
		{"of a map of lists, too", "a=1&a=2&b=3", "", "", types.MapOf(types.ListOf(types.StringT)), `{"a":["1","2"],"b":["3"]}`},
		{"one text that is a JSON list is that list", "a=[1,2]", "", "", ints, `{"a":[1,2]}`},
		{"any other text is its one element", "a=1,2", "", "", list, `{"a":["1,2"]}`},
		{"of a union the first member that takes it", "a=1&a=2", "", "", types.UnionOf(other, ints), `{"a":[1,2]}`},
		{"of a union where none takes it", "a=x&a=y", "", "", types.UnionOf(other, ints), ".: expected"},
		{"names are taken as they stand", "a[]=1&A=2", "", "", nil, `{"a[]":"1","A":"2"}`},
		{"a plus is a blank", "a=x+y%2B", "", "", text, `{"a":"x y+"}`},
		{"broken escapes and ; stay", "a=%zz%4;b", "", "", text, `{"a":"%zz%4;b"}`},
		{"what is not UTF-8 is replaced", "a=%ff", "", "", text, "{\"a\":\"\ufffd\"}"},
		{"a form is one whatever it looks like", "", form, `{"a":1}`, nil, `{"{\"a\":1}":""}`},
		{"a form that should have been JSON is told so", "", form, `{"a":[1]}`, ints, "Content-Type: application/json"},
		{"the body wins", "a=q&b=q", "", `{"a":"body"}`, nil, `{"b":"q","a":"body"}`},
		{"a form in parts", "b=q", parts, inParts("a", "é", "c", "x\r\ny"), nil, `{"b":"q","a":"é","c":"x\r\ny"}`},
		{"of parts of one name a list takes all", "", parts, inParts("a", "1", "a", "2"), ints, `{"a":[1,2]}`},
		{"a part that is no text", "", parts, inParts("a", "\xff"), nil, "{\"a\":\"\ufffd\"}"},
		{"a part that is a file", "", parts, "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n", nil, `{"a":"hello"}`},
		{"parts that are cut", "", parts, inParts("a", "1")[:50], nil, ".: expected a form in parts (multipart/form-data), got a body that has no such parts, or is cut"},
		{"parts without a boundary", "", "multipart/form-data", inParts("a", "1"), nil, "names no boundary"},
		{"a list that came as a form in parts", "", parts, "[1]", nil, "no such parts"},
		{"a form wins", "a=q&b=q", form, `a=f&a=g`, list, `{"a":["f","g"]}`},
		{"JSON is read whatever its type says", "", "text/plain", `{"a":"x"}`, text, `{"a":"x"}`},
		{"numbers keep their text", "", "", `{"a":1.50}`, nil, `{"a":1.50}`},
		{"a body alone may be anything", "", "", `"x"`, nil, `"x"`},
		{"null is the value null", "", "", `null`, nil, `null`},
		{"a query needs an object", "a=1", "", `[1]`, nil, "an object as body"},
		{"a query needs an object, not null", "a=1", "", `null`, nil, "an object as body"},
		{"blanks are no body", "a=1", "", " \n", nil, `{"a":"1"}`},
		{"no JSON", "", "", `{"a":}`, nil, "byte"},
		{"not of the type", "a=x", "", ``, ints, ".a[0]: expected int"},
		{"a query alone that says nothing", "&&", "", `[1]`, nil, `[1]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Request{Method: "POST", Path: "/", Query: c.query, Headers: value.NewObject(), Body: []byte(c.body), Element: Whole}
			r.Headers.Set("content-type", c.kind)
			v, fault := r.View(c.t, false)
			got := string(value.AppendJSON(nil, v))
			switch {
			case fault == nil:
				if got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
				return
			case fault.Syntax != nil:
				got = fault.Syntax.Error()
			default:
				got = fault.Mismatch.Error() + " " + fault.Mismatch.Help
			}
			if !bytes.Contains([]byte(got), []byte(c.want)) || c.want == "" {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// inParts writes a form in parts of names and values.
func inParts(of ...string) string {
	var b strings.Builder
	for i := 0; i < len(of); i += 2 {
		b.WriteString("--b\r\nContent-Disposition: form-data; name=\"" + of[i] + "\"\r\n\r\n" + of[i+1] + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

// TestWithout: a token is cut out, and nothing else of the query changes.
func TestWithout(t *testing.T) {
	for _, c := range []struct {
		query, rest string
		values      []string
	}{
		{"a=1&token=s%20x&b=%zz", "a=1&b=%zz", []string{"s x"}},
		{"token=1&token=2", "", []string{"1", "2"}},
		{"to%6ben=1&a", "a", []string{"1"}},
		{"a=1&&b", "a=1&&b", nil},
	} {
		rest, values := Without(c.query, "token")
		if rest != c.rest || !cmp.Equal(values, c.values) {
			t.Errorf("%s: rest %q, values %q", c.query, rest, values)
		}
	}
}

// TestInstead: who reads the letter of a body that is no JSON is told what it is.
func TestInstead(t *testing.T) {
	for _, c := range []struct{ kind, body, help string }{
		{"multipart/mixed; boundary=x", "--x\r\n", "multipart/mixed"},
		{"text/xml", "<a/>", "XML"},
		{"application/soap+xml; charset=utf-8", "<a/>", "XML"},
		{"application/json", "\x1f\x8b\x08\x00", "Content-Encoding: gzip"},
		{"text/plain", "id=1&name=a+b%20c", "looks like a form"},
		{"", "tags[]=x", "looks like a form"},
		{"application/json", `{"a":=1}`, ""},
		{"text/plain", "a = 5", ""},
		{"text/plain", "hello", ""},
	} {
		r := &Request{Method: "POST", Path: "/a", Headers: value.NewObject(), Body: []byte(c.body), Element: Whole}
		r.Headers.Set("content-type", c.kind)
		_, f := r.View(nil, false)
		if f == nil || f.Syntax == nil || !strings.Contains(f.Syntax.Help, c.help) || c.help == "" && f.Syntax.Help != "" {
			t.Errorf("%s %q: %+v", c.kind, c.body, f)
		}
	}
}
