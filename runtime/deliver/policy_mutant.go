//go:build mutant

package deliver

import "slices"

// Mutation is a rule of this package turned wrong, for the mutation tests of sim:
// they show that the suite would notice.
type Mutation uint8

// The mutants.
const (
	None           Mutation = iota
	RevokeUnseen            // outputs of a revoked task are sent
	RetryReordered          // a retry sends the outputs in another order
)

type policy struct{ m Mutation }

// Mutate makes the scheduler a mutant.
func (s *Scheduler) Mutate(m Mutation) { s.policy.m = m }

func (p policy) open(o *Owner, now int64) bool {
	return p.m == RevokeUnseen || !o.closed && now < o.until
}

func (p policy) retake(r *Request) {
	if p.m == RetryReordered {
		slices.Reverse(r.items[:r.first()])
	}
}

func (p policy) purges() bool { return p.m != RevokeUnseen }
