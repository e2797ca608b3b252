package check

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// typ resolves a type as it is written.
func (c *checker) typ(fs *fileScope, t *syntax.Type) *types.Type {
	if t == nil {
		return types.AnyT
	}
	ts := make([]*types.Type, len(t.Terms))
	for i, x := range t.Terms {
		ts[i] = c.typeTerm(fs, x)
		if ts[i] == bad {
			return bad
		}
	}
	if len(ts) == 1 {
		return ts[0]
	}
	return types.Declared(ts...)
}

func (c *checker) typeTerm(fs *fileScope, t *syntax.TypeTerm) *types.Type {
	p := c.typePrim(fs, t.Prim)
	if t.Null && p != bad {
		return types.Nullable(p)
	}
	return p
}

func (c *checker) typePrim(fs *fileScope, p syntax.TypePrim) *types.Type {
	switch p := p.(type) {
	case *syntax.TypeName:
		return c.typeName(fs, p)
	case *syntax.TypeList:
		return types.ListOf(c.typ(fs, p.Of))
	case *syntax.TypeGroup:
		return c.typ(fs, p.Of)
	case *syntax.TypeMap:
		return types.MapOf(c.typ(fs, p.Of))
	case *syntax.TypeLit:
		switch p.Kind {
		case syntax.TextLit:
			return types.Lit(p.Value)
		case syntax.BoolLit:
			return types.Lit(p.Value == "true")
		}
		if n, ok := number(p.Value); ok {
			return types.Lit(n)
		}
		return bad
	case *syntax.TypeObj:
		return c.typeObj(fs, p)
	}
	return bad // a part that could not be read
}

// number reads a number as written in a script.
func number(text string) (value.Number, bool) {
	return value.ParseNumber(strings.ReplaceAll(text, "_", ""))
}

func (c *checker) typeObj(fs *fileScope, p *syntax.TypeObj) *types.Type {
	var rest *types.Type
	if p.Rest != nil {
		rest = c.typ(fs, p.Rest)
	}
	var fields []types.Field
	seen := map[string]bool{}
	for _, f := range p.Fields {
		if seen[f.Key.Text] {
			c.errorf(diag.FieldTwice, f.Key.Span(), "the field `%s` stands twice", f.Key.Text)
			continue
		}
		seen[f.Key.Text] = true
		field := types.Field{Name: f.Key.Text, Type: c.typ(fs, f.Type), Optional: f.Opt}
		if f.Default != nil {
			c.fieldDefault(fs, f, &field)
		}
		fields = append(fields, field)
	}
	return types.Row(rest, fields...)
}

func (c *checker) fieldDefault(fs *fileScope, f *syntax.TypeField, field *types.Field) {
	x := c.constant(fs, f.Default)
	if isBad(x) {
		return
	}
	k, ok := x.(*ir.Const)
	switch {
	case !ok:
		c.errorf(diag.NotConstant, x.Span(), "the default of `%s` is not a constant", field.Name)
	case field.Type != bad && !types.Member(k.Value, field.Type):
		c.errorf(diag.BadDefault, x.Span(), "the default of `%s` is not of its type", field.Name).
			WithLabel("%s, not %s", short(k.T), short(field.Type))
	default:
		field.Default, field.HasDef = k.Value, true
	}
}

func (c *checker) typeName(fs *fileScope, n *syntax.TypeName) *types.Type {
	if t := types.Builtin(n.Name); t != nil {
		return t
	}
	s, name := fs.space, n.Name
	if u, rest, ok := fs.module(n.Name); ok {
		if u.space == nil {
			return bad
		}
		s, name = u.space, rest
	}
	if d := s.types[name]; d != nil {
		return c.declared(d, n)
	}
	if _, ok := s.unread[name]; ok {
		return bad
	}
	if t := c.env.Type(n.Name); t != nil {
		return t
	}
	e := c.errorf(diag.UnknownType, n.Span(), "there is no type `%s`", n.Name)
	if i := strings.IndexByte(n.Name, '.'); i > 0 {
		if path := c.modulePath(n.Name[:i]); path != "" && s == fs.space {
			e.WithHelp("write `use %s` at the top of the file", path)
			return bad
		}
	}
	if near := diag.Nearest(name, append(keys(s.types), types.BuiltinNames()...)); near != "" {
		e.WithHelp("did you mean %s?", near)
	}
	return bad
}

// declared resolves a declared type, once.
func (c *checker) declared(d *typeDecl, at syntax.Node) *types.Type {
	if d.t != nil {
		return d.t
	}
	if d.pending {
		c.errorf(diag.TypeCycle, at.Span(), "the type `%s` holds itself", d.decl.Name.Text).
			WithLabel("leads back to %s", d.decl.Name.Span()).WithHelp("write any where it would go on")
		return bad
	}
	d.pending = true
	var t *types.Type
	if d.decl.Schema.Set() {
		t = c.schema(d.decl)
	} else {
		t = c.typ(d.in, d.decl.Type)
	}
	d.pending = false
	if t != bad {
		name := d.decl.Name.Text
		if d.in.space.name != "" {
			name = d.in.space.name + "." + name
		}
		t = types.Named(name, t)
	}
	d.t = t
	return t
}
