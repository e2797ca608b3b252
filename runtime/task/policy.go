//go:build !mutant

package task

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// policy is what the mutation tests of sim turn wrong (policy_mutant.go, built
// with -tags mutant); in every other build it is these plain functions.
type policy struct{}

// prefix is how many epochs may persist: the longest prefix, never a later one,
// and none that waits for anything (I1).
func (policy) prefix(epochs []*epoch) int {
	n := 0
	for n < len(epochs) && epochs[n].sealed && epochs[n].outs == 0 {
		n++
	}
	return n
}

// first tells whether a result is the first of its output: each counts once.
func (policy) first(e *epoch, output int32) bool { return !e.ends[output] }

// recycles tells that persisted epochs are used again.
func (policy) recycles() bool { return true }

// intends tells that slices are intents.
func (policy) intends() bool { return true }

// turn is the outstanding intent that runs first: that of the lowest number.
func (policy) turn([]intent) int { return 0 }

// intentAt is where among n effects the intents are stored: before the first that
// leaves.
func (policy) intentAt(at, _ int) int { return at }

// passed tells whether the transaction at hand passes the end of an intent.
func (policy) passed(in *intent) bool { return in.in.stored.Next >= in.Last }

// voids tells that the intents of inputs that are gone are void.
func (policy) voids() bool { return true }

// intentOverCap tells that the input whose intent is to run is not paused by a cap.
func (policy) intentOverCap() bool { return true }

// undoes tells that the writes of a record that fails are undone (I11).
func (policy) undoes() bool { return true }

// later tells whether a change is kept for an epoch of its own, and after runs
// those that were.
func (policy) later(int, event.Record) bool { return false }

func (policy) after(*Task, time.Time) {}

// marks is what is stored of an input.
func (policy) marks(p state.InputProgress) state.InputProgress { return p }

// storesFirst tells that the inputs of a new state are stored before anything runs.
func (policy) storesFirst() bool { return true }

// idle tells whether an input at a position is idle by a mark at another.
func (policy) idle(at, mark int64) bool { return at == mark }

// silentHolds tells that an input that has not spoken holds the watermark.
func (policy) silentHolds() bool { return true }

// idleMoves tells whether the watermark moves while all inputs are idle.
func (policy) idleMoves() bool { return false }

// again tells whether an input that stays idle is told again.
func (policy) again(*input) bool { return true }

// seen is the clock of an idle mark: that of the fetch that saw the end. at is told
// what time it is.
func (policy) seen(clock int64) int64 { return clock }

func (policy) at(int64) {}

// fences tells that a merge holds the winner's outputs back.
func (policy) fences() bool { return true }

// storesFences tells that fences stand again after a start.
func (policy) storesFences() bool { return true }

// storesHeld tells that held outputs are entries of the store.
func (policy) storesHeld() bool { return true }

// nextHeld is the number of the next one after a start.
func (policy) nextHeld(n uint64) uint64 { return n }

// listens tells that a record waits behind those that are parked in its lane.
func (policy) listens() bool { return true }

// defers tells that calls wait until the own log has been read to its end at the start.
func (policy) defers() bool { return true }

// takesAtOnce tells whether an answer is taken as it comes, and not as the log has it.
func (policy) takesAtOnce() bool { return false }

// resumes tells that a list that was cut goes on when the answer is read again.
func (policy) resumes() bool { return true }

// parkedHolds tells that what is parked holds the watermark.
func (policy) parkedHolds() bool { return true }
