package engine

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
)

// trimmer cuts the logs of requests, files and replays, which have no retention of their own: what every
// route has taken that reads them goes. What counts is what survives a loss of power: of
// a state group what was stored before the store was last synced, of a route without
// state what the brokers have as its position. A route that the program has and that
// does not run, here or at all, keeps all that it has not taken.
type trimmer struct {
	eng     *Engine
	readers map[string]map[string][]*route // of a topic, by the connection it is on
	done    map[string]kafka.Offsets       // below what each partition was cut, by connection
	looked  map[string]bool                // replay logs, of which what came before the start is gone
	at      time.Time                      // when it looked last
	said    bool
}

// logged tells whether what a route reads stands in a log of the program's own.
func logged(r *route) bool { return r.plan.Source.Hook != nil || r.plan.Source.File != nil }

// trimEvery is how often positions are asked for.
const trimEvery = 5 * time.Second

func newTrimmer(e *Engine) *trimmer {
	t := &trimmer{eng: e, readers: map[string]map[string][]*route{}, done: map[string]kafka.Offsets{}, looked: map[string]bool{}, at: time.Now()}
	for _, r := range e.routes {
		conn := via(r.plan.Source.Via)
		on := t.readers[conn]
		if on == nil {
			on = map[string][]*route{}
			t.readers[conn], t.done[conn] = on, kafka.Offsets{}
		}
		on[r.replayLog()] = []*route{r}
		if !logged(r) {
			continue
		}
		for _, topic := range kafka.SourceTopics(e.cfg.Plan.App, r.plan.Source) {
			on[topic] = append(on[topic], r)
		}
	}
	return t
}

// look notes what the routes of a group have stored. Only on the loop of the group.
func (t *trimmer) look(g *group, taken map[*route]kafka.Offsets) {
	if g.run == nil {
		return
	}
	for _, r := range g.loop.routes {
		at := kafka.Offsets{}
		for tp, in := range r.parts {
			if in.run == g.run {
				at[tp] = in.taken
			}
		}
		taken[r] = at
	}
}

// trim deletes what all routes have taken. taken is what groups had stored before the
// last sync.
func (t *trimmer) trim(ctx context.Context, taken map[*route]kafka.Offsets) {
	if len(t.readers) == 0 || time.Since(t.at) < trimEvery {
		return
	}
	t.at = time.Now()
	for conn := range t.readers {
		t.on(ctx, conn, taken)
	}
}

// on trims the logs of one connection.
func (t *trimmer) on(ctx context.Context, conn string, taken map[*route]kafka.Offsets) {
	admin, done := t.eng.admins[conn], t.done[conn]
	below := kafka.Offsets{}
	for topic, routes := range t.readers[conn] {
		back := topic == routes[0].replayLog()
		if back && t.looked[topic] && !routes[0].sentBack.Load() {
			continue // nothing came by it
		}
		var least kafka.Offsets
		for _, r := range routes {
			at := taken[r]
			if r.loop.group == nil {
				at = t.committed(ctx, admin, r)
			}
			least = both(least, at, topic)
		}
		for tp, at := range least {
			t.looked[topic] = true
			if routes[0].plan.Source.File != nil && !back {
				at-- // the last record says how far the file was read
			}
			if at > done[tp] {
				below[tp] = at
			}
		}
	}
	if len(below) == 0 {
		return
	}
	err := t.delete(ctx, admin, below)
	if err == nil {
		maps.Copy(done, below)
	} else if !t.said && ctx.Err() == nil {
		t.said = true
		t.eng.log.Warn("the logs of requests are not trimmed", "error", err)
	}
}

// delete cuts partitions, but for those that somebody has cut further: of a position
// that is gone some brokers make an error.
func (t *trimmer) delete(ctx context.Context, admin *kafka.Admin, below kafka.Offsets) error {
	topics := map[string]bool{}
	for tp := range below {
		topics[tp.Topic] = true
	}
	starts, err := admin.StartOffsets(ctx, slices.Collect(maps.Keys(topics))...)
	if err != nil {
		return err
	}
	cut := maps.Clone(below)
	maps.DeleteFunc(cut, func(tp kafka.TP, at int64) bool { return at <= starts[tp] })
	if len(cut) == 0 {
		return nil
	}
	return admin.DeleteRecords(ctx, cut)
}

// committed gives what the brokers have as the positions of a route.
func (t *trimmer) committed(ctx context.Context, admin *kafka.Admin, r *route) kafka.Offsets {
	cs, err := admin.Committed(ctx, r.groupName())
	if err != nil {
		return nil // the next look tells
	}
	at := kafka.Offsets{}
	for tp, c := range cs {
		at[tp] = c.Offset
	}
	return at
}

// both is the lesser position of two in each partition of a topic; one that either does
// not have is left out. least is nil where there is nothing to compare with yet.
func both(least, at kafka.Offsets, topic string) kafka.Offsets {
	out := kafka.Offsets{}
	for tp, n := range at {
		if tp.Topic != topic {
			continue
		}
		if least != nil {
			other, ok := least[tp]
			if !ok {
				continue
			}
			n = min(n, other)
		}
		out[tp] = n
	}
	return out
}
