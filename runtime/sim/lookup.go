package sim

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/lookup"
	"github.com/sluice-dev/sluice/runtime/op"
)

// loaded has the rows of loaded tables as they were given, and else those of files
// and topics.
type loaded struct {
	rows   map[*ir.Table]map[string]value.Value
	files  op.Lookup
	topics *lookup.Set
}

func newLookup(tables []*ir.Table, rows []TableRow, files op.Lookup) *loaded {
	l := &loaded{rows: map[*ir.Table]map[string]value.Value{}, files: files, topics: lookup.New(tables)}
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
	switch {
	case ok:
		return v, true
	case t.Load.Topic != "":
		return l.topics.Row(t, key)
	case l.files != nil:
		return l.files.Row(t, key)
	}
	return nil, false
}

// follow reads the tables of a topic that has got a record.
func (w *World) follow(t *topic) {
	for _, table := range w.lookup.topics.Tables() {
		if table.Decl.Load.Topic == t.name {
			// It ends with the records that there are, and loads anew with the next.
			_ = table.Follow(context.Background(), &whole{topic: t}, slog.New(slog.DiscardHandler), func(*lookup.Table) {})
		}
	}
}

// whole is a topic from its beginning to its present end.
type whole struct {
	topic *topic
	read  bool
}

// Poll is lookup.Source's.
func (s *whole) Poll(context.Context, time.Duration) (recs []event.Record, problems []error, err error) {
	if s.read {
		return nil, nil, io.EOF
	}
	s.read = true
	for i := range s.topic.parts {
		for _, l := range s.topic.parts[i].recs {
			recs = append(recs, l.rec)
		}
	}
	return recs, nil, nil
}

// Progress is lookup.Source's.
func (s *whole) Progress() (read, total int64) { return 0, 0 }
