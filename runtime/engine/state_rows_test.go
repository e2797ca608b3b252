package engine_test

import (
	"encoding/json"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sluice-dev/sluice/runtime/receiver"
)

// rowed counts orders by user and reads the rows every second.
const rowed = head + `
table counts: int = 0 keyed by string
route orders
from topic "orders~" as Order
update counts[.user] = it + 1
route rows
from table counts every 1s
emit track "Row" { userId: @key, properties: { n: ., at: string(@time) } }
`

// rowsSeen sums up the rows of each tick.
type rowsSeen struct {
	mu    sync.Mutex
	ticks map[string]map[string]int // tick → user → n
}

func (s *rowsSeen) took(e receiver.Event) {
	var m struct {
		UserID     string
		Properties struct {
			N  int
			At string
		}
	}
	_ = json.Unmarshal(e.Raw, &m) // then there is no user
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ticks[m.Properties.At] == nil {
		s.ticks[m.Properties.At] = map[string]int{}
	}
	s.ticks[m.Properties.At][m.UserID] = m.Properties.N
}

// full counts the ticks whose rows add up to so many orders.
func (s *rowsSeen) full(orders int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, rows := range s.ticks {
		sum := 0
		for _, x := range rows {
			sum += x
		}
		if sum == orders {
			n++
		}
	}
	return n
}

// The rows of a table are read at each tick, and again after a restart.
func TestRowsOnASchedule(t *testing.T) {
	t.Parallel()
	w := onEmbedded(t)
	w.topics(2, "orders")
	s := &rowsSeen{ticks: map[string]map[string]int{}}
	r := w.receive(receiver.Options{OnEvent: s.took})
	w.feed("orders", 1, 40)
	o := options{url: r.URL(), store: "the-store", state: filepath.Join(t.TempDir(), "store")}
	e := w.start(rowed, o)
	w.eventually("two ticks see all orders", func() bool { return s.full(40) >= 2 })
	e.stop()
	seen := s.full(40)
	e = w.start(rowed, o)
	w.eventually("another tick sees them", func() bool { return s.full(40) > seen })
	e.stop()
}
