package file

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Header gives the names of a CSV file's columns: those of its first line. io.EOF says
// that it has none yet.
func (r *Reader) Header() ([]string, error) {
	if r.begun || !r.csv {
		return r.header, nil
	}
	for {
		raw, _, err := r.row()
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(raw.text)) == 0 && raw.fault == nil {
			continue
		}
		bad := func(why, help string) error {
			r.err = &Error{File: r.name, Line: raw.line, Why: fmt.Sprintf("line %d: %s", raw.line, why), Help: help}
			return r.err
		}
		if raw.fault != nil {
			return nil, bad(raw.fault.Why, raw.fault.Help)
		}
		if raw.size > MaxLine {
			return nil, bad(fmt.Sprintf("the header is longer than %d MiB", MaxLine>>20), "the first line names the columns")
		}
		if bytes.ContainsRune(raw.text, '\r') {
			return nil, bad("a carriage return alone ends no line", "save the file with LF or CRLF at the ends of its lines")
		}
		names, fault := cells(raw.text)
		if fault != nil {
			return nil, bad(fault.Why, fault.Help)
		}
		if why, help := Columns(names, nil); why != "" {
			return nil, bad(why, help)
		}
		r.header, r.begun = names, true
		return names, nil
	}
}

// nextRow gives the next row behind the header.
func (r *Reader) nextRow() (*Line, error) {
	for {
		before := r.sum
		raw, open, err := r.row()
		if err != nil {
			return nil, err
		}
		if len(raw.text) == 0 && raw.fault == nil {
			continue
		}
		l := &Line{N: raw.line, Value: raw.text, Fault: raw.fault, At: r.at(raw.line, open, before)}
		if raw.size > MaxLine {
			r.tooLong(l, raw.size)
			return l, nil
		}
		if l.Fault == nil {
			r.object(l, raw.text)
		}
		return l, nil
	}
}

// object makes the value of a row.
func (r *Reader) object(l *Line, text []byte) {
	row, fault := cells(text)
	switch {
	case fault != nil:
		l.Fault = fault
		return
	case len(row) != len(r.header):
		l.Fault = &Fault{diag.BadLine, fmt.Sprintf("it has %s and the header %d", count(len(row), "column"), len(r.header)), "write a text that holds a comma in quotes"}
		return
	}
	o := value.NewObject()
	for i, cell := range row {
		if !utf8.ValidString(cell) {
			l.Fault = &Fault{diag.NotUTF8, fmt.Sprintf("column %s is not UTF-8 text", r.header[i]), "save the file as UTF-8"}
			return
		}
		o.Put(r.header[i], cell)
	}
	r.out = value.AppendJSON(r.out[:0], o)
	if l.Value = r.out; len(l.Value) > maxObject {
		r.tooLong(l, int64(len(l.Value)))
	}
}

// maxObject bounds a row as an object: names of columns stand in each.
const maxObject = 2 * MaxLine

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// raw is a row as it stands in the file.
type raw struct {
	line  int64
	text  []byte
	size  int64
	fault *Fault
}

// row reads a row: a line, or several where a text in quotes goes over their ends. open:
// the file ends with it, without a line end.
func (r *Reader) row() (out raw, open bool, err error) {
	text, size, open, err := r.physical()
	if err != nil {
		return raw{}, false, err
	}
	out = raw{line: r.line, text: text, size: size}
	q := quotes{}
	if q.over(text); !q.inside || size > MaxLine {
		return out, open, nil
	}
	out.text = append([]byte(nil), text...)
	first, sum := len(text), r.sum
	for q.inside {
		if open {
			return r.unclosed(out, first, sum)
		}
		text, size, open, err = r.physical()
		if err == io.EOF && r.tail {
			return r.unclosed(out, first, sum)
		}
		if err != nil {
			r.left = r.left || err == io.EOF
			return raw{}, false, err
		}
		q.over(text)
		if out.size += 1 + size; out.size <= MaxLine { // else its end is looked for
			out.text = append(append(out.text, '\n'), text...)
		}
	}
	return out, open, nil
}

// unclosed is a row whose quotes do not end in the file. Of one that is not too long the
// first line alone is given up, and the lines behind it are read again.
func (r *Reader) unclosed(out raw, first int, sum xxh3.Uint128) (raw, bool, error) {
	if out.size > MaxLine {
		return out, true, nil
	}
	open := first == len(out.text)
	if !open {
		r.back, r.line, r.sum = out.text[first+1:], out.line, sum
	}
	out.text, out.size = out.text[:first], int64(first)
	out.fault = &Fault{diag.BadLine, "a text in quotes does not end", "write each quote inside it twice"}
	return out, open, nil
}

// quotes is where in a row a line ends: inside of quotes the row goes on.
type quotes struct{ inside bool }

// over reads a line and tells whether the row goes on behind it. A quote that stands
// where none may ends the row: the line is a mistake.
func (q *quotes) over(text []byte) bool {
	begins := !q.inside // a cell does
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case q.inside && c == '"':
			if i+1 < len(text) && text[i+1] == '"' {
				i++
				continue
			}
			q.inside = false
			if i+1 < len(text) && text[i+1] != ',' {
				return false
			}
		case q.inside:
		case c == ',':
			begins = true
			continue
		case c == '"' && begins:
			q.inside = true
		case c == '"':
			return false
		}
		begins = false
	}
	return q.inside
}

// cells takes a row apart.
func cells(text []byte) ([]string, *Fault) {
	c := csv.NewReader(bytes.NewReader(text))
	c.FieldsPerRecord = -1
	row, err := c.Read()
	switch {
	case err == nil:
		return row, nil
	case errors.Is(err, csv.ErrBareQuote):
		return nil, &Fault{diag.BadLine, "a quote stands inside a text that does not begin with one", "begin the text with a quote and write each quote in it twice"}
	}
	return nil, &Fault{diag.BadLine, "a text in quotes does not end as it should", "write each quote inside it twice, and a comma or the line's end behind it"}
}

// Columns judges the names of the columns of a CSV file, of which some are needed: what
// is wrong, and what to do about it; "" for nothing.
func Columns(names, needed []string) (why, help string) {
	seen := map[string]int{}
	for i, name := range names {
		if !utf8.ValidString(name) {
			return fmt.Sprintf("the name of column %d is not UTF-8 text", i+1), "save the file as UTF-8"
		}
		if first, ok := seen[name]; ok && name == "" {
			return fmt.Sprintf("columns %d and %d have no name", first, i+1), "name them, or take them out of the file"
		} else if ok {
			return fmt.Sprintf("columns %d and %d are both called %q", first, i+1, name), "rename one of them"
		}
		seen[name] = i + 1
	}
	for _, name := range needed {
		if _, ok := seen[name]; ok {
			continue
		}
		help := "the columns are " + list(names)
		if i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(strings.TrimSpace(n), name) }); i >= 0 {
			help = fmt.Sprintf("is it column %q? names are taken as they stand", names[i])
		} else if near := diag.Nearest(name, names); near != "" {
			help = fmt.Sprintf("is it column %q? %s", near, help)
		} else if len(names) == 1 && strings.ContainsAny(names[0], ";\t|") {
			help = "columns are separated by commas"
		}
		return fmt.Sprintf("there is no column %q", name), help
	}
	return "", ""
}

// list writes names of columns for people, a name that is no plain text as a quoted one.
func list(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = name
		if q := strconv.Quote(name); q != `"`+name+`"` || name == "" {
			out[i] = q
		}
	}
	return strings.Join(out, ", ")
}

// Needed lists the columns that a type cannot do without: of an object the fields that
// may not be missing, of a union those that all its members need.
func Needed(t *types.Type) []string {
	var out []string
	switch t.Kind {
	case types.Object:
		for i := range t.Fields {
			if f := &t.Fields[i]; !f.HasDef && !f.Optional && !types.MayBeNull(f.Type) {
				out = append(out, f.Name)
			}
		}
	case types.Union:
		for i, m := range t.Members {
			need := Needed(m)
			if i == 0 {
				out = need
				continue
			}
			out = slices.DeleteFunc(out, func(name string) bool { return !slices.Contains(need, name) })
		}
	}
	return out
}

// Only lists the columns that a type knows, of an object that has no others; nil where it
// takes any.
func Only(t *types.Type) []string {
	if t.Kind != types.Object || t.Rest != nil {
		return nil
	}
	out := []string{}
	for i := range t.Fields {
		out = append(out, t.Fields[i].Name)
	}
	return out
}
