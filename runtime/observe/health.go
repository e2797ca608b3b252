// Package observe shows what a running program does: its account, its metrics,
// whether it is alive and ready and why not. It is told; it asks nobody but the
// functions it was given, and it never sees a payload (I9).
package observe

import (
	"sort"
	"sync"
	"time"
)

// Condition is one named reason why something does not run as it should.
type Condition struct {
	// Name says what it is about: "connection segment main", "route orders".
	Name   string    `json:"name"`
	Reason string    `json:"reason"` // "401: the write key is not taken"
	Since  time.Time `json:"since"`

	alarm bool
}

// Health holds the conditions of a program. It is ready when there are none but alarms.
type Health struct {
	mu    sync.Mutex
	conds map[string]Condition
}

// Alarm puts a condition that somebody should look at while everything runs as it
// should: the program stays ready. It tells whether that is news.
func (h *Health) Alarm(name, reason string, now time.Time) bool {
	return h.put(Condition{Name: name, Reason: reason, Since: now, alarm: true})
}

// Set puts a condition; one of the same name and reason stays since it was. It
// tells whether that is news.
func (h *Health) Set(name, reason string, now time.Time) bool {
	return h.put(Condition{Name: name, Reason: reason, Since: now})
}

func (h *Health) put(n Condition) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c, ok := h.conds[n.Name]; ok && c.Reason == n.Reason {
		return false
	}
	if h.conds == nil {
		h.conds = map[string]Condition{}
	}
	h.conds[n.Name] = n
	return true
}

// Clear takes a condition away and tells whether it was there.
func (h *Health) Clear(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.conds[name]
	delete(h.conds, name)
	return ok
}

// Conditions lists them by name, without alarms; an empty list means ready.
func (h *Health) Conditions() []Condition { return h.list(false) }

// Alarms lists the alarms by name.
func (h *Health) Alarms() []Condition { return h.list(true) }

func (h *Health) list(alarms bool) []Condition {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]Condition, 0, len(h.conds))
	for _, c := range h.conds {
		if c.alarm == alarms {
			out = append(out, c)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
