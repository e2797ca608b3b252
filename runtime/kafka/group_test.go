package kafka

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
)

func TestAGroupGoesOnWhereItCommitted(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic, group := makeTopic(t, a, 3), unique("sluice.shop.orders")
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 300)

		m := newMember(t, c, a, testOptions(group, "store1", topic))
		m.read(300)
		m.commitAll()
		info, err := a.Describe(deadline(t), topic)
		if err != nil {
			t.Fatal(err)
		}
		have, err := a.Committed(deadline(t), group)
		if err != nil {
			t.Fatal(err)
		}
		var total int64
		for part := range int32(3) {
			got := have[TP{topic, part}]
			total += got.Offset
			if !got.Known || got.StoreID != "store1" || got.TopicID != info[topic].ID || got.TopicID == (event.TopicID{}) {
				t.Errorf("partition %d is committed as %+v, want store1 and topic id %x", part, got, info[topic].ID)
			}
		}
		if total != 300 {
			t.Errorf("committed %d records of 300", total)
		}
		m.Close()
		produce(t, p, topic, 300, 310)

		// The member of the same store takes its place over at once, though
		// its session (10 s) has not ended.
		begin := time.Now()
		m = newMember(t, c, a, testOptions(group, "store1", topic))
		m.read(10)
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("took over after %v, want at once", d)
		}
		slices.Sort(m.values)
		if want := []string{"300", "301", "302", "303", "304", "305", "306", "307", "308", "309"}; !slices.Equal(m.values, want) {
			t.Errorf("read %v, want %v", m.values, want)
		}
		for _, as := range m.assigned {
			if as.Committed.StoreID != "store1" || as.Offset != as.Committed.Offset {
				t.Errorf("assignment %+v, want the position that store1 left", as)
			}
		}
	})
}

func TestStartIsResolvedOnce(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic, group := makeTopic(t, a, 2), unique("sluice.shop.late")
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 50)
		o := testOptions(group, "s", topic)
		o.Start = Latest

		// The first start dies before it has read anything.
		newMember(t, c, a, o).Close()
		produce(t, p, topic, 50, 60)
		m := newMember(t, c, a, o)
		m.read(10)
		if slices.Contains(m.values, "0") || len(m.values) != 10 {
			t.Errorf("read %v, want what came after the first start and only that", m.values)
		}
		m.commitAll()

		// Partitions added later have records before anyone reads them; they
		// begin at their beginning, whatever the option says.
		if _, err := a.cl.CreatePartitions(deadline(t), 2, topic); err != nil {
			t.Fatal(err)
		}
		m.Close()
		p2 := testProducer(t, c, ProducerOptions{}) // knows of 4 partitions
		produce(t, p2, topic, 100, 200)
		m = newMember(t, c, a, o)
		m.read(100)
		if len(m.assigned) != 4 {
			t.Errorf("reads %d partitions, want 4", len(m.assigned))
		}
	})
}

func TestAPartitionAddedToALiveGroupBeginsAtItsBeginning(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 5)
		o := testOptions(unique("g"), "s", topic)
		o.Start = Latest
		m := newMember(t, c, a, o)
		m.until("the partition is assigned", func() bool { return len(m.assigned) == 1 })
		if _, err := a.cl.CreatePartitions(deadline(t), 3, topic); err != nil {
			t.Fatal(err)
		}
		produce(t, testProducer(t, c, ProducerOptions{}), topic, 10, 60)
		m.read(50)
		if len(m.assigned) != 4 {
			t.Errorf("reads %d partitions, want 4", len(m.assigned))
		}
	})
}

func TestATopicAddedToALiveGroupStartsByTheOption(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		first, second, group := makeTopic(t, a, 1), makeTopic(t, a, 2), unique("g")
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, first, 0, 5)
		produce(t, p, second, 10, 30)
		o := testOptions(group, "old", first)
		old := newMember(t, c, a, o)
		old.read(5)
		// The new program reads a second topic, while the old one still runs.
		o = testOptions(group, "new", first, second)
		o.Start = Latest
		m := newMember(t, c, a, o)
		for end := time.Now().Add(30 * time.Second); len(m.assigned) < 2; {
			if err := errors.Join(m.poll(), old.poll()); err != nil || time.Now().After(end) {
				t.Fatalf("the new member has %v (%v)", m.assigned, err)
			}
		}
		produce(t, p, second, 50, 60)
		for end := time.Now().Add(30 * time.Second); len(m.values) < 10; {
			if err := errors.Join(m.poll(), old.poll()); err != nil || time.Now().After(end) {
				t.Fatalf("the new member read %v (%v)", m.values, err)
			}
		}
		slices.Sort(m.values)
		if m.values[0] != "50" || len(m.values) != 10 {
			t.Errorf("read %v, want 50 to 59, what came after the start", m.values)
		}
	})
}

func TestCloseLetsRevokedCommit(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic, group := makeTopic(t, a, 1), unique("g")
		produce(t, testProducer(t, c, ProducerOptions{}), topic, 0, 8)
		m := newMember(t, c, a, testOptions(group, "s", topic))
		m.read(8)
		m.Close()
		have, err := a.Committed(deadline(t), group)
		if err != nil || have[TP{topic, 0}].Offset != 8 {
			t.Errorf("committed %+v (%v), want 8 by Revoked", have, err)
		}
	})
}

func TestABrokerThatComesBackGivesThePartitionsBack(t *testing.T) {
	dir := t.TempDir()
	b, err := embedded.Start(embedded.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig(b.Addr())
	a := testAdmin(t, c)
	topic := makeTopic(t, a, 1)
	produce(t, testProducer(t, c, ProducerOptions{}), topic, 0, 10)
	m := newMember(t, c, a, testOptions(unique("g"), "s", topic))
	m.read(5)
	m.commitAll()
	done := m.next[TP{topic, 0}]
	b.Close()
	m.until("the partition is lost", func() bool { return len(m.lost) == 1 })
	if err := m.Commit(deadline(t), Offsets{TP{topic, 0}: done}); !errors.Is(err, ErrNotOwned) {
		t.Errorf("commit of a lost partition: %v, want ErrNotOwned", err)
	}
	b, err = embedded.Start(embedded.Options{Dir: dir, Addr: b.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	m.until("it is assigned again", func() bool { return len(m.assigned) == 1 })
	if as := m.assigned[TP{topic, 0}]; as.Offset != done {
		t.Errorf("begins again at %d, want the committed %d", as.Offset, done)
	}
	produce(t, testProducer(t, c, ProducerOptions{}), topic, 10, 20)
	m.until("the rest is read", func() bool { return m.next[TP{topic, 0}] == 20 })
	m.Close() // before its broker
}

func TestEarliestReadsWhatIsThere(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 10)
		if err := a.DeleteRecords(deadline(t), Offsets{TP{topic, 0}: 4}); err != nil {
			t.Fatal(err)
		}
		m := newMember(t, c, a, testOptions(unique("g"), "s", topic))
		m.read(6)
		if m.values[0] != "4" {
			t.Errorf("begins with %s, want 4, the first that is left", m.values[0])
		}
	})
}

func TestTransactionsAreReadToTheirEnd(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		ctx, topic := deadline(t), makeTopic(t, a, 1)
		cl, err := kgo.NewClient(kgo.SeedBrokers(c.Brokers...), kgo.TransactionalID(unique("tx")), kgo.DefaultProduceTopic(topic))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			if err := cl.ProduceSync(ctx, kgo.StringRecord("a"), kgo.StringRecord("b")).FirstErr(); err != nil {
				t.Fatal(err)
			}
			if err := cl.EndTransaction(ctx, commit); err != nil {
				t.Fatal(err)
			}
		}
		g := newMember(t, c, a, testOptions(unique("g"), "s", topic)).Group
		var offsets []int64
		for next, end := int64(0), int64(-1); next != end; {
			b, err := g.Poll(ctx, 100*time.Millisecond)
			g.AllowRebalance()
			if err != nil {
				t.Fatalf("at %d of %d: %v", next, end, err)
			}
			for _, s := range b.Slices {
				next, end = s.Next, s.End
				for _, r := range s.Records {
					offsets = append(offsets, r.Offset)
				}
			}
		}
		// a b commit a b abort
		if want := []int64{0, 1}; !slices.Equal(offsets, want) {
			t.Errorf("read offsets %v, want %v: what was committed, no markers", offsets, want)
		}
		if ends, err := a.EndOffsets(ctx, topic); err != nil || ends[TP{topic, 0}] != 6 {
			t.Errorf("the log ends at %v (%v), want 6", ends, err)
		}
	})
}

func TestPausedPartitionsAreSilent(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 2)
		p := testProducer(t, c, ProducerOptions{})
		m := newMember(t, c, a, testOptions(unique("g"), "s", topic))
		m.until("both are assigned", func() bool { return len(m.assigned) == 2 })
		m.Pause(TP{topic, 0})
		for i := range 40 {
			v := []byte(strconv.Itoa(i))
			if r := p.SendSync(deadline(t), Record{Topic: topic, PartitionKey: v, Value: v, Timestamp: event.NoTime}); r.Class != Accepted {
				t.Fatal(r.Err)
			}
		}
		ends, err := a.EndOffsets(deadline(t), topic)
		if err != nil {
			t.Fatal(err)
		}
		if ends[TP{topic, 0}] == 0 || ends[TP{topic, 1}] == 0 {
			t.Fatalf("all records went to one partition: %v", ends)
		}
		m.read(int(ends[TP{topic, 1}]))
		for range 3 {
			if err := m.poll(); err != nil {
				t.Fatal(err)
			}
		}
		if _, polled := m.next[TP{topic, 0}]; polled {
			t.Error("a paused partition was polled")
		}
		m.Resume(TP{topic, 0})
		m.read(40)
	})
}

func TestRebalanceHandsOverWithoutLoss(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic, group := makeTopic(t, a, 4), unique("g")
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 200)
		m1 := newMember(t, c, a, testOptions(group, "one", topic))
		m1.read(200)
		var gone []TP
		m1.onRevoke = func(ps []TP) { gone = append(gone, ps...) }

		m2 := newMember(t, c, a, testOptions(group, "two", topic))
		for end := time.Now().Add(30 * time.Second); len(m2.assigned) < 2; {
			if err := errors.Join(m1.poll(), m2.poll()); err != nil {
				t.Fatal(err)
			}
			if time.Now().After(end) {
				t.Fatalf("the second member has %v after 30 s", m2.assigned)
			}
		}
		if len(gone) != 2 || len(m1.assigned) != 2 {
			t.Errorf("the first member gave up %v and keeps %d, want 2 and 2", gone, len(m1.assigned))
		}
		for _, as := range m2.assigned {
			if as.Committed.StoreID != "one" || as.Offset == 0 {
				t.Errorf("%v begins at %d as %q left it, want where member one stood", as.TP, as.Offset, as.Committed.StoreID)
			}
		}
		produce(t, p, topic, 200, 300)
		for len(m1.values)+len(m2.values) < 300 {
			if err := errors.Join(m1.poll(), m2.poll()); err != nil {
				t.Fatal(err)
			}
		}
		if len(m2.values) == 0 || len(m1.values)+len(m2.values) != 300 {
			t.Errorf("read %d and %d values, want 300 together", len(m1.values), len(m2.values))
		}

		// I6: what a member no longer holds it cannot commit.
		err := m1.Commit(deadline(t), Offsets{gone[0]: 1})
		if !errors.Is(err, ErrNotOwned) {
			t.Errorf("commit of a partition given up: %v, want ErrNotOwned", err)
		}
		have, err := a.Committed(deadline(t), group)
		if err != nil {
			t.Fatal(err)
		}
		if have[gone[0]].Offset == 1 {
			t.Error("it was committed all the same")
		}
	})
}

func TestATopicMadeAgainIsRefused(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		t.Run("between two starts", func(t *testing.T) {
			// Brokers drop a group's positions with the topic; what is left of
			// another topic comes from a mirror, a restore or a commit that was
			// under way. So that is what the test writes.
			topic, group := makeTopic(t, a, 2), unique("g")
			produce(t, testProducer(t, c, ProducerOptions{}), topic, 0, 20)
			other := event.TopicID{1, 2, 3}
			info, err := a.Describe(deadline(t), topic)
			if err != nil {
				t.Fatal(err)
			}
			var os kadm.Offsets
			os.Add(kadm.Offset{Topic: topic, Partition: 0, At: 3, LeaderEpoch: -1, Metadata: commitMetadata("s", other)})
			os.Add(kadm.Offset{Topic: topic, Partition: 1, At: 0, LeaderEpoch: -1, Metadata: commitMetadata("s", info[topic].ID)})
			if err := a.cl.CommitAllOffsets(deadline(t), group, os); err != nil {
				t.Fatal(err)
			}
			m := newMember(t, c, a, testOptions(group, "s", topic))
			var te *TopicIDError
			if err := m.untilError("topic id"); !errors.As(err, &te) || te.Topic != topic || te.Partition != 0 || te.Committed != other || te.Now != info[topic].ID {
				t.Errorf("error %v, want a TopicIDError from %x", err, other)
			}
			for range 5 {
				_ = m.poll()
			}
			if _, ok := m.assigned[TP{topic, 0}]; ok || m.next[TP{topic, 0}] != 0 {
				t.Errorf("the refused partition was handed out up to %d", m.next[TP{topic, 0}])
			}
		})
		t.Run("while it is read", func(t *testing.T) {
			topic := makeTopic(t, a, 1)
			produce(t, testProducer(t, c, ProducerOptions{}), topic, 0, 10)
			m := newMember(t, c, a, testOptions(unique("g"), "s", topic))
			m.read(10)
			m.gone = true
			if _, err := a.cl.DeleteTopics(deadline(t), topic); err != nil {
				t.Fatal(err)
			}
			// Apache Kafka deletes in its own time.
			for ctx := deadline(t); ; {
				err := a.create(ctx, TopicSpec{Name: topic, Partitions: 1})
				if err == nil {
					break
				}
				if ctx.Err() != nil {
					t.Fatal(err)
				}
			}
			err := m.untilError("topic id")
			var te *TopicIDError
			var me *MissingTopicError
			if !errors.As(err, &te) && !errors.As(err, &me) {
				t.Errorf("error %v, want a TopicIDError or, in the moment between, a MissingTopicError", err)
			}
		})
	})
}

func TestAPositionSetByAnotherToolIsTaken(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic, group := makeTopic(t, a, 1), unique("g")
		produce(t, testProducer(t, c, ProducerOptions{}), topic, 0, 10)
		var os kadm.Offsets
		os.AddOffset(topic, 0, 7, -1)
		if err := a.cl.CommitAllOffsets(deadline(t), group, os); err != nil {
			t.Fatal(err)
		}
		m := newMember(t, c, a, testOptions(group, "s", topic))
		m.read(3)
		if as := m.assigned[TP{topic, 0}]; as.Committed.Known || as.Offset != 7 {
			t.Errorf("assignment %+v, want offset 7 by an unknown hand", as)
		}
	})
}

func TestTwoProcessesOfOneStore(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic, group := makeTopic(t, a, 2), unique("g")
		first := newMember(t, c, a, testOptions(group, "same", topic))
		first.until("it is assigned", func() bool { return len(first.assigned) == 2 })
		second := newMember(t, c, a, testOptions(group, "same", topic))
		var fenced *FencedError
		if err := first.untilError("fenced"); !errors.As(err, &fenced) || fenced.StoreID != "same" {
			t.Errorf("the first process got %v, want a FencedError", err)
		}
		second.until("it has taken over", func() bool { return len(second.assigned) == 2 })
	})
}

func TestPatternsReadTopicsMadeLaterFromTheirBeginning(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		prefix := unique("shop")
		pat, err := ParsePattern(prefix + `\.(a|b|.*)`)
		if err != nil {
			t.Fatal(err)
		}
		o := testOptions(unique("g"), "s")
		o.Patterns, o.Start = []Pattern{pat}, Latest
		m := newMember(t, c, a, o)
		if err := m.poll(); err != nil {
			t.Fatalf("poll with no topic yet: %v", err)
		}
		p := testProducer(t, c, ProducerOptions{})
		add := func(from int, topics ...string) {
			t.Helper()
			for _, topic := range topics {
				if err := a.Ensure(deadline(t), TopicSpec{Name: topic, Partitions: 1}); err != nil {
					t.Fatal(err)
				}
				produce(t, p, topic, from, from+3)
			}
			added, err := m.Refresh(deadline(t))
			if err != nil || !slices.Equal(added, topics[:1]) {
				t.Fatalf("Refresh added %v (%v), want %v", added, err, topics[:1])
			}
		}
		// The first topic the pattern meets is what the route starts with.
		add(0, prefix+".a", "x"+prefix+".a", "sluice."+prefix+".b")
		m.until("the first topic is assigned", func() bool { return len(m.assigned) == 1 })
		add(10, prefix+".b", prefix+"-b")
		m.read(3)
		if want := []string{"10", "11", "12"}; !slices.Equal(m.values, want) {
			t.Errorf("read %v, want %v: the later topic whole, the first from its end", m.values, want)
		}
	})
}

func TestTheLeaseAgesWithoutItsBroker(t *testing.T) {
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := testConfig(b.Addr())
	a := testAdmin(t, c)
	topic := makeTopic(t, a, 1)
	m := newMember(t, c, a, testOptions(unique("g"), "s", topic))
	m.until("it is assigned", func() bool { return len(m.assigned) == 1 })
	for begin := time.Now(); time.Since(begin) < 1500*time.Millisecond; {
		if err := m.poll(); err != nil {
			t.Fatal(err)
		}
		if age := m.LeaseAge(); age > time.Second {
			t.Fatalf("lease is %v old with heartbeats each 200 ms", age)
		}
	}
	b.Close()
	m.until("the lease has aged", func() bool { return m.LeaseAge() > time.Second })
	m.until("the partition is lost", func() bool { return len(m.lost) == 1 })
	if len(m.problems) == 0 {
		t.Error("nothing was told of the broker that is away")
	}
}

func TestAGroupAwaitsItsTopics(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		_, err := tryMember(t, c, a, testOptions(unique("g"), "s", topic[:len(topic)-1]))
		var me *MissingTopicError
		if !errors.As(err, &me) || !slices.Contains(me.Near, topic) {
			t.Errorf("error %v, want a MissingTopicError with %s near", err, topic)
		}
	})
}

func TestPollEndsWithItsContextAndAfterClose(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		m := newMember(t, c, a, testOptions(unique("g"), "s", makeTopic(t, a, 1)))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.Poll(ctx, time.Minute); !errors.Is(err, context.Canceled) {
			t.Errorf("poll with a context that has ended: %v", err)
		}
		m.AllowRebalance()
		m.Close()
		if _, err := m.Poll(deadline(t), time.Minute); !errors.Is(err, ErrClosed) {
			t.Errorf("poll after Close: %v, want ErrClosed", err)
		}
	})
}
