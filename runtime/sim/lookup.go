package sim

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/op"
)

// loaded has the rows of loaded tables as they were given, and else those of files.
type loaded struct {
	rows  map[*ir.Table]map[string]value.Value
	files op.Lookup
}

func newLookup(tables []*ir.Table, rows []TableRow, files op.Lookup) *loaded {
	l := &loaded{rows: map[*ir.Table]map[string]value.Value{}, files: files}
	for _, t := range tables {
		if t.State == nil {
			l.rows[t] = map[string]value.Value{}
		}
	}
	for i := range rows {
		if r := &rows[i]; r.Table.State == nil {
			l.rows[r.Table][string(r.key())] = r.Row
		}
	}
	return l
}

// Row is op.Lookup's.
func (l *loaded) Row(t *ir.Table, key []byte) (value.Value, bool) {
	v, ok := l.rows[t][string(key)]
	if !ok && l.files != nil && t.Load.File != "" {
		return l.files.Row(t, key)
	}
	return v, ok
}
