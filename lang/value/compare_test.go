package value

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// anyValue draws values of every kind that an event can hold.
func anyValue(depth int) *rapid.Generator[Value] {
	gens := []*rapid.Generator[Value]{
		rapid.Just[Value](nil),
		rapid.Map(rapid.Bool(), func(b bool) Value { return b }),
		rapid.Map(anyNumber(), func(s string) Value { n, _ := ParseNumber(s); return n }),
		rapid.Map(rapid.SampledFrom([]string{"1", "1.0", "1e0", "2"}), func(s string) Value { n, _ := ParseNumber(s); return n }),
		rapid.Map(rapid.String(), func(s string) Value { return strings.ToValidUTF8(s, "�") }),
		rapid.Map(rapid.SampledFrom([]string{"", "a", "b", "1"}), func(s string) Value { return s }),
	}
	if depth > 0 {
		gens = append(gens,
			rapid.Map(rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[Value] { return anyValue(depth - 1) }), 0, 3), func(l []Value) Value { return append(List{}, l...) }),
			rapid.Custom(func(t *rapid.T) Value {
				o := NewObject()
				for _, k := range rapid.SliceOfN(rapid.SampledFrom(strings.Split("a b c d e f g h i j k l m n o", " ")), 0, 15).Draw(t, "keys") {
					o.Put(k, anyValue(depth-1).Draw(t, k))
				}
				return o
			}))
	}
	return rapid.OneOf(gens...)
}

func TestEqualLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := anyValue(2).Draw(t, "a"), anyValue(2).Draw(t, "b"), anyValue(2).Draw(t, "c")
		if !Equal(a, a) || Equal(a, b) != Equal(b, a) {
			t.Fatal("not an equality")
		}
		if Equal(a, b) && Equal(b, c) && !Equal(a, c) {
			t.Fatal("not transitive")
		}
		if Equal(a, b) && KindOf(a) != KindOf(b) {
			t.Fatal("two kinds are equal")
		}
		if same := string(AppendKey(nil, a)) == string(AppendKey(nil, b)); same != Equal(a, b) {
			t.Fatalf("one key: %v, equal: %v", same, Equal(a, b))
		}
		order, ok := Compare(a, b)
		if ok && (order == 0) != Equal(a, b) {
			t.Fatal("order and equality disagree")
		}
		if back, ok2 := Compare(b, a); ok != ok2 || back != -order {
			t.Fatal("the order has two directions")
		}
		text := AppendJSON(nil, a)
		back, err := DecodeJSON(text)
		if err != nil || !Equal(a, back) {
			t.Fatalf("%s came back as %s, %v", text, AppendJSON(nil, back), err)
		}
		if again := AppendJSON(nil, back); string(again) != string(text) {
			t.Fatalf("%s was written as %s", text, again)
		}
	})
}

func TestEqual(t *testing.T) {
	tests := []struct {
		name, a, b string
		want       bool
	}{
		{"numbers by value", "1", "1.0", true},
		{"order of fields is irrelevant", `{"a":1,"b":[2]}`, `{"b":[2.0],"a":1e0}`, true},
		{"missing is not null inside objects", `{"a":1,"b":null}`, `{"a":1}`, false},
		{"nor is another field", `{"a":1,"b":null}`, `{"a":1,"c":null}`, false},
		{"order of elements counts", `[1,2]`, `[2,1]`, false},
		{"the number and the text", `1`, `"1"`, false},
		{"null is null", `null`, `null`, true},
		{"and not false", `null`, `false`, false},
		{"2^53 and its neighbour", `9007199254740992`, `9007199254740993`, false},
	}
	for _, tt := range tests {
		a, _ := DecodeJSON([]byte(tt.a))
		b, _ := DecodeJSON([]byte(tt.b))
		if Equal(a, b) != tt.want {
			t.Errorf("%s: %s == %s is %v", tt.name, tt.a, tt.b, !tt.want)
		}
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if !Equal(at, at.In(time.FixedZone("", 3600))) || Equal(at, at.Add(1)) || Equal(time.Second, FromInt(1)) || !Equal(Bytes("a"), Bytes("a")) || !Equal(Secret("a"), Secret("a")) {
		t.Error("times, durations, bytes or secrets")
	}
}

func TestCompare(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		a, b Value
		want int
		ok   bool
	}{
		{"Z", "a", -1, true},
		{"é", "z", 1, true},
		{"\uffff", "\U00010000", -1, true}, // UTF-16 would have it the other way
		{FromInt(10), FromInt(9), 1, true},
		{at, at.Add(time.Second), -1, true},
		{-time.Second, time.Second, -1, true},
		{"1", FromInt(1), 0, false},
		{true, false, 0, false},
		{nil, nil, 0, false},
	}
	for _, tt := range tests {
		if got, ok := Compare(tt.a, tt.b); got != tt.want || ok != tt.ok {
			t.Errorf("Compare(%v, %v) = %d, %v", tt.a, tt.b, got, ok)
		}
	}
}

// TestObject holds an object against a plain list of pairs, the model.
func TestObject(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := NewObject()
		var model []Field
		without := func(k string) (out []Field) {
			for _, f := range model {
				if f.Key != k {
					out = append(out, f)
				}
			}
			return out
		}
		var puts []Field
		for i := range rapid.IntRange(0, 60).Draw(t, "n") {
			k := string(rune('a' + rapid.IntRange(0, 19).Draw(t, "key")))
			v := FromInt(int64(i))
			switch rapid.IntRange(0, 3).Draw(t, "op") {
			case 0, 1:
				o.Put(k, v)
				model = append(without(k), Field{k, v})
			case 2:
				if old, ok := o.Get(k); ok {
					for j := range model {
						if model[j].Key == k && Equal(model[j].Value, old) {
							model[j].Value = v
						}
					}
				} else {
					model = append(model, Field{k, v})
				}
				o.Set(k, v)
			case 3:
				o.Delete(k)
				model = without(k)
			}
			puts = append(puts, Field{k, v})
		}
		same(t, o, model)
		same(t, o.Clone(), model)
		all, one := NewObject(puts...), NewObject()
		for _, f := range puts {
			one.Put(f.Key, f.Value)
		}
		same(t, all, one.fields)
	})
}

func same(t *rapid.T, o *Object, model []Field) {
	t.Helper()
	if o.Len() != len(model) {
		t.Fatalf("%d fields, want %d", o.Len(), len(model))
	}
	for i, f := range model {
		if o.At(i).Key != f.Key || !Equal(o.At(i).Value, f.Value) {
			t.Fatalf("field %d is %v, want %v", i, o.At(i), f)
		}
		if v, ok := o.Get(f.Key); !ok || !Equal(v, f.Value) || !o.Has(f.Key) {
			t.Fatalf("Get(%s) = %v, %v", f.Key, v, ok)
		}
	}
	if _, ok := o.Get("none"); ok {
		t.Fatal("a field that is not there")
	}
}
