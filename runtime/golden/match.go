package golden

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/value"
)

// Difference is one place where a row is not as expected.
type Difference struct {
	At        string // out[2].properties.coupon
	Want, Got string // compact JSON, or <absent>
}

// absent stands where there is nothing.
const absent = "<absent>"

var binding = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)

// bindings are the values of the names so far; two names are two values.
type bindings map[string]value.Value

func (b bindings) take(name string, v value.Value) bool {
	if old, ok := b[name]; ok {
		return value.Equal(old, v)
	}
	for _, other := range b {
		if value.Equal(other, v) {
			return false
		}
	}
	b[name] = v
	return true
}

func (b bindings) clone() bindings {
	c := make(bindings, len(b))
	for k, v := range b {
		c[k] = v
	}
	return c
}

// matches tells whether got is as want says; names are bound in b, which is
// spoiled where the answer is no.
func matches(want, got value.Value, b bindings) bool {
	switch w := want.(type) {
	case string:
		if binding.MatchString(w) {
			return b.take(w, got)
		}
	case *value.Object:
		g, ok := got.(*value.Object)
		if !ok {
			return false
		}
		more := admitsMore(w)
		n := 0
		for i := range w.Len() {
			f := w.At(i)
			if f.Key == "..." && more {
				continue
			}
			gv, ok := g.Get(f.Key)
			if !ok || !matches(f.Value, gv, b) {
				return false
			}
			n++
		}
		return more || n == g.Len()
	case value.List:
		g, ok := got.(value.List)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !matches(w[i], g[i], b) {
				return false
			}
		}
		return true
	}
	return value.Equal(want, got)
}

func admitsMore(o *value.Object) bool {
	v, _ := o.Get("...")
	return v == true
}

// filled puts into want what its wildcards would take from got, so that what is
// left differs for real and go-cmp can name it.
func filled(want, got value.Value, b bindings) value.Value {
	switch w := want.(type) {
	case string:
		if binding.MatchString(w) && b.clone().take(w, got) {
			return got
		}
	case *value.Object:
		g, ok := got.(*value.Object)
		if !ok {
			return want
		}
		more := admitsMore(w)
		out := value.NewObject()
		for i := range w.Len() {
			f := w.At(i)
			if f.Key == "..." && more {
				continue
			}
			gv, ok := g.Get(f.Key)
			if ok {
				out.Put(f.Key, filled(f.Value, gv, b))
			} else {
				out.Put(f.Key, f.Value)
			}
		}
		for i := range g.Len() {
			if f := g.At(i); more && !w.Has(f.Key) {
				out.Put(f.Key, f.Value)
			}
		}
		return out
	case value.List:
		g, ok := got.(value.List)
		if !ok {
			return want
		}
		out := append(value.List(nil), w...)
		for i := range out {
			if i < len(g) {
				out[i] = filled(w[i], g[i], b)
			}
		}
		return out
	}
	return want
}

// diff lists the differences of two rows, by go-cmp on plain trees.
func diff(at string, want, got value.Value, b bindings) []Difference {
	r := &reporter{at: at}
	cmp.Equal(plain(filled(want, got, b)), plain(got), cmp.Comparer(func(a, b leaf) bool { return value.Equal(a.v, b.v) }), cmp.Reporter(r))
	sort.SliceStable(r.out, func(i, j int) bool { return r.out[i].At < r.out[j].At })
	return r.out
}

// leaf is a value that go-cmp must not look into.
type leaf struct{ v value.Value }

func plain(v value.Value) any {
	switch v := v.(type) {
	case *value.Object:
		m := make(map[string]any, v.Len())
		for i := range v.Len() {
			m[v.At(i).Key] = plain(v.At(i).Value)
		}
		return m
	case value.List:
		l := make([]any, len(v))
		for i := range v {
			l[i] = plain(v[i])
		}
		return l
	}
	return leaf{v}
}

// reporter collects go-cmp's differences in one line each.
type reporter struct {
	at   string
	path cmp.Path
	out  []Difference
}

// PushStep is go-cmp's: it goes one step down.
func (r *reporter) PushStep(s cmp.PathStep) { r.path = append(r.path, s) }

// PopStep is go-cmp's: it comes back up.
func (r *reporter) PopStep() { r.path = r.path[:len(r.path)-1] }

// Report is go-cmp's: the values at the present place were compared.
func (r *reporter) Report(res cmp.Result) {
	if res.Equal() {
		return
	}
	var at strings.Builder
	at.WriteString(r.at)
	for _, s := range r.path {
		switch s := s.(type) {
		case cmp.MapIndex:
			at.WriteString("." + s.Key().String())
		case cmp.SliceIndex:
			i, j := s.SplitKeys()
			fmt.Fprintf(&at, "[%d]", max(i, j))
		}
	}
	want, got := r.path.Last().Values()
	show := func(ok bool, x func() any) string {
		if !ok {
			return absent
		}
		return short(x())
	}
	r.out = append(r.out, Difference{at.String(), show(want.IsValid(), func() any { return want.Interface() }), show(got.IsValid(), func() any { return got.Interface() })})
}

// short prints a plain tree as compact JSON of at most 100 bytes.
func short(x any) string {
	s := string(value.AppendJSON(nil, unplain(x)))
	if len(s) > 100 {
		cut := 97
		for cut > 0 && s[cut]&0xC0 == 0x80 {
			cut--
		}
		s = s[:cut] + "..."
	}
	return s
}

func unplain(x any) value.Value {
	switch x := x.(type) {
	case leaf:
		return x.v
	case []any:
		l := make(value.List, len(x))
		for i := range x {
			l[i] = unplain(x[i])
		}
		return l
	case map[string]any:
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		o := value.NewObject()
		for _, k := range keys {
			o.Put(k, unplain(x[k]))
		}
		return o
	}
	return nil
}
