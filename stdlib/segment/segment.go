// Package segment is Segment's specification as data: the fields of its calls, the
// traits it reserves, and its semantic events with the types of their
// properties. It gives types, and judges nothing.
package segment

import (
	_ "embed"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/types"
)

//go:embed spec.json
var specJSON []byte

// spec is the embedded file: paths of fields and their types, by event or call.
type spec struct {
	Traits   map[string]map[string]string `json:"traits"`
	Reserved map[string]map[string]string `json:"reserved"` // by call, for every event
	Events   map[string]map[string]string `json:"events"`
	Aliases  map[string]string            `json:"aliases"` // names of version 1 of the e-commerce events
}

// table is the specification as types.
type table struct {
	traits, reserved, events map[string]*types.Type
	aliases                  map[string]string
	names                    []string          // of events, sorted
	plain                    map[string]string // event by its name in plain words
}

var load = sync.OnceValue(func() *table {
	var s spec
	if err := json.Unmarshal(specJSON, &s); err != nil {
		panic("segment: spec.json: " + err.Error())
	}
	t := &table{traits: map[string]*types.Type{}, reserved: map[string]*types.Type{}, events: map[string]*types.Type{},
		aliases: s.Aliases, plain: map[string]string{}}
	for call, fields := range s.Traits {
		all := map[string]string{}
		for path, kind := range fields {
			all[path] = kind
			all[snake(path)] = kind
		}
		t.traits[call] = rowOf(all)
	}
	for path, kind := range s.Traits["identify"] { // the context may have the person's
		s.Reserved["context"]["traits."+path] = kind
		s.Reserved["context"]["traits."+snake(path)] = kind
	}
	for call, fields := range s.Reserved {
		t.reserved[call] = rowOf(fields)
	}
	for name, fields := range s.Events {
		all := map[string]string{}
		for path, kind := range s.Reserved["track"] {
			all[path] = kind
		}
		for path, kind := range fields {
			all[path] = kind
		}
		t.events[name] = rowOf(all)
		t.names = append(t.names, name)
		t.plain[plain(name)] = name
	}
	for old, name := range s.Aliases {
		t.plain[plain(old)] = name
	}
	slices.Sort(t.names)
	return t
})

// rowOf makes an object type of paths: "products[].price". A field may be missing
// or null, unless its type ends in "!".
func rowOf(paths map[string]string) *types.Type {
	var fields []types.Field
	for _, name := range heads(paths) {
		below := map[string]string{}
		for path, kind := range paths {
			if rest, ok := strings.CutPrefix(path, name+"."); ok {
				below[rest] = kind
			}
			if rest, ok := strings.CutPrefix(path, name+"[]."); ok {
				below[rest] = kind
			}
		}
		t := kindOf(paths[name])
		switch {
		case len(below) > 0 && isList(paths, name):
			t = types.ListOf(rowOf(below))
		case len(below) > 0:
			t = rowOf(below)
		}
		if !strings.HasSuffix(paths[name], "!") {
			t = types.Nullable(t)
		}
		fields = append(fields, types.Field{Name: name, Type: t})
	}
	return types.Row(nil, fields...)
}

// heads lists the first names of paths, sorted.
func heads(paths map[string]string) []string {
	var out []string
	for path := range paths {
		if i := strings.IndexAny(path, ".["); i >= 0 {
			path = path[:i]
		}
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func isList(paths map[string]string, name string) bool {
	for path := range paths {
		if strings.HasPrefix(path, name+"[]") {
			return true
		}
	}
	return false
}

// kindOf reads "string|[string]" of the file.
func kindOf(kinds string) *types.Type {
	var ts []*types.Type
	for kind := range strings.SplitSeq(strings.TrimSuffix(kinds, "!"), "|") {
		if text, ok := strings.CutPrefix(kind, "'"); ok {
			ts = append(ts, types.Lit(strings.TrimSuffix(text, "'")))
			continue
		}
		switch kind {
		case "string", "currency":
			ts = append(ts, types.StringT)
		case "number":
			ts = append(ts, types.NumberT)
		case "int":
			ts = append(ts, types.IntT)
		case "bool":
			ts = append(ts, types.BoolT)
		case "[string]":
			ts = append(ts, types.ListOf(types.StringT))
		case "list":
			ts = append(ts, types.ListOf(types.AnyT))
		case "object":
			ts = append(ts, types.ObjectT)
		case "date": // ISO 8601 in a text is one
			ts = append(ts, types.TimeT, types.StringT)
		default:
			return types.AnyT // only a path below it is known
		}
	}
	return types.UnionOf(ts...)
}

// Reserved gives the types of the reserved traits of identify and group, and of
// the properties of a semantic event; for other events what every event of the
// call reserves. Nil where nothing is reserved. Traits are known in camelCase and
// in snake_case.
func Reserved(call, event string) *types.Type {
	t := load()
	switch call {
	case "identify", "group":
		return t.traits[call]
	case "track":
		if e := t.events[event]; e != nil {
			return e
		}
	}
	return t.reserved[call]
}

// Events lists the semantic events, sorted.
func Events() []string { return load().names }

// Name gives the semantic event that a name is, however it is written: with other
// capitals, blanks or signs, or as version 1 called it.
func Name(event string) (string, bool) {
	name, ok := load().plain[plain(event)]
	return name, ok
}

// Nearest gives the semantic event that a name nearly is: one written another way
// (order_completed), one of version 1 ("Completed Order"), or a slip of a letter.
// It is "" for other names, and for the events themselves.
func Nearest(event string) string {
	t := load()
	if t.events[event] != nil {
		return ""
	}
	p := plain(event)
	if name := t.plain[p]; name != "" {
		return name
	}
	for _, name := range t.names {
		if diag.Distance(p, plain(name)) <= len(p)/8 {
			return name
		}
	}
	return ""
}

// snake is createdAt as created_at.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// plain is a name in small letters and single blanks: "orderCompleted",
// "order_completed" and "Order  Completed" are one.
func plain(name string) string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		switch {
		case r == '_' || r == '-' || unicode.IsSpace(r):
			r = ' '
		case unicode.IsUpper(r) && lower:
			b.WriteByte(' ')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
