package sim

import (
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
)

// loaded has the rows of loaded tables as they were given.
type loaded struct {
	rows map[*ir.Table]map[string]value.Value
}

func newLookup(tables []*ir.Table, rows []TableRow) *loaded {
	l := &loaded{rows: map[*ir.Table]map[string]value.Value{}}
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
	return v, ok
}
