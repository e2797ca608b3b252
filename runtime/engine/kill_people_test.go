package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// people links devices and users, keeps what each person is worth, and tells who enters
// and leaves an audience.
const people = `app "app~"
connection kafka main { brokers: env("BROKERS") }
connection segment main { write_key: secret("KEY"), url: env("URL") }
identity people { user_id, kochava_device_id }
type Buy = { id: string, device: string, user: string?, seq: int, amount: int, at: time }
table worth: number = 0 keyed by people merge sum
audience big on worth { enter: it >= 500, leave: it < 400 }
route left
from topic "left~" as Buy
time by .at
dedupe buys by .id within 48h
resolve people as p { user_id: .user, kochava_device_id: .device }
update worth[p] = it + .amount
emit track "Bought" { properties: { topic: "left", user: .device, seq: .seq, person: p.id, ids: p.ids } }
route right
from topic "right~" as Buy
time by .at
dedupe buys by .id within 48h
resolve people as p { user_id: .user, kochava_device_id: .device }
update worth[p] = it + .amount
emit track "Bought" { properties: { topic: "right", user: .device, seq: .seq, person: p.id, ids: p.ids } }
route told
from changes worth as p
emit track "Worth" { properties: { person: p.id, ids: p.ids, cause: .cause, old: .old, new: .new } }
route crowd
from changes big as p
emit track "Crowd" { properties: { person: p.id, ids: p.ids, cause: .cause, member: .member } }
`

// TestKillsWithPeople kills an engine while people merge: what each is worth is exact,
// each entered and left the audience as often as they should, nobody is merged who
// should not be, and the order of what is sent holds across merges (I1-I5, I11-I13).
func TestKillsWithPeople(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) { killPeople(t, w, *kills) })
}

func killPeople(t *testing.T, w *world, kills int) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-kill-seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	w.topics(1, "left", "right")
	c := newCrowd(w, seed)
	faults := receiver.Shares{Seed: seed, TooMany: 0.004, Unavailable: 0.03, Cut: 0.03, RetryAfter: time.Millisecond}
	r := w.receive(receiver.Options{WriteKey: "right", Fault: faults.Fault, OnEvent: c.took})
	role := engineRole{
		Script: strings.ReplaceAll(people, "~", "-"+w.suffix), State: t.TempDir(), Session: 6 * time.Second,
		Env: map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right"},
	}
	e := spawn(t, "engine", role)
	defer func() {
		if t.Failed() {
			t.Log(e.stderr())
		}
	}()
	stop := c.produce()
	defer stop()
	for k := range kills {
		n := c.arrivals() + 200 + rng.IntN(1000)
		w.eventually(fmt.Sprintf("work before kill %d", k+1), func() bool { return c.arrivals() >= n })
		e.kill()
		e = spawn(t, "engine", role)
	}
	stop()
	w.eventually("everything has arrived", func() bool { return w.ledger.Outstanding() == 0 && c.told() })
	w.clean()
	c.judge()
	t.Logf("%d records, %d of them repeats, of %d people who became %d by %d merges; %d changes of the audience; %d repeats at the receiver",
		c.sent, c.repeats, c.people, len(c.users), c.merges, c.entered, c.again)
}

// crowd is a stream of what people buy, what must come of it in the order of each
// topic, and what has. A topic has one partition and users of its own, so that the
// order in which their records run is that of the topic.
type crowd struct {
	w   *world
	rng *rand.Rand
	n   int

	sent, repeats, people, merges, entered int

	users   map[int]*buyer
	devices map[string]*buyer
	recent  []kafka.Record

	mu    sync.Mutex
	n2    int
	again int
	seen  map[string]bool
	last  map[string]string // by person: their worth as it was told last
	worth map[int]string    // by user: the last worth of whom has their user id
	crowd map[int][]string  // by user: what the audience told of them and who they became
	wrong []string          // what breaks an invariant
}

// buyer is a person as they must be.
type buyer struct {
	user  int  // whose devices they have
	known bool // by their user id
	worth int
	in    bool
	told  []string // of the audience, of them and of whom they took in
}

func newCrowd(w *world, seed uint64) *crowd {
	return &crowd{
		w: w, rng: rand.New(rand.NewPCG(seed, 5)), users: map[int]*buyer{}, devices: map[string]*buyer{},
		seen: map[string]bool{}, last: map[string]string{}, worth: map[int]string{}, crowd: map[int][]string{},
	}
}

func (c *crowd) arrivals() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n2
}

func (c *crowd) breaks(format string, a ...any) {
	if len(c.wrong) < 10 {
		c.wrong = append(c.wrong, fmt.Sprintf(format, a...))
	}
}

// took is told what the receiver accepts.
func (c *crowd) took(e receiver.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n2++
	if c.seen[e.MessageID] {
		c.again++
		return
	}
	c.seen[e.MessageID] = true
	var msg struct {
		Properties struct {
			Person, Cause string
			IDs           []struct{ Type, Value string }
			Old, New      *json.Number
			Member        bool
		}
	}
	if err := json.Unmarshal(e.Raw, &msg); err != nil {
		c.breaks("%v", err)
		return
	}
	p := &msg.Properties
	user, known := -1, false
	for _, id := range p.IDs {
		var u, d int
		if id.Type == "user_id" {
			known = true
		}
		if n, _ := fmt.Sscanf(id.Value, "u%d-%d", &u, &d); n == 0 {
			c.breaks("the identifier %s of %s", id.Value, p.Person)
		}
		if user >= 0 && u != user {
			c.breaks("the users %d and %d are one person, %s", user, u, p.Person)
		}
		user = u
	}
	text := func(n *json.Number) string {
		if n == nil {
			return ""
		}
		return n.String()
	}
	switch e.Name {
	case "Worth":
		if was := c.last[p.Person]; was != text(p.Old) {
			c.breaks("I3, I5: the worth of %s was %q, and a change says it was %q before it became %q", p.Person, was, text(p.Old), text(p.New))
		}
		c.last[p.Person] = text(p.New)
		if known && p.New != nil {
			c.worth[user] = text(p.New)
		}
	case "Crowd":
		c.crowd[user] = append(c.crowd[user], fmt.Sprint(p.Cause, " ", p.Member))
	}
}

// produce writes records until the function it gives is called, and then once more for
// each device, with its user: so all of a user become one.
func (c *crowd) produce() (stop func()) {
	return produce(12, c.one, func(wg *sync.WaitGroup) {
		for u := range c.users {
			for d := range devicesOf {
				if _, ok := c.devices[device(u, d)]; ok {
					c.buy(wg, u, d, true)
				}
			}
		}
	})
}

const devicesOf = 4

func device(u, d int) string { return fmt.Sprintf("u%d-%d", u, d) }

func (c *crowd) one(wg *sync.WaitGroup) {
	if len(c.recent) > 0 && c.rng.IntN(8) == 0 {
		c.repeats++
		c.send(wg, c.recent[c.rng.IntN(len(c.recent))])
		return
	}
	// Users come in one after the other, so that there is always somebody to merge.
	u := max(0, c.n/25-c.rng.IntN(60))
	c.buy(wg, u, c.rng.IntN(devicesOf), c.rng.IntN(6) == 0)
}

// buy writes one record, and does to the people what it must do.
func (c *crowd) buy(wg *sync.WaitGroup, u, d int, known bool) {
	c.n++
	topic, dev := []string{"left", "right"}[u%2], device(u, d)
	amount := c.rng.IntN(160) - 40
	if amount >= 0 {
		amount++ // each record changes what its person is worth
	}
	p := c.devices[dev]
	user := "null"
	if p == nil {
		p = &buyer{user: u}
		if known && c.users[u] != nil && c.users[u].known {
			p = c.users[u]
		} else {
			c.people++
		}
		c.devices[dev] = p
	}
	if c.users[u] == nil {
		c.users[u] = p
	}
	if known {
		user = fmt.Sprintf("%q", fmt.Sprintf("u%d-0", u))
		if own := c.users[u]; own.known && own != p {
			c.join(own, p)
			p = own
		}
		p.known = true
		c.users[u] = p
	}
	p.add(amount)
	k := topic + "/" + dev
	c.w.seq[k]++
	c.w.ledger.Expect(topic, dev, c.w.seq[k])
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(c.n) * time.Second)
	r := kafka.Record{Topic: c.w.topic(topic), Key: []byte(dev), Timestamp: event.NoTime, Value: fmt.Appendf(nil,
		`{"id":"b%d","device":%q,"user":%s,"seq":%d,"amount":%d,"at":%q}`, c.n, dev, user, c.w.seq[k], amount, at.Format(time.RFC3339Nano))}
	c.send(wg, r)
	if c.recent = append(c.recent, r); len(c.recent) > 500 {
		c.recent = c.recent[100:]
	}
}

// join makes the person of a device that of a user, as the record's resolve must.
func (c *crowd) join(own, p *buyer) {
	c.merges++
	either := own.in || p.in
	own.worth += p.worth
	own.told = append(own.told, p.told...)
	own.in = own.worth >= 500 || own.worth >= 400 && either
	if either || own.in {
		own.told = append(own.told, fmt.Sprint("merge ", own.in))
	}
	for dev, q := range c.devices {
		if q == p {
			c.devices[dev] = own
		}
	}
}

// add buys for so much, in a record of its own.
func (b *buyer) add(amount int) {
	b.worth += amount
	in := b.worth >= 500 || b.in && b.worth >= 400
	if in != b.in {
		b.in = in
		b.told = append(b.told, fmt.Sprint("update ", in))
	}
}

func (c *crowd) send(wg *sync.WaitGroup, r kafka.Record) {
	c.sent++
	wg.Add(1)
	c.w.out.Send(c.w.t.Context(), r, func(res kafka.Result) {
		defer wg.Done()
		if res.Err != nil {
			c.w.t.Error(res.Err)
		}
	})
}

// told tells whether the last worth of every user has arrived, and every change of the
// audience.
func (c *crowd) told() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for u, p := range c.users {
		if c.worth[u] != fmt.Sprint(p.worth) || len(c.crowd[u]) < len(p.told) {
			return false
		}
	}
	return true
}

func (c *crowd) judge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.wrong {
		c.w.t.Error(s)
	}
	for u, p := range c.users {
		c.entered += len(p.told)
		got, want := slices.Sorted(slices.Values(c.crowd[u])), slices.Sorted(slices.Values(p.told))
		if !slices.Equal(got, want) {
			c.w.t.Errorf("the audience told of user %d %v, want %v", u, got, want)
		}
	}
}
