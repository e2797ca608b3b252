package state

import (
	"testing"

	"github.com/sluice-dev/sluice/runtime/event"
)

// What a group knows of one route goes, with what was begun of it; the rest of its
// progress stays as it was, and where the route's replay log stands.
func TestForgetARoute(t *testing.T) {
	s := NewMemory()
	topic := event.TopicID{1}
	name := func(route string, p int32) InputName {
		return InputName{Route: route, Topic: topic, Partition: p}
	}
	p := &Progress{NextHeld: 7, States: []Mark{{Name: "table t", W: 5}}, Routes: []RouteCount{{Route: "a", In: 3}, {Route: "b", In: 4}}}
	replays := InputName{Route: "a", Topic: event.TopicID{2}}
	for _, n := range []InputName{name("", 0), name("a", 0), name("a", 1), name("b", 0), replays} {
		p.Inputs = append(p.Inputs, InputProgress{InputName: n, Next: 10})
	}
	ws := []Write{{Key: ProgressKey("g"), Val: AppendProgress(nil, p)}}
	for i, n := range []InputName{name("a", 1), name("b", 0), name("", 0), replays} {
		ws = append(ws, Write{Key: IntentKey("g", uint64(i+1)), Val: AppendIntent(nil, &Intent{Input: n, First: 10, Last: 12})})
	}
	if err := s.Commit(ws); err != nil {
		t.Fatal(err)
	}
	n, err := Forget(s, "g", "a", replays.Topic)
	if n != 2 || err != nil {
		t.Fatalf("forgot %d, %v; want 2", n, err)
	}
	got, err := ReadProgress(s, "g")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Inputs) != 3 || got.Inputs[2].InputName != replays || got.Inputs[0].InputName != name("", 0) || got.Inputs[1].InputName != name("b", 0) || got.Inputs[1].Next != 10 {
		t.Errorf("inputs %+v", got.Inputs)
	}
	if got.NextHeld != 7 || len(got.States) != 1 || got.States[0].W != 5 || len(got.Routes) != 2 || got.Routes[0].In != 3 {
		t.Errorf("progress %+v", got)
	}
	intents, err := ReadIntents(s, "g")
	if err != nil {
		t.Fatal(err)
	}
	if len(intents) != 3 || intents[2].Input != replays || intents[0].Input != name("b", 0) || intents[1].Input != name("", 0) {
		t.Errorf("intents %+v", intents)
	}
	if n, err := Forget(s, "other", "a", event.TopicID{}); n != 0 || err != nil {
		t.Errorf("a group that never ran: %d, %v", n, err)
	}
}
