package eval_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Expressions built by hand, so that a fault of the checker cannot hide one here.

func c(v value.Value) ir.Expr            { return &ir.Const{Value: v} }
func num(s string) ir.Expr               { n, _ := value.ParseNumber(s); return c(n) }
func dot() ir.Expr                       { return &ir.Current{} }
func get(x ir.Expr, name string) ir.Expr { return &ir.Field{X: x, Name: name} }
func cur(path string) ir.Expr {
	x := dot()
	for _, p := range strings.Split(path, ".") {
		x = get(x, p)
	}
	return x
}
func v(slot ir.Slot, name string) ir.Expr { return &ir.Var{Slot: slot, Name: name} }
func arith(x ir.Expr, op ir.ArithOp, y ir.Expr) ir.Expr {
	return &ir.Arith{Op: op, X: x, Y: y}
}
func cmp(x ir.Expr, op ir.CompareOp, y ir.Expr) ir.Expr { return &ir.Compare{Op: op, X: x, Y: y} }
func list(xs ...ir.Expr) ir.Expr {
	l := &ir.List{}
	for _, x := range xs {
		l.Items = append(l.Items, ir.Item{X: x})
	}
	return l
}

var upper = &types.Func{Name: "upper", Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
	return strings.ToUpper(a[0].(string)), nil
}}
var fails = &types.Func{Name: "number.parse", Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
	return nil, errors.New("not a number")
}}

const record = `{"id":"o1","n":2.50,"big":1e400,"s":"x","null":null,"yes":true,"lines":[{"sku":"a","qty":2},{"sku":"b","qty":null}],"m":{"a b":1,"k":"v"}}`

func TestExpr(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name string
		x    ir.Expr
		want string // JSON, or the code and path of a failure
	}{
		{"a missing field reads as null through any depth", cur("no.such.field"), "null"},
		{"a field of null is null", cur("null.x"), "null"},
		{"a field of text fails", cur("s.x"), "E0411 .s.x"},
		{"a field of a list fails", cur("lines.x"), "E0411 .lines.x"},
		{"an untouched number keeps its text", cur("n"), "2.50"},
		{"a computed number prints plain", arith(cur("n"), ir.Add, num("0")), "2.5"},
		{"arithmetic on null fails", arith(cur("no"), ir.Add, num("1")), "E0410 .no"},
		{"arithmetic beyond the limits fails", arith(arith(num("1e6000"), ir.Mul, num("1e6000")), ir.Add, num("1")), "E0420 "},
		{"division by zero fails", arith(num("1"), ir.Div, num("0")), "E0421 "},
		{"remainder takes the dividend's sign", arith(num("-7"), ir.Rem, num("3")), "-1"},
		{"time minus time is a duration", arith(c(at.Add(90*time.Second)), ir.Sub, c(at)), `"1m30s"`},
		{"time plus duration is a time", arith(c(at), ir.Add, c(90*time.Minute)), `"2026-03-01T13:30:00.000Z"`},
		{"a duration is scaled by a number", arith(num("1.5"), ir.Mul, c(time.Minute)), `"1m30s"`},
		{"a duration by a duration is a number", arith(c(90*time.Second), ir.Div, c(time.Minute)), "1.5"},
		{"a time after the year 9999 is none", arith(c(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)), ir.Add, c(48*time.Hour)), "E0420 "},
		{"equality is total", cmp(cur("s"), ir.Eq, num("1")), "false"},
		{"equality takes numbers by value", cmp(num("1"), ir.Eq, num("1.0")), "true"},
		{"null equals null", cmp(cur("null"), ir.Eq, cur("no")), "true"},
		{"order of null fails", cmp(cur("null"), ir.Lt, num("1")), "E0410 .null"},
		{"and decides by its first operand", &ir.And{X: c(false), Y: cur("s.x")}, "false"},
		{"or decides by its first operand", &ir.Or{X: c(true), Y: cur("s.x")}, "true"},
		{"and evaluates its second when needed", &ir.And{X: c(true), Y: cur("s.x")}, "E0411 .s.x"},
		{"a condition that is null fails", &ir.Not{X: cur("null")}, "E0410 .null"},
		{"coalesce takes null only", &ir.Coalesce{X: cur("yes"), Y: num("1")}, "true"},
		{"coalesce does not take failures", &ir.Coalesce{X: cur("s.x"), Y: num("1")}, "E0411 .s.x"},
		{"catch takes failures only", &ir.Catch{X: cur("null"), Y: num("1")}, "null"},
		{"catch goes on with the other value", &ir.Catch{X: cur("s.x"), Y: num("1")}, "1"},
		{"a null subject gives null", &ir.Call{Func: upper, Args: []ir.Expr{cur("no")}, NullSubject: true}, "null"},
		{"a null subject leaves the other arguments alone", &ir.Call{Func: upper, Args: []ir.Expr{cur("no"), cur("s.x")}, NullSubject: true}, "null"},
		{"a call", &ir.Call{Func: upper, Args: []ir.Expr{cur("s")}}, `"X"`},
		{"a call that fails names its subject", &ir.Call{Func: fails, Args: []ir.Expr{cur("s")}}, "E0422 .s"},
		{"an index out of range is null", &ir.Index{X: cur("lines"), I: num("2")}, "null"},
		{"a negative index counts from the end", get(&ir.Index{X: cur("lines"), I: num("-1")}, "sku"), `"b"`},
		{"3.0 is an index", &ir.Index{X: list(num("7"), num("8")), I: num("1.0")}, "8"},
		{"a text index reads a field", &ir.Index{X: cur("m"), I: c("a b")}, "1"},
		{"an int index of an object fails", &ir.Index{X: cur("m"), I: num("0")}, "E0411 .m[0]"},
		{"a null index fails", &ir.Index{X: cur("m"), I: cur("null")}, "E0410 .null"},
		{"in", &ir.In{X: num("1.0"), List: list(num("2"), num("1"))}, "true"},
		{"not in", &ir.In{X: c("1"), List: list(num("2"), num("1")), Not: true}, "true"},
		{"matches is unanchored", &ir.Matches{X: c("abc"), Re: regexp.MustCompile("b")}, "true"},
		{"is", &ir.Is{X: cur("n"), Of: types.NumberT}, "true"},
		{"is not", &ir.Is{X: cur("n"), Of: types.IntT, Not: true}, "true"},
		{"a cast gives the view", &ir.Cast{X: cur("m"), To: types.Row(nil, types.Field{Name: "k", Type: types.StringT})}, `{"k":"v"}`},
		{"a cast of null is null", &ir.Cast{X: cur("no"), To: types.StringT}, "null"},
		{"a cast names the path", &ir.Cast{X: cur("m"), To: types.MapOf(types.StringT)}, `E0412 .m["a b"]`},
		{"if evaluates one arm", &ir.If{Cond: c(true), Then: num("1"), Else: cur("s.x")}, "1"},
		{"match takes the first arm", &ir.Match{Subject: cur("s"), Slot: 0, Arms: []ir.Arm{
			{Cond: cmp(v(0, "subject"), ir.Eq, c("y")), X: num("1")},
			{Cond: cmp(v(0, "subject"), ir.Eq, c("x")), X: num("2")},
			{X: num("3")}}}, "2"},
		{"a list spreads lists", &ir.List{Items: []ir.Item{{X: num("0")}, {X: list(num("1"), num("2")), Spread: true}}}, "[0,1,2]"},
		{"null does not spread into a list", &ir.List{Items: []ir.Item{{X: cur("no"), Spread: true}}}, "E0410 .no"},
		{"a comprehension", &ir.ListFor{For: ir.For{Value: 0, In: cur("lines")}, X: get(v(0, "l"), "sku")}, `["a","b"]`},
		{"a comprehension keeps what its condition takes", &ir.ListFor{For: ir.For{Value: 0, In: cur("lines"),
			Cond: cmp(get(v(0, "l"), "qty"), ir.Ne, c(nil))}, X: get(v(0, "l"), "sku")}, `["a"]`},
		{"a comprehension over an object", &ir.ListFor{For: ir.For{Key: 1, HasKey: true, Value: 0, In: cur("m")}, X: list(v(1, "k"), v(0, "v"))}, `[["a b",1],["k","v"]]`},
		{"positions of a list", &ir.ListFor{For: ir.For{Key: 1, HasKey: true, Value: 0, In: cur("lines")}, X: v(1, "i")}, `[0,1]`},
		{"a failure in a comprehension names the element", &ir.ListFor{For: ir.For{Value: 0, In: cur("lines")}, X: arith(get(v(0, "l"), "qty"), ir.Mul, num("2"))}, "E0410 .lines[1].qty"},
		{"a failure in a def names its argument", &ir.Let{Slot: 0, Value: cur("m"), Body: get(get(v(0, "o"), "k"), "x")}, "E0411 .m.k.x"},
		{"a def of a null subject is null", &ir.Let{Slot: 0, Value: cur("no"), Body: cur("s.x"), NullSubject: true}, "null"},
		{"an object keeps its order, a replaced field goes last", &ir.Object{Entries: []ir.Entry{
			{Kind: ir.Spread, X: cur("m")}, {Key: "k", X: num("9")}, {Key: "a b", X: num("8")}}}, `{"k":9,"a b":8}`},
		{"?: leaves null out", &ir.Object{Entries: []ir.Entry{{Key: "a", X: cur("no"), Opt: true}, {Key: "b", X: cur("no")}}}, `{"b":null}`},
		{"null spreads nothing", &ir.Object{Entries: []ir.Entry{{Kind: ir.Spread, X: cur("no")}}}, `{}`},
		{"a computed key", &ir.Object{Entries: []ir.Entry{{Kind: ir.Computed, KeyX: cur("s"), X: num("1")}}}, `{"x":1}`},
		{"an object comprehension", &ir.ObjectFor{For: ir.For{Value: 0, In: cur("lines")}, Key: get(v(0, "l"), "sku"), X: get(v(0, "l"), "qty"), Opt: true}, `{"a":2}`},
		{"keys that meet fail", &ir.ObjectFor{For: ir.For{Value: 0, In: cur("lines")}, Key: c("k"), X: num("1")}, "E0423 "},
		{"text", &ir.Text{Parts: []string{"n is ", ", ", ""}, Exprs: []ir.Expr{num("3146.0"), cur("yes")}}, `"n is 3146, true"`},
		{"null in text fails", &ir.Text{Parts: []string{"", ""}, Exprs: []ir.Expr{cur("no")}}, "E0410 .no"},
		{"a list in text fails", &ir.Text{Parts: []string{"", ""}, Exprs: []ir.Expr{cur("lines")}}, "E0410 .lines"},
		{"@topic", &ir.Meta{Name: "topic"}, `"t"`},
		{"@offset", &ir.Meta{Name: "offset"}, "7"},
		{"@key", &ir.Meta{Name: "key"}, `"k"`},
		{"@headers: the last of a name counts", &ir.Meta{Name: "headers"}, `{"h":"2"}`},
		{"@timestamp of a record that has none fails", &ir.Meta{Name: "timestamp"}, "E0441 @timestamp"},
		{"@sample_rate is 1", &ir.Meta{Name: "sample_rate"}, "1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := frame(t)
			got, fail := eval.Expr(tt.x, f)
			if g := show(got, fail); g != tt.want {
				t.Errorf("got %s, want %s", g, tt.want)
			}
		})
	}
}

func frame(t *testing.T) *eval.Frame {
	t.Helper()
	doc, err := value.DecodeJSON([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	f := &eval.Frame{Ctx: &types.Context{}}
	f.Begin(&event.Record{Topic: "t", Partition: 3, Offset: 7, Key: []byte("k"), Timestamp: event.NoTime,
		Headers: []event.Header{{Key: "h", Value: []byte{0xff}}, {Key: "h", Value: []byte("2")}}}, 2)
	f.Cur, f.Event = doc, doc
	return f
}

func show(v value.Value, fail *diag.Failure) string {
	if fail != nil {
		return fail.Code.ID + " " + fail.Path
	}
	return string(value.AppendJSON(nil, v))
}

// A record may not take more than a million steps, whatever its script catches.
func TestStepsAreBounded(t *testing.T) {
	f := frame(t)
	big := make(value.List, 2000)
	f.Cur = big
	inner := &ir.ListFor{For: ir.For{Value: 1, In: dot()}, X: num("1")}
	x := &ir.Catch{X: &ir.ListFor{For: ir.For{Value: 0, In: dot()}, X: inner}, Y: num("1")}
	if _, fail := eval.Expr(x, f); fail == nil || fail.Code != diag.TooMuch {
		t.Fatalf("got %v, want %s", fail, diag.TooMuch.ID)
	}
}

// What is small in memory may be large as text: a list of references is judged
// by what it would be written as.
func TestValuesAreBounded(t *testing.T) {
	f := frame(t)
	f.Cur = value.NewObject(value.Field{Key: "s", Value: strings.Repeat("x", 1<<20)}, value.Field{Key: "l", Value: make(value.List, 100)})
	x := &ir.ListFor{For: ir.For{Value: 0, In: cur("l")}, X: cur("s")}
	if _, fail := eval.Expr(x, f); fail == nil || fail.Code != diag.TooLarge {
		t.Fatalf("got %v, want %s", fail, diag.TooLarge.ID)
	}
	var deep value.Value = value.List{}
	for range eval.MaxDepth - 1 {
		deep = value.List{deep}
	}
	f.Cur = deep
	if _, fail := eval.Expr(list(num("1")), f); fail != nil {
		t.Fatal(fail)
	}
	if _, fail := eval.Expr(list(dot()), f); fail == nil || fail.Code != diag.TooDeep {
		t.Fatalf("got %v, want %s", fail, diag.TooDeep.ID)
	}
}

// What a function looks at counts, too: one over a large part of the event
// inside a comprehension ends after so many bytes, not after so many calls.
func TestWorkOfFunctionsIsBounded(t *testing.T) {
	f := frame(t)
	big := make(value.List, 20_000)
	for i := range big {
		big[i] = "some text"
	}
	f.Cur = value.NewObject(value.Field{Key: "big", Value: big}, value.Field{Key: "l", Value: make(value.List, 10_000)})
	calls := 0
	count := &types.Func{Name: "count", Call: func(_ *types.Context, a []value.Value) (value.Value, error) {
		calls++
		return value.FromInt(0), nil
	}}
	x := &ir.ListFor{For: ir.For{Value: 0, In: cur("l")}, X: &ir.Call{Func: count, Args: []ir.Expr{&ir.Object{Entries: []ir.Entry{{Key: "a", X: cur("big")}}}}}}
	if _, fail := eval.Expr(x, f); fail == nil || fail.Code != diag.TooMuch {
		t.Errorf("got %v, want %s", fail, diag.TooMuch.ID)
	}
	if calls > 1000 {
		t.Errorf("%d calls over 240 KB each", calls)
	}
}

// A spread over a spread takes time in proportion to the fields.
func TestSpreadOfLargeObjects(t *testing.T) {
	f := frame(t)
	var fields []value.Field
	for i := range 100_000 {
		fields = append(fields, value.Field{Key: strconv.Itoa(i), Value: true})
	}
	f.Cur = value.NewObject(fields...)
	spread := ir.Entry{Kind: ir.Spread, X: dot()}
	v, fail := eval.Expr(&ir.Object{Entries: []ir.Entry{spread, spread, {Key: "7", X: num("1")}}}, f)
	if fail != nil {
		t.Fatal(fail)
	}
	if o := v.(*value.Object); o.Len() != len(fields) || o.At(o.Len()-1).Key != "7" {
		t.Errorf("%d fields, %q last", o.Len(), o.At(o.Len()-1).Key)
	}
}
