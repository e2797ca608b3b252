package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/task"
	"github.com/sluice-dev/sluice/stdlib"
)

const rowsScript = `app "rows"
connection segment main { write_key: secret("K"), batch: 1 }
table people: int keyed by string ttl 10d
table seen: int = 0 keyed by string
route writes
from topic "t" as { k: string, n: int }
update people[.k] = .n
update seen["all"] = it + 1000 as s
emit log "wrote" { s }
route daily
from table people every 1d at "06:00"
update seen["all"] = it + 1 as nth
emit log "row" { key: @key, n: ., nth, at: @time }
require . != 7 else "seven"
`

func rowsWorld(t *testing.T) *World {
	t.Helper()
	p := program.Compile([]*token.File{token.NewFile("rows.route", rowsScript)}, stdlib.Env(), program.Options{})
	if p.Plan == nil {
		t.Fatal(p.Diags)
	}
	w, err := New(p.Plan, Options{Now: time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC), Partitions: 2, Caps: task.Caps{Records: 5}, IdleAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func produceRows(w *World, from, to int) {
	for i := from; i < to; i++ {
		w.Produce(Input{Topic: "t", Key: fmt.Appendf(nil, "%02d", i), Value: fmt.Appendf(nil, `{"k":"%02d","n":%d}`, i, i), Timestamp: w.now / 1e6})
	}
}

// told lists what the route of the rows logged, repeats left out.
func told(w *World) (out []string) {
	for _, x := range w.Taken() {
		if x.Route.Name == "daily" && !x.Repeat {
			out = append(out, string(x.Body))
		}
	}
	return out
}

// TestRowsGoOn kills the process after every number of turns while the rows of a
// snapshot are read a few at a time, with records of a topic behind it: every row runs
// once and in order, and what waits runs behind them.
func TestRowsGoOn(t *testing.T) {
	run := func(crash int) (*World, int) {
		w := rowsWorld(t)
		produceRows(w, 0, 40)
		w.Settle()
		if _, err := w.Tick("daily"); err != nil {
			t.Fatal(err)
		}
		turns := 0
		w.step()
		produceRows(w, 40, 45)
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
		return w, turns
	}
	plain, turns := run(-1)
	want := told(plain)
	if len(want) != 39 || len(plain.Letters()) != 1 || !slices.IsSorted(want) {
		t.Fatalf("%d rows, %d letters: %v", len(want), len(plain.Letters()), want)
	}
	if turns < 8 {
		t.Fatalf("all rows run in %d turns: the test shows nothing", turns)
	}
	for crash := range turns {
		w, _ := run(crash)
		if got := told(w); !slices.Equal(got, want) {
			t.Fatalf("crash after %d turns: got\n%v\nwant\n%v", crash, got, want)
		}
		if n := len(w.Letters()); n != 1 {
			t.Errorf("crash after %d turns: %d letters", crash, n)
		}
	}
}

// TestRowsMissed: after a stop only the latest tick that was missed is made, at a
// first start none.
func TestRowsMissed(t *testing.T) {
	w := rowsWorld(t)
	produceRows(w, 0, 1)
	w.Settle()
	w.Advance(30 * time.Minute)
	for _, p := range slices.Clone(w.procs) {
		p.stop()
	}
	w.moveTo(w.now + int64(3*24*time.Hour+6*time.Hour))
	w.start()
	w.Settle()
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	want := []string{`{"key":"00","n":0,"nth":1001,"at":"2026-01-04T06:00:00.000Z"}`}
	if got := told(w); !slices.Equal(got, want) {
		t.Fatalf("got %v", got)
	}
	w.Advance(20 * time.Hour)
	if got := told(w); len(got) != 2 {
		t.Fatalf("got %v", got)
	}
}
