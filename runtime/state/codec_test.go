package state

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// values draws any value that a program can hold.
func values(depth int) *rapid.Generator[value.Value] {
	gens := []*rapid.Generator[value.Value]{
		rapid.Just[value.Value](nil),
		rapid.Custom(func(t *rapid.T) value.Value { return rapid.Bool().Draw(t, "bool") }),
		rapid.Custom(func(t *rapid.T) value.Value { return drawNumber(t) }),
		rapid.Custom(func(t *rapid.T) value.Value { return strings.ToValidUTF8(rapid.String().Draw(t, "string"), "") }),
		rapid.Custom(func(t *rapid.T) value.Value {
			sec := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds")
			return time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(t, "nanos")).UTC()
		}),
		rapid.Custom(func(t *rapid.T) value.Value { return time.Duration(rapid.Int64().Draw(t, "duration")) }),
		rapid.Custom(func(t *rapid.T) value.Value { return value.Bytes(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) }),
	}
	if depth > 0 {
		gens = append(gens,
			rapid.Custom(func(t *rapid.T) value.Value {
				return value.List(rapid.SliceOfN(values(depth-1), 0, 4).Draw(t, "list"))
			}),
			rapid.Custom(func(t *rapid.T) value.Value {
				o := value.NewObject()
				for range rapid.IntRange(0, 14).Draw(t, "fields") {
					o.Put(rapid.StringMatching(`[a-zé "]{0,6}`).Draw(t, "key"), values(depth-1).Draw(t, "value"))
				}
				return o
			}))
	}
	return rapid.OneOf(gens...)
}

func drawNumber(t *rapid.T) value.Number {
	text := rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})`),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})\.[0-9]{1,12}`),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?[eE][+-]?[0-9]{1,4}`),
		rapid.SampledFrom([]string{"0", "-0", "0.0", "1.0", "9223372036854775807", "-9223372036854775808", "999999999999999999", "0.000000000000000001", "1e6144", "1e999999999"}),
	).Draw(t, "number")
	n, ok := value.ParseNumber(text)
	if !ok {
		t.Fatalf("%s is no number", text)
	}
	if rapid.Bool().Draw(t, "computed") {
		if c, err := value.Add(n, value.FromInt(1)); err == nil {
			return c
		}
	}
	return n
}

// same is equality as the store promises it: the text of numbers and the order of
// fields count, too.
func same(a, b value.Value) bool {
	switch a := a.(type) {
	case value.Number:
		b, ok := b.(value.Number)
		return ok && a.Text() == b.Text() && a.Cmp(b) == 0
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b) && b.Location() == time.UTC
	case value.Bytes:
		b, ok := b.(value.Bytes)
		return ok && bytes.Equal(a, b)
	case value.List:
		b, ok := b.(value.List)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case *value.Object:
		b, ok := b.(*value.Object)
		if !ok || a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if a.At(i).Key != b.At(i).Key || !same(a.At(i).Value, b.At(i).Value) {
				return false
			}
		}
		return true
	}
	return a == b
}

// TestValuesComeBack: what was stored is read as it was, in every part, and what is
// cut is refused at every place.
func TestValuesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := values(3).Draw(t, "value")
		b := AppendValue([]byte("before"), v)
		if !bytes.HasPrefix(b, []byte("before")) {
			t.Fatal("what stood there is gone")
		}
		b = b[len("before"):]
		got, err := DecodeValue(b)
		if err != nil || !same(v, got) {
			t.Fatalf("got %v (%v), want %v", got, err, v)
		}
		if again := AppendValue(nil, got); !bytes.Equal(b, again) {
			t.Fatalf("one value has two forms: %x and %x", b, again)
		}
		cut := rapid.IntRange(0, len(b)-1).Draw(t, "cut")
		if got, err := DecodeValue(b[:cut]); err == nil {
			t.Fatalf("cut at %d of %d it is read as %v", cut, len(b), got)
		}
		at := rapid.OneOf(rapid.Int64(), rapid.Just[int64](event.NoMicros)).Draw(t, "at")
		row := AppendRow(nil, at, v)
		gotAt, got, err := DecodeRow(row)
		if err != nil || gotAt != at || !same(v, got) {
			t.Fatalf("row: got %v at %d (%v), want %v at %d", got, gotAt, err, v, at)
		}
		since := rapid.OneOf(rapid.Int64(), rapid.Just(at)).Draw(t, "since")
		row = AppendRowSince(nil, at, since, v)
		gotAt, gotSince, got, err := DecodeRowSince(row)
		if err != nil || gotAt != at || gotSince != since || !same(v, got) {
			t.Fatalf("row: got %v at %d since %d (%v), want %v at %d since %d", got, gotAt, gotSince, err, v, at, since)
		}
		if gotAt, got, err = DecodeRow(row); err != nil || gotAt != at || !same(v, got) {
			t.Fatalf("row: got %v at %d (%v), want %v at %d", got, gotAt, err, v, at)
		}
		if got, err := DecodeValue(row); since != at && err == nil {
			t.Fatalf("a row since a time is read as the value %v", got)
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	deep := []byte{valueForm}
	for range maxDepth + 1 {
		deep = append(deep, tagList, 1)
	}
	deep = append(deep, tagNull)
	for _, tt := range []struct {
		name string
		b    []byte
		want error
		text string
	}{
		{"nothing", nil, ErrDamaged, "without a byte"},
		{"a newer form", []byte{valueForm + 1, tagNull}, ErrNewer, "form 2"},
		{"form 0", []byte{0, tagNull}, ErrDamaged, "form 0"},
		{"more behind it", []byte{valueForm, tagNull, tagNull}, ErrDamaged, "more behind"},
		{"an unknown kind", []byte{valueForm, 77}, ErrDamaged, "unknown kind"},
		{"a text that is cut", []byte{valueForm, tagString, 3, 'a'}, ErrDamaged, "more parts than bytes"},
		{"a text that is not UTF-8", []byte{valueForm, tagString, 1, 0xff}, ErrDamaged, "UTF-8"},
		{"a number that is none", []byte{valueForm, tagNumber, 1, 'x'}, ErrDamaged, "number that is none"},
		{"a list of 2^60", []byte{valueForm, tagList, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10}, ErrDamaged, "more parts"},
		{"a field twice", []byte{valueForm, tagObject, 2, 1, 'a', tagNull, 1, 'a', tagNull}, ErrDamaged, "twice"},
		{"a time in the year 10000", append([]byte{valueForm, tagTime}, 0x80, 0xdf, 0x9d, 0xff, 0xe0, 0x0e, 0), ErrDamaged, "time"},
		{"nanoseconds of two seconds", []byte{valueForm, tagTime, 0, 0x80, 0xa8, 0xd6, 0xb9, 0x07}, ErrDamaged, "time"},
		{"too deep", deep, ErrDamaged, "deeper"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, err := DecodeValue(tt.b)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, %v; want %v with %q", v, err, tt.want, tt.text)
			}
		})
	}
}

// FuzzDecode: bytes that nobody wrote are refused or are a value, and what is read
// has one form only.
func FuzzDecode(f *testing.F) {
	f.Add(AppendRow(nil, 5, value.NewObject(value.Field{Key: "a", Value: value.List{true, nil, "x", value.FromInt(7)}})))
	f.Add(AppendRow(nil, event.NoMicros, value.Bytes{1, 2}))
	f.Fuzz(func(t *testing.T, b []byte) {
		at, v, err := DecodeRow(b)
		if err != nil {
			return
		}
		b2 := AppendRow(nil, at, v)
		at2, v2, err := DecodeRow(b2)
		if err != nil || at2 != at || !same(v, v2) {
			t.Fatalf("%x is %v at %d, and written again %v at %d (%v)", b, v, at, v2, at2, err)
		}
	})
}

func testRow() value.Value {
	total, _ := value.ParseNumber("1023.75")
	return value.NewObject(
		value.Field{Key: "total", Value: total},
		value.Field{Key: "orders", Value: value.FromInt(17)},
		value.Field{Key: "last", Value: time.Date(2026, 11, 25, 21, 0, 0, 123e6, time.UTC)},
		value.Field{Key: "plan", Value: "gold"},
	)
}

func BenchmarkAppendRow(b *testing.B) {
	b.ReportAllocs()
	row := testRow()
	var dst []byte
	for b.Loop() {
		dst = AppendRow(dst[:0], 1_800_000_000_000_000, row)
	}
}

func BenchmarkDecodeRow(b *testing.B) {
	b.ReportAllocs()
	row := AppendRow(nil, 1_800_000_000_000_000, testRow())
	for b.Loop() {
		if _, _, err := DecodeRow(row); err != nil {
			b.Fatal(err)
		}
	}
}
