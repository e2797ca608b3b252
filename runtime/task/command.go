package task

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// command carries out one command of the own log, and runs the changes that it made,
// as those of a record.
func (t *Task) command(e *epoch, i int, cmd []byte, rec *event.Record, clock time.Time) {
	t.cells.Begin()
	end := t.cfg.Runner.Command(cmd, rec, clock)
	if t.broken() {
		t.cells.Undo()
		return
	}
	t.bounded(&end)
	if end.Kind == event.Failed {
		t.cells.Undo()
		t.effect(Effect{Kind: Refused, Value: cmd, Fail: end.Fail})
		return
	}
	t.joined(e, -1, &end)
	if changes := t.cells.Done(); len(changes) > 0 {
		t.changes(e, "", "/"+strconv.Itoa(i), rec, changes, clock)
	}
}

// joined keeps what a record did to people, where it took effect: lanes that became
// one, and who is to be erased everywhere.
func (t *Task) joined(e *epoch, route int, end *event.Outcome) {
	if end.Kind == event.Failed || end.People == nil {
		return
	}
	t.fences.merges = append(t.fences.merges, end.People.Merges...)
	t.joinLists(e, end.People.Merges)
	if len(end.People.Erased) > 0 {
		e.letters = append(e.letters, &pending{route: route, output: -1, erase: end.People.Erased})
	}
}

// CommandNote is a record of a group's own log that asks for a command.
func CommandNote(c *identity.Command) []byte {
	cmd, err := json.Marshal(c)
	if err != nil {
		panic("task: a command does not encode: " + err.Error())
	}
	val, err := json.Marshal(note{Version: noteVersion, Identity: []json.RawMessage{cmd}})
	if err != nil {
		panic("task: a note does not encode: " + err.Error())
	}
	return val
}

// EraseNote is what the own log of another group is told of a person who is forgotten.
func EraseNote(keys []string) []byte {
	return CommandNote(&identity.Command{Do: "erase", Keys: keys})
}
