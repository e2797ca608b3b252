package eval

import (
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

func (f *Frame) field(x *ir.Field) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil {
		return nil, fail
	}
	switch o := v.(type) {
	case nil:
		return nil, nil
	case *value.Object:
		v, _ := o.Get(x.Name)
		return v, nil
	}
	return nil, failAt(diag.NotAnObject, x, v, "%s was read of %s, which has no fields", FieldText(x.Name), article(v))
}

func (f *Frame) index(x *ir.Index) (value.Value, *diag.Failure) {
	v, fail := Expr(x.X, f)
	if fail != nil {
		return nil, fail
	}
	i, fail := Expr(x.I, f)
	switch {
	case fail != nil:
		return nil, fail
	case v == nil:
		return nil, nil
	case i == nil:
		return nil, Unfit(x.I, nil, "an index")
	}
	r, ok := At(v, i)
	if !ok {
		fl := failAt(diag.NotAnObject, x, v, "%s was read of %s", IndexText(i), article(v))
		fl.Help = "a text reads a field of an object, a whole number an element of a list"
		return nil, fl
	}
	return r, nil
}

// At reads one computed step: a field of an object by text, an element of a list
// by a whole number, counted from the end when negative. What is not there is
// null. ok is false where that value has no such steps at all.
func At(v, i value.Value) (r value.Value, ok bool) {
	switch v := v.(type) {
	case *value.Object:
		k, ok := i.(string)
		if !ok {
			return nil, false
		}
		r, _ := v.Get(k)
		return r, true
	case value.List:
		n, ok := i.(value.Number)
		if !ok || !n.IsInt() {
			return nil, false
		}
		if p, ok := Position(n, len(v)); ok {
			return v[p], true
		}
		return nil, true
	}
	return nil, false
}

// Position resolves an index into a list of that length; false when it is out of range.
func Position(n value.Number, length int) (int, bool) {
	i, ok := n.Int64()
	if !ok {
		return 0, false
	}
	if i < 0 {
		i += int64(length)
	}
	return int(i), i >= 0 && i < int64(length)
}

// meta reads @name.
func (f *Frame) meta(x *ir.Meta) (value.Value, *diag.Failure) {
	switch x.Name {
	case "time":
		if f.Time == nil {
			return nil, f.noTimestamp(x)
		}
		return f.Time, nil
	case "timestamp":
		if t := f.timestamp(); t != nil {
			return t, nil
		}
		return nil, f.noTimestamp(x)
	case "window":
		if f.Rec.Made != nil && f.Rec.Made.Window != nil {
			return f.Rec.Made.Window, nil
		}
	case "sample_rate":
		return f.SampleRate, nil
	case "topic":
		return f.Rec.Topic, nil
	case "partition":
		return value.FromInt(int64(f.Rec.Partition)), nil
	case "offset":
		return value.FromInt(f.Rec.Offset), nil
	case "key":
		if f.Rec.Key == nil {
			return nil, nil
		}
		return f.metaText(x, f.Rec.Key, "the record's key")
	case "headers":
		if f.Request != nil {
			return f.Request.Headers, nil
		}
		return f.headers(x)
	case "method":
		return f.Request.Method, nil
	case "path":
		return f.Request.Path, nil
	case "line":
		return value.FromInt(f.Rec.Line()), nil
	case "remote_ip":
		return f.Request.RemoteIP, nil
	case "dead":
		return f.Dead, nil
	case "write_key":
		return f.Request.WriteKey, nil
	case "element": // only where the checker puts it (ir.Hook.By)
		return value.FromInt(int64(f.Request.Element)), nil
	}
	panic("eval: no @" + x.Name)
}

// timestamp is @timestamp; of a change it is the @time of the record that caused it, of a
// row or a tick the planned time, of a call of Segment when it happened.
func (f *Frame) timestamp() value.Value {
	if m := f.Rec.Made; m != nil && (m.Kind == event.Change || m.Kind == event.Row || m.Kind == event.Tick) {
		return m.Time
	}
	if f.Request != nil && f.Request.At != nil {
		return f.Request.At
	}
	return Timestamp(f.Rec.Timestamp)
}

func (f *Frame) noTimestamp(x *ir.Meta) *diag.Failure {
	fl := failAt(diag.NoTimestamp, x, nil, "the record has no timestamp")
	fl.Help = "write `time by .at`, or `@timestamp catch …`"
	return fl
}

// headers makes the object of all headers; the last of a name counts.
func (f *Frame) headers(x *ir.Meta) (value.Value, *diag.Failure) {
	o := value.NewObject()
	for i := range f.Rec.Headers {
		h := &f.Rec.Headers[i]
		if !utf8.ValidString(h.Key) {
			return nil, failAt(diag.BadMeta, x, nil, "the name of a header is not UTF-8")
		}
		// Only the last of a name is read, so only it must be text.
		if f.later(i) {
			continue
		}
		v, fail := f.metaText(x, h.Value, "header "+h.Key)
		if fail != nil {
			return nil, fail
		}
		o.Put(h.Key, v)
	}
	return o, nil
}

// later tells whether a header of the same name stands behind header i.
func (f *Frame) later(i int) bool {
	hs := f.Rec.Headers
	for j := i + 1; j < len(hs); j++ {
		if hs[j].Key == hs[i].Key {
			return true
		}
	}
	return false
}

func (f *Frame) metaText(x *ir.Meta, b []byte, what string) (value.Value, *diag.Failure) {
	if !utf8.Valid(b) {
		return nil, failAt(diag.BadMeta, x, nil, "%s is not UTF-8", what)
	}
	return string(b), nil
}
