package op

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/lang/value"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/identity"
)

// TestParkedFields: nothing that a record holds or brings along is forgotten where it is
// stored. A new field must stand here.
func TestParkedFields(t *testing.T) {
	o := func(v value.Value) *value.Object { return value.NewObject(value.Field{Key: "f", Value: v}) }
	n, _ := value.ParseNumber("0.10")
	due := int64(7)
	at := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	request := &event.Request{Method: "POST", Path: "/p", RemoteIP: "1.2.3.4", Headers: o("h"), At: at, WriteKey: "w", Element: 3}
	c := &carried{
		event: o("event"), cur: o("cur"), slots: []value.Value{nil, "second", nil, "fourth"}, rate: n, key: []byte("k"), persons: []string{"p"},
		gave: []gave{{space: 1, Given: identity.Given{Type: 1, Value: "g"}}}, who: "p", gone: true, notBefore: 9, request: request, dead: o("dead"),
		pane: &due, element: o("element"), slot: 2, has: true,
	}
	m := &event.Made{Kind: event.Child, Value: o("value"), Path: "/1", Time: at, Entry: 4, Person: "x", Window: o("window"), Frame: c}
	rec := &event.Record{
		Topic: "t", TopicID: event.TopicID{1}, Partition: 2, Offset: 3, Key: []byte{}, Value: []byte("v"),
		Headers: []event.Header{{Key: "a", Value: []byte("b")}, {Key: "none"}}, Timestamp: 4, Made: m,
	}
	for _, x := range []any{*c, *request, *m, *rec} {
		v := reflect.ValueOf(x)
		for i := range v.NumField() {
			switch name := v.Type().Field(i).Name; {
			case name == "Calls", name == "Replay": // the task's, which keeps them itself
			case v.Field(i).IsZero():
				t.Errorf("%s.%s is not tried", v.Type(), name)
			}
		}
	}
	spaces := []*space{{Space: &ir.Space{Name: "s"}}, {Space: &ir.Space{Name: "people", IDs: []ir.Identifier{{Name: "a"}, {Name: "b"}}}, number: 1}}
	r := &Runner{group: &Group{spaces: spaces, routes: []*Route{{
		plan: &plan.Route{Route: &ir.Route{Name: "r", Slots: 4}}, entries: []entry{{node: "r/split", step: 4, print: 5, slots: []ir.Slot{1, 3, 2}}},
	}}}}
	b, err := r.Park(0, rec)
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Unpark(0, b)
	if err != nil {
		t.Fatal(err)
	}
	all := cmp.Exporter(func(reflect.Type) bool { return true })
	same := cmp.Comparer(func(a, b *value.Object) bool {
		return a == nil && b == nil || a != nil && b != nil && value.Equal(a, b)
	})
	number := cmp.Comparer(func(a, b value.Number) bool { return a.Text() == b.Text() })
	if d := cmp.Diff(*rec, out, all, same, number); d != "" {
		t.Error(d)
	}
}

// TestNoSecretIsParked: a value that holds a secret, wherever, is not stored.
func TestNoSecretIsParked(t *testing.T) {
	r := &Runner{group: &Group{routes: []*Route{{plan: &plan.Route{Route: &ir.Route{Name: "r"}}}}}}
	for _, v := range []value.Value{value.Secret("s"), value.List{"a", value.List{value.Secret("s")}}, value.NewObject(value.Field{Key: "a", Value: value.Secret("s")})} {
		if b, err := r.Park(0, &event.Record{Made: &event.Made{Kind: event.Row, Value: v}}); err == nil {
			t.Errorf("%T was stored as %q", v, b)
		}
	}
}
