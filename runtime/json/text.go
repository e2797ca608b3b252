package json

import "unicode/utf8"

// AppendString appends s as a JSON string. It escapes what JSON wants escaped
// (quote, backslash, control characters) and nothing else: not HTML, not what
// is above ASCII. s must be UTF-8.
func AppendString[T ~string | ~[]byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// AppendRaw appends the value of a span of the scanned record d as JSON, just
// as it was written (numbers keep their text), but for lone surrogate escapes,
// which become \ufffd. Missing and PathErr append nothing.
func AppendRaw(dst, d []byte, sp Span) []byte {
	if sp.Kind <= PathErr {
		return dst
	}
	raw := sp.Raw(d)
	if sp.Flags&Lone == 0 {
		return append(dst, raw...)
	}
	from := 0
	for i := 0; i < len(raw); {
		if raw[i] != '\\' { // stands in strings only
			i++
			continue
		}
		end, saw := escape(raw, i)
		if saw&Lone != 0 {
			dst = append(append(dst, raw[from:i]...), `\ufffd`...)
			from = end
		}
		i = end
	}
	return append(dst, raw[from:]...)
}

// AppendText appends the decoded text of a Str or StrEsc span of the scanned
// record d, without quotes. Other kinds append their bytes as written.
func AppendText(dst, d []byte, sp Span) []byte {
	if sp.Kind == StrEsc {
		return Unescape(dst, sp.Bytes(d))
	}
	return append(dst, sp.Bytes(d)...)
}

// EqualText reports whether a span of the scanned record d is the text want.
// Anything but a text is not.
func EqualText(d []byte, sp Span, want string) bool {
	switch sp.Kind {
	case Str:
		return string(sp.Bytes(d)) == want
	case StrEsc:
		return equalEscaped(sp.Bytes(d), want)
	}
	return false
}

func equalEscaped(s []byte, want string) bool {
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			if want == "" || want[0] != s[i] {
				return false
			}
			want = want[1:]
			i++
			continue
		}
		r, end := unescapeOne(s, i)
		got, n := utf8.DecodeRuneInString(want)
		if n == 0 || got != r {
			return false
		}
		want = want[n:]
		i = end
	}
	return want == ""
}

// Unescape appends the decoded form of s, the inside of a string that was
// scanned. Lone surrogates become U+FFFD.
func Unescape(dst, s []byte) []byte {
	from := 0
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			i++
			continue
		}
		dst = append(dst, s[from:i]...)
		var r rune
		r, i = unescapeOne(s, i)
		dst = utf8.AppendRune(dst, r)
		from = i
	}
	return append(dst, s[from:]...)
}

// unescapeOne decodes the escape at s[i], a surrogate pair as one. A lone
// surrogate is U+FFFD.
func unescapeOne(s []byte, i int) (r rune, end int) {
	switch c := s[i+1]; c {
	case 'b':
		return '\b', i + 2
	case 'f':
		return '\f', i + 2
	case 'n':
		return '\n', i + 2
	case 'r':
		return '\r', i + 2
	case 't':
		return '\t', i + 2
	case 'u':
	default:
		return rune(c), i + 2
	}
	end, saw := escape(s, i)
	r = hex4(s, i+2)
	switch {
	case saw&Lone != 0:
		r = utf8.RuneError
	case r >= surrogate && r <= surrogateEnd:
		r = (r-surrogate)<<10 + hex4(s, i+8) - lowSurrogate + 0x10000
	}
	return r, end
}

// AppendUpper appends s in upper case if it is ASCII. ok is false, and dst as
// it was, if it is not: case is then a matter of Unicode rules, which are not
// known here. Case changes nothing about escaping: the inside of a string
// without escapes may be appended between quotes.
func AppendUpper(dst, s []byte) (_ []byte, ok bool) { return appendCase(dst, s, 'a') }

// AppendLower is AppendUpper for lower case.
func AppendLower(dst, s []byte) (_ []byte, ok bool) { return appendCase(dst, s, 'A') }

// appendCase appends s with the 26 letters from first on in the other case.
func appendCase(dst, s []byte, first byte) ([]byte, bool) {
	n := len(dst)
	dst = append(dst, s...)
	for i, c := range dst[n:] {
		if c >= utf8.RuneSelf {
			return dst[:n], false
		}
		if c-first < 26 {
			dst[n+i] = c ^ ' '
		}
	}
	return dst, true
}
