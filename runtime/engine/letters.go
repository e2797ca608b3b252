package engine

import (
	"context"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/task"
)

// lettersOut writes the dead letters of a route. A letter that cannot be written
// is tried for ever: its epoch waits, and at its cap the task pauses; nothing is
// skipped.
//
// The producer is the route's own and has a goroutine of its own: a topic that
// takes nothing fills the producer's buffer, and then whoever sends waits. That
// must be neither another route (I8) nor the loop, which could not give a
// partition back.
type lettersOut struct {
	producer *kafka.Producer
	topic    string
	limit    int // bytes of a record there

	*queue[letterTry]

	// The loop's.
	failed []letterTry
	again  time.Time // when they are tried again
}

// letterTry is a letter on its way.
type letterTry struct {
	p     *running
	route *route
	l     *letter.Letter
	ref   task.Ref
}

// letterAck is what became of one.
type letterAck struct {
	letterTry
	result kafka.Result
}

const letterRetry = time.Second

// write writes what is queued until ctx ends; acknowledgements come to the
// route's inbox.
//
// A group decides by what it has stored (task, intents). That is synced before a letter
// is written, so that a loss of power does not take it back: else the record could
// complete when it runs again, with its letter in the topic for somebody to replay.
func (r *route) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.letters.wake:
		}
		tries := r.letters.take()
		if len(tries) > 0 && r.loop.group != nil {
			if err := r.eng.store.Sync(); err != nil {
				for _, try := range tries {
					r.loop.landed(letterAck{try, kafka.Result{Class: kafka.Retry, Err: err}})
				}
				continue
			}
		}
		for _, try := range tries {
			r.writeOne(ctx, try)
		}
	}
}

func (r *route) writeOne(ctx context.Context, try letterTry) {
	landed := func(res kafka.Result) { r.loop.landed(letterAck{try, res}) }
	if !try.p.mayWrite(time.Now()) { // I6
		landed(kafka.Result{Class: kafka.Retry, Err: errLease})
		return
	}
	rec := try.l.Encode(r.letters.limit)
	if privacy := &r.eng.privacy; len(try.l.Persons) > 0 {
		if privacy.forgotten(try.l.Persons) {
			rec = letter.Tombstone(rec.Key)
			rec.PartitionKey = try.l.Order
		}
		told := landed
		landed = func(res kafka.Result) {
			// The pass over the topic may have begun before this letter was in it.
			if res.Class == kafka.Accepted && rec.Value != nil && privacy.forgotten(try.l.Persons) {
				privacy.erase(lateLetter{via(r.plan.Source.Via), r.letters.topic, res.Partition, rec.Key})
			}
			told(res)
		}
	}
	if rec.Timestamp > time.Now().UnixMilli() {
		// A broker refuses what claims to be of a later hour, and a record whose time
		// lies ahead is just what becomes a letter; the envelope keeps its time.
		rec.Timestamp = event.NoTime
	}
	out := kafka.Record{
		Topic: r.letters.topic, Key: rec.Key, Value: rec.Value, Headers: rec.Headers, Timestamp: rec.Timestamp, PartitionKey: rec.PartitionKey,
	}
	if rec.Topic != "" { // a tombstone, behind its letter
		out.Topic, out.Partition = rec.Topic, &rec.Partition
	}
	r.letters.producer.Send(ctx, out, landed)
}

// acked takes what became of a letter.
func (r *route) acked(a letterAck) {
	if a.result.Class == kafka.Accepted {
		a.p.letters--
		a.p.task.LetterAcked(a.ref)
		if tell := r.eng.cfg.Letter; tell != nil && a.l.Gone == nil {
			tell(a.l)
		}
		if len(r.letters.failed) == 0 && r.eng.health.Clear(r.lettersCondition()) {
			r.eng.log.Info("dead letters are written again", "route", r.plan.Name)
		}
		return
	}
	if a.p.task.State() == task.Closed {
		return
	}
	if a.result.Class == kafka.Refused && !a.l.ByReference {
		// Larger than the topic takes, whatever its limit was believed to be: the
		// letter without the value, which is read at its origin.
		a.l.ByReference = true
	}
	if r.eng.health.Set(r.lettersCondition(), "the dead topic "+r.letters.topic+" cannot be written: "+a.result.Err.Error()+"; the route waits with it, nothing is skipped", time.Now()) {
		r.eng.log.Error("dead letter not written; the route waits with it", "route", r.plan.Name, "topic", r.letters.topic, "error", a.result.Err)
	}
	r.letters.failed = append(r.letters.failed, a.letterTry)
	r.letters.again = time.Now().Add(letterRetry)
}

func (r *route) lettersCondition() string { return "dead letters of " + r.plan.Name }

// retryLetters tries those again that could not be written.
func (r *route) retryLetters(now time.Time) {
	if len(r.letters.failed) == 0 || now.Before(r.letters.again) {
		return
	}
	tries := r.letters.failed[:0]
	for _, t := range r.letters.failed {
		if t.p.task.State() != task.Closed {
			tries = append(tries, t)
		}
	}
	r.letters.push(tries...)
	r.letters.failed = nil
}
