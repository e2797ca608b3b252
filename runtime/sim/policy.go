//go:build !mutant

package sim

import (
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/task"
)

// mutateTask and sentAt are what the mutation tests turn wrong
// (policy_mutant.go, built with -tags mutant).
func (w *World) mutateTask(*task.Task) {}

// sentAt is the clock that a request states as its own: that of this attempt.
func (w *World) sentAt(*deliver.Request) int64 { return w.now }
