package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

func deadLsCmd() *cobra.Command {
	o := deadOptions{light: true}
	c := o.command(&cobra.Command{
		Use:   "ls [DIR]",
		Short: "List dead letters by route, code and place",
		Long:  "Ls lists the letters of a program that have not ended, those of one route, code and place in one line: how many, the times of the first and the last, and the id of the last, for `sluice dead show`.",
	}, func(cmd *cobra.Command, d *deadTopics, ls []*dead) error {
		return o.list(cmd.OutOrStdout(), cmd.ErrOrStderr(), groupsOf(d, ls), d.left)
	})
	outputFlag(c, &o.out)
	return c
}

// deadGroup is letters of one route, code and place.
type deadGroup struct {
	Route   string `json:"route"`
	Gone    bool   `json:"route_gone,omitempty"` // the program has it no more
	Class   string `json:"class"`
	Code    string `json:"code"`
	Stage   string `json:"stage"`
	Emit    string `json:"emit,omitempty"`
	Place   string `json:"place,omitempty"`
	Path    string `json:"path,omitempty"`
	Letters int    `json:"letters"`
	First   string `json:"first"`
	Last    string `json:"last"`
	Example string `json:"example"`
	Message string `json:"message"`
}

func groupsOf(d *deadTopics, ls []*dead) []*deadGroup {
	groups := []*deadGroup{}
	by := map[deadGroup]*deadGroup{}
	for _, l := range ls {
		k := deadGroup{Route: l.Route, Gone: l.route == nil, Class: string(l.Class), Code: l.Code, Stage: l.Stage, Emit: l.Emit, Place: l.Span, Path: l.Field}
		if l.route != nil {
			k.Route = l.route.Name
		}
		g := by[k]
		if g == nil {
			g = new(deadGroup)
			*g = k
			g.First = millis(l.time)
			by[k] = g
			groups = append(groups, g)
		}
		g.Letters++
		g.Last, g.Example, g.Message = millis(l.time), l.ID, l.Message
	}
	return groups
}

// millis prints a time as a program reads it; "" for none.
func millis(ms int64) string {
	if ms == event.NoTime {
		return ""
	}
	return value.FormatTime(time.UnixMilli(ms).UTC())
}

func (o *deadOptions) list(w, words io.Writer, groups []*deadGroup, left int) error {
	if o.out == "json" {
		return encodeTo(w, struct {
			Format int          `json:"format"`
			Groups []*deadGroup `json:"groups"`
		}{1, groups})
	}
	if len(groups) == 0 && left > 0 {
		fmt.Fprintf(words, "no letters that are meant; there are %d others\n", left)
		return nil
	}
	if len(groups) == 0 {
		fmt.Fprintln(words, "no letters")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "letters\troute\tcode\tstage\tpath\tplace\tfirst\tlast\texample")
	for _, g := range groups {
		route, path := g.Route, g.Path
		if g.Gone {
			route += " (gone)"
		}
		if path == "" {
			path = "-"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", g.Letters, route, g.Code, g.Stage, path, g.Place, g.First, g.Last, g.Example)
	}
	return t.Flush()
}

func deadShowCmd() *cobra.Command {
	var o deadOptions
	c := o.command(&cobra.Command{
		Use:   "show [DIR] --id ID",
		Short: "Show one letter whole",
		Long:  "Show prints a letter with all that it says. Without --values the shape of its value and key is shown: letters are x and digits 9.",
	}, func(cmd *cobra.Command, d *deadTopics, ls []*dead) error {
		return o.show(cmd.OutOrStdout(), d, ls[0])
	})
	o.first = func() error {
		if o.id == "" {
			return fail(exitUsage, errors.New("which letter? `sluice dead ls` gives an --id of each kind"))
		}
		return nil
	}
	o.valuesFlag(c)
	outputFlag(c, &o.out)
	return c
}

// deadShown is a letter as `show -o json` tells it.
type deadShown struct {
	Format   int               `json:"format"`
	ID       string            `json:"id"`
	Class    string            `json:"class"`
	Route    string            `json:"route"`
	Gone     bool              `json:"route_gone,omitempty"`
	Stage    string            `json:"stage"`
	Emit     string            `json:"emit,omitempty"`
	Code     string            `json:"code"`
	Place    string            `json:"place,omitempty"`
	Path     string            `json:"path,omitempty"`
	Message  string            `json:"message"`
	Help     string            `json:"help,omitempty"`
	Excerpt  string            `json:"excerpt,omitempty"`
	Attempts int               `json:"attempts"`
	Replays  int               `json:"replays"`
	Origin   string            `json:"origin"`
	Topic    string            `json:"topic,omitempty"`
	Target   string            `json:"target,omitempty"`
	Time     string            `json:"time,omitempty"`
	Key      *string           `json:"key"`
	Order    *string           `json:"record_key,omitempty"` // of an output: of the record that made it
	Headers  map[string]string `json:"headers,omitempty"`
	Stands   string            `json:"stands"`
	Stays    string            `json:"not_replayable,omitempty"`
	Value    any               `json:"value"`
}

func (o *deadOptions) show(w io.Writer, d *deadTopics, l *dead) error {
	s := deadShown{
		Format: 1, ID: l.ID, Class: string(l.Class), Route: l.Route, Gone: l.route == nil, Stage: l.Stage, Emit: l.Emit, Code: l.Code, Place: l.Span, Path: l.Field,
		Message: l.Message, Help: l.Help, Excerpt: l.Excerpt, Attempts: l.Attempts, Replays: l.Round, Origin: letter.Origin(l.Origin), Topic: l.Topic, Target: l.Target,
		Time: millis(l.Time), Stands: fmt.Sprintf("%s/%d", l.at.Topic, l.at.Partition), Stays: d.stays(l),
	}
	if l.route != nil {
		s.Route = l.route.Name
	}
	if l.Key != nil {
		k := o.text(l.Key)
		s.Key = &k
	}
	if l.Class == letter.Delivery && l.Order != nil {
		k := o.text(l.Order)
		s.Order = &k
	}
	for _, h := range l.Headers {
		if s.Headers == nil {
			s.Headers = map[string]string{}
		}
		s.Headers[h.Key] = o.text(h.Value)
	}
	text := "null"
	switch v, err := value.DecodeJSON(l.Value); {
	case l.ByReference:
		text = "(nowhere: see above)"
	case l.Value == nil:
	case err != nil:
		text = o.broken(l.Value)
		s.Value = text
	default:
		if !o.values {
			v = maskValue(v)
		}
		text = string(value.AppendJSON(nil, v))
		s.Value = rawJSON(text)
	}
	if o.out == "json" {
		return encodeTo(w, s)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, v string) {
		if v != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, escaped(v))
		}
	}
	line("id", s.ID)
	line("class", s.Class)
	if s.Gone {
		s.Route += " (the program has it no more)"
	}
	line("route", s.Route)
	line("stage", s.Stage)
	line("emit", s.Emit)
	line("code", s.Code)
	line("message", s.Message)
	line("help", s.Help)
	line("path", s.Path)
	line("excerpt", s.Excerpt)
	line("place", s.Place)
	line("attempts", fmt.Sprint(s.Attempts))
	line("replays", fmt.Sprintf("%d of %d", s.Replays, letter.MaxRounds))
	line("time", s.Time)
	line("topic", s.Topic)
	line("target", s.Target)
	line("origin", s.Origin)
	line("stands in", s.Stands)
	if s.Key != nil {
		line("key", *s.Key)
	}
	if s.Order != nil {
		line("record key", *s.Order)
	}
	for _, h := range l.Headers {
		line("header "+h.Key, s.Headers[h.Key])
	}
	line("stays", s.Stays)
	line("value", text)
	return t.Flush()
}

// text is bytes as text: masked unless values are asked for.
func (o *deadOptions) text(b []byte) string {
	if !utf8.Valid(b) {
		if o.values {
			return "base64:" + base64.StdEncoding.EncodeToString(b)
		}
		return count(len(b), "byte") + " that are no text"
	}
	if o.values {
		return string(b)
	}
	return maskText(string(b))
}

// broken is a value that is no JSON as text: of it only names and signs are shown unless
// values are asked for.
func (o *deadOptions) broken(b []byte) string {
	if !o.values && utf8.Valid(b) {
		return letter.Mask(string(b))
	}
	return o.text(b)
}

// escaped shows control characters instead of obeying them.
func escaped(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}
