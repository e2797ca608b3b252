package value

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth is how deep lists and objects may stand in one another.
const MaxDepth = 512

// SyntaxError says where bytes stop being one JSON value, in the words of the
// people who produce it.
type SyntaxError struct {
	Offset int    // of the byte concerned, from 0
	Reason string // "comma before }"
	Help   string // what the bytes look like instead, and what to do; may be ""
}

// Error gives reason and place; bytes count from 1.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not JSON: %s at byte %d", e.Reason, e.Offset+1)
}

// DecodeJSON reads one JSON value (RFC 8259). A byte-order mark in front is
// skipped, the last of equal keys counts, a lone surrogate becomes U+FFFD.
// Numbers and texts are parts of one copy of b, so a small part that is kept
// keeps all of it.
func DecodeJSON(b []byte) (Value, *SyntaxError) {
	if i := invalidUTF8(b); i >= 0 {
		return nil, &SyntaxError{Offset: i, Reason: "not UTF-8", Help: looksLike(b)}
	}
	d := decoder{s: string(b)}
	d.i = len(d.s) - len(strings.TrimPrefix(d.s, "\ufeff"))
	start := d.i
	d.space()
	if d.i == len(d.s) {
		reason := "empty"
		if d.i > start {
			reason = "nothing but white space"
		}
		return nil, &SyntaxError{Offset: 0, Reason: reason}
	}
	v, ok := d.value(0)
	if ok {
		d.space()
		if d.i == len(d.s) {
			return v, nil
		}
		d.after()
	}
	if d.err.Help == "" && start == 0 {
		d.err.Help = looksLike(b)
	}
	return nil, d.err
}

func invalidUTF8(b []byte) int {
	if utf8.Valid(b) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
}

// looksLike names formats that are sent instead of JSON again and again.
func looksLike(b []byte) string {
	switch {
	case len(b) >= 5 && b[0] == 0:
		return fmt.Sprintf("this looks like a schema-registry frame (schema %d): the value is Avro, Protobuf or JSON Schema", binary.BigEndian.Uint32(b[1:]))
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return "this looks like gzip"
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return "this looks like UTF-16: write UTF-8"
	case bytes.HasPrefix(b, []byte("PAR1")):
		return "this looks like Parquet"
	case bytes.HasPrefix(b, []byte("Obj\x01")):
		return "this looks like an Avro file"
	case bytes.HasPrefix(bytes.TrimSpace(b), []byte("<")):
		return "this looks like XML or HTML"
	}
	return ""
}

type decoder struct {
	s   string
	i   int
	err *SyntaxError
}

func (d *decoder) fail(at int, format string, a ...any) bool {
	d.err = &SyntaxError{Offset: at, Reason: fmt.Sprintf(format, a...)}
	return false
}

func (d *decoder) space() {
	for d.i < len(d.s) {
		switch d.s[d.i] {
		case ' ', '\n', '\t', '\r':
			d.i++
		default:
			return
		}
	}
}

// value reads the value that begins at d.i, which is not white space.
func (d *decoder) value(depth int) (Value, bool) {
	if d.i == len(d.s) {
		return nil, d.fail(d.i, "ends where a value should begin")
	}
	switch c := d.s[d.i]; c {
	case '{':
		return d.object(depth)
	case '[':
		return d.list(depth)
	case '"':
		return d.text()
	case 't':
		return true, d.word("true")
	case 'f':
		return false, d.word("false")
	case 'n':
		return nil, d.word("null")
	default:
		if c == '-' || isDigit(c) {
			return d.number()
		}
		return nil, d.noValue()
	}
}

func (d *decoder) word(w string) bool {
	if strings.HasPrefix(d.s[d.i:], w) && !letter(d.s[d.i+len(w):]) {
		d.i += len(w)
		return true
	}
	return d.noValue()
}

func letter(s string) bool {
	return s != "" && (s[0] == '_' || s[0]|0x20 >= 'a' && s[0]|0x20 <= 'z' || isDigit(s[0]) || s[0] >= utf8.RuneSelf)
}

// noValue names what stands where a value should begin.
func (d *decoder) noValue() bool {
	rest := d.s[d.i:]
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\'':
		return d.fail(d.i, `text in ' instead of "`)
	case r == '+' || r == '.':
		return d.fail(d.i, "a number cannot begin with %c", r)
	case r == ',':
		return d.fail(d.i, "a comma where a value should begin")
	case r == '}' || r == ']' || r == ':':
		return d.fail(d.i, "%c where a value should begin", r)
	case strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*") || r == '#':
		return d.fail(d.i, "a comment")
	case letter(rest):
		n := 0
		for n < len(rest) && n < 24 && letter(rest[n:]) {
			n++
		}
		for !utf8.ValidString(rest[:n]) {
			n--
		}
		if w := rest[:n]; n < 10 && (strings.HasPrefix("true", w) || strings.HasPrefix("false", w) || strings.HasPrefix("null", w)) && n == len(rest) {
			return d.fail(len(d.s), "ends inside %s…", w)
		}
		return d.fail(d.i, "%s is not a JSON value", rest[:n])
	}
	return d.fail(d.i, "%s where a value should begin", character(r))
}

// character names a character so that one can find it, also when it cannot be seen.
func character(r rune) string {
	if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\ufeff' {
		return fmt.Sprintf("character U+%04X", r)
	}
	return string(r)
}

func (d *decoder) number() (Value, bool) {
	end := scanNumber(d.s, d.i)
	rest := d.s[d.i:]
	switch {
	case end == d.i:
		return nil, d.badNumber()
	case rest[0] == '0' && len(rest) > 1 && isDigit(rest[1]) || strings.HasPrefix(rest, "-0") && len(rest) > 2 && isDigit(rest[2]):
		return nil, d.fail(d.i, "a number cannot begin with 0")
	case letter(d.s[end:]) || end < len(d.s) && d.s[end] == '.':
		return nil, d.fail(end, "%s inside a number", character([]rune(d.s[end:min(len(d.s), end+utf8.UTFMax)])[0]))
	}
	n := numberOf(d.s[d.i:end])
	d.i = end
	return n, true
}

// badNumber tells why what begins like a number is none.
func (d *decoder) badNumber() bool {
	i := d.i
	if d.s[i] == '-' {
		i++
	}
	if i = skipDigits(d.s, i); i == len(d.s) {
		return d.fail(i, "ends inside a number")
	}
	if d.s[i] == '.' {
		if j := skipDigits(d.s, i+1); j > i+1 {
			i = j
		} else if j == len(d.s) {
			return d.fail(j, "ends inside a number")
		} else {
			return d.fail(j, "a number with no digit behind its point")
		}
	}
	if i < len(d.s) && d.s[i]|0x20 == 'e' {
		if i++; i < len(d.s) && (d.s[i] == '+' || d.s[i] == '-') {
			i++
		}
		if i == len(d.s) {
			return d.fail(i, "ends inside a number")
		}
		return d.fail(i, "a number with no digit in its exponent")
	}
	return d.fail(d.i, "- without a number")
}

func (d *decoder) list(depth int) (Value, bool) {
	if depth == MaxDepth {
		return nil, d.fail(d.i, "nested more than %d deep", MaxDepth)
	}
	d.i++
	out := List{}
	d.space()
	if d.at(']') {
		return out, true
	}
	for {
		v, ok := d.value(depth + 1)
		if !ok {
			return nil, false
		}
		out = append(out, v)
		d.space()
		if d.at(']') {
			return out, true
		}
		if !d.comma(']', "a list") {
			return nil, false
		}
	}
}

func (d *decoder) object(depth int) (Value, bool) {
	if depth == MaxDepth {
		return nil, d.fail(d.i, "nested more than %d deep", MaxDepth)
	}
	d.i++
	var fields []Field
	d.space()
	if d.at('}') {
		return own(nil), true
	}
	for {
		key, ok := d.key()
		if !ok {
			return nil, false
		}
		v, ok := d.value(depth + 1)
		if !ok {
			return nil, false
		}
		fields = append(fields, Field{key, v})
		d.space()
		if d.at('}') {
			return own(fields), true
		}
		if !d.comma('}', "an object") {
			return nil, false
		}
	}
}

// at takes c, if it stands here.
func (d *decoder) at(c byte) bool {
	if d.i < len(d.s) && d.s[d.i] == c {
		d.i++
		return true
	}
	return false
}

// comma takes the comma between two elements and the space behind it.
func (d *decoder) comma(end byte, of string) bool {
	if d.i == len(d.s) {
		return d.fail(d.i, "ends inside %s", of)
	}
	comma := d.i
	if !d.at(',') {
		if c := d.s[d.i]; c == '}' || c == ']' || c == ':' {
			return d.fail(d.i, "%c inside %s", c, of)
		}
		return d.fail(d.i, "comma missing")
	}
	d.space()
	switch {
	case d.i == len(d.s):
		return d.fail(d.i, "ends inside %s", of)
	case d.s[d.i] == end:
		return d.fail(comma, "comma before %c", end)
	case d.s[d.i] == ',':
		return d.fail(d.i, "two commas")
	}
	return true
}

// key takes a key, its colon and the space behind it.
func (d *decoder) key() (string, bool) {
	switch {
	case d.i == len(d.s):
		return "", d.fail(d.i, "ends inside an object")
	case d.s[d.i] == ',':
		return "", d.fail(d.i, "a comma where a key should begin")
	case d.s[d.i] != '"':
		return "", d.fail(d.i, `a key without "`)
	}
	k, ok := d.text()
	if !ok {
		return "", false
	}
	d.space()
	if !d.at(':') {
		if d.i == len(d.s) {
			return "", d.fail(d.i, "ends inside an object")
		}
		return "", d.fail(d.i, "colon missing behind a key")
	}
	d.space()
	return k.(string), true
}

// text reads a text from its opening quote on.
func (d *decoder) text() (Value, bool) {
	start := d.i + 1
	for i := start; i < len(d.s); i++ {
		switch c := d.s[i]; {
		case c == '"':
			d.i = i + 1
			return d.s[start:i], true
		case c == '\\':
			return d.escaped(start, i)
		case c < 0x20:
			return nil, d.control(i)
		}
	}
	return nil, d.fail(len(d.s), "ends inside a text")
}

func (d *decoder) control(i int) bool {
	if d.s[i] == '\n' || d.s[i] == '\r' {
		return d.fail(i, "a line break inside a text")
	}
	return d.fail(i, "%s inside a text", character(rune(d.s[i])))
}

// escaped goes on with a text that has a backslash at i.
func (d *decoder) escaped(start, i int) (Value, bool) {
	b := append(make([]byte, 0, i-start+32), d.s[start:i]...)
	for i < len(d.s) {
		switch c := d.s[i]; {
		case c == '"':
			d.i = i + 1
			return string(b), true
		case c < 0x20:
			return nil, d.control(i)
		case c != '\\':
			b = append(b, c)
			i++
		case i+1 == len(d.s):
			i++
		case d.s[i+1] == 'u':
			r, n := d.unicode(i)
			if n == 0 {
				return nil, false
			}
			b = utf8.AppendRune(b, r)
			i += n
		default:
			p := strings.IndexByte(`"\/bfnrt`, d.s[i+1])
			if p < 0 {
				r, _ := utf8.DecodeRuneInString(d.s[i+1:])
				return nil, d.fail(i, `\%s inside a text`, character(r))
			}
			b = append(b, "\"\\/\b\f\n\r\t"[p])
			i += 2
		}
	}
	return nil, d.fail(len(d.s), "ends inside a text")
}

// unicode reads the \uXXXX at i, or two that are one character; n is its length.
func (d *decoder) unicode(i int) (r rune, n int) {
	r, ok := d.hex4(i + 2)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if strings.HasPrefix(d.s[i+6:], `\u`) {
		low, ok := d.hex4(i + 8)
		if !ok {
			return 0, 0
		}
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}

func (d *decoder) hex4(i int) (r rune, ok bool) {
	for j := i; j < i+4; j++ {
		if j == len(d.s) {
			return 0, d.fail(j, "ends inside a text")
		}
		h := strings.IndexByte(hexDigits, d.s[j]|0x20)
		if h < 0 || d.s[j] < '0' {
			return 0, d.fail(i-2, `\u without four hexadecimal digits`)
		}
		r = r<<4 | rune(h)
	}
	return r, true
}

// after names what stands behind a whole value.
func (d *decoder) after() {
	switch d.s[d.i] {
	case '}', ']':
		d.fail(d.i, "%c without a beginning", d.s[d.i])
	case ',':
		d.fail(d.i, "a comma behind the value")
	default:
		d.fail(d.i, "a second value begins")
	}
}

// Hint names a shape of value that is not what a reader of its topic expects: an
// envelope or a decimal of Kafka Connect. It is help for a failed cast; "" when
// nothing is known.
func Hint(v Value) string {
	o, ok := v.(*Object)
	if !ok {
		return ""
	}
	if o.Len() == 2 && o.Has("schema") && o.Has("payload") {
		return "this looks like an envelope of Kafka Connect: read .payload, or set value.converter.schemas.enable=false there"
	}
	if o.Len() == 2 && o.Has("scale") && o.Has("value") {
		return "this looks like a decimal of Kafka Connect: number.unscaled(base64.decode(.value), .scale), or set decimal.handling.mode there"
	}
	return ""
}
