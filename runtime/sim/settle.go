package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/sluice-dev/sluice/runtime/deliver"
)

// sliceRecords is how many records Settle gives to a task at once.
const sliceRecords = 500

// Settle does everything that follows while the clock stands still.
func (w *World) Settle() {
	for w.step() {
	}
}

// SettleUnpersisted does everything that follows but persist and commit: a crash
// behind it has everything read again.
func (w *World) SettleUnpersisted() {
	w.holds = true
	w.Settle()
	w.holds = false
}

// step lets every process do what it can, once; false when nothing was left.
func (w *World) step() bool {
	did := false
	for _, p := range slices.Clone(w.procs) {
		did = p.step() || did
	}
	return did
}

func (p *process) step() bool {
	did := p.assigned()
	for _, r := range p.live() {
		for _, in := range r.inputs {
			did = in.poll(sliceRecords) || did
			did = in.run() || did
		}
	}
	did = p.exchange() || did
	for _, r := range p.live() {
		did = r.hold() || did
	}
	if p.w.holds {
		return did
	}
	due := p.w.due()
	for _, r := range p.live() {
		did = r.persist() || did
	}
	for _, r := range p.tasks {
		if due {
			did = r.commit() || did
		}
	}
	if due {
		p.w.committedAt = p.w.now
	}
	return did
}

// exchange sends what may be sent and takes what comes back.
func (p *process) exchange() bool {
	did := false
	for _, s := range p.scheds {
		for p.send(s) != nil {
			did = true
		}
	}
	for _, f := range slices.Clone(p.flights) {
		f.arrive()
		p.answer(f, false)
		did = true
	}
	for _, x := range slices.Clone(p.writes) {
		p.put(x)
		p.ack(x, false)
		did = true
	}
	for _, a := range slices.Clone(p.appends) {
		p.land(a)
		did = true
	}
	return did
}

// Advance moves the clock on, from one due time to the next, and settles at each.
// What stands still while the clock moves is idle.
func (w *World) Advance(d time.Duration) {
	w.Settle() // a schedule begins with its process, whether there was an input or not
	for end := w.now + int64(d); ; {
		at := min(end, w.nextTick(), w.wake(), w.timersDue())
		w.moveTo(at)
		w.Settle()
		w.look()
		w.Settle()
		if at == end {
			return
		}
	}
}

// look has every task of a group see the ends of its inputs.
func (w *World) look() {
	for _, p := range w.procs {
		for _, r := range p.live() {
			for _, in := range r.inputs {
				in.look()
			}
		}
	}
}

// wake is the next time at which anything is due.
func (w *World) wake() int64 {
	at := deliver.Never
	for _, p := range w.procs {
		for _, s := range p.scheds {
			at = min(at, max(s.wake, w.now+1))
		}
	}
	return at
}

// moveTo sets the clock; processes that are awake have sent their heartbeats
// and told the ticks that are due.
func (w *World) moveTo(at int64) {
	w.now = max(w.now, at)
	for _, p := range w.procs {
		if !p.frozen && !p.zombie {
			p.heartbeat()
			p.tick()
		}
	}
}

// finishLimit is how long Finish lets what is under way wait, on the world's
// clock: longer than any retry.
const (
	finishLimit = 72 * time.Hour
	finishTurns = 100_000
)

// Finish lets what is being sent come to its end, with its waits. It fails where
// something does not.
func (w *World) Finish() error {
	limit := w.now + int64(finishLimit)
	for turns := 0; ; turns++ {
		w.Settle()
		if !w.busy() {
			break
		}
		at := w.wake()
		if at > limit || turns > finishTurns {
			return fmt.Errorf("after %s something still waits to be sent", finishLimit)
		}
		w.moveTo(at)
	}
	w.commitAll()
	return nil
}

// busy tells whether anything has not come to its end.
func (w *World) busy() bool {
	for _, p := range w.procs {
		for _, r := range p.live() {
			if n, _ := r.task.InFlight(); n > 0 || r.holding() || r.task.Parked() > 0 {
				return true
			}
		}
	}
	return false
}

func (w *World) commitAll() {
	for _, p := range w.procs {
		for _, r := range p.tasks {
			r.commit()
		}
	}
	w.committedAt = w.now
}

// Restart stops the processes as a signal would, lets what is under way end as
// far as the clock allows, commits, and starts one process anew.
func (w *World) Restart() {
	for _, p := range slices.Clone(w.procs) {
		p.stop()
	}
	w.start()
	w.Settle()
}

func (p *process) stop() {
	p.leaving = true
	for _, r := range p.live() {
		r.close(false)
	}
	for p.exchange() {
		for _, r := range p.live() {
			r.persist()
		}
	}
	for _, r := range p.live() {
		r.finish()
	}
	for _, r := range p.tasks {
		r.commit()
	}
	p.w.logf("stop     process %d", p.n)
	p.w.gone(p)
}

// Crash kills the processes and starts one anew: what was not committed is read
// again.
func (w *World) Crash() {
	for _, p := range slices.Clone(w.procs) {
		w.kill(p)
	}
	w.start()
	w.Settle()
}
