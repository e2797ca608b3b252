package fuse

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

// Expr compiles an expression of a stage.
func (b *Builder) Expr(x ir.Expr, env Env) *Node {
	b.cost += nodes(x)
	return b.expr(x, env)
}

// expr compiles a checked expression. What has no fused form is computed by the
// reference evaluator on values made of what it reads.
func (b *Builder) expr(x ir.Expr, env Env) *Node {
	if n := b.fused(x, env); n != nil {
		return n
	}
	return b.general(x, env)
}

// fused compiles what has a form of its own; nil for the rest.
func (b *Builder) fused(x ir.Expr, env Env) *Node {
	switch x := x.(type) {
	case *ir.Const:
		return constant(x.Value)
	case *ir.Current:
		return env.Cur
	case *ir.Event:
		return env.Event
	case *ir.Var:
		if n := env.Vars[x.Slot]; n != nil {
			return n
		}
		b.refuse("a variable that is bound on some ways only")
		return constant(nil)
	case *ir.Meta:
		return b.meta(x, env)
	case *ir.Field:
		return b.field(x, env)
	case *ir.Index:
		return b.index(x, env)
	case *ir.TableGet:
		return b.tableGet(x, env)
	case *ir.Call:
		return b.call(x, env)
	case *ir.Let:
		return b.let(x, env)
	case *ir.Not:
		return b.not(x, env)
	case *ir.Neg:
		return b.neg(x, env)
	case *ir.Arith:
		return b.arith(x, env)
	case *ir.Compare:
		return b.compare(x, env)
	case *ir.And:
		return b.logic(x.X, x.Y, false, env)
	case *ir.Or:
		return b.logic(x.X, x.Y, true, env)
	case *ir.In:
		return b.in(x, env)
	case *ir.Matches:
		return b.matches(x, env)
	case *ir.Is:
		return b.is(x, env)
	case *ir.Cast:
		return b.cast(x, env)
	case *ir.Coalesce:
		return b.coalesce(b.expr(x.X, env), b.expr(x.Y, env))
	case *ir.Catch:
		return b.catch(x, env)
	case *ir.If:
		return b.choose(b.expr(x.Cond, env), b.expr(x.Then, env), b.expr(x.Else, env))
	case *ir.Match:
		return b.match(x, env)
	case *ir.ListFor:
		b.plan.Reserve()
		return b.listFor(x, env)
	case *ir.List:
		b.plan.Reserve()
		return b.list(x, env)
	case *ir.Object:
		b.plan.Reserve()
		return b.object(x, env)
	case *ir.Text:
		return b.interpolation(x, env)
	}
	return nil
}

func (b *Builder) field(x *ir.Field, env Env) *Node {
	return b.narrowed(b.Field(b.expr(x.X, env), x.Name), x)
}

// narrowed gives a place the kind that the checker knows by now, which may be
// narrower than what was declared.
func (b *Builder) narrowed(n *Node, x ir.Expr) *Node {
	if n == nil || n.path == nil {
		return n
	}
	if k := kindOf(x.Type()); n.kind == anyKind && k != anyKind && k != nullKind {
		c := *n
		c.kind = k
		return &c
	}
	return n
}

// Field is n.name, or nil where only values can tell.
func (b *Builder) Field(n *Node, name string) *Node {
	switch {
	case n.isNull():
		return n
	case n.lit != nil:
		if o, ok := n.lit.v.(*value.Object); ok {
			v, _ := o.Get(name)
			return constant(v)
		}
	case n.path != nil:
		return n.path.field(name)
	case n.obj != nil:
		f := n.obj.field(b, name)
		if f == nil || !n.fallible {
			return f
		}
		// The object is computed whole, whatever is read of it (E1).
		state := n.State()
		return after(func(m *Machine) bool { return state(m) != Bad }, true, f)
	case n.parts != nil:
		return n.parts[name]
	case n.alts != nil:
		x, y := b.Field(n.alts.x, name), b.Field(n.alts.y, name)
		if x != nil && y != nil {
			return b.choose(n.alts.cond, x, y)
		}
	}
	return nil
}

func (b *Builder) index(x *ir.Index, env Env) *Node {
	c, ok := x.I.(*ir.Const)
	if !ok {
		return nil
	}
	switch i := c.Value.(type) {
	case string:
		return b.field(&ir.Field{Node: x.Node, X: x.X, Name: i}, env)
	case value.Number:
		if k, ok := i.Int64(); ok && k > -maxNth && k < maxNth {
			return b.narrowed(b.element(b.expr(x.X, env), int(k)), x)
		}
	}
	return nil
}

// maxNth bounds constant indices, so that they are ints everywhere.
const maxNth = 1 << 30

// logic is `and`, or `or` where decided is true.
func (b *Builder) logic(xx, yy ir.Expr, decided bool, env Env) *Node {
	x, y := b.expr(xx, env), b.expr(yy, env)
	first, second := x.Bool(), y.Bool()
	// `a and b and c` is one loop, not a closure in a closure.
	if x.chain != nil && x.chained == decided {
		return chain(append(slices.Clone(x.chain), second), decided, x.fallible || y.fallible)
	}
	return chain([]truthFn{first, second}, decided, x.fallible || y.fallible)
}

func chain(of []truthFn, decided, fallible bool) *Node {
	n := boolNode(fallible, func(m *Machine) (bool, State) {
		for _, get := range of {
			switch v, st := get(m); {
			case st != Some:
				return false, Bad // null is no condition
			case v == decided:
				return v, Some
			}
		}
		return !decided, Some
	})
	n.chain, n.chained = of, decided
	return n
}

func (b *Builder) not(x *ir.Not, env Env) *Node {
	n := b.expr(x.X, env)
	get := n.Bool()
	return boolNode(n.fallible, func(m *Machine) (bool, State) {
		v, st := get(m)
		if st != Some {
			return false, Bad
		}
		return !v, Some
	})
}

// coalesce is x ?? y.
func (b *Builder) coalesce(x, y *Node) *Node {
	switch {
	case x.isNull():
		return y
	case x.lit != nil:
		return x
	case x.path != nil && x.kind == listKind && y.isEmptyList():
		if n := x.path.orEmpty(); n != nil {
			return n
		}
	case x.kind == objectKind && y.kind == objectKind:
		return b.choose(isNull(x), y, x)
	}
	return pick(x, y, func(m *Machine, st State) bool { return st == Null })
}

func (b *Builder) catch(x *ir.Catch, env Env) *Node {
	n, y := b.expr(x.X, env), b.expr(x.Y, env)
	if !n.fallible {
		return n
	}
	if !b.certain(x.X, n) {
		return nil
	}
	return pick(n, y, func(m *Machine, st State) bool { return st == Bad })
}

// certain tells whether Bad of a node always is a failure of the script that a
// `catch` takes, and never a limit, or a doubt that only the reference evaluator
// can settle.
func (b *Builder) certain(x ir.Expr, n *Node) bool {
	call, ok := x.(*ir.Call)
	if !ok || len(call.Args) != 1 {
		return false
	}
	switch call.Func.Name {
	case "number":
		return certainText(call.Args[0])
	}
	return false
}

// certainText tells whether an operand is a place that was judged to be text.
func certainText(x ir.Expr) bool {
	for {
		switch f := x.(type) {
		case *ir.Field:
			if kindOf(f.T) == anyKind {
				return false
			}
			x = f.X
		case *ir.Current, *ir.Event, *ir.Var:
			return kindOf(x.Type()) != anyKind
		default:
			return false
		}
	}
}

// pick is x, or y where other says so of the state that x was read with. The
// readings are those that both have.
func pick(x, y *Node, other func(*Machine, State) bool) *Node {
	n := &Node{kind: x.kind, fallible: x.fallible || y.fallible}
	if x.kind == nullKind {
		n.kind = y.kind
	} else if y.kind != nullKind && y.kind != x.kind {
		n.kind = anyKind
	}
	xs, ys := x.State(), y.State()
	n.state = func(m *Machine) State {
		if st := xs(m); !other(m, st) {
			return st
		}
		return ys(m)
	}
	xw, yw := x.Write(), y.Write()
	n.write = func(m *Machine) State {
		before := len(m.Buf)
		st := xw(m)
		if !other(m, st) {
			return st
		}
		m.Buf = m.Buf[:before]
		return yw(m)
	}
	xv, yv := x.Value(), y.Value()
	n.value = func(m *Machine) (value.Value, State) {
		v, st := xv(m)
		if !other(m, st) {
			return v, st
		}
		return yv(m)
	}
	switch n.kind {
	case textKind:
		n.text = either(x.Text(), y.Text(), other)
	case numberKind:
		n.num = either(x.number(), y.number(), other)
		if xd, yd := x.digits(), y.digits(); xd != nil && yd != nil {
			n.raw = either(xd, yd, other)
		} else {
			n.mixed = x.mixed || y.mixed || xd != nil || yd != nil
		}
	case boolKind:
		n.truth = either(x.Bool(), y.Bool(), other)
	case timeKind:
		n.time = either(x.Instant(), y.Instant(), other)
	}
	return n
}

func either[T any](x, y func(*Machine) (T, State), other func(*Machine, State) bool) func(*Machine) (T, State) {
	return func(m *Machine) (T, State) {
		v, st := x(m)
		if !other(m, st) {
			return v, st
		}
		return y(m)
	}
}

// choose is if c then x else y.
func (b *Builder) choose(c, x, y *Node) *Node {
	if c.lit != nil {
		if c.lit.v == true {
			return x
		}
		return y
	}
	get := c.Bool()
	n := &Node{kind: x.kind, fallible: c.fallible || x.fallible || y.fallible}
	if (x.kind == objectKind || x.kind == nullKind) && (y.kind == objectKind || y.kind == nullKind) {
		n.alts = &alternation{c, x, y}
	}
	if x.kind == nullKind {
		n.kind = y.kind
	} else if y.kind != nullKind && y.kind != x.kind {
		n.kind = anyKind
	}
	xs, ys := x.State(), y.State()
	n.state = func(m *Machine) State {
		switch v, st := get(m); {
		case st != Some:
			return Bad
		case v:
			return xs(m)
		}
		return ys(m)
	}
	xw, yw := x.Write(), y.Write()
	n.write = func(m *Machine) State {
		switch v, st := get(m); {
		case st != Some:
			return Bad
		case v:
			return xw(m)
		}
		return yw(m)
	}
	n.value = which(get, x.Value(), y.Value())
	switch n.kind {
	case textKind:
		n.text = which(get, x.Text(), y.Text())
	case numberKind:
		n.num = which(get, x.number(), y.number())
		if xd, yd := x.digits(), y.digits(); xd != nil && yd != nil {
			n.raw = which(get, xd, yd)
		} else {
			n.mixed = x.mixed || y.mixed || xd != nil || yd != nil
		}
	case boolKind:
		n.truth = which(get, x.Bool(), y.Bool())
	case timeKind:
		n.time = which(get, x.Instant(), y.Instant())
	}
	return n
}

func which[T any](cond truthFn, x, y func(*Machine) (T, State)) func(*Machine) (T, State) {
	return func(m *Machine) (T, State) {
		switch v, st := cond(m); {
		case st != Some:
			var none T
			return none, Bad
		case v:
			return x(m)
		}
		return y(m)
	}
}

// match tries the arms from the last: each is an `if` whose else is what stands
// below it.
func (b *Builder) match(x *ir.Match, env Env) *Node {
	var enter func(*Machine) bool
	fallible := false
	if x.Subject != nil {
		subject := b.expr(x.Subject, env)
		fallible = subject.fallible
		subject, enter = b.Hold(subject)
		env = env.Bind(x.Slot, subject)
	}
	last := &x.Arms[len(x.Arms)-1]
	n := b.expr(last.X, env)
	for i := len(x.Arms) - 2; i >= 0; i-- {
		a := &x.Arms[i]
		if a.Cond == nil {
			n = b.expr(a.X, env)
			continue
		}
		n = b.choose(b.expr(a.Cond, env), b.expr(a.X, env), n)
	}
	return after(enter, fallible, n)
}

// let evaluates its value once, however often the body reads it.
func (b *Builder) let(x *ir.Let, env Env) *Node {
	v := b.expr(x.Value, env)
	fallible := v.fallible
	v, enter := b.Hold(v)
	body := b.expr(x.Body, env.Bind(x.Slot, v))
	switch {
	case !x.NullSubject:
	case v.isNull():
		return v
	default:
		body = b.unlessNull(v, body)
	}
	return after(enter, fallible, body)
}

// unlessNull is null where v is, else n.
func (b *Builder) unlessNull(v, n *Node) *Node {
	if v.obj != nil || v.lit != nil {
		return n
	}
	return b.choose(isNull(v), constant(nil), n)
}

// isNull is the condition that n is null.
func isNull(n *Node) *Node {
	st := n.State()
	return boolNode(n.fallible, func(m *Machine) (bool, State) {
		s := st(m)
		if s == Bad {
			return false, Bad
		}
		return s == Null, Some
	})
}

// after runs enter, which may be Bad where fallible, before each reading of n.
func after(enter func(*Machine) bool, fallible bool, n *Node) *Node {
	if enter == nil {
		return n
	}
	out := &Node{kind: n.kind, fallible: fallible || n.fallible}
	state, write, get := n.State(), n.Write(), n.Value()
	out.state = func(m *Machine) State {
		if !enter(m) {
			return Bad
		}
		return state(m)
	}
	out.write = func(m *Machine) State {
		if !enter(m) {
			return Bad
		}
		return write(m)
	}
	out.value = entered(enter, get)
	switch n.kind {
	case textKind:
		out.text = entered(enter, n.Text())
	case numberKind:
		out.num = entered(enter, n.number())
		out.mixed = n.mixed
		if d := n.digits(); d != nil {
			out.raw = entered(enter, d)
		}
	case boolKind:
		out.truth = entered(enter, n.Bool())
	case timeKind:
		out.time = entered(enter, n.Instant())
	}
	return out
}

func entered[T any](enter func(*Machine) bool, get func(*Machine) (T, State)) func(*Machine) (T, State) {
	return func(m *Machine) (T, State) {
		if !enter(m) {
			var none T
			return none, Bad
		}
		return get(m)
	}
}
