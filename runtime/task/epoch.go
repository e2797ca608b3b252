package task

import (
	"slices"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// epoch is the records of one slice of one input, or a part of it, and what became
// of them. It is the unit of release, of persistence and of memory.
type epoch struct {
	in      *input      // whose position it moves; nil: none
	records int         // how many have run in it
	read    int64       // their bytes, which are not kept
	oldest  int64       // timestamp of the first, ms
	origins []origin    // of those that made outputs, by Output.Record
	places  []place     // where they came from; the first is the input
	texts   []byte      // their keys and element paths
	arena   event.Arena // arena.Epoch is the epoch's number in its task
	ends    []bool      // by output: its result has come
	letters []*pending
	outs    int       // outputs and letters it waits for: 0 lets it persist
	next    int64     // position behind it
	bytes   int64     // that count against the caps
	acct    []Account // by route
	sealed  bool
	replays map[int32]*event.Replay // of outputs, by their index, that letters held
	// replayed are ids of letters that have ended in it.
	replayed []string

	written // S1
}

// place is a partition that records come from.
type place struct {
	topic     event.TopicID
	partition int32
}

// origin is what the letter of an output needs of the record that made it.
type origin struct {
	offset int64
	key    event.Bytes // in epoch.texts
	path   event.Bytes // in epoch.texts
	place  int32       // in epoch.places
	noKey  bool
}

// origin keeps it. The record itself is not kept: its bytes are a piece of what was
// fetched together, and all of that would live as long as the slowest of its
// outputs (I7).
func (e *epoch) origin(rec *event.Record) {
	start := len(e.texts)
	e.texts = append(e.texts, rec.Key...)
	n := len(e.origins)
	if n < cap(e.origins) {
		e.origins = e.origins[:n+1]
	} else {
		e.origins = append(e.origins, origin{})
	}
	// Written where it stands: a copy of what was just written waits for it.
	o := &e.origins[n]
	o.offset, o.noKey, o.place, o.path = rec.Offset, rec.Key == nil, 0, event.Bytes{}
	o.key.Start, o.key.End = uint32(start), uint32(len(e.texts))
	if rec.Made != nil || rec.Calls != nil || rec.Replay != nil {
		e.made(rec)
	}
}

// made keeps what the origin has beside it of a record that did not come from the input
// of the epoch, or may not have.
func (e *epoch) made(rec *event.Record) {
	o := &e.origins[len(e.origins)-1]
	o.place = e.place(place{rec.TopicID, rec.Partition})
	o.path.Start = uint32(len(e.texts))
	if rec.Made != nil {
		e.texts = append(e.texts, rec.Made.Path...)
	}
	o.path.End = uint32(len(e.texts))
}

func (e *epoch) place(p place) int32 {
	i := slices.Index(e.places, p)
	if i < 0 {
		i = len(e.places)
		e.places = append(e.places, p)
	}
	return int32(i)
}

func (e *epoch) key(o *origin) []byte {
	if o.noKey {
		return nil
	}
	return e.texts[o.key.Start:o.key.End:o.key.End]
}

// of gives the origin as letters and held outputs name it.
func (e *epoch) of(o *origin) event.Origin {
	p := &e.places[o.place]
	return event.Origin{Topic: p.topic, Partition: p.partition, Offset: o.offset, Path: string(e.texts[o.path.Start:o.path.End])}
}

// pending is a letter of an epoch.
type pending struct {
	letter letter.Letter
	route  int
	output int32    // index in the arena; -1: the letter of a record
	erase  []string // no letter: what other groups are to erase
	gone   bool     // it is a tombstone
	dead   bool     // of the letter of an output that was refused again
	acked  bool
}

// Ref names a letter to LetterAcked, a transaction to Committed.
type Ref struct {
	epoch uint64
	index int
}

// full tells that the next record begins another epoch.
func (t *Task) full(e *epoch) bool {
	return e.records >= t.most || e.read+int64(len(e.arena.Buf)) >= epochBytes || t.cells != nil && t.wrote(e)
}

// open begins an epoch of an input, or of none.
func (t *Task) open(in *input) *epoch {
	e := t.cfg.Budget.epoch()
	e.acct = slices.Grow(e.acct[:0], len(t.cfg.Routes))[:len(t.cfg.Routes)]
	for i, r := range t.cfg.Routes {
		a := &e.acct[i]
		a.reset()
		a.Emits = slices.Grow(a.Emits[:0], len(r.Emits))[:len(r.Emits)]
		clear(a.Emits)
	}
	// As large as the one before it at once: growing to that by doubling would copy
	// every output twice.
	if cap(e.arena.Buf) < t.usualBytes {
		e.arena.Buf = make([]byte, 0, t.usualBytes)
	}
	if cap(e.arena.Outs) < t.usualOuts {
		e.arena.Outs = make([]event.Output, 0, t.usualOuts)
	}
	if in != nil {
		e.in, e.next = in, in.next
		e.places = append(e.places[:0], place{in.TopicID, in.Partition})
	}
	e.arena.Epoch = t.base + uint64(len(t.epochs))
	t.epochs = append(t.epochs, e)
	return e
}

// epoch finds by its number an epoch that is not persisted, or of which an output
// is held.
func (t *Task) epoch(n uint64) *epoch {
	if n < t.base || n-t.base >= uint64(len(t.epochs)) {
		return t.lingering[n]
	}
	return t.epochs[n-t.base]
}

// keepBytes bounds what an epoch may keep for its next life: none that one huge
// record blew up.
const keepBytes = 2 * epochBytes

// size is about what an empty epoch holds, in bytes.
func (e *epoch) size() int {
	return cap(e.arena.Buf) + cap(e.arena.Outs)*outputOverhead/2 + cap(e.texts) + cap(e.origins)*recordOverhead + cap(e.ends)
}

// recycle gives the memory of a persisted epoch back. Nobody reads its arena any
// more: every output of it has ended.
func (t *Task) recycle(e *epoch) {
	if cap(e.arena.Buf) > keepBytes || !t.policy.recycles() {
		return
	}
	clear(e.letters)
	e.arena.Reset()
	*e = epoch{origins: e.origins[:0], places: e.places[:0], texts: e.texts[:0], arena: e.arena, ends: e.ends[:0], letters: e.letters[:0], acct: e.acct, written: written{marks: e.marks[:0]}}
	t.cfg.Budget.recycle(e)
}
