//go:build mutant

package sim

import (
	"testing"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/state"
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

// TestStateMutantsAreCaught shows the same of TestState: each rule about
// state turned wrong breaks something within the seeds. Those that no program here
// can notice are caught by the tests of the task: the intent of an input that is gone,
// a cap over an intent, the clock of a mark's append.
func TestStateMutantsAreCaught(t *testing.T) {
	ofTask := func(m task.Mutation) stateSetup { return stateSetup{policy: policy{ofTask: m}} }
	mutants := []struct {
		name string
		s    stateSetup
	}{
		{"max(committed, applied)", stateSetup{policy: policy{startMax: true}}},
		{"trim to the unsynced applied", stateSetup{policy: policy{trimUnsynced: true}}},
		{"persist the last ended epoch", ofTask(task.CommitMax)},
		{"persist before acknowledgements", ofTask(task.PersistEarly)},
		{"outs-- twice", ofTask(task.CountTwice)},
		{"claim and rows kept after a processing failure", ofTask(task.FailureKept)},
		{"held in memory only", ofTask(task.HeldInMemory)},
		{"held key that restarts", ofTask(task.HeldRestarts)},
		{"no intents", ofTask(task.NoIntents)},
		{"intent cleared with its first epoch", ofTask(task.IntentCleared)},
		{"intent after the first send", ofTask(task.IntentLate)},
		{"outstanding intents in any order", ofTask(task.IntentsAnyOrder)},
		{"change outside its cause's epoch", ofTask(task.ChangeApart)},
		{"marks not persisted", ofTask(task.MarksLost)},
		{"first inputs not stored", ofTask(task.FirstInputsLost)},
		{"input that never spoke left out of W", ofTask(task.SilentLeftOut)},
		{"idle clock moves W", ofTask(task.IdleMovesW)},
		{"idle by nothing above has run", stateSetup{program: "tumbling", policy: policy{ofTask: task.IdleAbove}}},
		{"idle told once", ofTask(task.IdleOnce)},
		{"a merge does not wait for the loser's lane", ofTask(task.NoFence)},
		{"fences not stored", stateSetup{program: "people", policy: policy{ofTask: task.FencesLost}}},
		{"rows left behind in a merge", stateSetup{compile: mutatedGroup(op.RowsLeft)}},
		{"revoke check skipped", stateSetup{policy: policy{deliver: deliver.RevokeUnseen}}},
		{"batch retried in another order", stateSetup{policy: policy{deliver: deliver.RetryReordered}}},
		{"message id renewed on replay", stateSetup{compile: mutatedGroup(op.IDRenewed)}},
		{"slot key without the route", stateSetup{compile: mutatedGroup(op.LaneByKey)}},
	}
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for s := uint64(1); s <= stateMutantSeeds; s++ {
				if problems := newStateChaos(s, m.s).run(); len(problems) > 0 {
					t.Logf("caught by seed %d: %.200s", s, problems[0])
					return
				}
			}
			t.Errorf("not caught by %d seeds", stateMutantSeeds)
		})
	}
	t.Run("unmutated", func(t *testing.T) {
		t.Parallel()
		for s := uint64(1); s <= 300; s++ {
			if problems := newStateChaos(s, stateSetup{}).run(); len(problems) > 0 {
				t.Errorf("seed %d: %v", s, problems)
			}
		}
	})
}

// stateMutantSeeds is how many seeds a mutant of a group may survive.
const stateMutantSeeds = 1500

// mutatedGroup compiles groups as mutants.
func mutatedGroup(m op.Mutation) GroupFunc {
	return func(g *plan.Group, app string) (func(*state.Cells, op.Lookup) task.Runner, error) {
		c, err := op.CompileGroup(g, app, []byte(Secret))
		if err != nil {
			return nil, err
		}
		for i := range g.Routes {
			c.Route(i).Mutate(m)
		}
		return groupRunners(c), nil
	}
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
