package types

import (
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/value"
)

// String gives the type as Route source. A declared name stands for its parts;
// Structure shows them.
func (t *Type) String() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Structure()
}

// Structure is String with the parts of t itself in place of its name.
func (t *Type) Structure() string {
	var b strings.Builder
	t.write(&b, full)
	return b.String()
}

// Brief gives the type in as few words as a message has room for: long objects
// and unions end in `…`.
func (t *Type) Brief() string {
	if t.Name != "" {
		return t.Name
	}
	var b strings.Builder
	t.write(&b, briefParts)
	return b.String()
}

// Limits of the parts of objects and unions that are written.
const (
	full       = 1 << 30
	briefParts = 5
)

var kindNames = [...]string{
	Never: "never", Any: "any", Null: "null", Bool: "bool", Number: "number", Int: "int", String: "string",
	Time: "time", Duration: "duration", Bytes: "bytes",
}

// write prints the parts of t; a part that has a name is printed as its name.
func (t *Type) write(b *strings.Builder, limit int) {
	part := func(t *Type) {
		if t.Name != "" {
			b.WriteString(t.Name)
			return
		}
		t.write(b, limit)
	}
	switch t.Kind {
	case Literal:
		b.WriteString(quoteLit(t.Lit))
	case List:
		b.WriteByte('[')
		part(t.Elem)
		b.WriteByte(']')
	case Map:
		if t.Elem.Kind == Any {
			b.WriteString("object")
			return
		}
		b.WriteString("{string: ")
		part(t.Elem)
		b.WriteByte('}')
	case Object:
		t.writeObject(b, part, limit)
	case Union:
		t.writeUnion(b, part, limit)
	case Opaque:
		b.WriteString(t.Name)
	default:
		for i, k := range t.Known {
			if i >= limit {
				b.WriteString("… | ")
				break
			}
			b.WriteString(quoteLit(k) + " | ")
		}
		b.WriteString(kindNames[t.Kind])
	}
}

func (t *Type) writeObject(b *strings.Builder, part func(*Type), limit int) {
	sep := "{ "
	for i := range t.Fields {
		f := &t.Fields[i]
		b.WriteString(sep)
		sep = ", "
		if i >= limit {
			b.WriteString("…")
			break
		}
		b.WriteString(quoteKey(f.Name, len(t.Fields) == 1 && t.Rest == nil))
		if f.mayMiss() && f.Type.Kind != Any && !MayBeNull(f.Type) {
			b.WriteByte('?')
		}
		b.WriteString(": ")
		part(f.Type)
		if f.HasDef {
			b.WriteString(" = " + quoteDefault(f.Default))
		}
	}
	if t.Rest != nil {
		b.WriteString(sep + "...: ")
		part(t.Rest)
		sep = ", "
	}
	if sep == "{ " {
		b.WriteString("{}")
		return
	}
	b.WriteString(" }")
}

func (t *Type) writeUnion(b *strings.Builder, part func(*Type), limit int) {
	nonNull := slices.DeleteFunc(slices.Clone(t.Members), func(m *Type) bool { return m.Kind == Null })
	if len(nonNull) == 1 && len(t.Members) == 2 {
		m := nonNull[0]
		if len(m.Known) > 0 && m.Name == "" {
			part(m)
			b.WriteString(" | null")
			return
		}
		part(m)
		b.WriteByte('?')
		return
	}
	for i, m := range t.Members {
		if i > 0 {
			b.WriteString(" | ")
		}
		if i >= limit {
			b.WriteString("…")
			return
		}
		part(m)
	}
}

func quoteLit(v value.Value) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case bool:
		if v {
			return "true"
		}
		return "false"
	case value.Number:
		return v.Plain()
	}
	panic("types: not a literal")
}

// quote writes a text as a CONST of the grammar: JSON's escapes, but for
// \u{…}, and `${` begins no expression.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '$' && strings.HasPrefix(s[i:], "${"):
			b.WriteString(`\$`)
		case r < 0x20 || r >= 0x7f && r < 0xa0:
			const hex = "0123456789abcdef"
			b.WriteString(`\u{`)
			b.WriteByte(hex[r>>4])
			b.WriteByte(hex[r&15])
			b.WriteByte('}')
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quoteKey writes the name of a field; quoted where it is no WORD. Alone in its
// braces, `string` would begin a map.
func quoteKey(name string, alone bool) string {
	if isWord(name) && !(alone && name == "string") {
		return name
	}
	return quote(name)
}

// isWord tells whether a name may stand behind a dot as it is.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || i > 0 && c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

func quoteDefault(v value.Value) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case value.List:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = quoteDefault(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *value.Object:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = quoteKey(v.At(i).Key, false) + ": " + quoteDefault(v.At(i).Value)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case string, bool, value.Number:
		return quoteLit(v)
	}
	return string(value.AppendJSON(nil, v))
}
