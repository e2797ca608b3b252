package value

import (
	"encoding/base64"
	"time"
)

// AppendJSON appends v as compact JSON: numbers as they were written, times in
// RFC 3339 UTC with milliseconds, durations in h, m, s and ms, bytes in base64.
// Fields keep their order; nothing is escaped for HTML.
func AppendJSON(dst []byte, v Value) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case Number:
		return v.AppendText(dst)
	case string:
		return AppendString(dst, v)
	case time.Time:
		return append(AppendTime(append(dst, '"'), v), '"')
	case time.Duration:
		return append(AppendDuration(append(dst, '"'), v), '"')
	case Bytes:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v), '"')
	case List:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendJSON(dst, x)
		}
		return append(dst, ']')
	case *Object:
		dst = append(dst, '{')
		for i := range v.fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(AppendString(dst, v.fields[i].Key), ':')
			dst = AppendJSON(dst, v.fields[i].Value)
		}
		return append(dst, '}')
	case Secret:
		return append(dst, `"(secret)"`...)
	}
	panic("value: not a value")
}

const hexDigits = "0123456789abcdef"

// AppendString appends s as a JSON text: only what JSON demands is escaped.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[start:]...), '"')
}
