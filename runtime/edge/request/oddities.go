package request

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Undeclared is what Oddities calls a field that the type does not declare: names come
// from the sender, and must not grow what is counted.
const Undeclared = "other"

// Oddities counts what a sender should look at: parameters of query and form in which
// bytes that are no text became U+FFFD, and by field of t texts that are macros which
// nobody expanded, also those in an object of JSON, or a list of them. Both are taken.
func (r *Request) Oddities(t *types.Type) (replaced int, macros map[string]int) {
	o := oddities{t: t}
	o.parameters(r.Query)
	switch {
	case r.IsForm():
		o.parameters(string(r.Body))
	case r.IsMultipart():
		o.parts(r)
	case marked(r.Body):
		o.body(r.Body)
	}
	return o.replaced, o.macros
}

// oddities are counted.
type oddities struct {
	t        *types.Type
	replaced int
	macros   map[string]int
}

// marks begin a text that may be a macro, so that a body without any of them need not
// be read.
var marks = [][]byte{[]byte(`"{`), []byte(`"[`), []byte(`"%`), []byte(`"__`), []byte(`"$`), []byte(`"<`), []byte(`"undefined`)}

func marked(body []byte) bool {
	return slices.ContainsFunc(marks, func(m []byte) bool { return bytes.Contains(body, m) })
}

// body counts the fields of an object, or of each that stands in a list.
func (o *oddities) body(b []byte) {
	v, err := value.DecodeJSON(b)
	if err != nil {
		return
	}
	list, ok := v.(value.List)
	if !ok {
		list = value.List{v}
	}
	for _, v := range list {
		fields, ok := v.(*value.Object)
		for i := 0; ok && i < fields.Len(); i++ {
			if text, ok := fields.At(i).Value.(string); ok && value.IsMacro(text) {
				o.macro(fields.At(i).Key)
			}
		}
	}
}

// parts counts those of a form in parts.
func (o *oddities) parts(r *Request) {
	list, replaced, err := r.multipart()
	if err != nil {
		return
	}
	o.replaced += replaced
	for _, p := range list {
		if value.IsMacro(p.Value) {
			o.macro(p.Name)
		}
	}
}

func (o *oddities) parameters(query string) {
	for raw := range strings.SplitSeq(query, "&") {
		name, v, _ := strings.Cut(raw, "=")
		if !utf8.ValidString(Unescape(name)) || !utf8.ValidString(Unescape(v)) {
			o.replaced++
		}
		if value.IsMacro(plain(v)) {
			o.macro(plain(name))
		}
	}
}

func (o *oddities) macro(field string) {
	if !declares(o.t, field) {
		field = Undeclared
	}
	if o.macros == nil {
		o.macros = map[string]int{}
	}
	o.macros[field]++
}

// declares tells whether a type has a field of a name.
func declares(t *types.Type, name string) bool {
	switch {
	case t == nil:
		return false
	case t.Kind == types.Union:
		for _, m := range t.Members {
			if declares(m, name) {
				return true
			}
		}
		return false
	case t.Kind != types.Object:
		return false
	}
	_, ok := t.Field(name)
	return ok
}
