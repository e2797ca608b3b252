package op

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/runtime/event"
)

// lineFaults are the codes that whoever reads files gives to a line.
var lineFaults = []*diag.Code{diag.BadLine, diag.NotUTF8}

// unread is the failure of a line that could not be taken from its file; nil of any
// other.
func (a *arrival) unread(rec *event.Record) *diag.Failure {
	fault := rec.Header(event.HeaderFault)
	if fault == nil {
		return nil
	}
	id, rest, _ := strings.Cut(string(fault), "\n")
	why, help, _ := strings.Cut(rest, "\n")
	code := diag.BadLine
	if i := slices.IndexFunc(lineFaults, func(c *diag.Code) bool { return c.ID == id }); i >= 0 {
		code = lineFaults[i]
	}
	f := diag.Failf(code, a.at, "%s", why)
	f.Help = help
	return lined(rec, f)
}

// lined says in a failure which line of the file it is about.
func lined(rec *event.Record, f *diag.Failure) *diag.Failure {
	out := *f
	out.Message = fmt.Sprintf("line %d: %s", rec.Line(), f.Message)
	return &out
}
