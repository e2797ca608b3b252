package engine

import (
	"context"
	"time"

	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/task"
)

// told is the answer of a call on its way to the own log of its group.
type told struct {
	p     *running
	value []byte
	call  []byte // its name
	small bool   // it is a fault that takes the place of one
}

const tellRetry = time.Second

// tellAnswers appends answers until ctx ends. What is not on the log by then is asked for
// again by the next start.
func (g *group) tellAnswers(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.answers.wake:
		}
		for _, x := range g.answers.take() {
			g.tellAnswer(ctx, x)
		}
	}
}

// tellAnswer appends one, and again until it stands there. An answer that the log can
// never take, since it is larger than any record there may be, is a fault of the call.
func (g *group) tellAnswer(ctx context.Context, x told) {
	if x.p.until.Load() == 0 { // given up: whoever goes on asks again
		return
	}
	e, again := g.loop.eng, func() { time.AfterFunc(tellRetry, func() { g.answers.push(x) }) }
	if !x.p.mayWrite(time.Now()) { // I6
		again()
		return
	}
	e.producers[g.conn].Send(ctx, kafka.Record{Topic: g.ownName, Value: x.value, Timestamp: event.NoTime}, func(res kafka.Result) {
		switch {
		case res.Class == kafka.Accepted || ctx.Err() != nil:
		case res.Class == kafka.Refused && !x.small:
			e.log.Warn("an answer does not fit the own log", "group", g.plan.Name, "topic", g.ownName, "bytes", len(x.value), "error", res.Err)
			x.small, x.value = true, task.AnswerNote(x.call, &event.Answer{Fault: "the answer is larger than a record of " + g.ownName + " may be (max.message.bytes)", At: time.Now().UnixMicro()})
			g.answers.push(x)
		default:
			e.log.Warn("an answer cannot be written down; trying again", "group", g.plan.Name, "error", res.Err)
			again()
		}
	})
}
