package value

import (
	"errors"
	"time"
	"unicode/utf8"
)

// Plain is the text of a value in string(x), interpolation, topic keys and
// ordering keys: numbers plain, times in RFC 3339. Null, lists, objects, secrets
// and bytes that are not UTF-8 have none.
func Plain(v Value) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case Number:
		return v.Plain(), nil
	case bool:
		if v {
			return "true", nil
		}
		return "false", nil
	case time.Time:
		return FormatTime(v), nil
	case time.Duration:
		return FormatDuration(v), nil
	case Bytes:
		if utf8.Valid(v) {
			return string(v), nil
		}
		return "", errors.New("bytes that are not UTF-8 have no text; base64.encode writes them")
	case nil:
		return "", errors.New("null has no text")
	case List:
		return "", errors.New("a list has no text; join or json.encode writes it")
	case *Object:
		return "", errors.New("an object has no text; json.encode writes it")
	case Secret:
		return "", errors.New("a secret is never printed")
	}
	panic("value: not a value")
}

// Excerpt shows a value in at most max bytes, for people who look at what went
// wrong: compact JSON, long texts cut, deep parts as {…} and […]. It is cut at the
// end of a character and then ends in "…". Redact it before it leaves the process.
func Excerpt(v Value, max int) string {
	e := excerpt{max: max}
	e.value(v, 0)
	if len(e.b) <= max {
		return string(e.b)
	}
	const dots = "…"
	n := max - len(dots)
	if n < 0 {
		return ""
	}
	for n > 0 && !utf8.RuneStart(e.b[n]) {
		n--
	}
	return string(e.b[:n]) + dots
}

const (
	excerptDepth = 3  // levels shown
	excerptText  = 64 // bytes of one text, so that the next field is seen, too
)

type excerpt struct {
	b   []byte
	max int
}

func (e *excerpt) full() bool { return len(e.b) > e.max }

func (e *excerpt) value(v Value, depth int) {
	switch v := v.(type) {
	case string:
		if len(v) > excerptText && depth > 0 {
			n := excerptText
			for !utf8.RuneStart(v[n]) {
				n--
			}
			v = v[:n] + "…"
		}
		if len(v) > e.max+utf8.UTFMax {
			n := e.max + 1
			for !utf8.RuneStart(v[n]) {
				n--
			}
			v = v[:n]
		}
		e.b = AppendString(e.b, v)
	case List:
		if depth >= excerptDepth && len(v) > 0 {
			e.b = append(e.b, "[…]"...)
			return
		}
		e.b = append(e.b, '[')
		for i, x := range v {
			if i > 0 {
				e.b = append(e.b, ',')
			}
			if e.full() {
				return
			}
			e.value(x, depth+1)
		}
		e.b = append(e.b, ']')
	case *Object:
		if depth >= excerptDepth && v.Len() > 0 {
			e.b = append(e.b, "{…}"...)
			return
		}
		e.b = append(e.b, '{')
		for i := range v.fields {
			if i > 0 {
				e.b = append(e.b, ',')
			}
			if e.full() {
				return
			}
			e.value(v.fields[i].Key, depth+1)
			e.b = append(e.b, ':')
			e.value(v.fields[i].Value, depth+1)
		}
		e.b = append(e.b, '}')
	case Number:
		if t := v.text; len(t) > e.max {
			e.b = append(e.b, t[:e.max+1]...)
			return
		}
		e.b = v.AppendText(e.b)
	case Bytes:
		e.b = AppendJSON(e.b, v[:min(len(v), e.max)])
	default:
		e.b = AppendJSON(e.b, v)
	}
}
