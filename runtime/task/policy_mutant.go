//go:build mutant

package task

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// Mutation is a rule of this package turned wrong, for the mutation tests of sim:
// they show that the suite would notice.
type Mutation uint8

// The mutants.
const (
	None              Mutation = iota
	CommitMax                  // the watermark is the last ended epoch, whatever waits before it
	PersistEarly               // epochs persist before their outputs are acknowledged
	CountTwice                 // a repeated result counts again
	NoIntents                  // slices are not stored
	IntentCleared              // an intent goes with its first epoch
	IntentLate                 // intents are stored behind the first effect
	IntentsAnyOrder            // outstanding intents run in another order than that of their numbers
	CapOverIntent              // a cap pauses the input whose intent is to run
	IntentGone                 // the intent of an input that is gone is waited for
	FailureKept                // a record that failed keeps what it wrote: overlay visible before Done, claim kept
	ChangeApart                // a change runs in an epoch of its own
	MarksLost                  // the times of inputs are not persisted
	FirstInputsLost            // the inputs of a new state are not stored before anything runs
	IdleAbove                  // idle while nothing above the mark has run
	SilentLeftOut              // an input that never spoke is left out of W
	IdleMovesW                 // W moves while all inputs are idle
	IdleOnce                   // an input is told idle once
	IdleClockOfAppend          // an idle mark bears the clock of the append
	HeldInMemory               // held outputs are not stored
	NoFence                    // a merge does not wait for the loser's lane
	FencesLost                 // a fence that waits for held outputs is not stored
	HeldRestarts               // the numbers of held outputs begin anew at a start
	PastParked                 // a record does not wait behind those that are parked in its lane
	AskedEarly                 // calls are asked before the own log has been read
	AnswerAtOnce               // an answer is taken as it comes and not as the log has it
	ListLeft                   // a list that was cut is not gone on with
	ParkedLetsGo               // what is parked does not hold the watermark
	mutations
)

type policy struct {
	m    Mutation
	now  int64
	late []lateChange
}

type lateChange struct {
	route int
	rec   event.Record
}

// Mutate makes the task a mutant.
func (t *Task) Mutate(m Mutation) { t.policy.m = m }

func (p *policy) prefix(epochs []*epoch) int {
	n := 0
	for i, e := range epochs {
		ended := e.sealed && (e.outs <= 0 || p.m == PersistEarly)
		if ended {
			n = i + 1
		} else if p.m != CommitMax {
			break
		}
	}
	return n
}

func (p *policy) first(e *epoch, output int32) bool { return p.m == CountTwice || !e.ends[output] }

func (p *policy) recycles() bool { return p.m == None }

func (p *policy) intends() bool { return p.m != NoIntents }

func (p *policy) turn(turns []intent) int {
	if p.m == IntentsAnyOrder {
		return len(turns) - 1
	}
	return 0
}

func (p *policy) intentAt(at, n int) int {
	if p.m == IntentLate {
		return n
	}
	return at
}

func (p *policy) passed(in *intent) bool {
	return in.in.stored.Next >= in.Last || p.m == IntentCleared && in.in.stored.Next > in.First
}

func (p *policy) voids() bool { return p.m != IntentGone }

func (p *policy) intentOverCap() bool { return p.m != CapOverIntent }

func (p *policy) undoes() bool { return p.m != FailureKept }

func (p *policy) later(route int, rec event.Record) bool {
	if p.m != ChangeApart {
		return false
	}
	p.late = append(p.late, lateChange{route, rec})
	return true
}

func (p *policy) after(t *Task, clock time.Time) {
	if len(p.late) == 0 {
		return
	}
	late := p.late
	p.late = nil
	e := t.open(nil)
	for i := range late {
		t.run(e, nil, late[i].route, &late[i].rec, clock)
	}
	t.seal(e, clock.UnixNano())
	p.after(t, clock)
}

func (p *policy) marks(in state.InputProgress) state.InputProgress {
	if p.m == MarksLost {
		in.Arrived, in.Timed, in.Idle = event.NoMicros, event.NoMicros, state.Idle{}
	}
	return in
}

func (p *policy) storesFirst() bool { return p.m != FirstInputsLost }

func (p *policy) idle(at, mark int64) bool {
	return at == mark || p.m == IdleAbove && at < mark
}

func (p *policy) silentHolds() bool { return p.m != SilentLeftOut }

func (p *policy) idleMoves() bool { return p.m == IdleMovesW }

func (p *policy) again(in *input) bool { return p.m != IdleOnce || in.marked < in.quiet }

func (p *policy) seen(clock int64) int64 {
	if p.m == IdleClockOfAppend {
		return p.now
	}
	return clock
}

func (p *policy) at(now int64) { p.now = now }

func (p *policy) fences() bool { return p.m != NoFence }

func (p *policy) storesFences() bool { return p.m != FencesLost }

func (p *policy) storesHeld() bool { return p.m != HeldInMemory }

func (p *policy) nextHeld(n uint64) uint64 {
	if p.m == HeldRestarts {
		return 0
	}
	return n
}

func (p *policy) listens() bool { return p.m != PastParked }

func (p *policy) defers() bool { return p.m != AskedEarly }

func (p *policy) takesAtOnce() bool { return p.m == AnswerAtOnce }

func (p *policy) resumes() bool { return p.m != ListLeft }

func (p *policy) parkedHolds() bool { return p.m != ParkedLetsGo }
