package eval

import (
	"errors"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

func (f *Frame) call(x *ir.Call) (value.Value, *diag.Failure) {
	args := make([]value.Value, len(x.Args))
	for i, a := range x.Args {
		v, fail := Expr(a, f)
		if fail != nil {
			return nil, fail
		}
		if i == 0 && v == nil && x.NullSubject {
			return nil, nil
		}
		args[i] = v
		if fail := f.charge(f.Weight(v), x); fail != nil {
			return nil, fail
		}
	}
	v, err := x.Func.Call(f.Ctx, args)
	if err != nil {
		return nil, callFailure(x, args, err)
	}
	return f.sized(x, v)
}

func callFailure(x *ir.Call, args []value.Value, err error) *diag.Failure {
	var fl *diag.Failure
	switch {
	case errors.As(err, &fl):
		c := *fl
		fl = &c
	case errors.Is(err, value.ErrDivZero):
		fl = diag.Failf(diag.DivZero, x.Span(), "%s: %v", x.Func.Name, err)
	case errors.Is(err, value.ErrOverflow):
		fl = diag.Failf(diag.Decimal, x.Span(), "%s: %v", x.Func.Name, err)
	default:
		fl = diag.Failf(diag.FuncFailed, x.Span(), "%s: %v", x.Func.Name, err)
	}
	if !fl.Span.Valid() {
		fl.Span = x.Span()
	}
	if len(args) > 0 {
		if _, words := x.Args[0].(*ir.Text); fl.Path == "" && !words {
			fl.Path = source(x.Args[0])
		}
		if fl.Excerpt == "" && args[0] != nil {
			fl.Excerpt = value.Excerpt(args[0], ExcerptSize)
		}
	}
	if fl.Help == "" && fl.Code == diag.FuncFailed {
		fl.Help = "write `catch` to go on with another value"
	}
	return fl
}
