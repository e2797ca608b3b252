package engine

// GCPercent and MemoryLimit are what a process that does nothing but run a program
// should tell Go's collector (debug.SetGCPercent, debug.SetMemoryLimit). Most of
// what lives is records on their way, within declared caps (I7), and most of what
// dies is memory of requests: a collection at five times the living saves most of
// the collector's work, and the limit keeps that from costing memory.
const GCPercent = 400

// MemoryLimit is the limit for a program of so many routes, in bytes.
func MemoryLimit(routes int) int64 {
	return baseMemory + int64(max(0, routes-usualRoutes))*routeMemory
}

const (
	baseMemory  = 256 << 20 // twice what lives under full load
	usualRoutes = 4
	routeMemory = 16 << 20 // clients, their buffers, frames
)
