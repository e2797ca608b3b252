package types

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/value"
)

func TestString(t *testing.T) {
	for _, src := range []string{
		"any", "null", "bool", "number", "int", "string", "time", "duration", "bytes", "object", "never", "secret",
		`"paid"`, "3", "-1.5", "true", `"a\n\"\\\t\r"`, `"\${x}$"`, `"\u{01}\u{9f}é"`,
		"[int]", "[[int]?]", "{string: int}", "{string: [string]}?",
		"{}", "{ a: int }", "{ a: int, b?: string, c: string? }", "{ a: int, ...: any }", "{ ...: string }",
		`{ n: int = 0, s: string = "x" }`, `{ "string": int }`, "{ string: int, b: int }", `{ "größe": int, "a b"?: int }`,
		`"a" | "b"`, `"a" | "b" | null`, "string?", "[string]?", `"a" | "b" | string`, `"a" | string | null`, "number | [int]",
		`{ type: "a", x: int } | { type: "b" }`,
	} {
		if got := ty(src).String(); got != src {
			t.Errorf("%s prints as %s", src, got)
		}
	}
}

func TestStringReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Closed rows and what is left of any have no notation of their own: the
		// first reading makes a type that a declaration can write.
		a := ty(drawType(t, deep).String())
		if back := ty(a.String()); !Equal(back, a) {
			t.Fatalf("%s reads back as %s", a, back)
		}
	})
}

func TestNamesStandForTheirParts(t *testing.T) {
	order := Named("Order", ty("{ id: string, a: int, b: int, c: int, d: int, e: int }"))
	call := Named("segment.Call", ty(`{ type: "a" } | { type: "b" }`))
	for _, tt := range []struct{ got, want string }{
		{ListOf(order).String(), "[Order]"},
		{Nullable(order).String(), "Order?"},
		{Nullable(call).String(), "segment.Call?"},
		{NonNull(Nullable(call)).String(), "segment.Call"},
		{UnionOf(call, call).String(), "segment.Call"},
		{Narrow(Nullable(call), NullT).String(), "null"},
		{Subtract(Nullable(call), NullT).String(), `{ type: "a" } | { type: "b" }`},
		{NarrowField(order, []string{"id"}, Fact{Type: Lit("x")}).String(), "Order"},
		{View(order).String(), "Order"},
		{order.Structure(), "{ id: string, a: int, b: int, c: int, d: int, e: int }"},
		{Named("", order).Brief(), "{ id: string, a: int, b: int, c: int, d: int, … }"},
		{ty(`"a" | "b" | "c" | "d" | "e" | "f" | "g"`).Brief(), `"a" | "b" | "c" | "d" | "e" | …`},
	} {
		if tt.got != tt.want {
			t.Errorf("got %s, want %s", tt.got, tt.want)
		}
	}
}

func TestJoins(t *testing.T) {
	for _, tt := range []struct{ a, b, want string }{
		{`"x"`, "string", "string"},
		{`"x"`, `"x"`, `"x"`},
		{`"x"`, `"y"`, `"x" | "y"`},
		{"1", "1.0", "1"},
		{"1", "int", "int"},
		{"1.5", "int", "1.5 | int"},
		{"int", "number", "number"},
		{"true", "false", "bool"},
		{"true", "bool", "bool"},
		{"never", "int", "int"},
		{"any", "int", "any"},
		{"some", "int", "any"},
		{"int", "null", "int?"},
		{"int?", "string", "int | null | string"},
		{"[never]", "[int]", "[int]"},
		{"={}", "{string: int}", "{string: int}"},
		{"={ a: 1 }", "={ a: int }", "{ a: int }"},
		{"={ a: int }", "={ b: int }", "{ a: int } | { b: int }"},
		{`"x" | string`, `"y"`, `"x" | string`},
	} {
		if got := UnionOf(ty(tt.a), ty(tt.b)).String(); got != tt.want {
			t.Errorf("%s and %s join to %s, want %s", tt.a, tt.b, got, tt.want)
		}
	}
	if u := UnionOf(SomeT, IntT); MayBeNull(u) {
		t.Errorf("nothing in some | int is null")
	}
}

func TestDeclaredUnionsKeepTheirMembers(t *testing.T) {
	// The first member that takes a value gives its view, so {a} | {a, b} is not {a}.
	if u := ty("{ a: int } | { a: int, b: int }"); len(u.Members) != 2 {
		t.Errorf("members lost: %s", u)
	}
	if u := ty("int | number | 3"); u.Kind != Number {
		t.Errorf("an int among numbers needs no member: %s", u)
	}
	open := ty(`"paid" | "failed" | string`)
	if open.Kind != String || len(open.Known) != 2 {
		t.Errorf("an open enum is a string that remembers, not %v", open)
	}
	if left := Subtract(open, Lit("paid")); left.Kind != String || left.String() != `"failed" | string` {
		t.Errorf(`without "paid" it is %s`, left)
	}
	if u := UnionOf(open, ty(`"new" | string | null`)); u.String() != `"paid" | "failed" | "new" | string | null` {
		t.Errorf("joined: %s", u)
	}
}

func TestAssignable(t *testing.T) {
	for _, tt := range []struct {
		rule, from, to string
		want           bool
	}{
		{"a literal is of its base", `"x"`, "string", true},
		{"a base is not a literal", "string", `"x"`, false},
		{"1.0 is 1", "1.0", "1", true},
		{"a whole literal is an int", "3.0", "int", true},
		{"1.5 is no int", "1.5", "int", false},
		{"int is a number", "int", "number", true},
		{"number is no int", "number", "int", false},
		{"any is a cast away", "any", "string", false},
		{"all is any", "string?", "any", true},
		{"null is not some", "string?", "some", false},
		{"some is any", "some", "any", true},
		{"T? is not T", "string?", "string", false},
		{"T is T?", "string", "string?", true},
		{"never is all", "never", "string", true},
		{"an enum is within a larger one", `"a" | "b"`, `"a" | "b" | "c"`, true},
		{"an enum is not within a smaller one", `"a" | "b"`, `"a"`, false},
		{"an open enum is a string", `"a" | string`, "string", true},
		{"a string is an open enum", "string", `"a" | string`, true},
		{"lists by element", "[int]", "[number]", true},
		{"lists by element, not back", "[number]", "[int]", false},
		{"time is no string", "time", "string", false},
		{"a closed row may have more than an open one asks", "={ a: int, b: int }", "{ a: int }", true},
		{"a closed row may not have more than a closed one", "={ a: int, b: int }", "={ a: int }", false},
		{"an open row may hold what a closed one forbids", "{ a: int }", "={ a: int }", false},
		{"a field must be there", "={}", "{ a: int }", false},
		{"a nullable field may be missing", "={}", "{ a: int? }", true},
		{"an optional field may be missing", "={}", "{ a?: int }", true},
		{"an optional field may not be null", "={ a: int? }", "{ a?: int }", false},
		{"what may be missing is not there", "={ a?: int }", "{ a: int }", false},
		{"what may be missing reads as null", "={ a?: int }", "{ a: int? }", true},
		{"a default is filled in by a cast only", "={}", "{ a: int = 0 }", false},
		{"a default is there behind a cast", "{ a: int = 0 }", "{ a: int }", true},
		{"an open row may hide a field of another type", "{ b: int }", "{ a?: int }", false},
		{"others must fit a rest", "={ a: int, b: string }", "={ a: int, ...: int }", false},
		{"others that fit a rest", "={ a: int, b: 1 }", "={ a: int, ...: int }", true},
		{"an object is a map of what its fields are", "={ a: int, b: 1 }", "{string: int}", true},
		{"an object with another field is no such map", `={ a: int, b: "x" }`, "{string: int}", false},
		{"every object is `object`", "{ a: int }", "object", true},
		{"a map has no field for sure", "{string: int}", "{ a: int }", false},
		{"a map may have a field", "{string: int}", "{ a?: int }", true},
		{"a list is no object", "[int]", "object", false},
		{"opaque by name", "rate", "size", false},
	} {
		if got := Assignable(ty(tt.from), ty(tt.to)); got != tt.want {
			t.Errorf("%s: %s to %s is %v", tt.rule, tt.from, tt.to, got)
		}
	}
}

func TestDisjoint(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"int", "string", true},
		{"time", "string", true},
		{`"a" | "b"`, `"c"`, true},
		{`"a" | "b"`, `"b" | "c"`, false},
		{`"a" | string`, `"c"`, false},
		{"1.5", "int", true},
		{"1", "number", false},
		{"int", "number", false},
		{"int?", "string?", false},
		{"any", "null", false},
		{"some", "null", true},
		{"some", "int", false},
		{"[int]", "[string]", false},
		{"[int]", "object", true},
		{`{ type: "a" }`, `{ type: "b" }`, true},
		{`{ type?: "a" }`, `{ type?: "b" }`, false},
		{"{ a: int }", "={}", true},
		{"={}", "{ a: int }", true},
		{"{ a: int }", "{ b: int }", false},
		{"{ a: int }", "{string: string}", true},
		{"{ a: int }", "{string: number}", false},
		{"rate", "size", true},
		{"never", "int", true},
	} {
		if got := Disjoint(ty(tt.a), ty(tt.b)); got != tt.want {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
}

func TestFacts(t *testing.T) {
	for _, tt := range []struct{ of, is, then, otherwise string }{
		{"string?", "null", "null", "string"},
		{"any", "null", "null", "any"},
		{"any", "string", "string", "any"},
		{"some", "string?", "string", "any"},
		{"string | int", "string", "string", "int"},
		{"number", "int", "int", "number"},
		{"bool", "true", "true", "false"},
		{`"a" | "b" | "c"`, `"a"`, `"a"`, `"b" | "c"`},
		{`"a" | "b" | "c"`, `"a" | "c"`, `"a" | "c"`, `"b"`},
		{`"a" | "b"`, `"c"`, "never", `"a" | "b"`},
		{`"a" | "b"`, `"a" | "b"`, `"a" | "b"`, "never"},
		{`"a" | string`, `"b"`, `"b"`, `"a" | string`},
		{"string", `"a"`, `"a"`, "string"},
		{"string", "int", "never", "string"},
		{"[any]", "[int]", "[int]", "[any]"},
		{"object", "{ a: int }", "{ a: int }", "object"},
		{"{ a: int? }", "{ a: int }", "{ a: int }", "{ a: int? }"},
		{"={ a?: int, b: int }", "{ a: int }", "{ a: int, b: int }", "{ a?: int, b: int }"},
		{"{ a: int }", "={ a: int, b: int }", "{ a: int, b: int }", "{ a: int }"},
		{"={ a: int }", "{ b: int }", "never", "{ a: int }"},
		{"{string: int}", "{ a: number }", "{ a: int, ...: int }", "{string: int}"},
		{"={ a: 1, ...: any }", "{ a: int, b: int }", "{ a: 1, b: int, ...: any }", "{ a: 1, ...: any }"},
		{`={ a?: "x" }`, `{ a?: "y" }`, "{}", `{ a?: "x" }`},
		{"any", "any", "any", "never"},
		{"any", "some", "any", "null"},
	} {
		of, is := ty(tt.of), ty(tt.is)
		if got := (Fact{Type: is}).Apply(of).String(); got != tt.then {
			t.Errorf("%s that is %s: %s, want %s", tt.of, tt.is, got, tt.then)
		}
		if got := (Fact{Type: is, Not: true}).Apply(of).String(); got != tt.otherwise {
			t.Errorf("%s that is not %s: %s, want %s", tt.of, tt.is, got, tt.otherwise)
		}
	}
	if n := Narrow(ty("{ a: int }"), ty("={ a: number, b: int }")); n.Open {
		t.Errorf("what is in a closed row is closed")
	}
}

func TestFactsAboutFields(t *testing.T) {
	calls := `{ type: "track", event: string } | { type: "identify" } | { type: "alias", to: string }`
	for _, tt := range []struct {
		of, path string
		fact     Fact
		want     string
	}{
		{calls, "type", Fact{Type: Lit("track")}, `{ type: "track", event: string }`},
		{calls, "type", Fact{Type: Lit("track"), Not: true}, `{ type: "identify" } | { type: "alias", to: string }`},
		{calls, "type", Fact{Type: ty(`"track" | "identify"`)}, `{ type: "track", event: string } | { type: "identify" }`},
		{calls, "type", Fact{Type: Lit("page")}, "never"},
		{"{ a: int? }", "a", Fact{Type: NullT, Not: true}, "{ a: int }"},
		{"{ a?: int }", "a", Fact{Type: NullT, Not: true}, "{ a: int }"},
		{"{ a?: int }", "a", Fact{Type: NullT}, "{ a?: never }"},
		{"{ a: int? }", "a", Fact{Type: NullT}, "{ a: null }"},
		{"{ a: { b: int? }? }", "a.b", Fact{Type: NullT, Not: true}, "{ a: { b: int } }"},
		{"{ a: { b: int? }? }", "a.b", Fact{Type: NullT}, "{ a: { b: null }? }"},
		{"{ a: int }?", "a", Fact{Type: IntT}, "{ a: int }"},
		{"{ a: int }?", "a", Fact{Type: NullT}, "null"},
		{"any", "a", Fact{Type: StringT}, "{ a: string, ...: any }"},
		{"any", "a.b", Fact{Type: StringT}, "{ a: { b: string, ...: any }, ...: any }"},
		{"any", "a", Fact{Type: NullT}, "any"},
		{"{string: int}", "a", Fact{Type: NullT, Not: true}, "{ a: int, ...: int }"},
		{"={ b: int }", "a", Fact{Type: StringT}, "never"},
		{"{ b: int }", "a", Fact{Type: StringT}, "{ b: int }"},
		{"string", "a", Fact{Type: StringT}, "string"},
		{"string?", "", Fact{Type: NullT, Not: true}, "string"},
	} {
		if got := NarrowField(ty(tt.of), words(tt.path), tt.fact).String(); got != tt.want {
			t.Errorf("%s with .%s %v: %s, want %s", tt.of, tt.path, tt.fact, got, tt.want)
		}
	}
}

// words splits "a.b"; "" is the empty path.
func words(path string) []string {
	if path == "" {
		return nil
	}
	return strings.Split(path, ".")
}

// String of a fact, for the messages of tests.
func (f Fact) String() string {
	if f.Not {
		return "is not " + f.Type.String()
	}
	return "is " + f.Type.String()
}

func TestFieldType(t *testing.T) {
	for _, tt := range []struct {
		of, name, want string
		status         FieldStatus
	}{
		{"{ a: int }", "a", "int", FieldOK},
		{"{ a: int? }", "a", "int?", FieldOK},
		{"{ a?: int }", "a", "int?", FieldOK},
		{"{ a: int = 0 }", "a", "int", FieldOK},
		{"{ a: int }?", "a", "int?", FieldOK},
		{"{ a: int }", "b", "never", FieldUnknown},
		{"={ a: int }", "b", "never", FieldUnknown},
		{"{ a: int, ...: string }", "b", "string?", FieldOK},
		{"{string: int}", "b", "int?", FieldOK},
		{"object", "b", "any", FieldOK},
		{"any", "b", "any", FieldOK},
		{"null", "b", "null", FieldOK},
		{"never", "b", "never", FieldOK},
		{"string", "b", "never", FieldOfNoObject},
		{"[int]", "b", "never", FieldOfNoObject},
		{"{ a: int } | string", "a", "never", FieldOfNoObject},
		{"{ a: int } | { a: string, b: int }", "a", "int | string", FieldOK},
		{"{ a: int } | { a: string, b: int }", "b", "never", FieldPartial},
		{"{ a: int } | { a: string, b: int }", "c", "never", FieldUnknown},
	} {
		got, status := FieldType(ty(tt.of), tt.name)
		if got.String() != tt.want || status != tt.status {
			t.Errorf("%s .%s: %s %d, want %s %d", tt.of, tt.name, got, status, tt.want, tt.status)
		}
	}
	if got := fmt.Sprint(FieldNames(ty("{ a: int } | { a: int, b: int } | string"))); got != "[a b]" {
		t.Errorf("names: %s", got)
	}
}

func TestIndexType(t *testing.T) {
	for _, tt := range []struct {
		of, index, want string
		status          FieldStatus
	}{
		{"[string]", "int", "string?", FieldOK},
		{"[string]", "0", "string?", FieldOK},
		{"[string]", "number", "never", IndexOfNoText},
		{"[string]", "string", "never", IndexOfNoText},
		{"{string: int}", "string", "int?", FieldOK},
		{"={ a: int, b: string }", "string", "int | string | null", FieldOK},
		{"{ a: int }", "string", "any", FieldOK},
		{"{ a: int }", `"a"`, "int", FieldOK},
		{"{ a: int }", `"b"`, "never", FieldUnknown},
		{"{ a: int }", "int", "never", IndexOfNoText},
		{"{ a: int }", "any", "never", IndexOfNoText},
		{"any", "string | int", "any", FieldOK},
		{"any", "time", "never", IndexOfNoText},
		{"null", "int", "null", FieldOK},
		{"string", "int", "never", FieldOfNoObject},
	} {
		got, status := IndexType(ty(tt.of), ty(tt.index))
		if got.String() != tt.want || status != tt.status {
			t.Errorf("%s[%s]: %s %d, want %s %d", tt.of, tt.index, got, status, tt.want, tt.status)
		}
	}
}

func TestSpread(t *testing.T) {
	for _, tt := range []struct{ base, over, want string }{
		{"={ a: int, b: int }", "={ a: string }", "{ b: int, a: string }"},
		{"={ a: int }", "={ a?: string }", "{ a: int | string }"},
		{"={ a?: int }", "={ a?: string }", "{ a?: int | string }"},
		{"={}", "={ a?: string }", "{ a?: string }"},
		{"={ a: int }?", "={ b: int }", "{ a: int, b: int } | { b: int }"},
		{"={ a: int } | ={ b: int }", "={ c: int }", "{ a: int, c: int } | { b: int, c: int }"},
		{"{string: int}", "={ a: string }", "{ a: string, ...: int }"},
		{"={ a: string }", "{string: int}", "{ a: string | int, ...: int }"},
		{"={ a: int }", "{ b: int }", "{ a: any, b: int }"},
		{"={ ...: int }", "{ b: int }", "{ b: int, ...: any }"},
		{"={ a: int }", "string", ""},
		{"any", "={ a: int }", ""},
	} {
		got, ok := Spread(ty(tt.base), ty(tt.over))
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("{...%s, ...%s}: %s %v, want %s", tt.base, tt.over, got, ok, tt.want)
		}
	}
}

func TestSetAndUnset(t *testing.T) {
	for _, tt := range []struct{ of, path, set, unset string }{
		{"={ a: int, b: int }", "a", "{ a: time, b: int }", "{ b: int }"},
		{"={ a: int }", "b", "{ a: int, b: time }", "{ a: int }"},
		{"={}", "a.b", "{ a: { b: time } }", "{}"},
		{"={ a: ={ c: int }? }", "a.b", "{ a: { c: int, b: time } | { b: time } }", "{ a: { c: int }? }"},
		{"={ a: ={ b: int } }", "a.b", "{ a: { b: time } }", "{ a: {} }"},
		{"={ a?: ={ b: int } }", "a.b", "{ a: { b: time } }", "{ a?: {} }"},
		{"any", "a", "{ a: time, ...: any }", "any"},
		{"object", "a", "{ a: time, ...: any }", "object"},
		{"={ a: int }?", "b", "{ a: int, b: time } | { b: time }", "{ a: int }?"},
		{"={ a: int }", "a.b", "", ""},
		{"string", "a", "", ""},
		{"{string: ={ b: int }}", "a.b", "{ a: { b: time }, ...: { b: int } }", "{string: { b: int } | {}}"},
		{"{string: int}", "a.b", "", ""},
	} {
		got, ok := SetPath(ty(tt.of), words(tt.path), TimeT)
		if ok != (tt.set != "") || ok && got.String() != tt.set {
			t.Errorf("set .%s of %s: %s %v, want %s", tt.path, tt.of, got, ok, tt.set)
		}
		got, ok = UnsetPath(ty(tt.of), words(tt.path))
		if ok != (tt.unset != "") || ok && !Equal(got, ty2(tt.unset)) {
			t.Errorf("unset .%s of %s: %s %v, want %s", tt.path, tt.of, got, ok, tt.unset)
		}
	}
}

// ty2 reads a type whose braces are all closed and whose fields are as they stand.
func ty2(src string) *Type {
	var b []byte
	for i := range len(src) {
		if src[i] == '{' && (len(src) < i+8 || src[i:i+8] != "{string:") {
			b = append(b, '=')
		}
		b = append(b, src[i])
	}
	return ty(string(b))
}

func TestIterTypes(t *testing.T) {
	for _, tt := range []struct{ of, want string }{
		{"[string]", "int string"},
		{"[string] | [int]", "int string | int"},
		{"={ a: int, b: string }", "string int | string"},
		{"{string: time}", "string time"},
		{"{ a: int }", "string any"},
		{"[int] | object", ""},
		{"[int]?", ""},
		{"any", ""},
		{"string", ""},
	} {
		got := ""
		if k, v, ok := IterTypes(ty(tt.of)); ok {
			got = k.String() + " " + v.String()
		}
		if got != tt.want {
			t.Errorf("for in %s: %q, want %q", tt.of, got, tt.want)
		}
	}
}

func TestView(t *testing.T) {
	got := View(ty("{ a: int?, b: { c: int = 0 }, d: [{ e?: string }], f: { g: int, ...: any } }"))
	want := &Type{Kind: Object, Fields: []Field{
		{Name: "a", Type: ty("int?"), Optional: true},
		{Name: "b", Type: Obj(Field{Name: "c", Type: IntT})},
		{Name: "d", Type: ListOf(Obj(Field{Name: "e", Type: StringT, Optional: true}))},
		{Name: "f", Type: ty("={ g: int, ...: any }")},
	}}
	if !Equal(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	// What takes null may be missing, also in a type that no declaration wrote.
	written := Obj(Field{Name: "a", Type: Nullable(IntT)})
	if got := judged(value.NewObject(), written, Mode{}); got != "{}" || !View(written).Fields[0].Optional {
		t.Errorf("{} as %s is %s, of %s", written, got, View(written))
	}
}

func TestTypeOf(t *testing.T) {
	v := val(`{"a":1,"b":["x",null],"c":true}`).(*value.Object)
	v.Put("d", time.Minute)
	v.Put("e", value.Bytes("x"))
	v.Put("f", time.Unix(0, 0))
	v.Put("g", value.Secret("x"))
	const want = `{ a: 1, b: ["x"?], c: true, d: duration, e: bytes, f: time, g: secret }`
	if got := TypeOf(v); got.String() != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := Widen(TypeOf(v)).String(), "{ a: int, b: [string?], c: bool, d: duration, e: bytes, f: time, g: secret }"; got != want {
		t.Errorf("widened: %s, want %s", got, want)
	}
}
