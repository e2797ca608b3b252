package golden_test

import (
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/golden"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/task"
)

// forgetful is an evaluator that forgets every record.
var forgetful = golden.Evaluator{Name: "the forgetful evaluator", Compile: func(*plan.Route, string) (func(op.Lookup) task.Runner, error) {
	return func(op.Lookup) task.Runner { return forget{} }, nil
}, Group: golden.Reference.Group}

type forget struct{ *op.Stateless }

// Run is task.Runner's.
func (forget) Run(_ int, _ *event.Record, _ time.Time, _ *event.Arena) event.Outcome {
	return event.Outcome{}
}
