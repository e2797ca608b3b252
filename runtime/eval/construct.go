package eval

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

func (f *Frame) list(x *ir.List) (value.Value, *diag.Failure) {
	out := make(value.List, 0, len(x.Items))
	for _, it := range x.Items {
		v, fail := Expr(it.X, f)
		if fail != nil {
			return nil, fail
		}
		if !it.Spread {
			out = append(out, v)
			continue
		}
		l, ok := v.(value.List)
		if !ok {
			return nil, Unfit(it.X, v, "a list")
		}
		if fail := f.charge(len(l), x); fail != nil {
			return nil, fail
		}
		out = append(out, l...)
	}
	return f.sized(x, out)
}

func (f *Frame) object(x *ir.Object) (value.Value, *diag.Failure) {
	fields := make([]value.Field, 0, len(x.Entries))
	for i := range x.Entries {
		e := &x.Entries[i]
		key := e.Key
		if e.Kind == ir.Computed {
			k, fail := f.key(e.KeyX)
			if fail != nil {
				return nil, fail
			}
			key = k
		}
		v, fail := Expr(e.X, f)
		if fail != nil {
			return nil, fail
		}
		switch {
		case e.Kind == ir.Spread:
			if fields, fail = f.spread(x, fields, e.X, v); fail != nil {
				return nil, fail
			}
		case v == nil && e.Opt:
		default:
			fields = append(fields, value.Field{Key: key, Value: v})
		}
	}
	// At once: a replaced field goes to the end, and field by field that would
	// take the square of the time for `{ ...a, ...b }` of large objects.
	return f.sized(x, value.NewObject(fields...))
}

// key evaluates a computed key, which is text.
func (f *Frame) key(x ir.Expr) (string, *diag.Failure) {
	v, fail := Expr(x, f)
	if fail != nil {
		return "", fail
	}
	k, ok := v.(string)
	if !ok {
		return "", Unfit(x, v, "the name of a field")
	}
	return k, nil
}

func (f *Frame) spread(x ir.Expr, fields []value.Field, from ir.Expr, v value.Value) ([]value.Field, *diag.Failure) {
	if v == nil {
		return fields, nil
	}
	s, ok := v.(*value.Object)
	if !ok {
		return nil, Unfit(from, v, "an object")
	}
	for i := range s.Len() {
		fields = append(fields, s.At(i))
	}
	return fields, f.charge(s.Len(), x)
}

// each runs body once an element that a comprehension keeps.
func (f *Frame) each(h *ir.For, body ir.Expr, keep func() *diag.Failure) *diag.Failure {
	in, fail := Expr(h.In, f)
	if fail != nil {
		return fail
	}
	run := func(k, v value.Value) *diag.Failure {
		f.Slots[h.Value] = v
		if h.HasKey {
			f.Slots[h.Key] = k
		}
		fail := f.kept(h, keep)
		if fail == nil || fail.Path == "" {
			return fail
		}
		path := PathText(h.In)
		if path == "" {
			return fail
		}
		path = join(path, IndexText(k))
		if h.Cond != nil {
			fail = withinPath(fail, h.Value, h.Cond, path)
		}
		return withinPath(fail, h.Value, body, path)
	}
	switch in := in.(type) {
	case value.List:
		for i, v := range in {
			if fail := run(value.FromInt(int64(i)), v); fail != nil {
				return fail
			}
		}
		return nil
	case *value.Object:
		for i := 0; i < in.Len(); i++ {
			fd := in.At(i)
			if fail := run(fd.Key, fd.Value); fail != nil {
				return fail
			}
		}
		return nil
	}
	return Unfit(h.In, in, "a list or an object")
}

func (f *Frame) kept(h *ir.For, keep func() *diag.Failure) *diag.Failure {
	if h.Cond != nil {
		ok, fail := Bool(h.Cond, f)
		if fail != nil || !ok {
			return fail
		}
	}
	return keep()
}

func (f *Frame) listFor(x *ir.ListFor) (value.Value, *diag.Failure) {
	out := value.List{}
	fail := f.each(&x.For, x.X, func() *diag.Failure {
		v, fail := Expr(x.X, f)
		if fail == nil {
			out = append(out, v)
		}
		return fail
	})
	if fail != nil {
		return nil, fail
	}
	return f.sized(x, out)
}

func (f *Frame) objectFor(x *ir.ObjectFor) (value.Value, *diag.Failure) {
	o := value.NewObject()
	body := &ir.List{Items: []ir.Item{{X: x.Key}, {X: x.X}}} // both may hold the path of a failure
	fail := f.each(&x.For, body, func() *diag.Failure {
		k, fail := f.key(x.Key)
		if fail != nil {
			return fail
		}
		v, fail := Expr(x.X, f)
		switch {
		case fail != nil:
			return fail
		case v == nil && x.Opt:
			return nil
		case o.Has(k):
			return failAt(diag.Collision, x.Key, k, "the key %q comes twice", k)
		}
		o.Put(k, v)
		return nil
	})
	if fail != nil {
		return nil, fail
	}
	return f.sized(x, o)
}

// text is an interpolation. One with a secret in it is a secret.
func (f *Frame) text(x *ir.Text) (value.Value, *diag.Failure) {
	var b strings.Builder
	secret := false
	b.WriteString(x.Parts[0])
	for i, e := range x.Exprs {
		v, fail := Expr(e, f)
		if fail != nil {
			return nil, fail
		}
		s, hidden := v.(value.Secret)
		if secret = secret || hidden; !hidden {
			plain, fail := Plain(e, v, "text")
			if fail != nil {
				return nil, fail
			}
			s = value.Secret(plain)
		}
		b.WriteString(string(s))
		b.WriteString(x.Parts[i+1])
		if b.Len() > MaxSize {
			return nil, tooLarge(x)
		}
	}
	if fail := f.charge(b.Len()/textPerStep, x); fail != nil {
		return nil, fail
	}
	if secret {
		return value.Secret(b.String()), nil
	}
	return b.String(), nil
}

// Plain gives the canonical text of a value that x gave: the one form of
// interpolation, keys and headers. Null, lists and objects have none (E0410).
func Plain(x ir.Expr, v value.Value, what string) (string, *diag.Failure) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	if v == nil {
		return "", Unfit(x, nil, what)
	}
	s, err := value.Plain(v)
	if err != nil {
		return "", Unfit(x, v, what)
	}
	return s, nil
}
