package op

import (
	"encoding/binary"
	"encoding/hex"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/edge/request"
	"github.com/sluice-dev/sluice/runtime/eval"
	"github.com/sluice-dev/sluice/runtime/event"
)

// call reads a record that is a call of Segment: `.` is the call, its time that of the
// call. False when it has ended.
func (a *arrival) call(fr *Frame, t *topic, r *request.Request) bool {
	// What cannot be read has no time of its own.
	fr.arrived = event.NoMicros
	how := request.Reading{Received: fr.now, Type: t.typ}
	if ms := fr.rec.Timestamp; ms != event.NoTime {
		how.Received = time.UnixMilli(ms).UTC()
	}
	if a.segment == "sdk" {
		how.ID = messageID(fr.rec)
	}
	v, at, fault := r.Call(how)
	fail := a.refused(fault)
	if fail == nil && !fr.eval.Fits(v) {
		fail = diag.Failf(diag.TooLarge, a.at, "the value is larger than 4 MiB")
	}
	if fail == nil {
		fr.eval.Cur, fr.eval.Event = v, v
		fail = future(at, fr.now, a.maxFuture, a.at)
	}
	if fail != nil {
		fr.fail(&a.place, fail)
		return false
	}
	fr.eval.Time, fr.key, fr.arrived = at, fr.rec.Key, at.UnixMicro()
	fr.eval.Request.At, fr.eval.Request.WriteKey = at, r.WriteKey
	return true
}

// messageID is the messageId of a call that came without one: made of its place in the
// log, so that it is the same for ever and no other call has it. It is not one of those
// that outputs have.
func messageID(o *event.Record) string {
	b := append([]byte(nil), o.TopicID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(o.Partition))
	b = binary.BigEndian.AppendUint64(b, uint64(o.Offset))
	h := xxh3.Hash128(b).Bytes()
	return callPrefix + hex.EncodeToString(h[:])
}

// callPrefix begins the ids that calls are given.
const callPrefix = "sli1-"

// discarded is the failure of a call that Segment would discard.
func (a *arrival) discarded(b *request.Broken) *diag.Failure {
	f := diag.Failf(diag.BadCall, a.at, "%v", b)
	f.Path = b.Path
	if b.Value != nil {
		f.Excerpt = value.Excerpt(b.Value, eval.ExcerptSize)
	}
	return f
}
