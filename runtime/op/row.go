package op

import (
	"math"
	"time"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/lang/types"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// A row is a cell: the time of the record that wrote it, and a value
// (state.AppendRow). Rows of tables with a `ttl` and the objects of `changed by`
// have an age and a timer each.

// MaxKey is the size of the largest key of a cell, in bytes: a store has its own
// limit somewhat above.
const MaxKey = 32 << 10

// micros is @time, or event.NoMicros.
func (fr *Frame) micros() int64 {
	if t, ok := fr.eval.Time.(time.Time); ok {
		return t.UnixMicro()
	}
	return event.NoMicros
}

// timeAt is @time for a stage that cannot do without.
func (fr *Frame) timeAt(at token.Span) (int64, *diag.Failure) {
	if t := fr.micros(); t != event.NoMicros {
		return t, nil
	}
	f := diag.Failf(diag.NoTimestamp, at, "the record has no time")
	f.Help = "write `time by .at` above"
	return 0, f
}

// cellKey gives the key that expressions make, as a copy in the frame's own
// buffer: it stands until the next stage.
func (fr *Frame) cellKey(xs []ir.Expr, at token.Span) ([]byte, *diag.Failure) {
	key, fail := fr.eval.Key(xs)
	if fail != nil {
		return nil, fail
	}
	if len(key) > MaxKey {
		if len(xs) > 0 {
			at = xs[0].Span()
		}
		return nil, diag.Failf(diag.KeyTooLarge, at, "the key has %d bytes, more than 32 KiB", len(key))
	}
	fr.cell = append(fr.cell[:0], key...)
	return fr.cell, nil
}

// row is what a cell holds.
type row struct {
	v     value.Value
	at    int64 // of the record that wrote it, microseconds; event.NoMicros: it had no time
	since int64 // of the record that first wrote that value, where `merge first` needs it
	there bool
}

// stored reads a cell, whatever its age.
func (fr *Frame) stored(s int, key []byte, typ *types.Type, at token.Span) (row, *diag.Failure) {
	b, ok := fr.cells.Get(s, key)
	if !ok {
		return row{}, nil
	}
	return decodeRow(b, typ, at)
}

// decodeRow reads what a cell holds.
func decodeRow(b []byte, typ *types.Type, at token.Span) (row, *diag.Failure) {
	t, since, v, err := state.DecodeRowSince(b)
	if err != nil {
		return row{}, diag.Failf(diag.StoredType, at, "what is stored cannot be read: %v", err)
	}
	r := row{v, t, since, true}
	if typ != nil && !types.Member(v, typ) {
		// Read without a default or cast: what was stored is a fact.
		f := diag.Failf(diag.StoredType, at, "the stored row is not of the type that is declared today, %s", typ.Brief())
		f.Excerpt = value.Excerpt(v, excerptSize)
		return r, f
	}
	return r, nil
}

const excerptSize = 120

// past tells whether the row is as old as the span at a time; half open: at an age
// of exactly the span it is. Without a span, or a time, no row is.
func (r row) past(now, span int64) bool {
	return span > 0 && r.there && r.at != event.NoMicros && now != event.NoMicros && now >= after(r.at, span)
}

// after is at + span, microseconds, and the end of time where there is no such one.
func after(at, span int64) int64 {
	if at > math.MaxInt64-span {
		return math.MaxInt64
	}
	return at + span
}

// put writes a cell. A row with a span has at least one timer that is due no later
// than its age ends; one that is due earlier finds that and is set anew (expire).
// So a row that is written often costs no timers.
func (fr *Frame) put(s int, key []byte, old, now row, span int64) {
	fr.cells.Put(s, key, state.AppendRowSince(nil, now.at, now.since, now.v))
	if span > 0 && now.at != event.NoMicros && (!old.there || old.at == event.NoMicros || now.at < old.at) {
		fr.cells.Arm(s, after(now.at, span), key)
	}
}

// full fails a record that has written more than a transaction of the store takes.
func (fr *Frame) full(at token.Span) *diag.Failure {
	if !fr.cells.Full() {
		return nil
	}
	return diag.Failf(diag.TooMuch, at, "the record writes more than 4,000 rows or claims, or 2 MiB")
}

// expire is the timer of rows that have an age.
type expire struct {
	span int64  // microseconds
	of   *table // nil: of objects of `changed by`
}

func (e *expire) due(fr *Frame, s int, due int64, key []byte) (int, *event.Record) {
	fr.cells.Disarm(s, due, key)
	r, fail := fr.stored(s, key, nil, token.Span{})
	switch {
	case fail != nil || !r.there || r.at == event.NoMicros:
	case !r.past(due, e.span):
		fr.cells.Arm(s, after(r.at, e.span), key)
	default:
		fr.cells.Delete(s, key)
		if e.of != nil {
			e.of.expired(fr, key, r, after(r.at, e.span))
		}
	}
	return 0, nil
}

// expired tells of a row that is past its age. There is no record to fail: where
// nobody can judge whether a default is a member, it is none.
func (t *table) expired(fr *Frame, key []byte, r row, at int64) {
	t.tell(fr, key, r.v, nil, "expire", at, nil)
	if fail := t.follow(fr, key, row{}, "expire", at, nil); fail != nil {
		t.leave(fr, key, "expire", at, nil)
	}
}

// tell notes that a row was made another, at a time in microseconds or at none. about
// is the person it is about where they are no more.
func (t *table) tell(fr *Frame, key []byte, old, now value.Value, cause string, at int64, about value.Value) {
	if !t.told {
		return
	}
	fr.change(t.state, at, about, value.NewObject(
		value.Field{Key: "key", Value: keyValue(key)}, value.Field{Key: "old", Value: old},
		value.Field{Key: "new", Value: now}, value.Field{Key: "cause", Value: cause}))
}

// keyValue is the key of a row as a change tells it: a list where it has several
// parts.
func keyValue(key []byte) value.Value {
	parts, err := value.DecodeKey(key)
	if err != nil {
		panic("op: a key of a row: " + err.Error())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return parts
}
