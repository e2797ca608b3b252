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

// tables reads rows of tables, {"table","key":[…],"row","at"}, and of people,
// {"identity","ids":{…}}. Before the inputs a row must be given whole; of one that is
// expected `at` may be left out, and with "...": true anything but the table.
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
			return p.identity(o, before)
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
				if err := p.at(o, f.Value, before); err != nil {
					return err
				}
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

// at reads the time of a row.
func (p *parser) at(o *value.Object, v value.Value, before bool) error {
	text, ok := v.(string)
	if !before && ok && binding.MatchString(text) {
		return nil
	}
	t, err := value.ParseTime(text)
	if err != nil {
		return p.errf("at: %v", err)
	}
	o.Set("at", value.FormatTime(t)) // as the rows that came say it
	return nil
}

// before gives the rows of `-- tables --` in the types that their tables declare, and
// the people. of tells the lines of both.
func (c *Case) before(p *plan.Plan) (people []sim.Person, rows []sim.TableRow, of [2][]int, err error) {
	for _, r := range c.Tables {
		if r.Obj.Has("identity") {
			var who sim.Person
			who, err = c.person(p, r.Obj)
			people, of[0] = append(people, who), append(of[0], r.Line)
		} else {
			var row sim.TableRow
			row, err = c.tableRow(p, r.Obj)
			rows, of[1] = append(rows, row), append(of[1], r.Line)
		}
		if err != nil {
			return nil, nil, of, &CaseError{c.Name + ".txtar", r.Line, err.Error()}
		}
	}
	return people, rows, of, nil
}

func (c *Case) tableRow(p *plan.Plan, o *value.Object) (sim.TableRow, error) {
	name, _ := textField(o, "table")
	i := slices.IndexFunc(p.Tables, func(t *ir.Table) bool { return t.Name == name })
	if i < 0 {
		return sim.TableRow{}, fmt.Errorf("the program declares no table %s%s", name, thereAre(p.Tables, func(t *ir.Table) string { return t.Name }))
	}
	t := p.Tables[i]
	row := sim.TableRow{Table: t, At: c.Now.UnixMicro()}
	if err := keyOf(&row, o); err != nil {
		return row, err
	}
	v, _ := o.Get("row")
	var err error
	if row.Row, err = judged(v, t.Row); err != nil {
		return row, fmt.Errorf("row of table %s: %w", name, err)
	}
	if t.Audience != nil && row.Row != true {
		return row, fmt.Errorf("row of audience %s: it is true, who is no member has none", name)
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

// keyOf reads the key of a row; that of a person is an object of their identifiers.
func keyOf(row *sim.TableRow, o *value.Object) error {
	t := row.Table
	key, _ := o.Get("key")
	parts := key.(value.List)
	if len(parts) != len(t.Keys) {
		return fmt.Errorf("a key of table %s has %d parts, this one %d", t.Name, len(t.Keys), len(parts))
	}
	if t.Space != nil {
		ids, ok := parts[0].(*value.Object)
		if !ok {
			return fmt.Errorf("table %s is keyed by %s: its key is a list of an object of identifiers, like [{\"%s\":\"…\"}]", t.Name, t.Space.Name, t.Space.IDs[0].Name)
		}
		var err error
		if row.Person, err = givenOf(t.Space, ids); err != nil {
			return fmt.Errorf("key of table %s: %w", t.Name, err)
		}
		return nil
	}
	for i, v := range parts {
		k, err := judged(v, t.Keys[i].Type)
		if err != nil {
			return fmt.Errorf("key[%d] of table %s: %w", i, t.Name, err)
		}
		if k == nil {
			return fmt.Errorf("key[%d] of table %s is null", i, t.Name)
		}
		row.Key = append(row.Key, k)
	}
	return nil
}

// thereAre lists what could have been meant.
func thereAre[T any](list []T, name func(T) string) string {
	var names []string
	for _, x := range list {
		names = append(names, name(x))
	}
	switch len(names) {
	case 0:
		return ""
	case 1:
		return ": there is " + names[0]
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

// tables takes the people and the rows that are there at the end.
func (a *Actual) tables(w *sim.World) error {
	people, err := w.People()
	if err != nil {
		return err
	}
	for i := range people {
		a.Tables = append(a.Tables, personRow(&people[i]))
	}
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
		row := ActualRow{Obj: o, Optional: "at"}
		if r.Table.Space != nil {
			row.whose(r.Table.Space, r.Key, people)
		}
		a.Tables = append(a.Tables, row)
	}
	return nil
}

// asText is a value as JSON shows it: its times are texts.
func asText(v value.Value) value.Value { return decoded(value.AppendJSON(nil, v)) }
