package kafka

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
)

// onBrokers runs a test against the embedded broker and against Apache Kafka,
// where SLUICE_KAFKA_BROKERS names one: what both must do alike.
func onBrokers(t *testing.T, test func(t *testing.T, c Config, a *Admin)) {
	t.Run("embedded", func(t *testing.T) {
		b, err := embedded.Start(embedded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Close)
		c := testConfig(b.Addr())
		test(t, c, testAdmin(t, c))
	})
	t.Run("apache", func(t *testing.T) {
		addrs := os.Getenv("SLUICE_KAFKA_BROKERS")
		if addrs == "" {
			if os.Getenv("SLUICE_REQUIRE_KAFKA") == "1" {
				t.Fatal("SLUICE_REQUIRE_KAFKA=1, but SLUICE_KAFKA_BROKERS names no Apache Kafka")
			}
			t.Skip("SLUICE_KAFKA_BROKERS names no Apache Kafka (.ci/kafka-broker.sh starts one)")
		}
		c := testConfig(strings.Split(addrs, ",")...)
		test(t, c, testAdmin(t, c))
	})
}

func testConfig(brokers ...string) Config {
	c := Config{Name: "main", Brokers: brokers}
	if testing.Verbose() {
		c.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return c
}

func testAdmin(t *testing.T, c Config) *Admin {
	t.Helper()
	a, err := NewAdmin(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if err := a.Wait(deadline(t), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	return a
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// unique gives a name that no other run of the tests has used: Apache Kafka
// keeps what they leave.
func unique(name string) string { return name + "-" + strings.ToLower(rand.Text()[:8]) }

// makeTopic makes a topic of its own for the test.
func makeTopic(t *testing.T, a *Admin, partitions int32) string {
	t.Helper()
	name := unique("orders")
	if err := a.Ensure(deadline(t), TopicSpec{Name: name, Partitions: partitions}); err != nil {
		t.Fatal(err)
	}
	return name
}

func testProducer(t *testing.T, c Config, o ProducerOptions) *Producer {
	t.Helper()
	p, err := NewProducer(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// produce writes values "from" … "to"-1 with the value as key and waits.
func produce(t *testing.T, p *Producer, topic string, from, to int) {
	t.Helper()
	results := make(chan Result, to-from)
	for i := from; i < to; i++ {
		v := fmt.Append(nil, i)
		p.Send(deadline(t), Record{Topic: topic, Key: v, Value: v, Timestamp: event.NoTime}, func(r Result) { results <- r })
	}
	for range to - from {
		if r := <-results; r.Class != Accepted {
			t.Fatalf("produce to %s: %v", topic, r.Err)
		}
	}
}

// member is a group with the smallest driver around it.
type member struct {
	t *testing.T
	*Group
	next     Offsets // watermarks: everything polled counts as done
	assigned map[TP]Assignment
	values   []string
	onRevoke func(ps []TP)
	gone     bool // its topic is deleted: nothing can be committed
	lost     []TP
	problems []error
}

func testOptions(group, store string, topics ...string) GroupOptions {
	return GroupOptions{
		Group: group, StoreID: store, Topics: topics,
		SessionTimeout: 10 * time.Second, Heartbeat: 200 * time.Millisecond, FetchWait: 100 * time.Millisecond,
		MetadataMaxAge: time.Second,
	}
}

func newMember(t *testing.T, c Config, a *Admin, o GroupOptions) *member {
	t.Helper()
	m, err := tryMember(t, c, a, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tryMember(t *testing.T, c Config, a *Admin, o GroupOptions) (*member, error) {
	m := &member{t: t, next: Offsets{}, assigned: map[TP]Assignment{}}
	o.Revoked = func(ctx context.Context, ps []TP) {
		at := Offsets{}
		for _, tp := range ps {
			if n, ok := m.next[tp]; ok {
				at[tp] = n
			}
			delete(m.next, tp)
			delete(m.assigned, tp)
		}
		if m.onRevoke != nil {
			m.onRevoke(ps)
		}
		if err := m.Commit(ctx, at); err != nil && !m.gone {
			t.Errorf("commit in Revoked: %v", err)
		}
	}
	o.Lost = func(ps []TP) {
		m.lost = append(m.lost, ps...)
		for _, tp := range ps {
			delete(m.next, tp)
			delete(m.assigned, tp)
		}
	}
	var err error
	m.Group, err = NewGroup(deadline(t), c, a, o)
	if err != nil {
		return nil, err
	}
	t.Cleanup(m.Close)
	return m, nil
}

// poll polls once and takes the records as done.
func (m *member) poll() error {
	b, err := m.Poll(deadline(m.t), 100*time.Millisecond)
	defer m.AllowRebalance()
	for _, a := range b.Assigned {
		m.assigned[a.TP] = a
	}
	for _, s := range b.Slices {
		a, ok := m.assigned[s.TP]
		if !ok {
			m.t.Errorf("records of %v before it was assigned", s.TP)
		}
		for _, r := range s.Records {
			want := a.Offset
			if n, ok := m.next[s.TP]; ok {
				want = n
			}
			if r.Offset != want {
				m.t.Errorf("%v: offset %d, want %d", s.TP, r.Offset, want)
			}
			m.next[s.TP] = r.Offset + 1
			m.values = append(m.values, string(r.Value))
		}
		m.Recycle(&s)
	}
	m.problems = append(m.problems, b.Problems...)
	return err
}

// until polls until cond holds.
func (m *member) until(what string, cond func() bool) {
	m.t.Helper()
	for end := time.Now().Add(30 * time.Second); !cond(); {
		if err := m.poll(); err != nil {
			m.t.Fatalf("poll while waiting until %s: %v", what, err)
		}
		if time.Now().After(end) {
			m.t.Fatalf("not in 30 s: %s (read %d values, assigned %v, problems %v)", what, len(m.values), m.assigned, m.problems)
		}
	}
}

// untilError polls until a final error comes.
func (m *member) untilError(what string) error {
	m.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		if err := m.poll(); err != nil {
			return err
		}
	}
	m.t.Fatalf("no error in 30 s: %s (problems %v)", what, m.problems)
	return nil
}

// read polls until n values have come in all.
func (m *member) read(n int) {
	m.t.Helper()
	m.until(fmt.Sprintf("%d values are read", n), func() bool { return len(m.values) >= n })
}

// commitAll commits what has been polled, in a poll's window.
func (m *member) commitAll() {
	m.t.Helper()
	if _, err := m.Poll(deadline(m.t), 0); err != nil {
		m.t.Fatal(err)
	}
	defer m.AllowRebalance()
	if err := m.Commit(deadline(m.t), m.next); err != nil {
		m.t.Fatal(err)
	}
}
