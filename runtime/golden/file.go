package golden

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/file"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/sim"
	"github.com/sluice-dev/sluice/runtime/task"
)

// fileRow judges a row {"file":NAME,"line"}.
func (p *parser) fileRow(o *value.Object) error {
	if name, ok := textField(o, "file"); !ok || name == "" {
		return p.errf("file is the name of a file, as the script has it")
	}
	if !o.Has("line") || o.Len() > 2 {
		return p.errf("a line of a file is {\"file\": NAME, \"line\": …}, and nothing else stands there")
	}
	return nil
}

// fileLine is the record that a row of a file becomes: its text as it would stand in the file,
// or, where it is no text, its JSON. The first text of a CSV file is its header and makes
// no record; an object there is a row by the names of its columns.
func (c *Case) fileLine(s *Step, now time.Time, p *plan.Plan) ([]sim.Input, error) {
	name, _ := textField(s.Input, "file")
	decl, names := fileOf(p, name)
	if decl == nil {
		help := "the program reads no file"
		if near := diag.Nearest(name, names); near != "" {
			help = "did you mean " + near + "?"
		} else if len(names) > 0 {
			help = "there are " + strings.Join(names, ", ")
		}
		return nil, c.errf(s, "no route reads the file %s: %s", name, help)
	}
	// What stands above it in the file.
	n, header, hasHeader := int64(0), "", false
	for i := range c.Steps {
		above := &c.Steps[i]
		if above.Kind != Input || above.Line > s.Line {
			continue
		}
		if other, _ := textField(above.Input, "file"); other != name {
			continue
		}
		n++
		if text, ok := textField(above.Input, "line"); ok && decl.Format == "csv" && !hasHeader {
			if header, hasHeader = text, true; above.Line == s.Line {
				return nil, nil
			}
		}
	}
	v, _ := s.Input.Get("line")
	text, isText := v.(string)
	row, isRow := v.(*value.Object)
	switch {
	case decl.Format == "csv" && isRow:
		if !hasHeader {
			n++ // it has a header all the same
		}
		return []sim.Input{lineInput(p.App, decl, &file.Line{N: n, Value: value.AppendJSON(nil, texts(row))}, now)}, nil
	case decl.Format == "csv" && !isText:
		return nil, c.errf(s, "a line of a CSV file is a text, or an object of its columns")
	case decl.Format == "csv":
		text = header + "\n" + text
	case !isText:
		text = string(value.AppendJSON(nil, v))
	}
	plain := *decl
	plain.Gzip = false
	r := file.NewReader(strings.NewReader(text), file.Options{Name: name, File: &plain, Tail: true})
	l, err := r.Next()
	if err == io.EOF {
		return nil, nil // a blank one
	}
	if err != nil {
		return nil, c.errf(s, "%v", err)
	}
	l.N, l.Value = n, slices.Clone(l.Value)
	if _, err := r.Next(); err != io.EOF {
		return nil, c.errf(s, "this is more than one line")
	}
	return []sim.Input{lineInput(p.App, decl, l, now)}, nil
}

// fileOf finds a file that the program reads by its name, and lists all of them.
func fileOf(p *plan.Plan, name string) (decl *ir.File, names []string) {
	for _, r := range p.Routes {
		f := r.Source.File
		if f == nil {
			continue
		}
		if f.Path == name {
			decl = f
		}
		if !slices.Contains(names, f.Path) {
			names = append(names, f.Path)
		}
	}
	return decl, names
}

// texts is a row as CSV has it.
func texts(o *value.Object) *value.Object {
	out := value.NewObject()
	for i := range o.Len() {
		out.Put(o.At(i).Key, string(bytesOf(o.At(i).Value)))
	}
	return out
}

func lineInput(app string, decl *ir.File, l *file.Line, now time.Time) sim.Input {
	in := sim.Input{Topic: kafka.FileTopic(app, decl.Name()), Value: l.Value, Timestamp: now.UnixMilli()}
	in.Headers = []event.Header{{Key: event.HeaderLine, Value: strconv.AppendInt(nil, l.N, 10)}}
	if l.Fault != nil {
		in.Headers = append(in.Headers, event.Header{Key: event.HeaderFault, Value: []byte(l.Fault.Code.ID + "\n" + l.Fault.Why + "\n" + l.Fault.Help)})
	}
	return in
}

// tickInput is the record of the own log that has a route's tick due now.
func (c *Case) tickInput(s *Step, now time.Time, p *plan.Plan) (sim.Input, error) {
	name, _ := textField(s.Input, "tick")
	for _, r := range p.Routes {
		if r.Name == name && r.Source.Tick != nil && r.Group != nil {
			return sim.Input{Topic: kafka.OwnTopic(p.App, r.Group.Name), Value: task.TickNote(r.IDName(), now.UnixMicro()), Timestamp: now.UnixMilli()}, nil
		}
	}
	return sim.Input{}, c.errf(s, "no route %q is driven by a schedule", name)
}

// none says, by its number, why an input may have made no record though a route reads it.
func (c *Case) none() map[int]string {
	out := map[int]string{}
	for i := range c.Steps {
		switch s := &c.Steps[i]; {
		case s.Kind != Input:
		case s.Input.Has("file"):
			out[s.N] = "made no record: a header, or a blank line"
		case s.Input.Has("tick"):
			out[s.N] = "made no record: this tick, or a later one, has been"
		}
	}
	return out
}
