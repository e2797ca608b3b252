package eval

import (
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

// Limits of one value (language.md §1).
const (
	MaxSize  = 4 << 20 // bytes, about as JSON
	MaxDepth = 512     // lists and objects inside one another
)

// sized gives v back where it keeps within the limits of a value. Without it a
// list of a million references to one long text would be small here and
// terabytes where it is written.
func sized(x ir.Expr, v value.Value) (value.Value, *diag.Failure) {
	if fail := Limits(x, v); fail != nil {
		return nil, fail
	}
	return v, nil
}

// Limits fails where v, which came about at x, is beyond the limits of a value.
func Limits(x ir.Expr, v value.Value) *diag.Failure {
	switch Measure(v) {
	case TooLarge:
		return tooLarge(x)
	case TooDeep:
		return failAt(diag.TooDeep, x, nil, "the value nests more than %d deep", MaxDepth)
	}
	return nil
}

func tooLarge(x ir.Expr) *diag.Failure {
	return failAt(diag.TooLarge, x, nil, "the value is larger than 4 MiB")
}

// Verdict is what Measure says of a value.
type Verdict uint8

// The verdicts.
const (
	Fits Verdict = iota
	TooLarge
	TooDeep
)

// Measure judges a value by the limits, and looks no further than it must.
func Measure(v value.Value) Verdict {
	m := meter{left: MaxSize}
	m.add(v, 0)
	return m.verdict
}

type meter struct {
	left    int
	verdict Verdict
}

// add counts v, which stands depth levels deep; false when the verdict is known.
func (m *meter) add(v value.Value, depth int) bool {
	switch v := v.(type) {
	case string:
		m.left -= len(v) + 2
	case value.Bytes:
		m.left -= len(v)*4/3 + 2
	case value.Secret:
		m.left -= len(v) + 2
	case value.Number:
		m.left -= len(v.Text())
	case time.Time:
		m.left -= 26
	case value.List:
		if depth++; depth > MaxDepth {
			m.verdict = TooDeep
			return false
		}
		m.left -= 2
		for _, e := range v {
			m.left--
			if !m.add(e, depth) {
				return false
			}
		}
	case *value.Object:
		if depth++; depth > MaxDepth {
			m.verdict = TooDeep
			return false
		}
		m.left -= 2
		for i := 0; i < v.Len(); i++ {
			fd := v.At(i)
			m.left -= len(fd.Key) + 4
			if !m.add(fd.Value, depth) {
				return false
			}
		}
	default:
		m.left -= 4
	}
	if m.left < 0 {
		m.verdict = TooLarge
		return false
	}
	return true
}
