package segment

import (
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Batch writes the body of one attempt, made at sentAt, as Send posts it.
func Batch(dst []byte, outs []*event.Output, version string, sentAt time.Time) []byte {
	return appendBody(dst, outs, version, sentAt)
}
