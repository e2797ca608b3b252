package types

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/value"
)

func TestMain(m *testing.M) {
	// The laws are cheap; a hundred tries, rapid's habit, miss what is rare.
	if err := flag.Set("rapid.checks", "1500"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// ty reads a type in the notation of Route, so that tables can be read. The
// braces of a declaration are open rows; `={ a: int }` is a closed one, as
// literals have, and in it `a: T?` is always there.
func ty(src string) *Type {
	r := &reader{s: src}
	t := r.union()
	r.space()
	if r.s != "" {
		panic(fmt.Sprintf("%q: %q is left", src, r.s))
	}
	return t
}

type reader struct{ s string }

func (r *reader) space() { r.s = strings.TrimLeft(r.s, " ") }

func (r *reader) take(p string) bool {
	r.space()
	rest, ok := strings.CutPrefix(r.s, p)
	if ok {
		r.s = rest
	}
	return ok
}

func (r *reader) must(p string) {
	if !r.take(p) {
		panic(fmt.Sprintf("%q expected at %q", p, r.s))
	}
}

func (r *reader) word() string {
	r.space()
	n := 0
	for n < len(r.s) && (isWord(r.s[:n+1]) || n > 0 && r.s[n] == '.' && n+1 < len(r.s) && isWord(r.s[n+1:n+2])) {
		n++
	}
	w := r.s[:n]
	r.s = r.s[n:]
	return w
}

func (r *reader) union() *Type {
	ts := []*Type{r.term()}
	for r.take("|") {
		ts = append(ts, r.term())
	}
	if len(ts) == 1 {
		return ts[0]
	}
	return Declared(ts...)
}

func (r *reader) term() *Type {
	t := r.prim()
	if r.take("?") {
		return Nullable(t)
	}
	return t
}

func (r *reader) prim() *Type {
	switch {
	case r.take("("):
		t := r.union()
		r.must(")")
		return t
	case r.take("["):
		t := r.union()
		r.must("]")
		return ListOf(t)
	case r.take("={"):
		return r.object(true)
	case r.take("{"):
		return r.object(false)
	}
	if v, ok := r.literal(); ok {
		return Lit(v)
	}
	name := r.word()
	if t := Builtin(name); t != nil {
		return t
	}
	switch name {
	case "never":
		return NeverT
	case "some":
		return SomeT
	case "":
		panic(fmt.Sprintf("a type expected at %q", r.s))
	}
	return OpaqueOf(name)
}

func (r *reader) literal() (value.Value, bool) {
	r.space()
	switch {
	case r.s == "":
	case r.s[0] == '"':
		return r.text(), true
	case strings.IndexByte("-0123456789", r.s[0]) >= 0:
		n := strings.IndexFunc(r.s[1:], func(c rune) bool { return !strings.ContainsRune("0123456789.eE", c) }) + 1
		if n == 0 {
			n = len(r.s)
		}
		v := num(r.s[:n])
		r.s = r.s[n:]
		return v, true
	case r.take("true"):
		return true, true
	case r.take("false"):
		return false, true
	}
	return nil, false
}

// text reads a CONST with the escapes of grammar.ebnf, L3.
func (r *reader) text() string {
	var b strings.Builder
	s := r.s[1:]
	for s[0] != '"' {
		if s[0] != '\\' {
			c, n := utf8.DecodeRuneInString(s)
			b.WriteRune(c)
			s = s[n:]
			continue
		}
		switch s[1] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'u':
			end := strings.IndexByte(s, '}')
			c, err := strconv.ParseUint(s[3:end], 16, 32)
			if err != nil {
				panic(err)
			}
			b.WriteRune(rune(c))
			s = s[end-1:]
		default:
			b.WriteByte(s[1])
		}
		s = s[2:]
	}
	r.s = s[1:]
	return b.String()
}

func (r *reader) object(closed bool) *Type {
	var fields []Field
	var rest *Type
	for !r.take("}") {
		if len(fields) > 0 || rest != nil {
			r.must(",")
		}
		if r.take("...") {
			r.must(":")
			rest = r.union()
			continue
		}
		r.space()
		alone := len(fields) == 0 && strings.HasPrefix(r.s, "string: ")
		fields = append(fields, r.field())
		if alone && r.take("}") {
			return MapOf(fields[0].Type)
		}
	}
	if closed {
		t := Obj(fields...)
		t.Rest = rest
		return t
	}
	return Row(rest, fields...)
}

func (r *reader) field() Field {
	var f Field
	if r.s[0] == '"' {
		f.Name = r.text()
	} else {
		f.Name = r.word()
	}
	f.Optional = r.take("?")
	r.must(":")
	f.Type = r.union()
	if r.take("=") {
		v, ok := r.literal()
		if !ok {
			panic("a constant expected at " + r.s)
		}
		f.Default, f.HasDef = v, true
	}
	return f
}

// val reads a value from JSON.
func val(src string) value.Value {
	v, err := value.DecodeJSON([]byte(src))
	if err != nil {
		panic(fmt.Sprintf("%s: %v", src, err))
	}
	return v
}
