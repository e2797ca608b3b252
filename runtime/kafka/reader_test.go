package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
)

func testReader(t *testing.T, c Config, a *Admin, topic string) *Reader {
	t.Helper()
	r, err := NewReader(deadline(t), c, a, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// drain polls until the first load is done and gives the values read.
func drain(t *testing.T, r *Reader) (values []string) {
	t.Helper()
	ctx := deadline(t)
	for {
		recs, _, err := r.Poll(ctx, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs {
			values = append(values, string(rec.Value))
		}
		if read, total := r.Progress(); read == total {
			return values
		}
	}
}

func TestAReaderReadsAWholeTopicWithoutAGroup(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 3)
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 500)
		// A first reader leaves nothing that a second would go on from.
		first := testReader(t, c, a, topic)
		if got := drain(t, first); len(got) != 500 {
			t.Errorf("read %d records of 500", len(got))
		}
		r := testReader(t, c, a, topic)
		if read, total := r.Progress(); read != 0 || total != 500 {
			t.Errorf("%d of %d records before the first poll, want 0 of 500", read, total)
		}
		got := drain(t, r)
		var want []string
		for i := range 500 {
			want = append(want, fmt.Sprint(i))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("read %d records of 500", len(got))
		}

		// What comes later is live, and a tombstone is a record without a value.
		if res := p.SendSync(deadline(t), Record{Topic: topic, Key: []byte("k"), Timestamp: event.NoTime}); res.Err != nil {
			t.Fatal(res.Err)
		}
		ctx := deadline(t)
		for {
			recs, _, err := r.Poll(ctx, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			if len(recs) == 0 {
				continue
			}
			if len(recs) != 1 || recs[0].Value != nil || string(recs[0].Key) != "k" || recs[0].TopicID == (event.TopicID{}) {
				t.Errorf("read %+v, want a tombstone", recs)
			}
			return
		}
	})
}

func TestAReaderOfAnEmptyTopicHasReadIt(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 2)
		r := testReader(t, c, a, topic)
		if read, total := r.Progress(); read != 0 || total != 0 {
			t.Errorf("%d of %d records in an empty topic", read, total)
		}
	})
}

func TestAReaderBeginsWhereTheLogDoes(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 100)
		if err := a.DeleteRecords(deadline(t), Offsets{{topic, 0}: 40}); err != nil {
			t.Fatal(err)
		}
		r := testReader(t, c, a, topic)
		if got := drain(t, r); len(got) != 60 {
			t.Errorf("read %d records, want the 60 that are left", len(got))
		}
	})
}

func TestAReaderDoesNotWaitForWhatIsGone(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 2)
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 100)
		ends, err := a.EndOffsets(deadline(t), topic)
		if err != nil {
			t.Fatal(err)
		}
		r := testReader(t, c, a, topic)
		r.silence = 200 * time.Millisecond
		// Retention takes all of one partition between the question and the reading.
		if err := a.DeleteRecords(deadline(t), Offsets{{topic, 1}: ends[TP{topic, 1}]}); err != nil {
			t.Fatal(err)
		}
		drain(t, r)
	})
}

func TestAReaderOfNoTopic(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		_, err := NewReader(deadline(t), c, a, unique("nothing"))
		if e := new(MissingTopicError); !errors.As(err, &e) {
			t.Errorf("got %v, want a *MissingTopicError", err)
		}
	})
}

func TestAReaderEndsWithItsContext(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		r := testReader(t, c, a, makeTopic(t, a, 1))
		why := errors.New("stopped")
		ctx, cancel := context.WithCancelCause(deadline(t))
		cancel(why)
		if _, _, err := r.Poll(ctx, time.Minute); !errors.Is(err, why) {
			t.Errorf("got %v, want the context's cause", err)
		}
	})
}
