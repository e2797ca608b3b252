package kafka

import (
	"errors"
	"fmt"
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// One record is read where it stands, and of one that does not any more it is said why.
func TestTheRecordAtAPlace(t *testing.T) {
	onBrokers(t, func(t *testing.T, c Config, a *Admin) {
		topic := makeTopic(t, a, 1)
		p := testProducer(t, c, ProducerOptions{})
		produce(t, p, topic, 0, 20)
		info, err := a.Describe(deadline(t), topic)
		if err != nil {
			t.Fatal(err)
		}
		at := func(offset int64) event.Origin { return event.Origin{Topic: info[topic].ID, Offset: offset} }
		for _, n := range []int64{0, 7, 19} {
			rec, err := RecordAt(deadline(t), c, a, topic, at(n))
			if err != nil || string(rec.Value) != fmt.Sprint(n) || rec.Offset != n || rec.TopicID != info[topic].ID {
				t.Errorf("at %d: %+v, %v", n, rec, err)
			}
		}
		if err := a.DeleteRecords(deadline(t), Offsets{{topic, 0}: 5}); err != nil {
			t.Fatal(err)
		}
		other := at(7)
		other.Topic[0]++
		for want, o := range map[string]event.Origin{
			"the topic begins at 5 there":          at(4),
			"the topic ends at 20 there":           at(20),
			"the topic was deleted and made again": other,
		} {
			var gone *GoneError
			if _, err := RecordAt(deadline(t), c, a, topic, o); !errors.As(err, &gone) || gone.Why != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
		var missing *MissingTopicError
		if _, err := RecordAt(deadline(t), c, a, topic+"-none", at(0)); !errors.As(err, &missing) {
			t.Errorf("no topic: %v", err)
		}
	})
}
