package engine_test

import (
	"strings"
	"testing"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// forgets is a program that forgets people, and has letters about them.
const forgets = head + `
identity people { user_id, email, anonymous_id }
route orders
from topic "orders~" as { user?: string, device?: string, email?: string, ok: bool }
resolve people as p { user_id: .user, email: .email, anonymous_id: .device }
require .ok else "told to fail"
emit track "Ordered" { properties: { email: .email } }
route requests
from topic "requests~" as { user: string }
forget people as f { user_id: .user }
emit log "forgotten" { rows: f.rows }
`

// Letters of a person who is forgotten become tombstones: of a record that failed below
// resolve, also when they were somebody else then, of one that never came so far and is
// keyed by an identifier, and of an output that was refused. Others stay.
func TestLettersOfAForgottenPerson(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders", "requests")
		r := w.receive(receiver.Options{Refuse: func(e receiver.Event) string { return "not this one" }})
		say := func(key, value string) {
			w.send(kafka.Record{Topic: w.topic("orders"), Key: []byte(key), Value: []byte(value)})
		}
		state := w.t.TempDir() + "/store"
		o := options{url: r.URL(), state: state, store: "store-" + w.suffix, env: map[string]string{"SLUICE_PRIVACY_KEY": "a key"}}
		e := w.start(forgets, o)
		dead := func() (letters, tombs int) {
			for _, l := range w.dead("orders") {
				if l.value == nil {
					tombs++
				} else {
					letters++
				}
			}
			return letters, tombs
		}
		say("k1", `{"device":"d1","ok":false}`)
		say("k1", `{"device":"d1","user":"u0","ok":false}`)
		w.eventually("the device has its letters", func() bool { rep := e.Account(); return len(rep.Routes) > 0 && row(rep, "orders").Dead == 2 })
		say("k1", `{"device":"d1","user":"u1","email":"ann@example.com","ok":true}`)
		say("Ann@example.com", `no json`)
		say("k2", `{"device":"d2","user":"u2","ok":false}`)
		w.eventually("all letters are there", func() bool { n, _ := dead(); return n == 5 })
		w.send(kafka.Record{Topic: w.topic("requests"), Value: []byte(`{"user":"u0"}`)})
		w.eventually("the first user's are gone", func() bool { n, tombs := dead(); return n == 4 && tombs == 1 })
		w.send(kafka.Record{Topic: w.topic("requests"), Value: []byte(`{"user":"u1"}`)})
		w.eventually("the second user's are gone", func() bool { n, tombs := dead(); return n == 1 && tombs == 4 })
		for _, l := range w.dead("orders") {
			if l.value != nil && string(l.value) != `{"device":"d2","user":"u2","ok":false}` {
				t.Errorf("left: %s", l.value)
			}
		}
		e.stop()
	})
}

// A letter of an output that was under way when its person was forgotten is none: a
// tombstone is written in its place, and counts as the letter.
func TestALetterThatComesAfterTheForgetting(t *testing.T) {
	w := onEmbedded(t)
	w.topics(1, "orders", "requests")
	gone := make(chan struct{})
	r := w.receive(receiver.Options{Refuse: func(receiver.Event) string { <-gone; return "not this one" }})
	e := w.start(forgets, options{url: r.URL(), env: map[string]string{"SLUICE_PRIVACY_KEY": "a key"}})
	w.send(kafka.Record{Topic: w.topic("orders"), Value: []byte(`{"user":"u1","email":"ann@example.com","ok":true}`)})
	w.eventually("the output is under way", func() bool {
		rep := e.Account()
		return len(rep.Routes) > 0 && row(rep, "orders").Emits[0].Emitted == 1
	})
	w.send(kafka.Record{Topic: w.topic("requests"), Value: []byte(`{"user":"u1"}`)})
	w.eventually("the pass is done", func() bool {
		return strings.Contains(w.log.text(), "letters of people who were forgotten are erased")
	})
	close(gone)
	w.eventually("it counts as dead", func() bool { return row(e.Account(), "orders").Emits[0].Dead == 1 })
	e.stop()
	all := w.read(kafka.DeadTopic(w.app(), "orders"))
	if len(all) != 1 || all[0].Value != nil {
		t.Errorf("%d records in the dead topic, want one tombstone", len(all))
	}
}
