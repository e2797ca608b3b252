package kafka

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/kafka/embedded"
)

func TestShelvesAreUsedAgain(t *testing.T) {
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c := testConfig(b.Addr())
	a := testAdmin(t, c)
	topic := makeTopic(t, a, 1)
	produce(t, testProducer(t, c, ProducerOptions{}), topic, 0, 1000)
	m := newMember(t, c, a, testOptions(unique("g"), "s", topic))
	structs, bytes := m.slabs.structs.room, m.slabs.bytes.room
	m.read(1000)
	m.slabs.structs.mu.Lock()
	defer m.slabs.structs.mu.Unlock()
	if m.slabs.structs.room == structs {
		t.Error("no record struct has come back")
	}
	m.slabs.bytes.mu.Lock()
	defer m.slabs.bytes.mu.Unlock()
	if m.slabs.bytes.room == bytes {
		t.Error("no inflated batch has come back")
	}
}
