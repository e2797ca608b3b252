package golden

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// Options say how a case is run.
type Options struct {
	// Script is the stem of the script whose routes run alone; "" runs them all.
	Script string
	// Evaluators are the ways to compile a route, the reference first; the case runs
	// on each. None: the reference, and what the engine runs.
	Evaluators []Evaluator
	// Files has the rows of the program's tables that are loaded from files; nil where
	// it has none.
	Files op.Lookup
	// Cover, where it is set, notes what the reference evaluator visits in the run
	// as written.
	Cover *Coverage
}

// Evaluator is one way to run routes.
type Evaluator struct {
	Name    string // as reports name it
	Compile sim.CompileFunc
	Group   sim.GroupFunc
}

// Reference is the evaluator that says what an expression means; Fused is what
// the engine runs, and must agree.
var (
	Reference = Evaluator{"the reference evaluator", sim.Reference, sim.ReferenceGroup}
	Fused     = Evaluator{"the fused steps", sim.Fused, sim.FusedGroup}
)

// variant is a way to run the inputs of a case, under which the same must come of
// them.
type variant uint8

const (
	asWritten     variant = iota
	crashUnstored         // a crash after every record, before anything of it persists
	crashStored           // a crash after every record, behind its commit
	variants
)

func (v variant) String() string {
	return [...]string{"", "with a crash after every record, before it is persisted", "with a crash after every record, after it is persisted"}[v]
}

// Run runs a case on the given program: as it is written, and again with a crash
// after every record, when the same must come of it. The actual rows are those
// of the first run. A case without expectations is an error, with actual rows to
// update it by.
func Run(p *plan.Plan, c *Case, o Options) (*Verdict, *Actual) {
	if o.Script != "" {
		p = only(p, o.Script)
	}
	evs := o.Evaluators
	if len(evs) == 0 {
		evs = []Evaluator{Reference, Fused}
	}
	var first *Actual
	for i, ev := range evs {
		for k := range variants {
			use := ev
			if o.Cover != nil && i == 0 && k == asWritten {
				use = o.Cover.evaluator()
			}
			a, err := c.run(p, use, k, o.Files)
			if err != nil {
				return &Verdict{Err: err}, nil
			}
			if first == nil {
				first = a
			}
			if c.Bare {
				return &Verdict{Err: &CaseError{c.Name + ".txtar", 1, "no expectation: write -- out --, -- dead -- or -- dropped --, or run --update"}}, first
			}
			if v := c.compare(a); !v.Passed() {
				var how []string
				if i > 0 {
					how = append(how, "on "+ev.Name)
				}
				if k != asWritten {
					how = append(how, k.String())
				}
				v.Variant = strings.Join(how, ", ")
				return v, first
			}
		}
	}
	return &Verdict{Fates: first.Fates}, first
}

// only is the program with the routes of one script.
func only(p *plan.Plan, script string) *plan.Plan {
	q := &ir.Program{App: p.App, Connections: p.Connections, Tables: p.Tables, Spaces: p.Spaces}
	for _, r := range p.Routes {
		if r.File == script {
			q.Routes = append(q.Routes, r.Route)
		}
	}
	return plan.Build(q)
}

// run runs the case in one way.
func (c *Case) run(p *plan.Plan, ev Evaluator, k variant, files op.Lookup) (*Actual, error) {
	people, rows, of, err := c.before(p)
	if err != nil {
		return nil, err
	}
	answers := c.answers()
	w, err := sim.New(p, sim.Options{Now: c.Now, Answers: answers, Compile: ev.Compile, CompileGroup: ev.Group, CommitAtOnce: k != asWritten, People: people, Rows: rows, Files: files, IdleAfter: 1})
	if err != nil {
		return nil, c.unfit(err, of)
	}
	none := c.none()
	for _, s := range c.Steps {
		switch s.Kind {
		case Input:
			if err := c.give(w, &s, p); err != nil {
				return nil, err
			}
			if s.answer != "" {
				none[s.N] = "made no record, and was answered " + s.answer
			}
			switch k {
			case asWritten:
				w.Settle()
			case crashUnstored:
				w.SettleUnpersisted()
				w.Crash()
			case crashStored:
				w.Settle()
				w.Crash()
			}
		case Advance:
			w.Advance(s.Advance)
		case Restart:
			w.Restart()
		case Crash:
			w.Crash()
		}
	}
	a := &Actual{In: c.inputs, none: none}
	if err := w.Finish(); err != nil {
		a.Open = err.Error()
	}
	if err := w.CheckAccounts(); err != nil {
		a.Open = err.Error()
	}
	if b := w.Broken(); len(b) > 0 {
		a.Open = strings.Join(b, "; ")
	}
	a.rows(w, p)
	a.asked(w, answers)
	return a, a.tables(w)
}

// give gives an input to the world.
func (c *Case) give(w *sim.World, s *Step, p *plan.Plan) error {
	if route, ok := textField(s.Input, "tick"); ok {
		if _, err := w.Tick(route); err != nil {
			return &CaseError{c.Name + ".txtar", s.Line, err.Error()}
		}
		return nil
	}
	ins, err := c.records(s, w.Now(), p)
	if err == nil {
		w.Produce(ins...)
	}
	return err
}

// records are those that a row puts into the log.
func (c *Case) records(s *Step, now time.Time, p *plan.Plan) ([]sim.Input, error) {
	if s.Input.Has("webhook") {
		return c.requests(s, now, p)
	}
	if s.Input.Has("file") {
		return c.fileLine(s, now, p)
	}
	if s.Input.Has("segment") {
		return c.calls(s, now, p)
	}
	in, err := c.input(s, now)
	return []sim.Input{in}, err
}

func (c *Case) errf(s *Step, format string, a ...any) error {
	return &CaseError{c.Name + ".txtar", s.Line, fmt.Sprintf(format, a...)}
}

// input makes the record of a row.
func (c *Case) input(s *Step, now time.Time) (sim.Input, error) {
	bad := func(format string, a ...any) (sim.Input, error) {
		return sim.Input{}, c.errf(s, format, a...)
	}
	in := sim.Input{Timestamp: now.UnixMilli()}
	in.Topic, _ = textField(s.Input, "topic")
	for i := range s.Input.Len() {
		switch f := s.Input.At(i); f.Key {
		case "key":
			in.Key = bytesOf(f.Value)
		case "value":
			if f.Value != nil {
				in.Value = value.AppendJSON(nil, f.Value)
			}
		case "value_base64":
			text, _ := f.Value.(string)
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return bad("value_base64: %v", err)
			}
			in.Value = append([]byte{}, b...) // zero bytes are no tombstone
		case "headers":
			hs, ok := f.Value.(*value.Object)
			if !ok {
				return bad("headers is an object of texts")
			}
			for j := range hs.Len() {
				in.Headers = append(in.Headers, event.Header{Key: hs.At(j).Key, Value: bytesOf(hs.At(j).Value)})
			}
		case "partition":
			n, _ := f.Value.(value.Number)
			p, ok := n.Int64()
			if !ok || p < 0 || p > maxPartition {
				return bad("partition is a whole number from 0 to %d", maxPartition)
			}
			part := int32(p)
			in.Partition = &part
		case "timestamp":
			if f.Value == nil {
				in.Timestamp = event.NoTime
				continue
			}
			text, _ := f.Value.(string)
			t, err := value.ParseTime(text)
			if err != nil {
				return bad("timestamp: %v", err)
			}
			in.Timestamp = t.UnixMilli()
		}
	}
	return in, nil
}

// maxPartition bounds what a case can have made.
const maxPartition = 999

// bytesOf is text as it is, null as none, and anything else as JSON.
func bytesOf(v value.Value) []byte {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		return append([]byte{}, v...)
	}
	return value.AppendJSON(nil, v)
}

// rows turns what happened into rows.
func (a *Actual) rows(w *sim.World, p *plan.Plan) {
	outs := map[fateKey]int{}
	for _, t := range w.Taken() {
		if _, back := t.Emit.Sink.(*ir.ReplayRecord); back || t.Repeat {
			continue // a letter that goes back is no output
		}
		outs[fateKey{t.Route.Name, t.Origin}]++
		a.Out = append(a.Out, outRow(&t))
		a.Taken = append(a.Taken, t)
	}
	for _, l := range w.Letters() {
		if l.Repeat {
			continue
		}
		o := value.NewObject()
		putIn(o, l.In)
		o.Put("route", l.Route)
		o.Put("code", l.Code)
		o.Put("stage", l.Stage)
		if l.Path != "" {
			o.Put("path", l.Path)
		}
		a.Dead = append(a.Dead, ActualRow{Obj: o})
	}
	for _, e := range w.Ends() {
		if e.Kind == event.Dropped && !e.Repeat {
			o := value.NewObject()
			putIn(o, e.In)
			o.Put("route", e.Route.Name)
			o.Put("reason", e.Reason)
			a.Dropped = append(a.Dropped, ActualRow{Obj: o})
		}
	}
	a.fates(w, p, outs)
}

func putIn(o *value.Object, in int) {
	if in > 0 {
		o.Put("in", value.FromInt(int64(in)))
	}
}

// outRow is the row of an output: where it went, its route, and what was sent.
func outRow(t *sim.Taken) ActualRow {
	o := value.NewObject()
	to := t.Kind
	switch t.Kind {
	case "segment":
		if t.Name != "main" {
			to += " " + t.Name
		}
	case "kafka":
		to = "topic " + t.Target
	case "http":
		to += " " + t.Name
	}
	o.Put("to", to)
	o.Put("route", t.Route.Name)
	body, optional := decoded(t.Body), ""
	switch t.Kind {
	case "segment":
		if msg, ok := body.(*value.Object); ok {
			for i := range msg.Len() {
				o.Put(msg.At(i).Key, msg.At(i).Value)
			}
		}
	case "kafka":
		if t.Key != nil {
			o.Put("key", textOf(t.Key))
		}
		o.Put("value", body)
		if h := headers(t.Headers); h.Len() > 0 {
			o.Put("headers", h)
		}
	case "http":
		requestRow(o, t)
		optional = "idempotency_key"
	case "log":
		if l, ok := t.Emit.Sink.(*ir.LogLine); ok && l.Name != nil {
			o.Put("name", t.Target)
		}
		o.Put("fields", body)
	}
	row := ActualRow{Obj: o, Optional: optional}
	if t.Ordered {
		row.Lane = fmt.Sprintf("%s %s %x", to, t.Route.Name, t.Lane)
	}
	return row
}

// headers are those of the script; the two of ours differ with every edit of it.
func headers(hs []event.Header) *value.Object {
	o := value.NewObject()
	for _, h := range hs {
		if h.Key != "sluice-id" && h.Key != "sluice-path" {
			o.Put(h.Key, textOf(h.Value))
		}
	}
	return o
}

func decoded(b []byte) value.Value {
	if b == nil {
		return nil
	}
	v, err := value.DecodeJSON(b)
	if err != nil {
		return textOf(b)
	}
	return v
}

func textOf(b []byte) value.Value {
	if utf8.Valid(b) {
		return string(b)
	}
	return "base64:" + base64.StdEncoding.EncodeToString(b)
}
