package wire

import (
	"fmt"

	"github.com/sluice-dev/sluice/runtime/event"
)

// Committed is what a consumer group has stored of a partition.
type Committed struct {
	Offset int64
	// TopicID is the topic it was stored for; Known tells that we stored it and
	// that the topic id can be trusted.
	TopicID event.TopicID
	Known   bool
}

// Position is where a partition begins that has nothing committed.
type Position uint8

// The positions.
const (
	// At: the committed offset.
	At Position = iota
	// Beginning: the first record that is there.
	Beginning
	// End: behind the last.
	End
)

// Start is where a stateless task begins: the committed offset; where nothing is
// committed, what the route's `start` option says ("earliest", "latest"), but the
// beginning where others of the topic's partitions have a position, for then this
// one was added later. It fails with a *MovedError where the position is of a
// topic that is gone (S0 of engine.md, "Start position").
func Start(c *Committed, topic event.TopicID, option string, siblings bool) (Position, error) {
	switch {
	case c != nil && c.Known && c.TopicID != topic:
		return At, &MovedError{Committed: c.TopicID, Now: topic}
	case c != nil:
		return At, nil
	case option == "latest" && !siblings:
		return End, nil
	}
	return Beginning, nil
}

// MovedError: the committed position belongs to a topic that was deleted; another
// of its name stands in its place, and where its records begin is not ours to
// guess.
type MovedError struct{ Committed, Now event.TopicID }

func (e *MovedError) Error() string {
	return fmt.Sprintf("topic-id-changed: the topic was deleted and made again since it was last read (id %x, now %x)", e.Committed, e.Now)
}
