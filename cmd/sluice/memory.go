package main

import (
	"os"
	"runtime/debug"

	"github.com/sluice-dev/sluice/lang/plan"
	"github.com/sluice-dev/sluice/runtime/engine"
)

// tuneMemory sets Go's collector for a process that runs a program, unless GOGC or
// GOMEMLIMIT say otherwise. Not beside an embedded broker, whose memory is not the
// program's. It gives what is to be told what the program holds.
func tuneMemory(p *plan.Plan, embedded bool) (holds func(partitions int, keys int64)) {
	if embedded || os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return nil
	}
	debug.SetGCPercent(engine.GCPercent)
	limit := func(partitions int, keys int64) { debug.SetMemoryLimit(engine.MemoryLimit(p, partitions, keys)) }
	limit(0, 0)
	return limit
}
