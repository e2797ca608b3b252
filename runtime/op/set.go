package op

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

type set struct {
	place
	puts []ir.Put
}

// run computes every value before it puts the first, so that
// `set { a: .b, b: .a }` swaps.
func (s *set) run(fr *Frame) int {
	type put struct {
		path []any
		v    value.Value
		skip bool
	}
	puts := make([]put, len(s.puts))
	for i := range s.puts {
		p := &s.puts[i]
		path, fail := fr.steps(p.Path)
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
		v, fail := eval.Expr(p.X, &fr.eval)
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
		puts[i] = put{path: path, v: v, skip: p.Opt && v == nil}
	}
	cur := fr.eval.Cur
	for i := range puts {
		if puts[i].skip {
			continue
		}
		ed := edit{f: &fr.eval, at: s.puts[i].X.Span(), path: puts[i].path}
		v, fail := ed.put(cur, 0, puts[i].v)
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
		cur = v
	}
	if fail := fr.eval.Limits(s.puts[0].X, cur); fail != nil {
		return fr.fail(&s.place, fail)
	}
	fr.eval.Cur = cur
	return goOn
}

type unset struct {
	place
	at    token.Span
	paths [][]ir.Step
}

func (s *unset) run(fr *Frame) int {
	paths := make([][]any, len(s.paths))
	for i := range s.paths {
		path, fail := fr.steps(s.paths[i])
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
		paths[i] = path
	}
	for _, path := range paths {
		ed := edit{f: &fr.eval, at: s.at, path: path}
		v, fail := ed.take(fr.eval.Cur, 0)
		if fail != nil {
			return fr.fail(&s.place, fail)
		}
		fr.eval.Cur = v
	}
	return goOn
}

// steps evaluates the computed steps of a path.
func (fr *Frame) steps(path []ir.Step) ([]any, *diag.Failure) {
	out := make([]any, len(path))
	for i, st := range path {
		if st.Index == nil {
			out[i] = st.Name
			continue
		}
		v, fail := eval.Expr(st.Index, &fr.eval)
		if fail != nil {
			return nil, fail
		}
		if v == nil {
			return nil, eval.Unfit(st.Index, nil, "an index")
		}
		out[i] = v
	}
	return out, nil
}

// edit changes one place of a value. Values are shared and never changed, so
// what lies on the way to the place is copied and the rest is not.
type edit struct {
	f    *eval.Frame // its steps are charged for what is copied
	at   token.Span
	path []any // string or value.Number
}

// copied is how many fields or elements are copied in the time of one step.
const copied = 16

// clone copies an object, or fails when the record's steps are at their end.
func (e *edit) clone(o *value.Object) (*value.Object, *diag.Failure) {
	if !e.f.Charge(o.Len() / copied) {
		return nil, e.tooMuch()
	}
	return o.Clone(), nil
}

func (e *edit) cloneList(l value.List) (value.List, *diag.Failure) {
	if !e.f.Charge(len(l) / copied) {
		return nil, e.tooMuch()
	}
	return slices.Clone(l), nil
}

func (e *edit) tooMuch() *diag.Failure {
	return diag.Failf(diag.TooMuch, e.at, "the record takes more than %d steps", eval.MaxSteps)
}

// put gives v with x at the path from its i-th step on. What is missing or null
// on the way becomes an object.
func (e *edit) put(v value.Value, i int, x value.Value) (value.Value, *diag.Failure) {
	if i == len(e.path) {
		return x, nil
	}
	switch v := v.(type) {
	case nil:
		if k, ok := e.path[i].(string); ok {
			return e.putField(value.NewObject(), k, i, x)
		}
	case *value.Object:
		if k, ok := e.path[i].(string); ok {
			o, fail := e.clone(v)
			if fail != nil {
				return nil, fail
			}
			return e.putField(o, k, i, x)
		}
	case value.List:
		n, ok := e.path[i].(value.Number)
		if !ok || !n.IsInt() {
			break
		}
		p, ok := eval.Position(n, len(v))
		if !ok {
			return nil, e.fail(i, v, "there is no element %s in a list of %d", n.Plain(), len(v))
		}
		r, fail := e.put(v[p], i+1, x)
		if fail != nil {
			return nil, fail
		}
		l, fail := e.cloneList(v)
		if fail != nil {
			return nil, fail
		}
		l[p] = r
		return l, nil
	}
	return nil, e.fail(i, v, "%s has no %s to set", kindOf(v), eval.IndexText(e.path[i]))
}

func (e *edit) putField(o *value.Object, key string, i int, x value.Value) (value.Value, *diag.Failure) {
	old, _ := o.Get(key)
	r, fail := e.put(old, i+1, x)
	if fail != nil {
		return nil, fail
	}
	o.Set(key, r)
	return o, nil
}

// take gives v without what stands at the path. Through null and missing it
// does nothing.
func (e *edit) take(v value.Value, i int) (value.Value, *diag.Failure) {
	last := i == len(e.path)-1
	switch v := v.(type) {
	case nil:
		return nil, nil
	case *value.Object:
		k, ok := e.path[i].(string)
		if !ok {
			break
		}
		old, ok := v.Get(k)
		if !ok {
			return v, nil
		}
		var r value.Value
		if !last {
			var fail *diag.Failure
			if r, fail = e.take(old, i+1); fail != nil || r == nil {
				return v, fail
			}
		}
		o, fail := e.clone(v)
		switch {
		case fail != nil:
			return nil, fail
		case last:
			o.Delete(k)
		default:
			o.Set(k, r)
		}
		return o, nil
	case value.List:
		n, ok := e.path[i].(value.Number)
		if !ok || !n.IsInt() {
			break
		}
		p, ok := eval.Position(n, len(v))
		if !ok {
			return v, nil
		}
		l, fail := e.cloneList(v)
		switch {
		case fail != nil:
			return nil, fail
		case last:
			return slices.Delete(l, p, p+1), nil
		}
		l[p], fail = e.take(v[p], i+1)
		return l, fail
	}
	return nil, e.fail(i, v, "%s has no %s to take out", kindOf(v), eval.IndexText(e.path[i]))
}

func (e *edit) fail(i int, v value.Value, format string, a ...any) *diag.Failure {
	f := diag.Failf(diag.NotAnObject, e.at, format, a...)
	for _, st := range e.path[:i+1] {
		f.Path += eval.IndexText(st)
	}
	f.Excerpt = value.Excerpt(v, eval.ExcerptSize)
	return f
}

func kindOf(v value.Value) string {
	if v == nil {
		return "what is not there"
	}
	return value.KindOf(v).String()
}
