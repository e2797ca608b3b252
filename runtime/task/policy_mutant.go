//go:build mutant

package task

// Mutation is a rule of this package turned wrong, for the mutation tests of sim:
// they show that the suite would notice.
type Mutation uint8

// The mutants.
const (
	None         Mutation = iota
	CommitMax             // the watermark is the last ended epoch, whatever waits before it
	PersistEarly          // epochs persist before their outputs are acknowledged
	CountTwice            // a repeated result counts again
)

type policy struct{ m Mutation }

// Mutate makes the task a mutant.
func (t *Task) Mutate(m Mutation) { t.policy.m = m }

func (p policy) prefix(epochs []*epoch) int {
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

func (p policy) first(e *epoch, output int32) bool { return p.m == CountTwice || !e.ends[output] }

func (p policy) recycles() bool { return p.m == None }
