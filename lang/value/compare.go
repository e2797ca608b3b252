package value

import (
	"bytes"
	"cmp"
	"strings"
	"time"
)

// Equal is `==`: total, and false for values of different kinds. Numbers count
// by value, objects without regard to the order of their fields; a field that is
// null is not equal to one that is missing.
func Equal(a, b Value) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case Number:
		b, ok := b.(Number)
		return ok && a.Cmp(b) == 0
	case string:
		b, ok := b.(string)
		return ok && a == b
	case time.Time:
		b, ok := b.(time.Time)
		return ok && a.Equal(b)
	case time.Duration:
		b, ok := b.(time.Duration)
		return ok && a == b
	case Bytes:
		b, ok := b.(Bytes)
		return ok && bytes.Equal(a, b)
	case List:
		b, ok := b.(List)
		return ok && equalLists(a, b)
	case *Object:
		b, ok := b.(*Object)
		return ok && equalObjects(a, b)
	case Secret:
		b, ok := b.(Secret)
		return ok && a == b
	}
	panic("value: not a value")
}

func equalLists(a, b List) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalObjects(a, b *Object) bool {
	if a == b {
		return true
	}
	if a.Len() != b.Len() {
		return false
	}
	for i := range a.fields {
		v, ok := b.Get(a.fields[i].Key)
		if !ok || !Equal(a.fields[i].Value, v) {
			return false
		}
	}
	return true
}

// Compare is the order behind `<`: of two numbers, two strings (by code point),
// two times or two durations. Anything else has no order, and ok is false.
func Compare(a, b Value) (order int, ok bool) {
	switch a := a.(type) {
	case Number:
		if b, ok := b.(Number); ok {
			return a.Cmp(b), true
		}
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b), true // UTF-8 keeps the order of code points
		}
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Compare(b), true
		}
	case time.Duration:
		if b, ok := b.(time.Duration); ok {
			return cmp.Compare(a, b), true
		}
	}
	return 0, false
}
