package task

import (
	"fmt"
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/state"
)

// A call that is repeated for days keeps the time of its first round and of its last: what
// is written down each round does not grow, and the rounds are counted all the same.
func TestRoundsDoNotGrow(t *testing.T) {
	p := &parked{}
	p.Answers = []state.ParkedAnswer{{ID: "/0 poll 7", Answer: event.Answer{At: 1}}, {ID: "poll 2 0", Answer: event.Answer{At: 2}}}
	size := 0
	id := func(n int) string {
		if n < 0 {
			return ""
		}
		return fmt.Sprint("poll ", n)
	}
	for n := range 5000 {
		a := &asking{run: p}
		if got := a.Rounds("poll"); got != n {
			t.Fatalf("%d rounds are counted of %d", got, n)
		}
		p.Answers = append(p.Answers, state.ParkedAnswer{ID: id(n), Answer: event.Answer{Status: 200, Body: []byte(`{"state":"busy"}`), At: int64(n + 10)}})
		over := ""
		if n > 1 { // the next round says so: op's call.ask
			over = id(n - 1)
		}
		p.Answers = spent(p.Answers, id(n), over)
		if first := a.Answer(id(0)); first == nil || first.At != 10 {
			t.Fatalf("round %d: the first is %+v", n, first)
		}
		if last := a.Answer(id(n)); last == nil || last.At != int64(n+10) || last.Status != 0 || last.Body != nil {
			t.Fatalf("round %d: the last is %+v", n, last)
		}
		switch now := len(state.AppendParked(nil, &p.Parked)); {
		case n == 100:
			size = now
		case n > 100 && now > size+8: // a number of more digits
			t.Fatalf("round %d writes %d bytes, round 100 wrote %d", n, now, size)
		}
	}
	if a := (&asking{run: p}); a.Rounds("/0 poll") != 8 || a.Rounds("poll 2") != 1 || a.Rounds("pol") != 0 {
		t.Error("another call's rounds are counted")
	}
}
