package engine

// What a process that does nothing but run a program should tell Go's collector
// (debug.SetGCPercent, debug.SetMemoryLimit). Most of what lives is records on
// their way, within declared caps (I7), and most of what dies is fetched batches: a
// collection at four times the living costs little memory and saves most of the
// collector's time. The limit keeps that from growing where many routes run.
const (
	GCPercent   = 400
	MemoryLimit = 256 << 20 // bytes
)
