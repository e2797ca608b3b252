package syntax

import (
	"fmt"
	"reflect"
	"strings"
)

// Show prints an expression on one line, with all its parentheses.
func Show(x Expr) string {
	switch n := x.(type) {
	case nil:
		return ""
	case *Lit:
		return strings.ReplaceAll(n.Text, "\r\n", "\n") // of a `text`, which means the same so
	case *Text:
		s := n.Raw[0]
		for i, e := range n.Exprs {
			s += Show(e) + n.Raw[i+1]
		}
		return s
	case *Root:
		return n.Sigil
	case *Meta:
		return "@" + n.Name
	case *Name:
		return n.Name
	case *Field:
		if r, ok := n.Of.(*Root); ok && r.Sigil == "." {
			return "." + n.Name
		}
		return Show(n.Of) + "." + n.Name
	case *Index:
		return Show(n.Of) + "[" + showAll(n.Keys) + "]"
	case *Call:
		return n.Func.Text + "(" + showAll(n.Args) + ")"
	case *Unary:
		return "(" + n.Op + " " + Show(n.X) + ")"
	case *Binary:
		return "(" + Show(n.X) + " " + n.Op + " " + Show(n.Y) + ")"
	case *Is:
		op := "is"
		if n.Not {
			op = "is not"
		}
		return "(" + Show(n.X) + " " + op + " " + ShowType(n.T) + ")"
	case *Cast:
		return "(" + Show(n.X) + " | as " + showTerm(n.T) + ")"
	case *Cond:
		return "(if " + Show(n.If) + " then " + Show(n.Then) + " else " + Show(n.Else) + ")"
	case *Paren:
		return Show(n.X)
	case *List:
		var s []string
		for _, i := range n.Items {
			dots := ""
			if i.Spread {
				dots = "..."
			}
			s = append(s, dots+Show(i.X))
		}
		return "[" + strings.Join(s, ", ") + showFor(n.For) + "]"
	case *Object:
		var s []string
		for _, e := range n.Entries {
			s = append(s, showEntry(e))
		}
		return "{" + strings.Join(s, ", ") + showFor(n.For) + "}"
	case *Match:
		s := "(match"
		if n.Subject != nil {
			s += " " + Show(n.Subject)
		}
		for _, a := range n.Arms {
			s += "; " + showPatterns(a.Pats, a.Else) + " => " + Show(a.X)
		}
		return s + ")"
	}
	return fmt.Sprintf("?%T", x)
}

func showAll(xs []Expr) string {
	var s []string
	for _, x := range xs {
		s = append(s, Show(x))
	}
	return strings.Join(s, ", ")
}

func showKey(k Key) string {
	if k.Quoted {
		return fmt.Sprintf("%q", k.Text)
	}
	return k.Text
}

func showEntry(e *Entry) string {
	colon := ": "
	if e.Opt {
		colon = "?: "
	}
	switch {
	case e.Spread:
		return "..." + Show(e.X)
	case e.Short:
		return e.Key.Text
	case e.Computed != nil:
		return "[" + Show(e.Computed) + "]" + colon + Show(e.X)
	}
	return showKey(e.Key) + colon + Show(e.X)
}

func showPatterns(ps []*Pattern, els bool) string {
	if els {
		return "else"
	}
	var s []string
	for _, p := range ps {
		if p.Is != nil {
			s = append(s, "is "+ShowType(p.Is))
		} else {
			s = append(s, Show(p.X))
		}
	}
	return strings.Join(s, ", ")
}

func showFor(f *For) string {
	if f == nil {
		return ""
	}
	s := " for "
	if f.K.Set() {
		s += f.K.Text + ", "
	}
	s += f.V.Text + " in " + Show(f.In)
	if f.If != nil {
		s += " if " + Show(f.If)
	}
	return s
}

// ShowType prints a type on one line.
func ShowType(t TypePrim) string {
	switch n := t.(type) {
	case nil:
		return ""
	case *TypeName:
		return n.Name
	case *TypeLit:
		return n.Text
	case *TypeList:
		return "[" + showUnion(n.Of) + "]"
	case *TypeGroup:
		return "(" + showUnion(n.Of) + ")"
	case *TypeMap:
		return "{string: " + showUnion(n.Of) + "}"
	case *TypeObj:
		var s []string
		for _, f := range n.Fields {
			colon := ": "
			if f.Opt {
				colon = "?: "
			}
			x := showKey(f.Key) + colon + showUnion(f.Type)
			if f.Default != nil {
				x += " = " + Show(f.Default)
			}
			s = append(s, x)
		}
		if n.Rest != nil {
			s = append(s, "...: "+showUnion(n.Rest))
		}
		return "{" + strings.Join(s, ", ") + "}"
	}
	return fmt.Sprintf("?%T", t)
}

func showTerm(t *TypeTerm) string {
	if t.Null {
		return ShowType(t.Prim) + "?"
	}
	return ShowType(t.Prim)
}

func showUnion(t *Type) string {
	var s []string
	for _, x := range t.Terms {
		s = append(s, showTerm(x))
	}
	return strings.Join(s, " | ")
}

// Dump prints what a file holds, a line for each declaration, route and stage,
// without spans and comments: two texts of the same dump mean the same.
func Dump(f *File) string {
	var s []string
	for _, d := range f.Decls {
		s = append(s, dump(reflect.ValueOf(d)))
	}
	for _, r := range f.Routes {
		line := "route"
		if r.Head != nil {
			line += " " + dump(reflect.ValueOf(r.Head))
		}
		s = append(s, line+" "+dump(reflect.ValueOf(r.From)))
		for _, st := range r.Stages {
			s = append(s, "  "+dump(reflect.ValueOf(st)))
		}
	}
	return strings.Join(s, "\n")
}

func dump(v reflect.Value) string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return ""
		}
	}
	if !v.CanInterface() {
		return ""
	}
	x := v.Interface()
	if v.Kind() == reflect.Struct && v.CanAddr() {
		x = v.Addr().Interface()
	}
	switch n := x.(type) {
	case Expr:
		return Show(n)
	case TypePrim:
		return ShowType(n)
	case *Type:
		return showUnion(n)
	case *TypeTerm:
		return showTerm(n)
	case *Mark:
		return ""
	case *Key:
		return showKey(*n)
	case *Target:
		return Show(n.X)
	case *Path:
		return Show(n.X)
	case *Keys:
		return "[" + showAll(n.List) + "]"
	case []*Pattern:
		return showPatterns(n, false)
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return dump(v.Elem())
	case reflect.Slice:
		var s []string
		for i := range v.Len() {
			s = append(s, dump(v.Index(i)))
		}
		return "[" + strings.Join(s, "; ") + "]"
	case reflect.Struct:
		return dumpFields(v)
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return fmt.Sprint(v.Bool())
	}
	return fmt.Sprint(x)
}

func dumpFields(v reflect.Value) string {
	var s []string
	t := v.Type()
	for i := range v.NumField() {
		f := t.Field(i)
		if f.Name == "head" || f.Name == "node" || v.Field(i).IsZero() {
			continue
		}
		d := dump(v.Field(i))
		switch {
		case d == "" || d == "[]":
		case f.Name == "Text" && v.NumField() <= 3:
			return d // a leaf is its text
		case f.Anonymous:
			s = append(s, d)
		default:
			s = append(s, f.Name+"="+d)
		}
	}
	return t.Name() + "(" + strings.Join(s, " ") + ")"
}
