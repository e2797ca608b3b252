package task

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Records that the task makes of others run as records of their own behind their
// cause and in its epoch: so what a change causes is exact by I11, with no log
// between. Each fails alone.

// What a record of a log may write with all its children and the changes that it
// makes, in cells and bytes: they are one transaction, behind what the epoch had.
const (
	maxFamilyCells = 20_000
	maxFamilyBytes = 2 << 20
)

// family is what the epoch had written before the record of the log that runs.
type family struct{ cells, bytes int }

// bounded fails a record that would make its family write more than it may. It
// counts from the record of the log, so that it does not matter where epochs were
// cut (I13).
func (t *Task) bounded(end *event.Outcome) {
	if end.Kind == event.Failed {
		return
	}
	cells, bytes := t.cells.Written()
	if cells-t.family.cells > maxFamilyCells || bytes-t.family.bytes > maxFamilyBytes {
		*end = event.Outcome{Kind: event.Failed, Stage: end.Stage, Node: end.Node, Path: end.Path,
			Fail: diag.Failf(diag.TooMuch, token.Span{}, "a record, its children and changes write more than %d rows or %d MiB", maxFamilyCells, maxFamilyBytes>>20)}
	}
}

// behind ends a record of a group and runs the changes it made, each through every
// route that reads them, in order of their names.
func (t *Task) behind(e *epoch, route int, rec *event.Record, failed bool, clock time.Time) {
	if failed {
		if t.policy.undoes() {
			t.cells.Undo() // I11
		} else {
			t.cells.Done()
		}
		return
	}
	if changes := t.cells.Done(); len(changes) > 0 {
		path := ""
		if rec.Made != nil {
			path = rec.Made.Path
		}
		t.changes(e, t.cfg.Routes[route].IDName(), path, rec, changes, clock)
	}
}

// changes runs the changes that a route made of a record, or a timer. Their path
// holds the route: two routes may make changes of one table of the same record.
func (t *Task) changes(e *epoch, route, path string, cause *event.Record, changes []state.Change, clock time.Time) {
	run, child := t.parking.run, t.parking.child
	t.parking.run, t.parking.child = nil, false // a change is no part of what made it
	defer func() { t.parking.run, t.parking.child = run, child }()
	for i := range changes {
		ch := &changes[i]
		s := t.cfg.Group.States[ch.State]
		if len(s.Readers) == 0 {
			continue
		}
		n := 0
		for j := range changes[:i] {
			if changes[j].State == ch.State {
				n++
			}
		}
		rec := *cause
		rec.Value, rec.Replay = nil, nil // Headers stay: the sluice-path in them goes on
		rec.Made = &event.Made{
			Kind: event.Change, Value: ch.Value, Time: ch.Time, Person: ch.Person,
			Path: path + "~" + strings.TrimPrefix(s.Name, "table ") + "/" + route + "/" + strconv.Itoa(n),
		}
		for _, r := range s.Readers {
			if t.policy.later(r, rec) {
				continue
			}
			if t.run(e, nil, r, &rec, clock); t.state == Failed {
				return
			}
		}
	}
}

// fire ends the timers that are due, panes and rows past their age, in the order of
// their times whatever state they are of: a window may take the panes of another.
// There may be many at once, so the epoch may be cut between them; then the next
// start goes on with the rest, under the same now, before anything else. It gives
// the epoch at hand, nil when the task has Failed.
func (t *Task) fire(e *epoch, cause state.Firing) *epoch {
	clock := time.Unix(0, cause.Now).UTC()
	for {
		at, due, key := -1, int64(0), []byte(nil)
		for _, s := range t.timed {
			m := &t.marks[s]
			if m.tell == event.NoMicros {
				continue
			}
			d, k, ok := t.cells.Due(s, m.tell)
			if t.broken() {
				return nil
			}
			if ok && (at < 0 || d < due) {
				at, due, key = s, d, k
			}
		}
		if at < 0 {
			for _, s := range t.timed {
				m := &t.marks[s]
				m.ended = max(m.ended, m.tell)
			}
			return e
		}
		if t.full(e) {
			e.firing = cause
			t.seal(e, cause.Now)
			e = t.open(e.in)
		}
		if t.due(e, at, due, key, &cause, clock); t.state == Failed {
			return nil
		}
	}
}

// due ends one timer.
func (t *Task) due(e *epoch, s int, due int64, key []byte, cause *state.Firing, clock time.Time) {
	m := &t.marks[s]
	if due > m.ended && due > m.told {
		cause = nil
	}
	if m.idle && due > m.told {
		m.told = due
		t.cells.SetWatermark(s, m.w, m.told)
	}
	e.fired++
	t.cells.Begin()
	route, rec := t.cfg.Runner.Due(s, due, key)
	if t.broken() {
		t.cells.Undo()
		return
	}
	t.family.cells, t.family.bytes = t.cells.Written()
	if changes := t.cells.Done(); len(changes) > 0 {
		t.changes(e, "", "", expired(t.cfg.Group.States[s].Name, due, key, cause), changes, clock)
	}
	if rec != nil && t.state != Failed {
		t.run(e, nil, route, rec, clock)
	}
}

// expired is the origin of what the end of a row's time causes: no record did. It
// is made of the state, the key and the time, so it is the same for ever. Where
// timers of that time were ended before, the row was written anew since, so late
// that its time was over: then what made the timer due tells it from the one before
// (I4).
func expired(name string, due int64, key []byte, again *state.Firing) *event.Record {
	b := binary.BigEndian.AppendUint32([]byte("expire"), uint32(len(name)))
	b = append(append(b, name...), key...)
	if again != nil {
		b = append(b, again.Topic[:]...)
		b = binary.BigEndian.AppendUint32(b, uint32(again.Partition))
		b = binary.BigEndian.AppendUint64(b, uint64(again.Offset))
	}
	return &event.Record{TopicID: xxh3.Hash128(b).Bytes(), Offset: due, Timestamp: event.NoTime}
}
