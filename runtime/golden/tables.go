package golden

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/sim"
)

// tables reads rows of tables: {"table","key":[…],"row","at"}. Before the inputs a
// row must be given whole; of one that is expected `at` may be left out, and with
// "...": true anything but the table.
func (p *parser) tables(read func(string) error, before bool) func(string) error {
	list := &p.c.TablesAfter
	if before {
		list = &p.c.Tables
	}
	return func(l string) error {
		if err := read(l); err != nil {
			return err
		}
		o := (*list)[len(*list)-1].Obj
		if o.Has("identity") {
			return p.errf("rows of \"identity\" are not there yet: this version of Sluice has tables only")
		}
		if name, ok := textField(o, "table"); !ok || name == "" {
			return p.errf("a row of a table needs its name: {\"table\":\"NAME\",\"key\":[…],\"row\":…}")
		}
		more := !before && admitsMore(o)
		for i := range o.Len() {
			switch f := o.At(i); f.Key {
			case "table", "row":
			case "key":
				if k, ok := f.Value.(value.List); !ok || len(k) == 0 {
					return p.errf("key is the list of the key's parts: [\"a\"], or [\"a\", 1] of two")
				}
			case "at":
				text, ok := f.Value.(string)
				if !before && ok && binding.MatchString(text) {
					continue
				}
				t, err := value.ParseTime(text)
				if err != nil {
					return p.errf("at: %v", err)
				}
				o.Set("at", value.FormatTime(t)) // as the rows that came say it
			default:
				if f.Key != "..." || !more {
					return p.errf("a row of a table has no field %q", f.Key)
				}
			}
		}
		for _, k := range []string{"key", "row"} {
			if !o.Has(k) && !more {
				return p.errf("a row of a table needs its %s", k)
			}
		}
		return nil
	}
}

// tablesBefore gives the rows of `-- tables --` in the types that their tables
// declare.
func (c *Case) tablesBefore(p *plan.Plan) ([]sim.TableRow, error) {
	var out []sim.TableRow
	for _, r := range c.Tables {
		row, err := c.tableRow(p, r.Obj)
		if err != nil {
			return nil, &CaseError{c.Name + ".txtar", r.Line, err.Error()}
		}
		out = append(out, row)
	}
	return out, nil
}

func (c *Case) tableRow(p *plan.Plan, o *value.Object) (sim.TableRow, error) {
	name, _ := textField(o, "table")
	i := slices.IndexFunc(p.Tables, func(t *ir.Table) bool { return t.Name == name })
	if i < 0 {
		return sim.TableRow{}, fmt.Errorf("the program declares no table %s%s", name, tableNames(p))
	}
	t := p.Tables[i]
	row := sim.TableRow{Table: t, At: c.Now.UnixMicro()}
	key, _ := o.Get("key")
	parts := key.(value.List)
	if len(parts) != len(t.Keys) {
		return row, fmt.Errorf("a key of table %s has %d parts, this one %d", name, len(t.Keys), len(parts))
	}
	for i, v := range parts {
		k, err := judged(v, t.Keys[i].Type)
		if err != nil {
			return row, fmt.Errorf("key[%d] of table %s: %w", i, name, err)
		}
		if k == nil {
			return row, fmt.Errorf("key[%d] of table %s is null", i, name)
		}
		row.Key = append(row.Key, k)
	}
	v, _ := o.Get("row")
	var err error
	if row.Row, err = judged(v, t.Row); err != nil {
		return row, fmt.Errorf("row of table %s: %w", name, err)
	}
	if text, ok := textField(o, "at"); ok {
		at, err := value.ParseTime(text)
		if err != nil {
			return row, fmt.Errorf("at: %w", err)
		}
		row.At = at.UnixMicro()
	}
	return row, nil
}

func tableNames(p *plan.Plan) string {
	var names []string
	for _, t := range p.Tables {
		names = append(names, t.Name)
	}
	if len(names) == 0 {
		return ""
	}
	return ": there are " + strings.Join(names, ", ")
}

// judged reads a value of a case as its declared type: a time stands as text.
func judged(v value.Value, t *types.Type) (value.Value, error) {
	out, m := types.Judge(v, t, types.Mode{})
	if m == nil {
		return out, nil
	}
	if m.Path == "." {
		return nil, fmt.Errorf("expected %s, got %s", m.Want, m.Got)
	}
	return nil, fmt.Errorf("%s: expected %s, got %s", m.Path, m.Want, m.Got)
}

// tables takes the rows that are there at the end.
func (a *Actual) tables(w *sim.World) error {
	rows, err := w.Tables()
	if err != nil {
		return err
	}
	for _, r := range rows {
		o := value.NewObject()
		o.Put("table", r.Table.Name)
		o.Put("key", asText(value.List(r.Key)))
		o.Put("row", asText(r.Row))
		o.Put("at", value.FormatTime(time.UnixMicro(r.At).UTC()))
		a.Tables = append(a.Tables, ActualRow{Obj: o, Optional: "at"})
	}
	return nil
}

// asText is a value as JSON shows it: its times are texts.
func asText(v value.Value) value.Value { return decoded(value.AppendJSON(nil, v)) }
