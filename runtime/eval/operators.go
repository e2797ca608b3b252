package eval

import (
	"errors"
	"math"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

func (f *Frame) neg(x *ir.Neg) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil {
		return nil, fail
	}
	switch v := v.(type) {
	case value.Number:
		return v.Neg(), nil // it never fails (spec/decisions/0001)
	case time.Duration:
		return duration(x, value.Nanoseconds(v).Neg(), nil)
	}
	return nil, Unfit(x.X, v, "a number")
}

func (f *Frame) not(x *ir.Not) (value.Value, *diag.Failure) {
	b, fail := Bool(x.X, f)
	if fail != nil {
		return nil, fail
	}
	return !b, nil
}

func (f *Frame) and(x *ir.And) (value.Value, *diag.Failure) {
	b, fail := Bool(x.X, f)
	if fail != nil || !b {
		return false, fail
	}
	return f.boolean(x.Y)
}

func (f *Frame) or(x *ir.Or) (value.Value, *diag.Failure) {
	b, fail := Bool(x.X, f)
	if fail != nil || b {
		return true, fail
	}
	return f.boolean(x.Y)
}

func (f *Frame) boolean(x ir.Expr) (value.Value, *diag.Failure) {
	b, fail := Bool(x, f)
	return b, fail
}

// both evaluates two operands that may not be null.
func (f *Frame) both(x, y ir.Expr, what string) (a, b value.Value, fail *diag.Failure) {
	if a, fail = Expr(x, f); fail != nil {
		return nil, nil, fail
	}
	if b, fail = Expr(y, f); fail != nil {
		return nil, nil, fail
	}
	if a == nil {
		return nil, nil, Unfit(x, nil, what)
	}
	if b == nil {
		return nil, nil, Unfit(y, nil, what)
	}
	return a, b, nil
}

func (f *Frame) arith(x *ir.Arith) (value.Value, *diag.Failure) {
	a, b, fail := f.both(x.X, x.Y, "a number")
	if fail != nil {
		return nil, fail
	}
	switch a := a.(type) {
	case value.Number:
		switch b := b.(type) {
		case value.Number:
			r, err := Numbers(x.Op, a, b)
			return number(x, r, err)
		case time.Duration:
			if x.Op == ir.Mul {
				return f.durations(x, b, a)
			}
		}
	case time.Duration:
		return f.durations(x, a, b)
	case time.Time:
		switch b := b.(type) {
		case time.Time:
			if x.Op == ir.Sub {
				return f.between(x, a, b)
			}
		case time.Duration:
			return f.shift(x, a, b)
		}
	}
	return nil, failAt(diag.NullValue, x, nil, "%s %s %s has no meaning", article(a), x.Op, article(b))
}

// Numbers computes a op b exactly; `/` to 34 digits.
func Numbers(op ir.ArithOp, a, b value.Number) (value.Number, error) {
	switch op {
	case ir.Add:
		return value.Add(a, b)
	case ir.Sub:
		return value.Sub(a, b)
	case ir.Mul:
		return value.Mul(a, b)
	case ir.Div:
		return value.Quo(a, b)
	}
	return value.Rem(a, b)
}

// number turns the outcome of arithmetic into that of a node.
func number(x ir.Expr, n value.Number, err error) (value.Value, *diag.Failure) {
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, value.ErrDivZero):
		return nil, failAt(diag.DivZero, x, nil, "division by zero")
	}
	return nil, failAt(diag.Decimal, x, nil, "%v", err)
}

func (f *Frame) durations(x *ir.Arith, a time.Duration, b value.Value) (value.Value, *diag.Failure) {
	switch b := b.(type) {
	case time.Duration:
		r, err := Numbers(x.Op, value.Nanoseconds(a), value.Nanoseconds(b))
		switch {
		case x.Op == ir.Div:
			return number(x, r, err)
		case x.Op == ir.Add || x.Op == ir.Sub:
			return duration(x, r, err)
		}
	case time.Time:
		if x.Op == ir.Add {
			return f.shift(x, b, a)
		}
	case value.Number:
		if x.Op == ir.Mul || x.Op == ir.Div {
			r, err := Numbers(x.Op, value.Nanoseconds(a), b)
			return duration(x, r, err)
		}
	}
	return nil, failAt(diag.NullValue, x, nil, "a duration %s %s has no meaning", x.Op, article(b))
}

// duration rounds a computed number of nanoseconds to a span of time.
func duration(x ir.Expr, nanos value.Number, err error) (value.Value, *diag.Failure) {
	if err != nil {
		return number(x, nanos, err)
	}
	d, err := value.DurationOf(nanos)
	if err != nil {
		return nil, beyond(x, err)
	}
	return d, nil
}

func (f *Frame) between(x *ir.Arith, a, b time.Time) (value.Value, *diag.Failure) {
	d, err := value.SubTimes(a, b)
	if err != nil {
		return nil, beyond(x, err)
	}
	return d, nil
}

func (f *Frame) shift(x *ir.Arith, t time.Time, d time.Duration) (value.Value, *diag.Failure) {
	switch x.Op {
	case ir.Add:
	case ir.Sub:
		// -MinInt64 is itself, so that one span is taken off in two parts.
		if d == math.MinInt64 {
			t, d = t.Add(1), math.MaxInt64
			break
		}
		d = -d
	default:
		return nil, failAt(diag.NullValue, x, nil, "a time %s a duration has no meaning", x.Op)
	}
	r, err := value.AddDuration(t, d)
	if err != nil {
		return nil, beyond(x, err)
	}
	return r, nil
}

// beyond is a time or a span that the language has no value for.
func beyond(x ir.Expr, err error) *diag.Failure {
	return failAt(diag.Decimal, x, nil, "%v", err)
}

func (f *Frame) compare(x *ir.Compare) (value.Value, *diag.Failure) {
	if x.Op == ir.Eq || x.Op == ir.Ne {
		a, fail := Expr(x.X, f)
		if fail != nil {
			return nil, fail
		}
		b, fail := Expr(x.Y, f)
		if fail != nil {
			return nil, fail
		}
		if fail := f.charge(min(f.Weight(a), f.Weight(b)), x); fail != nil {
			return nil, fail
		}
		return value.Equal(a, b) == (x.Op == ir.Eq), nil
	}
	a, b, fail := f.both(x.X, x.Y, "a value to compare")
	if fail != nil {
		return nil, fail
	}
	if fail := f.charge(min(f.Weight(a), f.Weight(b)), x); fail != nil {
		return nil, fail
	}
	c, ok := value.Compare(a, b)
	if !ok {
		return nil, failAt(diag.NullValue, x, nil, "%s and %s have no order", article(a), article(b))
	}
	return Ordered(x.Op, c), nil
}

// Ordered tells whether `a op b` holds where a compares to b as c.
func Ordered(op ir.CompareOp, c int) bool {
	switch op {
	case ir.Lt:
		return c < 0
	case ir.Le:
		return c <= 0
	case ir.Gt:
		return c > 0
	case ir.Ge:
		return c >= 0
	case ir.Eq:
		return c == 0
	}
	return c != 0
}

func (f *Frame) in(x *ir.In) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil {
		return nil, fail
	}
	l, fail := Expr(x.List, f)
	if fail != nil {
		return nil, fail
	}
	list, ok := l.(value.List)
	if !ok {
		return nil, Unfit(x.List, l, "a list")
	}
	// Each comparison looks at no more than all of v.
	if fail := f.charge(len(list)*(1+f.Weight(v)), x); fail != nil {
		return nil, fail
	}
	for _, e := range list {
		if value.Equal(v, e) {
			return !x.Not, nil
		}
	}
	return x.Not, nil
}

func (f *Frame) matches(x *ir.Matches) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil {
		return nil, fail
	}
	s, ok := v.(string)
	if !ok {
		return nil, Unfit(x.X, v, "text")
	}
	if fail := f.charge(len(s)/textPerStep, x); fail != nil {
		return nil, fail
	}
	return x.Re.MatchString(s), nil
}

func (f *Frame) coalesce(x *ir.Coalesce) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil || v != nil {
		return v, fail
	}
	return Expr(x.Y, f)
}

func (f *Frame) catch(x *ir.Catch) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	// Of state that is not what it is taken for nothing is to be made up.
	if fail == nil || fail.Code == diag.TooMuch || fail.Code == diag.StoredType {
		return v, fail
	}
	return Expr(x.Y, f)
}

func (f *Frame) ifThen(x *ir.If) (value.Value, *diag.Failure) {
	c, fail := Bool(x.Cond, f)
	switch {
	case fail != nil:
		return nil, fail
	case c:
		return Expr(x.Then, f)
	}
	return Expr(x.Else, f)
}

func (f *Frame) match(x *ir.Match) (value.Value, *diag.Failure) {
	if x.Subject != nil {
		v, fail := Expr(x.Subject, f)
		if fail != nil {
			return nil, fail
		}
		f.Slots[x.Slot] = v
	}
	for i := range x.Arms {
		a := &x.Arms[i]
		if a.Cond != nil {
			ok, fail := Bool(a.Cond, f)
			if fail != nil {
				return nil, fail
			}
			if !ok {
				continue
			}
		}
		return Expr(a.X, f)
	}
	panic("eval: no arm of a match took its subject: the checker proved that one would")
}

func (f *Frame) let(x *ir.Let) (value.Value, *diag.Failure) {
	v, fail := Expr(x.Value, f)
	if fail != nil {
		return nil, fail
	}
	if v == nil && x.NullSubject {
		return nil, nil
	}
	f.Slots[x.Slot] = v
	r, fail := Expr(x.Body, f)
	if fail != nil {
		return nil, called(within(fail, x.Slot, x.Body, x.Value), x)
	}
	return r, nil
}
