package main

import (
	"sync/atomic"
	"time"
)

// latency is a histogram of milliseconds.
type latency struct {
	ms    [120_000]atomic.Uint32 // the last bucket holds what is longer
	count atomic.Uint64
}

func (l *latency) add(d time.Duration) {
	l.ms[max(0, min(int(d.Milliseconds()), len(l.ms)-1))].Add(1)
	l.count.Add(1)
}

// quantile gives the time below which a share of what was added lies.
func (l *latency) quantile(q float64) time.Duration {
	want, seen := uint64(q*float64(l.count.Load())), uint64(0)
	for i := range l.ms {
		seen += uint64(l.ms[i].Load())
		if seen > want {
			return time.Duration(i) * time.Millisecond
		}
	}
	return 0
}
