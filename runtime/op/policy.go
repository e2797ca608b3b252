//go:build !mutant

package op

// policy is what the mutation tests of sim turn wrong (policy_mutant.go, built
// with -tags mutant); in every other build it is these plain functions.
type policy struct{}

// lane is the seed of a route's lanes: one of its own, so that two routes never
// wait for one another (I8).
func (policy) lane(seed uint64) uint64 { return seed }

// salt adds to the text that an id is made of: nothing (I4).
func (policy) salt(b []byte) []byte { return b }

// limit is the size of an event, in bytes, beyond which it fails here. Segment
// says 200 and keeps nothing.
func (policy) limit() uint32 { return MaxEvent }

// moves tells that a merge moves the rows of who becomes another.
func (policy) moves() bool { return true }
