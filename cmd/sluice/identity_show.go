package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

func identityShowCmd() *cobra.Command {
	var o stateOptions
	c := &cobra.Command{
		Use:   "show SPACE TYPE=VALUE...",
		Short: "Print a person",
		Long: "Show prints the person whom identifiers name: their id, what they are known by with first and last sight, who became them, their rows and audiences. " +
			"It reads the state of a program that is stopped. Without --values identifiers and rows are masked.",
		Example: "  sluice identity show people email=ann@example.com\n  sluice identity show people id=0e9a1f6c-5b1d-5c3e-8f11-2a3b4c5d6e7f --values -o json",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := o.people(cmd, args[0], "")
			if err != nil {
				return err
			}
			ids, err := p.allNamed(args[1:])
			if err != nil {
				return err
			}
			return o.look(p, o.directory(p), func(l *looking) error {
				who, err := l.find(ids)
				if err != nil {
					return err
				}
				s, err := l.show(who, ids, o.values)
				if err != nil {
					return err
				}
				if o.out == "json" {
					return encode(cmd, s)
				}
				return s.write(cmd.OutOrStdout())
			})
		},
	}
	o.flags(c)
	o.valuesFlag(c)
	outputFlag(c, &o.out)
	return c
}

// shownPerson is a person as `show -o json` tells them.
type shownPerson struct {
	Format      int               `json:"format"`
	Space       string            `json:"space"`
	ID          string            `json:"id"`
	Was         string            `json:"was,omitempty"` // the id that was asked for, of one who became them
	AnonymousID string            `json:"anonymous_id"`
	Known       bool              `json:"known"`
	Created     uint64            `json:"created"` // running number in the space
	Identifiers []shownIdentifier `json:"identifiers"`
	Merges      int               `json:"merges"`
	Merged      []string          `json:"merged"` // ids of those who became them
	Rows        []shownRow        `json:"rows"`
	Audiences   []string          `json:"audiences"`
	Masked      bool              `json:"masked,omitempty"`
}

type shownIdentifier struct {
	Type  string `json:"type"`
	Value string `json:"value"`
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
}

type shownRow struct {
	Table string          `json:"table"`
	Row   json.RawMessage `json:"row"` // masked: text that shows its shape
	At    string          `json:"at,omitempty"`

	audience bool
}

func (l *looking) show(p *identity.Person, asked []identity.NamedID, values bool) (*shownPerson, error) {
	s := &shownPerson{
		Format: 1, Space: l.space.Name, ID: p.ID, AnonymousID: p.Anonymous, Known: p.Known, Created: p.Created, Merges: p.Merges,
		Identifiers: []shownIdentifier{}, Merged: append([]string{}, l.ids.Former(l.cells, p.ID)...), Rows: []shownRow{}, Audiences: []string{}, Masked: !values,
	}
	for _, id := range asked {
		if id.Type == ownID && id.Value != p.ID {
			s.Was = id.Value
		}
	}
	mask := func(text string) string {
		if values {
			return text
		}
		return maskText(text)
	}
	for _, id := range p.IDs {
		if id.Value == p.Anonymous {
			s.AnonymousID = mask(p.Anonymous)
		}
		s.Identifiers = append(s.Identifiers, shownIdentifier{l.space.IDs[id.Type].Name, mask(id.Value), sight(id.First), sight(id.Last)})
	}
	rows, err := l.rows(p.ID)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.audience {
			s.Audiences = append(s.Audiences, r.Table)
			continue
		}
		if !values {
			r.Row = value.AppendJSON(nil, letter.Mask(string(r.Row)))
		}
		s.Rows = append(s.Rows, r)
	}
	return s, nil
}

// maskText hides a text and keeps its shape.
func maskText(text string) string {
	masked := letter.Mask(string(value.AppendJSON(nil, text)))
	return masked[1 : len(masked)-1]
}

func sight(at int64) string {
	if at == event.NoMicros {
		return ""
	}
	return time.UnixMicro(at).UTC().Format(time.RFC3339)
}

// rows gives the rows of a person in the tables keyed by the space, and the audiences
// that they are in.
func (l *looking) rows(id string) ([]shownRow, error) {
	var out []shownRow
	for _, t := range l.program.Tables {
		of := t.Space
		if t.Audience != nil {
			of = t.Audience.On.Space
		}
		if of != l.space || t.State == nil {
			continue
		}
		e, ok := state.Lookup(l.entries, t.State.Name)
		if !ok {
			continue // it has not run yet
		}
		row, ok, err := state.ReadRow(l.store, e, value.List{id})
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, shownRow{Table: t.Name, Row: value.AppendJSON(nil, row.Row), At: sight(row.At), audience: t.Audience != nil})
		}
	}
	return out, nil
}

func (s *shownPerson) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.Was != "" {
		fmt.Fprintf(t, "asked for\t%s, who became this person\n", s.Was)
	}
	known := "yes"
	if !s.Known {
		known = "no: by devices only"
	}
	fmt.Fprintf(t, "id\t%s\nanonymous id\t%s\nknown\t%s\n", s.ID, s.AnonymousID, known)
	if s.Merges > 0 {
		fmt.Fprintf(t, "merged in\t%s\n", count(s.Merges, "person"))
		for _, id := range s.Merged {
			fmt.Fprintf(t, "\t%s\n", id)
		}
	}
	fmt.Fprintln(t, "\nidentifier\tvalue\tfirst sight\tlast sight")
	for _, id := range s.Identifiers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", id.Type, printable(id.Value), dash(id.First), dash(id.Last))
	}
	if len(s.Rows) > 0 {
		fmt.Fprintln(t, "\ntable\trow\twritten")
		for _, r := range s.Rows {
			text := string(r.Row)
			if s.Masked {
				_ = json.Unmarshal(r.Row, &text) // it was made of a text above
			}
			fmt.Fprintf(t, "%s\t%s\t%s\n", r.Table, text, dash(r.At))
		}
	}
	if len(s.Audiences) > 0 {
		fmt.Fprintf(t, "\naudiences\t%s\n", strings.Join(s.Audiences, ", "))
	}
	return t.Flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// printable is a text as a terminal may have it: control characters are escaped.
func printable(s string) string {
	j := string(value.AppendJSON(nil, s))
	if j[1:len(j)-1] == s {
		return s
	}
	return j
}
