//go:build mutant

package sim

import (
	"github.com/sluice-dev/sluice/runtime/deliver"
	"github.com/sluice-dev/sluice/runtime/event"
	"github.com/sluice-dev/sluice/runtime/task"
)

// policy makes tasks and schedulers mutants, and is one itself.
type policy struct {
	ofTask  task.Mutation
	deliver deliver.Mutation
	// stale has a retry state the clock of its first attempt.
	stale bool
	// startMax has a group go on at what its consumer group has committed, where that
	// is further than its store.
	startMax bool
	// trimUnsynced trims an own log to what a loss of power may take back.
	trimUnsynced bool
	first        map[*event.Output]int64
}

func (p *policy) task(t *task.Task) { t.Mutate(p.ofTask) }

func (p *policy) scheduler(s *deliver.Scheduler) { s.Mutate(p.deliver) }

func (p *policy) sentAt(r *deliver.Request, now int64) int64 {
	if !p.stale {
		return now
	}
	if p.first == nil {
		p.first = map[*event.Output]int64{}
	}
	if r.Attempt == 1 {
		p.first[r.Outs[0]] = now
	}
	if at, ok := p.first[r.Outs[0]]; ok {
		return at
	}
	return now
}

func (p *policy) start(applied, committed int64) int64 {
	if p.startMax {
		return max(applied, committed)
	}
	return applied
}

func (p *policy) trim(synced, applied int64) int64 {
	if p.trimUnsynced {
		return applied
	}
	return synced
}
