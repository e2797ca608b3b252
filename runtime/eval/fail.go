package eval

import (
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

// ExcerptSize bounds the excerpt of a failure, in bytes.
const ExcerptSize = 120

// failAt makes a failure at x about the value v that stood there.
func failAt(c *diag.Code, x ir.Expr, v value.Value, format string, a ...any) *diag.Failure {
	fl := diag.Failf(c, x.Span(), format, a...)
	fl.Path = PathText(x)
	if v != nil {
		fl.Excerpt = value.Excerpt(v, ExcerptSize)
	}
	return fl
}

// Unfit says that v cannot be what the place of x needs: null (E0410), or of
// another kind, which only a value of type `any` can be.
func Unfit(x ir.Expr, v value.Value, what string) *diag.Failure {
	if v == nil {
		fl := failAt(diag.NullValue, x, nil, "%s is null where %s is needed", subject(x), what)
		fl.Help = "`require` it above, or give another value with `??`"
		return fl
	}
	return failAt(diag.NullValue, x, v, "%s is %s where %s is needed", subject(x), article(v), what)
}

// subject names an expression in a message: its path, or "the value".
func subject(x ir.Expr) string {
	if p := PathText(x); p != "" {
		return p
	}
	return "the value"
}

// article names the kind of a value with its article.
func article(v value.Value) string {
	switch k := value.KindOf(v); k {
	case value.KindNull:
		return "null"
	case value.KindBytes:
		return "bytes"
	case value.KindObject:
		return "an object"
	case value.KindString:
		return "text"
	default:
		return "a " + k.String()
	}
}

// PathText is the path that an expression reads, ".lines[1].qty", or "" when it
// is no path. Below a variable it begins with the variable's name.
func PathText(x ir.Expr) string {
	switch x := x.(type) {
	case *ir.Current:
		return "."
	case *ir.Event:
		return "$"
	case *ir.Meta:
		return "@" + x.Name
	case *ir.Var:
		return x.Name
	case *ir.Field:
		p := PathText(x.X)
		if p == "" {
			return ""
		}
		return join(p, FieldText(x.Name))
	case *ir.Index:
		p, c := PathText(x.X), constant(x.I)
		if p == "" || c == nil {
			return ""
		}
		return join(p, IndexText(c))
	}
	return ""
}

func constant(x ir.Expr) value.Value {
	if c, ok := x.(*ir.Const); ok {
		return c.Value
	}
	return nil
}

// join puts a step behind a path; the current value itself is "." only alone.
func join(path, step string) string {
	if path == "." {
		if step[0] == '[' {
			return "." + step
		}
		return step
	}
	return path + step
}

// FieldText is one step of a path: `.name`, or `["a b"]` where the name is no word.
func FieldText(name string) string {
	if isWord(name) {
		return "." + name
	}
	return `["` + strings.ReplaceAll(name, `"`, `\"`) + `"]`
}

// IndexText is one computed step of a path.
func IndexText(i value.Value) string {
	if s, ok := i.(string); ok {
		return FieldText(s)
	}
	s, err := value.Plain(i)
	if err != nil {
		return "[…]"
	}
	return "[" + s + "]"
}

func isWord(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_', c|0x20 >= 'a' && c|0x20 <= 'z', i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return s != ""
}

// source is the path of what a text was made of, where one field is all that it was
// made of: `trim("${.at}")` is of `.at`.
func source(x ir.Expr) string {
	if p := PathText(x); p != "" {
		return p
	}
	switch x := x.(type) {
	case *ir.Cast:
		return source(x.X)
	case *ir.Call:
		if len(x.Args) > 0 {
			return source(x.Args[0])
		}
	case *ir.Text:
		if len(x.Exprs) == 1 {
			return source(x.Exprs[0])
		}
	}
	return ""
}

// called moves a failure inside a module to where the module was called: nobody can
// mend the module, and the reader of a letter knows the script.
func called(fl *diag.Failure, x *ir.Let) *diag.Failure {
	at := x.Span()
	if !at.Valid() || at.File.Module || !fl.Span.Valid() || !fl.Span.File.Module {
		return fl
	}
	c := *fl
	c.Span = at
	return &c
}

// within rewrites the path of a failure that came out of an expression in which
// slot stood for a value: the reader of a dead letter knows `.lines[1].qty`, not the
// `l.qty` of a comprehension or a `def`.
func within(fl *diag.Failure, slot ir.Slot, body, v ir.Expr) *diag.Failure {
	path := PathText(v)
	if path == "" && isWord(fl.Path) { // the value as a whole
		path = source(v)
	}
	return withinPath(fl, slot, body, path)
}

func withinPath(fl *diag.Failure, slot ir.Slot, body ir.Expr, path string) *diag.Failure {
	if fl.Path == "" || path == "" {
		return fl
	}
	name := ""
	ir.Walk(body, func(x ir.Expr) bool {
		if v, ok := x.(*ir.Var); ok && v.Slot == slot {
			name = v.Name
		}
		return name == ""
	})
	rest, ok := strings.CutPrefix(fl.Path, name)
	if name == "" || !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
		return fl
	}
	c := *fl
	c.Path = path
	if rest != "" {
		c.Path = join(path, rest)
	}
	return &c
}
