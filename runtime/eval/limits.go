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
func (f *Frame) sized(x ir.Expr, v value.Value) (value.Value, *diag.Failure) {
	if fail := f.Limits(x, v); fail != nil {
		return nil, fail
	}
	return v, nil
}

// Limits fails where v, which came about at x, is beyond the limits of a value.
func (f *Frame) Limits(x ir.Expr, v value.Value) *diag.Failure {
	switch e := f.extent(v); {
	case e.size > MaxSize:
		return tooLarge(x)
	case e.height > MaxDepth:
		return failAt(diag.TooDeep, x, nil, "the value nests more than %d deep", MaxDepth)
	}
	return nil
}

// Fits tells whether v keeps within the limits of a value.
func (f *Frame) Fits(v value.Value) bool {
	e := f.extent(v)
	return e.size <= MaxSize && e.height <= MaxDepth
}

func tooLarge(x ir.Expr) *diag.Failure {
	return failAt(diag.TooLarge, x, nil, "the value is larger than 4 MiB")
}

// What a function, or `==`, has to look at counts as steps: text as much as is
// read in the time of one, values a good deal less. So a function over a large
// part of the event inside comprehensions is bounded like the rest.
const (
	textPerStep  = 1024
	valuePerStep = 128
)

// Weight is what looking at all of v adds to the record's steps.
func (f *Frame) Weight(v value.Value) int {
	switch v := v.(type) {
	case string:
		return len(v) / textPerStep
	case value.Bytes:
		return len(v) / textPerStep
	case value.List, *value.Object:
		return f.extent(v).size / valuePerStep
	}
	return 0
}

// extent is how much a value is: bytes, about as JSON, and levels.
type extent struct{ size, height int }

// meter remembers the extent of the larger lists and objects of a record. They
// never change, and a comprehension that puts the whole event into each of its
// elements would measure it again each time.
type meter struct {
	objects map[*value.Object]extent
	lists   map[listKey]extent
}

// listKey is the identity of a list that is not empty.
type listKey struct {
	first *value.Value
	n     int
}

// remembered is from how many values on an extent is kept.
const remembered = 64

func (m *meter) forget() {
	if len(m.objects) > 0 {
		clear(m.objects)
	}
	if len(m.lists) > 0 {
		clear(m.lists)
	}
}

func (f *Frame) extent(v value.Value) extent {
	e, _ := f.meter.measure(v)
	return e
}

// measure gives the extent of v and how many values were looked at. What is
// beyond a limit is not looked at to its end.
func (m *meter) measure(v value.Value) (extent, int) {
	switch v := v.(type) {
	case string:
		return extent{size: len(v) + 2}, 1
	case value.Bytes:
		return extent{size: len(v)*4/3 + 2}, 1
	case value.Secret:
		return extent{size: len(v) + 2}, 1
	case value.Number:
		return extent{size: len(v.Text())}, 1
	case time.Time:
		return extent{size: 26}, 1
	case value.List:
		return m.list(v)
	case *value.Object:
		return m.object(v)
	}
	return extent{size: 4}, 1
}

func (m *meter) list(l value.List) (e extent, n int) {
	if len(l) == 0 {
		return extent{2, 1}, 1
	}
	key := listKey{&l[0], len(l)}
	if e, ok := m.lists[key]; ok {
		return e, 1
	}
	e.size, n = 2, 1
	for _, x := range l {
		part, looked := m.measure(x)
		n += looked
		e.size += part.size + 1
		if e.height = max(e.height, part.height); e.size > MaxSize || e.height > MaxDepth {
			break
		}
	}
	e.height++
	if n >= remembered {
		if m.lists == nil {
			m.lists = map[listKey]extent{}
		}
		m.lists[key] = e
	}
	return e, n
}

func (m *meter) object(o *value.Object) (e extent, n int) {
	if e, ok := m.objects[o]; ok {
		return e, 1
	}
	e.size, n = 2, 1
	for i := range o.Len() {
		fd := o.At(i)
		part, looked := m.measure(fd.Value)
		n += looked
		e.size += len(fd.Key) + 4 + part.size
		if e.height = max(e.height, part.height); e.size > MaxSize || e.height > MaxDepth {
			break
		}
	}
	e.height++
	if n >= remembered {
		if m.objects == nil {
			m.objects = map[*value.Object]extent{}
		}
		m.objects[o] = e
	}
	return e, n
}
