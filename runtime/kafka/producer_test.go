package kafka

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
)

func TestRecordsArriveAsSent(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		p := testProducer(t, c, ProducerOptions{})
		at := time.Now().UnixMilli() - 5000
		sent := []Record{
			{Topic: topic, Key: []byte("k"), Value: []byte("v"), Timestamp: at, Headers: []event.Header{{Key: "a", Value: []byte("1")}, {Key: "a", Value: nil}}},
			{Topic: topic, Key: []byte{}, Value: nil, Timestamp: at + 1},
			{Topic: topic, Key: nil, Value: []byte{}, Timestamp: at + 2},
		}
		for i, r := range sent {
			if res := p.SendSync(deadline(t), r); res.Class != Accepted || res.Offset != int64(i) || res.Partition != 0 {
				t.Fatalf("record %d: %+v, want accepted at 0/%d", i, res, i)
			}
		}
		m := newMember(t, c, a, testOptions(unique("g"), "s", topic))
		var got []event.Record
		for len(got) < len(sent) {
			b, err := m.Poll(deadline(t), time.Second)
			m.AllowRebalance()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range b.Slices {
				if s.End != int64(len(sent)) {
					t.Errorf("end of the partition is %d, want %d", s.End, len(sent))
				}
				got = append(got, s.Records...)
			}
		}
		for i, r := range sent {
			want := event.Record{Topic: topic, TopicID: got[i].TopicID, Offset: int64(i), Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp}
			if got[i].TopicID == (event.TopicID{}) {
				t.Error("record has no topic id")
			}
			if diff := cmp.Diff(want, got[i]); diff != "" {
				t.Errorf("record %d (-sent +read):\n%s", i, diff)
			}
		}
	})
}

func TestPartitionKeyStandsForTheKey(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 12)
		p := testProducer(t, c, ProducerOptions{})
		for i := range 20 {
			order := fmt.Append(nil, "user", i)
			plain := p.SendSync(deadline(t), Record{Topic: topic, Key: order, Timestamp: event.NoTime})
			letter := p.SendSync(deadline(t), Record{Topic: topic, Key: fmt.Append(nil, "letter", i), PartitionKey: order, Timestamp: event.NoTime})
			if plain.Class != Accepted || letter.Class != Accepted || plain.Partition != letter.Partition {
				t.Errorf("event of %s went to %+v, its letter to %+v", order, plain, letter)
			}
		}
	})
}

func TestOrderOfAPartitionIsTheOrderOfSending(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		p := testProducer(t, c, ProducerOptions{})
		const n = 5000
		results := make(chan Result, n)
		for i := range n {
			p.Send(deadline(t), Record{Topic: topic, Key: []byte("k"), Value: fmt.Append(nil, i), Timestamp: event.NoTime}, func(r Result) {
				if r.Offset != int64(i) {
					t.Errorf("record %d stands at %d", i, r.Offset)
				}
				results <- r
			})
		}
		if err := p.Flush(deadline(t)); err != nil {
			t.Fatal(err)
		}
		for range n {
			if r := <-results; r.Class != Accepted {
				t.Fatal(r.Err)
			}
		}
	})
}

func TestResultsSayWhatToDo(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		ctx := deadline(t)
		small := unique("small")
		if err := a.Ensure(ctx, TopicSpec{Name: small, Partitions: 1, Configs: map[string]string{"max.message.bytes": "2000"}}); err != nil {
			t.Fatal(err)
		}
		p := testProducer(t, c, ProducerOptions{})
		for _, tt := range []struct {
			name string
			rec  Record
			want Class
		}{
			{"fits", Record{Topic: small, Value: make([]byte, 1000)}, Accepted},
			{"too large for the broker", Record{Topic: small, Value: noise(100_000)}, Refused},
			{"too large for the client", Record{Topic: small, Value: noise(2_000_000)}, Refused},
			{"no such topic", Record{Topic: unique("nowhere"), Value: []byte("x")}, Misconfigured},
		} {
			tt.rec.Timestamp = event.NoTime
			if res := p.SendSync(ctx, tt.rec); res.Class != tt.want || (res.Err == nil) != (tt.want == Accepted) {
				t.Errorf("%s: class %d (%v), want %d", tt.name, res.Class, res.Err, tt.want)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if res := p.SendSync(ended, Record{Topic: small, Value: []byte("x"), Timestamp: event.NoTime}); res.Class != Retry || !errors.Is(res.Err, context.Canceled) {
			t.Errorf("after the lease: %+v, want Retry", res)
		}
		ends, err := a.EndOffsets(ctx, small)
		if err != nil || ends[TP{small, 0}] != 1 {
			t.Errorf("the topic holds %v (%v), want the one that fits", ends, err)
		}
		p.Close()
		if res := p.SendSync(ctx, Record{Topic: small, Timestamp: event.NoTime}); res.Class != Retry {
			t.Errorf("after Close: %+v, want Retry", res)
		}
	})
}

// noise is n bytes that do not compress.
func noise(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

func TestSetLimitLetsLongRecordsThrough(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		ctx := deadline(t)
		long := DeadTopicSpec(unique("shop"), "orders", 2<<20)
		if err := a.Ensure(ctx, long); err != nil {
			t.Fatal(err)
		}
		limits, err := a.MaxMessageBytes(ctx, long.Name)
		if err != nil || limits[long.Name] != 2<<20+letterRoom {
			t.Fatalf("limit of the topic is %v (%v), want %d", limits, err, 2<<20+letterRoom)
		}
		p := testProducer(t, c, ProducerOptions{})
		p.SetLimit(long.Name, limits[long.Name])
		if res := p.SendSync(ctx, Record{Topic: long.Name, Key: []byte("id"), Value: noise(2 << 20), Timestamp: event.NoTime}); res.Class != Accepted {
			t.Errorf("a letter of 2 MiB: %v", res.Err)
		}
	})
}

func TestABrokerThatIsAwayIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	b, err := embedded.Start(embedded.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := testConfig(b.Addr())
	a := testAdmin(t, c)
	topic := makeTopic(t, a, 1)
	p := testProducer(t, c, ProducerOptions{})
	produce(t, p, topic, 0, 10)
	b.Close()
	got := make(chan Result, 1)
	p.Send(deadline(t), Record{Topic: topic, Value: []byte("later"), Timestamp: event.NoTime}, func(r Result) { got <- r })
	select {
	case r := <-got:
		t.Fatalf("result without a broker: %+v", r)
	case <-time.After(1500 * time.Millisecond): // the time the broker is away
	}
	b, err = embedded.Start(embedded.Options{Dir: dir, Addr: b.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if r := <-got; r.Class != Accepted || r.Offset != 10 {
		t.Errorf("result %+v, want accepted at 10: neither lost nor doubled", r)
	}
}

func TestMurmur2IsKafkas(t *testing.T) {
	theirs := kgo.StickyKeyPartitioner(nil).ForTopic("t")
	ours := partitioner{kgo.StickyKeyPartitioner(nil)}.ForTopic("t")
	for i := range 1000 {
		key := noise(i % 37)
		for j := range key {
			key[j] ^= byte(i)
		}
		r := kgo.Record{Key: key, Partition: byKey}
		want := theirs.Partition(&r, 97)
		if got := ours.Partition(&r, 97); got != want {
			t.Fatalf("by key: partition %d, want %d", got, want)
		}
		r = kgo.Record{Partition: int32(murmur2(key) & 0x7fffffff)}
		if got := ours.Partition(&r, 97); got != want {
			t.Fatalf("by hash of %d bytes: partition %d, want %d", len(key), got, want)
		}
	}
}
