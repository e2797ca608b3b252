package schema

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/lang/types"
)

func TestRead(t *testing.T) {
	for _, tt := range []struct{ name, src, want, open string }{
		{"kinds", `{"properties":{"a":{"type":"string"},"b":{"type":["integer","null"]},"c":{"type":"string","format":"date-time"}},"required":["a","b"]}`, "{ a: string, b: int?, c?: time }", ""},
		{"the order of the file", `{"properties":{"z":{},"a":{"type":"boolean"}},"required":["a"]}`, "{ z: any, a: bool }", ""},
		{"required and not described", `{"required":["id"]}`, "{ id: any }", ""},
		{"further fields", `{"properties":{"a":{"type":"number"}},"required":["a"],"additionalProperties":true}`, "{ a: number, ...: any }", ""},
		{"none: as T strict says so", `{"properties":{"a":{"type":"number"}},"required":["a"],"additionalProperties":false}`, "{ a: number }", ""},
		{"a map", `{"type":"object","additionalProperties":{"type":"number"}}`, "{string: number}", ""},
		{"any object", `{"type":"object"}`, "object", ""},
		{"values", `{"enum":["a",1,true,null]}`, `"a" | 1 | true | null`, ""},
		{"one value", `{"const":"x"}`, `"x"`, ""},
		{"a default", `{"properties":{"n":{"type":"integer","default":0},"s":{"type":"string","default":5}}}`, "{ n: int = 0, s?: string }", ""},
		{"OpenAPI", `{"type":"string","nullable":true,"x-owner":"shop"}`, "string?", ""},
		{"either", `{"oneOf":[{"type":"string"},{"type":"array","items":{"type":"integer"}}]}`, "string | [int]", ""},
		{"all", `{"allOf":[{"$ref":"#/$defs/A"},{"required":["a"]}],"$defs":{"A":{"properties":{"a":{"type":"string"}}}}}`, "{ a: string }", ""},
		{"rules that a type cannot say", `{"properties":{"a":{"type":"string","minLength":1,"format":"email"}},"required":["a"]}`, "{ a: string }", "`minLength` at #/properties/a, `format: email` at #/properties/a"},
		{"an odd name", `{"$ref":"#/definitions/a~1b","definitions":{"a/b":{"type":"integer"}}}`, "int", ""},
		{"a mark of byte order", "\ufeff{\"type\":\"string\"}", "string", ""},
		{"everything", `true`, "any", ""},
	} {
		got, open, err := Read([]byte(tt.src))
		switch {
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case got.String() != tt.want || strings.Join(open, ", ") != tt.open:
			t.Errorf("%s: %s (%s), want %s (%s)", tt.name, got, strings.Join(open, ", "), tt.want, tt.open)
		}
	}
}

func TestReadFails(t *testing.T) {
	deep := strings.Repeat(`{"items":`, 600) + "{}" + strings.Repeat("}", 600)
	for src, want := range map[string]string{
		``: "not JSON", `{"type":`: "not JSON", `7`: "at #: a schema is an object", `false`: "admits no value", `{"type":5}`: "at #/type", `{"type":[]}`: "at #/type", `{"type":["strnig"]}`: `no kind "strnig"`,
		`{"properties":[]}`: "at #/properties", `{"required":[1]}`: "at #/required", `{"enum":[]}`: "at #/enum", `{"enum":[{}]}`: "at #/enum", `{"anyOf":{}}`: "at #/anyOf",
		`{"not":{}}`: "`not` has no type", `{"prefixItems":[]}`: "`prefixItems` has no type", `{"propertys":{}}`: "did you mean properties?",
		`{"$ref":"#"}`: "holds itself", `{"$ref":5}`: "leads out", `{"$ref":"#x"}`: "no place", `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`: "holds itself",
		`{"$ref":"#/$defs/a","type":"string","$defs":{"a":{}}}`: "beside `$ref`", `{"allOf":[{"type":"string"},{"type":"number"}]}`: "at #/allOf",
		`{"allOf":[{"properties":{"a":{"type":"string"}}},{"properties":{"a":{"type":"number"}}}]}`: `"a" has two types`, deep: "nested",
	} {
		if got, _, err := Read([]byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, %v; want %q", src, got, err, want)
		}
	}
}

// Of references that lead to references a type is made once, however often they stand.
func TestReadShares(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for i := range 60 {
		n := string(rune('0'+i/10)) + string(rune('0'+i%10))
		m := string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10))
		if i == 0 {
			b.WriteString(`"a0":{"$ref":"#/$defs/a00"},`)
		}
		b.WriteString(`"a` + n + `":{"properties":{"l":{"$ref":"#/$defs/a` + m + `"},"r":{"$ref":"#/$defs/a` + m + `"}}},`)
	}
	b.WriteString(`"a60":{"type":"string"}}}`)
	got, _, err := Read([]byte(b.String()))
	if err != nil || got.Kind != types.Object || got.Fields[0].Type != got.Fields[1].Type {
		t.Errorf("%v", err)
	}
}

// FuzzRead: any file gives a type or an error.
func FuzzRead(f *testing.F) {
	f.Add(`{"properties":{"a":{"type":["string","null"],"default":"x"}},"required":["a"],"allOf":[{"$ref":"#/properties/a"}]}`)
	f.Fuzz(func(t *testing.T, src string) {
		if got, _, err := Read([]byte(src)); (got == nil) == (err == nil) {
			t.Errorf("%v, %v", got, err)
		}
	})
}
