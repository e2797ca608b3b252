package identity

import (
	"encoding/hex"
	"strings"
)

// Values lie packed in cells: a UUID in one case is 16 bytes, an even number of hex
// digits half as many, any other text itself.
const (
	asText byte = iota
	asLower
	asUpper
	asHex
)

const (
	lowerDigits = "0123456789abcdef"
	upperDigits = "0123456789ABCDEF"
)

// pack appends a value's bytes to dst, in the form that it gives.
func pack(dst []byte, v string) (form byte, out []byte) {
	if len(v) == 36 && v[8] == '-' && v[13] == '-' && v[18] == '-' && v[23] == '-' {
		if out, ok := packUUID(dst, v, lowerDigits); ok {
			return asLower, out
		}
		if out, ok := packUUID(dst, v, upperDigits); ok {
			return asUpper, out
		}
	}
	if len(v)%2 == 0 && strings.Trim(v, lowerDigits) == "" {
		for i := 0; i < len(v); i += 2 {
			dst = append(dst, digit(v[i])<<4|digit(v[i+1]))
		}
		return asHex, dst
	}
	return asText, append(dst, v...)
}

func packUUID(dst []byte, v, digits string) ([]byte, bool) {
	for i := 0; i < 36; i++ {
		if v[i] == '-' {
			if i != 8 && i != 13 && i != 18 && i != 23 {
				return nil, false
			}
			continue
		}
		if !isDigit(v[i], digits) || !isDigit(v[i+1], digits) {
			return nil, false
		}
		dst = append(dst, digit(v[i])<<4|digit(v[i+1]))
		i++
	}
	return dst, true
}

// isDigit tells whether a byte is one of sixteen digits, in their case.
func isDigit(b byte, digits string) bool {
	return b >= '0' && b <= '9' || b >= digits[10] && b <= digits[15]
}

func digit(b byte) byte {
	switch {
	case b >= 'a':
		return b - 'a' + 10
	case b >= 'A':
		return b - 'A' + 10
	}
	return b - '0'
}

// unpack appends the text of a packed value to dst.
func unpack(dst []byte, form byte, raw []byte) []byte {
	switch form {
	case asLower:
		return appendUUID(dst, raw, lowerDigits)
	case asUpper:
		return appendUUID(dst, raw, upperDigits)
	case asHex:
		return hex.AppendEncode(dst, raw)
	}
	return append(dst, raw...)
}

// appendUUID appends 16 bytes as everybody writes a UUID.
func appendUUID(dst, u []byte, digits string) []byte {
	for i, b := range u {
		switch i {
		case 4, 6, 8, 10:
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}
