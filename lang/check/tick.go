package check

import (
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/syntax"
	"github.com/sluice-dev/sluice/lang/types"
)

// Sources that a schedule drives.

// fromTable is a source of the rows of a table, read at every tick.
func (w *walker) fromTable(f *syntax.From, s *syntax.FromTable) *ir.Source {
	none := func() *ir.Source {
		w.noSource()
		w.noPerson(s.As)
		return nil
	}
	tick := w.tick(&s.Tick)
	t := w.tableNamed(s.Table)
	if t != nil && t.Load != nil {
		w.errorf(diag.NoChanges, s.Table.Span(), "`%s` is loaded, and its rows are not read on a schedule", t.Name).WithLabel("declared at %s", t.At).
			WithHelp("`from table` reads tables that routes write; what is loaded from a topic is read with from topic")
		t = nil
	}
	if t == nil || tick == nil {
		return none()
	}
	out := &ir.Source{At: head(f.Span()), Kind: "table", Table: t, Tick: tick, Type: viewOf(t.Row), Start: "earliest"}
	w.person(out, s.As, t, "the key of the row is @key")
	w.madeOptions(out, s.Options, "a source of rows")
	metas := map[string]*types.Type{"timestamp": types.TimeT}
	if len(t.Keys) == 1 {
		metas["key"] = types.StringT
	}
	w.src = &source{t: out.Type, metas: metas}
	return out
}

const (
	secondMS = int64(time.Second / time.Millisecond)
	dayMS    = 24 * 60 * 60 * secondMS
)

// tick reads when a schedule is due; nil where that is wrong.
func (w *walker) tick(s *syntax.Tick) *ir.Tick {
	every, ok := w.c.spanMS(s.Every, "every")
	if !ok {
		return nil
	}
	if every < secondMS {
		w.errorf(diag.BadOption, s.Every.Span(), "a schedule is `every 1s` or slower").WithHelp("what is due is looked for once a second")
		ok = false
	}
	out := &ir.Tick{EveryMS: every, AtMS: -1, Zone: "UTC"}
	if every%dayMS == 0 {
		out.AtMS = 0
	}
	if s.At.Text != "" {
		at, err := time.Parse("15:04", s.At.Value)
		switch {
		case err != nil || len(s.At.Value) != len("15:04"):
			w.errorf(diag.BadOption, s.At.Span(), "`at` takes a time of day, as \"06:00\"").WithHelp("%s", timeOfDayHelp(s.At.Value))
			ok = false
		case out.AtMS < 0:
			w.errorf(diag.BadOption, s.At.Span(), "`at` goes with whole days").WithLabel("the schedule is every %s", s.Every.Text).
				WithHelp("write every 1d, or leave `at` out: a span is counted from the beginning of 1970, UTC")
			ok = false
		}
		out.AtMS = at.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)).Milliseconds()
	}
	if s.Zone.Text != "" {
		out.Zone = s.Zone.Value
		switch {
		case !isZone(out.Zone):
			w.errorf(diag.BadOption, s.Zone.Span(), "%q is no time zone", out.Zone).WithHelp("zones are called as in IANA's database, \"Europe/Berlin\"")
			ok = false
		case every%dayMS != 0:
			w.errorf(diag.BadOption, s.Zone.Span(), "`zone` goes with whole days").WithLabel("the schedule is every %s", s.Every.Text).
				WithHelp("write every 1d, or leave `zone` out: a span is counted from the beginning of 1970, UTC")
			ok = false
		}
	}
	if !ok {
		return nil
	}
	return out
}

// timeOfDayHelp says how a time of day is written that was written otherwise.
func timeOfDayHelp(text string) string {
	for _, layout := range []string{"15:4", "15:4:5", "3:4pm", "3:4 pm", "3:4PM", "3:4 PM", "3pm", "3 pm", "3PM", "3 PM", "15"} {
		if at, err := time.Parse(layout, text); err == nil {
			if at.Second() != 0 {
				return "it is told in hours and minutes: " + at.Format(`"15:04"`)
			}
			return "write " + at.Format(`"15:04"`)
		}
	}
	if text == "24:00" {
		return `midnight is "00:00"`
	}
	return `hours and minutes, from "00:00" to "23:59"`
}

// isZone tells whether a name is one of a time zone. "Local" is none: it would be
// another on every machine.
func isZone(name string) bool {
	if name == "" || name == "Local" || strings.ContainsAny(name, "\\.\x00") {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// rowsWritten refuses a route that reads the rows of a table and writes that table,
// itself or by what its changes cause: a row more for each row would never end.
func (c *checker) rowsWritten() {
	for _, r := range c.prog.Routes {
		if r.Source.Kind != "table" {
			continue
		}
		seen := map[*ir.Route]bool{}
		var by func(from *ir.Route) bool
		by = func(from *ir.Route) (found bool) {
			if seen[from] {
				return false
			}
			seen[from] = true
			ir.EachStage(from.Stages, func(s ir.Stage) {
				ts, sp := writes(s)
				if found {
					return
				}
				if slices.Contains(ts, r.Source.Table) {
					c.errorf(diag.Loop, head(s.Info().At), "`%s` writes the table whose rows `%s` reads", from.Name, r.Name).WithLabel("in a record of `%s`", r.Name).
						WithHelp("what the rows cause is written to another table, or by a route of another source")
					found = true
					return
				}
				for _, to := range c.prog.Routes {
					if hears(to.Source, ts, sp) && !found {
						found = by(to)
					}
				}
			})
			return found
		}
		by(r)
	}
}
