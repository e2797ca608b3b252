package check

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// deadOptions are those of `from dead`.
var deadOptions = []option{
	{name: "start", kind: choiceOption, choices: []string{"earliest", "latest"}},
	{name: "max_future", kind: durationOption},
}

// deadType is `@dead`: why the letter was written.
var deadType = types.Row(nil,
	types.Field{Name: "code", Type: types.StringT},
	types.Field{Name: "class", Type: types.UnionOf(types.Lit("processing"), types.Lit("delivery"))},
	types.Field{Name: "path", Type: types.Nullable(types.StringT)},
	types.Field{Name: "stage", Type: types.StringT},
	types.Field{Name: "message", Type: types.StringT},
	types.Field{Name: "attempts", Type: types.IntT},
	types.Field{Name: "replays", Type: types.IntT},
	types.Field{Name: "route", Type: types.StringT},
	types.Field{Name: "id", Type: types.StringT},
)

// deadUse is a route of `from dead`. Whose letters it reads is found when all routes
// are known.
type deadUse struct {
	reader *ir.Route
	source *ir.Source
	of     syntax.Label
}

// fromDead is a source of the dead letters of a route: `.` is the event as it first
// arrived, of which nothing is known but that its route gave it up.
func (w *walker) fromDead(f *syntax.From, s *syntax.FromDead) *ir.Source {
	out := &ir.Source{At: head(f.Span()), Kind: "dead", Type: types.AnyT, Topics: []ir.Topic{{Type: types.AnyT}}, Start: "earliest", MaxFutureMS: defaultMaxFuture, Via: "main"}
	for _, o := range w.options(s.Options, deadOptions, "`from dead`") {
		switch o.Name {
		case "start":
			out.Start, _ = constText(o.X)
		case "max_future":
			out.MaxFutureMS = durationMS(&o)
		}
	}
	w.src = &source{t: out.Type, metas: map[string]*types.Type{"dead": deadType, "timestamp": types.TimeT}}
	w.dead = &deadUse{reader: w.route, source: out, of: s.Route}
	w.c.deads = append(w.c.deads, w.dead)
	return out
}

// replay checks `replay`, which ends the record as `drop` does.
func (w *walker) replay(s *syntax.Replay) ir.Stage {
	info := w.info("replay", "replay", s.Span())
	out := &ir.Replay{StageInfo: info, Emit: &ir.Emit{StageInfo: info, ID: info.Key, Via: "main", Sink: &ir.ReplayRecord{}}}
	switch {
	case w.dead == nil:
		w.errorf(diag.NoReplayHere, keyword(s), "there is no letter to replay here").WithLabel("the route does not read dead letters").
			WithHelp("`from dead ROUTE` reads the letters of a route; `replay` there sends them back to it")
	case w.each > 0:
		w.errorf(diag.NoReplayHere, keyword(s), "a `replay` cannot stand in an `each`").WithLabel("the letter would go back once for every element").
			WithHelp("put it below the `each`")
	case w.f.cur != "$" && types.Assignable(w.deadClass(), types.Lit("delivery")):
		w.errorf(diag.ReplayUnchanged, keyword(s), "what is set above is not sent").WithLabel("a letter of class \"delivery\" goes out as it was encoded")
	}
	w.f.ended = true
	return out
}

// deadClass is what is known of `@dead.class`.
func (w *walker) deadClass() *types.Type {
	t, _ := types.FieldType(w.f.known["@dead"], "class")
	return t
}

// deadRoutes finds the routes whose letters are read; byName has those that were
// written, also with a mistake.
func (c *checker) deadRoutes(byName map[string]token.Span) {
	for _, u := range c.deads {
		name := u.of.Text
		for _, r := range c.prog.Routes {
			if r.Name == name {
				u.reads(r)
			}
		}
		c.replays(u.reader.Stages, "")
		if u.source.Dead != nil {
			continue
		}
		if _, ok := byName[name]; ok {
			continue // it has a mistake of its own
		}
		d := c.errorf(diag.UnknownName, u.of.Span(), "there is no route `%s`", name)
		for _, r := range c.prog.Routes {
			if r.Was == name {
				d.WithLabel("it is called `%s` now", r.Name)
			}
		}
		if near := diag.Nearest(name, keys(byName)); near != "" {
			d.WithHelp("did you mean %s?", near)
		}
	}
}

func (u *deadUse) reads(r *ir.Route) {
	u.source.Dead = r
	if r.Source.Via != "" {
		u.source.Via = r.Source.Via
	}
	ir.EachStage(u.reader.Stages, func(s ir.Stage) {
		if p, ok := s.(*ir.Replay); ok {
			p.Emit.Via, p.Emit.Sink = u.source.Via, &ir.ReplayRecord{Of: r}
		}
	})
}

// replays reports a `replay` below a stage that begins records of its own, and tells
// which stage of these did last.
func (c *checker) replays(stages []ir.Stage, below string) string {
	for _, s := range stages {
		switch s := s.(type) {
		case *ir.Replay:
			if below != "" {
				c.errorf(diag.NoReplayHere, s.At, "a `replay` cannot stand below a `%s`", below).WithLabel("what comes here is no letter any more").
					WithHelp("put it above")
			}
		case *ir.Split:
			below = "split"
		case *ir.Window:
			c.replays(s.Late, below)
			below = "window"
		case *ir.When:
			then, other := c.replays(s.Then, below), c.replays(s.Else, below)
			below = longer(then, other)
		case *ir.Branch:
			was := below
			for i := range s.Arms {
				below = longer(below, c.replays(s.Arms[i].Body, was))
			}
		}
	}
	return below
}

func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}
