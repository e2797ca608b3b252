package receiver

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// This file walks JSON that encoding/json has found valid, without building
// anything. On other bytes it does not panic and ends, but what it gives is
// not said. It is written apart from runtime/json on purpose: the judge must
// not share a scanner with what it judges.

// members calls fn with each member of the object b (key decoded, value as it
// stands) until fn says false. Anything but an object has no members.
func members(b []byte, fn func(key, val []byte) bool) {
	i := space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return
	}
	for i = space(b, i+1); i < len(b) && b[i] == '"'; i = space(b, i+1) {
		end := value(b, i)
		key := b[i+1 : max(i+1, end-1)]
		if bytes.IndexByte(key, '\\') >= 0 {
			var s string
			if json.Unmarshal(b[i:end], &s) != nil {
				return
			}
			key = []byte(s)
		}
		i = space(b, end)
		if i >= len(b) || b[i] != ':' {
			return
		}
		i = space(b, i+1)
		end = value(b, i)
		if end == i || !fn(key, b[i:end]) {
			return
		}
		if i = space(b, end); i >= len(b) || b[i] != ',' {
			return
		}
	}
}

// elements calls fn with each element of the array b until fn says false.
func elements(b []byte, fn func(val []byte) bool) {
	i := space(b, 0)
	if i >= len(b) || b[i] != '[' {
		return
	}
	for i = space(b, i+1); i < len(b) && b[i] != ']'; i = space(b, i+1) {
		end := value(b, i)
		if end == i || !fn(b[i:end]) {
			return
		}
		if i = space(b, end); i >= len(b) || b[i] != ',' {
			return
		}
	}
}

// value gives the end of the value that begins at b[i].
func value(b []byte, i int) int {
	if i >= len(b) {
		return i
	}
	switch b[i] {
	case '"':
		return str(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				i = str(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return i
	}
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ':', ' ', '\t', '\n', '\r':
			return i
		}
		i++
	}
	return i
}

// str gives the end of the string whose opening quote is b[i].
func str(b []byte, i int) int {
	for i++; i < len(b); {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return len(b)
		}
		i += q
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if i++; slashes%2 == 0 {
			return i
		}
	}
	return len(b)
}

func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

// text decodes a JSON string; ok is false for any other value.
func text(val []byte) (s string, ok bool) {
	if len(val) < 2 || val[0] != '"' {
		return "", false
	}
	if inner := val[1 : len(val)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	err := json.Unmarshal(val, &s)
	return s, err == nil
}

// count decodes a JSON number that is a whole number from 0.
func count(val []byte) (uint64, bool) {
	n, err := strconv.ParseUint(string(val), 10, 64)
	return n, err == nil
}

// instant decodes an ISO-8601 time with its zone.
func instant(val []byte) (time.Time, bool) {
	s, ok := text(val)
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return t, err == nil
}
