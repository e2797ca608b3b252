//go:build !mutant

package deliver

// policy is what the mutation tests of sim turn wrong (policy_mutant.go, built
// with -tags mutant); in every other build it is these plain functions.
type policy struct{}

// open tells whether an output of o may be sent at now (I6): its task is not
// revoked and its lease has not ended.
func (policy) open(o *Owner, now int64) bool { return !o.closed && now < o.until }

// retake is told of a request that will be sent again: the same outputs in the
// same order (I3).
func (policy) retake(*Request) {}

// purges tells that a purge is heeded (I6).
func (policy) purges() bool { return true }
