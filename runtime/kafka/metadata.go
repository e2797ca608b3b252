package kafka

import (
	"encoding/hex"
	"strings"

	"github.com/sluice-dev/sluice/runtime/event"
)

// A committed position carries who wrote it and which topic it means, in
// Kafka's free text beside the offset: "sluice1 STORE TOPICID". Kafka keeps
// positions by name, so only this tells a position in a deleted topic from one
// in the topic that took its name.
const commitMark = "sluice1"

func commitMetadata(store string, topic event.TopicID) string {
	return commitMark + " " + store + " " + hex.EncodeToString(topic[:])
}

func parseCommitted(offset int64, metadata string) Committed {
	c := Committed{Offset: offset}
	f := strings.Split(metadata, " ")
	if len(f) != 3 || f[0] != commitMark {
		return c
	}
	id, err := hex.DecodeString(f[2])
	if err != nil || len(id) != len(c.TopicID) {
		return c
	}
	c.StoreID, c.TopicID, c.Known = f[1], event.TopicID(id), true
	return c
}
