package sim

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/state"
)

// TableRow is a row of a table.
type TableRow struct {
	Table *ir.Table
	Key   value.List // its parts, of the declared types
	// Person stands in place of Key: one of those who are there before. nil: Key.
	Person []identity.Given
	Row    value.Value
	At     int64 // @time of the record that wrote it, microseconds since 1970; event.NoMicros: none
}

func (r *TableRow) key() []byte {
	var key []byte
	for _, k := range r.Key {
		key = value.AppendKey(key, k)
	}
	return key
}

// Tables gives all rows of the tables that routes write, as the stores hold them, by
// table and key.
func (w *World) Tables() ([]TableRow, error) {
	var out []TableRow
	for _, g := range w.groups {
		for i, s := range g.States {
			if s.Kind != ir.TableState && s.Kind != ir.AudienceState {
				continue
			}
			rows, err := g.rows(w.table(s.State), i)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			out = append(out, rows...)
		}
	}
	slices.SortStableFunc(out, func(a, b TableRow) int { return cmp.Compare(a.Table.Name, b.Table.Name) })
	return out, nil
}

func (w *World) table(s *ir.State) *ir.Table {
	i := slices.IndexFunc(w.tables, func(t *ir.Table) bool { return t.State == s })
	return w.tables[i]
}

// cellPrefix is the beginning of the keys of a state's cells, as the package state
// writes them.
func cellPrefix(number uint32) []byte { return binary.BigEndian.AppendUint32([]byte{'c'}, number) }

func (g *stateGroup) rows(t *ir.Table, s int) (out []TableRow, err error) {
	prefix := cellPrefix(number(s))
	scan := g.disk.Scan(prefix, nil, func(key, val []byte) bool {
		r := TableRow{Table: t}
		if r.Key, err = value.DecodeKey(key[len(prefix):]); err == nil {
			r.At, r.Row, err = state.DecodeRow(val)
		}
		out = append(out, r)
		return err == nil
	})
	return out, cmp.Or(err, scan)
}

// number is that of a state in the store of its group: a world has one program, so
// its place will do.
func number(s int) uint32 { return uint32(s) + 1 }

// put writes the people and the rows that are there before the first process.
func (w *World) put(people []Person, rows []TableRow) error {
	for _, g := range w.groups {
		cells, err := g.cells()
		if err != nil {
			return err
		}
		cells.Begin()
		if err := g.meet(people, cells); err != nil {
			return err
		}
		for i, r := range rows {
			s := g.Index(r.Table.State)
			if r.Table.State == nil || s < 0 {
				continue
			}
			if r.Person != nil {
				id, why, err := g.whose(r.Table.Space, r.Person, cells)
				if err != nil {
					return err
				}
				if why != "" {
					return &SeedError{false, i, why}
				}
				r.Key = value.List{id}
			}
			cells.Put(s, r.key(), state.AppendRow(nil, r.At, r.Row))
			if span := g.States[s].SpanMS * 1000; span > 0 && r.At != event.NoMicros {
				cells.Arm(s, r.At+span, r.key())
			}
		}
		cells.Done()
		if err := g.disk.Commit(cells.Batch(cells.Seal())); err != nil {
			return err
		}
		if err := g.disk.Sync(); err != nil {
			return err
		}
	}
	return nil
}
