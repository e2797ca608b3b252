package lookup

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/file"
)

// Error is why a file is no version of its table.
type Error struct {
	File   string
	Line   int    // from 1; 0: the whole file
	Column int    // in characters from 1; 0: the whole line
	Why    string // what stands there and what was expected
	Help   string // what to do; may be ""
	Err    error  // of the system, where it is one
}

// Error says it in one line: journeys.csv:3:14: column journey: …
func (e *Error) Error() string {
	s := e.Where() + ": " + e.Why
	if e.Help != "" {
		s += "; " + e.Help
	}
	return s
}

// Where names the place: journeys.csv:3:14.
func (e *Error) Where() string {
	s := e.File
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
		if e.Column > 0 {
			s += fmt.Sprintf(":%d", e.Column)
		}
	}
	return s
}

// Unwrap gives the error of the system.
func (e *Error) Unwrap() error { return e.Err }

// reader collects the rows of one file.
type reader struct {
	table *ir.Table
	rows  *rows
	lines map[string]int // where each key stands: two rows of one key are a mistake
}

// read gives the rows of a file that is no longer compressed. The error is an *Error
// or the stream's own.
func read(in io.Reader, t *ir.Table) (*rows, error) {
	r := &reader{table: t, rows: newRows(), lines: map[string]int{}}
	b := bufio.NewReaderSize(in, 64<<10)
	if mark, _ := b.Peek(3); bytes.Equal(mark, []byte("\ufeff")) {
		_, _ = b.Discard(3) // they have been peeked
	}
	err := error(nil)
	if t.Load.Format == "csv" {
		err = r.csv(b)
	} else {
		err = r.jsonl(b)
	}
	return r.rows, err
}

func (r *reader) fail(line int, help string, why string, a ...any) *Error {
	return &Error{File: r.table.Load.File, Line: line, Why: fmt.Sprintf(why, a...), Help: help}
}

// add takes one row that stands at a line.
func (r *reader) add(line int, v value.Value, text bool, size int) *problem {
	v, p := judge(r.table, v, text)
	if p != nil {
		return p
	}
	key, p := keyOf(r.table, v)
	if p != nil {
		return p
	}
	if first, ok := r.lines[key]; ok {
		return &problem{
			path: "." + strings.Join(r.table.Keys[0].Field, "."),
			why:  fmt.Sprintf("the row of line %d has this key, too", first), help: "keep one of the two: which counts is not ours to guess",
		}
	}
	r.lines[key] = line
	if !r.rows.put(key, row{v, size}) {
		return &problem{why: fmt.Sprintf("the table is larger than %d MiB", maxBytes>>20), help: tooLarge}
	}
	return nil
}

const tooLarge = "a lookup table is held in memory whole: let routes write a table of this size (`update`)"

// jsonl reads a value a line; lines of blanks are none.
func (r *reader) jsonl(in *bufio.Reader) error {
	for line := 1; ; line++ {
		text, err := readLine(in)
		if errors.Is(err, errLong) {
			return r.fail(line, "a row has one", "the line is longer than %d MiB", maxLine>>20)
		}
		if err != nil && err != io.EOF {
			return err
		}
		if row := bytes.TrimSpace(text); len(row) > 0 {
			v, bad := value.DecodeJSON(row)
			if bad != nil {
				e := r.fail(line, bad.Help, "not JSON: %s", bad.Reason)
				e.Column = 1 + utf8.RuneCount(text[:min(len(text), bytes.Index(text, row)+bad.Offset)])
				return e
			}
			if p := r.add(line, v, false, len(row)); p != nil {
				return r.fail(line, p.help, "%s", (&problem{path: p.path, why: p.why}).Error())
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// maxLine bounds a row: values have at most 4 MiB.
const maxLine = 4 << 20

var errLong = errors.New("line too long")

// readLine gives a line without its end; io.EOF comes with the last one.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, errLong
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return bytes.TrimRight(line, "\r\n"), err
		}
	}
}

// csv reads a header line that names the columns and then a row a line.
func (r *reader) csv(in io.Reader) error {
	c := csv.NewReader(in)
	c.ReuseRecord = true
	header, err := c.Read()
	if err == io.EOF {
		return r.fail(1, "the first line names the columns", "the file is empty")
	}
	if err != nil {
		return r.broken(c, err)
	}
	header = append([]string(nil), header...)
	if e := r.header(header); e != nil {
		return e
	}
	for {
		cells, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return r.broken(c, err)
		}
		line, _ := c.FieldPos(0)
		fields := make([]value.Field, len(header))
		size := 0
		for i, cell := range cells {
			if !utf8.ValidString(cell) {
				return r.cell(c, header, cells, i, "not UTF-8 text", "save the file as UTF-8")
			}
			// A row keeps its own copy of each text, else one short cell would hold
			// the whole line in memory.
			fields[i] = value.Field{Key: header[i], Value: strings.Clone(cell)}
			size += len(cell)
		}
		if p := r.add(line, value.NewObject(fields...), true, size); p != nil {
			for i, name := range header {
				if name == p.field() {
					why := p.why
					if p.path != "."+name {
						why = p.path + ": " + why
					}
					return r.cell(c, header, cells, i, why, p.help)
				}
			}
			return r.fail(line, p.help, "%s", (&problem{path: p.path, why: p.why}).Error())
		}
	}
}

// cell is an error about one cell of the line that was read last.
func (r *reader) cell(c *csv.Reader, header, cells []string, i int, why, help string) *Error {
	line, column := c.FieldPos(i)
	for j, before := range cells[:i] {
		// FieldPos counts bytes, a reader characters.
		if l, _ := c.FieldPos(j); l == line {
			column -= len(before) - utf8.RuneCountInString(before)
		}
	}
	e := r.fail(line, help, "column %s: %s", header[i], why)
	e.Column = column
	return e
}

// header judges the names of the columns.
func (r *reader) header(names []string) *Error {
	if why, help := file.Columns(names, needed(r.table)); why != "" {
		return r.fail(1, help, "%s", why)
	}
	return nil
}

// needed lists the columns that a table cannot do without: those of its key, and of
// fields that may not be missing.
func needed(t *ir.Table) []string {
	var out []string
	for _, k := range t.Keys {
		if len(k.Field) > 0 {
			out = append(out, k.Field[0])
		}
	}
	return append(out, file.Needed(t.Row)...)
}

// broken says what is wrong with a line that is no CSV.
func (r *reader) broken(c *csv.Reader, err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	e := r.fail(p.Line, "", "%v", p.Err)
	switch {
	case errors.Is(p.Err, csv.ErrFieldCount):
		e.Why, e.Help = fmt.Sprintf("the line has another number of columns than the header's %d", c.FieldsPerRecord), "write a text that holds a comma in quotes"
	case errors.Is(p.Err, csv.ErrBareQuote):
		e.Column, e.Why, e.Help = p.Column, "a quote inside a text that does not begin with one", "begin the text with a quote and write each quote in it twice"
	case errors.Is(p.Err, csv.ErrQuote):
		// The reader names the line where it gave up; the text begins earlier.
		e.Line, e.Column, e.Why, e.Help = p.StartLine, 0, "a text in quotes does not end as it should", "write each quote inside it twice, and a comma or the line's end behind it"
	}
	return e
}
