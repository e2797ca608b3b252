package lookup

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Source is the topic of a table: every partition from its beginning, each in order.
type Source interface {
	// Poll waits at most wait for records. They and their bytes are the caller's.
	// Problems pass by themselves; an error is final.
	Poll(ctx context.Context, wait time.Duration) (recs []event.Record, problems []error, err error)
	// Progress says how many records, counted by offsets, there were when the reading
	// began, and how many of them Poll has passed.
	Progress() (read, total int64)
}

const (
	pollWait  = 500 * time.Millisecond
	tellEvery = time.Second // progress of a first load
)

// Follow reads the table's topic until ctx ends or the source does; the error says
// why. Rows are read by routes from the moment when all that the topic held at the
// start has been read, then as they come. Called again after an error with a new
// source, it loads beside the rows in use and exchanges them when it has caught up.
//
// told is called, on this goroutine, when the status changes; during a first load
// once a second.
func (t *Table) Follow(ctx context.Context, src Source, log *slog.Logger, told func(*Table)) error {
	f := newFollower(t.Decl)
	live := false
	next := time.Now()
	said := ""
	for {
		recs, problems, err := src.Poll(ctx, pollWait)
		if err != nil {
			if ctx.Err() == nil {
				t.failed(err, told)
			}
			return err
		}
		for _, p := range problems {
			// A broker that is away is told anew by every attempt.
			if p.Error() != said {
				said = p.Error()
				log.Warn("table "+t.Decl.Name+" waits", "err", p)
			}
		}
		left := 0
		for i := range recs {
			p := f.take(&recs[i])
			if p == nil {
				continue
			}
			if left++; left == 1 {
				log.Warn("table "+t.Decl.Name+" leaves a record out", "topic", recs[i].Topic, "partition", recs[i].Partition, "offset", recs[i].Offset, "why", p.Error())
			}
		}
		if left > 1 {
			log.Warn("table "+t.Decl.Name+" leaves more records out", "topic", t.Decl.Load.Topic, "records", left-1)
		}
		if f.full {
			err := fmt.Errorf("the table is larger than %d MiB; %s", maxBytes>>20, tooLarge)
			t.failed(err, told)
			return err
		}
		read, total := src.Progress()
		loaded := read >= total
		if loaded && !live {
			live = true
			t.publish(f.rows)
			log.Info("table "+t.Decl.Name+" is loaded", "topic", t.Decl.Load.Topic, "rows", f.rows.len(), "records", total)
		}
		changed := t.update(func(s *Status) {
			if !live && s.Loaded {
				return // a second load: the rows in use stay, and so does their problem
			}
			s.Read, s.Total, s.Problem = read, total, f.problem()
		})
		if changed && (loaded || !time.Now().Before(next)) {
			next = time.Now().Add(tellEvery)
			told(t)
		}
	}
}

// failed notes why the topic is not read any more.
func (t *Table) failed(err error, told func(*Table)) {
	t.update(func(s *Status) {
		s.Problem = fmt.Sprintf("topic %s: %v", t.Decl.Load.Topic, err)
		if s.Loaded {
			s.Problem += "; the rows read so far stay in use"
		}
	})
	told(t)
}

// follower makes rows of the records of a topic. What it holds is what reading the
// topic again from its beginning gives, compacted or not: for each record key the
// last record that is a row.
type follower struct {
	decl *ir.Table
	rows *rows
	full bool // the table is larger than it may be

	// For tables keyed by fields: the key of the row that each record key gave last,
	// and for each key the rows that record keys gave it, oldest first. The last one is
	// read.
	of    map[string]string
	given map[string][]owner

	bad map[string]place // record keys whose last record is no row, at most maxBad
}

// maxBad bounds what is remembered of records that are no rows (I7).
const maxBad = 10_000

// owner is a row as the record of one key gave it.
type owner struct {
	record string
	row
}

type place struct {
	partition int32
	offset    int64
	why       string
}

func newFollower(t *ir.Table) *follower {
	return &follower{decl: t, rows: newRows(), of: map[string]string{}, given: map[string][]owner{}, bad: map[string]place{}}
}

// problem says in one line what the topic holds that is no row; "" where all is.
func (f *follower) problem() string {
	if len(f.bad) == 0 {
		return ""
	}
	first := true
	var at place
	for _, p := range f.bad {
		if first || p.partition < at.partition || p.partition == at.partition && p.offset < at.offset {
			at, first = p, false
		}
	}
	what := "1 record is no row and left out"
	if n := len(f.bad); n > 1 {
		what = fmt.Sprintf("%d records are no rows and left out, the first", n)
	}
	return fmt.Sprintf("topic %s: %s: partition %d offset %d: %s; write it again under the same key", f.decl.Load.Topic, what, at.partition, at.offset, at.why)
}

// take applies one record; a problem says why it is left out.
func (f *follower) take(r *event.Record) *problem {
	if r.Value == nil {
		if r.Key == nil {
			return nil // a tombstone of nobody
		}
		delete(f.bad, string(r.Key))
		return f.remove(r.Key)
	}
	key, v, p := f.row(r)
	if p != nil {
		if r.Key != nil && len(f.bad) < maxBad { // without a key no later record can mend it
			f.bad[string(r.Key)] = place{r.Partition, r.Offset, p.Error()}
		}
		return p
	}
	if r.Key != nil {
		delete(f.bad, string(r.Key))
	}
	switch {
	case byRecord(f.decl):
	case r.Key == nil:
		// Nobody's row: it counts until the next one, and no tombstone takes it away.
		delete(f.given, key)
	default:
		f.own(string(r.Key), key, row{v, len(r.Value)})
	}
	f.put(key, row{v, len(r.Value)})
	return nil
}

// row reads a record as a row with its key.
func (f *follower) row(r *event.Record) (string, value.Value, *problem) {
	v, bad := value.DecodeJSON(r.Value)
	if bad != nil {
		return "", nil, &problem{why: bad.Error(), help: bad.Help}
	}
	v, p := judge(f.decl, v, false)
	if p != nil {
		return "", nil, p
	}
	var key string
	if byRecord(f.decl) {
		key, p = recordKey(f.decl, r.Key)
	} else {
		key, p = keyOf(f.decl, v)
	}
	return key, v, p
}

func (f *follower) put(key string, r row) {
	if !f.rows.put(key, r) {
		f.full = true
	}
}

// remove takes away what the last record of a key gave.
func (f *follower) remove(record []byte) *problem {
	if byRecord(f.decl) {
		key, p := recordKey(f.decl, record)
		if p == nil {
			f.rows.delete(key)
		}
		return nil // a tombstone of what never was a row
	}
	if key, ok := f.of[string(record)]; ok {
		delete(f.of, string(record))
		f.disown(string(record), key)
	}
	return nil
}

// own notes whose row a key has now.
func (f *follower) own(record, key string, r row) {
	owners := f.given[key]
	switch was, had := f.of[record]; {
	case had && was == key:
		// The row itself stays: a reader must not find it gone between the two.
		owners = slices.DeleteFunc(owners, func(o owner) bool { return o.record == record })
	case had:
		f.disown(record, was)
	}
	f.of[record] = key
	f.given[key] = append(owners, owner{record, r})
}

// disown takes the row of one record key from a key; an older one that another record
// gave shows again, as it would after compaction.
func (f *follower) disown(record, key string) {
	owners := f.given[key]
	i := slices.IndexFunc(owners, func(o owner) bool { return o.record == record })
	if i < 0 {
		return // somebody without a key has written it since
	}
	owners = slices.Delete(owners, i, i+1)
	switch n := len(owners); {
	case n == 0:
		delete(f.given, key)
		f.rows.delete(key)
		return
	case i == n:
		f.put(key, owners[n-1].row)
	}
	f.given[key] = owners
}
