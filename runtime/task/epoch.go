package task

import (
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// epoch is the records of one slice, or a part of it, and what became of them. It
// is the unit of release, of persistence and of memory.
type epoch struct {
	recs    []event.Record
	arena   event.Arena // arena.Epoch is the epoch's number in its task
	ends    []bool      // by output: its result has come
	letters []*pending
	outs    int   // outputs and letters it waits for: 0 lets it persist
	next    int64 // position behind it
	bytes   int64 // of records and outputs
	acct    Account
	sealed  bool
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
	return len(e.recs) >= epochRecords || e.bytes+int64(len(e.arena.Buf)) >= epochBytes
}

// open begins an epoch.
func (t *Task) open() *epoch {
	var e *epoch
	if n := len(t.free); n > 0 {
		e, t.free = t.free[n-1], t.free[:n-1]
	} else {
		e = &epoch{acct: Account{Emits: make([]Emitted, len(t.cfg.Route.Emits))}}
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

// What is kept for the next epochs: a few, and none that one huge record blew up.
const (
	freeEpochs = 8
	keepBytes  = 2 * epochBytes
)

// recycle keeps the memory of a persisted epoch. Nobody reads its arena any more:
// every output of it has ended.
func (t *Task) recycle(e *epoch) {
	if len(t.free) >= freeEpochs || cap(e.arena.Buf) > keepBytes || !t.policy.recycles() {
		return
	}
	clear(e.recs)
	clear(e.letters)
	e.arena.Reset()
	e.acct.reset()
	*e = epoch{recs: e.recs[:0], arena: e.arena, ends: e.ends[:0], letters: e.letters[:0], acct: e.acct}
	t.free = append(t.free, e)
}
