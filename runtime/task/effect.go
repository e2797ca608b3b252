package task

import (
	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Kind is what an effect asks for.
type Kind uint8

// The kinds of effects. They are carried out in order; only Send and Produce may
// overtake each other.
const (
	// Send: Outs go to the schedulers of their emits' connections, in order.
	Send Kind = iota
	// Produce: Letter goes to the dead topic of the route; its acknowledgement comes
	// back as LetterAcked(Ref). A dead topic that cannot be written is tried for
	// ever: until then its epoch waits, and at its cap the task pauses.
	Produce
	// Pause and Resume the Input.
	Pause
	Resume
	// Watermark: everything of Input before Offset is done and may be committed.
	Watermark
	// Ended: the task is Closed; Offset is the last watermark of its first input, of
	// the others Watermark has been told; NoOffset where nothing may be committed.
	Ended
	// Intend: Writes go to the store in one transaction before any later effect is
	// carried out (I13). An error is told by Fail, or the transaction tried again.
	Intend
	// Commit: Writes go to the store in one transaction, then Committed(Ref). The next
	// is asked for only behind it.
	Commit
	// Append: Value is a record for the group's own log. It may be lost: what it says is
	// said again.
	Append
	// Tell: Value is a record for the group's own log that must not be lost, the answer of
	// the call named Call. Where the log can never take it, AnswerNote of a fault takes its
	// place.
	Tell
	// Erase: a record forgot the person whom Keys name. The other groups of the program
	// are told on their own logs, and letters of the person become tombstones; when the
	// former is acknowledged, LetterAcked(Ref).
	Erase
	// Refused: a command of the own log, Value, could not be carried out, for Fail.
	Refused
)

// NoOffset in an Ended effect: nothing is to be committed.
const NoOffset = -1

// Effect is one thing to be done.
type Effect struct {
	Kind   Kind
	Input  int            // Pause, Resume, Watermark: as Open and AddInput number them
	Outs   []event.Output // Send; they and their arena do not change until their results have come
	Route  int            // Produce: index in Config.Routes
	Letter *letter.Letter // Produce; valid until its acknowledgement
	Ref    Ref            // Produce, Commit
	Offset int64          // Watermark, Ended
	Writes []state.Write  // Intend, Commit
	Value  []byte         // Append, Tell, Refused
	Call   []byte         // Tell
	Keys   []string       // Erase
	Fail   *diag.Failure  // Refused
}

func (t *Task) effect(e Effect) { t.effects = append(t.effects, e) }

// Effects gives what is to be done since the last call, in order, appended to dst.
func (t *Task) Effects(dst []Effect) []Effect {
	if t.cells != nil {
		t.ask()
		t.tell()
		t.storeIntents()
	}
	dst = append(dst, t.effects...)
	clear(t.effects)
	t.effects = t.effects[:0]
	return dst
}
