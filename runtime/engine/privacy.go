package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/state"
)

// privacy erases the letters of people who were forgotten: those that stand in the
// dead topics, by a pass over them in the background, and those that are written
// later (of an output that was under way), where they are written.
//
// Who is to be erased is stored before the record that forgot them persists, so a
// crash delays a pass and loses none. When it is done only hashes stay, for a while.
type privacy struct {
	mu    sync.Mutex
	known map[state.ErasedSum]struct{}
	queue []*state.Erased
	late  []lateLetter
	wake  chan struct{} // holds one: there is something to do
}

// lateLetter is a letter that was on its way when its person was forgotten.
type lateLetter struct {
	conn, topic string
	partition   int32
	id          []byte
}

const (
	// keepErased is how long letters that come later are known by hashes: an output
	// is given up after a day, and a stopped program may hold one for longer.
	keepErased = 30 * 24 * time.Hour
	eraseAgain = 10 * time.Second // after a pass that failed
	eraseLast  = 5 * time.Second  // a pass at the end of the program
)

const eraseCondition = "letters of people who were forgotten"

// loadErased reads who was forgotten in an earlier life.
func (e *Engine) loadErased(now time.Time) error {
	if e.store == nil {
		return nil
	}
	all, err := state.ReadErased(e.store)
	if err != nil {
		return err
	}
	var old []state.Write
	for _, x := range all {
		if x.Keys == nil && now.Sub(time.UnixMilli(x.At)) > keepErased {
			old = append(old, x.Remove())
			continue
		}
		e.privacy.add(x)
	}
	if len(old) == 0 {
		return nil
	}
	return e.store.Commit(old)
}

// add takes a person; a pass is due where they have keys.
func (p *privacy) add(x *state.Erased) {
	p.mu.Lock()
	for _, s := range x.Sums {
		p.known[s] = struct{}{}
	}
	if x.Keys != nil {
		p.queue = append(p.queue, x)
	}
	p.mu.Unlock()
	signal(p.wake)
}

// forgotten tells whether one of some persons, by their ids, was.
func (p *privacy) forgotten(persons []string) bool {
	if len(persons) == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(persons, func(id string) bool {
		// Whoever comes back with an identifier is somebody else.
		_, ok := p.known[state.SumErased(id)]
		return ok && letter.IsPerson(id)
	})
}

func (p *privacy) erase(l lateLetter) {
	p.mu.Lock()
	p.late = append(p.late, l)
	p.mu.Unlock()
	signal(p.wake)
}

func (p *privacy) take() ([]*state.Erased, []lateLetter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q, late := p.queue, p.late
	p.queue, p.late = nil, nil
	return q, late
}

func (p *privacy) back(q []*state.Erased, late []lateLetter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue, p.late = append(q, p.queue...), append(late, p.late...)
}

// noteErased stores that the letters of a person are to be erased; false where ctx
// ended before.
func (e *Engine) noteErased(ctx context.Context, keys []string) bool {
	x := state.NewErased(keys, time.Now().UnixMilli())
	for {
		why := e.storeStops()
		if why == "" {
			err := e.store.Commit([]state.Write{x.Put()})
			if err == nil {
				e.privacy.add(x)
				return true
			}
			why = err.Error()
		}
		e.log.Warn("a person who is to be forgotten cannot be stored; trying again", "reason", why)
		if !sleep(ctx, eraseRetry) {
			return false
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// eraseLetters makes passes until ctx ends, and a last one then.
func (e *Engine) eraseLetters(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseLast)
			defer cancel()
			e.pass(last)
			return
		case <-e.privacy.wake:
		}
		for !e.pass(ctx) {
			if !sleep(ctx, eraseAgain) {
				break
			}
		}
	}
}

// pass erases the letters of all who wait for it; false where something is left.
func (e *Engine) pass(ctx context.Context) bool {
	queue, late := e.privacy.take()
	if len(queue) == 0 && len(late) == 0 {
		return true
	}
	for i, l := range late {
		if err := e.tombstone(ctx, l); err != nil {
			e.privacy.back(queue, late[i:])
			return e.notErased(err)
		}
	}
	if len(queue) > 0 {
		n, err := e.eraseOf(ctx, queue)
		if err != nil {
			e.privacy.back(queue, nil)
			return e.notErased(err)
		}
		e.log.Info("letters of people who were forgotten are erased", "people", len(queue), "letters", n)
	}
	e.health.Clear(eraseCondition)
	return true
}

func (e *Engine) notErased(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if e.health.Set(eraseCondition, "they cannot be erased: "+err.Error()+"; tried again until they are", time.Now()) {
		e.log.Error("letters of people who were forgotten are not erased; trying again", "error", err)
	}
	return false
}

// eraseOf makes one pass for some people and stores that it is done.
func (e *Engine) eraseOf(ctx context.Context, queue []*state.Erased) (letters int, err error) {
	var keys []string
	for _, x := range queue {
		keys = append(keys, x.Keys...)
	}
	about := letter.NewKeys(keys)
	for _, conn := range slices.Sorted(maps.Keys(e.admins)) {
		topics, err := e.admins[conn].Topics(ctx)
		if err != nil {
			return letters, err
		}
		for _, topic := range slices.Sorted(maps.Keys(topics)) {
			// Also those of routes that the program has no more.
			if !strings.HasPrefix(topic, kafka.DeadPrefix(e.cfg.Plan.App)) {
				continue
			}
			n, err := e.eraseIn(ctx, conn, topic, about)
			letters += n
			if err != nil {
				return letters, err
			}
		}
	}
	var ws []state.Write
	for _, x := range queue {
		done := *x
		done.Keys = nil
		ws = append(ws, done.Put())
	}
	if why := e.storeStops(); why != "" {
		return letters, errors.New(why)
	}
	return letters, e.store.Commit(ws)
}

// eraseIn writes a tombstone behind every letter of a topic that is about one of some
// people, and has none yet.
func (e *Engine) eraseIn(ctx context.Context, conn, topic string, about letter.Keys) (int, error) {
	found, err := e.findLetters(ctx, conn, topic, about)
	var gone *kafka.MissingTopicError
	if errors.As(err, &gone) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for i, l := range found {
		if err := e.tombstone(ctx, l); err != nil {
			return i, err
		}
	}
	return len(found), nil
}

func (e *Engine) findLetters(ctx context.Context, conn, topic string, about letter.Keys) ([]lateLetter, error) {
	cfg := e.cfg.Settings.Kafka[conn]
	cfg.Logger = e.kafkaLog
	r, err := kafka.NewReader(ctx, cfg, e.admins[conn], topic)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	found := map[string]int32{}
	for {
		recs, _, err := r.Poll(ctx, pollWait)
		if err != nil {
			return nil, err
		}
		for i := range recs {
			switch rec := &recs[i]; {
			case rec.Value == nil:
				delete(found, string(rec.Key))
			case about.About(rec.Headers):
				found[string(rec.Key)] = rec.Partition
			}
		}
		if read, total := r.Progress(); read >= total {
			break
		}
	}
	out := make([]lateLetter, 0, len(found))
	for _, id := range slices.Sorted(maps.Keys(found)) {
		out = append(out, lateLetter{conn, topic, found[id], []byte(id)})
	}
	return out, nil
}

// tombstone erases one letter.
func (e *Engine) tombstone(ctx context.Context, l lateLetter) error {
	t := letter.Tombstone(l.id)
	res := e.producers[l.conn].SendSync(ctx, kafka.Record{Topic: l.topic, Key: t.Key, Headers: t.Headers, Timestamp: event.NoTime, Partition: &l.partition})
	if res.Class != kafka.Accepted {
		return fmt.Errorf("topic %s: %w", l.topic, res.Err)
	}
	return nil
}
