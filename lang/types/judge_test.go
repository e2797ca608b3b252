package types

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
)

const orderType = `{ id: string, status: "pending" | "paid", total: number, shipping: number = 0, at: time?, lines: [{ sku: string, qty: int }], ` +
	`coupon?: string, customer: { id: string, email: string? } }`

// judged gives the view as JSON, or the mismatch.
func judged(v value.Value, t *Type, mode Mode) string {
	out, m := Judge(v, t, mode)
	if m != nil {
		return m.Error()
	}
	return string(value.AppendJSON(nil, out))
}

func TestJudge(t *testing.T) {
	for _, tt := range []struct{ rule, of, in, want string }{
		{"a whole order", orderType,
			`{"id":"o1","status":"paid","total":42.50,"at":"2026-03-01T12:00:00Z","lines":[{"sku":"s","qty":2}],"customer":{"id":"u1"}}`,
			`{"id":"o1","status":"paid","total":42.50,"at":"2026-03-01T12:00:00.000Z","lines":[{"sku":"s","qty":2}],"customer":{"id":"u1"},"shipping":0}`},
		{"the first mismatch is in the order of the type", orderType,
			`{"customer":{},"lines":[{"qty":1.5}],"total":"1","status":"paid","id":"o1"}`,
			`.total: expected number, got string`},
		{"a path into a list", orderType,
			`{"id":"o1","status":"paid","total":1,"lines":[{"sku":"a","qty":1},{"sku":"b","qty":"x"}],"customer":{"id":"u"}}`,
			`.lines[1].qty: expected int, got string`},
		{"a path into a map", "{ m: {string: int} }", `{"m":{"k":1,"l":true}}`, `.m["l"]: expected int, got bool`},
		{"a path of a name that is no word", `{ "größe": int }`, `{"größe":"x"}`, `.["größe"]: expected int, got string`},
		{"a path below such a name", `{ a: { "b c": [int] } }`, `{"a":{"b c":[1,null]}}`, `.a["b c"][1]: expected int, got null`},
		{"a list as a whole", "[int]", `[1,"x"]`, `.[1]: expected int, got string`},
		{"the whole value", "{ a: int }", `3`, `.: expected { a: int }, got number`},
		{"the text null is null", "{ a: int }", `null`, `.: expected { a: int }, got null`},

		{"a declared field must be there", "{ a: int }", `{}`, `.a: expected int, got nothing: the field is missing`},
		{"T? takes null", "{ a: int? }", `{"a":null}`, `{"a":null}`},
		{"T? takes nothing, and nothing stays nothing", "{ a: int? }", `{}`, `{}`},
		{"f?: takes nothing", "{ a?: int }", `{}`, `{}`},
		{"f?: takes no null", "{ a?: int }", `{"a":null}`, `.a: expected int, got null`},
		{"a default stands in for null, in place", "{ a: int = 7, b: int }", `{"a":null,"b":1}`, `{"a":7,"b":1}`},
		{"a default stands in for nothing, behind", "{ a: int = 7, b: int }", `{"b":1}`, `{"b":1,"a":7}`},
		{"a missing any is null", "{ a: any }", `{}`, `{}`},

		{"other fields are not in the view", "{ a: int, b: { c: int } }", `{"x":1,"a":1,"b":{"y":2,"c":3}}`, `{"a":1,"b":{"c":3}}`},
		{"a rest admits them", "{ a: int, ...: any }", `{"x":1,"a":1,"y":null}`, `{"x":1,"a":1,"y":null}`},
		{"a rest judges them, after the declared ones", "{ a: int, ...: int }", `{"x":"1","a":true}`, `.a: expected int, got bool`},
		{"a rest judges them", "{ a: int, ...: int }", `{"x":"1","a":2}`, `.x: expected int, got string`},
		{"the view keeps the order of the value", "{ a: int, b: int }", `{"b":1,"a":2}`, `{"b":1,"a":2}`},
		{"`object` keeps all", "object", `{"a":{"b":[1]}}`, `{"a":{"b":[1]}}`},
		{"a list is no object", "object", `[]`, `.: expected object, got list`},

		{"3146.0 is an int and keeps its text", "int", `3146.0`, `3146.0`},
		{"1.5 is no int", "int", `1.5`, `.: expected int, got a number with a fraction`},
		{"a number beyond the limits passes", "number", `1e9999`, `1e9999`},
		{"a text is no number", "number", `"1"`, `.: expected number, got string`},
		{"a literal by value", "1", `1.0`, `1.0`},
		{"another literal", `"a" | "b"`, `"c"`, `.: expected "a" | "b", got another string`},
		{"an open enum takes any text", `"a" | string`, `"c"`, `"c"`},

		{"a time in RFC 3339", "time", `"2026-03-01t12:00:00+02:00"`, `"2026-03-01T10:00:00.000Z"`},
		{"an epoch in seconds", "time", `1700000000`, `"2023-11-14T22:13:20.000Z"`},
		{"an epoch in milliseconds", "time", `1700000000123`, `"2023-11-14T22:13:20.123Z"`},
		{"a text is never an epoch", "time", `"1700000000"`, `.: expected time, got a string that is none`},
		{"30 February is no time", "time", `"2026-02-30T00:00:00Z"`, `.: expected time, got a string that is none`},
		{"an epoch beyond the years", "time", `1e15`, `.: expected time, got a number outside the years 1 to 9999`},
		{"a duration", "duration", `"1h30m"`, `"1h30m"`},
		{"bytes in base64", "bytes", `"eA=="`, `"eA=="`},
		{"bytes not in base64", "bytes", `"?"`, `.: expected bytes, got a string that is none`},

		{"the first member that takes the value", "{ a: int } | { a: int, b: int }", `{"a":1,"b":2}`, `{"a":1}`},
		{"a later member", `{ t: "x", a: int } | { t: "y", b: int }`, `{"t":"y","a":1,"b":2}`, `{"t":"y","b":2}`},
		{"text before time", "string | time", `"2026-03-01T12:00:00+02:00"`, `"2026-03-01T12:00:00+02:00"`},
		{"time before text", "time | string", `"2026-03-01T12:00:00+02:00"`, `"2026-03-01T10:00:00.000Z"`},
		{"a tag says whose mistake it is", `{ t: "x", a: int } | { t: "y", b: { c: int } }`, `{"t":"y","b":{}}`,
			`.b.c: expected int, got nothing: the field is missing`},
		{"no such tag", `{ t: "x", a: int } | { t: "y", b: int }`, `{"t":"z"}`, `.t: expected "x" | "y", got another string`},
		{"no tag", `{ t: "x", a: int } | { t: "y", b: int }`, `{}`, `.t: expected "x" | "y", got nothing: the field is missing`},
		{"the one member of that kind", "{ a: int } | [int] | null", `[true]`, `.[0]: expected int, got bool`},
		{"no member of that kind", "{ a: int } | [int]", `true`, `.: expected { a: int } | [int], got bool`},
		{"none of two untagged objects", "{ a: int } | { b: int }", `{}`, `.: expected { a: int } | { b: int }, got object`},
	} {
		if got := judged(val(tt.in), ty(tt.of), Mode{}); got != tt.want {
			t.Errorf("%s: %s as %s\n got %s\nwant %s", tt.rule, tt.in, tt.of, got, tt.want)
		}
	}
}

func TestJudgeStrict(t *testing.T) {
	for _, tt := range []struct{ of, in, want string }{
		{"{ a: int }", `{"a":1}`, `{"a":1}`},
		{"{ a: int }", `{"b":2,"a":1}`, `.b: expected only fields of { a: int }, got another`},
		{"{ a: int }", `{"b":2,"a":"x"}`, `.a: expected int, got string`},
		{"{ a: { b: int } }", `{"a":{"b":1,"c":2}}`, `.a.c: expected only fields of { b: int }, got another`},
		{"{ a: int, ...: any }", `{"b":2,"a":1}`, `{"b":2,"a":1}`},
		{"{ a: int } | { a: int, b: int }", `{"a":1,"b":2}`, `{"a":1,"b":2}`},
	} {
		if got := judged(val(tt.in), ty(tt.of), Mode{Strict: true}); got != tt.want {
			t.Errorf("%s as %s strict\n got %s\nwant %s", tt.in, tt.of, got, tt.want)
		}
	}
}

func TestJudgeText(t *testing.T) {
	for _, tt := range []struct{ rule, of, in, want string }{
		{"numbers", "{ a: number, b: int }", `{"a":"1.50","b":"3"}`, `{"a":1.50,"b":3}`},
		{"only as JSON writes them", "{ a: number }", `{"a":"1,5"}`, `.a: expected number, got string`},
		{"no fraction in an int", "{ a: int }", `{"a":"1.5"}`, `.a: expected int, got string`},
		{"bools as bool(x) reads them", "[bool]", `["true","no","1","False",true]`, `[true,false,true,false,true]`},
		{"other texts are no bools", "bool", `"on"`, `.: expected bool, got string`},
		{"an epoch", "time", `"1700000000"`, `"2023-11-14T22:13:20.000Z"`},
		{"a time", "time", `"2026-03-01T12:00:00Z"`, `"2026-03-01T12:00:00.000Z"`},
		{"literals of numbers", "1 | 2", `"2"`, `2`},
		{"literals of bools", "true", `"yes"`, `true`},
		{"an object in a text, itself a text source", "{ a: { b: int, c: time } }", `{"a":"{\"b\":\"1\",\"c\":\"0\"}"}`, `{"a":{"b":1,"c":"1970-01-01T00:00:00.000Z"}}`},
		{"a list in a text", "{ a: [int] }", `{"a":"[1,\"2\"]"}`, `{"a":[1,2]}`},
		{"any other text is the one element", "{ a: [string] }", `{"a":"x,y"}`, `{"a":["x,y"]}`},
		{"a broken object", "{ a: { b: int } }", `{"a":"{"}`, `.a: expected { b: int }, got string`},
		{`"" is null for T?`, "{ a: int? }", `{"a":""}`, `{"a":null}`},
		{`"" is null for text`, "{ a: string? }", `{"a":""}`, `{"a":null}`},
		{`"" is missing for f?:`, "{ a?: int }", `{"a":""}`, `{}`},
		{`"" is the default`, "{ a: int = 7 }", `{"a":""}`, `{"a":7}`},
		{`"" is the default of an object`, "{ a: [int] = 7 }", `{"a":""}`, `{"a":7}`},
		{`"" is text where text must be`, "{ a: string }", `{"a":""}`, `{"a":""}`},
		{`"" is no number`, "{ a: int }", `{"a":""}`, `.a: expected int, got string`},
		{"what nobody filled in is null, too", "{ a: int?, b: bool?, c?: time, d: int = 7, e: { x: int }? }",
			`{"a":"{a}","b":"N/A","c":"undefined","d":"%%D%%","e":"${e}"}`, `{"a":null,"b":null,"d":7,"e":null}`},
		{"but no text where text may be", "{ a: string?, b: string | int | null }", `{"a":"{x}","b":"N/A"}`, `{"a":"{x}","b":"N/A"}`},
		{"a macro of the field's own name is nothing", "{ campaign_name: string?, b: string | int | null, c?: string, d: any, idfa: int = 7 }", `{"campaign_name":" {campaign-name} ","b":"%%B%%","c":"[c]","d":"{d}","idfa":"__IDFA__"}`,
			`{"campaign_name":null,"b":null,"d":"{d}","idfa":7}`},
		{"and a mismatch where null is not of the type", "{ a: int }", `{"a":"{a}"}`, `.a: expected int, got a macro that the sender did not replace`},
		{"a text, too: it would be everybody's id", "{ order_id: string }", `{"order_id":"%%ORDER_ID%%"}`, `.order_id: expected string, got a macro that the sender did not replace`},
		{"other texts in brackets are texts", "{ order_id: string }", `{"order_id":"[sic]"}`, `{"order_id":"[sic]"}`},
		{`"" of any stays`, "{ a: any }", `{"a":""}`, `{"a":""}`},
		{"the first member that takes the text", "{ a: int | string, b: string | int }", `{"a":"1","b":"1"}`, `{"a":1,"b":"1"}`},
		{"what is JSON already stays", "{ a: number, b: bool, c: time }", `{"a":1,"b":true,"c":0}`, `{"a":1,"b":true,"c":"1970-01-01T00:00:00.000Z"}`},
		{"a number is no text", "{ a: string }", `{"a":1}`, `.a: expected string, got number`},
	} {
		if got := judged(val(tt.in), ty(tt.of), Mode{Text: true}); got != tt.want {
			t.Errorf("%s: %s as %s\n got %s\nwant %s", tt.rule, tt.in, tt.of, got, tt.want)
		}
	}
}

func TestJudgeTakesWhatIsTypedAlready(t *testing.T) {
	v := value.NewObject(value.Field{Key: "at", Value: time.Unix(0, 0).UTC()}, value.Field{Key: "for", Value: time.Minute}, value.Field{Key: "raw", Value: value.Bytes("x")})
	if got, want := judged(v, ty("{ at: time, for: duration, raw: bytes }"), Mode{}), `{"at":"1970-01-01T00:00:00.000Z","for":"1m","raw":"eA=="}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDrift(t *testing.T) {
	for _, tt := range []struct{ of, in, want string }{
		{"{ a: int }", `{"a":1,"x":1,"y z":2}`, `.x .["y z"]`},
		{"{ a: [{ b: int }] }", `{"a":[{"b":1,"c":2}]}`, ".a[0].c"},
		{"{ a: int }", `{"a":"x","x":1}`, ""},
		{"{ a: int } | { b: int, c: int }", `{"b":1,"x":2,"c":3}`, ".x"},
		{"[{ a: int, t: 1 } | { a: int, b: int, t: 2 }]", `[{"a":1,"b":2,"t":2}]`, ""},
	} {
		var seen []string
		Judge(val(tt.in), ty(tt.of), Mode{Drift: func(p string) { seen = append(seen, p) }})
		if got := strings.Join(seen, " "); got != tt.want {
			t.Errorf("%s as %s: %q, want %q", tt.in, tt.of, got, tt.want)
		}
	}
}

func TestHelpOfMismatches(t *testing.T) {
	for _, tt := range []struct{ of, in, want string }{
		{"{ total: number }", `{"total":"12.5"}`, "declare it as string and read it with number(.total)"},
		{"{ total: number }", `{"total":"1.299,50"}`, `declare it as string and read it with number.parse(.total, "de")`},
		{"{ total: number }", `{"total":"1,299.50"}`, `declare it as string and read it with number.parse(.total, "en")`},
		{"{ total: number }", `{"total":"much"}`, ""},
		{"{ n: int }", `{"n":"12"}`, "declare it as string and read it with int(.n)"},
		{"{ b: bool }", `{"b":"yes"}`, "declare it as string and read it with bool(.b)"},
		{"{ o: { a: int } }", `{"o":"{\"a\":1}"}`, "declare it as string and read it with json.decode(.o)"},
		{"[[int]]", `["[1]"]`, "declare it as string and read it with json.decode(x)"},
		{"{ at: time }", `{"at":"2026-03-01 12:00:00"}`, `time.parse(…, "2006-01-02 15:04:05") reads it`},
		{`{ s: "paid" | "failed" }`, `{"s":"piad"}`, `did you mean "paid"?`},
		{`{ t: "paid", a: int } | { t: "failed" }`, `{"t":"piad"}`, `did you mean "paid"?`},
		{"{ id: string }", `{"schema":{},"payload":{"id":"x"}}`, "this looks like an envelope of Kafka Connect"},
		{"{ n: number }", `{"n":{"scale":2,"value":"AQ=="}}`, "this looks like a decimal of Kafka Connect"},
	} {
		_, m := Judge(val(tt.in), ty(tt.of), Mode{})
		if m == nil || !strings.HasPrefix(m.Help, tt.want) || tt.want == "" && m.Help != "" {
			t.Errorf("%s as %s: help %q, want %q", tt.in, tt.of, m.Help, tt.want)
		}
	}
	_, m := Judge(val(`{"totl":1}`), ty("{ total: int? }"), Mode{Strict: true})
	if m == nil || m.Help != "did you mean .total?" {
		t.Errorf("a misspelt field: %v", m)
	}
}

func TestMismatchesHoldNoPayload(t *testing.T) {
	const payload = "verysecretpayload"
	in := val(fmt.Sprintf(`{"a":%q,"l":[%q],"o":{"x":%q}}`, payload, payload, payload))
	for _, of := range []string{"{ a: int }", "{ a: time }", "{ a: bool }", "{ a: bytes }", `{ a: "x" | "y" }`, "{ l: [int] }", "{ o: { x: 1 } }", "[int]", "{ a: { b: int } }", "{ l: string }"} {
		_, m := Judge(in, ty(of), Mode{})
		if m == nil {
			t.Fatalf("%s takes it", of)
		}
		if strings.Contains(m.Error()+m.Help, payload) {
			t.Errorf("%s: the payload is in %q, %q", of, m.Error(), m.Help)
		}
		if m.Value == nil {
			t.Errorf("%s: nothing to excerpt", of)
		}
	}
}

func TestMember(t *testing.T) {
	for _, tt := range []struct {
		in, of string
		want   bool
	}{
		{`{"a":1,"b":2}`, "{ a: int }", true},
		{`{"a":1,"b":2}`, "={ a: int }", false},
		{`{}`, "{ a: int? }", true},
		{`{}`, "={ a: int? }", false},
		{`{"a":null}`, "{ a?: int }", false},
		{`{}`, "{ a: int = 7 }", false},
		{`{"a":1,"b":"x"}`, "{ a: int, ...: int }", false},
		{`3146.0`, "int", true},
		{`1.5`, "int", false},
		{`1.0`, "1", true},
		{`"2026-03-01T12:00:00Z"`, "time", false},
		{`null`, "any", true},
		{`null`, "some", false},
		{`[1,"x"]`, "[int]", false},
		{`[1,"x"]`, "[int | string]", true},
		{`null`, "never", false},
	} {
		if got := Member(val(tt.in), ty(tt.of)); got != tt.want {
			t.Errorf("%s is %s: %v", tt.in, tt.of, got)
		}
	}
	if !Member(value.Secret("x"), SecretT) || Member(value.Secret("x"), StringT) || Member("x", SecretT) {
		t.Errorf("a secret is a secret and no text")
	}
}
