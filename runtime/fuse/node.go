package fuse

import (
	"time"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/json"
)

// Node is a compiled expression. What is asked of it (its text, its number, its
// JSON) is compiled when it is first asked for, and only then is a place of the
// record given a slot.
type Node struct {
	kind     kind
	fallible bool // may be Bad for a reason that a script could see
	trivial  bool // reading it twice costs nothing worth a cell
	writes   bool // to write it is what comes natural to it: a list made from a list

	state stateFn
	text  textFn
	raw   textFn // of a number: its text as it was written
	hope  textFn // of a number: what is its text if it can be read as one
	from  *path  // and the place of that text
	mixed bool   // of a number: passed on untouched on some ways, computed on others
	num   numFn
	truth truthFn
	time  timeFn
	write writeFn
	value valueFn

	path *path
	lit  *literal
	obj  *template
	alts *alternation
	// parts are the fields of a Lazy.
	parts map[string]*Node

	chain   []truthFn // of `and` and `or`: the operands
	chained bool      // and which of them decides
}

type (
	stateFn func(*Machine) State
	textFn  func(*Machine) ([]byte, State)
	numFn   func(*Machine) (value.Number, State)
	truthFn func(*Machine) (bool, State)
	timeFn  func(*Machine) (time.Time, State)
	writeFn func(*Machine) State // appends JSON to Buf where it is Some
	valueFn func(*Machine) (value.Value, State)
)

// kind is the class of a static type: which readings make sense.
type kind uint8

const (
	anyKind kind = iota // several kinds, or one that has no typed reading
	nullKind
	textKind
	numberKind
	boolKind
	timeKind
	objectKind
	listKind
)

// kindOf gives the kind of a type, null set aside.
func kindOf(t *types.Type) kind {
	if t == nil { // an expression built by hand
		return anyKind
	}
	switch t.Kind {
	case types.Null:
		return nullKind
	case types.Bool:
		return boolKind
	case types.Number, types.Int:
		return numberKind
	case types.String:
		return textKind
	case types.Time:
		return timeKind
	case types.List:
		return listKind
	case types.Object, types.Map:
		return objectKind
	case types.Literal:
		switch t.Lit.(type) {
		case string:
			return textKind
		case bool:
			return boolKind
		}
		return numberKind
	case types.Union:
		k := nullKind
		for _, m := range t.Members {
			switch mk := kindOf(m); {
			case k == nullKind:
				k = mk
			case mk != nullKind && mk != k:
				return anyKind
			}
		}
		return k
	}
	return anyKind
}

// literal is a constant.
type literal struct {
	v    value.Value
	json []byte
}

// Constant is a constant.
func Constant(v value.Value) *Node { return constant(v) }

func constant(v value.Value) *Node {
	l := &literal{v: v, json: value.AppendJSON(nil, v)}
	st := Some
	if v == nil {
		st = Null
	}
	n := &Node{trivial: true, lit: l,
		state: func(*Machine) State { return st },
		value: func(*Machine) (value.Value, State) { return v, st },
		write: func(m *Machine) State {
			if st == Some {
				m.Buf = append(m.Buf, l.json...)
			}
			return st
		},
	}
	switch v := v.(type) {
	case nil:
		n.kind = nullKind
		n.text = func(*Machine) ([]byte, State) { return nil, Null }
		n.raw = n.text
		n.num = func(*Machine) (value.Number, State) { return value.Number{}, Null }
		n.truth = func(*Machine) (bool, State) { return false, Null }
		n.time = func(*Machine) (time.Time, State) { return time.Time{}, Null }
	case string:
		n.kind = textKind
		b := []byte(v)
		n.text = func(*Machine) ([]byte, State) { return b, Some }
	case value.Number:
		n.kind = numberKind
		raw := []byte(v.Text())
		n.raw = func(*Machine) ([]byte, State) { return raw, Some }
		n.num = func(*Machine) (value.Number, State) { return v, Some }
	case bool:
		n.kind = boolKind
		n.truth = func(*Machine) (bool, State) { return v, Some }
	case time.Time:
		n.kind = timeKind
		n.time = func(*Machine) (time.Time, State) { return v, Some }
	case value.List:
		n.kind = listKind
	case *value.Object:
		n.kind = objectKind
	}
	return n
}

// alternation is what a node of objects is one of: x where cond holds, else y.
type alternation struct{ cond, x, y *Node }

// isEmptyList tells whether the node is the constant [].
func (n *Node) isEmptyList() bool {
	if n.lit == nil {
		return false
	}
	l, ok := n.lit.v.(value.List)
	return ok && len(l) == 0
}

// isNull tells whether the node is the constant null.
func (n *Node) isNull() bool { return n.lit != nil && n.lit.v == nil }

// Node constructors for what is computed. Each gives the other readings from the
// one that is native to it.

func textNode(fallible bool, text textFn) *Node {
	return &Node{kind: textKind, fallible: fallible, text: text,
		state: func(m *Machine) State { _, st := text(m); return st },
		value: func(m *Machine) (value.Value, State) {
			b, st := text(m)
			if st != Some {
				return nil, st
			}
			return string(b), Some
		},
		write: func(m *Machine) State {
			b, st := text(m)
			if st == Some {
				m.Buf = json.AppendString(m.Buf, b)
			}
			return st
		},
	}
}

func numNode(fallible bool, num numFn) *Node {
	return &Node{kind: numberKind, fallible: fallible, num: num,
		state: func(m *Machine) State { _, st := num(m); return st },
		value: func(m *Machine) (value.Value, State) {
			n, st := num(m)
			if st != Some {
				return nil, st
			}
			return n, Some
		},
		write: func(m *Machine) State {
			n, st := num(m)
			if st == Some {
				m.Buf = n.AppendText(m.Buf)
			}
			return st
		},
	}
}

// rawNode is a number of which the text is at hand.
func rawNode(fallible bool, raw textFn) *Node {
	return &Node{kind: numberKind, fallible: fallible, raw: raw,
		num: func(m *Machine) (value.Number, State) {
			b, st := raw(m)
			if st != Some {
				return value.Number{}, st
			}
			n, ok := parse(b)
			if !ok {
				return n, Bad
			}
			return n, Some
		},
		state: func(m *Machine) State { _, st := raw(m); return st },
		value: func(m *Machine) (value.Value, State) {
			b, st := raw(m)
			if st != Some {
				return nil, st
			}
			n, ok := value.ParseNumber(string(b))
			if !ok {
				return nil, Bad
			}
			return n, Some
		},
		write: func(m *Machine) State {
			b, st := raw(m)
			if st == Some {
				m.Buf = append(m.Buf, b...)
			}
			return st
		},
	}
}

func boolNode(fallible bool, truth truthFn) *Node {
	return &Node{kind: boolKind, fallible: fallible, truth: truth,
		state: func(m *Machine) State { _, st := truth(m); return st },
		value: func(m *Machine) (value.Value, State) {
			b, st := truth(m)
			if st != Some {
				return nil, st
			}
			return b, Some
		},
		write: func(m *Machine) State {
			b, st := truth(m)
			if st == Some {
				m.Buf = appendBool(m.Buf, b)
			}
			return st
		},
	}
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "true"...)
	}
	return append(dst, "false"...)
}

func timeNode(fallible bool, at timeFn) *Node {
	return &Node{kind: timeKind, fallible: fallible, time: at,
		state: func(m *Machine) State { _, st := at(m); return st },
		value: func(m *Machine) (value.Value, State) {
			t, st := at(m)
			if st != Some {
				return nil, st
			}
			return t, Some
		},
		write: func(m *Machine) State {
			t, st := at(m)
			if st == Some {
				m.Buf = appendTime(m.Buf, t)
			}
			return st
		},
	}
}

func appendTime(dst []byte, t time.Time) []byte {
	dst = append(dst, '"')
	dst = value.AppendTime(dst, t)
	return append(dst, '"')
}

// valueNode is what the reference evaluator computes; the readings that its kind
// has are taken from the value.
func valueNode(k kind, fallible bool, get valueFn) *Node {
	n := &Node{kind: k, fallible: fallible, value: get,
		state: func(m *Machine) State { _, st := get(m); return st },
		write: func(m *Machine) State {
			v, st := get(m)
			if st == Some {
				m.Buf = value.AppendJSON(m.Buf, v)
			}
			return st
		},
	}
	switch k {
	case textKind:
		n.text = func(m *Machine) ([]byte, State) {
			v, st := get(m)
			if st != Some {
				return nil, st
			}
			s, ok := v.(string)
			if !ok {
				return nil, Bad
			}
			return m.keep(s), Some
		}
	case numberKind:
		n.num = func(m *Machine) (value.Number, State) {
			v, st := get(m)
			x, ok := v.(value.Number)
			if st == Some && !ok {
				return x, Bad
			}
			return x, st
		}
	case boolKind:
		n.truth = func(m *Machine) (bool, State) {
			v, st := get(m)
			x, ok := v.(bool)
			if st == Some && !ok {
				return x, Bad
			}
			return x, st
		}
	case timeKind:
		n.time = func(m *Machine) (time.Time, State) {
			v, st := get(m)
			x, ok := v.(time.Time)
			if st == Some && !ok {
				return x, Bad
			}
			return x, st
		}
	}
	return n
}

// keep copies text to the scratch memory of the record.
func (m *Machine) keep(s string) []byte {
	start := len(m.scratch)
	m.scratch = append(m.scratch, s...)
	return m.scratch[start:len(m.scratch):len(m.scratch)]
}

// Readings. Where a node has none that is native, its value serves.

// State compiles whether the node is null.
func (n *Node) State() func(*Machine) State {
	if n.state == nil && n.path != nil {
		n.state = n.path.state()
	}
	return n.state
}

// Value compiles the node as a value.
func (n *Node) Value() func(*Machine) (value.Value, State) {
	switch {
	case n.value != nil:
	case n.path != nil:
		n.value = n.path.value()
	case n.obj != nil:
		n.value = n.obj.build()
	}
	return n.value
}

// Write compiles the appending of the node's JSON; nothing is appended for null.
func (n *Node) Write() func(*Machine) State {
	switch {
	case n.write != nil:
	case n.path != nil:
		n.write = n.path.write()
	case n.obj != nil:
		n.write = n.obj.write()
	}
	return n.write
}

// Text compiles the node as text; Bad where it is another kind of value.
func (n *Node) Text() func(*Machine) ([]byte, State) {
	switch {
	case n.text != nil:
	case n.path != nil:
		n.text = n.path.text()
	default:
		n.text = valueNode(textKind, true, n.Value()).text
	}
	return n.text
}

// Bool compiles the node as a bool; Bad where it is another kind of value.
func (n *Node) Bool() func(*Machine) (bool, State) {
	switch {
	case n.truth != nil:
	case n.path != nil:
		n.truth = n.path.truth()
	default:
		n.truth = valueNode(boolKind, true, n.Value()).truth
	}
	return n.truth
}

// Instant compiles the node as a time; Bad where it is another kind of value.
func (n *Node) Instant() func(*Machine) (time.Time, State) {
	switch {
	case n.time != nil:
	case n.path != nil:
		n.time = n.path.time()
	default:
		n.time = valueNode(timeKind, true, n.Value()).time
	}
	return n.time
}

// WriteText compiles the appending of a text's JSON; it gives the text, too. Bad
// where it is another kind of value.
func (n *Node) WriteText() func(*Machine) ([]byte, State) {
	if n.path != nil {
		return n.path.quoted()
	}
	text := n.Text()
	return func(m *Machine) ([]byte, State) {
		b, st := text(m)
		if st == Some {
			m.Buf = json.AppendString(m.Buf, b)
		}
		return b, st
	}
}

// WriteTime compiles the JSON of a node that must be a time; Bad where it is not.
func (n *Node) WriteTime() func(*Machine) State {
	if n.kind == timeKind {
		return n.Write()
	}
	at := n.Instant()
	return func(m *Machine) State {
		t, st := at(m)
		if st == Some {
			m.Buf = appendTime(m.Buf, t)
		}
		return st
	}
}

// number compiles the node as a number.
func (n *Node) number() numFn {
	switch {
	case n.num != nil:
	case n.digits() != nil:
		n.num = rawNode(true, n.digits()).num
	default:
		n.num = valueNode(numberKind, true, n.Value()).num
	}
	return n.num
}

// digits compiles the text of a number as it was written; nil where there is none.
func (n *Node) digits() textFn {
	if n.raw == nil && n.path != nil {
		n.raw = n.path.digits()
	}
	return n.raw
}

// Const gives the value of a constant node.
func (n *Node) Const() (value.Value, bool) {
	if n.lit == nil {
		return nil, false
	}
	return n.lit.v, true
}
