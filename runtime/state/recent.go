package state

// recent is what the store has of the cells that were used last: keys are seldom
// used once, and a read of the store costs about ten times as much. It is of two
// generations: what is found in the older one moves to the younger, and when that is
// full the older is dropped. Only Persisted changes what the store has, and tells it
// here, so nothing in it is ever older than the store (I12).
type recent struct {
	young, old map[string]version
	bytes      int // of young
}

// Bounds of one generation: bytes, with what a cell costs beside its own, and the
// largest cell that is kept.
const (
	recentBytes = 4 << 20
	recentCost  = 96
	recentCell  = 16 << 10
)

func (r *recent) get(key []byte) (version, bool) {
	if v, ok := r.young[string(key)]; ok {
		return v, true
	}
	v, ok := r.old[string(key)]
	if ok {
		r.put(string(key), v)
	}
	return v, ok
}

// put takes what the store has under a key.
func (r *recent) put(key string, v version) {
	size := len(key) + len(v.val) + recentCost
	if size > recentCell {
		delete(r.young, key)
		delete(r.old, key)
		return
	}
	if r.young == nil || r.bytes+size > recentBytes {
		r.young, r.old, r.bytes = r.old, r.young, 0
		clear(r.young)
		if r.young == nil {
			r.young = map[string]version{}
		}
	}
	if was, ok := r.young[key]; ok {
		r.bytes -= len(key) + len(was.val) + recentCost
	}
	r.bytes += size
	r.young[key] = v
}
