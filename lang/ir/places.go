package ir

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
)

// Failure is a place where a program that checks clean can fail at run time.
type Failure struct {
	At    token.Span
	Codes []*diag.Code
}

// FailurePlaces lists them for stages, in text order. What a catch takes is not among
// them.
func FailurePlaces(stages []Stage) []Failure {
	var out []Failure
	var expr func(Expr)
	expr = func(x Expr) {
		Walk(x, func(x Expr) bool {
			if c, ok := x.(*Catch); ok {
				expr(c.Y)
				return false
			}
			if codes := x.Fails(); len(codes) > 0 {
				out = append(out, Failure{x.Span(), codes})
			}
			return true
		})
	}
	EachStage(stages, func(s Stage) {
		switch s.(type) {
		case *Require:
			out = append(out, Failure{s.Info().At, []*diag.Code{diag.RequireFailed}})
		case *Fail:
			out = append(out, Failure{s.Info().At, []*diag.Code{diag.FailStage}})
		}
		for _, x := range Exprs(s) {
			expr(x)
		}
	})
	return out
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
	case *Window:
		add(s.Keys...)
		for _, a := range s.Aggs {
			add(a.X)
		}
	case *Emit:
		switch k := s.Sink.(type) {
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
