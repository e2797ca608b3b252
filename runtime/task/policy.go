//go:build !mutant

package task

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
