package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The topics of the example program.
const (
	topicSignups = "app.signups"
	topicOrders  = "shop.orders"
	topicUsers   = "users.events"
)

// shop makes the demo's events: always the same ones, but for their times.
type shop struct {
	rng *rand.Rand
	seq map[string]uint64 // by topic and user
	n   int
}

func newShop() *shop { return &shop{rng: rand.New(rand.NewPCG(7, 7)), seq: map[string]uint64{}} }

// shopEvent is one event.
type shopEvent struct {
	topic, user string
	seq         uint64 // per topic and user, from 1
	value       []byte
	// arrives: the scripts send it on. Others are dropped (a pending order, a deleted
	// user) or dead letters (a total that is no number).
	arrives bool
}

// users of the demo: few enough that each has many events in order.
const shopUsers = 5000

func (s *shop) next(now time.Time) shopEvent {
	s.n++
	e := shopEvent{user: fmt.Sprintf("u%d", s.rng.IntN(shopUsers)), arrives: true}
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	switch k := s.rng.IntN(100); {
	case k < 20:
		e.topic = topicSignups
		e.number(s)
		e.value = fmt.Appendf(nil, `{"user_id":%q,"plan":%q,"referrer":null,"created_at":%q,"seq":%d}`, e.user, pick(s.rng, "free", "pro", "team"), at, e.seq)
	case k < 70:
		e.topic = topicOrders
		e.number(s)
		status, total := "paid", fmt.Sprintf("%d.%02d", 5+s.rng.IntN(300), s.rng.IntN(100))
		switch d := s.rng.IntN(1000); {
		case d < 100:
			status, e.arrives = "pending", false
		case d < 150:
			status = "cancelled"
		case d < 151:
			total, e.arrives = `"a lot"`, false
		}
		e.value = fmt.Appendf(nil, `{"id":"o%d","status":%q,"updated_at":%q,"total":%s,"shipping":4.00,"tax":1.50,"currency":%q,"customer":{"id":%q,"email":"%s@example.com"},"lines":[{"sku":"s%d","title":"Mug & saucer","unit_price":17.50,"qty":%d},{"sku":"s%d","title":"Café crème","unit_price":3.20,"qty":1}],"seq":%d}`,
			s.n, status, at, total, pick(s.rng, "eur", "usd", "gbp"), e.user, e.user, s.rng.IntN(100), 1+s.rng.IntN(3), s.rng.IntN(100), e.seq)
	default:
		e.topic = topicUsers
		e.number(s)
		kind := "user.updated"
		if s.rng.IntN(50) == 0 {
			kind, e.arrives = "user.deleted", false
		}
		e.value = fmt.Appendf(nil, `{"type":%q,"user_id":%q,"occurred_at":%q,"email":" %s@Example.COM","phone":"030 1234567","first_name":"Ann","plan":%q,"address":{"city":"Berlin","country":"DE"},"seq":%d}`,
			kind, e.user, at, e.user, pick(s.rng, "free", "pro"), e.seq)
	}
	return e
}

func (e *shopEvent) number(s *shop) {
	k := e.topic + "/" + e.user
	s.seq[k]++
	e.seq = s.seq[k]
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }
