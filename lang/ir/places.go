package ir

import (
	"slices"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
)

// Failure is a place where a program that checks clean can fail at run time.
type Failure struct {
	At    token.Span
	Codes []*diag.Code
}

// FailurePlaces lists them for stages, in text order. What a catch takes is not among
// them.
func FailurePlaces(stages []Stage) []Failure {
	p := places{}
	p.stages(stages, false)
	return p.out
}

// places gathers failures. timed tells that @time was set above, so that it is there.
type places struct {
	out    []Failure
	judged []Expr // conditions of audiences that are listed
}

func (p *places) add(at token.Span, codes ...*diag.Code) {
	if len(codes) > 0 {
		p.out = append(p.out, Failure{at, codes})
	}
}

func (p *places) stages(list []Stage, timed bool) {
	for _, s := range list {
		p.add(s.Info().At, stageFails(s, timed)...)
		for _, x := range Exprs(s) {
			p.expr(x, s.Info().At)
		}
		for _, x := range judges(s) {
			if !slices.Contains(p.judged, x) { // once, whoever has it judged
				p.judged = append(p.judged, x)
				p.expr(x, s.Info().At)
			}
		}
		for _, k := range keysOf(s) {
			if k.Type().Kind == types.Any || types.MayBeNull(k.Type()) { // as the id of a webhook
				p.add(k.Span(), diag.NullValue) // whether it is a key shows when the record runs
			}
		}
		switch s := s.(type) {
		case *TimeBy:
			timed = true
		case *When:
			p.stages(s.Then, timed)
			p.stages(s.Else, timed)
		case *Branch:
			for _, a := range s.Arms {
				p.stages(a.Body, timed)
			}
		case *Each:
			p.stages(s.Body, timed)
		case *Window:
			for _, a := range s.Aggs {
				switch a.Func {
				case "sum", "average":
					p.add(a.At, diag.Decimal)
				}
			}
			p.stages(s.Late, true)
			timed = true // a pane has its end
		}
	}
}

// expr adds those of an expression; of one that the script did not write, as the time
// of a call, they are at the stage, and of a module's at the call of it.
func (p *places) expr(x Expr, stage token.Span) { p.inside(x, stage, stage) }

func (p *places) inside(x Expr, stage, call token.Span) {
	if c, ok := x.(*Catch); ok {
		p.inside(c.Y, stage, call)
		return
	}
	at := x.Span()
	switch {
	case !at.Valid():
		at = stage
	case at.File.Module:
		p.merge(call, x.Fails())
		at = token.Span{}
	default:
		call = at
	}
	if at.Valid() {
		p.add(at, x.Fails()...)
	}
	for _, c := range Children(x) {
		p.inside(c, stage, call)
	}
}

// merge adds codes to those of a place.
func (p *places) merge(at token.Span, codes []*diag.Code) {
	i := slices.IndexFunc(p.out, func(f Failure) bool { return f.At == at })
	if i < 0 {
		p.add(at, slices.Clone(codes)...)
		return
	}
	for _, c := range codes {
		if !slices.Contains(p.out[i].Codes, c) {
			p.out[i].Codes = append(slices.Clone(p.out[i].Codes), c)
		}
	}
}

// judges gives the conditions of audiences that a stage has judged: those on a table
// that it writes, and on all tables of people where it may make two people one.
func judges(s Stage) []Expr {
	var out []Expr
	of := func(t *Table) {
		for _, a := range t.Audiences {
			out = append(out, a.Audience.Enter, a.Audience.Leave)
		}
	}
	switch s := s.(type) {
	case *Update:
		of(s.Table)
	case *Delete:
		of(s.Table)
	case *Resolve:
		for _, t := range s.Space.Tables {
			of(t)
		}
	}
	return out
}

// stageFails lists what a stage itself may fail with. A stage that goes by event
// time needs one.
func stageFails(s Stage, timed bool) []*diag.Code {
	var out []*diag.Code
	byTime := false
	switch s := s.(type) {
	case *Require:
		out = append(out, diag.RequireFailed)
	case *Fail:
		out = append(out, diag.FailStage)
	case *Dedupe:
		byTime = !s.Logged
	case *Changed:
		byTime = s.WithinMS > 0
	case *Throttle:
		byTime = true
		if s.Else != "drop" {
			out = append(out, diag.Throttled)
		}
	case *Update:
		byTime = s.Table.State.SpanMS > 0
	case *Resolve:
		out = append(out, idFails(s.Space, s.IDs)...)
		if !s.OrNull {
			out = append(out, diag.NoIdentifier)
		}
		if slices.ContainsFunc(s.Space.Tables, func(t *Table) bool { return t.Merge == "sum" }) {
			out = append(out, diag.Decimal) // the sum of two people's rows
		}
	case *Find:
		out = append(out, idFails(s.Space, s.IDs)...)
	case *Forget:
		out = append(out, idFails(s.Space, s.IDs)...)
		out = append(out, diag.SeveralPeople)
	case *Window:
		byTime = true
		if !s.HasLate {
			out = append(out, diag.Late)
		}
	case *HTTPCall:
		out = append(out, s.Request.fails()...)
		out = append(out, diag.NoAnswer, diag.NotAccepted, diag.TooLarge)
		if s.Body.Kind != types.Any {
			out = append(out, diag.BadAnswer, diag.Mismatch)
		}
		if s.Until != nil {
			out = append(out, diag.NeverHeld)
		}
	case *Replay:
		out = append(out, diag.ReplayLimit, diag.NotReplayed, diag.TooLarge)
	case *Emit:
		if k, ok := s.Sink.(*HTTPSink); ok {
			out = append(out, k.Request.fails()...)
		}
	}
	if byTime && !timed {
		out = append(out, diag.NoTimestamp)
	}
	return out
}

// idFails lists what an object of identifiers may fail with: under the name of one may
// stand what is none.
func idFails(sp *Space, x Expr) []*diag.Code {
	ts := []*types.Type{x.Type()}
	if ts[0].Kind == types.Union {
		ts = ts[0].Members
	}
	for _, t := range ts {
		rest := t.Rest
		switch t.Kind {
		case types.Map:
			rest = t.Elem
		case types.Object:
		default:
			rest = types.AnyT
		}
		for i := range sp.IDs {
			of := rest
			if f, ok := t.Field(sp.IDs[i].Name); ok {
				of = f.Type
			}
			if of != nil && !isIdentifier(of) {
				return []*diag.Code{diag.BadIdentifier}
			}
		}
	}
	return nil
}

// isIdentifier tells whether all values of a type are text, whole numbers or null.
func isIdentifier(t *types.Type) bool {
	switch t.Kind {
	case types.String, types.Int, types.Null:
		return true
	case types.Literal:
		switch v := t.Lit.(type) {
		case string:
			return true
		case value.Number:
			return v.IsInt()
		}
	case types.Union:
		return !slices.ContainsFunc(t.Members, func(m *types.Type) bool { return !isIdentifier(m) })
	}
	return false
}

// keysOf gives what stands behind `by`.
func keysOf(s Stage) []Expr {
	switch s := s.(type) {
	case *Sample:
		return s.Keys
	case *KeyBy:
		return s.Keys
	case *Dedupe:
		return s.Keys
	case *Changed:
		return s.Keys
	case *Throttle:
		return s.Keys
	case *Window:
		return s.Keys
	}
	return nil
}

// EachStage visits stages and those inside them, in text order.
func EachStage(stages []Stage, visit func(Stage)) {
	for _, s := range stages {
		visit(s)
		switch s := s.(type) {
		case *When:
			EachStage(s.Then, visit)
			EachStage(s.Else, visit)
		case *Branch:
			for _, a := range s.Arms {
				EachStage(a.Body, visit)
			}
		case *Each:
			EachStage(s.Body, visit)
		case *Window:
			EachStage(s.Late, visit)
		}
	}
}

// exprs gives the expressions of a request.
func (r *Request) exprs() []Expr {
	var out []Expr
	for _, x := range []Expr{r.URL, r.Query, r.Headers, r.Body, r.Accept, r.RetryWhen} {
		if x != nil {
			out = append(out, x)
		}
	}
	return out
}

// fails lists what making a request may fail with, besides its expressions.
func (r *Request) fails() []*diag.Code {
	var out []*diag.Code
	if r.Varies || r.Query != nil {
		out = append(out, diag.BadAddress)
	}
	if r.Headers != nil {
		out = append(out, diag.HeaderText)
	}
	return out
}

// Exprs gives the expressions of a stage itself, in text order.
func Exprs(s Stage) []Expr {
	var out []Expr
	add := func(xs ...Expr) {
		for _, x := range xs {
			if x != nil {
				out = append(out, x)
			}
		}
	}
	path := func(steps []Step) {
		for _, st := range steps {
			add(st.Index)
		}
	}
	switch s := s.(type) {
	case *Where:
		add(s.Cond)
	case *Map:
		add(s.X)
	case *Set:
		for _, p := range s.Puts {
			path(p.Path)
			add(p.X)
		}
	case *Unset:
		for _, p := range s.Paths {
			path(p)
		}
	case *Bind:
		add(s.X)
	case *Require:
		add(s.Cond, s.Why)
	case *Fail:
		add(s.Why)
	case *When:
		add(s.Cond)
	case *Branch:
		add(s.Subject)
		for _, a := range s.Arms {
			add(a.Cond)
		}
	case *Each:
		add(s.In)
	case *With:
		for _, d := range s.Defaults {
			add(d.X)
		}
	case *TimeBy:
		add(s.X)
	case *Sample:
		add(s.Keys...)
	case *KeyBy:
		add(s.Keys...)
	case *Split:
		add(s.In)
	case *Dedupe:
		add(s.Keys...)
	case *Changed:
		add(s.Keys...)
	case *Throttle:
		add(s.Keys...)
	case *Update:
		add(s.Keys...)
		add(s.X)
	case *Delete:
		add(s.Keys...)
	case *Resolve:
		add(s.IDs)
	case *Find:
		add(s.IDs)
	case *Forget:
		add(s.IDs)
	case *Window:
		add(s.Keys...)
		for _, a := range s.Aggs {
			add(a.X)
		}
	case *HTTPCall:
		out = append(out, s.Request.exprs()...)
		add(s.Until)
	case *Emit:
		switch k := s.Sink.(type) {
		case *HTTPSink:
			out = append(out, k.Request.exprs()...)
			add(k.Key, k.Item, k.Verdicts)
		case *SegmentCall:
			for _, f := range k.Fields {
				add(f.X)
			}
		case *SegmentPass:
			add(k.X)
		case *TopicRecord:
			add(k.Topic, k.Key, k.Value, k.Headers)
		case *LogLine:
			add(k.Name, k.Fields)
		}
	}
	return out
}
