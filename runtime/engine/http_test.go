package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// httpHead declares two connections to one receiver.
const httpHead = `app "app~"
connection kafka main { brokers: env("BROKERS") }
connection http crm { url: env("URL"), private: true, headers: { Authorization: "Bearer ${secret("KEY")}" }, retry: 10m }
connection http guarded { url: env("URL") }
connection http web { }
type Order = { topic: string, user: string, seq: int, note: string }
`

// sent reads what the scripts of these tests send: an order for itself, or several in
// `data`.
func sent(c receiver.Capture) []receiver.Event {
	type order struct {
		Topic, User string
		Seq         uint64
	}
	var one order
	var many struct{ Data []json.RawMessage }
	event := func(raw []byte, id string) receiver.Event {
		one = order{}
		if err := json.Unmarshal(raw, &one); err != nil {
			panic(err)
		}
		if id == "" {
			id = fmt.Sprint(one.Topic, "/", one.User, "/", one.Seq) // an item has no id of its own
		}
		return receiver.Event{MessageID: id, Topic: one.Topic, User: one.User, Seq: one.Seq, Numbered: true, Raw: append([]byte(nil), raw...)}
	}
	if json.Unmarshal(c.Body, &many) != nil || many.Data == nil {
		return []receiver.Event{event(c.Body, c.Header.Get("Idempotency-Key"))}
	}
	var out []receiver.Event
	for _, raw := range many.Data {
		if e := event(raw, ""); e.User != "poison" {
			out = append(out, e)
		}
	}
	return out
}

// verdicts refuses the items of one user.
func verdicts(c receiver.Capture) receiver.Reply {
	if c.Header.Get("Authorization") != "Bearer right" {
		return receiver.Reply{Status: 401}
	}
	var many struct{ Data []struct{ User string } }
	_ = json.Unmarshal(c.Body, &many)
	var bad []string
	for i, o := range many.Data {
		if o.User == "poison" {
			bad = append(bad, fmt.Sprintf(`{"at":%d,"why":"poisoned"}`, i))
		}
	}
	return receiver.Reply{Status: 200, Body: `{"ok":true,"errors":[` + strings.Join(bad, ",") + `]}`}
}

// killedHTTP sends each order by itself without a store, and in batches with one.
const killedHTTP = httpHead + `
route single
from topic "orders~" as Order
where .user != "poison"
emit http POST "/orders/${.user}" via crm { body: { topic: "single", user: .user, seq: .seq }, accept: it.body.ok == true }

route batches
from topic "orders~" as Order
dedupe by .user, .seq within 1h
emit http POST "/batch" via crm {
  key: .user
  batch: 40 or 50ms
  item: { topic: "batch", user: .user, seq: .seq }
  body: { data: items }
  verdicts: [{ index: e.at, ok: false, why: e.why } for e in (it.body | as { errors: [{ at: int, why: string }] }).errors ?? []]
}
`

// TestHTTPKills kills an engine that sends over HTTP with SIGKILL, under load, with a
// receiver that answers late, falsely, cut or not at all: every output arrives, under one
// idempotency key, in the order of its key, and only what was refused is a letter.
func TestHTTPKills(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(4, "orders")
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-kill-seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	chance := receiver.Shares{Seed: seed, TooMany: 0.002, Unavailable: 0.03, Cut: 0.02, RetryAfter: time.Millisecond}
	var mu sync.Mutex
	arrived := 0
	r := w.receive(receiver.Options{
		Fault: func(n uint64) receiver.Fault {
			f := chance.Fault(n)
			if f == (receiver.Fault{}) {
				switch n % 101 {
				case 17:
					f.Short = true
				case 39, 40:
					f.Page = true
				case 77:
					f.Wait = 20 * time.Millisecond
				}
			}
			return f
		},
		Read: sent, Reply: verdicts,
		OnEvent: func(receiver.Event) { mu.Lock(); arrived++; mu.Unlock() },
	})
	arrivals := func() int { mu.Lock(); defer mu.Unlock(); return arrived }
	role := engineRole{
		Script:  strings.ReplaceAll(killedHTTP, "~", "-"+w.suffix),
		Env:     map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right"},
		State:   t.TempDir(),
		Session: 6 * time.Second,
	}
	poison := 0
	feed := rand.New(rand.NewPCG(seed, 2))
	stop := produce(6, func(wg *sync.WaitGroup) {
		user := fmt.Sprint("u", feed.IntN(60))
		if feed.IntN(100) == 0 {
			user = "poison"
			poison++
		}
		w.seq[user]++
		seq := w.seq[user]
		if user != "poison" {
			w.ledger.Expect("single", user, seq)
			w.ledger.Expect("batch", user, seq)
		}
		wg.Add(1)
		w.out.Send(t.Context(), kafka.Record{Topic: w.topic("orders"), Key: []byte(user), Value: []byte(order("orders", user, seq))}, func(res kafka.Result) {
			defer wg.Done()
			if res.Err != nil {
				t.Error(res.Err)
			}
		})
	}, nil)
	defer stop()
	e := spawn(t, "engine", role)
	for k := range *kills {
		n := arrivals() + 150 + rng.IntN(500)
		w.eventually(fmt.Sprintf("work before kill %d", k+1), func() bool { return arrivals() >= n })
		e.kill()
		e = spawn(t, "engine", role)
	}
	stop()
	defer func() {
		if t.Failed() {
			t.Log(e.stderr())
		}
	}()
	w.eventually("everything has arrived", func() bool { return w.ledger.Outstanding() == 0 })
	rep := w.clean()
	w.eventually("every letter is written", func() bool { return len(w.dead("batches")) >= poison })
	for _, d := range w.dead("batches") {
		if d.header["sluice-class"] != "delivery" || d.header["sluice-excerpt"] != "poisoned" {
			t.Errorf("letter %v", d.header)
		}
	}
	if n := len(w.dead("batches")); n != poison {
		t.Errorf("%d letters, want %d", n, poison)
	}
	w.eventually("all is committed", func() bool { return w.atEnd("single", "orders") && w.atEnd("batches", "orders") })
	if l := e.line(t); l != "ready" {
		t.Fatalf("the last engine said %q", l)
	}
	for _, rt := range e.account(t).Routes { // I2
		for _, em := range rt.Emits {
			if em.Emitted != em.Accepted+em.Dead+em.Held || em.InFlight != 0 {
				t.Errorf("I2: %s: %+v", rt.Route, em)
			}
		}
	}
	t.Logf("receiver: %d accepted, %d repeats, %d poisoned", rep.Accepted, rep.Repeats, poison)
}

// TestHTTPGuard: the connection's own address on this machine pauses it with words and
// loses nothing; one of the data is a letter, and its neighbours go on.
func TestHTTPGuard(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(1, "orders")
	r := w.receive(receiver.Options{Read: sent, Reply: verdicts})
	e := w.start(httpHead+`
route own
from topic "orders~" as Order
emit http POST "/own" via guarded { body: { topic: "own", user: .user, seq: .seq } }
route theirs
from topic "orders~" as Order
emit http POST .note via web { body: { topic: "theirs", user: .user, seq: .seq } }
route good
from topic "orders~" as Order
emit http POST "/good" via crm { body: { topic: "good", user: .user, seq: .seq } }
`, options{url: r.URL()})
	w.ledger.Expect("good", "u1", 1)
	w.ledger.Expect("good", "u2", 1)
	w.sendText("orders",
		`{"topic":"orders","user":"u1","seq":1,"note":"http://169.254.169.254/latest/meta-data"}`,
		fmt.Sprintf(`{"topic":"orders","user":"u2","seq":1,"note":%q}`, strings.Replace(r.URL(), "127.0.0.1", "localhost", 1)+"/"))
	w.eventually("the reason is told", func() bool {
		return strings.Contains(e.condition("connection http guarded"), "127.0.0.1 is a loopback address; `private: true`")
	})
	w.arrived()
	w.eventually("two letters", func() bool { return len(w.dead("theirs")) == 2 })
	for _, d := range w.dead("theirs") {
		if d.header["sluice-code"] != "address refused" || !strings.Contains(d.header["sluice-excerpt"], "private: true") {
			t.Errorf("letter %v", d.header)
		}
	}
	if e.condition("connection http crm") != "" || e.condition("connection http web") != "" {
		t.Error("a neighbour is told to be away")
	}
	rep := e.stop()
	if em := row(rep, "own").Emits; em[0].Dead != 0 {
		t.Errorf("%+v: what cannot be sent is kept", em[0])
	}
}

// TestAStopSendsWhatWaitsForABatch: whoever stops a program does not wait for a batch to
// become full, and neither do those whom it is for.
func TestAStopSendsWhatWaitsForABatch(t *testing.T) {
	t.Parallel()
	for name, stage := range map[string]string{"without state": "", "with state": "dedupe by .user, .seq within 1h\n"} {
		t.Run(name, func(t *testing.T) {
			w := onEmbedded(t)
			w.topics(2, "orders")
			r := w.receive(receiver.Options{Read: sent, Reply: verdicts})
			e := w.start(httpHead+`
route batches
from topic "orders~" as Order
`+stage+`emit http POST "/batch" via crm { key: .user, batch: 5_000 or 1h, item: { topic: "orders", user: .user, seq: .seq }, body: { data: items } }
`, options{url: r.URL()})
			w.feed("orders", 10, 100)
			w.eventually("all is here", func() bool {
				rep := row(e.Account(), "batches")
				return len(rep.Emits) == 1 && rep.Emits[0].Emitted == 100
			})
			begin := time.Now()
			e.stop()
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("the stop took %v", took)
			}
			w.arrived()
			w.committedAll("batches", "orders")
		})
	}
}

// TestOnceWaitsForNoBatch: a program that ends when everything is taken does not wait an
// hour for more.
func TestOnceWaitsForNoBatch(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(2, "orders")
	r := w.receive(receiver.Options{Read: sent, Reply: verdicts})
	w.feed("orders", 10, 100)
	e := w.start(httpHead+`
route batches
from topic "orders~" as Order
emit http POST "/batch" via crm { key: .user, batch: 5_000 or 1h, item: { topic: "orders", user: .user, seq: .seq }, body: { data: items } }
`, options{url: r.URL(), once: true})
	if err := e.wait(); err != nil {
		t.Fatal(err)
	}
	w.arrived()
	if n := r.Stats().Requests; n > 10 {
		t.Errorf("%d requests for 100 events of a batch", n)
	}
}
