package state

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/value"
)

// How a value lies in the store: one byte with the version of the form, and then
// the value, a byte for its kind and what belongs to it. Nothing is lost: a number
// comes back as it was written, a time to the nanosecond, fields in their order.
// Numbers below say how many bytes are meant; the others are varints.
//
//	null false true
//	int      zigzag               a number that prints as this
//	decimal  zigzag, places(1)    a number that prints as this / 10^places
//	number   n, text(n)           every other number
//	string   n, text(n)
//	time     zigzag of seconds since 1970, nanoseconds
//	duration zigzag of nanoseconds
//	bytes    n, bytes(n)
//	list     n, values
//	object   n, of each field its name as n, text(n), and its value
const (
	tagNull byte = iota
	tagFalse
	tagTrue
	tagInt
	tagDecimal
	tagNumber
	tagString
	tagTime
	tagDuration
	tagBytes
	tagList
	tagObject
)

// valueForm is the version of the form. A value of a newer one is refused, not
// guessed at.
const valueForm = 1

// maxDepth is how deep values nest that a store takes: those of a program, and
// what the engine puts them into (a change's old and new).
const maxDepth = value.MaxDepth + 4

// AppendValue appends the stored form of a value.
func AppendValue(dst []byte, v value.Value) []byte {
	return appendValue(append(dst, valueForm), v, 0)
}

// AppendRow appends the stored form of a row and the time of the record that wrote
// it, in microseconds since 1970; event.NoMicros: none.
func AppendRow(dst []byte, at int64, v value.Value) []byte {
	dst = binary.AppendVarint(append(dst, valueForm), at)
	return appendValue(dst, v, 0)
}

// sinceForm is the form of a row that also says since when its value stands.
const sinceForm = 2

// AppendRowSince is AppendRow of a row whose value stands since a time before at: it
// was written again as it was.
func AppendRowSince(dst []byte, at, since int64, v value.Value) []byte {
	if since == at {
		return AppendRow(dst, at, v)
	}
	dst = binary.AppendVarint(append(dst, sinceForm), at)
	return appendValue(binary.AppendVarint(dst, since), v, 0)
}

func appendValue(dst []byte, v value.Value, depth int) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, tagNull)
	case bool:
		if v {
			return append(dst, tagTrue)
		}
		return append(dst, tagFalse)
	case value.Number:
		return appendNumber(dst, v)
	case string:
		return appendText(append(dst, tagString), v)
	case time.Time:
		dst = binary.AppendVarint(append(dst, tagTime), v.Unix())
		return binary.AppendUvarint(dst, uint64(v.Nanosecond()))
	case time.Duration:
		return binary.AppendVarint(append(dst, tagDuration), int64(v))
	case value.Bytes:
		return appendText(append(dst, tagBytes), v)
	case value.List:
		mustNest(depth)
		dst = binary.AppendUvarint(append(dst, tagList), uint64(len(v)))
		for _, e := range v {
			dst = appendValue(dst, e, depth+1)
		}
		return dst
	case *value.Object:
		mustNest(depth)
		dst = binary.AppendUvarint(append(dst, tagObject), uint64(v.Len()))
		for i := range v.Len() {
			f := v.At(i)
			dst = appendValue(appendText(dst, f.Key), f.Value, depth+1)
		}
		return dst
	}
	panic(fmt.Sprintf("state: a %v is never stored", value.KindOf(v)))
}

// mustNest holds what the evaluator promises: it refuses a value that nests
// deeper, and one that is stored can be read again.
func mustNest(depth int) {
	if depth == maxDepth {
		panic("state: a value nests deeper than any can")
	}
}

func appendText[T string | ~[]byte](dst []byte, s T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendNumber appends a number's text, or in its place the integer, or integer
// and places, that print as this very text: what nearly all numbers are, and read
// back without a text to keep.
func appendNumber(dst []byte, n value.Number) []byte {
	start := len(dst)
	dst = n.AppendText(dst)
	text := dst[start:]
	if mant, places, ok := plainDigits(text); ok {
		if places == 0 {
			return binary.AppendVarint(append(dst[:start], tagInt), mant)
		}
		return append(binary.AppendVarint(append(dst[:start], tagDecimal), mant), byte(places))
	}
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = tagNumber
	return slices.Insert(dst, start, head[:1+binary.PutUvarint(head[1:], uint64(len(text)))]...)
}

// plainDigits takes a JSON number's text as mant / 10^places, where that prints as
// this very text again: up to 18 digits, no exponent, no zero at the end of the
// places, no minus before zero.
func plainDigits(text []byte) (mant int64, places int, ok bool) {
	digits := text
	neg := digits[0] == '-'
	if neg {
		digits = digits[1:]
	}
	if len(digits) > 19 {
		return 0, 0, false
	}
	point := -1
	for i, c := range digits {
		switch {
		case c == '.':
			point = i
		case c < '0' || c > '9':
			return 0, 0, false
		default:
			mant = mant*10 + int64(c-'0')
		}
	}
	switch {
	case point < 0 && len(digits) == 19:
		return 0, 0, false // more than an int64, perhaps
	case point >= 0:
		places = len(digits) - point - 1
		if digits[len(digits)-1] == '0' {
			return 0, 0, false
		}
	}
	if neg {
		if mant == 0 {
			return 0, 0, false
		}
		mant = -mant
	}
	return mant, places, true
}

// DecodeValue reads what AppendValue wrote. Anything else is ErrDamaged, or says
// that a newer version wrote it.
func DecodeValue(b []byte) (value.Value, error) {
	d, err := newDecoder(b)
	if err != nil {
		return nil, err
	}
	return d.all()
}

// DecodeRow reads what AppendRow or AppendRowSince wrote: the time (microseconds,
// event.NoMicros) and the row.
func DecodeRow(b []byte) (at int64, v value.Value, err error) {
	at, _, v, err = DecodeRowSince(b)
	return at, v, err
}

// DecodeRowSince is DecodeRow with the time since when the value stands: that of the
// row where nothing else was written.
func DecodeRowSince(b []byte) (at, since int64, v value.Value, err error) {
	own := len(b) > 0 && b[0] == sinceForm
	d := decoder{b: b, i: 1}
	if err := d.form(sinceForm); err != nil {
		return 0, 0, nil, err
	}
	at = d.varint()
	since = at
	if own {
		since = d.varint()
	}
	v, err = d.all()
	return at, since, v, err
}

// decoder reads a stored value from a copy of its bytes that the value's texts are
// parts of. After the first fault everything is nothing.
type decoder struct {
	b    []byte
	text string // b, copied when the first text comes
	i    int
	bad  string
}

func newDecoder(b []byte) (*decoder, error) {
	d := &decoder{b: b, i: 1}
	return d, d.form(valueForm)
}

// form refuses a form that this version does not know.
func (d *decoder) form(upto byte) error {
	switch {
	case len(d.b) == 0:
		return fmt.Errorf("%w: a value without a byte", ErrDamaged)
	case d.b[0] > upto:
		return fmt.Errorf("a value has form %d and this version of Sluice reads up to %d: %w", d.b[0], upto, ErrNewer)
	case d.b[0] == 0:
		return fmt.Errorf("%w: a value has form 0", ErrDamaged)
	}
	return nil
}

func (d *decoder) all() (value.Value, error) {
	v := d.value(0)
	if d.bad == "" && d.i != len(d.b) {
		d.fail("more behind the value")
	}
	if d.bad != "" {
		return nil, fmt.Errorf("%w: %s at byte %d of %d of a value", ErrDamaged, d.bad, d.i, len(d.b))
	}
	return v, nil
}

func (d *decoder) fail(what string) {
	if d.bad == "" {
		d.bad = what
	}
}

func (d *decoder) varint() int64 {
	n, size := binary.Varint(d.b[d.i:])
	if size <= 0 {
		d.fail("a number is cut")
		return 0
	}
	d.i += size
	return n
}

func (d *decoder) uvarint() uint64 {
	n, size := binary.Uvarint(d.b[d.i:])
	if size <= 0 {
		d.fail("a number is cut")
		return 0
	}
	d.i += size
	return n
}

// count reads how many parts follow; each takes at least `least` bytes, so a
// count that nobody wrote makes no room for itself.
func (d *decoder) count(least int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)-d.i)/uint64(least) {
		d.fail("more parts than bytes")
		return 0
	}
	return int(n)
}

// sized gives a text, or bytes, as a part of the copy.
func (d *decoder) sized() string {
	n := d.count(1)
	if d.text == "" {
		d.text = string(d.b)
	}
	s := d.text[d.i : d.i+n]
	d.i += n
	return s
}

func (d *decoder) utf8() string {
	s := d.sized()
	if !utf8.ValidString(s) {
		d.fail("a text that is not UTF-8")
	}
	return s
}

func (d *decoder) value(depth int) value.Value {
	if d.bad != "" {
		return nil
	}
	if d.i == len(d.b) {
		d.fail("cut")
		return nil
	}
	tag := d.b[d.i]
	d.i++
	switch tag {
	case tagNull:
		return nil
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagInt:
		return value.FromInt(d.varint())
	case tagDecimal:
		return d.decimal()
	case tagNumber:
		n, ok := value.ParseNumber(d.sized())
		if !ok {
			d.fail("a number that is none")
		}
		return n
	case tagString:
		return d.utf8()
	case tagTime:
		return d.time()
	case tagDuration:
		return time.Duration(d.varint())
	case tagBytes:
		return value.Bytes(d.sized())
	case tagList:
		return d.list(depth)
	case tagObject:
		return d.object(depth)
	}
	d.fail("an unknown kind of value")
	return nil
}

func (d *decoder) decimal() value.Value {
	mant := d.varint()
	if d.i == len(d.b) {
		d.fail("cut")
		return nil
	}
	places := d.b[d.i]
	d.i++
	n, ok := value.Scaled(mant, -int32(places))
	if !ok {
		d.fail("a number that is none")
	}
	return n
}

func (d *decoder) time() value.Value {
	sec, nano := d.varint(), d.uvarint()
	if nano > 999_999_999 {
		d.fail("a time that is none")
		return nil
	}
	t, err := value.CheckTime(time.Unix(sec, int64(nano)))
	if err != nil {
		d.fail("a time outside the years 1 to 9999")
	}
	return t
}

func (d *decoder) list(depth int) value.Value {
	n := d.nest(depth, 1)
	l := make(value.List, 0, min(n, roomAtOnce))
	for i := 0; i < n && d.bad == ""; i++ {
		l = append(l, d.value(depth+1))
	}
	return l
}

func (d *decoder) object(depth int) value.Value {
	n := d.nest(depth, 2)
	fields := make([]value.Field, 0, min(n, roomAtOnce))
	for i := 0; i < n && d.bad == ""; i++ {
		name := d.utf8()
		fields = append(fields, value.Field{Key: name, Value: d.value(depth + 1)})
	}
	if d.bad != "" {
		return nil
	}
	o := value.ObjectOf(fields)
	if o.Len() != n {
		d.fail("a field that stands twice")
	}
	return o
}

// roomAtOnce is for how many parts room is made before they are read: counts that
// nobody wrote may stand in one another, and each would have its room.
const roomAtOnce = 1024

func (d *decoder) nest(depth, least int) int {
	if depth == maxDepth {
		d.fail("deeper than values nest")
		return 0
	}
	return d.count(least)
}
