package json

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// A string is read eight bytes a step (SWAR): one test of a word finds the
// first byte of it that is a quote, a backslash or a control character.
const (
	ones       = 0x0101010101010101
	highs      = 0x8080808080808080
	quotes     = 0x2222222222222222
	backslashs = 0x5c5c5c5c5c5c5c5c
	spaces     = 0x2020202020202020
)

func word(d []byte, i int) uint64 { return binary.LittleEndian.Uint64(d[i:]) }

// special has the high bit set of the first byte of x that a string cannot
// hold as it is. Above that byte bits may be set wrongly (a borrow runs up),
// so only the lowest one counts.
//
// Each of the three subtractions borrows from the high bit of a byte that is zero
// after the xor, or below a space. Bytes that had the high bit themselves are none
// of the three; they keep it through the xors, so one &^ x rules them all out.
func special(x uint64) uint64 {
	return (((x ^ quotes) - ones) | ((x ^ backslashs) - ones) | (x - spaces)) &^ x & highs
}

// str steps through a string from just past its opening quote and returns the
// index of the closing one, and what escapes it saw. Bodies with bytes above
// ASCII are checked as UTF-8.
func str(d []byte, i int) (end int, saw Flags) {
	start := i
	var upper uint64
	for i+8 <= len(d) {
		x := word(d, i)
		m := special(x)
		if m == 0 {
			upper |= x
			i += 8
			continue
		}
		k := bits.TrailingZeros64(m) >> 3
		upper |= x & (1<<(uint(k)*8) - 1)
		i += k
		c := d[i]
		if c == '"' {
			if upper&highs != 0 && !utf8.Valid(d[start:i]) {
				return ^badUTF8(d, start), 0
			}
			return i, saw
		}
		if c != '\\' {
			return ^i, 0
		}
		var f Flags
		if i, f = escape(d, i); i < 0 {
			return i, 0
		}
		saw |= f
	}
	for i < len(d) {
		switch c := d[i]; {
		case c == '"':
			if !utf8.Valid(d[start:i]) {
				return ^badUTF8(d, start), 0
			}
			return i, saw
		case c == '\\':
			var f Flags
			if i, f = escape(d, i); i < 0 {
				return i, 0
			}
			saw |= f
		case c < 0x20:
			return ^i, 0
		default:
			i++
		}
	}
	return ^i, 0
}

// badUTF8 is the offset of the first byte from i on that is not UTF-8.
func badUTF8(d []byte, i int) int {
	for i < len(d) {
		r, n := utf8.DecodeRune(d[i:])
		if r == utf8.RuneError && n <= 1 {
			break
		}
		i += n
	}
	return i
}

// escape steps over the escape at d[i] == '\\', a surrogate pair as one.
func escape(d []byte, i int) (end int, saw Flags) {
	if i+1 >= len(d) {
		return ^len(d), 0
	}
	switch d[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, Escaped
	case 'u':
	default:
		return ^i, 0
	}
	r := hex4(d, i+2)
	if r < 0 {
		return ^i, 0
	}
	i += 6
	if r < surrogate || r > surrogateEnd {
		return i, Escaped
	}
	if r < lowSurrogate && i+1 < len(d) && d[i] == '\\' && d[i+1] == 'u' {
		if r2 := hex4(d, i+2); r2 >= lowSurrogate && r2 <= surrogateEnd {
			return i + 6, Escaped
		}
	}
	return i, Escaped | Lone
}

// Surrogates are 0xd800…0xdfff, the second ones of a pair from 0xdc00 on.
const (
	surrogate    = 0xd800
	lowSurrogate = 0xdc00
	surrogateEnd = 0xdfff
)

// hex4 reads the four hex digits at d[i], -1 if they are not there.
func hex4(d []byte, i int) rune {
	if i+4 > len(d) {
		return -1
	}
	var r rune
	for _, c := range d[i : i+4] {
		switch {
		case c-'0' < 10:
			c -= '0'
		case c|0x20-'a' < 6:
			c = c | 0x20 - 'a' + 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
