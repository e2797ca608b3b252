package engine

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

// broker is a broker of the test's own, by its address.
func broker(t *testing.T) string {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b.Addr()
}

// forgetting is an engine that runs nothing but the erasing of letters.
func forgetting(t *testing.T, broker string, store state.Store) *Engine {
	t.Helper()
	cfg := kafka.Config{Name: "main", Brokers: []string{broker}}
	e := New(Config{
		Plan: &plan.Plan{App: "shop"}, Settings: &Settings{Kafka: map[string]kafka.Config{"main": cfg}}, Log: slog.New(slog.DiscardHandler),
	})
	e.store = store
	a, err := kafka.NewAdmin(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	p, err := kafka.NewProducer(cfg, kafka.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	e.admins["main"], e.producers["main"] = a, p
	if err := e.loadErased(time.Now()); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *Engine) deadTopic(t *testing.T, route string) string {
	t.Helper()
	spec := kafka.DeadTopicSpec("shop", route, 1<<20)
	if err := e.admins["main"].Ensure(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	return spec.Name
}

func (e *Engine) writeLetters(t *testing.T, topic string, ls ...letter.Letter) {
	t.Helper()
	for i := range ls {
		l := &ls[i]
		l.Class, l.Route, l.Time, l.Value = letter.Processing, "r", event.NoTime, []byte("of "+l.ID)
		rec := l.Encode(0)
		res := e.producers["main"].SendSync(t.Context(), kafka.Record{Topic: topic, Key: rec.Key, Value: rec.Value, Headers: rec.Headers, Timestamp: event.NoTime, PartitionKey: l.Order})
		if res.Err != nil {
			t.Fatal(res.Err)
		}
	}
}

// left lists the letters of a topic that have no tombstone behind them in their own
// partition, which is all that compaction looks at.
func (e *Engine) left(t *testing.T, topic string) []string {
	t.Helper()
	r, err := kafka.NewReader(t.Context(), e.cfg.Settings.Kafka["main"], e.admins["main"], topic)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	there := map[string]bool{}
	for {
		recs, _, err := r.Poll(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			place := fmt.Sprint(rec.Partition, " ", string(rec.Key))
			if rec.Value == nil && !there[place] {
				t.Errorf("a tombstone of %s that is in no letter's partition", place)
			}
			there[place] = rec.Value != nil
		}
		if read, total := r.Progress(); read >= total {
			break
		}
	}
	var out []string
	for place, is := range there {
		if is {
			_, id, _ := strings.Cut(place, " ")
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

const annID = "0e9a1f6c-5b1d-5c3e-8f11-2a3b4c5d6e7f"

func TestLettersOfThePersonAreErased(t *testing.T) {
	addr := broker(t)
	store := state.NewMemory()
	e := forgetting(t, addr, store)
	orders, gone := e.deadTopic(t, "orders"), e.deadTopic(t, "a route of an earlier edit")
	var ls []letter.Letter
	for i := range 20 { // in many partitions
		order := fmt.Append(nil, "order", i)
		ls = append(ls,
			letter.Letter{ID: fmt.Sprint("ann", i), Persons: []string{annID}, Order: order},
			letter.Letter{ID: fmt.Sprint("bob", i), Persons: []string{"bob"}, Order: order})
	}
	ls = append(ls,
		letter.Letter{ID: "keyed", Key: []byte("Ann@example.com"), Order: []byte("Ann@example.com")},
		letter.Letter{ID: "both", Persons: []string{"bob", annID}},
		letter.Letter{ID: "nobody", Key: []byte("k")})
	e.writeLetters(t, orders, ls...)
	e.writeLetters(t, gone, letter.Letter{ID: "old", Persons: []string{annID}}, letter.Letter{ID: "old bob", Key: []byte("bob")})

	if !e.noteErased(t.Context(), []string{annID, "ann@example.com"}) {
		t.Fatal("not noted")
	}
	if !e.pass(t.Context()) {
		t.Fatalf("the pass did not come to its end: %v", e.health.Conditions())
	}
	want := []string{"nobody"}
	for i := range 20 {
		want = append(want, fmt.Sprint("bob", i))
	}
	slices.Sort(want)
	if got := e.left(t, orders); !slices.Equal(got, want) {
		t.Errorf("left of orders: %v", got)
	}
	if got := e.left(t, gone); !slices.Equal(got, []string{"old bob"}) {
		t.Errorf("left of a route that is gone: %v", got)
	}
	// What is stored holds no identifier any more, and knows the person still.
	all, err := state.ReadErased(store)
	if err != nil || len(all) != 1 || all[0].Keys != nil {
		t.Errorf("stored: %+v, %v", all, err)
	}
	if !e.privacy.forgotten([]string{"bob", annID}) || e.privacy.forgotten([]string{"bob"}) || e.privacy.forgotten(nil) {
		t.Error("who is forgotten is not known")
	}
	// A second pass finds nothing to do.
	if n, err := e.eraseIn(t.Context(), "main", orders, letter.NewKeys([]string{annID, "ann@example.com"})); n != 0 || err != nil {
		t.Errorf("a second pass erased %d letters, %v", n, err)
	}
}

// A process that ends between the forgetting and the pass leaves it to the next.
func TestAPassOutlivesTheProcess(t *testing.T) {
	addr := broker(t)
	store := state.NewMemory()
	first := forgetting(t, addr, store)
	topic := first.deadTopic(t, "orders")
	first.writeLetters(t, topic, letter.Letter{ID: "ann", Persons: []string{annID}})
	if !first.noteErased(t.Context(), []string{annID}) {
		t.Fatal("not noted")
	}

	second := forgetting(t, addr, store)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { second.eraseLetters(ctx) })
	stop() // at once: the last pass does it
	wg.Wait()
	if got := second.left(t, topic); len(got) > 0 {
		t.Errorf("left: %v", got)
	}

	// A letter that comes later is known in the next life, too, and erased where it came.
	third := forgetting(t, addr, store)
	if !third.privacy.forgotten([]string{annID}) {
		t.Error("forgotten who was forgotten")
	}
	third.writeLetters(t, topic, letter.Letter{ID: "late", Persons: []string{annID}, Order: []byte("o")})
	third.privacy.erase(lateLetter{"main", topic, kafka.PartitionOf([]byte("o"), kafka.DefaultPartitions), []byte("late")})
	if !third.pass(t.Context()) {
		t.Error("the pass did not come to its end")
	}
	if got := third.left(t, topic); len(got) > 0 {
		t.Errorf("left: %v", got)
	}

	// After a month nobody needs to know.
	if err := third.loadErased(time.Now().Add(keepErased + time.Hour)); err != nil {
		t.Fatal(err)
	}
	if all, err := state.ReadErased(store); err != nil || len(all) != 0 {
		t.Errorf("stored: %+v, %v", all, err)
	}
}

// Where it cannot be done it has a name, and nothing of it is let go of.
func TestLettersThatCannotBeErased(t *testing.T) {
	addr := broker(t)
	store := state.NewMemory()
	e := forgetting(t, addr, store)
	topic := e.deadTopic(t, "orders")
	e.writeLetters(t, topic, letter.Letter{ID: "ann", Persons: []string{annID}})
	full := "the disk is full"
	if !e.noteErased(t.Context(), []string{annID}) {
		t.Fatal("not noted")
	}
	e.full.Store(&full)
	if e.pass(t.Context()) || len(e.health.Conditions()) != 1 {
		t.Errorf("conditions %v", e.health.Conditions())
	}
	none := ""
	e.full.Store(&none)
	if !e.pass(t.Context()) || len(e.health.Conditions()) != 0 {
		t.Errorf("conditions %v", e.health.Conditions())
	}
	if got := e.left(t, topic); len(got) > 0 {
		t.Errorf("left: %v", got)
	}
}
