package state

import (
	"bytes"
	"encoding/binary"

	"github.com/sluice-dev/sluice/runtime/event"
)

// A letter that was replayed and has ended is a cell of its own, under the letter's id,
// which holds the round: so a replay that is read again, or was asked for twice, is known
// for a repeat. It is of its route and of no group: routes may move from one to another.
const replayedPrefix = "mreplayed/"

// ReplayedKey is the key of the cell of a letter of a route, by its oldest name, that was
// replayed.
func ReplayedKey(route, letter string) []byte { return append(replayedOf(route), letter...) }

func replayedOf(route string) []byte { return append(append([]byte(replayedPrefix), route...), 0) }

// unreplay gives the writes that forget which letters of a route have ended.
func unreplay(s Store, route string) (ws []Write, err error) {
	err = s.Scan(replayedOf(route), nil, func(key, _ []byte) bool {
		ws = append(ws, Write{Key: bytes.Clone(key), Delete: true})
		return true
	})
	return ws, err
}

// Has tells whether the store has a key, which is no cell of a state. Where the store
// fails Err says so.
func (c *Cells) Has(key []byte) bool {
	_, ok, err := c.store.Get(key)
	if err != nil {
		c.fail(err)
	}
	return ok
}

func appendReplay(dst []byte, r *event.Replay) []byte {
	dst = appendText(appendText(appendText(dst, r.Letter), r.Topic), r.At)
	dst = binary.AppendVarint(binary.AppendVarint(dst, int64(r.Round)), int64(r.Partition))
	if r.Corrected {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func (r *reader) replay() *event.Replay {
	out := &event.Replay{Letter: r.text(), Topic: r.text(), At: r.text()}
	out.Round, out.Partition = int(r.int()), int32(r.int())
	out.Corrected = r.byte() == 1
	return out
}
