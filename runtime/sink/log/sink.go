// Package log writes the outputs of `emit log` as lines of the process's log.
package log

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
)

// Sink writes to a logger. What a script logs is what its author asked for; it is
// the one place where fields of events reach the log (I9).
type Sink struct{ log *slog.Logger }

// New makes the sink.
func New(l *slog.Logger) *Sink { return &Sink{l} }

// Send writes the outputs; a log takes everything.
func (s *Sink) Send(_ context.Context, outs []*event.Output, _ int, _ time.Time) deliver.Answer {
	for _, o := range outs {
		name := string(o.Target.Of(o.Arena))
		if name == "" {
			name = "event"
		}
		s.log.Info(name, "fields", json.RawMessage(o.Body.Of(o.Arena)), "id", string(o.ID.Of(o.Arena)))
	}
	return deliver.Answer{Class: deliver.Accepted, Wait: -1}
}
