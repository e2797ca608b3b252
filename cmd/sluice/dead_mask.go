package main

import (
	"encoding/json"
	"io"
	"strings"
	"unicode"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// rawJSON stands in an encoded object as it is.
type rawJSON string

// MarshalJSON is json.Marshaler's.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// maskValue hides what a value says and keeps its shape: letters become x, digits 9; true,
// false, null and what looks like the name of a field stay.
func maskValue(v value.Value) value.Value {
	switch v := v.(type) {
	case string:
		return maskText(v)
	case value.Number:
		n, ok := value.ParseNumber(maskDigits(v.Text()))
		if !ok {
			return value.FromInt(9)
		}
		return n
	case value.List:
		out := make(value.List, len(v))
		for i, e := range v {
			out[i] = maskValue(e)
		}
		return out
	case *value.Object:
		out := value.NewObject()
		for i := range v.Len() {
			f := v.At(i)
			name := maskName(f.Key)
			for out.Has(name) { // two that look alike
				name += "'"
			}
			out.Put(name, maskValue(f.Value))
		}
		return out
	}
	return v
}

// maskDigits is the shape of a number; its exponent stays small.
func maskDigits(text string) string {
	mantissa, exponent, ok := strings.Cut(strings.ToLower(text), "e")
	mantissa = strings.Map(func(r rune) rune {
		if unicode.IsDigit(r) {
			return '9'
		}
		return r
	}, mantissa)
	if !ok {
		return mantissa
	}
	if strings.HasPrefix(exponent, "-") {
		return mantissa + "e-9"
	}
	return mantissa + "e9"
}

// maskName keeps the name of a field where it looks like one; an object may be keyed by
// addresses.
func maskName(name string) string {
	masked := letter.Mask(string(value.AppendJSON(nil, name)) + ":")
	var out string
	if err := json.Unmarshal([]byte(strings.TrimSuffix(masked, ":")), &out); err != nil {
		return maskText(name)
	}
	return out
}

func encodeTo(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
