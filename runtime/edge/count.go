package edge

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Requests is what the requests to one webhook came to, since the server listens.
type Requests struct {
	Source   string         // the webhook's path; "" of requests that are for none
	Statuses map[int]uint64 // by what they were answered
	// Buckets counts answers that took at most as many seconds as Bounds says, each all
	// those before it, too.
	Buckets  map[float64]uint64
	Count    uint64
	Seconds  float64 // of all of them
	Replaced uint64  // parameters in which bytes that are no text became U+FFFD
	// Macros counts texts that are macros nobody expanded, by declared field.
	Macros map[string]uint64
}

// Bounds are the limits of Requests.Buckets, in seconds.
var Bounds = []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// counts are the requests of a server.
type counts struct {
	mu sync.Mutex
	of map[string]*counted
}

type counted struct {
	statuses map[int]uint64
	buckets  []uint64 // by Bounds, each without those before it
	count    uint64
	seconds  float64
	replaced uint64
	macros   map[string]uint64
	taken    int64 // when the last was taken, milliseconds since 1970; 0: none was
}

func (c *counts) add(source string, a *Answer, took time.Duration, millis int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.of[source]
	if n == nil {
		if c.of == nil {
			c.of = map[string]*counted{}
		}
		n = &counted{statuses: map[int]uint64{}, buckets: make([]uint64, len(Bounds)), macros: map[string]uint64{}}
		c.of[source] = n
	}
	status := a.Status
	if a.Counted != 0 {
		status = a.Counted
	}
	n.statuses[status]++
	n.count++
	n.seconds += took.Seconds()
	if i, _ := slices.BinarySearch(Bounds, took.Seconds()); i < len(Bounds) {
		n.buckets[i]++
	}
	if status != StatusOK {
		return
	}
	if len(a.Records) > 0 {
		n.taken = max(n.taken, millis)
	}
	n.replaced += uint64(a.Replaced)
	for field, k := range a.Macros {
		n.macros[field] += uint64(k)
	}
}

// Requests lists what came, by webhook.
func (s *Server) Requests() []Requests {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	var out []Requests
	for source, n := range s.counts.of {
		r := Requests{Source: source, Statuses: maps.Clone(n.statuses), Buckets: map[float64]uint64{}, Count: n.count, Seconds: n.seconds, Replaced: n.replaced, Macros: maps.Clone(n.macros)}
		sum := uint64(0)
		for i, k := range n.buckets {
			sum += k
			r.Buckets[Bounds[i]] = sum
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Requests) int { return strings.Compare(a.Source, b.Source) })
	return out
}

// UnderWay is how many requests have no answer yet.
func (s *Server) UnderWay() int { return len(s.requests) }

// Taken is when the last request to a webhook was taken, in milliseconds since 1970; 0
// where none was.
func (s *Server) Taken(source string) int64 {
	s.counts.mu.Lock()
	defer s.counts.mu.Unlock()
	if n := s.counts.of[source]; n != nil {
		return n.taken
	}
	return 0
}
