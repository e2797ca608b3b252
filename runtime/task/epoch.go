package task

import (
	"slices"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// epoch is the records of one slice, or a part of it, and what became of them. It
// is the unit of release, of persistence and of memory.
type epoch struct {
	records int         // how many have run in it
	read    int64       // their bytes, which are not kept
	oldest  int64       // timestamp of the first, ms
	origins []origin    // of those that made outputs, by Output.Record
	keys    []byte      // their keys
	arena   event.Arena // arena.Epoch is the epoch's number in its task
	ends    []bool      // by output: its result has come
	letters []*pending
	outs    int   // outputs and letters it waits for: 0 lets it persist
	next    int64 // position behind it
	bytes   int64 // that count against the caps
	acct    Account
	sealed  bool
}

// origin is what the letter of an output needs of the record that made it.
type origin struct {
	offset int64
	key    event.Bytes // in epoch.keys
	noKey  bool
}

// origin keeps it. The record itself is not kept: its bytes are a piece of what was
// fetched together, and all of that would live as long as the slowest of its
// outputs (I7).
func (e *epoch) origin(rec *event.Record) {
	o := origin{offset: rec.Offset, noKey: rec.Key == nil}
	o.key.Start = uint32(len(e.keys))
	e.keys = append(e.keys, rec.Key...)
	o.key.End = uint32(len(e.keys))
	e.origins = append(e.origins, o)
}

func (e *epoch) key(o *origin) []byte {
	if o.noKey {
		return nil
	}
	return e.keys[o.key.Start:o.key.End:o.key.End]
}

// pending is a letter of an epoch.
type pending struct {
	letter letter.Letter
	output int32 // index in the arena; -1: the letter of a record
	acked  bool
}

// Ref names a letter to LetterAcked.
type Ref struct {
	epoch uint64
	index int
}

// full tells that the next record begins another epoch.
func (e *epoch) full() bool {
	return e.records >= epochRecords || e.read+int64(len(e.arena.Buf)) >= epochBytes
}

// open begins an epoch.
func (t *Task) open() *epoch {
	e := t.cfg.Budget.epoch()
	n := len(t.cfg.Route.Emits)
	e.acct.Emits = slices.Grow(e.acct.Emits[:0], n)[:n]
	clear(e.acct.Emits)
	// As large as the one before it at once: growing to that by doubling would copy
	// every output twice.
	if cap(e.arena.Buf) < t.usualBytes {
		e.arena.Buf = make([]byte, 0, t.usualBytes)
	}
	if cap(e.arena.Outs) < t.usualOuts {
		e.arena.Outs = make([]event.Output, 0, t.usualOuts)
	}
	e.arena.Epoch = t.base + uint64(len(t.epochs))
	t.epochs = append(t.epochs, e)
	return e
}

// epoch finds a live epoch by its number.
func (t *Task) epoch(n uint64) *epoch {
	if n < t.base || n-t.base >= uint64(len(t.epochs)) {
		return nil
	}
	return t.epochs[n-t.base]
}

// keepBytes bounds what an epoch may keep for its next life: none that one huge
// record blew up.
const keepBytes = 2 * epochBytes

// size is about what an empty epoch holds, in bytes.
func (e *epoch) size() int {
	return cap(e.arena.Buf) + cap(e.arena.Outs)*outputOverhead/2 + cap(e.keys) + cap(e.origins)*recordOverhead + cap(e.ends)
}

// recycle gives the memory of a persisted epoch back. Nobody reads its arena any
// more: every output of it has ended.
func (t *Task) recycle(e *epoch) {
	if cap(e.arena.Buf) > keepBytes || !t.policy.recycles() {
		return
	}
	clear(e.letters)
	e.arena.Reset()
	e.acct.reset()
	*e = epoch{origins: e.origins[:0], keys: e.keys[:0], arena: e.arena, ends: e.ends[:0], letters: e.letters[:0], acct: e.acct}
	t.cfg.Budget.recycle(e)
}
