package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/examples"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// The topics of the example programs.
const (
	topicSignups  = "app.signups"
	topicOrders   = "shop.orders"
	topicPayments = "shop.payments"
	topicRefunds  = "shop.refunds"
	topicUsers    = "users.events"
)

// demoPrograms are the examples that the demo runs as one program.
var demoPrograms = []string{"orders", "users", "signups"}

const demoConnections = `app "shop"

connection segment main { write_key: secret("SEGMENT_WRITE_KEY"), url: env("SEGMENT_URL"), rate: 900/s }
`

// writeProgram puts the scripts of the examples, as they stand, into one folder.
func writeProgram(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := map[string]string{"connections.route": demoConnections}
	for _, name := range demoPrograms {
		for file, as := range map[string]string{name + ".route": name + ".route", "types.route": name + "_types.route"} {
			b, err := fs.ReadFile(examples.Programs, name+"/"+file)
			if err != nil {
				return err
			}
			files[as] = string(b)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// shop makes the demo's events: always the same ones, but for their times. Some come
// twice on purpose: an order, payment or refund that was sent before, and a profile
// in which nothing is another than in the one before.
type shop struct {
	rng    *rand.Rand
	seq    map[string]uint64      // by topic and user
	sent   map[string][]shopEvent // by topic: the last ones that may come again
	people map[string]*person
}

func newShop() *shop {
	return &shop{rng: rand.New(rand.NewPCG(7, 7)), seq: map[string]uint64{}, sent: map[string][]shopEvent{}, people: map[string]*person{}}
}

// shopEvent is one event.
type shopEvent struct {
	topic, user string
	seq         uint64 // per topic and user, from 1; it stands in an id or a name
	value       []byte
	// arrives: the scripts send it on. Others are dropped (a pending order, a deleted
	// user, what comes twice) or dead letters (a total or a phone that is none).
	arrives bool
	// traits are what an identify must hold: those that changed; nil of other calls.
	traits map[string]any
}

// person is what Segment knows of a user, and so what `changed by` compares with.
type person struct {
	value  []byte // the last event
	traits map[string]any
}

const (
	// shopUsers are few enough that each has many events in order.
	shopUsers = 5000
	// sentBefore is how many events of a topic may come again.
	sentBefore = 2000
)

func (s *shop) next(now time.Time) shopEvent {
	user := fmt.Sprintf("u%d", s.rng.IntN(shopUsers))
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	switch k := s.rng.IntN(100); {
	case k < 15:
		return s.signup(user, at)
	case k < 50:
		return s.order(user, at)
	case k < 60:
		return s.payment(user, at)
	case k < 65:
		return s.refund(user, at)
	default:
		return s.profile(user, at)
	}
}

// number begins an event of a topic. What it is numbered by is the text user-seq.
func (s *shop) number(topic, user string) (e shopEvent, id string) {
	k := topic + "/" + user
	s.seq[k]++
	e = shopEvent{topic: topic, user: user, seq: s.seq[k], arrives: true}
	return e, fmt.Sprintf("%s-%d", user, e.seq)
}

// again gives, of ten events of a topic one, an event that was sent before.
func (s *shop) again(topic string) (shopEvent, bool) {
	old := s.sent[topic]
	if len(old) == 0 || s.rng.IntN(10) > 0 {
		return shopEvent{}, false
	}
	e := old[s.rng.IntN(len(old))]
	e.arrives = false
	return e, true
}

func (s *shop) keep(e shopEvent) shopEvent {
	if !e.arrives {
		return e
	}
	if old := s.sent[e.topic]; len(old) < sentBefore {
		s.sent[e.topic] = append(old, e)
	} else {
		old[s.rng.IntN(len(old))] = e
	}
	return e
}

func (s *shop) signup(user, at string) shopEvent {
	e, id := s.number(topicSignups, user)
	e.value = fmt.Appendf(nil, `{"user_id":%q,"plan":%q,"referrer":%q,"created_at":%q}`, user, pick(s.rng, "free", "pro", "team"), id, at)
	return e
}

func (s *shop) order(user, at string) shopEvent {
	if e, ok := s.again(topicOrders); ok {
		return e
	}
	e, id := s.number(topicOrders, user)
	status, total := "paid", fmt.Sprintf("%d.%02d", 5+s.rng.IntN(300), s.rng.IntN(100))
	switch d := s.rng.IntN(1000); {
	case d < 100:
		status, e.arrives = "pending", false
	case d < 150:
		status = "cancelled"
	case d < 151:
		total, e.arrives = `"a lot"`, false
	}
	e.value = fmt.Appendf(nil, `{"id":%q,"status":%q,"updated_at":%q,"total":%s,"shipping":4.00,"tax":1.50,"currency":%q,"customer":{"id":%q,"email":"%s@example.com"},"lines":[{"sku":"s%d","title":"Mug & saucer","unit_price":17.50,"qty":%d},{"sku":"s%d","title":"Café crème","unit_price":3.20,"qty":1}]}`,
		id, status, at, total, pick(s.rng, "eur", "usd", "gbp"), user, user, s.rng.IntN(100), 1+s.rng.IntN(3), s.rng.IntN(100))
	return s.keep(e)
}

func (s *shop) payment(user, at string) shopEvent {
	if e, ok := s.again(topicPayments); ok {
		return e
	}
	e, id := s.number(topicPayments, user)
	state := "processed"
	if s.rng.IntN(20) == 0 {
		state, e.arrives = "failed", false
	}
	e.value = fmt.Appendf(nil, `{"id":%q,"order_id":"o%d","customer_id":%q,"state":%q,"amount":%d.50,"currency":"eur","method":"card","at":%q}`,
		id, s.rng.IntN(1e6), user, state, 5+s.rng.IntN(300), at)
	return s.keep(e)
}

func (s *shop) refund(user, at string) shopEvent {
	if e, ok := s.again(topicRefunds); ok {
		return e
	}
	e, id := s.number(topicRefunds, user)
	e.value = fmt.Appendf(nil, `{"id":"r-%s","order_id":%q,"customer_id":%q,"amount":%d.25,"currency":"eur","at":%q,"lines":[]}`, id, id, user, 1+s.rng.IntN(50), at)
	return s.keep(e)
}

// profile is an event of a user: the whole profile, in which the last name counts the
// changes, and the plan, the phone and the city change now and then.
func (s *shop) profile(user, at string) shopEvent {
	p := s.people[user]
	if p != nil && s.rng.IntN(10) == 0 {
		return shopEvent{topic: topicUsers, user: user, value: p.value}
	}
	if p == nil {
		p = &person{}
	}
	kind, phone, city := "user.updated", `"030 1234567"`, "Berlin"
	if s.rng.IntN(4) == 0 {
		phone = "null"
	}
	if s.rng.IntN(4) == 0 {
		city = "Potsdam"
	}
	e, id := s.number(topicUsers, user)
	switch d := s.rng.IntN(1000); {
	case d < 20:
		kind, e.arrives = "user.deleted", false
	case d < 21:
		phone, e.arrives = `"none"`, false
	}
	plan := pick(s.rng, "free", "pro")
	e.value = fmt.Appendf(nil, `{"type":%q,"user_id":%q,"occurred_at":%q,"email":" %s@Example.COM","phone":%s,"first_name":"Ann","last_name":%q,"plan":%q,"address":{"city":%q,"country":"DE"}}`,
		kind, user, at, user, phone, id, plan, city)
	if !e.arrives {
		return e
	}
	traits := map[string]any{
		"email": user + "@example.com", "firstName": "Ann", "lastName": id, "plan": plan, "address": map[string]any{"city": city, "country": "DE"},
	}
	if phone != "null" {
		traits["phone"] = "+49301234567"
	}
	e.traits = changes(p.traits, traits)
	p.value, p.traits = e.value, traits
	s.people[user] = p
	return e
}

// changes gives what `changed by` passes on: what is another now, and null for what
// is gone.
func changes(before, now map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range now {
		if !reflect.DeepEqual(before[k], v) {
			out[k] = v
		}
	}
	for k := range before {
		if _, ok := now[k]; !ok {
			out[k] = nil
		}
	}
	return out
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// called is a message of the demo, as far as it is looked at.
type called struct {
	Properties struct {
		OrderID   string `json:"order_id"`
		PaymentID string `json:"payment_id"`
		Referrer  string `json:"referrer"`
	} `json:"properties"`
	Traits map[string]any `json:"traits"`
}

// number finds the number of an event where the shop has put it.
func number(ev *receiver.Event) {
	var m called
	if json.Unmarshal(ev.Raw, &m) != nil {
		return
	}
	id := ""
	switch ev.Name {
	case "Signed Up":
		ev.Topic, id = topicSignups, m.Properties.Referrer
	case "Order Completed", "Order Cancelled":
		ev.Topic, id = topicOrders, m.Properties.OrderID
	case "Payment Processed":
		ev.Topic, id = topicPayments, m.Properties.PaymentID
	case "Order Refunded":
		ev.Topic, id = topicRefunds, m.Properties.OrderID
	default:
		ev.Topic = topicUsers
		id, _ = m.Traits["lastName"].(string)
	}
	user, seq, _ := strings.Cut(id, "-")
	n, err := strconv.ParseUint(seq, 10, 64)
	if ev.Seq = n; err == nil && user == ev.UserID {
		ev.Numbered = true
	}
}

// profiles judges what identifies hold: the traits that changed and no others.
type profiles struct {
	mu       sync.Mutex
	expected map[string]map[string]any // by user-seq, until it has arrived
	wrong    int
	first    string
}

func (p *profiles) expect(e shopEvent) {
	if e.traits == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.expected == nil {
		p.expected = map[string]map[string]any{}
	}
	p.expected[fmt.Sprintf("%s-%d", e.user, e.seq)] = e.traits
}

// judge takes an event that arrived for the first time.
func (p *profiles) judge(ev *receiver.Event) {
	if ev.Call != "identify" {
		return
	}
	var m called
	_ = json.Unmarshal(ev.Raw, &m) // the receiver has read it
	id := fmt.Sprintf("%s-%d", ev.User, ev.Seq)
	p.mu.Lock()
	defer p.mu.Unlock()
	want, ok := p.expected[id]
	delete(p.expected, id)
	if ok && reflect.DeepEqual(want, m.Traits) {
		return
	}
	if p.wrong++; p.wrong == 1 {
		p.first = fmt.Sprintf("wrong: identify %s holds %v, not %v", id, m.Traits, want)
	}
}
