package main

import (
	"os"
	"runtime/debug"

	"github.com/sluice-dev/sluice/runtime/engine"
)

// tuneMemory sets Go's collector for a process that runs a program, unless GOGC or
// GOMEMLIMIT say otherwise. Not beside an embedded broker, whose memory is not the
// program's.
func tuneMemory(routes int, embedded bool) {
	if embedded || os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetGCPercent(engine.GCPercent)
	debug.SetMemoryLimit(engine.MemoryLimit(routes))
}
