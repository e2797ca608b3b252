package fuse

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/eval"
)

// general has the reference evaluator compute x, on values of just what x reads:
// where it reads `.a.b` and `.c`, `.` is an object of these two.
func (b *Builder) general(x ir.Expr, env Env) *Node {
	g := &general{b: b, env: env, bound: map[ir.Slot]bool{}, vars: map[ir.Slot]*need{}}
	g.binders(x)
	g.collect(x)
	var loads []load
	if g.cur != nil {
		loads = append(loads, load{g.load(env.Cur, g.cur), func(f *eval.Frame, v value.Value) { f.Cur = v }})
	}
	if g.event != nil {
		loads = append(loads, load{g.load(env.Event, g.event), func(f *eval.Frame, v value.Value) { f.Event = v }})
	}
	for slot, nd := range g.vars {
		if env.Vars[slot] == nil {
			b.refuse("a variable that is bound on some ways only")
			return constant(nil)
		}
		loads = append(loads, load{g.load(env.Vars[slot], nd), func(f *eval.Frame, v value.Value) { f.Slots[slot] = v }})
	}
	rate := env.rate()
	return valueNode(kindOf(x.Type()), true, func(m *Machine) (value.Value, State) {
		// All of them first: making one may have the evaluator compute another
		// expression, on other values in the same places.
		vs := make([]value.Value, len(loads))
		for i := range loads {
			v, ok := loads[i].get(m)
			if !ok {
				return nil, Bad
			}
			vs[i] = v
		}
		for i := range loads {
			loads[i].put(m.Eval, vs[i])
		}
		if g.meta {
			m.setTime(env)
			m.Eval.SampleRate = rate
		}
		v, fail := eval.Expr(x, m.Eval)
		switch {
		case fail != nil:
			return nil, Bad
		case v == nil:
			return nil, Null
		}
		return v, Some
	})
}

// load makes one value that an expression reads, and puts it where it is read.
type load struct {
	get func(*Machine) (value.Value, bool)
	put func(*eval.Frame, value.Value)
}

// general collects what an expression reads of the names around it.
type general struct {
	b     *Builder
	env   Env
	bound map[ir.Slot]bool // by x itself
	cur   *need
	event *need
	vars  map[ir.Slot]*need
	meta  bool // what stages set of the record, @time and @sample_rate, is read
}

// need is what is read of a value: all of it, or some fields.
type need struct {
	all    bool
	names  []string
	fields map[string]*need
}

func (n *need) at(path []string) {
	for _, name := range path {
		if n.fields == nil {
			n.fields = map[string]*need{}
		}
		f, ok := n.fields[name]
		if !ok {
			f = &need{}
			n.fields[name] = f
			n.names = append(n.names, name)
		}
		n = f
	}
	n.all = true
}

func (g *general) binders(x ir.Expr) {
	ir.Walk(x, func(x ir.Expr) bool {
		switch x := x.(type) {
		case *ir.Let:
			g.bound[x.Slot] = true
		case *ir.Match:
			g.bound[x.Slot] = true
		case *ir.ListFor:
			g.bindFor(&x.For)
		case *ir.ObjectFor:
			g.bindFor(&x.For)
		}
		return true
	})
}

func (g *general) bindFor(f *ir.For) {
	g.bound[f.Value] = true
	if f.HasKey {
		g.bound[f.Key] = true
	}
}

func (g *general) collect(x ir.Expr) {
	ir.Walk(x, func(x ir.Expr) bool {
		switch x := x.(type) {
		case *ir.Meta:
			g.meta = g.meta || x.Name == "time" || x.Name == "sample_rate"
		case *ir.TableGet: // whose rows have an age
			g.meta = true
		}
		var path []string
		root := x
		for {
			f, ok := root.(*ir.Field)
			if !ok {
				break
			}
			path = append(path, f.Name)
			root = f.X
		}
		for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
			path[i], path[j] = path[j], path[i]
		}
		n := g.root(root)
		if n == nil {
			return true
		}
		n.at(path)
		return false
	})
}

// root gives the need of a name from around x; nil for anything else.
func (g *general) root(x ir.Expr) *need {
	switch x := x.(type) {
	case *ir.Current:
		if g.cur == nil {
			g.cur = &need{}
		}
		return g.cur
	case *ir.Event:
		if g.event == nil {
			g.event = &need{}
		}
		return g.event
	case *ir.Var:
		if g.bound[x.Slot] {
			return nil
		}
		n, ok := g.vars[x.Slot]
		if !ok {
			n = &need{}
			g.vars[x.Slot] = n
		}
		return n
	}
	return nil
}

// load compiles the making of what is needed of a node.
func (g *general) load(n *Node, nd *need) func(*Machine) (value.Value, bool) {
	whole := func() func(*Machine) (value.Value, bool) {
		get := n.Value()
		return func(m *Machine) (value.Value, bool) {
			v, st := get(m)
			return v, st != Bad
		}
	}
	if nd.all || n.path == nil && n.obj == nil && n.alts == nil && n.parts == nil {
		return whole()
	}
	var fields []func(*Machine) (value.Value, bool)
	for _, name := range nd.names {
		f := g.b.Field(n, name)
		if f == nil {
			return whole()
		}
		fields = append(fields, g.load(f, nd.fields[name]))
	}
	state := n.State()
	return func(m *Machine) (value.Value, bool) {
		switch state(m) {
		case Bad:
			return nil, false
		case Null:
			return nil, true
		}
		o := value.NewObject()
		for i, get := range fields {
			v, ok := get(m)
			if !ok {
				return nil, false
			}
			o.Put(nd.names[i], v)
		}
		return o, true
	}
}
