package engine

import (
	"context"
	"time"

	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/task"
)

// lettersOut writes the dead letters of a route. A letter that cannot be written
// is tried for ever: its epoch waits, and at its cap the task pauses; nothing is
// skipped.
type lettersOut struct {
	producer *kafka.Producer
	topic    string
	limit    int // bytes of a record there
	waiting  []letterTry
	again    time.Time // when the waiting ones are tried
}

// letterTry is a letter on its way.
type letterTry struct {
	p   *partition
	l   *letter.Letter
	ref task.Ref
}

// letterAck is what became of one.
type letterAck struct {
	letterTry
	result kafka.Result
}

const letterRetry = time.Second

// produce writes a letter; its acknowledgement comes to the inbox.
func (r *route) produce(p *partition, l *letter.Letter, ref task.Ref) {
	rec := l.Encode(r.letters.limit)
	try := letterTry{p, l, ref}
	r.letters.producer.Send(context.Background(), kafka.Record{
		Topic: r.letters.topic, Key: rec.Key, Value: rec.Value, Headers: rec.Headers, Timestamp: rec.Timestamp, PartitionKey: rec.PartitionKey,
	}, func(res kafka.Result) {
		r.mu.Lock()
		r.inbox.acks = append(r.inbox.acks, letterAck{try, res})
		r.mu.Unlock()
		signal(r.notify)
	})
}

// acked takes what became of a letter.
func (r *route) acked(a letterAck) {
	if a.result.Class == kafka.Accepted {
		a.p.task.LetterAcked(a.ref)
		if len(r.letters.waiting) == 0 && r.eng.health.Clear(r.lettersCondition()) {
			r.log.Info("dead letters are written again", "route", r.plan.Name)
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
	if r.eng.health.Set(r.lettersCondition(), "the dead topic "+r.letters.topic+" cannot be written: "+a.result.Err.Error(), time.Now()) {
		r.log.Error("dead letter not written; the route waits with it", "route", r.plan.Name, "topic", r.letters.topic, "error", a.result.Err)
	}
	r.letters.waiting = append(r.letters.waiting, a.letterTry)
	r.letters.again = time.Now().Add(letterRetry)
}

func (r *route) lettersCondition() string { return "dead letters of " + r.plan.Name }

// retryLetters tries those that could not be written.
func (r *route) retryLetters(now time.Time) {
	if len(r.letters.waiting) == 0 || now.Before(r.letters.again) {
		return
	}
	tries := r.letters.waiting
	r.letters.waiting = nil
	for _, t := range tries {
		if t.p.task.State() != task.Closed {
			r.produce(t.p, t.l, t.ref)
		}
	}
}
