package dedupe

import "sync/atomic"

// DefaultBudget is what the memories of a process may hold where nothing is
// declared, in bytes.
const DefaultBudget = 1 << 30

// Budget is the memory that the tables of a process share. A table that grows is
// never refused: who runs records asks before one (Over) and stops reading (I7).
// It counts what the tables hold; what shards that grew have left behind stays in
// the process until a garbage collection, by Go's defaults as much again.
// It may be used by several goroutines.
type Budget struct {
	limit  int64
	held   atomic.Int64
	beside atomic.Int64
}

// NewBudget makes a budget of so many bytes; 0 or less: DefaultBudget.
func NewBudget(limit int64) *Budget {
	if limit <= 0 {
		limit = DefaultBudget
	}
	return &Budget{limit: limit}
}

// Limit is what the tables may hold, in bytes.
func (b *Budget) Limit() int64 { return b.limit }

// Held is what they hold, in bytes.
func (b *Budget) Held() int64 { return b.held.Load() }

// Beside counts memory that states hold beside the tables and that has no limit: what
// must be there as a whole, such as people.
func (b *Budget) Beside(by int64) { b.beside.Add(by) }

// All is what the tables hold and what is beside them, in bytes.
func (b *Budget) All() int64 { return b.held.Load() + b.beside.Load() }

// Over tells whether the tables hold too much. One that has stopped for it (was) goes
// on only when a tenth of the budget is free, so that it does not stop again at once.
func (b *Budget) Over(was bool) bool {
	if was {
		return b.Held() > b.limit-b.limit/10
	}
	return b.Held() > b.limit
}
