package state

// Guard decides from the free space of a disk whether a store may go on writing:
// Badger maps its logs, so on a full disk the process dies by SIGBUS, and again at
// each start until there is room (I10). It pauses below a limit, and goes on at
// twice that, so that it does not flutter.
type Guard struct {
	least  uint64
	paused bool
}

// NewGuard makes one that pauses below so many bytes.
func NewGuard(least uint64) *Guard { return &Guard{least: least} }

// Least is the free space below which it pauses, in bytes.
func (g *Guard) Least() uint64 { return g.least }

// Judge takes the free space now, in bytes, and tells whether the store may be
// written.
func (g *Guard) Judge(free uint64) bool {
	limit := g.least
	if g.paused {
		limit *= 2
	}
	g.paused = free < limit
	return !g.paused
}

// mostLeast is the largest limit that a guard has by itself: a disk of that much
// free space has other troubles.
const mostLeast = 2 << 30

// LeastFree is the limit of a guard for a store with memtables of that size
// (Options.MemTable; 0: the default) on a disk of so many bytes: a tenth of it, at
// least what Badger may write of itself before anybody looks again (all its
// memtables, their tables, and as much in compactions), at most 2 GiB.
func LeastFree(memTable int64, disk uint64) uint64 {
	if memTable == 0 {
		memTable = DefaultMemTable
	}
	own := uint64(5 * memTables * max(memTable, MinMemTable))
	return min(max(disk/10, own), max(mostLeast, own))
}
