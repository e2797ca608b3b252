//go:build mutant

package sim

import (
	"testing"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/task"
)

// mutantSeeds is how many seeds a mutant may survive.
const mutantSeeds = 400

// TestMutantsAreCaught shows that the suite of TestProtocol would notice: each rule
// turned wrong breaks something within the seeds, and nothing breaks without.
func TestMutantsAreCaught(t *testing.T) {
	mutants := []struct {
		name string
		s    setup
	}{
		{"commit the maximum instead of the contiguous offset", setup{policy: policy{ofTask: task.CommitMax}}},
		{"persist before acknowledgements", setup{policy: policy{ofTask: task.PersistEarly}}},
		{"outs-- twice", setup{policy: policy{ofTask: task.CountTwice}}},
		{"revoke check skipped", setup{policy: policy{deliver: deliver.RevokeUnseen}}},
		{"batch retried in another order", setup{policy: policy{deliver: deliver.RetryReordered}}},
		{"stale sentAt", setup{policy: policy{stale: true}}},
		{"slot key without the route", setup{compile: mutated(op.LaneByKey)}},
		{"message id renewed on retry and replay", setup{compile: mutated(op.IDRenewed)}},
		{"200 counted without limits", setup{compile: mutated(op.LimitsUnasked)}},
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for s := uint64(1); s <= mutantSeeds; s++ {
				if problems := newChaos(s, fresh(m.s)).run(); len(problems) > 0 {
					t.Logf("caught by seed %d: %s", s, problems[0])
					return
				}
			}
			t.Errorf("not caught by %d seeds", mutantSeeds)
		})
	}
	t.Run("unmutated", func(t *testing.T) {
		t.Parallel()
		for s := uint64(1); s <= mutantSeeds/4; s++ {
			if problems := newChaos(s, setup{}).run(); len(problems) > 0 {
				t.Errorf("seed %d: %v", s, problems)
			}
		}
	})
}

// fresh gives a run its own mutant: a policy remembers what it saw.
func fresh(s setup) setup {
	s.policy.first = nil
	return s
}

// mutated compiles routes as mutants.
func mutated(m op.Mutation) CompileFunc {
	return func(r *plan.Route, app string) (func(op.Lookup) task.Runner, error) {
		c, err := op.Compile(r, app)
		if err != nil {
			return nil, err
		}
		c.Mutate(m)
		return runners(c), nil
	}
}
