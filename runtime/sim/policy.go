//go:build !mutant

package sim

import (
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/task"
)

// policy is what the mutation tests turn wrong (policy_mutant.go, built with -tags
// mutant); in every other build it is these plain functions.
type policy struct{}

func (policy) task(*task.Task) {}

func (policy) scheduler(*deliver.Scheduler) {}

// sentAt is the clock that a request states as its own: that of this attempt, as a
// receiver corrects the times of events by it.
func (policy) sentAt(_ *deliver.Request, now int64) int64 { return now }

// start is where a group goes on: exactly where its store is, whatever its consumer
// group has committed.
func (policy) start(applied, _ int64) int64 { return applied }

// trim is up to where an own log is trimmed: what its store has for sure.
func (policy) trim(synced, _ int64) int64 { return synced }
