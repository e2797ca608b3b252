package engine_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/receiver"
)

// tabled sends each order with the name that a loaded table has for its user.
const tabled = head + `
table names: { id: string, name: string } keyed by .id from SOURCE
route orders
from topic "orders~" as Order
emit track "Ordered" { userId: .user, properties: { topic: .topic, seq: .seq, name: names[.user].name ?? "none" } }
`

// lastName keeps the name in the last order, and counts those without.
type lastName struct {
	mu      sync.Mutex
	name    string
	without int
}

func (l *lastName) took(e receiver.Event) {
	var m struct{ Properties struct{ Name string } }
	_ = json.Unmarshal(e.Raw, &m) // then there is no name
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.name = m.Properties.Name; l.name == "none" {
		l.without++
	}
}

func (l *lastName) is(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.name == name
}

func (w *world) name(id, value string) {
	w.t.Helper()
	w.send(kafka.Record{Topic: w.topic("names"), Key: []byte(id), Value: []byte(value)})
}

// A table of a topic: the route waits for its first load and says so, then sees each
// row that changes, and goes on while the topic has a row that is none.
func TestATableOfATopic(t *testing.T) {
	onBrokers(t, func(t *testing.T, w *world) {
		w.topics(2, "orders", "names")
		w.name("u0", `{"id":"u0","name":"Ann"}`)
		l := &lastName{}
		r := w.receive(receiver.Options{OnEvent: l.took})
		w.feed("orders", 1, 10)
		e := w.start(strings.Replace(tabled, "SOURCE", `topic "names~"`, 1), options{url: r.URL()})
		w.arrived()
		if !l.is("Ann") || l.without > 0 {
			t.Errorf("name %q; %d orders passed before the table was loaded", l.name, l.without)
		}
		if !strings.Contains(w.log.text(), "orders reads table names: loaded") {
			t.Error("the route did not say that it waited")
		}
		w.name("u0", `{"id":"u0","name":"Bea"}`)
		w.feeding("orders", 1, 1, "the changed row is seen", func() bool { return l.is("Bea") })
		w.name("u0", `no row`)
		w.eventually("what is no row is told", func() bool { return e.condition("table names") != "" })
		w.send(kafka.Record{Topic: w.topic("names"), Key: []byte("u0")})
		w.feeding("orders", 1, 1, "the row is gone", func() bool { return l.is("none") })
		w.arrived()
		e.stop()
	})
}

// A table of a file is read at start, and again when the file has changed; a bad one
// leaves the rows as they were.
func TestATableOfAFile(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(2, "orders")
	dir := t.TempDir()
	write := func(text string) {
		t.Helper()
		// Renamed, as an editor does: nobody reads half of it.
		tmp := filepath.Join(dir, "names.tmp")
		if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(tmp, filepath.Join(dir, "names.csv")); err != nil {
			t.Fatal(err)
		}
	}
	write("id,name\nu0,Ann\n")
	l := &lastName{}
	r := w.receive(receiver.Options{OnEvent: l.took})
	w.feed("orders", 1, 10)
	e := w.start(strings.Replace(tabled, "SOURCE", `file "names.csv"`, 1), options{url: r.URL(), dir: dir})
	w.arrived()
	if !l.is("Ann") {
		t.Errorf("name %q", l.name)
	}
	write("id,name\nu0,Bea\n")
	w.feeding("orders", 1, 1, "the changed row is seen", func() bool { return l.is("Bea") })
	write("id,nome\nu0,Cid\n")
	w.eventually("the bad file is told", func() bool { return strings.Contains(e.condition("table names"), "names.csv") })
	w.feed("orders", 1, 5)
	w.arrived()
	if !l.is("Bea") {
		t.Errorf("after a bad file the name is %q", l.name)
	}
	write("id,name\nu0,Dan\n")
	w.feeding("orders", 1, 1, "the mended file is seen", func() bool { return l.is("Dan") && e.condition("table names") == "" })
	w.arrived()
	e.stop()
}
