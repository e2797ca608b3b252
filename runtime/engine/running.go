package engine

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/kafka"
	"github.com/sluice-dev/sluice/runtime/letter"
	"github.com/sluice-dev/sluice/runtime/task"
)

// running is a task and what carries its effects out. Only its loop touches it, and
// one goroutine of the loop's while a slice runs. A partition that comes back gets a
// new one, so late answers reach an object that nobody asks any more.
type running struct {
	loop   *loop
	task   *task.Task
	inputs []*input         // by the number the task knows them by
	owners []*deliver.Owner // by the index of loop.conns
	until  atomic.Int64     // I6: end of the lease, for the writers of letters; 0: given up

	effects []task.Effect   // not carried out yet, oldest first
	outs    []*event.Output // reused
	letters int             // handed to a writer, not acknowledged
	endBy   int64           // of a task that closes: when its time is up; 0: it does not
}

// input is one partition that a task reads.
type input struct {
	run     *running
	number  int    // the task's
	route   *route // nil: the own log
	tp      kafka.TP
	id      event.TopicID
	from    int64 // where it was when it was assigned
	end     int64 // end of the partition on the broker when last told
	taken   int64 // before it everything was stored, as the task last told
	paused  pauses
	stopped bool // its log went back: nothing more of it is read
}

// pauses are the reasons for which a partition is not fetched.
type pauses uint8

const (
	byTask   pauses = 1 << iota // its caps, or another input's turn
	byStore                     // the store takes nothing
	byMemory                    // the memories of deduplication are full
)

// pause stops the fetching of a partition for one reason more, and resume for one
// less.
func (in *input) pause(why pauses) {
	if in.paused == 0 && in.route != nil {
		in.route.consumer.Pause(in.tp)
	}
	in.paused |= why
}

func (in *input) resume(why pauses) {
	if in.paused&why == 0 {
		return
	}
	in.paused &^= why
	if in.paused == 0 && in.route != nil && !in.stopped {
		in.route.consumer.Resume(in.tp)
	}
}

// errLease is why a letter was not sent.
var errLease = errors.New("the broker has not heard from this process for half a session")

func newRunning(l *loop) *running {
	p := &running{loop: l}
	for range l.conns {
		p.owners = append(p.owners, deliver.NewOwner(p))
	}
	return p
}

// records gives a slice to the task; the effects come with settle.
func (in *input) records(s *kafka.Slice, now int64) {
	in.end = s.End
	if in.replays() {
		in.route.sentBack.Store(true)
	}
	if err := in.run.task.Records(in.number, s.Records, s.Next, now); err != nil {
		in.route.wentBack(in, err)
	}
}

// settle persists what has ended and carries the task's effects out, in order. Where
// the store takes nothing the rest waits, and with it all that comes behind.
func (p *running) settle(now int64) {
	for {
		p.task.Persist(now)
		p.effects = p.task.Effects(p.effects)
		if len(p.effects) == 0 {
			return
		}
		done, again := 0, false
		for ; done < len(p.effects); done++ {
			ok, more := p.perform(&p.effects[done], now)
			if !ok {
				break
			}
			again = again || more
		}
		rest := copy(p.effects, p.effects[done:])
		clear(p.effects[rest:]) // what is done must not keep arenas and letters alive
		p.effects = p.effects[:rest]
		if rest > 0 || !again {
			return
		}
	}
}

// close begins the end of the task: what is under way may end until deadline.
func (p *running) close(now, deadline int64) {
	p.endBy = deadline
	p.task.Close(now, deadline)
	p.settle(now)
}

// tick looks at deadlines. A task that cannot even be stored when its time is up is
// let go of: what it did not store runs again.
func (p *running) tick(now int64) {
	p.task.Tick(now)
	p.settle(now)
	if p.endBy > 0 && now >= p.endBy && len(p.effects) > 0 {
		p.lose()
	}
}

// lose ends the task at once; what the store did not take yet is not written any more
// (I6).
func (p *running) lose() {
	p.purge()
	clear(p.effects)
	p.effects = p.effects[:0]
	p.task.Lose()
}

// perform carries one effect out; not ok where the store does not take it now. more
// tells that the task has something to say to it.
func (p *running) perform(e *task.Effect, now int64) (ok, more bool) {
	switch e.Kind {
	case task.Send:
		p.send(e.Outs, now)
	case task.Produce:
		p.letters++
		r := p.loop.routes[e.Route]
		r.letters.push(letterTry{p, r, e.Letter, e.Ref})
	case task.Pause:
		p.inputs[e.Input].pause(byTask)
	case task.Resume:
		p.inputs[e.Input].resume(byTask)
	case task.Watermark:
		if in := p.inputs[e.Input]; in.route != nil {
			in.route.dirty[in.tp], in.taken = e.Offset, e.Offset
		} else {
			p.loop.group.applied = e.Offset
		}
	case task.Intend, task.Commit:
		if !p.loop.group.commit(e.Writes) {
			return false, false
		}
		if e.Kind == task.Commit {
			p.task.Committed(e.Ref)
			return true, true
		}
	case task.Append:
		p.loop.group.append(e.Value)
	case task.Tell:
		p.loop.group.answers.push(told{p: p, value: e.Value, call: e.Call})
	case task.Erase:
		p.letters++
		p.loop.eng.erasures.push(erasure{p, e.Keys, e.Ref})
	case task.Refused:
		p.loop.log.Error("a command was refused", "group", p.loop.name, "command", letter.Mask(string(e.Value)), "reason", e.Fail.Message)
	case task.Ended:
		if e.Offset == task.NoOffset { // I6
			for _, in := range p.inputs {
				if in.route != nil {
					delete(in.route.dirty, in.tp)
				}
			}
		}
	}
	return true, false
}

// send gives outputs to the schedulers of their connections, runs of one emit
// target at a time, in order.
func (p *running) send(outs []event.Output, now int64) {
	for i := 0; i < len(outs); {
		r := p.loop.routes[outs[i].Route]
		t := r.target(&outs[i])
		p.outs = p.outs[:0]
		for ; i < len(outs) && p.loop.routes[outs[i].Route] == r && sameTarget(r.target(&outs[i]), t); i++ {
			p.outs = append(p.outs, &outs[i])
		}
		p.loop.conns[t.conn].push(p.outs, p.owners[t.conn], t.index, r.priority, now)
	}
	clear(p.outs)
}

// target is where an output goes.
func (r *route) target(o *event.Output) *target {
	if o.Alone {
		return &r.calls[o.Emit]
	}
	return &r.targets[o.Emit]
}

func sameTarget(a, b *target) bool { return a.conn == b.conn && a.index == b.index }

// lease moves the end of the lease everywhere (I6).
func (p *running) lease(until int64) {
	p.until.Store(until)
	p.task.Lease(until)
	for i, c := range p.loop.conns {
		c.lease(p.owners[i], until)
	}
}

// mayWrite tells whether a letter of the task may be sent (I6).
func (p *running) mayWrite(now time.Time) bool { return now.UnixNano() < p.until.Load() }

// purge takes everything of the task that is not on the wire back from the
// schedulers (I6).
func (p *running) purge() {
	for i, c := range p.loop.conns {
		c.purge(p.owners[i])
	}
}

// onWire counts its outputs in requests that have no answer yet.
func (p *running) onWire() int {
	n := 0
	for i, c := range p.loop.conns {
		n += c.onWire(p.owners[i])
	}
	return n
}

// quiet tells whether nothing of the task is under way: no request without an
// answer, no letter without its acknowledgement, but for those that a dead topic
// does not take.
func (p *running) quiet() bool {
	return p.onWire() == 0 && (p.letters == 0 || p.loop.failedLetters())
}

// stuck tells whether nothing of the task can end before deadline: it is quiet, and
// all that waits, waits for connections that take nothing.
func (p *running) stuck(now, deadline int64) bool {
	if !p.quiet() {
		return false
	}
	waits := p.letters > 0 || len(p.effects) > 0
	for i, c := range p.loop.conns {
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
