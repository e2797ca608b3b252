package eval

import (
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

func (f *Frame) is(x *ir.Is) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil {
		return nil, fail
	}
	return types.Member(v, x.Of) != x.Not, nil
}

func (f *Frame) cast(x *ir.Cast) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil || v == nil {
		return nil, fail
	}
	out, m := types.Judge(v, x.To, types.Mode{})
	if m == nil {
		return out, nil
	}
	fl := Mismatched(x.Span(), m)
	switch p := PathText(x.X); {
	case p != "" && m.Path == ".":
		fl.Path = p
	case p != "":
		// `.["a b"]` has its dot only where nothing stands before it.
		if strings.HasPrefix(m.Path, ".[") {
			m.Path = m.Path[1:]
		}
		fl.Path = join(p, m.Path)
	}
	return nil, fl
}

// Mismatched is the failure of `as T` at the place that says it.
func Mismatched(at token.Span, m *types.Mismatch) *diag.Failure {
	fl := diag.Failf(diag.Mismatch, at, "expected %s, got %s", m.Want, m.Got)
	fl.Path, fl.Help = m.Path, m.Help
	if !m.Missing {
		fl.Excerpt = value.Excerpt(m.Value, ExcerptSize)
	}
	return fl
}

// Timestamp gives a record's timestamp as a value, nil where it has none: a
// record from nowhere in time must not leave as one of 1969 (language.md §5).
func Timestamp(ms int64) value.Value {
	if ms == event.NoTime {
		return nil
	}
	t, err := value.CheckTime(time.UnixMilli(ms))
	if err != nil {
		return nil
	}
	return t
}
