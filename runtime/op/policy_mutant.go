//go:build mutant

package op

import (
	"encoding/binary"
	"math"
)

// Mutation is a rule of this package turned wrong, for the mutation tests of sim:
// they show that the suite would notice.
type Mutation uint8

// The mutants.
const (
	None          Mutation = iota
	LaneByKey              // routes share the lane of a key
	IDRenewed              // an id is new at each run of its record
	LimitsUnasked          // no event is too large
	RowsLeft               // a merge leaves the loser's rows where they are
)

type policy struct {
	m    Mutation
	runs uint64
}

// Mutate makes the route a mutant.
func (r *Route) Mutate(m Mutation) { r.ids.policy.m = m }

func (p *policy) lane(seed uint64) uint64 {
	if p.m == LaneByKey {
		return 0
	}
	return seed
}

func (p *policy) salt(b []byte) []byte {
	if p.m == IDRenewed {
		p.runs++
		return binary.BigEndian.AppendUint64(b, p.runs)
	}
	return b
}

func (p *policy) limit() uint32 {
	if p.m == LimitsUnasked {
		return math.MaxUint32
	}
	return MaxEvent
}

func (p *policy) moves() bool { return p.m != RowsLeft }
