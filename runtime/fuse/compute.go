package fuse

import (
	"bytes"
	"math"
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/json"
)

func (b *Builder) neg(x *ir.Neg, env Env) *Node {
	if kindOf(x.X.Type()) != numberKind {
		return nil
	}
	n := b.expr(x.X, env)
	get := n.number()
	return numNode(true, func(m *Machine) (value.Number, State) {
		v, st := get(m)
		if st != Some {
			return v, Bad
		}
		r, err := value.Sub(value.Number{}, v)
		if err != nil {
			return r, Bad
		}
		return r, Some
	})
}

func (b *Builder) arith(x *ir.Arith, env Env) *Node {
	if kindOf(x.X.Type()) != numberKind || kindOf(x.Y.Type()) != numberKind {
		return nil
	}
	first, second, op := b.expr(x.X, env).number(), b.expr(x.Y, env).number(), x.Op
	return numNode(true, func(m *Machine) (value.Number, State) {
		a, st := first(m)
		if st != Some {
			return a, Bad
		}
		c, st := second(m)
		if st != Some {
			return c, Bad
		}
		r, err := eval.Numbers(op, a, c)
		if err != nil {
			return r, Bad
		}
		return r, Some
	})
}

func (b *Builder) compare(x *ir.Compare, env Env) *Node {
	l, r := b.expr(x.X, env), b.expr(x.Y, env)
	equality := x.Op == ir.Eq || x.Op == ir.Ne
	if equality && l.lit != nil && r.lit != nil {
		return constant(value.Equal(l.lit.v, r.lit.v) == (x.Op == ir.Eq))
	}
	if equality && (l.isNull() || r.isNull()) {
		return compareNull(l, r, x.Op == ir.Ne)
	}
	fallible := l.fallible || r.fallible
	switch {
	case equality && l.path != nil && (l.kind == textKind || l.kind == anyKind) && r.lit != nil && r.kind == textKind && l.path.def == nil:
		return equalText(l, r.lit.v.(string), x.Op == ir.Ne)
	case l.kind == numberKind && r.kind == numberKind:
		return compareNumbers(l, r, x.Op, fallible)
	case l.kind == textKind && r.kind == textKind:
		return ordered(fallible, x.Op, l.Text(), r.Text(), bytes.Compare, func(a, b []byte) int { return min(len(a), len(b)) >> 10 })
	case l.kind == timeKind && r.kind == timeKind:
		return ordered(fallible, x.Op, l.Instant(), r.Instant(), time.Time.Compare, nil)
	case l.kind == boolKind && r.kind == boolKind && equality:
		return ordered(fallible, x.Op, l.Bool(), r.Bool(), func(a, b bool) int {
			if a == b {
				return 0
			}
			return 1
		}, nil)
	case !equality:
		return nil
	}
	first, second, ne := l.Value(), r.Value(), x.Op == ir.Ne
	return boolNode(fallible, func(m *Machine) (bool, State) {
		a, st := first(m)
		if st == Bad {
			return false, Bad
		}
		c, st := second(m)
		if st == Bad || !m.charge(min(m.Eval.Weight(a), m.Eval.Weight(c))) {
			return false, Bad
		}
		return value.Equal(a, c) != ne, Some
	})
}

func compareNull(l, r *Node, ne bool) *Node {
	if l.isNull() {
		l = r
	}
	get := l.State()
	return boolNode(l.fallible, func(m *Machine) (bool, State) {
		st := get(m)
		if st == Bad {
			return false, Bad
		}
		return (st == Null) != ne, Some
	})
}

// equalText compares a place with a constant text: the commonest condition.
func equalText(l *Node, want string, ne bool) *Node {
	slot, frame := l.path.slot(), l.path.frame
	return boolNode(l.fallible, func(m *Machine) (bool, State) {
		sp := &m.fr[frame][slot]
		switch sp.Kind {
		case json.Str:
			return (string(m.d[sp.Start:sp.End]) == want) != ne, Some
		case json.PathErr:
			return false, Bad
		}
		return json.EqualText(m.d, *sp, want) != ne, Some
	})
}

// ordered compares two readings of one kind. Equality takes null, order does not.
// cost is what a comparison takes in steps; nil: nothing.
func ordered[T any](fallible bool, op ir.CompareOp, l, r func(*Machine) (T, State), cmp, cost func(a, b T) int) *Node {
	equality := op == ir.Eq || op == ir.Ne
	return boolNode(fallible, func(m *Machine) (bool, State) {
		a, s := l(m)
		if s == Bad {
			return false, Bad
		}
		b, t := r(m)
		switch {
		case t == Bad || !equality && (s == Null || t == Null):
			return false, Bad
		case s == Null || t == Null:
			return (s == t) == (op == ir.Eq), Some
		}
		if cost != nil && !m.charge(cost(a, b)) {
			return false, Bad
		}
		return eval.Ordered(op, cmp(a, b)), Some
	})
}

// compareNumbers compares as small decimals where it can.
func compareNumbers(l, r *Node, op ir.CompareOp, fallible bool) *Node {
	slow := ordered(fallible, op, l.number(), r.number(), value.Number.Cmp, nil)
	ld := l.digits()
	if l.hope != nil {
		ld = l.hope
	}
	if ld == nil || r.lit == nil {
		return slow
	}
	limit, ok := json.ParseDecimal([]byte(r.lit.v.(value.Number).Text()))
	if !ok {
		return slow
	}
	whole := slow.truth
	if p := l.digitsPlace(); p != nil {
		slot, frame := p.slot(), p.frame
		return boolNode(fallible, func(m *Machine) (bool, State) {
			sp := &m.fr[frame][slot]
			if sp.Kind == json.Num || sp.Kind == json.Str {
				if d, ok := json.ParseDecimal(m.d[sp.Start:sp.End]); ok {
					return eval.Ordered(op, d.Cmp(limit)), Some
				}
			}
			return whole(m)
		})
	}
	return boolNode(fallible, func(m *Machine) (bool, State) {
		raw, st := ld(m)
		if st == Some {
			if d, ok := json.ParseDecimal(raw); ok {
				return eval.Ordered(op, d.Cmp(limit)), Some
			}
		}
		return whole(m)
	})
}

// digitsPlace is the place of a text that is read as a number; nil for none.
func (n *Node) digitsPlace() *path {
	if n.from != nil && n.from.def == nil {
		return n.from
	}
	return nil
}

// in looks a value up in a constant list.
func (b *Builder) in(x *ir.In, env Env) *Node {
	list := b.expr(x.List, env)
	if list.lit == nil {
		return nil
	}
	l, ok := list.lit.v.(value.List)
	if !ok {
		return nil
	}
	n := b.expr(x.X, env)
	if len(l) > 0 && n.kind == textKind && allTexts(l) && (n.path == nil || n.path.def == nil) {
		return inTexts(n, l, x.Not)
	}
	get, not := n.Value(), x.Not
	return boolNode(n.fallible, func(m *Machine) (bool, State) {
		v, st := get(m)
		if st == Bad || !m.charge(len(l)*(1+m.Eval.Weight(v))) {
			return false, Bad
		}
		for _, e := range l {
			if value.Equal(v, e) {
				return !not, Some
			}
		}
		return not, Some
	})
}

func allTexts(l value.List) bool {
	for _, e := range l {
		if _, ok := e.(string); !ok {
			return false
		}
	}
	return true
}

// manyTexts is from where a map is faster than comparing one by one.
const manyTexts = 9

func inTexts(n *Node, l value.List, not bool) *Node {
	texts := make([]string, len(l))
	set := make(map[string]bool, len(l))
	for i, e := range l {
		texts[i] = e.(string)
		set[texts[i]] = true
	}
	has := func(b []byte) bool {
		for _, t := range texts {
			if t == string(b) {
				return true
			}
		}
		return false
	}
	if len(l) >= manyTexts {
		has = func(b []byte) bool { return set[string(b)] }
	}
	get := n.Text()
	slow := func(m *Machine) (bool, State) {
		b, st := get(m)
		switch st {
		case Bad:
			return false, Bad
		case Null:
			return not, Some
		}
		return has(b) != not, Some
	}
	if n.path == nil || len(l) >= manyTexts {
		return boolNode(n.fallible, slow)
	}
	slot, frame := n.path.slot(), n.path.frame
	return boolNode(n.fallible, func(m *Machine) (bool, State) {
		sp := &m.fr[frame][slot]
		if sp.Kind != json.Str {
			return slow(m)
		}
		b := m.d[sp.Start:sp.End]
		for _, t := range texts {
			if t == string(b) {
				return !not, Some
			}
		}
		return not, Some
	})
}

func (b *Builder) matches(x *ir.Matches, env Env) *Node {
	n := b.expr(x.X, env)
	get, re := n.Text(), x.Re
	return boolNode(true, func(m *Machine) (bool, State) {
		s, st := get(m)
		if st != Some || !m.charge(len(s)>>10) {
			return false, Bad
		}
		return re.Match(s), Some
	})
}

// is judges a place by the kind of what stands there.
func (b *Builder) is(x *ir.Is, env Env) *Node {
	n := b.expr(x.X, env)
	if n.path == nil || n.path.def != nil || !passes(n.path.decl) {
		return nil
	}
	var want json.Mask
	switch x.Of.Kind {
	case types.Null:
		want = json.MaskNull | 1<<json.Missing
	case types.String:
		want = json.MaskStr
	case types.Number:
		want = json.MaskNum
	case types.Bool:
		want = json.MaskBool
	default:
		return nil
	}
	slot, frame, not := n.path.slot(), n.path.frame, x.Not
	return boolNode(n.fallible, func(m *Machine) (bool, State) {
		k := m.fr[frame][slot].Kind
		if k == json.PathErr {
			return false, Bad
		}
		return (want>>k&1 != 0) != not, Some
	})
}

// cast judges a part like `as T`.
func (b *Builder) cast(x *ir.Cast, env Env) *Node {
	n := b.expr(x.X, env)
	get, to := n.Value(), x.To
	return valueNode(kindOf(to), true, func(m *Machine) (value.Value, State) {
		v, st := get(m)
		if st != Some {
			return nil, st
		}
		out, mismatch := types.Judge(v, to, types.Mode{})
		if mismatch != nil {
			return nil, Bad
		}
		return out, Some
	})
}

// charge counts steps as the reference evaluator would, or more.
func (m *Machine) charge(n int) bool { return m.Eval.Charge(n) }

// Charge adds to the record's steps; false where they are at their end.
func (m *Machine) Charge(n int) bool { return m.charge(n) }

// Size is the record's, in bytes.
func (m *Machine) Size() int { return len(m.d) }

// meta reads @name.
func (b *Builder) meta(x *ir.Meta, env Env) *Node {
	switch x.Name {
	case "topic":
		if b.topic != "" {
			return constant(b.topic)
		}
		return textNode(false, func(m *Machine) ([]byte, State) { return m.keep(m.rec.Topic), Some })
	case "key":
		return textNode(true, func(m *Machine) ([]byte, State) {
			switch {
			case m.rec.Key == nil:
				return nil, Null
			case !utf8.Valid(m.rec.Key):
				return nil, Bad
			}
			return m.rec.Key, Some
		})
	case "partition":
		return numNode(false, func(m *Machine) (value.Number, State) { return value.FromInt(int64(m.rec.Partition)), Some })
	case "offset":
		return numNode(false, func(m *Machine) (value.Number, State) { return value.FromInt(m.rec.Offset), Some })
	case "line":
		return numNode(false, func(m *Machine) (value.Number, State) { return value.FromInt(m.rec.Line()), Some })
	case "sample_rate":
		return constant(env.rate())
	case "timestamp":
		return timeNode(true, func(m *Machine) (time.Time, State) {
			t, ok := eval.Timestamp(m.rec.Timestamp).(time.Time)
			if !ok {
				return t, Bad
			}
			return t, Some
		})
	case "time":
		i := env.Clock
		return timeNode(true, func(m *Machine) (time.Time, State) {
			c := &m.clocks[i]
			if !c.set {
				return c.at, Bad
			}
			return c.at, Some
		})
	}
	return nil
}

// rate is @sample_rate.
func (e *Env) rate() value.Number {
	if e.Rate == nil {
		return value.FromInt(1)
	}
	return *e.Rate
}

// call compiles the functions that are worth it; the others are called with
// values.
func (b *Builder) call(x *ir.Call, env Env) *Node {
	if n := b.known(x, env); n != nil {
		return n
	}
	return b.callValues(x, env)
}

func (b *Builder) known(x *ir.Call, env Env) *Node {
	if len(x.Args) == 0 {
		return nil
	}
	switch x.Func.Name {
	case "upper":
		return b.letterCase(x, env, json.AppendUpper)
	case "lower":
		return b.letterCase(x, env, json.AppendLower)
	case "number":
		return b.toNumber(x, env)
	case "int":
		return b.toInt(x, env)
	case "string":
		return b.toText(x, env)
	case "time":
		return b.toTime(x, env)
	case "round":
		return b.round(x, env)
	}
	return nil
}

// letterCase is upper and lower; what is not ASCII is for the function itself.
func (b *Builder) letterCase(x *ir.Call, env Env, ascii func(dst, s []byte) ([]byte, bool)) *Node {
	if kindOf(x.Args[0].Type()) != textKind {
		return nil
	}
	n := b.expr(x.Args[0], env)
	get, f := n.Text(), x.Func
	text := func(m *Machine) ([]byte, State) {
		s, st := get(m)
		if st != Some {
			return nil, subject(st, x.NullSubject)
		}
		if !m.charge(len(s) >> 10) {
			return nil, Bad
		}
		start := len(m.scratch)
		out, ok := ascii(m.scratch, s)
		if ok {
			m.scratch = out
			return out[start:len(out):len(out)], Some
		}
		v, err := f.Call(m.Eval.Ctx, []value.Value{string(s)})
		t, isText := v.(string)
		if err != nil || !isText {
			return nil, Bad
		}
		return m.keep(t), Some
	}
	out := textNode(n.fallible, text)
	if p := n.path; p != nil && p.def == nil {
		slot, frame, write := p.slot(), p.frame, out.write
		out.write = func(m *Machine) State {
			sp := &m.fr[frame][slot]
			if sp.Kind == json.Str && sp.End-sp.Start < 1024 {
				m.Buf = append(m.Buf, '"')
				if buf, ok := ascii(m.Buf, m.d[sp.Start:sp.End]); ok {
					m.Buf = append(buf, '"')
					return Some
				}
				m.Buf = m.Buf[:len(m.Buf)-1]
			}
			return write(m)
		}
	}
	return out
}

// subject is what a call gives for a subject that is not there: null where the
// checker said so.
func subject(st State, nullSubject bool) State {
	if st == Null && nullSubject {
		return Null
	}
	return Bad
}

func (b *Builder) toNumber(x *ir.Call, env Env) *Node {
	n := b.expr(x.Args[0], env)
	switch n.kind {
	case numberKind:
		if d := n.digits(); d != nil && x.NullSubject {
			return rawNode(n.fallible, d)
		}
	case textKind:
		get := n.Text()
		out := rawNode(true, func(m *Machine) ([]byte, State) {
			s, st := get(m)
			switch {
			case st != Some:
				return nil, subject(st, x.NullSubject)
			case !json.IsNumber(s):
				return nil, Bad
			}
			return s, Some
		})
		out.hope, out.from = get, n.path
		return out
	}
	return nil
}

// toInt takes digits as they stand; what is a whole number in another form, and
// what is none, is for the function itself.
func (b *Builder) toInt(x *ir.Call, env Env) *Node {
	n := b.expr(x.Args[0], env)
	var get textFn
	switch n.kind {
	case numberKind:
		get = n.digits()
	case textKind:
		get = n.Text()
	}
	if get == nil {
		return nil
	}
	slow := b.callValues(x, env).number()
	out := numNode(true, func(m *Machine) (value.Number, State) {
		s, st := get(m)
		switch {
		case st != Some:
			return value.Number{}, subject(st, x.NullSubject)
		case !isDigits(s):
			return slow(m)
		}
		v, ok := parse(s)
		if !ok {
			return v, Bad
		}
		return v, Some
	})
	return out
}

// isDigits tells whether text is a whole number of a few digits.
func isDigits(s []byte) bool {
	if len(s) > 0 && s[0] == '-' {
		s = s[1:]
	}
	if len(s) == 0 || len(s) > 18 || s[0] == '0' && len(s) > 1 {
		return false
	}
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// toText is string(x) of what has a text.
func (b *Builder) toText(x *ir.Call, env Env) *Node {
	n := b.expr(x.Args[0], env)
	if n.kind == textKind {
		get := n.Text()
		return textNode(true, func(m *Machine) ([]byte, State) {
			s, st := get(m)
			if st != Some {
				return nil, subject(st, x.NullSubject)
			}
			return s, Some
		})
	}
	plain := n.plain()
	if plain == nil {
		return nil
	}
	state := n.State()
	return textNode(true, func(m *Machine) ([]byte, State) {
		if st := state(m); st != Some {
			return nil, subject(st, x.NullSubject)
		}
		return m.compose(func(out []byte) ([]byte, bool) { return plain(m, out) })
	})
}

// toTime is time(x) of a text, an epoch number or a time.
func (b *Builder) toTime(x *ir.Call, env Env) *Node {
	n := b.expr(x.Args[0], env)
	switch n.kind {
	case timeKind:
		get := n.Instant()
		return timeNode(true, func(m *Machine) (time.Time, State) {
			t, st := get(m)
			if st != Some {
				return t, subject(st, x.NullSubject)
			}
			return t, Some
		})
	case textKind:
		get := n.Text()
		return timeNode(true, func(m *Machine) (time.Time, State) {
			s, st := get(m)
			if st != Some {
				return time.Time{}, subject(st, x.NullSubject)
			}
			if t, ok := commonTime(s); ok {
				return t, Some
			}
			t, err := value.ParseTime(string(s))
			if err != nil {
				return t, Bad
			}
			return t, Some
		})
	case numberKind:
		get := n.number()
		return timeNode(true, func(m *Machine) (time.Time, State) {
			v, st := get(m)
			if st != Some {
				return time.Time{}, subject(st, x.NullSubject)
			}
			t, err := value.TimeFromEpoch(v)
			if err != nil {
				return t, Bad
			}
			return t, Some
		})
	}
	return nil
}

// round is round(x, digits) with constant digits.
func (b *Builder) round(x *ir.Call, env Env) *Node {
	digits := 0
	if len(x.Args) == 2 {
		c, ok := x.Args[1].(*ir.Const)
		if !ok {
			return nil
		}
		d, ok := c.Value.(value.Number)
		if !ok {
			return nil
		}
		i, ok := d.Int64()
		if !ok || i < math.MinInt16 || i > math.MaxInt16 {
			return nil
		}
		digits = int(i)
	}
	n := b.expr(x.Args[0], env)
	if n.kind != numberKind {
		return nil
	}
	get := n.number()
	return numNode(true, func(m *Machine) (value.Number, State) {
		v, st := get(m)
		if st != Some {
			return v, subject(st, x.NullSubject)
		}
		r, err := v.Round(digits)
		if err != nil {
			return r, Bad
		}
		return r, Some
	})
}

// callValues calls a function with values made of its arguments.
func (b *Builder) callValues(x *ir.Call, env Env) *Node {
	gets := make([]valueFn, len(x.Args))
	for i, a := range x.Args {
		gets[i] = b.expr(a, env).Value()
	}
	f := x.Func
	return valueNode(kindOf(x.T), true, func(m *Machine) (value.Value, State) {
		args := make([]value.Value, len(gets))
		for i, get := range gets {
			v, st := get(m)
			switch {
			case st == Bad:
				return nil, Bad
			case i == 0 && st == Null && x.NullSubject:
				return nil, Null
			case !m.charge(m.Eval.Weight(v)):
				return nil, Bad
			}
			args[i] = v
		}
		v, err := f.Call(m.Eval.Ctx, args)
		if err != nil || !m.Eval.Fits(v) {
			return nil, Bad
		}
		if v == nil {
			return nil, Null
		}
		return v, Some
	})
}
