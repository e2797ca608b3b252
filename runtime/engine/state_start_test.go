package engine_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
	"github.com/sluice-dev/sluice/runtime/state"
)

// counted numbers the orders of each user in a table, and tells the number.
const counted = head + `
table seen: int = 0 keyed by string
route orders
from topic "orders~" as Order
update seen[.user] = it + 1
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq, n: seen[.user] } }
`

// beside is a route without state.
const beside = `
route users
from topic "users~" as Order
emit track "Seen" { userId: .user, properties: { topic: .topic, seq: .seq } }
`

// tally holds the numbers that counted tells against those of the orders: each is
// counted once, in its order (I5).
type tally struct {
	t  *testing.T
	mu sync.Mutex
	n  int
}

func (y *tally) took(e receiver.Event) {
	if e.Name != "Ordered" {
		return
	}
	var m struct{ Properties struct{ N uint64 } }
	err := json.Unmarshal(e.Raw, &m)
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.n++; err != nil || m.Properties.N != e.Seq {
		y.t.Errorf("I5: order %d of %s is counted as its %d. %v", e.Seq, e.User, m.Properties.N, err)
	}
}

func (y *tally) count() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.n
}

// A state group runs in one process. A second one on another state directory waits
// and says so, its other routes share the work, and the first goes on undisturbed.
func TestASecondProcessWaitsForAStateGroup(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(4, "orders", "users")
		y := &tally{t: t}
		r := w.receive(receiver.Options{OnEvent: y.took})
		first := w.start(counted+beside, options{url: r.URL(), store: "first"})
		w.feed("orders", 20, 500)
		w.feed("users", 20, 500)
		w.arrived()
		second := w.start(counted+beside, options{url: r.URL(), store: "second"})
		w.eventually("the second waits by name", func() bool { return second.condition("group seen") != "" })
		says := second.condition("group seen")
		for _, want := range []string{"the state of group seen is held by the store first", "route orders", "this process has second",
			"a state group runs in one process", "start it on that state directory", "sluice state reset orders --to committed"} {
			if !strings.Contains(says, want) {
				t.Errorf("it says %q, and not %q", says, want)
			}
		}
		w.feeding("users", 20, 20, "the second shares what has no state", func() bool { return row(second.Account(), "users").In > 0 })
		w.feed("orders", 20, 500)
		w.arrived()
		if first.condition("group seen") != "" {
			t.Errorf("the first waits: %s", first.condition("group seen"))
		}
		if rep := row(second.stop(), "orders"); rep.In != 0 {
			t.Errorf("the second took orders: %+v", rep)
		}
		if rep := row(first.stop(), "orders"); rep.In != 1000 || rep.Completed != 1000 {
			t.Errorf("account %+v", rep)
		}
		w.committedAll("orders", "orders")
	})
}

// Who starts on the same state directory goes on exactly.
func TestAStateGroupGoesOnWhereItWas(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(4, "orders")
		y := &tally{t: t}
		r := w.receive(receiver.Options{OnEvent: y.took})
		o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store")}
		for i := range 3 {
			w.feed("orders", 20, 500)
			e := w.start(counted, o)
			w.feed("orders", 20, 100)
			w.arrived()
			// The account is part of the state: it goes on, too.
			if rep := row(e.stop(), "orders"); rep.In != uint64(i+1)*600 {
				t.Errorf("account %+v", rep)
			}
			w.committedAll("orders", "orders")
		}
		if y.count() != 1800 {
			t.Errorf("%d orders were counted", y.count())
		}
	})
}

// setPosition commits a position as another tool would.
func (w *world) setPosition(route string, tp kafka.TP, at int64, metadata string) {
	w.t.Helper()
	var os kadm.Offsets
	os.Add(kadm.Offset{Topic: tp.Topic, Partition: tp.Partition, At: at, LeaderEpoch: -1, Metadata: metadata})
	w.eventually("the group takes a position from outside", func() bool {
		return kadm.NewClient(w.raw).CommitAllOffsets(w.t.Context(), kafka.GroupName(w.app(), route), os) == nil
	})
}

// A position that somebody set by hand contradicts what the state has taken: nothing
// is applied until a person has decided.
func TestAPositionSetByHand(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders", "users")
		y := &tally{t: t}
		r := w.receive(receiver.Options{OnEvent: y.took})
		o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store")}
		e := w.start(counted+beside, o)
		w.feed("orders", 5, 100)
		w.arrived()
		e.stop()
		tp := kafka.TP{Topic: w.topic("orders")}
		w.setPosition("orders", tp, 40, "")
		w.feed("users", 5, 100)
		e = w.start(counted+beside, o)
		w.arrived()
		w.eventually("the group waits by name", func() bool { return e.condition("group seen") != "" })
		says := e.condition("group seen")
		for _, want := range []string{"was set to 40 by hand", "everything before 100", "sluice state reset orders --to committed", "commit 100 again"} {
			if !strings.Contains(says, want) {
				t.Errorf("it says %q, and not %q", says, want)
			}
		}
		if rep := row(e.stop(), "orders"); rep.In > 100 {
			t.Errorf("records ran: %+v", rep)
		}
		if y.count() != 100 {
			t.Errorf("%d orders were counted", y.count())
		}
		// As it says: the position that was, and all goes on.
		w.setPosition("orders", tp, 100, "")
		w.feed("orders", 5, 100)
		e = w.start(counted+beside, o)
		w.arrived()
		e.stop()
	})
}

// A position in a topic that has been deleted since means nothing in the topic that
// took its name.
func TestATopicMadeAgainBelowAState(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		t.Run("between two starts", func(t *testing.T) {
			w.topics(1, "orders")
			o := options{url: "http://" + freeAddr(t), store: "the-store"}
			w.setPosition("orders", kafka.TP{Topic: w.topic("orders")}, 1, "sluice1 the-store 0102030405060708090a0b0c0d0e0f10")
			e := w.start(counted, o)
			var id *kafka.TopicIDError
			if err := e.wait(); !errors.As(err, &id) || id.Topic != w.topic("orders") || !strings.Contains(err.Error(), "sluice state reset orders") {
				t.Errorf("error %v, want a TopicIDError with what to do", err)
			}
			w.deleteTopic(w.topic("orders"))
		})
		t.Run("while it is read", func(t *testing.T) {
			w.topics(1, "orders", "users")
			y := &tally{t: t}
			r := w.receive(receiver.Options{OnEvent: y.took})
			o := options{url: r.URL(), store: "another-store"}
			src := strings.Replace(counted+beside, "route orders", "route deals", 1)
			e := w.start(src, o)
			w.feed("orders", 5, 50)
			w.arrived()
			w.deleteTopic(w.topic("orders"))
			w.topics(1, "orders")
			w.eventually("the group has stopped by name", func() bool { return e.condition("group seen") != "" })
			if says := e.condition("group seen"); !strings.Contains(says, w.topic("orders")) {
				t.Errorf("it says %q", says)
			}
			w.feed("users", 5, 300) // I8
			w.arrived()
			w.deleteTopic(w.topic("users"))
			w.topics(1, "users")
			// Nothing runs any more: the program ends with the reason.
			var id *kafka.TopicIDError
			var missing *kafka.MissingTopicError
			if err := e.wait(); !errors.As(err, &id) && !errors.As(err, &missing) {
				t.Errorf("error %v, want a TopicIDError or, in the moment between, a MissingTopicError", err)
			}
			if y.count() != 50 {
				t.Errorf("%d orders were counted", y.count())
			}
		})
	})
}

// What the state has not taken and the log does not hold any more is a loss that
// nobody hides.
func TestALogThatWasCutBelowAState(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "orders")
		y := &tally{t: t}
		r := w.receive(receiver.Options{OnEvent: y.took})
		o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store")}
		e := w.start(counted, o)
		w.feed("orders", 5, 100)
		w.arrived()
		e.stop()
		w.sendText("orders", order("orders", "lost", 1), order("orders", "lost", 2))
		if err := w.admin.DeleteRecords(t.Context(), kafka.Offsets{{Topic: w.topic("orders")}: 101}); err != nil {
			t.Fatal(err)
		}
		e = w.start(counted, o)
		w.eventually("the group waits by name", func() bool { return e.condition("group seen") != "" })
		if says := e.condition("group seen"); !strings.Contains(says, w.topic("orders")+"/0") || !strings.Contains(says, "sluice state reset orders --to earliest") {
			t.Errorf("it says %q", says)
		}
		e.stop()
		if y.count() != 100 {
			t.Errorf("%d orders were counted", y.count())
		}
	})
}

// stored runs a program once on a state directory and gives the options with which
// it did.
func stored(t *testing.T, w *world, y *tally) options {
	t.Helper()
	w.topics(2, "orders", "users")
	r := w.receive(receiver.Options{OnEvent: y.took})
	o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store")}
	w.feed("orders", 5, 100)
	e := w.start(counted, o)
	w.arrived()
	e.stop()
	return o
}

// refused starts a program that must not start, and gives why.
func refused(t *testing.T, w *world, src string, o options) error {
	t.Helper()
	before := files(t, o.state)
	err := w.start(src, o).wait()
	if err == nil {
		t.Fatal("it started")
	}
	if after := files(t, o.state); !slices.Equal(before, after) {
		t.Errorf("the store was changed from %v to %v", before, after)
	}
	return err
}

// files are the tables of a store.
func files(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A store that is not the one that was left is refused at start and left as it is.
func TestStoresThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, w *world, o *options, src *string)
		is   error
		says []string
	}{
		{"gone", func(t *testing.T, _ *world, o *options, _ *string) {
			if err := os.RemoveAll(o.state); err != nil {
				t.Fatal(err)
			}
		}, nil, []string{"its store is gone", "put it back from a copy", "store.made"}},
		{"of another app", func(t *testing.T, _ *world, _ *options, src *string) {
			*src = strings.Replace(*src, `app "app~"`, `app "other~"`, 1)
		}, state.ErrForeign, []string{"app-", "other-"}},
		{"of another id", func(t *testing.T, _ *world, o *options, _ *string) { o.store = "another" }, state.ErrForeign, []string{"the-store", "another"}},
		{"of a newer version", func(t *testing.T, _ *world, o *options, _ *string) {
			b, err := state.OpenBadger(o.state, state.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(b.Commit([]state.Write{{Key: []byte("mformat"), Val: []byte("99")}}), b.Close()); err != nil {
				t.Fatal(err)
			}
		}, state.ErrNewer, []string{"99"}},
		{"with a bit that was flipped", func(t *testing.T, _ *world, o *options, _ *string) {
			name := files(t, o.state)[0]
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/3] ^= 4
			if err := os.WriteFile(name, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}, state.ErrDamaged, []string{".sst", "checksum", "restore the state directory from a copy"}},
		{"whose table was renamed", func(t *testing.T, _ *world, _ *options, src *string) {
			*src = strings.ReplaceAll(*src, "seen", "counts")
		}, state.ErrLoss, []string{"table seen", "--accept-state-loss"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := onEmbedded(t)
			o, src := stored(t, w, &tally{t: t}), counted
			tt.do(t, w, &o, &src)
			err := refused(t, w, src, o)
			var gone *engine.StateError
			if tt.is != nil && !errors.Is(err, tt.is) || tt.is == nil && !errors.As(err, &gone) {
				t.Errorf("error %v, want %v", err, tt.is)
			}
			for _, want := range tt.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it says %q, and not %q", err, want)
				}
			}
		})
	}
}

// The loss of a table that an edit has no use for is accepted once, by word; then it
// is gone.
func TestTheLossOfATableThatIsAccepted(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	y := &tally{t: t}
	o := stored(t, w, y)
	edited := strings.ReplaceAll(counted, "seen", "counts")
	o.accept = true
	w.seq = map[string]uint64{} // counted anew
	w.ledger = receiver.NewLedger()
	o.url = w.receive(receiver.Options{OnEvent: y.took}).URL()
	e := w.start(edited, o)
	w.feed("orders", 5, 50)
	w.arrived()
	e.stop()
	b, err := state.OpenBadger(o.state, state.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	entries, err := state.ReadDirectory(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name != "table counts" {
		t.Errorf("the store has %+v", entries)
	}
}
