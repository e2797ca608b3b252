package op

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Command carries out what an operator, or another group, asks for (helper C writes it).
func (r *Runner) Command(cmd []byte, rec *event.Record, now time.Time) event.Outcome {
	return event.Outcome{}
}
