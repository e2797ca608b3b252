package engine

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/op"
	"github.com/sluice-dev/sluice/runtime/task"
)

// partition is one assigned partition of a route: its task and what carries the
// task's effects out. Only the route's loop touches it, and one goroutine of the
// loop's while a slice runs. A partition that comes back gets a new one, so late
// answers reach an object that nobody asks any more.
type partition struct {
	route  *route
	tp     kafka.TP
	task   *task.Task
	frame  *op.Frame
	owners []*deliver.Owner // by the index of route.conns
	until  atomic.Int64     // I6: end of the lease, for the writer of letters; 0: given up

	effects []task.Effect   // reused
	outs    []*event.Output // reused
	end     int64           // end of the partition on the broker when last polled
	last    int64           // what an Ended effect left to be committed, or NoOffset
	letters int             // handed to the writer, not acknowledged
	stopped bool            // its log went back: nothing more of it is read
}

// errLease is why a letter was not sent.
var errLease = errors.New("the broker has not heard from this process for half a session")

func (r *route) newPartition(a kafka.Assignment) *partition {
	p := &partition{route: r, tp: a.TP, frame: r.op.NewFrame(), last: task.NoOffset, end: a.Offset}
	now := time.Now().UnixNano()
	p.task = task.New(task.Config{Routes: []*plan.Route{r.plan}, Runner: p, Budget: r.eng.budget})
	p.task.Open(nil, []task.Input{{Topic: a.Topic, TopicID: a.TopicID, Partition: a.Partition, Next: a.Offset}}, now)
	for range r.conns {
		p.owners = append(p.owners, deliver.NewOwner(p))
	}
	return p
}

// Run runs one record, for the task.
func (p *partition) Run(_ int, rec *event.Record, now time.Time, out *event.Arena) event.Outcome {
	return p.route.op.Run(p.frame, rec, now, out)
}

// Due is never called: a task without state has no timers.
func (p *partition) Due(int, int64, []byte) (int, *event.Record) {
	panic("engine: a timer of a route without state")
}

// settle persists what has ended and carries the task's effects out.
func (p *partition) settle(now int64) {
	p.task.Persist(now)
	p.effects = p.task.Effects(p.effects[:0])
	for i := range p.effects {
		e := &p.effects[i]
		switch e.Kind {
		case task.Send:
			p.send(e.Outs, now)
		case task.Produce:
			p.letters++
			p.route.letters.push(letterTry{p, e.Letter, e.Ref})
		case task.Pause:
			p.route.group.Pause(p.tp)
		case task.Resume:
			if !p.stopped {
				p.route.group.Resume(p.tp)
			}
		case task.Watermark:
			p.route.dirty[p.tp] = e.Offset
		case task.Ended:
			p.last = e.Offset
		}
	}
	clear(p.effects)
}

// send gives outputs to the schedulers of their connections, runs of one emit
// target at a time, in order.
func (p *partition) send(outs []event.Output, now int64) {
	for i := 0; i < len(outs); {
		t := &p.route.targets[outs[i].Emit]
		p.outs = p.outs[:0]
		for ; i < len(outs) && sameTarget(&p.route.targets[outs[i].Emit], t); i++ {
			p.outs = append(p.outs, &outs[i])
		}
		p.route.conns[t.conn].push(p.outs, p.owners[t.conn], t.index, p.route.priority, now)
	}
	clear(p.outs)
}

func sameTarget(a, b *target) bool { return a.conn == b.conn && a.index == b.index }

// lease moves the end of the lease everywhere (I6).
func (p *partition) lease(until int64) {
	p.until.Store(until)
	p.task.Lease(until)
	for i, c := range p.route.conns {
		c.lease(p.owners[i], until)
	}
}

// mayWrite tells whether a letter of the partition may be sent (I6).
func (p *partition) mayWrite(now time.Time) bool { return now.UnixNano() < p.until.Load() }

// purge takes everything of the partition that is not on the wire back from the
// schedulers (I6).
func (p *partition) purge() {
	for i, c := range p.route.conns {
		c.purge(p.owners[i])
	}
}

// onWire counts its outputs in requests that have no answer yet.
func (p *partition) onWire() int {
	n := 0
	for i, c := range p.route.conns {
		n += c.onWire(p.owners[i])
	}
	return n
}

// quiet tells whether nothing of the partition is under way: no request without
// an answer, no letter without its acknowledgement, but for those that the dead
// topic does not take.
func (p *partition) quiet() bool {
	return p.onWire() == 0 && (p.letters == 0 || len(p.route.letters.failed) > 0)
}

// stuck tells whether nothing of the partition can end before deadline: it is
// quiet, and all that waits, waits for connections that take nothing.
func (p *partition) stuck(now, deadline int64) bool {
	if !p.quiet() {
		return false
	}
	waits := p.letters > 0
	for i, c := range p.route.conns {
		switch waiting, onWire := c.load(p.owners[i]); {
		case onWire > 0:
			return false
		case waiting > 0:
			if !c.blocked(now, deadline) {
				return false
			}
			waits = true
		}
	}
	return waits
}
