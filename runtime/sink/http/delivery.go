package http

import (
	"time"

	"github.com/sluice-dev/sluice/lang/ir"
	"github.com/sluice-dev/sluice/runtime/deliver"
)

// Defaults of delivery over HTTP (language.md §8).
const (
	DefaultRetry = time.Hour
	// batchBytes bounds a body that several outputs make, with room for what is around
	// them in a value of 4 MiB.
	batchBytes = 2 << 20
	// batchCount is of a batch that is bounded by its bytes or time alone.
	batchCount = 50_000
	// batchWait is of a batch that is bounded by its number or bytes alone.
	batchWait = time.Second
)

// Delivery is what a stage says about delivery: c is what its connection says, which
// stands at index of in the scheduler.
func (s *Stage) Delivery(c *ir.Connection, of int) deliver.Connection {
	d := deliver.Connection{Batch: deliver.Limit{Count: 1}, Retry: Retry(c), Of: of + 1}
	if s.req.RetryMS > 0 {
		d.Retry = time.Duration(s.req.RetryMS) * time.Millisecond
	}
	if !s.Batches() {
		return d
	}
	l := s.emit.Batch
	if o := c.Option("batch"); l == (ir.Limit{}) && o != nil && o.Limit != nil {
		l = *o.Limit
	}
	if l == (ir.Limit{}) || l.Count == 1 {
		return d
	}
	d.Batch = deliver.Limit{Count: int(l.Count), Bytes: int(l.Bytes), Linger: time.Duration(l.MS) * time.Millisecond, Wait: true}
	if d.Batch.Count == 0 {
		d.Batch.Count = batchCount
	}
	if d.Batch.Bytes == 0 {
		d.Batch.Bytes = batchBytes
	}
	if d.Batch.Linger == 0 {
		d.Batch.Linger = batchWait
	}
	return d
}

// Retry is how long a connection's outputs are tried.
func Retry(c *ir.Connection) time.Duration {
	if o := c.Option("retry"); o != nil {
		if k, ok := o.X.(*ir.Const); ok {
			if d, ok := k.Value.(time.Duration); ok && d > 0 {
				return d
			}
		}
	}
	return DefaultRetry
}
