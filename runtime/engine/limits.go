package engine

import "github.com/sluice-dev/sluice/lang/plan"

// GCPercent and MemoryLimit are what a process that does nothing but run a program
// should tell Go's collector (debug.SetGCPercent, debug.SetMemoryLimit). Most of
// what lives is records on their way, within declared caps (I7), and most of what
// dies is memory of requests: a collection at five times the living saves most of
// the collector's work, and the limit keeps that from costing memory.
const GCPercent = 400

// MemoryLimit is the limit for a program that reads so many partitions and whose
// deduplication and people hold so many bytes (Config.Holds). It must leave room: a
// collector that meets its limit does nothing else.
func MemoryLimit(p *plan.Plan, partitions int, keys int64) int64 {
	limit := int64(baseMemory) + int64(max(0, len(p.Routes)-usualRoutes))*routeMemory + int64(max(0, partitions-usualPartitions))*partitionMemory
	if len(p.Groups) > 0 {
		limit += storeMemory + keys
	}
	return limit
}

const (
	baseMemory      = 256 << 20 // twice what lives under full load
	usualRoutes     = 4
	routeMemory     = 16 << 20 // clients, their buffers, frames
	usualPartitions = 8
	partitionMemory = 12 << 20  // what is fetched of it, its epochs
	storeMemory     = 512 << 20 // the store's memtables, caches and compactions
)
