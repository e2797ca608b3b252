package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/sluice-dev/sluice/runtime/engine"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

func TestATopicThatIsMissingAtStart(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(1, "users", "shop-orders")
		e := w.start(head+`
route users
from topic "users~" as Order
emit log
route orders
from topic "shop-order~" as Order
emit log
`, options{})
		var missing *kafka.MissingTopicError
		if err := e.wait(); !errors.As(err, &missing) || missing.Topic != w.topic("shop-order") {
			t.Fatalf("error %v, want a MissingTopicError", err)
		}
		if len(missing.Near) == 0 || missing.Near[0] != w.topic("shop-orders") {
			t.Errorf("near names %v", missing.Near)
		}
		// Whoever prints the account of a program that did not start must not wait.
		if rep := e.closed(); len(rep.Routes) != 2 {
			t.Errorf("account %+v", rep)
		}
	})
}

func TestABrokerThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	e := w.start(oneRoute, options{env: map[string]string{"BROKERS": freeAddr(t)}, wait: 300 * time.Millisecond})
	var away *kafka.UnreachableError
	if err := e.wait(); !errors.As(err, &away) || away.Connection != "main" {
		t.Errorf("error %v, want an UnreachableError of main", err)
	}
	if len(e.Health().Conditions()) == 0 {
		t.Error("a program that never started counts as ready")
	}
}

// While the program starts, whoever asks gets an answer.
func TestAProgramThatStartsCanBeAsked(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	e := engine.New(w.config(oneRoute, options{}))
	s := e.Snapshot()
	if len(s.Account.Routes) != 1 {
		t.Errorf("snapshot %+v", s)
	}
}

// A topic that was deleted and made again is not the one that a position was left
// in: the program refuses to start, and one that runs stops.
func TestATopicMadeAgain(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		t.Run("between two starts", func(t *testing.T) {
			// Brokers drop positions with the topic; what is left of another topic
			// comes from a mirror or a restore. So that is what the test writes.
			w.topics(1, "restored")
			w.sendText("restored", "1", "2")
			var os kadm.Offsets
			os.Add(kadm.Offset{Topic: w.topic("restored"), At: 1, LeaderEpoch: -1, Metadata: "sluice1 the-store 0102030405060708090a0b0c0d0e0f10"})
			group := kafka.GroupName(w.app(), "orders")
			if err := kadm.NewClient(w.raw).CommitAllOffsets(t.Context(), group, os); err != nil {
				t.Fatal(err)
			}
			if c := w.committed("orders")[kafka.TP{Topic: w.topic("restored")}]; !c.Known {
				t.Fatalf("the test does not write what the engine reads: %+v", c)
			}
			e := w.start(head+`
route orders
from topic "restored~" as Order
emit log
`, options{})
			var id *kafka.TopicIDError
			if err := e.wait(); !errors.As(err, &id) || id.Topic != w.topic("restored") {
				t.Errorf("error %v, want a TopicIDError", err)
			}
		})
		t.Run("while it is read", func(t *testing.T) {
			w.topics(1, "orders", "users")
			r := w.receive(receiver.Options{})
			e := w.start(head+`
route a
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
route b
from topic "users~" as Order
emit track "Seen" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
			w.feed("orders", 3, 30)
			w.arrived()
			w.deleteTopic(w.topic("orders"))
			w.topics(1, "orders")
			w.eventually("the route has stopped with a reason", func() bool { return e.condition("route a") != "" })
			w.feed("users", 3, 300) // I8
			w.arrived()
			w.deleteTopic(w.topic("users"))
			w.topics(1, "users")
			// Nothing runs any more: the program ends with the reason.
			var id *kafka.TopicIDError
			var missing *kafka.MissingTopicError
			if err := e.wait(); !errors.As(err, &id) && !errors.As(err, &missing) {
				t.Errorf("error %v, want a TopicIDError or, in the moment between, a MissingTopicError", err)
			}
			e.closed()
		})
	})
}

func TestStartLatestSkipsWhatWasThere(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(3, "orders")
		w.sendText("orders", order("orders", "old", 1), order("orders", "old", 2))
		r := w.receive(receiver.Options{})
		src := strings.Replace(oneRoute, `as Order
emit`, `as Order { start: latest }
emit`, 1)
		if src == oneRoute {
			t.Fatal("the script has changed")
		}
		o := options{url: r.URL(), store: "the-store"}
		e := w.start(src, o)
		w.eventually("it has joined", func() bool { return len(w.committed("orders")) == 4 }) // with its replay log
		w.feed("orders", 10, 100)
		w.arrived() // the old ones would be unexpected
		e.stop()
		// Resolved once: what came while it was away is read.
		w.feed("orders", 10, 100)
		e = w.start(src, o)
		w.arrived()
		e.stop()
	})
}

// A renamed route goes on where it was, with the ids it had, also after a second
// renaming.
func TestARenamedRouteGoesOn(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders")
		r := w.receive(receiver.Options{})
		for _, name := range []string{"orders", "sales was orders", "deals was orders"} {
			w.feed("orders", 10, 100)
			e := w.start(strings.Replace(oneRoute, "route orders", "route "+name, 1), options{url: r.URL(), store: "the-store"})
			w.arrived()
			e.stop()
		}
		if rep := w.clean(); rep.Repeats != 0 {
			t.Errorf("%d events were sent again", rep.Repeats)
		}
	})
}

// A pattern takes topics that are made later, and keeps out of Kafka's and ours.
func TestAPatternTakesTopicsMadeLater(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "shop.a")
		r := w.receive(receiver.Options{})
		w.feed("shop.a", 5, 100)
		e := w.start(head+"\nroute shops\nfrom topics `shop\\..*~|sluice\\..*` as Order\n"+
			`emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq } }
`, options{url: r.URL()})
		w.arrived()
		w.topics(2, "shop.b")
		w.feed("shop.b", 5, 100)
		w.arrived()
		if rep := row(e.stop(), "shops"); rep.In != 200 {
			t.Errorf("account %+v", rep)
		}
	})
}
