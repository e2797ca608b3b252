package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/stdlib"
)

// Three situations in which a stage that takes repeats out above a sink loses events
// in other engines: the memory has the key, the event was not delivered, and when it
// comes again it is a repeat.

const once = `app "once"
connection segment main { write_key: secret("K"), batch: 10 }
from topic "in" as { id: string, n: int }
dedupe by .id within 30d
require .n >= 0 else "negative"
emit track "Seen" { userId: .id, properties: { n: .n } }
`

func onceWorld(t *testing.T, sink Sink) *World {
	t.Helper()
	p := program.Compile([]*token.File{token.NewFile("once.route", once)}, stdlib.Env(), program.Options{})
	if !p.OK() {
		t.Fatal(p.Diags[0].Message)
	}
	w, err := New(p.Plan, Options{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Sink: sink})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *World) see(id string, n int) {
	w.Produce(Input{Topic: "in", Key: []byte(id), Value: fmt.Appendf(nil, `{"id":%q,"n":%d}`, id, n), Timestamp: w.Now().UnixMilli()})
}

// onceEach holds that the sink took every id, and none under two message ids.
func onceEach(t *testing.T, w *World, ids []string) {
	t.Helper()
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
	if err := w.CheckAccounts(); err != nil {
		t.Error(err)
	}
	for _, b := range w.Broken() {
		t.Error(b)
	}
	var got []string
	for _, x := range w.Taken() {
		if !x.Repeat {
			got = append(got, string(w.topics["in"].parts[x.Origin.Partition].recs[x.Origin.Offset].rec.Key))
		}
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		t.Errorf("the sink took %d of %d: %v", len(got), len(ids), got)
	}
}

func (w *World) duplicates() (n int) {
	for _, e := range w.Ends() {
		if e.Kind == event.Dropped && e.Reason == "duplicate" {
			n++
		}
	}
	return n
}

func hundred() (ids []string) {
	for i := range 100 {
		ids = append(ids, fmt.Sprintf("u%03d", i))
	}
	return ids
}

// Six 503s in a row below a dedupe: nothing is given up, and what comes again while
// they wait is a repeat.
func TestSix503sBelowDedupe(t *testing.T) {
	asked := 0
	w := onceWorld(t, func(*Attempt) Reply {
		if asked++; asked <= 6 {
			return Reply{Answer: deliver.Answer{Class: deliver.Failed, Code: "503"}}
		}
		return Reply{}
	})
	ids := hundred()
	for _, id := range ids {
		w.see(id, 1)
	}
	w.Settle()
	for _, id := range ids {
		w.see(id, 2)
	}
	w.Settle()
	if asked > 6 {
		t.Fatalf("the sink was asked %d times before the clock moved", asked)
	}
	w.Advance(5 * time.Minute)
	onceEach(t, w, ids)
	if n := w.duplicates(); n != 100 {
		t.Errorf("%d repeats were dropped, want 100", n)
	}
	if len(w.Letters()) > 0 {
		t.Errorf("%d letters", len(w.Letters()))
	}
}

// A kill when the sink has taken a batch and nothing of it has persisted, after each
// of a hundred events, and once with the answer lost: what is read again is sent again
// under its id, and no claim of the dead process makes it a repeat.
func TestKillBetweenAcceptedAndPersisted(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprintf("answer lost %v", lost), func(t *testing.T) {
			down := false
			w := onceWorld(t, func(a *Attempt) Reply {
				if !down {
					return Reply{}
				}
				all := make([]bool, len(a.Outs))
				for i := range all {
					all[i] = true
				}
				return Reply{Answer: deliver.Answer{Class: deliver.Failed, Code: "connection cut"}, Taken: all}
			})
			ids := hundred()
			for i, id := range ids {
				w.see(id, 1)
				down = lost
				if i%2 == 0 {
					w.SettleUnpersisted()
				} else {
					w.Settle()
				}
				down = false
				w.Crash()
			}
			onceEach(t, w, ids)
			if n := w.duplicates(); n != 0 {
				t.Errorf("%d events were dropped as repeats of themselves", n)
			}
			for _, id := range ids {
				w.see(id, 1)
			}
			onceEach(t, w, ids)
			if n := w.duplicates(); n != 100 {
				t.Errorf("%d repeats were dropped, want 100", n)
			}
		})
	}
}

// A poison record below a dedupe is a letter, and its claim is released: corrected, it
// passes, and only then what comes again is a repeat.
func TestPoisonBelowDedupe(t *testing.T) {
	w := onceWorld(t, nil)
	w.see("a", -1)
	w.Settle()
	w.Crash()
	w.see("a", -2)
	w.Settle()
	w.see("a", 1)
	w.Settle()
	w.see("a", 2)
	onceEach(t, w, []string{"a"})
	if n := len(w.Letters()); n != 2 {
		t.Errorf("%d letters, want 2", n)
	}
	if n := w.duplicates(); n != 1 {
		t.Errorf("%d repeats were dropped, want 1", n)
	}
}
