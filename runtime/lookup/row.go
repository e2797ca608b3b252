package lookup

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// judge gives a row as the table declares it; text is for rows whose values came as
// text.
func judge(t *ir.Table, v value.Value, text bool) (value.Value, *problem) {
	if v == nil && !types.MayBeNull(t.Row) {
		return nil, &problem{why: "null is no row", help: "leave the row out"}
	}
	out, m := types.Judge(v, t.Row, types.Mode{Text: text})
	if m != nil {
		return nil, &problem{path: m.Path, why: "expected " + m.Want + ", got " + m.Got, help: m.Help}
	}
	return out, nil
}

// problem is why something is no row of a table.
type problem struct {
	path string // of the part of the row, as a script writes it; "" or "." is the whole
	why  string
	help string // may be ""
}

// Error says it in one line.
func (p *problem) Error() string {
	s := p.why
	if p.path != "" && p.path != "." {
		s = p.path + ": " + s
	}
	if p.help != "" {
		s += " (" + p.help + ")"
	}
	return s
}

// field gives the first name of the path, where there is one: the column of a CSV
// file.
func (p *problem) field() string {
	name, ok := strings.CutPrefix(p.path, ".")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(name, ".["); i >= 0 {
		name = name[:i]
	}
	return name
}

// keyOf gives the key of a row by the fields that the table is keyed by.
func keyOf(t *ir.Table, row value.Value) (string, *problem) {
	var b []byte
	for _, k := range t.Keys {
		v, there := at(row, k.Field)
		path := "." + strings.Join(k.Field, ".")
		switch {
		case !there:
			return "", &problem{path: path, why: "the key is missing", help: "every row needs its key"}
		case v == nil:
			return "", &problem{path: path, why: "the key is null", help: "every row needs its key"}
		}
		b = value.AppendKey(b, v)
	}
	return string(b), nil
}

// at reads a path; false where something on it is not there.
func at(v value.Value, path []string) (value.Value, bool) {
	for _, name := range path {
		o, ok := v.(*value.Object)
		if !ok {
			return nil, false
		}
		if v, ok = o.Get(name); !ok {
			return nil, false
		}
	}
	return v, true
}

// recordKey gives the key of a table that is keyed by the key of its records.
func recordKey(t *ir.Table, key []byte) (string, *problem) {
	switch {
	case key == nil:
		return "", &problem{why: "the record has no key", help: fmt.Sprintf("table %s is keyed by it", t.Name)}
	case !utf8.Valid(key):
		return "", &problem{why: "the record's key is no text", help: fmt.Sprintf("table %s is keyed by it", t.Name)}
	}
	v, m := types.Judge(string(key), t.Keys[0].Type, types.Mode{Text: true})
	if m != nil {
		return "", &problem{why: "the record's key: expected " + m.Want + ", got " + m.Got, help: m.Help}
	}
	return string(value.AppendKey(nil, v)), nil
}

// byRecord tells whether the table is keyed by the key of its records.
func byRecord(t *ir.Table) bool { return len(t.Keys) == 1 && t.Keys[0].Field == nil }
