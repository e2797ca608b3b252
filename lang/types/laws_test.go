package types

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/value"
)

// The laws are tried in a small world, so that types and values often meet:
// three fields, a few texts, numbers and times.

func num(s string) value.Number {
	n, ok := value.ParseNumber(s)
	if !ok {
		panic("not a number: " + s)
	}
	return n
}

var (
	texts   = []string{"x", "y", "", "1", "true", "2026-03-01T00:00:00Z", `{"a":1}`, `["x"]`, "90m"}
	numbers = []string{"0", "1", "1.0", "1.5", "-3", "1e400"}
	names   = []string{"a", "b", "c"}
)

func drawLit(t *rapid.T) *Type {
	switch rapid.IntRange(0, 2).Draw(t, "lit") {
	case 0:
		return Lit(rapid.SampledFrom(texts[:3]).Draw(t, "text"))
	case 1:
		return Lit(num(rapid.SampledFrom(numbers).Draw(t, "number")))
	}
	return Lit(rapid.Bool().Draw(t, "bool"))
}

// drawType puts the kinds with parts first: rapid prefers small numbers.
func drawType(t *rapid.T, depth int) *Type {
	from := 0
	if depth == 0 {
		from = 8
	}
	switch rapid.IntRange(from, 13).Draw(t, "kind") {
	case 0, 1, 2:
		fields := drawFields(t, depth)
		switch rapid.IntRange(0, 2).Draw(t, "object") {
		case 0:
			return Row(nil, fields...)
		case 1:
			return Obj(fields...)
		}
		return Row(drawType(t, depth-1), fields...)
	case 3:
		return UnionOf(drawTypes(t, depth-1)...)
	case 4:
		return Declared(drawTypes(t, depth-1)...)
	case 5:
		return MapOf(drawType(t, depth-1))
	case 6:
		return ListOf(drawType(t, depth-1))
	case 7:
		return Nullable(drawType(t, depth-1))
	case 8, 9, 10:
		return drawLit(t)
	case 11, 12:
		return rapid.SampledFrom([]*Type{StringT, NumberT, IntT, BoolT, NullT, TimeT, DurationT, BytesT}).Draw(t, "scalar")
	}
	return rapid.SampledFrom([]*Type{AnyT, SomeT, ObjectT, NeverT}).Draw(t, "edge")
}

func drawTypes(t *rapid.T, depth int) []*Type {
	ts := make([]*Type, rapid.IntRange(1, 3).Draw(t, "members"))
	for i := range ts {
		ts[i] = drawType(t, depth)
	}
	return ts
}

func drawFields(t *rapid.T, depth int) []Field {
	var fields []Field
	for _, name := range names {
		if !rapid.Bool().Draw(t, "has "+name) {
			continue
		}
		f := Field{Name: name, Type: drawType(t, depth-1), Optional: rapid.Bool().Draw(t, "optional")}
		if rapid.IntRange(0, 5).Draw(t, "default") == 4 {
			f = Field{Name: name, Type: IntT, HasDef: true, Default: num("7")}
		}
		fields = append(fields, f)
	}
	return fields
}

func drawValue(t *rapid.T, depth int) value.Value {
	top := 7
	if depth == 0 {
		top = 5
	}
	switch rapid.IntRange(0, top).Draw(t, "value") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return num(rapid.SampledFrom(numbers).Draw(t, "number"))
	case 3, 4:
		return rapid.SampledFrom(texts).Draw(t, "text")
	case 5:
		return rapid.SampledFrom([]value.Value{time.Unix(0, 0).UTC(), time.Minute, value.Bytes("x")}).Draw(t, "other")
	case 6:
		l := make(value.List, rapid.IntRange(0, 2).Draw(t, "length"))
		for i := range l {
			l[i] = drawValue(t, depth-1)
		}
		return l
	}
	o := value.NewObject()
	for _, name := range append(names, "d") {
		if rapid.Bool().Draw(t, "has "+name) {
			o.Put(name, drawValue(t, depth-1))
		}
	}
	return o
}

// drawMember draws a value that is likely a member of a type, so that laws of
// the form "if v is of t" are not empty.
func drawMember(t *rapid.T, of *Type, depth int) value.Value {
	if rapid.IntRange(0, 9).Draw(t, "wild") == 7 {
		return drawValue(t, depth)
	}
	switch of.Kind {
	case Bool:
		return rapid.Bool().Draw(t, "bool")
	case Number:
		return num(rapid.SampledFrom(numbers).Draw(t, "number"))
	case Int:
		return num(rapid.SampledFrom(numbers[:3]).Draw(t, "int"))
	case String:
		return rapid.SampledFrom(texts).Draw(t, "text")
	case Time:
		return time.Unix(0, 0).UTC()
	case Duration:
		return time.Minute
	case Bytes:
		return value.Bytes("x")
	case Literal:
		return of.Lit
	case Union:
		return drawMember(t, rapid.SampledFrom(of.Members).Draw(t, "member"), depth)
	case List:
		l := make(value.List, rapid.IntRange(0, 2).Draw(t, "length"))
		for i := range l {
			l[i] = drawMember(t, of.Elem, depth-1)
		}
		return l
	case Map, Object:
		row, _ := rowOf(of)
		return drawObject(t, row, depth)
	case Null:
		return nil
	}
	return drawValue(t, max(depth, 0))
}

func drawObject(t *rapid.T, row *Type, depth int) value.Value {
	o := value.NewObject()
	for i := range row.Fields {
		f := &row.Fields[i]
		if !f.mayMiss() || rapid.Bool().Draw(t, "has "+f.Name) {
			o.Put(f.Name, drawMember(t, f.Type, depth-1))
		}
	}
	for _, name := range append(names, "d") {
		if _, ok := row.Field(name); ok || !rapid.Bool().Draw(t, "other "+name) {
			continue
		}
		switch {
		case row.Rest != nil:
			o.Put(name, drawMember(t, row.Rest, depth-1))
		case row.Open:
			o.Put(name, drawValue(t, max(depth-1, 0)))
		}
	}
	return o
}

func show(v value.Value) string { return fmt.Sprintf("%T %s", v, value.AppendJSON(nil, v)) }

const deep = 3

// law checks a property of types and of values drawn from the first of them.
func law(t *testing.T, n int, check func(t *rapid.T, ts []*Type, v value.Value)) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		ts := make([]*Type, n)
		for i := range ts {
			// A part that is the same or narrower makes relations hold more often.
			switch {
			case i > 0 && rapid.Bool().Draw(t, "related"):
				ts[i] = related(t, ts[i-1])
			default:
				ts[i] = drawType(t, deep)
			}
		}
		of := rapid.SampledFrom(ts).Draw(t, "values of")
		check(t, ts, drawMember(t, of, deep))
	})
}

// related draws a type that has much in common with another.
func related(t *rapid.T, of *Type) *Type {
	switch rapid.IntRange(0, 5).Draw(t, "relation") {
	case 0:
		return Nullable(of)
	case 1:
		return UnionOf(of, drawType(t, 1))
	case 2:
		return Widen(of)
	case 3:
		return View(of)
	case 4:
		return NonNull(of)
	}
	switch of.Kind {
	case Union:
		return rapid.SampledFrom(of.Members).Draw(t, "one member")
	case List:
		return ListOf(related(t, of.Elem))
	case Object:
		c := *of
		c.Fields = append([]Field(nil), of.Fields...)
		for i := range c.Fields {
			if rapid.Bool().Draw(t, "relate") {
				c.Fields[i].Type = related(t, c.Fields[i].Type)
			}
			if !c.Fields[i].HasDef {
				c.Fields[i].Optional = rapid.Bool().Draw(t, "optional")
			}
		}
		return &c
	}
	return of
}

func TestAssignableKeepsMembers(t *testing.T) {
	law(t, 2, func(t *rapid.T, ts []*Type, v value.Value) {
		a, b := ts[0], ts[1]
		if Assignable(a, b) && Member(v, a) && !Member(v, b) {
			t.Fatalf("%s is assignable to %s, but %s is of the first only", a, b, show(v))
		}
		if !Assignable(a, a) {
			t.Fatalf("%s is not assignable to itself", a)
		}
	})
}

func TestAssignableIsTransitive(t *testing.T) {
	law(t, 3, func(t *rapid.T, ts []*Type, _ value.Value) {
		a, b, c := ts[0], ts[1], ts[2]
		if Assignable(a, b) && Assignable(b, c) && !Assignable(a, c) {
			t.Fatalf("%s → %s → %s, but not from the first to the last", a, b, c)
		}
	})
}

func TestEqualMeansTheSameMembers(t *testing.T) {
	law(t, 2, func(t *rapid.T, ts []*Type, v value.Value) {
		a, b := ts[0], ts[1]
		if Equal(a, b) != Equal(b, a) {
			t.Fatalf("Equal is not symmetric for %s and %s", a, b)
		}
		if Equal(a, b) && (Member(v, a) != Member(v, b) || !Assignable(a, b) || !Assignable(b, a)) {
			t.Fatalf("%s equals %s, but %s tells them apart", a, b, show(v))
		}
	})
}

func TestDisjointTypesShareNothing(t *testing.T) {
	law(t, 2, func(t *rapid.T, ts []*Type, v value.Value) {
		a, b := ts[0], ts[1]
		if Disjoint(a, b) != Disjoint(b, a) {
			t.Fatalf("Disjoint is not symmetric for %s and %s", a, b)
		}
		if Disjoint(a, b) && Member(v, a) && Member(v, b) {
			t.Fatalf("%s is of %s and of %s", show(v), a, b)
		}
	})
}

func TestUnionHoldsItsMembers(t *testing.T) {
	law(t, 3, func(t *rapid.T, ts []*Type, v value.Value) {
		a, b, c := ts[0], ts[1], ts[2]
		any := Member(v, a) || Member(v, b) || Member(v, c)
		for what, u := range map[string]*Type{"UnionOf": UnionOf(a, b, c), "Declared": Declared(a, b, c)} {
			if Member(v, u) != any {
				t.Fatalf("%s(%s, %s, %s) is %s: of %s it says %v", what, a, b, c, u, show(v), Member(v, u))
			}
			for _, m := range u.members() {
				if u.Kind == Union && (m.Kind == Union || m.Kind == Never || m.Kind == Any) {
					t.Fatalf("%s is not flat", u)
				}
			}
		}
		if l, r := UnionOf(a, b, c), UnionOf(c, a, b); !Equal(l, r) {
			t.Fatalf("the order counts: %s, %s", l, r)
		}
		if l, r := UnionOf(UnionOf(a, b), c), UnionOf(a, UnionOf(b, c)); !Equal(l, r) {
			t.Fatalf("the grouping counts: %s, %s", l, r)
		}
	})
}

func TestNullIsOneMember(t *testing.T) {
	law(t, 1, func(t *rapid.T, ts []*Type, v value.Value) {
		a := ts[0]
		if Member(nil, a) != MayBeNull(a) {
			t.Fatalf("MayBeNull(%s) is %v", a, MayBeNull(a))
		}
		if got, want := Member(v, Nullable(a)), v == nil || Member(v, a); got != want {
			t.Fatalf("%s of %s: %v", show(v), Nullable(a), got)
		}
		if got, want := Member(v, NonNull(a)), v != nil && Member(v, a); got != want {
			t.Fatalf("%s of %s: %v", show(v), NonNull(a), got)
		}
	})
}

func TestFactsPartition(t *testing.T) {
	law(t, 2, func(t *rapid.T, ts []*Type, v value.Value) {
		a, s := ts[0], ts[1]
		if !Member(v, a) {
			return
		}
		if n := Narrow(a, s); Member(v, s) && !Member(v, n) {
			t.Fatalf("%s is of %s and %s, not of %s", show(v), a, s, n)
		}
		if n := Subtract(a, s); !Member(v, s) && !Member(v, n) {
			t.Fatalf("%s is of %s without %s, not of %s", show(v), a, s, n)
		}
		if n := Subtract(a, s); !Assignable(n, a) {
			t.Fatalf("%s without %s is more: %s", a, s, n)
		}
	})
}

// readPath reads fields as the evaluator does; false where that fails.
func readPath(v value.Value, path []string) (value.Value, bool) {
	for _, name := range path {
		switch o := v.(type) {
		case nil:
			return nil, true
		case *value.Object:
			v, _ = o.Get(name)
		default:
			return nil, false
		}
	}
	return v, true
}

func TestFactsOfFields(t *testing.T) {
	law(t, 2, func(t *rapid.T, ts []*Type, v value.Value) {
		a := ts[0]
		path := rapid.SliceOfN(rapid.SampledFrom(append(names, "d")), 0, 2).Draw(t, "path")
		of := ts[1]
		if rapid.Bool().Draw(t, "a simple fact") {
			of = rapid.SampledFrom([]*Type{NullT, Lit("x"), Lit(num("1")), StringT, UnionOf(Lit("x"), Lit("y"))}).Draw(t, "fact")
		}
		fact := Fact{Type: of, Not: rapid.Bool().Draw(t, "not")}
		read, ok := readPath(v, path)
		if !Member(v, a) || !ok || Member(read, fact.Type) == fact.Not {
			return
		}
		if n := NarrowField(a, path, fact); !Member(v, n) {
			t.Fatalf("%s is of %s and at %v of %v, not of %s", show(v), a, path, fact, n)
		}
	})
}

func TestFieldsReadAsTheirTypes(t *testing.T) {
	law(t, 1, func(t *rapid.T, ts []*Type, v value.Value) {
		a := ts[0]
		if !Member(v, a) {
			return
		}
		name := rapid.SampledFrom(append(names, "d")).Draw(t, "name")
		ft, status := FieldType(a, name)
		read, ok := readPath(v, []string{name})
		if status == FieldOK && ok && !Member(read, ft) {
			t.Fatalf("%s of %s: .%s is not of %s", show(v), a, name, ft)
		}
		if status == FieldOK && !ok && a.Kind != Any {
			t.Fatalf("%s of %s: .%s fails", show(v), a, name)
		}
		if it, status := IndexType(a, StringT); status == FieldOK && ok && !Member(read, it) {
			t.Fatalf("%s of %s: [%q] is not of %s", show(v), a, name, it)
		}
		if l, ok := v.(value.List); ok && len(l) > 0 {
			if it, status := IndexType(a, IntT); status == FieldOK && !Member(l[0], it) {
				t.Fatalf("%s of %s: [0] is not of %s", show(v), a, it)
			}
		}
		k, e, ok := IterTypes(a)
		switch v := v.(type) {
		case value.List:
			if ok && len(v) > 0 && (!Member(v[0], e) || k.Kind != Int) {
				t.Fatalf("%s of %s: an element is not of %s", show(v), a, e)
			}
		case *value.Object:
			if ok && v.Len() > 0 && (!Member(v.At(0).Value, e) || k.Kind != String) {
				t.Fatalf("%s of %s: a field is not of %s", show(v), a, e)
			}
		default:
			if ok {
				t.Fatalf("%s of %s has no elements", show(v), a)
			}
		}
	})
}

func TestSpreadsAreOfTheirType(t *testing.T) {
	law(t, 2, func(t *rapid.T, ts []*Type, v value.Value) {
		a, b := ts[0], ts[1]
		w := drawMember(t, b, deep)
		s, ok := Spread(a, b)
		if !ok || !Member(v, a) || !Member(w, b) {
			return
		}
		out := value.NewObject()
		for _, part := range []value.Value{v, w} {
			if part == nil {
				continue
			}
			o := part.(*value.Object)
			for i := range o.Len() {
				out.Put(o.At(i).Key, o.At(i).Value)
			}
		}
		if !Member(out, s) {
			t.Fatalf("{...%s, ...%s} is %s: %s is not of it", a, b, s, show(out))
		}
	})
}

// setPath is `set`; false where the way leads through what is no object.
func setPath(v value.Value, path []string, x value.Value) (value.Value, bool) {
	if len(path) == 0 {
		return x, true
	}
	o := value.NewObject()
	switch v := v.(type) {
	case nil:
	case *value.Object:
		o = v.Clone()
	default:
		return nil, false
	}
	old, _ := o.Get(path[0])
	now, ok := setPath(old, path[1:], x)
	if ok {
		o.Set(path[0], now)
	}
	return o, ok
}

func unsetPath(v value.Value, path []string) value.Value {
	o, ok := v.(*value.Object)
	if !ok || !o.Has(path[0]) {
		return v
	}
	o = o.Clone()
	if len(path) == 1 {
		o.Delete(path[0])
		return o
	}
	old, _ := o.Get(path[0])
	o.Set(path[0], unsetPath(old, path[1:]))
	return o
}

func TestChangesAreOfTheirType(t *testing.T) {
	law(t, 2, func(t *rapid.T, ts []*Type, v value.Value) {
		a, b := ts[0], ts[1]
		path := rapid.SliceOfN(rapid.SampledFrom(append(names, "d")), 1, 2).Draw(t, "path")
		x := drawMember(t, b, deep)
		if !Member(v, a) || !Member(x, b) {
			return
		}
		if s, ok := SetPath(a, path, b); ok {
			if out, ok := setPath(v, path, x); ok && !Member(out, s) {
				t.Fatalf("set %v of %s in %s: %s is not of %s", path, b, a, show(out), s)
			}
		}
		if s, ok := UnsetPath(a, path); ok {
			if out := unsetPath(v, path); !Member(out, s) {
				t.Fatalf("unset %v in %s: %s is not of %s", path, a, show(out), s)
			}
		}
	})
}

func TestJudgeGivesMembers(t *testing.T) {
	law(t, 1, func(t *rapid.T, ts []*Type, v value.Value) {
		a := ts[0]
		mode := Mode{Strict: rapid.Bool().Draw(t, "strict"), Text: rapid.Bool().Draw(t, "text")}
		left := 0
		mode.Drift = func(string) { left++ }
		got, m := Judge(v, a, mode)
		if m != nil {
			if m.Path == "" || m.Want == "" || m.Got == "" || got != nil {
				t.Fatalf("a mismatch without words: %+v", m)
			}
			return
		}
		if !Member(got, View(a)) {
			t.Fatalf("%s as %s gives %s, which is not of %s", show(v), a, show(got), View(a))
		}
		if mode.Strict && left > 0 {
			t.Fatalf("%s as %s strict left out %d fields", show(v), a, left)
		}
		if again, m := Judge(got, a, Mode{}); a.Kind != Union && !mode.Text && m == nil && !unions(a) && !value.Equal(again, got) {
			t.Fatalf("judged again, %s as %s gives %s", show(got), a, show(again))
		}
	})
}

// unions tells whether a type has a union of objects in it: judged again, an
// earlier member may take the view that a later one gave.
func unions(t *Type) bool {
	if t.Kind == Union || t.Rest != nil && unions(t.Rest) || t.Elem != nil && unions(t.Elem) {
		return true
	}
	for i := range t.Fields {
		if unions(t.Fields[i].Type) {
			return true
		}
	}
	return false
}

func TestViewIsWithinTheType(t *testing.T) {
	law(t, 1, func(t *rapid.T, ts []*Type, v value.Value) {
		a := ts[0]
		view := View(a)
		if !Equal(View(view), view) {
			t.Fatalf("View(%s) is %s, and of that %s", a, view, View(view))
		}
		if Member(v, a) && !Member(v, UnionOf(a, view)) {
			t.Fatalf("%s with its view %s loses %s", a, view, show(v))
		}
	})
}

func TestConstantsAreOfTheirType(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := drawValue(t, deep)
		c := TypeOf(v)
		if !Member(v, c) || !Member(v, Widen(c)) || !Assignable(c, Widen(c)) {
			t.Fatalf("%s is not of %s or of %s", show(v), c, Widen(c))
		}
	})
}
