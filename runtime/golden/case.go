// Package golden runs golden cases (language.md §9): a text file of inputs and
// of what must come of them, on the real task, operators and scheduler under a
// virtual clock. It is given a plan and the case; it reads no script.
package golden

import (
	"fmt"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/sluice-dev/sluice/lang/value"
)

// Case is one golden case.
type Case struct {
	Name    string // path without .txtar, as reports show it
	Doc     string // the comment lines above `now:`
	Now     time.Time
	Steps   []Step
	Out     []Row
	Dead    []Row
	Dropped []Row
	// HasDropped: the section is there, so it is compared.
	HasDropped bool
	// Tables are the rows that exist before, TablesAfter those that must exist at the
	// end. HasTablesAfter: the section is there, so all rows of all tables that routes
	// write are compared.
	Tables, TablesAfter []Row
	HasTablesAfter      bool
	// HTTP are the answers to requests.
	HTTP []Answer
	// Bare: no expectation is written yet; --update writes it.
	Bare bool

	archive *txtar.Archive // to be rewritten by --update
	inputs  int
}

// Step is one line of `-- in --`.
type Step struct {
	Kind    StepKind
	Line    int           // in the case's file, from 1
	N       int           // number of the input, from 1; 0 for other steps
	Input   *value.Object // Input
	Advance time.Duration // Advance
	answer  string        // of a request that made no record: "405: this webhook takes POST"
}

// StepKind tells what a step does.
type StepKind uint8

// The kinds of steps.
const (
	Input   StepKind = iota // a record arrives
	Advance                 // the clock moves on
	Restart                 // a graceful stop and start
	Crash                   // kill without flush, then redelivery
)

// Row is one expected row.
type Row struct {
	Line int
	Obj  *value.Object
}

// DefaultNow is the clock of a case that names none.
var DefaultNow = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// CaseError is a case that cannot be run: ERROR in the report, not FAIL.
type CaseError struct {
	File string
	Line int
	Msg  string
}

// Error gives file:line and what is wrong; without a line it is the whole file.
func (e *CaseError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Msg
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// Parse reads a case. The error is a *CaseError.
func Parse(name string, data []byte) (*Case, error) {
	p := &parser{file: name + ".txtar", c: &Case{Name: name, Now: DefaultNow}}
	for i, l := range lines(data) {
		if strings.TrimRight(l, "\r") == "-- --" { // txtar panics at it
			p.line = i + 1
			return nil, p.errf("a section needs a name")
		}
	}
	p.c.archive = txtar.Parse(data)
	if err := p.parse(); err != nil {
		return nil, err
	}
	return p.c, nil
}

type parser struct {
	file string
	line int
	c    *Case
}

func (p *parser) errf(format string, a ...any) error {
	return &CaseError{p.file, p.line, fmt.Sprintf(format, a...)}
}

func (p *parser) parse() error {
	a := p.c.archive
	p.line = 0
	var doc []string
	for _, l := range lines(a.Comment) {
		p.line++
		switch l = strings.TrimSpace(l); {
		case l == "":
		case strings.HasPrefix(l, "#"):
			doc = append(doc, strings.TrimSpace(l[1:]))
		case strings.HasPrefix(l, "now:"):
			t, err := value.ParseTime(strings.TrimSpace(l[4:]))
			if err != nil {
				return p.errf("now: %v", err)
			}
			p.c.Now = t
		default:
			return p.errf("expected a comment or now:, found %q", l)
		}
	}
	p.c.Doc = strings.Join(doc, "\n")
	seen := map[string]bool{}
	for _, f := range a.Files {
		p.line++
		if seen[f.Name] {
			return p.errf("section %q comes twice", f.Name)
		}
		seen[f.Name] = true
		read, err := p.section(f.Name)
		if err != nil {
			return err
		}
		for _, l := range lines(f.Data) {
			p.line++
			if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") {
				continue
			}
			if err := read(l); err != nil {
				return err
			}
		}
	}
	if !seen["in"] {
		return p.errf("the case has no section -- in --")
	}
	p.c.Bare = !seen["out"] && !seen["dead"] && !seen["dropped"] && !seen["tables after"]
	return nil
}

// section gives the reader of a section's lines.
func (p *parser) section(name string) (func(string) error, error) {
	rows := func(into *[]Row) func(string) error {
		return func(l string) error {
			o, err := p.object(l)
			if err == nil {
				*into = append(*into, Row{p.line, o})
			}
			return err
		}
	}
	switch name {
	case "in":
		return p.step, nil
	case "out":
		return rows(&p.c.Out), nil
	case "dead":
		return rows(&p.c.Dead), nil
	case "dropped":
		p.c.HasDropped = true
		return rows(&p.c.Dropped), nil
	case "http":
		return p.answer, nil
	case "tables":
		return p.tables(rows(&p.c.Tables), true), nil
	case "tables after":
		p.c.HasTablesAfter = true
		return p.tables(rows(&p.c.TablesAfter), false), nil
	}
	return nil, p.errf("unknown section %q: there are in, http, out, dead, dropped, tables, tables after", name)
}

func (p *parser) step(l string) error {
	s := Step{Line: p.line}
	word, rest, _ := strings.Cut(l, " ")
	switch {
	case l[0] == '{':
		o, err := p.object(l)
		if err != nil {
			return err
		}
		if err := p.input(o); err != nil {
			return err
		}
		p.c.inputs++
		s.Kind, s.Input, s.N = Input, o, p.c.inputs
	case word == "advance":
		d, err := value.ParseDuration(strings.TrimSpace(rest))
		if err != nil || d < 0 {
			return p.errf("advance takes a duration like 30m, found %q", rest)
		}
		s.Kind, s.Advance = Advance, d
	case l == "restart":
		s.Kind = Restart
	case l == "crash":
		s.Kind = Crash
	default:
		return p.errf("expected an input, advance, restart or crash, found %q", l)
	}
	p.c.Steps = append(p.c.Steps, s)
	return nil
}

// inputKeys are what a row of a topic may hold.
var inputKeys = map[string]bool{"topic": true, "key": true, "value": true, "value_base64": true, "headers": true, "partition": true, "timestamp": true}

func (p *parser) input(o *value.Object) error {
	if o.Has("webhook") {
		return p.webhook(o)
	}
	if o.Has("segment") {
		return p.segment(o)
	}
	if o.Has("file") {
		return p.fileRow(o)
	}
	if o.Has("tick") {
		if _, ok := textField(o, "tick"); !ok || o.Len() > 1 {
			return p.errf("a tick is {\"tick\": ROUTE}, and nothing else stands there")
		}
		return nil
	}
	if _, ok := textField(o, "topic"); !ok {
		return p.errf("an input needs a topic")
	}
	for i := range o.Len() {
		if k := o.At(i).Key; !inputKeys[k] {
			return p.errf("an input has no field %q", k)
		}
	}
	if o.Has("value") == o.Has("value_base64") {
		return p.errf("an input has a value or a value_base64 (\"value\":null is a tombstone)")
	}
	return nil
}

func (p *parser) object(l string) (*value.Object, error) {
	v, err := value.DecodeJSON([]byte(l))
	if err != nil {
		return nil, p.errf("byte %d: %s", err.Offset+1, err.Reason)
	}
	o, ok := v.(*value.Object)
	if !ok {
		return nil, p.errf("a row is an object")
	}
	return o, nil
}

func textField(o *value.Object, key string) (string, bool) {
	v, _ := o.Get(key)
	s, ok := v.(string)
	return s, ok
}

func lines(b []byte) []string {
	if len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}
