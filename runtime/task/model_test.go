package task

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sluice-dev/sluice/lang/diag"
	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/letter"
)

// script runs records whose values say what becomes of them: "2,0,1" emits by
// emits 2, 0 and 1, "drop" is dropped, "fail" fails after it has emitted once.
type script struct{ runs int }

func (s *script) Run(_ int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	s.runs++
	do := string(rec.Value)
	put := func(emit int) {
		start := uint32(len(out.Buf))
		out.Buf = fmt.Appendf(out.Buf, "body %d/%d of %d", rec.Offset, len(out.Outs), emit)
		end := uint32(len(out.Buf))
		out.Outs = append(out.Outs, event.Output{Arena: out, Emit: int32(emit), Body: event.Bytes{Start: start, End: end}, NoKey: true, Time: event.NoTime})
	}
	switch do {
	case "drop":
		return event.Outcome{Kind: event.Dropped, Reason: "filtered"}
	case "fail":
		put(0)
		fail := diag.Failf(diag.Syntax, token.Span{}, "it fails")
		fail.Help = "mend it"
		return event.Outcome{Kind: event.Failed, Stage: "map", Fail: fail}
	case "":
		return event.Outcome{}
	}
	for _, e := range strings.Split(do, ",") {
		n, _ := strconv.Atoi(e)
		put(n)
	}
	return event.Outcome{}
}

// Due is never called: the script has no state.
func (s *script) Due(int, int64, []byte) (int, *event.Record) { panic("a timer") }

func (s *script) Command([]byte, *event.Record, time.Time) event.Outcome { panic("a command") }

func (s *script) Row(int, int64, []byte, []byte) *event.Record { panic("a row") }

func testRoutes() []*plan.Route {
	return []*plan.Route{{Route: &ir.Route{Name: "r"}, Emits: []*ir.Emit{{ID: "a"}, {ID: "b"}, {ID: "c"}}}}
}

// watch is a task and the naive model of it: a list of records with what each
// still waits for.
type watch struct {
	t      *rapid.T
	task   *Task
	now    int64
	log    []*seen // by running number
	outs   map[*event.Output]*seen
	bodies map[*event.Output]string
	refs   map[Ref]*seen
	refOf  map[Ref]int32 // emit; -1: of the record
	mark   int64
	paused bool
	ended  bool
	lapse  int64
	acct   Account
}

type seen struct {
	offset int64
	next   int64 // position behind it
	waits  int
}

func (w *watch) effects() {
	for _, e := range w.task.Effects(nil) {
		if w.ended {
			w.t.Fatalf("effect %d after the end", e.Kind)
		}
		switch e.Kind {
		case Send:
			for i := range e.Outs {
				o := &e.Outs[i]
				w.outs[o] = w.at(o)
				w.bodies[o] = string(o.Body.Of(o.Arena))
			}
		case Produce:
			if _, ok := w.refs[e.Ref]; ok {
				w.t.Fatalf("letter %v twice", e.Ref)
			}
			w.refs[e.Ref] = w.record(e.Letter.Origin.Offset)
			w.refOf[e.Ref] = -1
			if e.Letter.Class == letter.Delivery {
				w.refOf[e.Ref] = int32(e.Letter.Emit[0] - 'a')
			}
		case Pause:
			if w.paused {
				w.t.Fatalf("paused twice")
			}
			w.paused = true
		case Resume:
			if !w.paused {
				w.t.Fatalf("resumed twice")
			}
			w.paused = false
		case Watermark:
			w.watermark(e.Offset)
		case Ended:
			w.ended = true
			if e.Offset != NoOffset && e.Offset != w.mark {
				w.t.Fatalf("ends at %d, the watermark is %d", e.Offset, w.mark)
			}
		}
	}
}

// at finds the record of an output by what its body says.
func (w *watch) at(o *event.Output) *seen {
	var offset int64
	if _, err := fmt.Sscanf(string(o.Body.Of(o.Arena)), "body %d/", &offset); err != nil {
		w.t.Fatalf("body %q", o.Body.Of(o.Arena))
	}
	return w.record(offset)
}

func (w *watch) record(offset int64) *seen {
	for _, s := range w.log {
		if s.offset == offset {
			return s
		}
	}
	w.t.Fatalf("no record at %d", offset)
	return nil
}

// watermark judges a position (I1): everything before it waits for nothing.
func (w *watch) watermark(at int64) {
	if w.lapse != 0 && w.now >= w.lapse {
		w.t.Fatalf("I6: a watermark after the lease")
	}
	if at < w.mark {
		w.t.Fatalf("the watermark goes back from %d to %d", w.mark, at)
	}
	for _, s := range w.log {
		if s.offset < at && s.waits > 0 {
			w.t.Fatalf("I1: watermark %d, the record at %d waits for %d", at, s.offset, s.waits)
		}
	}
	w.mark = at
}

// account compares the account with what the model counted (I2).
func (w *watch) account() {
	var a Account
	w.task.Account(0, &a)
	if err := a.Check(); err != nil {
		w.t.Fatal(err)
	}
	if w.task.State() == Closed {
		return
	}
	if got, want := fmt.Sprint(a), fmt.Sprint(w.acct); got != want {
		w.t.Fatalf("account %s, counted %s", got, want)
	}
}

func drawSlice(t *rapid.T, w *watch, next int64) ([]event.Record, int64) {
	var rs []event.Record
	for range rapid.IntRange(0, 5).Draw(t, "records") {
		next += rapid.Int64Range(0, 2).Draw(t, "gap")
		do := rapid.SampledFrom([]string{"", "0", "1,0", "2,2,2", "drop", "fail"}).Draw(t, "do")
		rs = append(rs, event.Record{Offset: next, Value: []byte(do), Timestamp: event.NoTime})
		s := &seen{offset: next, next: next + 1}
		w.log = append(w.log, s)
		w.acct.In++
		switch do {
		case "drop":
			w.acct.drop("filtered", 1)
		case "fail":
			s.waits = 1
			w.acct.InFlight++
		case "":
			w.acct.Completed++
		default:
			w.acct.Completed++
			for _, e := range strings.Split(do, ",") {
				s.waits++
				c := &w.acct.Emits[e[0]-'0']
				c.Emitted++
				c.InFlight++
			}
		}
		next++
	}
	return rs, next + rapid.Int64Range(0, 3).Draw(t, "end gap")
}

// TestAgainstModel feeds slices with gaps, results and acknowledgements in any
// order and twice, lapsed leases and every way to end, and compares watermark
// (I1, I6), account (I2), pauses (I7) and the bytes of outputs with the model.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		caps := Caps{Records: rapid.SampledFrom([]int64{4, 20, 1000}).Draw(t, "cap")}
		budget := NewBudget(ProcessBytes)
		w := &watch{
			t: t, outs: map[*event.Output]*seen{}, bodies: map[*event.Output]string{}, refs: map[Ref]*seen{}, refOf: map[Ref]int32{},
			acct: Account{Emits: make([]Emitted, 3)},
			task: New(Config{Routes: testRoutes(), Runner: &script{}, Budget: budget, Caps: caps}),
		}
		w.mark = rapid.Int64Range(0, 5).Draw(t, "start")
		w.task.Open(nil, []Input{{Next: w.mark}}, 0)
		anyOut := func() *event.Output {
			if len(w.outs) == 0 {
				t.Skip("no outputs")
			}
			outs := []*event.Output{}
			for o := range w.outs {
				outs = append(outs, o)
			}
			// Maps have no order; a repeatable one is by body.
			pick := outs[0]
			n := rapid.IntRange(0, len(outs)-1).Draw(t, "output")
			for _, o := range outs {
				less := 0
				for _, p := range outs {
					if w.bodies[p] < w.bodies[o] {
						less++
					}
				}
				if less == n {
					pick = o
				}
			}
			return pick
		}
		result := func(k deliver.Kind) {
			o := anyOut()
			if got := string(o.Body.Of(o.Arena)); got != w.bodies[o] {
				t.Fatalf("the body of an output under way changed from %q to %q", w.bodies[o], got)
			}
			s := w.outs[o]
			delete(w.outs, o)
			r := &deliver.Result{Out: o, Kind: k, Code: "400", Attempts: 1}
			if w.task.State() != Closed && k == deliver.Taken {
				s.waits--
				w.acct.Emits[o.Emit].InFlight--
				w.acct.Emits[o.Emit].Accepted++
			}
			w.task.Result(r)
			if rapid.Bool().Draw(t, "again") {
				w.task.Result(r) // counts once
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"slice": func(t *rapid.T) {
				if s := w.task.State(); s != Running && s != Paused {
					t.Skip("takes nothing")
				}
				rs, next := drawSlice(t, w, w.task.Next(0))
				if err := w.task.Records(0, rs, next, w.now); err != nil {
					t.Fatal(err)
				}
			},
			"taken":   func(*rapid.T) { result(deliver.Taken) },
			"taken 2": func(*rapid.T) { result(deliver.Taken) },
			"denied":  func(*rapid.T) { result(deliver.Denied) },
			"expired": func(*rapid.T) { result(deliver.Expired) },
			"acked": func(t *rapid.T) {
				if len(w.refs) == 0 {
					t.Skip("no letters")
				}
				var ref Ref
				n := rapid.IntRange(0, len(w.refs)-1).Draw(t, "letter")
				for r := range w.refs {
					less := 0
					for q := range w.refs {
						if q.epoch < r.epoch || q.epoch == r.epoch && q.index < r.index {
							less++
						}
					}
					if less == n {
						ref = r
					}
				}
				s := w.refs[ref]
				delete(w.refs, ref)
				if w.task.State() != Closed {
					s.waits--
					if e := w.refOf[ref]; e < 0 {
						w.acct.InFlight--
						w.acct.Dead++
					} else {
						w.acct.Emits[e].InFlight--
						w.acct.Emits[e].Dead++
					}
				}
				w.task.LetterAcked(ref)
				w.task.LetterAcked(ref) // counts once
			},
			"persist": func(*rapid.T) { w.task.Persist(w.now) },
			"wait":    func(t *rapid.T) { w.now += rapid.Int64Range(1, 10).Draw(t, "ns"); w.task.Tick(w.now) },
			"lease": func(t *rapid.T) {
				w.lapse = w.now + rapid.Int64Range(0, 20).Draw(t, "for")
				w.task.Lease(w.lapse)
			},
			"end": func(t *rapid.T) {
				switch rapid.IntRange(0, 60).Draw(t, "how") {
				case 0:
					w.task.Close(w.now, w.now+30)
				case 1:
					w.task.Lose()
				case 2:
					w.task.Finish(w.now)
				}
			},
			"": func(t *rapid.T) {
				w.effects()
				w.account()
				if w.task.State() == Closed != w.ended {
					t.Fatalf("state %s, ended %v", w.task.State(), w.ended)
				}
				records, bytes := w.task.InFlight()
				if s := w.task.State(); (s == Paused) != w.paused && s != Closing && s != Closed {
					t.Fatalf("state %s, paused %v", s, w.paused)
				}
				if s := w.task.State(); s == Running && records > caps.Records*pauseAt/100 {
					t.Fatalf("I7: runs on with %d of %d records", records, caps.Records)
				}
				if (records == 0) != (bytes == 0) {
					t.Fatalf("%d records are %d bytes", records, bytes)
				}
			},
		})
		// All that is left ends: then everything is persisted, and what was is exact.
		if w.task.State() == Closed {
			return
		}
		w.lapse = 0
		w.task.Lease(deliver.Never)
		for o := range w.outs {
			w.outs[o].waits--
			w.acct.Emits[o.Emit].InFlight--
			w.acct.Emits[o.Emit].Accepted++
			w.task.Result(&deliver.Result{Out: o})
		}
		for ref, s := range w.refs {
			s.waits--
			if e := w.refOf[ref]; e < 0 {
				w.acct.InFlight--
				w.acct.Dead++
			} else {
				w.acct.Emits[e].InFlight--
				w.acct.Emits[e].Dead++
			}
			w.task.LetterAcked(ref)
		}
		next := w.task.Next(0)
		w.task.Persist(w.now)
		w.effects()
		w.account()
		if w.mark != next {
			t.Fatalf("all has ended, the watermark is %d of %d", w.mark, next)
		}
		if records, bytes := w.task.InFlight(); records != 0 || bytes != 0 || budget.common.Load() != 0 {
			t.Fatalf("all has ended, %d records, %d bytes in flight, %d of the budget", records, bytes, budget.common.Load())
		}
		if w.paused && w.task.State() != Closing && w.task.State() != Closed {
			t.Fatal("all has ended, still paused")
		}
	})
}

// The log going back is an error, not a loss and not a repeat.
func TestBack(t *testing.T) {
	k := New(Config{Routes: testRoutes(), Runner: &script{}, Budget: NewBudget(ProcessBytes)})
	k.Open(nil, []Input{{Next: 5}}, 0)
	if err := k.Records(0, []event.Record{{Offset: 4}}, 5, 0); !errors.Is(err, ErrBack) {
		t.Errorf("record before the position: %v", err)
	}
	if err := k.Records(0, nil, 4, 0); !errors.Is(err, ErrBack) {
		t.Errorf("end before the position: %v", err)
	}
	if k.Next(0) != 5 {
		t.Errorf("position %d", k.Next(0))
	}
}

func (*script) Park(int, *event.Record) ([]byte, error) { return []byte("its way back"), nil }

func (*script) Unpark(int, []byte) (event.Record, error) { panic("a record that waits") }
