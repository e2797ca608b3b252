package sim

import (
	"fmt"
	"slices"

	"github.com/sluice-dev/sluice/runtime/state"
)

// disk is the store of a state group. It outlives processes: a crash leaves all
// that was committed, a loss of power may take a tail of what was not synced.
type disk struct {
	now *state.Memory
	// synced is what no loss of power takes; behind are the transactions since.
	synced *state.Memory
	behind [][]state.Write

	commits int
	lost    bool // transactions, since the last start
}

func newDisk() *disk { return &disk{now: state.NewMemory(), synced: state.NewMemory()} }

// Get is state.Store's.
func (d *disk) Get(key []byte) ([]byte, bool, error) { return d.now.Get(key) }

// Scan is state.Store's.
func (d *disk) Scan(prefix, from []byte, visit func(key, val []byte) bool) error {
	return d.now.Scan(prefix, from, visit)
}

// Commit is state.Store's.
func (d *disk) Commit(ws []state.Write) error {
	d.commits++
	d.behind = append(d.behind, slices.Clone(ws))
	return d.now.Commit(ws)
}

// Sync is state.Store's.
func (d *disk) Sync() error {
	d.synced, d.behind = d.now.Clone(), nil
	return nil
}

// Close is state.Store's.
func (d *disk) Close() error { return nil }

// losePower takes the last n transactions that were not synced away.
func (d *disk) losePower(n int) error {
	d.now, d.lost = d.synced.Clone(), true
	d.behind = d.behind[:len(d.behind)-n]
	for _, ws := range d.behind {
		if err := d.now.Commit(ws); err != nil {
			return fmt.Errorf("replay a transaction: %w", err)
		}
	}
	return nil
}
