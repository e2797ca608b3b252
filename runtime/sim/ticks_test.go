package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/task"
	"github.com/sluice-dev/sluice/stdlib"
)

const ticksScript = `app "ticks"
table seen: int = 0 keyed by string
route writes
from topic "t" as { k: string, n: int }
update seen["all"] = it + 1000 as s
emit log "wrote" { s }
route daily
from every 1d at "06:00" { catch_up: 5 }
update seen["all"] = it + 1 as nth
emit log "tick" { at: .time, before: .previous, nth }
require @time < time("2026-01-09T00:00:00Z") else "late"
route latest
from every 1d
emit log "latest" { at: .time, before: .previous }
`

func ticksWorld(t *testing.T, caps task.Caps) *World {
	t.Helper()
	p := program.Compile([]*token.File{token.NewFile("ticks.route", ticksScript)}, stdlib.Env(), program.Options{})
	if p.Plan == nil {
		t.Fatal(p.Diags)
	}
	w, err := New(p.Plan, Options{Now: time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC), Partitions: 2, Caps: caps, IdleAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// ticked lists what a route logged, repeats left out.
func ticked(w *World, route string) (out []string) {
	for _, x := range w.Taken() {
		if x.Route.Name == route && !x.Repeat {
			out = append(out, string(x.Body))
		}
	}
	return out
}

// away stops the processes for some time and starts one.
func away(w *World, d time.Duration) {
	for _, p := range slices.Clone(w.procs) {
		p.stop()
	}
	w.moveTo(w.now + int64(d))
	w.start()
}

// TestTicksMissed: after a stop the latest tick that was missed is made, or as many as
// the route catches up with, in order and once; at a first start none.
func TestTicksMissed(t *testing.T) {
	w := ticksWorld(t, task.Caps{})
	w.Settle()
	w.Advance(2 * time.Hour) // the tick of 06:00
	away(w, 3*24*time.Hour)
	w.Settle()
	away(w, 9*24*time.Hour)
	w.Settle()
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if err := w.CheckAccounts(); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`{"at":"2026-01-01T06:00:00.000Z","before":null,"nth":1}`,
		`{"at":"2026-01-02T06:00:00.000Z","before":"2026-01-01T06:00:00.000Z","nth":2}`,
		`{"at":"2026-01-03T06:00:00.000Z","before":"2026-01-02T06:00:00.000Z","nth":3}`,
		`{"at":"2026-01-04T06:00:00.000Z","before":"2026-01-03T06:00:00.000Z","nth":4}`,
		// Of nine the last five; those from the ninth on fail, and are ticks that ran.
	}
	if got := ticked(w, "daily"); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if n := len(w.Letters()); n != 5 {
		t.Errorf("%d letters", n)
	}
	want = []string{
		`{"at":"2026-01-04T00:00:00.000Z","before":null}`,
		`{"at":"2026-01-13T00:00:00.000Z","before":"2026-01-04T00:00:00.000Z"}`,
	}
	if got := ticked(w, "latest"); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// TestTicksGoOn kills the process after every number of turns while missed ticks are
// caught up with, one or two at a time, with records of a topic behind them: every tick
// runs once and in order, with the ids that it has without a crash.
func TestTicksGoOn(t *testing.T) {
	run := func(crash int) (ticks, ids []string, turns int) {
		w := ticksWorld(t, task.Caps{Records: 2})
		w.Settle()
		away(w, 6*24*time.Hour)
		w.step()
		produceRows(w, 0, 5)
		for ; w.step(); turns++ {
			if turns == crash {
				w.Crash()
			}
		}
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		if err := w.CheckAccounts(); err != nil {
			t.Fatal(err)
		}
		if len(w.Broken()) > 0 {
			t.Fatalf("crash after %d: %v", crash, w.Broken())
		}
		for _, x := range w.Taken() {
			if x.Route.Name == "daily" && !x.Repeat {
				ids = append(ids, x.ID)
			}
		}
		return ticked(w, "daily"), ids, turns
	}
	want, wantIDs, turns := run(-1)
	if len(want) != 5 || !slices.IsSorted(want) {
		t.Fatalf("got %v", want)
	}
	if turns < 3 {
		t.Fatalf("all ticks run in %d turns: the test shows nothing", turns)
	}
	for crash := range turns {
		got, ids, _ := run(crash)
		if !slices.Equal(got, want) {
			t.Fatalf("crash after %d turns: got\n%s\nwant\n%s", crash, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if !slices.Equal(ids, wantIDs) {
			t.Fatalf("crash after %d turns: ids %v, want %v", crash, ids, wantIDs)
		}
	}
}

// TestTickIsOneForEver: a planned tick has one id, whatever log and store it is told in.
func TestTickIsOneForEver(t *testing.T) {
	ids := func(before int) string {
		w := ticksWorld(t, task.Caps{})
		w.Settle()
		for range before {
			if _, err := w.Tick("latest"); err != nil { // something else stands in the own log first
				t.Fatal(err)
			}
		}
		w.Settle()
		w.Advance(2 * time.Hour)
		if err := w.Finish(); err != nil {
			t.Fatal(err)
		}
		for _, x := range w.Taken() {
			if x.Route.Name == "daily" {
				return x.ID
			}
		}
		t.Fatal("no tick")
		return ""
	}
	if a, b := ids(0), ids(3); a != b {
		t.Errorf("%s and %s", a, b)
	}
}
