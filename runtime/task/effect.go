package task

import (
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// Kind is what an effect asks for.
type Kind uint8

// The kinds of effects.
const (
	// Send: Outs go to the schedulers of their emits' connections, in order.
	Send Kind = iota
	// Produce: Letter goes to the route's dead topic; its acknowledgement comes
	// back as LetterAcked(Ref). A dead topic that cannot be written is tried for
	// ever: until then its epoch waits, and at its cap the task pauses.
	Produce
	// Pause and Resume the partition.
	Pause
	Resume
	// Watermark: everything before Offset is done and may be committed.
	Watermark
	// Ended: the task is Closed; Offset is its last watermark, or NoOffset where
	// nothing may be committed.
	Ended
)

// NoOffset in an Ended effect: nothing is to be committed.
const NoOffset = -1

// Effect is one thing to be done.
type Effect struct {
	Kind   Kind
	Outs   []event.Output // Send; they and their arena do not change until their results have come
	Letter *letter.Letter // Produce; valid until its acknowledgement
	Ref    Ref            // Produce
	Offset int64          // Watermark, Ended
}

func (t *Task) effect(e Effect) { t.effects = append(t.effects, e) }

// Effects gives what is to be done since the last call, in order, appended to dst.
func (t *Task) Effects(dst []Effect) []Effect {
	dst = append(dst, t.effects...)
	clear(t.effects)
	t.effects = t.effects[:0]
	return dst
}
