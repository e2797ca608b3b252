package engine_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// money counts payments and refunds once each, keeps exact totals and hourly sums,
// and tells each change of a total. Some payments fail behind all of that.
const money = `app "app~"
connection kafka main { brokers: env("BROKERS") }
connection segment main { write_key: secret("KEY"), url: env("URL") }
type Move = { id: string, user: string, seq: int, amount: number, at: time, note: string }
table totals: number = 0 keyed by string
route pays
from topic "pays~" as Move
time by .at
dedupe moves by .id within 48h
update totals[.user] = it + .amount
emit track "Paid" { userId: .user, properties: { topic: "pays", seq: .seq } }
require .note != "bad" else "a bad note"
window 1h by .user { n: count(), sum: sum(.amount) }
emit track "Hour" { userId: @window.key, properties: { n: .n, sum: string(.sum) } }
route refunds
from topic "refunds~" as Move
time by .at
dedupe moves by .id within 48h
update totals[.user] = it - .amount
emit track "Refunded" { userId: .user, properties: { topic: "refunds", seq: .seq } }
route told
from changes totals
emit track "Total" { userId: .key, properties: { old: string(.old ?? 0), new: string(.new ?? 0) } }
`

// TestKillsWithState kills an engine that remembers, under load, with faults at the
// receiver: nothing is lost, no sum is wrong, nothing counts twice (I1–I5, I11–I13).
func TestKillsWithState(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) { killState(t, w, *kills) })
}

func killState(t *testing.T, w *world, kills int) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-kill-seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	w.topics(4, "pays", "refunds")
	m := newMoves(w, seed)
	faults := receiver.Shares{Seed: seed, TooMany: 0.004, Unavailable: 0.03, Cut: 0.03, RetryAfter: time.Millisecond}
	r := w.receive(receiver.Options{WriteKey: "right", Fault: faults.Fault, OnEvent: m.took})
	role := engineRole{
		Script: strings.ReplaceAll(money, "~", "-"+w.suffix), State: t.TempDir(), Session: 6 * time.Second,
		Env: map[string]string{"BROKERS": strings.Join(w.brokers, ","), "URL": r.URL(), "KEY": "right"},
	}
	e := spawn(t, "engine", role)
	defer func() {
		if t.Failed() {
			t.Log(e.stderr())
		}
	}()
	stop := m.produce()
	defer stop()
	for k := range kills {
		n := m.arrivals() + 200 + rng.IntN(1000)
		w.eventually(fmt.Sprintf("work before kill %d", k+1), func() bool { return m.arrivals() >= n })
		e.kill()
		e = spawn(t, "engine", role)
	}
	stop()
	w.eventually("everything has arrived", func() bool { return w.ledger.Outstanding() == 0 })
	w.eventually("every total has been told", m.totalsTold)
	w.eventually("every hour has been told", m.hoursTold)
	w.clean()
	m.judge()
	w.eventually("every letter is written", func() bool { return len(w.dead("pays")) >= m.bad })
	if n := len(w.dead("pays")); n != m.bad {
		t.Errorf("%d letters, want %d", n, m.bad)
	}
	t.Logf("%d records, %d of them repeats, %d bad; %d totals told, %d hours, %d repeats at the receiver", m.sent, m.repeats, m.bad, len(m.ids), m.hours, m.again)
}

// moves is a stream of payments and refunds, what must come of it, and what has.
type moves struct {
	w   *world
	rng *rand.Rand
	n   int // moves so far: the clock of their times

	sent, repeats, bad int
	want               map[string]value.Number // by user: the total
	count              map[string]int          // payments
	paid               map[string]value.Number // and their sum

	mu     sync.Mutex
	n2     int
	ids    map[string]bool // of Total and Hour, first acceptances
	last   map[string]string
	wrong  []string
	hourN  map[string]int
	hour   map[string]value.Number
	hours  int
	again  int
	recent []kafka.Record // to be sent again
}

func newMoves(w *world, seed uint64) *moves {
	return &moves{
		w: w, rng: rand.New(rand.NewPCG(seed, 3)), want: map[string]value.Number{}, count: map[string]int{}, paid: map[string]value.Number{},
		ids: map[string]bool{}, last: map[string]string{}, hourN: map[string]int{}, hour: map[string]value.Number{},
	}
}

func (m *moves) arrivals() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.n2
}

// took is told what the receiver accepts.
func (m *moves) took(e receiver.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.n2++
	if m.ids[e.MessageID] {
		m.again++
		return
	}
	var msg struct {
		Properties struct {
			Old, New string
			N        int
			Sum      string
		}
	}
	if e.Name != "Total" && e.Name != "Hour" {
		return
	}
	m.ids[e.MessageID] = true
	if err := json.Unmarshal(e.Raw, &msg); err != nil {
		m.wrong = append(m.wrong, err.Error())
		return
	}
	p := msg.Properties
	if e.Name == "Hour" {
		sum, _ := value.ParseNumber(p.Sum)
		m.hourN[e.UserID] += p.N
		m.hour[e.UserID], _ = value.Add(m.hour[e.UserID], sum)
		m.hours++
		return
	}
	was := m.last[e.UserID]
	if was == "" {
		was = "0"
	}
	if p.Old != was && len(m.wrong) < 10 {
		m.wrong = append(m.wrong, fmt.Sprintf("I3, I5: the total of %s was %s, and a change says it was %s before it became %s", e.UserID, was, p.Old, p.New))
	}
	m.last[e.UserID] = p.New
}

// produce writes moves until the function it gives is called.
func (m *moves) produce() (stop func()) {
	return produce(12, m.one, nil)
}

func (m *moves) one(wg *sync.WaitGroup) {
	m.n++
	topic, user := "pays", fmt.Sprint("u", m.rng.IntN(60))
	if m.rng.IntN(4) == 0 {
		topic = "refunds"
	}
	if len(m.recent) > 0 && m.rng.IntN(8) == 0 {
		m.repeats++
		m.send(wg, m.recent[m.rng.IntN(len(m.recent))])
		return
	}
	k := topic + "/" + user
	amount := fmt.Sprintf("%d.%02d", m.rng.IntN(1000), m.rng.IntN(100))
	record := func(note string, seq uint64) kafka.Record {
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(m.n) * 20 * time.Second)
		return kafka.Record{Topic: m.w.topic(topic), Key: []byte(user), Timestamp: event.NoTime, Value: fmt.Appendf(nil,
			`{"id":"m%d","user":%q,"seq":%d,"amount":%s,"at":%q,"note":%q}`, m.n, user, seq, amount, at.Format(time.RFC3339Nano), note)}
	}
	if topic == "pays" && m.rng.IntN(50) == 0 {
		// It fails, gives its claim back, and the same move passes when it comes well.
		m.bad++
		m.send(wg, record("bad", 0))
	}
	m.w.seq[k]++
	m.w.ledger.Expect(topic, user, m.w.seq[k])
	x, _ := value.ParseNumber(amount)
	if topic == "pays" {
		m.want[user], _ = value.Add(m.want[user], x)
		m.paid[user], _ = value.Add(m.paid[user], x)
		m.count[user]++
	} else {
		m.want[user], _ = value.Sub(m.want[user], x)
	}
	r := record("", m.w.seq[k])
	m.send(wg, r)
	if m.recent = append(m.recent, r); len(m.recent) > 500 {
		m.recent = m.recent[100:]
	}
}

func (m *moves) send(wg *sync.WaitGroup, r kafka.Record) {
	m.sent++
	wg.Add(1)
	m.w.out.Send(m.w.t.Context(), r, func(res kafka.Result) {
		defer wg.Done()
		if res.Err != nil {
			m.w.t.Error(res.Err)
		}
	})
}

func (m *moves) totalsTold() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for u, x := range m.want {
		if m.last[u] != x.Plain() {
			return false
		}
	}
	return true
}

func (m *moves) hoursTold() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for u, n := range m.count {
		if m.hourN[u] < n {
			return false
		}
	}
	return true
}

func (m *moves) judge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.wrong {
		m.w.t.Error(s)
	}
	for u, n := range m.count {
		if m.hourN[u] != n || m.hour[u].Plain() != m.paid[u].Plain() {
			m.w.t.Errorf("the hours of %s hold %d payments and %s, there were %d and %s", u, m.hourN[u], m.hour[u].Plain(), n, m.paid[u].Plain())
		}
	}
}
