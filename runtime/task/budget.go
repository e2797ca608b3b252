package task

import (
	"sync"
	"sync/atomic"
)

// Caps bound what a task may have in flight (I7).
type Caps struct {
	Bytes   int64 // of one partition; 0: 32 MiB
	Records int64 // of one partition; 0: 50,000
	Parked  int64 // bytes of records that wait for answers; 0: 64 MiB
}

// The caps (I7).
const (
	partitionBytes   = 32 << 20
	partitionRecords = 50_000
	// ProcessBytes is the process's cap, for NewBudget.
	ProcessBytes = 96 << 20
)

// A source pauses at 80 % of a cap and resumes at 40 %: resuming costs a fetch, as
// what the client had buffered of the partition is thrown away.
const (
	pauseAt  = 80
	resumeAt = 40
)

// Budget is the memory that all tasks of a process share (I7). Half of it is cut
// into equal shares that no other task can take; what a task has above its share
// comes out of the other half. So a route whose connection stands still fills
// what is common and its own, and never stops its neighbours (I8).
//
// It is the only thing here that several goroutines use at once.
type Budget struct {
	limit  int64
	tasks  atomic.Int64
	common atomic.Int64 // bytes above shares

	mu   sync.Mutex
	free []*epoch // what one task has done with, another may use
	kept int      // bytes of free
}

// keptEpochs bounds the memory of epochs that wait for their next use, in bytes. A
// sync.Pool would forget them just when memory is short and they are needed most.
const keptEpochs = 48 << 20

// NewBudget makes a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{limit: bytes} }

// epoch gives an empty epoch.
func (b *Budget) epoch() *epoch {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.free)
	if n == 0 {
		return &epoch{}
	}
	e := b.free[n-1]
	b.free[n-1] = nil
	b.free = b.free[:n-1]
	b.kept -= e.size()
	return e
}

// recycle takes an empty one back.
func (b *Budget) recycle(e *epoch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.kept + e.size(); n <= keptEpochs {
		b.free, b.kept = append(b.free, e), n
	}
}

// share is what each task has for itself, in bytes.
func (b *Budget) share() int64 { return b.limit / 2 / max(1, b.tasks.Load()) }

// above is what n bytes take from the common half.
func (b *Budget) above(n int64) int64 { return max(0, n-b.share()) }

// use tells the budget that a task's bytes above its share changed.
func (b *Budget) use(delta int64) { b.common.Add(delta) }

// over tells whether a task with n bytes is over percent of what it may have: of
// its share, where the common half is used to percent, too.
func (b *Budget) over(n, percent int64) bool {
	return n > b.share()*percent/100 && b.common.Load() >= b.limit/2*percent/100
}
