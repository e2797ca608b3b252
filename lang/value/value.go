// Package value is the data model of Route at run time: what an expression
// evaluates to. It knows JSON as text, and nothing of types, scripts or time
// of day.
package value

import "time"

// Value is one of
//
//	nil            null (a missing field reads as null, too)
//	bool
//	Number         an exact decimal
//	string         valid UTF-8
//	time.Time      in UTC, years 1 to 9999
//	time.Duration
//	Bytes
//	List
//	*Object
//	Secret         text that is never printed; only in connections
//
// and nothing else. Values are never changed once another holder may see them:
// who changes copies. Unchecked assertions like v.(string) are right where the
// checker has proved the type: a panic there is a bug of ours and must be loud.
type Value any

// Bytes is binary data.
type Bytes []byte

// List is a list of values.
type List []Value

// Secret is text from a secret's variable or file.
type Secret string

// String hides the text, so that no %v prints it.
func (Secret) String() string { return "(secret)" }

// GoString hides the text, so that no %#v prints it.
func (Secret) GoString() string { return "(secret)" }

// MarshalJSON hides the text.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"(secret)"`), nil }

// Reveal gives a text, also a secret one, to whoever needs it; "" of anything else.
func Reveal(v Value) string {
	switch v := v.(type) {
	case string:
		return v
	case Secret:
		return string(v)
	}
	return ""
}

// Kind is the kind of a value as `type(x)` names it.
type Kind uint8

// The kinds.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindTime
	KindDuration
	KindBytes
	KindList
	KindObject
	KindSecret
)

var kindNames = [...]string{"null", "bool", "number", "string", "time", "duration", "bytes", "list", "object", "secret"}

// String gives the name that `type(x)` answers.
func (k Kind) String() string { return kindNames[k] }

// KindOf tells the kind of a value.
func KindOf(v Value) Kind {
	switch v.(type) {
	case nil:
		return KindNull
	case bool:
		return KindBool
	case Number:
		return KindNumber
	case string:
		return KindString
	case time.Time:
		return KindTime
	case time.Duration:
		return KindDuration
	case Bytes:
		return KindBytes
	case List:
		return KindList
	case *Object:
		return KindObject
	case Secret:
		return KindSecret
	}
	panic("value: not a value")
}
