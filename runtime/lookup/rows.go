package lookup

import (
	"sync"

	"github.com/sluice-dev/sluice/lang/value"
)

// rows are the rows of one table by key.
type rows struct {
	mu    sync.RWMutex
	byKey map[string]row
	bytes int64 // of keys and of the rows as they came
	// whole: nothing will change any more, so nothing is locked.
	whole bool
}

type row struct {
	value value.Value
	size  int // in bytes, as it came
}

// maxBytes bounds the rows of one table, as they stand in the file or topic (I7): a
// lookup table is held in memory whole.
const maxBytes = 512 << 20

func newRows() *rows { return &rows{byKey: map[string]row{}} }

func (r *rows) get(key []byte) (value.Value, bool) {
	if !r.whole {
		r.mu.RLock()
		defer r.mu.RUnlock()
	}
	v, ok := r.byKey[string(key)]
	return v.value, ok
}

func (r *rows) len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byKey)
}

// put sets a row and tells whether the table is within its bound.
func (r *rows) put(key string, v row) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(key)
	r.byKey[key] = v
	r.bytes += int64(len(key) + v.size)
	return r.bytes <= maxBytes
}

func (r *rows) delete(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.remove(key)
}

func (r *rows) remove(key string) {
	if old, ok := r.byKey[key]; ok {
		r.bytes -= int64(len(key) + old.size)
		delete(r.byKey, key)
	}
}
