package engine

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/edge"
	"github.com/sluice-dev/sluice/runtime/observe"
)

// silences raises an alarm for each webhook to which nothing came for as long as its
// `quiet` says, and takes it back with the next request. The program stays ready: it
// could do no better, and must get what comes.
type silences struct {
	after map[string]time.Duration // by path
	taken func(path string) int64  // when the last request was taken, ms; 0: none was
	since time.Time
	tell  func(path string, after time.Duration, quiet bool)

	mu    sync.Mutex
	quiet map[string]bool
}

// lookQuiet is how often silences are looked for.
const lookQuiet = time.Second

func newSilences(p *plan.Plan, s *edge.Server, now time.Time) *silences {
	q := &silences{after: map[string]time.Duration{}, taken: s.Taken, since: now, quiet: map[string]bool{}}
	for _, r := range p.Routes {
		if h := r.Source.Hook; h != nil && h.QuietMS > 0 {
			q.after[h.Path] = time.Duration(h.QuietMS) * time.Millisecond
			q.quiet[h.Path] = false
		}
	}
	return q
}

// run looks until ctx ends. A webhook that begins is quiet from then on at the earliest.
func (q *silences) run(ctx context.Context) {
	if len(q.after) == 0 {
		return
	}
	tick := time.NewTicker(lookQuiet)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			q.look(time.Now())
		}
	}
}

func (q *silences) look(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for path, after := range q.after {
		last := q.since
		if at := time.UnixMilli(q.taken(path)); at.After(last) {
			last = at
		}
		if quiet := now.Sub(last) >= after; quiet != q.quiet[path] {
			q.quiet[path] = quiet
			q.tell(path, after, quiet)
		}
	}
}

// all tells of each webhook with `quiet` whether it is.
func (q *silences) all() map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return maps.Clone(q.quiet)
}

// alarm tells of a webhook that fell silent, or speaks again.
func (e *Engine) alarm(path string, after time.Duration, quiet bool) {
	name := "webhook " + path
	switch {
	case quiet:
		if e.health.Alarm(name, "no request was taken for "+after.String()+": look whether its sender still sends here", time.Now()) {
			e.log.Warn("a webhook is quiet", "path", path, "quiet", after.String())
		}
	case e.health.Clear(name):
		e.log.Info("requests come again", "path", path)
	}
}

// requests adds what came by webhooks to what metrics show.
func (e *Engine) requests(s *observe.Snapshot) {
	if e.cfg.Edge == nil {
		return
	}
	s.Requests, s.UnderWay = e.cfg.Edge.Requests(), e.cfg.Edge.UnderWay()
	if q := e.silences.Load(); q != nil {
		s.Quiet = q.all()
	}
}
