package sim

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/program"
	"github.com/sluice-dev/sluice/lang/token"
	"github.com/sluice-dev/sluice/runtime/identity"
	"github.com/sluice-dev/sluice/runtime/task"
	"github.com/sluice-dev/sluice/stdlib"
)

const forgottenScript = `app "forgotten"
connection segment main { write_key: secret("K") }
identity people { user_id, email, device { grade: device } }
table spent: number = 0 keyed by people merge sum
table names: string keyed by people merge last ttl 30d
table mails: string keyed by string
audience big on spent { enter: it >= 1, leave: it < 0 }
type R = { user_id: string?, email: string?, device: string?, n: int }

route one
from topic "t" as R
dedupe by .user_id ?? "none", .n within 1d
resolve people as p { user_id: .user_id, email: .email, device: .device }
throttle 100/h by .user_id ?? p.id else drop
update spent[p] = it + .n
update names[p] = .email ?? "none"
when .email != null { update mails[.email] = "${.n}" }
let email = .email
map { n: .n, mail: .email }
changed by email ?? p.id within 30d
emit track "One" { properties: { spent: spent[p] } }

route panes
from topic "t" as R
where .user_id != null else "nobody"
window 10d by .user_id { n: count(), mails: collect(.email, 9) }
emit log "pane" { n: .n, mails: .mails }

route elsewhere
from topic "t" as R
where .email != null else "no mail"
map { user: .user_id, n: .n }
changed by $.email within 30d
emit log "elsewhere"

route told
from changes people as p
emit log "told" { kind: .kind, ids: p.ids }

route erase
from topic "erase" as { user_id: string }
forget people as f { user_id: .user_id }
emit log "erased" { rows: f.rows }
`

// TestForgottenLeavesNothing looks for what people were known by in all that the stores
// hold, after they were linked in every way and then forgotten (L8). Timers alone may
// name what is gone, until they are due and do nothing; no export has them.
func TestForgottenLeavesNothing(t *testing.T) {
	p := program.Compile([]*token.File{token.NewFile("f.route", forgottenScript)}, stdlib.Env(), program.Options{})
	if p.Plan == nil {
		t.Fatal(p.Diags)
	}
	w, err := New(p.Plan, Options{Now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Partitions: 2, IdleAfter: 1})
	if err != nil {
		t.Fatal(err)
	}
	give := func(topic, format string, args ...any) {
		w.Produce(Input{Topic: topic, Value: fmt.Appendf(nil, format, args...), Timestamp: w.now / 1e6})
		w.Settle()
	}
	command := func(c identity.Command) {
		c.Space, c.At = "people", w.now/1000
		for _, g := range w.groups {
			if g.Name == "people" {
				w.append(Input{Topic: g.own, Value: task.CommandNote(&c), Timestamp: w.now / 1e6}, 0, false)
			}
		}
		w.Settle()
	}
	stay := `{"user_id":"stay","email":"stay@example.com","device":"stay","n":1}`
	give("t", "%s", stay)
	give("t", `{"device":"secret-d1","n":1}`)
	give("t", `{"email":"secret-1@example.com","device":"secret-d1","n":2}`)
	give("t", `{"email":"secret-2@example.com","device":"secret-d2","n":3}`)
	give("t", `{"user_id":"secret-ann","email":"secret-1@example.com","n":4}`)
	give("t", `{"user_id":"secret-ann","email":"secret-2@example.com","n":5}`)
	give("t", `{"user_id":"secret-ann","email":"secret-3@example.com","device":"secret-d3","n":6}`)
	give("t", `{"user_id":"stay","device":"secret-d3","n":7}`)
	command(identity.Command{Do: "unlink", IDs: []identity.NamedID{{Type: "device", Value: "secret-d3"}}})
	w.Crash()
	found := func() (out []string) {
		for _, g := range w.groups {
			_ = g.disk.Scan(nil, nil, func(key, val []byte) bool { // it cannot fail
				if key[0] != 't' && bytes.Contains(key, []byte("secret")) || bytes.Contains(val, []byte("secret")) {
					out = append(out, fmt.Sprintf("%s: %q: %q", g.Name, key, val))
				}
				return true
			})
		}
		return out
	}
	w.Settle()
	if n := len(found()); n < 8 {
		t.Fatalf("only %d cells hold anything of them: the test shows nothing", n)
	}
	w.moveTo(w.now + int64(time.Second))
	give("erase", `{"user_id":"secret-ann"}`)
	w.Advance(time.Minute)
	if err := w.Finish(); err != nil {
		t.Fatal(err)
	}
	if len(w.Broken()) > 0 {
		t.Fatal(w.Broken())
	}
	for _, f := range found() {
		t.Errorf("left: %s", f)
	}
	people, err := w.People()
	if err != nil || len(people) != 1 {
		t.Fatalf("%d people are left (%v)", len(people), err)
	}
}
