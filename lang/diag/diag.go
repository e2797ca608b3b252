// Package diag holds what Sluice says about a script: diagnostics found when
// it is compiled and failures met when it runs. Both carry a code of codes.go
// and the span of the smallest text that must change.
package diag

import (
	"fmt"
	"sort"

	"github.com/sluice-dev/sluice/lang/token"
)

// Level says how bad a diagnostic is. Errors cannot be turned off.
type Level uint8

// The levels, worst first.
const (
	Error Level = iota
	Warning
)

// String gives the word that a rendering begins with.
func (l Level) String() string {
	if l == Warning {
		return "warning"
	}
	return "error"
}

// Code is one kind of mistake. All of them stand in codes.go.
type Code struct {
	ID    string // "E0203"; warnings begin with W
	Title string // the kind of mistake in a few words
	Doc   string // why it is one, and what to do: the page of the code
	Wrong string // a program that gives exactly this code; "" for failures of run time only
	Right string // the same program, mended
}

// Level is Warning for codes that begin with W.
func (c *Code) Level() Level {
	if c.ID[0] == 'W' {
		return Warning
	}
	return Error
}

// Diagnostic is one finding.
type Diagnostic struct {
	Code    *Code
	Span    token.Span
	Message string // lower case, no period, names in quotes
	Label   string // a few words under the caret
	Help    string // what to write instead
}

// WithLabel sets the words under the caret.
func (d *Diagnostic) WithLabel(format string, a ...any) *Diagnostic {
	d.Label = fmt.Sprintf(format, a...)
	return d
}

// WithHelp sets what to write instead.
func (d *Diagnostic) WithHelp(format string, a ...any) *Diagnostic {
	d.Help = fmt.Sprintf(format, a...)
	return d
}

// Bag collects the diagnostics of a program.
type Bag struct{ list []*Diagnostic }

// Errorf adds a finding of the code's own level and returns it for label and help.
func (b *Bag) Errorf(c *Code, at token.Span, format string, a ...any) *Diagnostic {
	d := &Diagnostic{Code: c, Span: at, Message: fmt.Sprintf(format, a...)}
	b.list = append(b.list, d)
	return d
}

// Add takes over a finding made elsewhere.
func (b *Bag) Add(ds ...*Diagnostic) { b.list = append(b.list, ds...) }

// HasErrors tells whether any finding is an error.
func (b *Bag) HasErrors() bool {
	for _, d := range b.list {
		if d.Code.Level() == Error {
			return true
		}
	}
	return false
}

// Sorted gives the findings in file and text order. Of two errors that begin on
// one line inside one another, the first found is kept: the other is nearly
// always its echo.
func (b *Bag) Sorted() []*Diagnostic {
	out := append([]*Diagnostic(nil), b.list...)
	sort.SliceStable(out, func(i, j int) bool {
		a, c := out[i].Span, out[j].Span
		an, cn := fileName(a), fileName(c)
		if an != cn {
			return an < cn
		}
		return a.Start < c.Start
	})
	kept := out[:0]
	for _, d := range out {
		if n := len(kept); n > 0 && echo(kept[n-1], d) {
			continue
		}
		kept = append(kept, d)
	}
	return kept
}

func fileName(s token.Span) string {
	if s.File == nil {
		return ""
	}
	return s.File.Name
}

func echo(a, b *Diagnostic) bool {
	return a.Code.Level() == b.Code.Level() && a.Span.Valid() && a.Span.File == b.Span.File &&
		b.Span.Start >= a.Span.Start && b.Span.Start < max(a.Span.End, a.Span.Start+1)
}

// Failure is what a record meets at run time: the reason of a dead letter, or
// what `catch` takes. It is an error value; Span may be nowhere.
type Failure struct {
	Code    *Code
	Span    token.Span
	Path    string // the field concerned, ".lines[1].qty"; "" when none
	Message string // for people, no payload beyond Excerpt
	Excerpt string // the value concerned, short; redacted before it leaves the process
	Help    string
}

// Error gives code and message.
func (f *Failure) Error() string { return f.Code.ID + " " + f.Message }

// Failf makes a failure.
func Failf(c *Code, at token.Span, format string, a ...any) *Failure {
	return &Failure{Code: c, Span: at, Message: fmt.Sprintf(format, a...)}
}
