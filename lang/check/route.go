package check

import (
	"regexp"
	"strings"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
)

// defaultMaxFuture is how far ahead of the clock a time may be, in milliseconds.
const defaultMaxFuture = 10 * 60_000

// source is what a route knows of where its events come from.
type source struct {
	t      *types.Type            // of `.` at the start; bad where the source is not there yet
	topics []ir.Topic             // of `from topic`
	metas  map[string]*types.Type // what stands behind `@`
	hook   bool                   // a webhook: names of its headers have no case
	// above holds, of a pane, the names bound above its window; nil of other sources.
	above map[string]token.Span
}

// routes checks all routes of the program.
func (c *checker) routes(files []*fileScope) {
	byName := map[string]token.Span{}
	byTopic := map[string]*ir.Route{}
	for _, fs := range files {
		for _, r := range fs.file.Routes {
			out := c.route(fs, r)
			if old, ok := byName[out.Name]; ok {
				d := c.errorf(diag.RouteTwice, out.At, "two routes are called `%s`", out.Name).WithLabel("the other stands at %s", old)
				if r.Head == nil || !r.Head.Name.Set() {
					d.WithHelp("a route without a name takes its file's: write `route NAME` above `from`")
				}
				continue
			}
			byName[out.Name] = out.At
			for _, name := range []string{out.Name, out.Was} {
				if name == "" {
					continue
				}
				esc := ir.Escape(name)
				if old := byTopic[esc]; old != nil && old != out {
					c.errorf(diag.NameClash, out.At, "the routes `%s` and `%s` become one name", old.Name, name).
						WithLabel("both are %q in topic names", esc)
				}
				byTopic[esc] = out
			}
			if out.Source != nil {
				c.prog.Routes = append(c.prog.Routes, out)
			}
		}
	}
	c.deadRoutes(byName)
}

// nameOf gives a route its name, place and options.
func (c *checker) nameOf(fs *fileScope, r *syntax.Route, out *ir.Route) {
	out.Name, out.File, out.Doc, out.Priority = fs.stem, fs.stem, r.Doc, "normal"
	out.At = head(r.Span())
	if r.From != nil {
		out.At = head(r.From.Span())
	}
	h := r.Head
	if h == nil {
		return
	}
	out.At = head(h.Span())
	if h.Name.Set() {
		out.Name, out.At = h.Name.Text, h.Name.Span()
		if strings.TrimSpace(out.Name) == "" {
			c.errorf(diag.BadOption, h.Name.Span(), "the name of the route is empty")
		}
	}
	if h.Was.Set() && h.Was.Text != out.Name {
		out.Was = h.Was.Text
	}
	e := &ex{c: c, in: fs, f: newFlow(), frame: &frame{}, place: "an option"}
	for _, o := range e.options(h.Options, routeOptions, "a route") {
		if o.Name == "priority" {
			out.Priority, _ = constText(o.X)
		}
	}
}

// route checks one route.
func (c *checker) route(fs *fileScope, r *syntax.Route) *ir.Route {
	out := &ir.Route{}
	c.nameOf(fs, r, out) // before the stages: states are named after the route
	w := &walker{ex: ex{c: c, in: fs, f: newFlow(), frame: &frame{persons: map[ir.Slot]*ir.Space{}}}, route: out, names: map[string]int{}, emits: map[string]token.Span{}}
	if r.From == nil || r.From.Source == nil {
		w.noSource()
	} else {
		out.Source = w.source(r.From)
	}
	w.f.cur = "$"
	w.f.known["$"] = w.src.t
	for name, t := range w.src.metas {
		w.f.known["@"+name] = t
	}
	if out.Source != nil && out.Source.Hook != nil {
		if s, ok := r.From.Source.(*syntax.FromSegment); ok {
			w.segmentOptions(out.Source, s)
		} else {
			w.webhookOptions(out.Source, r.From.Source.(*syntax.FromWebhook))
		}
	} else if out.Source != nil && !out.Source.Made() && out.Source.File == nil && w.dead == nil {
		w.topicOptions(out.Source, r.From)
	}
	out.Stages = w.stages(r.Stages)
	if w.taken != nil {
		out.Stages = append([]ir.Stage{w.taken}, out.Stages...)
	}
	out.Slots = w.frame.slots
	return out
}

// noSource goes on below a source of which nothing is known.
func (w *walker) noSource() {
	w.src = &source{t: bad}
	w.f.person = true
}

func (w *walker) source(f *syntax.From) *ir.Source {
	switch s := f.Source.(type) {
	case *syntax.FromTopic:
		return w.fromTopic(f, s)
	case *syntax.FromTopics:
		return w.fromTopics(f, s)
	case *syntax.FromWebhook:
		return w.fromWebhook(f, s)
	case *syntax.FromFile:
		return w.fromFile(f, s)
	case *syntax.FromSegment:
		return w.fromSegment(f, s)
	case *syntax.FromEvery:
		return w.fromEvery(f, s)
	case *syntax.FromDead:
		return w.fromDead(f, s)
	case *syntax.FromChanges:
		return w.fromChanges(f, s)
	case *syntax.FromTable:
		return w.fromTable(f, s)
	}
	w.noSource()
	return nil
}

// topicMetas is what stands behind `@` below `from topic`.
func topicMetas(names *types.Type) map[string]*types.Type {
	return map[string]*types.Type{
		"topic": names, "partition": types.IntT, "offset": types.IntT, "key": types.Nullable(types.StringT),
		"headers": types.MapOf(types.StringT), "timestamp": types.TimeT,
	}
}

func (w *walker) fromTopic(f *syntax.From, s *syntax.FromTopic) *ir.Source {
	out := &ir.Source{At: head(f.Span()), Kind: "topic"}
	seen := map[string]bool{}
	var names []*types.Type
	for _, t := range s.Topics {
		name := t.Name.Value
		w.c.topicName(name, t.Name.Span())
		if seen[name] {
			w.errorf(diag.Duplicate, t.Name.Span(), "the topic %q stands twice", name)
			continue
		}
		seen[name] = true
		out.Topics = append(out.Topics, ir.Topic{Name: name})
		names = append(names, types.Lit(name))
	}
	// A type also holds for the topics before it that have none.
	j := len(out.Topics) - 1
	t, strict := types.AnyT, false
	for i := len(s.Topics) - 1; i >= 0 && j >= 0; i-- {
		if as := s.Topics[i].As; as != nil {
			t, strict = w.c.typ(w.in, as.Type), as.Strict
		}
		if s.Topics[i].Name.Value == out.Topics[j].Name {
			out.Topics[j].Type, out.Topics[j].Strict = t, strict
			j--
		}
	}
	ts := make([]*types.Type, len(out.Topics))
	views := make([]ir.Topic, len(out.Topics))
	for i, t := range out.Topics {
		ts[i] = viewOf(t.Type)
		views[i] = ir.Topic{Name: t.Name, Type: ts[i]}
	}
	out.Type = union(ts...)
	w.src = &source{t: out.Type, topics: views, metas: topicMetas(types.UnionOf(names...))}
	return out
}

// topicName refuses what Kafka would refuse.
func (c *checker) topicName(name string, at token.Span) bool {
	ok := name != "" && len(name) <= 249 && name != "." && name != ".."
	for i := range len(name) {
		b := name[i]
		ok = ok && (b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '.' || b == '_' || b == '-')
	}
	if !ok {
		c.errorf(diag.BadOption, at, "%q is no name of a topic", name).
			WithHelp("Kafka takes 1 to 249 of the characters a-z A-Z 0-9 . _ -; several topics are read with from topics and a pattern in backquotes")
	}
	return ok
}

func (w *walker) fromTopics(f *syntax.From, s *syntax.FromTopics) *ir.Source {
	out := &ir.Source{At: head(f.Span()), Kind: "topics", Pattern: s.Pattern.Value, Type: types.AnyT}
	if _, err := regexp.Compile(s.Pattern.Value); err != nil {
		w.errorf(diag.BadPattern, s.Pattern.Span(), "this is no pattern: %s", reason(err)).WithHelp("the syntax is RE2's")
	}
	t := types.AnyT
	if s.As != nil {
		t = w.c.typ(w.in, s.As.Type)
		out.Strict = s.As.Strict
	}
	out.Type = viewOf(t)
	out.Topics = []ir.Topic{{Type: t, Strict: out.Strict}}
	w.src = &source{t: out.Type, metas: topicMetas(types.StringT)}
	return out
}

// topicOptions checks the options of a source; they see the event as it arrives.
func (w *walker) topicOptions(out *ir.Source, f *syntax.From) {
	out.Start, out.MaxFutureMS, out.Via = "earliest", defaultMaxFuture, "main"
	var o *syntax.Options
	switch s := f.Source.(type) {
	case *syntax.FromTopic:
		o = s.Options
	case *syntax.FromTopics:
		o = s.Options
	}
	w.atSource, w.noTables = true, "an option of a source"
	defer func() { w.atSource, w.noTables = false, "" }()
	for _, opt := range w.options(o, topicOptions, "a topic") {
		switch opt.Name {
		case "start":
			out.Start, _ = constText(opt.X)
		case "key":
			out.Key = opt.X
		case "max_future":
			out.MaxFutureMS = durationMS(&opt)
		case "via":
			out.Via, _ = constText(opt.X)
			if w.c.conns["kafka "+out.Via] == nil && out.Via != "main" {
				w.c.noConnection(opt.X.Span(), "kafka", out.Via)
			}
		}
	}
}
