package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/stdlib"
)

const counted = `app "a"
connection segment main { write_key: secret("K") }
route r
from topics ` + "`^t\\..*$`" + ` as { n: int }
emit track "N" { userId: @key ?? "nobody", properties: { n: .n } }
`

func world(t *testing.T, o Options) *World {
	t.Helper()
	p := program.Compile([]*token.File{token.NewFile("a.route", counted)}, stdlib.Env(), program.Options{})
	if !p.OK() {
		t.Fatal(p.Diags[0].Message)
	}
	o.Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	w, err := New(p.Plan, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *World) give(n int) {
	w.Produce(Input{Topic: "t.x", Key: []byte("k"), Value: fmt.Appendf(nil, `{"n":%d}`, n), Timestamp: w.Now().UnixMilli()})
	w.Settle()
}

// seen lists what the sinks took, "1 1! 2": a repeat has a mark.
func (w *World) seen() string {
	var s []string
	for _, t := range w.Taken() {
		mark := ""
		if t.Repeat {
			mark = "!"
		}
		s = append(s, fmt.Sprint(t.In)+mark)
	}
	return strings.Join(s, " ")
}

// What was committed is not read again, and nothing else is lost.
func TestStops(t *testing.T) {
	tests := []struct {
		name string
		do   func(w *World)
		want string
	}{
		{"a crash within a second of the start has all read again", func(w *World) { w.give(1); w.give(2); w.Crash() }, "1 2 1! 2!"},
		{"a second later it is committed", func(w *World) { w.give(1); w.Advance(time.Second); w.give(2); w.Crash() }, "1 2 2!"},
		{"a restart commits", func(w *World) { w.give(1); w.Restart(); w.give(2) }, "1 2"},
		{"what was not persisted is read again", func(w *World) {
			w.Produce(Input{Topic: "t.x", Key: []byte("k"), Value: []byte(`{"n":1}`)})
			w.SettleUnpersisted()
			w.Restart()
		}, "1"},
		{"and so it is after a crash, whatever the clock", func(w *World) {
			w.Produce(Input{Topic: "t.x", Key: []byte("k"), Value: []byte(`{"n":1}`)})
			w.Advance(time.Minute)
			w.Produce(Input{Topic: "t.x", Key: []byte("k"), Value: []byte(`{"n":2}`)})
			w.SettleUnpersisted()
			w.Crash()
		}, "1 2 2!"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := world(t, Options{})
			tt.do(w)
			if err := w.Finish(); err != nil {
				t.Error(err)
			}
			if got := w.seen(); got != tt.want {
				t.Errorf("taken %s, want %s", got, tt.want)
			}
			if b := w.Broken(); len(b) > 0 {
				t.Error(b)
			}
			if err := w.CheckAccounts(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The clock stands still until it is told to move: what must wait waits, and
// Advance stops at each due time on its way.
func TestWaits(t *testing.T) {
	var at []string
	w := world(t, Options{Sink: func(a *Attempt) Reply {
		at = append(at, a.Now.Format("15:04:05"))
		if len(at) == 1 {
			return Reply{Answer: deliver.Answer{Class: deliver.Gated, Code: "429", Wait: 30 * time.Second}}
		}
		return Reply{}
	}})
	w.give(1)
	w.Advance(29 * time.Second)
	if got := w.seen(); got != "" {
		t.Errorf("taken before its time: %s", got)
	}
	w.Advance(time.Hour)
	if got := w.seen(); got != "1" {
		t.Errorf("taken %q, want 1", got)
	}
	if len(at) != 2 || at[1] < "12:00:33" || at[1] > "12:00:39" {
		t.Errorf("asked at %v: a Retry-After of 30 s is kept with 10 to 30 %% on top", at)
	}
}

// The world says what no broker and no sink would let pass.
func TestWorldSaysWhatIsBroken(t *testing.T) {
	w := world(t, Options{})
	w.give(1)
	p := w.procs[0]
	r := p.tasks[0]
	w.Produce(Input{Topic: "t.x", Key: []byte("k"), Value: []byte(`{"n":2}`)})
	w.commit(r.inputs[0], 2)
	w.commit(r.inputs[0], 1)
	id := r.routes[0].Name + fmt.Sprintf(" %x/%d/1", w.topics["t.x"].id[:2], r.inputs[0].tp.partition)
	want := []string{
		"I1: " + id + " is committed and never ran",
		"I1: process 1, r t.x/" + fmt.Sprint(r.inputs[0].tp.partition) + " goes back from 2 to 1",
	}
	if d := cmp.Diff(want, w.Broken()); d != "" {
		t.Errorf("broken (-want +got):\n%s", d)
	}
}
