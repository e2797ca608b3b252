package fn

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// TestLaws calls every function with arguments of the right types and nothing else
// in common with good ones. It must not panic, it must give the same result twice,
// the result must be a member of the type that the checker was told, and only a
// function that says so may fail, but for the limits of numbers and sizes.
func TestLaws(t *testing.T) {
	ctx := &types.Context{Now: func() value.Value { return time.Unix(1773480413, 0).UTC() }}
	for _, f := range All() {
		t.Run(f.Name, func(t *testing.T) {
			checked := 0
			rapid.Check(t, func(t *rapid.T) {
				if law(t, f, ctx) {
					checked++
				}
			})
			// The generator must not drift away from what the checker takes.
			if checked < 10 {
				t.Errorf("only %d calls came through the checker", checked)
			}
		})
	}
}

func law(t *rapid.T, f *types.Func, ctx *types.Context) (checked bool) {
	a := arguments(t, f)
	of := make([]*types.Type, len(a))
	for i, v := range a {
		of[i] = types.TypeOf(v)
		// What is no constant in a script has a wider type; the law holds for all.
		if p := f.Params[min(i, len(f.Params)-1)]; !p.Const {
			switch rapid.IntRange(0, 3).Draw(t, "width") {
			case 0:
				of[i] = types.Widen(of[i])
			case 1:
				of[i] = loose(t, of[i], i > 0)
			case 2:
				if p.Type != nil && types.Member(v, p.Type) {
					of[i] = p.Type
				}
			}
		}
	}
	bound, bad := types.Bind(f, of)
	if bad != nil {
		return false // the checker refuses it
	}
	got, err := f.Call(ctx, a)
	again, err2 := f.Call(ctx, a)
	if (err == nil) != (err2 == nil) || err == nil && !value.Equal(got, again) {
		t.Fatalf("%v, %v and then %v, %v", got, err, again, err2)
	}
	if err != nil {
		// Any operator may make a value that is too large.
		if c := codeOf(err); c != diag.TooLarge && c != diag.TooMuch && !slices.Contains(bound.Failures, c) {
			t.Fatalf("%s must not fail with %s: %v", types.Signature(f), c.ID, err)
		}
		return true
	}
	if !types.Member(got, bound.Result) {
		t.Fatalf("%s is no %s", value.Excerpt(got, 200), bound.Result)
	}
	if !canonical(got) {
		t.Fatalf("%q is no value that an event may hold", got)
	}
	return true
}

// loose draws a type with more members than t: fields that may be missing or null,
// other fields, unions.
func loose(t *rapid.T, of *types.Type, top bool) *types.Type {
	switch of.Kind {
	case types.List:
		of = types.ListOf(loose(t, of.Elem, false))
	case types.Object:
		fields := make([]types.Field, len(of.Fields))
		for i, f := range of.Fields {
			fields[i] = types.Field{Name: f.Name, Type: loose(t, f.Type, false), Optional: rapid.Bool().Draw(t, "optional")}
		}
		if rapid.Bool().Draw(t, "another") {
			name := rapid.SampledFrom([]string{"a", "b", "c", "x"}).Draw(t, "name")
			if _, ok := of.Field(name); !ok {
				fields = append(fields, types.Field{Name: name, Type: rapid.SampledFrom([]*types.Type{types.IntT, types.ObjectT, types.Nullable(types.StringT)}).Draw(t, "type"), Optional: true})
			}
		}
		switch rapid.IntRange(0, 4).Draw(t, "shape") {
		case 0:
			of = types.Row(nil, fields...)
		case 1:
			of = types.Row(types.AnyT, fields...)
		default:
			of = types.Obj(fields...)
		}
	case types.Literal:
		if rapid.Bool().Draw(t, "wide") {
			of = types.Widen(of)
		}
	}
	if !top && rapid.IntRange(0, 3).Draw(t, "more") == 0 {
		of = types.UnionOf(of, rapid.SampledFrom([]*types.Type{types.NullT, types.StringT, types.ObjectT, types.AnyT}).Draw(t, "with"))
	}
	return of
}

// codeOf is what an error is as a failure of the record.
func codeOf(err error) *diag.Code {
	var fl *diag.Failure
	switch {
	case errors.As(err, &fl):
		return fl.Code
	case errors.Is(err, value.ErrOverflow):
		return diag.Decimal
	}
	return diag.FuncFailed
}

// canonical tells whether a result keeps what the rest of Sluice relies on: text
// is UTF-8, times are in UTC and in range.
func canonical(v value.Value) bool {
	switch v := v.(type) {
	case string:
		return utf8.ValidString(v)
	case time.Time:
		c, err := value.CheckTime(v)
		return err == nil && c == v
	case value.List:
		for _, e := range v {
			if !canonical(e) {
				return false
			}
		}
	case *value.Object:
		for i := range v.Len() {
			if !utf8.ValidString(v.At(i).Key) || !canonical(v.At(i).Value) {
				return false
			}
		}
	default:
		value.KindOf(v) // panics when it is no value
	}
	return true
}

func arguments(t *rapid.T, f *types.Func) []value.Value {
	var a []value.Value
	for i, p := range f.Params {
		n := 1
		if p.Rest {
			n = rapid.IntRange(1, 3).Draw(t, "times")
		}
		for range n {
			switch {
			case p.HasDef && rapid.Bool().Draw(t, "default"):
				a = append(a, p.Default)
			case p.Name == "zone":
				a = append(a, rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Asia/Kathmandu", "Nowhere"}).Draw(t, "zone"))
			case p.Name == "layout":
				a = append(a, rapid.SampledFrom([]string{"rfc3339", "http", "date", "2006-01-02 15:04:05", "02/01/06", "Jan 2 2006 3PM -0700", "x"}).Draw(t, "layout"))
			case p.Name == "pattern":
				a = append(a, rapid.SampledFrom([]string{"", "a", `(\d+)`, `(?P<x>a)|(b)?`, `(a(b)?)+`, `(?:(a)|b){0,2}`, "(", `^$`, `.`}).Draw(t, "pattern"))
			case p.Name == "locale":
				a = append(a, rapid.SampledFrom([]string{"en", "de", "fr", "de-CH", "xx"}).Draw(t, "locale"))
			case p.Type == nil:
				a = append(a, like(t, a, i))
			case p.Type == byPaths[1].Type && p.Const:
				a = append(a, rapid.SampledFrom([]string{"a", "b", "a.b", "b.a.c", "", "a..b"}).Draw(t, "path"))
			default:
				a = append(a, member(t, p.Type, 2))
			}
		}
	}
	return a
}

// like draws a value for a type variable, often of the kind of the first argument.
func like(t *rapid.T, before []value.Value, i int) value.Value {
	if i > 0 && rapid.Bool().Draw(t, "like") {
		switch x := before[0].(type) {
		case value.List:
			if len(x) > 0 {
				return x[0]
			}
		case nil:
		default:
			return member(t, types.Widen(types.TypeOf(x)), 1)
		}
	}
	return member(t, types.SomeT, 2)
}

var someTexts = []string{"", " ", "a", "b", "a.b", "a,b", "-p", "é", "ﷺ", "İ", "ß", "\u0000", "�", "true", "1", "-1.50", "1e7000", "2026-03-01T12:00:00Z", "1h30m", "P1DT2H",
	"[1]", "{}", "null", "{idfa}", "ann@example.com", "+4930123456", "030 123456", "DE", "EUR", "JPY", "https://example.com/a?b=c#d", "w6k_", "c3a9", "\u0345", "𝒳"}

func member(t *rapid.T, of *types.Type, depth int) value.Value {
	if depth < 0 {
		switch of.Kind {
		case types.List:
			return value.List{}
		case types.Map:
			return value.NewObject()
		}
	}
	switch of.Kind {
	case types.Null:
		return nil
	case types.Bool:
		return rapid.Bool().Draw(t, "bool")
	case types.Number:
		n, _ := value.ParseNumber(rapid.OneOf(
			rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?`),
			rapid.SampledFrom([]string{"1e6144", "-1e-6144", "99999999999999999999999999999999999999", "1e7000", "-2.5", "1773480413250", "1e30"}),
		).Draw(t, "number"))
		return n
	case types.Int:
		n, _ := value.ParseNumber(rapid.OneOf(
			rapid.StringMatching(`-?(0|[1-9][0-9]{0,2})(\.0)?`),
			rapid.SampledFrom([]string{"-2147483649", "4194305", "9223372036854775808", "-1e30", "1e6144", "1e7000"}),
		).Draw(t, "int"))
		return n
	case types.String:
		return strings.ToValidUTF8(rapid.OneOf(rapid.SampledFrom(someTexts), rapid.String()).Draw(t, "text"), "�")
	case types.Time:
		s := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "time")
		if rapid.Bool().Draw(t, "now") {
			s = 1700000000 + s%100000000
		}
		return time.Unix(s, rapid.Int64Range(0, 999999999).Draw(t, "nanos")).UTC()
	case types.Duration:
		return time.Duration(rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, 60e9, 3600e9, 86400e9, 7 * 86400e9, -1})).Draw(t, "duration"))
	case types.Bytes:
		return value.Bytes(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes"))
	case types.Literal:
		return of.Lit
	case types.List:
		out := value.List{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			out = append(out, member(t, of.Elem, depth-1))
		}
		return out
	case types.Map:
		o := value.NewObject()
		for _, k := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "p", "a_b", "key", ""}), 0, 4).Draw(t, "keys") {
			o.Put(k, member(t, of.Elem, depth-1))
		}
		return o
	case types.Object:
		o := value.NewObject()
		for _, f := range of.Fields {
			if !f.Optional || rapid.Bool().Draw(t, "there") {
				o.Put(f.Name, member(t, f.Type, depth-1))
			}
		}
		return o
	case types.Union:
		return member(t, rapid.SampledFrom(of.Members).Draw(t, "member"), depth)
	}
	kinds := []*types.Type{types.BoolT, types.NumberT, types.IntT, types.StringT, types.TimeT, types.DurationT, types.BytesT, anyList, types.ObjectT, types.ObjectT, types.ObjectT}
	if !of.NotNull {
		kinds = append(kinds, types.NullT)
	}
	return member(t, rapid.SampledFrom(kinds).Draw(t, "kind"), depth-1)
}
