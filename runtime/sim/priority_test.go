package sim

import (
	"fmt"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/stdlib"
)

// Three routes share a connection that takes 100 events a second. Nothing of the first
// two may be lost; of the third what is over its rate is dropped, as the script says.
const overloaded = `app "shop"
connection segment main { write_key: secret("K"), rate: 10/s, batch: 10 }
type E = { user: string, n: int }

route urgent { priority: high }
from topic "urgent" as E
emit track "Urgent Thing" { userId: .user, properties: { n: .n } }

route usual
from topic "usual" as E
emit track "Usual Thing" { userId: .user, properties: { n: .n } }

route bulk { priority: low }
from topic "bulk" as E
throttle 10/s by "all" burst 10 else drop
emit track "Bulk Thing" { userId: .user, properties: { n: .n } }
`

// TestPriorityUnderARate: for 30 seconds more than three times what the connection takes
// is asked of it. What is urgent is there within a second, on the world's clock, all of
// it; each user's events arrive in their order in every class; what is shed is what the
// throttle says, and counted; and all that is not shed arrives in the end.
func TestPriorityUnderARate(t *testing.T) {
	p := program.Compile([]*token.File{token.NewFile("shop.route", overloaded)}, stdlib.Env(), program.Options{})
	if !p.OK() {
		t.Fatal(p.Diags[0].Message)
	}
	w, err := New(p.Plan, Options{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), CommitAtOnce: true})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	const seconds = 30
	perTenth := map[string]int{"urgent": 2, "usual": 20, "bulk": 11} // 330 a second
	given := map[string]int{}
	for range seconds * 10 {
		for _, topic := range []string{"urgent", "usual", "bulk"} {
			for range perTenth[topic] {
				n := given[topic]
				given[topic]++
				w.Produce(Input{Topic: topic, Key: fmt.Appendf(nil, "u%d", n%17), Value: fmt.Appendf(nil, `{"user":"u%d","n":%d}`, n%17, n), Timestamp: w.Now().UnixMilli()})
			}
		}
		w.Settle()
		w.Advance(100 * time.Millisecond)
	}
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	taken, slowest := map[string]int{}, map[string]time.Duration{}
	last := map[string]int64{} // by route and user: the input
	for _, k := range w.Taken() {
		if k.Repeat {
			continue
		}
		route := k.Route.Name
		taken[route]++
		slowest[route] = max(slowest[route], k.At.Sub(w.sent(k.In)))
		lane := fmt.Sprintf("%s %x", route, k.Lane)
		if at := int64(k.In); at < last[lane] {
			t.Fatalf("%s: input %d arrived behind input %d", lane, at, last[lane])
		}
		last[lane] = int64(k.In)
	}
	dropped := map[string]int{}
	for _, e := range w.Ends() {
		if e.Kind == event.Dropped {
			dropped[e.Route.Name+" "+e.Reason]++
		}
	}
	t.Logf("given %v, taken %v, dropped %v, slowest %v", given, taken, dropped, slowest)
	if taken["urgent"] != given["urgent"] || taken["usual"] != given["usual"] {
		t.Errorf("of %v only %v arrived", given, taken)
	}
	if got := slowest["urgent"]; got > time.Second {
		t.Errorf("something urgent took %v", got)
	}
	if slowest["usual"] <= time.Second {
		t.Errorf("nothing had to wait: the rate was none (%v)", slowest)
	}
	// A bucket of 10 that gets 10 a second, over 30 s.
	if n := taken["bulk"]; n < 300 || n > 310 || n+dropped["bulk throttled"] != given["bulk"] {
		t.Errorf("of bulk %d arrived and %d were shed of %d", n, dropped["bulk throttled"], given["bulk"])
	}
	if len(dropped) != 1 || len(w.Letters()) != 0 {
		t.Errorf("something else was lost: %v, %d letters", dropped, len(w.Letters()))
	}
	if err := w.CheckAccounts(); err != nil {
		t.Error(err)
	}
	if b := w.Broken(); len(b) > 0 {
		t.Error(b)
	}
}

// sent is when an input was produced.
func (w *World) sent(in int) time.Time {
	for _, name := range w.names {
		for _, p := range w.topics[name].parts {
			for i := range p.recs {
				if p.recs[i].in == in {
					return time.UnixMilli(p.recs[i].rec.Timestamp)
				}
			}
		}
	}
	return time.Time{}
}
