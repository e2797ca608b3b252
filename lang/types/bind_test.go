package types

import (
	"errors"
	"testing"

	"github.com/sluice-dev/sluice/lang/value"
)

var (
	upperF  = &Func{Name: "upper", Params: []Param{{Name: "s", Type: StringT}}, Result: StringT}
	roundF  = &Func{Name: "round", Params: []Param{{Name: "x", Type: NumberT}, {Name: "digits", Type: IntT, Default: num("0"), HasDef: true}}, Result: NumberT}
	beforeF = &Func{Name: "before", Params: []Param{{Name: "s", Type: StringT}, {Name: "sep", Type: StringT}}, Result: Nullable(StringT)}
	typeF   = &Func{Name: "type", Params: []Param{{Name: "x", Type: AnyT}}, Result: StringT, TakesNull: true}
	pickF   = &Func{Name: "pick", Params: []Param{{Name: "o", Type: ObjectT}, {Name: "path", Type: StringT, Rest: true, Const: true}}, Infer: func(args []*Type) (*Type, error) {
		var fields []Field
		for _, a := range args[1:] {
			f, status := FieldType(args[0], a.Lit.(string))
			if status != FieldOK {
				return nil, errors.New("no field " + a.String())
			}
			fields = append(fields, Field{Name: a.Lit.(string), Type: f})
		}
		return Obj(fields...), nil
	}}
	firstF = &Func{Name: "first", Params: []Param{{Name: "list", Type: ListOf(AnyT)}}, Infer: func(args []*Type) (*Type, error) {
		e, _ := ElemType(args[0])
		return Nullable(e), nil
	}}
	defaultF = &Func{Name: "default", Params: []Param{{Name: "x"}, {Name: "y"}}, TakesNull: true, Infer: func(args []*Type) (*Type, error) {
		return UnionOf(NonNull(args[0]), args[1]), nil
	}}
	edgesF = &Func{Name: "edges", Params: []Param{{Name: "x", Type: NumberT}, {Name: "n", Type: IntT, Default: num("3"), HasDef: true}}, Infer: func(args []*Type) (*Type, error) {
		return args[1], nil
	}}
	nowF = &Func{Name: "now", Result: TimeT, Impure: true}
)

func TestBind(t *testing.T) {
	for _, tt := range []struct {
		rule string
		f    *Func
		args []string
		want string
		null bool
	}{
		{"as it is declared", upperF, []string{"string"}, "string", false},
		{"a null subject gives null", upperF, []string{"string?"}, "string?", true},
		{"a literal", upperF, []string{`"x"`}, "string", false},
		{"nothing but null", upperF, []string{"null"}, "null", true},
		{"a default", roundF, []string{"int"}, "number", false},
		{"all given", roundF, []string{"int?", "2"}, "number?", true},
		{"a nullable result stays so", beforeF, []string{"string", "string"}, "string?", false},
		{"any as a subject", &Func{Name: "string", Params: []Param{{Name: "x", Type: AnyT}}, Result: StringT}, []string{"any"}, "string?", true},
		{"some as a subject", &Func{Name: "string", Params: []Param{{Name: "x", Type: AnyT}}, Result: StringT}, []string{"some"}, "string", false},
		{"a function that takes null", typeF, []string{"string?"}, "string", false},
		{"inferred from constants", pickF, []string{"{ a: int, b: string }", `"b"`, `"a"`}, "{ b: string, a: int }", false},
		{"inferred behind null", firstF, []string{"[string]?"}, "string?", true},
		{"a type variable", defaultF, []string{"string?", `"x"`}, "string", false},
		{"a default reaches Infer", edgesF, []string{"number"}, "3", false},
		{"no parameters", nowF, nil, "time", false},
	} {
		var args []*Type
		for _, a := range tt.args {
			args = append(args, ty(a))
		}
		b, err := Bind(tt.f, args)
		if err != nil || b.Result.String() != tt.want || b.NullSubject != tt.null {
			t.Errorf("%s: %s%v is %v %v %v, want %s %v", tt.rule, tt.f.Name, tt.args, b.Result, b.NullSubject, err, tt.want, tt.null)
		}
	}
}

func TestBindRefuses(t *testing.T) {
	for _, tt := range []struct {
		rule  string
		f     *Func
		args  []string
		fault BindFault
		arg   int
		want  string
	}{
		{"too few", upperF, nil, BadArity, -1, "upper takes 1 argument, not 0"},
		{"too many", upperF, []string{"string", "string"}, BadArity, -1, "upper takes 1 argument, not 2"},
		{"too many for defaults", roundF, []string{"int", "int", "int"}, BadArity, -1, "round takes 1 to 2 arguments, not 3"},
		{"too few for a rest", pickF, []string{"object"}, BadArity, -1, "pick takes at least 2 arguments, not 1"},
		{"none at all", nowF, []string{"int"}, BadArity, -1, "now takes no arguments, not 1"},
		{"another type", upperF, []string{"int"}, BadArgument, 0, `"s" of upper takes string, not int`},
		{"another type behind null", upperF, []string{"int?"}, BadArgument, 0, `"s" of upper takes string, not int`},
		{"any", upperF, []string{"any"}, BadArgument, 0, `"s" of upper takes string, not any`},
		{"another argument", beforeF, []string{"string", "int"}, BadArgument, 1, `"sep" of before takes string, not int`},
		{"null in another argument", beforeF, []string{"string", "string?"}, NullHere, 1, `"sep" of before may be null here`},
		{"null in a type variable", defaultF, []string{"string?", "string?"}, NullHere, 1, `"y" of default may be null here`},
		{"no constant", pickF, []string{"object", "string"}, NotConstant, 1, `"path" of pick must be a constant`},
		{"a rest of another type", pickF, []string{"object", `"a"`, "1"}, BadArgument, 2, `"path" of pick takes string, not 1`},
		{"what does not fit together", pickF, []string{"{ a: int }", `"b"`}, NotInferred, -1, `pick: no field "b"`},
	} {
		var args []*Type
		for _, a := range tt.args {
			args = append(args, ty(a))
		}
		_, err := Bind(tt.f, args)
		if err == nil || err.Fault != tt.fault || err.Arg != tt.arg || err.Message != tt.want {
			t.Errorf("%s: %s%v gives %+v, want %q", tt.rule, tt.f.Name, tt.args, err, tt.want)
		}
	}
	if _, err := Bind(upperF, []*Type{AnyT}); err.Help != "cast it: `| as string`" {
		t.Errorf("help for any: %q", err.Help)
	}
}

func TestSignature(t *testing.T) {
	for _, tt := range []struct {
		f    *Func
		want string
	}{
		{roundF, "round(x: number, digits: int = 0) -> number"},
		{beforeF, "before(s: string, sep: string) -> string?"},
		{pickF, "pick(o: object, path: string, …)"},
		{defaultF, "default(x: T?, y: T)"},
		{&Func{Name: "json.decode", Params: []Param{{Name: "s", Type: UnionOf(StringT, BytesT)}}, Result: AnyT, Fails: true}, "json.decode(s: string | bytes) -> any!"},
		{&Func{Name: "x", Params: []Param{{Name: "l", Type: ListOf(StringT), Default: value.List{"a", nil}, HasDef: true}}, Result: IntT}, `x(l: [string] = ["a", null]) -> int`},
	} {
		if got := Signature(tt.f); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
